//! Opening the addresses to serve.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted.
const ACCEPT_QUEUE: u32 = 128;

/// An address that cannot be served, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program is there.
    #[error("{0} is in use by another program: stop it, or listen on another port")]
    InUse(SocketAddr),
    /// Ports below 1024 are for privileged users.
    #[error(
        "{0} may not be used by this user: take a port from 1024 up, or allow it to the service"
    )]
    Forbidden(SocketAddr),
    /// The address is not one of this machine.
    #[error("{0} is not an address of this machine: correct it, or use 0.0.0.0 for all")]
    NotHere(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// Opens all `addresses`, or none. Needs a tokio runtime around it.
///
/// # Errors
/// A sentence for the first address that cannot be served.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    addresses.iter().map(|&address| open(address).map_err(|e| explain(address, e))).collect()
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the connections of the last run to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

fn explain(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::Forbidden(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotHere(address),
        _ => BindError::Other { address, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_said_in_a_sentence() {
        let first = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).unwrap();
        let address = first[0].local_addr().unwrap();
        let error = bind(&[address]).unwrap_err();
        assert!(matches!(error, BindError::InUse(taken) if taken == address));
        assert!(error.to_string().contains("in use by another program"));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_said_in_a_sentence() {
        let error = bind(&[SocketAddr::from(([192, 0, 2, 1], 8080))]).unwrap_err();
        assert!(matches!(error, BindError::NotHere(_)), "{error}");
    }
}

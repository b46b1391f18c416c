//! Whether anybody listens at a camera's address.
//!
//! libgphoto2 waits up to 2.5 s for a connection, and only one camera can be
//! opened at a time. A camera that was away is therefore asked for with a
//! connection of our own first, so that it does not delay the others.

use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

/// Longest wait for a connection within the local network.
const LIMIT: Duration = Duration::from_secs(1);

/// Connects and hangs up.
///
/// # Errors
/// The reason in words.
pub(super) fn check(address: SocketAddrV4) -> Result<(), String> {
    match TcpStream::connect_timeout(&address.into(), LIMIT) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err("the connection is refused".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(format!("no answer within {LIMIT:?}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

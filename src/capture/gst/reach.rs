//! Whether somebody listens at a camera's address, asked before GStreamer is.
//!
//! GStreamer says "could not open resource" for a refused connection, a missing
//! route and a wrong name alike, and waits long for a camera without power. The
//! system's own answer is precise, and the short limit finds a camera that boots
//! within two seconds (limit plus longest quick retry).

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::super::CaptureError;

/// Longest wait for a connection. Cameras are on the local network; a busy one
/// answers in milliseconds, one that is off never does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Port of RTSP (RFC 2326 section 3.2), and of RTSP over TLS (RFC 7826).
const RTSP_PORT: u16 = 554;
const RTSPS_PORT: u16 = 322;

/// Connects to the server of `url` and hangs up.
///
/// # Errors
/// [`CaptureError::Unreachable`] with the reason; [`CaptureError::NotFound`] for
/// an address that cannot be one.
pub(super) fn check(url: &str, source_name: &str) -> Result<(), CaptureError> {
    let (host, port) = host_and_port(url)
        .ok_or_else(|| CaptureError::NotFound { source_name: source_name.to_owned() })?;
    let unreachable =
        |reason| CaptureError::Unreachable { source_name: source_name.to_owned(), reason };
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|_| unreachable(format!("the name {host} is not known")))?;
    let mut reason = format!("the name {host} has no address");
    for address in addresses.take(ADDRESSES_MAX) {
        match connect(&address) {
            Ok(()) => return Ok(()),
            Err(error) => reason = in_words(&error),
        }
    }
    Err(unreachable(reason))
}

fn connect(address: &SocketAddr) -> io::Result<()> {
    TcpStream::connect_timeout(address, CONNECT_TIMEOUT).map(drop)
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection is refused".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer within {CONNECT_TIMEOUT:?}"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to it".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Host and port of an address, without credentials and brackets.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let server = authority.rsplit('@').next()?;
    let (host, port) = match server.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None if scheme == "rtsps" => RTSPS_PORT,
        None => RTSP_PORT,
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_server_is_found_in_every_form_of_address() {
        let cases = [
            ("rtsp://10.0.0.7/main", Some(("10.0.0.7", 554))),
            ("rtsps://camera.local", Some(("camera.local", 322))),
            ("rtsp://admin:a@b@10.0.0.7:8554/main?x=1", Some(("10.0.0.7", 8554))),
            ("rtsp://[fe80::1]:8554/main", Some(("fe80::1", 8554))),
            ("rtsp://[fe80::1]/main", Some(("fe80::1", 554))),
            ("rtsp:///main", None),
            ("rtsp://host:99999/", None),
            ("rtsp://[fe80::1/main", None),
            ("main", None),
        ];
        for (url, expected) in cases {
            assert_eq!(host_and_port(url), expected, "{url}");
        }
    }

    #[test]
    fn a_port_where_nobody_listens_and_an_unknown_name_have_their_own_words() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("rtsp://{}/main", listener.local_addr().unwrap());
        assert!(check(&url, &url).is_ok());
        drop(listener);
        let refused = check(&url, "the camera").unwrap_err().to_string();
        assert_eq!(refused, "cannot reach the camera: the connection is refused");
        let unknown = check("rtsp://no-such-host.invalid/x", "it").unwrap_err().to_string();
        assert_eq!(unknown, "cannot reach it: the name no-such-host.invalid is not known");
    }
}

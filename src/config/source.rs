//! Where pictures come from, read from one text.
//!
//! | Text | Driver |
//! | --- | --- |
//! | `rtsp://host[:port]/path` | `gst` |
//! | a path to a video file, `footage`, `test` | `gst` |
//! | `/dev/videoN` | `v4l2` |
//! | `ptpip:192.0.2.10[:port]`, `usb:`, `usb:<serial number>` | `ptp` |
//! | `script`, `script:stall@100,freeze@300` | `sim` |

use std::net::{Ipv4Addr, SocketAddrV4};

use super::nearest::nearest;
use super::rules::Bad;
use crate::capture::{DriverKind, PTP_PORT, PtpAddress, SimFault, Source};

/// Longest serial number: a USB string descriptor holds 126 letters.
const SERIAL_MAX: usize = 126;

/// Most faults in one script.
const FAULTS_MAX: usize = 16;

const FAULTS: [&str; 4] = ["stall", "disconnect", "freeze", "corrupt"];

/// The source a text means, and the driver that reads it.
pub fn parse(text: &str) -> Result<(Source, DriverKind), Bad> {
    match text {
        "footage" => Ok((Source::Footage, DriverKind::Gst)),
        "test" => Ok((Source::TestPattern, DriverKind::Gst)),
        "script" => Ok((Source::Script(Vec::new()), DriverKind::Sim)),
        _ if text.starts_with("script:") => {
            let faults = text["script:".len()..].split(',').map(fault).collect::<Result<_, _>>()?;
            bounded(faults).map(|faults| (Source::Script(faults), DriverKind::Sim))
        }
        _ if text.starts_with("ptpip:") => ptpip(text, &text["ptpip:".len()..]),
        _ if text.starts_with("usb:") => usb(text, &text["usb:".len()..]),
        _ if text.contains("://") => {
            rtsp(text).map(|()| (Source::Rtsp(text.to_owned()), DriverKind::Gst))
        }
        _ if text.starts_with("/dev/") => Ok((Source::Device(text.into()), DriverKind::V4l2)),
        _ if text.contains('/') || text.contains('.') => {
            Ok((Source::File(text.into()), DriverKind::Gst))
        }
        _ => Err(Bad::new(format!("is {:?}", short(text)), hint(text))),
    }
}

/// The text that [`parse`] reads as `source`.
pub fn source_text(source: &Source) -> String {
    match source {
        Source::Rtsp(url) => url.clone(),
        Source::File(path) | Source::Device(path) => path.display().to_string(),
        Source::Footage => "footage".to_owned(),
        Source::TestPattern => "test".to_owned(),
        Source::Ptp(_) => source.describe(),
        Source::Script(faults) if faults.is_empty() => "script".to_owned(),
        Source::Script(faults) => {
            let faults: Vec<_> = faults.iter().map(fault_text).collect();
            format!("script:{}", faults.join(","))
        }
    }
}

/// libgphoto2 takes addresses only, no names.
fn ptpip(text: &str, address: &str) -> Result<(Source, DriverKind), Bad> {
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)),
        None => (address, Some(PTP_PORT)),
    };
    match (host.parse::<Ipv4Addr>(), port) {
        (Ok(host), Some(port)) => {
            let address = SocketAddrV4::new(host, port);
            Ok((Source::Ptp(PtpAddress::Ip(address)), DriverKind::Ptp))
        }
        _ => Err(Bad::new(
            format!("is {:?}", short(text)),
            "write the camera's IPv4 address, as in ptpip:192.0.2.10 or ptpip:192.0.2.10:15740",
        )),
    }
}

fn usb(text: &str, serial: &str) -> Result<(Source, DriverKind), Bad> {
    if serial.len() > SERIAL_MAX || !serial.chars().all(|c| c.is_ascii_graphic()) {
        let fix = "write usb: and the serial number that `watchpost probe` shows, or only usb:";
        return Err(Bad::new(format!("is {:?}", short(text)), fix));
    }
    let serial = (!serial.is_empty()).then(|| serial.to_owned());
    Ok((Source::Ptp(PtpAddress::Usb(serial)), DriverKind::Ptp))
}

fn rtsp(url: &str) -> Result<(), Bad> {
    let scheme = url.split("://").next().unwrap_or_default();
    let authority = url[scheme.len() + 3..].split(['/', '?', '#']).next().unwrap_or_default();
    // Anywhere, because an unescaped '/' in a password ends the authority early.
    if url.contains('@') {
        return Err(Bad::new(
            "carries a user name or password",
            "remove everything up to the '@' and write username = \"…\" and password = \"…\" \
             as keys of this camera (an '@' that belongs to the path is written %40)",
        ));
    }
    if !matches!(scheme, "rtsp" | "rtsps") {
        return Err(Bad::new(
            format!("is {:?}", short(url)),
            "use an rtsp:// address; other protocols are not supported",
        ));
    }
    let (host, port) = split_port(authority);
    let port_is_valid = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if host.is_empty() || !port_is_valid || url.contains(char::is_whitespace) {
        let fix = "write it as rtsp://host:port/path";
        return Err(Bad::new(format!("is {:?}", short(url)), fix));
    }
    Ok(())
}

/// Host and port; the colons within `[…]` belong to an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn fault(text: &str) -> Result<SimFault, Bad> {
    let refuse = |fix: String| Bad::new(format!("has the fault {:?}", short(text)), fix);
    let (name, count) = text.trim().split_once('@').unwrap_or((text.trim(), ""));
    let example = "write faults as name@frames, such as stall@100";
    let frames: u64 = count.parse().map_err(|_| refuse(example.to_owned()))?;
    match name {
        "stall" => Ok(SimFault::StallAfter(frames)),
        "disconnect" => Ok(SimFault::DisconnectAfter(frames)),
        "freeze" => Ok(SimFault::FreezeAfter(frames)),
        "corrupt" => Ok(SimFault::CorruptAfter(frames)),
        _ => Err(refuse(format!("use one of {}", FAULTS.join(", ")))),
    }
}

fn fault_text(fault: &SimFault) -> String {
    match fault {
        SimFault::StallAfter(frames) => format!("stall@{frames}"),
        SimFault::DisconnectAfter(frames) => format!("disconnect@{frames}"),
        SimFault::FreezeAfter(frames) => format!("freeze@{frames}"),
        SimFault::CorruptAfter(frames) => format!("corrupt@{frames}"),
    }
}

fn bounded(faults: Vec<SimFault>) -> Result<Vec<SimFault>, Bad> {
    if faults.len() > FAULTS_MAX {
        return Err(Bad::new("has too many faults", format!("keep at most {FAULTS_MAX}")));
    }
    Ok(faults)
}

fn hint(text: &str) -> String {
    match nearest(text, ["footage", "test", "script"]) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write an rtsp:// address, the path of a video file, /dev/videoN, \
                 ptpip: and an address, usb:, \"footage\", \"test\" or \"script\""
            .to_owned(),
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for text in [
            "rtsp://camera.local/stream1",
            "rtsp://[fe80::1]:554/a?b=c",
            "rtsps://192.0.2.1",
            "/srv/video.mp4",
            "footage",
            "test",
            "/dev/video0",
            "ptpip:192.0.2.10:15740",
            "usb:",
            "usb:D10F60149B0C",
            "script",
            "script:stall@100,disconnect@200,freeze@3,corrupt@4",
        ] {
            assert_eq!(source_text(&parse(text).unwrap().0), text);
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_without_repeating_them() {
        for url in ["rtsp://admin:hunter2@cam/1", "http://hunter2@cam", "rtsp://a:hun/ter2@cam/1"] {
            let bad = parse(url).unwrap_err();
            let said = format!("{} {}", bad.what, bad.fix);
            assert!(said.contains("username = "), "{said}");
            assert!(!said.contains("ter2"), "{said}");
        }
    }

    #[test]
    fn addresses_without_host_or_with_a_wrong_port_are_refused() {
        for url in ["rtsp://", "rtsp:///stream", "rtsp://cam:99999/", "rtsp://cam:/", "rtsp://a b/"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_ptp_camera_needs_an_address_that_libgphoto2_takes() {
        let standard = parse("ptpip:192.0.2.10").unwrap().0;
        assert_eq!(source_text(&standard), "ptpip:192.0.2.10:15740");
        for text in ["ptpip:", "ptpip:camera.local", "ptpip:192.0.2.10:0", "ptpip:[::1]", "usb:a b"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slips_are_recognised() {
        assert_eq!(parse("fotage").unwrap_err().fix, "did you mean \"footage\"?");
        assert!(parse("script:stal@100").unwrap_err().fix.contains("stall"));
        assert!(parse("script:stall").unwrap_err().fix.contains("stall@100"));
    }
}

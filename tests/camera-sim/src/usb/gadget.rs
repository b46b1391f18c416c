//! The USB port of Linux's gadget framework: FunctionFS
//! (Documentation/usb/functionfs.rst, <linux/usb/functionfs.h>).
//!
//! Whoever sets the gadget up mounts the function's folder, waits until the
//! endpoints appear in it, and binds the gadget to a controller. The cable is pulled
//! by unbinding it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;

use super::serve;

/// Descriptors of version 2, and strings (`FUNCTIONFS_…_MAGIC`).
const DESCRIPTORS: u32 = 3;
const STRINGS: u32 = 2;
/// Full and high speed.
const SPEEDS: u32 = 1 | 2;
/// Descriptors for each speed: the interface and its three endpoints.
const COUNT: u32 = 4;
/// Bulk and interrupt.
const BULK: u8 = 2;
const INTERRUPT: u8 = 3;
/// Endpoint addresses: into the host is 0x80.
const INTO: u8 = 0x81;
const OUT: u8 = 0x02;
const EVENTS: u8 = 0x83;
/// American English.
const LANGUAGE: u16 = 0x0409;
/// Bytes of an event, and where its type is.
const EVENT_BYTES: usize = 12;
const EVENT_TYPE: usize = 8;
const SETUP: u8 = 4;
/// "How are you?", and "well": length and `OK`.
const GET_DEVICE_STATUS: u8 = 0x67;
const WELL: [u8; 4] = [4, 0, 0x01, 0x20];

/// Offers the camera at `camera` through the function in `folder`, on threads of its
/// own, as long as the program runs. The endpoints are there when this returns.
///
/// # Errors
/// When the folder is not FunctionFS or a thread cannot be started.
pub fn offer(folder: &Path, camera: SocketAddr) -> io::Result<()> {
    let mut control = OpenOptions::new().read(true).write(true).open(folder.join("ep0"))?;
    control.write_all(&descriptors())?;
    control.write_all(&strings())?;
    let folder = folder.to_owned();
    spawn("usb-control", move || attend(control))?;
    spawn("usb-camera", move || {
        loop {
            // Ends when the cable is pulled; reading waits until it is in again.
            let _ = once(&folder, camera);
        }
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn once(folder: &Path, camera: SocketAddr) -> io::Result<()> {
    let open = |name: &str| OpenOptions::new().read(true).write(true).open(folder.join(name));
    let (mut into, mut out) = (open("ep1")?, open("ep2")?);
    let events: PathBuf = folder.join("ep3");
    serve(camera, &mut out, &mut into, || OpenOptions::new().write(true).open(&events))
}

/// Answers what comes on the control endpoint, so that no request hangs.
fn attend(mut control: File) {
    let mut event = [0; EVENT_BYTES];
    while control.read_exact(&mut event).is_ok() {
        if event[EVENT_TYPE] != SETUP {
            continue;
        }
        let (is_answer_wanted, request) = (event[0] & 0x80 != 0, event[1]);
        // Moving data the wrong way refuses a request; nobody waits for the result.
        let _ = match (is_answer_wanted, request) {
            (true, GET_DEVICE_STATUS) => control.write(&WELL).map(drop),
            (true, _) => control.read(&mut []).map(drop),
            (false, _) => control.read(&mut [0; 64]).map(drop),
        };
    }
}

fn endpoint(address: u8, attributes: u8, packet: u16, interval: u8) -> Vec<u8> {
    let [low, high] = packet.to_le_bytes();
    vec![7, 5, address, attributes, low, high, interval]
}

fn descriptors() -> Vec<u8> {
    let mut body = Vec::new();
    for number in [SPEEDS, COUNT, COUNT] {
        body.extend(number.to_le_bytes());
    }
    // The interval is in frames at full speed, a power of two at high speed: 8 ms.
    for (packet, interval) in [(64, 8), (512, 7)] {
        // Still image, one string.
        body.extend([9, 4, 0, 0, 3, 6, 1, 1, 1]);
        body.extend(endpoint(INTO, BULK, packet, 0));
        body.extend(endpoint(OUT, BULK, packet, 0));
        body.extend(endpoint(EVENTS, INTERRUPT, 64, interval));
    }
    framed(DESCRIPTORS, &body)
}

fn strings() -> Vec<u8> {
    let mut body = Vec::new();
    for number in [1_u32, 1] {
        body.extend(number.to_le_bytes());
    }
    body.extend(LANGUAGE.to_le_bytes());
    body.extend(b"PTP\0");
    framed(STRINGS, &body)
}

/// Magic number and length before it.
fn framed(magic: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_le_bytes().to_vec();
    bytes.extend((body.len() as u32 + 8).to_le_bytes());
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_and_strings_say_how_long_they_are() {
        for bytes in [descriptors(), strings()] {
            assert_eq!(bytes[4..8], (bytes.len() as u32).to_le_bytes());
        }
        // Each descriptor begins with its length: an interface and three endpoints,
        // for both speeds.
        let all = descriptors();
        let mut rest = &all[20..];
        let mut kinds = Vec::new();
        while let [length, kind, ..] = *rest {
            kinds.push(kind);
            rest = &rest[usize::from(length)..];
        }
        assert_eq!(kinds, [4, 5, 5, 5, 4, 5, 5, 5]);
    }
}

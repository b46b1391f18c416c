//! Two faults of libgphoto2 2.5.30 with file descriptors, made harmless.
//!
//! At the end of each PTP/IP session it closes descriptor 0: `ptp_ptpip_disconnect`
//! takes a field that was never set for a socket. In a daemon that would soon be
//! somebody else's file. Descriptor 0 is therefore given up to it: it is
//! `/dev/null`, and is put back after each session. And when a session cannot be
//! begun after the connection stood, it forgets both sockets.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};

use rustix::fs::{fstat, major, minor};
use rustix::net::getpeername;

const NULL: &str = "/dev/null";

/// Major and minor number of `/dev/null` (`devices.txt` of the kernel).
const NULL_DEVICE: (u32, u32) = (1, 3);

/// Gives descriptor 0 up to the library. The daemon reads nothing from it.
pub(in super::super) fn give_up_stdin() -> io::Result<()> {
    let null = File::open(NULL)?;
    // SAFETY: descriptor 0 is open, because Rust's runtime opens it at start, and
    // belongs to standard input, which nobody reads; it is replaced in one step.
    let replaced = unsafe { libc::dup2(null.as_raw_fd(), 0) };
    if replaced == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether the library may close descriptor 0: it is `/dev/null`, and nobody's.
pub(in super::super) fn is_stdin_given_up() -> bool {
    // SAFETY: the borrow ends with this function; should descriptor 0 be closed,
    // the call fails.
    let stdin = unsafe { BorrowedFd::borrow_raw(0) };
    fstat(stdin).is_ok_and(|stat| (major(stat.st_rdev), minor(stat.st_rdev)) == NULL_DEVICE)
}

/// Puts `/dev/null` back after a session: the lowest free number is taken.
pub(in super::super) fn refill_stdin() {
    if let Ok(null) = File::open(NULL)
        && null.as_raw_fd() == 0
    {
        // Stays open for the library to close.
        let _ = null.into_raw_fd();
    }
}

/// Closes the sockets to `camera` that a failed attempt has left behind. Whoever
/// owns the camera is the only one to have any, and has none at this moment.
pub(in super::super) fn close_strays(camera: SocketAddrV4) {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: the borrow ends with this statement; for a number that is closed
        // or no socket the call fails.
        let peer = getpeername(unsafe { BorrowedFd::borrow_raw(number) });
        let is_camera = peer.ok().flatten().and_then(|peer| SocketAddrV4::try_from(peer).ok());
        if is_camera == Some(camera) {
            // SAFETY: nobody owns this socket any more, see above.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
}

//! How the heap behaves in a process that runs for months on a small board.
//!
//! glibc gives each thread a heap of its own and keeps what is freed: loading
//! the networks and a few hours of pictures held 200 MB. Two heaps, and giving
//! free pages back now and then, keep the demo near half of that. Mapping every
//! picture and tensor instead costs page faults in each inference (measured: 64
//! instead of 31 ms).

#[cfg(target_env = "gnu")]
use super::sys::{set_malloc, trim_malloc};

/// Blocks from this size on are mapped, and returned when freed: files and
/// networks are larger, pictures and tensors are not.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 4 << 20;

/// Free bytes kept at the end of a heap between two calls of [`give_back`].
#[cfg(target_env = "gnu")]
const KEPT_BYTES: libc::c_int = 8 << 20;

/// Heaps: as many as the board has cores.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;

/// Sets the heap up. To be called first, before there are
/// threads; false when the C library refuses one of the values.
#[cfg(target_env = "gnu")]
pub fn set_up() -> bool {
    set_malloc(libc::M_MMAP_THRESHOLD, MAPPED_BYTES)
        & set_malloc(libc::M_TRIM_THRESHOLD, KEPT_BYTES)
        & set_malloc(libc::M_ARENA_MAX, HEAPS)
}

/// Other C libraries return memory by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn set_up() -> bool {
    true
}

/// Gives freed memory back to the system. Takes about a millisecond; what is
/// used again at once costs page faults, so every few seconds is often enough.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    trim_malloc();
}

//! How the heap behaves in a process that runs for months on a small board.
//!
//! glibc adapts to large blocks by keeping them: after the first picture is
//! freed, all later ones come from heaps that only shrink at their end, and each
//! thread may have a heap of its own. Two cameras, five viewers and twenty
//! WebSocket clients took 83 to 95 MB of anonymous memory in the first five
//! minutes; with these values 49 to 58 MB in the first two.

#[cfg(target_env = "gnu")]
use super::sys::set_malloc;

/// Blocks from this size on are mapped, and returned when freed: pictures from
/// 640x480 up are larger, the small blocks that might pin a heap are not.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 256 << 10;

/// Free bytes kept at the end of a heap for the next small blocks.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: libc::c_int = 512 << 10;

/// Heaps: as many as the board has cores.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;

/// Has freed memory go back to the system. To be called first, before there are
/// threads; false when the C library refuses one of the values.
#[cfg(target_env = "gnu")]
pub fn return_freed_memory() -> bool {
    set_malloc(libc::M_MMAP_THRESHOLD, MAPPED_BYTES)
        & set_malloc(libc::M_TRIM_THRESHOLD, KEPT_BYTES)
        & set_malloc(libc::M_ARENA_MAX, HEAPS)
}

/// Other C libraries return memory by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn return_freed_memory() -> bool {
    true
}

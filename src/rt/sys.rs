//! The calls into the C library that steer its heap.

/// Sets a parameter of malloc; false when the C library refuses or has none.
#[cfg(target_env = "gnu")]
pub(super) fn set_malloc(parameter: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: takes two integers and no pointers, and locks the heap itself
    // (mallopt(3): MT-Safe init, called before other threads are started).
    unsafe { libc::mallopt(parameter, value) == 1 }
}

/// Gives free pages of all heaps back to the system.
#[cfg(target_env = "gnu")]
pub(super) fn trim_malloc() {
    // SAFETY: takes no pointers and may be called from any thread at any time
    // (malloc_trim(3): MT-Safe).
    unsafe {
        libc::malloc_trim(0);
    }
}

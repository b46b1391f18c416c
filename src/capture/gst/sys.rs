//! The one call into GStreamer that its Rust binding does not offer.

/// Lets the plug-in registry be read in this process: the appliance starts no
/// child processes. Before `gstreamer::init` only.
pub(super) fn disable_registry_fork() {
    // SAFETY: stores one boolean in a static of the library, takes no pointers and
    // may be called before initialisation (gst_registry_fork_set_enabled).
    unsafe { gstreamer::ffi::gst_registry_fork_set_enabled(gstreamer::glib::ffi::GFALSE) }
}

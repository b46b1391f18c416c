//! libgphoto2, found at run time: the functions this driver needs, as a table.
//!
//! The program starts without the library; [`Api::get`] says what is missing. The
//! library stays loaded once it was found. Declarations follow the headers of
//! libgphoto2 2.5 (`gphoto2-camera.h`, `gphoto2-widget.h`, `gphoto2-file.h`,
//! `gphoto2-abilities-list.h`, `gphoto2-port-info-list.h`); version 2.5 has kept
//! them binary compatible since 2012 (`libgphoto2.so.6`).

use std::ffi::{c_char, c_float, c_int, c_uint, c_ulong, c_void};
use std::sync::{Mutex, PoisonError};

use libloading::Library;

use super::descriptors::give_up_stdin;

/// The library, by the name under which every 2.5 version is installed.
const LIBRARY: &str = "libgphoto2.so.6";

/// Anything that only the library looks into.
#[repr(C)]
pub(super) struct Opaque {
    _private: [u8; 0],
}

/// The public head of a `Camera` (`gphoto2-camera.h`, `struct _Camera`).
#[repr(C)]
pub(super) struct CameraHead {
    pub port: *mut Opaque,
    pub fs: *mut Opaque,
}

/// `CameraAbilities`: which camera library serves which model.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Abilities {
    model: [c_char; 128],
    status: c_int,
    port: c_int,
    speed: [c_int; 64],
    operations: c_int,
    file_operations: c_int,
    folder_operations: c_int,
    usb: [c_int; 5],
    library: [c_char; 1024],
    id: [c_char; 1024],
    device_type: c_int,
    reserved: [c_int; 7],
}

/// `CameraFilePath`: what an event about a file carries.
#[repr(C)]
pub(super) struct FilePath {
    pub name: [c_char; 128],
    pub folder: [c_char; 1024],
}

/// Called by the library with a sentence about a failure.
pub(super) type ErrorFunc = extern "C" fn(*mut Opaque, *const c_char, *mut c_void);

/// Called by the library now and then in long work; 1 gives up.
pub(super) type CancelFunc = extern "C" fn(*mut Opaque, *mut c_void) -> c_int;

macro_rules! table {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the library.
        pub(super) struct Api {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            _library: Library,
        }

        impl Api {
            fn load() -> Result<Self, libloading::Error> {
                // SAFETY: the initializers of this library set up tables of its own
                // and touch nothing of this program.
                let library = unsafe { Library::new(LIBRARY)? };
                $(
                    // SAFETY: the type is that of the function's declaration in the
                    // headers named above.
                    let $name = unsafe {
                        *library.get(concat!(stringify!($name), "\0").as_bytes())?
                    };
                )*
                Ok(Self { $($name,)* _library: library })
            }
        }
    };
}

table! {
    gp_context_new() -> *mut Opaque;
    gp_context_unref(*mut Opaque);
    gp_context_set_error_func(*mut Opaque, ErrorFunc, *mut c_void);
    gp_context_set_cancel_func(*mut Opaque, CancelFunc, *mut c_void);
    gp_result_as_string(c_int) -> *const c_char;
    gp_abilities_list_new(*mut *mut Opaque) -> c_int;
    gp_abilities_list_free(*mut Opaque) -> c_int;
    gp_abilities_list_load(*mut Opaque, *mut Opaque) -> c_int;
    gp_abilities_list_detect(*mut Opaque, *mut Opaque, *mut Opaque, *mut Opaque) -> c_int;
    gp_abilities_list_lookup_model(*mut Opaque, *const c_char) -> c_int;
    gp_abilities_list_get_abilities(*mut Opaque, c_int, *mut Abilities) -> c_int;
    gp_port_info_list_new(*mut *mut Opaque) -> c_int;
    gp_port_info_list_free(*mut Opaque) -> c_int;
    gp_port_info_list_load(*mut Opaque) -> c_int;
    gp_port_info_list_lookup_path(*mut Opaque, *const c_char) -> c_int;
    gp_port_info_list_get_info(*mut Opaque, c_int, *mut *mut Opaque) -> c_int;
    gp_list_new(*mut *mut Opaque) -> c_int;
    gp_list_unref(*mut Opaque) -> c_int;
    gp_list_count(*mut Opaque) -> c_int;
    gp_list_get_name(*mut Opaque, c_int, *mut *const c_char) -> c_int;
    gp_list_get_value(*mut Opaque, c_int, *mut *const c_char) -> c_int;
    gp_camera_new(*mut *mut CameraHead) -> c_int;
    gp_camera_unref(*mut CameraHead) -> c_int;
    gp_camera_set_abilities(*mut CameraHead, Abilities) -> c_int;
    gp_camera_set_port_info(*mut CameraHead, *mut Opaque) -> c_int;
    gp_camera_init(*mut CameraHead, *mut Opaque) -> c_int;
    gp_camera_exit(*mut CameraHead, *mut Opaque) -> c_int;
    gp_camera_get_config(*mut CameraHead, *mut *mut Opaque, *mut Opaque) -> c_int;
    gp_camera_set_single_config(
        *mut CameraHead,
        *const c_char,
        *mut Opaque,
        *mut Opaque
    ) -> c_int;
    gp_camera_capture_preview(*mut CameraHead, *mut Opaque, *mut Opaque) -> c_int;
    gp_camera_wait_for_event(
        *mut CameraHead,
        c_int,
        *mut c_int,
        *mut *mut c_void,
        *mut Opaque
    ) -> c_int;
    gp_camera_file_get(
        *mut CameraHead,
        *const c_char,
        *const c_char,
        c_int,
        *mut Opaque,
        *mut Opaque
    ) -> c_int;
    gp_file_new(*mut *mut Opaque) -> c_int;
    gp_file_new_from_fd(*mut *mut Opaque, c_int) -> c_int;
    gp_file_unref(*mut Opaque) -> c_int;
    gp_file_get_data_and_size(*mut Opaque, *mut *const c_char, *mut c_ulong) -> c_int;
    gp_filesystem_reset(*mut Opaque) -> c_int;
    gp_widget_new(c_int, *const c_char, *mut *mut Opaque) -> c_int;
    gp_widget_unref(*mut Opaque) -> c_int;
    gp_widget_count_children(*mut Opaque) -> c_int;
    gp_widget_get_child(*mut Opaque, c_int, *mut *mut Opaque) -> c_int;
    gp_widget_get_name(*mut Opaque, *mut *const c_char) -> c_int;
    gp_widget_set_name(*mut Opaque, *const c_char) -> c_int;
    gp_widget_get_type(*mut Opaque, *mut c_int) -> c_int;
    gp_widget_get_value(*mut Opaque, *mut c_void) -> c_int;
    gp_widget_set_value(*mut Opaque, *const c_void) -> c_int;
    gp_widget_get_range(*mut Opaque, *mut c_float, *mut c_float, *mut c_float) -> c_int;
    gp_widget_count_choices(*mut Opaque) -> c_int;
    gp_widget_get_choice(*mut Opaque, c_int, *mut *const c_char) -> c_int;
    gp_widget_get_readonly(*mut Opaque, *mut c_int) -> c_int;
    gp_widget_set_changed(*mut Opaque, c_int) -> c_int;
}

impl Api {
    /// The library; looked for again each time until it is there, so that it can
    /// be installed while the program runs.
    ///
    /// # Errors
    /// The system's reason when there is none.
    pub(super) fn get() -> Result<&'static Self, String> {
        static FOUND: Mutex<Option<&'static Api>> = Mutex::new(None);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(api) = *found {
            return Ok(api);
        }
        let loaded = Self::load().map_err(|error| error.to_string())?;
        give_up_stdin().map_err(|error| format!("cannot replace standard input: {error}"))?;
        let api: &'static Self = Box::leak(Box::new(loaded));
        Ok(found.insert(api))
    }
}

/// `int` as the library counts.
pub(super) fn count(number: c_int) -> c_uint {
    c_uint::try_from(number).unwrap_or(0)
}

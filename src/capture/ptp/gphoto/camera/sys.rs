//! The calls about one open camera.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::fs::File;
use std::os::fd::IntoRawFd as _;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::descriptors::{is_stdin_given_up, refill_stdin};
use super::super::sys::{Abilities, Api, CameraHead, FilePath, Opaque};
use super::super::{GpError, PREVIEW_BYTES_MAX, tidy};
use crate::rt::Stop;

/// `CameraEventType` (`gphoto2-camera.h`).
const EVENT_UNKNOWN: c_int = 0;
const EVENT_FILE_ADDED: c_int = 2;
const EVENT_FOLDER_ADDED: c_int = 3;
const EVENT_CAPTURE_COMPLETE: c_int = 4;
const EVENT_FILE_CHANGED: c_int = 5;

/// What the library calls back with: the latest sentence about a failure, and the
/// signal that gives up long work.
struct Backing {
    words: Mutex<String>,
    stop: Stop,
}

extern "C" fn on_error(_: *mut Opaque, text: *const c_char, data: *mut c_void) {
    if text.is_null() || data.is_null() {
        return;
    }
    // SAFETY: `data` is the `Backing` that the context was made with; it outlives
    // the context. `text` ends with a zero, as the library promises.
    let (backing, text) = unsafe { (&*data.cast::<Backing>(), CStr::from_ptr(text)) };
    *backing.words.lock().unwrap_or_else(PoisonError::into_inner) = tidy(text.to_bytes());
}

extern "C" fn on_cancel(_: *mut Opaque, data: *mut c_void) -> c_int {
    if data.is_null() {
        return 0;
    }
    // SAFETY: as above.
    let backing = unsafe { &*data.cast::<Backing>() };
    c_int::from(backing.stop.is_set())
}

/// Loading and unloading of camera libraries take turns in the whole program.
pub(in super::super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A context of the library with somebody to tell failures to.
pub(in super::super) struct Context {
    pub api: &'static Api,
    pub raw: *mut Opaque,
    backing: Box<Backing>,
}

impl Context {
    pub(in super::super) fn new(api: &'static Api, stop: &Stop) -> Result<Self, GpError> {
        let backing = Box::new(Backing { words: Mutex::default(), stop: stop.clone() });
        let data: *mut c_void = ptr::from_ref::<Backing>(&backing).cast_mut().cast();
        // SAFETY: the functions get what their declarations ask for; `data` lives as
        // long as the context, because both are in `Self` and the context goes first.
        let raw = unsafe {
            let raw = (api.gp_context_new)();
            if !raw.is_null() {
                (api.gp_context_set_error_func)(raw, on_error, data);
                (api.gp_context_set_cancel_func)(raw, on_cancel, data);
            }
            raw
        };
        if raw.is_null() {
            return Err(GpError { code: -3, words: "no memory for libgphoto2".to_owned() });
        }
        Ok(Self { api, raw, backing })
    }

    /// `code` as a result, with the library's words for a failure.
    pub(in super::super) fn check(&self, code: c_int) -> Result<c_int, GpError> {
        let mut said = self.backing.words.lock().unwrap_or_else(PoisonError::into_inner);
        let said = std::mem::take(&mut *said);
        if code >= 0 {
            return Ok(code);
        }
        // SAFETY: the function takes any number and answers with a constant text.
        let meaning = unsafe { text((self.api.gp_result_as_string)(code)) };
        let words = match said.trim() {
            "" => meaning,
            said => format!("{said} ({meaning})"),
        };
        Err(GpError { code, words })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `gp_context_new`, and not used after this.
        unsafe { (self.api.gp_context_unref)(self.raw) };
    }
}

/// The text at `raw`; empty for none.
///
/// # Safety
/// `raw` is null or ends with a zero.
pub(in super::super) unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    tidy(unsafe { CStr::from_ptr(raw) }.to_bytes())
}

/// What an event carried.
pub(super) enum RawEvent {
    Nothing,
    Text(String),
    File { folder: String, name: String },
    CaptureComplete,
}

/// A camera the library has a session with. Fields end in this order.
pub(in super::super) struct RawCamera {
    camera: *mut CameraHead,
    context: Context,
    is_open: bool,
}

impl RawCamera {
    /// A session with the camera at `port` (a `GPPortInfo`) through the camera
    /// library that `abilities` name.
    pub(in super::super) fn open(
        context: Context,
        abilities: &Abilities,
        port: *mut Opaque,
    ) -> Result<Self, GpError> {
        let api = context.api;
        let mut camera = ptr::null_mut();
        // SAFETY: the function writes a new camera to where `camera` is.
        context.check(unsafe { (api.gp_camera_new)(&mut camera) })?;
        let mut opened = Self { camera, context, is_open: false };
        // SAFETY: `camera` is valid; `abilities` are copied, and so is what `port`
        // points to, which the caller keeps until this returns.
        unsafe {
            opened.context.check((api.gp_camera_set_abilities)(camera, *abilities))?;
            opened.context.check((api.gp_camera_set_port_info)(camera, port))?;
            opened.context.check((api.gp_camera_init)(camera, opened.context.raw))?;
        }
        opened.is_open = true;
        Ok(opened)
    }

    pub(super) fn wait(&mut self, timeout_ms: c_int) -> Result<RawEvent, GpError> {
        let (mut kind, mut data) = (0, ptr::null_mut());
        // SAFETY: the camera is open, and both places are valid for writing.
        let code = unsafe {
            (self.context.api.gp_camera_wait_for_event)(
                self.camera,
                timeout_ms,
                &mut kind,
                &mut data,
                self.context.raw,
            )
        };
        self.context.check(code)?;
        // SAFETY: the library hands the memory over (or null) and says with `kind`
        // what is in it; texts in it end with a zero.
        let event = unsafe { read_event(kind, data) };
        // SAFETY: allocated with malloc by the library for the caller to free.
        unsafe { libc::free(data) };
        Ok(event)
    }

    pub(super) fn preview(&mut self) -> Result<Vec<u8>, GpError> {
        let file = CameraFile::new(&self.context)?;
        // SAFETY: camera, file and context are valid.
        let code = unsafe {
            (self.context.api.gp_camera_capture_preview)(self.camera, file.raw, self.context.raw)
        };
        self.context.check(code)?;
        file.bytes(&self.context)
    }

    /// Writes a file of the camera to `target`.
    pub(super) fn fetch(
        &mut self,
        folder: &CStr,
        name: &CStr,
        kind: c_int,
        target: File,
    ) -> Result<(), GpError> {
        let file = CameraFile::writing_to(&self.context, target)?;
        // SAFETY: all pointers are valid, and the texts end with a zero.
        let code = unsafe {
            (self.context.api.gp_camera_file_get)(
                self.camera,
                folder.as_ptr(),
                name.as_ptr(),
                kind,
                file.raw,
                self.context.raw,
            )
        };
        self.context.check(code).map(drop)
    }

    /// Lets go of pictures that the library keeps in memory.
    pub(super) fn forget_files(&mut self) {
        // SAFETY: the camera is open; `fs` is a public field that `gp_camera_new`
        // has filled.
        let _ = unsafe { (self.context.api.gp_filesystem_reset)((*self.camera).fs) };
    }

    /// The tree of settings; the caller lets go of it.
    pub(in super::super) fn config(&mut self) -> Result<*mut Opaque, GpError> {
        let mut root = ptr::null_mut();
        // SAFETY: the camera is open, and `root` is valid for writing.
        let code = unsafe {
            (self.context.api.gp_camera_get_config)(self.camera, &mut root, self.context.raw)
        };
        self.context.check(code)?;
        Ok(root)
    }

    pub(in super::super) fn set(
        &mut self,
        name: &CString,
        widget: *mut Opaque,
    ) -> Result<(), GpError> {
        // SAFETY: the camera is open; the caller made the widget.
        let code = unsafe {
            (self.context.api.gp_camera_set_single_config)(
                self.camera,
                name.as_ptr(),
                widget,
                self.context.raw,
            )
        };
        self.context.check(code).map(drop)
    }

    pub(in super::super) fn context(&self) -> &Context {
        &self.context
    }
}

impl Drop for RawCamera {
    fn drop(&mut self) {
        // One that was never opened goes while its opener still has the turn.
        let _turn = self.is_open.then(turn);
        if self.is_open && !is_stdin_given_up() {
            // Somebody was faster to take descriptor 0 than we to put it back. What
            // the library holds of this session is lost; their file is not.
            log::warn!("A camera's session cannot be closed; some memory and two sockets stay.");
            return;
        }
        let api = self.context.api;
        // SAFETY: made by `gp_camera_new`, and not used after this.
        unsafe {
            if self.is_open {
                let _ = (api.gp_camera_exit)(self.camera, self.context.raw);
            }
            let _ = (api.gp_camera_unref)(self.camera);
        }
        if self.is_open {
            refill_stdin();
        }
    }
}

/// # Safety
/// `data` is what the library handed over together with `kind`.
unsafe fn read_event(kind: c_int, data: *mut c_void) -> RawEvent {
    match kind {
        EVENT_CAPTURE_COMPLETE => RawEvent::CaptureComplete,
        // SAFETY: a text or null.
        EVENT_UNKNOWN => RawEvent::Text(unsafe { text(data.cast()) }),
        EVENT_FILE_ADDED if !data.is_null() => {
            let path = data.cast::<FilePath>();
            // SAFETY: a `CameraFilePath`; both texts end with a zero.
            let (folder, name) = unsafe {
                (text((&raw const (*path).folder).cast()), text((&raw const (*path).name).cast()))
            };
            RawEvent::File { folder, name }
        }
        EVENT_FOLDER_ADDED | EVENT_FILE_CHANGED => RawEvent::Nothing,
        _ => RawEvent::Nothing,
    }
}

/// A file of the library.
struct CameraFile {
    api: &'static Api,
    raw: *mut Opaque,
}

impl CameraFile {
    /// In memory.
    fn new(context: &Context) -> Result<Self, GpError> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for writing.
        context.check(unsafe { (context.api.gp_file_new)(&mut raw) })?;
        Ok(Self { api: context.api, raw })
    }

    /// What is written to it goes to `target`.
    fn writing_to(context: &Context, target: File) -> Result<Self, GpError> {
        let mut raw = ptr::null_mut();
        let fd = target.into_raw_fd();
        // SAFETY: `raw` is valid for writing; the file owns the descriptor from now
        // on and closes it when it is let go of.
        context.check(unsafe { (context.api.gp_file_new_from_fd)(&mut raw, fd) })?;
        Ok(Self { api: context.api, raw })
    }

    fn bytes(&self, context: &Context) -> Result<Vec<u8>, GpError> {
        let (mut data, mut size): (_, c_ulong) = (ptr::null(), 0);
        // SAFETY: both places are valid for writing.
        let code = unsafe { (self.api.gp_file_get_data_and_size)(self.raw, &mut data, &mut size) };
        context.check(code)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if data.is_null() || size > PREVIEW_BYTES_MAX {
            return Err(GpError::absurd(format!("a live-view picture of {size} bytes")));
        }
        // SAFETY: the library vouches for `size` bytes that live until the file is
        // let go of; they are copied before.
        Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec())
    }
}

impl Drop for CameraFile {
    fn drop(&mut self) {
        // SAFETY: made by `gp_file_new`, and not used after this.
        let _ = unsafe { (self.api.gp_file_unref)(self.raw) };
    }
}

/// A list of the library.
pub(in super::super) struct List {
    api: &'static Api,
    pub raw: *mut Opaque,
}

impl List {
    pub(in super::super) fn new(context: &Context) -> Result<Self, GpError> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for writing.
        context.check(unsafe { (context.api.gp_list_new)(&mut raw) })?;
        Ok(Self { api: context.api, raw })
    }

    /// Names and values.
    pub(in super::super) fn entries(&self, context: &Context) -> Vec<(String, String)> {
        // SAFETY: the list is valid.
        let count = unsafe { (self.api.gp_list_count)(self.raw) };
        (0..count.min(ENTRIES_MAX))
            .filter_map(|index| {
                let (mut name, mut value) = (ptr::null(), ptr::null());
                // SAFETY: the index is below the count; both places are valid for
                // writing, and the texts live as long as the list.
                unsafe {
                    context.check((self.api.gp_list_get_name)(self.raw, index, &mut name)).ok()?;
                    let _ = (self.api.gp_list_get_value)(self.raw, index, &mut value);
                    Some((text(name), text(value)))
                }
            })
            .collect()
    }
}

/// Most attached cameras that are looked at.
const ENTRIES_MAX: c_int = 64;

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: made by `gp_list_new`, and not used after this.
        let _ = unsafe { (self.api.gp_list_unref)(self.raw) };
    }
}

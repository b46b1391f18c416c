//! Which camera library serves which port: the library's own lists.

use std::ffi::{CString, c_int};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use super::super::camera::{Context, List, Raw};
use super::super::sys::{Abilities, Opaque};
use super::super::{GpError, OpenError};
use super::Place;

/// Abilities of the cameras that are reached over PTP/IP. Reading the library's
/// list takes 0.1 to 0.3 s and some 7 MB for a moment; once is enough.
static NETWORK: Mutex<Option<Abilities>> = Mutex::new(None);

/// The library's name for any PTP/IP camera (`camlibs/ptp2/library.c`).
const NETWORK_MODEL: &std::ffi::CStr = c"PTP/IP Camera";

/// Opens the camera at `place`. The caller holds the turn.
pub(super) fn open(context: Context, place: &Place) -> Result<Raw, OpenError> {
    let abilities = abilities(&context, place)?;
    let ports = Ports::load(&context)?;
    let port = ports.info(&context, &place.path)?;
    Ok(Raw::open(context, &abilities, port)?)
}

fn abilities(context: &Context, place: &Place) -> Result<Abilities, GpError> {
    let mut known = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    match (&place.model, *known) {
        (None, Some(abilities)) => Ok(abilities),
        (None, None) => {
            let abilities = Models::load(context)?.abilities(context, NETWORK_MODEL)?;
            Ok(*known.insert(abilities))
        }
        (Some(model), _) => {
            let model = CString::new(model.as_str()).map_err(|_| GpError::absurd("no model"))?;
            Models::load(context)?.abilities(context, &model)
        }
    }
}

/// Models and ports (`usb:001,004`) of the cameras that are attached by USB.
pub(super) fn attached(context: &Context) -> Result<Vec<(String, String)>, GpError> {
    let (models, ports) = (Models::load(context)?, Ports::load(context)?);
    let list = List::new(context)?;
    // SAFETY: all pointers are valid.
    let code = unsafe {
        (context.api.gp_abilities_list_detect)(models.raw, ports.raw, list.raw, context.raw)
    };
    context.check(code)?;
    Ok(list.entries(context))
}

/// The list of all models.
struct Models {
    free: unsafe extern "C" fn(*mut Opaque) -> c_int,
    raw: *mut Opaque,
}

impl Models {
    fn load(context: &Context) -> Result<Self, GpError> {
        let api = context.api;
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for writing.
        context.check(unsafe { (api.gp_abilities_list_new)(&mut raw) })?;
        let models = Self { free: api.gp_abilities_list_free, raw };
        // SAFETY: list and context are valid; the caller holds the turn, so no
        // other thread loads camera libraries.
        context.check(unsafe { (api.gp_abilities_list_load)(raw, context.raw) })?;
        Ok(models)
    }

    fn abilities(&self, context: &Context, model: &std::ffi::CStr) -> Result<Abilities, GpError> {
        let api = context.api;
        let mut abilities = MaybeUninit::<Abilities>::zeroed();
        // SAFETY: the list is valid, the text ends with a zero, and the place is
        // large enough for what the library writes. All zeros are valid too.
        unsafe {
            let index = (api.gp_abilities_list_lookup_model)(self.raw, model.as_ptr());
            let index = context.check(index)?;
            let place = abilities.as_mut_ptr();
            context.check((api.gp_abilities_list_get_abilities)(self.raw, index, place))?;
            Ok(abilities.assume_init())
        }
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        // SAFETY: made by `gp_abilities_list_new`, and not used after this.
        let _ = unsafe { (self.free)(self.raw) };
    }
}

/// The list of all ports.
struct Ports {
    free: unsafe extern "C" fn(*mut Opaque) -> c_int,
    raw: *mut Opaque,
}

impl Ports {
    fn load(context: &Context) -> Result<Self, GpError> {
        let api = context.api;
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for writing.
        context.check(unsafe { (api.gp_port_info_list_new)(&mut raw) })?;
        let ports = Self { free: api.gp_port_info_list_free, raw };
        // SAFETY: the list is valid; the caller holds the turn.
        context.check(unsafe { (api.gp_port_info_list_load)(raw) })?;
        Ok(ports)
    }

    /// The port with this path; lives as long as the list.
    fn info(&self, context: &Context, path: &str) -> Result<*mut Opaque, GpError> {
        let api = context.api;
        let path = CString::new(path).map_err(|_| GpError::absurd("a port with a zero in it"))?;
        let mut info = ptr::null_mut();
        // SAFETY: the list is valid, the text ends with a zero, and `info` is valid
        // for writing.
        unsafe {
            let index = (api.gp_port_info_list_lookup_path)(self.raw, path.as_ptr());
            let index = context.check(index)?;
            context.check((api.gp_port_info_list_get_info)(self.raw, index, &mut info))?;
        }
        Ok(info)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        // SAFETY: made by `gp_port_info_list_new`, and not used after this.
        let _ = unsafe { (self.free)(self.raw) };
    }
}

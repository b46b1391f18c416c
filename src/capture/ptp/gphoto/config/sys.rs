//! The tree of settings: read into plain values, written one by one.

use std::ffi::{CString, c_float, c_int, c_void};
use std::ptr;

use super::super::camera::{Context, Raw, text};
use super::super::sys::{Opaque, count};
use super::super::{CHOICES_MAX, GpError, WIDGETS_MAX};
use super::{Value, Widget, WidgetKind};

/// `CameraWidgetType` (`gphoto2-widget.h`).
const WINDOW: c_int = 0;
const SECTION: c_int = 1;
const TEXT: c_int = 2;
const RANGE: c_int = 3;
const TOGGLE: c_int = 4;
const RADIO: c_int = 5;
const MENU: c_int = 6;

/// Deepest tree that is walked; the library's has three levels.
const DEPTH_MAX: usize = 6;

/// All settings of the camera.
pub(super) fn read(camera: &mut Raw) -> Result<Vec<Widget>, GpError> {
    let root = camera.config()?;
    let context = camera.context();
    let mut found = Vec::new();
    walk(context, root, DEPTH_MAX, &mut found);
    // SAFETY: the tree was made for us, and nothing points into it any more.
    let _ = unsafe { (context.api.gp_widget_unref)(root) };
    Ok(found)
}

fn walk(context: &Context, node: *mut Opaque, depth: usize, found: &mut Vec<Widget>) {
    let api = context.api;
    let mut kind = 0;
    // SAFETY: `node` is part of a tree that lives until the walk is over.
    if unsafe { (api.gp_widget_get_type)(node, &mut kind) } < 0 || found.len() >= WIDGETS_MAX {
        return;
    }
    if !matches!(kind, WINDOW | SECTION) {
        found.extend(widget(context, node, kind));
        return;
    }
    // SAFETY: as above.
    let children = unsafe { (api.gp_widget_count_children)(node) };
    for index in 0..children {
        let mut child = ptr::null_mut();
        // SAFETY: as above; the index is below the count.
        let code = unsafe { (api.gp_widget_get_child)(node, index, &mut child) };
        if code >= 0 && depth > 0 {
            walk(context, child, depth - 1, found);
        }
    }
}

fn widget(context: &Context, node: *mut Opaque, kind: c_int) -> Option<Widget> {
    let api = context.api;
    let (mut name, mut is_read_only) = (ptr::null(), 0);
    // SAFETY: `node` is valid, and so are the places; the text lives as long as
    // the node.
    let name = unsafe {
        context.check((api.gp_widget_get_name)(node, &mut name)).ok()?;
        let _ = (api.gp_widget_get_readonly)(node, &mut is_read_only);
        text(name)
    };
    let kind = match kind {
        TEXT => WidgetKind::Text(text_value(context, node)?),
        RADIO | MENU => WidgetKind::Choice {
            value: text_value(context, node)?,
            choices: choices(context, node),
        },
        RANGE => range(context, node)?,
        TOGGLE => WidgetKind::Toggle(toggle_value(context, node)?),
        _ => return None,
    };
    Some(Widget { name, is_writable: is_read_only == 0, kind })
}

fn text_value(context: &Context, node: *mut Opaque) -> Option<String> {
    let mut value: *const std::ffi::c_char = ptr::null();
    let place: *mut c_void = (&raw mut value).cast();
    // SAFETY: for texts and choices the library writes a pointer to a text that
    // lives as long as the node.
    unsafe {
        context.check((context.api.gp_widget_get_value)(node, place)).ok()?;
        Some(text(value))
    }
}

fn toggle_value(context: &Context, node: *mut Opaque) -> Option<bool> {
    let mut value: c_int = 0;
    // SAFETY: for toggles the library writes an int.
    let code = unsafe { (context.api.gp_widget_get_value)(node, (&raw mut value).cast()) };
    context.check(code).ok()?;
    Some(value != 0)
}

fn range(context: &Context, node: *mut Opaque) -> Option<WidgetKind> {
    let (mut value, mut least, mut most, mut step): (c_float, c_float, c_float, c_float) =
        (0.0, 0.0, 0.0, 0.0);
    // SAFETY: for ranges the library writes a float; all places are valid.
    unsafe {
        let api = context.api;
        context.check((api.gp_widget_get_value)(node, (&raw mut value).cast())).ok()?;
        context.check((api.gp_widget_get_range)(node, &mut least, &mut most, &mut step)).ok()?;
    }
    Some(WidgetKind::Range { value, least, most, step })
}

fn choices(context: &Context, node: *mut Opaque) -> Vec<String> {
    // SAFETY: `node` is valid.
    let there_are = count(unsafe { (context.api.gp_widget_count_choices)(node) });
    let looked_at = usize::try_from(there_are).unwrap_or(0).min(CHOICES_MAX);
    (0..looked_at)
        .filter_map(|index| {
            let mut choice = ptr::null();
            let index = c_int::try_from(index).ok()?;
            // SAFETY: the index is below the count; the text lives as long as the
            // node.
            unsafe {
                let code = (context.api.gp_widget_get_choice)(node, index, &mut choice);
                context.check(code).ok()?;
                Some(text(choice))
            }
        })
        .collect()
}

/// Sets one setting of the camera.
pub(super) fn set(camera: &mut Raw, name: &CString, value: &Value) -> Result<(), GpError> {
    let kind = match value {
        Value::Text(_) => TEXT,
        Value::Number(_) => RANGE,
        Value::Switch(_) => TOGGLE,
    };
    let widget = Made::new(camera.context(), kind, name)?;
    widget.fill(camera.context(), value)?;
    camera.set(name, widget.raw)
}

/// A widget of our own.
struct Made {
    unref: unsafe extern "C" fn(*mut Opaque) -> c_int,
    raw: *mut Opaque,
}

impl Made {
    fn new(context: &Context, kind: c_int, name: &CString) -> Result<Self, GpError> {
        let api = context.api;
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for writing, and the text ends with a zero.
        context.check(unsafe { (api.gp_widget_new)(kind, name.as_ptr(), &mut raw) })?;
        let made = Self { unref: api.gp_widget_unref, raw };
        // SAFETY: the library copies the name.
        context.check(unsafe { (api.gp_widget_set_name)(raw, name.as_ptr()) })?;
        Ok(made)
    }

    fn fill(&self, context: &Context, value: &Value) -> Result<(), GpError> {
        let api = context.api;
        // SAFETY: the library reads a text, a float or an int, as the widget was
        // made for, and copies it.
        let code = unsafe {
            match value {
                Value::Text(text) => {
                    let text = CString::new(text.as_str())
                        .map_err(|_| GpError::absurd("a value with a zero in it"))?;
                    (api.gp_widget_set_value)(self.raw, text.as_ptr().cast())
                }
                Value::Number(number) => {
                    (api.gp_widget_set_value)(self.raw, ptr::from_ref(number).cast())
                }
                Value::Switch(is_on) => {
                    let number = c_int::from(*is_on);
                    (api.gp_widget_set_value)(self.raw, ptr::from_ref(&number).cast())
                }
            }
        };
        context.check(code)?;
        // SAFETY: the widget is valid. Without the mark, an off switch would not
        // count as set.
        context.check(unsafe { (api.gp_widget_set_changed)(self.raw, 1) }).map(drop)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: made by `gp_widget_new`, and not used after this.
        let _ = unsafe { (self.unref)(self.raw) };
    }
}

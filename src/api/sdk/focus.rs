//! Where the camera focuses, and what the detector follows.
//!
//! A camera's own focus frames travel beside its live view in a form that only
//! the vendor's SDK reads; that is refused in words. Tracking frames are those of
//! our detector.

use serde_json::{Map, Value};

use super::actions::act;
use super::body;
use super::camera::Target;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{
    AfAreaData, Answer, FrameData, FrameSize, FramesData, GridPoint, NormalizedPoint,
    RAW_DENOMINATOR, RawPoint,
};
use crate::capture::Action;
use crate::media::OverlayBox;

/// The grid in which cameras take points: 640 by 480.
const GRID: (f64, f64) = (639.0, 479.0);

/// `GET /api/cameras/{camera_id}/af-area-position`.
pub(in crate::api) async fn area(request: Request) -> Result<Response, ApiError> {
    let target = Target::or_404(&request)?;
    target.connected()?;
    Err(target.unsupported("the focus frames of this camera can only be read by the vendor's SDK"))
}

/// `PUT /api/cameras/{camera_id}/af-area-position`.
pub(in crate::api) async fn set_area(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::or_404(&request)?;
    let point = point(&members).map_err(|error| target.named(error))?;
    let area = Action::AfArea { x: point.x as f32, y: point.y as f32 };
    act(&target, area).await?;
    let GridPoint { x, y } = on_grid(point);
    let verify = "the camera may move it to the nearest place it can take";
    Ok(target.answer("AF area set", AfAreaData { x, y, verify }))
}

/// `GET /api/cameras/{camera_id}/tracking-frame`: what the detector sees now.
pub(in crate::api) async fn tracking(request: Request) -> Result<Response, ApiError> {
    let target = Target::or_404(&request)?;
    if !target.connected()?.status().is_live_view_streaming {
        return Err(target.invalid("Live view is not running; start it first"));
    }
    let view = request.ctx.live_views.get(&target.id);
    let mut boxes = view.map(|view| view.overlay().to_vec()).unwrap_or_default();
    boxes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let frames: Vec<_> = boxes.iter().enumerate().map(|(at, found)| frame(at + 1, found)).collect();
    let data = FramesData { available: true, frame_count: frames.len(), frames };
    let message = "Tracking frames retrieved";
    let (camera, data) = (Some(target.summary()), Some(data));
    Ok(response::json(&Answer { success: true, message, camera, data }))
}

fn frame(priority: usize, found: &OverlayBox) -> FrameData {
    let center = found.bbox.center();
    let normalized = NormalizedPoint { x: rounded(center.x), y: rounded(center.y) };
    let (width, height) = (rounded(found.bbox.width), rounded(found.bbox.height));
    let raw = |fraction: f64| (fraction * f64::from(RAW_DENOMINATOR)).round() as i32;
    FrameData {
        kind: "target-af",
        state: "unknown",
        priority,
        normalized,
        position: on_grid(normalized),
        size: FrameSize {
            width: (width * (GRID.0 + 1.0)).round() as i32,
            height: (height * (GRID.1 + 1.0)).round() as i32,
            normalized_width: width,
            normalized_height: height,
        },
        raw: RawPoint {
            x_numerator: raw(normalized.x),
            x_denominator: RAW_DENOMINATOR,
            y_numerator: raw(normalized.y),
            y_denominator: RAW_DENOMINATOR,
        },
        label: found.label.as_str().to_owned(),
        confidence: rounded(found.confidence),
    }
}

fn on_grid(point: NormalizedPoint) -> GridPoint {
    GridPoint { x: (point.x * GRID.0).round() as i32, y: (point.y * GRID.1).round() as i32 }
}

/// As fine as [`RAW_DENOMINATOR`].
fn rounded(fraction: f32) -> f64 {
    let fine = f64::from(RAW_DENOMINATOR);
    (f64::from(fraction) * fine).round() / fine
}

/// `{normalized: {x, y}}` or `{x, y}` on the grid; the former wins.
pub(super) fn point(members: &Map<String, Value>) -> Result<NormalizedPoint, ApiError> {
    let wrong = |error: &str, why: &str| {
        ApiError::invalid(why).member("data", serde_json::json!({"error": error}))
    };
    let invalid = |_| wrong("invalid_coordinates", "Invalid coordinates");
    let normalized = body::typed::<NormalizedPoint>(members, "normalized", "a point");
    if let Some(point) = normalized.map_err(invalid)? {
        let is_inside = [point.x, point.y].iter().all(|part| (0.0..=1.0).contains(part));
        let why = "normalized x and y must be 0 to 1";
        return is_inside.then_some(point).ok_or_else(|| wrong("invalid_coordinates", why));
    }
    let part = |name| body::typed::<f64>(members, name, "a number").map_err(invalid);
    let (Some(x), Some(y)) = (part("x")?, part("y")?) else {
        return Err(wrong("missing_coordinates", "Missing x and y, or normalized x and y"));
    };
    if !(0.0..=GRID.0).contains(&x) || !(0.0..=GRID.1).contains(&y) {
        return Err(wrong("invalid_coordinates", "x must be 0 to 639 and y 0 to 479"));
    }
    Ok(NormalizedPoint { x: x / GRID.0, y: y / GRID.1 })
}

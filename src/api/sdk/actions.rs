//! Things that move: the shutter, focus, zoom, the movie key.
//!
//! A question is never repeated: a shutter may have fired although its answer was
//! lost. Nothing here answers with a status that makes a client repeat it.

use serde_json::{Map, Value};

use super::body;
use super::camera::Target;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::Response;
use crate::api::wire::camera_sdk_rest::{ActionData, FocusStepData, ZoomData};
use crate::capture::{Action, Command, Press};

/// Speeds of the words `normal` and `fast`.
const NORMAL: i8 = 4;
const FAST: i8 = 8;

/// `POST /api/cameras/{camera_id}/actions/shutter`.
pub(in crate::api) async fn shutter(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let word = body::text(&members, "action").map_err(|error| target.named(error))?;
    let (press, method) = match word {
        None => (Press::Once, "down-up"),
        Some("down") => (Press::Down, "down"),
        Some("up") => (Press::Up, "up"),
        Some(_) => return Err(target.invalid("Invalid action; use down or up, or leave it out")),
    };
    act(&target, Action::Shutter(press)).await?;
    Ok(target.answer("Shutter action executed", ActionData { action: "shutter", method }))
}

/// `POST /api/cameras/{camera_id}/actions/half-press`.
pub(in crate::api) async fn half_press(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    act(&target, Action::HalfPress).await?;
    let data = ActionData { action: "half-press", method: "down-up" };
    Ok(target.answer("Half press executed", data))
}

/// `POST /api/cameras/{camera_id}/actions/af-shutter`.
pub(in crate::api) async fn af_shutter(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    act(&target, Action::AfShutter).await?;
    let data = ActionData { action: "af-shutter", method: "focus-down-up" };
    Ok(target.answer("AF and shutter executed", data))
}

/// `POST /api/cameras/{camera_id}/actions/movie-rec`.
pub(in crate::api) async fn movie_rec(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    act(&target, Action::MovieRecord).await?;
    Ok(target.done("Movie recording toggled"))
}

/// `POST /api/cameras/{camera_id}/actions/zoom`.
pub(in crate::api) async fn zoom(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let speed = zoom_speed(&members).map_err(|error| target.named(error))?;
    act(&target, Action::Zoom(speed)).await?;
    Ok(target.answer("Zoom executed", ZoomData { speed }))
}

/// `POST /api/cameras/{camera_id}/actions/focus-near-far`.
pub(in crate::api) async fn focus_near_far(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let step = body::typed::<i8>(&members, "step", "a whole number from -7 to 7");
    let step = match step.map_err(|error| target.named(error))? {
        Some(step @ (-7..=-1 | 1..=7)) => step,
        Some(_) => return Err(target.invalid("step must be -7 to -1 or 1 to 7")),
        None => return Err(target.invalid("Missing required field: step")),
    };
    act(&target, Action::FocusNearFar(step)).await?;
    let direction = if step < 0 { "near" } else { "far" };
    Ok(target.answer("Focus moved", FocusStepData { step, direction }))
}

/// `POST /api/cameras/{camera_id}/actions/{action}` for names that are none.
pub(in crate::api) async fn unknown(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    Err(target.invalid("Unknown action").hint("/api/openapi.json lists the actions"))
}

pub(super) async fn act(target: &Target, action: Action) -> Result<(), ApiError> {
    target.ask(|reply| Command::Act(action, reply)).await
}

/// Either a signed speed, or a direction and perhaps how fast.
fn zoom_speed(members: &Map<String, Value>) -> Result<i8, ApiError> {
    let wrong = |why: &str| Err(ApiError::invalid(why));
    let sign = match body::text(members, "direction")? {
        None => None,
        Some("in") => Some(1),
        Some("out") => Some(-1),
        Some(_) => return wrong("Invalid direction; use in or out"),
    };
    match (sign, members.get("speed")) {
        (Some(sign), None | Some(Value::Null)) => Ok(sign * NORMAL),
        (Some(sign), Some(Value::String(word))) if word == "normal" => Ok(sign * NORMAL),
        (Some(sign), Some(Value::String(word))) if word == "fast" => Ok(sign * FAST),
        (None, Some(Value::Number(speed))) => match speed.as_i64() {
            // The range fits.
            Some(speed @ -10..=10) => Ok(speed as i8),
            _ => wrong("speed must be a whole number from -10 to 10"),
        },
        (Some(_), Some(_)) => wrong("Invalid speed; with a direction use normal or fast"),
        (None, _) => wrong("Missing required field: direction, or speed from -10 to 10"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zoom_is_a_signed_speed_or_a_direction() {
        let speed = |text: &str| zoom_speed(&serde_json::from_str(text).unwrap()).ok();
        assert_eq!(speed(r#"{"direction":"in"}"#), Some(4));
        assert_eq!(speed(r#"{"direction":"out","speed":"fast"}"#), Some(-8));
        assert_eq!((speed(r#"{"speed":-10}"#), speed(r#"{"speed":0}"#)), (Some(-10), Some(0)));
        for wrong in [
            "{}",
            r#"{"direction":"up"}"#,
            r#"{"speed":11}"#,
            r#"{"speed":1.5}"#,
            r#"{"speed":"fast"}"#,
            r#"{"direction":"in","speed":3}"#,
        ] {
            assert_eq!(speed(wrong), None, "{wrong}");
        }
    }
}

//! Cameras made, changed and removed over the API.
//!
//! A camera is described by the keys of the configuration file and checked by the same
//! rules. What is set is synced before the answer, applied at once and again at every
//! start. Passwords are kept apart and never shown. The file stays the truth for the
//! cameras it names: of those only `name` and `enabled` can be changed here.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use schemars::JsonSchema;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::cameras::{no_such_camera, shown};
use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response, json_text};
use crate::domain::{CAMERA_BOOK, CameraBook, CameraId, CameraNote, Secret, Setting};
use crate::store::Durability;

/// Longest name, characters, and longest definition of one camera, bytes of JSON.
const NAME_MAX: usize = 255;
const DEFINITION_MAX: usize = 16 << 10;

/// A camera that is to be made or changed; beside these, every key that a `[[camera]]`
/// of the configuration file has, such as `detect`, `zone` and `mask`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; the keys are those of the configuration")]
pub(in crate::api) struct CameraBody {
    /// Made of the name unless given.
    id: Option<String>,
    /// For people.
    name: Option<String>,
    /// `rtsp://…` without credentials, `/dev/videoN`, `footage`, `test`, `script`.
    source: Option<String>,
    username: Option<String>,
    /// Kept apart, never shown; null forgets it.
    password: Option<String>,
    /// Whether it runs.
    enabled: Option<bool>,
}

type Fields = Map<String, Value>;

/// A change of the book, or why it cannot be made.
type Change = Box<dyn FnOnce(&mut CameraBook) -> Result<(), ApiError> + Send>;

/// `POST /api/cameras`: 201 with the camera.
pub(in crate::api) async fn create(mut request: Request) -> Result<Response, ApiError> {
    let mut fields = fields(&request.bytes().await?)?;
    let is_off = enabled(&mut fields)? == Some(false);
    fields.retain(|_, value| !value.is_null());
    let id = new_id(&mut fields)?;
    let password = password(&fields)?;
    let taken = || conflict("camera_exists", format!("there is a camera {id} already"));
    if request.ctx.camera_desk.is_in_file(&id) || book(&request.ctx).await?.0.contains_key(&id) {
        return Err(taken().hint("choose another id, or change that camera"));
    }
    check(&request.ctx, &id, &fields).await?;
    fields.remove("password");
    let (new, taken, room) = (id.clone(), taken(), request.ctx.camera_desk.room());
    let change = move |book: &mut CameraBook| {
        if book.0.contains_key(&new) {
            return Err(taken);
        }
        if book.defined().count() >= room {
            return Err(conflict("too_many_cameras", "there are as many cameras as there can be")
                .hint("remove one that is not needed"));
        }
        let definition = Some(fields);
        book.0.insert(new, CameraNote { definition, name: None, is_off });
        Ok(())
    };
    apply(&request.ctx, &id, Some(password), Box::new(change)).await?;
    Ok(response::json_with(StatusCode::CREATED, &shown(&request.ctx, &id)?))
}

/// `PATCH /api/cameras/{camera_id}`: what is not given stays, null takes a key back.
pub(in crate::api) async fn change(mut request: Request) -> Result<Response, ApiError> {
    let id = request.camera_id()?;
    let mut fields = fields(&request.bytes().await?)?;
    let enabled = enabled(&mut fields)?;
    if request.ctx.camera_desk.is_in_file(&id) {
        let name = name_of_file_camera(&fields)?;
        let changed = id.clone();
        let change = move |book: &mut CameraBook| {
            let note = book.0.entry(changed.clone()).or_default();
            note.is_off = enabled.map_or(note.is_off, |is_on| !is_on);
            note.name = name.unwrap_or_else(|| note.name.take());
            if *note == CameraNote::default() {
                book.0.remove(&changed);
            }
            Ok(())
        };
        apply(&request.ctx, &id, None, Box::new(change)).await?;
        return Ok(response::json(&shown(&request.ctx, &id)?));
    }
    let known = book(&request.ctx).await?;
    let definition = known.0.get(&id).and_then(|note| note.definition.as_ref());
    check(&request.ctx, &id, &merged(definition.ok_or_else(no_such_camera)?, &fields)).await?;
    let new_password = fields.contains_key("password").then(|| password(&fields)).transpose()?;
    fields.remove("password");
    let changed = id.clone();
    let change = move |book: &mut CameraBook| {
        let note = book.0.get_mut(&changed).ok_or_else(no_such_camera)?;
        note.is_off = enabled.map_or(note.is_off, |is_on| !is_on);
        note.definition = note.definition.as_ref().map(|known| merged(known, &fields));
        Ok(())
    };
    apply(&request.ctx, &id, new_password, Box::new(change)).await?;
    Ok(response::json(&shown(&request.ctx, &id)?))
}

/// `DELETE /api/cameras/{camera_id}`: 204. Its records stay.
pub(in crate::api) async fn remove(request: Request) -> Result<Response, ApiError> {
    let id = request.camera_id()?;
    if request.ctx.camera_desk.is_in_file(&id) {
        let detail = "this camera is in the configuration file";
        return Err(conflict("camera_in_file", detail)
            .hint("remove it there and reload, or set enabled to false"));
    }
    let gone = id.clone();
    let change =
        move |book: &mut CameraBook| book.0.remove(&gone).map(drop).ok_or_else(no_such_camera);
    apply(&request.ctx, &id, Some(None), Box::new(change)).await?;
    Ok(response::no_content())
}

fn fields(bytes: &[u8]) -> Result<Fields, ApiError> {
    if bytes.len() > DEFINITION_MAX {
        return Err(unprocessable(format!("a camera is at most {DEFINITION_MAX} bytes of JSON")));
    }
    let mut fields: Fields = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the body is not a JSON object: {error}")))?;
    // The contract's name for the source.
    if let Some(path) = fields.remove("folder_path") {
        fields.entry("source").or_insert(path);
    }
    // A file of the box must not be read on a client's word.
    if fields.contains_key("password_file") {
        return Err(unprocessable("password_file: can only stand in the configuration file"));
    }
    Ok(fields)
}

fn enabled(fields: &mut Fields) -> Result<Option<bool>, ApiError> {
    match fields.remove("enabled") {
        None => Ok(None),
        Some(Value::Bool(is_on)) => Ok(Some(is_on)),
        Some(_) => Err(unprocessable("enabled: must be true or false")),
    }
}

/// The id that is given, or one made of the name.
fn new_id(fields: &mut Fields) -> Result<CameraId, ApiError> {
    let given = fields.remove("id");
    let text = match (&given, fields.get("name")) {
        (Some(Value::String(id)), _) => id.clone(),
        (None, Some(Value::String(name))) => slug(name),
        (Some(_), _) => return Err(unprocessable("id: must be a text")),
        (None, _) => return Err(unprocessable("name: is missing; an id is made of it")),
    };
    text.parse().map_err(|error| unprocessable(format!("id: {error}")))
}

/// `Front door, left` is `front_door_left`.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let spaced: String = name.chars().take(64).map(plain).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join("_")
}

fn password(fields: &Fields) -> Result<Option<Secret>, ApiError> {
    match fields.get("password") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Secret::new(text.as_str()))),
        Some(_) => Err(unprocessable("password: must be a text")),
    }
}

/// A camera of the file takes a name, or null for the file's, and nothing else.
fn name_of_file_camera(fields: &Fields) -> Result<Option<Option<String>>, ApiError> {
    let mut faults: Vec<_> = fields
        .keys()
        .filter(|field| *field != "name")
        .map(|field| {
            let field: String = field.chars().take(64).collect();
            format!("{field}: stands in the configuration file; change it there and reload")
        })
        .collect();
    let name = match fields.get("name") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::String(name)) if is_name(name) => Some(Some(name.trim().to_owned())),
        Some(_) => {
            faults.push(format!("name: must be a text of 1 to {NAME_MAX} characters"));
            None
        }
    };
    if faults.is_empty() { Ok(name) } else { Err(unprocessable(faults.join("; "))) }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.trim().chars().count()) && !name.contains(char::is_control)
}

/// `known` with `fields` over it.
fn merged(known: &Fields, fields: &Fields) -> Fields {
    let mut merged = known.clone();
    merged.extend(fields.clone());
    merged.retain(|_, value| !value.is_null());
    merged
}

/// 422 with all that is wrong.
async fn check(ctx: &Arc<ApiContext>, id: &CameraId, definition: &Fields) -> Result<(), ApiError> {
    if json_text(definition).len() > DEFINITION_MAX {
        return Err(unprocessable(format!("a camera is at most {DEFINITION_MAX} bytes of JSON")));
    }
    let (desk, id, definition) = (Arc::clone(&ctx.camera_desk), id.clone(), definition.clone());
    let read = ctx.blocking(move || desk.read(&id, &definition)).await?;
    read.map(drop).map_err(|faults| unprocessable(faults.join("; ")))
}

async fn book(ctx: &ApiContext) -> Result<CameraBook, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let setting = ctx.blocking(move || reader.setting(CAMERA_BOOK)).await??;
    Ok(CameraBook::read(setting.as_ref()))
}

/// Keeps the password if there is news of it, then the change of the book, and has it
/// applied. A client that goes away does not leave half of it.
async fn apply(
    ctx: &Arc<ApiContext>,
    id: &CameraId,
    password: Option<Option<Secret>>,
    change: Change,
) -> Result<(), ApiError> {
    let (ctx, id) = (Arc::clone(ctx), id.clone());
    let done = tokio::spawn(async move {
        // One that is forgotten goes last, so that a change that fails loses nothing.
        if let Some(Some(password)) = &password {
            keep(&ctx, &id, Some(password.clone())).await?;
        }
        amend(&ctx, change).await?;
        if let Some(None) = password {
            keep(&ctx, &id, None).await?;
        }
        Ok(())
    });
    done.await.map_err(|_| ApiError::unavailable("failed", "the change ended unexpectedly"))?
}

async fn keep(ctx: &ApiContext, id: &CameraId, password: Option<Secret>) -> Result<(), ApiError> {
    let (desk, id) = (Arc::clone(&ctx.camera_desk), id.clone());
    let kept = ctx.blocking(move || desk.keep_password(&id, password.as_ref())).await?;
    kept.map_err(|error| {
        ApiError::unavailable("store_failed", format!("the password cannot be kept: {error}"))
    })
}

async fn amend(ctx: &ApiContext, change: Change) -> Result<(), ApiError> {
    let (tx, rx) = oneshot::channel();
    let (tune, updated_at) = (Arc::clone(&ctx.tune), ctx.clock.now());
    let refusal = Arc::new(Mutex::new(None));
    let refused = Arc::clone(&refusal);
    let amend = move |known: Option<Setting>| {
        let mut book = CameraBook::read(known.as_ref());
        if let Err(error) = change(&mut book) {
            *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return None;
        }
        let (key, value) = (CAMERA_BOOK.to_owned(), json_text(&book));
        Some(Setting { key, revision: 0, value, updated_at })
    };
    let done = move |outcome: Result<Option<Setting>, _>| {
        // Here, on the writer's thread, so that changes keep their order.
        if let Ok(Some(setting)) = &outcome {
            tune(setting.clone());
        }
        // A receiver that is gone has given up waiting.
        drop(tx.send(outcome));
    };
    ctx.writer.amend_setting(CAMERA_BOOK, Box::new(amend), Durability::Synced, Box::new(done));
    let stopped = |_| ApiError::unavailable("store_unavailable", "the store has stopped");
    rx.await.map_err(stopped)??;
    let refusal = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    refusal.map_or(Ok(()), Err)
}

fn unprocessable(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", detail)
        .hint("the fields are the keys of [[camera]] in watchpost.example.toml")
}

fn conflict(code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_the_name() {
        assert_eq!(slug("Front door, left"), "front_door_left");
        assert_eq!(slug("  Hof (Süd) 2 "), "hof_s_d_2");
        assert_eq!(slug("門"), "");
    }

    #[test]
    fn null_takes_a_key_back_and_what_is_not_given_stays() {
        let object = |text: &str| serde_json::from_str::<Fields>(text).unwrap();
        let known = object(r#"{"name":"a","fps":5,"detect":{"fps":1}}"#);
        let changed = merged(&known, &object(r#"{"fps":null,"detect":{"fps":2}}"#));
        assert_eq!(changed, object(r#"{"name":"a","detect":{"fps":2}}"#));
    }
}

//! Where stills go and how they are named; files of settings.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::camera::Target;
use super::desk::Naming;
use super::{body, directory};
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{SaveInfoData, SettingsFiles};
use crate::capture::{Command, StillNaming};

/// Longest prefix of a name, in bytes.
const PREFIX_MAX: usize = 32;

/// Highest number that a still can begin with.
const START_MAX: u32 = 99_999;

/// Names that are listed at most.
const FILES_MAX: usize = 1000;

/// `GET /api/cameras/{camera_id}/settings/save-info`.
pub(in crate::api) async fn save_info(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.connected()?;
    let naming = naming(&request, &target).await?;
    Ok(target.answer("Save info retrieved", data(&naming)))
}

/// `PUT /api/cameras/{camera_id}/settings/save-info`.
pub(in crate::api) async fn set_save_info(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    target.connected()?;
    let named = |error| target.named(error);
    let asked = body::required(&members, "path").map_err(named)?.to_owned();
    let prefix = prefix(&members).map_err(named)?;
    let start = start(&members).map_err(named)?;
    let root = request.ctx.stills.root().to_owned();
    let directory = request.ctx.blocking(move || directory::below(&root, &asked)).await?;
    let naming = Naming { directory: directory.map_err(named)?, prefix, start };
    target.ask(|reply| Command::NameStills(still_naming(&naming), reply)).await?;
    request.ctx.desk.write(&target.id, |notes| notes.naming = Some(naming.clone()));
    Ok(target.answer("Save info set", data(&naming)))
}

/// `GET /api/cameras/{camera_id}/settings/files`: whatever the id.
pub(in crate::api) async fn files(request: Request) -> Result<Response, ApiError> {
    let id = request.camera_id()?;
    let directory = request.ctx.stills.root().join(id.as_str());
    let files = request.ctx.blocking(move || settings_files(&directory)).await?;
    let count = files.len();
    let message = format!("{count} file(s)");
    Ok(response::json(&SettingsFiles { success: true, message, files, count }))
}

/// What was chosen in an earlier session holds in this one too. A camera that
/// cannot be told keeps its own names.
pub(super) async fn renew_naming(request: &Request, target: &Target) {
    if let Some(naming) = request.ctx.desk.read(&target.id).naming {
        let _ = target.ask(|reply| Command::NameStills(still_naming(&naming), reply)).await;
    }
}

/// What was chosen, or the camera's own directory.
pub(super) async fn naming(request: &Request, target: &Target) -> Result<Naming, ApiError> {
    if let Some(naming) = request.ctx.desk.read(&target.id).naming {
        return Ok(naming);
    }
    let (root, id) = (request.ctx.stills.root().to_owned(), target.id.clone());
    let directory = request.ctx.blocking(move || directory::below(&root, id.as_str())).await?;
    let directory = directory.map_err(|error| target.named(error))?;
    Ok(Naming { directory, prefix: String::new(), start: None })
}

fn still_naming(naming: &Naming) -> StillNaming {
    let Naming { directory, prefix, start } = naming.clone();
    StillNaming { directory, prefix, start }
}

fn data(naming: &Naming) -> SaveInfoData {
    SaveInfoData {
        path: naming.directory.display().to_string(),
        prefix: match naming.prefix.as_str() {
            "" => "Not set".to_owned(),
            prefix => prefix.to_owned(),
        },
        start_no: naming.start.map_or(-1, i64::from),
    }
}

/// `Not set` may come back from a client that shows what it has read.
fn prefix(members: &Map<String, Value>) -> Result<String, ApiError> {
    let prefix = body::text(members, "prefix")?.filter(|text| *text != "Not set").unwrap_or("");
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match prefix.len() <= PREFIX_MAX && prefix.bytes().all(allowed) {
        true => Ok(prefix.to_owned()),
        false => Err(ApiError::invalid(format!(
            "prefix must be up to {PREFIX_MAX} letters, digits, '_' or '-'"
        ))),
    }
}

fn start(members: &Map<String, Value>) -> Result<Option<u32>, ApiError> {
    let what = "a whole number from -1";
    match body::typed::<i64>(members, "startNo", what)? {
        None | Some(-1) => Ok(None),
        Some(number) => match u32::try_from(number) {
            Ok(number) if number <= START_MAX => Ok(Some(number)),
            _ => Err(ApiError::invalid(format!("startNo must be -1 to {START_MAX}"))),
        },
    }
}

fn settings_files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_settings = |name: &String| name.to_ascii_uppercase().ends_with(".DAT");
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(is_settings).take(FILES_MAX).collect();
    names.sort();
    names
}

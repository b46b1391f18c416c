//! Cards: what is on them, and fetching it to the box.

use std::collections::BTreeSet;

use hyper::StatusCode;

use super::camera::Target;
use super::settings::naming;
use super::{body, directory};
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{CardFileData, CardFiles, CreationData, TransferAccepted};
use crate::capture::{CardFile, Command, ConnectionMode, Pull, Rendition};

/// `GET /api/cameras/{camera_id}/sd-card/slot/{slot}/files`.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let slot = slot(&request)?;
    let target = Target::or_404(&request)?;
    check_mode(&target)?;
    let files = target.ask(|reply| Command::Files(slot, reply)).await?;
    let is_by_content = target.connected()?.status().mode == Some(ConnectionMode::RemoteTransfer);
    let contents: BTreeSet<_> = files.iter().map(|file| file.content).collect();
    let file_count = if is_by_content { contents.len() } else { files.len() };
    let files = files.into_iter().map(data).collect();
    Ok(response::json(&CardFiles { success: true, slot, file_count, files }))
}

/// `POST …/files/{content_id}/{file_id}/download`.
pub(in crate::api) async fn download(request: Request) -> Result<Response, ApiError> {
    pull(request, Rendition::Original).await
}

/// `POST …/files/{content_id}/{file_id}/thumbnail`.
pub(in crate::api) async fn thumbnail(request: Request) -> Result<Response, ApiError> {
    pull(request, Rendition::Thumbnail).await
}

/// `POST …/files/{content_id}/{file_id}/screennail`.
pub(in crate::api) async fn screennail(request: Request) -> Result<Response, ApiError> {
    pull(request, Rendition::Screennail).await
}

async fn pull(mut request: Request, rendition: Rendition) -> Result<Response, ApiError> {
    let slot = slot(&request)?;
    let (content, file) = (number(&request, "content_id")?, number(&request, "file_id")?);
    let members = body::members(&mut request).await?;
    let target = Target::or_404(&request)?;
    check_mode(&target)?;
    let asked = body::text(&members, "save_path").map_err(|error| target.named(error))?;
    let asked = asked.filter(|path| !path.is_empty()).map(str::to_owned);
    let directory = match asked {
        Some(asked) => {
            let root = request.ctx.stills.root().to_owned();
            let found = request.ctx.blocking(move || directory::below(&root, &asked)).await?;
            found.map_err(|error| target.named(error))?
        }
        None => naming(&request, &target).await?.directory,
    };
    let pull = Pull { slot, content, file, rendition, directory };
    target.ask(|reply| Command::Pull(pull, reply)).await?;
    let kind = match rendition {
        Rendition::Original => None,
        Rendition::Thumbnail => Some("thumbnail"),
        Rendition::Screennail => Some("screennail"),
    };
    let message = "Transfer started; the event stream tells its end";
    let accepted = TransferAccepted { success: true, message, kind };
    Ok(response::json_with(StatusCode::ACCEPTED, &accepted))
}

/// In the mode `remote` a card is the camera's own.
fn check_mode(target: &Target) -> Result<(), ApiError> {
    match target.connected()?.status().mode {
        Some(ConnectionMode::Remote) => Err(target.invalid(
            "the card cannot be read in the mode remote; connect in remote-transfer or contents",
        )),
        _ => Ok(()),
    }
}

/// There are two slots; another number is no such path.
fn slot(request: &Request) -> Result<u8, ApiError> {
    match request.param("slot") {
        "1" => Ok(1),
        "2" => Ok(2),
        _ => Err(ApiError::not_found("there is no such slot; use 1 or 2")),
    }
}

/// Digits; anything else is no such path.
fn number(request: &Request, name: &str) -> Result<u64, ApiError> {
    let text = request.param(name);
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        ApiError::not_found("contents and files have numbers").hint("list the files of the slot")
    })
}

fn data(file: CardFile) -> CardFileData {
    CardFileData {
        content_id: file.content,
        file_id: file.file,
        file_path: file.path,
        file_size: file.size,
        width: file.size_px.map(|(width, _)| width),
        height: file.size_px.map(|(_, height)| height),
        creation: file.created.map(CreationData::from),
    }
}

//! Fetching one file.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::ip::Item;
use super::super::stills::{Part, StillError, sync_directory};
use super::Transfer;
use crate::capture::CaptureError;
use crate::capture::control::{ConnectionMode, ControlError, Pull, Rendition};
use crate::domain::{CameraNotice, TransferStatus};

/// Names that are tried before the directory counts as broken.
const TRIES: u32 = 10_000;

/// A transfer that is under way.
pub(super) struct Running {
    item: Item,
    pull: Pull,
    part: Part,
    writer: File,
    offset: u64,
    /// The last progress that was told, in tenths.
    told: u64,
}

impl Transfer<'_> {
    /// The files of a slot.
    pub(super) fn list(&mut self, slot: u8) -> Result<Vec<Item>, ControlError> {
        let files = self.card.files(&mut self.camera, slot, self.mode);
        let files = self.answer("list the card", files)?;
        files.ok_or_else(|| ControlError::Unknown(format!("there is no card in slot {slot}")))
    }

    /// Begins to fetch a file.
    pub(super) fn begin_pull(&mut self, pull: Pull) -> Result<(), ControlError> {
        if self.running.is_some() {
            return Err(ControlError::TransferBusy);
        }
        if pull.rendition == Rendition::Screennail {
            return Err(super::super::desk::unsupported(
                "PTP has no pictures for screens; fetch the thumbnail or the file",
            ));
        }
        let wanted = |item: &Item| item.file.content == pull.content && item.file.file == pull.file;
        let item = self.list(pull.slot)?.into_iter().find(wanted);
        let item = item.ok_or_else(|| {
            let (slot, content, file) = (pull.slot, pull.content, pull.file);
            ControlError::Unknown(format!("there is no file {content}/{file} in slot {slot}"))
        })?;
        self.check_space(&pull, item.file.size)?;
        let name = format!(".transfer-{}.part", self.desk.camera);
        let part = Part::create(pull.directory.join(name)).map_err(disk)?;
        let writer = part.writer().map_err(disk)?;
        self.told_started(&item);
        self.running = Some(Running { item, pull, part, writer, offset: 0, told: 0 });
        Ok(())
    }

    fn check_space(&self, pull: &Pull, size: u64) -> Result<(), ControlError> {
        let place = &self.desk.stills;
        let needed = place.min_free_bytes.saturating_add(size);
        match (place.free_bytes)() {
            Some(free) if free < needed => Err(disk(StillError::Full(pull.directory.clone()))),
            _ => Ok(()),
        }
    }

    /// The next part of the file, if one is being fetched.
    pub(super) fn fetch_part(&mut self) -> Result<(), CaptureError> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let is_thumb = running.pull.rendition == Rendition::Thumbnail;
        let bytes = match (is_thumb, u32::try_from(running.offset)) {
            (true, _) => self.camera.thumb(running.item.handle),
            (false, Ok(offset)) => self.camera.part(running.item.handle, offset),
            (false, Err(_)) => Ok(Vec::new()),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                let words = error.to_string();
                self.broken_off(running, &words);
                return self.judge(Err(error)).map(|_: Option<()>| ());
            }
        };
        match self.write(&mut running, &bytes, is_thumb) {
            Ok(true) => self.finish(running),
            Ok(false) => self.running = Some(running),
            Err(words) => self.broken_off(running, &words),
        }
        Ok(())
    }

    /// Writes a part; whether it was the last.
    fn write(&self, running: &mut Running, bytes: &[u8], is_thumb: bool) -> Result<bool, String> {
        let size = running.item.file.size;
        let offset = running.offset + bytes.len() as u64;
        if bytes.is_empty() || (!is_thumb && offset > size) {
            return Err(format!("the camera sent {offset} of {size} bytes"));
        }
        running
            .writer
            .write_all(bytes)
            .map_err(|error| StillError::io("write", running.part.path(), error).to_string())?;
        running.offset = offset;
        let tenths = offset.saturating_mul(10).checked_div(size).unwrap_or(0);
        if !is_thumb && tenths > running.told && offset < size {
            running.told = tenths;
            let percent = u8::try_from(tenths * 10).unwrap_or(99).min(99);
            self.tell_progress(running, percent, None);
        }
        Ok(is_thumb || offset >= size)
    }

    fn finish(&self, running: Running) {
        match keep(&running) {
            Ok(path) => {
                let path = path.display().to_string();
                match self.mode {
                    ConnectionMode::Contents => self.tell(&running.item, TransferStatus::Complete),
                    _ => self.tell_progress(&running, 100, Some(path)),
                }
            }
            Err(error) => self.broken_off(running, &error.to_string()),
        }
    }

    fn told_started(&self, item: &Item) {
        if self.mode == ConnectionMode::Contents {
            self.tell(item, TransferStatus::Started);
        }
    }

    /// A transfer has failed; what was fetched goes with it.
    pub(super) fn broken_off(&self, running: Running, words: &str) {
        let Running { item, part, .. } = running;
        // Gone before anybody hears of it.
        drop(part);
        let name = item.name();
        log::warn!(camera:% = self.desk.camera, file = name, reason = words; "A transfer broke off.");
        if self.mode == ConnectionMode::Contents {
            self.tell(&item, TransferStatus::Error);
        }
        let message = format!("cannot fetch {name}: {words}");
        self.desk.say(CameraNotice::Error { code: super::super::FILE_ERROR, message });
    }

    fn tell(&self, item: &Item, status: TransferStatus) {
        let filename = Some(item.name().to_owned());
        self.desk.say(CameraNotice::ContentsTransfer { status, handle: item.handle, filename });
    }

    fn tell_progress(&self, running: &Running, percent: u8, saved_path: Option<String>) {
        if self.mode == ConnectionMode::Contents {
            return;
        }
        self.desk.say(CameraNotice::TransferProgress {
            percent,
            content: running.pull.content,
            file: running.pull.file,
            filename: running.item.name().to_owned(),
            saved_path,
        });
    }
}

/// On the disk, and under a name that no file had before.
fn keep(running: &Running) -> Result<PathBuf, StillError> {
    running.part.sync()?;
    let directory = &running.pull.directory;
    let name = Path::new(running.item.name());
    let stem = name.file_stem().and_then(|stem| stem.to_str()).unwrap_or("unnamed");
    let ending = match running.pull.rendition {
        Rendition::Original => name.extension().and_then(|ending| ending.to_str()).unwrap_or("bin"),
        Rendition::Thumbnail | Rendition::Screennail => "thumb.jpg",
    };
    for number in 1..TRIES {
        let path = match number {
            1 => directory.join(format!("{stem}.{ending}")),
            _ => directory.join(format!("{stem}-{number}.{ending}")),
        };
        match running.part.place(&path) {
            Ok(()) => {
                sync_directory(directory)?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StillError::io("name", &path, error)),
        }
    }
    let reason = std::io::Error::other("too many names are taken");
    Err(StillError::io("name a file in", directory, reason))
}

fn disk(error: StillError) -> ControlError {
    ControlError::Disk(error.to_string())
}

//! What lies on the cards.
//!
//! Numbers for clients: in remote-transfer mode the files of one exposure (RAW and
//! JPEG, the same name but for the ending) are one content, numbered by its first
//! object, and counted from 1 in it; in contents mode every object is a content
//! with the file 0. Names come from the camera and are never used as paths here.

use std::collections::BTreeMap;

use super::super::packet::ObjectInfo;
use super::super::packet::codes::{format, object, operation as op};
use super::super::packet::{Malformed, Reader};
use super::link::ANSWER_MAX;
use super::{IpCamera, LinkError};
use crate::capture::control::{CardFile, ConnectionMode};

/// Most objects of a card that are looked at: a folder holds 9,999 (DCF 2.0), and
/// each takes the camera some milliseconds to describe.
const OBJECTS_MAX: usize = 10_000;

/// Deepest folder.
const DEPTH_MAX: usize = 8;

/// Longest name that is shown.
const NAME_MAX: usize = 255;

/// What is known of the objects of a session: each is asked about once.
#[derive(Default)]
pub(in super::super) struct Card {
    known: BTreeMap<u32, ObjectInfo>,
}

/// One file, and its object on the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Item {
    /// Object handle.
    pub handle: u32,
    /// As clients see it.
    pub file: CardFile,
}

impl Item {
    /// The name without folders.
    pub(in super::super) fn name(&self) -> &str {
        self.file.path.rsplit('/').next().unwrap_or_default()
    }
}

impl Card {
    /// The files of a slot, counted from 1.
    pub(in super::super) fn files(
        &mut self,
        camera: &mut IpCamera,
        slot: u8,
        mode: ConnectionMode,
    ) -> Result<Option<Vec<Item>>, LinkError> {
        let storages = numbers(&camera.link.get(op::GET_STORAGE_IDS, &[], ANSWER_MAX)?)?;
        // The upper half is the physical place (PIMA 15740, section 8.1).
        let storage = storages.into_iter().find(|storage| storage >> 16 == u32::from(slot));
        let Some(storage) = storage else { return Ok(None) };
        let handles = camera.link.get(op::GET_OBJECT_HANDLES, &[storage, 0, 0], ANSWER_MAX)?;
        let handles = numbers(&handles)?;
        let handles = &handles[..handles.len().min(OBJECTS_MAX)];
        self.known.retain(|handle, info| info.storage != storage || handles.contains(handle));
        for handle in handles {
            if !self.known.contains_key(handle) {
                let info = camera.link.get(op::GET_OBJECT_INFO, &[*handle], ANSWER_MAX)?;
                self.known.insert(*handle, ObjectInfo::parse(&info)?);
            }
        }
        Ok(Some(self.items(storage, mode)))
    }

    fn items(&self, storage: u32, mode: ConnectionMode) -> Vec<Item> {
        let mut contents: BTreeMap<(u32, &str), (u32, u64)> = BTreeMap::new();
        let is_file =
            |info: &ObjectInfo| info.storage == storage && info.format != format::ASSOCIATION;
        let files = self.known.iter().filter(|(_, info)| is_file(info));
        files
            .map(|(handle, info)| {
                let stem = info.name.rsplit_once('.').map_or(&*info.name, |(stem, _)| stem);
                let content = contents.entry((info.parent, stem)).or_insert((*handle, 0));
                content.1 += 1;
                let (content, file) = match mode {
                    ConnectionMode::Contents => (*handle, 0),
                    ConnectionMode::Remote | ConnectionMode::RemoteTransfer => *content,
                };
                Item { handle: *handle, file: self.file(info, u64::from(content), file) }
            })
            .collect()
    }

    fn file(&self, info: &ObjectInfo, content: u64, file: u64) -> CardFile {
        let (width, height) = info.size_px;
        CardFile {
            content,
            file,
            path: self.path(info),
            size: u64::from(info.size),
            size_px: (width > 0 && height > 0).then_some((width, height)),
            created: date(&info.created),
        }
    }

    fn path(&self, info: &ObjectInfo) -> String {
        let mut path = tidy(&info.name);
        let mut parent = info.parent;
        for _ in 0..DEPTH_MAX {
            let Some(folder) = self.known.get(&parent) else { break };
            path = format!("{}/{path}", tidy(&folder.name));
            parent = folder.parent;
        }
        path
    }
}

fn numbers(bytes: &[u8]) -> Result<Vec<u32>, Malformed> {
    let numbers = Reader::new("list of objects", bytes).u32s()?;
    Ok(numbers.into_iter().filter(|number| *number != object::ALL).collect())
}

/// A name as it may be shown and written: no folders, no control characters.
fn tidy(name: &str) -> String {
    let is_fine = |c: &char| !c.is_control() && !matches!(c, '/' | '\\' | '\0');
    let name: String = name.chars().filter(is_fine).take(NAME_MAX).collect();
    if name.trim_matches('.').is_empty() { "unnamed".to_owned() } else { name }
}

/// `YYYYMMDDThhmmss`.
fn date(text: &str) -> Option<[u16; 6]> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
    (text.as_bytes().get(8) == Some(&b'T')).then_some(())?;
    Some([part(0, 4)?, part(4, 6)?, part(6, 8)?, part(9, 11)?, part(11, 13)?, part(13, 15)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(parent: u32, name: &str, format: u16) -> ObjectInfo {
        let created = "20261122T120000".to_owned();
        ObjectInfo {
            storage: 0x1_0001,
            parent,
            format,
            name: name.into(),
            created,
            ..ObjectInfo::default()
        }
    }

    fn card() -> Card {
        let mut card = Card::default();
        card.known.insert(1, info(0, "DCIM", format::ASSOCIATION));
        card.known.insert(2, info(1, "100MSDCF", format::ASSOCIATION));
        card.known.insert(3, info(2, "DSC00001.JPG", format::EXIF_JPEG));
        card.known.insert(4, info(2, "DSC00002.JPG", format::EXIF_JPEG));
        card.known.insert(5, info(2, "DSC00002.ARW", format::SONY_RAW));
        card
    }

    #[test]
    fn files_of_one_exposure_are_one_content_in_transfer_mode() {
        let items = card().items(0x1_0001, ConnectionMode::RemoteTransfer);
        let ids: Vec<_> = items.iter().map(|item| (item.file.content, item.file.file)).collect();
        assert_eq!(ids, [(3, 1), (4, 1), (4, 2)]);
        assert_eq!(items[2].file.path, "DCIM/100MSDCF/DSC00002.ARW");
        assert_eq!(items[2].file.created, Some([2026, 11, 22, 12, 0, 0]));
        let items = card().items(0x1_0001, ConnectionMode::Contents);
        assert!(items.iter().all(|item| item.file.file == 0));
    }

    #[test]
    fn names_of_a_hostile_camera_are_no_paths() {
        assert_eq!(tidy("../../etc/passwd"), "....etcpasswd");
        assert_eq!(tidy(".."), "unnamed");
        assert_eq!(tidy("a\nb"), "ab");
        let mut card = card();
        // A folder inside itself.
        card.known.insert(2, info(2, "x", format::ASSOCIATION));
        let items = card.items(0x1_0001, ConnectionMode::Contents);
        assert!(items[0].file.path.len() < 100);
        assert_eq!(date("yesterday"), None);
        assert_eq!(date("2026112äT120000"), None);
    }
}

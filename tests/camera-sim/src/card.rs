//! Two cards with folders and files, as cameras keep them (`DCIM/100MSDCF`).
//!
//! Slot 1 holds three JPEG files and two pairs of RAW and JPEG, slot 2 one JPEG;
//! what is photographed to the card is added to slot 1, at most 100 objects.

use std::sync::Arc;

use crate::packet::codes::{format, object};
use crate::packet::{ObjectInfo, StorageInfo};
use crate::pictures::{Pictures, Still};

/// Numbers of the cards, by slot.
pub const STORAGES: [u32; 2] = [0x0001_0001, 0x0002_0001];
/// Most objects of both cards.
const FILES_MAX: usize = 100;
const CAPACITY: u64 = 64_000_000_000;
/// When everything was made, by the camera's clock.
const CREATED: &str = "20261122T120000";

/// A file of a card.
#[derive(Clone, Debug)]
pub struct CardFile {
    /// Number of the object.
    pub handle: u32,
    /// Slot, from 1.
    pub slot: u8,
    /// Path on the card.
    pub path: String,
    /// The file.
    pub still: Still,
}

#[derive(Debug)]
enum Entry {
    Folder { storage: u32, parent: u32, name: &'static str },
    File { storage: u32, parent: u32, still: Still },
}

/// Both cards. The number of an object is its place, counted from 1.
#[derive(Debug, Default)]
pub struct Cards(Vec<Entry>);

impl Cards {
    /// Cards that have been used before.
    pub fn new(pictures: &Pictures) -> Self {
        let mut cards = Self::default();
        for (slot, numbers) in
            [&[(1, false), (2, false), (3, false), (4, true), (5, true)][..], &[(6, false)]]
                .into_iter()
                .enumerate()
        {
            let storage = STORAGES[slot];
            let dcim = cards.push(Entry::Folder { storage, parent: 0, name: "DCIM" });
            let folder = cards.push(Entry::Folder { storage, parent: dcim, name: "100MSDCF" });
            for &(number, is_pair) in numbers {
                let still = |is_raw| pictures.still(number, is_raw);
                cards.push(Entry::File { storage, parent: folder, still: still(false) });
                if is_pair {
                    cards.push(Entry::File { storage, parent: folder, still: still(true) });
                }
            }
        }
        cards
    }

    fn push(&mut self, entry: Entry) -> u32 {
        self.0.push(entry);
        self.0.len() as u32
    }

    /// A photograph comes to slot 1; `None` when the card is full.
    pub fn add(&mut self, still: Still) -> Option<u32> {
        let is_full = self.0.len() >= FILES_MAX;
        // The second folder ever made is that of slot 1.
        (!is_full).then(|| self.push(Entry::File { storage: STORAGES[0], parent: 2, still }))
    }

    /// All files.
    pub fn files(&self) -> Vec<CardFile> {
        let file = |(at, entry): (usize, &Entry)| match entry {
            Entry::Folder { .. } => None,
            Entry::File { storage, still, .. } => Some(CardFile {
                handle: at as u32 + 1,
                slot: if *storage == STORAGES[0] { 1 } else { 2 },
                path: format!("DCIM/100MSDCF/{}", still.name),
                still: still.clone(),
            }),
        };
        self.0.iter().enumerate().filter_map(file).collect()
    }

    /// Numbers of the objects of a storage in a folder: 0 means everywhere,
    /// [`object::ALL`] the root.
    pub fn handles(&self, storage: u32, wanted: u16, parent: u32) -> Vec<u32> {
        let is_meant = |entry: &Entry| {
            let (its_storage, its_parent) = entry.place();
            (storage == object::ALL || storage == its_storage)
                && (wanted == 0 || wanted == entry.format())
                && match parent {
                    0 => true,
                    object::ALL => its_parent == 0,
                    folder => its_parent == folder,
                }
        };
        let numbered = self.0.iter().zip(1..);
        numbered.filter(|(entry, _)| is_meant(entry)).map(|(_, handle)| handle).collect()
    }

    fn entry(&self, handle: u32) -> Option<&Entry> {
        self.0.get(usize::try_from(handle).ok()?.checked_sub(1)?)
    }

    /// Figures of an object.
    pub fn info(&self, handle: u32) -> Option<ObjectInfo> {
        let entry = self.entry(handle)?;
        let (storage, parent) = entry.place();
        Some(match entry {
            Entry::Folder { name, .. } => ObjectInfo {
                storage,
                parent,
                format: format::ASSOCIATION,
                association: 1,
                name: (*name).to_owned(),
                created: CREATED.to_owned(),
                modified: CREATED.to_owned(),
                ..ObjectInfo::default()
            },
            Entry::File { still, .. } => ObjectInfo { storage, parent, ..still_info(still) },
        })
    }

    /// A file's photograph.
    pub fn still(&self, handle: u32) -> Option<&Still> {
        match self.entry(handle)? {
            Entry::File { still, .. } => Some(still),
            Entry::Folder { .. } => None,
        }
    }

    /// Figures of a card.
    pub fn storage_info(&self, storage: u32) -> Option<StorageInfo> {
        let slot = STORAGES.iter().position(|known| *known == storage)?;
        let stills = self.0.iter().filter(|entry| entry.place().0 == storage);
        let used: u64 = stills.map(|entry| entry.bytes().map_or(0, |b| b.len() as u64)).sum();
        Some(StorageInfo {
            kind: 4,
            file_system: 3,
            access: 1,
            capacity: CAPACITY,
            free: CAPACITY - used,
            free_images: 1742,
            description: format!("Slot {}", slot + 1),
            label: String::new(),
        })
    }
}

impl Entry {
    /// Storage and folder.
    fn place(&self) -> (u32, u32) {
        match self {
            Self::Folder { storage, parent, .. } | Self::File { storage, parent, .. } => {
                (*storage, *parent)
            }
        }
    }

    fn format(&self) -> u16 {
        match self {
            Self::Folder { .. } => format::ASSOCIATION,
            Self::File { still, .. } => still_format(still),
        }
    }

    fn bytes(&self) -> Option<&Arc<[u8]>> {
        match self {
            Self::Folder { .. } => None,
            Self::File { still, .. } => Some(&still.bytes),
        }
    }
}

fn still_format(still: &Still) -> u16 {
    if still.is_raw { format::SONY_RAW } else { format::EXIF_JPEG }
}

/// Figures of a photograph, wherever it is.
pub fn still_info(still: &Still) -> ObjectInfo {
    ObjectInfo {
        format: still_format(still),
        size: still.bytes.len() as u32,
        thumb_format: format::EXIF_JPEG,
        thumb_size: still.thumb.len() as u32,
        thumb_px: (160, 120),
        size_px: still.size_px,
        depth: 24,
        name: still.name.clone(),
        created: CREATED.to_owned(),
        modified: CREATED.to_owned(),
        ..ObjectInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_finds_the_files_folder_by_folder() {
        let cards = Cards::new(&Pictures::built_in());
        let root = cards.handles(STORAGES[0], 0, object::ALL);
        let folders = cards.handles(STORAGES[0], 0, root[0]);
        let files = cards.handles(STORAGES[0], 0, folders[0]);
        assert_eq!((root.len(), folders.len(), files.len()), (1, 1, 7));
        assert_eq!(cards.handles(object::ALL, format::SONY_RAW, 0).len(), 2);
        assert_eq!(cards.info(files[0]).unwrap().name, "DSC00001.JPG");
    }

    #[test]
    fn a_new_photograph_lies_in_the_folder_of_slot_1() {
        let pictures = Pictures::built_in();
        let mut cards = Cards::new(&pictures);
        let handle = cards.add(pictures.still(9, false)).unwrap();
        let file = cards.files().into_iter().find(|file| file.handle == handle).unwrap();
        assert_eq!((file.slot, file.path.as_str()), (1, "DCIM/100MSDCF/DSC00009.JPG"));
        assert!(cards.handles(STORAGES[0], 0, 2).contains(&handle));
    }
}

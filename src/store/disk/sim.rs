//! A disk in memory that keeps what was synced and no more than a disk must.
//!
//! At a power cut every sector of a file that was not synced is kept, zeroed or
//! filled with something else, each by lot (so later ones may be there and
//! earlier ones not), and every name made or removed without a sync of its
//! directory is there or not, by lot. It runs full, turns read-only, fails
//! writes half way and syncs for good. The same seed does the same again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// What a disk writes as one.
const SECTOR: usize = 512;

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

/// How often what goes wrong, as one in so many; 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// Writes that end half way.
    pub writes: u32,
    /// Syncs that fail and lose what they should have kept.
    pub syncs: u32,
    /// Other operations (create, remove, open, list).
    pub others: u32,
}

struct State {
    random: fastrand::Rng,
    files: HashMap<u64, Contents>,
    next_file: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    dirs: BTreeSet<PathBuf>,
    capacity: u64,
    is_read_only: bool,
    trouble: Trouble,
    /// Operations until the power fails.
    power_left: Option<u64>,
    /// Open files of an earlier boot do not work any more.
    boot: u64,
    failures: u64,
}

#[derive(Default)]
struct Contents {
    bytes: Vec<u8>,
    synced: usize,
    /// What a failed sync has given up.
    lost: Vec<Range<usize>>,
}

impl SimDisk {
    /// An empty disk of `capacity` bytes.
    pub fn new(seed: u64, capacity: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: fastrand::Rng::with_seed(seed),
            files: HashMap::new(),
            next_file: 1,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            dirs: BTreeSet::new(),
            capacity,
            is_read_only: false,
            trouble: Trouble::default(),
            power_left: None,
            boot: 0,
            failures: 0,
        })))
    }

    /// From now on this goes wrong.
    pub fn set_trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    /// From now on it holds so many bytes.
    pub fn set_capacity(&self, capacity: u64) {
        self.state().capacity = capacity;
    }

    /// Mounted read-only, or not.
    pub fn set_read_only(&self, is_read_only: bool) {
        self.state().is_read_only = is_read_only;
    }

    /// The power fails after so many operations.
    pub fn cut_after(&self, operations: u64) {
        self.state().power_left = Some(operations);
    }

    /// Names in `dir` as they are now, whatever the weather.
    pub fn names(&self, dir: &Path) -> Vec<String> {
        let state = self.state();
        let here = state.names.keys().filter(|path| path.parent() == Some(dir));
        here.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect()
    }

    /// Operations that have failed so far.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// The power is back: what a disk need not have kept is kept or not by lot.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.settle_names();
        let State { files, random, .. } = &mut *state;
        files.values_mut().for_each(|contents| contents.settle(random));
        (state.power_left, state.trouble, state.is_read_only) = (None, Trouble::default(), false);
        state.boot += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One operation: refused without power, on a read-only mount or by lot.
    fn begin(&mut self, one_in: u32, is_change: bool) -> io::Result<()> {
        if let Some(left) = &mut self.power_left {
            if *left == 0 {
                self.failures += 1;
                return Err(io::Error::other("no power"));
            }
            *left -= 1;
        }
        if is_change && self.is_read_only {
            self.failures += 1;
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if one_in > 0 && self.random.u32(..one_in) == 0 {
            self.failures += 1;
            return Err(io::Error::other("simulated failure"));
        }
        Ok(())
    }

    fn room(&self) -> u64 {
        let used: u64 = self.names.values().map(|id| self.files[id].bytes.len() as u64).sum();
        self.capacity.saturating_sub(used)
    }

    fn add(&mut self, path: &Path, bytes: Vec<u8>) -> io::Result<u64> {
        if !path.parent().is_some_and(|dir| self.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let id = self.next_file;
        self.next_file += 1;
        self.names.insert(path.to_owned(), id);
        self.files.insert(id, Contents { bytes, ..Contents::default() });
        Ok(id)
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn settle_names(&mut self) {
        let all: BTreeSet<PathBuf> =
            self.names.keys().chain(self.durable_names.keys()).cloned().collect();
        for path in all {
            let (now, durable) = (self.names.get(&path), self.durable_names.get(&path));
            let kept = if now == durable || self.random.bool() { now } else { durable };
            match kept.copied() {
                Some(id) => drop(self.names.insert(path, id)),
                None => drop(self.names.remove(&path)),
            }
        }
        self.durable_names.clone_from(&self.names);
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|id, _| named.contains(id));
    }
}

impl Contents {
    fn settle(&mut self, random: &mut fastrand::Rng) {
        let lost = std::mem::take(&mut self.lost);
        let unsynced = self.synced..self.bytes.len();
        // A file system may have written down the new length, or not.
        let length = random.usize(unsynced.start..=unsynced.end);
        self.bytes.truncate(length);
        for range in lost.into_iter().chain(std::iter::once(self.synced..length)) {
            let mut at = range.start;
            while at < range.end {
                let end = ((at / SECTOR + 1) * SECTOR).min(range.end);
                match random.u8(..4) {
                    0 => self.bytes[at..end].fill(0),
                    1 => self.bytes[at..end].iter_mut().for_each(|byte| *byte = random.u8(..)),
                    _ => {}
                }
                at = end;
            }
        }
        self.synced = self.bytes.len();
    }
}

impl Disk for SimDisk {
    fn create_dirs(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        state.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.state().dirs.contains(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, false)?;
        let here = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let named = here.filter_map(|(path, id)| {
            Some((path.file_name()?.to_str()?.to_owned(), state.files[id].bytes.len() as u64))
        });
        Ok(named.collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.add(path, Vec::new())?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        let id = state.find(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, false)?;
        let id = state.find(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        state.names.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.syncs;
        state.begin(one_in, false)?;
        let State { names, durable_names, .. } = &mut *state;
        durable_names.retain(|path, _| path.parent() != Some(dir) || names.contains_key(path));
        let here = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        durable_names.extend(here.map(|(path, id)| (path.clone(), *id)));
        Ok(())
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        if state.room() < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let size = usize::try_from(bytes).map_err(io::Error::other)?;
        state.add(path, vec![0; size]).map(drop)
    }

    fn free_bytes(&self, _dir: &Path) -> Option<u64> {
        Some(self.state().room())
    }
}

struct SimFile {
    disk: SimDisk,
    id: u64,
    boot: u64,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        let is_there = state.boot == self.boot && state.files.contains_key(&self.id);
        if is_there { Ok(state) } else { Err(io::Error::other("the disk was away")) }
    }
}

impl DiskFile for SimFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        let one_in = state.trouble.writes;
        let begun = state.begin(one_in, true);
        let room = usize::try_from(state.room()).unwrap_or(usize::MAX);
        // A cut may come in the middle of a write, and a failure leaves a part.
        let is_without_power = state.power_left == Some(0) && begun.is_err();
        let written = match &begun {
            Ok(()) => bytes.len().min(room),
            Err(_) if is_without_power || state.is_read_only => 0,
            Err(_) => state.random.usize(..=bytes.len().min(room)),
        };
        if let Some(contents) = state.files.get_mut(&self.id) {
            contents.bytes.extend(&bytes[..written]);
        }
        begun?;
        if written < bytes.len() {
            state.failures += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state()?;
        let one_in = state.trouble.syncs;
        let begun = state.begin(one_in, false);
        let has_power = state.power_left != Some(0) || begun.is_ok();
        if let (Some(contents), true) = (state.files.get_mut(&self.id), has_power) {
            let unsynced = contents.synced..contents.bytes.len();
            contents.synced = unsynced.end;
            if begun.is_err() {
                contents.lost.push(unsynced);
            }
        }
        begun
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let bytes = &state.files[&self.id].bytes;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let len = buffer.len().min(bytes.len() - start);
        buffer[..len].copy_from_slice(&bytes[start..start + len]);
        Ok(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state()?.files[&self.id].bytes.len() as u64)
    }

    fn is_at(&self, _: &Path) -> bool {
        // Nobody moves files behind the back of whoever uses this disk.
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_stays_and_the_rest_is_anybodys_guess() {
        let mut outcomes = BTreeSet::new();
        for seed in 0..200 {
            let disk = SimDisk::new(seed, 1 << 20);
            disk.create_dirs(Path::new("/d")).unwrap();
            let mut kept = disk.create(Path::new("/d/kept")).unwrap();
            kept.write_all(&[7; 1000]).unwrap();
            kept.sync().unwrap();
            disk.sync_dir(Path::new("/d")).unwrap();
            kept.write_all(&[8; 1000]).unwrap();
            disk.create(Path::new("/d/unnamed")).unwrap().sync().unwrap();
            disk.reboot();
            assert!(kept.sync().is_err(), "an open file has outlived the cut");
            let file = disk.open(Path::new("/d/kept")).unwrap();
            let bytes = super::super::read_range(file.as_ref(), 0, u64::MAX).unwrap();
            assert_eq!(bytes[..1000], [7; 1000]);
            let names = disk.list(Path::new("/d")).unwrap().len();
            outcomes.insert((names, bytes[1000..] == [8; 1000], bytes.len() > 1500));
        }
        assert!(outcomes.len() > 3, "{outcomes:?}");
    }

    #[test]
    fn a_full_disk_takes_a_part_and_says_so() {
        let disk = SimDisk::new(1, 100);
        disk.create_dirs(Path::new("/d")).unwrap();
        let mut file = disk.create(Path::new("/d/a")).unwrap();
        let error = file.write_all(&[1; 150]).unwrap_err();
        assert_eq!((error.kind(), file.size().unwrap()), (io::ErrorKind::StorageFull, 100));
        assert_eq!(disk.free_bytes(Path::new("/d")), Some(0));
    }
}

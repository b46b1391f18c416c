//! A disk in memory that keeps what was synced and no more than a disk must.
//!
//! At a power cut every sector of a file that was not synced is kept, zeroed or
//! filled with something else, each by lot (so later ones may be there and
//! earlier ones not), and every name made, changed or removed without a sync of
//! its directory is there or not, by lot. It runs full, turns read-only, writes
//! short, fails writes half way and syncs for good. The same seed does the same
//! again.

mod names;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::names::{Names, Node};
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
    /// Writes that take a part only, and say so.
    pub short_writes: u32,
    /// Syncs that fail and lose what they should have kept.
    pub syncs: u32,
    /// Other operations (create, rename, remove, open, list).
    pub others: u32,
}

struct State {
    random: fastrand::Rng,
    files: HashMap<u64, Contents>,
    next_file: u64,
    names: Names,
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
            names: Names::new(),
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
        self.state().names.files_in(dir).map(|(name, _)| name.to_owned()).collect()
    }

    /// A worn card: the byte at `at` of a file is another one from now on.
    pub fn damage(&self, path: &Path, at: usize) {
        let mut state = self.state();
        let id = state.names.file(path).ok();
        let contents = id.and_then(|id| state.files.get_mut(&id));
        if let Some(byte) = contents.and_then(|contents| contents.bytes.get_mut(at)) {
            *byte = !*byte;
        }
    }

    /// Operations that have failed so far.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// The power is back: what a disk need not have kept is kept or not by lot.
    pub fn reboot(&self) {
        let mut state = self.state();
        let State { files, names, random, .. } = &mut *state;
        names.settle(random);
        let named: BTreeSet<u64> = names.files().collect();
        files.retain(|id, _| named.contains(id));
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
        let used: u64 = self.names.files().map(|id| self.files[&id].bytes.len() as u64).sum();
        self.capacity.saturating_sub(used)
    }

    fn add(&mut self, path: &Path, bytes: Vec<u8>) -> io::Result<u64> {
        let id = self.next_file;
        self.names.add(path, Node::File(id))?;
        self.next_file += 1;
        self.files.insert(id, Contents { bytes, ..Contents::default() });
        Ok(id)
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
        let mut above: Vec<_> = dir.ancestors().collect();
        above.reverse();
        let missing: Vec<_> = above.into_iter().filter(|dir| !state.names.is_dir(dir)).collect();
        missing.into_iter().try_for_each(|dir| state.names.add(dir, Node::Dir))
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.state().names.is_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, false)?;
        let here = state.names.files_in(dir);
        Ok(here.map(|(name, id)| (name.to_owned(), state.files[&id].bytes.len() as u64)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        let id = state.add(path, Vec::new())?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        let id = state.names.file(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, false)?;
        let id = state.names.file(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, boot: state.boot }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        state.names.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.others;
        state.begin(one_in, true)?;
        state.names.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let one_in = state.trouble.syncs;
        state.begin(one_in, false)?;
        state.names.sync(dir)
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
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let one_in = state.trouble.writes;
        let begun = state.begin(one_in, true);
        let fits = bytes.len().min(usize::try_from(state.room()).unwrap_or(usize::MAX));
        // A cut may come in the middle of a write, and a failure leaves a part.
        let is_without_power = state.power_left == Some(0) && begun.is_err();
        let one_in_short = state.trouble.short_writes;
        let is_short = one_in_short > 0 && fits > 1 && state.random.u32(..one_in_short) == 0;
        let written = match &begun {
            Ok(()) if is_short => state.random.usize(1..fits),
            Ok(()) => fits,
            Err(_) if is_without_power || state.is_read_only => 0,
            Err(_) => state.random.usize(..=fits),
        };
        if let Some(contents) = state.files.get_mut(&self.id) {
            contents.bytes.extend(&bytes[..written]);
        }
        begun?;
        if written == 0 && !bytes.is_empty() {
            state.failures += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(written)
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
            disk.sync_dir(Path::new("/")).unwrap();
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

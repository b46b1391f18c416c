//! The files of the clips and what they weigh.
//!
//! `<dir>/<id / 1000>/<id>.mp4`, named after the event that the clip was begun
//! for. A clip in the making is `<id>.part`; each of its fragments is synced before
//! the next, and at its end it gets its name. What a crash leaves as `.part` is cut
//! after its last whole fragment and kept; without one it is removed. In memory:
//! about 60 bytes per clip.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use log::warn;

use super::fmp4::{Fragment, Fragmenter, Listed, completion, head, scan};
use crate::domain::{ClipSize, EncodedFrame, EventId, Timestamp, VideoFormat};

const EVENTS_PER_DIRECTORY: u64 = 1000;
const WHOLE: &str = "mp4";
const PART: &str = "part";

/// The files under one directory.
pub(super) struct ClipFiles {
    dir: PathBuf,
    kept: BTreeMap<EventId, Kept>,
    bytes: u64,
}

#[derive(Clone, Copy)]
struct Kept {
    bytes: u64,
    written_at: Timestamp,
}

impl ClipFiles {
    /// Files under `dir`, none known yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, kept: BTreeMap::new(), bytes: 0 }
    }

    /// Learns what is there; returns what a crash left and is whole now.
    pub fn scan(&mut self) -> io::Result<Vec<(EventId, ClipSize)>> {
        fs::create_dir_all(&self.dir)?;
        let mut recovered = Vec::new();
        for group in entries(&self.dir)? {
            for path in entries(&group).unwrap_or_default() {
                let Some(event) = event_of(&path) else { continue };
                if path.extension().is_some_and(|ext| ext == PART) {
                    match recover(&path) {
                        Ok(Some(size)) => recovered.push((event, size)),
                        Ok(None) => {}
                        Err(error) => {
                            warn!(event = event.0, error:%; "An unfinished clip could not be finished.");
                        }
                    }
                }
                self.learn(event);
            }
        }
        Ok(recovered)
    }

    /// Bytes of all known files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files that are known.
    pub fn events(&self) -> impl Iterator<Item = EventId> {
        self.kept.keys().copied()
    }

    /// Begins the clip of `event`.
    pub fn create(&self, event: EventId, format: &VideoFormat) -> io::Result<PartFile> {
        let path = path_of(&self.dir, event, PART);
        let group = path.parent().unwrap_or(&self.dir);
        if !group.is_dir() {
            fs::create_dir_all(group)?;
            File::open(&self.dir)?.sync_all()?;
        }
        let bytes = head(format);
        let mut file = File::create(&path)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        File::open(group)?.sync_all()?;
        let moov_end = scan(&mut Cursor::new(&bytes), bytes.len() as u64)?.moov_end;
        Ok(PartFile {
            path,
            file,
            moov_end,
            bytes: bytes.len() as u64,
            fragmenter: Fragmenter::default(),
            listed: Vec::new(),
            length: Duration::ZERO,
        })
    }

    /// Gives a clip its name; `None` when nothing is in it, and it is removed.
    pub fn finish(&mut self, event: EventId, part: PartFile) -> io::Result<Option<ClipSize>> {
        // What could not be written whole is not part of it.
        part.file.set_len(part.bytes)?;
        let size = finish(&part.file, &part.path, part.moov_end, part.length, &part.listed)?;
        self.learn(event);
        Ok(size)
    }

    /// Removes the clips of `events`.
    pub fn remove(&mut self, events: &[EventId]) {
        for event in events {
            for ending in [WHOLE, PART] {
                let path = path_of(&self.dir, *event, ending);
                // Absent is what is wanted; what cannot go is met by the next scan.
                let _ = fs::remove_file(&path);
                if let Some(group) = path.parent() {
                    // Succeeds only for an empty directory.
                    let _ = fs::remove_dir(group);
                }
            }
            self.forget(*event);
        }
    }

    /// Removes the oldest clip; false when there is none.
    pub fn remove_oldest(&mut self) -> bool {
        let oldest = self.kept.keys().next().copied();
        oldest.inspect(|event| self.remove(&[*event])).is_some()
    }

    /// Removes the oldest clip if it was written before `limit`.
    pub fn remove_older(&mut self, limit: Timestamp) -> bool {
        let is_older = self.kept.values().next().is_some_and(|kept| kept.written_at < limit);
        is_older && self.remove_oldest()
    }

    fn learn(&mut self, event: EventId) {
        self.forget(event);
        let Ok(meta) = fs::metadata(path_of(&self.dir, event, WHOLE)) else { return };
        let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let ms = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let kept = Kept { bytes: meta.len(), written_at: Timestamp::from_unix_ms(ms) };
        self.bytes += kept.bytes;
        self.kept.insert(event, kept);
    }

    fn forget(&mut self, event: EventId) {
        self.bytes -= self.kept.remove(&event).map_or(0, |kept| kept.bytes);
    }
}

/// A clip in the making.
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
    moov_end: u64,
    bytes: u64,
    fragmenter: Fragmenter,
    listed: Vec<Listed>,
    length: Duration,
}

impl PartFile {
    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether there is something to see in it.
    pub fn has_pictures(&self) -> bool {
        !self.listed.is_empty()
    }

    /// The next frame; writes the fragment that it ends.
    pub fn push(&mut self, frame: Arc<EncodedFrame>) -> io::Result<()> {
        self.fragmenter.push(frame).map_or(Ok(()), |fragment| self.write(fragment))
    }

    /// Writes what is left.
    pub fn flush(&mut self) -> io::Result<()> {
        self.fragmenter.finish().map_or(Ok(()), |fragment| self.write(fragment))
    }

    /// What could not be written whole is as if it had not been.
    fn write(&mut self, fragment: Fragment) -> io::Result<()> {
        self.file.write_all_at(&fragment.bytes, self.bytes)?;
        self.file.sync_data()?;
        self.bytes += fragment.bytes.len() as u64;
        self.length = fragment.end;
        self.listed.push(fragment.listed);
        Ok(())
    }
}

/// The clip of `event`, opened, if it is there and whole.
pub(super) fn open(dir: &Path, event: EventId) -> io::Result<Option<File>> {
    match File::open(path_of(dir, event, WHOLE)) {
        Ok(file) => Ok(Some(file)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

/// The clip of `event`, opened, while it is made.
pub(super) fn open_growing(dir: &Path, event: EventId) -> io::Result<Option<File>> {
    match File::open(path_of(dir, event, PART)) {
        Ok(file) => Ok(Some(file)),
        // It has just become whole.
        Err(error) if error.kind() == io::ErrorKind::NotFound => open(dir, event),
        Err(error) => Err(error),
    }
}

/// What the clip of `event` measures, if it is there and whole.
pub(super) fn measure(dir: &Path, event: EventId) -> io::Result<Option<ClipSize>> {
    let Some(mut file) = open(dir, event)? else { return Ok(None) };
    let bytes = file.metadata()?.len();
    let length = scan(&mut file, bytes)?.length;
    Ok(Some(ClipSize { length, bytes }))
}

/// Cuts what is not whole off a file that was left, and finishes it.
fn recover(path: &Path) -> io::Result<Option<ClipSize>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let found = scan(&mut file, len)?;
    file.set_len(found.bytes)?;
    finish(&file, path, found.moov_end, found.length, &found.fragments)
}

fn finish(
    file: &File,
    path: &Path,
    moov_end: u64,
    length: Duration,
    fragments: &[Listed],
) -> io::Result<Option<ClipSize>> {
    if fragments.is_empty() {
        return fs::remove_file(path).map(|()| None);
    }
    for (at, bytes) in completion(moov_end, length, fragments) {
        file.write_all_at(&bytes, at)?;
    }
    file.sync_all()?;
    fs::rename(path, path.with_extension(WHOLE))?;
    if let Some(group) = path.parent() {
        File::open(group)?.sync_all()?;
    }
    Ok(Some(ClipSize { length, bytes: file.metadata()?.len() }))
}

fn path_of(dir: &Path, EventId(id): EventId, ending: &str) -> PathBuf {
    dir.join((id / EVENTS_PER_DIRECTORY).to_string()).join(format!("{id}.{ending}"))
}

fn event_of(file: &Path) -> Option<EventId> {
    let ending = file.extension()?;
    let is_ours = ending == WHOLE || ending == PART;
    is_ours.then(|| file.file_stem()?.to_str()?.parse().ok().map(EventId))?
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::clip_testing::{format, keyframe_every};
    use super::*;

    fn part(files: &ClipFiles, event: u64, frames: u64) -> PartFile {
        let mut part = files.create(EventId(event), &format()).unwrap();
        for number in 0..frames {
            part.push(keyframe_every(10, number)).unwrap();
        }
        part
    }

    #[test]
    fn what_a_crash_left_is_kept_up_to_its_last_whole_fragment() {
        let dir = tempfile::tempdir().unwrap();
        let files = ClipFiles::new(dir.path().to_owned());
        let left = part(&files, 5, 25);
        let (path, whole) = (left.path.clone(), left.bytes());
        left.file.write_all_at(b"\0\0\0\x50moof torn", whole).unwrap();
        drop(left);
        drop(part(&files, 6, 1));
        let mut again = ClipFiles::new(dir.path().to_owned());
        let size = ClipSize { length: Duration::from_secs(2), bytes: whole };
        assert_eq!(again.scan().unwrap(), [(EventId(5), size)]);
        assert_eq!((again.bytes(), again.events().collect::<Vec<_>>()), (whole, vec![EventId(5)]));
        assert!(!path.exists() && !path.with_file_name("6.part").exists());
        assert!(again.scan().unwrap().is_empty(), "it is whole now");
    }

    #[test]
    fn a_recovered_clip_is_the_same_as_one_that_was_finished() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = ClipFiles::new(dir.path().to_owned());
        drop(part(&files, 1, 31));
        let mut finished = part(&files, 2, 30);
        finished.flush().unwrap();
        files.finish(EventId(2), finished).unwrap().unwrap();
        files.scan().unwrap();
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        assert_eq!(read("0/1.mp4"), read("0/2.mp4"));
    }

    #[test]
    fn the_oldest_goes_first_and_its_bytes_are_no_longer_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = ClipFiles::new(dir.path().to_owned());
        for event in [3, 2000] {
            let mut part = part(&files, event, 5);
            part.flush().unwrap();
            files.finish(EventId(event), part).unwrap().unwrap();
        }
        let both = files.bytes();
        assert!(!files.remove_older(Timestamp::from_unix_ms(0)));
        assert!(files.remove_oldest());
        assert_eq!(files.bytes(), both / 2);
        assert!(open(dir.path(), EventId(3)).unwrap().is_none());
        assert!(open(dir.path(), EventId(2000)).unwrap().is_some());
        assert!(files.remove_older(Timestamp::from_unix_ms(i64::MAX)));
        assert!(!files.remove_oldest());
    }
}

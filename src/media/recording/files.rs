//! The files of recordings.
//!
//! `<dir>/<camera>/<number / 1000>/<number>-<start>-<length>-<format>.mp4`: start and
//! length in milliseconds, the start since 1970, the format as a checksum of the
//! file's head. So a list of names is the whole index. A segment in the making is
//! `<number>-<start>-<format>.part`; at its end it gets its name. What a crash leaves
//! as `.part` is cut after its last whole fragment and kept; without one it is
//! removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::warn;

use super::super::fmp4::{Fragment, Listed, completion, head, retime, scan, ticks};
use super::index::Segment;
use crate::domain::{CameraId, Timestamp, VideoFormat};

const SEGMENTS_PER_DIRECTORY: u64 = 1000;
const WHOLE: &str = "mp4";
const PART: &str = "part";

/// A segment that was found.
pub(super) type Found = (CameraId, u64, Segment);

/// What there is below `dir`; what a crash left is whole afterwards. Files that are
/// not ours are left alone.
pub(super) fn scan_all(dir: &Path) -> io::Result<Vec<Found>> {
    fs::create_dir_all(dir)?;
    let mut found = Vec::new();
    for folder in entries(dir)? {
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(camera) = name.and_then(|name| name.parse::<CameraId>().ok()) else { continue };
        for group in entries(&folder).unwrap_or_default() {
            for path in entries(&group).unwrap_or_default() {
                let known = segment_at(&path);
                found.extend(known.map(|(number, segment)| (camera.clone(), number, segment)));
            }
        }
    }
    Ok(found)
}

fn segment_at(path: &Path) -> Option<(u64, Segment)> {
    let (number, segment) = named(path)?;
    if segment.is_open {
        let recovered = recover(path, number, segment);
        return recovered.unwrap_or_else(|error| {
            warn!(path:? = path, error:%; "An unfinished segment could not be finished.");
            None
        });
    }
    let bytes = fs::metadata(path).ok()?.len();
    Some((number, Segment { bytes, ..segment }))
}

/// What a name says.
fn named(path: &Path) -> Option<(u64, Segment)> {
    let ending = path.extension()?.to_str()?;
    let parts: Vec<_> = path.file_stem()?.to_str()?.split('-').collect();
    let (number, start, length, format) = match (ending, parts.as_slice()) {
        (WHOLE, [number, start, length, format]) => (number, start, *length, format),
        (PART, [number, start, format]) => (number, start, "0", format),
        _ => return None,
    };
    let segment = Segment {
        // Digits only, so never before 1970.
        start: Timestamp::from_unix_ms(start.parse::<u64>().ok()?.try_into().ok()?),
        length_ms: length.parse().ok()?,
        format: u32::from_str_radix(format, 16).ok()?,
        bytes: 0,
        is_open: ending == PART,
    };
    Some((number.parse().ok()?, segment))
}

/// Where a segment is.
pub(super) fn path_of(dir: &Path, camera: &CameraId, number: u64, segment: &Segment) -> PathBuf {
    let Segment { start, length_ms, format, is_open, .. } = *segment;
    let start = start.unix_ms().max(0);
    let name = match is_open {
        true => format!("{number}-{start}-{format:08x}.{PART}"),
        false => format!("{number}-{start}-{length_ms}-{format:08x}.{WHOLE}"),
    };
    dir.join(camera.as_str()).join((number / SEGMENTS_PER_DIRECTORY).to_string()).join(name)
}

/// Cuts what is not whole off a file that was left, and finishes it.
fn recover(path: &Path, number: u64, segment: Segment) -> io::Result<Option<(u64, Segment)>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let found = scan(&mut file, len)?;
    file.set_len(found.bytes)?;
    let whole = finish(&file, path, found.moov_end, found.length, &found.fragments)?;
    let Some((length_ms, bytes)) = whole else { return Ok(None) };
    let segment = Segment { length_ms, bytes, is_open: false, ..segment };
    rename(path, number, &segment)?;
    Ok(Some((number, segment)))
}

/// Removes a segment, and the directories that it leaves empty.
pub(super) fn remove(dir: &Path, camera: &CameraId, number: u64, segment: &Segment) {
    let path = path_of(dir, camera, number, segment);
    // Absent is what is wanted; what cannot go is met by the next scan.
    let _ = fs::remove_file(&path);
    for folder in path.ancestors().skip(1).take(2) {
        // Succeeds only for an empty directory.
        let _ = fs::remove_dir(folder);
    }
}

/// Gives a segment another date.
pub(super) fn redate(
    dir: &Path,
    camera: &CameraId,
    number: u64,
    (from, to): (&Segment, &Segment),
) -> io::Result<()> {
    rename(&path_of(dir, camera, number, from), number, to)
}

/// In the same directory, which is synced.
fn rename(path: &Path, number: u64, segment: &Segment) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let start = segment.start.unix_ms().max(0);
    let (length_ms, format) = (segment.length_ms, segment.format);
    fs::rename(path, folder.join(format!("{number}-{start}-{length_ms}-{format:08x}.{WHOLE}")))?;
    File::open(folder)?.sync_all()
}

/// A segment in the making.
pub(super) struct SegmentFile {
    pub number: u64,
    /// What is synced of it.
    pub segment: Segment,
    path: PathBuf,
    file: File,
    moov_end: u64,
    written: u64,
    /// Where it begins in the time of the stream, in ticks.
    origin: u64,
    length: Duration,
    listed: Vec<Listed>,
}

impl SegmentFile {
    /// Begins a segment with what is written next.
    pub fn create(
        dir: &Path,
        (camera, number): (&CameraId, u64),
        start: Timestamp,
        format: &VideoFormat,
    ) -> io::Result<Self> {
        let bytes = head(format);
        let moov_end = scan(&mut Cursor::new(&bytes), bytes.len() as u64)?.moov_end;
        let format = crc32fast::hash(&bytes);
        let segment = Segment { start, length_ms: 0, format, bytes: 0, is_open: true };
        let path = path_of(dir, camera, number, &segment);
        let group = path.parent().unwrap_or(dir);
        if !group.is_dir() {
            fs::create_dir_all(group)?;
            for folder in group.ancestors().skip(1).take(2) {
                File::open(folder)?.sync_all()?;
            }
        }
        let mut file = File::create(&path)?;
        file.write_all(&bytes)?;
        Ok(Self {
            number,
            segment,
            path,
            file,
            moov_end,
            written: bytes.len() as u64,
            origin: 0,
            length: Duration::ZERO,
            listed: Vec::new(),
        })
    }

    /// From its first picture to the end of what is written.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.written
    }

    /// The next fragment. What cannot be written whole is as if it had not been.
    pub fn write(&mut self, mut fragment: Fragment) -> io::Result<()> {
        if self.listed.is_empty() {
            self.origin = fragment.listed.start;
        }
        let start = fragment.listed.start.saturating_sub(self.origin);
        // Fragments are ours, so this is one.
        retime(&mut fragment.bytes, self.listed.len() as u32 + 1, start);
        self.file.write_all_at(&fragment.bytes, self.written)?;
        self.written += fragment.bytes.len() as u64;
        self.listed.push(Listed { start, ..fragment.listed });
        self.length = from_ticks(ticks(fragment.end).saturating_sub(self.origin));
        Ok(())
    }

    /// What is written is there after a cut of power.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.segment.bytes == 0 {
            self.file.sync_all()?;
            if let Some(group) = self.path.parent() {
                File::open(group)?.sync_all()?;
            }
        } else if self.segment.bytes < self.written {
            self.file.sync_data()?;
        }
        self.segment.bytes = self.written;
        self.segment.length_ms = whole_ms(self.length);
        Ok(())
    }

    /// Gives it its name; `None` when nothing is in it, and it is removed.
    pub fn finish(self) -> io::Result<Option<Segment>> {
        // What could not be written whole is not part of it.
        self.file.set_len(self.written)?;
        let whole = finish(&self.file, &self.path, self.moov_end, self.length, &self.listed)?;
        let Some((length_ms, bytes)) = whole else { return Ok(None) };
        let segment = Segment { length_ms, bytes, is_open: false, ..self.segment };
        rename(&self.path, self.number, &segment)?;
        Ok(Some(segment))
    }
}

/// Completes the head and syncs; length and bytes, or `None` when it was empty.
fn finish(
    file: &File,
    path: &Path,
    moov_end: u64,
    length: Duration,
    fragments: &[Listed],
) -> io::Result<Option<(u32, u64)>> {
    if fragments.is_empty() {
        return fs::remove_file(path).map(|()| None);
    }
    for (at, bytes) in completion(moov_end, length, fragments) {
        file.write_all_at(&bytes, at)?;
    }
    file.sync_all()?;
    Ok(Some((whole_ms(length), file.metadata()?.len())))
}

/// Rounded down, as the beginnings of fragments are: one that begins where a segment
/// ended so far is not before that.
fn whole_ms(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(100_000) / 9)
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::clip_testing::{format, keyframe_every};
    use super::super::super::fmp4::Fragmenter;
    use super::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn yard() -> CameraId {
        "yard".parse().unwrap()
    }

    /// A segment with the first fragments of a stream of so many frames.
    fn written(dir: &Path, number: u64, frames: u64) -> SegmentFile {
        let mut file = SegmentFile::create(dir, (&yard(), number), START, &format()).unwrap();
        let mut fragmenter = Fragmenter::default();
        for number in 0..frames {
            if let Some(fragment) = fragmenter.push(keyframe_every(10, number)) {
                file.write(fragment).unwrap();
            }
        }
        file
    }

    #[test]
    fn names_say_everything() {
        let dir = tempfile::tempdir().unwrap();
        let segment = written(dir.path(), 12_345, 31).finish().unwrap().unwrap();
        assert_eq!((segment.length_ms, segment.start), (3_000, START));
        assert_eq!(scan_all(dir.path()).unwrap(), [(yard(), 12_345, segment)]);
        remove(dir.path(), &yard(), 12_345, &segment);
        assert!(entries(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn what_a_crash_left_is_kept_up_to_its_last_whole_fragment() {
        let dir = tempfile::tempdir().unwrap();
        let mut left = written(dir.path(), 5, 25);
        left.sync().unwrap();
        assert_eq!(left.segment.length_ms, 2_000);
        left.file.write_all_at(b"\0\0\0\x50moof torn", left.written).unwrap();
        let (whole, format) = (left.written, left.segment.format);
        drop(left);
        drop(written(dir.path(), 6, 1));
        let length_ms = 2_000;
        let segment = Segment { start: START, length_ms, format, bytes: whole, is_open: false };
        assert_eq!(scan_all(dir.path()).unwrap(), [(yard(), 5, segment)]);
        assert_eq!(scan_all(dir.path()).unwrap(), [(yard(), 5, segment)], "it is whole now");
    }

    #[test]
    fn files_that_are_not_ours_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let group = dir.path().join("yard/0");
        fs::create_dir_all(&group).unwrap();
        let names = ["notes.txt", "1-2.mp4", "1-2-3-xyz.mp4", "1--2-3-0.mp4", "99-1-2-3-4.part"];
        names.iter().for_each(|name| fs::write(group.join(name), "x").unwrap());
        fs::write(dir.path().join("stray"), "x").unwrap();
        assert!(scan_all(dir.path()).unwrap().is_empty());
        assert_eq!(entries(&group).unwrap().len(), names.len());
    }
}

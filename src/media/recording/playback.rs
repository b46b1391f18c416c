//! A stretch of a recording as one file that nobody has written: a head, and the
//! fragments of its segments with new times, read when they are asked for. In the same
//! way a clip is played that is still being written.
//!
//! Every byte of it has a fixed place, so it is answered in parts like any file, and
//! players seek in it. It begins on the keyframe at or before the wanted instant.
//! Gaps are closed: what follows one is shown directly after what was before. It
//! ends where the format changes, because players do not change theirs. Memory: 32
//! bytes for each fragment, at most [`FRAGMENTS_MAX`], and one open file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::fmp4::{Contents, Listed, OPENING, TICKS, contents, joined_head, retime};
use super::files;
use super::index::Segment;
use crate::domain::{CameraId, Timestamp};

/// Playbacks at the same time: each costs a chunk and its list, 200 KiB.
pub const PLAYBACKS_MAX: usize = 16;

/// The longest stretch that is asked for at once.
pub const PLAYBACK_MAX: Duration = Duration::from_secs(3600);

/// Fragments of one playback: an hour has 3600, unless they are cut by their size.
const FRAGMENTS_MAX: usize = 16_384;

/// Why nothing is played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The limit is reached.
    #[error("{PLAYBACKS_MAX} recordings are being played already, the limit")]
    TooMany,
    /// The disk failed.
    #[error("read {what}")]
    Read {
        /// What was to be read.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// A stretch of a recording.
pub struct Playback {
    head: Vec<u8>,
    pieces: Vec<PathBuf>,
    parts: Vec<Part>,
    bytes: u64,
    start: Timestamp,
    length: Duration,
    checksum: u32,
    /// The piece that was read last.
    open: Mutex<Option<(usize, Arc<File>)>>,
    _turn: Turn,
}

/// A fragment and its place.
struct Part {
    /// Where it begins in the whole.
    at: u64,
    /// And in its file.
    file_at: u64,
    /// When it is shown now, in ticks.
    begin: u64,
    piece: u32,
}

/// One of [`PLAYBACKS_MAX`].
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(taken: &Arc<AtomicUsize>) -> Option<Self> {
        let one_more = |count| (count < PLAYBACKS_MAX).then_some(count + 1);
        let turn = taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more);
        turn.ok().map(|_| Self(Arc::clone(taken)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Playback {
    /// `None` when nothing of `segments` is shown between the two instants.
    pub(super) fn open(
        (dir, camera): (&Path, &CameraId),
        taken: &Arc<AtomicUsize>,
        segments: Vec<(u64, Segment)>,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Option<Self>, PlayError> {
        let turn = Turn::take(taken).ok_or(PlayError::TooMany)?;
        let mut plan = Plan::default();
        let format = segments.first().map(|(_, segment)| segment.format);
        for (number, segment) in segments {
            if Some(segment.format) != format || plan.parts.len() >= FRAGMENTS_MAX {
                break;
            }
            let path = files::path_of(dir, camera, number, &segment);
            let read = read(&path, &segment);
            let what = || format!("the recording of camera {camera}");
            let contents = read
                .map_err(|source| PlayError::Read { what: what(), source })?
                // Retention has been here meanwhile.
                .unwrap_or_default();
            plan.add(path, &segment, contents, (from, until));
        }
        Ok(plan.finish(turn))
    }

    /// The first `length` of a file of ours, of which `bytes` do not change any more;
    /// `None` when there is no picture in them.
    pub(in crate::media) fn of_file(
        (what, mut file): (&str, File),
        bytes: u64,
        length: Duration,
        taken: &Arc<AtomicUsize>,
    ) -> Result<Option<Self>, PlayError> {
        let turn = Turn::take(taken).ok_or(PlayError::TooMany)?;
        let failed = |source| PlayError::Read { what: what.to_owned(), source };
        let contents = contents(&mut file, bytes).map_err(failed)?;
        let start = Timestamp::default();
        let segment = Segment { start, length_ms: 0, format: 0, bytes, is_open: true };
        let mut plan = Plan::default();
        plan.add(PathBuf::new(), &segment, contents, (start, start.after(length)));
        let playback = plan.finish(turn);
        // One piece, which is open already.
        let open = Mutex::new(Some((0, Arc::new(file))));
        Ok(playback.map(|playback| Self { open, ..playback }))
    }

    /// Bytes of the whole.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When its first picture was taken.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// How long it plays.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The same for the same bytes.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// Bytes from `at` on, at most `count`; fewer at its end, or at the end of a
    /// fragment. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails, or retention has removed what was to be read.
    pub fn read_at(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let head = usize::try_from(at).ok().and_then(|at| self.head.get(at..));
        if let Some(head) = head.filter(|head| !head.is_empty()) {
            return Ok(head[..count.min(head.len())].to_vec());
        }
        let next = self.parts.partition_point(|part| part.at <= at);
        let Some(number) = next.checked_sub(1) else { return Ok(Vec::new()) };
        let part = &self.parts[number];
        let end = self.parts.get(next).map_or(self.bytes, |next| next.at);
        let (within, left) = (at - part.at, end.saturating_sub(at));
        // No more than `count`.
        let mut chunk = vec![0; left.min(count as u64) as usize];
        let file = self.file(part.piece as usize)?;
        file.read_exact_at(&mut chunk, part.file_at + within)?;
        if within < OPENING as u64 {
            let opening = opening(&file, part, number as u32 + 1)?;
            // Below OPENING.
            let rest = &opening[within as usize..];
            let known = rest.len().min(chunk.len());
            chunk[..known].copy_from_slice(&rest[..known]);
        }
        Ok(chunk)
    }

    fn file(&self, piece: usize) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, file)) = &*open
            && *known == piece
        {
            return Ok(Arc::clone(file));
        }
        let path = self.pieces.get(piece).ok_or(io::ErrorKind::NotFound)?;
        let file = Arc::new(find(path)?);
        *open = Some((piece, Arc::clone(&file)));
        Ok(file)
    }
}

/// What a fragment begins with, with its new time.
fn opening(file: &File, part: &Part, number: u32) -> io::Result<[u8; OPENING]> {
    let mut opening = [0; OPENING];
    file.read_exact_at(&mut opening, part.file_at)?;
    match retime(&mut opening, number, part.begin) {
        true => Ok(opening),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "a fragment is damaged")),
    }
}

/// The segment at `path`, which may have got another name: it was being written, or
/// was dated anew. Its number is the first word of both.
fn find(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
            let number = name(path).and_then(|name| Some(name.split_once('-')?.0.to_owned()));
            let (Some(folder), Some(number)) = (path.parent(), number) else { return Err(error) };
            let is_same = |path: &Path| {
                name(path).is_some_and(|name| name.split('-').next() == Some(number.as_str()))
            };
            let mut others = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
            others.find(|path| is_same(path)).map_or(Err(error), File::open)
        }
        opened => opened,
    }
}

/// What is in a segment; `None` when it is gone.
fn read(path: &Path, segment: &Segment) -> io::Result<Option<Contents>> {
    match find(path) {
        Ok(mut file) => contents(&mut file, segment.bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A playback in the making.
#[derive(Default)]
struct Plan {
    movie: Vec<u8>,
    pieces: Vec<PathBuf>,
    /// Places are counted from the first fragment on.
    parts: Vec<Part>,
    listed: Vec<Listed>,
    bytes: u64,
    /// The end of the last fragment, in ticks.
    end: u64,
    start: Option<Timestamp>,
}

impl Plan {
    /// The fragments of a segment that belong to it.
    fn add(
        &mut self,
        path: PathBuf,
        segment: &Segment,
        contents: Contents,
        (from, until): (Timestamp, Timestamp),
    ) {
        let Contents { movie, first_at, fragments, end } = contents;
        let shown_at = |fragment: &Listed| segment.start.after(span(fragment.start));
        let is_before = |fragment: &&Listed| shown_at(fragment) < until;
        // A playback begins on a keyframe; what follows in other segments is whole.
        let first = match self.start {
            Some(_) => 0,
            None => fragments
                .iter()
                .rposition(|f| f.begins_with_keyframe && shown_at(f) <= from)
                .unwrap_or(0),
        };
        let count = fragments.iter().skip(first).take_while(is_before).count();
        let count = count.min(FRAGMENTS_MAX.saturating_sub(self.parts.len()));
        let Some(origin) = fragments.get(first).filter(|_| count > 0) else { return };
        if self.start.is_none() {
            self.start = Some(shown_at(origin));
            self.movie = movie;
        }
        let mut file_at = first_at;
        file_at += fragments[..first].iter().map(|f| u64::from(f.bytes)).sum::<u64>();
        let begin = self.end;
        let piece = self.pieces.len() as u32;
        for fragment in &fragments[first..first + count] {
            let start = begin + fragment.start.saturating_sub(origin.start);
            self.parts.push(Part { at: self.bytes, file_at, begin: start, piece });
            self.listed.push(Listed { start, ..*fragment });
            self.bytes += u64::from(fragment.bytes);
            file_at += u64::from(fragment.bytes);
        }
        let end = fragments.get(first + count).map_or(end, |next| next.start);
        self.end = begin + end.saturating_sub(origin.start);
        self.pieces.push(path);
    }

    fn finish(self, turn: Turn) -> Option<Playback> {
        let head = joined_head(&self.movie, &self.listed, self.end);
        let mut parts = self.parts;
        parts.iter_mut().for_each(|part| part.at += head.len() as u64);
        Some(Playback {
            bytes: head.len() as u64 + self.bytes,
            start: self.start?,
            length: span(self.end),
            checksum: crc32fast::hash(&head),
            head,
            pieces: self.pieces,
            parts,
            open: Mutex::new(None),
            _turn: turn,
        })
    }
}

fn span(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1_000) / TICKS)
}

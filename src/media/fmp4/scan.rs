//! What of a file is whole: for those that a cut of power left behind.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use super::TICKS;
use super::fragment::ALONE;
use super::head::Listed;

/// Longest `moof` that is believed: 60 frames a second for minutes.
const MOOF_MAX: u64 = 1 << 20;

/// The whole part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::media) struct Scanned {
    /// Where the movie's description ends.
    pub moov_end: u64,
    /// Bytes up to the end of the last whole fragment.
    pub bytes: u64,
    /// Whole fragments.
    pub fragments: Vec<Listed>,
    /// From the first picture to the end of the last.
    pub length: Duration,
}

/// Reads the boxes of `file`, which is `len` bytes long, up to the first that is
/// not whole or not ours.
///
/// # Errors
/// When the file cannot be read.
pub(in crate::media) fn scan(file: &mut (impl Read + Seek), len: u64) -> io::Result<Scanned> {
    let mut found = Scanned::default();
    let (mut at, mut moof) = (0, None);
    while at + 8 <= len {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let [a, b, c, d, name @ ..] = head;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        if size < 8 || at + size > len {
            break;
        }
        match &name {
            b"moof" if size <= MOOF_MAX => {
                let mut inside = vec![0; (size - 8) as usize];
                file.read_exact(&mut inside)?;
                moof = times_of(&inside).map(|times| (size, times));
            }
            b"mdat" => {
                let Some((moof_bytes, times)) = moof.take() else { break };
                found.bytes = at + size;
                found.fragments.push(Listed {
                    bytes: u32::try_from(moof_bytes + size).unwrap_or(u32::MAX),
                    start: times.begin,
                    begins_with_keyframe: times.begins_with_keyframe,
                });
                let end = times.begin.saturating_add(times.lasts);
                found.length = Duration::from_micros(end.saturating_mul(1_000_000) / TICKS);
            }
            b"moov" => found.moov_end = at + size,
            b"ftyp" | b"sidx" | b"free" => {}
            _ => break,
        }
        at += size;
    }
    Ok(found)
}

/// When a fragment begins and how long it is, in ticks.
struct Times {
    begin: u64,
    lasts: u64,
    begins_with_keyframe: bool,
}

/// The times of a fragment of ours.
fn times_of(moof: &[u8]) -> Option<Times> {
    let traf = inner(moof, b"traf")?;
    let tfdt = inner(traf, b"tfdt")?;
    let begin = u64::from_be_bytes(*tfdt.get(4..)?.first_chunk()?);
    let trun = inner(traf, b"trun")?;
    let count = u32::from_be_bytes(*trun.get(4..)?.first_chunk()?) as usize;
    let samples = trun.get(12..)?.chunks_exact(16).take(count);
    let lasts = samples
        .clone()
        .filter_map(<[u8]>::first_chunk)
        .fold(0, |sum: u64, lasts| sum.saturating_add(u32::from_be_bytes(*lasts).into()));
    let flags = samples.clone().next()?.get(8..)?.first_chunk()?;
    Some(Times { begin, lasts, begins_with_keyframe: u32::from_be_bytes(*flags) == ALONE })
}

/// What is inside the first box of this name.
fn inner<'a>(mut boxes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let (head, _) = boxes.split_first_chunk::<8>()?;
        let [a, b, c, d, name @ ..] = head;
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let whole = boxes.get(8..size)?;
        if name == wanted {
            return Some(whole);
        }
        boxes = &boxes[size..];
    }
}

//! What is in a file, from the list in its head: one small read for a minute of
//! video. Without a list (the file is not whole, or has too many fragments for it)
//! the fragments are looked for one by one.

use std::io::{self, Read, Seek, SeekFrom};

use super::head::{BEGINS_WITH_KEYFRAME, Listed, SIZE_MASK};
use super::{scan, ticks};

/// Longest head that is believed.
const HEAD_MAX: u64 = 64 << 10;

/// What is in a file of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::media) struct Contents {
    /// Up to the end of the movie's description.
    pub movie: Vec<u8>,
    /// Where the first fragment begins.
    pub first_at: u64,
    /// The fragments, one after the other.
    pub fragments: Vec<Listed>,
    /// When the last ends, in ticks.
    pub end: u64,
}

/// What is in the first `len` bytes of `file`; nothing if it is none of ours.
///
/// # Errors
/// When the file cannot be read.
pub(in crate::media) fn contents(file: &mut (impl Read + Seek), len: u64) -> io::Result<Contents> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD_MAX.min(len)).read_to_end(&mut head)?;
    match listed(&head, len) {
        Some(found) => Ok(found),
        None => searched(file, len, &head),
    }
}

fn listed(head: &[u8], len: u64) -> Option<Contents> {
    let (mut found, mut at) = (Contents::default(), 0);
    loop {
        let (size, name) = header(head, at)?;
        let inside = head.get(at + 8..at.checked_add(size)?);
        match &name {
            b"moov" => found.movie = head.get(..at + size)?.to_vec(),
            b"sidx" => (found.fragments, found.end) = entries(inside?)?,
            b"moof" => break,
            b"ftyp" | b"free" => drop(inside?),
            _ => return None,
        }
        at += size;
    }
    found.first_at = at as u64;
    let bytes: u64 = found.fragments.iter().map(|fragment| u64::from(fragment.bytes)).sum();
    let is_whole = !found.movie.is_empty() && found.first_at + bytes == len;
    is_whole.then_some(found)
}

/// Size and name of the box at `at`.
fn header(bytes: &[u8], at: usize) -> Option<(usize, [u8; 4])> {
    let [a, b, c, d, name @ ..] = *bytes.get(at..)?.first_chunk::<8>()?;
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    (size >= 8).then_some((size, name))
}

/// The fragments of a list, and when the last ends.
fn entries(list: &[u8]) -> Option<(Vec<Listed>, u64)> {
    let count = usize::from(u16::from_be_bytes(*list.get(22..)?.first_chunk()?));
    let mut start = 0;
    let mut fragments = Vec::with_capacity(count);
    for entry in list.get(24..)?.chunks_exact(12).take(count) {
        let word = |at: usize| Some(u32::from_be_bytes(*entry.get(at..)?.first_chunk()?));
        let begins_with_keyframe = word(8)? & BEGINS_WITH_KEYFRAME == BEGINS_WITH_KEYFRAME;
        fragments.push(Listed { bytes: word(0)? & SIZE_MASK, start, begins_with_keyframe });
        start += u64::from(word(4)?);
    }
    (fragments.len() == count && count > 0).then_some((fragments, start))
}

fn searched(file: &mut (impl Read + Seek), len: u64, head: &[u8]) -> io::Result<Contents> {
    let found = scan(file, len)?;
    let movie = usize::try_from(found.moov_end).ok().and_then(|end| head.get(..end));
    let bytes: u64 = found.fragments.iter().map(|fragment| u64::from(fragment.bytes)).sum();
    Ok(Contents {
        movie: movie.unwrap_or_default().to_vec(),
        first_at: found.bytes.saturating_sub(bytes),
        fragments: found.fragments,
        end: ticks(found.length),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::super::clip_testing::{format, keyframe_every};
    use super::super::{Fragmenter, completion, head};
    use super::*;

    /// A file, and the same before it was finished.
    fn files() -> (Vec<u8>, Vec<u8>) {
        let mut file = head(&format());
        let moov_end = scan(&mut Cursor::new(&file), file.len() as u64).unwrap().moov_end;
        let (mut fragmenter, mut listed) = (Fragmenter::default(), Vec::new());
        let pushed: Vec<_> =
            (0..45).filter_map(|number| fragmenter.push(keyframe_every(10, number))).collect();
        let mut end = Default::default();
        for fragment in pushed.into_iter().chain(fragmenter.finish()) {
            file.extend(&fragment.bytes);
            listed.push(fragment.listed);
            end = fragment.end;
        }
        let unfinished = file.clone();
        for (at, bytes) in completion(moov_end, end, &listed) {
            file[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
        (file, unfinished)
    }

    fn read(file: &[u8]) -> Contents {
        contents(&mut Cursor::new(file), file.len() as u64).unwrap()
    }

    #[test]
    fn the_list_and_a_search_say_the_same() {
        let (whole, unfinished) = files();
        assert!(listed(&whole, whole.len() as u64).is_some());
        assert!(listed(&unfinished, unfinished.len() as u64).is_none());
        let (known, found) = (read(&whole), read(&unfinished));
        assert_eq!((known.fragments.len(), known.end), (5, 405_000));
        assert_eq!(
            (known.fragments, known.end, known.first_at),
            (found.fragments, found.end, found.first_at)
        );
        assert_eq!(known.movie.len(), found.movie.len());
    }

    #[test]
    fn a_list_that_does_not_fit_its_file_is_not_believed() {
        let (mut whole, _) = files();
        let all = read(&whole);
        whole.truncate(whole.len() - 1);
        assert_eq!(read(&whole).fragments, all.fragments[..4]);
    }

    #[test]
    fn damaged_heads_are_read_without_a_panic() {
        let (clean, _) = files();
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..5_000 {
            let mut file = clean.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..3_900.min(file.len()));
                file[at] = random.u8(..);
            }
            let found = read(&file);
            assert!(found.first_at <= file.len() as u64);
        }
    }
}

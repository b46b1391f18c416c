//! The head of a file, and what is written into it at the end.

use std::time::Duration;

use super::boxes::Bytes;
use super::{LISTED_MAX, TICKS, ticks};
use crate::domain::{VideoCodec, VideoFormat};

/// Bytes that the list of fragments takes: its own, and those of each.
const LIST_BYTES: usize = SIDX_BYTES + ENTRY_BYTES * LISTED_MAX;
const SIDX_BYTES: usize = 32;
const ENTRY_BYTES: usize = 12;

/// In the list: the size of a fragment, and that it begins with a keyframe of the
/// first kind.
pub(super) const SIZE_MASK: u32 = 0x7fff_ffff;
pub(super) const BEGINS_WITH_KEYFRAME: u32 = 0x9000_0000;

/// Bytes of the box behind the length.
const TREX_BYTES: u64 = 32;

/// A fragment as the list names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) struct Listed {
    pub bytes: u32,
    /// When it begins, in ticks.
    pub start: u64,
    pub begins_with_keyframe: bool,
}

/// The head of a file of this stream; its length is not known yet.
pub(in crate::media) fn head(format: &VideoFormat) -> Vec<u8> {
    let mut out = Bytes::default();
    out.boxed(b"ftyp", |b| {
        b.0.extend(b"isom");
        b.u32(0x200);
        b.0.extend(b"isomiso5iso6mp41");
    });
    out.boxed(b"moov", |b| {
        movie_header(b);
        b.boxed(b"trak", |b| track(b, format));
        b.boxed(b"mvex", |b| {
            b.full(b"mehd", 1, 0, |b| b.u64(0));
            b.full(b"trex", 0, 0, |b| [1, 1, 0, 0, 0].into_iter().for_each(|n| b.u32(n)));
        });
    });
    list(&mut out, &[], 0);
    out.0
}

/// What a whole file has in the room that its head left, and where. `moov_end` is
/// where the room begins.
pub(in crate::media) fn completion(
    moov_end: u64,
    length: Duration,
    fragments: &[Listed],
) -> [(u64, Vec<u8>); 2] {
    let mut listed = Bytes::default();
    let end = ticks(length);
    list(&mut listed, fragments, end);
    // The length stands before the last box of the movie.
    let length = end.to_be_bytes().to_vec();
    [(moov_end.saturating_sub(8 + TREX_BYTES), length), (moov_end, listed.0)]
}

/// The head of a file that is put together of others: `movie` is the head of one of
/// them up to the end of its `moov`; `fragments` follow it without a gap.
pub(in crate::media) fn joined_head(movie: &[u8], fragments: &[Listed], end: u64) -> Vec<u8> {
    let mut out = Bytes(movie.to_vec());
    let length_at = movie.len().checked_sub(8 + TREX_BYTES as usize);
    if let Some(length) = length_at.and_then(|at| out.0.get_mut(at..at + 8)) {
        length.copy_from_slice(&end.to_be_bytes());
    }
    listed(&mut out, fragments, end, 0);
    out.0
}

/// The list of fragments, or the room for it. What follows begins at the same place
/// however long it is.
fn list(out: &mut Bytes, fragments: &[Listed], end: u64) {
    let fragments = if fragments.len() <= LISTED_MAX { fragments } else { &[] };
    let room = match fragments.len() {
        0 => LIST_BYTES,
        count => LIST_BYTES - SIDX_BYTES - ENTRY_BYTES * count,
    };
    if !fragments.is_empty() {
        listed(out, fragments, end, room as u32 + 8);
    }
    out.boxed(b"free", |b| b.zeros(room));
}

/// The list itself; `gap` bytes lie between it and the first fragment. At most
/// 65,535 fragments.
fn listed(out: &mut Bytes, fragments: &[Listed], end: u64, gap: u32) {
    out.full(b"sidx", 0, 0, |b| {
        // Of track 1, from time 0 on.
        [1, TICKS as u32, 0, gap].into_iter().for_each(|n| b.u32(n));
        b.u16(0);
        b.u16(fragments.len() as u16);
        let starts = fragments.iter().skip(1).map(|next| next.start);
        for (fragment, next) in fragments.iter().zip(starts.chain([end])) {
            b.u32(fragment.bytes & SIZE_MASK);
            b.u32(next.saturating_sub(fragment.start) as u32);
            b.u32(if fragment.begins_with_keyframe { BEGINS_WITH_KEYFRAME } else { 0 });
        }
    });
}

fn movie_header(b: &mut Bytes) {
    b.full(b"mvhd", 0, 0, |b| {
        [0, 0, TICKS as u32, 0].into_iter().for_each(|n| b.u32(n));
        b.u32(0x1_0000);
        b.u16(0x100);
        b.zeros(10);
        b.matrix();
        b.zeros(24);
        b.u32(2);
    });
}

fn track(b: &mut Bytes, format: &VideoFormat) {
    // Enabled, in the movie, in the preview.
    b.full(b"tkhd", 0, 7, |b| {
        [0, 0, 1, 0, 0].into_iter().for_each(|n| b.u32(n));
        b.zeros(16);
        b.matrix();
        b.u32(u32::from(format.width_px) << 16);
        b.u32(u32::from(format.height_px) << 16);
    });
    b.boxed(b"mdia", |b| {
        b.full(b"mdhd", 0, 0, |b| {
            [0, 0, TICKS as u32, 0].into_iter().for_each(|n| b.u32(n));
            // No language.
            b.u16(0x55c4);
            b.u16(0);
        });
        b.full(b"hdlr", 0, 0, |b| {
            b.u32(0);
            b.0.extend(b"vide");
            b.zeros(12);
            b.0.extend(b"video\0");
        });
        b.boxed(b"minf", |b| {
            b.full(b"vmhd", 0, 1, |b| b.zeros(8));
            b.boxed(b"dinf", |b| {
                b.full(b"dref", 0, 0, |b| {
                    b.u32(1);
                    b.full(b"url ", 0, 1, |_| ());
                });
            });
            b.boxed(b"stbl", |b| sample_tables(b, format));
        });
    });
}

/// The tables name no pictures: those are in the fragments.
fn sample_tables(b: &mut Bytes, format: &VideoFormat) {
    b.full(b"stsd", 0, 0, |b| {
        b.u32(1);
        let (entry, config) = match format.codec {
            VideoCodec::H264 => (b"avc1", b"avcC"),
            VideoCodec::H265 => (b"hvc1", b"hvcC"),
        };
        b.boxed(entry, |b| {
            b.zeros(6);
            b.u16(1);
            b.zeros(16);
            b.u16(format.width_px);
            b.u16(format.height_px);
            // 72 dots per inch both ways, one picture a sample, no name, 24 bit.
            b.u32(0x48_0000);
            b.u32(0x48_0000);
            b.u32(0);
            b.u16(1);
            b.zeros(32);
            b.u16(24);
            b.u16(0xffff);
            b.boxed(config, |b| b.0.extend(&format.config));
        });
    });
    b.full(b"stts", 0, 0, |b| b.u32(0));
    b.full(b"stsc", 0, 0, |b| b.u32(0));
    b.full(b"stsz", 0, 0, |b| b.zeros(8));
    b.full(b"stco", 0, 0, |b| b.u32(0));
}

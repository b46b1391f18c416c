//! Fragmented MP4 of one video stream, as encoded: ISO/IEC 14496-12.
//!
//! A file is a head ([`head`]) and fragments ([`Fragmenter`]); every prefix that
//! ends with a fragment plays. When it is whole, what it became is written into
//! room that the head has left ([`completion`]): its length, and where each
//! fragment lies, so that players can seek without reading all of it.
//!
//! Only the times of showing are needed. The times of decoding are the same times
//! in order, with signed distances between the two, so streams with B-frames play
//! although RTSP does not say when to decode. Holds at most one fragment.

mod boxes;
mod fragment;
mod head;
mod list;
mod scan;

pub(super) use fragment::{Fragment, Fragmenter, OPENING, retime};
pub(super) use head::{Listed, completion, head, joined_head};
pub(super) use list::{Contents, contents};
pub(super) use scan::scan;

use std::time::Duration;

/// Ticks a second: the clock of RTP video, in which every usual rate is whole.
pub(super) const TICKS: u64 = 90_000;

/// Fragments that the head has room for. At least a second each, so more than the
/// longest clip has; those beyond are found by reading.
const LISTED_MAX: usize = 256;

/// A span in ticks, to the nearest.
pub(super) fn ticks(span: Duration) -> u64 {
    u64::try_from((span.as_nanos() * u128::from(TICKS) + 500_000_000) / 1_000_000_000)
        .unwrap_or(u64::MAX)
}

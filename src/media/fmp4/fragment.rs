//! Frames in, fragments out.

use std::sync::Arc;
use std::time::Duration;

use super::boxes::Bytes;
use super::head::Listed;
use super::ticks;
use crate::domain::EncodedFrame;

/// A fragment begins with a keyframe once the one before is this long.
const LENGTH_MIN: Duration = Duration::from_secs(1);

/// Within a long group of pictures a fragment ends after this length or so many
/// bytes: what a cut of power may take.
const LENGTH_MAX: Duration = Duration::from_secs(2);
const BYTES_MAX: usize = 2 << 20;

/// Until two pictures tell the rate.
const INTERVAL_DEFAULT: Duration = Duration::from_millis(40);

/// Flags of a sample: it depends on none, or it depends on others.
pub(super) const ALONE: u32 = 0x0200_0000;
const DEPENDENT: u32 = 0x0101_0000;

/// A part of a file that is whole in itself.
pub(in crate::media) struct Fragment {
    /// `moof` and `mdat`.
    pub bytes: Vec<u8>,
    /// How it is listed.
    pub listed: Listed,
    /// From the first picture of the file to the end of this fragment.
    pub end: Duration,
}

/// Makes the fragments of one file.
#[derive(Default)]
pub(in crate::media) struct Fragmenter {
    waiting: Vec<Arc<EncodedFrame>>,
    waiting_bytes: usize,
    latest_pts: Duration,
    interval: Option<Duration>,
    /// When the first picture of the file is shown.
    origin: Option<Duration>,
    sequence: u32,
}

impl Fragmenter {
    /// Here is the next frame. Returns the fragment that ends before it.
    pub fn push(&mut self, frame: Arc<EncodedFrame>) -> Option<Fragment> {
        let ended = if self.ends_before(&frame) { self.flush(Some(frame.pts)) } else { None };
        if let Some(last) = self.waiting.last() {
            let interval = frame.pts.abs_diff(last.pts);
            // The smallest step is the rate, also where pictures change places.
            self.interval = Some(self.interval.map_or(interval, |known| known.min(interval)));
        }
        self.latest_pts = self.latest_pts.max(frame.pts);
        self.waiting_bytes += frame.data.len();
        self.waiting.push(frame);
        ended
    }

    /// The fragment of what waits, which nothing follows directly.
    pub fn finish(&mut self) -> Option<Fragment> {
        self.flush(None)
    }

    fn ends_before(&self, next: &EncodedFrame) -> bool {
        let Some(first) = self.waiting.first() else { return false };
        let length = next.pts.saturating_sub(first.pts);
        let is_long = length >= LENGTH_MAX || self.waiting_bytes + next.data.len() > BYTES_MAX;
        // Nothing of what follows is shown before something of what is here.
        (next.is_keyframe && length >= LENGTH_MIN) || (is_long && next.pts > self.latest_pts)
    }

    fn flush(&mut self, next: Option<Duration>) -> Option<Fragment> {
        let frames = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let begins_with_keyframe = frames.first()?.is_keyframe;
        let mut times: Vec<_> = frames.iter().map(|frame| frame.pts).collect();
        times.sort_unstable();
        let origin = *self.origin.get_or_insert(*times.first()?);
        let last = *times.last()?;
        let interval = self.interval.filter(|interval| !interval.is_zero());
        let after = last + interval.unwrap_or(INTERVAL_DEFAULT);
        let end = next.filter(|next| *next > last).unwrap_or(after).saturating_sub(origin);
        self.sequence += 1;
        let mut edges: Vec<u64> =
            times.iter().map(|time| ticks(time.saturating_sub(origin))).collect();
        edges.push(ticks(end));
        let shown: Vec<_> =
            frames.iter().map(|frame| ticks(frame.pts.saturating_sub(origin))).collect();
        let bytes = encode(&frames, &edges, &shown, self.sequence);
        let listed = Listed {
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ticks: narrow(edges.last()?.saturating_sub(*edges.first()?)),
            begins_with_keyframe,
        };
        Some(Fragment { bytes, listed, end })
    }
}

/// `edges`: when each is decoded, in order, and the end. `shown`: when each is
/// shown.
fn encode(frames: &[Arc<EncodedFrame>], edges: &[u64], shown: &[u64], sequence: u32) -> Vec<u8> {
    let data: usize = frames.iter().map(|frame| frame.data.len()).sum();
    let mut out = Bytes(Vec::with_capacity(data + 16 * frames.len() + 128));
    let mut offset_at = 0;
    out.boxed(b"moof", |b| {
        b.full(b"mfhd", 0, 0, |b| b.u32(sequence));
        b.boxed(b"traf", |b| {
            // Offsets count from this fragment.
            b.full(b"tfhd", 0, 0x02_0000, |b| b.u32(1));
            b.full(b"tfdt", 1, 0, |b| b.u64(edges.first().copied().unwrap_or(0)));
            // Offset of the data; duration, size, flags and distance of each.
            b.full(b"trun", 1, 0xf01, |b| {
                b.u32(narrow(frames.len() as u64));
                offset_at = b.0.len();
                b.u32(0);
                for ((frame, edge), shown) in frames.iter().zip(edges.windows(2)).zip(shown) {
                    b.u32(narrow(edge[1].saturating_sub(edge[0])));
                    b.u32(narrow(frame.data.len() as u64));
                    b.u32(if frame.is_keyframe { ALONE } else { DEPENDENT });
                    // As many ticks as fit: a fragment lasts seconds.
                    b.u32((*shown as i64 - edge[0] as i64) as i32 as u32);
                }
            });
        });
    });
    let offset = narrow(out.0.len() as u64 + 8).to_be_bytes();
    out.0[offset_at..offset_at + 4].copy_from_slice(&offset);
    out.boxed(b"mdat", |b| frames.iter().for_each(|frame| b.0.extend(&frame.data)));
    out.0
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

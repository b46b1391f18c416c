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
    /// When its first picture was taken (monotonic).
    pub captured_mono: Duration,
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
        let origin = *self.origin.get_or_insert(frame.pts);
        // Shown before the first keyframe it was made from what is not here. With the
        // time of another it is what a torn connection left of a picture.
        if frame.pts < origin || self.waiting.iter().any(|known| known.pts == frame.pts) {
            return None;
        }
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
        let first = frames.first()?;
        let (begins_with_keyframe, captured_mono) = (first.is_keyframe, first.captured_mono);
        let mut times: Vec<_> = frames.iter().map(|frame| frame.pts).collect();
        times.sort_unstable();
        let origin = self.origin?;
        let last = *times.last()?;
        let interval = self.interval.filter(|interval| !interval.is_zero());
        let after = last + interval.unwrap_or(INTERVAL_DEFAULT);
        // What follows may begin with pictures that are shown before `next`.
        let end = next.filter(|next| *next > last).map_or(after, |next| next.min(after));
        let end = end.saturating_sub(origin);
        self.sequence += 1;
        let mut edges: Vec<u64> =
            times.iter().map(|time| ticks(time.saturating_sub(origin))).collect();
        edges.push(ticks(end));
        let shown: Vec<_> =
            frames.iter().map(|frame| ticks(frame.pts.saturating_sub(origin))).collect();
        let bytes = encode(&frames, &edges, &shown, self.sequence);
        let listed = Listed {
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            start: *edges.first()?,
            begins_with_keyframe,
        };
        Some(Fragment { bytes, listed, end, captured_mono })
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

/// Where a fragment has its number, and when it begins: see [`encode`].
const NUMBER_AT: usize = 20;
const BOX_AT: usize = 52;
pub(in crate::media) const BEGIN_AT: usize = 60;

/// As much of a fragment as [`retime`] looks at, in bytes.
pub(in crate::media) const OPENING: usize = BEGIN_AT + 8;

/// Gives a fragment another number and another beginning, in ticks; false, and
/// nothing is changed, for what is no fragment of ours.
pub(in crate::media) fn retime(opening: &mut [u8], number: u32, begin: u64) -> bool {
    let Some(opening) = opening.first_chunk_mut::<OPENING>() else { return false };
    let is_ours = &opening[4..8] == b"moof" && &opening[BOX_AT..BOX_AT + 4] == b"tfdt";
    if is_ours {
        opening[NUMBER_AT..NUMBER_AT + 4].copy_from_slice(&number.to_be_bytes());
        opening[BEGIN_AT..].copy_from_slice(&begin.to_be_bytes());
    }
    is_ours
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::super::clip_testing::{encoded, format, keyframe_every};
    use super::super::{head, scan};
    use super::*;

    fn fragments(frames: impl Iterator<Item = Arc<EncodedFrame>>) -> Vec<Fragment> {
        let mut fragmenter = Fragmenter::default();
        let mut fragments: Vec<_> = frames.filter_map(|frame| fragmenter.push(frame)).collect();
        fragments.extend(fragmenter.finish());
        fragments
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn fragments_begin_with_keyframes_and_are_at_least_a_second() {
        let all = fragments((0..45).map(|number| keyframe_every(5, number)));
        let ends: Vec<_> = all.iter().map(|fragment| fragment.end).collect();
        assert_eq!(ends, [ms(1_000), ms(2_000), ms(3_000), ms(4_000), ms(4_500)]);
        assert!(all.iter().all(|fragment| fragment.listed.begins_with_keyframe));
    }

    #[test]
    fn a_long_group_of_pictures_is_cut_after_two_seconds() {
        let all = fragments((0..45).map(|number| keyframe_every(100, number)));
        assert_eq!(
            all.iter().map(|fragment| fragment.end).collect::<Vec<_>>(),
            [2_000, 4_000, 4_500].map(ms)
        );
        let begins = all.iter().map(|fragment| fragment.listed.begins_with_keyframe);
        assert_eq!(begins.collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn every_prefix_of_whole_fragments_is_read_back_as_such() {
        let mut file = head(&format());
        let mut ends = Vec::new();
        for fragment in fragments((0..45).map(|number| keyframe_every(10, number))) {
            file.extend(&fragment.bytes);
            ends.push((file.len() as u64, fragment.end));
        }
        for len in 0..=file.len() as u64 {
            let found = scan(&mut Cursor::new(&file), len).unwrap();
            let whole = ends.iter().rev().find(|(end, _)| *end <= len);
            let (bytes, length) = whole.copied().unwrap_or_default();
            assert_eq!((found.bytes, found.length), (bytes, length), "{len}");
        }
    }

    /// Keyframes at 0 and 12; decoded I P B B, and after the second keyframe pictures
    /// that are shown before it.
    #[test]
    fn pictures_that_lead_a_keyframe_overlap_no_fragment_and_begin_no_file() {
        let frame = |at| encoded(at, at == 2 || at == 14);
        let order = [2, 0, 1, 5, 3, 4, 8, 6, 7, 11, 9, 10, 14, 12, 13, 15];
        let all = fragments(order.into_iter().map(frame));
        assert_eq!(
            all.iter().map(|fragment| fragment.end).collect::<Vec<_>>(),
            [1_000, 1_400].map(ms)
        );
        assert_eq!(all[1].listed.start, 90_000);
    }

    #[test]
    fn a_second_picture_for_the_same_time_is_left_out() {
        let all = fragments([0, 1, 2, 2].into_iter().map(|at| keyframe_every(10, at)));
        assert_eq!(all[0].end, ms(300));
        assert_eq!(
            scan(&mut Cursor::new(&all[0].bytes), all[0].bytes.len() as u64).unwrap().length,
            ms(300)
        );
    }

    #[test]
    fn damaged_files_are_read_without_a_panic() {
        let mut clean = head(&format());
        fragments((0..25).map(|number| keyframe_every(10, number)))
            .iter()
            .for_each(|fragment| clean.extend(&fragment.bytes));
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..5_000 {
            let mut file = clean.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..file.len());
                file[at] = random.u8(..);
            }
            let found = scan(&mut Cursor::new(&file), file.len() as u64).unwrap();
            assert!(found.bytes <= file.len() as u64);
        }
    }

    #[test]
    fn a_fragment_that_is_moved_is_read_back_at_its_new_time() {
        let mut all = fragments((0..25).map(|number| keyframe_every(10, number)));
        assert!(retime(&mut all[1].bytes, 7, 900_000));
        let found = scan(&mut Cursor::new(&all[1].bytes), all[1].bytes.len() as u64).unwrap();
        assert_eq!((found.fragments[0].start, found.length), (900_000, ms(11_000)));
        assert!(!retime(&mut head(&format()), 1, 0), "a head is no fragment");
        assert!(!retime(&mut [0; 30], 1, 0));
    }

    /// Decoded I P B B, shown I B B P.
    #[test]
    fn pictures_that_change_places_are_decoded_in_order_and_shown_at_their_times() {
        let order = [(0, true), (3, false), (1, false), (2, false), (6, false), (4, false)];
        let frames: Vec<_> = order.iter().map(|(at, key)| encoded(*at, *key)).collect();
        let [fragment] = <[_; 1]>::try_from(fragments(frames.into_iter())).ok().unwrap();
        let samples = fragment.bytes.windows(4).position(|name| name == b"trun").unwrap() + 16;
        let word =
            |at: usize| u32::from_be_bytes(*fragment.bytes[at..].first_chunk().unwrap()) as i32;
        let distances: Vec<_> = (0..6).map(|n| word(samples + 16 * n + 12) / 9_000).collect();
        assert_eq!(distances, [0, 2, -1, -1, 2, -2]);
        let mut decoded = 0;
        for (n, (shown, _)) in order.iter().enumerate() {
            assert_eq!(decoded + distances[n], *shown as i32);
            decoded += word(samples + 16 * n) / 9_000;
        }
    }
}

//! What is recorded: every segment there is, and when it was taken.
//!
//! Rebuilt at each start from the names of the files, which say it all. A segment's
//! number says when it was written; its date can be wrong (a clock that was not set
//! yet, or was set back), so the oldest is the one with the lowest number. Memory:
//! about 60 bytes for each segment, which is a minute of one camera; at most
//! [`SEGMENTS_MAX`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{CameraId, Timestamp};
use crate::rt::Clock;

/// Segments of all cameras together: 60 MiB of memory for what fills 15 TB.
pub(super) const SEGMENTS_MAX: usize = 1 << 20;

/// Nobody sees what is missing between two segments that are so close.
pub(super) const GAP_MAX: Duration = Duration::from_secs(1);

/// A date so far ahead of the clock is wrong.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One file of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// When its first picture was taken.
    pub start: Timestamp,
    /// From its first picture to the end of its last.
    pub length_ms: u32,
    /// The same for segments that may follow each other in one file.
    pub format: u32,
    /// Bytes that are synced.
    pub bytes: u64,
    /// It is being written.
    pub is_open: bool,
}

impl Segment {
    /// The end of its last picture.
    pub fn end(&self) -> Timestamp {
        self.start.after(Duration::from_millis(self.length_ms.into()))
    }

    fn overlaps(&self, from: Timestamp, until: Timestamp) -> bool {
        self.start < until && self.end() > from
    }
}

/// A stretch of video without a gap, of one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedSpan {
    /// When its first picture was taken.
    pub start: Timestamp,
    /// The end of its last.
    pub end: Timestamp,
    /// Bytes of its files, also where only a part of one belongs to it.
    pub bytes: u64,
}

/// Everything that is recorded.
#[derive(Default)]
pub(super) struct Index {
    cameras: BTreeMap<CameraId, BTreeMap<u64, Segment>>,
    bytes: u64,
    count: usize,
}

impl Index {
    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A segment, or what became of it.
    pub fn put(&mut self, camera: &CameraId, number: u64, segment: Segment) {
        self.remove(camera, number);
        self.bytes += segment.bytes;
        self.count += 1;
        self.cameras.entry(camera.clone()).or_default().insert(number, segment);
    }

    /// It is gone.
    pub fn remove(&mut self, camera: &CameraId, number: u64) {
        let Some(segments) = self.cameras.get_mut(camera) else { return };
        if let Some(segment) = segments.remove(&number) {
            self.bytes -= segment.bytes;
            self.count -= 1;
        }
        if segments.is_empty() {
            self.cameras.remove(camera);
        }
    }

    /// One segment.
    pub fn get(&self, camera: &CameraId, number: u64) -> Option<Segment> {
        self.cameras.get(camera)?.get(&number).copied()
    }

    /// The oldest that is whole.
    pub fn oldest(&self) -> Option<(CameraId, u64)> {
        let first = |(camera, segments): (&CameraId, &BTreeMap<u64, Segment>)| {
            let (number, _) = segments.iter().find(|(_, segment)| !segment.is_open)?;
            Some((*number, camera.clone()))
        };
        self.cameras.iter().filter_map(first).min().map(|(number, camera)| (camera, number))
    }

    /// The oldest of a camera whose video is older than `limit`. One without a date
    /// that can be right is as old as the next that has one.
    pub fn older(&self, limit: Timestamp, now: Timestamp) -> Option<(CameraId, u64)> {
        let latest = now.after(AHEAD_MAX);
        let is_dated =
            |segment: &&Segment| Clock::is_plausible(segment.start) && segment.start <= latest;
        self.cameras.iter().find_map(|(camera, segments)| {
            let (number, first) = segments.first_key_value()?;
            let dated = segments.values().find(is_dated)?;
            let is_older = dated.end() < limit && !first.is_open;
            is_older.then(|| (camera.clone(), *number))
        })
    }

    /// Whether there are as many as there may be.
    pub fn is_full(&self) -> bool {
        self.count >= SEGMENTS_MAX
    }

    /// What a camera's segments show from `from` until `until`, in the order in
    /// which it was taken: number and segment.
    pub fn between(
        &self,
        camera: &CameraId,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<(u64, Segment)> {
        let segments = self.cameras.get(camera).into_iter().flatten();
        let mut found: Vec<_> = segments
            .filter(|(_, segment)| segment.overlaps(from, until))
            .map(|(number, segment)| (*number, *segment))
            .collect();
        found.sort_by_key(|(number, segment)| (segment.start, *number));
        found
    }

    /// The same as stretches without a gap.
    pub fn spans(&self, camera: &CameraId, from: Timestamp, until: Timestamp) -> Vec<RecordedSpan> {
        let mut spans: Vec<(u32, RecordedSpan)> = Vec::new();
        for (_, segment) in self.between(camera, from, until) {
            let (start, end) = (segment.start.max(from), segment.end().min(until));
            match spans.last_mut() {
                Some((format, span)) if *format == segment.format && joins(span.end, start) => {
                    span.end = span.end.max(end);
                    span.bytes += segment.bytes;
                }
                _ => {
                    let span = RecordedSpan { start, end, bytes: segment.bytes };
                    spans.push((segment.format, span));
                }
            }
        }
        spans.into_iter().map(|(_, span)| span).collect()
    }

    /// The first picture of a camera that is kept, and the bytes of all of them.
    pub fn extent(&self, camera: &CameraId) -> Option<(Timestamp, u64)> {
        let segments = self.cameras.get(camera)?;
        let first = segments.values().map(|segment| segment.start).min()?;
        Some((first, segments.values().map(|segment| segment.bytes).sum()))
    }

    /// The number of the next segment.
    pub fn next_number(&self) -> u64 {
        let last = self.cameras.values().filter_map(|segments| segments.keys().next_back()).max();
        last.map_or(1, |last| last.saturating_add(1))
    }
}

/// Whether video that begins at `start` goes on where other video ends.
pub(super) fn joins(end: Timestamp, start: Timestamp) -> bool {
    start.since(end) <= GAP_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 1_800_000_000_000;

    fn camera(name: &str) -> CameraId {
        name.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(DAY + 1_000 * seconds)
    }

    fn segment(start: i64, format: u32) -> Segment {
        Segment { start: at(start), length_ms: 60_000, format, bytes: 10, is_open: false }
    }

    fn index(segments: &[(u64, Segment)]) -> Index {
        let mut index = Index::default();
        segments.iter().for_each(|(number, segment)| index.put(&camera("a"), *number, *segment));
        index
    }

    fn seconds(spans: &[RecordedSpan]) -> Vec<(i64, i64)> {
        let second = |at: Timestamp| (at.unix_ms() - DAY) / 1_000;
        spans.iter().map(|span| (second(span.start), second(span.end))).collect()
    }

    #[test]
    fn segments_without_a_gap_are_one_span_and_another_format_is_another() {
        let all = [(1, segment(0, 7)), (2, segment(60, 7)), (3, segment(121, 7))];
        let later = [(4, segment(300, 7)), (5, segment(360, 8))];
        let index = index(&[&all[..], &later[..]].concat());
        let spans = index.spans(&camera("a"), at(-100), at(1_000));
        assert_eq!(seconds(&spans), [(0, 181), (300, 360), (360, 420)]);
        assert_eq!(spans.iter().map(|span| span.bytes).collect::<Vec<_>>(), [30, 10, 10]);
        assert_eq!(seconds(&index.spans(&camera("a"), at(30), at(310))), [(30, 181), (300, 310)]);
        assert!(index.spans(&camera("b"), at(0), at(1_000)).is_empty());
        assert!(index.spans(&camera("a"), at(181), at(300)).is_empty());
    }

    #[test]
    fn a_clock_that_was_set_back_hides_nothing_and_breaks_nothing() {
        let index = index(&[(1, segment(0, 7)), (2, segment(60, 7)), (3, segment(30, 7))]);
        assert_eq!(seconds(&index.spans(&camera("a"), at(0), at(900))), [(0, 120)]);
        let order: Vec<_> =
            index.between(&camera("a"), at(0), at(900)).iter().map(|(number, _)| *number).collect();
        assert_eq!(order, [1, 3, 2]);
    }

    #[test]
    fn the_oldest_is_what_was_written_first_whatever_its_date_says() {
        let mut index = index(&[(2, segment(500, 7)), (3, segment(0, 7))]);
        index.put(&camera("b"), 1, Segment { is_open: true, ..segment(0, 7) });
        index.put(&camera("b"), 4, segment(60, 7));
        assert_eq!(index.oldest(), Some((camera("a"), 2)));
        index.remove(&camera("a"), 2);
        index.remove(&camera("a"), 3);
        assert_eq!(index.oldest(), Some((camera("b"), 4)));
        assert_eq!((index.bytes(), index.next_number()), (20, 5));
    }

    #[test]
    fn what_has_no_date_is_as_old_as_what_follows_it() {
        let undated = Segment { start: Timestamp::from_unix_ms(5_000), ..segment(0, 7) };
        let index = index(&[(1, undated), (2, segment(0, 7))]);
        assert_eq!(index.older(at(60), at(100)), None);
        assert_eq!(index.older(at(61), at(100)), Some((camera("a"), 1)));
        let mut alone = Index::default();
        alone.put(&camera("a"), 1, undated);
        assert_eq!(alone.older(at(61), at(100)), None, "nobody knows how old it is");
    }
}

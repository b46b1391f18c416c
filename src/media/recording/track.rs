//! From the frames of one camera to its segments.
//!
//! A segment begins with a keyframe and ends with the first one that comes a minute
//! later, so the two follow each other without a gap. A new connection, another
//! format, lost frames and a jump in the stream's time begin a new one as well.
//! Memory: one fragment, at most 2 MiB and a picture.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::fmp4::{Fragment, Fragmenter, ticks};
use super::files::SegmentFile;
use super::index::{GAP_MAX, Segment};
use super::lane::Waiting;
use crate::domain::{CameraId, EncodedFrame, SessionId, Timestamp, VideoFormat};
use crate::rt::Clock;

/// A segment is this long, and goes on to the next keyframe.
const LENGTH: Duration = Duration::from_secs(60);

/// Where no keyframe comes a segment ends all the same, after so much; what follows
/// cannot be shown and is left out up to the next keyframe.
const LENGTH_MAX: Duration = Duration::from_secs(600);
const BYTES_MAX: u64 = 512 << 20;

/// A stream's time that goes back so far has begun anew.
const BACK_MAX: Duration = Duration::from_secs(2);

/// The date of a segment is where the one before ended, unless the clock differs by
/// more than this: it was set, or the camera's runs otherwise.
const DRIFT_MAX: Duration = Duration::from_millis(500);

/// What has happened to the segments of a camera.
pub(super) enum Change {
    /// A segment is whole.
    Finished { number: u64, segment: Segment, begun: Duration },
    /// A segment came to nothing.
    Gone { number: u64 },
}

/// One camera that is recorded.
pub(super) struct Track {
    camera: CameraId,
    stream: Option<(SessionId, Arc<VideoFormat>)>,
    fragmenter: Fragmenter,
    latest_pts: Duration,
    open: Option<Open>,
    /// Date and stream time of the end of what was written last.
    ended: Option<(Timestamp, Duration)>,
}

struct Open {
    file: SegmentFile,
    /// When its first picture was taken (monotonic).
    begun: Duration,
    /// The end of its last fragment, in the time of the stream.
    end: Duration,
}

/// What a track writes with.
pub(super) struct Desk<'a> {
    pub dir: &'a Path,
    pub clock: &'a Clock,
    pub next_number: &'a mut u64,
    pub changes: Vec<Change>,
    pub written_bytes: u64,
}

impl Track {
    pub fn new(camera: CameraId) -> Self {
        let fragmenter = Fragmenter::default();
        let (stream, open, ended) = (None, None, None);
        Self { camera, stream, fragmenter, latest_pts: Duration::ZERO, open, ended }
    }

    /// The next frame.
    pub fn push(&mut self, waiting: Waiting, desk: &mut Desk<'_>) -> io::Result<()> {
        let Waiting { frame, after_loss } = waiting;
        let is_new = after_loss || self.begins_anew(&frame);
        let ended = if is_new { self.end(desk) } else { Ok(()) };
        if self.stream.is_none() {
            if !frame.is_keyframe {
                return ended;
            }
            self.stream = Some((frame.session, Arc::clone(&frame.format)));
            self.latest_pts = frame.pts;
        }
        self.latest_pts = self.latest_pts.max(frame.pts);
        match self.fragmenter.push(frame) {
            Some(fragment) => ended.and(self.write(fragment, desk)),
            None => ended,
        }
    }

    /// No frame follows the last one: what waits is written, the segment ends.
    pub fn end(&mut self, desk: &mut Desk<'_>) -> io::Result<()> {
        let last = std::mem::take(&mut self.fragmenter).finish();
        let written = last.map_or(Ok(()), |fragment| self.write(fragment, desk));
        let closed = self.close(desk);
        self.stream = None;
        // Another stream counts its time from elsewhere.
        self.ended = self.ended.map(|(at, _)| (at, Duration::MAX));
        written.and(closed)
    }

    /// What was written is there after a cut of power; the segment as far as it goes.
    pub fn sync(&mut self) -> io::Result<Option<(u64, Segment)>> {
        let Some(open) = &mut self.open else { return Ok(None) };
        open.file.sync()?;
        Ok(Some((open.file.number, open.file.segment)))
    }

    fn begins_anew(&self, frame: &EncodedFrame) -> bool {
        self.stream.as_ref().is_some_and(|(session, format)| {
            *session != frame.session
                || *format != frame.format
                || frame.pts + BACK_MAX < self.latest_pts
        })
    }

    fn write(&mut self, fragment: Fragment, desk: &mut Desk<'_>) -> io::Result<()> {
        let is_key = fragment.listed.begins_with_keyframe;
        let closed = if self.is_due(&fragment) { self.close(desk) } else { Ok(()) };
        if self.open.is_none() {
            if !is_key {
                return closed;
            }
            self.open = Some(self.create(&fragment, desk)?);
        }
        let Some(open) = &mut self.open else { return closed };
        let (end, bytes) = (fragment.end, fragment.bytes.len() as u64);
        let written = open.file.write(fragment);
        if written.is_err() {
            // What is there already is kept; the next keyframe is another try.
            return written.and(self.close(desk));
        }
        open.end = end;
        desk.written_bytes += bytes;
        closed
    }

    /// Whether the open segment ends before this fragment.
    fn is_due(&self, fragment: &Fragment) -> bool {
        let Some(open) = &self.open else { return false };
        let (length, bytes) = (open.file.length(), open.file.bytes());
        let has_gap = ticks(open.end) + ticks(GAP_MAX) < fragment.listed.start;
        let is_long = length >= LENGTH || has_gap;
        let is_too_long = length >= LENGTH_MAX || bytes >= BYTES_MAX;
        is_too_long || (is_long && fragment.listed.begins_with_keyframe)
    }

    fn create(&mut self, fragment: &Fragment, desk: &mut Desk<'_>) -> io::Result<Open> {
        let Some((_, format)) = &self.stream else { return Err(io::ErrorKind::NotFound.into()) };
        let begun = fragment.captured_mono;
        let start = self.date(begun, fragment.listed.start, desk.clock);
        let number = *desk.next_number;
        *desk.next_number += 1;
        let file = SegmentFile::create(desk.dir, (&self.camera, number), start, format)?;
        Ok(Open { file, begun, end: fragment.end })
    }

    /// When a picture was taken. Video that goes on has dates that go on.
    fn date(&self, mono: Duration, start: u64, clock: &Clock) -> Timestamp {
        let by_clock = taken_at(clock, mono);
        let Some((ended_at, end)) = self.ended else { return by_clock };
        let goes_on = end != Duration::MAX && start.abs_diff(ticks(end)) <= ticks(GAP_MAX);
        let apart = by_clock.since(ended_at).max(ended_at.since(by_clock));
        let overlaps = by_clock < ended_at;
        if apart <= DRIFT_MAX && (goes_on || overlaps) { ended_at } else { by_clock }
    }

    fn close(&mut self, desk: &mut Desk<'_>) -> io::Result<()> {
        let Some(Open { file, begun, end }) = self.open.take() else { return Ok(()) };
        let number = file.number;
        match file.finish() {
            Ok(Some(segment)) => {
                self.ended = Some((segment.end(), end));
                desk.changes.push(Change::Finished { number, segment, begun });
                Ok(())
            }
            Ok(None) => {
                desk.changes.push(Change::Gone { number });
                Ok(())
            }
            Err(error) => {
                // What is on the disk is finished at the next start.
                desk.changes.push(Change::Gone { number });
                Err(error)
            }
        }
    }
}

/// Wall time of a monotonic instant, by the clock as it is now.
pub(super) fn taken_at(clock: &Clock, mono: Duration) -> Timestamp {
    let (now, mono_now) = (clock.now(), clock.monotonic());
    if mono <= mono_now { now.before(mono_now - mono) } else { now.after(mono - mono_now) }
}

#[cfg(test)]
mod tests {
    use super::super::super::clip_testing::{encoded, format, keyframe_every};
    use super::super::files::scan_all;
    use super::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    struct Bench {
        dir: tempfile::TempDir,
        clock: Clock,
        next_number: u64,
        track: Track,
    }

    impl Bench {
        fn new() -> Self {
            let track = Track::new("yard".parse().unwrap());
            let dir = tempfile::tempdir().unwrap();
            Self { dir, clock: Clock::manual(START), next_number: 1, track }
        }

        fn film(&mut self, frames: impl Iterator<Item = Arc<EncodedFrame>>) {
            for frame in frames {
                let late = frame.captured_mono.saturating_sub(self.clock.monotonic());
                self.clock.advance(late);
                self.with(|track, desk| track.push(Waiting { frame, after_loss: false }, desk));
            }
        }

        fn end(&mut self) {
            self.with(|track, desk| track.end(desk));
        }

        fn with(&mut self, work: impl FnOnce(&mut Track, &mut Desk<'_>) -> io::Result<()>) {
            let mut desk = Desk {
                dir: self.dir.path(),
                clock: &self.clock,
                next_number: &mut self.next_number,
                changes: Vec::new(),
                written_bytes: 0,
            };
            work(&mut self.track, &mut desk).unwrap();
        }

        /// Start after [`START`] and length of each segment, in milliseconds.
        fn segments(&self) -> Vec<(i64, u32)> {
            let mut found = scan_all(self.dir.path()).unwrap();
            found.sort_by_key(|(_, number, _)| *number);
            let seen =
                |segment: &Segment| (segment.start.unix_ms() - START.unix_ms(), segment.length_ms);
            found.iter().map(|(_, _, segment)| seen(segment)).collect()
        }
    }

    fn moved(frame: Arc<EncodedFrame>, change: impl Fn(&mut EncodedFrame)) -> Arc<EncodedFrame> {
        let mut frame = (*frame).clone();
        change(&mut frame);
        Arc::new(frame)
    }

    #[test]
    fn segments_follow_each_other_without_a_gap_and_begin_with_keyframes() {
        let mut bench = Bench::new();
        bench.film((0..1_300).map(|number| keyframe_every(25, number)));
        bench.end();
        assert_eq!(bench.segments(), [(0, 60_000), (60_000, 60_000), (120_000, 10_000)]);
    }

    #[test]
    fn a_clock_that_drifts_moves_no_segment_and_one_that_is_set_does() {
        let mut bench = Bench::new();
        bench.film((0..300).map(|number| keyframe_every(10, number)));
        bench.clock.set(START.after(Duration::from_millis(30_300)));
        bench.film((300..900).map(|number| keyframe_every(10, number)));
        bench.clock.set(START.before(Duration::from_secs(3_600)));
        bench.film((900..1_300).map(|number| keyframe_every(10, number)));
        bench.end();
        let set_back = -3_600_000 - 89_900 + 120_000;
        assert_eq!(bench.segments()[..2], [(0, 60_000), (60_000, 60_000)]);
        assert_eq!(bench.segments()[2], (set_back, 10_000));
    }

    #[test]
    fn another_connection_another_format_and_a_stream_that_begins_anew_end_a_segment() {
        let mut bench = Bench::new();
        let other = Arc::new(VideoFormat { width_px: 128, ..format() });
        bench.film((0..25).map(|number| keyframe_every(10, number)));
        bench.film(
            (30..40).map(|number| {
                moved(keyframe_every(10, number), |frame| frame.session = SessionId(2))
            }),
        );
        bench.film((40..50).map(|number| {
            moved(keyframe_every(10, number), |frame| {
                frame.session = SessionId(2);
                frame.format = Arc::clone(&other);
            })
        }));
        bench.film((50..60).map(|number| {
            moved(keyframe_every(10, number), |frame| {
                frame.session = SessionId(2);
                frame.format = Arc::clone(&other);
                frame.pts = Duration::from_millis(100 * (number - 50));
            })
        }));
        bench.end();
        let expected = [(0, 2_500), (3_000, 1_000), (4_000, 1_000), (5_000, 1_000)];
        assert_eq!(bench.segments(), expected);
    }

    #[test]
    fn a_camera_that_pauses_leaves_a_gap_and_one_without_keyframes_does_not_fill_the_disk() {
        let mut bench = Bench::new();
        let (before, after) = ((0..20), (50..70));
        bench.film(before.chain(after).map(|number| keyframe_every(10, number)));
        bench.end();
        assert_eq!(bench.segments(), [(0, 2_000), (5_000, 2_000)]);
        let mut bench = Bench::new();
        bench.film((0..7_000).map(|number| encoded(number, number == 0)));
        bench.end();
        assert_eq!(bench.segments().len(), 1);
        assert!(bench.segments()[0].1 >= 600_000 && bench.segments()[0].1 <= 602_000);
    }
}

//! Recordings as a whole: written, kept within their limits, played.

use std::fs;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::clip_testing::{format, keyframe_every};
use super::super::fmp4::{contents, scan};
use super::*;
use crate::domain::{EncodedFrame, SessionId, VideoFormat};
use crate::health::State;

const START: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);
const GIB: u64 = 1 << 30;

/// A box that records the camera `yard`; its writer turns when it is told to.
struct Bench {
    dir: tempfile::TempDir,
    recordings: Recordings,
    writer: Writer,
    clock: Clock,
    free: Arc<AtomicU64>,
    health: Health,
    tap: Arc<dyn FrameTap>,
    session: u64,
}

impl Bench {
    fn new(limits: RecordingLimits) -> Self {
        Self::at(tempfile::tempdir().unwrap(), limits, Clock::manual(START))
    }

    fn at(dir: tempfile::TempDir, limits: RecordingLimits, clock: Clock) -> Self {
        let free = Arc::new(AtomicU64::new(GIB));
        let (health, stop) = (Health::new(clock.clone()), Stop::new());
        let context = RecordingsContext {
            claim: Claim::free(),
            dir: dir.path().join("recordings"),
            limits,
            free_bytes: {
                let free = Arc::clone(&free);
                Arc::new(move || Some(free.load(Ordering::SeqCst)))
            },
            clock: clock.clone(),
            health: health.clone(),
            metrics: Metrics::default(),
            tasks: Tasks::new(stop.clone(), |_| {}),
            stop,
        };
        let recordings = Recordings::idle(&context);
        let tap = recordings.insert(&yard(), RecordMode::Continuous);
        let writer = Writer::new(&context);
        Self { dir, recordings, writer, clock, free, health, tap, session: 1 }
    }

    /// Frames as they come, ten a second; the writer turns every second.
    fn film(&mut self, numbers: Range<u64>) {
        self.film_as(numbers, &Arc::new(format()));
    }

    fn film_as(&mut self, numbers: Range<u64>, format: &Arc<VideoFormat>) {
        for number in numbers {
            let known = keyframe_every(10, number);
            let late = known.captured_mono.saturating_sub(self.clock.monotonic());
            self.clock.advance(late);
            self.tap.offer_encoded(&Arc::new(EncodedFrame {
                session: SessionId(self.session),
                format: Arc::clone(format),
                ..(*known).clone()
            }));
            if number % 10 == 9 {
                self.writer.turn(&self.recordings.0);
            }
        }
    }

    /// The camera falls silent, and what there was of it is finished.
    fn end(&mut self) {
        self.clock.advance(Duration::from_secs(10));
        self.writer.turn(&self.recordings.0);
        self.session += 1;
    }

    fn spans(&self) -> Vec<(i64, i64)> {
        let all = self.recordings.spans(&yard(), Timestamp::default(), START.after(YEAR));
        let ms = |at: Timestamp| at.unix_ms() - START.unix_ms();
        all.iter().map(|span| (ms(span.start), ms(span.end))).collect()
    }

    fn play(&self, from_s: u64, until_s: u64) -> Option<Playback> {
        let at = |seconds| START.after(Duration::from_secs(seconds));
        self.recordings.play(&yard(), at(from_s), at(until_s)).unwrap()
    }

    fn state(&self) -> Option<State> {
        let reports = self.health.reports();
        reports.iter().find(|report| report.component == "recordings").map(|report| report.state)
    }
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn yard() -> CameraId {
    "yard".parse().unwrap()
}

fn limits() -> RecordingLimits {
    RecordingLimits { bytes: GIB, age: None, min_free_bytes: 0 }
}

/// All of it, in chunks of this size.
fn read(playback: &Playback, chunk: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while (all.len() as u64) < playback.bytes() {
        let part = playback.read_at(all.len() as u64, chunk).unwrap();
        assert!(!part.is_empty() && part.len() <= chunk);
        all.extend(part);
    }
    all
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

#[test]
fn what_is_synced_can_be_played_before_its_segment_ends() {
    let mut bench = Bench::new(limits());
    bench.film(0..200);
    let [(0, end)] = bench.spans()[..] else { panic!("{:?}", bench.spans()) };
    assert!((14_000..=19_000).contains(&end), "{end}");
    let playback = bench.play(3, 9).unwrap();
    assert_eq!(playback.start(), START.after(Duration::from_secs(3)));
    assert_eq!(playback.length(), Duration::from_secs(6));
    assert_eq!(bench.state(), Some(State::Healthy));
}

#[test]
fn a_playback_across_segments_and_gaps_is_one_file_whose_times_go_on() {
    let mut bench = Bench::new(limits());
    bench.film(0..900);
    bench.end();
    bench.film(1_200..1_300);
    bench.end();
    assert_eq!(bench.spans(), [(0, 90_000), (120_000, 130_000)]);
    let playback = bench.play(55, 125).unwrap();
    assert_eq!(playback.length(), Duration::from_secs(35 + 5));
    let whole = read(&playback, 64 << 10);
    let found = scan(&mut Cursor::new(&whole), whole.len() as u64).unwrap();
    assert_eq!((found.bytes, found.length), (whole.len() as u64, playback.length()));
    let starts: Vec<_> = found.fragments.iter().map(|fragment| fragment.start / 90_000).collect();
    assert_eq!(starts, (0..40).collect::<Vec<_>>());
    let listed = contents(&mut Cursor::new(&whole), whole.len() as u64).unwrap();
    assert_eq!(listed.fragments, found.fragments, "players find what they seek");
}

#[test]
fn every_byte_of_a_playback_has_its_place_however_it_is_asked_for() {
    let mut bench = Bench::new(limits());
    bench.film(0..700);
    bench.end();
    let playback = bench.play(50, 69).unwrap();
    let whole = read(&playback, 64 << 10);
    assert_eq!(read(&playback, 7), whole);
    assert_eq!(read(&bench.play(50, 69).unwrap(), 100), whole, "and is the same again");
    assert!(playback.read_at(playback.bytes(), 10).unwrap().is_empty());
    assert!(playback.read_at(u64::MAX, 10).unwrap().is_empty());
}

/// Thirty pictures a second are no whole number of milliseconds apart.
#[test]
fn a_playback_until_the_end_of_a_span_stays_the_same_while_the_recording_grows() {
    let mut bench = Bench::new(limits());
    let mut played: Vec<(Timestamp, u64, u32)> = Vec::new();
    for number in 0..900_u64 {
        let at = Duration::from_nanos(number * 1_001_000_000 / 30);
        bench.clock.advance(at.saturating_sub(bench.clock.monotonic()));
        bench.tap.offer_encoded(&Arc::new(EncodedFrame {
            pts: at,
            captured_mono: at,
            is_keyframe: number % 31 == 0,
            ..(*keyframe_every(1, number)).clone()
        }));
        bench.writer.turn(&bench.recordings.0);
        let play = |end| bench.recordings.play(&yard(), START, end).unwrap().unwrap();
        for (end, bytes, checksum) in &played {
            let again = play(*end);
            assert_eq!((again.bytes(), again.checksum()), (*bytes, *checksum));
        }
        let spans = bench.recordings.spans(&yard(), START, START.after(YEAR));
        let known = played.last().map(|(end, ..)| *end);
        if let Some(span) = spans.last().filter(|span| Some(span.end) != known) {
            let playback = play(span.end);
            assert_eq!(playback.start().after(playback.length()), span.end);
            played.push((span.end, playback.bytes(), playback.checksum()));
        }
    }
    assert!(played.len() >= 4, "{played:?}");
}

#[test]
fn a_playback_begins_on_the_keyframe_before_and_ends_where_the_format_changes() {
    let mut bench = Bench::new(limits());
    bench.film(0..100);
    let other = Arc::new(VideoFormat { width_px: 128, ..format() });
    bench.film_as(100..200, &other);
    bench.end();
    assert_eq!(bench.spans(), [(0, 10_000), (10_000, 20_000)]);
    let at = |ms| START.after(Duration::from_millis(ms));
    let playback = bench.recordings.play(&yard(), at(7_300), at(15_000)).unwrap().unwrap();
    assert_eq!((playback.start(), playback.length()), (at(7_000), Duration::from_secs(3)));
    let rest = bench.recordings.play(&yard(), at(10_000), at(15_000)).unwrap().unwrap();
    assert_eq!((rest.start(), rest.length()), (at(10_000), Duration::from_secs(5)));
    assert!(bench.play(20, 30).is_none());
}

#[test]
fn no_more_are_played_than_may_be_and_a_place_is_free_when_one_ends() {
    let mut bench = Bench::new(limits());
    bench.film(0..100);
    bench.end();
    let mut all: Vec<_> = (0..PLAYBACKS_MAX).map(|_| bench.play(0, 5).unwrap()).collect();
    let refused = bench.recordings.play(&yard(), START, START.after(YEAR));
    assert!(matches!(refused, Err(PlayError::TooMany)));
    all.pop();
    assert!(bench.play(0, 5).is_some());
}

#[test]
fn a_segment_that_gets_its_name_while_it_is_played_is_read_to_the_end() {
    let mut bench = Bench::new(limits());
    bench.film(0..200);
    let playback = bench.play(2, 9).unwrap();
    bench.end();
    let whole = read(&playback, 1 << 10);
    let found = scan(&mut Cursor::new(&whole), whole.len() as u64).unwrap();
    assert_eq!(found.length, Duration::from_secs(7));
}

#[test]
fn a_segment_that_retention_takes_away_ends_the_playback_without_harm() {
    let mut bench = Bench::new(limits());
    bench.film(0..700);
    bench.end();
    let playback = bench.play(0, 70).unwrap();
    fs::remove_dir_all(bench.dir.path()).unwrap();
    assert!(playback.read_at(playback.bytes() - 10, 10).is_err());
    assert!(bench.play(0, 70).is_none());
}

#[test]
fn the_oldest_go_beyond_the_limits_of_bytes_and_of_age() {
    let mut bench = Bench::new(RecordingLimits { bytes: 200_000, ..limits() });
    bench.film(0..4_000);
    bench.end();
    assert!(bench.recordings.bytes() <= 200_000, "{}", bench.recordings.bytes());
    assert_eq!(bench.spans().last().unwrap().1, 400_000);
    assert!(bench.spans()[0].0 > 100_000);
    let age = Some(Duration::from_secs(3_600));
    let mut bench = Bench::new(RecordingLimits { age, ..limits() });
    bench.film(0..1_300);
    bench.end();
    bench.clock.advance(Duration::from_secs(3_600 - 60));
    bench.writer.turn(&bench.recordings.0);
    assert_eq!(bench.spans(), [(60_000, 130_000)]);
    bench.clock.advance(YEAR);
    bench.writer.turn(&bench.recordings.0);
    assert!(bench.spans().is_empty() && files(bench.dir.path()) == 0);
}

#[test]
fn a_disk_that_fills_up_costs_recordings_and_one_that_is_full_ends_them() {
    let mut bench = Bench::new(limits());
    bench.film(0..1_300);
    bench.free.store(super::writer::AHEAD_BYTES - 1, Ordering::SeqCst);
    bench.film(1_300..1_400);
    assert_eq!(bench.spans().len(), 1, "only what is being written is left");
    assert_eq!(bench.state(), Some(State::Healthy));
    bench.free.store(1 << 20, Ordering::SeqCst);
    bench.film(1_400..1_500);
    assert_eq!(bench.state(), Some(State::Degraded));
    bench.free.store(GIB, Ordering::SeqCst);
    bench.film(1_500..1_600);
    bench.end();
    assert_eq!(bench.state(), Some(State::Healthy));
    assert_eq!(bench.spans().last().unwrap(), &(150_000, 160_000));
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_tried_again() {
    let mut bench = Bench::new(limits());
    let place = bench.dir.path().join("recordings");
    fs::write(&place, "in the way").unwrap();
    bench.film(0..50);
    assert_eq!(bench.state(), Some(State::Degraded));
    fs::remove_file(&place).unwrap();
    bench.film(50..100);
    bench.end();
    assert_eq!((bench.state(), bench.spans()), (Some(State::Healthy), vec![(5_000, 10_000)]));
}

#[test]
fn a_clock_that_is_set_dates_what_was_recorded_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::at(dir, limits(), Clock::manual(Timestamp::from_unix_ms(5_000)));
    bench.film(0..650);
    assert!(bench.spans().iter().all(|(start, _)| *start < -1_000_000_000));
    // 64.9 s have passed.
    bench.clock.set(START.after(Duration::from_millis(64_900)));
    bench.film(650..700);
    bench.end();
    assert_eq!(bench.spans(), [(0, 70_000)]);
    let playback = bench.play(0, 70).unwrap();
    assert_eq!(read(&playback, 1 << 16).len() as u64, playback.bytes());
}

#[test]
fn the_next_start_knows_what_there_is_and_goes_on() {
    let mut bench = Bench::new(limits());
    bench.film(0..700);
    bench.end();
    let before = bench.spans();
    let mut again = Bench::at(bench.dir, limits(), bench.clock);
    again.film(800..900);
    again.end();
    assert_eq!(again.spans(), [&before[..], &[(80_000, 90_000)]].concat());
}

#[test]
fn a_camera_that_is_no_longer_recorded_keeps_what_there_is_and_says_nothing() {
    let mut bench = Bench::new(limits());
    bench.film(0..50);
    bench.recordings.insert(&yard(), RecordMode::Events);
    bench.writer.turn(&bench.recordings.0);
    assert!(!bench.tap.wants_encoded() && !bench.recordings.is_recording(&yard()));
    assert_eq!((bench.spans(), bench.state()), (vec![(0, 5_000)], None));
}

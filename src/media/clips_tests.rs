//! Clips as their users see them: begun, ended, kept within their limits.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use super::super::clip_settings::RecordMode;
use super::super::clip_testing::keyframe_every;
use super::super::clip_writer::AHEAD_BYTES;
use super::*;
use crate::domain::Timestamp;
use crate::health::State;

/// Longest wait for the writer.
const DEADLINE: Duration = Duration::from_secs(60);

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_428_000_000);

struct Bench {
    clips: Clips,
    tap: Arc<dyn FrameTap>,
    news: Receiver<ClipNews>,
    free: Arc<AtomicU64>,
    clock: Clock,
    health: Health,
    stop: Stop,
    tasks: Tasks,
    next: u64,
}

fn camera() -> CameraId {
    "yard".parse().unwrap()
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    fn new(dir: &Path, bytes: u64) -> Self {
        let (stop, clock) = (Stop::new(), Clock::manual(NOW));
        let health = Health::new(clock.clone());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let clips = Clips::open(ClipsContext {
            claim: Claim::free(),
            dir: dir.to_owned(),
            limits: ClipLimits { bytes, age: None, min_free_bytes: 1000 },
            free_bytes: {
                let free = Arc::clone(&free);
                Arc::new(move || Some(free.load(Ordering::Relaxed)))
            },
            clock: clock.clone(),
            health: health.clone(),
            metrics: Metrics::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let (tx, news) = sync_channel(100);
        clips.on_news(move |news| tx.send(news).unwrap());
        let settings = RecordSettings { post_roll: s(1), ..RecordSettings::default() };
        let tap = clips.insert(&camera(), settings);
        let bench = Self { clips, tap, news, free, clock, health, stop, tasks, next: 0 };
        assert_eq!(bench.news(), ClipNews::Known);
        bench
    }

    fn news(&self) -> ClipNews {
        self.news.recv_timeout(DEADLINE).unwrap()
    }

    fn film(&mut self, seconds: u64) {
        for number in self.next..self.next + 10 * seconds {
            self.tap.offer_encoded(&keyframe_every(10, number));
        }
        self.next += 10 * seconds;
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.next * 100)
    }

    /// An event of three seconds; what became of its clip.
    fn event(&mut self, id: u64) -> Option<ClipSize> {
        self.film(6);
        let clip = self.clips.begin(&camera(), EventId(id), self.now());
        assert_eq!(clip.unwrap().file, EventId(id));
        self.film(3);
        self.clips.end(&camera(), EventId(id), self.now());
        self.film(2);
        match self.news() {
            ClipNews::Finished { file, events, size } => {
                assert_eq!((file, events), (EventId(id), vec![EventId(id)]));
                size
            }
            ClipNews::Known => panic!("known twice"),
        }
    }

    fn finish(self) {
        self.stop.set();
        assert!(self.tasks.join(&Clock::system(), DEADLINE).is_empty());
    }
}

#[test]
fn an_event_gets_the_video_from_before_it_to_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), u64::MAX);
    let size = bench.event(7).unwrap();
    assert_eq!(size.length, s(9), "five before, three of it, one after");
    assert!(bench.clips.is_kept(EventId(7)));
    let (file, bytes) = bench.clips.load(EventId(7)).unwrap().unwrap();
    assert_eq!((bytes, file.metadata().unwrap().len()), (size.bytes, size.bytes));
    assert_eq!(bench.clips.files().measure(EventId(7)), Some(size));
    bench.clips.remove(&[EventId(7)]);
    bench.event(8).unwrap();
    assert!(bench.clips.load(EventId(7)).unwrap().is_none(), "it goes with its event");
    bench.finish();
}

#[test]
fn beyond_its_bytes_the_oldest_clip_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), 30_000);
    for id in 1..=4 {
        bench.event(id).unwrap();
    }
    bench.event(5).unwrap();
    assert!(bench.clips.load(EventId(1)).unwrap().is_none());
    assert!(bench.clips.load(EventId(5)).unwrap().is_some());
    bench.finish();
}

#[test]
fn when_the_disk_fills_up_clips_go_before_the_space_of_the_system_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), u64::MAX);
    bench.event(1).unwrap();
    bench.free.store(1000 + AHEAD_BYTES - 1, Ordering::Relaxed);
    bench.event(2).unwrap();
    assert!(bench.clips.load(EventId(1)).unwrap().is_none(), "it made room");
    bench.free.store(999, Ordering::Relaxed);
    assert_eq!(bench.event(3), None, "there is no room for video");
    let report =
        |bench: &Bench| bench.health.reports().into_iter().find(|r| r.component == "clips");
    assert_eq!(report(&bench).unwrap().state, State::Degraded);
    bench.free.store(u64::MAX, Ordering::Relaxed);
    bench.event(4).unwrap();
    assert_eq!(report(&bench).unwrap().state, State::Healthy);
    bench.finish();
}

#[test]
fn what_is_open_when_the_box_stops_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), u64::MAX);
    bench.film(6);
    bench.clips.begin(&camera(), EventId(1), bench.now()).unwrap();
    bench.film(2);
    let clips = bench.clips.clone();
    bench.finish();
    assert_eq!(clips.files().measure(EventId(1)).unwrap().length, s(7));
}

#[test]
fn a_camera_that_is_removed_ends_its_clip_and_one_that_is_off_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), u64::MAX);
    bench.film(6);
    bench.clips.begin(&camera(), EventId(1), bench.now()).unwrap();
    bench.clips.remove_camera(&camera());
    assert!(matches!(bench.news(), ClipNews::Finished { size: Some(_), .. }));
    assert_eq!(bench.clips.recording(&camera()), ClipState::Off);
    let off = RecordSettings { mode: RecordMode::Off, ..RecordSettings::default() };
    bench.tap = bench.clips.insert(&camera(), off);
    bench.film(6);
    assert_eq!(bench.clips.begin(&camera(), EventId(2), bench.now()), None);
    bench.clock.advance(s(1));
    bench.finish();
}

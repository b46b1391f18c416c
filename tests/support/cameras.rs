//! Cameras under test: started as the daemon starts them, and watched through
//! what they announce. Waits end with an event or fail after a generous limit.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use watchpost::capture::{
    CameraEvent, CameraSettings, Cameras, CaptureContext, CaptureError, Directory, Driver,
    DriverFactory, TapFactory,
};
use watchpost::domain::{
    CameraId, CameraNotice, CameraState, ColorSpace, Frame, FrameMeta, FrameTap,
};
use watchpost::health::{Health, Metrics, Report};
use watchpost::rt::{Clock, Stop, Tasks};

/// Nothing here takes this long unless it is broken.
pub const LIMIT: Duration = Duration::from_secs(60);

/// More events than any test makes.
const EVENTS: usize = 4096;

/// What a test keeps of a frame: not its pixels, of which a thousand are a
/// gigabyte.
#[derive(Clone, Debug)]
pub struct Shot {
    pub meta: FrameMeta,
    pub size_px: (u32, u32),
    pub color: ColorSpace,
    /// A number that tells pictures apart.
    pub fingerprint: u64,
}

impl Shot {
    fn of(frame: &Frame) -> Self {
        let luma = (0..frame.height_px() as usize).flat_map(|row| frame.row(0, row));
        Self {
            meta: frame.meta.clone(),
            size_px: (frame.width_px(), frame.height_px()),
            color: frame.color(),
            fingerprint: luma
                .fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte))),
        }
    }
}

/// Frames of one camera, as they came.
#[derive(Default)]
pub struct Album {
    shots: Mutex<Vec<Shot>>,
    changed: Condvar,
}

impl Album {
    /// Numbers of all frames so far.
    pub fn sequences(&self) -> Vec<u64> {
        self.shots.lock().unwrap().iter().map(|shot| shot.meta.sequence).collect()
    }

    /// All frames so far.
    pub fn shots(&self) -> Vec<Shot> {
        self.shots.lock().unwrap().clone()
    }

    /// Forgets what came so far.
    pub fn clear(&self) {
        self.shots.lock().unwrap().clear();
    }

    /// Waits until there are `count` frames.
    pub fn wait_for(&self, count: usize) -> Vec<Shot> {
        let shots = self.shots.lock().unwrap();
        let (shots, timeout) =
            self.changed.wait_timeout_while(shots, LIMIT, |shots| shots.len() < count).unwrap();
        assert!(!timeout.timed_out(), "only {} of {count} frames came", shots.len());
        shots.clone()
    }
}

impl FrameTap for Album {
    fn offer(&self, frame: &Arc<Frame>) {
        self.shots.lock().unwrap().push(Shot::of(frame));
        self.changed.notify_all();
    }
}

/// A box with cameras and nothing else.
pub struct Bench {
    pub cameras: Cameras,
    pub directory: Directory,
    pub health: Health,
    pub metrics: Metrics,
    pub stop: Stop,
    tasks: Tasks,
    events: Receiver<CameraEvent>,
    ends: Receiver<String>,
    albums: Vec<(CameraId, Arc<Album>)>,
}

impl Bench {
    /// A box whose drivers `open` makes, with an album for each of `ids`.
    pub fn new(
        ids: &[&str],
        open: impl Fn(&CameraSettings) -> Result<Box<dyn Driver>, CaptureError> + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock::system();
        let (stop, directory) = (Stop::new(), Directory::default());
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let (tx, events) = sync_channel(EVENTS);
        directory.on_event(move |event| tx.try_send(event.clone()).unwrap());
        let (tx, ends) = sync_channel(EVENTS);
        let tasks = Tasks::new(stop.clone(), move |end| tx.send(format!("{end:?}")).unwrap());
        let albums: Vec<_> =
            ids.iter().map(|id| (id.parse().unwrap(), Arc::new(Album::default()))).collect();
        let open: DriverFactory = Arc::new(open);
        let context = CaptureContext {
            tasks: tasks.clone(),
            clock,
            health: health.clone(),
            metrics: metrics.clone(),
            directory: directory.clone(),
            stop: stop.clone(),
        };
        let cameras = Cameras::new(context, open, taps(albums.clone()));
        Self { cameras, directory, health, metrics, stop, tasks, events, ends, albums }
    }

    /// The frames of camera `id`.
    pub fn album(&self, id: &str) -> Arc<Album> {
        let (_, album) = self.albums.iter().find(|(known, _)| known.as_str() == id).unwrap();
        Arc::clone(album)
    }

    /// The next event that `pick` accepts; others are passed over.
    pub fn wait_event<T>(&self, what: &str, pick: impl Fn(&CameraEvent) -> Option<T>) -> T {
        let mut passed = Vec::new();
        loop {
            match self.events.recv_timeout(LIMIT) {
                Ok(event) => match pick(&event) {
                    Some(found) => return found,
                    None => passed.push(event),
                },
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {what}; only {passed:#?}; health {:#?}", self.health.reports())
                }
            }
        }
    }

    /// Waits until camera `id` is in `state`; the reason.
    pub fn wait_state(&self, id: &str, state: CameraState) -> Option<String> {
        self.wait_event(&format!("{id} {state:?}"), |event| match event {
            CameraEvent::Status(status) if status.camera.as_str() == id => {
                (status.state == state).then(|| status.reason.clone())
            }
            _ => None,
        })
    }

    /// Waits for the next notice of camera `id`.
    pub fn wait_notice(&self, id: &str) -> CameraNotice {
        self.wait_event(&format!("notice of {id}"), |event| match event {
            CameraEvent::Notice { camera, notice } if camera.as_str() == id => Some(notice.clone()),
            _ => None,
        })
    }

    /// All events that are there already.
    pub fn events_so_far(&self) -> Vec<CameraEvent> {
        self.events.try_iter().collect()
    }

    /// What health says of camera `id`.
    pub fn health_of(&self, id: &str) -> Option<Report> {
        let name = format!("camera.{id}");
        self.health.reports().into_iter().find(|report| report.component == name)
    }

    /// Waits until health says `words` of camera `id`.
    pub fn wait_health(&self, id: &str, words: &str) -> Report {
        // Pictures come ten times a second: each is an occasion to look again.
        for pictures in 0.. {
            let report = self.health_of(id).unwrap();
            if report.message.contains(words) {
                return report;
            }
            let seen = self.album(id).shots().len();
            assert!(pictures < 600, "health says {:?}", report.message);
            self.album(id).wait_for(seen + 1);
        }
        unreachable!("the loop ends by itself")
    }

    /// Stops everything and checks that nothing hangs or ended on its own.
    pub fn finish(self) {
        self.stop.set();
        assert_eq!(self.tasks.join(&Clock::system(), LIMIT), Vec::<String>::new());
        assert_eq!(self.ends.try_iter().collect::<Vec<_>>(), Vec::<String>::new());
    }
}

fn taps(albums: Vec<(CameraId, Arc<Album>)>) -> TapFactory {
    Arc::new(move |id| {
        let own = albums.iter().filter(|(known, _)| known == id);
        own.map(|(_, album)| album.clone() as Arc<dyn FrameTap>).collect()
    })
}

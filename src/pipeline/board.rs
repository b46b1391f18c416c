//! The board on which lanes wait for workers: one slot per camera.
//!
//! A slot holds at most one frame, the latest: when another arrives before a
//! worker came, the older one is dropped and counted, because a longer queue
//! would only make detections older. Footage is the exception: its slot makes the
//! driver wait, and nothing is dropped. Lanes get their turns round robin, and a
//! lane is with one worker at a time, so a busy camera never starves another and
//! frames of a camera keep their order.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::pace::Pace;
use super::{Lane, LaneSettings};
use crate::domain::{CameraId, Frame, FrameTap};
use crate::health::{Counter, Gauge, Metrics};
use crate::rt::{Clock, Stop};

/// How long a worker or a paced driver sleeps before it looks at the stop signal
/// again; also how often an idle worker shows that it is alive.
const NAP: Duration = Duration::from_millis(200);
/// How often a lane without frames gets a turn to end its tracks.
const TICK: Duration = Duration::from_secs(1);

/// The slots of all cameras.
pub struct Board {
    clock: Clock,
    state: Mutex<State>,
    /// A slot has work.
    work: Condvar,
    /// A slot has room.
    room: Condvar,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    next_number: u64,
    /// Where the search for the next turn begins: one after the latest.
    cursor: usize,
    is_closed: bool,
    /// What is left of the looks; absent: all.
    look_share: Option<f32>,
}

struct Slot {
    number: u64,
    camera: CameraId,
    lane: Arc<Mutex<Lane>>,
    metrics: LaneMetrics,
    detect_fps: f32,
    pace: Pace,
    is_paced: bool,
    waiting: Option<Arc<Frame>>,
    new_settings: Option<LaneSettings>,
    /// Every frame taken before this is worth a look.
    attend_until: Duration,
    is_in_work: bool,
    is_leaving: bool,
    is_look: bool,
    has_tracks: bool,
    /// When the latest turn ended, and the latest with a frame.
    last_turn: Duration,
    last_look: Duration,
}

/// Counters of one camera.
#[derive(Clone)]
pub struct LaneMetrics {
    taken: Counter,
    dropped: Counter,
    /// Frames shown to the network.
    pub inferred: Counter,
    /// Frames on which the network failed.
    pub failed: Counter,
    /// Share of the picture that moves.
    pub motion: Gauge,
}

/// Work for one worker.
pub struct Turn {
    number: u64,
    /// The lane; nobody else works on it during the turn.
    pub lane: Arc<Mutex<Lane>>,
    /// Settings to take over first.
    pub new_settings: Option<LaneSettings>,
    /// Every frame taken before this is worth a look.
    pub attend_until: Duration,
    /// Counters.
    pub metrics: LaneMetrics,
    /// What to do.
    pub task: TurnTask,
}

/// What a turn is about.
pub enum TurnTask {
    /// Look at a frame.
    Look(Arc<Frame>),
    /// No frame for this long.
    Tick(Duration),
    /// The camera was removed.
    Leave,
}

/// What a worker gets when it asks.
pub enum Next {
    /// Work.
    Turn(Box<Turn>),
    /// Nothing to do for a moment.
    Idle,
    /// The end.
    Stopped,
}

impl Board {
    /// A board without slots.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), work: Condvar::new(), room: Condvar::new() }
    }

    /// Adds a slot, or takes over the settings when the camera has one. On a
    /// closed board the frames go nowhere.
    pub fn add(self: &Arc<Self>, settings: LaneSettings, metrics: &Metrics) -> Arc<dyn FrameTap> {
        let mut state = self.lock();
        if state.is_closed {
            return Arc::new(Tap { board: Arc::clone(self), number: 0 });
        }
        let share = state.look_share.unwrap_or(1.0);
        let known = state.slots.iter_mut().find(|s| s.camera == settings.camera && !s.is_leaving);
        let number = match known {
            Some(slot) => {
                slot.replace(settings, share);
                slot.number
            }
            None => {
                state.next_number += 1;
                let number = state.next_number;
                let mut slot = Slot::new(number, settings, metrics, self.clock.monotonic());
                slot.look_at(share);
                state.slots.push(slot);
                number
            }
        };
        Arc::new(Tap { board: Arc::clone(self), number })
    }

    /// New settings for a camera; does nothing when there is no such slot.
    pub fn replace(&self, settings: LaneSettings) {
        let mut state = self.lock();
        let share = state.look_share.unwrap_or(1.0);
        if let Some(slot) = state.slots.iter_mut().find(|slot| slot.camera == settings.camera) {
            slot.replace(settings, share);
        }
    }

    /// Every camera looks at this share, 0..=1, of the frames it is set to look at.
    pub fn set_look_share(&self, share: f32) {
        let mut state = self.lock();
        state.look_share = Some(share);
        state.slots.iter_mut().for_each(|slot| slot.look_at(share));
    }

    /// These cameras (empty: all) look at every frame taken before `until`.
    pub fn attend(&self, cameras: &[CameraId], until: Duration) {
        let mut state = self.lock();
        let is_meant = |slot: &&mut Slot| cameras.is_empty() || cameras.contains(&slot.camera);
        for slot in state.slots.iter_mut().filter(is_meant) {
            slot.attend_until = slot.attend_until.max(until);
        }
    }

    /// Removes a camera's slot as soon as a worker has ended its tracks.
    pub fn remove(&self, camera: &CameraId) {
        let mut state = self.lock();
        for slot in state.slots.iter_mut().filter(|slot| slot.camera == *camera) {
            slot.is_leaving = true;
            slot.waiting = None;
        }
        drop(state);
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Frames that wait, and frames in work.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        let count = |is: fn(&&Slot) -> bool| state.slots.iter().filter(is).count();
        (count(|slot| slot.waiting.is_some()), count(|slot| slot.is_in_work))
    }

    /// All lanes and their cameras.
    pub fn lanes(&self) -> Vec<(CameraId, Arc<Mutex<Lane>>)> {
        let state = self.lock();
        let staying = state.slots.iter().filter(|slot| !slot.is_leaving);
        staying.map(|slot| (slot.camera.clone(), Arc::clone(&slot.lane))).collect()
    }

    /// The next turn; waits a moment for one.
    pub fn next(&self, stop: &Stop) -> Next {
        let mut state = self.lock();
        if stop.is_set() || state.is_closed {
            return Next::Stopped;
        }
        if let Some(turn) = state.take(self.clock.monotonic()) {
            drop(state);
            self.room.notify_all();
            return Next::Turn(Box::new(turn));
        }
        // Woken or not: the worker shows that it is alive and asks again.
        drop(self.work.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner));
        Next::Idle
    }

    /// A turn is over.
    pub fn done(&self, number: u64, has_tracks: bool) {
        let mut state = self.lock();
        let now = self.clock.monotonic();
        if let Some(slot) = state.slots.iter_mut().find(|slot| slot.number == number) {
            slot.is_in_work = false;
            slot.has_tracks = has_tracks;
            slot.last_turn = now;
            if slot.is_look {
                slot.last_look = now;
            }
        }
        drop(state);
        // The lane may have a frame that no worker could take until now.
        self.work.notify_one();
    }

    /// Takes no more frames and lets everyone go who waits. Returns the lanes, so
    /// that their tracks can be ended.
    pub fn close(&self) -> Vec<Arc<Mutex<Lane>>> {
        let mut state = self.lock();
        state.is_closed = true;
        let slots = std::mem::take(&mut state.slots);
        drop(state);
        self.work.notify_all();
        self.room.notify_all();
        slots.into_iter().map(|slot| slot.lane).collect()
    }

    fn offer(&self, number: u64, frame: &Arc<Frame>) {
        let mut state = self.lock();
        loop {
            let Some(slot) = state.slots.iter_mut().find(|slot| slot.number == number) else {
                return;
            };
            if slot.is_leaving {
                return;
            }
            if !slot.is_paced || slot.waiting.is_none() {
                slot.put(frame);
                break;
            }
            state = self.room.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.work.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, now: Duration) -> Option<Turn> {
        let count = self.slots.len();
        let order = (0..count).map(|n| (self.cursor + n) % count);
        let index = order.into_iter().find(|index| self.slots[*index].has_work(now))?;
        self.cursor = index + 1;
        if self.slots[index].is_leaving {
            let slot = self.slots.remove(index);
            return Some(slot.turn(TurnTask::Leave, None));
        }
        let slot = &mut self.slots[index];
        slot.is_in_work = true;
        let task = match slot.waiting.take() {
            Some(frame) => TurnTask::Look(frame),
            None => TurnTask::Tick(now.saturating_sub(slot.last_look)),
        };
        slot.is_look = matches!(task, TurnTask::Look(_));
        if slot.is_look {
            slot.metrics.taken.inc();
        }
        let new_settings = slot.new_settings.take();
        Some(slot.turn(task, new_settings))
    }
}

impl Slot {
    fn new(number: u64, settings: LaneSettings, metrics: &Metrics, now: Duration) -> Self {
        Self {
            number,
            camera: settings.camera.clone(),
            metrics: LaneMetrics::new(metrics, &settings.camera),
            detect_fps: settings.detect_fps,
            pace: Pace::new(settings.detect_fps),
            is_paced: settings.is_paced,
            lane: Arc::new(Mutex::new(Lane::new(settings))),
            waiting: None,
            new_settings: None,
            attend_until: Duration::ZERO,
            is_in_work: false,
            is_leaving: false,
            is_look: false,
            has_tracks: false,
            last_turn: now,
            last_look: now,
        }
    }

    fn look_at(&mut self, share: f32) {
        self.pace = Pace::new(self.detect_fps * share);
    }

    fn replace(&mut self, settings: LaneSettings, share: f32) {
        self.detect_fps = settings.detect_fps;
        self.look_at(share);
        self.is_paced = settings.is_paced;
        self.new_settings = Some(settings);
    }

    /// Takes a frame, unless the camera delivers more than is wanted.
    fn put(&mut self, frame: &Arc<Frame>) {
        if self.pace.accepts(frame.meta.captured_mono)
            && self.waiting.replace(Arc::clone(frame)).is_some()
        {
            self.metrics.dropped.inc();
        }
    }

    fn has_work(&self, now: Duration) -> bool {
        let is_tick_due = self.has_tracks && now.saturating_sub(self.last_turn) >= TICK;
        !self.is_in_work && (self.waiting.is_some() || self.is_leaving || is_tick_due)
    }

    fn turn(&self, task: TurnTask, new_settings: Option<LaneSettings>) -> Turn {
        Turn {
            number: self.number,
            lane: Arc::clone(&self.lane),
            new_settings,
            attend_until: self.attend_until,
            metrics: self.metrics.clone(),
            task,
        }
    }
}

impl Turn {
    /// Which slot it is for.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl LaneMetrics {
    fn new(metrics: &Metrics, camera: &CameraId) -> Self {
        let labels = [("camera", camera.as_str())];
        Self {
            taken: metrics.counter("watchpost_pipeline_frames_total", "Frames looked at.", &labels),
            dropped: metrics.counter(
                "watchpost_pipeline_frames_dropped_total",
                "Frames replaced by a newer one before a worker came.",
                &labels,
            ),
            inferred: metrics.counter(
                "watchpost_pipeline_frames_inferred_total",
                "Frames shown to the detection network.",
                &labels,
            ),
            failed: metrics.counter(
                "watchpost_pipeline_inferences_failed_total",
                "Frames on which the detection network failed.",
                &labels,
            ),
            motion: metrics.gauge(
                "watchpost_pipeline_motion_ratio",
                "Share of the picture that moves.",
                &labels,
            ),
        }
    }
}

/// Where a camera's frames enter.
struct Tap {
    board: Arc<Board>,
    number: u64,
}

impl FrameTap for Tap {
    fn offer(&self, frame: &Arc<Frame>) {
        self.board.offer(self.number, frame);
    }
}

//! One camera on its way to clips: its pre-roll, and the clips that are open.
//!
//! Filled by the camera's thread, emptied by the writer; both hold the lock for
//! moments. Events that overlap share a clip: one that begins in the first half of
//! an open clip joins it, a later one gets its own. At most [`OPEN_MAX`] clips are
//! open, so a camera's bytes are written at most so many times. An end of the
//! stream (the camera reconnects, its format changes) is the end of its clips.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clip_settings::{RecordMode, RecordSettings};
use super::pre_roll::{Position, PreRoll, PreRollLimits};
use crate::domain::{Clip, EncodedFrame, EventId, Frame, FrameTap, SessionId, VideoFormat};
use crate::health::{Counter, Gauge};
use crate::rt::Clock;

/// Longest clip. Whoever stays longer has been seen by then.
pub(super) const LENGTH_MAX: Duration = Duration::from_secs(120);

/// Clips of one camera that are written at the same time.
const OPEN_MAX: usize = 2;

/// Events that share a clip; those beyond have none.
const EVENTS_MAX: usize = 256;

/// A detection comes so long after its picture at the latest; the pre-roll is held
/// longer by this.
const LATENESS: Duration = Duration::from_secs(3);

/// Without a frame for this long there is no stream.
const SILENCE: Duration = Duration::from_secs(5);

/// What the lane of one camera counts.
pub(super) struct LaneFigures {
    pub dropped: Counter,
    pub held_bytes: Gauge,
}

/// One camera.
pub(super) struct ClipLane {
    clock: Clock,
    figures: LaneFigures,
    state: Mutex<State>,
}

struct State {
    settings: RecordSettings,
    bytes_max: u64,
    ring: PreRoll,
    stream: Option<(SessionId, Arc<VideoFormat>)>,
    /// Capture time of the newest frame, and when it came.
    latest: Duration,
    arrived: Duration,
    /// The motion sensor's latest sign, and until when events have to do with it.
    alarm: Option<RangeInclusive<Duration>>,
    open: Vec<OpenClip>,
}

struct OpenClip {
    id: EventId,
    format: Arc<VideoFormat>,
    position: Position,
    /// Capture time of its first frame.
    start: Duration,
    events: Vec<(EventId, Option<Duration>)>,
    /// Its stream is over; these frames are left of it.
    rest: Option<Vec<Arc<EncodedFrame>>>,
}

/// What the writer has to do about one clip.
pub(super) struct Step {
    pub id: EventId,
    pub format: Arc<VideoFormat>,
    pub frames: Vec<Arc<EncodedFrame>>,
    /// The clip is whole; these are its events.
    pub events: Option<Vec<EventId>>,
}

/// Whether events of a camera get clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipState {
    /// They do.
    Events,
    /// The configuration says no.
    Off,
    /// The camera sends no video that can be kept as it is, or nothing now.
    NoVideo,
}

impl ClipLane {
    pub fn new(clock: Clock, figures: LaneFigures) -> Self {
        let state = State {
            settings: RecordSettings::default(),
            bytes_max: 0,
            ring: PreRoll::new(),
            stream: None,
            latest: Duration::ZERO,
            arrived: Duration::ZERO,
            alarm: None,
            open: Vec::new(),
        };
        Self { clock, figures, state: Mutex::new(state) }
    }

    /// How it goes on. What is open is recorded to its end all the same.
    pub fn set(&self, settings: RecordSettings) {
        let mut state = self.lock();
        state.settings = settings;
        if settings.mode == RecordMode::Off {
            state.end_stream();
        }
    }

    /// The motion sensor began to see something at `at`: clips of events that begin
    /// until `until` show what was before that.
    pub fn attend(&self, at: Duration, until: Duration) {
        self.lock().alarm = Some(at..=until);
    }

    /// How many bytes of video it may hold.
    pub fn set_held_max(&self, bytes: u64) {
        self.lock().bytes_max = bytes;
    }

    /// No frames will come any more.
    pub fn end(&self) {
        let mut state = self.lock();
        state.settings.mode = RecordMode::Off;
        state.end_stream();
    }

    /// Whether events get clips now.
    pub fn recording(&self) -> ClipState {
        let state = self.lock();
        match state.settings.mode {
            RecordMode::Off => ClipState::Off,
            RecordMode::Events | RecordMode::Continuous => {
                match state.is_live(self.clock.monotonic()) {
                    true => ClipState::Events,
                    false => ClipState::NoVideo,
                }
            }
        }
    }

    /// An event has begun, with a picture that was taken at `at`.
    pub fn begin(&self, event: EventId, at: Duration) -> Option<Clip> {
        let mut state = self.lock();
        if state.settings.mode == RecordMode::Off || !state.is_live(self.clock.monotonic()) {
            return None;
        }
        let may_open = state.open.len() < OPEN_MAX;
        let joined = state.open.iter_mut().rev().find(|clip| clip.takes(at, may_open));
        if let Some(clip) = joined {
            clip.events.push((event, None));
            return Some(Clip { file: clip.id, event_at: at - clip.start, size: None });
        }
        if may_open { state.open(event, at) } else { None }
    }

    /// An event has ended, with a picture that was taken at `at`.
    pub fn end_event(&self, event: EventId, at: Duration) {
        let mut state = self.lock();
        for clip in &mut state.open {
            let known = clip.events.iter_mut().find(|(known, _)| *known == event);
            if let Some((_, end)) = known {
                *end = Some(at);
            }
        }
    }

    /// What there is to be written.
    pub fn steps(&self) -> Vec<Step> {
        let mut state = self.lock();
        let now = self.clock.monotonic();
        if !state.open.is_empty() && !state.is_live(now) {
            state.end_stream();
        }
        let steps = state.steps();
        self.figures.held_bytes.set(state.ring.bytes() as f64);
        steps
    }

    /// A clip has become as large as it may be, or cannot be written.
    pub fn close(&self, id: EventId) -> Vec<EventId> {
        let mut state = self.lock();
        let (closed, open) = std::mem::take(&mut state.open).into_iter().partition(|c| c.id == id);
        state.open = open;
        let closed: Vec<OpenClip> = closed;
        closed.into_iter().flat_map(|clip| clip.event_ids()).collect()
    }

    /// Whether an event is in a clip that is open.
    pub fn is_open(&self, event: EventId) -> bool {
        let state = self.lock();
        state.open.iter().flat_map(|clip| &clip.events).any(|(known, _)| *known == event)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameTap for ClipLane {
    fn offer(&self, _: &Arc<Frame>) {}

    fn wants_encoded(&self) -> bool {
        self.lock().settings.mode != RecordMode::Off
    }

    fn offer_encoded(&self, frame: &Arc<EncodedFrame>) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        let is_same = state
            .stream
            .as_ref()
            .is_some_and(|(session, format)| *session == frame.session && *format == frame.format);
        if !is_same {
            state.end_stream();
            state.stream = Some((frame.session, Arc::clone(&frame.format)));
        }
        (state.latest, state.arrived) = (frame.captured_mono, now);
        let limits = PreRollLimits { span: state.held_span(), bytes: state.bytes_max };
        let live = state.open.iter().filter(|clip| clip.rest.is_none());
        let needed = live.map(|clip| clip.position).min();
        let given_up = state.ring.push(Arc::clone(frame), limits, needed);
        drop(state);
        self.figures.dropped.add(given_up);
    }
}

impl State {
    fn is_live(&self, now: Duration) -> bool {
        self.stream.is_some() && now.saturating_sub(self.arrived) < SILENCE
    }

    /// How much video is held: enough for an event that is about to begin.
    fn held_span(&self) -> Duration {
        let alarm = self.alarm.as_ref().filter(|alarm| self.latest <= *alarm.end() + LATENESS);
        let since = alarm.map_or(Duration::ZERO, |it| self.latest.saturating_sub(*it.start()));
        self.settings.pre_roll + since + LATENESS
    }

    /// Where the clip of an event that begins at `at` should begin: before it, and
    /// before what made the motion sensor wake the camera.
    fn beginning(&self, at: Duration) -> Duration {
        let alarm = self.alarm.as_ref().filter(|alarm| alarm.contains(&at));
        let cause = alarm.map_or(at, |it| *it.start().max(&at.saturating_sub(LENGTH_MAX / 2)));
        cause.saturating_sub(self.settings.pre_roll)
    }

    fn open(&mut self, event: EventId, at: Duration) -> Option<Clip> {
        let (_, format) = self.stream.as_ref()?;
        let (position, start) = self.ring.position_at(self.beginning(at));
        // Without a keyframe yet the clip begins with the next.
        let start = start.unwrap_or(self.latest);
        self.open.push(OpenClip {
            id: event,
            format: Arc::clone(format),
            position,
            start,
            events: vec![(event, None)],
            rest: None,
        });
        Some(Clip { file: event, event_at: at.saturating_sub(start), size: None })
    }

    /// What the open clips have not read goes with them.
    fn end_stream(&mut self) {
        for clip in self.open.iter_mut().filter(|clip| clip.rest.is_none()) {
            clip.rest = Some(self.ring.take(&mut clip.position, clip.start + LENGTH_MAX));
        }
        self.ring.clear();
        self.stream = None;
    }

    fn steps(&mut self) -> Vec<Step> {
        let (latest, post_roll, ring) = (self.latest, self.settings.post_roll, &self.ring);
        let mut steps = Vec::new();
        self.open.retain_mut(|clip| {
            let until = clip.until(post_roll);
            let (frames, is_over) = match clip.rest.take() {
                Some(rest) => (rest, true),
                None => (ring.take(&mut clip.position, until), latest >= until),
            };
            let events = is_over.then(|| clip.event_ids());
            steps.push(Step { id: clip.id, format: Arc::clone(&clip.format), frames, events });
            !is_over
        });
        steps
    }
}

impl OpenClip {
    /// Whether an event that began at `at` belongs here. Without another choice it
    /// also does near the end.
    fn takes(&self, at: Duration, has_choice: bool) -> bool {
        let limit = if has_choice { LENGTH_MAX / 2 } else { LENGTH_MAX };
        self.rest.is_none()
            && self.events.len() < EVENTS_MAX
            && at.checked_sub(self.start).is_some_and(|age| age <= limit)
    }

    /// When it ends, as far as is known now.
    fn until(&self, post_roll: Duration) -> Duration {
        let longest = self.start + LENGTH_MAX;
        let ends = self.events.iter().map(|(_, end)| end.map(|end| end + post_roll));
        let all: Option<Vec<_>> = ends.collect();
        all.and_then(|ends| ends.into_iter().max()).map_or(longest, |end| end.min(longest))
    }

    fn event_ids(&self) -> Vec<EventId> {
        self.events.iter().map(|(event, _)| *event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip_testing::{encoded, format, keyframe_every};
    use super::*;
    use crate::domain::Timestamp;

    fn lane() -> ClipLane {
        let figures = LaneFigures { dropped: Counter::default(), held_bytes: Gauge::default() };
        let lane = ClipLane::new(Clock::manual(Timestamp::default()), figures);
        lane.set(RecordSettings::default());
        lane.set_held_max(1 << 20);
        lane
    }

    fn film(lane: &ClipLane, numbers: std::ops::Range<u64>) {
        numbers.for_each(|number| lane.offer_encoded(&keyframe_every(10, number)));
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_clip_is_pre_roll_event_and_post_roll() {
        let lane = lane();
        film(&lane, 0..300);
        let clip = lane.begin(EventId(1), s(29)).unwrap();
        assert_eq!((clip.file, clip.event_at), (EventId(1), s(5)));
        film(&lane, 300..350);
        lane.end_event(EventId(1), s(32));
        let step = lane.steps().remove(0);
        assert!(step.events.is_none(), "the post-roll is not over");
        film(&lane, 350..450);
        let rest = lane.steps().remove(0);
        assert_eq!(rest.events, Some(vec![EventId(1)]));
        let frames: Vec<_> = step.frames.iter().chain(&rest.frames).collect();
        assert_eq!(frames[0].captured_mono, s(24));
        assert_eq!(frames.last().unwrap().captured_mono, Duration::from_millis(41_900));
        assert_eq!(frames.len(), 180);
        assert!(lane.steps().is_empty());
    }

    #[test]
    fn an_event_that_the_motion_sensor_announced_is_shown_from_before_the_sensor() {
        let lane = lane();
        film(&lane, 0..300);
        lane.attend(s(30), s(40));
        film(&lane, 300..390);
        assert_eq!(lane.begin(EventId(1), s(38)).unwrap().event_at, s(13));
        assert_eq!(lane.steps()[0].frames[0].captured_mono, s(25));
        lane.end_event(EventId(1), s(38));
        film(&lane, 390..600);
        lane.steps();
        let late = lane.begin(EventId(2), s(59)).unwrap();
        assert_eq!((late.file, late.event_at), (EventId(2), s(5)), "the alarm is long over");
    }

    #[test]
    fn events_that_overlap_share_a_clip_and_a_late_one_gets_its_own() {
        let lane = lane();
        film(&lane, 0..100);
        let first = lane.begin(EventId(1), s(9)).unwrap();
        film(&lane, 100..500);
        let second = lane.begin(EventId(2), s(49)).unwrap();
        assert_eq!((second.file, second.event_at), (first.file, s(45)));
        film(&lane, 500..900);
        let third = lane.begin(EventId(3), s(89)).unwrap();
        assert_eq!((third.file, third.event_at), (EventId(3), s(5)));
        let fourth = lane.begin(EventId(4), s(89)).unwrap();
        assert_eq!(fourth.file, EventId(3));
        [1, 2].into_iter().for_each(|event| lane.end_event(EventId(event), s(80)));
        film(&lane, 900..905);
        let ended: Vec<_> = lane.steps().into_iter().filter_map(|step| step.events).collect();
        assert_eq!(ended, [vec![EventId(1), EventId(2)]]);
        assert!(lane.is_open(EventId(4)) && !lane.is_open(EventId(1)));
    }

    #[test]
    fn an_event_that_does_not_end_ends_its_clip_at_the_longest_length() {
        let lane = lane();
        film(&lane, 0..100);
        lane.begin(EventId(1), s(9)).unwrap();
        film(&lane, 100..1_300);
        let step = lane.steps().remove(0);
        assert_eq!(step.events, Some(vec![EventId(1)]));
        assert_eq!(step.frames.len(), 1_200);
    }

    #[test]
    fn another_stream_ends_the_clip_with_all_that_was_left_of_the_first() {
        let lane = lane();
        film(&lane, 0..100);
        lane.begin(EventId(1), s(9)).unwrap();
        let other = VideoFormat { width_px: 128, ..format() };
        let frame = EncodedFrame { format: Arc::new(other), ..(*encoded(100, true)).clone() };
        lane.offer_encoded(&Arc::new(frame));
        let second = lane.begin(EventId(2), s(10)).unwrap();
        assert_eq!(second.file, EventId(2));
        let steps = lane.steps();
        assert_eq!(steps[0].events, Some(vec![EventId(1)]));
        assert_eq!(steps[0].frames.len(), 60);
        assert_eq!((steps[1].frames.len(), steps[1].format.width_px), (1, 128));
    }

    #[test]
    fn a_camera_that_falls_silent_ends_its_clip_and_then_has_no_video() {
        let lane = lane();
        film(&lane, 0..100);
        lane.begin(EventId(1), s(9)).unwrap();
        assert_eq!(lane.recording(), ClipState::Events);
        lane.clock.advance(SILENCE);
        assert_eq!(lane.recording(), ClipState::NoVideo);
        assert_eq!(lane.steps()[0].events, Some(vec![EventId(1)]));
        assert_eq!(lane.begin(EventId(2), s(9)), None);
    }

    #[test]
    fn a_camera_that_is_not_recorded_wants_no_frames_and_has_no_clips() {
        let lane = lane();
        film(&lane, 0..100);
        lane.begin(EventId(1), s(9)).unwrap();
        lane.set(RecordSettings { mode: RecordMode::Off, ..RecordSettings::default() });
        assert!(!lane.wants_encoded());
        assert_eq!(lane.begin(EventId(2), s(9)), None);
        assert_eq!(lane.recording(), ClipState::Off);
        assert_eq!(lane.steps()[0].frames.len(), 60, "what was open is whole");
    }
}

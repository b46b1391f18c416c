//! The body: keys, focus, shutter, memory, cards, live view.
//!
//! Knows no sockets. Whoever calls hands in the time; what the host must hear of
//! is put into [`Body::events`], where the oldest goes first when 4,096 wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::card::Cards;
use crate::options::{Options, UsbMode};
use crate::packet::Value;
use crate::packet::codes::{control, event, object, property as p};
use crate::pictures::{Pictures, Still};
use crate::properties::{Change, Properties};
use crate::schedule::{Due, Schedule};

/// Photographs waiting in memory; the body is busy when it is full.
const MEMORY_MAX: usize = 64;
/// Events nobody has fetched: four seconds of a storm.
const EVENTS_MAX: usize = 4096;
/// Controls that are remembered for tests.
const ACTIONS_MAX: usize = 1024;
/// Live view's lead before the JPEG: offset, length, room for focus frames.
const LIVE_VIEW_LEAD: usize = 128;
/// How often a moving zoom says where it is.
const ZOOM_TICK: Duration = Duration::from_millis(50);
/// Focal lengths of the zoom, in the property's unit.
const ZOOM: (i64, i64) = (28_000_000, 135_000_000);
/// What a storm changes.
const STORM: [u16; 3] = [p::SLOT1_PHOTOS, p::SLOT1_SECONDS, p::SLOT2_SECONDS];

/// What becomes of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// Done.
    Done,
    /// Not now: memory is full.
    Busy,
    /// There is no such control.
    Unknown,
    /// The control does not take this.
    Invalid,
}

/// The body.
#[derive(Debug)]
pub struct Body {
    /// What it is.
    pub mode: UsbMode,
    /// Its settings.
    pub properties: Properties,
    /// Its cards.
    pub cards: Cards,
    /// Whether the cards are open to the host beside remote control.
    pub is_card_open: bool,
    /// Code and parameter of what the host must hear of.
    pub events: VecDeque<(u16, u32)>,
    /// Events that went unheard.
    pub events_dropped: u64,
    /// Controls that the host worked, with their values.
    pub actions: VecDeque<(u16, i64)>,
    /// Every photograph taken, the newest last; at most as many as fit in memory.
    pub taken: VecDeque<Still>,
    /// Times the shutter went.
    pub shots: u64,
    memory: VecDeque<Still>,
    schedule: Schedule,
    pictures: Arc<Pictures>,
    focus: Duration,
    exposure: Duration,
    scene: Duration,
    started: Instant,
    number: u32,
    zoom_speed: i64,
    storm: Option<u32>,
    storm_at: usize,
    is_half_pressed: bool,
    is_shutter_waiting: bool,
}

impl Body {
    /// Switched on.
    pub fn new(options: &Options, now: Instant) -> Self {
        Self {
            mode: options.mode,
            properties: Properties::new(),
            cards: Cards::new(&options.pictures),
            is_card_open: options.mode == UsbMode::Mtp,
            events: VecDeque::new(),
            events_dropped: 0,
            actions: VecDeque::new(),
            taken: VecDeque::new(),
            shots: 0,
            memory: VecDeque::new(),
            schedule: Schedule::default(),
            pictures: Arc::clone(&options.pictures),
            focus: options.focus,
            exposure: options.exposure,
            scene: options.scene.max(Duration::from_millis(1)),
            started: now,
            number: 100,
            zoom_speed: 0,
            storm: None,
            storm_at: 0,
            is_half_pressed: false,
            is_shutter_waiting: false,
        }
    }

    /// A session ended: keys go up, the cards close, nobody hears what happened.
    pub fn release(&mut self) {
        self.is_half_pressed = false;
        self.is_shutter_waiting = false;
        self.zoom_speed = 0;
        self.schedule.cancel(Due::Focused);
        self.schedule.cancel(Due::Zoomed);
        self.is_card_open = self.mode == UsbMode::Mtp;
        self.events.clear();
        self.properties.put(p::FOCUS_FOUND, 1);
    }

    fn tell(&mut self, code: u16, parameter: u32) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.events_dropped += 1;
        }
        self.events.push_back((code, parameter));
    }

    /// The camera changes a property and says so.
    pub fn put(&mut self, code: u16, number: i64) {
        if self.properties.put(code, number) {
            self.tell(event::PROPERTY_CHANGED, u32::from(code));
        }
    }

    /// The host sets a property.
    pub fn set(&mut self, code: u16, value: &Value) -> Change {
        let change = self.properties.set(code, value);
        if change == Change::Changed {
            self.tell(event::PROPERTY_CHANGED, u32::from(code));
        }
        change
    }

    /// The host steps a property.
    pub fn step(&mut self, code: u16, by: i8) -> Change {
        let change = self.properties.step(code, by);
        if change == Change::Changed {
            self.tell(event::PROPERTY_CHANGED, u32::from(code));
        }
        change
    }

    /// The host works a control.
    pub fn work(&mut self, code: u16, value: i64, now: Instant) -> Worked {
        let key = u16::try_from(value).unwrap_or_default();
        let worked = match (code, key) {
            (control::HALF_PRESS, control::DOWN) => self.half_press(now),
            (control::HALF_PRESS, control::UP) => self.half_release(),
            (control::SHUTTER, control::DOWN) => self.press(now),
            (control::SHUTTER, control::UP) => {
                self.is_shutter_waiting = false;
                Worked::Done
            }
            (control::MOVIE, control::DOWN) => {
                let is_recording = self.properties.number(p::RECORDING_STATE) == 1;
                self.put(p::RECORDING_STATE, i64::from(!is_recording));
                Worked::Done
            }
            (control::MOVIE | control::FOCUS_HOLD, control::UP | control::DOWN) => Worked::Done,
            (control::NEAR_FAR, _) if (-7..=7).contains(&value) => Worked::Done,
            (control::AF_AREA, _) => af_area(value),
            (control::ZOOM, _) if (-8..=8).contains(&value) => self.zoom(value, now),
            (0xD2C1..=0xD2E5, _) => Worked::Invalid,
            _ => Worked::Unknown,
        };
        if worked == Worked::Done {
            if self.actions.len() >= ACTIONS_MAX {
                self.actions.pop_front();
            }
            self.actions.push_back((code, value));
        }
        worked
    }

    fn is_manual(&self) -> bool {
        self.properties.number(p::FOCUS_MODE) == 1
    }

    fn is_continuous(&self) -> bool {
        self.properties.number(p::FOCUS_MODE) == 0x8004
    }

    fn half_press(&mut self, now: Instant) -> Worked {
        self.is_half_pressed = true;
        if !self.is_manual() {
            if self.is_continuous() {
                self.put(p::FOCUS_FOUND, 5);
            }
            self.schedule.set(Due::Focused, now, self.focus);
        }
        Worked::Done
    }

    fn half_release(&mut self) -> Worked {
        self.is_half_pressed = false;
        self.schedule.cancel(Due::Focused);
        self.put(p::FOCUS_FOUND, 1);
        Worked::Done
    }

    /// Somebody presses the shutter. While the lens is still focusing, the
    /// photograph waits for it, as long as the key is down.
    pub fn press(&mut self, now: Instant) -> Worked {
        if self.memory.len() >= MEMORY_MAX || self.schedule.has(Due::Exposed) {
            return Worked::Busy;
        }
        if self.schedule.has(Due::Focused) {
            self.is_shutter_waiting = true;
        } else {
            self.schedule.set(Due::Exposed, now, self.exposure);
        }
        Worked::Done
    }

    fn zoom(&mut self, speed: i64, now: Instant) -> Worked {
        self.zoom_speed = speed;
        self.schedule.set(Due::Zoomed, now, ZOOM_TICK);
        Worked::Done
    }

    /// So many changes a second from now on, or none.
    pub fn storm(&mut self, per_second: Option<u32>, now: Instant) {
        if self.storm == per_second {
            return;
        }
        self.storm = per_second;
        self.schedule.cancel(Due::Stormed);
        if per_second.is_some() {
            self.schedule.set(Due::Stormed, now, Duration::ZERO);
        }
    }

    /// When the next thing is due.
    pub fn due(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Lets happen what is due.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.schedule.take(now) {
            match due {
                Due::Focused => self.focused(now),
                Due::Exposed => self.exposed(),
                Due::Zoomed => self.zoomed(now),
                Due::Stormed => self.stormed(now),
            }
        }
    }

    fn focused(&mut self, now: Instant) {
        self.put(p::FOCUS_FOUND, if self.is_continuous() { 6 } else { 2 });
        if std::mem::take(&mut self.is_shutter_waiting) {
            self.schedule.set(Due::Exposed, now, self.exposure);
        }
    }

    fn exposed(&mut self) {
        self.number += 1;
        self.shots += 1;
        let quality = self.properties.number(p::COMPRESSION);
        let (is_jpeg, is_raw) = (quality != 0x10, quality >= 0x10);
        let stills = [(is_jpeg, false), (is_raw, true)].into_iter().filter(|(is_made, _)| *is_made);
        let stills: Vec<_> =
            stills.map(|(_, is_raw)| self.pictures.still(self.number, is_raw)).collect();
        let destination = self.properties.number(p::STORE_DESTINATION);
        for still in stills {
            self.keep(still, destination & 0x1 != 0, destination & 0x10 != 0);
        }
    }

    fn keep(&mut self, still: Still, to_host: bool, to_card: bool) {
        if self.taken.len() >= MEMORY_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back(still.clone());
        if to_card && self.cards.add(still.clone()).is_some() {
            let left = self.properties.number(p::SLOT1_PHOTOS) - 1;
            self.put(p::SLOT1_PHOTOS, left);
        }
        if to_host {
            self.memory.push_back(still);
            self.count_memory();
            self.tell(event::OBJECT_ADDED, object::IN_MEMORY);
        }
    }

    fn count_memory(&mut self) {
        let count = self.memory.len() as i64;
        self.put(p::OBJECT_IN_MEMORY, if count > 0 { 0x8000 | count } else { 0 });
    }

    fn zoomed(&mut self, now: Instant) {
        let focal = self.properties.number(p::ZOOM) + self.zoom_speed * 500_000;
        self.put(p::ZOOM, focal.clamp(ZOOM.0, ZOOM.1));
        if self.zoom_speed != 0 && (ZOOM.0 + 1..ZOOM.1).contains(&focal) {
            self.schedule.set(Due::Zoomed, now, ZOOM_TICK);
        }
    }

    fn stormed(&mut self, now: Instant) {
        let Some(per_second) = self.storm else { return };
        // In bursts of 20 ms: a timer for each would not keep up.
        let burst = Duration::from_millis(20);
        let changes = (per_second / 50).max(1);
        for _ in 0..changes {
            let code = STORM[self.storm_at % STORM.len()];
            self.storm_at += 1;
            let number = self.properties.number(code);
            self.put(code, if number > 10_000 { 1 } else { number + 1 });
        }
        let pause = if per_second < 50 { Duration::from_secs(1) / per_second } else { burst };
        self.schedule.set(Due::Stormed, now, pause);
    }

    /// The photograph that waits in memory.
    pub fn in_memory(&self) -> Option<&Still> {
        self.memory.front()
    }

    /// The host has it.
    pub fn fetched(&mut self) {
        self.memory.pop_front();
        self.count_memory();
    }

    /// The newest live-view picture with its lead: where the JPEG begins and how
    /// long it is, then zeros.
    pub fn live_view(&self, now: Instant) -> Vec<u8> {
        let scene = now.duration_since(self.started).as_millis() / self.scene.as_millis().max(1);
        let jpeg = self.pictures.frame(scene as u64);
        let mut bytes = (LIVE_VIEW_LEAD as u32).to_le_bytes().to_vec();
        bytes.extend((jpeg.len() as u32).to_le_bytes());
        bytes.resize(LIVE_VIEW_LEAD, 0);
        bytes.extend(jpeg.iter());
        bytes
    }
}

/// The area lies in 640 by 480.
fn af_area(value: i64) -> Worked {
    let (x, y) = ((value >> 16) & 0xFFFF, value & 0xFFFF);
    if x < 640 && y < 480 { Worked::Done } else { Worked::Invalid }
}

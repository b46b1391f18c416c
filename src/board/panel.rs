//! The panel: everything wired to the board, on one thread that reads and
//! switches it in rounds.
//!
//! A line that cannot be had is named in health and tried again, from
//! [`RETRY_FIRST`] to [`RETRY_LONGEST`] later; the others work meanwhile. When the thread ends, however it ends,
//! the outputs are off.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::{info, warn};

use super::daylight::{Daylight, LightMeter};
use super::outputs::{Fan, Lamp, Siren};
use super::posts::{InputPost, OutputPost};
use super::settle::{Button, Press, Settle};
use super::{GpioSettings, Lines, MotionLog, Profile, Sensors};
use crate::health::{Component, Counter, Gauge, Health, Metrics, Progress};
use crate::rt::{Clock, Stop, Tasks};

/// How often inputs are read: a quarter of the shortest press that counts.
const ROUND: Duration = Duration::from_millis(20);

/// How often outputs are looked after where there is no input: half the shortest
/// blink.
const SLOW_ROUND: Duration = Duration::from_millis(120);

/// When a line that could not be had is tried again: at the start of a board its chip
/// may appear a moment after us, and a line may still be in other hands for a moment.
/// Each try waits twice as long as the one before.
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(250);

/// No try waits longer.
pub(super) const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// A round that takes longer than this is stuck, and the watchdog ends the program:
/// nobody else would silence the siren.
const ROUND_LIMIT: Duration = Duration::from_secs(30);

/// How often temperature and brightness are looked at.
const CLIMATE: Duration = Duration::from_secs(1);

/// What the panel works with.
pub struct PanelContext {
    /// What is wired.
    pub settings: GpioSettings,
    /// What is known of the board.
    pub profile: Profile,
    /// How its lines are reached.
    pub lines: Box<dyn Lines>,
    /// Temperature, for the fan.
    pub sensors: Sensors,
    /// Time.
    pub clock: Clock,
    /// Where the component `gpio` reports, and what the lamp shows.
    pub health: Health,
    /// Counters.
    pub metrics: Metrics,
    /// Where the thread shows that it moves, as stage `gpio`.
    pub progress: Progress,
    /// Where the thread is known.
    pub tasks: Tasks,
    /// When to end.
    pub stop: Stop,
    /// Where it is noted when the motion sensor sees something.
    pub motion_log: MotionLog,
    /// The motion sensor has begun to see something, which is noted. Called on the
    /// panel's thread, like the next two; none may block.
    pub on_motion_began: Box<dyn Fn() + Send>,
    /// The motion sensor sees something; again every second while it does.
    pub on_motion: Box<dyn Fn() + Send>,
    /// Somebody has pressed the button.
    pub on_press: Box<dyn Fn(Press) + Send>,
}

/// The panel, as others see it. Cheap to clone.
#[derive(Clone)]
pub struct Panel(Arc<Shared>);

struct Shared {
    siren: Option<Mutex<Siren>>,
    clock: Clock,
    meter: Arc<LightMeter>,
    is_night: AtomicBool,
}

impl Panel {
    /// Starts the panel's thread, unless nothing is wired to the board.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(context: PanelContext) -> io::Result<Self> {
        let siren = context.settings.siren.as_ref();
        let panel = Self(Arc::new(Shared {
            siren: siren.map(|siren| Mutex::new(Siren::new(siren.max_on))),
            clock: context.clock.clone(),
            meter: Arc::default(),
            is_night: AtomicBool::new(false),
        }));
        if !context.settings.is_empty() {
            let (tasks, shared) = (context.tasks.clone(), Arc::clone(&panel.0));
            tasks.spawn_thread("gpio", move || Rounds::new(context, shared).run())?;
        }
        Ok(panel)
    }

    /// Starts the siren, or silences it; does nothing without one.
    pub fn sound(&self, is_on: bool) {
        let Some(siren) = &self.0.siren else { return };
        let mut siren = siren.lock().unwrap_or_else(PoisonError::into_inner);
        if is_on { siren.start(self.0.clock.monotonic()) } else { siren.stop() }
    }

    /// Whether there is a siren.
    pub fn has_siren(&self) -> bool {
        self.0.siren.is_some()
    }

    /// Measures the light in the pictures of the camera it is given to.
    pub fn light_meter(&self) -> Arc<LightMeter> {
        Arc::clone(&self.0.meter)
    }

    /// Whether the infrared lamp lights the scene.
    pub fn is_night(&self) -> bool {
        self.0.is_night.load(Ordering::Relaxed)
    }
}

/// The thread.
struct Rounds {
    context: PanelContext,
    shared: Arc<Shared>,
    component: Component,
    motion: Option<(InputPost, Settle)>,
    button: Option<(InputPost, Button)>,
    siren: Option<OutputPost>,
    lamp: Option<OutputPost>,
    night: Option<Daylight>,
    infrared: [Option<OutputPost>; 2],
    fan: Option<(OutputPost, Fan)>,
    motions: Counter,
    sirens: Counter,
    night_gauge: Gauge,
    next_climate: Duration,
    next_motion: Duration,
    told: Option<BTreeSet<String>>,
}

impl Rounds {
    fn new(context: PanelContext, shared: Arc<Shared>) -> Self {
        let settings = &context.settings;
        let metrics = &context.metrics;
        let motion = settings.motion_sensor.as_ref().map(|motion| {
            (InputPost::new("motion_sensor", &motion.wire), Settle::new(motion.debounce))
        });
        let button = settings
            .button
            .as_ref()
            .map(|button| (InputPost::new("button", &button.wire), Button::new(button.debounce)));
        let night = settings.night_vision.as_ref();
        let output = |what, wire: Option<_>| wire.map(|wire| OutputPost::new(what, wire));
        Self {
            component: context.health.component("gpio"),
            motion,
            button,
            siren: output("siren", settings.siren.as_ref().map(|siren| &siren.wire)),
            lamp: output("status_lamp", settings.status_lamp.as_ref()),
            night: night.map(|night| Daylight::new(night.thresholds)),
            infrared: [
                output("infrared_lamp", night.and_then(|night| night.lamp.as_ref())),
                output("infrared_filter", night.and_then(|night| night.filter.as_ref())),
            ],
            fan: settings.fan.as_ref().map(|fan| {
                let rule = Fan::new(fan.on_above, fan.off_below);
                (OutputPost::new("fan", &fan.wire), rule)
            }),
            motions: metrics.counter(
                "watchpost_motion_sensor_total",
                "Times the motion sensor began to see something.",
                &[],
            ),
            sirens: metrics.counter("watchpost_siren_total", "Times the siren went off.", &[]),
            night_gauge: metrics.gauge(
                "watchpost_night_vision",
                "1 while infrared lights the scene.",
                &[],
            ),
            next_climate: Duration::ZERO,
            next_motion: Duration::ZERO,
            told: None,
            shared,
            context,
        }
    }

    fn run(mut self) {
        let has_inputs = self.motion.is_some() || self.button.is_some();
        let round = if has_inputs { ROUND } else { SLOW_ROUND };
        let mark = self.context.progress.stage("gpio", ROUND_LIMIT);
        loop {
            self.round(self.context.clock.monotonic());
            mark.touch();
            if self.context.stop.wait(round) {
                break;
            }
        }
        self.context.progress.remove("gpio");
    }

    fn round(&mut self, now: Duration) {
        self.read_inputs(now);
        self.sound_siren(now);
        self.light_lamp(now);
        if now >= self.next_climate {
            self.next_climate = now + CLIMATE;
            self.tend_climate(now);
        }
        self.report();
    }

    fn read_inputs(&mut self, now: Duration) {
        let (lines, profile) = (&*self.context.lines, &self.context.profile);
        if let Some((post, settle)) = &mut self.motion {
            let is_on = post.read(lines, profile, now);
            let change = settle.read(is_on, now);
            if let Some(sees_something) = change {
                self.context.motion_log.note(sees_something, now);
            }
            if change == Some(true) {
                self.motions.inc();
                self.next_motion = now;
                (self.context.on_motion_began)();
            }
            if settle.is_on() && now >= self.next_motion {
                self.next_motion = now + CLIMATE;
                (self.context.on_motion)();
            }
        }
        if let Some((post, button)) = &mut self.button {
            let is_on = post.read(lines, profile, now);
            if let Some(press) = button.read(is_on, now) {
                (self.context.on_press)(press);
            }
        }
    }

    fn sound_siren(&mut self, now: Duration) {
        let (Some(post), Some(siren)) = (&mut self.siren, &self.shared.siren) else { return };
        let is_on = siren.lock().unwrap_or_else(PoisonError::into_inner).is_on(now);
        let was_on = post.shown();
        post.show(is_on, &*self.context.lines, &self.context.profile, now);
        if was_on != post.shown() {
            match is_on {
                true => self.sirens.inc(),
                false if was_on == Some(true) => info!("The siren is silent again."),
                false => {}
            }
        }
    }

    fn light_lamp(&mut self, now: Duration) {
        let Some(post) = &mut self.lamp else { return };
        let is_pressed = self.button.as_ref().is_some_and(|(_, button)| button.is_pressed());
        let lamp = Lamp::of(self.context.health.overall(), is_pressed);
        post.show(lamp.is_lit(now), &*self.context.lines, &self.context.profile, now);
    }

    fn tend_climate(&mut self, now: Duration) {
        let (lines, profile) = (&*self.context.lines, &self.context.profile);
        if let Some((post, fan)) = &mut self.fan {
            let runs = fan.runs_at(self.context.sensors.temperature_celsius());
            post.show(runs, lines, profile, now);
        }
        if let Some(daylight) = &mut self.night {
            let is_night = daylight.see(self.shared.meter.level(), now);
            if is_night != self.shared.is_night.swap(is_night, Ordering::Relaxed) {
                info!(is_night; "Night vision was switched.");
            }
            self.night_gauge.set(f64::from(u8::from(is_night)));
            // The lamp lights at night, the filter keeps infrared out by day.
            for (post, is_on) in self.infrared.iter_mut().zip([is_night, !is_night]) {
                if let Some(post) = post {
                    post.show(is_on, lines, profile, now);
                }
            }
        }
    }

    /// Says in health which lines fail, when that has changed.
    fn report(&mut self) {
        let inputs = [&self.motion].into_iter().flatten().map(|(post, _)| post.trouble());
        let button = self.button.iter().map(|(post, _)| post.trouble());
        let fan = self.fan.iter().map(|(post, _)| post.trouble());
        let outputs = [&self.siren, &self.lamp, &self.infrared[0], &self.infrared[1]];
        let outputs = outputs.into_iter().flatten().map(OutputPost::trouble);
        let troubles: BTreeSet<_> =
            inputs.chain(button).chain(fan).chain(outputs).flatten().map(str::to_owned).collect();
        if self.told.as_ref() == Some(&troubles) {
            return;
        }
        if troubles.is_empty() {
            self.component.healthy(format!("wired as on a {}", self.context.profile.title));
        } else {
            let reasons = troubles.iter().cloned().collect::<Vec<_>>().join("; ");
            warn!(reasons; "Not everything that is wired to the board can be used.");
            self.component.degraded(
                reasons,
                "correct the lines under [gpio], or give the program's user the right to /dev/gpiochip*",
            );
        }
        self.told = Some(troubles);
    }
}

#[cfg(test)]
#[path = "panel_tests.rs"]
mod tests;

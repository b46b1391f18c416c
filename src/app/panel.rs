//! Joins what is wired to the board with the rest of the box.
//!
//! The motion sensor wakes cameras and is asked by alert rules, the button ends the
//! program, the siren sounds for alerts of rules that name its channel, infrared
//! follows a camera's light.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::mpsc;

use super::factory_reset;
use crate::assess::Alerts;
use crate::board::{
    GpioDriver, GpioSettings, LightMeter, Lines, MotionLog, Panel, PanelContext, Press, Profile,
    ProfileDecoders, Sensors, chardev::CharDevLines, rpi::RpiLines, sim::SimLines,
};
use crate::config::Settings;
use crate::domain::{AlertId, CameraId};
use crate::health::{Health, Metrics, Progress};
use crate::live::{AlertChange, AlertNews, Hub, LiveMessage};
use crate::media::Clips;
use crate::pipeline::Pipeline;
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Reader, Store};

/// The delivery channel of alert rules that sounds the siren.
const SIREN_CHANNEL: &str = "siren";

/// Alerts that wait for the siren. Each is one look at a rule; when there are more,
/// the siren sounds anyway.
const NEWS_WAITING: usize = 64;

/// How often the siren's thread looks at the stop signal.
const NAP: Duration = Duration::from_millis(500);

/// Presses that wait; the first one ends the program.
const PRESSES: usize = 4;

/// What the panel is joined with.
pub struct Surroundings<'a> {
    pub settings: &'a Settings,
    pub hub: &'a Hub,
    pub store: &'a Store,
    pub alerts: &'a Alerts,
    pub motion_log: MotionLog,
    pub clips: &'a Clips,
    pub pipeline: Arc<Pipeline>,
    pub clock: &'a Clock,
    pub health: &'a Health,
    pub metrics: &'a Metrics,
    pub progress: &'a Progress,
    pub tasks: &'a Tasks,
    pub stop: &'a Stop,
}

/// The panel at work.
pub struct Joined {
    /// Presses of the button.
    pub presses: mpsc::Receiver<Press>,
    /// The camera whose light is measured, and who measures it.
    pub light: Option<(CameraId, Arc<LightMeter>)>,
}

/// Starts what is wired to the board.
///
/// # Errors
/// When the system refuses a thread.
pub fn start(around: Surroundings<'_>) -> io::Result<Joined> {
    let Surroundings { settings, clock, pipeline, .. } = &around;
    let gpio = settings.board.gpio.clone();
    let profile = profile(settings);
    let (press, presses) = mpsc::channel(PRESSES);
    let panel = Panel::start(PanelContext {
        lines: lines(&gpio, &profile),
        profile,
        sensors: Sensors::system(),
        clock: (*clock).clone(),
        health: around.health.clone(),
        metrics: around.metrics.clone(),
        progress: around.progress.clone(),
        tasks: around.tasks.clone(),
        stop: around.stop.clone(),
        motion_log: around.motion_log.clone(),
        on_motion_began: on_motion_began(&gpio, around.alerts.clone(), around.clips.clone()),
        on_motion: on_motion(&gpio, Arc::clone(pipeline)),
        on_press: Box::new(move |kind| {
            // When nobody takes it the program is ending already.
            let _ = press.try_send(kind);
        }),
        settings: gpio.clone(),
    })?;
    if panel.has_siren() {
        sound_for_alerts(&panel, &around)?;
    }
    Ok(Joined { presses, light: light(settings, &panel) })
}

/// What is known of this board.
pub fn profile(settings: &Settings) -> Profile {
    Profile::choose(&Sensors::system().model(), settings.board.profile.as_deref())
}

/// The decoders of this board that may be used.
pub fn decoders(settings: &Settings) -> ProfileDecoders {
    match settings.board.decodes_by_software {
        true => ProfileDecoders::default(),
        false => profile(settings).decode,
    }
}

/// How the lines of this board are reached.
pub fn lines(gpio: &GpioSettings, profile: &Profile) -> Box<dyn Lines> {
    let driver = match gpio.driver {
        GpioDriver::Auto => profile.gpio_driver(),
        chosen => chosen,
    };
    match driver {
        GpioDriver::RaspberryPi => Box::new(RpiLines),
        GpioDriver::Sim => Box::new(SimLines::new(gpio.sim_dir.clone().unwrap_or_default())),
        GpioDriver::CharDev | GpioDriver::Auto => {
            Box::new(CharDevLines::new(profile.gpio.chip.clone()))
        }
    }
}

fn on_motion_began(gpio: &GpioSettings, alerts: Alerts, clips: Clips) -> Box<dyn Fn() + Send> {
    let motion = gpio.motion_sensor.clone().unwrap_or_default();
    Box::new(move || {
        clips.attend(&motion.cameras, motion.attention);
        alerts.see_motion();
    })
}

fn on_motion(gpio: &GpioSettings, pipeline: Arc<Pipeline>) -> Box<dyn Fn() + Send> {
    let motion = gpio.motion_sensor.clone().unwrap_or_default();
    Box::new(move || pipeline.attend(&motion.cameras, motion.attention))
}

fn light(settings: &Settings, panel: &Panel) -> Option<(CameraId, Arc<LightMeter>)> {
    let night = settings.board.gpio.night_vision.as_ref()?;
    let first = || settings.cameras.first().map(|camera| camera.capture.id.clone());
    Some((night.camera.clone().or_else(first)?, panel.light_meter()))
}

/// What the button asked for, before the program ends.
pub fn obey(press: Press, state_dir: &Path) {
    match press {
        Press::Restart => info!("The button was pressed; starting again."),
        Press::FactoryReset => {
            info!("The button was held for ten seconds; everything kept will be forgotten.");
            if let Err(reason) = factory_reset::order(state_dir) {
                warn!(reason:%; "The order to forget everything could not be written.");
            }
        }
    }
}

/// Whoever publishes only drops a note; rules are looked up on a thread.
fn sound_for_alerts(panel: &Panel, around: &Surroundings<'_>) -> io::Result<()> {
    let (note, notes) = sync_channel(NEWS_WAITING);
    around.hub.on_message(note_alerts(note, panel.clone()));
    let watch = SirenWatch {
        panel: panel.clone(),
        store: around.store.clone(),
        stop: around.stop.clone(),
        sounding: BTreeSet::new(),
    };
    around.tasks.spawn_thread("siren", move || watch.run(&notes))
}

fn note_alerts(
    note: SyncSender<Arc<AlertNews>>,
    panel: Panel,
) -> impl Fn(&LiveMessage) + Send + Sync {
    move |message| {
        let LiveMessage::Alert(news) = message else { return };
        let is_full = note.try_send(Arc::clone(news)).is_err();
        // Too many to look at each: better loud than silent.
        if is_full && news.change == AlertChange::Created {
            panel.sound(true);
        }
    }
}

struct SirenWatch {
    panel: Panel,
    store: Store,
    stop: Stop,
    /// Alerts that sounded and that nobody has seen; at most [`NEWS_WAITING`].
    sounding: BTreeSet<AlertId>,
}

impl SirenWatch {
    fn run(mut self, notes: &Receiver<Arc<AlertNews>>) {
        while !self.stop.is_set() {
            match notes.recv_timeout(NAP) {
                Ok(news) => self.hear(&news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hear(&mut self, news: &AlertNews) {
        let id = news.alert.id;
        match news.change {
            AlertChange::Created if self.is_loud(news) => {
                info!(alert:% = id; "The siren sounds.");
                if self.sounding.len() < NEWS_WAITING {
                    self.sounding.insert(id);
                }
                self.panel.sound(true);
            }
            AlertChange::Acknowledged | AlertChange::Dismissed => {
                if self.sounding.remove(&id) && self.sounding.is_empty() {
                    self.panel.sound(false);
                }
            }
            AlertChange::Created | AlertChange::SeverityRaised | AlertChange::Resolved => {}
        }
    }

    /// Whether the alert's rule names the siren.
    fn is_loud(&self, news: &AlertNews) -> bool {
        let rule = news.alert.rule.and_then(|rule| self.store.alert_rule(rule).ok().flatten());
        rule.is_some_and(|rule| rule.channels.iter().any(|channel| channel == SIREN_CHANNEL))
    }
}

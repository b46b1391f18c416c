//! A session in mode `remote-transfer` or `contents`: files are fetched from the
//! camera's cards on demand, over PTP/IP.
//!
//! One transfer at a time, in parts of a mebibyte, so that commands get their turn
//! in between. A file is written under a hidden name, synced, and then named; a
//! transfer that breaks off leaves nothing. In `remote-transfer` the camera can
//! also be worked: keys, properties, live view once it is switched on.

mod commands;
mod pull;

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::changes::{COALESCE, Changes};
use super::desk::Desk;
use super::gphoto::{Widget, WidgetKind};
use super::ip::{Card, IpCamera, LinkError};
use super::packet::codes::event;
use super::packet::{Form, PropertyInfo, Value};
use super::picture::Pictures;
use super::properties::Table;
use super::{End, focus_state, reach};
use crate::capture::control::ConnectionMode;
use crate::capture::{CaptureError, FrameSink, PtpAddress, Rest, Source};
use crate::domain::{AfState, CameraNotice};
use crate::rt::{Clock, Stop};
use pull::Running;

/// Longest turn while nothing is fetched.
const TURN: Duration = Duration::from_millis(100);

/// How often properties are read without a reason.
const TABLE_INTERVAL: Duration = Duration::from_secs(1);

/// Live pictures a second without a setting.
const FPS_DEFAULT: u32 = 15;

/// See the module.
pub(super) struct Transfer<'a> {
    desk: &'a mut Desk,
    frames: &'a FrameSink,
    stop: &'a Stop,
    clock: Clock,
    mode: ConnectionMode,
    camera: IpCamera,
    card: Card,
    infos: Vec<PropertyInfo>,
    table: Table,
    table_at: Duration,
    changes: Changes,
    af: AfState,
    pictures: Pictures,
    live_interval: Duration,
    /// When the next live picture is due; none while the live view is off.
    live_at: Option<Duration>,
    running: Option<Running>,
    is_released: bool,
    lost: Option<CaptureError>,
}

impl<'a> Transfer<'a> {
    /// Begins the session.
    pub(super) fn open(
        desk: &'a mut Desk,
        frames: &'a FrameSink,
        stop: &'a Stop,
        mode: ConnectionMode,
        fps: Option<u32>,
    ) -> Result<Self, CaptureError> {
        let source_name = Source::Ptp(desk.address.clone()).describe();
        let away =
            |reason: String| CaptureError::Unreachable { source_name: source_name.clone(), reason };
        let PtpAddress::Ip(address) = desk.address else {
            return Err(CaptureError::Driver("this mode needs the camera's network".to_owned()));
        };
        reach::check(address).map_err(away)?;
        let camera = IpCamera::open(address, mode).map_err(|error| match error {
            LinkError::InUse => CaptureError::Busy { source_name: source_name.clone() },
            other => away(other.to_string()),
        })?;
        let pictures = Pictures::new().map_err(|error| away(error.to_string()))?;
        let clock = frames.clock().clone();
        let fps = fps.unwrap_or(FPS_DEFAULT).clamp(1, 60);
        Ok(Self {
            desk,
            frames,
            stop,
            mode,
            camera,
            card: Card::default(),
            infos: Vec::new(),
            table: Table::default(),
            table_at: clock.monotonic(),
            changes: Changes::default(),
            af: AfState::Unlocked,
            pictures,
            live_interval: Duration::from_secs(1) / fps,
            live_at: None,
            running: None,
            is_released: false,
            lost: None,
            clock,
        })
    }

    /// Until the session ends.
    pub(super) fn run(mut self) -> Result<End, CaptureError> {
        self.begin();
        let outcome = self.turns();
        if let Some(running) = self.running.take() {
            self.broken_off(running, "the session has ended");
        }
        if outcome.is_ok() {
            self.camera.close();
        }
        outcome
    }

    fn begin(&mut self) {
        self.frames.identify(self.camera.model.clone());
        self.desk.show(Some(self.mode));
        self.desk.is_away = false;
        self.frames.connected();
        self.frames.rest(Rest::Blind("connected to fetch files; nothing is detected"));
        if std::mem::take(&mut self.desk.is_reconnecting) {
            self.desk.say(CameraNotice::Reconnected);
        }
        self.desk.answer_connecting(&Ok(()));
    }

    fn turns(&mut self) -> Result<End, CaptureError> {
        while !self.stop.is_set() {
            while let Ok(command) = self.desk.owner.commands.try_recv() {
                self.obey(command);
                if self.is_released || self.lost.is_some() {
                    break;
                }
            }
            if self.is_released {
                return Ok(End::Released);
            }
            if let Some(lost) = self.lost.take() {
                return Err(lost);
            }
            self.events()?;
            self.fetch_part()?;
            self.picture()?;
            self.properties()?;
            self.pause();
        }
        Ok(End::Stopped)
    }

    fn events(&mut self) -> Result<(), CaptureError> {
        let events = self.camera.events();
        for (code, parameter) in self.judge(events)?.unwrap_or_default() {
            match code {
                event::PROPERTY_CHANGED => {
                    self.table_at = self.table_at.min(self.clock.monotonic() + COALESCE);
                }
                // A still in the camera's memory: in this mode it stays there.
                event::OBJECT_ADDED if parameter != 0 => self.captured(),
                _ => {}
            }
        }
        Ok(())
    }

    fn captured(&self) {
        let message = "Captured_Event".to_owned();
        self.desk.say(CameraNotice::Warning { code: super::CAPTURED, message });
    }

    /// Properties, when it is time; then what has changed.
    fn properties(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        if self.mode == ConnectionMode::RemoteTransfer && now >= self.table_at {
            self.read_table()?;
        }
        if let Some(codes) = self.changes.take_due(now) {
            self.desk.say(CameraNotice::PropertyChanged { codes });
        }
        Ok(())
    }

    fn read_table(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        self.table_at = now + TABLE_INTERVAL;
        let infos = self.camera.table();
        let Some(infos) = self.judge(infos)? else { return Ok(()) };
        let widgets: Vec<_> = infos.iter().map(widget).collect();
        let table = Table::read(&widgets);
        let is_first = self.infos.is_empty();
        let changes = table.changes_since(&self.table);
        if !is_first {
            self.changes.note(changes, now);
        }
        (self.infos, self.table) = (infos, table);
        if let Some(found) = self.table.focus_found() {
            let state = focus_state(found);
            if std::mem::replace(&mut self.af, state) != state {
                self.desk.say(CameraNotice::AfStatus(state));
            }
        }
        Ok(())
    }

    fn picture(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        if self.live_at.is_none_or(|due| now < due) {
            return Ok(());
        }
        self.live_at = Some(now + self.live_interval);
        let preview = self.camera.preview();
        if let Some(jpeg) = self.judge(preview)? {
            match self.pictures.frame(&jpeg, self.frames) {
                Ok(frame) => self.frames.push(frame),
                Err(_) => self.frames.add_dropped(1),
            }
        }
        Ok(())
    }

    /// Whether a failure is the end: `None` when it is not.
    fn judge<T>(&self, answer: Result<T, LinkError>) -> Result<Option<T>, CaptureError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_loss() => Err(CaptureError::Unreachable {
                source_name: Source::Ptp(self.desk.address.clone()).describe(),
                reason: error.to_string(),
            }),
            Err(_) => Ok(None),
        }
    }

    fn pause(&mut self) {
        let now = self.clock.monotonic();
        let mut until = now + TURN;
        if self.running.is_some() {
            until = now;
        }
        until = until.min(self.live_at.unwrap_or(until));
        if self.mode == ConnectionMode::RemoteTransfer {
            until = until.min(self.table_at);
        }
        match self.desk.owner.commands.recv_timeout(until.saturating_sub(now)) {
            Ok(command) => self.obey(command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                self.stop.wait(until.saturating_sub(now));
            }
        }
    }
}

/// A property as libgphoto2 would show it, so that one table reads both.
fn widget(info: &PropertyInfo) -> Widget {
    let text = |value: &Value| match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    };
    let number = |value: &Value| value.number().unwrap_or_default() as f32;
    let kind = match &info.form {
        Form::Free => WidgetKind::Text(text(&info.current)),
        Form::Choices(choices) => WidgetKind::Choice {
            value: text(&info.current),
            choices: choices.iter().map(text).collect(),
        },
        Form::Range(least, most, step) => WidgetKind::Range {
            value: number(&info.current),
            least: number(least),
            most: number(most),
            step: number(step),
        },
    };
    let is_writable = info.is_writable && info.enabled == 1;
    Widget { name: format!("{:04x}", info.code), is_writable, kind }
}

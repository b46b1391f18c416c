//! A session in mode `remote`: shoot, set, look; stills come to the box.
//!
//! One turn: commands, then what the camera tells, then a live picture, then, now
//! and then, its properties. A turn ends early when a command arrives. Everything
//! the camera does is one transaction after another on this thread.

mod commands;
mod events;
mod live;
mod shot;

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use log::{debug, warn};

use self::live::Live;
use self::shot::Shot;
use super::changes::{COALESCE, Changes};
use super::desk::Desk;
use super::gphoto::{GpCamera, GpError, OpenError};
use super::picture::Pictures;
use super::properties::Table;
use super::reach;
use super::stills::Stills;
use super::{End, focus_state};
use crate::capture::control::ConnectionMode;
use crate::capture::{CaptureError, FrameSink, PtpAddress};
use crate::domain::{AfState, CameraNotice};
use crate::rt::{Clock, Stop};

/// Longest turn: how late the box hears of what happens on the camera.
const TURN: Duration = Duration::from_millis(100);

/// How often properties are read without a reason; the camera's events say when
/// there is one.
const TABLE_INTERVAL: Duration = Duration::from_secs(1);

/// Photographs that fit into the slots. A still that stays on the card is no event
/// of its own; that there is room for one less tells of it.
const ROOM_ON_CARD: [u32; 2] = [0x709, 0x70f];

/// So many suspicious answers in a row are a loss.
const SUSPICIONS: u32 = 2;

/// See the module.
pub(super) struct Remote<'a> {
    desk: &'a mut Desk,
    frames: &'a FrameSink,
    stop: &'a Stop,
    clock: Clock,
    camera: GpCamera,
    table: Table,
    stills: Stills,
    pictures: Pictures,
    live: Live,
    shot: Shot,
    af: AfState,
    /// Changes that have not been told, and since when.
    changes: Changes,
    /// When properties are read next.
    table_at: Duration,
    suspicions: u32,
    /// Set when somebody ends the session.
    is_released: bool,
    /// Set when the camera was lost in the middle of a command.
    lost: Option<CaptureError>,
}

impl<'a> Remote<'a> {
    /// Begins the session.
    pub(super) fn open(
        desk: &'a mut Desk,
        frames: &'a FrameSink,
        stop: &'a Stop,
        fps: Option<u32>,
    ) -> Result<Self, OpenError> {
        let refused = |words: String| OpenError::Refused(GpError::away(words));
        if let (PtpAddress::Ip(address), true) = (&desk.address, desk.is_away) {
            reach::check(*address).map_err(refused)?;
        }
        let clock = frames.clock().clone();
        let mut camera = GpCamera::open(&desk.address, desk.found_at.as_deref(), stop)?;
        let table = Table::read(&camera.settings()?);
        let pictures = Pictures::new().map_err(|error| refused(error.to_string()))?;
        let stills = Stills::new(&desk.stills, desk.camera.as_str(), desk.naming.as_ref());
        let now = clock.monotonic();
        Ok(Self {
            live: Live::new(fps, now),
            shot: Shot::default(),
            af: AfState::Unlocked,
            changes: Changes::default(),
            table_at: now + TABLE_INTERVAL,
            suspicions: 0,
            is_released: false,
            lost: None,
            desk,
            frames,
            stop,
            clock,
            camera,
            table,
            stills,
            pictures,
        })
    }

    /// Until the session ends.
    pub(super) fn run(mut self) -> Result<End, CaptureError> {
        self.begin();
        while !self.stop.is_set() {
            self.commands();
            if self.is_released {
                return Ok(End::Released);
            }
            if let Some(lost) = self.lost.take() {
                return Err(lost);
            }
            self.events()?;
            self.picture()?;
            self.properties()?;
            self.pause();
        }
        Ok(End::Stopped)
    }

    fn begin(&mut self) {
        let desk = &mut *self.desk;
        if let (_, Some(model)) = self.table.identity() {
            self.frames.identify(model);
        }
        desk.show(Some(ConnectionMode::Remote));
        desk.found_at = self.camera.found_at().map(str::to_owned);
        desk.is_away = false;
        self.frames.connected();
        if std::mem::take(&mut desk.is_reconnecting) {
            desk.say(CameraNotice::Reconnected);
        }
        desk.answer_connecting(&Ok(()));
    }

    /// Properties, when it is time or there is a reason; then what has changed.
    fn properties(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        if now >= self.table_at {
            self.read_table()?;
        }
        if let Some(codes) = self.changes.take_due(now) {
            self.desk.say(CameraNotice::PropertyChanged { codes });
        }
        Ok(())
    }

    /// Reads all properties and notes what has changed.
    fn read_table(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        self.table_at = now + TABLE_INTERVAL;
        let widgets = self.camera.settings();
        let Some(widgets) = self.judge(widgets)? else { return Ok(()) };
        let table = Table::read(&widgets);
        let changes = table.changes_since(&self.table);
        if changes.iter().any(|code| ROOM_ON_CARD.contains(code))
            && self.shot.is_for_card()
            && !self.table.sends_stills()
        {
            self.captured(false);
        }
        self.changes.note(changes, now);
        self.table = table;
        if let Some(found) = self.table.focus_found() {
            self.focus(found);
        }
        Ok(())
    }

    /// Properties are read soon: the camera has changed one.
    fn stale(&mut self) {
        self.table_at = self.table_at.min(self.clock.monotonic() + COALESCE);
    }

    /// The focus indicator has changed.
    fn focus(&mut self, found: i64) {
        let state = focus_state(found);
        if std::mem::replace(&mut self.af, state) != state {
            self.desk.say(CameraNotice::AfStatus(state));
        }
    }

    /// Whether a refusal of the camera is the end: `None` when it is not.
    fn judge<T>(&mut self, answer: Result<T, GpError>) -> Result<Option<T>, CaptureError> {
        let error = match answer {
            Ok(answer) => {
                self.suspicions = 0;
                return Ok(Some(answer));
            }
            Err(error) => error,
        };
        if error.is_suspicious() {
            self.suspicions += 1;
        }
        if error.is_loss() || self.suspicions >= SUSPICIONS {
            debug!(camera:% = self.desk.camera, reason:% = error; "The camera is gone.");
            return Err(CaptureError::Ended { source_name: self.source_name() });
        }
        debug!(camera:% = self.desk.camera, reason:% = error; "The camera refused; the session goes on.");
        Ok(None)
    }

    /// A fault that no request waits for.
    fn fault(&self, code: u32, message: String) {
        warn!(camera:% = self.desk.camera, message; "The camera did not do what it should.");
        self.desk.say(CameraNotice::Error { code, message });
    }

    fn source_name(&self) -> String {
        crate::capture::Source::Ptp(self.desk.address.clone()).describe()
    }

    /// Waits for the next thing to do, or for a command.
    fn pause(&mut self) {
        let now = self.clock.monotonic();
        let mut until = self.live.due().unwrap_or(now + TURN).min(now + TURN);
        until = until.min(self.table_at);
        if let Some(due) = self.changes.due_at() {
            until = until.min(due);
        }
        match self.desk.owner.commands.recv_timeout(until.saturating_sub(now)) {
            Ok(command) => self.obey(command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody holds the control any more; the camera is being removed.
                self.stop.wait(until.saturating_sub(now));
            }
        }
    }
}

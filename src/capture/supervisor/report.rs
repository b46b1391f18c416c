//! What one camera tells the others: health, directory, notices, metrics, log.
//!
//! Each change is told once. A retry that fails for the same reason as the one
//! before changes nothing but the counters.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use log::{debug, info, warn};

use super::super::{
    CameraEntry, CameraEvent, CameraSettings, CaptureError, Decoding, Directory, Recovery, Rest,
};
use super::CaptureContext;
use super::stats::Snapshot;
use crate::domain::{CameraId, CameraNotice, CameraState, CameraStatus, Frame};
use crate::health::{Component, Counter, Gauge};
use crate::rt::Clock;

/// So long a lost camera counts as "heals itself"; then as down.
const HEALING: Duration = Duration::from_secs(10);

/// The voice of one camera.
pub(super) struct CameraReport {
    entry: CameraEntry,
    clock: Clock,
    directory: Directory,
    health: Component,
    up: Gauge,
    sessions: Counter,
    failures: Counter,
    dropped: Counter,
    story: Mutex<Story>,
}

/// What was told last.
struct Story {
    state: CameraState,
    reason: Option<String>,
    /// Tries since the camera was last well.
    attempts: u64,
    /// Since when it is not well, monotonic.
    away_since: Duration,
    was_online: bool,
    is_hung: bool,
    is_over: bool,
    rest: Rest,
    /// What to tell of the decoder.
    decoded: Option<String>,
}

impl CameraReport {
    /// The voice of the camera with these settings; says nothing yet.
    pub(super) fn new(context: &CaptureContext, settings: &CameraSettings) -> Self {
        let labels = [("camera", settings.id.as_str())];
        let metrics = &context.metrics;
        Self {
            entry: entry_of(context, settings),
            clock: context.clock.clone(),
            directory: context.directory.clone(),
            health: context.health.component(format!("camera.{}", settings.id)),
            up: metrics.gauge(
                "watchpost_camera_up",
                "1 while the camera delivers pictures.",
                &labels,
            ),
            sessions: metrics.counter(
                "watchpost_capture_sessions_total",
                "Sessions in which the camera delivered pictures.",
                &labels,
            ),
            failures: metrics.counter(
                "watchpost_capture_failures_total",
                "Sessions that failed, before or after the first picture.",
                &labels,
            ),
            dropped: metrics.counter(
                "watchpost_capture_dropped_total",
                "Pictures dropped by the driver: damaged, or the box was behind.",
                &labels,
            ),
            story: Mutex::new(Story {
                state: CameraState::Unknown,
                reason: None,
                attempts: 0,
                away_since: context.clock.monotonic(),
                was_online: false,
                is_hung: false,
                is_over: false,
                rest: Rest::Awake,
                decoded: None,
            }),
        }
    }

    /// The camera has been configured.
    pub(super) fn begin(&self) {
        let known = self.directory.get(self.id()).map(|entry| entry.created_at);
        let created_at = known.unwrap_or(self.entry.created_at);
        self.directory.insert(CameraEntry { created_at, ..self.entry.clone() });
        self.up.set(0.0);
        self.health.degraded(
            format!("connecting to {}", self.entry.source),
            "nothing to do; the first picture is awaited",
        );
    }

    /// There is a session; mostly known by its first frame.
    pub(super) fn online(&self, frame: Option<&Frame>, model: Option<&str>) {
        self.sessions.inc();
        let model = model.unwrap_or(&self.entry.model).to_owned();
        self.directory.update(self.id(), |entry| {
            entry.model.clone_from(&model);
            if let Some(frame) = frame {
                entry.size_px = Some((frame.width_px(), frame.height_px()));
                entry.last_seen_at = Some(frame.meta.captured_at);
            }
        });
        self.is_well();
        self.notice(CameraNotice::Connected { model });
    }

    /// An attempt failed; `was_established` says whether there was a session.
    pub(super) fn failed(&self, error: &CaptureError, was_established: bool) {
        self.failures.inc();
        let state = match error.recovery() {
            Recovery::Reopen => CameraState::Offline,
            Recovery::NeedsOperator => CameraState::Error,
        };
        let reason = error.in_words();
        let is_news = self.is_away(state, &reason, error.next_step());
        let code = error.sdk_code();
        if was_established {
            self.notice(CameraNotice::Disconnected { code, reason });
        } else if is_news && error.is_fault() {
            self.notice(CameraNotice::Error { code, message: reason });
        }
    }

    /// The camera was stopped on purpose.
    pub(super) fn ended(&self, is_replaced: bool) {
        let was_online = {
            let mut story = self.story();
            story.is_over = true;
            story.state == CameraState::Online
        };
        if was_online {
            let reason = "stopped by the configuration or with the daemon".to_owned();
            let next_step = "nothing to do; it was asked for";
            self.change(CameraState::Offline, Some(reason.clone()), |health| {
                health.degraded(reason.clone(), next_step);
            });
            self.notice(CameraNotice::Disconnected { code: 0, reason });
        }
        self.up.set(0.0);
        if !is_replaced {
            self.directory.remove(self.id());
            self.health.remove();
        }
    }

    /// Frames pause, or come again.
    pub(super) fn resting(&self, rest: Rest) {
        let mut story = self.story();
        let before = std::mem::replace(&mut story.rest, rest);
        if story.state == CameraState::Online && before != rest {
            match rest {
                Rest::Blind(reason) => {
                    self.health
                        .degraded(reason, "switch the live view on, or connect in remote mode");
                }
                Rest::Awake => self.health.healthy("connected"),
                Rest::Brief => {}
            }
        }
    }

    /// This decodes the session's pictures.
    pub(super) fn decoding(&self, decoding: Decoding) {
        self.story().decoded = decoding.in_words();
        self.directory.update(self.id(), |entry| entry.decoding = Some(decoding));
    }

    /// Counts what the driver drops.
    pub(super) fn drops(&self) -> Counter {
        self.dropped.clone()
    }

    /// The watch took a look.
    pub(super) fn seen(&self, snapshot: &Snapshot) {
        self.directory.update(self.id(), |entry| {
            entry.fps = snapshot.fps;
            entry.last_seen_at = snapshot.last_at.or(entry.last_seen_at);
            entry.size_px = snapshot.size_px.or(entry.size_px);
        });
        let mut story = self.story();
        let was_hung = std::mem::replace(&mut story.is_hung, snapshot.is_hung);
        if story.is_over {
            return;
        }
        if story.state == CameraState::Online && !snapshot.is_hung && story.rest == Rest::Awake {
            // Under the lock, or a failure in this very moment would be painted over.
            let decoded = story.decoded.as_deref();
            self.health.healthy(describe(snapshot, decoded));
        }
        drop(story);
        if snapshot.is_hung && !was_hung {
            let reason = "the driver does not come back from a call";
            self.is_away(CameraState::Offline, reason, "restart the camera, then the daemon");
        } else if was_hung && !snapshot.is_hung && snapshot.fps > 0.0 {
            self.is_well();
        }
    }

    fn is_well(&self) {
        self.up.set(1.0);
        self.change(CameraState::Online, None, |health| health.healthy("pictures arrive"));
        let camera = self.id();
        let mut story = self.story();
        let attempts = std::mem::take(&mut story.attempts);
        let away = self.clock.monotonic().saturating_sub(story.away_since);
        let away_ms = u64::try_from(away.as_millis()).unwrap_or(u64::MAX);
        if std::mem::replace(&mut story.was_online, true) {
            info!(camera:%, attempts, away_ms; "The camera is back.");
        } else {
            info!(camera:%, attempts, away_ms; "The camera delivers pictures.");
        }
    }

    /// True when this is news: another state or another reason than before.
    fn is_away(&self, state: CameraState, reason: &str, next_step: &str) -> bool {
        self.up.set(0.0);
        let (is_new_state, is_news, away) = self.count_failure(state, reason);
        let camera = self.id();
        if is_new_state {
            warn!(camera:%, reason, next_step; "No pictures from this camera; it is opened again until they come.");
        } else {
            debug!(camera:%, reason; "Another try to open the camera failed.");
        }
        let is_down = state == CameraState::Error || away >= HEALING;
        self.change(state, Some(reason.to_owned()), |health| match is_down {
            true => health.unhealthy(reason, next_step),
            false => health.degraded(reason, next_step),
        });
        is_news
    }

    /// Whether the state is new, whether state or reason is, and how long the
    /// camera has been away.
    fn count_failure(&self, state: CameraState, reason: &str) -> (bool, bool, Duration) {
        let now = self.clock.monotonic();
        let mut story = self.story();
        if story.state == CameraState::Online {
            story.away_since = now;
        }
        story.attempts += 1;
        let is_new_state = story.state != state;
        let is_news = is_new_state || story.reason.as_deref() != Some(reason);
        (is_new_state, is_news, now.saturating_sub(story.away_since))
    }

    /// State first, then health, then the listeners: who hears of a change finds
    /// everything else changed already.
    fn change(
        &self,
        state: CameraState,
        reason: Option<String>,
        tell_health: impl FnOnce(&Component),
    ) {
        let previous = {
            let mut story = self.story();
            story.reason.clone_from(&reason);
            std::mem::replace(&mut story.state, state)
        };
        self.directory.update(self.id(), |entry| {
            entry.state = state;
            entry.reason.clone_from(&reason);
            if state != CameraState::Online {
                entry.fps = 0.0;
                entry.decoding = None;
            }
        });
        tell_health(&self.health);
        if previous != state {
            self.directory.announce(&CameraEvent::Status(CameraStatus {
                camera: self.id().clone(),
                name: self.entry.name.clone(),
                state,
                previous,
                reason,
                at: self.clock.now(),
            }));
        }
    }

    fn notice(&self, notice: CameraNotice) {
        self.directory.announce(&CameraEvent::Notice { camera: self.id().clone(), notice });
    }

    fn id(&self) -> &CameraId {
        &self.entry.id
    }

    fn story(&self) -> std::sync::MutexGuard<'_, Story> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry_of(context: &CaptureContext, settings: &CameraSettings) -> CameraEntry {
    CameraEntry {
        id: settings.id.clone(),
        name: settings.name.clone(),
        model: settings.source.model().to_owned(),
        connection_type: settings.source.connection_type(),
        source: settings.source.describe(),
        state: CameraState::Unknown,
        reason: None,
        size_px: None,
        fps: 0.0,
        decoding: None,
        created_at: context.clock.now(),
        last_seen_at: None,
    }
}

fn describe(snapshot: &Snapshot, decoded: Option<&str>) -> String {
    let Some((width, height)) = snapshot.size_px else { return "pictures arrive".to_owned() };
    let pictures = format!("{:.1} fps, {width}x{height} px", snapshot.fps);
    decoded.map_or(pictures.clone(), |decoded| format!("{pictures}, {decoded}"))
}

//! Settings that were changed while the box ran, over those of the configuration.
//!
//! What somebody has set holds until it is taken back, whatever the file, the
//! environment or the command line say: it was said last, and on purpose.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use tokio::sync::watch;

use crate::api::Tune;
use crate::domain::{Setting, Tuning};
use crate::pipeline::LaneSettings;
use crate::rt::Stop;
use crate::store::{Reader, Store};

/// How long to wait before a store that is being opened is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// The setting as it was last changed, with its revision.
pub type Changes = watch::Receiver<Option<Setting>>;

/// Where changes come in and go out.
pub fn channel() -> (Tune, Changes) {
    let (tx, rx) = watch::channel(None);
    (Arc::new(move |setting| offer(&tx, setting)), rx)
}

/// The stored setting must not come after a change that was made meanwhile.
fn offer(tx: &watch::Sender<Option<Setting>>, setting: Setting) {
    tx.send_if_modified(|known| {
        let is_newer = known.as_ref().is_none_or(|known| known.revision < setting.revision);
        if is_newer {
            *known = Some(setting);
        }
        is_newer
    });
}

/// Offers what is stored under `keys` as soon as the store can tell.
pub async fn restore(store: Store, keys: &'static [&'static str], tune: Tune, stop: Stop) {
    while !store.is_current() {
        if tokio::time::timeout(RETRY, stop.stopped()).await.is_ok() {
            return;
        }
    }
    let found = tokio::task::spawn_blocking(move || {
        keys.iter().map(|key| store.setting(key)).collect::<Result<Vec<_>, _>>()
    });
    match found.await {
        Ok(Ok(settings)) => settings.into_iter().flatten().for_each(|setting| tune(setting)),
        Ok(Err(reason)) => {
            warn!(reason:%; "Settings made at run time cannot be read; those of the file hold.");
        }
        Err(_) => warn!("Settings made at run time were not read; those of the file hold."),
    }
    stop.stopped().await;
}

/// What is stored under `key`, if the store can tell within `limit`.
pub async fn stored(store: &Store, key: &'static str, limit: Duration) -> Option<Setting> {
    let store = store.clone();
    let found = tokio::task::spawn_blocking(move || {
        store.wait_until_current(limit).then(|| store.setting(key).ok().flatten()).flatten()
    });
    found.await.ok().flatten()
}

/// What a setting says. One that cannot be read changes nothing.
pub fn read(setting: &Setting) -> Tuning {
    let read = serde_json::from_str::<Tuning>(&setting.value).ok();
    match read.filter(|tuning| tuning.check().is_ok()) {
        Some(tuning) => {
            info!(settings = setting.value.as_str(); "Settings made at run time hold.");
            tuning
        }
        None => {
            warn!("Settings made at run time are not valid; those of the file hold.");
            Tuning::default()
        }
    }
}

/// A camera's settings with what was set over them.
pub fn tuned(lane: &LaneSettings, tuning: &Tuning) -> LaneSettings {
    let span = |seconds: u32| Duration::from_secs(u64::from(seconds));
    LaneSettings {
        min_confidence: tuning.confidence_threshold.unwrap_or(lane.min_confidence),
        motion_threshold: tuning.motion_threshold.unwrap_or(lane.motion_threshold),
        detect_fps: tuning.fps.unwrap_or(lane.detect_fps),
        batch_window: tuning.batch_window_s.map_or(lane.batch_window, span),
        batch_idle: tuning.batch_idle_s.map_or(lane.batch_idle, span),
        ..lane.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn setting(revision: u32, value: &str) -> Setting {
        let (key, value) = (crate::domain::TUNING.to_owned(), value.to_owned());
        Setting { key, revision, value, updated_at: Timestamp::default() }
    }

    #[test]
    fn what_is_set_wins_over_the_file_and_the_rest_stays() {
        let lane = LaneSettings::new("yard".parse().unwrap(), "Yard".into());
        let tuning = read(&setting(0, r#"{"confidence_threshold":0.7,"batch_idle_s":10}"#));
        let tuned = tuned(&lane, &tuning);
        assert_eq!((tuned.min_confidence, tuned.batch_idle), (0.7, Duration::from_secs(10)));
        assert_eq!((tuned.detect_fps, tuned.batch_window), (lane.detect_fps, lane.batch_window));
    }

    #[test]
    fn a_damaged_setting_changes_nothing() {
        for text in ["", "{", r#"{"fps":-1}"#, r#"{"fps":"many"}"#] {
            assert_eq!(read(&setting(0, text)), Tuning::default(), "{text}");
        }
    }

    #[test]
    fn a_setting_that_was_read_late_does_not_undo_a_change() {
        let (tune, mut changes) = channel();
        tune(setting(4, "new"));
        tune(setting(3, "old"));
        assert_eq!(changes.borrow_and_update().as_ref().map(|s| s.revision), Some(4));
    }
}

//! Clips and recordings, and what goes with events that go.

use std::path::Path;
use std::sync::Arc;

use super::free_bytes;
use crate::config::Settings;
use crate::health::{Health, Metrics};
use crate::live::{EventDropped, Hub, LiveMessage};
use crate::media::{
    ClipLimits, Clips, ClipsContext, RecordingLimits, Recordings, RecordingsContext, Snapshots,
};
use crate::rt::{Claim, Clock, Stop, Tasks};
use crate::store::Store;

/// Files of the clips, below the state directory.
const CLIPS: &str = "media/clips";

/// Files of the recordings.
const RECORDINGS: &str = "media/recordings";

/// The recordings of the box.
pub fn recordings(
    claim: Claim,
    settings: &Settings,
    clock: &Clock,
    health: &Health,
    metrics: &Metrics,
    (tasks, stop): (&Tasks, &Stop),
) -> Recordings {
    let dir: &Path = &settings.state_dir;
    Recordings::open(RecordingsContext {
        claim,
        dir: dir.join(RECORDINGS),
        limits: RecordingLimits {
            bytes: settings.store.recordings_max_bytes,
            age: settings.store.recordings_max_age,
            min_free_bytes: settings.store.min_free_bytes,
        },
        free_bytes: free_bytes(dir),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })
}

/// The clips of the box.
pub fn open(
    claim: Claim,
    settings: &Settings,
    clock: &Clock,
    health: &Health,
    metrics: &Metrics,
    (tasks, stop): (&Tasks, &Stop),
) -> Clips {
    let dir: &Path = &settings.state_dir;
    Clips::open(ClipsContext {
        claim,
        dir: dir.join(CLIPS),
        limits: ClipLimits {
            bytes: settings.store.clips_max_bytes,
            age: settings.store.clips_max_age,
            min_free_bytes: settings.store.min_free_bytes,
        },
        free_bytes: free_bytes(dir),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })
}

/// Pictures and video of events that retention dropped go with them, and who wants
/// to know is told.
pub fn forget_dropped(
    store: &Store,
    (snapshots, clips): (&Snapshots, &Clips),
    hub: &Hub,
    clock: &Clock,
) {
    let (snapshots, clips) = (snapshots.clone(), clips.clone());
    let (hub, clock) = (hub.clone(), clock.clone());
    store.on_dropped(move |events| {
        snapshots.remove(events);
        clips.remove(events);
        let (reason, at) = ("dropped by retention", clock.now());
        for &event in events {
            let dropped = EventDropped { event, reason, at };
            hub.publish_in_passing(LiveMessage::EventDropped(Arc::new(dropped)));
        }
    });
}

/// Events whose dates were put right are shown anew.
pub fn announce_redated(store: &Store, hub: &Hub) {
    let hub = hub.clone();
    store.on_redated(move |event| hub.publish(LiveMessage::Event(Arc::new(event))));
}

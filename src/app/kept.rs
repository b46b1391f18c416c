//! What the box keeps on its disk, and what goes with events that go.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::free_bytes;
use super::house::House;
use crate::config::Settings;
use crate::live::{EventDropped, Hub, LiveMessage};
use crate::media::{Clips, MediaContext, MediaLimits, Recordings, Snapshots, Stills};
use crate::rt::Claim;
use crate::store::Store;
use crate::store::disk::Ground;

/// Records, pictures and video. Cheap to clone.
#[derive(Clone)]
pub struct Kept {
    /// The records.
    pub store: Store,
    /// A picture of each event.
    pub snapshots: Snapshots,
    /// The video of events.
    pub clips: Clips,
    /// The video of cameras that are recorded all the time.
    pub recordings: Recordings,
    /// Photographs and kept frames.
    pub stills: Stills,
}

/// Where stills are.
pub fn stills_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("media/stills")
}

/// Opens everything. Never fails: health says what cannot be kept.
pub fn open(claim: Claim, settings: &Settings, house: &House, hub: &Hub) -> Kept {
    let (dir, limits) = (&settings.state_dir, &settings.store);
    let House { clock, health, metrics, tasks, stop, .. } = house;
    let media = |dir: PathBuf, bytes, age| MediaContext {
        claim: claim.clone(),
        dir,
        limits: MediaLimits { bytes, age, min_free_bytes: limits.min_free_bytes },
        free_bytes: free_bytes(&settings.state_dir),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    let video = |kind| dir.join("media").join(kind);
    let kept = Kept {
        snapshots: Snapshots::open_claimed(
            claim.clone(),
            dir.join("media/snapshots"),
            limits.media_max_bytes,
            health,
            metrics,
            tasks,
            stop,
        ),
        clips: Clips::open(media(video("clips"), limits.clips_max_bytes, limits.clips_max_age)),
        recordings: Recordings::open(media(
            video("recordings"),
            limits.recordings_max_bytes,
            limits.recordings_max_age,
        )),
        stills: Stills::open(media(
            stills_dir(dir),
            limits.stills_max_bytes,
            limits.stills_max_age,
        )),
        store: Store::open_on(
            Ground { claim: claim.clone(), ..Ground::default() },
            dir,
            limits.clone(),
            clock.clone(),
            health,
            metrics,
            tasks,
            stop,
        ),
    };
    kept.forget_dropped(house, hub);
    kept.announce_redated(hub);
    kept
}

impl Kept {
    /// Pictures and video of events that retention dropped go with them, and who wants
    /// to know is told.
    fn forget_dropped(&self, house: &House, hub: &Hub) {
        let (snapshots, clips) = (self.snapshots.clone(), self.clips.clone());
        let (hub, clock) = (hub.clone(), house.clock.clone());
        self.store.on_dropped(move |events| {
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
    fn announce_redated(&self, hub: &Hub) {
        let hub = hub.clone();
        self.store.on_redated(move |event| hub.publish(LiveMessage::Event(Arc::new(event))));
    }
}

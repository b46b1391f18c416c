//! The pipeline's output: results are stored, then announced, in that order.
//!
//! Detections go straight to the store and are announced once they are written.
//! Events wait for their snapshot: a thread of its own saves the picture, has
//! the event synced and only then announces it, one after the other, so the
//! revisions of an event never overtake each other and whoever hears of an event
//! can fetch its picture. What a person has said about an event meanwhile stays.
//!
//! When the store is not available results are still announced live (a person
//! at the door matters more than the record of it), counted, and health says
//! that nothing is being kept.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::{debug, error};

use super::clip_records::ClipRecords;
use super::scene_changes::SceneChanges;
use super::{FrameOutcome, Output, TrackView};
use crate::domain::{BBox, CameraId, Detection, DetectionId, Event, EventId, Frame};
use crate::health::{Counter, Health, Metrics};
use crate::live::{DetectionBatchSeen, Hub, LiveMessage};
use crate::media::{Clips, LiveViews, OverlayBox, Snapshots};
use crate::rt::{Stop, Tasks};
use crate::store::{Durability, EventQuery, PAGE_MAX, Range, Reader, Record, Writer};

/// Outcomes with events waiting for their snapshot. An event changes about once
/// a second, so this bridges half a minute of a stuck disk on a busy box; each
/// entry holds at most one frame. When full, the new change is dropped, counted
/// and logged; the next change of the event carries the same facts.
const EVENT_QUEUE: usize = 64;

/// Longest wait for a snapshot before its event goes on without it.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);

/// How often the thread looks whether it should end.
const STOP_POLL: Duration = Duration::from_millis(200);

/// Hears of every event after it was stored and announced, on the thread of the
/// store; it must not block.
pub type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// Stores what the pipeline found and tells everyone.
pub struct Recorder {
    store: Arc<dyn Writer>,
    hub: Hub,
    on_event: OnEvent,
    clips: ClipRecords,
    scenes: SceneChanges,
    views: LiveViews,
    events: SyncSender<EventWork>,
    dropped: Counter,
    unsaved: Counter,
}

/// What the recorder works with.
pub struct RecorderContext {
    /// Keeps records.
    pub writer: Arc<dyn Writer>,
    /// Finds the events that a previous run left open, and reviews.
    pub reader: Arc<dyn Reader>,
    /// Keeps pictures.
    pub snapshots: Snapshots,
    /// Keeps video.
    pub clips: Clips,
    /// Tells everyone.
    pub hub: Hub,
    /// Judges events.
    pub on_event: OnEvent,
    /// Shows the boxes.
    pub views: LiveViews,
    /// Shows cameras that do not see what they should.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

struct EventWork {
    frame: Option<Arc<Frame>>,
    events: Vec<Event>,
    /// Events whose picture is `frame`.
    snapshots: Vec<EventId>,
}

impl Recorder {
    /// Starts the recorder and ends the events that a previous run left open.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(context: RecorderContext) -> std::io::Result<Arc<Self>> {
        let RecorderContext {
            writer,
            reader,
            snapshots,
            clips,
            hub,
            on_event,
            views,
            health,
            metrics,
            tasks,
            stop,
        } = context;
        let (tx, rx) = sync_channel(EVENT_QUEUE);
        let unsaved = metrics.counter(
            "watchpost_recorder_unsaved_total",
            "Records announced although the store could not keep them.",
            &[],
        );
        let clips =
            ClipRecords::start(clips, Arc::clone(&reader), Arc::clone(&writer), hub.clone());
        let scenes = SceneChanges::new(Arc::clone(&writer), hub.clone(), health, unsaved.clone());
        let recorder = Arc::new(Self {
            store: writer,
            hub,
            on_event,
            clips,
            scenes,
            views,
            events: tx,
            dropped: metrics.counter(
                "watchpost_recorder_dropped_total",
                "Event changes dropped because the disk was too slow.",
                &[],
            ),
            unsaved,
        });
        recorder.end_left_open(reader.as_ref());
        let worker = Arc::clone(&recorder);
        tasks.spawn_thread("recorder", move || worker.work(&rx, &snapshots, &stop))?;
        Ok(recorder)
    }

    /// A run that was killed leaves events without an end. They end where they
    /// were last seen.
    fn end_left_open(&self, reader: &dyn Reader) {
        let query = EventQuery {
            range: Range { limit: PAGE_MAX, ..Range::default() },
            ..EventQuery::default()
        };
        // A store that is not there has nothing left open.
        let Ok(page) = reader.events(&query) else { return };
        let ended: Vec<_> = page
            .items
            .into_iter()
            .filter(|event| event.ended_at.is_none())
            .map(|mut event| {
                event.ended_at = Some(event.updated_at);
                event.revision += 1;
                Record::Event(event)
            })
            .collect();
        if !ended.is_empty() {
            self.store.submit(ended, Durability::Written, Box::new(|_| ()));
        }
    }

    fn work(&self, rx: &Receiver<EventWork>, snapshots: &Snapshots, stop: &Stop) {
        loop {
            match rx.recv_timeout(STOP_POLL) {
                Ok(work) => self.record_events(work, snapshots),
                // What is queued when the stop comes is still recorded.
                Err(RecvTimeoutError::Timeout) if stop.is_set() => return,
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn record_events(&self, work: EventWork, snapshots: &Snapshots) {
        let failed = match work.frame {
            Some(frame) => {
                let pictured = |event: &&Event| work.snapshots.contains(&event.id);
                let focus = work.events.iter().filter(pictured).map(|e| (e.id, e.bbox)).collect();
                save_snapshots(snapshots, focus, &frame)
            }
            None => work.snapshots,
        };
        for mut event in work.events {
            // An event whose very first picture failed has none.
            if event.revision == 0 && failed.contains(&event.id) {
                event.has_snapshot = false;
            }
            self.record_event(event);
        }
    }

    /// A person may review an event while it lasts and write on it, and the clock may
    /// be set, which the pipeline does not know: what the stored revision has of that
    /// holds.
    fn record_event(&self, event: Event) {
        let (hub, unsaved) = (self.hub.clone(), self.unsaved.clone());
        let on_event = Arc::clone(&self.on_event);
        let (id, unstored) = (event.id, event.clone());
        let change = move |known: Option<Event>| {
            let Some(known) = known else { return Some(event) };
            let event = event.dated_as(&known);
            let Event { reviewed, notes, snooze_until, clip, .. } = known;
            Some(Event { reviewed, notes, snooze_until, clip: clip.or(event.clip), ..event })
        };
        let done = move |result: Result<Option<Event>, _>| {
            if result.is_err() {
                unsaved.inc();
            }
            let announced = Arc::new(result.ok().flatten().unwrap_or(unstored));
            hub.publish(LiveMessage::Event(Arc::clone(&announced)));
            on_event(&announced);
        };
        self.store.amend_event(id, Box::new(change), Durability::Synced, Box::new(done));
    }

    fn record_detections(&self, camera: CameraId, detections: Vec<Detection>) {
        let Some(first) = detections.first() else { return };
        let seen = (detections.len() > 1).then(|| {
            Arc::new(DetectionBatchSeen {
                batch: first.batch.clone(),
                camera,
                detections: detections.iter().map(|detection| detection.id).collect(),
                at: first.captured_at,
            })
        });
        let announced: Vec<_> = detections.iter().cloned().map(Arc::new).collect();
        let (hub, unsaved) = (self.hub.clone(), self.unsaved.clone());
        let records = detections.into_iter().map(Record::Detection).collect();
        let done = move |result: Result<(), _>| {
            if result.is_err() {
                unsaved.add(announced.len() as u64);
            }
            for detection in announced {
                hub.publish(LiveMessage::Detection(detection));
            }
            if let Some(seen) = seen {
                hub.publish(LiveMessage::DetectionBatch(seen));
            }
        };
        self.store.submit(records, Durability::Written, Box::new(done));
    }
}

impl Output for Recorder {
    fn next_detection_id(&self) -> DetectionId {
        self.store.next_detection_id()
    }

    fn next_event_id(&self) -> EventId {
        self.store.next_event_id()
    }

    fn frame_done(&self, mut outcome: FrameOutcome) {
        self.clips.follow(&mut outcome.events, outcome.frame.as_deref());
        if let Some(view) = self.views.get(&outcome.camera) {
            view.set_overlay(outcome.tracks.into_iter().map(OverlayBox::from).collect());
        }
        // Before the events, so that on every stream what was seen comes before what
        // it means.
        self.record_detections(outcome.camera.clone(), outcome.detections);
        if !outcome.events.is_empty() {
            // The frame is kept only when a picture is cut from it.
            let frame = outcome.frame.filter(|_| !outcome.snapshots.is_empty());
            let work = EventWork { frame, events: outcome.events, snapshots: outcome.snapshots };
            if let Err(TrySendError::Full(work)) = self.events.try_send(work) {
                self.dropped.add(work.events.len() as u64);
                let camera = outcome.camera.as_str();
                error!(camera, dropped = work.events.len(); "The disk is too slow; a change of an event was not recorded.");
            }
        }
        if let Some(news) = outcome.view {
            self.scenes.take(&outcome.camera, news);
        }
    }
}

/// Saves the pictures and waits until they are safe; the ids without one are
/// returned.
fn save_snapshots(
    snapshots: &Snapshots,
    events: Vec<(EventId, BBox)>,
    frame: &Arc<Frame>,
) -> Vec<EventId> {
    let ids: Vec<_> = events.iter().map(|(event, _)| *event).collect();
    let (tx, rx) = sync_channel(ids.len());
    let missing = Arc::new(Mutex::new(ids));
    let saves = events.len();
    for (event, focus) in events {
        let (tx, missing) = (tx.clone(), Arc::clone(&missing));
        let done = move |result: Result<(), crate::media::MediaError>| {
            match result {
                Ok(()) => {
                    let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
                    missing.retain(|id| *id != event);
                }
                Err(reason) => {
                    // Health says it once for all; a bad card would fill the log.
                    debug!(event = event.0, reason:%; "The snapshot of an event could not be saved.");
                }
            }
            // The waiting side may have given up.
            let _ = tx.try_send(());
        };
        snapshots.save(event, Arc::clone(frame), focus, Box::new(done));
    }
    for _ in 0..saves {
        if rx.recv_timeout(SNAPSHOT_LIMIT).is_err() {
            break;
        }
    }
    let missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
    missing.clone()
}

impl From<TrackView> for OverlayBox {
    fn from(track: TrackView) -> Self {
        Self { track: track.id, label: track.label, confidence: track.confidence, bbox: track.bbox }
    }
}

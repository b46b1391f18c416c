//! What events have to do with clips: they begin and end them, and learn what
//! became of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{Clip, ClipSize, Event, EventId, Frame};
use crate::live::{Hub, LiveMessage};
use crate::media::{ClipNews, Clips};
use crate::store::{Durability, EventQuery, PAGE_MAX, Range, Reader, Writer};

/// An event began at most so long before the picture that tells of it.
const LATENESS_MAX: Duration = Duration::from_secs(10);

/// The clips of the events that go on. As many as tracks.
pub(super) struct ClipRecords {
    clips: Clips,
    /// When events with a clip began, in the time of their camera's pictures.
    begun: Mutex<HashMap<EventId, Duration>>,
}

impl ClipRecords {
    /// Records of what becomes of `clips` go to `writer`, and then to `hub`.
    pub fn start(clips: Clips, reader: Arc<dyn Reader>, writer: Arc<dyn Writer>, hub: Hub) -> Self {
        // The listener belongs to the clips, so it must not own them as well.
        let files = clips.files();
        clips.on_news(move |news| match news {
            ClipNews::Finished { events, size, .. } => {
                events.into_iter().for_each(|event| amend(writer.as_ref(), &hub, event, size));
                true
            }
            ClipNews::Known => {
                let Some(left) = unfinished(reader.as_ref()) else { return false };
                let left: Vec<_> =
                    left.into_iter().filter(|(event, _)| !files.is_open(*event)).collect();
                for (event, clip) in &left {
                    amend(writer.as_ref(), &hub, *event, files.measure(clip.file));
                }
                // Asked for again until the store has taken them.
                left.is_empty()
            }
        });
        Self { clips, begun: Mutex::default() }
    }

    /// Events as `frame` shows them; those that begin learn where their clip will be.
    pub fn follow(&self, events: &mut [Event], frame: Option<&Frame>) {
        for event in events {
            if let (0, Some(frame)) = (event.revision, frame) {
                self.begin(event, frame);
            }
            if let Some(ended_at) = event.ended_at
                && let Some(begun) = self.lock().remove(&event.id)
            {
                let at = begun + ended_at.since(event.started_at);
                self.clips.end(&event.camera, event.id, at);
            }
        }
    }

    fn begin(&self, event: &mut Event, frame: &Frame) {
        let late = frame.meta.captured_at.since(event.started_at).min(LATENESS_MAX);
        let at = frame.meta.captured_mono.saturating_sub(late);
        event.clip = self.clips.begin(&event.camera, event.id, at);
        if event.clip.is_some() {
            self.lock().insert(event.id, at);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<EventId, Duration>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clip of an event has this size, or there is none after all.
fn amend(writer: &dyn Writer, hub: &Hub, event: EventId, size: Option<ClipSize>) {
    let hub = hub.clone();
    let change = move |known: Option<Event>| {
        let known = known?;
        let clip = known.clip?;
        let clip = size.map(|size| Clip { size: Some(size), ..clip });
        Some(Event { clip, ..known })
    };
    let done = move |outcome: Result<Option<Event>, _>| {
        if let Ok(Some(event)) = outcome {
            hub.publish(LiveMessage::Event(Arc::new(event)));
        }
    };
    writer.amend_event(event, Box::new(change), Durability::Written, Box::new(done));
}

/// Events whose clip a run before did not finish; `None` while the store cannot tell.
fn unfinished(reader: &dyn Reader) -> Option<Vec<(EventId, Clip)>> {
    let range = Range { limit: PAGE_MAX, ..Range::default() };
    let query = EventQuery { range, ..EventQuery::default() };
    let events = reader.events(&query).ok()?.items;
    let unfinished = |event: Event| {
        let clip = event.clip.filter(|clip| clip.size.is_none())?;
        Some((event.id, clip))
    };
    Some(events.into_iter().filter_map(unfinished).collect())
}

//! Which records are uploaded, in which lane, and as what.

use crate::domain::Event;
use crate::media::{SnapshotSize, Snapshots};
use crate::store::{Fed, Record};

use super::hashed_clips::HashedClips;
use super::{Content, DetectionChoice, Item, Lane, Medium, wire};

/// Bytes that a request has beside its items' content, for each of them.
const KEY_BYTES: u64 = 140;

/// JSON takes so much more than the stored form (measured over the records of a day:
/// 2.6 to 3.4 times).
const JSON_FACTOR: u64 = 4;

/// What an upstream gets.
#[derive(Clone)]
pub(super) struct Selection {
    /// The lanes it has a use for, the most urgent first.
    pub lanes: Vec<Lane>,
    /// Which detections.
    pub detections: DetectionChoice,
    /// Where pictures are.
    pub snapshots: Snapshots,
    /// Where videos are.
    pub clips: Option<HashedClips>,
}

impl Selection {
    /// The lanes of a record, of those that are used.
    pub fn lanes_of(&self, record: &Record) -> impl Iterator<Item = Lane> {
        let of_event = |event: &Event| {
            let picture = is_picture_due(event).then_some(Lane::Media);
            [Some(Lane::Events), picture, clip_bytes(event).map(|_| Lane::Clips)]
        };
        let lanes = match record {
            Record::Alert(_) => [Some(Lane::Alerts), None, None],
            Record::Event(event) => of_event(event),
            Record::SceneChange(_) => [Some(Lane::Events), None, None],
            Record::Detection(detection) => {
                [self.detections.takes(detection.id.0).then_some(Lane::Bulk), None, None]
            }
            Record::AlertRule(_) | Record::Setting(_) | Record::Removed(_) => [None; 3],
        };
        lanes.into_iter().flatten().filter(|lane| self.lanes.contains(lane))
    }

    /// About how many bytes a record takes on the line in a lane.
    pub fn weight(&self, lane: Lane, fed: &Fed) -> u64 {
        match (&fed.record, lane) {
            (Record::Event(event), Lane::Media) => self.snapshots.size_of(event.id).unwrap_or(0),
            (Record::Event(event), Lane::Clips) => clip_bytes(event).unwrap_or(0),
            _ => u64::from(fed.bytes) * JSON_FACTOR + KEY_BYTES,
        }
    }

    /// What is sent of a record in a lane; `None` when there is nothing any more: a
    /// picture was removed. Reads the disk for pictures.
    ///
    /// # Errors
    /// When a picture cannot be read, with the reason.
    pub fn item(&self, lane: Lane, fed: &Fed) -> Result<Option<Item>, String> {
        let data = match (&fed.record, lane) {
            (Record::Event(event), Lane::Media) => return self.picture(event, fed),
            (Record::Event(event), Lane::Clips) => return self.clip(event, fed),
            (Record::Alert(alert), _) => wire::Data::Alert(alert.into()),
            (Record::Event(event), _) => wire::Data::Event(event.into()),
            (Record::SceneChange(change), _) => wire::Data::SceneChange(change.into()),
            (Record::Detection(detection), _) => wire::Data::Detection(detection.into()),
            (Record::AlertRule(_) | Record::Setting(_) | Record::Removed(_), _) => return Ok(None),
        };
        Ok(Some(Item {
            key: data.key(),
            touched_at: fed.record.touched_at(),
            at: fed.at,
            behind: fed.behind,
            content: Content::Record(Box::new(data)),
            bytes: self.weight(lane, fed),
        }))
    }

    fn picture(&self, event: &Event, fed: &Fed) -> Result<Option<Item>, String> {
        let loaded = self.snapshots.load(event.id, SnapshotSize::Full);
        let Some(jpeg) = loaded.map_err(|error| error.to_string())? else { return Ok(None) };
        Ok(Some(file(Medium::picture(event.id, event.camera.clone(), jpeg), event, fed)))
    }

    fn clip(&self, event: &Event, fed: &Fed) -> Result<Option<Item>, String> {
        let Some(clips) = &self.clips else { return Ok(None) };
        Ok(clips.medium(event)?.map(|medium| file(medium, event, fed)))
    }
}

fn file(medium: Medium, event: &Event, fed: &Fed) -> Item {
    Item {
        key: format!("{}-{}", medium.kind.as_str(), event.id),
        touched_at: event.updated_at,
        at: fed.at,
        behind: fed.behind,
        bytes: medium.bytes(),
        content: Content::Medium(medium),
    }
}

/// Bytes of the finished clip that was begun for an event; those that share it say
/// nothing.
fn clip_bytes(event: &Event) -> Option<u64> {
    let clip = event.clip.filter(|clip| clip.file == event.id)?;
    clip.size.map(|size| size.bytes)
}

/// The first picture of an event goes at once, and the best one when the event has
/// ended; what is the same is asked for and not sent twice.
fn is_picture_due(event: &Event) -> bool {
    event.has_snapshot && (event.revision == 0 || event.ended_at.is_some())
}

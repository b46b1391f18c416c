//! Records and parcels for the tests of this room.

use uuid::Uuid;

use super::{Content, Item, Lane, Parcel, wire};
use crate::domain::{Detection, Timestamp};
use crate::store::Mark;

/// A detection of the camera `yard`.
pub(super) fn detection(id: u64) -> Detection {
    crate::store::testing::detection(id, 1_795_428_000_000)
}

/// An event of a traffic light in the front yard.
pub(super) fn event(id: u64, is_over: bool) -> wire::EventV1 {
    let at = Timestamp::from_unix_ms(1_795_428_000_000);
    wire::EventV1 {
        id,
        revision: 0,
        camera_id: "front.yard".to_owned(),
        batch_id: "batch-1".to_owned(),
        track_id: 4,
        object_type: "traffic light".to_owned(),
        confidence: 0.75,
        bbox: wire::BoxV1 { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        zones: Vec::new(),
        risk_score: 70,
        risk_level: "high".to_owned(),
        summary: "A traffic light.".to_owned(),
        reasoning: String::new(),
        detection_count: 9,
        started_at: at,
        updated_at: at,
        ended_at: is_over.then_some(at),
        has_snapshot: false,
        clock_trusted: true,
        reviewed: false,
        notes: String::new(),
    }
}

/// The detections 1 to `count`.
pub(super) fn parcel(count: u64) -> Parcel {
    let item = |id| {
        let data = wire::Data::Detection((&detection(id)).into());
        Item {
            key: data.key(),
            touched_at: Timestamp::from_unix_ms(1_795_428_000_000),
            at: Mark::START,
            behind: Mark::START,
            content: Content::Record(Box::new(data)),
            bytes: 400,
        }
    };
    Parcel {
        device: "box".into(),
        journal: Uuid::from_u128(7),
        lane: Lane::Bulk,
        items: (1..=count).map(item).collect(),
        turn_bytes: 1 << 20,
    }
}

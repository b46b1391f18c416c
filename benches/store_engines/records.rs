//! The work: what eight cameras bring, always the same.

use uuid::Uuid;
use watchpost::domain::{
    Alert, AlertId, AlertStatus, BBox, BatchId, CameraId, Detection, DetectionId, Event, EventId,
    Label, RiskLevel, RiskScore, RuleId, Timestamp, TrackId, examples,
};
use watchpost::store::Record;

/// Detections to an event, in what is written and in the big store.
const DETECTIONS: u64 = 30;
const DETECTIONS_DENSE: u64 = 10;
const CAMERAS: u64 = 8;
const LABELS: [&str; 3] = ["person", "car", "dog"];
const BEGIN_MS: i64 = 1_768_473_000_000;
/// Between two records: 50 a second.
const STEP_MS: i64 = 20;

/// The camera with this number, of eight.
pub fn camera(number: u64) -> CameraId {
    format!("front_door_{}", number % CAMERAS).parse().unwrap()
}

/// The `n`th record: thirty detections, then their event.
pub fn mixed(n: u64) -> Record {
    record(n, DETECTIONS)
}

/// The `n`th record of the big store: ten detections, then their event.
pub fn dense(n: u64) -> Record {
    record(n, DETECTIONS_DENSE)
}

fn record(n: u64, detections: u64) -> Record {
    let group = n / (detections + 1);
    if n % (detections + 1) == detections {
        return Record::Event(event(group, at(n)));
    }
    Record::Detection(Detection {
        id: DetectionId(n - group + 1),
        camera: camera(group),
        track: TrackId(group),
        batch: batch(group),
        event: EventId(group + 1),
        label: label(group),
        confidence: 0.75,
        bbox: bbox(n),
        frame_width_px: 1920,
        frame_height_px: 1080,
        frame_sequence: 1_000_000 + n,
        captured_at: at(n),
    })
}

/// The `n`th alert.
pub fn alerts(n: u64) -> Record {
    let at = at(n);
    Record::Alert(Alert {
        id: AlertId(uuid(n)),
        revision: 0,
        event: EventId(n + 1),
        camera: camera(n),
        rule: Some(RuleId(uuid(1))),
        severity: RiskLevel::High,
        status: AlertStatus::Pending,
        dedup_key: format!("{}:{}", camera(n), uuid(1)),
        created_at: at,
        updated_at: at,
        acknowledged_at: None,
        dismissed_at: None,
        clock_trusted: true,
    })
}

fn event(group: u64, at: Timestamp) -> Event {
    Event {
        id: EventId(group + 1),
        revision: 3,
        camera: camera(group),
        batch: batch(group),
        track: TrackId(group),
        label: label(group),
        confidence: 0.75,
        bbox: bbox(group),
        zones: vec!["porch".into(), "driveway".into()],
        risk: RiskScore::new(64),
        summary: "A person stays on the porch for 12 s and comes close to the door.".into(),
        reasoning: "Base 30 for a person, +20 for the porch, +14 for staying 12 s.".into(),
        detection_count: 30,
        started_at: at,
        updated_at: at,
        ended_at: Some(at),
        ..examples::event()
    }
}

fn at(n: u64) -> Timestamp {
    Timestamp::from_unix_ms(BEGIN_MS + n as i64 * STEP_MS)
}

fn bbox(n: u64) -> BBox {
    BBox { x: (n % 97) as f32 / 100.0, y: 0.5, width: 0.03, height: 0.25 }
}

fn label(group: u64) -> Label {
    Label::new(LABELS[(group % LABELS.len() as u64) as usize])
}

fn batch(group: u64) -> BatchId {
    BatchId::new(uuid(group).to_string())
}

/// Looks as random as those of the product, and is always the same.
fn uuid(n: u64) -> Uuid {
    let mut random = fastrand::Rng::with_seed(n);
    Uuid::from_u128(random.u128(..))
}

/// A record in compact form: what SQLite keeps, and what counts as its logical
/// bytes for everyone.
pub fn body(record: &Record) -> Vec<u8> {
    match record {
        Record::Detection(seen) => postcard::to_stdvec(seen),
        Record::Event(happened) => postcard::to_stdvec(happened),
        Record::Alert(alert) => postcard::to_stdvec(&(
            alert.id.0.as_bytes(),
            (
                alert.revision,
                alert.event,
                &alert.camera,
                alert.rule.map(|rule| rule.0.into_bytes()),
            ),
            (alert.severity, alert.status, &alert.dedup_key),
            (alert.created_at.unix_ms(), alert.updated_at.unix_ms(), alert.clock_trusted),
        )),
        other => panic!("{other:?} is not part of the work"),
    }
    .unwrap()
}

//! The routes that count, measure and tune, described.

use super::operation::Operation;
use super::parameters::{TIMELINE, WHICH_DETECTIONS, WHICH_EVENTS};
use crate::api::rest::{config, counts, fleet, jobs, system, upload};

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    vec![
        Operation::get("/api/events/stats", "Events by level and camera.")
            .query(&[WHICH_EVENTS])
            .json::<counts::EventStats>(),
        Operation::get(
            "/api/events/timeline-summary",
            "Events by hour, day or week in UTC; of the last seven days unless told.",
        )
        .query(&[TIMELINE, WHICH_EVENTS])
        .json::<counts::TimelineSummary>(),
        Operation::get("/api/detections/stats", "Detections by class.")
            .query(&[WHICH_DETECTIONS])
            .json::<counts::DetectionStats>(),
        Operation::get("/api/detections/labels", "The classes that were seen, and how often.")
            .query(&[WHICH_DETECTIONS])
            .json::<counts::Labels>(),
        Operation::get("/api/jobs/types", "What can be started, and where.")
            .json::<jobs::JobTypes>(),
        Operation::get("/api/jobs/stats", "The jobs of the last hour, counted.")
            .json::<jobs::JobStats>(),
        Operation::get("/api/system/config", "Settings made at run time.").json::<config::Config>(),
        Operation::patch(
            "/api/system/config",
            "Changes settings at once and for good; null takes one back.",
        )
        .body::<config::Change>()
        .json::<config::Config>(),
        Operation::get("/api/system/stats", "How much there is, and since when the box runs.")
            .json::<system::SystemStats>(),
        Operation::get("/api/system/storage", "Bytes on the disk, and their limits.")
            .json::<system::Storage>(),
        Operation::get("/api/system/pipeline", "Queues, latencies and open batches.")
            .json::<system::Pipeline>(),
        Operation::get("/api/system/telemetry", "The same.").json::<system::Pipeline>(),
        Operation::get(
            "/api/system/fleet",
            "This box in its fleet: its name, and the configuration it was given.",
        )
        .json::<fleet::FleetBody>(),
        Operation::get("/api/system/upload", "The ways upstream: what waits, and why.")
            .json::<upload::Upload>(),
        Operation::post(
            "/api/system/upload/{upstream}/retry",
            "Sends what the upstream refused once more.",
        )
        .body::<upload::Retry>()
        .json_with::<upload::Retried>(202, "They are tried soon."),
    ]
}

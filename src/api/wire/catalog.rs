//! All data messages of the realtime API, with the type of their data and an
//! example made of it: what the registry and AsyncAPI are generated from.
//!
//! Tests hold the catalog to what is really sent.

use serde::Serialize;
use serde_json::{Value, json};

use super::alerts::{AlertData, Resolved, Updated as AlertUpdated};
use super::cameras::{CameraData, CameraSwitchData};
use super::jobs::{Cancelled, Completed, Failed, LogData, ProgressMessage, Started};
use super::realtime::{Batch, EventDeleted, Gpu, HealthData, ServiceData, SystemData, Updated};
use super::records::{DetectionData, EventData};
use super::samples;
use super::scene::SceneChangeData;
use super::schema::{self, SchemaOf};
use crate::domain::{AlertStatus, JobState};

/// A WebSocket endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Stream {
    /// `/ws/events`
    Events,
    /// `/ws/system`
    System,
    /// `/ws/detections`
    Detections,
    /// `/ws/jobs/{job_id}/logs`
    JobLogs,
}

/// One kind of data message.
pub(in crate::api) struct Announcement {
    /// `type` on the wire.
    pub(in crate::api) wire: &'static str,
    /// The dotted names under which the registry knows it.
    pub(in crate::api) names: &'static [&'static str],
    /// Endpoints that carry it unasked; any other sends it to whoever subscribes
    /// to one of its names.
    pub(in crate::api) on: &'static [Stream],
    /// Whether the envelope has a `timestamp`.
    pub(in crate::api) is_timed: bool,
    /// When it is sent.
    pub(in crate::api) about: &'static str,
    /// Of its data.
    pub(in crate::api) schema: SchemaOf,
    /// Its data, for example.
    pub(in crate::api) example: fn() -> Value,
}

impl Announcement {
    /// A whole message, for example.
    pub(in crate::api) fn example_message(&self) -> Value {
        let mut message = json!({
            "type": self.wire, "seq": 42, "cursor": "5f3c9a01-2f", "data": (self.example)(),
        });
        if self.is_timed {
            message["timestamp"] = value(&samples::MORNING);
        }
        message
    }
}

fn value(data: &impl Serialize) -> Value {
    serde_json::to_value(data).expect("wire types have string keys and no failing parts")
}

/// All of them, by endpoint.
pub(in crate::api) fn all() -> Vec<Announcement> {
    [events(), detections(), system(), jobs()].into_iter().flatten().collect()
}

const ON_EVENTS: &[Stream] = &[Stream::Events];
const ON_SYSTEM: &[Stream] = &[Stream::System];
const ON_DETECTIONS: &[Stream] = &[Stream::Detections];
const ON_BOTH: &[Stream] = &[Stream::Events, Stream::System];

fn events() -> Vec<Announcement> {
    vec![
        Announcement {
            wire: "event",
            names: &["event.created"],
            on: ON_EVENTS,
            is_timed: false,
            about: "Something happened in front of a camera; sent at its first confirmed detection.",
            schema: schema::of::<EventData<'static>>(),
            example: || value(&EventData::from(&samples::event())),
        },
        Announcement {
            wire: "event.updated",
            names: &["event.updated"],
            on: ON_EVENTS,
            is_timed: true,
            about: "A later revision of an event: it goes on, ended, or was reviewed.",
            schema: schema::of::<Updated<'static>>(),
            example: || value(&Updated::from(&samples::event())),
        },
        Announcement {
            wire: "event.deleted",
            names: &["event.deleted"],
            on: &[],
            is_timed: true,
            about: "An event is no longer kept, for whoever subscribes to it. Not replayed.",
            schema: schema::of::<EventDeleted<'static>>(),
            example: || value(&EventDeleted::from(&samples::event_dropped())),
        },
        Announcement {
            wire: "camera_status",
            names: &[
                "camera.status_changed",
                "camera.online",
                "camera.offline",
                "camera.error",
                "camera.updated",
                "camera.config_updated",
            ],
            on: ON_EVENTS,
            is_timed: false,
            about: "A camera's state changed, or somebody set it up otherwise; `event_type` says which.",
            schema: schema::of::<CameraData<'static>>(),
            example: || value(&CameraData::from(&samples::camera_status())),
        },
        camera_switch("camera.enabled", &["camera.enabled"], || {
            value(&CameraSwitchData::from(&samples::camera_switched(true)))
        }),
        camera_switch("camera.disabled", &["camera.disabled"], || {
            value(&CameraSwitchData::from(&samples::camera_switched(false)))
        }),
        alert("alert_created", &["alert.created"], "A rule matched an event.", || {
            value(&AlertData::from(&samples::alert(AlertStatus::Pending)))
        }),
        alert("alert_acknowledged", &["alert.acknowledged"], "A person has seen an alert.", || {
            value(&AlertData::from(&samples::alert(AlertStatus::Acknowledged)))
        }),
        alert("alert_dismissed", &["alert.dismissed"], "A person put an alert away.", || {
            value(&AlertData::from(&samples::alert(AlertStatus::Dismissed)))
        }),
        Announcement {
            wire: "alert.updated",
            names: &["alert.updated"],
            on: ON_EVENTS,
            is_timed: true,
            about: "An alert matters more than before, because its event does.",
            schema: schema::of::<AlertUpdated<'static>>(),
            example: || value(&AlertUpdated::from(&samples::alert(AlertStatus::Pending))),
        },
        Announcement {
            wire: "alert.resolved",
            names: &["alert.resolved"],
            on: ON_EVENTS,
            is_timed: true,
            about: "An alert was put away; sent beside `alert_dismissed`.",
            schema: schema::of::<Resolved<'static>>(),
            example: || value(&Resolved::from(&samples::alert(AlertStatus::Dismissed))),
        },
        Announcement {
            wire: "scene_change",
            names: &["scene_change.detected"],
            on: ON_EVENTS,
            is_timed: false,
            about: "The view of a camera is not what it was.",
            schema: schema::of::<SceneChangeData<'static>>(),
            example: || value(&SceneChangeData::from(&samples::scene_change())),
        },
    ]
}

fn camera_switch(
    wire: &'static str,
    names: &'static [&'static str],
    example: fn() -> Value,
) -> Announcement {
    Announcement {
        wire,
        names,
        on: ON_EVENTS,
        is_timed: true,
        about: "A camera came into the configuration, or left it.",
        schema: schema::of::<CameraSwitchData<'static>>(),
        example,
    }
}

fn alert(
    wire: &'static str,
    names: &'static [&'static str],
    about: &'static str,
    example: fn() -> Value,
) -> Announcement {
    let schema = schema::of::<AlertData<'static>>();
    Announcement { wire, names, on: ON_EVENTS, is_timed: false, about, schema, example }
}

fn detections() -> Vec<Announcement> {
    vec![
        Announcement {
            wire: "detection",
            names: &["detection.new"],
            on: ON_DETECTIONS,
            is_timed: false,
            about: "One object in one frame.",
            schema: schema::of::<DetectionData<'static>>(),
            example: || value(&DetectionData::new(&samples::detection(), false)),
        },
        Announcement {
            wire: "detection.batch",
            names: &["detection.batch"],
            on: ON_DETECTIONS,
            is_timed: false,
            about: "Several objects in one frame; each is sent as `detection` too.",
            schema: schema::of::<Batch<'static>>(),
            example: || value(&Batch::from(&samples::batch())),
        },
    ]
}

fn system() -> Vec<Announcement> {
    vec![
        Announcement {
            wire: "system_status",
            names: &["system.status"],
            on: ON_SYSTEM,
            is_timed: true,
            about: "Figures of the box, at once and every 5 s.",
            schema: schema::of::<SystemData>(),
            example: || value(&SystemData::from(&samples::system())),
        },
        Announcement {
            wire: "gpu.stats_updated",
            names: &["gpu.stats_updated"],
            on: &[],
            is_timed: true,
            about: "The `gpu` block of `system_status` alone, for whoever subscribes to it.",
            schema: schema::of::<Gpu>(),
            example: || value(&Gpu::from(&samples::system())),
        },
        Announcement {
            wire: "system.health_changed",
            names: &["system.health_changed"],
            on: ON_SYSTEM,
            is_timed: true,
            about: "The state of the whole box changed.",
            schema: schema::of::<HealthData<'static>>(),
            example: || value(&HealthData::from(&samples::health_changed())),
        },
        Announcement {
            wire: "service_status",
            names: &["service.status_changed"],
            on: ON_SYSTEM,
            is_timed: true,
            about: "The state of a component changed.",
            schema: schema::of::<ServiceData<'static>>(),
            example: || value(&ServiceData::from(&samples::report())),
        },
    ]
}

fn jobs() -> Vec<Announcement> {
    let job = |wire, names, about, schema, example| Announcement {
        wire,
        names,
        on: ON_BOTH,
        is_timed: wire == "job.started" || wire == "job.cancelled",
        about,
        schema,
        example,
    };
    vec![
        job(
            "job.started",
            &["job.started"],
            "The work of a job began.",
            schema::of::<Started>(),
            || value(&Started::from(&samples::job(JobState::Running))),
        ),
        job(
            "job_progress",
            &["job.progress"],
            "Another tenth of a job is done.",
            schema::of::<ProgressMessage>(),
            || value(&ProgressMessage::from(&samples::job(JobState::Running))),
        ),
        job(
            "job_completed",
            &["job.completed"],
            "A job is done.",
            schema::of::<Completed>(),
            || value(&Completed::from(&samples::job(JobState::Completed))),
        ),
        job(
            "job_failed",
            &["job.failed"],
            "A job could not be done, or was cancelled.",
            schema::of::<Failed>(),
            || value(&Failed::from(&samples::job(JobState::Failed))),
        ),
        job(
            "job.cancelled",
            &["job.cancelled"],
            "Somebody stopped a job; sent beside `job_failed`.",
            schema::of::<Cancelled>(),
            || value(&Cancelled::from(&samples::job(JobState::Cancelled))),
        ),
        Announcement {
            wire: "log",
            names: &[],
            on: &[Stream::JobLogs],
            is_timed: false,
            about: "A line of the job's log: what there is at once, then live.",
            schema: schema::of::<LogData<'static>>(),
            example: || value(&LogData::from(&samples::job_log())),
        },
    ]
}

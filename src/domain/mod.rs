//! Plain data and rules, and the words we use for them.
//!
//! | Term | Meaning | Keep apart from |
//! | --- | --- | --- |
//! | camera | A configured device with a stable id ([`CameraId`]) | device path, stream |
//! | session | One uninterrupted connection to a camera ([`SessionId`]) | client connection |
//! | driver | Code that talks to one kind of camera | source |
//! | frame | One picture with its capture time ([`Frame`]) | packet |
//! | encoded frame | One picture as the camera encoded it ([`EncodedFrame`]) | packet |
//! | clip | Video of one event: pre-roll, event, post-roll ([`Clip`]) | recording |
//! | recording | All of a camera's video, kept in segments | clip |
//! | capture time | Instant of exposure, mapped once to wall time | time of receipt, pts |
//! | snapshot | JPEG cut from a stream for an event | still |
//! | thumbnail | Small JPEG for lists | snapshot |
//! | motion gate | Cheap test whether a frame is worth detecting | detector |
//! | candidate | What the network proposes in one frame ([`Candidate`]) | detection |
//! | detection | One object in one frame ([`Detection`]) | event |
//! | bounding box | Normalised in the domain, pixels on the wire ([`BBox`]) | region |
//! | track | The same object across frames ([`TrackId`]) | media stream |
//! | zone | Area of the picture with its own rules ([`Zone`]) | region |
//! | mask | Area of the picture that is not looked at ([`Mask`]) | zone |
//! | detection batch | Detections grouped for one assessment ([`BatchId`]) | upload batch |
//! | event | A security-relevant happening ([`Event`]) | camera notice, live message |
//! | alert | An event that a rule says somebody must see ([`Alert`], [`AlertRule`]) | event |
//! | scene change | The view of a camera is not what it was ([`SceneChange`]) | motion |
//! | camera notice | Asynchronous message about a camera ([`CameraNotice`]) | event |
//! | risk | Score 0 to 100 and its level ([`RiskScore`], [`RiskLevel`]) | confidence |
//! | live message | What the hub fans out to subscribers | event |
//! | drop | Discard deliberately and count | lose (never acceptable) |
//! | job | Long work that a person asked for ([`Job`]) | task |
//! | task | A supervised unit of the running program | job |

mod alert;
mod alert_rule;
mod assessment;
mod camera;
mod camera_book;
mod clip;
mod detection;
mod encoded;
mod event;
pub mod examples;
mod frame;
pub mod geometry;
mod ids;
mod job;
mod risk;
mod scene_change;
mod secret;
mod setting;
mod time;
mod tuning;
mod zone;

pub use alert::{Alert, AlertAction, AlertId, AlertStatus};
pub use alert_rule::{AlertRule, InvalidTimeOfDay, RuleId, Schedule, TimeOfDay, Weekday};
pub use assessment::{Assessment, Assessor, Sighting};
pub use camera::{AfState, CameraNotice, CameraState, CameraStatus, DownloadKind, TransferStatus};
pub use camera_book::{CAMERA_BOOK, CameraBook, CameraNote};
pub use clip::{Clip, ClipSize};
pub use detection::{Candidate, Detection, Label};
pub use encoded::{EncodedFrame, VideoCodec, VideoFormat};
pub use event::{Event, NOTES_MAX};
pub use frame::{
    ColorSpace, FRAME_EDGE_MAX_PX, Frame, FrameError, FrameMeta, FrameTap, PixelFormat, Plane,
};
pub use geometry::{BBox, PixelBox, Point};
pub use ids::{BatchId, CameraId, DetectionId, EventId, InvalidCameraId, SessionId, TrackId};
pub use job::{Job, JobChange, JobId, JobLogLevel, JobLogLine, JobResult, JobState, JobType};
pub use risk::{RiskLevel, RiskScore};
pub use scene_change::{SceneChange, SceneChangeId, SceneChangeType};
pub use secret::Secret;
pub use setting::Setting;
pub use time::{InvalidTimestamp, Timestamp};
pub use tuning::{TUNING, Tuning};
pub use zone::{Mask, Zone};

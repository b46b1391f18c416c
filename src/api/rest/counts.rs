//! Counts of events and detections, for charts.
//!
//! Events are counted from the index alone, all or the newest 100,000; detections
//! by reading them, the newest 50,000. Every answer says whether it is complete
//! and, if not, since when it counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{CameraId, Detection, RiskLevel, Timestamp};
use crate::store::{DetectionQuery, EventBrief, EventQuery, PAGE_MAX, Page, StoreError};

/// Pages of detections that one answer counts, each [`PAGE_MAX`] long; others have
/// their turn in between.
const PAGES_MAX: usize = 50;

/// How far a summary goes back when it is not told.
const SUMMARY_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Events by level and camera.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct EventStats {
    total_events: usize,
    events_by_risk_level: LevelCounts,
    risk_distribution: Vec<LevelCount>,
    events_by_camera: Vec<CameraCount>,
    reviewed_events: usize,
    #[serde(flatten)]
    reach: Reach,
}

/// How far back an answer counts.
#[derive(Serialize, JsonSchema)]
struct Reach {
    /// Whether everything that was asked for is counted.
    complete: bool,
    /// If not: what is newer than this is counted, the rest is not.
    counted_after: Option<Timestamp>,
}

impl From<Option<Timestamp>> for Reach {
    fn from(counted_after: Option<Timestamp>) -> Self {
        Self { complete: counted_after.is_none(), counted_after }
    }
}

#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
struct LevelCounts {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
}

impl LevelCounts {
    fn add(&mut self, level: RiskLevel) {
        match level {
            RiskLevel::Critical => self.critical += 1,
            RiskLevel::High => self.high += 1,
            RiskLevel::Medium => self.medium += 1,
            RiskLevel::Low => self.low += 1,
        }
    }

    fn list(self) -> Vec<LevelCount> {
        let counts = [self.critical, self.high, self.medium, self.low];
        let levels = ["critical", "high", "medium", "low"].into_iter().zip(counts);
        levels.map(|(risk_level, count)| LevelCount { risk_level, count }).collect()
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RiskLevelCount")]
struct LevelCount {
    risk_level: &'static str,
    count: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CameraEventCount")]
struct CameraCount {
    camera_id: String,
    /// The id, for a camera that is no longer configured.
    camera_name: String,
    event_count: usize,
}

/// What is counted of events.
#[derive(Default)]
struct Tally {
    total: usize,
    reviewed: usize,
    levels: LevelCounts,
    cameras: BTreeMap<CameraId, usize>,
}

impl Tally {
    fn add(&mut self, event: EventBrief) {
        self.total += 1;
        self.reviewed += usize::from(event.reviewed);
        self.levels.add(event.risk.level());
        *self.cameras.entry(event.camera).or_default() += 1;
    }
}

/// `GET /api/events/stats`, with the conditions of the list.
pub(in crate::api) async fn events(request: Request) -> Result<Response, ApiError> {
    let query = super::events::query(&request)?;
    super::check_span(&query.range)?;
    let (tally, counted_after) = survey(&request.ctx, query, Tally::add).await?;
    let known = &request.ctx.cameras;
    let camera_count = |(camera, event_count): (CameraId, usize)| CameraCount {
        camera_name: known.get(&camera).map_or_else(|| camera.to_string(), |entry| entry.name),
        camera_id: camera.to_string(),
        event_count,
    };
    let mut events_by_camera: Vec<_> = tally.cameras.into_iter().map(camera_count).collect();
    events_by_camera.sort_by_key(|count| Reverse(count.event_count));
    Ok(response::json(&EventStats {
        total_events: tally.total,
        reviewed_events: tally.reviewed,
        events_by_risk_level: tally.levels,
        risk_distribution: tally.levels.list(),
        events_by_camera,
        reach: counted_after.into(),
    }))
}

/// How many events there are; `None` when too many to count.
pub(super) async fn total_events(ctx: &ApiContext) -> Result<Option<usize>, ApiError> {
    let count = |total: &mut usize, _| *total += 1;
    let (total, counted_after) = survey(ctx, EventQuery::default(), count).await?;
    Ok(counted_after.is_none().then_some(total))
}

/// Adds up events; with the time before which there are more.
async fn survey<T: Default + Send + 'static>(
    ctx: &ApiContext,
    query: EventQuery,
    add: impl Fn(&mut T, EventBrief) + Send + 'static,
) -> Result<(T, Option<Timestamp>), ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let work = move || {
        let mut sum = T::default();
        let rest = reader.survey_events(&query, &mut |event| add(&mut sum, event))?;
        Ok::<_, StoreError>((sum, rest))
    };
    Ok(ctx.blocking(work).await??)
}

/// Events over time.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct TimelineSummary {
    /// Newest first; those without an event are left out.
    buckets: Vec<Bucket>,
    #[schemars(extend("enum" = ["hour", "day", "week"]))]
    bucket_size: &'static str,
    total_events: usize,
    start_date: Timestamp,
    /// Exclusive.
    end_date: Timestamp,
    #[serde(flatten)]
    reach: Reach,
}

#[derive(Serialize, JsonSchema)]
struct Bucket {
    /// When it begins, in UTC; weeks begin on Monday.
    timestamp: Timestamp,
    event_count: usize,
    #[schemars(range(max = 100))]
    max_risk_score: u8,
}

/// The sizes of buckets: word, milliseconds, and where the first one after 1970
/// begins (that was a Thursday).
const HOUR_MS: i64 = 3_600_000;
const SIZES: [(&str, i64, i64); 3] =
    [("hour", HOUR_MS, 0), ("day", 24 * HOUR_MS, 0), ("week", 168 * HOUR_MS, 96 * HOUR_MS)];

/// `GET /api/events/timeline-summary`, with the conditions of the list; without a
/// start the seven days before the end.
pub(in crate::api) async fn timeline(request: Request) -> Result<Response, ApiError> {
    let word = request.query.get("bucket_size").unwrap_or("hour");
    let (bucket_size, length, offset) = SIZES
        .into_iter()
        .find(|(size, ..)| *size == word)
        .ok_or_else(|| ApiError::invalid("bucket_size must be hour, day or week"))?;
    let mut query = super::events::query(&request)?;
    let end_date = query.range.until.unwrap_or_else(|| request.ctx.clock.now());
    let start_date = query.range.from.unwrap_or_else(|| end_date.before(SUMMARY_DEFAULT));
    (query.range.from, query.range.until) = (Some(start_date), Some(end_date));
    super::check_span(&query.range)?;
    let add = move |sums: &mut BTreeMap<i64, (usize, u8)>, event: EventBrief| {
        let ms = event.started_at.unix_ms().saturating_sub(offset);
        let begin = ms - ms.rem_euclid(length) + offset;
        let (count, most) = sums.entry(begin).or_default();
        *count += 1;
        *most = event.risk.value().max(*most);
    };
    let (sums, counted_after) = survey(&request.ctx, query, add).await?;
    let bucket = |(begin, (event_count, max_risk_score))| Bucket {
        timestamp: Timestamp::from_unix_ms(begin),
        event_count,
        max_risk_score,
    };
    let buckets: Vec<_> = sums.into_iter().rev().map(bucket).collect();
    Ok(response::json(&TimelineSummary {
        bucket_size,
        total_events: buckets.iter().map(|bucket| bucket.event_count).sum(),
        buckets,
        start_date,
        end_date,
        reach: counted_after.into(),
    }))
}

/// Detections by class.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct DetectionStats {
    total_detections: usize,
    detections_by_class: BTreeMap<String, usize>,
    /// Null when there is none.
    average_confidence: Option<f64>,
    #[serde(flatten)]
    reach: Reach,
}

/// `GET /api/detections/stats`, with the conditions of the list.
pub(in crate::api) async fn detections(request: Request) -> Result<Response, ApiError> {
    let counted = count_detections(&request).await?;
    let total: usize = counted.classes.values().sum();
    let average = || (counted.confidence / total as f64 * 1000.0).round() / 1000.0;
    Ok(response::json(&DetectionStats {
        total_detections: total,
        average_confidence: (total > 0).then(average),
        detections_by_class: counted.classes,
        reach: counted.counted_after.into(),
    }))
}

/// The classes that were seen.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Labels {
    /// The most frequent first.
    labels: Vec<LabelCount>,
    #[serde(flatten)]
    reach: Reach,
}

#[derive(Serialize, JsonSchema)]
struct LabelCount {
    label: String,
    count: usize,
}

/// `GET /api/detections/labels`, with the conditions of the list.
pub(in crate::api) async fn labels(request: Request) -> Result<Response, ApiError> {
    let counted = count_detections(&request).await?;
    let classes = counted.classes.into_iter();
    let mut labels: Vec<_> = classes.map(|(label, count)| LabelCount { label, count }).collect();
    labels.sort_by_key(|label| Reverse(label.count));
    Ok(response::json(&Labels { labels, reach: counted.counted_after.into() }))
}

#[derive(Default)]
struct Counted {
    classes: BTreeMap<String, usize>,
    confidence: f64,
    counted_after: Option<Timestamp>,
}

async fn count_detections(request: &Request) -> Result<Counted, ApiError> {
    let mut query = super::detections::query(request)?;
    query.range.limit = PAGE_MAX;
    let mut counted = Counted::default();
    let mut oldest = None;
    for _ in 0..PAGES_MAX {
        let page = detection_page(&request.ctx, query.clone()).await?;
        for detection in &page.items {
            *counted.classes.entry(detection.label.to_string()).or_default() += 1;
            counted.confidence += f64::from(detection.confidence);
        }
        oldest = page.items.last().map(|detection| detection.captured_at).or(oldest);
        let Some(cursor) = page.next_cursor else { return Ok(counted) };
        query.range.cursor = Some(cursor);
    }
    // Where many were passed over and none was wanted, the end of the range is all
    // that can be told.
    counted.counted_after = oldest.or(query.range.until).or(Some(request.ctx.clock.now()));
    Ok(counted)
}

async fn detection_page(
    ctx: &ApiContext,
    query: DetectionQuery,
) -> Result<Page<Detection>, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    Ok(ctx.blocking(move || reader.detections(&query)).await??)
}

//! The body of a request that makes or changes an alert rule.
//!
//! All that is wrong with it is said at once, each field by its name. Unknown
//! fields are wrong too: a mistyped condition would make a rule that holds always.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::api::error::ApiError;
use crate::assess::{TEMPLATE_DEFAULT, is_template, is_timezone};
use crate::domain::{AlertRule, RiskLevel, RuleId, Schedule, TimeOfDay, Timestamp, Weekday};

/// Longest name, description and item of a list, characters.
const NAME_MAX: usize = 255;
const DESCRIPTION_MAX: usize = 1000;
const ITEM_MAX: usize = 100;
/// Most items of a list.
const LIST_MAX: usize = 64;
/// What the contract says where the client does not.
const COOLDOWN_DEFAULT: Duration = Duration::from_secs(300);
/// Longest cooldown: a year.
const COOLDOWN_MAX_S: u64 = 366 * 24 * 60 * 60;

/// How far event and motion sensor may be apart, when the client does not say and at
/// most: an event is kept waiting for the sensor so long.
const MOTION_DEFAULT: Duration = Duration::from_secs(30);
const MOTION_MAX_S: u64 = 600;

/// Words for what is not as it should be.
const FIELDS: &str = "name, description, enabled, severity, risk_threshold, object_types, \
                      camera_ids, zone_ids, min_confidence, schedule, motion_sensor, \
                      dedup_key_template, cooldown_seconds, channels";

/// A rule as it is before a body is applied.
pub(super) fn new_rule(now: Timestamp) -> AlertRule {
    AlertRule {
        id: RuleId::fresh(),
        revision: 0,
        name: String::new(),
        description: None,
        is_enabled: true,
        severity: Some(RiskLevel::Medium),
        risk_threshold: None,
        object_types: Vec::new(),
        cameras: Vec::new(),
        zones: Vec::new(),
        min_confidence: None,
        schedule: None,
        motion_within: None,
        dedup_key_template: TEMPLATE_DEFAULT.into(),
        cooldown: COOLDOWN_DEFAULT,
        channels: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}

/// The fields that were sent.
pub(super) struct RuleBody {
    fields: Map<String, Value>,
    has_motion_sensor: bool,
}

/// What is wrong, field by field.
#[derive(Default)]
struct Faults(Vec<String>);

impl RuleBody {
    /// 400 when this is no JSON object. A box without a motion sensor takes no rule
    /// that asks for one: it would hold never.
    pub(super) fn read(bytes: &[u8], has_motion_sensor: bool) -> Result<Self, ApiError> {
        serde_json::from_slice(bytes)
            .map(|fields| Self { fields, has_motion_sensor })
            .map_err(|error| ApiError::invalid(format!("the body is not a JSON object: {error}")))
    }

    /// Applies the body to a rule that is being made.
    pub(super) fn apply_new(&self, rule: &mut AlertRule) -> Result<(), ApiError> {
        if !self.fields.contains_key("name") {
            let faults = self.faults(rule);
            return Err(Faults([vec!["name: is required".into()], faults.0].concat()).error());
        }
        self.apply(rule)
    }

    /// Applies the fields that were sent; 422 naming each that is wrong.
    pub(super) fn apply(&self, rule: &mut AlertRule) -> Result<(), ApiError> {
        let faults = self.faults(rule);
        if faults.0.is_empty() { Ok(()) } else { Err(faults.error()) }
    }

    fn faults(&self, rule: &mut AlertRule) -> Faults {
        let mut faults = Faults::default();
        for (name, value) in &self.fields {
            if let Err(fault) = set(rule, name, value, &mut faults) {
                faults.add(name, fault);
            }
        }
        let asks_motion = self.fields.get("motion_sensor").is_some_and(|value| !value.is_null());
        if asks_motion && !self.has_motion_sensor {
            faults.add("motion_sensor", "none is wired to the box; see [gpio.motion_sensor]");
        }
        faults
    }
}

impl Faults {
    fn add(&mut self, field: &str, fault: impl Display) {
        // What is quoted back is bounded, whatever was sent.
        let field: String = field.chars().take(64).collect();
        self.0.push(format!("{field}: {fault}"));
    }

    fn error(&self) -> ApiError {
        let detail = self.0[..self.0.len().min(LIST_MAX)].join("; ");
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", detail)
            .hint(format!("the fields of a rule are {FIELDS}"))
    }
}

fn set(rule: &mut AlertRule, name: &str, value: &Value, faults: &mut Faults) -> Result<(), String> {
    match name {
        "name" => rule.name = text(value, 1, NAME_MAX)?,
        "description" => rule.description = optional(value, |it| text(it, 0, DESCRIPTION_MAX))?,
        "enabled" => rule.is_enabled = value.as_bool().ok_or("must be true or false")?,
        "severity" => rule.severity = optional(value, severity)?,
        "risk_threshold" => {
            let number = |it: &Value| it.as_u64().filter(|n| *n <= 100).map(|n| n as u8);
            rule.risk_threshold =
                optional(value, |it| number(it).ok_or("must be a whole number, 0 to 100".into()))?;
        }
        "object_types" => rule.object_types = list(value)?,
        "camera_ids" => rule.cameras = parsed(list(value)?)?,
        "zone_ids" => rule.zones = list(value)?,
        "min_confidence" => {
            let number = |it: &Value| it.as_f64().filter(|n| (0.0..=1.0).contains(n));
            rule.min_confidence =
                optional(value, |it| number(it).ok_or("must be a number, 0 to 1".into()))?
                    .map(|number| number as f32);
        }
        "schedule" => rule.schedule = optional(value, |it| Ok(schedule(it, faults)))?,
        "motion_sensor" => rule.motion_within = optional(value, |it| Ok(motion(it, faults)))?,
        "dedup_key_template" => rule.dedup_key_template = template(value)?,
        "cooldown_seconds" => {
            let seconds = value.as_u64().filter(|seconds| *seconds <= COOLDOWN_MAX_S);
            let fault = || format!("must be a whole number, 0 to {COOLDOWN_MAX_S}");
            rule.cooldown = Duration::from_secs(seconds.ok_or_else(fault)?);
        }
        "channels" => rule.channels = list(value)?,
        // Clients send back what they were given.
        "id" | "created_at" | "updated_at" => {}
        _ => return Err("is not a field of a rule".into()),
    }
    Ok(())
}

fn optional<T>(
    value: &Value,
    read: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if value.is_null() { Ok(None) } else { read(value).map(Some) }
}

fn text(value: &Value, least: usize, most: usize) -> Result<String, String> {
    let text = value.as_str().map(str::trim);
    let fits = |text: &&str| (least..=most).contains(&text.chars().count());
    let text = text
        .filter(fits)
        .ok_or_else(|| format!("must be a text of {least} to {most} characters"))?;
    Ok(text.to_owned())
}

/// A list of texts; null is the empty one.
fn list(value: &Value) -> Result<Vec<String>, String> {
    let fault =
        || format!("must be a list of at most {LIST_MAX} texts of 1 to {ITEM_MAX} characters");
    if value.is_null() {
        return Ok(Vec::new());
    }
    let items = value.as_array().filter(|items| items.len() <= LIST_MAX).ok_or_else(fault)?;
    items.iter().map(|item| text(item, 1, ITEM_MAX).map_err(|_| fault())).collect()
}

fn parsed<T>(items: Vec<String>) -> Result<Vec<T>, String>
where
    T: FromStr,
    T::Err: Display,
{
    items.iter().map(|item| item.parse().map_err(|error: T::Err| error.to_string())).collect()
}

fn severity(value: &Value) -> Result<RiskLevel, String> {
    let word = value.as_str().map(str::to_ascii_lowercase);
    word.and_then(|word| RiskLevel::from_wire(&word))
        .ok_or_else(|| "must be low, medium, high, critical, or null for the event's level".into())
}

fn template(value: &Value) -> Result<String, String> {
    if value.is_null() {
        return Ok(TEMPLATE_DEFAULT.into());
    }
    let text = value.as_str().filter(|text| is_template(text));
    text.map(str::to_owned).ok_or_else(|| {
        "must be 1 to 255 letters, digits, '_', ':', '.', '-' and the variables {camera_id}, \
         {rule_id}, {object_type}"
            .into()
    })
}

/// Its faults are noted one by one; what it reads as is then of no matter.
fn schedule(value: &Value, faults: &mut Faults) -> Schedule {
    let mut schedule =
        Schedule { days: Vec::new(), start: None, end: None, timezone: "UTC".into() };
    let Some(fields) = value.as_object() else {
        faults.add("schedule", "must be an object or null");
        return schedule;
    };
    for (name, value) in fields {
        if let Err(fault) = set_time(&mut schedule, name, value) {
            faults.add(&format!("schedule.{name}"), fault);
        }
    }
    schedule
}

fn set_time(schedule: &mut Schedule, name: &str, value: &Value) -> Result<(), String> {
    match name {
        "days" => {
            schedule.days = list(value)?.iter().map(|day| weekday(day)).collect::<Result<_, _>>()?
        }
        "start_time" => schedule.start = optional(value, time_of_day)?,
        "end_time" => schedule.end = optional(value, time_of_day)?,
        "timezone" => {
            let name = optional(value, |it| text(it, 1, ITEM_MAX))?.unwrap_or("UTC".into());
            if !is_timezone(&name) {
                return Err("must be a name such as UTC or Europe/Berlin".into());
            }
            schedule.timezone = name;
        }
        _ => return Err("is not a field of a schedule".into()),
    }
    Ok(())
}

/// Its faults are noted one by one.
fn motion(value: &Value, faults: &mut Faults) -> Duration {
    let Some(fields) = value.as_object() else {
        faults.add("motion_sensor", "must be an object or null");
        return MOTION_DEFAULT;
    };
    for name in fields.keys().filter(|name| *name != "within_seconds") {
        faults.add(&format!("motion_sensor.{name}"), "is not a field of it");
    }
    let Some(value) = fields.get("within_seconds") else { return MOTION_DEFAULT };
    let seconds = value.as_u64().filter(|seconds| *seconds <= MOTION_MAX_S);
    if seconds.is_none() {
        let fault = format!("must be a whole number, 0 to {MOTION_MAX_S}");
        faults.add("motion_sensor.within_seconds", fault);
    }
    seconds.map_or(MOTION_DEFAULT, Duration::from_secs)
}

fn weekday(word: &str) -> Result<Weekday, String> {
    Weekday::from_wire(&word.to_ascii_lowercase())
        .ok_or_else(|| "must be days such as monday".into())
}

fn time_of_day(value: &Value) -> Result<TimeOfDay, String> {
    let time = value.as_str().and_then(|text| text.parse().ok());
    time.ok_or_else(|| "must be a time such as 22:30".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(body: &str) -> Result<AlertRule, String> {
        applied_to(body, true)
    }

    fn applied_to(body: &str, has_motion_sensor: bool) -> Result<AlertRule, String> {
        let mut rule = new_rule(Timestamp::from_unix_ms(0));
        let body =
            RuleBody::read(body.as_bytes(), has_motion_sensor).map_err(|error| error.detail)?;
        body.apply_new(&mut rule).map_err(|error| error.detail)?;
        Ok(rule)
    }

    #[test]
    fn what_is_not_said_is_as_the_contract_says() {
        let rule = applied(r#"{"name":" Porch "}"#).unwrap();
        assert_eq!((rule.name.as_str(), rule.is_enabled), ("Porch", true));
        assert_eq!((rule.severity, rule.cooldown.as_secs()), (Some(RiskLevel::Medium), 300));
        assert_eq!(rule.dedup_key_template, "{camera_id}:{rule_id}");
    }

    #[test]
    fn a_cooldown_of_zero_and_no_severity_are_taken_at_their_word() {
        let rule = applied(r#"{"name":"a","cooldown_seconds":0,"severity":null}"#).unwrap();
        assert_eq!((rule.cooldown, rule.severity), (Duration::ZERO, None));
    }

    #[test]
    fn the_motion_sensor_is_asked_only_where_there_is_one() {
        let within =
            |body: &str| applied(body).map(|rule| rule.motion_within.map(|it| it.as_secs()));
        assert_eq!(within(r#"{"name":"a","motion_sensor":{}}"#), Ok(Some(30)));
        assert_eq!(within(r#"{"name":"a","motion_sensor":{"within_seconds":0}}"#), Ok(Some(0)));
        assert_eq!(within(r#"{"name":"a","motion_sensor":null}"#), Ok(None));
        let refused = applied_to(r#"{"name":"a","motion_sensor":{}}"#, false).unwrap_err();
        assert!(refused.contains("motion_sensor: none is wired"), "{refused}");
        assert!(applied_to(r#"{"name":"a","motion_sensor":null}"#, false).is_ok());
    }

    #[test]
    fn every_fault_is_named_with_its_field() {
        let faults = applied(
            r#"{"name":"","risk_threshold":101,"min_confidence":"much","zones":["a"],
                "camera_ids":["a b"],"cooldown_seconds":-1,"dedup_key_template":"a b",
                "schedule":{"days":["someday"],"start_time":"7:00","timezone":"Mars","until":1},
                "motion_sensor":{"within_seconds":601,"since":1}}"#,
        );
        let faults = faults.unwrap_err();
        for field in [
            "name",
            "risk_threshold",
            "min_confidence",
            "zones",
            "camera_ids",
            "cooldown_seconds",
            "dedup_key_template",
            "schedule.days",
            "schedule.start_time",
            "schedule.timezone",
            "schedule.until",
            "motion_sensor.within_seconds",
            "motion_sensor.since",
        ] {
            assert!(faults.split("; ").any(|it| it.starts_with(&format!("{field}: "))), "{faults}");
        }
        assert!(applied("{}").unwrap_err().contains("name: is required"));
        assert!(applied("[]").unwrap_err().contains("not a JSON object"));
    }
}

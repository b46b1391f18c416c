//! The routes of alerts and their rules, described.

use super::operation::{Kind, Operation, QueryParameter};
use super::operations::{CAMERA, CURSOR, FROM, LIMIT, UNTIL, parameter};
use crate::api::rest::alert_rules::TestBody;
use crate::api::wire::alerts::{AlertRecord, DryRun, RuleData, RuleFields, RuleList};
use crate::api::wire::records::List;

const SEVERITY: QueryParameter = parameter(
    "severity",
    Kind::OneOf(&["low", "medium", "high", "critical"]),
    "Of this severity only.",
);

const OF_ALERTS: &[QueryParameter] = &[
    CAMERA,
    SEVERITY,
    parameter(
        "status",
        Kind::OneOf(&["pending", "delivered", "acknowledged", "dismissed"]),
        "In this state only.",
    ),
    parameter("event_id", Kind::Number(0, u64::MAX), "Of this event only."),
    parameter("rule_id", Kind::Text, "Of this rule only."),
    FROM,
    UNTIL,
    LIMIT,
    CURSOR,
];

const OF_RULES: &[QueryParameter] = &[
    parameter("enabled", Kind::Flag, "Those that are asked, or not."),
    SEVERITY,
    LIMIT,
    parameter("offset", Kind::Number(0, u64::MAX), "Rules before this page."),
];

/// A change that comes too late.
const LATE: &[u16] = &[409];

/// Fields that are wrong, each named; or too many rules.
const WRONG: &[u16] = &[409, 422];

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    vec![
        Operation::get("/api/alerts", "Alerts, newest first.")
            .query(OF_ALERTS)
            .json::<List<AlertRecord<'_>>>(),
        Operation::get("/api/alerts/{id}", "One alert.").json::<AlertRecord<'_>>(),
        Operation::post("/api/alerts/{id}/acknowledge", "Somebody has seen the alert.")
            .json::<AlertRecord<'_>>()
            .errors(LATE),
        Operation::post("/api/alerts/{id}/dismiss", "Somebody closes the alert.")
            .json::<AlertRecord<'_>>()
            .errors(LATE),
        Operation::get("/api/alerts/rules", "Alert rules, newest first.")
            .query(OF_RULES)
            .json::<RuleList<'_>>(),
        Operation::post("/api/alerts/rules", "Makes a rule.")
            .body::<RuleFields>()
            .json_with::<RuleData<'_>>(201, "The rule as it is kept.")
            .errors(WRONG),
        Operation::get("/api/alerts/rules/{id}", "One rule.").json::<RuleData<'_>>(),
        Operation::put("/api/alerts/rules/{id}", "Changes a rule; what is not given stays.")
            .body::<RuleFields>()
            .json::<RuleData<'_>>()
            .errors(WRONG),
        Operation::delete("/api/alerts/rules/{id}", "Removes a rule; its alerts stay.")
            .no_content(),
        Operation::post(
            "/api/alerts/rules/{id}/test",
            "What a rule says of stored events: those named, or the newest.",
        )
        .body::<TestBody>()
        .json::<DryRun<'_>>(),
    ]
}

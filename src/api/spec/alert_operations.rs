//! The routes of alerts and their rules, described.

use super::operation::{Kind, Operation, QueryParameter};
use super::operations::{CAMERA, CURSOR, FROM, LIMIT, UNTIL, parameter};
use crate::api::rest::alert_rule_body::RuleRequest;
use crate::api::rest::alert_rules::TestBody;
use crate::api::wire::alerts::{AlertRecord, DryRun, RuleData, RuleList};
use crate::api::wire::records::List;

const LEVELS: Kind = Kind::OneOf(&["low", "medium", "high", "critical"]);

const OF_ALERTS: &[QueryParameter] = &[
    CAMERA,
    parameter("severity", LEVELS, "Of this severity only."),
    parameter(
        "status",
        Kind::OneOf(&["pending", "delivered", "acknowledged", "dismissed"]),
        "In this state only.",
    ),
    parameter("event_id", Kind::Number(0, u64::MAX), "For this event only."),
    parameter("rule_id", Kind::Text, "Raised by this rule only."),
    FROM,
    UNTIL,
    LIMIT,
    CURSOR,
];

const OF_RULES: &[QueryParameter] = &[
    parameter("enabled", Kind::Flag, "Looked at, or not."),
    parameter("severity", LEVELS, "Of this severity only."),
    LIMIT,
    parameter("offset", Kind::Number(0, u64::MAX), "Rules before the page."),
];

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    vec![
        Operation::get("/api/alerts", "Alerts, newest first.")
            .query(OF_ALERTS)
            .json::<List<AlertRecord<'_>>>(),
        Operation::get("/api/alerts/{alert_id}", "One alert.").json::<AlertRecord<'_>>(),
        Operation::post("/api/alerts/{alert_id}/acknowledge", "Marks an alert as seen.")
            .json::<AlertRecord<'_>>(),
        Operation::post("/api/alerts/{alert_id}/dismiss", "Closes an alert.")
            .json::<AlertRecord<'_>>(),
        Operation::get("/api/alerts/rules", "Alert rules, newest first.")
            .query(OF_RULES)
            .json::<RuleList<'_>>(),
        Operation::post("/api/alerts/rules", "Makes a rule.")
            .body::<RuleRequest>()
            .json_with::<RuleData<'_>>(201, "The rule."),
        Operation::get("/api/alerts/rules/{rule_id}", "One rule.").json::<RuleData<'_>>(),
        Operation::put(
            "/api/alerts/rules/{rule_id}",
            "Changes a rule; fields that are not sent stay as they are.",
        )
        .body::<RuleRequest>()
        .json::<RuleData<'_>>(),
        Operation::delete("/api/alerts/rules/{rule_id}", "Removes a rule; its alerts stay.")
            .nothing(),
        Operation::post(
            "/api/alerts/rules/{rule_id}/test",
            "What a rule says of stored events, and why; nothing is raised.",
        )
        .body::<TestBody>()
        .json::<DryRun<'_>>(),
    ]
}

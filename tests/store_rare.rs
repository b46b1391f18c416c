//! Alerts, rules, scene changes and settings in the store: found, changed, removed,
//! and kept as long as promised.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use store_bench::{Bench, SOON, T0, alert, alert_rule, event, segments_of};
use uuid::Uuid;
use watchpost::domain::{
    Alert, AlertAction, AlertId, AlertRule, AlertStatus, RiskLevel, RuleId, SceneChange,
    SceneChangeId, SceneChangeType, Setting, Timestamp,
};
use watchpost::store::{
    AlertQuery, Change, Durability, Range, Reader, Record, RecordId, SceneChangeQuery,
    StoreSettings, Writer,
};

fn keep(bench: &Bench, record: Record) {
    bench.submit(vec![record], Durability::Synced).unwrap();
}

fn change_alert(bench: &Bench, id: AlertId, action: AlertAction) -> Option<Alert> {
    let (tx, rx) = sync_channel(1);
    let now = bench.clock.now();
    let change: Change<Alert> = Box::new(move |alert| alert?.after(action, now));
    let done = Box::new(move |result| tx.send(result).unwrap());
    bench.store.amend_alert(id, change, Durability::Synced, done);
    rx.recv_timeout(SOON).unwrap().unwrap()
}

fn remove(bench: &Bench, id: impl Into<RecordId>) -> bool {
    let (tx, rx) = sync_channel(1);
    let done = Box::new(move |result| tx.send(result).unwrap());
    bench.store.remove(id.into(), bench.clock.now(), Durability::Synced, done);
    rx.recv_timeout(SOON).unwrap().unwrap().is_some()
}

fn rule_id(id: u128) -> RuleId {
    RuleId(Uuid::from_u128(id))
}

fn names(bench: &Bench) -> Vec<String> {
    bench.store.alert_rules().unwrap().into_iter().map(|rule| rule.name).collect()
}

#[test]
fn every_page_of_alerts_is_exact_and_filters_look_at_the_latest_revision() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    for id in 0..10 {
        // Two at the same moment, as a burst gives them.
        let mut alert = alert(id, (id / 2) as i64);
        if id % 2 == 1 {
            alert.camera = "door".parse().unwrap();
            alert.severity = RiskLevel::Critical;
        }
        keep(&bench, Record::Alert(alert));
    }
    change_alert(&bench, alert(4, 0).id, AlertAction::Acknowledge).unwrap();
    let bench = bench.restart_without_index();
    let ids = |query: &AlertQuery| {
        let page = bench.store.alerts(query).unwrap();
        let ids: Vec<_> = page.items.iter().map(|alert| alert.id.0.as_u128()).collect();
        (ids, page.next_cursor)
    };
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..2 {
        let range = Range { limit: 5, cursor, ..Range::default() };
        let (page, next) = ids(&AlertQuery { range, ..AlertQuery::default() });
        all.extend(page);
        cursor = next;
    }
    assert_eq!((all, cursor), ((0..10).rev().collect(), None));
    let of = |query: AlertQuery| ids(&query).0;
    let camera = Some("door".parse().unwrap());
    assert_eq!(of(AlertQuery { camera, ..AlertQuery::default() }), [9, 7, 5, 3, 1]);
    let severity = Some(RiskLevel::High);
    assert_eq!(of(AlertQuery { severity, ..AlertQuery::default() }), [8, 6, 4, 2, 0]);
    let status = Some(AlertStatus::Acknowledged);
    assert_eq!(of(AlertQuery { status, ..AlertQuery::default() }), [4]);
    let status = Some(AlertStatus::Pending);
    assert_eq!(of(AlertQuery { status, severity, ..AlertQuery::default() }), [8, 6, 2, 0]);
    let at = |ms| Some(T0.after(Duration::from_millis(ms)));
    let range = Range { from: at(1), until: at(3), ..Range::default() };
    assert_eq!(of(AlertQuery { range, ..AlertQuery::default() }), [5, 4, 3, 2]);
    let wrong = Range { cursor: Some("00".into()), ..Range::default() };
    assert!(bench.store.alerts(&AlertQuery { range: wrong, ..AlertQuery::default() }).is_err());
    bench.close();
}

#[test]
fn of_two_who_acknowledge_at_once_one_is_late() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let id = alert(1, 0).id;
    keep(&bench, Record::Alert(alert(1, 0)));
    let bench = bench.restart();
    let won = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| change_alert(&bench, id, AlertAction::Acknowledge)))
            .collect();
        tries.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(bench.store.alert(id).unwrap(), Some(won[0].clone()));
    assert_eq!((won[0].status, won[0].revision), (AlertStatus::Acknowledged, 1));
    let bench = bench.restart_without_index();
    assert_eq!(bench.store.alert(id).unwrap(), Some(won[0].clone()));
    bench.close();
}

#[test]
fn a_removed_rule_stays_away_and_its_id_can_be_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    keep(&bench, Record::AlertRule(alert_rule(1, 0)));
    keep(&bench, Record::AlertRule(AlertRule { name: "Kept".into(), ..alert_rule(2, 5) }));
    assert!(remove(&bench, rule_id(1)));
    assert!(!remove(&bench, rule_id(1)) && !remove(&bench, rule_id(77)));
    let bench = bench.restart();
    assert_eq!(names(&bench), ["Kept"]);
    let bench = bench.restart_without_index();
    assert_eq!(names(&bench), ["Kept"]);
    assert_eq!(bench.store.alert_rule(rule_id(1)).unwrap(), None);
    let (tx, rx) = sync_channel(1);
    let change: Change<AlertRule> = Box::new(|known| {
        assert_eq!(known, None);
        Some(AlertRule { name: "Again".into(), ..alert_rule(1, 9) })
    });
    let done = Box::new(move |result| tx.send(result).unwrap());
    bench.store.amend_alert_rule(rule_id(1), change, Durability::Synced, done);
    assert_eq!(rx.recv_timeout(SOON).unwrap().unwrap().unwrap().revision, 2);
    assert_eq!(names(&bench), ["Again", "Kept"]);
    bench.close();
}

#[test]
fn rules_and_settings_outlive_their_segments_and_alerts_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings { journal_max_bytes: 4 << 20, ..StoreSettings::default() };
    let mut bench = Bench::open_with(dir.path(), settings);
    let mut rule = alert_rule(1, 0);
    keep(&bench, Record::AlertRule(rule.clone()));
    (rule.revision, rule.name) = (1, "Second".into());
    keep(&bench, Record::AlertRule(rule.clone()));
    keep(&bench, Record::AlertRule(alert_rule(2, 0)));
    keep(&bench, Record::Alert(alert(3, 0)));
    let setting = Setting { key: "a.b".into(), revision: 0, value: "7".into(), updated_at: T0 };
    keep(&bench, Record::Setting(setting.clone()));
    assert!(remove(&bench, rule_id(2)));
    for round in 0..3 {
        let oldest = segments_of(dir.path())[0].clone();
        for number in 0..600 {
            let mut large = event(1 + number, round, 0);
            large.reasoning = "x".repeat(16_000);
            bench.submit(vec![Record::Event(large)], Durability::Written).unwrap();
        }
        // Retention looks once a minute.
        bench.clock.advance(Duration::from_secs(61));
        bench.until(|_| !oldest.exists());
        bench = if round == 1 { bench.restart_without_index() } else { bench.restart() };
        assert_eq!(bench.store.alert_rules().unwrap(), [rule.clone()]);
        assert_eq!(bench.store.setting("a.b").unwrap(), Some(setting.clone()));
        assert_eq!(bench.store.alert(alert(3, 0).id).unwrap(), None);
    }
    bench.close();
}

#[test]
fn scene_changes_are_listed_and_acknowledged_and_share_the_counter_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let change = |id: SceneChangeId, ms| SceneChange {
        id,
        revision: 0,
        camera: "yard".parse().unwrap(),
        detected_at: Timestamp::from_unix_ms(T0.unix_ms() + ms),
        change: SceneChangeType::AngleChanged,
        similarity: 0.25,
        acknowledged_at: None,
        clock_trusted: true,
    };
    let ids = [bench.store.next_scene_change_id(), bench.store.next_scene_change_id()];
    keep(&bench, Record::SceneChange(change(ids[0], 0)));
    keep(&bench, Record::SceneChange(change(ids[1], 1)));
    assert!(bench.store.next_event_id().0 > ids[1].0);
    let (tx, rx) = sync_channel(1);
    let acknowledge: Change<SceneChange> =
        Box::new(|known| Some(SceneChange { acknowledged_at: Some(T0), ..known? }));
    let done = Box::new(move |result| tx.send(result).unwrap());
    bench.store.amend_scene_change(ids[0], acknowledge, Durability::Synced, done);
    rx.recv_timeout(SOON).unwrap().unwrap().unwrap();
    let bench = bench.restart();
    assert!(bench.store.next_event_id().0 > ids[1].0);
    let found = |acknowledged| {
        let query = SceneChangeQuery { acknowledged, ..SceneChangeQuery::default() };
        let items = bench.store.scene_changes(&query).unwrap().items;
        items.into_iter().map(|change| change.id).collect::<Vec<_>>()
    };
    assert_eq!(found(None), [ids[1], ids[0]]);
    assert_eq!(found(Some(true)), [ids[0]]);
    assert_eq!(found(Some(false)), [ids[1]]);
    bench.close();
}

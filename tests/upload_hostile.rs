//! The daemon itself, killed at random, behind a line that does everything wrong: what
//! was recorded is upstream in the end, and nothing is there twice.
//!
//! `UPLOAD_ITEMS` sets how many items there are, `UPLOAD_KILLS` how often it is killed;
//! `make soak-upload` does it with 100,000.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "a test that kills a process needs one")]

mod support;
mod upload_support;

use std::sync::Mutex;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use upload_support::seed::{self, Keys};
use upload_support::{Collector, Fault};
use watchpost::store::StoreSettings;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// One camera that is not there; the records are from before.
fn config(url: &str) -> String {
    format!(
        "[detector]\nmodel = \"int8\"\nworkers = 1\n\
         [upload]\ndetections = \"all\"\nbatch_items = 100\nbatch_age = \"100ms\"\n\
         retry_first = \"10ms\"\nretry_longest = \"200ms\"\n\
         [upload.http]\nurl = \"{url}\"\n"
    )
}

fn upstream(appliance: &Appliance) -> Value {
    appliance.get("/api/system/upload")["upstreams"][0].take()
}

/// Status of the wish to have refused items sent again.
fn retry(appliance: &Appliance, upstream: &str) -> u16 {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let url = appliance.url(&format!("/api/system/upload/{upstream}/retry"));
    agent.post(url).send_empty().unwrap().status().as_u16()
}

#[test]
fn a_daemon_that_is_killed_again_and_again_delivers_everything_and_shows_nothing_twice() {
    let (items, kills) = (number("UPLOAD_ITEMS", 3000), number("UPLOAD_KILLS", 3));
    let dir = tempfile::tempdir().unwrap();
    let before = seed::Appliance::open(dir.path(), StoreSettings::default());
    let wanted = seed::fill(&before.store, items);
    before.close();

    let random = Mutex::new(fastrand::Rng::with_seed(23));
    let collector = Collector::start(move |_, _| match random.lock().unwrap().u8(0..14) {
        0 => Fault::Reset,
        1 => Fault::LostAnswer,
        2 => Fault::HalfAnswer,
        3 => Fault::OldAnswer,
        4 => Fault::Stranger,
        5 => Fault::Status(502),
        6 => Fault::Status(429),
        _ => Fault::None,
    });
    let config = config(&collector.url());
    let batches = wanted.len() as u64 / 100;
    for kill in 1..=kills {
        let appliance = Appliance::start(&config, dir.path());
        let enough = (batches * kill / (kills + 2)) as usize;
        collector.wait("some progress", |kept| kept.items.len() / 100 >= enough);
        appliance.kill();
    }
    let mut appliance = Appliance::start(&config, dir.path());
    collector.wait("everything", |kept| kept.items.len() >= wanted.len());
    eventually("nothing waits", || {
        let upstream = upstream(&appliance);
        (upstream["waiting_items"] == 0 && upstream["state"] == "idle").then_some(())
    });
    assert_eq!(retry(&appliance, "http"), 202);
    assert_eq!(retry(&appliance, "nowhere"), 404);
    appliance.signal("TERM");
    assert!(appliance.wait().success());

    // A set has nothing twice; the same key with another content would show here.
    let arrived: Keys =
        collector.look(|kept| kept.items.keys().map(|(_, key)| key.clone()).collect());
    assert_eq!(arrived, wanted);
    let (repeated, contradicted, journals) = collector.look(|kept| {
        let journals: std::collections::BTreeSet<_> =
            kept.items.keys().map(|(journal, _)| journal.clone()).collect();
        (kept.repeated, kept.contradicted, journals.len())
    });
    assert!(repeated > 0, "the faults did nothing");
    assert_eq!((contradicted, journals), (0, 1));
}

//! Fetching against a box and a source that do what the test says.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::{Addressee, CameraVital, FetchError, PublicKey, SigningKey};
use super::*;
use crate::domain::Timestamp;
use crate::health::State;

/// Offers what it is given.
#[derive(Default)]
struct Shop(Mutex<Option<Vec<u8>>>);

impl Source for Shop {
    fn address(&self) -> String {
        "http://fleet.example/config".to_owned()
    }

    fn fetch(&self, _: u64) -> BoxFuture<'_, Result<Option<Vec<u8>>, FetchError>> {
        std::future::ready(Ok(self.0.lock().unwrap().clone())).boxed()
    }
}

/// A box whose camera goes blind under a layer that says `blind`, and that loses its
/// line under one that says `mute`. Each look at the cameras takes a second.
struct Puppet {
    clock: Clock,
    layer: Mutex<Option<String>>,
    needs_restart: Mutex<bool>,
    restarts: Mutex<u32>,
}

impl Puppet {
    fn says(&self, word: &str) -> bool {
        self.layer.lock().unwrap().as_ref().is_some_and(|layer| layer.contains(word))
    }
}

impl Subject for Puppet {
    fn check(&self, layer: Option<&str>) -> Result<Change, String> {
        match layer {
            Some(layer) if layer.contains("wrong") => Err("camera.fps is 500".to_owned()),
            _ if *self.needs_restart.lock().unwrap() => Ok(Change::Restart),
            _ => Ok(Change::Live),
        }
    }

    fn apply(&self, layer: Option<String>) -> BoxFuture<'_, ()> {
        *self.layer.lock().unwrap() = layer;
        std::future::ready(()).boxed()
    }

    fn cameras(&self) -> Vec<CameraVital> {
        self.clock.advance(Duration::from_secs(1));
        let is_online = !self.says("blind");
        vec![CameraVital { id: "yard".to_owned(), is_online, last_seen_at: Some(self.clock.now()) }]
    }

    fn upstreams(&self) -> BoxFuture<'_, Vec<(String, bool)>> {
        std::future::ready(vec![("http".to_owned(), !self.says("mute"))]).boxed()
    }

    fn restart(&self) -> bool {
        *self.restarts.lock().unwrap() += 1;
        false
    }
}

struct Bench {
    _state: tempfile::TempDir,
    key: SigningKey,
    shop: Arc<Shop>,
    subject: Arc<Puppet>,
    health: Health,
    pull: Pull,
}

impl Bench {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_unix_ms(1_000));
        let (health, metrics, stop) = (Health::new(clock.clone()), Metrics::default(), Stop::new());
        let key = SigningKey::generate().unwrap().0;
        let shop = Arc::new(Shop::default());
        let subject = Arc::new(Puppet {
            clock: clock.clone(),
            layer: Mutex::default(),
            needs_restart: Mutex::default(),
            restarts: Mutex::default(),
        });
        let context = PullContext {
            settings: settings(key.public()),
            device: "box-1".into(),
            fleet: Some("north".to_owned()),
            source: Arc::<Shop>::clone(&shop),
            shelf: Shelf::new(state.path()),
            subject: Arc::<Puppet>::clone(&subject),
            clock,
            health: health.clone(),
            metrics: metrics.clone(),
            tasks: Tasks::new(stop.clone(), |end| panic!("{end:?}")),
            stop,
        };
        let teller = Teller::new(String::new(), &health, &metrics);
        let pull = Pull { context, teller, note: None };
        Self { _state: state, key, shop, subject, health, pull }
    }

    /// Has the box look, with this version on offer.
    async fn offer(&mut self, version: u64, toml: &str) -> Verdict {
        let addressee = Addressee::Fleet("north".to_owned());
        let document = Document { version, addressee, toml: toml.to_owned() };
        *self.shop.0.lock().unwrap() = Some(document.sign(&self.key).unwrap());
        assert!(self.pull.look().await);
        self.pull.note.as_ref().unwrap().verdict
    }

    fn layer(&self) -> Option<String> {
        self.subject.layer.lock().unwrap().clone()
    }

    fn report(&self) -> (State, String) {
        let report = self.health.reports().remove(0);
        (report.state, report.message)
    }

    fn kept(&self) -> Option<u64> {
        let shelf = &self.pull.context.shelf;
        shelf.current(&self.pull.context.settings.keys).map(|document| document.version)
    }
}

fn settings(key: PublicKey) -> PullSettings {
    PullSettings {
        url: "http://fleet.example/config".to_owned(),
        token: None,
        keys: vec![key],
        certificates: super::super::Certificates::default(),
        interval: Duration::from_secs(60),
        // A hundredth of it is waited for in real time between two looks.
        trial: Duration::from_millis(100),
    }
}

#[tokio::test]
async fn what_proves_itself_holds_and_is_not_tried_again() {
    let mut bench = Bench::new();
    bench.pull.context.settings.trial = Duration::from_secs(20);
    assert_eq!(bench.offer(1, "a = 1").await, Verdict::Kept);
    assert_eq!((bench.kept(), bench.layer().as_deref()), (Some(1), Some("a = 1")));
    assert_eq!(bench.report(), (State::Healthy, "version 1 holds".to_owned()));
    bench.subject.apply(None).await;
    assert_eq!(bench.offer(1, "a = 1").await, Verdict::Kept);
    assert_eq!(bench.layer(), None, "it was not applied once more");
}

#[tokio::test]
async fn what_blinds_the_box_or_cuts_it_off_is_taken_back() {
    let mut bench = Bench::new();
    bench.pull.context.settings.trial = Duration::from_secs(10);
    assert_eq!(bench.offer(1, "a = 1").await, Verdict::Kept);
    for (version, toml, why) in [
        (2, "blind = 1", "without pictures from yard"),
        (3, "mute = 1", "no proof went through to http"),
    ] {
        assert_eq!(bench.offer(version, toml).await, Verdict::Reverted);
        assert_eq!((bench.kept(), bench.layer().as_deref()), (Some(1), Some("a = 1")));
        let (state, said) = bench.report();
        assert_eq!(state, State::Degraded);
        assert_eq!(said, format!("version 1 holds; version {version} was taken back: {why}"));
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_without_being_tried() {
    let mut bench = Bench::new();
    assert_eq!(bench.offer(4, "wrong = 1").await, Verdict::Refused);
    assert_eq!((bench.kept(), bench.layer()), (None, None));
    assert!(bench.report().1.contains("version 4 was refused: camera.fps is 500"));
    assert!(bench.pull.context.shelf.note().is_some(), "a restart does not forget it");
}

#[tokio::test]
async fn an_older_version_is_not_taken_and_said_to_be() {
    let mut bench = Bench::new();
    bench.pull.context.settings.trial = Duration::from_secs(20);
    assert_eq!(bench.offer(5, "a = 1").await, Verdict::Kept);
    assert_eq!(bench.offer(4, "a = 2").await, Verdict::Kept);
    assert_eq!(bench.layer().as_deref(), Some("a = 1"));
    let (state, said) = bench.report();
    assert_eq!(state, State::Degraded);
    assert!(said.contains("version 4 is offered, although 5 was already"), "{said}");
}

#[tokio::test]
async fn what_nobody_known_has_signed_changes_nothing_but_health() {
    let mut bench = Bench::new();
    let stranger = SigningKey::generate().unwrap().0;
    let addressee = Addressee::Fleet("north".to_owned());
    let document = Document { version: 1, addressee, toml: String::new() };
    let foreign = Document { addressee: Addressee::Device("box-2".to_owned()), ..document.clone() };
    for (bytes, why) in [
        (document.sign(&stranger).unwrap(), "signature"),
        (foreign.sign(&bench.key).unwrap(), "it is for device box-2, not for this box"),
        (b"<html>".to_vec(), "no signed configuration"),
        (Vec::new(), "no signed configuration"),
    ] {
        *bench.shop.0.lock().unwrap() = Some(bytes);
        assert!(bench.pull.look().await);
        assert_eq!((bench.pull.note.clone(), bench.layer()), (None, None));
        assert!(bench.report().1.contains(why), "{}", bench.report().1);
    }
}

#[tokio::test]
async fn what_takes_a_restart_waits_for_it_and_is_asked_for_once() {
    let mut bench = Bench::new();
    *bench.subject.needs_restart.lock().unwrap() = true;
    assert_eq!(bench.offer(2, "a = 1").await, Verdict::Waiting);
    assert_eq!(bench.offer(2, "a = 1").await, Verdict::Waiting);
    assert_eq!((*bench.subject.restarts.lock().unwrap(), bench.layer()), (1, None));
    assert!(bench.report().1.contains("version 2 waits for a restart"));

    let keys = &bench.pull.context.settings.keys;
    let standing = bench.pull.context.shelf.start(keys, Timestamp::default());
    assert!(standing.is_trial);
    let note = standing.note.unwrap();
    assert_eq!(note.before.cameras.len(), 1, "what the box was like is remembered");
}

#[tokio::test]
async fn a_trial_that_the_box_did_not_survive_is_repeated_once() {
    let mut bench = Bench::new();
    bench.pull.context.settings.trial = Duration::from_secs(20);
    for tries in 1..=TRIES_MAX {
        bench.pull.context.stop.set();
        assert_eq!(bench.offer(3, "a = 1").await, Verdict::Trial, "the program ends meanwhile");
        let keys = &bench.pull.context.settings.keys;
        let standing = bench.pull.context.shelf.start(keys, Timestamp::default());
        assert_eq!((standing.layer, standing.is_trial), (None, false));
        bench.pull.note = standing.note;
        assert_eq!(bench.pull.note.as_ref().unwrap().tries, tries);
    }
    bench.subject.apply(None).await;
    assert_eq!(bench.offer(3, "a = 1").await, Verdict::Interrupted);
    assert_eq!(bench.layer(), None);
}

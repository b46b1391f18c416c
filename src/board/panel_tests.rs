//! The panel over simulated lines and a clock that is turned by hand.

use std::fs;
use std::sync::mpsc::{Receiver, sync_channel};

use super::*;
use crate::board::sim::SimLines;
use crate::board::{
    ButtonSettings, FanSettings, MotionSensorSettings, NightVisionSettings, Pin, SirenSettings,
    Wire,
};
use crate::domain::Timestamp;
use crate::health::State;

#[derive(Debug, PartialEq)]
enum Told {
    MotionBegan,
    Motion,
    Press(Press),
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Clock,
    health: Health,
    panel: Panel,
    rounds: Rounds,
    motion_log: MotionLog,
    told: Receiver<Told>,
}

fn wire(name: &str) -> Wire {
    Wire { pin: Some(Pin::Name(name.to_owned())), is_active_low: false }
}

/// A panel with everything, each thing on a line of its name.
fn settings() -> GpioSettings {
    GpioSettings {
        motion_sensor: Some(MotionSensorSettings { wire: wire("pir"), ..Default::default() }),
        siren: Some(SirenSettings { wire: wire("siren"), max_on: Duration::from_secs(60) }),
        status_lamp: Some(wire("lamp")),
        button: Some(ButtonSettings { wire: wire("button"), ..Default::default() }),
        night_vision: Some(NightVisionSettings {
            lamp: Some(wire("ir")),
            filter: Some(wire("filter")),
            ..Default::default()
        }),
        fan: Some(FanSettings { wire: wire("fan"), ..Default::default() }),
        ..Default::default()
    }
}

impl Bench {
    fn new(settings: GpioSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("sys/class/thermal/thermal_zone0")).unwrap();
        fs::create_dir(folder.path().join("lines")).unwrap();
        let clock = Clock::manual(Timestamp::default());
        let health = Health::new(clock.clone());
        let stop = Stop::new();
        let (tell, told) = sync_channel(1024);
        let (tell_press, tell_began) = (tell.clone(), tell.clone());
        let motion_log = MotionLog::new(clock.monotonic());
        let context = PanelContext {
            settings,
            profile: Profile::choose("Raspberry Pi 5 Model B Rev 1.0", None),
            lines: Box::new(SimLines::new(folder.path().join("lines"))),
            sensors: Sensors::at(folder.path()),
            clock: clock.clone(),
            health: health.clone(),
            metrics: Metrics::default(),
            progress: Progress::new(clock.clone()),
            tasks: Tasks::new(stop.clone(), |_| {}),
            stop,
            motion_log: motion_log.clone(),
            on_motion_began: Box::new(move || tell_began.send(Told::MotionBegan).unwrap()),
            on_motion: Box::new(move || tell.send(Told::Motion).unwrap()),
            on_press: Box::new(move |press| tell_press.send(Told::Press(press)).unwrap()),
        };
        let siren = context.settings.siren.as_ref();
        let shared = Arc::new(Shared {
            siren: siren.map(|siren| Mutex::new(Siren::new(siren.max_on))),
            clock: clock.clone(),
            meter: Arc::default(),
            is_night: AtomicBool::new(false),
        });
        let panel = Panel(Arc::clone(&shared));
        let rounds = Rounds::new(context, shared);
        let mut bench = Self { folder, clock, health, panel, rounds, motion_log, told };
        bench.temperature(40);
        bench
    }

    fn pass(&mut self, span: Duration) {
        let until = self.clock.monotonic() + span;
        while self.clock.monotonic() < until {
            self.clock.advance(ROUND);
            self.rounds.round(self.clock.monotonic());
        }
    }

    fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    fn put(&self, line: &str, level: &str) {
        fs::write(self.folder.path().join("lines").join(line), level).unwrap();
    }

    fn level(&self, line: &str) -> String {
        fs::read_to_string(self.folder.path().join("lines").join(line)).unwrap()
    }

    fn temperature(&mut self, celsius: u32) {
        let zone = self.folder.path().join("sys/class/thermal/thermal_zone0");
        fs::write(zone.join("type"), "cpu-thermal").unwrap();
        fs::write(zone.join("temp"), format!("{celsius}000")).unwrap();
    }

    fn saw_between(&self, from_ms: u64, until_ms: u64) -> Option<bool> {
        let (from, until) = (Duration::from_millis(from_ms), Duration::from_millis(until_ms));
        self.motion_log.saw(from, until)
    }

    fn told(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }

    fn report(&self) -> crate::health::Report {
        self.health.reports().into_iter().find(|report| report.component == "gpio").unwrap()
    }
}

#[test]
fn motion_is_told_once_a_second_while_the_sensor_sees_something() {
    let mut bench = Bench::new(settings());
    bench.seconds(3);
    assert_eq!(bench.told(), []);
    bench.put("pir", "1");
    bench.pass(Duration::from_millis(60));
    bench.put("pir", "0");
    bench.seconds(1);
    assert_eq!(bench.told(), [], "a spark");
    bench.put("pir", "1");
    bench.pass(Duration::from_millis(2_500));
    assert_eq!(bench.told(), [Told::MotionBegan, Told::Motion, Told::Motion, Told::Motion]);
    assert_eq!(bench.saw_between(0, 4_100), Some(false), "not the spark");
    assert_eq!(bench.saw_between(4_200, 9_999), Some(true));
    bench.put("pir", "0");
    bench.seconds(3);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.saw_between(7_000, 9_999), Some(false), "it is over");
}

#[test]
fn the_siren_sounds_until_its_limit_or_until_it_is_silenced() {
    let mut bench = Bench::new(settings());
    bench.seconds(1);
    assert_eq!(bench.level("siren"), "0");
    bench.panel.sound(true);
    bench.seconds(59);
    assert_eq!(bench.level("siren"), "1");
    bench.seconds(2);
    assert_eq!(bench.level("siren"), "0", "its longest time is over");
    bench.panel.sound(true);
    bench.seconds(1);
    bench.panel.sound(false);
    bench.seconds(1);
    assert_eq!(bench.level("siren"), "0");
}

#[test]
fn all_outputs_are_off_when_the_panel_ends() {
    let mut bench = Bench::new(settings());
    bench.temperature(80);
    bench.panel.sound(true);
    bench.seconds(2);
    let lines = ["siren", "lamp", "fan", "filter"];
    assert_eq!(lines.map(|line| bench.level(line)), ["1"; 4]);
    let Bench { folder, rounds, .. } = bench;
    drop(rounds);
    for line in lines {
        let level = fs::read_to_string(folder.path().join("lines").join(line)).unwrap();
        assert_eq!(level, "0", "{line}");
    }
}

#[test]
fn the_button_restarts_and_resets() {
    let mut bench = Bench::new(settings());
    bench.put("button", "1");
    bench.seconds(1);
    bench.put("button", "0");
    bench.seconds(1);
    assert_eq!(bench.told(), [Told::Press(Press::Restart)]);
    bench.put("button", "1");
    bench.seconds(15);
    assert_eq!(bench.told(), [Told::Press(Press::FactoryReset)]);
}

#[test]
fn the_fan_follows_the_temperature_below_the_root() {
    let mut bench = Bench::new(settings());
    let mut runs = Vec::new();
    for celsius in [40, 70, 60, 50] {
        bench.temperature(celsius);
        bench.seconds(2);
        runs.push(bench.level("fan"));
    }
    assert_eq!(runs, ["0", "1", "1", "0"]);
}

#[test]
fn darkness_switches_lamp_and_filter_together() {
    let mut bench = Bench::new(settings());
    let show = |bench: &Bench, level| bench.panel.light_meter().set(level);
    show(&bench, 120);
    bench.seconds(30);
    assert_eq!((bench.level("ir"), bench.level("filter")), ("0".into(), "1".into()));
    show(&bench, 10);
    bench.seconds(30);
    assert_eq!((bench.level("ir"), bench.level("filter")), ("1".into(), "0".into()));
    assert!(bench.panel.is_night());
    show(&bench, 120);
    bench.seconds(60);
    assert_eq!((bench.level("ir"), bench.level("filter")), ("0".into(), "1".into()));
}

#[test]
fn the_lamp_blinks_when_the_box_is_not_well() {
    let mut bench = Bench::new(settings());
    let blinks = |bench: &mut Bench| {
        let levels: Vec<_> = (0..100)
            .map(|_| {
                bench.pass(ROUND);
                bench.level("lamp")
            })
            .collect();
        levels.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    assert_eq!(blinks(&mut bench), 0);
    bench.health.component("store").unhealthy("no disk", "insert one");
    assert!(blinks(&mut bench) >= 6);
}

#[test]
fn a_line_that_cannot_be_had_is_named_and_tried_again() {
    let mut broken = settings();
    broken.siren.as_mut().unwrap().wire = wire("gone/siren");
    let mut bench = Bench::new(broken);
    bench.seconds(1);
    let report = bench.report();
    assert_eq!(report.state, State::Degraded);
    assert!(report.message.contains("siren: there is no GPIO line gone/siren"), "{report:?}");
    assert_eq!(bench.level("fan"), "0", "the others work");

    let mut settings = settings();
    settings.fan = None;
    let mut bench = Bench::new(settings);
    fs::create_dir(bench.folder.path().join("lines/siren")).unwrap();
    bench.seconds(1);
    assert_eq!(bench.report().state, State::Degraded);
    fs::remove_dir(bench.folder.path().join("lines/siren")).unwrap();
    bench.seconds(1);
    assert_eq!(bench.report().state, State::Healthy, "{:?}", bench.report());
}

#[test]
fn without_a_line_in_the_configuration_the_profile_says_where() {
    let mut bench = Bench::new(GpioSettings {
        status_lamp: Some(Wire::high()),
        fan: Some(FanSettings::default()),
        ..Default::default()
    });
    bench.seconds(1);
    assert_eq!(bench.report().state, State::Healthy, "{:?}", bench.report());
    let suggested = bench.rounds.context.profile.suggested_pin("status_lamp").unwrap();
    assert_eq!(bench.level(&suggested.to_string()), "1");
}

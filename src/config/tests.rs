//! What the configuration as a whole promises.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::capture::{DriverKind, RtspTransport, Source};
use crate::domain::CameraId;
use crate::infer::ModelChoice;

const EXAMPLE: &str = include_str!("../../watchpost.example.toml");

const CAMERA: &str = "[[camera]]\nid = \"a\"\nsource = \"test\"\n";

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse("w.toml", text, &Environment::new(), &Overrides::default())
}

fn mistakes(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(settings) => panic!("accepted: {settings:?}"),
        Err(ConfigError::Mistakes { mistakes, .. }) => {
            mistakes.iter().map(ToString::to_string).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The example with its commented keys in force; with or without those that
/// have no default.
fn uncommented(has_examples: bool) -> String {
    let is_key = |line: &&str| !line.starts_with("# ") && *line != "#";
    let is_wanted = |line: &&str| has_examples || !line.ends_with("# example");
    let lines = EXAMPLE.lines().filter(is_key).filter(is_wanted);
    lines.map(|line| line.strip_prefix('#').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_means_the_defaults() {
    let settings = parse("").unwrap();
    assert_eq!(settings.api, ApiSettings::default());
    assert_eq!(settings.store, StoreSettings::default());
    assert_eq!(settings.infer, InferSettings::default());
    assert_eq!(settings.cameras, []);
    assert_eq!(settings.state_dir, Path::new(DEFAULT_STATE_DIR));
}

#[test]
fn a_board_fills_in_only_what_the_configuration_leaves_open() {
    let card = ProfileStorage { flush_interval_ms: Some(1000), min_free_mib: Some(256) };
    let stored = |text| {
        let store = parse(text).unwrap().stored_as(card).store;
        (store.flush_interval.as_millis(), store.min_free_bytes >> 20)
    };
    assert_eq!(stored(""), (1000, 256));
    assert_eq!(stored("[store]\nflush_interval = \"500ms\"\n"), (500, 256));
    assert_eq!(stored("[store]\nmin_free = \"64MiB\"\n"), (1000, 64));
    let untouched = parse("").unwrap().stored_as(ProfileStorage::default());
    assert_eq!(untouched.store, StoreSettings::default());
}

#[test]
fn the_defaults_in_the_example_are_those_of_the_code() {
    // What is written and what is left open differ in nothing but that.
    let parse = |text: &str| Settings { left_open: LeftOpen::default(), ..parse(text).unwrap() };
    let shipped = parse(EXAMPLE);
    assert_eq!(parse(&uncommented(false)), shipped);
    assert_eq!(Settings { cameras: vec![], ..shipped }, parse(""));
}

#[test]
fn the_example_names_every_key_there_is_and_no_other() {
    let text = uncommented(true);
    let (result, known) = parse_with_keys(&text, &Environment::new(), &Overrides::default());
    let known: BTreeSet<_> = known.into_iter().filter(|key| !key.starts_with("WATCH")).collect();
    let mut given = BTreeSet::new();
    collect_keys(DeTable::parse(&text).unwrap().get_ref(), "", &mut given);
    assert_eq!(given, known);
    // Alternatives stand side by side in the example, and its files do not exist.
    for mistake in result.unwrap_err() {
        let is_expected = mistake.what.contains("_file") || mistake.what.contains(".labels");
        assert!(is_expected, "{mistake}");
    }
}

fn collect_keys(table: &DeTable<'_>, prefix: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        let nested = format!("{path}.");
        if let Some(table) = value.get_ref().as_table() {
            collect_keys(table, &nested, keys);
        }
        for item in value.get_ref().as_array().into_iter().flat_map(|items| items.iter()) {
            item.get_ref().as_table().into_iter().for_each(|t| collect_keys(t, &nested, keys));
        }
        keys.insert(path);
    }
}

#[test]
fn a_full_camera_is_read_as_written() {
    let settings = parse(
        "[[camera]]\nid = \"gate\"\nsource = \"rtsp://192.0.2.7/main\"\nusername = \"u\"\n\
         password = \"p\"\ntransport = \"udp\"\nstall_timeout = \"3s\"\n\
         detect = { fps = 2.5, classes = [\"person\"], idle_interval = \"1m\" }\n\
         [[camera.zone]]\nname = \"porch\"\npolygon = [[0, 0], [1, 0], [1, 1.0]]\n\
         min_dwell = \"2s\"\nclasses = [\"person\"]\n\
         [[camera.mask]]\npolygon = [[0, 0], [1, 0], [1, 0.1]]\n",
    )
    .unwrap();
    let camera = &settings.cameras[0];
    assert_eq!(camera.capture.id, "gate".parse::<CameraId>().unwrap());
    assert_eq!(camera.capture.name, "gate");
    assert_eq!(camera.capture.driver, DriverKind::Gst);
    assert_eq!(camera.capture.source, Source::Rtsp("rtsp://192.0.2.7/main".to_owned()));
    assert_eq!(camera.capture.transport, RtspTransport::Udp);
    assert_eq!(camera.capture.stall_timeout, Duration::from_secs(3));
    assert_eq!(camera.lane.detect_fps, 2.5);
    assert_eq!(camera.lane.classes, ["person"]);
    assert_eq!(camera.lane.zones[0].polygon.len(), 3);
    assert_eq!(camera.lane.zones[0].min_dwell, Duration::from_secs(2));
    assert_eq!(camera.lane.zones[0].classes, ["person"]);
    assert_eq!(camera.lane.masks[0].polygon.len(), 3);
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_line_and_fix() {
    let said = mistakes(
        "litsen = [\"127.0.0.1:8080\"]\n\
         [detector]\ninput = [400, 320]\n\
         [store]\nmedia_max = \"lots\"\n\
         [[camera]]\nid = \"a b\"\nsource = \"rtsp://u:topsecret@cam/1\"\n\
         detect = { fps = 500, classes = [\"persn\"] }\n\
         [[camera]]\nid = \"c\"\nsource = \"test\"\n\
         [[camera]]\nid = \"c\"\nsource = \"test\"\n",
    );
    let expect = [
        ("line 1, column 1", "did you mean listen?"),
        ("line 3,", "a multiple of 32, such as 416"),
        ("line 5,", "write a size from"),
        ("line 7,", "letters, digits"),
        ("line 8,", "username = "),
        ("line 9,", "from 0.1 to 60"),
        ("line 9,", "did you mean \"person\"?"),
        ("line 14,", "an id of its own"),
    ];
    assert_eq!(said.len(), expect.len(), "{said:#?}");
    for ((place, fix), said) in expect.iter().zip(&said) {
        assert!(said.starts_with(place) && said.contains(fix), "{said:?} is not {place} {fix}");
    }
    assert!(!said.concat().contains("topsecret"));
}

#[test]
fn a_syntax_mistake_has_line_and_column() {
    let said = mistakes("state_dir = \"/s\"\nlisten = [\"127.0.0.1:1\"\n[store]\n");
    assert!(said[0].starts_with("line "), "{said:?}");
    assert!(said[0].contains("not TOML"), "{said:?}");
}

#[test]
fn the_box_is_not_opened_to_the_network_without_a_key() {
    let said = mistakes("listen = [\"0.0.0.0:8080\"]");
    assert!(said[0].contains("add a [[key]]"), "{said:?}");

    let key = "[[key]]\nname = \"k\"\nrole = \"viewer\"\nkey = \"0123456789abcdef\"\n";
    let settings = parse(&format!("listen = [\"0.0.0.0:8080\"]\n{key}")).unwrap();
    assert_eq!(settings.api.keys[0].key.expose(), "0123456789abcdef");

    let said = mistakes(&format!("listen = [\"[::]:8080\"]\nauth.enabled = false\n{key}"));
    assert!(said[0].contains("reachable from outside"), "{said:?}");
}

#[test]
fn a_flag_is_checked_like_the_file_and_wins_over_it() {
    let flags = |listen: &str| Overrides {
        listen: vec![listen.parse().unwrap()],
        state_dir: Some("/elsewhere".into()),
        ..Overrides::default()
    };
    let settings =
        Settings::parse("w", "state_dir = \"/s\"", &Environment::new(), &flags("127.0.0.2:1"));
    let settings = settings.unwrap();
    assert_eq!(settings.api.listen, ["127.0.0.2:1".parse().unwrap()]);
    assert_eq!(settings.state_dir, Path::new("/elsewhere"));
    let refused = Settings::demo(&Environment::new(), &flags("0.0.0.0:80")).unwrap_err();
    assert!(refused.to_string().contains("flag --listen"), "{refused}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let variables = environment(&[
        ("WATCHPOST_LISTEN", "127.0.0.1:1, 127.0.0.1:2"),
        ("WATCHPOST_STATE_DIR", "/env"),
        ("WATCHPOST_STORE_MEDIA_MAX", "1GiB"),
        ("WATCHPOST_DETECTOR_INPUT", "[320, 320]"),
        ("WATCHPOST_DETECTOR_MODEL", "int8"),
        ("WATCHPOST_API_KEY", "0123456789abcdef"),
        ("WEBSOCKET_TOKEN", "1234567890123456"),
        ("WEBSOCKET_IDLE_TIMEOUT_SECONDS", "120"),
        ("API_KEY_ENABLED", "true"),
        ("WATCHPOST_STORE_MIN_FREE", ""),
    ]);
    let file = "state_dir = \"/file\"\nlisten = [\"127.0.0.1:9\"]\n";
    let settings = Settings::parse("w", file, &variables, &Overrides::default()).unwrap();
    assert_eq!(settings.api.listen.len(), 2);
    assert_eq!(settings.state_dir, Path::new("/env"));
    assert_eq!(settings.store.media_max_bytes, 1 << 30);
    assert_eq!(settings.store.min_free_bytes, StoreSettings::default().min_free_bytes);
    assert_eq!(settings.infer.input_px, (320, 320));
    assert_eq!(settings.infer.model, ModelChoice::Int8);
    assert_eq!(settings.api.keys.len(), 1);
    assert_eq!(settings.api.websocket_token.unwrap().expose(), "1234567890123456");
    assert_eq!(settings.api.websocket_idle_timeout, Duration::from_secs(120));
}

#[test]
fn a_wrong_variable_is_named_and_its_secret_is_not_shown() {
    let variables = environment(&[
        ("WEBSOCKET_IDLE_TIMEOUT_SECONDS", "soon"),
        ("WATCHPOST_API_KEY", "hunter2"),
        ("WEBSOCKET_TOKEN", "hunter2"),
    ]);
    let error = Settings::parse("w", "", &variables, &Overrides::default()).unwrap_err();
    let said = error.to_string();
    for name in variables.keys() {
        assert!(said.contains(&format!("environment variable {name}")), "{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn the_demo_is_the_footage_on_loopback_in_the_users_own_directory() {
    let home = environment(&[("HOME", "/home/u")]);
    let settings = Settings::demo(&home, &Overrides::default()).unwrap();
    assert_eq!(settings.cameras[0].capture.source, Source::Footage);
    assert_eq!(settings.cameras[0].capture.id.as_str(), "front_door");
    assert_eq!(settings.cameras[0].capture.name, "Front door");
    assert_eq!(settings.api.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(settings.state_dir, Path::new("/home/u/.local/state/watchpost-demo"));

    let chosen = environment(&[("HOME", "/home/u"), ("WATCHPOST_STATE_DIR", "/var/lib/watchpost")]);
    let settings = Settings::demo(&chosen, &Overrides::default()).unwrap();
    assert_eq!(settings.state_dir, Path::new("/var/lib/watchpost"));
}

#[test]
fn the_demo_can_have_a_still_camera_beside_the_footage() {
    let demo = |source: &str| {
        let still_camera = Some(source.to_owned());
        Settings::demo(&Environment::new(), &Overrides { still_camera, ..Overrides::default() })
    };
    let settings = demo("ptpip:127.0.0.1:15740").unwrap();
    assert_eq!(settings.cameras.len(), 2);
    assert_eq!(settings.cameras[1].capture.driver, DriverKind::Ptp);
    assert!(demo("\"\n[[key]]").unwrap_err().to_string().contains("source"));
}

#[test]
fn secrets_come_from_files_and_a_missing_file_is_a_sentence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef\n").unwrap();
    let key = |path: &str| {
        format!("[[key]]\nname = \"k\"\nrole = \"admin\"\nkey_file = \"{path}\"\n{CAMERA}")
    };
    let settings = parse(&key(&file.path().display().to_string())).unwrap();
    assert_eq!(settings.api.keys[0].key.expose(), "0123456789abcdef");
    assert!(mistakes(&key("/nowhere/at/all"))[0].contains("cannot be read"));
}

#[test]
fn a_file_that_is_missing_too_large_or_not_text_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let load = |name: &str| {
        let path = dir.path().join(name);
        Settings::load(&path, &Environment::new(), &Overrides::default())
    };
    assert!(matches!(load("absent"), Err(ConfigError::Missing(_))));
    std::fs::write(dir.path().join("large"), vec![b'#'; FILE_MAX_BYTES as usize + 1]).unwrap();
    assert!(matches!(load("large"), Err(ConfigError::TooLarge { .. })));
    std::fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
    assert!(matches!(load("binary"), Err(ConfigError::Read { .. })));
    assert!(matches!(load("."), Err(ConfigError::Read { .. })));
}

/// Values of every type, and texts at the edges of what parsers like.
const GARBAGE: [&str; 26] = [
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"../../etc/passwd\"",
    "\"rtsp://\"",
    "\"rtsp://[::\"",
    "\"://\"",
    "\"script:\"",
    "\"script:@\"",
    "\"script:stall@99999999999999999999999\"",
    "\"-1s\"",
    "\"99999999999999999999GiB\"",
    "\"ü€𝄞\"",
    "0",
    "-1",
    "9223372036854775807",
    "99999999999999999999999999",
    "0xffffffffffffffff",
    "nan",
    "-inf",
    "1e400",
    "true",
    "1979-05-27T07:32:00Z",
    "[[], [1], [[0.1, nan]]]",
    "{ a = { b = [1, {}] } }",
    "[{}, {}]",
];

#[test]
fn garbage_in_any_field_is_a_sentence_and_never_a_panic() {
    let lines: Vec<String> = uncommented(true).lines().map(str::to_owned).collect();
    for (number, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        for garbage in GARBAGE {
            let mut changed = lines.clone();
            changed[number] = format!("{key} = {garbage}");
            check_sentences(&changed.join("\n"));
        }
    }
}

#[test]
fn a_damaged_file_is_a_sentence_and_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, *random.choice(b"[]{}=\"'#\n.,").unwrap()),
            }
        }
        check_sentences(&String::from_utf8_lossy(&bytes));
    }
}

fn check_sentences(text: &str) {
    let Err(error) = parse(text) else { return };
    let said = error.to_string();
    let ConfigError::Mistakes { mistakes, .. } = error else { panic!("{said}") };
    assert!(!mistakes.is_empty());
    let mut all = String::new();
    for mistake in &mistakes {
        assert!(!mistake.what.is_empty() && !mistake.fix.is_empty(), "{mistake:?}");
        let _ = writeln!(all, "{mistake}");
    }
    assert!(mistakes.iter().all(|mistake| mistake.to_string().len() < 1000), "{all}");
}

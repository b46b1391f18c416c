//! Configuration of a fleet, over real sockets to the real program: it is believed for its
//! signature only, must prove itself, and is gone when the box did not survive it.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use support::appliance::{Appliance, eventually, write_config};
use watchpost::fleet::{Addressee, DOCUMENT_MAX_BYTES, Document, SigningKey};

/// Answers every request with what it is given, whole.
struct Shop {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, heads) = (Arc::new(Mutex::new(Vec::new())), Arc::default());
        let shop = Self { address, answer, heads };
        shop.answer("404 Not Found", b"");
        let (answer, heads) = (Arc::clone(&shop.answer), Arc::clone(&shop.heads));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                heads.lock().unwrap().push(head.join("\n").to_ascii_lowercase());
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(&answer);
            }
        });
        shop
    }

    fn answer(&self, status: &str, body: &[u8]) {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        *self.answer.lock().unwrap() = [head.as_bytes(), body].concat();
    }

    fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }
}

/// A fleet of one box.
struct Fleet {
    folder: tempfile::TempDir,
    shop: Shop,
    key: SigningKey,
    trial: &'static str,
}

impl Fleet {
    fn new(trial: &'static str) -> Self {
        let (folder, shop) = (tempfile::tempdir().unwrap(), Shop::open());
        Self { folder, shop, key: SigningKey::generate().unwrap().0, trial }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn file(&self) -> String {
        let (address, key, trial) = (self.shop.address, self.key.public(), self.trial);
        format!(
            "device_id = \"box-1\"\n\
             [[camera]]\nid = \"yard\"\nsource = \"test\"\n\
             [fleet]\nname = \"north\"\nurl = \"http://{address}/for/{{device}}\"\n\
             token = \"0123456789abcdef\"\nkeys = [\"{key}\"]\n\
             interval = \"1s\"\ntrial = \"{trial}\"\n"
        )
    }

    /// Starts the box and waits until it sees.
    fn start(&self) -> Appliance {
        self.seeing(Appliance::start(&self.file(), &self.state()))
    }

    /// As the service manager starts it: which starts it again when it ends.
    fn start_managed(&self) -> Appliance {
        let config = write_config(&self.file(), &self.state());
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
        command.args(["run", "--listen", "127.0.0.1:0"]).env("INVOCATION_ID", "0123");
        command.arg("--config").arg(config).arg("--state-dir").arg(self.state());
        self.seeing(Appliance::spawn(command))
    }

    fn seeing(&self, appliance: Appliance) -> Appliance {
        eventually("the yard is seen", || is_online(&appliance, "yard").then_some(()));
        appliance
    }

    fn signed(&self, version: u64, toml: &str) -> Vec<u8> {
        let addressee = Addressee::Fleet("north".to_owned());
        Document { version, addressee, toml: toml.to_owned() }.sign(&self.key).unwrap()
    }

    fn offer(&self, version: u64, toml: &str) {
        self.shop.answer("200 OK", &self.signed(version, toml));
    }
}

fn is_online(appliance: &Appliance, camera: &str) -> bool {
    let cameras = appliance.get("/api/cameras");
    let all = cameras["items"].as_array().unwrap();
    all.iter().any(|known| known["id"] == camera && known["status"] == "online")
}

fn has(appliance: &Appliance, camera: &str) -> bool {
    let cameras = appliance.get("/api/cameras");
    cameras["items"].as_array().unwrap().iter().any(|known| known["id"] == camera)
}

fn config(appliance: &Appliance) -> Value {
    appliance.get("/api/system/fleet")["config"].clone()
}

/// How it is with the fleet's configuration once version `version` has come to `verdict`.
fn verdict(appliance: &Appliance, version: u64, verdict: &str) -> Value {
    eventually(&format!("version {version} is {verdict}"), || {
        let config = config(appliance);
        let last = &config["last"];
        (last["version"] == version && last["verdict"] == verdict).then_some(config)
    })
}

fn message(appliance: &Appliance) -> String {
    let health = appliance.get("/api/system/health").to_string();
    let found = health.find("fleet.config").map(|at| health[at.saturating_sub(300)..].to_owned());
    found.unwrap_or(health)
}

const GATE: &str = "[[camera]]\nid = \"gate\"\nsource = \"test\"\n";

#[test]
fn what_proves_itself_lies_over_the_file_at_every_start() {
    let fleet = Fleet::new("20s");
    let appliance = fleet.start();
    assert_eq!(config(&appliance)["version"], Value::Null);
    fleet.offer(3, GATE);
    let config = verdict(&appliance, 3, "kept");
    assert_eq!((config["version"].as_u64(), config["trial"].as_bool()), (Some(3), Some(false)));
    assert!(has(&appliance, "gate") && is_online(&appliance, "yard"));
    assert!(message(&appliance).contains("version 3 holds"), "{}", message(&appliance));
    let figures = appliance.get_text("/metrics", "text/plain");
    assert!(figures.contains("watchpost_fleet_config_version 3"), "{figures}");

    let head = fleet.shop.heads.lock().unwrap().last().unwrap().clone();
    assert!(head.starts_with("get /for/box-1 "), "{head}");
    assert!(head.contains("\nauthorization: bearer 0123456789abcdef"), "{head}");
    assert!(head.contains("\nwatchpost-device: box-1"), "{head}");

    appliance.kill();
    assert_eq!(fs::read_to_string(fleet.state().join("test.toml")).unwrap(), fleet.file());
    let appliance = fleet.start();
    assert!(has(&appliance, "gate"));
    assert_eq!(verdict(&appliance, 3, "kept")["version"], 3);
}

#[test]
fn what_blinds_the_box_is_taken_back_and_said() {
    let fleet = Fleet::new("8s");
    let appliance = fleet.start();
    fleet.offer(1, "[[camera]]\nid = \"yard\"\nsource = \"/dev/video-none\"\n");
    let config = verdict(&appliance, 1, "reverted");
    assert_eq!(config["last"]["message"], "without pictures from yard");
    assert_eq!(config["version"], Value::Null);
    assert!(message(&appliance).contains("was taken back"), "{}", message(&appliance));
    eventually("the yard is seen again", || is_online(&appliance, "yard").then_some(()));
}

#[test]
fn a_box_that_dies_in_the_trial_comes_back_with_the_old_one() {
    let fleet = Fleet::new("1h");
    let appliance = fleet.start();
    fleet.offer(1, GATE);
    verdict(&appliance, 1, "trial");
    eventually("the new camera is there", || has(&appliance, "gate").then_some(()));
    appliance.kill();

    fleet.shop.answer("503 Later", b"");
    let appliance = fleet.start();
    let config = verdict(&appliance, 1, "interrupted");
    assert_eq!((config["version"].clone(), config["trial"].as_bool()), (Value::Null, Some(false)));
    assert!(!has(&appliance, "gate"));
}

#[test]
fn what_is_not_signed_for_this_box_or_comes_otherwise_is_refused_and_named() {
    let fleet = Fleet::new("20s");
    let appliance = fleet.start();
    let elsewhere = Shop::open();
    elsewhere.answer("200 OK", &fleet.signed(9, GATE));
    let stranger = SigningKey::generate().unwrap().0;
    let document = |addressee: &str| {
        let addressee = addressee.parse().unwrap();
        Document { version: 9, addressee, toml: GATE.to_owned() }
    };
    let altered = String::from_utf8(fleet.signed(9, GATE)).unwrap().replace("gate", "date");
    let redirect = format!("302 Found\r\nLocation: http://{}/", elsewhere.address);
    for (status, body, why) in [
        ("200 OK", altered.into_bytes(), "signature"),
        ("200 OK", document("fleet north").sign(&stranger).unwrap(), "signature"),
        ("200 OK", document("device box-2").sign(&fleet.key).unwrap(), "for device box-2"),
        ("200 OK", vec![b'#'; DOCUMENT_MAX_BYTES + 1], "longer than"),
        ("200 OK", b"<html>welcome to the hotel</html>".to_vec(), "no signed configuration"),
        (redirect.as_str(), Vec::new(), "redirects are not followed"),
        ("500 Oh", Vec::new(), "500"),
    ] {
        fleet.shop.answer(status, &body);
        eventually(why, || {
            let trouble = config(&appliance)["trouble"].as_str().unwrap_or_default().to_owned();
            trouble.contains(why).then_some(())
        });
        assert_eq!(config(&appliance)["last"], Value::Null, "{why}");
    }
    assert_eq!(elsewhere.requests(), 0, "a redirect was followed");
    assert!(!has(&appliance, "gate"));
}

#[test]
fn what_binds_the_box_and_what_is_wrong_is_refused_by_name_and_old_ones_are_not_taken() {
    let fleet = Fleet::new("20s");
    let appliance = fleet.start();
    for (version, toml, why) in [
        (1, "[fleet]\nurl = \"http://192.0.2.1\"\n", "it holds fleet"),
        (2, "state_dir = \"/tmp\"\n", "it holds state_dir"),
        (3, "[[camera]]\nid = \"yard\"\ndetect.fps = 5000\n", "fps"),
    ] {
        fleet.offer(version, toml);
        let said = verdict(&appliance, version, "refused")["last"]["message"].to_string();
        assert!(said.contains(why), "{said}");
    }
    fleet.offer(2, GATE);
    eventually("the old one is named", || {
        let trouble = config(&appliance)["trouble"].as_str().unwrap_or_default().to_owned();
        trouble.contains("version 2 is offered, although 3 was already").then_some(())
    });
    assert!(!has(&appliance, "gate"));
}

#[test]
fn what_takes_a_restart_gets_one_where_somebody_starts_the_box_again() {
    let fleet = Fleet::new("30s");
    let appliance = fleet.start();
    fleet.offer(1, "[store]\nmax_age = \"7d\"\n");
    assert_eq!(verdict(&appliance, 1, "waiting")["version"], Value::Null);
    appliance.kill();
    let mut appliance = fleet.start_managed();
    assert_eq!(verdict(&appliance, 1, "kept")["version"], 1);

    fleet.offer(2, "[store]\nmax_age = \"8d\"\n");
    assert!(appliance.wait().success());
    let appliance = fleet.start_managed();
    assert_eq!(verdict(&appliance, 2, "kept")["version"], 2);
}

/// The words of the program that signs, through the program itself.
#[test]
fn the_program_signs_what_the_box_takes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], folder: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
        let output = command.arg("config").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let public = run(&["keygen", "key"], folder.path());
    fs::write(folder.path().join("new.toml"), GATE).unwrap();
    let sign = ["sign", "--key", "key", "--version", "4", "--device", "box-1", "new.toml"];
    let bytes = run(&sign, folder.path());
    let key = String::from_utf8(public).unwrap().trim().parse().unwrap();
    let document = Document::open(&bytes, &[key]).unwrap();
    assert_eq!((document.version, document.toml.as_str()), (4, GATE));
}

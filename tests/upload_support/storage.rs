//! A storage that speaks S3, and is not ours.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A server of its own with a bucket `boxes`; ended when dropped.
pub struct Storage {
    child: Child,
    pub address: SocketAddr,
    /// What was asked so far, a line each.
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `scripts/setup` puts it: beside what cargo builds.
fn python() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_watchpost"));
    let python = binary.ancestors().nth(2).unwrap().join("upload-peers/bin/python");
    assert!(python.exists(), "{} is not there; run scripts/setup", python.display());
    python
}

impl Storage {
    pub fn start() -> Self {
        let mut command = Command::new(python());
        command.args(["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the storage says where it listens").unwrap();
            if let Some((_, address)) = line.split_once("Running on http://") {
                break address.trim().parse().unwrap();
            }
        };
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let storage = Self { child, address, log };
        ureq::put(storage.url("")).send_empty().unwrap();
        storage
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/boxes{rest}", self.address)
    }

    /// How many requests had this in them.
    pub fn asked(&self, part: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }

    fn get(&self, rest: &str) -> Vec<u8> {
        // It is asked who we are, and not whether that is true.
        let us = "AWS4-HMAC-SHA256 Credential=A/20260115/us-east-1/s3/aws4_request, \
                  SignedHeaders=host, Signature=0";
        let mut answer = ureq::get(self.url(rest)).header("Authorization", us).call().unwrap();
        answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap()
    }

    /// Names of all objects.
    pub fn names(&self) -> Vec<String> {
        texts(&self.get("?list-type=2"), "Key")
    }

    /// An object.
    pub fn object(&self, name: &str) -> Vec<u8> {
        self.get(&format!("/{name}"))
    }

    /// Uploads that were begun and not finished: the names of their objects.
    pub fn unfinished(&self) -> Vec<String> {
        texts(&self.get("?uploads"), "Key")
    }

    /// Begins an upload and never goes on.
    pub fn begin_upload(&self, name: &str) {
        ureq::post(self.url(&format!("/{name}?uploads"))).send_empty().unwrap();
    }
}

/// What stands in the elements of this name.
fn texts(xml: &[u8], name: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(xml);
    let begin = format!("<{name}>");
    let elements = text.split(&begin).skip(1);
    elements.map(|rest| rest.split("</").next().unwrap().to_owned()).collect()
}

//! A collector: what a receiver must do, in a few dozen lines, and a line to it that
//! does what lines do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]
#![allow(dead_code, reason = "each test file uses its part of this")]

pub mod broker;
pub mod line;
pub mod seed;
pub mod storage;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use watchpost::upload::wire::{Batch, Data, Receipt, RejectedItem, sha256_hex};
use watchpost::upload::{DetectionChoice, UploadSettings};

/// Everything goes, at once, and is tried again soon.
pub fn settings() -> UploadSettings {
    UploadSettings {
        batch_items: 50,
        batch_age: Duration::from_millis(1),
        detections: DetectionChoice::All,
        retry_first: Duration::from_millis(5),
        retry_longest: Duration::from_millis(50),
        ..UploadSettings::default()
    }
}

/// Waits until it is so.
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A request, read whole.
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What the line does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection is cut before the collector sees the request.
    Reset,
    /// The collector takes it, and the answer is lost.
    LostAnswer,
    /// The collector takes it, and half of the answer comes.
    HalfAnswer,
    /// The collector takes it, and the answer to the request before comes once more.
    OldAnswer,
    /// Somebody else answers with success.
    Stranger,
    /// Somebody else answers with this status.
    Status(u16),
    /// The collector takes it, and answers without end.
    Endless,
    /// The collector takes it, and answers a byte at a time, so slowly that it never ends.
    Drip,
    /// The collector keeps nothing and confirms everything: for measuring who sends.
    Nod,
    /// Somebody else claims to have so many bytes of a medium.
    Claims(u64),
}

/// What has arrived.
#[derive(Default)]
pub struct Kept {
    /// By journal and key, each with its content.
    pub items: BTreeMap<(String, String), Data>,
    /// Keys in the order in which they first arrived.
    pub order: Vec<String>,
    /// By path.
    pub media: BTreeMap<String, Vec<u8>>,
    /// Items that came once more.
    pub repeated: usize,
    /// Items that came once more with another content: never.
    pub contradicted: usize,
    pub requests: usize,
    /// Bytes of bodies.
    pub bytes: usize,
}

impl Kept {
    /// The whole of the protocol: each item is kept once.
    fn take(&mut self, request: &Request, refuses: &Refuses) -> Answer {
        if request.path.ends_with("/v1/batches") {
            return self.take_batch(request, refuses);
        }
        if request.method == "PUT" {
            return self.take_object(request);
        }
        let there = self.media.get(&request.path).map_or(0, Vec::len);
        match request.method.as_str() {
            "HEAD" if there == 0 => return Answer { status: 404, ..Answer::default() },
            "HEAD" => return self.medium(&request.path, 200),
            _ => {}
        }
        if request.headers["upload-offset"].parse() != Ok(there) {
            return self.medium(&request.path, 409);
        }
        self.media.entry(request.path.clone()).or_default().extend(&request.body);
        self.medium(&request.path, 200)
    }

    /// As object storage does.
    fn take_object(&mut self, request: &Request) -> Answer {
        assert!(request.headers["authorization"].starts_with("AWS4-HMAC-SHA256"));
        assert!(request.headers.contains_key("x-amz-checksum-sha256"));
        let known = self.media.insert(request.path.clone(), request.body.clone());
        self.contradicted += usize::from(known.is_some_and(|known| known != request.body));
        let headers = vec![("ETag".to_owned(), "\"1\"".to_owned())];
        Answer { status: 200, headers, ..Answer::default() }
    }

    fn medium(&self, path: &str, status: u16) -> Answer {
        let bytes = self.media.get(path).map_or(&[][..], Vec::as_slice);
        let is_whole = path.ends_with(&sha256_hex(bytes));
        let headers = [
            ("upload-offset", bytes.len().to_string()),
            ("upload-complete", if is_whole { "?1" } else { "?0" }.to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Answer { status, headers, ..Answer::default() }
    }

    fn take_batch(&mut self, request: &Request, refuses: &Refuses) -> Answer {
        let batch = decoded(request);
        assert_eq!(request.headers["idempotency-key"], batch.batch);
        if batch.items.iter().any(|item| (refuses.whole)(&item.key)) {
            return Answer { status: 422, body: b"no such thing".to_vec(), ..Answer::default() };
        }
        let (mut accepted, mut rejected) = (0, Vec::new());
        for item in batch.items {
            assert_eq!((item.data.key(), item.data.sha256()), (item.key.clone(), item.sha256));
            if (refuses.alone)(&item.key) {
                let reason = "not wanted here".to_owned();
                rejected.push(RejectedItem { key: item.key, reason });
                continue;
            }
            accepted += 1;
            self.keep(&batch.journal, item.key, item.data);
        }
        let receipt = Receipt { batch: batch.batch, accepted, rejected };
        Answer { status: 200, body: serde_json::to_vec(&receipt).unwrap(), ..Answer::default() }
    }

    fn keep(&mut self, journal: &str, key: String, data: Data) {
        let name = (journal.to_owned(), key.clone());
        match self.items.get(&name) {
            Some(known) => {
                self.repeated += 1;
                self.contradicted += usize::from(*known != data);
            }
            None => {
                self.order.push(key);
                self.items.insert(name, data);
            }
        }
    }
}

/// What the collector does not want.
pub struct Refuses {
    /// With these a batch is refused as a whole.
    pub whole: fn(&str) -> bool,
    /// These are named in the receipt.
    pub alone: fn(&str) -> bool,
}

impl Default for Refuses {
    fn default() -> Self {
        Self { whole: |_| false, alone: |_| false }
    }
}

type Faults = dyn Fn(&Request, usize) -> Fault + Send + Sync;

/// A collector that listens on a port of its own.
pub struct Collector {
    pub address: SocketAddr,
    pub kept: Arc<(Mutex<Kept>, Condvar)>,
    refuses: Arc<Mutex<Refuses>>,
}

impl Collector {
    /// Behind a line with these faults: asked with the number of each request.
    pub fn start(faults: impl Fn(&Request, usize) -> Fault + Send + Sync + 'static) -> Self {
        Self::start_with(None, faults)
    }

    /// The same behind TLS.
    pub fn start_tls(tls: ServerConfig) -> Self {
        Self::start_with(Some(Arc::new(tls)), |_, _| Fault::None)
    }

    fn start_with(
        tls: Option<Arc<ServerConfig>>,
        faults: impl Fn(&Request, usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let collector = Self { address, kept: Arc::default(), refuses: Arc::default() };
        let (kept, refuses) = (Arc::clone(&collector.kept), Arc::clone(&collector.refuses));
        let faults: Arc<Faults> = Arc::new(faults);
        let last = Arc::new(Mutex::new(Answer { status: 200, ..Answer::default() }));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, refuses) = (Arc::clone(&kept), Arc::clone(&refuses));
                let (faults, last, tls) = (Arc::clone(&faults), Arc::clone(&last), tls.clone());
                std::thread::spawn(move || match tls {
                    None => {
                        serve(&stream, &kept, &refuses, faults.as_ref(), &last);
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).unwrap();
                        let stream = StreamOwned::new(connection, stream);
                        serve(stream, &kept, &refuses, faults.as_ref(), &last);
                    }
                });
            }
        });
        collector
    }

    /// From now on these are not wanted.
    pub fn refuse(&self, refuses: Refuses) {
        *self.refuses.lock().unwrap() = refuses;
    }

    /// Waits until what was kept is as wanted.
    pub fn wait(&self, what: &str, is_wanted: impl Fn(&Kept) -> bool) {
        let (kept, changed) = &*self.kept;
        let waited = changed.wait_timeout_while(kept.lock().unwrap(), PATIENCE, |k| !is_wanted(k));
        let (kept, result) = waited.unwrap();
        let (items, requests) = (kept.items.len(), kept.requests);
        assert!(!result.timed_out(), "not in time: {what}; {items} items in {requests} requests");
    }

    /// Looks at what was kept.
    pub fn look<T>(&self, at: impl FnOnce(&Kept) -> T) -> T {
        at(&self.kept.0.lock().unwrap())
    }

    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }
}

/// Nothing in these tests may take longer; it ends a hang, it is not a timing.
pub const PATIENCE: Duration = Duration::from_secs(180);

fn serve(
    stream: impl Read + Write,
    kept: &(Mutex<Kept>, Condvar),
    refuses: &Mutex<Refuses>,
    faults: &Faults,
    last: &Mutex<Answer>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let number = {
            let mut kept = kept.0.lock().unwrap();
            kept.requests += 1;
            kept.bytes += request.body.len();
            kept.requests
        };
        let fault = faults(&request, number);
        if fault == Fault::Reset {
            return;
        }
        let answer = match fault {
            Fault::Stranger => {
                let body = b"<html>Welcome! Please log in.</html>".to_vec();
                Answer { status: 200, body, ..Answer::default() }
            }
            Fault::Nod => nod(&request),
            Fault::Claims(offset) => {
                let headers =
                    [("upload-offset", offset.to_string()), ("upload-complete", "?0".into())];
                let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
                Answer { status: 200, headers, ..Answer::default() }
            }
            Fault::Status(status) => {
                let headers = match status {
                    429 | 503 => vec![("Retry-After".to_owned(), "0".to_owned())],
                    300..400 => {
                        vec![("Location".to_owned(), "http://169.254.169.254/".to_owned())]
                    }
                    _ => Vec::new(),
                };
                Answer { status, headers, ..Answer::default() }
            }
            _ => {
                let taken = kept.0.lock().unwrap().take(&request, &refuses.lock().unwrap());
                kept.1.notify_all();
                let before = std::mem::replace(&mut *last.lock().unwrap(), taken.clone());
                if fault == Fault::OldAnswer { before } else { taken }
            }
        };
        let text = written(&answer, request.method == "HEAD");
        let sent = match fault {
            Fault::LostAnswer => return,
            Fault::HalfAnswer => &text[..text.len() - text.len().min(20)],
            _ => &text[..],
        };
        let stream = reader.get_mut();
        if fault == Fault::Endless {
            let _ = stream.write_all(b"HTTP/1.1 200 X\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            return;
        }
        if fault == Fault::Drip {
            // The sender gives up long before the last of it.
            let never = "x: y\r\n".repeat(1_000_000);
            for byte in [b"HTTP/1.1 200 X\r\n", never.as_bytes()].concat() {
                if stream.write_all(&[byte]).and_then(|()| stream.flush()).is_err() {
                    return;
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            return;
        }
        if stream.write_all(sent).is_err() || fault == Fault::HalfAnswer {
            return;
        }
    }
}

fn nod(request: &Request) -> Answer {
    let ok = Answer { status: 200, ..Answer::default() };
    if !request.headers.contains_key("content-encoding") {
        return ok;
    }
    let batch = decoded(request);
    let (accepted, rejected) = (batch.items.len(), Vec::new());
    let receipt = Receipt { batch: batch.batch, accepted, rejected };
    Answer { body: serde_json::to_vec(&receipt).unwrap(), ..ok }
}

fn decoded(request: &Request) -> Batch {
    let plain = zstd::bulk::decompress(&request.body, 32 << 20).unwrap();
    match request.headers["content-type"].as_str() {
        "application/json" => serde_json::from_slice(&plain).unwrap(),
        _ => postcard::from_bytes(&plain).unwrap(),
    }
}

fn written(answer: &Answer, is_head: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} X\r\n", answer.status);
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n", answer.body.len());
    let mut bytes = text.into_bytes();
    if !is_head {
        bytes.extend(&answer.body);
    }
    bytes
}

fn read_request(reader: &mut BufReader<impl Read>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

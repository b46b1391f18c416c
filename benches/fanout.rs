//! Fan-out: one message of about 300 bytes to many clients, WebSocket and
//! server-sent events, through the real service on loopback.
//!
//! The service runs in this process, the clients in a child of their own (this
//! program again), so that time and memory of the service are counted alone. A
//! message carries the time of its publication; the clients read raw bytes and
//! look for it. A few seconds a row.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench may fail loudly")]

#[path = "../tests/api_support/mod.rs"]
mod api_support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use watchpost::api::ApiSettings;
use watchpost::domain::{CameraNotice, CameraState, CameraStatus, Timestamp};
use watchpost::live::{Hub, LiveMessage};

/// Stands before the time of publication, 19 digits of nanoseconds.
const MARK: &[u8] = b"sent=";
const DIGITS: usize = 19;

/// What is measured, after as long a warm-up.
const SPAN: Duration = Duration::from_secs(4);

const CONNECTIONS_MAX: usize = 9000;

/// Sockets of both sides, in two processes.
const FILES: u64 = CONNECTIONS_MAX as u64 + 100;

struct Row {
    name: &'static str,
    path: &'static str,
    clients: usize,
    per_second: u32,
}

const ROWS: [Row; 5] = [
    Row { name: "WebSocket", path: "/ws/events", clients: 1000, per_second: 20 },
    Row { name: "WebSocket", path: "/ws/events", clients: 1000, per_second: 100 },
    Row { name: "WebSocket", path: "/ws/events", clients: 5000, per_second: 5 },
    Row { name: "SSE", path: "/api/events", clients: 1000, per_second: 20 },
    Row { name: "SSE", path: "/api/events", clients: 1000, per_second: 100 },
];

fn main() {
    raise_file_limit();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, address, path, clients] = arguments.as_slice()
        && word == "clients"
    {
        return listen(address.parse().unwrap(), path, clients.parse().unwrap());
    }
    println!("one message of about 300 bytes to all clients, loopback, service with two threads");
    println!(
        "{:<10} {:>7} {:>6} {:>11} {:>8} {:>8} {:>8} {:>12} {:>10}",
        "clients",
        "number",
        "msg/s",
        "delivered",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "us/delivery",
        "KiB/client"
    );
    let wanted = |row: &&Row| {
        let text = format!("{} {} {}", row.name, row.clients, row.per_second);
        !std::env::var("ROW").is_ok_and(|only| text != only)
    };
    ROWS.iter().filter(wanted).for_each(measure);
}

/// Each client is a socket on both sides.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |maximum| maximum.min(FILES));
    let current = Some(limit.current.map_or(wanted, |current| current.max(wanted)));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}

fn measure(row: &Row) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let settings = ApiSettings {
        connections_max: CONNECTIONS_MAX,
        connections_per_ip_max: CONNECTIONS_MAX,
        websocket_upgrades_per_minute: 0,
        ..ApiSettings::default()
    };
    let appliance = runtime.block_on(api_support::Appliance::with(settings));
    let empty = resident_kib();
    let mut clients = Clients::start(appliance.address, row);
    let publisher = Publisher::start(appliance.hub.clone(), row.per_second);
    std::thread::sleep(SPAN);
    clients.say("begin");
    let (cpu, began) = (cpu_time(), Instant::now());
    std::thread::sleep(SPAN);
    let figures = clients.ask("end");
    let (cpu, span) = (cpu_time() - cpu, began.elapsed());
    let full = resident_kib();
    publisher.stop();
    let [count, p50, p95, p99] = figures.as_slice() else { panic!("{figures:?}") };
    let offered = f64::from(row.per_second) * row.clients as f64 * span.as_secs_f64();
    println!(
        "{:<10} {:>7} {:>6} {:>10.1}% {:>8.1} {:>8.1} {:>8.1} {:>12.2} {:>10.1}",
        row.name,
        row.clients,
        row.per_second,
        100.0 * count / offered,
        p50 / 1e6,
        p95 / 1e6,
        p99 / 1e6,
        cpu.as_secs_f64() * 1e6 / count,
        full.saturating_sub(empty) as f64 / row.clients as f64,
    );
    drop(clients);
    runtime.block_on(appliance.finished());
}

/// The child process with the clients in it.
struct Clients {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Clients {
    fn start(address: SocketAddr, row: &Row) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["clients", &address.to_string(), row.path, &row.clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut clients = Self { child, answers };
        assert!(clients.answer().is_empty(), "all clients listen");
        clients
    }

    fn say(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    fn ask(&mut self, word: &str) -> Vec<f64> {
        self.say(word);
        self.answer()
    }

    fn answer(&mut self) -> Vec<f64> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Publisher {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Publisher {
    fn start(hub: Hub, per_second: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                let mut next = Instant::now();
                while !is_over.load(Ordering::Relaxed) {
                    publish(&hub);
                    next += Duration::from_secs(1) / per_second;
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }
        });
        Self { is_over, thread }
    }

    fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// A message for each kind of client, both with the time in it.
fn publish(hub: &Hub) {
    let text = |length: usize| format!("{:x<length$}", format!("sent={}", unix_nanos()));
    hub.publish(LiveMessage::Camera(Arc::new(CameraStatus {
        camera: "front_door".parse().unwrap(),
        name: "Front door".into(),
        state: CameraState::Offline,
        previous: CameraState::Online,
        reason: Some(text(60)),
        at: Timestamp::from_unix_ms(1_768_473_000_120),
    })));
    hub.publish(LiveMessage::Notice {
        camera: "front_door".parse().unwrap(),
        notice: CameraNotice::Disconnected { code: 0x8204, reason: text(200) },
    });
}

fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Time on a processor, all threads of this process.
fn cpu_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks.map(|task| nanos(task.unwrap())).sum())
}

/// The child: connects, says so, and measures between `begin` and `end`.
fn listen(address: SocketAddr, path: &str, clients: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let latencies = Arc::new(Mutex::new(None));
    let handle = runtime.handle().clone();
    let path = path.to_owned();
    let seen = Arc::clone(&latencies);
    let connected = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        runtime.block_on(async move {
            for _ in 0..clients {
                let stream = connect(address, &path).await;
                handle.spawn(read(stream, Arc::clone(&seen)));
            }
            connected.0.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    connected.1.recv().unwrap();
    println!();
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let mut latencies = latencies.lock().unwrap();
        match line.as_str() {
            "begin" => *latencies = Some(Vec::new()),
            _ => println!("{}", summary(latencies.take().unwrap_or_default())),
        }
    }
}

fn summary(mut latencies: Vec<u64>) -> String {
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies.get((latencies.len().saturating_sub(1) as f64 * share) as usize).copied()
    };
    let percentiles = [0.5, 0.95, 0.99].map(|share| at(share).unwrap_or(0).to_string());
    format!("{} {}", latencies.len(), percentiles.join(" "))
}

async fn connect(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let upgrade = match path.starts_with("/ws/") {
        true => {
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: d2F0Y2hwb3N0IGV4YW1wbA==\r\n"
        }
        false => "",
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 4096];
    assert!(stream.read(&mut head).await.unwrap() > 0);
    stream
}

/// Looks for times in whatever comes, also across two reads.
async fn read(mut stream: TcpStream, latencies: Arc<Mutex<Option<Vec<u64>>>>) {
    let mut buffer = vec![0; 4096];
    let mut kept = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[kept..]).await {
        let (now, end) = (unix_nanos(), kept + read);
        let mut from = 0;
        while let Some((time, after)) = next_time(&buffer[from..end]) {
            from += after;
            if let Some(latencies) = latencies.lock().unwrap().as_mut() {
                latencies.push(now.saturating_sub(time));
            }
        }
        let start = from.max(end.saturating_sub(MARK.len() + DIGITS - 1));
        buffer.copy_within(start..end, 0);
        kept = end - start;
    }
}

/// The first time in `bytes`, and where it ends.
fn next_time(bytes: &[u8]) -> Option<(u64, usize)> {
    let start = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digits = std::str::from_utf8(bytes.get(start..start + DIGITS)?).ok()?;
    Some((digits.parse().ok()?, start + DIGITS))
}

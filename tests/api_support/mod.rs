//! A service on a port of its own, with records in memory, and clients that see
//! every byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "each test file uses its part of this")]

mod camera_desk;
pub mod cameras;
mod figures;
mod gate;
pub mod golden;
pub mod model_server;
mod samples;
pub mod schema;
mod stills;
mod store;
mod video;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
pub use gate::Gate;
use gate::Gated;
#[allow(unused_imports, reason = "each test file uses its part of this")]
pub use samples::{alert, camera, detection, event, frame, system_status};
use serde_json::Value;
pub use store::MemoryStore;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use watchpost::api::{
    ApiContext, ApiHandles, ApiKey, ApiSettings, Configured, ConfiguredCamera, Role, bind, serve,
};
use watchpost::assess::{Alerts, AlertsContext, Analyst, AnalystContext, AnalystSettings};
use watchpost::board::MotionLog;
use watchpost::capture::{Controls, Directory};
use watchpost::domain::{Secret, Setting, Timestamp};
use watchpost::health::{Health, LogRing, Metrics, Progress};
use watchpost::jobs::{ExportContext, Exports, Jobs, JobsContext};
use watchpost::live::Hub;
use watchpost::media::{ClipLimits, Clips, ClipsContext, LiveViews, Snapshots};
use watchpost::pipeline::{Recorder, RecorderContext};
use watchpost::rt::{Claim, Clock, Stop, Tasks};
use watchpost::upload::Uploads;

/// Nothing in these tests may take longer; it ends a hang, it is not a timing.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const VIEWER_KEY: &str = "viewer-key-0123456789";
pub const OPERATOR_KEY: &str = "operator-key-0123456789";

/// 2026-01-15T10:30:00.120Z
pub const MORNING: Timestamp = Timestamp::from_unix_ms(1_768_473_000_120);

/// A running service.
pub struct Appliance {
    pub address: SocketAddr,
    pub hub: Hub,
    pub cameras: Directory,
    pub camera_desk: Arc<camera_desk::Cameras>,
    pub health: Health,
    pub progress: Progress,
    pub metrics: Metrics,
    pub live_views: LiveViews,
    pub snapshots: Snapshots,
    pub clips: Clips,
    pub store: Arc<MemoryStore>,
    pub clock: Clock,
    pub alerts: Alerts,
    /// What the motion sensor has seen.
    pub motion_log: MotionLog,
    pub analyst: Option<Analyst>,
    /// Settings that were to be applied.
    pub tuned: Arc<Mutex<Vec<Setting>>>,
    /// Opened by a test, it lets the checks of the store come to an end.
    pub gate: Gate,
    pub settings: Arc<ArcSwap<ApiSettings>>,
    pub controls: Controls,
    pub logs: LogRing,
    /// Told when a client asks the daemon to stop.
    pub asked_to_stop: Arc<Notify>,
    pub stop: Stop,
    pub serving: JoinHandle<()>,
    _media: TempDir,
}

impl Appliance {
    pub async fn start() -> Self {
        Self::with(ApiSettings::default()).await
    }

    pub async fn with(settings: ApiSettings) -> Self {
        Self::on(Arc::default(), Clock::system(), settings).await
    }

    /// A service over records of an earlier one.
    pub async fn on(store: Arc<MemoryStore>, clock: Clock, settings: ApiSettings) -> Self {
        Self::build(store, clock, settings, None).await
    }

    /// A service with an analyst.
    pub async fn with_analyst(clock: Clock, analyst: AnalystSettings) -> Self {
        Self::build(Arc::default(), clock, ApiSettings::default(), Some(analyst)).await
    }

    async fn build(
        store: Arc<MemoryStore>,
        clock: Clock,
        settings: ApiSettings,
        analyst: Option<AnalystSettings>,
    ) -> Self {
        let (stop, metrics) = (Stop::new(), Metrics::default());
        let health = Health::new(clock.clone());
        let progress = Progress::new(clock.clone());
        let tasks = Tasks::new(stop.clone(), |_| {});
        let media = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(media.path(), 1 << 20, &health, &metrics, &tasks, &stop);
        let clips = Clips::open(ClipsContext {
            claim: Claim::free(),
            dir: media.path().join("clips"),
            limits: ClipLimits { bytes: 1 << 20, age: None, min_free_bytes: 0 },
            free_bytes: Arc::new(|| None),
            clock: clock.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let recordings = video::recordings(media.path(), &clock, &health, (&tasks, &stop));
        let hub = Hub::new(clock.clone(), metrics.clone());
        let cameras = Directory::default();
        cameras.insert(camera());
        let motion_log = MotionLog::new(clock.monotonic());
        let alerts = Alerts::start(AlertsContext {
            reader: Arc::<MemoryStore>::clone(&store),
            writer: Arc::<MemoryStore>::clone(&store),
            hub: hub.clone(),
            motion_log: Some(motion_log.clone()),
            clock: clock.clone(),
            health: Health::new(clock.clone()),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        })
        .unwrap();
        let analyst = analyst.map(|settings| {
            let alerts = alerts.clone();
            let context = AnalystContext {
                writer: Arc::<MemoryStore>::clone(&store),
                hub: hub.clone(),
                on_verdict: Arc::new(move |event| alerts.see(event)),
                clock: clock.clone(),
                health: health.clone(),
                metrics: metrics.clone(),
                tasks: tasks.clone(),
                stop: stop.clone(),
            };
            Analyst::start(settings, context).unwrap()
        });
        let tuned = Arc::<Mutex<Vec<Setting>>>::default();
        let camera_desk =
            Arc::new(camera_desk::Cameras { tuned: Arc::clone(&tuned), ..Default::default() });
        let gate = Gate::default();
        let jobs = Jobs::start(JobsContext {
            clock: clock.clone(),
            hub: hub.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        })
        .unwrap();
        let exports = Exports::open(ExportContext {
            jobs: jobs.clone(),
            reader: Arc::<MemoryStore>::clone(&store),
            snapshots: snapshots.clone(),
            records: Arc::new(|out, _| match out.write_all(b"{}\n") {
                Ok(()) => Ok(1),
                Err(error) => Err(error.to_string()),
            }),
            dir: media.path().join("exports"),
            free_bytes: Arc::new(|| None),
            min_free_bytes: 0,
        });
        let live_views = LiveViews::new(&metrics);
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let (controls, logs) = (Controls::default(), LogRing::default());
        let asked_to_stop = Arc::new(Notify::new());
        let ctx = ApiContext::new(ApiHandles {
            settings: Arc::clone(&settings),
            clock: clock.clone(),
            version: "0.1.0",
            hub: hub.clone(),
            reader: Arc::<MemoryStore>::clone(&store),
            writer: Arc::<MemoryStore>::clone(&store),
            alerts: alerts.clone(),
            uploads: Uploads::default(),
            fleet: watchpost::fleet::Fleet::default(),
            analyst: analyst.clone(),
            jobs: jobs.clone(),
            exports,
            store_check: {
                let gate = gate.clone();
                Arc::new(move || Box::new(Gated(gate.clone())))
            },
            cameras: cameras.clone(),
            camera_desk: Arc::<camera_desk::Cameras>::clone(&camera_desk),
            live_views: live_views.clone(),
            snapshots: snapshots.clone(),
            clips: clips.clone(),
            recordings,
            health: health.clone(),
            progress: progress.clone(),
            metrics: metrics.clone(),
            detector: Some(figures::detector()),
            system_status: Arc::new(system_status),
            tune: {
                let tuned = Arc::clone(&tuned);
                Arc::new(move |setting| tuned.lock().unwrap().push(setting))
            },
            configured: Arc::new(configured),
            storage: Arc::new(figures::storage),
            pipeline: Arc::new(figures::pipeline),
            controls: controls.clone(),
            stills: stills::kept(media.path(), &clock, &metrics, &tasks, &stop),
            logs: logs.clone(),
            shutdown: {
                let asked = Arc::clone(&asked_to_stop);
                Arc::new(move || asked.notify_one())
            },
        });
        let listeners = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let serving = tokio::spawn(serve(listeners, Arc::new(ctx), stop.clone()));
        Self {
            address,
            hub,
            cameras,
            camera_desk,
            health,
            progress,
            metrics,
            live_views,
            snapshots,
            clips,
            store,
            clock,
            alerts,
            motion_log,
            analyst,
            tuned,
            gate,
            settings,
            controls,
            logs,
            asked_to_stop,
            stop,
            serving,
            _media: media,
        }
    }

    /// Where stills go.
    pub fn stills(&self) -> PathBuf {
        self._media.path().join("stills")
    }

    /// What stores and announces the pipeline's results.
    pub fn recorder(&self) -> Arc<Recorder> {
        let context = RecorderContext {
            writer: Arc::<MemoryStore>::clone(&self.store),
            reader: Arc::<MemoryStore>::clone(&self.store),
            snapshots: self.snapshots.clone(),
            clips: self.clips.clone(),
            hub: self.hub.clone(),
            on_event: {
                let alerts = self.alerts.clone();
                Arc::new(move |event| alerts.see(event))
            },
            views: self.live_views.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            tasks: Tasks::new(self.stop.clone(), |_| {}),
            stop: self.stop.clone(),
        };
        Recorder::start(context).unwrap()
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` and reads until the service closes the connection.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The service may refuse and close before all is written.
        let _ = stream.write_all(request).await;
        read_answer(&mut stream).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "").await
    }

    pub async fn get_json(&self, path: &str) -> Answer {
        self.request("GET", path, &[("Accept", "application/json")], "").await
    }

    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(format!("{head}\r\n{body}").as_bytes()).await
    }

    /// An event stream, as an HTTP/1.0 client reads it: without chunks.
    pub async fn stream(&self, path: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    pub async fn websocket(&self, path: &str) -> Client {
        self.websocket_with(path, &[]).await.unwrap().0
    }

    pub async fn websocket_with(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Client, Response<Option<Vec<u8>>>), Box<Error>> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = self.connect().await;
        let (socket, response) =
            tokio_tungstenite::client_async(request, stream).await.map_err(Box::new)?;
        Ok((Client(socket), response))
    }

    pub async fn finished(self) {
        self.stop.set();
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

/// Waits until `text` has come on `stream`; returns everything up to its end.
pub async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&seen).ends_with(text) {
            let byte = stream.read_u8().await.expect("the stream goes on");
            seen.push(byte);
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, read).await;
    let seen = String::from_utf8(seen).unwrap();
    assert!(in_time.is_ok(), "{text:?} did not come after {seen:?}");
    seen
}

pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let read =
        read.unwrap_or_else(|_| panic!("no end after {:?}", String::from_utf8_lossy(&bytes)));
    // A reset after the answer is the end as well.
    let _ = read;
    Answer::parse(&bytes)
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else {
            panic!("no answer in {:?}", String::from_utf8_lossy(bytes));
        };
        let head = String::from_utf8_lossy(&bytes[..end + 2]).into_owned();
        let status = head.split(' ').nth(1).unwrap_or_default().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A WebSocket client.
pub struct Client(pub WebSocketStream<TcpStream>);

impl Client {
    pub async fn send(&mut self, text: &str) {
        use futures_util::SinkExt as _;
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn next(&mut self) -> Result<Message, Error> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        next.expect("a message comes").unwrap_or(Err(Error::ConnectionClosed))
    }

    pub async fn text(&mut self) -> String {
        match self.next().await.unwrap() {
            Message::Text(text) => text.to_string(),
            other => panic!("expected text, got {other:?}"),
        }
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The service is known to have taken this client in: it answers.
    pub async fn is_served(&mut self) {
        self.send("ping").await;
        while self.text().await != r#"{"type":"pong"}"# {}
    }

    /// The close code and reason that the service sends; other messages before
    /// it are read over.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Ok(Message::Close(Some(frame))) => {
                    return (CloseCode::into(frame.code), frame.reason.to_string());
                }
                Ok(_) => {}
                Err(error) => panic!("no close frame: {error}"),
            }
        }
    }
}

fn configured() -> Configured {
    let camera = ConfiguredCamera {
        camera: "front_door".parse().unwrap(),
        confidence_threshold: 0.5,
        motion_threshold: 0.0015,
        fps: 5.0,
        batch_window: Duration::from_secs(90),
        batch_idle: Duration::from_secs(30),
    };
    Configured { cameras: vec![camera], max_age: Some(Duration::from_secs(3600)) }
}

/// Settings with a viewer's and an operator's key.
pub fn with_keys() -> ApiSettings {
    let key = |name: &str, role, key| ApiKey { name: name.into(), role, key: Secret::new(key) };
    ApiSettings {
        keys: vec![
            key("wall display", Role::Viewer, VIEWER_KEY),
            key("guard", Role::Operator, OPERATOR_KEY),
        ],
        ..ApiSettings::default()
    }
}

//! A server that speaks chat completions as a script tells it, over a real socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use watchpost::assess::AnalystSettings;
use watchpost::domain::Secret;

use super::PATIENCE;

/// What every question is answered with.
#[derive(Clone)]
pub enum Script {
    /// A stream of these texts, and its end.
    Texts(Vec<&'static str>),
    /// These texts; the rest never comes.
    Begins(Vec<&'static str>),
    /// A status with a header.
    Status(&'static str),
    /// These bytes as an answer with status 200.
    Bytes(&'static str),
    /// Text without end.
    Endless,
}

/// A running server.
pub struct ModelServer {
    url: String,
    pub script: Arc<Mutex<Script>>,
    asked: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    left: Arc<Notify>,
}

impl ModelServer {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = Self {
            url,
            script: Arc::new(Mutex::new(script)),
            asked: Arc::default(),
            requests: Arc::default(),
            left: Arc::default(),
        };
        let (script, asked) = (Arc::clone(&server.script), Arc::clone(&server.asked));
        let (requests, left) = (Arc::clone(&server.requests), Arc::clone(&server.left));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read_request(&mut stream).await else { continue };
                requests.lock().unwrap().push(request);
                asked.fetch_add(1, Ordering::SeqCst);
                let (script, left) = (script.lock().unwrap().clone(), Arc::clone(&left));
                tokio::spawn(async move {
                    answer(stream, script).await;
                    left.notify_one();
                });
            }
        });
        server
    }

    /// Settings of an analyst that asks this server.
    pub fn settings(&self) -> AnalystSettings {
        AnalystSettings {
            url: self.url.clone(),
            model: "small".into(),
            api_key: Some(Secret::new("model-key")),
            timeout: PATIENCE,
            min_risk: 0,
        }
    }

    /// Questions so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The latest question, head and body.
    pub fn latest(&self) -> String {
        self.requests.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Waits until a connection has ended, by either side.
    pub async fn left(&self) {
        tokio::time::timeout(PATIENCE, self.left.notified()).await.unwrap();
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length? {
                return Some(text);
            }
        }
        let read = stream.read_buf(&mut bytes).await.ok()?;
        if read == 0 {
            return None;
        }
    }
}

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

fn chunk(content: &str) -> String {
    let chunk = serde_json::json!({"choices": [{"delta": {"content": content}}]});
    format!("data: {chunk}\n\n")
}

async fn answer(mut stream: TcpStream, script: Script) {
    let text = match &script {
        Script::Texts(texts) => {
            let chunks: String = texts.iter().map(|text| chunk(text)).collect();
            format!("{STREAM}{chunks}data: [DONE]\n\n")
        }
        Script::Begins(texts) => {
            STREAM.to_owned() + &texts.iter().map(|text| chunk(text)).collect::<String>()
        }
        Script::Status(status) => {
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Script::Bytes(bytes) => format!("{STREAM}{bytes}"),
        Script::Endless => STREAM.to_owned(),
    };
    // Whoever asked may be gone.
    let _ = stream.write_all(text.as_bytes()).await;
    match script {
        Script::Begins(_) => {
            let mut scratch = [0; 64];
            while matches!(stream.read(&mut scratch).await, Ok(1..)) {}
        }
        Script::Endless => {
            let more = chunk(&"again and again ".repeat(8));
            while stream.write_all(more.as_bytes()).await.is_ok() {}
        }
        _ => {}
    }
}

/// Longest wait for an answer in tests of an analyst that is too slow.
pub const SHORT: Duration = Duration::from_millis(300);

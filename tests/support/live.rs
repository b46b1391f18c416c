//! Clients of the live streams, as a program on the LAN would write them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;
use tungstenite::{Message, WebSocket};

use super::appliance::DEADLINE;

/// A WebSocket client.
pub struct WsClient(WebSocket<TcpStream>);

impl WsClient {
    /// Connects to `path` of `address`.
    pub fn connect(address: &str, path: &str) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        let (socket, _) =
            tungstenite::client(format!("ws://{address}{path}"), stream).expect("handshake");
        Self(socket)
    }

    /// The next JSON message.
    pub fn next(&mut self) -> Value {
        loop {
            match self.0.read().expect("a message before the deadline") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => (),
            }
        }
    }

    /// The next JSON message; none when the other side is gone.
    pub fn next_while_alive(&mut self) -> Option<Value> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(frame)) => panic!("closed: {frame:?}"),
                Ok(_) => (),
                Err(_) => return None,
            }
        }
    }

    /// The next message for which `wanted` is true.
    pub fn next_where(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            let message = self.next();
            if wanted(&message) {
                return message;
            }
        }
        panic!("no message within {DEADLINE:?}: {what}");
    }

    /// Sends a text message.
    pub fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("sends");
    }
}

/// A reader of an event stream (`curl -N`).
pub struct SseClient(BufReader<TcpStream>);

impl SseClient {
    /// Connects to `path` of `address` and reads the response head.
    pub fn connect(address: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\r\n")
            .expect("sends");
        let mut client = Self(BufReader::new(stream));
        let status = client.line();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        while !client.line().is_empty() {}
        client
    }

    /// Name and data of the next event. Chunk sizes and comments are passed over.
    pub fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let line = self.line();
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(text).expect("JSON"));
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("a line before the deadline");
        assert!(read > 0, "the stream ended");
        line.trim_end().to_owned()
    }
}

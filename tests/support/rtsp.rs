//! A real RTSP server as a peer that can be killed, frozen and started again.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// gst-rtsp-server on loopback; killed when dropped.
pub struct RtspServer {
    process: Child,
    port: u16,
    options: Vec<String>,
}

impl RtspServer {
    /// A server that plays `tests/footage/<footage>` in a loop.
    pub fn start(footage: &str) -> Self {
        Self::spawn(0, vec![footage_path(footage).display().to_string()])
    }

    /// A server that shows a test pattern in this encoding, with sound.
    pub fn start_pattern(encoding: &str) -> Self {
        Self::spawn(0, vec![encoding.to_owned()])
    }

    /// The same, for this user only.
    pub fn start_with_login(footage: &str, user: &str, password: &str, digest: bool) -> Self {
        let mut options = vec![footage_path(footage).display().to_string()];
        options.extend(["--user", user, "--password", password].map(str::to_owned));
        if digest {
            options.push("--digest".to_owned());
        }
        Self::spawn(0, options)
    }

    /// Address of the stream.
    pub fn url(&self) -> String {
        self.url_of("stream")
    }

    /// Address of any path on this server.
    pub fn url_of(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{path}", self.port)
    }

    /// Ends it the hard way, as a power cut does.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        *self = Self::spawn(self.port, self.options.clone());
    }

    /// Ends it, and shows a test pattern in this encoding on the same port instead.
    pub fn restart_as(&mut self, encoding: &str) {
        self.kill();
        self.options = vec![encoding.to_owned()];
        self.restart();
    }

    /// Freezes it: connections stay, nothing comes.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    #[expect(clippy::disallowed_methods, reason = "a test may start the peer it needs")]
    fn spawn(port: u16, options: Vec<String>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/rtsp_server.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args(&options)
            .args(["--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("/usr/bin/python3 is installed");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let port = line
            .strip_prefix("port ")
            .and_then(|port| port.trim().parse().ok())
            .unwrap_or_else(|| panic!("the RTSP server said {line:?} instead of its port"));
        Self { process, port, options }
    }

    #[expect(clippy::disallowed_methods, reason = "a test may signal the peer it started")]
    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(status.success(), "kill {signal} {id}");
    }
}

impl Drop for RtspServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn footage_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/footage").join(name)
}

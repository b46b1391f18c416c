//! The real binary, started as a child on a configuration of the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything in an end-to-end test. Generous, because the build
/// machines are small and busy; nothing waits this long when all is well.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A running appliance; killed when dropped.
pub struct Appliance {
    child: Child,
    address: String,
    log: Receiver<String>,
}

impl Appliance {
    /// Starts the binary on `config` with its state in `state_dir` and a free
    /// port, and waits until it says where it serves.
    pub fn start(config: &str, state_dir: &Path) -> Self {
        let config_file = write_config(config, state_dir);
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
        command.args(["run", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(config_file).arg("--state-dir").arg(state_dir);
        Self::spawn(command)
    }

    /// Starts any prepared command line.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (tx, log) = sync_channel(100_000);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if std::env::var_os("SHOW_LOG").is_some() {
                    eprintln!("{line}");
                }
                let _ = tx.try_send(line);
            }
        });
        let mut appliance = Self { child, address: String::new(), log };
        let line = appliance.wait_for_log("http://");
        let start = line.find("http://").expect("just found") + "http://".len();
        appliance.address =
            line[start..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        appliance
    }

    /// The first log line from here on that contains `part`.
    pub fn wait_for_log(&mut self, part: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(deadline - Instant::now()) {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("no log line with {part:?}; the log was:\n{}", seen.join("\n"));
    }

    /// Every log line from here on, until the process has ended.
    pub fn rest_of_log(&mut self) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        let mut lines = Vec::new();
        while let Ok(line) = self.log.recv_timeout(deadline - Instant::now()) {
            lines.push(line);
        }
        lines
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://host:port` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as a power cut would, as far as a process can tell.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("wait");
    }

    /// Sends `signal` (a name such as `TERM`).
    pub fn signal(&self, signal: &str) {
        signal_process(self.pid(), signal);
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the daemon ends", || self.child.try_wait().expect("wait"))
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("wait")
    }

    /// `GET path`, answered with JSON.
    pub fn get(&self, path: &str) -> Value {
        let text = self.get_text(path, "application/json");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    /// `GET path`, answered with text; the status does not matter.
    pub fn get_text(&self, path: &str, accept: &str) -> String {
        String::from_utf8(self.get_bytes(path, accept).1).expect("text")
    }

    /// Status and body of `GET path`.
    pub fn get_bytes(&self, path: &str, accept: &str) -> (u16, Vec<u8>) {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .build()
            .new_agent();
        let mut answer =
            agent.get(self.url(path)).header("Accept", accept).call().expect("an answer");
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a body");
        (answer.status().as_u16(), body)
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes `config` beside the state.
pub fn write_config(config: &str, state_dir: &Path) -> PathBuf {
    let file = state_dir.join("test.toml");
    std::fs::create_dir_all(state_dir).expect("state directory");
    std::fs::write(&file, config).expect("configuration");
    file
}

/// Sends `signal` to a process.
pub fn signal_process(pid: u32, signal: &str) {
    let status = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success(), "kill -{signal} {pid}");
}

/// Asks again and again until there is an answer; fails at the deadline.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

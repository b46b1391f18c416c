//! The simulated camera as a program.

#![allow(clippy::disallowed_methods, reason = "the tests start the real program")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The running program; killed when the test is over.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost-camera-sim"));
        command.args(["--port", "0"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn say(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        self.line()
    }

    /// `127.0.0.1:PORT` from the line that announces a camera.
    fn address(&mut self) -> String {
        let line = self.line();
        let (_, port) = line.rsplit_once(':').unwrap();
        format!("127.0.0.1:{port}")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_camera_says_where_it_listens_and_does() {
    let mut program = Program::start(&["--cameras", "2"]);
    let addresses = [program.address(), program.address()];
    assert_ne!(addresses[0], addresses[1]);
    for address in addresses {
        TcpStream::connect(address).unwrap();
    }
}

#[test]
fn commands_are_obeyed_and_quit_is_a_good_end() {
    let mut program = Program::start(&[]);
    let address = program.address();
    assert_eq!(program.say("unplug"), "unplugged");
    assert!(TcpStream::connect(&address).is_err());
    assert_eq!(program.say("0: plug"), "plugged in");
    TcpStream::connect(&address).unwrap();
    assert_eq!(program.say("fault stall@5s"), "armed");
    assert_eq!(program.say("clear"), "cleared");
    assert_eq!(program.say("turn d218 12"), "turned");
    assert!(program.say("1: unplug").contains("no camera 1"));
    writeln!(program.input, "quit").unwrap();
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn the_end_of_the_input_is_the_end_only_when_asked_for() {
    let mut program = Program::start(&["--end-with-input"]);
    program.address();
    let Program { child, input, .. } = &mut program;
    // Replacing it closes the pipe.
    *input = Command::new("true").stdin(Stdio::piped()).spawn().unwrap().stdin.take().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_fault_that_does_not_exist_is_refused_with_those_that_do() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost-camera-sim"));
    let output = command.args(["--fault", "smoke"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && complaint.contains("mid-transfer-disconnect"),
        "{complaint}"
    );
}

//! What clients of the real binary are told, and what its log is not.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::net::TcpStream;
use std::process::Command;

use support::appliance::{Appliance, DEADLINE, write_config};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest as _;

const CONFIG: &str = r#"
    [auth]
    websocket_token = "token-SECRET-0123"

    [[key]]
    name = "wall display"
    role = "viewer"
    key = "key-SECRET-01234567"

    [[camera]]
    id = "yard"
    driver = "sim"
    source = "script"
"#;

#[test]
fn a_camera_that_comes_or_goes_with_the_configuration_is_announced() {
    let yard = "[[camera]]\nid = \"yard\"\ndriver = \"sim\"\nsource = \"script\"\n";
    let both = format!("{yard}{}", yard.replace("yard", "gate"));
    let state = tempfile::tempdir().unwrap();
    let appliance = Appliance::start(yard, state.path());
    let stream = TcpStream::connect(appliance.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let url = format!("ws://{}/ws/events", appliance.address());
    let (mut socket, _) = tungstenite::client(url, stream).unwrap();
    socket
        .send(Message::text(r#"{"type":"subscribe","data":{"events":["camera.*abled"]}}"#))
        .unwrap();
    socket.read().unwrap();
    for (config, wire, time) in
        [(both.as_str(), "camera.enabled", "enabled_at"), (yard, "camera.disabled", "disabled_at")]
    {
        write_config(config, state.path());
        appliance.signal("HUP");
        let text = socket.read().unwrap().into_text().unwrap();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&message["type"], &message["data"]["camera_id"]),
            (&wire.into(), &"gate".into())
        );
        assert!(message["data"][time].is_string(), "{message}");
    }
}

/// In every key, token and password of this test, right or wrong.
const MARK: &str = "SECRET";

#[test]
fn keys_and_tokens_never_appear_in_the_log() {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(write_config(CONFIG, state.path())).arg("--state-dir").arg(state.path());
    command.env("WATCHPOST_LOG", "trace");
    let mut appliance = Appliance::spawn(command);

    for path in [
        "/ws/events?api_key=key-SECRET-01234567&token=token-SECRET-0123",
        "/ws/events?api_key=wrong-SECRET&token=token-SECRET-0123",
        "/ws/system?api_key=key-SECRET-01234567&token=wrong-SECRET",
        "/ws/jobs/api_key=key-SECRET-01234567/logs",
    ] {
        websocket(&appliance, path, &[]);
    }
    let protocol = [("sec-websocket-protocol", "api-key.key-SECRET-01234567")];
    websocket(&appliance, "/ws/events?token=token-SECRET-0123", &protocol);
    websocket(&appliance, "/ws/events?token=x", &[("x-api-key", "key-SECRET-01234567")]);
    for path in [
        "/api/cameras?api_key=key-SECRET-01234567",
        "/api/cameras?api_key=wrong-SECRET",
        "/api/nothing?api_key=key-SECRET-01234567",
        "/api/events/1?token=token-SECRET-0123",
    ] {
        let (_, body) = appliance.get_bytes(path, "application/json");
        assert!(!String::from_utf8_lossy(&body).contains(MARK), "the answer to {path}");
    }

    appliance.signal("TERM");
    let log = appliance.rest_of_log();
    assert!(appliance.wait().success());
    assert!(log.iter().any(|line| line.contains("Stopped.")), "this is the log: {log:?}");
    let told: Vec<_> = log.iter().filter(|line| line.contains(MARK)).collect();
    assert!(told.is_empty(), "{told:?}");
}

/// Connects, says something that is wrong, and leaves.
fn websocket(appliance: &Appliance, path: &str, headers: &[(&'static str, &str)]) {
    let url = format!("ws://{}{path}", appliance.address());
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(appliance.address()).unwrap();
    // A refused handshake is an answer as well.
    if let Ok((mut socket, _)) = tungstenite::client(request, stream) {
        let _ = socket.send(Message::text("{\"api_key\":\"key-SECRET-01234567\""));
        let _ = socket.read();
        let _ = socket.close(None);
    }
}

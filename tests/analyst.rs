//! The analyst: a language model behind a real socket that answers, fails and stalls.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::time::Duration;

use api_support::model_server::{ModelServer, SHORT, Script};
use api_support::{Answer, Appliance, MORNING, event, read_until};
use serde_json::{Value, json};
use watchpost::assess::AnalystSettings;
use watchpost::domain::{Event, RiskScore};
use watchpost::rt::Clock;

const STREAM: &str = "/api/events/analyze/batch_abc123/stream";
const BY_RULES: &str = "person +40, zone porch +35";

/// Somebody waits at the door: as a model writes it, piece by piece.
fn good() -> Script {
    Script::Texts(vec![
        "```json\n{\"reasoning\": \"A person ",
        "has waited at the door ",
        "for a while.\", ",
        "\"summary\": \"Somebody waits at the door.\", \"score\": 90}\n```",
    ])
}

/// An event that is over.
fn over(id: u64) -> Event {
    Event { ended_at: Some(MORNING.after(Duration::from_secs(9))), ..event(id, 3) }
}

async fn asking(settings: AnalystSettings) -> Appliance {
    let appliance = Appliance::with_analyst(Clock::manual(MORNING), settings).await;
    appliance.store.events.lock().unwrap().push(over(12));
    appliance
}

fn blocks(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let data = answer.text().lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

async fn breaker(appliance: &Appliance) -> Value {
    let full = appliance.get("/api/system/health/full").await.json();
    full["circuit_breakers"]["analyst"].clone()
}

#[tokio::test]
async fn its_reasoning_is_streamed_and_its_verdict_kept_and_told() {
    let server = ModelServer::start(good()).await;
    let appliance = asking(server.settings()).await;
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    let answer = appliance.request("GET", STREAM, &[("Connection", "close")], "").await;
    let mut blocks = blocks(&answer);
    let last = blocks.pop().unwrap();
    let reasoning =
        format!("Analyst: A person has waited at the door for a while. Rules (75): {BY_RULES}");
    let expected = json!({
        "event_type": "complete", "event_id": 12, "risk_score": 90, "risk_level": "critical",
        "summary": "Somebody waits at the door", "reasoning": reasoning,
    });
    assert_eq!(last, expected);
    let mut text = String::new();
    for block in &blocks {
        text += block["content"].as_str().unwrap();
        assert_eq!(
            (&block["event_type"], &block["accumulated_text"]),
            (&json!("progress"), &json!(text))
        );
    }
    assert!("A person has waited at the door for a while.".starts_with(&text), "{text}");

    let told = client.json().await;
    assert_eq!((&told["type"], &told["data"]["risk_score"]), (&json!("event.updated"), &json!(90)));
    let kept = appliance.get("/api/events/12").await.json();
    assert_eq!((&kept["reasoning"], &kept["revision"]), (&json!(reasoning), &json!(4)));
    let request = server.latest();
    assert!(request.starts_with("POST /v1/chat/completions "), "{request}");
    assert!(request.to_ascii_lowercase().contains("authorization: bearer model-key"), "{request}");
    appliance.finished().await;
}

#[tokio::test]
async fn an_event_is_judged_once_however_often_the_stream_is_asked_for() {
    let server = ModelServer::start(good()).await;
    let appliance = asking(server.settings()).await;
    let first = blocks(&appliance.get(STREAM).await).pop();
    let second = blocks(&appliance.get(STREAM).await).pop();
    assert_eq!(first, second);
    assert_eq!(server.asked(), 1);
    appliance.finished().await;
}

#[tokio::test]
async fn whatever_goes_wrong_is_told_and_the_verdict_of_the_rules_follows() {
    let server = ModelServer::start(good()).await;
    for (script, code) in [
        (Script::Status("429 Too Many Requests"), "LLM_SERVER_ERROR"),
        (Script::Status("307 Temporary Redirect\r\nLocation: /elsewhere"), "LLM_SERVER_ERROR"),
        (Script::Bytes("data: garbage\n\n"), "inference_failed"),
        (Script::Texts(vec!["I would say it is a cat."]), "inference_failed"),
        (
            Script::Texts(vec!["{\"score\": 500, \"summary\": \"a\", \"reasoning\": \"b\"}"]),
            "inference_failed",
        ),
        (Script::Endless, "inference_failed"),
        (Script::Begins(vec![]), "LLM_TIMEOUT"),
        (Script::Begins(vec!["{\"reasoning\": \"A person"]), "LLM_TIMEOUT"),
    ] {
        let timeout = if code == "LLM_TIMEOUT" { SHORT } else { server.settings().timeout };
        let appliance = asking(AnalystSettings { timeout, ..server.settings() }).await;
        *server.script.lock().unwrap() = script;
        let before = server.asked();
        let mut blocks = blocks(&appliance.get(STREAM).await);
        let (complete, error) = (blocks.pop().unwrap(), blocks.pop().unwrap());
        assert_eq!((&error["event_type"], &error["error_code"]), (&json!("error"), &json!(code)));
        assert_eq!(
            (&error["recoverable"], &error["message"]),
            (&json!(true), &error["error_message"])
        );
        assert_eq!(
            (&complete["risk_score"], &complete["reasoning"]),
            (&json!(75), &json!(BY_RULES))
        );
        assert_eq!(server.asked(), before + 1, "{code}");
        let health = appliance.get("/api/system/health").await.json();
        assert_eq!(health["services"]["analyst"]["status"], "degraded", "{code}");
        appliance.finished().await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_such() {
    let settings = ModelServer::start(good()).await.settings();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let appliance =
        asking(AnalystSettings { url: format!("http://{nobody}/v1"), ..settings }).await;
    assert_eq!(blocks(&appliance.get(STREAM).await)[0]["error_code"], "LLM_CONNECTION_ERROR");
    appliance.finished().await;
}

#[tokio::test]
async fn who_fails_five_times_is_left_alone_for_a_minute_and_recovers_by_itself() {
    let server = ModelServer::start(Script::Status("500 Internal Server Error")).await;
    let appliance = asking(server.settings()).await;
    for _ in 0..5 {
        assert_eq!(blocks(&appliance.get(STREAM).await)[0]["event_type"], "error");
    }
    let open = json!({"state": "open", "failure_count": 5, "is_degraded": true});
    assert_eq!(breaker(&appliance).await, open);
    let by_rules = blocks(&appliance.get(STREAM).await).pop().unwrap();
    assert_eq!(
        (&by_rules["event_type"], &by_rules["risk_score"]),
        (&json!("complete"), &json!(75))
    );
    assert_eq!(server.asked(), 5, "it is not asked while the breaker is open");

    *server.script.lock().unwrap() = good();
    appliance.clock.advance(Duration::from_secs(60));
    assert_eq!(breaker(&appliance).await["state"], "half_open");
    appliance
        .store
        .events
        .lock()
        .unwrap()
        .push(Event { batch: watchpost::domain::BatchId::new("batch_2"), ..over(13) });
    for batch in ["batch_abc123", "batch_2"] {
        let path = format!("/api/events/analyze/{batch}/stream");
        assert_eq!(blocks(&appliance.get(&path).await).pop().unwrap()["risk_score"], 90);
    }
    assert_eq!(breaker(&appliance).await["state"], "closed");
    appliance.finished().await;
}

#[tokio::test]
async fn a_client_that_goes_withdraws_the_question() {
    let begun = Script::Begins(vec!["{\"reasoning\": \"A person waits at "]);
    let server = ModelServer::start(begun).await;
    let appliance = asking(server.settings()).await;
    let mut client = appliance.stream(STREAM).await;
    let begun = read_until(&mut client, "\n\n").await;
    assert!(begun.contains("A person waits at"), "{begun}");
    drop(client);
    server.left().await;
    assert_eq!(breaker(&appliance).await["failure_count"], 0, "that is no failure");
    appliance.finished().await;
}

#[tokio::test]
async fn events_that_are_over_are_asked_about_by_themselves_and_minor_ones_are_not() {
    let server = ModelServer::start(good()).await;
    let appliance = asking(AnalystSettings { min_risk: 70, ..server.settings() }).await;
    let analyst = appliance.analyst.clone().unwrap();
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    let minor = Event { risk: RiskScore::new(60), ..over(11) };
    [event(10, 0), minor, over(12)].iter().for_each(|event| analyst.see(event));
    let told = client.json().await;
    assert_eq!(
        (&told["data"]["id"], &told["data"]["risk_level"]),
        (&json!(12), &json!("critical"))
    );
    assert_eq!(server.asked(), 1);
    appliance.finished().await;
}

#[tokio::test]
async fn what_a_person_wrote_meanwhile_stays() {
    let server = ModelServer::start(good()).await;
    let appliance = asking(server.settings()).await;
    let reviewed = Event { reviewed: true, notes: "the postman".into(), ..over(12) };
    *appliance.store.events.lock().unwrap() = vec![Event { revision: 4, ..reviewed }];
    let watch = appliance.analyst.as_ref().unwrap().follow(&over(12)).unwrap();
    watch.ended().await;
    let kept = appliance.get("/api/events/12").await.json();
    assert_eq!((&kept["notes"], &kept["risk_score"]), (&json!("the postman"), &json!(90)));
    appliance.finished().await;
}

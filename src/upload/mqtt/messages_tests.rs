use super::super::super::testing::{event, parcel};
use super::*;

fn topics(version: MqttVersion) -> Topics {
    Topics::new("watchpost", Some("homeassistant".to_owned()), "box 1", version)
}

fn said(messages: &[Message]) -> Vec<(String, String)> {
    let said = messages.iter().map(|message| {
        (message.topic.clone(), String::from_utf8_lossy(&message.payload).into_owned())
    });
    said.collect()
}

/// `UPDATE_GOLDEN=1 cargo test --lib mqtt` writes the files anew.
fn assert_golden(name: &str, messages: &[Message]) {
    assert!(messages.iter().all(|message| message.is_retained));
    let text: String = said(messages).into_iter().map(|(t, p)| format!("{t}\n{p}\n\n")).collect();
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{name}");
}

#[test]
fn a_new_connection_announces_what_is_known_and_home_assistant_finds_it() {
    let mut topics = topics(MqttVersion::V5);
    topics.presence(&event(1, false));
    topics.told.picture("front.yard");
    assert_golden("mqtt-greeting.txt", &topics.greeting());
}

#[test]
fn states_of_box_and_camera_are_retained_and_announced() {
    let topics = topics(MqttVersion::V5);
    let mut messages = topics.health("{\"state\":\"healthy\",\"problems\":[]}".to_owned());
    messages.extend(topics.camera("front.yard", "Front yard", "off"));
    assert_golden("mqtt-states.txt", &messages);
}

#[test]
fn a_camera_that_is_gone_is_forgotten_by_the_broker_topic_by_topic() {
    let mut topics = topics(MqttVersion::V5);
    topics.presence(&event(1, false));
    topics.told.picture("front.yard");
    let announced: Vec<_> = topics
        .greeting()
        .into_iter()
        .chain(topics.camera("front.yard", "Front yard", "online"))
        .filter(|message| message.topic.contains("front_yard"))
        .map(|message| message.topic)
        .collect();
    let forgotten = topics.forget("front.yard");
    assert!(forgotten.iter().all(|message| message.is_retained && message.payload.is_empty()));
    let forgotten: Vec<_> = forgotten.into_iter().map(|message| message.topic).collect();
    assert!(announced.iter().all(|topic| forgotten.contains(topic)), "{announced:?}");
    assert!(topics.greeting().iter().all(|message| !message.topic.contains("front_yard")));
    assert!(topics.told.take_change());
    assert_eq!(topics.told, Told::default());
}

#[test]
fn what_an_earlier_run_said_of_somebody_is_taken_back() {
    let mut before = topics(MqttVersion::V5);
    before.presence(&event(1, false));
    let mut after = topics(MqttVersion::V5);
    after.recall(before.told.clone());
    let off = ("watchpost/box_1/cameras/front_yard/traffic_light".to_owned(), "OFF".to_owned());
    assert!(said(&after.greeting()).contains(&off));
}

#[test]
fn without_user_properties_the_names_of_an_item_are_in_it() {
    let parcel = parcel(1);
    for (version, is_inside) in [(MqttVersion::V5, false), (MqttVersion::V311, true)] {
        let message = topics(version).messages(&parcel, &parcel.items[0]).remove(0);
        let record: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(record["id"], 1);
        assert_eq!(record["item"]["key"] == "detection-1", is_inside);
        assert_eq!(record["item"]["device"] == "box", is_inside);
    }
}

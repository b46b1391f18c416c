//! What is said on which topic.
//!
//! | topic below `prefix/device` | payload | retained |
//! | --- | --- | --- |
//! | `status` | `online`, `offline` | yes |
//! | `health` | state of the box, and what is not well, as JSON | yes |
//! | `alerts`, `events/{camera}`, `scene_changes/{camera}`, `detections/{camera}` | the record as JSON, as in `wire` | no |
//! | `cameras/{camera}/state` | `online`, `offline`, `error`, `unknown`, or `off` when switched off | yes |
//! | `cameras/{camera}/{class}` | `ON` while an event of this class lasts, or `OFF` | yes |
//! | `cameras/{camera}/snapshot` | the picture of the latest event | yes |
//! | `proof` | what `watchpost upload test` sends | no |
//!
//! Device, journal, key and hash of an item are user properties; in MQTT 3.1.1, which has
//! none, they are the member `item` of a record, and a picture has no names.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::wire::{Data, EventV1};
use super::super::{Content, Item, MqttVersion, Parcel};
use super::discovery;
use super::presence::{Pair, Presence};
use super::told::Told;

/// One message.
pub(super) struct Message {
    pub topic: String,
    pub payload: Bytes,
    pub is_retained: bool,
    /// Names the item, where the protocol has room for that.
    pub names: Vec<(String, String)>,
    pub content_type: Option<&'static str>,
}

/// Bytes of a message beside topic and payload: the names of its item, for the most.
const HEAD_BYTES: usize = 220;

impl Message {
    /// About its bytes on the line.
    pub fn bytes(&self) -> u64 {
        let names = if self.names.is_empty() { 10 } else { HEAD_BYTES };
        (self.topic.len() + self.payload.len() + names) as u64
    }
}

/// The topics of one box, and what was said on them.
pub(super) struct Topics {
    base: String,
    discovery_prefix: Option<String>,
    device: String,
    version: MqttVersion,
    presence: Presence,
    pub told: Told,
}

impl Topics {
    pub fn new(
        prefix: &str,
        discovery_prefix: Option<String>,
        device: &str,
        version: MqttVersion,
    ) -> Self {
        Self {
            base: format!("{prefix}/{}", word(device)),
            discovery_prefix,
            device: device.to_owned(),
            version,
            presence: Presence::default(),
            told: Told::default(),
        }
    }

    /// What an earlier run has told.
    pub fn recall(&mut self, told: Told) {
        told.pairs.iter().for_each(|pair| self.presence.recall(pair.clone()));
        self.told = told;
    }

    pub fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// What is said at the beginning of every connection, `online` last.
    pub fn greeting(&self) -> Vec<Message> {
        let mut messages: Vec<_> = self.announce(discovery::alert).into_iter().collect();
        for camera in &self.told.pictures {
            messages.extend(self.announce(|it| discovery::picture(it, camera)));
        }
        for (pair, is_there) in self.presence.all() {
            messages.extend(self.announce(|it| discovery::class(it, &pair.0, &pair.1)));
            messages.push(self.seen(pair, is_there));
        }
        messages.push(retained(self.status(), "online"));
        messages
    }

    /// How the box is.
    pub fn health(&self, text: String) -> Vec<Message> {
        let announcement = self.announce(discovery::health);
        let said = retained(format!("{}/health", self.base), text);
        announcement.into_iter().chain([said]).collect()
    }

    /// How a camera is.
    pub fn camera(&self, id: &str, name: &str, state: &'static str) -> Vec<Message> {
        let announcement = self.announce(|it| discovery::camera(it, id, name));
        let said = retained(self.box_().camera_state(id), state);
        announcement.into_iter().chain([said]).collect()
    }

    /// A camera is no more: the broker forgets what it retained about it.
    pub fn forget(&mut self, camera: &str) -> Vec<Message> {
        let below = |topic: &str| format!("{}/cameras/{}/{topic}", self.base, word(camera));
        let mut topics = vec![below("state"), below("snapshot")];
        topics.extend(self.discovery(|it| discovery::camera(it, camera, "")));
        topics.extend(self.discovery(|it| discovery::picture(it, camera)));
        for (_, class) in self.presence.forget(camera) {
            topics.push(below(&word(&class)));
            topics.extend(self.discovery(|it| discovery::class(it, camera, &class)));
        }
        self.told.forget(camera);
        // A retained message without content is how MQTT forgets one.
        topics.into_iter().map(|topic| retained(topic, "")).collect()
    }

    /// The messages of an item.
    pub fn messages(&mut self, parcel: &Parcel, item: &Item) -> Vec<Message> {
        match &item.content {
            Content::Record(data) => self.record(parcel, item, data),
            Content::Medium(medium) => {
                // Clips are not taken here: a broker is no place for files of megabytes.
                let Some(payload) = medium.in_memory() else { return Vec::new() };
                let camera = medium.camera.to_string();
                let mut messages = Vec::new();
                if self.told.picture(&camera) {
                    messages.extend(self.announce(|it| discovery::picture(it, &camera)));
                }
                messages.push(Message {
                    topic: format!("{}/cameras/{}/snapshot", self.base, word(&camera)),
                    payload,
                    is_retained: true,
                    names: names(parcel, item, &medium.sha256),
                    content_type: Some(medium.kind.content_type()),
                });
                messages
            }
        }
    }

    fn record(&mut self, parcel: &Parcel, item: &Item, data: &Data) -> Vec<Message> {
        let (topic, json) = match data {
            Data::Alert(alert) => ("alerts".to_owned(), serde_json::to_vec(alert)),
            Data::Event(event) => {
                (format!("events/{}", word(&event.camera_id)), serde_json::to_vec(event))
            }
            Data::SceneChange(change) => {
                (format!("scene_changes/{}", word(&change.camera_id)), serde_json::to_vec(change))
            }
            Data::Detection(seen) => {
                (format!("detections/{}", word(&seen.camera_id)), serde_json::to_vec(seen))
            }
            Data::Proof(proof) => ("proof".to_owned(), serde_json::to_vec(proof)),
        };
        // Plain data of our own: writing it to memory cannot fail.
        let mut payload = json.unwrap_or_default();
        let names = names(parcel, item, &data.sha256());
        if self.version == MqttVersion::V311 && payload.pop() == Some(b'}') {
            let pairs = names.iter().map(|(name, text)| (name.clone(), json!(text)));
            payload.extend(format!(",\"item\":{}}}", Value::Object(pairs.collect())).into_bytes());
        }
        let mut messages = vec![Message {
            topic: format!("{}/{topic}", self.base),
            payload: payload.into(),
            is_retained: false,
            names,
            content_type: Some("application/json"),
        }];
        if let Data::Event(event) = data {
            messages.extend(self.presence(event));
        }
        messages
    }

    /// Whether something of the class of an event is there.
    fn presence(&mut self, event: &EventV1) -> Vec<Message> {
        let Some(seen) = self.presence.see(event) else { return Vec::new() };
        let mut messages = Vec::new();
        if seen.is_new {
            messages.extend(self.announce(|it| discovery::class(it, &seen.pair.0, &seen.pair.1)));
            self.told.pair(&seen.pair);
        }
        messages.push(self.seen(&seen.pair, seen.is_there));
        messages
    }

    fn seen(&self, pair: &Pair, is_there: bool) -> Message {
        let topic = format!("{}/cameras/{}/{}", self.base, word(&pair.0), word(&pair.1));
        retained(topic, if is_there { "ON" } else { "OFF" })
    }

    fn box_(&self) -> discovery::Box<'_> {
        discovery::Box { base: &self.base, device: &self.device }
    }

    fn announce(
        &self,
        make: impl FnOnce(&discovery::Box<'_>) -> discovery::Announcement,
    ) -> Option<Message> {
        let prefix = self.discovery_prefix.as_deref()?;
        let announcement = make(&self.box_());
        let topic = format!("{prefix}/{}", announcement.topic);
        Some(retained(topic, announcement.config.to_string()))
    }

    /// The topic of an announcement.
    fn discovery(
        &self,
        make: impl FnOnce(&discovery::Box<'_>) -> discovery::Announcement,
    ) -> Option<String> {
        self.announce(make).map(|message| message.topic)
    }
}

fn retained(topic: String, payload: impl Into<Bytes>) -> Message {
    let payload = payload.into();
    Message { topic, payload, is_retained: true, names: Vec::new(), content_type: None }
}

/// What names an item to whoever receives it.
fn names(parcel: &Parcel, item: &Item, sha256: &str) -> Vec<(String, String)> {
    let journal = parcel.journal.to_string();
    let pairs = [
        ("device", &*parcel.device),
        ("journal", &journal),
        ("key", &item.key),
        ("sha256", sha256),
    ];
    pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

/// A part of a topic or of an id: letters, digits, `-` and `_`.
pub(super) fn word(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;

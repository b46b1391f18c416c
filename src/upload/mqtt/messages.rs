//! What is said on which topic.
//!
//! | topic below `prefix/device` | payload | retained |
//! | --- | --- | --- |
//! | `status` | `online`, `offline` | yes |
//! | `alerts`, `events/{camera}`, `scene_changes/{camera}`, `detections/{camera}` | the record as JSON, as in `wire` | no |
//! | `cameras/{camera}/{class}` | `ON` while an event of this class lasts, or `OFF` | yes |
//! | `cameras/{camera}/snapshot` | the picture of the latest event | yes |
//! | `proof` | what `watchpost upload test` sends | no |

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::PublishProperties;

use super::super::wire::{Data, EventV1};
use super::super::{Content, Item, Parcel};
use super::discovery;

/// Most events of one class that are remembered as lasting: more objects are not told
/// apart. Beyond it the oldest counts as over.
const LASTING_MAX: usize = 64;

/// Most pairs of camera and class that are announced.
const PAIRS_MAX: usize = 2048;

/// One message.
pub(super) struct Message {
    pub topic: String,
    pub payload: Bytes,
    pub is_retained: bool,
    pub properties: PublishProperties,
}

/// Bytes of a message beside topic and payload: the names of its item, for the most.
const HEAD_BYTES: usize = 220;

impl Message {
    /// About its bytes on the line.
    pub fn bytes(&self) -> u64 {
        (self.topic.len() + self.payload.len() + HEAD_BYTES) as u64
    }
}

/// The topics of one box, and what was said on them.
pub(super) struct Topics {
    base: String,
    discovery_prefix: Option<String>,
    device: String,
    /// Lasting events by camera and class.
    lasting: BTreeMap<(String, String), BTreeSet<u64>>,
    cameras: BTreeSet<String>,
}

impl Topics {
    pub fn new(prefix: &str, discovery_prefix: Option<String>, device: &str) -> Self {
        Self {
            base: format!("{prefix}/{}", word(device)),
            discovery_prefix,
            device: device.to_owned(),
            lasting: BTreeMap::new(),
            cameras: BTreeSet::new(),
        }
    }

    pub fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// What is said at the beginning of every connection.
    pub fn greeting(&self) -> Vec<Message> {
        let mut messages = vec![retained(self.status(), "online".into())];
        messages.extend(self.announce(discovery::alert));
        for camera in &self.cameras {
            messages.extend(self.announce(|box_| discovery::picture(box_, camera)));
        }
        for (camera, class) in self.lasting.keys() {
            messages.extend(self.announce(|box_| discovery::class(box_, camera, class)));
        }
        messages
    }

    /// The messages of an item.
    pub fn messages(&mut self, parcel: &Parcel, item: &Item) -> Vec<Message> {
        match &item.content {
            Content::Record(data) => self.record(parcel, item, data),
            Content::Picture(picture) => {
                let camera = picture.camera.to_string();
                let mut messages = Vec::new();
                if self.cameras.insert(camera.clone()) {
                    messages.extend(self.announce(|box_| discovery::picture(box_, &camera)));
                }
                let topic = format!("{}/cameras/{}/snapshot", self.base, word(&camera));
                let properties = named(parcel, item, &picture.sha256, "image/jpeg");
                let payload = picture.jpeg.clone();
                messages.push(Message { topic, payload, is_retained: true, properties });
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
        let payload = Bytes::from(json.unwrap_or_default());
        let properties = named(parcel, item, &data.sha256(), "application/json");
        let topic = format!("{}/{topic}", self.base);
        let mut messages = vec![Message { topic, payload, is_retained: false, properties }];
        if let Data::Event(event) = data {
            messages.extend(self.presence(event));
        }
        messages
    }

    /// Whether something of the class of an event is there.
    fn presence(&mut self, event: &EventV1) -> Vec<Message> {
        let pair = (event.camera_id.clone(), event.object_type.clone());
        let mut messages = Vec::new();
        if !self.lasting.contains_key(&pair) {
            if self.lasting.len() >= PAIRS_MAX {
                return messages;
            }
            messages.extend(self.announce(|box_| discovery::class(box_, &pair.0, &pair.1)));
        }
        let topic = format!("{}/cameras/{}/{}", self.base, word(&pair.0), word(&pair.1));
        let lasting = self.lasting.entry(pair).or_default();
        match event.ended_at {
            None => lasting.insert(event.id),
            Some(_) => lasting.remove(&event.id),
        };
        if lasting.len() > LASTING_MAX {
            lasting.pop_first();
        }
        let payload = if lasting.is_empty() { "OFF" } else { "ON" };
        messages.push(retained(topic, payload.into()));
        messages
    }

    fn announce(
        &self,
        make: impl FnOnce(&discovery::Box<'_>) -> discovery::Announcement,
    ) -> Option<Message> {
        let prefix = self.discovery_prefix.as_deref()?;
        let announcement = make(&discovery::Box { base: &self.base, device: &self.device });
        let topic = format!("{prefix}/{}", announcement.topic);
        Some(retained(topic, announcement.config.to_string().into()))
    }
}

fn retained(topic: String, payload: Bytes) -> Message {
    Message { topic, payload, is_retained: true, properties: PublishProperties::default() }
}

/// What names an item to whoever receives it.
fn named(parcel: &Parcel, item: &Item, sha256: &str, content_type: &str) -> PublishProperties {
    let journal = parcel.journal.to_string();
    let pairs = [
        ("device", &*parcel.device),
        ("journal", &journal),
        ("key", &item.key),
        ("sha256", sha256),
    ];
    PublishProperties {
        user_properties: pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        content_type: Some(content_type.to_owned()),
        ..PublishProperties::default()
    }
}

/// A part of a topic or of an id: letters, digits, `-` and `_`.
pub(super) fn word(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::event;
    use super::*;

    fn said(messages: &[Message]) -> Vec<(String, String)> {
        let said = messages.iter().map(|message| {
            (message.topic.clone(), String::from_utf8_lossy(&message.payload).into_owned())
        });
        said.collect()
    }

    #[test]
    fn somebody_is_there_until_the_last_one_is_gone() {
        let mut topics = Topics::new("watchpost", None, "box 1");
        let mut told = |id, is_over| {
            let messages = topics.presence(&event(id, is_over));
            said(&messages).pop().unwrap()
        };
        let topic = "watchpost/box_1/cameras/front_yard/traffic_light".to_owned();
        assert_eq!(told(1, false), (topic.clone(), "ON".to_owned()));
        assert_eq!(told(2, false).1, "ON");
        assert_eq!(told(1, true).1, "ON");
        assert_eq!(told(2, true), (topic, "OFF".to_owned()));
        assert_eq!(told(2, true).1, "OFF", "told again after a restart");
    }

    #[test]
    fn a_new_connection_announces_what_is_known_and_home_assistant_finds_it() {
        let mut topics = Topics::new("watchpost", Some("homeassistant".to_owned()), "box 1");
        topics.presence(&event(1, false));
        topics.cameras.insert("front.yard".to_owned());
        let text: String =
            said(&topics.greeting()).into_iter().map(|(t, p)| format!("{t}\n{p}\n\n")).collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mqtt-greeting.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default());
    }
}

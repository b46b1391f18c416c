//! What Home Assistant is told, so that it finds the box by itself: a binary sensor for
//! each camera and class, a picture for each camera, and alerts as an event entity
//! (MQTT discovery of Home Assistant 2023.8 and later).

use serde_json::{Value, json};

use super::messages::word;

/// The box that speaks.
pub(super) struct Box<'a> {
    /// What its topics begin with.
    pub base: &'a str,
    pub device: &'a str,
}

/// One thing that there is.
pub(super) struct Announcement {
    /// Below the discovery prefix.
    pub topic: String,
    pub config: Value,
}

/// Somebody of a class is seen by a camera.
pub(super) fn class(it: &Box<'_>, camera: &str, class: &str) -> Announcement {
    let id = format!("{}_{}", word(camera), word(class));
    let mut config = it.common(&id);
    config["name"] = json!(format!("{camera} {class}"));
    config["state_topic"] = json!(format!("{}/cameras/{}/{}", it.base, word(camera), word(class)));
    config["device_class"] = json!("occupancy");
    it.announcement("binary_sensor", &id, config)
}

/// The latest picture of a camera.
pub(super) fn picture(it: &Box<'_>, camera: &str) -> Announcement {
    let id = format!("{}_snapshot", word(camera));
    let mut config = it.common(&id);
    config["name"] = json!(format!("{camera} latest event"));
    config["image_topic"] = json!(format!("{}/cameras/{}/snapshot", it.base, word(camera)));
    config["content_type"] = json!("image/jpeg");
    it.announcement("image", &id, config)
}

/// Alerts.
pub(super) fn alert(it: &Box<'_>) -> Announcement {
    let mut config = it.common("alert");
    config["name"] = json!("Alert");
    config["state_topic"] = json!(format!("{}/alerts", it.base));
    config["event_types"] = json!(["pending", "delivered", "acknowledged", "dismissed"]);
    config["value_template"] = json!(
        "{{ {'event_type': value_json.status, 'severity': value_json.severity, 'camera_id': value_json.camera_id} | tojson }}"
    );
    it.announcement("event", "alert", config)
}

impl Box<'_> {
    fn common(&self, id: &str) -> Value {
        json!({
            "unique_id": format!("watchpost_{}_{id}", word(self.device)),
            "availability_topic": format!("{}/status", self.base),
            "device": {
                "identifiers": [format!("watchpost_{}", word(self.device))],
                "name": format!("Watchpost {}", self.device),
                "manufacturer": "Watchpost",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": { "name": "watchpost", "sw_version": env!("CARGO_PKG_VERSION") },
        })
    }

    fn announcement(&self, component: &str, id: &str, config: Value) -> Announcement {
        let topic = format!("{component}/watchpost_{}/{id}/config", word(self.device));
        Announcement { topic, config }
    }
}

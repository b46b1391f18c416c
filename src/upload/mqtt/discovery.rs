//! What Home Assistant is told, so that it finds the box by itself: a binary sensor for
//! each camera and class, a picture and a connection for each camera, whether the box has
//! a problem, and alerts as an event entity (MQTT discovery of Home Assistant 2023.8 and
//! later).

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

/// Somebody of a class is seen by a camera; nobody knows while the camera is away.
pub(super) fn class(it: &Box<'_>, camera: &str, class: &str) -> Announcement {
    let id = format!("{}_{}", word(camera), word(class));
    let mut config = it.common(&id, Some(camera));
    config["name"] = json!(format!("{camera} {class}"));
    config["state_topic"] = json!(format!("{}/cameras/{}/{}", it.base, word(camera), word(class)));
    config["device_class"] = json!("occupancy");
    it.announcement("binary_sensor", &id, config)
}

/// The latest picture of a camera.
pub(super) fn picture(it: &Box<'_>, camera: &str) -> Announcement {
    let id = format!("{}_snapshot", word(camera));
    let mut config = it.common(&id, None);
    config["name"] = json!(format!("{camera} latest event"));
    config["image_topic"] = json!(format!("{}/cameras/{}/snapshot", it.base, word(camera)));
    config["content_type"] = json!("image/jpeg");
    it.announcement("image", &id, config)
}

/// Whether a camera delivers.
pub(super) fn camera(it: &Box<'_>, camera: &str, name: &str) -> Announcement {
    let id = format!("{}_camera", word(camera));
    let mut config = it.common(&id, None);
    config["name"] = json!(format!("{name} camera"));
    config["state_topic"] = json!(it.camera_state(camera));
    config["value_template"] = json!("{{ 'ON' if value == 'online' else 'OFF' }}");
    config["device_class"] = json!("connectivity");
    config["entity_category"] = json!("diagnostic");
    it.announcement("binary_sensor", &id, config)
}

/// Whether the box has a problem.
pub(super) fn health(it: &Box<'_>) -> Announcement {
    let topic = format!("{}/health", it.base);
    let mut config = it.common("health", None);
    config["name"] = json!("Problem");
    config["state_topic"] = json!(topic);
    config["value_template"] = json!("{{ 'OFF' if value_json.state == 'healthy' else 'ON' }}");
    config["json_attributes_topic"] = json!(topic);
    config["device_class"] = json!("problem");
    config["entity_category"] = json!("diagnostic");
    it.announcement("binary_sensor", "health", config)
}

/// Alerts.
pub(super) fn alert(it: &Box<'_>) -> Announcement {
    let mut config = it.common("alert", None);
    config["name"] = json!("Alert");
    config["state_topic"] = json!(format!("{}/alerts", it.base));
    config["event_types"] = json!(["pending", "delivered", "acknowledged", "dismissed"]);
    config["value_template"] = json!(
        "{{ {'event_type': value_json.status, 'severity': value_json.severity, 'camera_id': value_json.camera_id} | tojson }}"
    );
    it.announcement("event", "alert", config)
}

impl Box<'_> {
    /// What is said of everything; `camera` when it also depends on that.
    fn common(&self, id: &str, camera: Option<&str>) -> Value {
        let mut availability = vec![json!({ "topic": format!("{}/status", self.base) })];
        availability.extend(camera.map(|camera| {
            json!({
                "topic": self.camera_state(camera),
                "value_template": "{{ 'online' if value == 'online' else 'offline' }}",
            })
        }));
        json!({
            "unique_id": format!("watchpost_{}_{id}", word(self.device)),
            "availability": availability,
            "availability_mode": "all",
            "device": {
                "identifiers": [format!("watchpost_{}", word(self.device))],
                "name": format!("Watchpost {}", self.device),
                "manufacturer": "Watchpost",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": { "name": "watchpost", "sw_version": env!("CARGO_PKG_VERSION") },
        })
    }

    pub fn camera_state(&self, camera: &str) -> String {
        format!("{}/cameras/{}/state", self.base, word(camera))
    }

    fn announcement(&self, component: &str, id: &str, config: Value) -> Announcement {
        let topic = format!("{component}/watchpost_{}/{id}/config", word(self.device));
        Announcement { topic, config }
    }
}

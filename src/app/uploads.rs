//! Joins the ways upstream to the journal.

use std::sync::Arc;

use log::error;

use super::house::House;
use crate::cli::with_causes;
use crate::config::Settings;
use crate::health::Health;
use crate::media::Snapshots;
use crate::rt::Clock;
use crate::store::Store;
use crate::upload::http::Http;
use crate::upload::mqtt::Mqtt;
use crate::upload::s3::S3;
use crate::upload::{Transport, UploadSettings, Uploads, UploadsContext};

/// The ways that are configured. One that cannot be set up says so in health; the
/// others go.
pub fn transports(
    settings: &UploadSettings,
    device: &str,
    clock: &Clock,
    health: &Health,
) -> Vec<(&'static str, Arc<dyn Transport>)> {
    let mut ways: Vec<(&'static str, Arc<dyn Transport>)> = Vec::new();
    if let Some(http) = &settings.http {
        match Http::new(http, clock.clone()) {
            Ok(way) => ways.push(("http", Arc::new(way))),
            Err(reason) => refuse("http", &reason, health),
        }
    }
    if let Some(mqtt) = &settings.mqtt {
        match Mqtt::new(mqtt, device) {
            Ok(way) => ways.push(("mqtt", Arc::new(way))),
            Err(reason) => refuse("mqtt", &reason, health),
        }
    }
    if let Some(s3) = &settings.s3 {
        match S3::new(s3) {
            Ok(way) => ways.push(("s3", Arc::new(way))),
            Err(reason) => refuse("s3", &reason, health),
        }
    }
    ways
}

fn refuse(name: &str, reason: &dyn std::error::Error, health: &Health) {
    let reason = with_causes(reason);
    error!(upstream = name, reason = reason.as_str(); "There is no upload to this upstream.");
    health.component(format!("upload.{name}")).unhealthy(
        format!("Nothing is uploaded: {reason}."),
        format!("Correct [upload.{name}] and restart the service."),
    );
}

/// Starts the couriers, and has retention ask them.
pub fn start(settings: &Settings, store: &Store, snapshots: &Snapshots, house: House) -> Uploads {
    let House { device, clock, health, metrics, tasks, stop } = house;
    let uploads = Uploads::start(UploadsContext {
        settings: settings.upload.clone(),
        transports: transports(&settings.upload, &device, &clock, &health),
        device,
        feed: Arc::new(store.clone()),
        reader: Arc::new(store.clone()),
        writer: Arc::new(store.clone()),
        snapshots: snapshots.clone(),
        clock,
        health,
        metrics,
        tasks,
        stop,
    });
    uploads.keepers().into_iter().for_each(|keeper| store.keep_for(keeper));
    uploads
}

//! Joins the box to its fleet.

use std::net::SocketAddr;

use super::house::House;
use crate::config::Settings;
use crate::fleet::{Beacon, BeaconContext, MDNS_PORT};

/// Announces the box where it is served, if that is wanted.
pub fn announce(settings: &Settings, addresses: &[SocketAddr], house: &House) {
    if !settings.fleet.is_announced {
        return;
    }
    Beacon::start(BeaconContext {
        device: house.device.clone(),
        version: env!("CARGO_PKG_VERSION"),
        addresses: addresses.to_vec(),
        // The service speaks plain HTTP; TLS ends in front of it.
        is_tls: false,
        mdns_port: MDNS_PORT,
        health: house.health.clone(),
        tasks: house.tasks.clone(),
        stop: house.stop.clone(),
    });
}

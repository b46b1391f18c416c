//! One box among many: it says where it is.

mod beacon;
mod settings;

pub use beacon::{Beacon, BeaconContext, MDNS_PORT, SERVICE};
pub use settings::FleetSettings;

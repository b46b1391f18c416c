//! The fleet: whether the box says where it is.

use super::rules;
use super::section::Section;
use crate::fleet::FleetSettings;

/// The section `fleet`.
pub fn fleet(section: Section<'_>) -> FleetSettings {
    let mut fleet = FleetSettings::default();
    section.set("announce", &mut fleet.is_announced, rules::boolean);
    section.finish();
    fleet
}

//! What can be set about the fleet.

/// The fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSettings {
    /// Whether the box announces itself in its network.
    pub is_announced: bool,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self { is_announced: true }
    }
}

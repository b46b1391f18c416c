//! What a simulated camera is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::fault::Armed;
use crate::pictures::Pictures;

/// What the body's USB menu is set to; it counts for PTP/IP too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsbMode {
    /// "PC Remote": the host works the camera; cards only after the switch to
    /// contents transfer.
    #[default]
    Remote,
    /// "MTP": cards only.
    Mtp,
}

/// What a simulated camera is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Model, as the body says it.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Address to listen on.
    pub listen: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// What the body's USB menu is set to.
    pub mode: UsbMode,
    /// From half a press to focus.
    pub focus: Duration,
    /// From the shutter to the photograph.
    pub exposure: Duration,
    /// How long live view shows one picture.
    pub scene: Duration,
    /// What it sees.
    pub pictures: Arc<Pictures>,
    /// What will go wrong.
    pub faults: Vec<Armed>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            model: "ILCE-7M4".to_owned(),
            serial: "00000000000000003282933003783804".to_owned(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            mode: UsbMode::Remote,
            focus: Duration::from_millis(30),
            exposure: Duration::from_millis(60),
            scene: Duration::from_secs(1),
            pictures: Arc::new(Pictures::built_in()),
            faults: Vec::new(),
        }
    }
}

//! The announcement in the local network: `_watchpost._tcp` over mDNS (RFC 6762 and
//! 6763), so that a phone or a program finds the box without knowing its address.
//!
//! Only where the service can be reached: a box that listens on loopback announces
//! nothing, one that listens on one address does so on that interface. It is taken
//! back at the stop. A network that is dead, comes late or changes its addresses is
//! followed by the library, on a thread of its own with queues of a hundred; it never
//! holds up anything else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use mdns_sd::{IfKind, IfPredicate, ServiceDaemon, ServiceInfo};

use crate::health::{Component, Health};
use crate::rt::{Stop, Tasks};

/// What is announced.
pub const SERVICE: &str = "_watchpost._tcp.local.";

/// The port of mDNS.
pub const MDNS_PORT: u16 = 5353;

/// How long to wait before the system is asked again for what it refused.
const RETRY: Duration = Duration::from_secs(60);

/// Longest wait for the last packets: two goodbyes, 120 ms apart.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// Longest part of a name in DNS, in bytes.
const LABEL_MAX: usize = 63;

/// What the announcement says, and where.
#[derive(Clone)]
pub struct BeaconContext {
    /// This box.
    pub device: Arc<str>,
    /// Version of the program.
    pub version: &'static str,
    /// What is served.
    pub addresses: Vec<SocketAddr>,
    /// Whether it is served over TLS.
    pub is_tls: bool,
    /// [`MDNS_PORT`], except in tests.
    pub mdns_port: u16,
    /// Where the component `fleet.announcement` reports.
    pub health: Health,
    /// Where the task runs.
    pub tasks: Tasks,
    /// Takes the announcement back.
    pub stop: Stop,
}

/// The announcement at work.
pub struct Beacon {
    context: BeaconContext,
    place: Place,
    component: Component,
}

/// Where the service can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    port: u16,
    /// Empty: on every interface but loopback.
    ips: Vec<IpAddr>,
}

impl Beacon {
    /// Starts it on the current runtime, unless nobody in the network could reach the
    /// box; tells whether it did.
    pub fn start(context: BeaconContext) -> bool {
        let outside = |address: &SocketAddr| !address.ip().is_loopback();
        Self::start_where(context, outside)
    }

    /// As [`Self::start`], for the addresses that `is_wanted` takes. Tests announce on
    /// loopback, which every machine has.
    pub fn start_where(context: BeaconContext, is_wanted: impl Fn(&SocketAddr) -> bool) -> bool {
        let Some(place) = place(&context.addresses, is_wanted) else { return false };
        let component = context.health.component("fleet.announcement");
        let tasks = context.tasks.clone();
        tasks.spawn("announcement", Self { context, place, component }.run());
        true
    }

    async fn run(self) {
        let stop = self.context.stop.clone();
        loop {
            match self.announce() {
                Ok((daemon, name)) => {
                    stop.stopped().await;
                    return take_back(&daemon, &name).await;
                }
                Err(reason) => {
                    warn!(reason:%; "The box cannot announce itself; it is tried again.");
                    self.component.degraded(
                        format!("The box is not announced in the network: {reason}."),
                        "Look at the network, or set announce = false in [fleet].",
                    );
                }
            }
            if tokio::time::timeout(RETRY, stop.stopped()).await.is_ok() {
                return;
            }
        }
    }

    fn announce(&self) -> Result<(ServiceDaemon, String), mdns_sd::Error> {
        let daemon = ServiceDaemon::new_with_port(self.context.mdns_port)?;
        // Multicast goes out only where the service is.
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(self.place.interfaces())?;
        let service = self.service()?;
        let name = service.get_fullname().to_owned();
        daemon.register(service)?;
        info!(name = name.as_str(), port = self.place.port; "The box announces itself.");
        self.component.healthy(format!("announced as {name}, port {}", self.place.port));
        Ok((daemon, name))
    }

    fn service(&self) -> Result<ServiceInfo, mdns_sd::Error> {
        let BeaconContext { device, version, is_tls, .. } = &self.context;
        let properties = [
            ("device", &**device),
            ("version", *version),
            ("path", "/api"),
            ("tls", if *is_tls { "1" } else { "0" }),
        ];
        let label = label(device);
        let host = format!("{label}.local.");
        let (ips, port) = (&self.place.ips[..], self.place.port);
        let mut service = ServiceInfo::new(SERVICE, &label, &host, ips, port, &properties[..])?;
        service.set_interfaces(self.place.interfaces());
        Ok(if ips.is_empty() { service.enable_addr_auto() } else { service })
    }
}

impl Place {
    fn interfaces(&self) -> Vec<IfKind> {
        match self.ips[..] {
            [] => vec![IfKind::Predicate(IfPredicate::new(|interface| !interface.is_loopback()))],
            [..] => self.ips.iter().copied().map(IfKind::Addr).collect(),
        }
    }
}

/// Port and addresses of the first wanted one; further ones count when they have the
/// same port, because an announcement names only one.
fn place(addresses: &[SocketAddr], is_wanted: impl Fn(&SocketAddr) -> bool) -> Option<Place> {
    let wanted: Vec<_> = addresses.iter().filter(|address| is_wanted(address)).collect();
    let port = wanted.first()?.port();
    let ips = wanted.iter().filter(|address| address.port() == port).map(|address| address.ip());
    let ips: Vec<_> = ips.collect();
    let is_everywhere = ips.iter().any(IpAddr::is_unspecified);
    Some(Place { port, ips: if is_everywhere { Vec::new() } else { ips } })
}

/// A name for the box that fits into DNS, as service and as host.
fn label(device: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = "watchpost-".chars().chain(device.chars().map(allowed)).collect();
    name.chars().take(LABEL_MAX).collect::<String>().trim_end_matches('-').to_owned()
}

/// Those who know the box hear that it goes.
async fn take_back(daemon: &ServiceDaemon, name: &str) {
    if let Ok(gone) = daemon.unregister(name) {
        let _ = tokio::time::timeout(GOODBYE_LIMIT, gone.recv_async()).await;
    }
    if let Ok(ended) = daemon.shutdown() {
        let _ = tokio::time::timeout(GOODBYE_LIMIT, ended.recv_async()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(addresses: &[&str]) -> Option<Place> {
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        place(&addresses, |address: &SocketAddr| !address.ip().is_loopback())
    }

    #[test]
    fn a_box_that_only_serves_itself_announces_nothing() {
        assert_eq!(place_of(&["127.0.0.1:8080", "[::1]:8080"]), None);
        assert_eq!(place_of(&[]), None);
    }

    #[test]
    fn it_is_announced_where_it_is_served() {
        let everywhere = place_of(&["127.0.0.1:9000", "0.0.0.0:8080"]).unwrap();
        assert_eq!(everywhere, Place { port: 8080, ips: vec![] });
        let one = place_of(&["192.0.2.7:8080", "[fd00::7]:8080", "192.0.2.8:81"]).unwrap();
        let ips = ["192.0.2.7", "fd00::7"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(one, Place { port: 8080, ips });
    }

    #[test]
    fn names_fit_into_dns_whatever_the_device_is_called() {
        assert_eq!(label("box-17.north_2"), "watchpost-box-17-north-2");
        assert_eq!(label(&"x".repeat(64)).len(), LABEL_MAX);
        assert_eq!(label(&".".repeat(64)), "watchpost");
    }
}

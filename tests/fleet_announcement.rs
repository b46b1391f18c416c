//! The announcement in the network, found as a phone would find it: with a browser of
//! services, over multicast on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use watchpost::fleet::{Beacon, BeaconContext, SERVICE};
use watchpost::health::{Health, State};
use watchpost::rt::{Clock, Stop, Tasks};

/// How long the browser waits before a test fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// A port that nobody uses, so that no other responder of the machine takes part.
fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

fn context(addresses: &[&str], mdns_port: u16, health: &Health, stop: &Stop) -> BeaconContext {
    BeaconContext {
        device: "box-17".into(),
        version: "1.2.3",
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        is_tls: false,
        mdns_port,
        health: health.clone(),
        tasks: Tasks::new(stop.clone(), |end| panic!("{end:?}")),
        stop: stop.clone(),
    }
}

fn browse(port: u16) -> (ServiceDaemon, Receiver<ServiceEvent>) {
    let browser = ServiceDaemon::new_with_port(port).unwrap();
    browser.disable_interface(IfKind::All).unwrap();
    browser.enable_interface(IfKind::LoopbackV4).unwrap();
    let events = browser.browse(SERVICE).unwrap();
    (browser, events)
}

/// What `wanted` makes of the first event that it takes.
fn wait_for<T>(
    events: &Receiver<ServiceEvent>,
    mut wanted: impl FnMut(ServiceEvent) -> Option<T>,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if let Some(found) = wanted(events.recv_timeout(left).unwrap()) {
            return found;
        }
    }
}

fn resolved(event: ServiceEvent) -> Option<Box<ResolvedService>> {
    match event {
        ServiceEvent::ServiceResolved(service) => Some(service),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_finds_the_box_with_all_it_must_know_and_hears_when_it_goes() {
    let (health, stop, port) = (Health::new(Clock::system()), Stop::new(), free_port());
    let (browser, events) = browse(port);
    let context = context(&["127.0.0.1:8080"], port, &health, &stop);
    assert!(Beacon::start_where(context.clone(), |_| true));

    let (found, events) = tokio::task::spawn_blocking(move || {
        let found = wait_for(&events, resolved);
        (found, events)
    })
    .await
    .unwrap();

    assert_eq!(found.get_fullname(), format!("watchpost-box-17.{SERVICE}"));
    assert_eq!(found.get_hostname(), "watchpost-box-17.local.");
    assert_eq!(found.get_port(), 8080);
    let addresses = found.get_addresses_v4();
    assert_eq!(
        addresses.into_iter().collect::<Vec<_>>(),
        ["127.0.0.1".parse::<std::net::Ipv4Addr>().unwrap()]
    );
    for (key, value) in [("device", "box-17"), ("version", "1.2.3"), ("path", "/api"), ("tls", "0")]
    {
        assert_eq!(found.get_property_val_str(key), Some(value), "{key}");
    }
    let report = health.reports().remove(0);
    assert_eq!((&*report.component, report.state), ("fleet.announcement", State::Healthy));

    stop.set();
    let gone = tokio::task::spawn_blocking(move || {
        wait_for(&events, |event| match event {
            ServiceEvent::ServiceRemoved(_, name) => Some(name),
            _ => None,
        })
    });
    assert_eq!(gone.await.unwrap(), format!("watchpost-box-17.{SERVICE}"));
    assert!(context.tasks.join(&Clock::system(), DEADLINE).is_empty());
    browser.shutdown().unwrap();
}

#[tokio::test]
async fn a_box_on_loopback_announces_nothing() {
    let (health, stop) = (Health::new(Clock::system()), Stop::new());
    let context = context(&["127.0.0.1:8080", "[::1]:8080"], free_port(), &health, &stop);
    assert!(!Beacon::start(context));
    assert!(health.reports().is_empty());
}

/// Interfaces come and go; an address that no interface has is none of our business.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_network_does_no_harm_and_the_stop_is_prompt() {
    let (health, stop) = (Health::new(Clock::system()), Stop::new());
    let context = context(&["192.0.2.200:8080"], free_port(), &health, &stop);
    assert!(Beacon::start(context.clone()));
    stop.set();
    let left = tokio::task::spawn_blocking(move || context.tasks.join(&Clock::system(), DEADLINE));
    assert!(left.await.unwrap().is_empty());
}

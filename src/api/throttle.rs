//! How often one address may open WebSockets.
//!
//! A sliding minute in two counters: what the minute before still weighs, and
//! what this one has brought. Refused attempts count like others, so that a
//! client that hammers stays refused until it slows down. Bounded by
//! [`ADDRESSES_MAX`]; an address beyond that is let in, for connections are
//! limited as well (`limits`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;

use crate::health::{Counter, Metrics};

/// The span that the limit is about.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses remembered: 400 KiB at most.
const ADDRESSES_MAX: usize = 4096;

/// Counts attempts by address.
pub(super) struct Throttle {
    attempts: Mutex<HashMap<IpAddr, Attempts>>,
    refused: Counter,
}

struct Attempts {
    /// Monotonic time at which this window began.
    began: Duration,
    before: u32,
    now: u32,
}

impl Throttle {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let refused = metrics.counter(
            "watchpost_websocket_throttled_total",
            "WebSockets refused because their address opened too many in a minute.",
            &[],
        );
        Self { attempts: Mutex::default(), refused }
    }

    /// Notes an attempt by `ip` at monotonic time `now`; false when it is more
    /// than `per_minute_max` allows.
    pub(super) fn allows(&self, ip: IpAddr, per_minute_max: u32, now: Duration) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let ip = network(ip);
        if attempts.len() >= ADDRESSES_MAX && !attempts.contains_key(&ip) {
            attempts.retain(|_, known| now.saturating_sub(known.began) < 2 * WINDOW);
            if attempts.len() >= ADDRESSES_MAX {
                return true;
            }
        }
        let known = attempts.entry(ip).or_insert(Attempts { began: now, before: 0, now: 0 });
        let is_allowed = known.count(now) <= f64::from(per_minute_max);
        if !is_allowed {
            self.refused.inc();
        }
        is_allowed
    }
}

impl Attempts {
    /// Attempts within the last minute, this one included.
    fn count(&mut self, now: Duration) -> f64 {
        let age = now.saturating_sub(self.began);
        if age >= WINDOW {
            self.before = if age < 2 * WINDOW { self.now } else { 0 };
            self.now = 0;
            self.began = now - Duration::from_nanos((age.as_nanos() % WINDOW.as_nanos()) as u64);
        }
        self.now = self.now.saturating_add(1);
        let age = now.saturating_sub(self.began);
        let left = 1.0 - age.as_secs_f64() / WINDOW.as_secs_f64();
        f64::from(self.before) * left + f64::from(self.now)
    }
}

/// Whom a request comes from: the client a proxy on this machine names, or the
/// peer itself. Only the last name counts, which that proxy wrote.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    let named = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let last = named.and_then(|names| names.rsplit(',').next()?.trim().parse().ok());
    last.filter(|_| peer.is_loopback()).unwrap_or(peer)
}

/// IPv6 gives every host a whole /64 to choose addresses from.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(&Metrics::default())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn passed(throttle: &Throttle, ip: IpAddr, attempts: u32, at_s: u64) -> usize {
        (0..attempts).filter(|_| throttle.allows(ip, 10, Duration::from_secs(at_s))).count()
    }

    #[test]
    fn an_address_has_so_many_a_minute_and_others_have_theirs() {
        let throttle = throttle();
        assert_eq!(passed(&throttle, ip("192.0.2.1"), 15, 0), 10);
        assert_eq!(passed(&throttle, ip("192.0.2.2"), 15, 0), 10);
        assert_eq!(throttle.refused.value(), 10);
    }

    #[test]
    fn the_minute_slides() {
        let throttle = throttle();
        assert_eq!(passed(&throttle, ip("192.0.2.1"), 10, 0), 10);
        assert_eq!(passed(&throttle, ip("192.0.2.1"), 10, 90), 5, "half of the minute is over");
        assert_eq!(passed(&throttle, ip("192.0.2.1"), 10, 300), 10);
    }

    #[test]
    fn who_hammers_stays_refused() {
        let throttle = throttle();
        passed(&throttle, ip("192.0.2.1"), 10, 0);
        assert_eq!((1..300).map(|s| passed(&throttle, ip("192.0.2.1"), 1, s)).sum::<usize>(), 0);
        assert_eq!(passed(&throttle, ip("192.0.2.1"), 1, 500), 1);
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let throttle = throttle();
        let of_one_host = (1..=20)
            .filter(|n| throttle.allows(ip(&format!("2001:db8::{n:x}")), 10, Duration::ZERO));
        assert_eq!(of_one_host.count(), 10);
        assert!(throttle.allows(ip("2001:db8:0:1::1"), 10, Duration::ZERO));
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory_and_locks_nobody_out() {
        let throttle = throttle();
        for n in 0..10_000_u32 {
            let ip = IpAddr::V4(n.into());
            assert!(throttle.allows(ip, 1, Duration::from_secs(1)));
        }
        assert_eq!(throttle.attempts.lock().unwrap().len(), ADDRESSES_MAX);
        throttle.allows(ip("192.0.2.1"), 1, Duration::from_secs(200));
        assert_eq!(throttle.attempts.lock().unwrap().len(), 1);
    }

    #[test]
    fn only_a_proxy_on_this_machine_may_name_its_client() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 192.0.2.7".parse().unwrap());
        assert_eq!(client(ip("127.0.0.1"), &headers), ip("192.0.2.7"));
        assert_eq!(client(ip("192.0.2.1"), &headers), ip("192.0.2.1"));
        assert_eq!(client(ip("127.0.0.1"), &HeaderMap::new()), ip("127.0.0.1"));
    }
}

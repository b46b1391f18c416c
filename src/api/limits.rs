//! How many connections there may be, in total and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::health::{Counter, Gauge, Metrics};

/// Counts open connections.
pub(super) struct Slots {
    open: Mutex<Open>,
    gauge: Gauge,
    refused: Counter,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The box has as many as it serves.
    Full,
    /// This address has as many as one may have.
    TooManyFromAddress,
}

/// The right to one connection; given back when dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    ip: IpAddr,
}

impl Slots {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            open: Mutex::default(),
            gauge: metrics.gauge("watchpost_http_connections", "Open client connections.", &[]),
            refused: metrics.counter(
                "watchpost_http_connections_refused_total",
                "Client connections refused because a limit was reached.",
                &[],
            ),
        }
    }

    /// A slot for a client at `ip`, if both limits leave one.
    pub(super) fn take(
        self: &Arc<Self>,
        ip: IpAddr,
        total_max: usize,
        per_ip_max: usize,
    ) -> Result<Slot, Refusal> {
        let ip = ip.to_canonical();
        let mut open = self.lock();
        let from_ip = open.by_ip.get(&ip).copied().unwrap_or(0);
        let refusal = match () {
            () if open.total >= total_max => Some(Refusal::Full),
            () if from_ip >= per_ip_max => Some(Refusal::TooManyFromAddress),
            () => None,
        };
        if let Some(refusal) = refusal {
            self.refused.inc();
            return Err(refusal);
        }
        open.total += 1;
        open.by_ip.insert(ip, from_ip + 1);
        self.gauge.set(open.total as f64);
        Ok(Slot { slots: Arc::clone(self), ip })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        open.total -= 1;
        if let Some(from_ip) = open.by_ip.get_mut(&self.ip) {
            *from_ip -= 1;
            if *from_ip == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
        self.slots.gauge.set(open.total as f64);
    }
}

/// Messages a client may send: a bucket that refills.
pub(super) struct MessageRate {
    tokens: f64,
    last: std::time::Duration,
}

/// Messages a second in the long run, and at once after a pause.
const MESSAGES_PER_S: f64 = 20.0;
const MESSAGES_BURST: f64 = 40.0;

impl MessageRate {
    /// A full bucket at monotonic time `now`.
    pub(super) fn new(now: std::time::Duration) -> Self {
        Self { tokens: MESSAGES_BURST, last: now }
    }

    /// One message at monotonic time `now`; false when it is one too many.
    pub(super) fn allows(&mut self, now: std::time::Duration) -> bool {
        let gained = now.saturating_sub(self.last).as_secs_f64() * MESSAGES_PER_S;
        self.last = now;
        self.tokens = (self.tokens + gained).min(MESSAGES_BURST);
        let is_allowed = self.tokens >= 1.0;
        if is_allowed {
            self.tokens -= 1.0;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn limits_hold_in_total_and_per_address_and_slots_come_back() {
        let slots = Arc::new(Slots::new(&Metrics::default()));
        let first = slots.take(IP, 3, 2).ok();
        let _second = slots.take(IP, 3, 2).ok();
        assert_eq!(slots.take(IP, 3, 2).err(), Some(Refusal::TooManyFromAddress));
        let _third = slots.take(OTHER, 3, 2).ok();
        assert_eq!(slots.take(OTHER, 3, 2).err(), Some(Refusal::Full));
        drop(first);
        assert!(slots.take(IP, 3, 2).is_ok());
    }

    #[test]
    fn an_address_in_its_ipv6_form_is_the_same_address() {
        let slots = Arc::new(Slots::new(&Metrics::default()));
        let _first = slots.take(IP, 9, 1).ok();
        let IpAddr::V4(v4) = IP else { unreachable!() };
        assert!(slots.take(v4.to_ipv6_mapped().into(), 9, 1).is_err());
    }

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let mut rate = MessageRate::new(Duration::ZERO);
        let passed = (0..100).filter(|_| rate.allows(Duration::ZERO)).count();
        assert_eq!(passed, MESSAGES_BURST as usize);
        assert!(rate.allows(Duration::from_secs(1)));
    }
}

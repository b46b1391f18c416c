//! What can go wrong, and when.
//!
//! Faults of a transfer happen once, to the next file that is fetched (live view
//! does not count). The others last until they are cleared.

use std::str::FromStr;
use std::time::Duration;

/// Most changes a second of a storm.
const STORM_MAX: u32 = 100_000;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every operation is answered with "device busy".
    Busy,
    /// No operation is answered; connections stay open.
    Stall,
    /// Both connections are reset in the middle of a file.
    MidTransferDisconnect,
    /// A file ends early; the transfer itself is in order.
    TruncatedObject,
    /// More bytes are promised than come.
    WrongLength,
    /// So many property changes a second.
    PropertyStorm(u32),
    /// The port is closed and connections are reset.
    Unplug,
    /// Answers are damaged, differently for every seed.
    Hostile(u64),
}

/// When a fault begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// At once.
    #[default]
    Now,
    /// With the file of this number, counted from 1.
    Transfer(u64),
    /// So long after the start.
    After(Duration),
}

/// A fault that waits for its time. Written as `NAME[=VALUE][@N|@Ns]`:
/// `stall`, `mid-transfer-disconnect@2`, `property-storm=1000@5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    /// What.
    pub fault: Fault,
    /// When.
    pub when: When,
}

/// A fault that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fault; write busy, stall, mid-transfer-disconnect, truncated-object, \
     wrong-length, property-storm=PER_SECOND, unplug or hostile=SEED, and behind it @2 for the \
     second file or @5s for five seconds after the start"
)]
pub struct FaultError(String);

impl Fault {
    /// Whether it happens once, to a file.
    pub fn is_of_transfer(self) -> bool {
        matches!(self, Self::MidTransferDisconnect | Self::TruncatedObject | Self::WrongLength)
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.parse::<u64>().ok()?)),
            None => (text, None),
        };
        let fault = match name {
            "busy" => Self::Busy,
            "stall" => Self::Stall,
            "mid-transfer-disconnect" => Self::MidTransferDisconnect,
            "truncated-object" => Self::TruncatedObject,
            "wrong-length" => Self::WrongLength,
            "unplug" => Self::Unplug,
            "property-storm" => {
                let per_second = u32::try_from(value.unwrap_or(1000)).ok()?;
                return (1..=STORM_MAX)
                    .contains(&per_second)
                    .then_some(Self::PropertyStorm(per_second));
            }
            "hostile" => return Some(Self::Hostile(value.unwrap_or(1))),
            _ => return None,
        };
        value.is_none().then_some(fault)
    }
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('s') {
            Some(seconds) => Some(Self::After(Duration::from_secs(seconds.parse().ok()?))),
            None => text.parse().ok().filter(|number| *number > 0).map(Self::Transfer),
        }
    }
}

impl FromStr for Armed {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (fault, when) = match text.split_once('@') {
            Some((fault, when)) => (fault, When::parse(when)),
            None => (text, Some(When::Now)),
        };
        let armed = Fault::parse(fault).zip(when);
        armed.map(|(fault, when)| Self { fault, when }).ok_or_else(|| FaultError(text.to_owned()))
    }
}

/// All faults of a camera.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    lasting: Vec<Fault>,
}

impl Faults {
    /// Waits for its time.
    pub fn arm(&mut self, armed: Armed) {
        match armed.when {
            When::Now if !armed.fault.is_of_transfer() => self.lasting.push(armed.fault),
            _ => self.armed.push(armed),
        }
    }

    /// All is well again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What lasts, told by `which`.
    pub fn lasting<T>(&self, which: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.lasting.iter().find_map(which)
    }

    /// Takes what begins with file number `transfer`: the fault of this transfer,
    /// and those that last from here on.
    pub fn begin_transfer(&mut self, transfer: u64) -> Option<Fault> {
        self.promote(|when| when == When::Transfer(transfer));
        let is_due = |armed: &Armed| {
            let is_now = armed.when == When::Now || armed.when == When::Transfer(transfer);
            armed.fault.is_of_transfer() && is_now
        };
        let at = self.armed.iter().position(is_due)?;
        Some(self.armed.swap_remove(at).fault)
    }

    /// Begins what is to begin so long after the start.
    pub fn begin_after(&mut self, since: Duration) {
        let is_due = |when| matches!(when, When::After(delay) if delay <= since);
        self.promote(is_due);
        for armed in self.armed.iter_mut().filter(|armed| is_due(armed.when)) {
            armed.when = When::Now;
        }
    }

    /// How long after the start the next one begins.
    pub fn next_after(&self) -> Option<Duration> {
        let delays = self.armed.iter().filter_map(|armed| match armed.when {
            When::After(delay) => Some(delay),
            When::Now | When::Transfer(_) => None,
        });
        delays.min()
    }

    /// This one is over.
    pub fn end(&mut self, fault: Fault) {
        self.lasting.retain(|lasting| *lasting != fault);
    }

    /// Moves what lasts from waiting to lasting.
    fn promote(&mut self, is_due: impl Fn(When) -> bool) {
        let lasting = self.armed.extract_if(.., |a| !a.fault.is_of_transfer() && is_due(a.when));
        self.lasting.extend(lasting.map(|armed| armed.fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(text: &str) -> Armed {
        text.parse().unwrap()
    }

    #[test]
    fn a_fault_is_read_with_its_value_and_its_time() {
        assert_eq!(armed("stall"), Armed { fault: Fault::Stall, when: When::Now });
        let cut = Armed { fault: Fault::MidTransferDisconnect, when: When::Transfer(2) };
        assert_eq!(armed("mid-transfer-disconnect@2"), cut);
        let when = When::After(Duration::from_secs(5));
        assert_eq!(armed("property-storm=7@5s"), Armed { fault: Fault::PropertyStorm(7), when });
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in ["", "stal", "stall=3", "stall@0", "stall@x", "property-storm=0", "hostile=x"] {
            assert!(text.parse::<Armed>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_of_a_transfer_happens_once_and_to_the_right_one() {
        let mut faults = Faults::default();
        faults.arm(armed("wrong-length@2"));
        let seen: Vec<_> = (1..=3).map(|transfer| faults.begin_transfer(transfer)).collect();
        assert_eq!(seen, [None, Some(Fault::WrongLength), None]);
    }

    #[test]
    fn a_lasting_fault_begins_with_its_time_and_ends_when_cleared() {
        let mut faults = Faults::default();
        faults.arm(armed("busy@5s"));
        let is_busy =
            |faults: &Faults| faults.lasting(|f| (*f == Fault::Busy).then_some(())).is_some();
        faults.begin_after(Duration::from_secs(4));
        assert_eq!(faults.next_after(), Some(Duration::from_secs(5)));
        assert!(!is_busy(&faults));
        faults.begin_after(Duration::from_secs(5));
        assert_eq!(faults.next_after(), None);
        assert!(is_busy(&faults));
        faults.clear();
        assert!(!is_busy(&faults));
    }
}

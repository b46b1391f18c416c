//! The trial of a configuration: it holds when the box, for a tenth of the trial's time
//! without a break, sees with every camera that saw before, and then gets a proof through
//! every way upstream that worked before. What has not shown that when the time is over
//! is taken back.

use std::time::Duration;

use super::{Subject, Vitals};
use crate::rt::{Clock, Stop};

/// Looks at the cameras in one trial.
const LOOKS: u32 = 100;

/// Looks that must be good in a row before the ways upstream are tried: a tenth.
const GOOD_LOOKS: u32 = LOOKS / 10;

/// Longest wait between two looks.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The box lost nothing.
    Proven,
    /// What it lost.
    Lost(String),
    /// The program ends first.
    Stopped,
}

/// Waits until the box that was as `before` has lost nothing for long enough, or until
/// `limit` is over.
pub(super) async fn prove(
    subject: &dyn Subject,
    before: &Vitals,
    limit: Duration,
    clock: &Clock,
    stop: &Stop,
) -> End {
    let began = clock.monotonic();
    let hold = limit * GOOD_LOOKS / LOOKS;
    let mut well_since: Option<(Duration, Vitals)> = None;
    loop {
        let mut vitals = Vitals { cameras: subject.cameras(), upstreams: Vec::new() };
        let now = clock.monotonic();
        let blind = vitals.blind_since(before).join(", ");
        let mut lost = format!("without pictures from {blind}");
        if blind.is_empty() {
            let (since, then) = &*well_since.get_or_insert_with(|| (now, vitals.clone()));
            lost = "the cameras delivered for too short a time".to_owned();
            // What was delivered last by the configuration before is no proof.
            let is_anew = vitals.blind_since(then).is_empty();
            if is_anew && now.saturating_sub(*since) >= hold {
                vitals.upstreams = subject.upstreams().await;
                match vitals.cut_off_since(before).join(", ") {
                    none if none.is_empty() => return End::Proven,
                    cut_off => lost = format!("no proof went through to {cut_off}"),
                }
                // The line is asked again only after as long a time.
                well_since = None;
            }
        } else {
            well_since = None;
        }
        if clock.monotonic().saturating_sub(began) >= limit {
            return End::Lost(lost);
        }
        let look = (limit / LOOKS).min(LOOK_MAX);
        if tokio::time::timeout(look, stop.stopped()).await.is_ok() {
            return End::Stopped;
        }
    }
}

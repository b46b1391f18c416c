//! A proof that the ways upstream work: an item that means nothing, sent through each,
//! and its receipt.

use uuid::Uuid;

use super::uploads::{self, WayMaker};
use crate::domain::Timestamp;
use crate::rt::Clock;
use crate::store::Mark;
use crate::upload::mqtt::Around;
use crate::upload::wire::{Data, ProofV1};
use crate::upload::{Content, Item, Lane, Parcel, Sent, UploadSettings};

/// What came of one way: its name, and its receipt or what is wrong.
pub type Receipt = (&'static str, Result<String, String>);

/// Sends a proof through every way that is configured.
pub async fn send(settings: &UploadSettings, device: &str, clock: &Clock) -> Vec<Receipt> {
    // Not the name under which the box itself is connected: a broker would end that.
    let ours = format!("{device}-test");
    let mut settings = settings.clone();
    if let Some(mqtt) = &mut settings.mqtt {
        mqtt.discovery_prefix = None;
    }
    let maker = WayMaker { device: ours.into(), clock: clock.clone(), around: Around::default() };
    let mut receipts: Vec<Receipt> = Vec::new();
    for name in uploads::NAMES {
        let way = match maker.way(name, &settings) {
            Ok(Some(way)) => way,
            Ok(None) => continue,
            Err(reason) => {
                receipts.push((name, Err(reason)));
                continue;
            }
        };
        let parcel = proof(device, clock.now());
        let began = clock.monotonic();
        let attempt = way.send(&parcel).await;
        let took_ms = clock.monotonic().saturating_sub(began).as_millis();
        let address = way.address();
        let receipt = match attempt.result {
            Ok(Sent::Whole { receipt, rejected }) if rejected.is_empty() => {
                let (key, bytes) = (parcel.items[0].key.as_str(), attempt.bytes);
                Ok(format!("{address} took {key} ({bytes} bytes) in {took_ms} ms: {receipt}"))
            }
            Ok(Sent::Whole { rejected, .. }) => {
                let reason = rejected.first().map_or("", |(_, reason)| reason);
                Err(format!("{address} does not want the proof: {reason}"))
            }
            Ok(Sent::Part) => Err(format!("{address} took part of the proof")),
            Err(error) => Err(format!("{address}: {error}")),
        };
        receipts.push((name, receipt));
    }
    receipts
}

/// An item that means nothing.
fn proof(device: &str, sent_at: Timestamp) -> Parcel {
    let data = Data::Proof(ProofV1 { nonce: Uuid::new_v4().to_string(), sent_at });
    let item = Item {
        key: data.key(),
        touched_at: sent_at,
        at: Mark::START,
        behind: Mark::START,
        content: Content::Record(Box::new(data)),
        bytes: 0,
    };
    Parcel {
        device: device.into(),
        journal: Uuid::nil(),
        lane: Lane::Alerts,
        items: vec![item],
        turn_bytes: 1 << 20,
    }
}

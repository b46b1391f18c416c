//! Every start is written down, synced and found again: proof that the store of this box
//! works with this program, also at night when nobody walks by.

use std::time::Duration;

use log::warn;
use tokio::sync::oneshot;

use super::house::House;
use crate::domain::Setting;
use crate::health::Gauge;
use crate::rt::Backoff;
use crate::store::{Durability, Reader as _, Store, Writer as _};

/// The setting that holds the version of the program that started last.
const KEY: &str = "started";

/// How long to wait before a store that is being opened, or that failed, is asked again:
/// at first, and at last.
const RETRY: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(300)];

/// Writes this start down, as soon as the store can.
pub fn write(house: &House, store: Store) {
    let proved = house.metrics.gauge(
        "watchpost_store_proved",
        "1 once a record of this start was synced and found again.",
        &[],
    );
    house.tasks.spawn("start-note", run(house.clone(), store, proved));
}

async fn run(house: House, store: Store, proved: Gauge) {
    let mut retry = Backoff::new(RETRY[0], RETRY[1]);
    loop {
        let is_open = store.is_current();
        if is_open && is_written(&house, &store).await {
            proved.set(1.0);
            break;
        }
        let wait = if is_open { retry.next_delay() } else { RETRY[0] };
        if tokio::time::timeout(wait, house.stop.stopped()).await.is_ok() {
            return;
        }
    }
    house.stop.stopped().await;
}

async fn is_written(house: &House, store: &Store) -> bool {
    let (key, value) = (KEY.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let note = Setting { key, revision: 0, value, updated_at: house.clock.now() };
    let (done, kept) = oneshot::channel();
    let change = Box::new(move |_| Some(note));
    let tell = Box::new(move |result| {
        // Who waits may have ended.
        let _ = done.send(result);
    });
    store.amend_setting(KEY, change, Durability::Synced, tell);
    let written = match kept.await {
        Ok(Ok(written)) => written,
        Ok(Err(reason)) => {
            warn!(reason:%; "This start could not be written down; it is tried again.");
            return false;
        }
        Err(_) => return false,
    };
    let store = store.clone();
    let found = tokio::task::spawn_blocking(move || store.setting(KEY).ok().flatten()).await;
    found.is_ok_and(|found| found.is_some() && found == written)
}

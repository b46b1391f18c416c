//! Records to the collector, many at a time.

use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::super::{Attempt, Parcel, SendError, Sent, WireForm, wire};
use super::answer::{Answer, unavailable};
use super::{HEADS, Http, failed};

impl Http {
    pub(super) async fn send_batch(&self, parcel: &Parcel) -> Attempt {
        let batch = wire::Batch::of(parcel);
        let body = match encode(&batch, self.form) {
            Ok(body) => body,
            Err(reason) => return failed(0, SendError::Rejected { reason }),
        };
        let bytes = body.len() as u64 + HEADS;
        let content_type = match self.form {
            WireForm::Json => "application/json",
            WireForm::Postcard => "application/vnd.watchpost.batch.v1+postcard",
        };
        let request = self
            .request(Method::POST, &["batches"], body.len())
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_ENCODING, "zstd")
            .header("Idempotency-Key", &batch.batch)
            .body(body);
        let answer = match Answer::read(request.send().await).await {
            Ok(answer) => answer.success(&self.clock),
            Err(error) => Err(error),
        };
        let result = answer.and_then(|answer| receipt(&answer.body, &batch));
        Attempt { bytes, result }
    }
}

fn encode(batch: &wire::Batch, form: WireForm) -> Result<Vec<u8>, String> {
    let plain = match form {
        WireForm::Json => serde_json::to_vec(batch).map_err(|error| error.to_string())?,
        WireForm::Postcard => postcard::to_allocvec(batch).map_err(|error| error.to_string())?,
    };
    zstd::bulk::compress(&plain, wire::ZSTD_LEVEL)
        .map_err(|error| format!("cannot compress: {error}"))
}

/// An answer counts only when it names this batch and accounts for every item of it.
fn receipt(body: &[u8], batch: &wire::Batch) -> Result<Sent, SendError> {
    let receipt: wire::Receipt = serde_json::from_slice(body)
        .map_err(|error| unavailable(format!("the answer is no receipt: {error}")))?;
    let wire::Receipt { batch: named, accepted, rejected } = receipt;
    if named != batch.batch {
        return Err(unavailable("the answer is the receipt of another batch"));
    }
    let is_of_batch = |key: &str| batch.items.iter().any(|item| item.key == key);
    let sums_up = accepted + rejected.len() == batch.items.len();
    if !sums_up || !rejected.iter().all(|item| is_of_batch(&item.key)) {
        return Err(unavailable("the receipt does not account for every item"));
    }
    let said = format!("{accepted} accepted, {} rejected", rejected.len());
    let rejected = rejected.into_iter().map(|item| (item.key, item.reason)).collect();
    Ok(Sent::Whole { rejected, receipt: said })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::parcel;
    use super::*;

    #[test]
    fn a_lie_is_no_receipt() {
        let batch = wire::Batch::of(&parcel(3));
        let of = |text: String| receipt(text.as_bytes(), &batch);
        let id = &batch.batch;
        assert!(of(format!(r#"{{"batch":"{id}","accepted":3}}"#)).is_ok());
        let rejected = r#"[{"key":"detection-2","reason":"no"}]"#;
        assert!(of(format!(r#"{{"batch":"{id}","accepted":2,"rejected":{rejected}}}"#)).is_ok());
        for lie in [
            String::new(),
            "OK".to_owned(),
            "{}".to_owned(),
            "<html>welcome to the hotel</html>".to_owned(),
            format!(r#"{{"batch":"{id}","accepted":2}}"#),
            format!(r#"{{"batch":"{id}","accepted":4}}"#),
            r#"{"batch":"another","accepted":3}"#.to_owned(),
            format!(r#"{{"batch":"{id}","accepted":2,"rejected":[{{"key":"x","reason":""}}]}}"#),
            format!(r#"{{"batch":"{id}","accepted":3"#),
        ] {
            assert!(matches!(of(lie.clone()), Err(SendError::Unavailable { .. })), "{lie}");
        }
    }

    #[test]
    fn both_forms_are_read_as_what_was_sent() {
        let batch = wire::Batch::of(&parcel(3));
        let plain = |form| zstd::bulk::decompress(&encode(&batch, form).unwrap(), 1 << 20).unwrap();
        let json = plain(WireForm::Json);
        assert_eq!(serde_json::from_slice::<wire::Batch>(&json).unwrap(), batch);
        let postcard = plain(WireForm::Postcard);
        assert_eq!(postcard::from_bytes::<wire::Batch>(&postcard).unwrap(), batch);
        assert!(postcard.len() * 2 < json.len(), "{} and {}", postcard.len(), json.len());
    }
}

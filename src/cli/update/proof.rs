//! Proof that the appliance works: its own figures (`/metrics`, `/ready`), and an item that
//! goes through every configured way upstream.
//!
//! The record that is asked for is the one that the appliance writes down, syncs and finds
//! again at every start: an event may be long in coming where nobody walks by.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::app::device;
use crate::app::proof::send;
use crate::config::Settings;
use crate::rt::Clock;
use crate::upload::UploadSettings;

/// Longest wait for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Most of an answer that is read; the figures of 16 cameras have 40 KB.
const ANSWER_MAX_BYTES: u64 = 1 << 20;

/// What has not been proved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nobody answers.
    Answer,
    /// No camera has delivered a picture.
    Picture,
    /// The network has not looked at a picture.
    Look,
    /// A write failed.
    SoundStore,
    /// Nothing was stored and found again.
    Record,
    /// It says itself that it is not ready.
    Ready,
    /// No proof went through to an upstream: why.
    Upload(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "nobody answers",
            Self::Picture => "no camera has delivered a picture",
            Self::Look => "the network has looked at no picture",
            Self::SoundStore => "the store could not write",
            Self::Record => "no record was stored and found again",
            Self::Ready => "it is not ready",
            Self::Upload(why) => return write!(f, "no proof went through upstream: {why}"),
        })
    }
}

/// The appliance on this machine.
pub struct Box {
    address: Option<SocketAddr>,
    key: Option<String>,
    has_cameras: bool,
    upload: UploadSettings,
    device: String,
}

impl Box {
    /// The one with these settings.
    pub fn of(settings: &Settings) -> Self {
        Self {
            address: settings.api.listen.first().copied().map(reachable),
            key: settings.api.keys.first().map(|key| key.key.expose().to_owned()),
            has_cameras: !settings.cameras.is_empty(),
            upload: settings.upload.clone(),
            device: device::known(settings).unwrap_or_else(|| "unnamed".to_owned()),
        }
    }

    /// What has not been proved.
    pub fn missing(&self) -> Option<Missing> {
        let Some(figures) = self.get("/metrics") else { return Some(Missing::Answer) };
        missing_in(&figures, self.has_cameras)
            .or_else(|| self.get("/ready").is_none().then_some(Missing::Ready))
            .or_else(|| self.missing_upload())
    }

    /// Which upstream has not taken a proof, sent by this program as the appliance would.
    fn missing_upload(&self) -> Option<Missing> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return Some(Missing::Upload(error.to_string())),
        };
        let receipts = runtime.block_on(send(&self.upload, &self.device, &Clock::system()));
        let refused = receipts.into_iter().find_map(|(name, receipt)| Some((name, receipt.err()?)));
        refused.map(|(name, why)| Missing::Upload(format!("{name}: {why}")))
    }

    /// The body of a good answer.
    fn get(&self, path: &str) -> Option<String> {
        let address = self.address?;
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT).ok()?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).ok()?;
        let key = self.key.as_ref().map(|key| format!("X-API-Key: {key}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\n{key}Accept: text/plain\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let is_good = head.split(' ').nth(1) == Some("200");
        is_good.then(|| body.to_owned())
    }
}

/// An address that serves everywhere is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What these figures do not prove.
fn missing_in(figures: &str, has_cameras: bool) -> Option<Missing> {
    let sum = |name| sum_of(figures, name);
    if has_cameras && sum("watchpost_capture_frames_total") < 1.0 {
        return Some(Missing::Picture);
    }
    if has_cameras && sum("watchpost_pipeline_frames_inferred_total") < 1.0 {
        return Some(Missing::Look);
    }
    if sum("watchpost_store_failed_writes_total") > 0.0 {
        return Some(Missing::SoundStore);
    }
    (sum("watchpost_store_proved") < 1.0).then_some(Missing::Record)
}

/// The sum of a figure over its labels.
fn sum_of(figures: &str, name: &str) -> f64 {
    let values = figures.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_a_look_and_a_record_in_a_sound_store_are_the_proof() {
        let figures = |frames: u32, looks: u32, failures: u32, proved: u32| {
            format!(
                "# TYPE watchpost_capture_frames_total counter\n\
                 watchpost_capture_frames_total{{camera=\"a\"}} 0\n\
                 watchpost_capture_frames_total{{camera=\"b c\"}} {frames}\n\
                 watchpost_pipeline_frames_inferred_total{{camera=\"b c\"}} {looks}\n\
                 watchpost_store_failed_writes_total {failures}\n\
                 watchpost_store_proved {proved}\n"
            )
        };
        assert_eq!(missing_in(&figures(0, 0, 0, 1), true), Some(Missing::Picture));
        assert_eq!(missing_in(&figures(5, 0, 0, 1), true), Some(Missing::Look));
        assert_eq!(missing_in(&figures(5, 1, 2, 1), true), Some(Missing::SoundStore));
        assert_eq!(missing_in(&figures(5, 1, 0, 0), true), Some(Missing::Record));
        assert_eq!(missing_in(&figures(5, 1, 0, 1), true), None);
        assert_eq!(missing_in("watchpost_store_proved 1", false), None, "it has no cameras");
        assert_eq!(missing_in("", true), Some(Missing::Picture));
    }

    #[test]
    fn a_box_that_serves_everywhere_is_asked_on_loopback() {
        for (served, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
        ] {
            assert_eq!(reachable(served.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn a_figure_is_told_from_one_whose_name_begins_alike() {
        assert_eq!(
            sum_of("a_total 1\na_total_more 5\na_total{x=\"1\"} 2\na_total nonsense\n", "a_total"),
            3.0
        );
    }
}

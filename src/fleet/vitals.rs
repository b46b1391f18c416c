//! What a box must not lose with a new configuration: its pictures and its ways
//! upstream.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// How the box is, as far as a configuration can harm it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vitals {
    /// The cameras that are to run.
    pub cameras: Vec<CameraVital>,
    /// The ways upstream, each with whether a proof went through.
    pub upstreams: Vec<(String, bool)>,
}

/// How a camera is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraVital {
    /// Which.
    pub id: String,
    /// Whether it delivers.
    pub is_online: bool,
    /// When its latest picture was taken, if it delivers pictures all the time.
    pub last_seen_at: Option<Timestamp>,
}

impl Vitals {
    /// The cameras that `self` lacks: those that delivered `before` and are still to
    /// run, but have not delivered since. A box that saw something must see something.
    pub fn blind_since<'b>(&self, before: &'b Self) -> Vec<&'b str> {
        let delivers = |now: &CameraVital, then: &CameraVital| {
            let is_anew = now.last_seen_at.is_some() && now.last_seen_at != then.last_seen_at;
            now.is_online && (is_anew || then.last_seen_at.is_none())
        };
        let saw: Vec<_> = before.cameras.iter().filter(|camera| camera.is_online).collect();
        let lost = saw.iter().filter_map(|then| {
            let now = self.cameras.iter().find(|camera| camera.id == then.id)?;
            (!delivers(now, then)).then_some(&*then.id)
        });
        let mut lost: Vec<_> = lost.collect();
        let sees = self.cameras.iter().any(|camera| camera.is_online);
        if lost.is_empty() && !saw.is_empty() && !sees {
            lost.extend(saw.iter().map(|camera| &*camera.id));
        }
        lost
    }

    /// The ways upstream that worked `before` and do not now.
    pub fn cut_off_since<'b>(&self, before: &'b Self) -> Vec<&'b str> {
        let works =
            |name: &String| self.upstreams.iter().any(|(known, is_well)| known == name && *is_well);
        let worked = before.upstreams.iter().filter(|(_, is_well)| *is_well);
        worked.filter(|(name, _)| !works(name)).map(|(name, _)| &**name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(cameras: &[(&str, bool, i64)], upstreams: &[(&str, bool)]) -> Vitals {
        let camera = |(id, is_online, at): &(&str, bool, i64)| CameraVital {
            id: (*id).to_owned(),
            is_online: *is_online,
            last_seen_at: (*at > 0).then(|| Timestamp::from_unix_ms(*at)),
        };
        Vitals {
            cameras: cameras.iter().map(camera).collect(),
            upstreams: upstreams
                .iter()
                .map(|(name, is_well)| ((*name).to_owned(), *is_well))
                .collect(),
        }
    }

    #[test]
    fn a_camera_that_delivered_must_deliver_anew() {
        let before = vitals(&[("yard", true, 5), ("gate", false, 0)], &[]);
        assert_eq!(vitals(&[("yard", true, 6)], &[]).blind_since(&before), [""; 0]);
        assert_eq!(vitals(&[("yard", true, 5)], &[]).blind_since(&before), ["yard"]);
        assert_eq!(vitals(&[("yard", false, 6)], &[]).blind_since(&before), ["yard"]);
        let still = vitals(&[("studio", true, 0)], &[]);
        assert_eq!(still.blind_since(&still), [""; 0], "nobody presses its shutter");
    }

    #[test]
    fn a_camera_may_be_taken_away_but_not_the_last_one_that_sees() {
        let before = vitals(&[("yard", true, 5), ("gate", true, 5)], &[]);
        assert_eq!(vitals(&[("gate", true, 9)], &[]).blind_since(&before), [""; 0]);
        assert_eq!(vitals(&[], &[]).blind_since(&before), ["yard", "gate"]);
        assert_eq!(vitals(&[("new", true, 1)], &[]).blind_since(&before), [""; 0]);
        assert_eq!(vitals(&[], &[]).blind_since(&vitals(&[], &[])), [""; 0]);
    }

    #[test]
    fn only_what_worked_can_be_lost() {
        let before = vitals(&[], &[("http", true), ("mqtt", false)]);
        let after = |upstreams| vitals(&[], upstreams);
        assert_eq!(after(&[("http", true)]).cut_off_since(&before), [""; 0]);
        assert_eq!(after(&[("http", false), ("mqtt", true)]).cut_off_since(&before), ["http"]);
        assert_eq!(after(&[]).cut_off_since(&before), ["http"]);
    }
}

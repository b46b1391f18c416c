//! What the broker was told there is, by this run and those before: it retains that.
//!
//! Kept between runs (see [`Notebook`](super::super::Notebook)), so that what is no more
//! can be taken back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::presence::Pair;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// Cameras whose state was told.
    pub cameras: BTreeSet<String>,
    /// Cameras of which there was a picture.
    pub pictures: BTreeSet<String>,
    /// Cameras with a class they have seen.
    pub pairs: BTreeSet<Pair>,
    #[serde(skip)]
    is_changed: bool,
}

impl Told {
    /// There is a picture of a camera; whether that is new.
    pub fn picture(&mut self, camera: &str) -> bool {
        let is_new = self.pictures.insert(camera.to_owned());
        self.is_changed |= is_new;
        is_new
    }

    /// A camera has seen a class.
    pub fn pair(&mut self, pair: &Pair) {
        self.is_changed |= self.pairs.insert(pair.clone());
    }

    /// There is a camera.
    pub fn camera(&mut self, id: &str) {
        self.is_changed |= self.cameras.insert(id.to_owned());
    }

    /// A camera is no more.
    pub fn forget(&mut self, camera: &str) {
        let is_known = self.cameras.remove(camera) | self.pictures.remove(camera);
        let pairs = self.pairs.len();
        self.pairs.retain(|(of, _)| of != camera);
        self.is_changed |= is_known || self.pairs.len() < pairs;
    }

    /// All cameras that were spoken of.
    pub fn spoken_of(&self) -> BTreeSet<String> {
        let pairs = self.pairs.iter().map(|(camera, _)| camera);
        self.cameras.iter().chain(&self.pictures).chain(pairs).cloned().collect()
    }

    /// Whether it has changed since this was asked last.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }
}

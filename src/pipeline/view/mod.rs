//! Does the camera still see what it should? A covered lens, a turned camera.
//!
//! About once a second the frame is compared with a baseline of the empty scene,
//! one for color and one for infrared. The baseline follows slow changes. A view
//! that stays different for some looks, and holds still, has changed; it is told
//! once, and again only after the old view has come back or the new one has become
//! the baseline. What passes through the picture changes too little of it or moves.
//!
//! Reads no clock: times come from the frames. Memory: four small gray pictures of
//! at most 320 columns a camera, below 300 KiB.

mod chroma;
mod offset;
mod similarity;

use std::time::Duration;

use self::similarity::{gradient_energy, similarity};
use super::shrink::SmallLuma;
use crate::domain::{Frame, SceneChangeType};

/// Columns of the compared picture, at most.
const COLUMNS_MAX: usize = 320;
/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks before a new baseline is trusted.
const SETTLE_LOOKS: u32 = 10;
/// So many looks in a row must differ.
const DIFFERENT_LOOKS: u32 = 5;
/// The view must come back this far above the threshold to count as the old one.
const BACK_ABOVE: f32 = 0.15;
/// And be back for so many looks.
const BACK_LOOKS: u32 = 3;
/// Likeness to the look before from which the picture holds still, and how long it
/// must.
const STILL: f32 = 0.6;
const STILL_LOOKS: u32 = 3;
/// A view that never holds still (somebody plays with the camera) has changed
/// after so many looks all the same.
const RESTLESS_LOOKS: u32 = 30;
/// A changed view becomes the baseline after so many still looks.
const ADOPT_LOOKS: u32 = 60;
/// Share of the baseline's gradient energy below which nothing can be seen.
const BLIND_ENERGY: f32 = 0.15;
/// A fall of the likeness by this from one look to the next was sudden.
const SUDDEN_FALL: f32 = 0.25;

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    /// A view that is not what it was.
    Changed(ViewChange),
    /// After a change: the old view is back, or the new one has become usual.
    Usual,
    /// After a change: nobody compares any more.
    Unwatched,
}

/// A view that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewChange {
    /// What has become of it.
    pub change_type: SceneChangeType,
    /// Likeness to the baseline, 0..=1.
    pub similarity: f32,
}

/// Compares the frames of one camera with what it should see.
#[derive(Debug, Default)]
pub struct ViewWatch {
    latest_look: Option<Duration>,
    now: SmallLuma,
    before: Vec<u8>,
    is_gray: bool,
    /// For color and for infrared.
    baselines: [Option<Baseline>; 2],
    likeness: f32,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Usual,
    /// Different for `looks`, of which the last `still` were alike.
    Suspect { looks: u32, still: u32, is_sudden: bool },
    /// Told. The old view is back for `back` looks; the new one holds still for
    /// `still`.
    Changed { back: u32, still: u32, is_blind: bool },
}

impl ViewWatch {
    /// Looks at a frame when it is time. A likeness below `threshold` is another
    /// view; with 0 nothing is compared.
    pub fn look(&mut self, frame: &Frame, threshold: f32) -> Option<Look> {
        let at = frame.meta.captured_mono;
        let is_early = |last: Duration| at >= last && at.saturating_sub(last) < LOOK_INTERVAL;
        if threshold <= 0.0 {
            return self.forget();
        }
        if self.latest_look.is_some_and(is_early) {
            return None;
        }
        self.latest_look = Some(at);
        self.now.take(frame, COLUMNS_MAX);
        let change = self.compare(frame, threshold);
        self.before.clone_from(&self.now.levels);
        change
    }

    /// Nothing is compared from now on; whoever looks again begins anew.
    fn forget(&mut self) -> Option<Look> {
        let was_changed = matches!(self.state, State::Changed { .. });
        *self = Self::default();
        was_changed.then_some(Look::Unwatched)
    }

    fn compare(&mut self, frame: &Frame, threshold: f32) -> Option<Look> {
        let was_changed = matches!(self.state, State::Changed { .. });
        if !self.choose_baseline(frame) {
            return was_changed.then_some(Look::Usual);
        }
        let columns = self.now.columns;
        let likeness = similarity(&self.now.levels, &self.baseline().levels, columns);
        let is_sudden = self.likeness - likeness >= SUDDEN_FALL;
        self.likeness = likeness;
        let is_still = self.before.len() == self.now.levels.len()
            && similarity(&self.now.levels, &self.before, columns) >= STILL;
        let counted = |count: u32, goes_on: bool| if goes_on { count + 1 } else { 0 };
        self.state = match self.state {
            State::Usual | State::Suspect { .. } if likeness >= threshold => State::Usual,
            State::Usual => State::Suspect { looks: 1, still: 0, is_sudden },
            State::Suspect { looks, still, is_sudden } => {
                State::Suspect { looks: looks + 1, still: counted(still, is_still), is_sudden }
            }
            State::Changed { back, still, is_blind } => State::Changed {
                back: counted(back, likeness >= threshold + BACK_ABOVE),
                still: counted(still, is_still),
                is_blind,
            },
        };
        self.conclude(likeness)
    }

    /// What follows from the state.
    fn conclude(&mut self, similarity: f32) -> Option<Look> {
        match self.state {
            State::Usual => self.learn(),
            State::Suspect { looks, still, is_sudden } => {
                let holds_still = looks >= DIFFERENT_LOOKS && still >= STILL_LOOKS;
                if holds_still || looks >= RESTLESS_LOOKS {
                    let change_type = self.classify(is_sudden);
                    let is_blind = change_type == SceneChangeType::ViewBlocked;
                    self.state = State::Changed { back: 0, still: 0, is_blind };
                    return Some(Look::Changed(ViewChange { change_type, similarity }));
                }
            }
            State::Changed { back, .. } if back >= BACK_LOOKS => {
                self.state = State::Usual;
                return Some(Look::Usual);
            }
            // A blind camera never gets used to it.
            State::Changed { still, is_blind: false, .. } if still >= ADOPT_LOOKS => {
                self.start_over();
                return Some(Look::Usual);
            }
            State::Changed { .. } => (),
        }
        None
    }

    /// Takes the baseline of the present mode; false when it is still being made.
    fn choose_baseline(&mut self, frame: &Frame) -> bool {
        let is_gray = chroma::is_gray(frame, self.is_gray);
        // A cloth over the lens has no color either; that is no night.
        if is_gray != self.is_gray && !self.is_blind() {
            self.is_gray = is_gray;
            self.state = State::Usual;
        }
        let size = (self.now.levels.len(), self.now.columns);
        let known = self.baselines[usize::from(self.is_gray)].as_ref();
        if known.is_none_or(|known| (known.levels.len(), known.columns) != size) {
            self.start_over();
        }
        if self.baseline().looks < SETTLE_LOOKS {
            self.learn();
            return false;
        }
        true
    }

    /// Whether hardly anything of the baseline's edges is left.
    fn is_blind(&self) -> bool {
        let columns = self.now.columns;
        self.baselines[usize::from(self.is_gray)].as_ref().is_some_and(|known| {
            gradient_energy(&self.now.levels, columns)
                < gradient_energy(&known.levels, known.columns) * BLIND_ENERGY
        })
    }

    fn classify(&self, is_sudden: bool) -> SceneChangeType {
        let is_turned = || {
            offset::offset(&self.now.levels, &self.baseline().levels, self.now.columns).is_some()
        };
        if self.is_blind() {
            SceneChangeType::ViewBlocked
        } else if is_turned() {
            SceneChangeType::AngleChanged
        } else if is_sudden {
            SceneChangeType::ViewTampered
        } else {
            SceneChangeType::Unknown
        }
    }

    fn start_over(&mut self) {
        let (levels, columns) = (self.now.levels.clone(), self.now.columns);
        self.baselines[usize::from(self.is_gray)] = Some(Baseline { columns, levels, looks: 0 });
        self.state = State::Usual;
    }

    fn baseline(&self) -> &Baseline {
        self.baselines[usize::from(self.is_gray)].as_ref().expect("chosen before it is used")
    }

    fn learn(&mut self) {
        if let Some(baseline) = &mut self.baselines[usize::from(self.is_gray)] {
            baseline.learn(&self.now.levels);
        }
    }
}

/// The scene as it usually is.
#[derive(Debug)]
struct Baseline {
    columns: usize,
    levels: Vec<u8>,
    looks: u32,
}

impl Baseline {
    /// One level toward the picture: the sigma-delta estimate of the median over
    /// time (Manzanera and Richefeu, 2004), in which what passes leaves no trace.
    fn learn(&mut self, now: &[u8]) {
        self.looks = self.looks.saturating_add(1);
        for (known, level) in self.levels.iter_mut().zip(now) {
            *known = match level.cmp(known) {
                std::cmp::Ordering::Greater => *known + 1,
                std::cmp::Ordering::Less => *known - 1,
                std::cmp::Ordering::Equal => *known,
            };
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

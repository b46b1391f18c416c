//! Pre-roll: the last seconds of encoded video of one camera, kept so that a clip
//! can begin before the detection that caused it.
//!
//! Holds whole groups of pictures and therefore always starts on a keyframe.
//! Bounded by time and by bytes; when full, the oldest group goes first, also when
//! a clip still needs it, which is counted. Never blocks, never reads a clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::EncodedFrame;

/// The ring of one stream.
pub(super) struct PreRoll {
    groups: VecDeque<Group>,
    bytes: u64,
    next: u64,
    /// A group was given up; nothing is taken before the next keyframe.
    is_broken: bool,
}

/// A keyframe and what follows up to the next.
struct Group {
    number: u64,
    frames: VecDeque<Arc<EncodedFrame>>,
    /// Frames let go from its beginning: no clip can begin with it.
    gone: usize,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    group: u64,
    frame: usize,
}

/// What is held at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PreRollLimits {
    /// From the oldest frame to the newest, and one group more.
    pub span: Duration,
    /// Coded pictures together.
    pub bytes: u64,
}

impl PreRoll {
    pub fn new() -> Self {
        Self { groups: VecDeque::new(), bytes: 0, next: 0, is_broken: false }
    }

    /// Bytes of all frames held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets everything: another stream begins.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.bytes = 0;
        self.is_broken = false;
    }

    /// Here is the next frame. `needed` is where the slowest reader is. Returns how
    /// many frames were given up for lack of room.
    pub fn push(
        &mut self,
        frame: Arc<EncodedFrame>,
        limits: PreRollLimits,
        needed: Option<Position>,
    ) -> u64 {
        let now = frame.captured_mono;
        if frame.is_keyframe {
            self.is_broken = false;
            self.groups.push_back(Group { number: self.next, frames: VecDeque::new(), gone: 0 });
            self.next += 1;
        }
        let Some(group) = self.groups.back_mut().filter(|_| !self.is_broken) else {
            return u64::from(self.is_broken);
        };
        self.bytes += size(&frame);
        group.frames.push_back(frame);
        self.drop_old(now, limits.span, needed);
        self.drop_excess(limits.bytes, needed)
    }

    /// Where a clip that shows `mono` begins: on the latest keyframe up to then, or
    /// on the oldest there is. Also when that is.
    pub fn position_at(&self, mono: Duration) -> (Position, Option<Duration>) {
        let mut found = None;
        for group in self.groups.iter().filter(|group| group.gone == 0).rev() {
            found = Some(group);
            if group.begins_at().is_some_and(|at| at <= mono) {
                break;
            }
        }
        match found {
            Some(group) => (Position { group: group.number, frame: 0 }, group.begins_at()),
            None => (Position { group: self.next, frame: 0 }, None),
        }
    }

    /// The frames from `position` on that were taken before `until`; `position`
    /// moves on. Where frames were given up, those after begin with a keyframe.
    pub fn take(&self, position: &mut Position, until: Duration) -> Vec<Arc<EncodedFrame>> {
        let (from, mut taken) = (*position, Vec::new());
        for group in self.groups.iter().filter(|group| group.number >= from.group) {
            if group.number > position.group {
                *position = Position { group: group.number, frame: 0 };
            }
            let read = position.frame.saturating_sub(group.gone);
            for frame in group.frames.iter().skip(read) {
                if frame.captured_mono >= until {
                    return taken;
                }
                taken.push(Arc::clone(frame));
                position.frame = position.frame.max(group.gone) + 1;
            }
        }
        taken
    }

    fn drop_old(&mut self, now: Duration, span: Duration, needed: Option<Position>) {
        while let Some(second) = self.groups.get(1)
            && second.begins_at().is_some_and(|at| at + span <= now)
            && needed.is_none_or(|needed| self.groups[0].number < needed.group)
        {
            self.drop_first();
        }
    }

    fn drop_excess(&mut self, bytes_max: u64, needed: Option<Position>) -> u64 {
        let mut given_up = 0;
        while self.bytes > bytes_max && self.groups.len() > 1 {
            let unread = needed.map_or(0, |needed| self.groups[0].unread(needed));
            given_up += unread as u64;
            self.drop_first();
        }
        if self.bytes > bytes_max {
            self.shorten(needed);
        }
        if self.bytes > bytes_max {
            given_up += self.groups.front().map_or(0, |group| group.frames.len()) as u64;
            self.drop_first();
            self.is_broken = true;
        }
        given_up
    }

    /// One group alone is too much: what was read of it goes.
    fn shorten(&mut self, needed: Option<Position>) {
        let (Some(group), Some(needed)) = (self.groups.front_mut(), needed) else { return };
        let read = group.frames.len().saturating_sub(group.unread(needed));
        for frame in group.frames.drain(..read) {
            self.bytes = self.bytes.saturating_sub(size(&frame));
        }
        group.gone += read;
    }

    fn drop_first(&mut self) {
        let Some(group) = self.groups.pop_front() else { return };
        let bytes: u64 = group.frames.iter().map(size).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Group {
    fn begins_at(&self) -> Option<Duration> {
        self.frames.front().map(|frame| frame.captured_mono)
    }

    /// Frames that a reader at `position` has not read.
    fn unread(&self, position: Position) -> usize {
        match self.number.cmp(&position.group) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => self.frames.len(),
            std::cmp::Ordering::Equal => {
                self.frames.len().saturating_sub(position.frame.saturating_sub(self.gone))
            }
        }
    }
}

fn size(frame: &Arc<EncodedFrame>) -> u64 {
    frame.data.len() as u64
}

#[cfg(test)]
mod tests {
    use super::super::clip_testing::{encoded, keyframe_every};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALWAYS: Duration = Duration::MAX;

    fn limits(span_s: u64, bytes: u64) -> PreRollLimits {
        PreRollLimits { span: SECOND * span_s as u32, bytes }
    }

    /// Ten frames a second of 100 bytes, a keyframe each second.
    fn filled(frames: u64, limits: PreRollLimits) -> PreRoll {
        let mut ring = PreRoll::new();
        for number in 0..frames {
            ring.push(keyframe_every(10, number), limits, None);
        }
        ring
    }

    #[test]
    fn pre_roll_still_begins_on_a_keyframe_after_trimming() {
        let ring = filled(57, limits(2, 1 << 20));
        let (mut position, at) = ring.position_at(Duration::ZERO);
        let taken = ring.take(&mut position, ALWAYS);
        assert!(taken[0].is_keyframe);
        assert_eq!(at, Some(SECOND * 3));
        assert_eq!(taken.len(), 27);
    }

    #[test]
    fn a_clip_begins_on_the_keyframe_before_what_it_shows() {
        let ring = filled(57, limits(5, 1 << 20));
        assert_eq!(ring.position_at(Duration::from_millis(3_400)).1, Some(SECOND * 3));
        assert_eq!(ring.position_at(SECOND * 4).1, Some(SECOND * 4));
    }

    #[test]
    fn what_a_reader_needs_stays_longer_than_its_time_but_not_beyond_the_bytes() {
        let (mut ring, limits) = (PreRoll::new(), limits(1, 3_000));
        ring.push(keyframe_every(10, 0), limits, None);
        let (mut position, _) = ring.position_at(Duration::ZERO);
        let mut given_up = 0;
        for number in 1..30 {
            given_up += ring.push(keyframe_every(10, number), limits, Some(position));
        }
        assert_eq!(given_up, 0);
        given_up += ring.push(keyframe_every(10, 30), limits, Some(position));
        assert_eq!(given_up, 10);
        assert!(ring.bytes() <= 3_000);
        let taken = ring.take(&mut position, ALWAYS);
        assert!(taken[0].is_keyframe);
        assert_eq!(taken.len(), 21);
    }

    #[test]
    fn a_group_larger_than_the_ring_is_read_on_but_begins_no_clip() {
        let (mut ring, limits) = (PreRoll::new(), limits(1, 1_000));
        ring.push(keyframe_every(100, 0), limits, None);
        let (mut position, _) = ring.position_at(Duration::ZERO);
        let mut read = 0;
        for number in 1..50 {
            assert_eq!(ring.push(keyframe_every(100, number), limits, Some(position)), 0);
            read += ring.take(&mut position, ALWAYS).len();
        }
        assert_eq!(read, 50);
        assert!(ring.bytes() <= 1_000);
        assert_eq!(ring.position_at(Duration::ZERO).1, None);
    }

    #[test]
    fn a_group_larger_than_the_ring_that_nobody_reads_is_given_up_and_counted() {
        let (mut ring, limits) = (PreRoll::new(), limits(1, 1_000));
        let given_up: u64 =
            (0..50).map(|number| ring.push(keyframe_every(20, number), limits, None)).sum();
        assert_eq!(given_up, 20 + 20);
        assert!(ring.bytes() <= 1_000);
        assert_eq!(ring.position_at(Duration::ZERO).1, Some(SECOND * 4));
    }

    #[test]
    fn nothing_is_taken_that_comes_before_the_first_keyframe() {
        let mut ring = PreRoll::new();
        ring.push(encoded(3, false), limits(5, 1_000), None);
        assert_eq!(ring.bytes(), 0);
    }
}

//! Searching detections: the stretches that may hold some are read from the
//! newest on, until nothing unread can be newer than the last item of the page.
//!
//! Stretches overlap in time (cameras interleave, clocks are set back), so what is
//! read is merged. Memory: one page and one more item, one stretch (32 KiB, or a
//! frame of 1 MiB), and some bytes for each segment and each stretch of those
//! segments that were looked into.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use super::keys::{Pointer, Position};
use super::outline::{Outline, Stretch};
use super::outlines::OfSegment;
use super::stretches::Stretches;
use super::{DetectionQuery, SCAN_BYTES_MAX};
use crate::domain::{Detection, DetectionId};

/// What was found of a page.
pub(super) struct Search {
    /// Newest first.
    pub items: Vec<Detection>,
    /// The search goes on with what stands before this; `None` when there is
    /// nothing more.
    pub next: Option<Position>,
}

/// At most `limit` detections that `query` asks for and that stand before `upper`,
/// newest first. Ends early when it has read [`SCAN_BYTES_MAX`].
pub(super) fn search(
    query: &DetectionQuery,
    upper: Option<Position>,
    limit: usize,
    outlines: Vec<OfSegment>,
    stretches: &mut Stretches<'_>,
) -> Search {
    let mut frontier = Frontier::new(query, upper, outlines);
    let mut nearest = Nearest::new(limit + 1);
    let mut budget = SCAN_BYTES_MAX;
    while let Some(last) = frontier.next_last() {
        if nearest.is_final_before(last) {
            break;
        }
        // Only where the next page begins nearer to the end than this one did:
        // whoever follows the cursors arrives.
        if budget == 0 && upper.is_none_or(|upper| last.next() < upper) {
            return nearest.cut(limit, last);
        }
        let Some((segment, stretch)) = frontier.take() else { continue };
        budget = budget.saturating_sub(u64::from(stretch.end - stretch.offset));
        stretches.visit(segment, &stretch, |pointer, detection| {
            let position = position_of(&detection);
            if frontier.wanted.includes(position) && matches(query, &detection) {
                nearest.add(position, pointer, detection);
            }
        });
    }
    nearest.page(limit)
}

/// The detection with this id; of several the one written last.
pub(super) fn find(
    id: DetectionId,
    outlines: &[OfSegment],
    stretches: &mut Stretches<'_>,
) -> Option<Detection> {
    outlines.iter().rev().find_map(|(segment, outline)| {
        outline.whole().filter(|whole| whole.ids.contains(id.0))?;
        let mut may_have = outline.stretches().iter().rev().filter(|s| s.ids.contains(id.0));
        may_have.find_map(|stretch| {
            let mut found = None;
            stretches.visit(*segment, stretch, |_, detection| {
                found = Some(detection).filter(|d| d.id == id).or(found.take());
            });
            found
        })
    })
}

fn position_of(detection: &Detection) -> Position {
    Position { at: detection.captured_at, id: detection.id.0 }
}

fn matches(query: &DetectionQuery, detection: &Detection) -> bool {
    query.camera.as_ref().is_none_or(|camera| *camera == detection.camera)
        && query.label.as_deref().is_none_or(|label| label == detection.label.as_str())
        && query.event.is_none_or(|event| event == detection.event)
        && query.min_confidence.is_none_or(|least| detection.confidence >= least)
}

/// Where detections of a query may be.
struct Wanted<'q> {
    query: &'q DetectionQuery,
    /// Everything wanted stands before.
    upper: Option<Position>,
}

impl Wanted<'_> {
    fn includes(&self, position: Position) -> bool {
        self.query.range.from.is_none_or(|from| position.at >= from)
            && self.upper.is_none_or(|upper| position < upper)
    }

    /// No wanted detection in it stands after this; `None` when there is none.
    fn last_in(&self, outline: &Outline, stretch: &Stretch) -> Option<Position> {
        let query = self.query;
        let is_of = |bits: u64, wanted: Option<u64>| wanted.is_none_or(|wanted| bits & wanted != 0);
        let span = stretch.captured_ms;
        let may_have = query.range.from.is_none_or(|from| span.greatest >= from.unix_ms())
            && self.upper.is_none_or(|upper| span.least <= upper.at.unix_ms())
            && query.event.is_none_or(|event| stretch.events.contains(event.0))
            && is_of(stretch.cameras, query.camera.as_ref().map(|c| outline.camera_bits(c)))
            && is_of(stretch.labels, query.label.as_deref().map(|l| outline.label_bits(l)));
        may_have.then(|| self.upper.map_or(stretch.last(), |upper| stretch.last().min(upper)))
    }
}

/// What has not been read, that with the newest detections first. Segments are
/// taken apart when their turn comes.
struct Frontier<'q> {
    wanted: Wanted<'q>,
    heap: BinaryHeap<Unread>,
}

struct Unread {
    last: Position,
    segment: u64,
    outline: Arc<Outline>,
    /// `None` for the whole segment.
    stretch: Option<usize>,
}

impl<'q> Frontier<'q> {
    fn new(query: &'q DetectionQuery, upper: Option<Position>, outlines: Vec<OfSegment>) -> Self {
        let wanted = Wanted { query, upper };
        let unread = outlines.into_iter().filter_map(|(segment, outline)| {
            let last = wanted.last_in(&outline, outline.whole()?)?;
            Some(Unread { last, segment, outline, stretch: None })
        });
        Self { heap: unread.collect(), wanted }
    }

    /// Nothing unread stands after this; `None` when all is read.
    fn next_last(&self) -> Option<Position> {
        self.heap.peek().map(|unread| unread.last)
    }

    /// The next stretch to read; `None` when a segment was taken apart instead.
    fn take(&mut self) -> Option<(u64, Stretch)> {
        let Unread { segment, outline, stretch, .. } = self.heap.pop()?;
        if let Some(number) = stretch {
            return outline.stretches().get(number).map(|stretch| (segment, stretch.clone()));
        }
        for (number, stretch) in outline.stretches().iter().enumerate() {
            if let Some(last) = self.wanted.last_in(&outline, stretch) {
                let outline = Arc::clone(&outline);
                self.heap.push(Unread { last, segment, outline, stretch: Some(number) });
            }
        }
        None
    }
}

impl Ord for Unread {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.last, self.segment, self.stretch).cmp(&(other.last, other.segment, other.stretch))
    }
}

impl PartialOrd for Unread {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Unread {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Unread {}

/// The newest so many detections of those seen so far.
struct Nearest {
    room: usize,
    items: BTreeMap<Position, (Pointer, Detection)>,
}

impl Nearest {
    fn new(room: usize) -> Self {
        Self { room, items: BTreeMap::new() }
    }

    fn add(&mut self, position: Position, pointer: Pointer, detection: Detection) {
        // After a failed write a record can be in the journal twice.
        if self.items.get(&position).is_none_or(|(known, _)| *known < pointer) {
            self.items.insert(position, (pointer, detection));
        }
        if self.items.len() > self.room {
            self.items.pop_first();
        }
    }

    /// Whether nothing that stands at `last` or before belongs to it.
    fn is_final_before(&self, last: Position) -> bool {
        let oldest = self.items.first_key_value();
        self.items.len() == self.room && oldest.is_some_and(|(oldest, _)| *oldest > last)
    }

    /// The page, when all that could belong to it has been read.
    fn page(mut self, limit: usize) -> Search {
        let has_more = self.items.len() > limit;
        if has_more {
            self.items.pop_first();
        }
        let next = self.items.first_key_value().filter(|_| has_more).map(|(oldest, _)| *oldest);
        let items = self.items.into_values().rev().map(|(_, detection)| detection).collect();
        Search { items, next }
    }

    /// The page, when what stands at `last` or before has not all been read.
    fn cut(mut self, limit: usize, last: Position) -> Search {
        self.items = self.items.split_off(&last.next());
        let page = self.page(limit);
        Search { next: page.next.or(Some(last.next())), ..page }
    }
}

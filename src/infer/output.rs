//! From the network's output to candidates.
//!
//! One row per cell of three grids (strides 8, 16, 32): the scores of all
//! classes, then the distances from the cell's center to the four edges, each as
//! eight logits whose softmax expectation is the distance in strides. Pure;
//! numbers that make no sense (NaN, infinity) become no candidate.

use super::CANDIDATES_MAX;
use super::input::Fit;
use crate::domain::{BBox, Candidate, Label};

/// Pixels per cell, in the order of the rows.
pub const STRIDES: [u32; 3] = [8, 16, 32];
/// Logits per edge.
const BINS: usize = 8;
/// Columns after the scores: left, top, right, bottom.
pub const EDGE_COLUMNS: usize = 4 * BINS;
/// Two boxes of one class that share more than this are the same object.
const SAME_CLASS_IOU: f32 = 0.6;
/// Two boxes of different classes that share more than this are one object with
/// two names (car and truck); the better name stays.
const OTHER_CLASS_IOU: f32 = 0.85;
/// Boxes compared with each other; the weakest beyond go first. Bounds the
/// quadratic comparison on noise.
const BOXES_MAX: usize = 1_000;

/// A box before suppression.
#[derive(Clone, Copy, Debug)]
struct Found {
    class: usize,
    score: f32,
    bbox: BBox,
}

/// Rows of an output for this input size.
pub fn row_count(input_px: (u32, u32)) -> usize {
    STRIDES.iter().map(|stride| ((input_px.0 / stride) * (input_px.1 / stride)) as usize).sum()
}

/// All candidates of at least `threshold`, best first, at most
/// [`CANDIDATES_MAX`]. `output` holds [`row_count`] rows of as many scores as
/// there are `labels`, and [`EDGE_COLUMNS`].
pub fn candidates(
    output: &[f32],
    labels: &[Label],
    input_px: (u32, u32),
    fit: Fit,
    threshold: f32,
) -> Vec<Candidate> {
    let mut found = boxes(output, labels.len(), input_px, fit, threshold);
    // Ties keep the order of the rows, so that equal pictures give equal lists.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(BOXES_MAX);
    let named = |found: Found| Candidate {
        label: labels[found.class].clone(),
        confidence: found.score.min(1.0),
        bbox: found.bbox,
    };
    suppress(found).into_iter().map(named).collect()
}

fn boxes(
    output: &[f32],
    classes: usize,
    input_px: (u32, u32),
    fit: Fit,
    threshold: f32,
) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rows = output.chunks_exact(classes + EDGE_COLUMNS);
    for stride in STRIDES {
        let (columns, lines) = (input_px.0 / stride, input_px.1 / stride);
        for (cell, row) in (0..columns * lines).zip(&mut rows) {
            let (scores, edges) = row.split_at(classes);
            if let Some((class, score)) = best(scores, threshold) {
                let bbox = decode(edges, cell % columns, cell / columns, stride, fit);
                if bbox.area() > 0.0 {
                    found.push(Found { class, score, bbox });
                }
            }
        }
    }
    found
}

/// The best class of a cell, if it reaches `threshold`.
fn best(scores: &[f32], threshold: f32) -> Option<(usize, f32)> {
    // Most cells hold nothing: the greatest score alone vectorises, and only
    // survivors pay for finding whose it is. `max` passes over NaN.
    let top = scores.iter().copied().fold(0.0, f32::max);
    (top >= threshold && top.is_finite())
        .then(|| scores.iter().position(|score| *score == top).map(|class| (class, top)))
        .flatten()
}

/// The box of a cell. Cell centers are shifted by half a cell less half a pixel;
/// without the shift small boxes sit visibly beside their objects.
fn decode(edges: &[f32], column: u32, line: u32, stride: u32, fit: Fit) -> BBox {
    let size = stride as f32;
    let center = |n: u32| n as f32 * size + (size - 1.0) / 2.0;
    let (x, y) = (center(column), center(line));
    let edge = |n: usize| size * expectation(&edges[n * BINS..][..BINS]);
    let (width, height) = fit.picture_px;
    BBox::from_corners(
        (x - edge(0)) / width,
        (y - edge(1)) / height,
        (x + edge(2)) / width,
        (y + edge(3)) / height,
    )
}

/// Expectation of 0..=7 under the softmax of `logits`.
fn expectation(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (n, logit) in logits.iter().enumerate() {
        let share = (logit - top).exp();
        sum += share;
        weighted += share * n as f32;
    }
    weighted / sum
}

/// Greedy suppression: each box removes the weaker ones it covers.
fn suppress(sorted: Vec<Found>) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::new();
    for next in sorted {
        let is_covered = kept.iter().any(|better| {
            let limit = if better.class == next.class { SAME_CLASS_IOU } else { OTHER_CLASS_IOU };
            better.bbox.iou(&next.bbox) > limit
        });
        if !is_covered {
            kept.push(next);
        }
        if kept.len() == CANDIDATES_MAX {
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: (u32, u32) = (64, 64);
    const FIT: Fit = Fit { picture_px: (64.0, 64.0) };

    fn labels() -> Vec<Label> {
        ["person", "car"].map(Label::new).to_vec()
    }

    /// An empty output with these cells set: row, class, score, bins of the edges.
    fn output(cells: &[(usize, usize, f32, [usize; 4])]) -> Vec<f32> {
        let columns = 2 + EDGE_COLUMNS;
        let mut rows = vec![0.0; row_count(INPUT) * columns];
        for (row, class, score, bins) in cells {
            let row = &mut rows[row * columns..][..columns];
            row[*class] = *score;
            for (edge, bin) in bins.iter().enumerate() {
                row[2 + edge * BINS + bin] = 50.0;
            }
        }
        rows
    }

    fn found(cells: &[(usize, usize, f32, [usize; 4])]) -> Vec<Candidate> {
        candidates(&output(cells), &labels(), INPUT, FIT, 0.4)
    }

    #[test]
    fn a_cell_box_is_centered_half_a_cell_less_half_a_pixel_in() {
        // Cell (2, 1) of the stride 8 grid; its center is (19.5, 11.5).
        let found = found(&[(8 + 2, 0, 0.9, [1, 1, 2, 3])]);
        let bbox = found[0].bbox;
        let expected = BBox::from_corners(11.5 / 64.0, 3.5 / 64.0, 35.5 / 64.0, 35.5 / 64.0);
        assert!(bbox.iou(&expected) > 0.9999, "{bbox:?}");
        assert_eq!(found[0].label.as_str(), "person");
    }

    #[test]
    fn the_coarse_grids_follow_the_fine_one() {
        let found = found(&[(64 + 16, 1, 0.8, [1, 1, 1, 1])]);
        // First cell of stride 32: center 15.5, one stride each way, clipped.
        let expected = BBox::from_corners(0.0, 0.0, 47.5 / 64.0, 47.5 / 64.0);
        assert!(found[0].bbox.iou(&expected) > 0.9999);
    }

    #[test]
    fn of_overlapping_boxes_of_a_class_the_best_stays() {
        // Neighbouring cells, boxes six cells wide: IoU 0.6 and more.
        let twice = |class| [(18, 0, 0.7, [3, 3, 3, 3]), (19, class, 0.9, [3, 3, 3, 3])];
        assert_eq!(found(&twice(0)).iter().map(|c| c.confidence).collect::<Vec<_>>(), [0.9]);
        assert_eq!(found(&twice(1)).len(), 2, "a person in front of a car is two objects");
    }

    #[test]
    fn one_object_with_two_names_keeps_the_better_name() {
        let found = found(&[(0, 0, 0.5, [1, 1, 6, 6]), (64, 1, 0.6, [1, 1, 3, 3])]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].label.as_str(), "car");
    }

    #[test]
    fn numbers_that_make_no_sense_become_no_candidate() {
        assert!(found(&[(3, 0, f32::NAN, [1; 4]), (9, 1, f32::INFINITY, [1; 4])]).is_empty());
        let mut rows = output(&[(3, 0, 0.9, [1; 4])]);
        rows.iter_mut().for_each(|value| *value = if *value > 1.0 { f32::NAN } else { *value });
        assert!(candidates(&rows, &labels(), INPUT, FIT, 0.4).is_empty());
    }

    #[test]
    fn noise_over_the_whole_picture_stays_bounded() {
        let cells: Vec<_> = (0..row_count(INPUT)).map(|row| (row, row % 2, 0.5, [0; 4])).collect();
        let mut rows = output(&cells);
        // Tiny boxes that do not touch.
        rows.chunks_mut(2 + EDGE_COLUMNS).for_each(|row| row[3] = 49.0);
        assert!(candidates(&rows, &labels(), INPUT, FIT, 0.4).len() <= CANDIDATES_MAX);
    }
}

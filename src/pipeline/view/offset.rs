//! Finds by how far a picture has moved: the camera was turned.

/// The search runs on a plane of about this many columns.
const COLUMNS: usize = 80;
/// Farthest shift looked for, as a share of width and height: beyond it too little
/// of the old view is left to recognize it.
const REACH: f32 = 0.3;
/// Correlation of edges from which a shifted view counts as the same. Between
/// different scenes it stays below 0.25 (measured on the footage and its mirror
/// image), after a turn above 0.6.
const SAME: f32 = 0.4;
/// The shift must explain this much more than no shift.
const CLEARER: f32 = 0.15;

/// The shift in shares of width and height under which `now` shows what `known`
/// showed; `None` when there is none, or when it shows so without a shift.
pub fn offset(now: &[u8], known: &[u8], columns: usize) -> Option<(f32, f32)> {
    let (now, known) = (Edges::of(now, columns), Edges::of(known, columns));
    let reach = |size: usize| (size as f32 * REACH) as isize;
    let (reach_x, reach_y) = (reach(now.columns), reach(now.rows()));
    let unmoved = now.correlation(&known, (0, 0));
    let shifts = (-reach_y..=reach_y).flat_map(|y| (-reach_x..=reach_x).map(move |x| (x, y)));
    let (best, shift) = shifts
        .map(|shift| (now.correlation(&known, shift), shift))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let is_far = shift.0.unsigned_abs() + shift.1.unsigned_abs() >= 2;
    (is_far && best >= SAME && best - unmoved >= CLEARER)
        .then(|| (shift.0 as f32 / now.columns as f32, shift.1 as f32 / now.rows() as f32))
}

/// Edge strength per cell, on which light has little influence.
struct Edges {
    columns: usize,
    strength: Vec<f32>,
}

impl Edges {
    fn of(levels: &[u8], columns: usize) -> Self {
        let edge = (columns / COLUMNS).max(1);
        let small = averaged(levels, columns, edge);
        let columns = columns / edge;
        let at = |index: usize| small.get(index).copied().unwrap_or_default();
        let strength = (0..small.len())
            .map(|index| {
                let is_last = index % columns + 1 == columns;
                let right = if is_last { at(index) } else { at(index + 1) };
                let below =
                    if index + columns < small.len() { at(index + columns) } else { at(index) };
                (right - at(index)).abs() + (below - at(index)).abs()
            })
            .collect();
        Self { columns, strength }
    }

    fn rows(&self) -> usize {
        self.strength.len() / self.columns
    }

    /// Pearson's correlation over the part that both show when `self` is moved
    /// back by `shift`.
    fn correlation(&self, known: &Self, (dx, dy): (isize, isize)) -> f32 {
        let overlap = |size: usize, by: isize| {
            let size = size as isize;
            (by.max(0) as usize, (size - by.abs()).max(0) as usize, (-by).max(0) as usize)
        };
        let (now_x, width, known_x) = overlap(self.columns, dx);
        let (now_y, height, known_y) = overlap(self.rows(), dy);
        let (mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for row in 0..height {
            let now = &self.strength[(now_y + row) * self.columns + now_x..][..width];
            let known = &known.strength[(known_y + row) * known.columns + known_x..][..width];
            for (a, b) in now.iter().zip(known) {
                (x, y, xx, yy, xy) = (x + a, y + b, xx + a * a, yy + b * b, xy + a * b);
            }
        }
        let n = (width * height).max(1) as f32;
        let spread = ((xx - x * x / n) * (yy - y * y / n)).sqrt();
        if spread > 0.0 { (xy - x * y / n) / spread } else { 0.0 }
    }
}

fn averaged(levels: &[u8], columns: usize, edge: usize) -> Vec<f32> {
    let rows = levels.len() / columns;
    let mut small = Vec::with_capacity((rows / edge) * (columns / edge));
    for top in 0..rows / edge {
        for left in 0..columns / edge {
            let cells = (0..edge).flat_map(|row| {
                levels[(top * edge + row) * columns + left * edge..][..edge].iter()
            });
            small.push(cells.map(|level| f32::from(*level)).sum::<f32>() / (edge * edge) as f32);
        }
    }
    small
}

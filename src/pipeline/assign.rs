//! Who is who: the pairing of tracks with candidates that costs least in sum.
//!
//! Optimal (Hungarian method with potentials, O(n^3)) rather than greedy: where
//! two persons cross, greedy gives the first its best partner and leaves the
//! second a wrong one, which is exactly an identity switch. With the at most 100
//! candidates of a frame it takes well under a millisecond, in ordinary scenes
//! microseconds.

/// Costs of all pairs, row by row.
#[derive(Clone, Debug)]
pub struct Costs {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// Cost of a pair that must not be; far above any sum of allowed ones.
const FORBIDDEN: f32 = 1e4;

impl Costs {
    /// The cost of each pair; `None` forbids it. Costs lie in 0..=1.
    pub fn new(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<f32>) -> Self {
        let pairs = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let values = pairs.map(|(r, c)| cost(r, c).unwrap_or(FORBIDDEN)).collect();
        Self { rows, columns, values }
    }

    /// For each row its column, if it has one.
    pub fn assign(&self) -> Vec<Option<usize>> {
        let mut partners = vec![None; self.rows];
        let is_wide = self.rows <= self.columns;
        let cost = |small: usize, large: usize| match is_wide {
            true => self.values[small * self.columns + large],
            false => self.values[large * self.columns + small],
        };
        let (few, many) = (self.rows.min(self.columns), self.rows.max(self.columns));
        for (large, small) in hungarian(few, many, cost).into_iter().enumerate() {
            if let Some(small) = small.filter(|small| cost(*small, large) < FORBIDDEN) {
                let (row, column) = if is_wide { (small, large) } else { (large, small) };
                partners[row] = Some(column);
            }
        }
        partners
    }
}

/// For each of `many` its partner among `few` (`few <= many`); every one of the
/// few gets a partner. Grows the pairing by one shortest augmenting path each.
fn hungarian(few: usize, many: usize, cost: impl Fn(usize, usize) -> f32) -> Vec<Option<usize>> {
    // Index `many` is the place from which each path starts.
    let mut partner: Vec<Option<usize>> = vec![None; many + 1];
    let (mut few_potential, mut many_potential) = (vec![0.0_f32; few], vec![0.0_f32; many + 1]);
    for newcomer in 0..few {
        let mut slack = vec![f32::INFINITY; many];
        let mut came_from = vec![many; many];
        let mut is_reached = vec![false; many + 1];
        partner[many] = Some(newcomer);
        let mut at = many;
        // Widen the set of places reached, always by the cheapest next one, until
        // it contains a free place.
        while let Some(row) = partner[at] {
            is_reached[at] = true;
            let (mut step, mut next) = (f32::INFINITY, many);
            for column in (0..many).filter(|column| !is_reached[*column]) {
                let reduced = cost(row, column) - few_potential[row] - many_potential[column];
                if reduced < slack[column] {
                    (slack[column], came_from[column]) = (reduced, at);
                }
                if slack[column] < step {
                    (step, next) = (slack[column], column);
                }
            }
            // Keeps the reduced costs of all pairs at zero or above.
            for column in 0..=many {
                if is_reached[column] {
                    if let Some(row) = partner[column] {
                        few_potential[row] += step;
                    }
                    many_potential[column] -= step;
                } else if column < many {
                    slack[column] -= step;
                }
            }
            at = next;
        }
        // Back along the path, everyone moves one place on.
        while at != many {
            let previous = came_from[at];
            partner[at] = partner[previous];
            at = previous;
        }
    }
    partner.truncate(many);
    partner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign(table: &[&[f32]]) -> Vec<Option<usize>> {
        let columns = table.first().map_or(0, |row| row.len());
        let cost = |r: usize, c: usize| Some(table[r][c]).filter(|cost| *cost < 1.0);
        Costs::new(table.len(), columns, cost).assign()
    }

    #[test]
    fn the_sum_counts_not_the_first_best_pair() {
        // Greedy takes 0.1 and is left with 0.9.
        assert_eq!(assign(&[&[0.1, 0.2], &[0.15, 0.9]]), [Some(1), Some(0)]);
    }

    #[test]
    fn forbidden_pairs_stay_alone_and_shapes_need_not_match() {
        assert_eq!(assign(&[&[1.0, 1.0], &[1.0, 0.3]]), [None, Some(1)]);
        assert_eq!(assign(&[&[0.5], &[0.1], &[0.4]]), [None, Some(0), None]);
        assert_eq!(assign(&[&[0.5, 0.2, 0.9]]), [Some(1)]);
        assert_eq!(assign(&[]), Vec::<Option<usize>>::new());
        assert_eq!(Costs::new(2, 0, |_, _| None).assign(), [None, None]);
    }

    #[test]
    fn no_pairing_of_five_is_cheaper() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let table: Vec<Vec<f32>> =
                (0..5).map(|_| (0..5).map(|_| random.f32() * 0.99).collect()).collect();
            let rows: Vec<&[f32]> = table.iter().map(Vec::as_slice).collect();
            let found: f32 =
                assign(&rows).iter().enumerate().map(|(r, c)| table[r][c.unwrap()]).sum();
            assert!((found - cheapest(&table, 0, 0)).abs() < 1e-4);
        }
    }

    /// By trying all permutations.
    fn cheapest(table: &[Vec<f32>], row: usize, used: u32) -> f32 {
        if row == table.len() {
            return 0.0;
        }
        (0..table.len())
            .filter(|column| used & (1 << column) == 0)
            .map(|column| table[row][column] + cheapest(table, row + 1, used | 1 << column))
            .fold(f32::INFINITY, f32::min)
    }
}

//! Where to cut one column of a node in two: by the best place, or by a random one.
//!
//! A cut is worth Σ left² / Σ left + Σ right² / Σ right over the weights of the classes on each side: the larger, the
//! lower the Gini impurity of the two (Breiman et al. 1984). Deliberately absent: entropy, and cuts of several columns.

use rand::Rng;
use rand_pcg::Pcg64;

use super::columns::middle;

/// Values of a column closer than this are not cut apart, as in scikit-learn.
const APART: f32 = 1e-7;

/// How a column is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::learn) enum Cut {
    /// Between the two neighbouring values that part the classes best.
    Best,
    /// At a random place between the smallest and the largest value (Geurts, Ernst & Wehenkel 2006).
    Random,
}

/// The rows of a node as a cut sees them.
#[derive(Default)]
pub(super) struct Desk {
    /// Class and count of each row (see [`tag`]), in the order of the node's rows.
    pub tags: Vec<u32>,
    /// Weight of each class among them.
    pub totals: Vec<f64>,
    /// The column's value of each row.
    values: Vec<f32>,
    keys: Vec<u64>,
    left: Vec<f64>,
    right: Vec<f64>,
}

/// A place to cut at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// Values up to this go left.
    pub threshold: f32,
    /// The larger, the purer the sides.
    pub worth: f64,
}

/// What a column offers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Offer {
    /// All rows agree in it.
    Constant,
    /// Every cut would leave a side too small.
    Nothing,
    /// This cut.
    At(Place),
}

/// A row's class and how often it counts, in one number.
pub(super) fn tag(class: usize, count: u32) -> u32 {
    (class as u32) << 16 | count
}

fn class_of(tag: u32) -> usize {
    (tag >> 16) as usize
}

impl Desk {
    /// Lays the rows of a node out.
    pub(super) fn lay(&mut self, rows: &[u32], tags: &[u32], weights: &[f64]) {
        self.tags.clear();
        self.tags.extend(rows.iter().map(|&row| tags[row as usize]));
        self.totals.clear();
        self.totals.resize(weights.len(), 0.0);
        for &tag in &self.tags {
            self.totals[class_of(tag)] += weight(tag, weights);
        }
    }

    /// True when one class has all the weight.
    pub(super) fn is_pure(&self) -> bool {
        self.totals.iter().filter(|total| **total > 0.0).count() < 2
    }

    /// What `column` offers to the `rows` laid out; each side keeps at least `leaf` rows.
    pub(super) fn offer(
        &mut self,
        (column, rows): (&[f32], &[u32]),
        (cut, leaf): (Cut, usize),
        weights: &[f64],
        random: &mut Pcg64,
    ) -> Offer {
        self.values.clear();
        self.values.extend(rows.iter().map(|&row| column[row as usize]));
        let ends = (f32::INFINITY, f32::NEG_INFINITY);
        let (low, high) = self.values.iter().fold(ends, |(low, high), &value| (low.min(value), high.max(value)));
        if high <= low + APART {
            return Offer::Constant;
        }
        let place = match cut {
            Cut::Best => self.best(leaf, weights),
            Cut::Random => {
                let at = (f64::from(low) + (f64::from(high) - f64::from(low)) * random.random::<f64>()) as f32;
                self.judge(if at >= high { low } else { at }, leaf, weights)
            }
        };
        place.map_or(Offer::Nothing, Offer::At)
    }

    /// Sorts the rows by value and walks over them, moving one after another to the left.
    fn best(&mut self, leaf: usize, weights: &[f64]) -> Option<Place> {
        let Desk { tags, totals, values, keys, left, right } = self;
        keys.clear();
        keys.extend(values.iter().zip(&*tags).map(|(&value, &tag)| u64::from(ascending(value)) << 32 | u64::from(tag)));
        keys.sort_unstable();
        left.clear();
        left.resize(weights.len(), 0.0);
        right.clone_from(totals);
        let mut side = Sides::of(totals);
        let mut found: Option<(f64, usize)> = None;
        for at in 1..keys.len() {
            let tag = keys[at - 1] as u32;
            let (class, weight) = (class_of(tag), weight(tag, weights));
            side.move_left(&mut left[class], &mut right[class], weight);
            if at < leaf || keys.len() - at < leaf || value_of(keys[at]) <= value_of(keys[at - 1]) + APART {
                continue;
            }
            let worth = side.worth();
            if found.is_none_or(|(best, _)| worth > best) {
                found = Some((worth, at));
            }
        }
        let (worth, at) = found?;
        Some(Place { threshold: middle(value_of(keys[at - 1]), value_of(keys[at])), worth })
    }

    fn judge(&mut self, threshold: f32, leaf: usize, weights: &[f64]) -> Option<Place> {
        self.left.clear();
        self.left.resize(weights.len(), 0.0);
        let mut rows = 0;
        for (&value, &tag) in self.values.iter().zip(&self.tags) {
            let goes = value <= threshold;
            rows += usize::from(goes);
            self.left[class_of(tag)] += if goes { weight(tag, weights) } else { 0.0 };
        }
        if rows < leaf || self.values.len() - rows < leaf {
            return None;
        }
        let squares = |side: &mut dyn Iterator<Item = f64>| {
            let (sum, square) = side.fold((0.0, 0.0), |(sum, square), weight| (sum + weight, square + weight * weight));
            square / sum
        };
        let mut others = self.totals.iter().zip(&self.left).map(|(total, left)| total - left);
        let worth = squares(&mut self.left.iter().copied()) + squares(&mut others);
        Some(Place { threshold, worth })
    }
}

/// Sums of weights and of their squares on both sides of a cut.
struct Sides {
    left: f64,
    right: f64,
    left_squares: f64,
    right_squares: f64,
}

impl Sides {
    /// All on the right.
    fn of(totals: &[f64]) -> Sides {
        let squares = totals.iter().map(|total| total * total).sum();
        Sides { left: 0.0, right: totals.iter().sum(), left_squares: 0.0, right_squares: squares }
    }

    /// Moves `weight` of one class, of which `left` and `right` stand there.
    fn move_left(&mut self, left: &mut f64, right: &mut f64, weight: f64) {
        self.left_squares += weight * (2.0 * *left + weight);
        self.right_squares += weight * (weight - 2.0 * *right);
        *left += weight;
        *right -= weight;
        self.left += weight;
        self.right -= weight;
    }

    fn worth(&self) -> f64 {
        self.left_squares / self.left + self.right_squares / self.right
    }
}

fn weight(tag: u32, weights: &[f64]) -> f64 {
    weights[class_of(tag)] * f64::from(tag & 0xffff)
}

/// Bits that sort as the numbers do.
fn ascending(value: f32) -> u32 {
    let bits = value.to_bits();
    bits ^ (((bits as i32 >> 31) as u32) | 0x8000_0000)
}

/// The number whose [`ascending`] bits are the upper half of `key`.
fn value_of(key: u64) -> f32 {
    let bits = (key >> 32) as u32;
    f32::from_bits(if bits & 0x8000_0000 == 0 { !bits } else { bits & 0x7fff_ffff })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn offer(column: &[f32], classes: &[usize], (cut, leaf): (Cut, usize)) -> Offer {
        let rows: Vec<u32> = (0..column.len() as u32).collect();
        let tags: Vec<u32> = classes.iter().map(|&class| tag(class, 1)).collect();
        let weights = vec![1.0; classes.iter().max().unwrap_or(&0) + 1];
        let mut desk = Desk::default();
        desk.lay(&rows, &tags, &weights);
        desk.offer((column, &rows), (cut, leaf), &weights, &mut Pcg64::seed_from_u64(1))
    }

    #[test]
    fn bits_sort_as_numbers_and_come_back() {
        let numbers = [f32::MIN, -1.5, -0.0, 0.0, f32::MIN_POSITIVE, 2.0, f32::MAX];
        assert!(numbers.windows(2).all(|two| ascending(two[0]) < ascending(two[1])));
        assert!(numbers.iter().all(|&number| value_of(u64::from(ascending(number)) << 32) == number));
    }

    #[test]
    fn the_best_cut_parts_the_classes() {
        // Sides of 3 and 2 rows, both pure: 9 / 3 + 4 / 2.
        let found = offer(&[5.0, 1.0, 2.0, 6.0, 3.0], &[1, 0, 0, 1, 0], (Cut::Best, 1));
        assert_eq!(found, Offer::At(Place { threshold: 4.0, worth: 5.0 }));
    }

    #[test]
    fn sides_keep_their_least_number_of_rows() {
        let (column, classes) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 1, 1]);
        assert_eq!(offer(&column, &classes, (Cut::Best, 1)), Offer::At(Place { threshold: 1.5, worth: 4.0 }));
        assert_eq!(offer(&column, &classes, (Cut::Best, 2)), Offer::At(Place { threshold: 2.5, worth: 3.0 }));
        assert_eq!(offer(&column, &classes, (Cut::Best, 3)), Offer::Nothing);
        assert_eq!(offer(&column, &classes, (Cut::Random, 3)), Offer::Nothing);
    }

    #[test]
    fn equal_values_are_constant() {
        for cut in [Cut::Best, Cut::Random] {
            assert_eq!(offer(&[2.0, 2.0, 2.0 + 1e-8], &[0, 1, 0], (cut, 1)), Offer::Constant);
        }
    }

    #[test]
    fn a_random_cut_is_worth_what_it_parts() {
        // Whatever the place between the two clouds, one class is on each side; elsewhere it is worth less.
        let found = offer(&[0.0, 0.001, 1000.0, 1000.001], &[0, 0, 1, 1], (Cut::Random, 1));
        assert!(
            matches!(found, Offer::At(Place { threshold, worth }) if threshold < 1000.0 && worth == 4.0),
            "{found:?}"
        );
    }
}

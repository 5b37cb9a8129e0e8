//! Growing one tree of a boosting round: always the leaf whose cut lowers the loss most.
//!
//! From first and second derivatives of the loss, as LightGBM and scikit-learn's `HistGradientBoosting` do. Deliberately
//! absent: where the derivatives come from, and drawing rows or columns.

use super::bins::Bins;
use super::ensemble::Tree;
use super::histogram::{Cell, Histogram, Parting, Step, Terms, Total, divided, parting, summed};
use crate::job::{Cancelled, Watch};
use crate::learn::Epoch;

/// First and second derivative of the loss by what is said of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::learn) struct Slope {
    pub gradient: f32,
    pub hessian: f32,
}

/// How a tree grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learn) struct Leafwise {
    /// Part of the best step that a leaf takes.
    pub rate: f64,
    /// Leaves, at most.
    pub leaves: usize,
    /// Rows in a leaf, at least.
    pub leaf: usize,
    /// Penalty of a leaf's square.
    pub l2: f64,
}

/// A leaf that may be cut.
struct Bud {
    node: usize,
    from: usize,
    to: usize,
    total: Total,
    histogram: Histogram,
    best: Parting,
}

/// A node of the tree and its part of the rows.
struct Child {
    node: usize,
    from: usize,
    to: usize,
    total: Total,
}

struct Grower<'a> {
    how: Leafwise,
    bins: &'a Bins,
    steps: Vec<Step>,
    terms: Terms,
    rows: Vec<u32>,
    tree: Tree,
    buds: Vec<Bud>,
    /// Histograms to write over.
    spare: Vec<Histogram>,
    /// What is said of each row, to which its leaf is added.
    said: &'a mut [f64],
}

impl Leafwise {
    /// Grows a tree from the derivatives by row, whose leaves hold a number each, and adds it to what is `said`.
    ///
    /// # Errors
    /// `Cancelled`, asked for before each cut.
    pub(in crate::learn) fn grow(
        self,
        bins: &Bins,
        slopes: &[Slope],
        said: &mut [f64],
        watch: &dyn Watch<Epoch>,
    ) -> Result<Tree, Cancelled> {
        let rows = (0..bins.rows() as u32).collect();
        let (tree, buds, spare) = (Tree::sprout(), Vec::new(), Vec::new());
        let (steps, units) = steps(slopes);
        let terms = Terms { leaf: self.leaf.max(1), l2: self.l2, units };
        let mut grower = Grower { how: self, bins, steps, terms, rows, tree, buds, spare, said };
        watch.check()?;
        grower.root();
        let mut leaves = 1;
        while let Some(bud) = grower.next() {
            watch.check()?;
            leaves += 1;
            grower.cut(bud, leaves >= self.leaves);
        }
        Ok(grower.tree)
    }
}

impl Grower<'_> {
    fn root(&mut self) {
        let rows = self.rows.len();
        let mut histogram = summed(self.bins, &self.rows, &self.steps);
        let total = Cell::total(&histogram[..self.bins.bins(0)]);
        let best = if self.how.leaves > 1 && rows >= 2 * self.terms.leaf {
            parting(self.bins, &mut histogram, total, &self.terms)
        } else {
            None
        };
        match best {
            Some(best) => self.buds.push(Bud { node: 0, from: 0, to: rows, total, histogram, best }),
            // As scikit-learn: what cannot be told apart is left where the balanced classes put it.
            None => self.tree.close(0, &[0.0]),
        }
    }

    /// The leaf with the largest gain, the oldest of equals.
    fn next(&mut self) -> Option<Bud> {
        let gain = |at: usize| self.buds[at].best.gain;
        let best = (0..self.buds.len()).reduce(|best, at| if gain(at) > gain(best) { at } else { best })?;
        Some(self.buds.remove(best))
    }

    /// Cuts a leaf in two; where it is the `last` cut, all leaves are closed.
    fn cut(&mut self, bud: Bud, last: bool) {
        let best = bud.best;
        let middle = bud.from + self.part((bud.from, bud.to), &best);
        let node = self.tree.ask(bud.node, best.column, self.bins.threshold(best.column, best.bin));
        let left = Child { node, from: bud.from, to: middle, total: best.left };
        let right = Child { node: node + 1, from: middle, to: bud.to, total: bud.total.without(&best.left) };
        let is_open = |child: &Child| !last && child.total.rows() >= 2 * self.terms.leaf;
        if is_open(&left) || is_open(&right) {
            let found = self.partings([&left, &right], [is_open(&left), is_open(&right)], bud.histogram);
            [left, right]
                .into_iter()
                .zip(found)
                .for_each(|(child, (best, histogram))| self.settle(child, best, histogram));
        } else {
            self.spare.push(bud.histogram);
            [left, right].iter().for_each(|child| self.close(child));
        }
        if last {
            for Bud { node, from, to, total, .. } in std::mem::take(&mut self.buds) {
                self.close(&Child { node, from, to, total });
            }
        }
    }

    /// The best parting of the left and of the right child where it is open, and the histogram of each.
    fn partings(
        &mut self,
        children: [&Child; 2],
        open: [bool; 2],
        mut large: Histogram,
    ) -> [(Option<Parting>, Histogram); 2] {
        let mut small = self.spare.pop().unwrap_or_default();
        // The smaller child is summed, the larger one is what is left of the parent.
        let [first, second] = if children[0].total.rows() < children[1].total.rows() { [0, 1] } else { [1, 0] };
        let rows = &self.rows[children[first].from..children[first].to];
        let totals = [first, second].map(|child| open[child].then_some(children[child].total));
        let found = divided(self.bins, (rows, &self.steps), (&mut small, &mut large), totals, &self.terms);
        let [of_small, of_large] = found;
        let (one, other) = ((of_small, small), (of_large, large));
        if first == 0 { [one, other] } else { [other, one] }
    }

    /// A child that can be parted waits for it; another is closed.
    fn settle(&mut self, child: Child, best: Option<Parting>, histogram: Histogram) {
        match best {
            Some(best) => {
                let Child { node, from, to, total } = child;
                self.buds.push(Bud { node, from, to, total, histogram, best });
            }
            None => {
                self.spare.push(histogram);
                self.close(&child);
            }
        }
    }

    /// Brings the rows that go left to the front, all in their order; their number.
    fn part(&mut self, (from, to): (usize, usize), best: &Parting) -> usize {
        let codes = self.bins.column(best.column);
        let rows = &mut self.rows[from..to];
        let mut right = Vec::with_capacity(rows.len());
        let mut left = 0;
        for at in 0..rows.len() {
            let row = rows[at];
            if codes[row as usize] as usize <= best.bin {
                rows[left] = row;
                left += 1;
            } else {
                right.push(row);
            }
        }
        rows[left..].copy_from_slice(&right);
        left
    }

    /// The step that lowers the loss most, shortened by the rate.
    fn close(&mut self, child: &Child) {
        let [gradient, hessian] = child.total.sums(&self.terms);
        let step = -self.how.rate * gradient / (hessian + self.how.l2);
        self.tree.close(child.node, &[step as f32]);
        self.rows[child.from..child.to].iter().for_each(|&row| self.said[row as usize] += f64::from(step as f32));
    }
}

/// Derivatives in whole numbers, and their units: so small that rounding is far below what tells two cuts apart, so
/// large that no sum over rows leaves an `i32`.
fn steps(slopes: &[Slope]) -> (Vec<Step>, [f64; 2]) {
    let unit = |all: &dyn Fn(&Slope) -> f32| {
        let sum: f64 = slopes.iter().map(|slope| f64::from(all(slope)).abs()).sum();
        // Each row may be rounded up by a half.
        sum.max(f64::MIN_POSITIVE) / (f64::from(1 << 30) - slopes.len() as f64)
    };
    let units = [unit(&|slope| slope.gradient), unit(&|slope| slope.hessian)];
    let whole = |value: f32, unit: f64| (f64::from(value) / unit).round() as i32;
    let step =
        |slope: &Slope| Step { gradient: whole(slope.gradient, units[0]), hessian: whole(slope.hessian, units[1]) };
    (slopes.iter().map(step).collect(), units)
}

//! Growing one tree depth first (CART: Breiman, Friedman, Olshen & Stone 1984).
//!
//! As scikit-learn does it: at each node columns are drawn without return until enough were tried and one of them was not
//! constant, and the best offer wins, of equal ones the first that was drawn. So the seed decides ties, not the place of a
//! column. Deliberately absent: pruning, and a limit by impurity.

use rand::Rng;
use rand_pcg::Pcg64;

use super::columns::Columns;
use super::cut::{Cut, Desk, Offer, Place, tag};
use super::ensemble::Tree;
use crate::job::{Cancelled, Watch};
use crate::learn::Epoch;

/// How a tree grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::learn) struct Growth {
    /// How a column is cut.
    pub cut: Cut,
    /// Columns tried at a node.
    pub columns: usize,
    /// Cuts from the root to a leaf, at most; `None` = no bound.
    pub depth: Option<usize>,
    /// Rows in a leaf, at least.
    pub leaf: usize,
}

/// What a tree grows from.
pub(super) struct Soil<'a> {
    pub columns: &'a Columns,
    /// Class of each row.
    pub labels: &'a [usize],
    /// How often each row counts; a row with 0 is not there.
    pub counts: &'a [u32],
    /// Weight of a row of each class.
    pub weights: &'a [f64],
}

struct Grower<'a> {
    soil: &'a Soil<'a>,
    growth: Growth,
    random: &'a mut Pcg64,
    watch: &'a dyn Watch<Epoch>,
    /// By row of the soil.
    tags: Vec<u32>,
    /// Rows that count; those of a node stand together.
    rows: Vec<u32>,
    /// Columns, in the order in which they were last drawn.
    order: Vec<u32>,
    desk: Desk,
    tree: Tree,
}

/// A node that is not closed yet, and its part of the rows.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: usize,
}

/// Grows a tree whose leaves hold the share of each class in their weight.
///
/// # Errors
/// `Cancelled`, asked for at every column of every node.
pub(super) fn grow(
    soil: &Soil<'_>,
    growth: Growth,
    random: &mut Pcg64,
    watch: &dyn Watch<Epoch>,
) -> Result<Tree, Cancelled> {
    let rows: Vec<u32> = (0..soil.labels.len() as u32).filter(|&row| soil.counts[row as usize] > 0).collect();
    let tags = soil.labels.iter().zip(soil.counts).map(|(&class, &count)| tag(class, count)).collect();
    let order = (0..soil.columns.count() as u32).collect();
    let mut open = vec![Open { node: 0, from: 0, to: rows.len(), depth: 0 }];
    let (desk, tree) = (Desk::default(), Tree::sprout());
    let mut grower = Grower { soil, growth, random, watch, tags, rows, order, desk, tree };
    while let Some(next) = open.pop() {
        if let Some([left, right]) = grower.visit(&next)? {
            open.extend([right, left]);
        }
    }
    Ok(grower.tree)
}

impl Grower<'_> {
    /// Cuts a node in two, or closes it.
    fn visit(&mut self, open: &Open) -> Result<Option<[Open; 2]>, Cancelled> {
        let rows = open.to - open.from;
        self.desk.lay(&self.rows[open.from..open.to], &self.tags, self.soil.weights);
        let deep = self.growth.depth.is_some_and(|most| open.depth >= most);
        if deep || rows < 2 * self.growth.leaf.max(1) || self.desk.is_pure() {
            self.close(open.node);
            return Ok(None);
        }
        let Some((column, place)) = self.search(open)? else {
            self.close(open.node);
            return Ok(None);
        };
        let middle = open.from + self.part(open, column, place.threshold);
        let node = self.tree.ask(open.node, column, place.threshold);
        let depth = open.depth + 1;
        let left = Open { node, from: open.from, to: middle, depth };
        Ok(Some([left, Open { node: node + 1, from: middle, to: open.to, depth }]))
    }

    /// The best offer of the columns drawn.
    fn search(&mut self, open: &Open) -> Result<Option<(usize, Place)>, Cancelled> {
        let mut best: Option<(usize, Place)> = None;
        let mut constant = true;
        for drawn in 0..self.order.len() {
            if drawn >= self.growth.columns && !constant {
                break;
            }
            self.watch.check()?;
            let pick = self.random.random_range(drawn..self.order.len());
            self.order.swap(drawn, pick);
            let column = self.order[drawn] as usize;
            let rows = &self.rows[open.from..open.to];
            let of = (self.soil.columns.column(column), rows);
            let offer = self.desk.offer(of, (self.growth.cut, self.growth.leaf), self.soil.weights, self.random);
            constant &= offer == Offer::Constant;
            if let Offer::At(place) = offer
                && best.is_none_or(|(_, best)| place.worth > best.worth)
            {
                best = Some((column, place));
            }
        }
        Ok(best)
    }

    /// Brings the rows that go left to the front; their number.
    fn part(&mut self, open: &Open, column: usize, threshold: f32) -> usize {
        let values = self.soil.columns.column(column);
        let rows = &mut self.rows[open.from..open.to];
        let mut left = 0;
        for at in 0..rows.len() {
            if values[rows[at] as usize] <= threshold {
                rows.swap(left, at);
                left += 1;
            }
        }
        left
    }

    fn close(&mut self, node: usize) {
        let totals = &self.desk.totals;
        let sum: f64 = totals.iter().sum();
        let shares: Vec<f32> = totals.iter().map(|total| (total / sum) as f32).collect();
        self.tree.close(node, &shares);
    }
}

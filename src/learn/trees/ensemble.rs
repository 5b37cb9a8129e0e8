//! Grown trees: walking them, and keeping them in a file.
//!
//! A tree is a list of nodes whose children stand next to each other and after their parent, so that a walk cannot go in
//! circles, whatever a damaged file says. Deliberately absent: what the numbers in a leaf mean.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::columns::row_of;
use crate::learn::{Inputs, LearnError, Weights};

/// Column of a node that asks nothing.
const LEAF: u32 = u32::MAX;

/// Rows walked at a time.
const PART: usize = 64;

/// A question, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// Column that is asked about; [`LEAF`] where none is.
    column: u32,
    /// Values up to this go left.
    threshold: f32,
    /// Place of the left child, after which comes the right one; of a leaf its number.
    next: u32,
}

/// One tree.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::learn) struct Tree {
    nodes: Vec<Node>,
    /// `width` numbers per leaf.
    leaves: Vec<f32>,
}

/// Trees over the same columns.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::learn) struct Ensemble {
    pub trees: Vec<Tree>,
    /// Numbers in a leaf.
    pub width: usize,
    /// Number of columns of a row.
    pub columns: usize,
}

impl Tree {
    /// A root that is neither asked nor closed yet.
    pub(super) fn sprout() -> Tree {
        Tree { nodes: vec![Node { column: LEAF, threshold: 0.0, next: 0 }], leaves: Vec::new() }
    }

    /// Makes `node` ask whether `column` is at most `threshold`; the place of the left child, the right one follows.
    pub(super) fn ask(&mut self, node: usize, column: usize, threshold: f32) -> usize {
        let next = self.nodes.len();
        self.nodes[node] = Node { column: column as u32, threshold, next: next as u32 };
        self.nodes.extend([Node { column: LEAF, threshold: 0.0, next: 0 }; 2]);
        next
    }

    /// Makes `node` a leaf that holds `values`; all leaves hold equally many.
    pub(super) fn close(&mut self, node: usize, values: &[f32]) {
        self.nodes[node].next = (self.leaves.len() / values.len().max(1)) as u32;
        self.leaves.extend_from_slice(values);
    }

    /// What the leaf of `row` holds.
    fn leaf(&self, row: &[f32], width: usize) -> &[f32] {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.column == LEAF {
                let first = node.next as usize * width;
                return &self.leaves[first..first + width];
            }
            at = node.next as usize + usize::from(row[node.column as usize] > node.threshold);
        }
    }
}

impl Ensemble {
    /// Number of nodes.
    pub(in crate::learn) fn nodes(&self) -> usize {
        self.trees.iter().map(|tree| tree.nodes.len()).sum()
    }

    /// n x `sums`: tree t's leaf of a row, added up from column t · width mod `sums` on.
    ///
    /// # Errors
    /// `WrongInput` for images or rows of another length.
    pub(in crate::learn) fn sums(&self, inputs: &Inputs, sums: usize) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.columns {
            let (found, wanted) = (rows.ncols(), self.columns);
            return Err(LearnError::WrongInput(format!("{found} columns, not {wanted}")));
        }
        let mut all = Array2::zeros((rows.nrows(), sums));
        let parts: Vec<_> = all.axis_chunks_iter_mut(Axis(0), PART).zip(rows.axis_chunks_iter(Axis(0), PART)).collect();
        parts.into_par_iter().for_each(|(mut sums, rows)| {
            let singles: Vec<Vec<f32>> = rows.rows().into_iter().map(row_of).collect();
            for (number, tree) in self.trees.iter().enumerate() {
                let first = number * self.width % sums.ncols();
                for (row, mut sums) in singles.iter().zip(sums.rows_mut()) {
                    let leaf = tree.leaf(row, self.width);
                    leaf.iter().enumerate().for_each(|(at, &value)| sums[first + at] += f64::from(value));
                }
            }
        });
        Ok(all)
    }

    /// Puts the trees among `weights`: `sizes` (trees x nodes, leaves), `nodes` (column or -1, threshold, next) and
    /// `leaves` (leaves x width), tree after tree. Numbers of nodes are whole numbers far below 2²⁴, so exact.
    pub(in crate::learn) fn put(&self, weights: &mut Weights) {
        let sizes = self.trees.iter().flat_map(|tree| [tree.nodes.len(), tree.leaves.len() / self.width]);
        let nodes = self.trees.iter().flat_map(|tree| &tree.nodes).flat_map(|node| {
            let column = if node.column == LEAF { -1.0 } else { node.column as f32 };
            [column, node.threshold, node.next as f32]
        });
        let leaves = self.trees.iter().flat_map(|tree| tree.leaves.iter().copied());
        weights.put("sizes", &matrix(sizes.map(|size| size as f32), 2));
        weights.put("nodes", &matrix(nodes, 3));
        weights.put("leaves", &matrix(leaves, self.width));
        weights.put("columns", &ndarray::arr0(self.columns as f32));
    }

    /// What [`Ensemble::put`] kept.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when something is missing or does not fit together.
    pub(in crate::learn) fn get(weights: &Weights) -> Result<Ensemble, LearnError> {
        let (sizes, nodes): (Array2<f32>, Array2<f32>) = (weights.get("sizes")?, weights.get("nodes")?);
        let leaves: Array2<f32> = weights.get("leaves")?;
        let columns: ndarray::Array0<f32> = weights.get("columns")?;
        let mut ensemble =
            Ensemble { trees: Vec::new(), width: leaves.ncols(), columns: columns.into_scalar() as usize };
        let (mut nodes, mut leaves) = (nodes.rows().into_iter(), leaves.rows().into_iter());
        for size in sizes.rows() {
            let [of_nodes, of_leaves] = [0, 1].map(|at| size.get(at).map_or(0, |&size| size as usize));
            let nodes: Vec<Node> = nodes.by_ref().take(of_nodes).filter_map(|node| read(&node.to_vec())).collect();
            let leaves: Vec<f32> = leaves.by_ref().take(of_leaves).flat_map(|leaf| leaf.to_vec()).collect();
            let tree = Tree { nodes, leaves };
            if tree.nodes.len() != of_nodes || !ensemble.admits(&tree, of_leaves) {
                return Err(LearnError::BadModel("the nodes of a tree do not fit together".to_owned()));
            }
            ensemble.trees.push(tree);
        }
        if ensemble.trees.is_empty() || nodes.next().is_some() || leaves.next().is_some() {
            return Err(LearnError::BadModel("trees and their nodes do not fit together".to_owned()));
        }
        Ok(ensemble)
    }

    /// True when every walk through `tree` ends in a leaf that is there.
    fn admits(&self, tree: &Tree, leaves: usize) -> bool {
        let fits = |(at, node): (usize, &Node)| match node.column {
            LEAF => (node.next as usize) < leaves,
            column => {
                let next = node.next as usize;
                (column as usize) < self.columns && next > at && next + 1 < tree.nodes.len()
            }
        };
        !tree.nodes.is_empty() && tree.leaves.len() == leaves * self.width && tree.nodes.iter().enumerate().all(fits)
    }
}

fn read(node: &[f32]) -> Option<Node> {
    let &[column, threshold, next] = node else { return None };
    Some(Node { column: if column < 0.0 { LEAF } else { column as u32 }, threshold, next: next as u32 })
}

/// Numbers in rows of `width`, as many as there are.
fn matrix(values: impl Iterator<Item = f32>, width: usize) -> Array2<f32> {
    let values: Vec<f32> = values.collect();
    let rows = values.len().checked_div(width).unwrap_or(0);
    Array2::from_shape_fn((rows, width), |(row, column)| values[row * width + column])
}

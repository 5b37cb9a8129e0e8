//! Sums of gradients per bin of each column, and the best cut between two bins.
//!
//! When a node is cut in two, only the smaller child is summed; the larger one's sums are the parent's without it (as
//! LightGBM and scikit-learn do). Each column is summed in the order of the rows by one thread, so the bits do not depend
//! on the number of threads. Deliberately absent: cuts of categories, and bounds that keep a column monotonic.

use rayon::prelude::*;

use super::Bins;

/// Fewer additions than this are not worth a second thread.
const ALONE: usize = 1 << 16;

/// Second derivatives on each side, at least; scikit-learn's `min_hessian_to_split`.
const FIRM: f64 = 1e-3;

/// First and second derivative of the loss by what is said of a row, in whole numbers of [`Terms::units`]. Sums of
/// them over any rows fit, are exact, and take half the room of floating ones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Step {
    pub gradient: i32,
    pub hessian: i32,
}

/// Sums over the rows in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    gradient: i32,
    hessian: i32,
    rows: u32,
}

/// Sums over all rows of a node.
pub(super) type Total = Cell;

/// Cells of all columns of a node.
pub(super) type Histogram = Vec<Cell>;

/// A cut between two bins of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parting {
    /// How much it lowers the loss (times two).
    pub gain: f64,
    pub column: usize,
    /// The last bin that goes left.
    pub bin: usize,
    pub left: Total,
}

/// What a cut must keep, and what numbers mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms {
    /// Rows on each side, at least.
    pub leaf: usize,
    /// Added to the sum of second derivatives.
    pub l2: f64,
    /// Worth of 1 in a [`Step`]'s gradient and in its hessian.
    pub units: [f64; 2],
}

/// Sums the `rows` of a root.
pub(super) fn summed(bins: &Bins, rows: &[u32], steps: &[Step]) -> Histogram {
    let mut all = vec![Cell::default(); (0..bins.count()).map(|column| bins.bins(column)).sum()];
    let gathered: Vec<Step> = rows.iter().map(|&row| steps[row as usize]).collect();
    let work: Vec<(usize, &mut [Cell])> = by_column(bins, &mut all).into_iter().enumerate().collect();
    over_columns(work, rows.len(), |(column, cells)| sum(bins.column(column), (rows, &gathered), cells));
    all
}

/// Sums the `rows` of the smaller child into `small`, leaves the larger child's sums in `large` (the parent's before), and
/// finds the best parting of each that is asked for.
pub(super) fn divided(
    bins: &Bins,
    (rows, steps): (&[u32], &[Step]),
    (small, large): (&mut Histogram, &mut Histogram),
    totals: [Option<Total>; 2],
    terms: &Terms,
) -> [Option<Parting>; 2] {
    small.resize(large.len(), Cell::default());
    let gathered: Vec<Step> = rows.iter().map(|&row| steps[row as usize]).collect();
    let both = by_column(bins, small).into_iter().zip(by_column(bins, large));
    let found = over_columns(both.enumerate().collect(), rows.len(), |(column, (small, large))| {
        small.fill(Cell::default());
        sum(bins.column(column), (rows, &gathered), small);
        small.iter().zip(large.iter_mut()).for_each(|(small, large)| *large = large.without(small));
        let cells = [&*small, &*large];
        [0, 1].map(|child| totals[child].and_then(|total| best_of(column, cells[child], total, terms)))
    });
    [0, 1].map(|child| best(found.iter().filter_map(|both| both[child])))
}

/// The best parting of a root.
pub(super) fn parting(bins: &Bins, all: &mut Histogram, total: Total, terms: &Terms) -> Option<Parting> {
    let work = by_column(bins, all).into_iter().enumerate().collect();
    let found = over_columns(work, 0, |(column, cells)| best_of(column, cells, total, terms));
    best(found.into_iter().flatten())
}

/// The largest gain, the first of equals.
fn best(found: impl Iterator<Item = Parting>) -> Option<Parting> {
    found.reduce(|best, next| if next.gain > best.gain { next } else { best })
}

impl Cell {
    /// Of all cells of a column.
    pub(super) fn total(cells: &[Cell]) -> Total {
        cells.iter().fold(Cell::default(), |sum, cell| sum.with(cell))
    }

    /// Number of rows.
    pub(super) fn rows(self) -> usize {
        self.rows as usize
    }

    /// Sums of both derivatives.
    pub(super) fn sums(self, terms: &Terms) -> [f64; 2] {
        [f64::from(self.gradient) * terms.units[0], f64::from(self.hessian) * terms.units[1]]
    }

    fn with(self, other: &Cell) -> Cell {
        let (gradient, hessian) = (self.gradient + other.gradient, self.hessian + other.hessian);
        Cell { gradient, hessian, rows: self.rows + other.rows }
    }

    /// What is left of it without `other`.
    pub(super) fn without(self, other: &Cell) -> Cell {
        let (gradient, hessian) = (self.gradient - other.gradient, self.hessian - other.hessian);
        Cell { gradient, hessian, rows: self.rows - other.rows }
    }
}

fn by_column<'a>(bins: &Bins, mut all: &'a mut [Cell]) -> Vec<&'a mut [Cell]> {
    let part = |column: usize| {
        let (first, rest) = std::mem::take(&mut all).split_at_mut(bins.bins(column));
        all = rest;
        first
    };
    (0..bins.count()).map(part).collect()
}

/// Does `work` for every column, in the order of columns, with several threads where there is enough of it.
fn over_columns<T: Send, R: Send>(columns: Vec<T>, rows: usize, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    // A walk over the bins of two children costs about as much as adding 512 rows.
    let each = rows + 512;
    if columns.len() * each < ALONE {
        return columns.into_iter().map(work).collect();
    }
    columns.into_par_iter().with_min_len(ALONE / 4 / each + 1).map(work).collect()
}

fn sum(codes: &[u8], (rows, steps): (&[u32], &[Step]), cells: &mut [Cell]) {
    for (&row, step) in rows.iter().zip(steps) {
        let cell = &mut cells[codes[row as usize] as usize];
        cell.gradient += step.gradient;
        cell.hessian += step.hessian;
        cell.rows += 1;
    }
}

/// The best place between two bins of a column that lowers the loss at all.
fn best_of(column: usize, cells: &[Cell], total: Total, terms: &Terms) -> Option<Parting> {
    let mut best: Option<Parting> = None;
    let mut left = Cell::default();
    let [gradient, hessian] = total.sums(terms);
    let before = gradient * gradient / (hessian + terms.l2);
    let mut most = before;
    for (bin, cell) in cells.iter().enumerate() {
        left = left.with(cell);
        if total.rows() - left.rows() < terms.leaf {
            break;
        }
        if cell.rows == 0 || left.rows() < terms.leaf {
            continue;
        }
        let [[of_left, left_curve], [of_right, right_curve]] = [left.sums(terms), total.without(&left).sums(terms)];
        if left_curve < FIRM || right_curve < FIRM {
            continue;
        }
        let (below_left, below_right) = (left_curve + terms.l2, right_curve + terms.l2);
        let (above, below) =
            (of_left * of_left * below_right + of_right * of_right * below_left, below_left * below_right);
        // above / below > most; one division for each new best instead of two for each bin.
        if above > most * below {
            most = above / below;
            best = Some(Parting { gain: most - before, column, bin, left });
        }
    }
    best
}

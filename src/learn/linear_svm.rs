//! A linear support vector machine for many columns: dual coordinate descent for each pair of classes, in parallel.
//!
//! Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", ICML 2008, algorithm 1 with the squared
//! hinge (LIBLINEAR's solver 1, without shrinking). One machine per pair of classes; one against the rest was 4 points
//! worse on ComParE's features of five speakers of EmoDB. Deliberately absent: kernels (`svm`), a search for C, and Platt scaling.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::pairs::{coupled, pairs};
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// Price of a clip on the wrong side times the mean squared length of a clip, before class balance: C = 1 / mean |x|²,
/// SVMlight's default (Joachims 1999), so that C suits the number of columns. For d standardised columns this is 1 / d:
/// 1.6e-4 for ComParE's 6,373 and 1.1e-2 for eGeMAPS' 88, where 1e-4 and 1e-2 are the values in use.
const PRICE: f64 = 1.0;

/// scikit-learn's `C`.
const C: Knob = Knob {
    name: "c",
    default: None,
    range: (1e-9, 1e6),
    whole: false,
    tries: &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    about: "price of a clip on the wrong side, before class balance; 1 / mean |x|² where not given",
};

/// A pass that moves no slope of the dual by more than this is the last.
const TOLERANCE: f64 = 1e-3;

/// Upper bound of passes over a pair's clips; set by hand, a few dozen are usual.
const PASSES: usize = 1000;

/// Clips between two looks at the watch.
const LOOK: usize = 64;

/// Linear SVM.
pub(super) struct LinearSvm;

struct Planes {
    /// Pairs x d; positive speaks for the pair's first class.
    slopes: Array2<f32>,
    /// One per pair.
    offsets: Array1<f32>,
    classes: usize,
}

impl Classifier for LinearSvm {
    fn name(&self) -> &'static str {
        "linear-svm"
    }
    fn about(&self) -> &'static str {
        "linear support vector machine for many columns, C = 1 / mean |x|², one-vs-one, classes balanced (own)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn overstates(&self) -> bool {
        true
    }
    fn knobs(&self) -> &'static [Knob] {
        &[C]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?.as_standard_layout().into_owned();
        let squares: Array1<f64> = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        let mean = squares.mean().filter(|&mean| mean > 0.0).unwrap_or(1.0);
        let c = C.of(recipe).unwrap_or(PRICE / mean);
        let plane = |(at, pair): (usize, (usize, usize))| {
            let problem = Problem::of(data, pair, c, mean.sqrt());
            problem.solve(&rows, &squares, recipe.seed.wrapping_add(at as u64), watch)
        };
        let found: Vec<_> = pairs(data.classes).into_par_iter().enumerate().map(plane).collect::<Result<_, _>>()?;
        let mut slopes = Array2::zeros((found.len(), rows.ncols()));
        slopes.rows_mut().into_iter().zip(&found).for_each(|(mut row, plane)| row.assign(&plane.slopes.mapv(single)));
        let offsets = found.iter().map(|plane| single(plane.offset)).collect();
        Ok(Box::new(Planes { slopes, offsets, classes: data.classes }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let planes = Planes {
            slopes: weights.get("slopes")?,
            offsets: weights.get("offsets")?,
            classes: weights.get_json("classes")?,
        };
        let pairs = planes.classes.saturating_mul(planes.classes.saturating_sub(1)) / 2;
        if planes.slopes.nrows() != pairs || planes.offsets.len() != pairs {
            return Err(LearnError::BadModel("linear-svm: slopes and classes do not fit together".into()));
        }
        Ok(Box::new(planes))
    }
}

impl Model for Planes {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.slopes.ncols() {
            let (found, wanted) = (rows.ncols(), self.slopes.ncols());
            return Err(LearnError::WrongInput(format!("linear-svm: {found} columns, not {wanted}")));
        }
        let decisions = rows.dot(&self.slopes.t().mapv(f64::from)) + self.offsets.mapv(f64::from);
        let mut scores = Array2::zeros((rows.nrows(), self.classes));
        for (mut out, line) in scores.rows_mut().into_iter().zip(decisions.rows()) {
            out.assign(&coupled(line, self.classes));
        }
        Ok(scores)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("slopes", &self.slopes);
        weights.put("offsets", &self.offsets);
        weights.bytes.insert("classes".into(), self.classes.to_string().into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.slopes.len() + self.offsets.len()
    }
}

fn single(value: f64) -> f32 {
    value as f32
}

/// Two classes to be told apart.
struct Problem {
    /// Clips of the two classes, and the side of each: 1 or -1.
    clips: Vec<(usize, f64)>,
    /// Price of a clip on the side of 1, and of -1.
    prices: [f64; 2],
    /// Every clip has one more column with this number, whose slope is the offset. As long as a clip itself, it costs
    /// the offset next to nothing; with 1, as in scikit-learn, a small C would hold the offset near 0.
    one: f64,
}

/// What separates them.
struct Plane {
    slopes: Array1<f64>,
    offset: f64,
}

impl Problem {
    /// The price of a clip is c · clips of the pair / (2 · clips of its class), scikit-learn's `class_weight="balanced"`.
    fn of(data: &Data, pair: (usize, usize), c: f64, one: f64) -> Problem {
        let side = |&label: &usize| match label {
            label if label == pair.0 => Some(1.0),
            label if label == pair.1 => Some(-1.0),
            _ => None,
        };
        let clips: Vec<(usize, f64)> =
            data.labels.iter().enumerate().filter_map(|(clip, label)| Some((clip, side(label)?))).collect();
        let firsts = clips.iter().filter(|(_, side)| *side > 0.0).count();
        let price = |count: usize| c * clips.len() as f64 / (2 * count.max(1)) as f64;
        Problem { prices: [price(firsts), price(clips.len() - firsts)], clips, one }
    }

    fn price(&self, side: f64) -> f64 {
        self.prices[usize::from(side < 0.0)]
    }

    /// Minimises |w|²/2 + Σ price · max(0, 1 - side · f(x))² over w, the slope of the extra column included.
    fn solve(
        &self,
        rows: &Array2<f64>,
        squares: &Array1<f64>,
        seed: u64,
        watch: &dyn Watch<Epoch>,
    ) -> Result<Plane, LearnError> {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..self.clips.len()).collect();
        let mut multipliers = vec![0.0; order.len()];
        let mut plane = Plane { slopes: Array1::zeros(rows.ncols()), offset: 0.0 };
        for _ in 0..PASSES {
            order.shuffle(&mut random);
            let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
            for (done, &at) in order.iter().enumerate() {
                if done % LOOK == 0 {
                    watch.check()?;
                }
                let (clip, side) = self.clips[at];
                let row = rows.index_axis(Axis(0), clip);
                let slope = self.step(&mut plane, row, squares[clip], side, &mut multipliers[at]);
                (lowest, highest) = (lowest.min(slope), highest.max(slope));
            }
            if highest - lowest < TOLERANCE {
                break;
            }
        }
        Ok(plane)
    }

    /// Makes one clip's multiplier the best it can be beside the others; the slope of the dual before that, 0 where
    /// the multiplier is at its bound and would leave it.
    fn step(&self, plane: &mut Plane, row: ArrayView1<f64>, square: f64, side: f64, multiplier: &mut f64) -> f64 {
        let soft = 0.5 / self.price(side);
        let slope = side * plane.decide(row) - 1.0 + soft * *multiplier;
        if *multiplier == 0.0 && slope >= 0.0 {
            return 0.0;
        }
        let next = (*multiplier - slope / (square + self.one * self.one + soft)).max(0.0);
        let change = (next - *multiplier) * side;
        *multiplier = next;
        plane.slopes.scaled_add(change, &row);
        plane.offset += change * self.one * self.one;
        slope
    }
}

impl Plane {
    fn decide(&self, row: ArrayView1<f64>) -> f64 {
        self.slopes.dot(&row) + self.offset
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use crate::learn::Extras;

    const CLIPS: usize = 40;
    const CHEAP: f64 = 0.3;
    const ONE: f64 = 2.0;

    /// The same arithmetic as in `tests/golden/linear_svm.py`.
    fn data() -> Data {
        let mut state = 1_u32;
        let mut rows = Array2::zeros((CLIPS, 5));
        let labels: Vec<usize> = (0..CLIPS).map(|row| usize::from(row % 5 >= 2)).collect();
        for ((row, column), value) in rows.indexed_iter_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let side = if labels[row] == 0 { 0.6 } else { -0.6 };
            *value = f64::from(state >> 16) / 32_768.0 - 1.0 + if column < 2 { side } else { 0.0 };
        }
        Data { inputs: Inputs::Rows(rows), labels, groups: vec![0; CLIPS], classes: 2, extras: Extras::default() }
    }

    fn solved(seed: u64) -> (Problem, Plane, Data) {
        let data = data();
        let rows = data.inputs.rows().unwrap();
        let squares = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        let problem = Problem::of(&data, (0, 1), CHEAP, ONE);
        let plane = problem.solve(rows, &squares, seed, &Unwatched).unwrap();
        (problem, plane, data)
    }

    #[test]
    fn the_plane_is_scikit_learns() {
        let (problem, plane, data) = solved(7);
        let rows = data.inputs.rows().unwrap();
        let lost = |&(clip, side): &(usize, f64)| {
            problem.price(side) * (1.0 - side * plane.decide(rows.row(clip))).max(0.0).powi(2)
        };
        let length = plane.slopes.dot(&plane.slopes) + (plane.offset / ONE).powi(2);
        let objective = length / 2.0 + problem.clips.iter().map(lost).sum::<f64>();
        assert!((objective / 4.091_829_657_8 - 1.0).abs() < 1e-5, "{objective}");
        let wanted = [0.642_331_8, 0.802_094_5, -0.082_899_7, -0.172_053_0, 0.097_525_2];
        assert!(plane.slopes.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2e-3), "{}", plane.slopes);
        assert!((plane.offset + 0.022_119_6).abs() < 2e-3, "{}", plane.offset);
    }

    #[test]
    fn the_order_of_clips_hardly_matters() {
        let (first, second) = (solved(1).1, solved(2).1);
        assert!((first.slopes - second.slopes).iter().all(|gap| gap.abs() < 2e-3));
    }

    #[test]
    fn a_rare_class_costs_as_much_as_a_common_one() {
        let (problem, _, _) = solved(1);
        let cost = |wanted: f64| {
            problem.clips.iter().filter(|(_, side)| *side == wanted).map(|(_, side)| problem.price(*side)).sum::<f64>()
        };
        assert!((cost(1.0) - cost(-1.0)).abs() < 1e-9 && problem.price(1.0) > problem.price(-1.0));
    }
}

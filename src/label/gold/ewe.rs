//! A number out of ratings on a scale: their mean, or a mean in which people count by how well they go along with the others.
//!
//! M. Grimm & K. Kroschel, "Evaluation of natural emotions using self assessment manikins", ASRU 2005; the weight of a person is the
//! correlation with the mean of all others (E. Coutinho et al. 2016), as audpsychometric has it for ratings without holes. With
//! holes, the correlation is over the clips that the person and another rated, and each clip's mean is over those who rated it. A
//! person who goes against the others has weight 0, not less. Deliberately absent: bias and spread of people; means keep them.

use super::super::{Ratings, Said};
use super::{How, Opinion, shares};
use crate::score::pearson;

/// Everyone counts alike.
pub(super) fn mean(ratings: &Ratings, _how: &How) -> Opinion {
    weighted(ratings, &vec![1.0; ratings.raters.len()], vec![None; ratings.raters.len()])
}

/// Everyone counts by correlation with the others; a person's trust is that correlation.
pub(super) fn ewe(ratings: &Ratings, _how: &How) -> Opinion {
    let trust = correlations(ratings);
    let mut weights: Vec<f64> = trust.iter().map(|r| r.unwrap_or(0.0).max(0.0)).collect();
    if weights.iter().all(|weight| *weight == 0.0) {
        weights.fill(1.0);
    }
    weighted(ratings, &weights, trust)
}

fn weighted(ratings: &Ratings, weights: &[f64], raters: Vec<Option<f64>>) -> Opinion {
    let value = |row: &Vec<Said>| {
        let sum: f64 = row.iter().map(|one| weights[one.rater]).sum();
        let all: f64 = row.iter().map(|one| weights[one.rater] * ratings.values[one.code]).sum();
        // Only people without weight: they are all there is.
        let plain = || row.iter().map(|one| ratings.values[one.code]).sum::<f64>() / row.len() as f64;
        (!row.is_empty()).then(|| if sum > 0.0 { all / sum } else { plain() })
    };
    let values = ratings.said.iter().map(|row| value(row).map(|value| value.to_string())).collect();
    Opinion { values, distributions: shares(ratings), raters }
}

/// Pearson's correlation of each person with the mean of all others.
fn correlations(ratings: &Ratings) -> Vec<Option<f64>> {
    let of = |rater: usize| {
        let both = ratings.said.iter().filter_map(|row| {
            let own = row.iter().find(|one| one.rater == rater)?;
            let others = row.iter().filter(|one| one.rater != rater).map(|one| ratings.values[one.code]);
            let (sum, count) = others.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| (ratings.values[own.code], sum / f64::from(count)))
        });
        let (own, others): (Vec<f64>, Vec<f64>) = both.unzip();
        pearson(&own, &others)
    };
    (0..ratings.raters.len()).map(of).collect()
}

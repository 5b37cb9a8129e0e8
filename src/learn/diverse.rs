//! Which clips to label next: uncertain ones that are unlike each other, spread over speakers.
//!
//! Of the most uncertain candidates (ten times as many as are wanted) k-means (smartcore) makes as many clusters as are wanted, and
//! each gives its most uncertain member: diverse mini-batches as in Zhdanov, "Diverse mini-batch active learning" (2019), with the
//! member chosen by uncertainty rather than by distance to the centre. No speaker gives more than a fair share, rounded up, while
//! others have candidates. Deliberately absent: where uncertainty comes from beside [`uncertainty`], and random choice.

use std::collections::{BTreeSet, HashMap};

use ndarray::{Array2, ArrayView1, ArrayView2};
use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

/// Candidates per wanted clip.
const CANDIDATES: usize = 10;

/// How undecided the probabilities of one clip are: their entropy over that of even odds, 0 (sure) to 1 (even).
pub fn uncertainty(p: ArrayView1<'_, f64>) -> f64 {
    let entropy: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    match p.len() {
        0 | 1 => 0.0,
        classes => (entropy / (classes as f64).ln()).clamp(0.0, 1.0),
    }
}

/// Up to `wanted` rows, each uncertain (`uncertain`, one value per row, larger = more wanted) and unlike the others in
/// `features` (rows x columns), spread over `groups` (one per row); the most uncertain first. The same seed gives the same rows.
pub fn diverse(
    features: ArrayView2<'_, f64>,
    uncertain: &[f64],
    groups: &[usize],
    (wanted, seed): (usize, u64),
) -> Vec<usize> {
    let mut candidates: Vec<usize> = (0..features.nrows()).collect();
    candidates.sort_by(|&a, &b| uncertain[b].total_cmp(&uncertain[a]).then(a.cmp(&b)));
    candidates.truncate(wanted.saturating_mul(CANDIDATES));
    if candidates.len() <= wanted {
        return candidates;
    }
    let speakers: BTreeSet<usize> = candidates.iter().map(|&row| groups[row]).collect();
    let share = wanted.div_ceil(speakers.len().max(1));
    let mut chosen: Vec<usize> = Vec::with_capacity(wanted);
    let mut given: HashMap<usize, usize> = HashMap::new();
    let mut choose = |row: usize, chosen: &mut Vec<usize>| {
        let given = given.entry(groups[row]).or_default();
        let fits = chosen.len() < wanted && *given < share && !chosen.contains(&row);
        if fits {
            *given += 1;
            chosen.push(row);
        }
        fits
    };
    // Candidates stand by uncertainty, so the first of a cluster that fits is its most uncertain.
    let clusters = clusters(&scaled(features, &candidates), wanted, seed).unwrap_or_default();
    let mut served: BTreeSet<usize> = BTreeSet::new();
    for (&row, cluster) in candidates.iter().zip(&clusters) {
        if !served.contains(cluster) && choose(row, &mut chosen) {
            served.insert(*cluster);
        }
    }
    // Clusters whose members' speakers have had their share, and features that do not cluster at all.
    for &row in &candidates {
        choose(row, &mut chosen);
    }
    let rest: Vec<usize> = candidates.iter().copied().filter(|row| !chosen.contains(row)).collect();
    chosen.extend(rest.into_iter().take(wanted - chosen.len().min(wanted)));
    chosen.sort_by(|&a, &b| uncertain[b].total_cmp(&uncertain[a]).then(a.cmp(&b)));
    chosen
}

/// Columns with mean 0 and standard deviation 1 over these rows; constant ones become 0.
fn scaled(features: ArrayView2<'_, f64>, rows: &[usize]) -> Array2<f64> {
    let mut part = features.select(ndarray::Axis(0), rows);
    for mut column in part.columns_mut() {
        let mean = column.mean().unwrap_or(0.0);
        let deviation = column.std(0.0);
        let scale = if deviation > 1e-12 && deviation.is_finite() { 1.0 / deviation } else { 0.0 };
        column.mapv_inplace(|value| (value - mean) * scale);
    }
    part
}

/// The cluster of each row; `None` where there are not as many different rows as clusters, or numbers that are not finite.
fn clusters(rows: &Array2<f64>, count: usize, seed: u64) -> Option<Vec<usize>> {
    let bits: BTreeSet<Vec<u64>> =
        rows.outer_iter().map(|row| row.iter().map(|value| value.to_bits()).collect()).collect();
    if count < 2 || bits.len() < count || !rows.iter().all(|value| value.is_finite()) {
        return None;
    }
    let listed: Vec<Vec<f64>> = rows.outer_iter().map(|row| row.to_vec()).collect();
    let matrix = DenseMatrix::from_2d_vec(&listed).ok()?;
    let parameters = KMeansParameters { k: count, max_iter: 50, seed: Some(seed) };
    let fitted: KMeans<f64, u32, DenseMatrix<f64>, Vec<u32>> = KMeans::fit(&matrix, parameters).ok()?;
    Some(fitted.predict(&matrix).ok()?.into_iter().map(|cluster| cluster as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn even_odds_are_the_most_uncertain() {
        assert!((uncertainty(array![0.25, 0.25, 0.25, 0.25].view()) - 1.0).abs() < 1e-12);
        assert_eq!(uncertainty(array![1.0, 0.0, 0.0].view()), 0.0);
        assert!(uncertainty(array![0.5, 0.5, 0.0].view()) < uncertainty(array![0.4, 0.3, 0.3].view()));
    }

    #[test]
    fn one_of_each_kind_is_taken_rather_than_many_of_the_most_uncertain() {
        // Three tight heaps; the first is the most uncertain throughout.
        let features = Array2::from_shape_fn((30, 2), |(row, column)| {
            let centre = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]][row / 10][column];
            centre + 0.01 * ((row * 7 + column * 3) % 10) as f64
        });
        let uncertain: Vec<f64> =
            (0..30).map(|row| 0.9 - 0.2 * (row / 10) as f64 - 0.001 * (row % 10) as f64).collect();
        let chosen = diverse(features.view(), &uncertain, &(0..30).collect::<Vec<_>>(), (3, 1));
        assert_eq!(chosen, [0, 10, 20]);
    }

    #[test]
    fn no_speaker_gives_more_than_a_share() {
        let features = Array2::from_shape_fn((40, 3), |(row, column)| ((row * 13 + column * 29) % 31) as f64);
        let uncertain: Vec<f64> = (0..40).map(|row| if row < 20 { 0.9 } else { 0.5 }).collect();
        let groups: Vec<usize> = (0..40).map(|row| usize::from(row >= 20)).collect();
        let chosen = diverse(features.view(), &uncertain, &groups, (8, 1));
        assert_eq!(chosen.iter().filter(|&&row| row < 20).count(), 4);
    }

    proptest! {
        #[test]
        fn as_many_as_wanted_none_twice_whatever_the_features(
            rows in 0_usize..30,
            wanted in 0_usize..12,
            kinds in 1_u32..5,
            seed: u64,
        ) {
            let features = Array2::from_shape_fn((rows, 2), |(row, column)| ((row as u32 * 7 + column as u32) % kinds) as f64);
            let uncertain: Vec<f64> = (0..rows).map(|row| (row % 7) as f64 / 7.0).collect();
            let groups: Vec<usize> = (0..rows).map(|row| row % 3).collect();
            let chosen = diverse(features.view(), &uncertain, &groups, (wanted, seed));
            let unique: BTreeSet<usize> = chosen.iter().copied().collect();
            prop_assert_eq!((chosen.len(), unique.len()), (wanted.min(rows), wanted.min(rows)));
            prop_assert_eq!(&diverse(features.view(), &uncertain, &groups, (wanted, seed)), &chosen);
        }
    }
}

//! How well one column of numbers tells classes apart: ANOVA's F and mutual information.
//!
//! For looking at features. They use every label they are given, so choosing features by them before a comparison leaks the
//! test clips. Deliberately absent: p-values (with hundreds of clips nearly every column has one near 0, and hundreds of
//! columns are looked at), and interactions of columns.

/// Neighbours that [`mutual_information`] looks at, as scikit-learn does.
const NEIGHBOURS: usize = 3;

/// One-way ANOVA: variance between the classes over variance within them (`sklearn.feature_selection.f_classif`).
///
/// Infinite when the values do not vary within any class; `None` when they do not vary at all, when fewer than two
/// classes occur, when no class has two values, or when a value is not finite. `labels` are below `classes`.
#[must_use]
pub fn anova_f(values: &[f64], labels: &[usize], classes: usize) -> Option<f64> {
    let mut sums = vec![(0.0, 0_usize); classes];
    for (value, &label) in values.iter().zip(labels) {
        let (sum, count) = sums.get_mut(label)?;
        (*sum, *count) = (*sum + value, *count + 1);
    }
    let present = sums.iter().filter(|(_, count)| *count > 0).count();
    if present < 2 || values.len() <= present || !varies(values) {
        return None;
    }
    let mean = sums.iter().map(|(sum, _)| sum).sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = sums.iter().map(|(sum, count)| sum / (*count).max(1) as f64).collect();
    let between: f64 = sums.iter().zip(&means).map(|((_, count), m)| *count as f64 * (m - mean) * (m - mean)).sum();
    let within: f64 = values.iter().zip(labels).map(|(v, &label)| (v - means[label]) * (v - means[label])).sum();
    Some((between / (present - 1) as f64) / (within / (values.len() - present) as f64))
}

/// Mutual information of a continuous column and the class, in nats: 0 = independent, at most the entropy of the class.
///
/// Estimator: nearest neighbours (Ross, PLoS ONE 9 (2014), e87357), `sklearn.feature_selection.mutual_info_classif` with
/// `n_neighbors=3`, but without the random noise by which it parts equal values. Where a value's neighbours of its class
/// are equal to it, all equal values count (Gao et al., NIPS 2017, for mixtures of discrete and continuous). A class of
/// one value is left out. `None` where [`anova_f`] is. `labels` are below `classes`.
#[must_use]
pub fn mutual_information(values: &[f64], labels: &[usize], classes: usize) -> Option<f64> {
    let mut by_class = vec![Vec::new(); classes];
    for (value, &label) in values.iter().zip(labels) {
        by_class.get_mut(label)?.push(*value);
    }
    let mut by_class: Vec<Vec<f64>> = by_class.into_iter().filter(|class| class.len() > 1).collect();
    by_class.iter_mut().for_each(|class| class.sort_by(f64::total_cmp));
    let mut all: Vec<f64> = by_class.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    if by_class.len() < 2 || !varies(&all) || !varies(values) {
        return None;
    }
    let psi = digammas(all.len());
    let mut sum = 0.0;
    for class in &by_class {
        for at in 0..class.len() {
            let (own, both) = near(class, at, &all);
            sum += psi[own] - psi[both];
        }
        sum -= class.len() as f64 * psi[class.len()];
    }
    Some((psi[all.len()] + sum / all.len() as f64).max(0.0))
}

/// How many values of its class lie around the one at `at`, and how many of all classes no further away; both sorted.
fn near(class: &[f64], at: usize, all: &[f64]) -> (usize, usize) {
    let neighbours = NEIGHBOURS.min(class.len() - 1);
    let value = class[at];
    // The nearest ones of a sorted list are a run of it that holds the value.
    let runs = at.saturating_sub(neighbours)..=at.min(class.len() - 1 - neighbours);
    let far = |start: usize| (value - class[start]).max(class[start + neighbours] - value);
    let radius = runs.map(far).fold(f64::INFINITY, f64::min);
    if radius == 0.0 {
        let equal = |sorted: &[f64]| run(sorted, |other| other < value, |other| other <= value);
        return (equal(class) - 1, equal(all) - 1);
    }
    (neighbours, run(all, |other| value - other >= radius, |other| other - value < radius))
}

/// Length of what lies between the values that come `before` and those that `reach` not.
fn run(sorted: &[f64], before: impl Fn(f64) -> bool, reach: impl Fn(f64) -> bool) -> usize {
    sorted.partition_point(|&value| reach(value)) - sorted.partition_point(|&value| before(value))
}

/// True when all values are finite and not all the same.
fn varies(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite()) && values.iter().any(|value| *value != values[0])
}

/// Digamma of 0..=n; that of 0, which is not defined, is never asked for.
fn digammas(n: usize) -> Vec<f64> {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    let mut all = vec![f64::NEG_INFINITY, -EULER_GAMMA];
    for k in 1..n {
        all.push(all[k] + 1.0 / k as f64);
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_says_nothing_is_undefined_and_what_says_all_is_the_entropy() {
        let labels = [0, 0, 0, 0, 1, 1, 1, 1];
        assert_eq!((anova_f(&[2.5; 8], &labels, 2), mutual_information(&[2.5; 8], &labels, 2)), (None, None));
        let told = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(anova_f(&told, &labels, 2), Some(f64::INFINITY));
        // Ties counted as such: psi(8) - psi(4), the estimator's ln 2 for eight values.
        let wanted = 1.0 / 4.0 + 1.0 / 5.0 + 1.0 / 6.0 + 1.0 / 7.0;
        assert!((mutual_information(&told, &labels, 2).unwrap() - wanted).abs() < 1e-12);
    }

    #[test]
    fn too_little_to_compare_is_undefined() {
        for (values, labels) in
            [(vec![], vec![]), (vec![1.0], vec![0]), (vec![1.0, 2.0], vec![0, 0]), (vec![1.0, 2.0], vec![0, 1])]
        {
            assert_eq!(
                (anova_f(&values, &labels, 3), mutual_information(&values, &labels, 3)),
                (None, None),
                "{values:?}"
            );
        }
        let nan = [1.0, f64::NAN, 2.0, 3.0];
        assert_eq!((anova_f(&nan, &[0, 0, 1, 1], 2), mutual_information(&nan, &[0, 0, 1, 1], 2)), (None, None));
        // A label without a class is the caller's mistake, not a panic.
        assert_eq!(anova_f(&[1.0, 2.0, 3.0], &[0, 1, 9], 2), None);
    }

    #[test]
    fn digamma_of_whole_numbers() {
        // scipy.special.digamma
        let psi = digammas(11);
        assert!((psi[1] + 0.577_215_664_901_532_9).abs() < 1e-15);
        assert!((psi[10] - 2.251_752_589_066_721).abs() < 1e-14);
        assert_eq!(psi.len(), 12);
    }

    proptest! {
        #[test]
        fn values_and_labels_of_any_kind_give_a_defined_answer(
            pairs in prop::collection::vec((prop_oneof![-3.0..3.0, Just(0.0), Just(1.0)], 0usize..4), 0..50),
        ) {
            let (values, labels): (Vec<f64>, Vec<usize>) = pairs.into_iter().unzip();
            prop_assert!(anova_f(&values, &labels, 4).is_none_or(|f| f >= 0.0));
            prop_assert!(mutual_information(&values, &labels, 4).is_none_or(|mi| (0.0..6.0).contains(&mi)));
        }

        #[test]
        fn the_names_of_classes_and_the_unit_do_not_count(
            pairs in prop::collection::vec((-3.0..3.0, 0usize..3), 8..40),
        ) {
            let (values, labels): (Vec<f64>, Vec<usize>) = pairs.into_iter().unzip();
            let doubled: Vec<f64> = values.iter().map(|value| 2.0 * value).collect();
            let renamed: Vec<usize> = labels.iter().map(|label| 2 - label).collect();
            for of in [anova_f, mutual_information] {
                match (of(&values, &labels, 3), of(&doubled, &renamed, 3)) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}"),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }
}

//! The inner split: some groups of the training data are held out to choose the best epoch.
//!
//! A group is on one side only. Where there is but one group the split is by clips within each class, which is
//! optimistic, and the only thing possible. With very few clips nothing is held out.

use rand::Rng;
use rand::seq::SliceRandom;

/// At least this share of the clips is held out where groups allow: one speaker of ten, a few of many. A voice learnt
/// from is worth more to the net than a second one to choose by.
const SHARE: f64 = 0.07;
/// Share of each class that is held out where there is but one group.
const OF_CLASS: f64 = 0.12;

/// Rows to fit on and rows to choose the best epoch by; the latter may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// Rows to fit on, ascending.
    pub fit: Vec<usize>,
    /// Rows held out, ascending.
    pub dev: Vec<usize>,
}

/// Draws the split. No class of `labels` is lost from the fitting side.
pub fn inner(labels: &[usize], groups: &[usize], random: &mut impl Rng) -> Inner {
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    names.shuffle(random);
    let wanted = (SHARE * labels.len() as f64).ceil() as usize;
    let mut held = vec![false; labels.len()];
    if names.len() > 1 {
        for name in names {
            let members: Vec<usize> = (0..groups.len()).filter(|&row| groups[row] == name).collect();
            // A group of more than half of the clips is worth more for fitting.
            if count(&held) < wanted && 2 * (count(&held) + members.len()) <= labels.len() {
                hold_unless_lost(labels, &members, &mut held);
            }
        }
    } else {
        hold_some_of_each_class(labels, &mut held, random);
    }
    let (dev, fit) = (0..labels.len()).partition(|&row| held[row]);
    Inner { fit, dev }
}

/// Holds `members` out, unless a class would then have no clip to fit on.
fn hold_unless_lost(labels: &[usize], members: &[usize], held: &mut [bool]) {
    members.iter().for_each(|&row| held[row] = true);
    let left = |class: usize| (0..labels.len()).any(|row| labels[row] == class && !held[row]);
    if !members.iter().all(|&row| left(labels[row])) {
        members.iter().for_each(|&row| held[row] = false);
    }
}

fn hold_some_of_each_class(labels: &[usize], held: &mut [bool], random: &mut impl Rng) {
    let classes = labels.iter().max().map_or(0, |&most| most + 1);
    for class in 0..classes {
        let mut members: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        members.shuffle(random);
        let take = (OF_CLASS * members.len() as f64).round() as usize;
        members[..take].iter().for_each(|&row| held[row] = true);
    }
}

fn count(held: &[bool]) -> usize {
    held.iter().filter(|&&held| held).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    fn draw(labels: &[usize], groups: &[usize], seed: u64) -> Inner {
        inner(labels, groups, &mut Pcg64::seed_from_u64(seed))
    }

    #[test]
    fn groups_stay_together_and_every_row_is_used_once() {
        let labels: Vec<usize> = (0..90).map(|i| i % 3).collect();
        let groups: Vec<usize> = (0..90).map(|i| i / 10).collect();
        for seed in 0..20 {
            let split = draw(&labels, &groups, seed);
            assert_eq!(split.fit.len() + split.dev.len(), 90);
            assert_eq!(split.dev.len(), 10, "one group is enough");
            assert!(split.dev.iter().all(|&d| split.fit.iter().all(|&f| groups[d] != groups[f])));
        }
    }

    #[test]
    fn no_class_is_lost_from_the_fitting_side() {
        // Class 1 is spoken by group 0 only.
        let (labels, groups) = ([0, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 2, 2, 3]);
        for seed in 0..20 {
            assert!(draw(&labels, &groups, seed).fit.iter().any(|&row| labels[row] == 1));
        }
    }

    #[test]
    fn one_group_is_split_within_classes_and_two_clips_not_at_all() {
        let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let split = draw(&labels, &[7; 40], 1);
        assert_eq!(split.dev.iter().filter(|&&row| labels[row] == 0).count(), 2);
        assert_eq!(split.dev.len(), 4);
        assert!(draw(&[0, 1], &[0, 0], 0).dev.is_empty());
    }
}

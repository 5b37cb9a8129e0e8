//! Runs on the same clips under the same plan, set against each other: who is best, who ties with it, how sure that is.
//!
//! The test is a paired permutation of the UAR over speakers, since clips of one speaker are alike; McNemar's test over clips and
//! the region of practical equivalence stand beside it. Deliberately absent: runs on different clips, and a test over folds that
//! takes them for independent.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::summary::uar;
use crate::corpus::ClipId;
use crate::learn::Recipe;
use crate::score::{
    Confusion, ENOUGH_SPEAKERS, ROPE, Rope, SWAPS, ScoreError, Test, holm, mcnemar, rope, speaker_permutation,
};
use crate::store::{Prediction, Run};

/// Adjusted p below which a run is called worse than the best.
pub const LEVEL: f64 = 0.05;

/// Runs set against each other; runs are meant by their place in what was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Versus {
    /// The run with the highest UAR; the first of equals.
    pub best: usize,
    /// Each run beside the best, adjusted over these comparisons; `None` for the best itself.
    pub beside_best: Vec<Option<Pair>>,
    /// Every pair of runs, adjusted over all pairs: the significance matrix.
    pub pairs: Vec<Pair>,
    /// What is swapped between systems: speakers, or clips where no speaker is known.
    pub unit: &'static str,
    /// How many of them there are.
    pub units: usize,
    /// Each fusion beside the best of its members that is among the runs.
    pub fusions: Vec<Fused>,
}

/// Two runs on the same clips; differences are those of `a` less those of `b`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Pair {
    /// One run.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// Paired permutation of the UAR by speakers; its statistic is the difference, as a fraction.
    pub permutation: Test,
    /// Its p after Holm's adjustment for the other comparisons of the same table.
    pub p_holm: f64,
    /// McNemar's exact test over the clips, for comparison: it takes clips for independent.
    pub mcnemar: Test,
    /// How probably the difference over the folds is a point or more to either side; `None` where the folds do not allow it.
    pub rope: Option<Rope>,
}

/// A fusion and the best of its members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The fusion.
    pub fusion: usize,
    /// The member.
    pub member: usize,
    /// `a` = fusion, `b` = member; alone, so not adjusted.
    pub pair: Pair,
}

impl Versus {
    /// Sets runs against each other; the verdicts on random swaps, where there are too many speakers to count, depend on `seed`.
    ///
    /// # Errors
    /// No runs; runs on other clips, classes or plans than the first; a damaged run.
    pub fn of(runs: &[&Run], seed: u64) -> Result<Versus> {
        ensure!(!runs.is_empty(), "no runs to compare");
        let systems: Vec<System> = runs.iter().map(|run| System::of(run)).collect::<Result<_, _>>()?;
        for system in &systems[1..] {
            system.check(&systems[0])?;
        }
        let scores: Vec<f64> = systems.iter().map(|one| uar(&one.whole).unwrap_or(-1.0)).collect();
        let best = best_of(0..runs.len(), &scores).unwrap_or(0);
        let pair = |a: usize, b: usize| systems[a].against(&systems[b], (a, b), seed);
        let others: Vec<usize> = (0..runs.len()).filter(|&at| at != best).collect();
        let mut beside = adjusted(others.iter().map(|&other| pair(other, best)).collect()).into_iter();
        let all = (0..runs.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let fused = |fusion: usize| {
            let member = best_of(members(runs, fusion).into_iter(), &scores)?;
            Some(Fused { fusion, member, pair: pair(fusion, member) })
        };
        Ok(Versus {
            best,
            beside_best: (0..runs.len()).map(|at| if at == best { None } else { beside.next() }).collect(),
            pairs: adjusted(all.map(|(a, b)| pair(a, b)).collect()),
            unit: if runs[0].predictions.iter().all(|one| one.speaker.is_empty()) { "clips" } else { "speakers" },
            units: systems[0].groups.len(),
            fusions: (0..runs.len()).filter_map(fused).collect(),
        })
    }

    /// True for the best run and for those that are not significantly worse, adjusted for all comparisons with it.
    pub fn ties(&self, run: usize) -> bool {
        self.beside_best[run].is_none_or(|pair| pair.p_holm > LEVEL)
    }

    /// True where no difference, however large, can be significant: 2^(1 - n) ≥ 0.05 for n speakers.
    pub fn too_few(&self) -> bool {
        self.units < ENOUGH_SPEAKERS
    }

    /// The test in words.
    pub fn name(&self) -> String {
        let exact = self.beside_best.iter().flatten().all(|pair| pair.permutation.exact);
        let how = if exact { "exact".to_owned() } else { format!("{SWAPS} drawn") };
        format!("paired permutation of the UAR over {} {} ({how}), Holm-adjusted", self.units, self.unit)
    }
}

impl Pair {
    /// UAR of `a` less UAR of `b`, as a fraction.
    pub fn difference(&self) -> f64 {
        self.permutation.statistic
    }
}

/// Runs whose recipes are members of that fusion.
fn members(runs: &[&Run], fusion: usize) -> Vec<usize> {
    let is_member = |at: &usize| {
        let of = |one: &Recipe| (one.classifier.clone(), one.features.clone());
        let single = of(&runs[*at].recipe);
        *at != fusion && runs[fusion].recipe.members.iter().any(|member| of(member) == single)
    };
    (0..runs.len()).filter(is_member).collect()
}

fn best_of(among: impl Iterator<Item = usize>, scores: &[f64]) -> Option<usize> {
    among.fold(None, |best, at| match best {
        Some(best) if scores[best] >= scores[at] => Some(best),
        _ => Some(at),
    })
}

fn adjusted(mut pairs: Vec<Pair>) -> Vec<Pair> {
    let all = holm(&pairs.iter().map(|pair| pair.permutation.p).collect::<Vec<_>>());
    pairs.iter_mut().zip(all).for_each(|(pair, p)| pair.p_holm = p);
    pairs
}

/// A run laid out for comparing.
struct System<'a> {
    run: &'a Run,
    /// By clip, then fold.
    said: Vec<&'a Prediction>,
    whole: Confusion,
    /// A confusion per speaker, in the order of names.
    groups: Vec<Confusion>,
    /// UAR of each fold.
    folds: Vec<Option<f64>>,
    /// Share of the clips that a fold tests.
    test_share: f64,
}

impl<'a> System<'a> {
    fn of(run: &'a Run) -> Result<System<'a>, ScoreError> {
        let mut said: Vec<&Prediction> = run.predictions.iter().collect();
        said.sort_by_key(|one| (&one.clip, one.fold));
        let k = run.classes().len();
        let (truth, pred): (Vec<usize>, Vec<usize>) = said.iter().map(|one| (one.truth, one.pred)).unzip();
        let folds: Vec<usize> = said.iter().map(|one| one.fold).collect();
        let mut number = BTreeMap::new();
        let names: Vec<(&str, &str)> = said.iter().map(|one| one.voice()).collect();
        names.iter().for_each(|name| {
            number.entry(*name).or_insert(0);
        });
        number.values_mut().enumerate().for_each(|(at, group)| *group = at);
        let groups: Vec<usize> = names.iter().map(|name| number[name]).collect();
        let by_fold = Confusion::by_group(&truth, &pred, &folds, k)?;
        let clips = said.iter().map(|one| &one.clip).collect::<BTreeSet<_>>().len();
        Ok(System {
            run,
            whole: Confusion::of(&truth, &pred, k)?,
            groups: Confusion::by_group(&truth, &pred, &groups, k)?,
            test_share: said.len() as f64 / (by_fold.len().max(1) * clips.max(1)) as f64,
            folds: by_fold.iter().map(uar).collect(),
            said,
        })
    }

    /// Refuses what is not the same task.
    fn check(&self, first: &System<'a>) -> Result<()> {
        let name = |system: &System<'_>| system.run.recipe.title();
        let task = |system: &System<'_>| (system.run.protocol.plan.plan.clone(), system.run.classes().to_vec());
        ensure!(task(self) == task(first), "{} and {} have other plans or classes", name(self), name(first));
        let clips = |system: &System<'a>| -> Vec<(&'a ClipId, &'a str, usize)> {
            system.said.iter().map(|one| (&one.clip, one.speaker.as_str(), one.truth)).collect()
        };
        let same = clips(self) == clips(first);
        ensure!(same, "{} and {} were judged on different clips", name(self), name(first));
        Ok(())
    }

    fn against(&self, other: &System<'_>, (a, b): (usize, usize), seed: u64) -> Pair {
        // The same clips have the same supports; without any there is nothing to tell apart.
        let nothing = Test { statistic: 0.0, p: 1.0, n: self.groups.len(), exact: true };
        let permutation = speaker_permutation(&self.groups, &other.groups, seed).unwrap_or(nothing);
        let only = |one: &System<'_>, two: &System<'_>| {
            one.said.iter().zip(&two.said).filter(|(a, b)| a.pred == a.truth && b.pred != b.truth).count() as u64
        };
        Pair {
            a,
            b,
            permutation,
            p_holm: permutation.p,
            mcnemar: mcnemar(only(self, other), only(other, self)),
            rope: self.rope(other),
        }
    }

    fn rope(&self, other: &System<'_>) -> Option<Rope> {
        let same_folds = self.said.iter().zip(&other.said).all(|(a, b)| a.fold == b.fold);
        let differences = self.folds.iter().zip(&other.folds).map(|(a, b)| Some((*a)? - (*b)?));
        let differences: Vec<f64> = differences.collect::<Option<_>>()?;
        same_folds.then(|| rope(&differences, self.test_share, ROPE)).flatten()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::run::tests::run as empty;

    /// Eight speakers with ten clips of two classes each; `right` says how many of a speaker's are.
    fn run(name: &str, right: impl Fn(usize) -> usize) -> Run {
        let mut run = empty("/c");
        run.recipe.classifier = name.to_owned();
        run.predictions = (0..80)
            .map(|at| {
                let (speaker, clip) = (at / 10, at % 10);
                let truth = clip % 2;
                let pred = if clip < right(speaker) { truth } else { 1 - truth };
                Prediction {
                    clip: ClipId(format!("{at:02}.wav").into()),
                    speaker: format!("s{speaker}"),
                    fold: speaker,
                    truth,
                    pred,
                    p: vec![0.5, 0.5],
                    seeds: Vec::new(),
                    audio: String::new(),
                }
            })
            .collect();
        run
    }

    #[test]
    fn the_best_ties_with_what_is_not_significantly_worse() {
        let (bad, good, near) = (run("bad", |_| 4), run("good", |_| 8), run("near", |speaker| 7 + speaker % 2 * 2 - 1));
        let found = Versus::of(&[&bad, &good, &near], 0).unwrap();
        assert_eq!((found.best, found.unit, found.units), (1, "speakers", 8));
        assert_eq!([0, 1, 2].map(|at| found.ties(at)), [false, true, true]);
        let worse = found.beside_best[0].unwrap();
        // All eight speakers say the same: 2 of 2^8 ways to swap are as extreme; Holm doubles the smaller of two.
        assert_eq!((worse.permutation.p, worse.p_holm), (2.0 / 256.0, 4.0 / 256.0));
        assert!((worse.difference() + 0.4).abs() < 1e-12 && worse.mcnemar.p < 1e-6);
        assert_eq!(found.beside_best[1], None);
        assert_eq!(found.pairs.len(), 3);
        assert!(!found.too_few() && found.name().contains("over 8 speakers (exact)"), "{}", found.name());
    }

    #[test]
    fn a_fusion_stands_beside_its_best_member() {
        let (weak, strong) = (run("weak", |_| 5), run("strong", |_| 7));
        let mut fusion = run("fusion", |_| 9);
        fusion.recipe.members = vec![weak.recipe.clone(), strong.recipe.clone()];
        let found = Versus::of(&[&weak, &strong, &fusion], 0).unwrap();
        assert_eq!(found.fusions.len(), 1);
        let Fused { fusion, member, pair } = found.fusions[0];
        assert_eq!((fusion, member), (2, 1));
        assert!((pair.difference() - 0.2).abs() < 1e-12 && pair.permutation.p < 0.01);
    }

    #[test]
    fn folds_that_vary_tell_how_probable_a_point_is() {
        let (a, b) = (run("a", |speaker| 8 + speaker % 3 - 1), run("b", |speaker| 6 + speaker % 2));
        let rope = Versus::of(&[&a, &b], 0).unwrap().pairs[0].rope.unwrap();
        assert!(rope.above > 0.9 && (rope.below + rope.within + rope.above - 1.0).abs() < 1e-9, "{rope:?}");
    }

    #[test]
    fn few_speakers_are_told_and_clips_stand_for_unknown_ones() {
        let few = |name: &str, right: usize| {
            let mut run = run(name, |_| right);
            run.predictions.truncate(40);
            run
        };
        let (a, b) = (few("a", 9), few("b", 2));
        let found = Versus::of(&[&a, &b], 0).unwrap();
        assert!(found.too_few() && found.ties(1), "4 speakers cannot reach 0.05: {:?}", found.beside_best[1]);
        let unknown = |run: &Run| {
            let mut run = run.clone();
            run.predictions.iter_mut().for_each(|one| one.speaker.clear());
            run
        };
        let found = Versus::of(&[&unknown(&a), &unknown(&b)], 0).unwrap();
        assert_eq!((found.unit, found.units), ("clips", 40));
        assert!(!found.ties(1));
    }

    #[test]
    fn what_is_not_the_same_task_is_refused() {
        let a = run("a", |_| 5);
        let mut other = run("b", |_| 5);
        other.predictions[3].clip = ClipId("other.wav".into());
        let refused = |other: &Run| Versus::of(&[&a, other], 0).unwrap_err().to_string();
        assert_eq!(refused(&other), "b and a were judged on different clips");
        let mut other = run("b", |_| 5);
        other.protocol.plan.plan = "random:5".to_owned();
        assert_eq!(refused(&other), "b and a have other plans or classes");
        assert!(Versus::of(&[], 0).is_err());
    }
}

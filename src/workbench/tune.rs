//! Nested tuning: the hyper-parameters of a classifier, chosen inside the training speakers of each fold.
//!
//! Candidates are combinations of the values worth trying (`Knob::tries`): the defaults first, then others in a random
//! order that the seed decides, the same in every fold. Each is judged on inner folds of the training speakers, as in `search`; the
//! best is fitted on all of them and judged like any other recipe. So the run judges the choosing, too, and a test
//! clip takes no part in it. What a candidate was worth inside is a selection score, no estimate.
//!
//! What won in a fold is kept beside its scores, so that a killed run goes on. Deliberately absent: nets (see `search`), and
//! members of a fusion.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_pcg::Pcg64;

use super::checkpoints::Shelf;
use super::experiment::News;
use super::search::{Candidate, Score, inner_folds, ranked, score};
use crate::corpus::Task;
use crate::corpus::plan::Split;
use crate::job::{Watch, is_cancelled};
use crate::learn::committee::Sets;
use crate::learn::space::Point;
use crate::learn::{Knob, Recipe, Tune, classifier};
use crate::store::{Protocol, Searched, Winner};

/// Combinations that are laid out where time decides how many are tried.
const MOST: usize = 10_000;

/// The tuning of one run; of a recipe that is not to be tuned, nothing.
pub struct Tuning<'a> {
    recipe: &'a Recipe,
    task: &'a Task,
    sets: &'a Sets,
    work: Option<Work>,
}

/// What is to be done.
struct Work {
    tune: Tune,
    /// Hyper-parameters that are left to choose.
    knobs: Vec<&'static Knob>,
    candidates: Vec<Candidate>,
    /// Time for the trials of one fold.
    time: Option<Duration>,
    folds: usize,
    /// Trials done, of all folds.
    done: AtomicUsize,
    /// By number of the fold.
    winners: Mutex<BTreeMap<usize, Winner>>,
}

impl<'a> Tuning<'a> {
    /// For a run of so many folds; `given` are hyper-parameters that the user has set, which stay.
    pub fn of(
        recipe: &'a Recipe,
        (task, sets): (&'a Task, &'a Sets),
        given: Option<&BTreeMap<String, f64>>,
        folds: usize,
    ) -> Tuning<'a> {
        let knobs = classifier(&recipe.classifier).map_or(&[][..], |kind| kind.knobs());
        let knobs = knobs.iter().filter(|knob| given.is_none_or(|given| !given.contains_key(knob.name))).collect();
        let work = recipe.tune.map(|tune| Work::of(recipe, tune, knobs, folds));
        Tuning { recipe, task, sets, work }
    }

    /// The recipe to fit in a fold: the best of the candidates, what was found to be that before a kill, or the recipe as it is.
    ///
    /// # Errors
    /// Cancelled; fewer than two training speakers; every candidate failed.
    pub fn recipe(
        &self,
        (fold, split): (usize, &Split),
        shelf: Option<&Shelf>,
        watch: &dyn Watch<News>,
    ) -> Result<Recipe> {
        let Some(work) = &self.work else { return Ok(self.recipe.clone()) };
        let winner = match shelf.and_then(|shelf| shelf.winner(fold)) {
            Some(winner) => winner,
            None => {
                let winner = self.chosen(work, split, watch)?;
                shelf.into_iter().for_each(|shelf| shelf.keep_winner(fold, &winner));
                winner
            }
        };
        let recipe = winner.recipe.clone();
        work.winners.lock().unwrap_or_else(PoisonError::into_inner).insert(fold, winner);
        Ok(recipe)
    }

    fn chosen(&self, work: &Work, split: &Split, watch: &dyn Watch<News>) -> Result<Winner> {
        let rows = (&self.task.labels[..], &self.task.groups[..]);
        let inner = inner_folds(rows, &split.train, (work.tune.folds, self.recipe.seed));
        let inner = inner.with_context(|| format!("tuning inside the fold that tests {}", split.name))?;
        work.choose(self.sets, (split, &inner), watch)
    }

    /// Adds to a run's protocol what was tried, and what won in each fold.
    pub fn tell(self, protocol: &mut Protocol) {
        let Some(work) = self.work else { return };
        let Tune { trials, seconds, folds } = work.tune;
        let budget = match seconds {
            Some(seconds) => format!("as many combinations as {seconds} s hold"),
            None => format!("up to {} combinations a fold", trials.unwrap_or(MOST)),
        };
        protocol.plan.notes.push(format!(
            "tuned: hyper-parameters were chosen in each fold on up to {folds} inner folds of its training speakers \
             ({budget}, the defaults among them); its test clips took no part"
        ));
        protocol.search = Some(Searched {
            space: work.knobs.iter().map(|knob| (knob.name.to_owned(), range(knob))).collect(),
            trials,
            seconds: seconds.map(|seconds| seconds as f64),
            inner_folds: folds,
            winners: work.winners.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect(),
        });
    }
}

impl Work {
    fn of(recipe: &Recipe, tune: Tune, knobs: Vec<&'static Knob>, folds: usize) -> Work {
        let untuned = Recipe { tune: None, ..recipe.clone() };
        let candidate = |params: BTreeMap<String, f64>| {
            let changes = params.iter().map(|(name, &value)| (name.clone(), toml::Value::Float(value))).collect();
            let params = untuned.params.clone().into_iter().chain(params).collect();
            Candidate { changes: Point(changes), recipe: Recipe { params, ..untuned.clone() } }
        };
        let most = tune.trials.unwrap_or(MOST).max(1);
        let candidates = combinations(&knobs, most, recipe.seed).into_iter().map(candidate).collect();
        // Folds run side by side, so that together they have this much more of it.
        let side_by_side = rayon::current_num_threads().min(folds.max(1)) as f64;
        let time = tune.seconds.map(|seconds| Duration::from_secs_f64(seconds as f64 * side_by_side / folds as f64));
        Work { tune, knobs, candidates, time, folds, done: AtomicUsize::new(0), winners: Mutex::default() }
    }

    /// Tries candidates until the time is over, the first one always; the best of them.
    fn choose(&self, sets: &Sets, (split, inner): (&Split, &[Split]), watch: &dyn Watch<News>) -> Result<Winner> {
        let (started, mut scored, mut failed) = (Instant::now(), Vec::new(), None);
        for (trial, candidate) in self.candidates.iter().enumerate() {
            if trial > 0 && self.time.is_some_and(|time| started.elapsed() >= time) {
                break;
            }
            // One fit is enough to choose by, also where several seeds will be averaged.
            let alone = candidate.recipe.with_seed(candidate.recipe.seed);
            let one = Candidate { changes: candidate.changes.clone(), recipe: alone };
            let found = match score(sets, (&one, 1), inner, watch) {
                Ok(score) => Some(score),
                Err(error) if is_cancelled(&error) => return Err(error),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            };
            scored.push((trial, found));
            self.announce(split, &scored, watch);
        }
        let best = ranked(&scored).first().copied().and_then(|best| scored.iter().find(|(trial, _)| *trial == best));
        match (best, failed) {
            (Some(&(trial, Some(score))), _) => {
                let Candidate { changes, recipe } = self.candidates[trial].clone();
                Ok(Winner { fold: split.name.clone(), trial, changes, recipe, inner_uar: Some(score.uar) })
            }
            (_, Some(failed)) => Err(failed.context(format!("{}: every combination failed, the last", split.name))),
            _ => bail!("{}: there was nothing to try", split.name),
        }
    }

    fn announce(&self, split: &Split, scored: &[(usize, Option<Score>)], watch: &dyn Watch<News>) {
        let best = scored.iter().filter_map(|(_, score)| Some(score.as_ref()?.uar)).fold(0.0, f64::max);
        let told = format!("{}: combination {}; best inner UAR {:.1}", split.name, scored.len(), 100.0 * best);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        watch.tell(News::Trial { told, done, total: self.candidates.len() * self.folds });
    }
}

/// Values other than the default, first the default's place.
fn range(knob: &Knob) -> String {
    let default = knob.default.map_or_else(|| "default".to_owned(), |value| value.to_string());
    let others = others(knob).iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    format!("{default}, {others}")
}

fn others(knob: &Knob) -> Vec<f64> {
    knob.tries.iter().copied().filter(|&value| knob.default != Some(value)).collect()
}

/// What combinations change in the defaults: nothing, then up to `most` - 1 others in a random order, none twice.
fn combinations(knobs: &[&Knob], most: usize, seed: u64) -> Vec<BTreeMap<String, f64>> {
    let axes: Vec<(&str, Vec<f64>)> = knobs.iter().map(|knob| (knob.name, others(knob))).collect();
    let all = axes.iter().fold(1usize, |all, (_, values)| all.saturating_mul(values.len() + 1));
    let drawn = sample(&mut Pcg64::seed_from_u64(seed), all - 1, (all - 1).min(most - 1));
    let combination = |mut number: usize| {
        let mut params = BTreeMap::new();
        for (name, values) in &axes {
            let place = number % (values.len() + 1);
            number /= values.len() + 1;
            // Place 0 is the default.
            params.extend(place.checked_sub(1).map(|place| ((*name).to_owned(), values[place])));
        }
        params
    };
    std::iter::once(0).chain(drawn.into_iter().map(|number| number + 1)).map(combination).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learn::{CLASSIFIERS, check_params};
    use std::collections::BTreeSet;

    const KNOB: Knob =
        Knob { name: "a", default: Some(2.0), range: (0.0, 9.0), whole: true, tries: &[1.0, 2.0, 3.0], about: "" };

    fn text(all: &[BTreeMap<String, f64>]) -> Vec<String> {
        all.iter().map(|one| format!("{one:?}")).collect()
    }

    #[test]
    fn all_combinations_stand_once_the_defaults_first() {
        let other = Knob { name: "b", default: None, ..KNOB };
        let all = combinations(&[&KNOB, &other], 100, 1);
        assert!(all[0].is_empty());
        assert_eq!(all.len(), 3 * 4, "three values of a; of b three and the computed one");
        assert_eq!(text(&all).into_iter().collect::<BTreeSet<_>>().len(), 12);
        assert!(all.iter().all(|one| one.get("a") != Some(&2.0)), "a default is not a change");
    }

    #[test]
    fn fewer_are_drawn_by_the_seed() {
        let knobs: Vec<&Knob> = crate::learn::classifier("boosting").unwrap().knobs().iter().collect();
        let draw = |most, seed| text(&combinations(&knobs, most, seed));
        assert_eq!(draw(20, 1), draw(20, 1));
        assert_ne!(draw(20, 1), draw(20, 2));
        assert_eq!(draw(20, 1).into_iter().collect::<BTreeSet<_>>().len(), 20);
        assert_eq!(draw(1, 1), ["{}"]);
    }

    #[test]
    fn whatever_is_tried_is_allowed() {
        for kind in CLASSIFIERS {
            let knobs: Vec<&Knob> = kind.knobs().iter().collect();
            combinations(&knobs, 200, 3).iter().for_each(|params| check_params(*kind, params).unwrap());
        }
    }
}

//! How runs stand to each other: of each task the best and those that tie with it; and every pair of some runs.
//!
//! Worked out by jobs, as a permutation test over many speakers takes longer than a key press may. Deliberately absent: the
//! tests themselves (see `versus`), and runs that leak: they are no match for honest ones.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::Result;

use super::Update;
use super::experiment::Judged;
use super::versus::{LEVEL, Versus};
use crate::job::{Job, Report, Watch};
use crate::score::holm;
use crate::store::Run;

/// Seed of the verdicts on random swaps: the same runs always get the same.
const SEED: u64 = 0;

/// Of each task and plan the best run and those that tie with it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    places: Vec<(Arc<Judged>, Place)>,
}

/// Where a run stands among those of its task and plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It has the highest UAR.
    Best,
    /// It is not significantly worse than the best.
    Ties,
}

/// What a job brings.
#[derive(Debug)]
pub enum Tested {
    /// Where all runs stand.
    Standing(Standing),
    /// Every pair of those that were asked for, or why they do not compare.
    Between(Result<Box<Versus>, String>),
}

/// The last answers, and the jobs that work out the next ones.
#[derive(Default)]
pub(super) struct Tests {
    standing: Slot<Standing>,
    between: Slot<Result<Box<Versus>, String>>,
    started: u64,
}

/// A question, its job and its answer.
struct Slot<T> {
    number: u64,
    runs: Vec<Arc<Judged>>,
    found: Option<T>,
    _job: Option<Job>,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot { number: 0, runs: Vec::new(), found: None, _job: None }
    }
}

impl Standing {
    /// Where `runs` stand; a run that no other has the task, plan and clips of stands nowhere.
    ///
    /// # Errors
    /// Cancelled.
    pub fn of(runs: &[Arc<Judged>], watch: &dyn Watch<()>) -> Result<Standing> {
        let mut groups: Vec<Vec<&Arc<Judged>>> = Vec::new();
        for run in runs.iter().filter(|run| comparable(run)) {
            match groups.iter_mut().find(|group| alike(&group[0].run, &run.run)) {
                Some(group) => group.push(run),
                None => groups.push(vec![run]),
            }
        }
        let mut places = Vec::new();
        for group in groups.iter().filter(|group| group.len() > 1) {
            places.extend(stand(group, watch)?);
        }
        Ok(Standing { places })
    }

    /// Where a run stands; `None` for one that is worse than the best, or stands alone.
    pub fn place(&self, run: &Arc<Judged>) -> Option<Place> {
        self.places.iter().find(|(other, _)| Arc::ptr_eq(other, run)).map(|(_, place)| *place)
    }
}

impl Tests {
    /// Where `runs` stand, as far as it is known; has it worked out when they are others than the last time.
    pub(super) fn stand(&mut self, runs: &[Arc<Judged>], send: &Sender<Update>) -> Result<()> {
        if same(&self.standing.runs, runs) {
            return Ok(());
        }
        let (number, asked) = (self.next(), runs.to_vec());
        let job = spawn(number, send, move |watch| Ok(Tested::Standing(Standing::of(&asked, watch)?)))?;
        // The old answer stays to be seen until the new one is there.
        let found = self.standing.found.take();
        self.standing = Slot { number, runs: runs.to_vec(), found, _job: Some(job) };
        Ok(())
    }

    /// As [`Tests::stand`], for every pair of `runs`.
    pub(super) fn between(&mut self, runs: &[Arc<Judged>], send: &Sender<Update>) -> Result<()> {
        if same(&self.between.runs, runs) {
            return Ok(());
        }
        let (number, asked) = (self.next(), runs.to_vec());
        let job = spawn(number, send, move |_| {
            let runs: Vec<&Run> = asked.iter().map(|judged| &judged.run).collect();
            Ok(Tested::Between(Versus::of(&runs, SEED).map(Box::new).map_err(|error| format!("{error:#}"))))
        })?;
        self.between = Slot { number, runs: runs.to_vec(), found: None, _job: Some(job) };
        Ok(())
    }

    pub(super) fn standing(&self) -> Option<&Standing> {
        self.standing.found.as_ref()
    }

    /// The pairs of just these runs.
    pub(super) fn pairs(&self, runs: &[Arc<Judged>]) -> Option<Result<&Versus, &str>> {
        let found = self.between.found.as_ref().filter(|_| same(&self.between.runs, runs))?;
        Some(found.as_deref().map_err(String::as_str))
    }

    /// Takes in a report; true when an answer has come.
    pub(super) fn take(&mut self, number: u64, report: Report<(), Tested>) -> bool {
        match report {
            Report::Done(Tested::Standing(found)) if number == self.standing.number => {
                self.standing.found = Some(found)
            }
            Report::Done(Tested::Between(found)) if number == self.between.number => self.between.found = Some(found),
            Report::Failed(reason) if number == self.between.number => self.between.found = Some(Err(reason)),
            _ => return false,
        }
        true
    }

    fn next(&mut self) -> u64 {
        self.started += 1;
        self.started
    }
}

fn spawn(
    number: u64,
    send: &Sender<Update>,
    work: impl FnOnce(&dyn Watch<()>) -> Result<Tested> + Send + 'static,
) -> Result<Job> {
    let send = send.clone();
    let report = move |report| drop(send.send(Update::Tests(number, report)));
    Ok(Job::spawn("tests", report, move |watch| work(watch))?)
}

fn same(a: &[Arc<Judged>], b: &[Arc<Judged>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Whether a run may be called the best: it does not leak, and had all of its training parts to learn from.
fn comparable(judged: &Judged) -> bool {
    let plan = &judged.run.protocol.plan;
    !plan.speakers_leak && plan.spent.is_none() && judged.summary.uar.is_some()
}

/// The same clips and classes under the same plan.
pub fn alike(a: &Run, b: &Run) -> bool {
    let (ours, theirs) = (&a.protocol, &b.protocol);
    ours.data.data_hash == theirs.data.data_hash
        && ours.data.classes == theirs.data.classes
        && ours.plan.plan == theirs.plan.plan
}

/// The best of a group and those that tie with it, by tests against the best alone: every pair would be many more.
fn stand(group: &[&Arc<Judged>], watch: &dyn Watch<()>) -> Result<Vec<(Arc<Judged>, Place)>> {
    let uar = |judged: &Arc<Judged>| judged.summary.uar.unwrap_or(-1.0);
    // The newest of equals: the first, as runs come newest first.
    let best = group.iter().copied().reduce(|best, one| if uar(one) > uar(best) { one } else { best });
    let Some(best) = best else { return Ok(Vec::new()) };
    let mut others = Vec::new();
    for other in group.iter().copied().filter(|other| !Arc::ptr_eq(other, best)) {
        watch.check()?;
        // A run that turns out to be on other clips is no match.
        let versus = Versus::of(&[&best.run, &other.run], SEED);
        others.extend(versus.ok().and_then(|versus| Some((other, versus.pairs.first()?.permutation.p))));
    }
    let p = holm(&others.iter().map(|(_, p)| *p).collect::<Vec<_>>());
    let ties = others.iter().zip(p).filter(|(_, p)| *p > LEVEL);
    let ties = ties.map(|((run, _), _)| (Arc::clone(run), Place::Ties));
    Ok(std::iter::once((Arc::clone(best), Place::Best)).chain(ties).collect())
}

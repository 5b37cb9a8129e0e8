//! The folds of a request: its plan laid out on the task, held to its promise, and all that a reader must know of it.
//!
//! Deliberately absent: fits (see `experiment`) and what a leak is (see `corpus::guard`).

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;

use super::experiment::Request;
use super::gate::GateFailed;
use crate::corpus::guard::{Leak, LeakKind, leaks};
use crate::corpus::plan::{Layout, Plan, Promise, Split};
use crate::corpus::{Corpus, Target, Task};
use crate::learn::Norm;
use crate::score::Association;
use crate::store::{PlanFacts, Repeat};

/// Share of the classes' entropy that speakers may tell, beyond chance, before it is warned of.
const CONFOUNDED: f64 = 0.2;

/// A plan on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The splits it makes, and what to tell of them.
    pub layout: Layout,
    /// What they share, stopping or not.
    pub leaks: Vec<Leak>,
    /// Seed of the plan and of the fits on its folds.
    pub seed: u64,
    /// Which of several repeats it is.
    pub repeat: Option<Repeat>,
}

impl Planned {
    /// Lays a plan out and looks for leaks; `copies` are pairs of rows that hold the same recording.
    ///
    /// # Errors
    /// [`crate::corpus::PlanError`]. A leak that stops is no error here: see [`Planned::hold`].
    pub fn of(
        task: &Task,
        plan: &Plan,
        (seed, allowed): (u64, &BTreeSet<LeakKind>),
        copies: &[(usize, usize)],
    ) -> Result<Planned> {
        let layout = task.lay(plan, seed)?;
        let leaks = leaks(task, &layout.splits, copies, (layout.promise, allowed));
        Ok(Planned { plan: plan.clone(), layout, leaks, seed, repeat: None })
    }

    /// Folds that no plan made and that share nothing.
    pub fn unplanned(plan: Plan, splits: Vec<Split>) -> Planned {
        let layout = Layout { splits, notes: Vec::new(), promise: Promise::default() };
        Planned { plan, layout, leaks: Vec::new(), seed: 0, repeat: None }
    }

    /// The folds.
    pub fn splits(&self) -> &[Split] {
        &self.layout.splits
    }

    /// Refuses leaks that the plan promises to exclude and the user has not allowed.
    ///
    /// # Errors
    /// [`GateFailed`], with the kinds, examples and the flag that would let it run.
    pub fn hold(&self) -> Result<(), GateFailed> {
        let stops: Vec<&Leak> = self.leaks.iter().filter(|leak| leak.stops()).collect();
        if stops.is_empty() {
            return Ok(());
        }
        let told: Vec<String> = stops.iter().map(|leak| format!("  {leak}")).collect();
        let flags: Vec<String> = stops.iter().map(|leak| format!("--allow-leak {}", leak.kind)).collect();
        Err(GateFailed(format!(
            "the plan {} leaks:\n{}\n{} lets it run; that is stored and printed with every table",
            self.plan,
            told.join("\n"),
            flags.join(" ")
        )))
    }

    /// True when a speaker may be on both sides.
    pub fn speakers_leak(&self) -> bool {
        self.plan.leaks_speakers() || self.leaks.iter().any(|leak| leak.kind == LeakKind::Speaker)
    }

    /// What stands beside every number.
    pub(super) fn facts(&self, task: &Task, norm: Norm) -> PlanFacts {
        PlanFacts {
            plan: self.plan.to_string(),
            folds: self.splits().len(),
            speakers_leak: self.speakers_leak(),
            notes: self.notes(task, norm),
            leaks: self.leaks.clone(),
            repeat: self.repeat,
            cross: None,
            spent: None,
        }
    }

    /// What a reader of the numbers must know of data and folds.
    pub fn notes(&self, task: &Task, norm: Norm) -> Vec<String> {
        let mut notes: Vec<String> = confounding_note(task, norm).into_iter().collect();
        if task.twins > 0 {
            notes.push(format!("{} clips left out: same audio as another clip", task.twins));
        }
        notes.extend(self.layout.notes.iter().cloned());
        notes.extend(self.leaks.iter().filter_map(|leak| self.leak_note(leak)));
        let lacking = task.speakerless();
        if lacking > 0 && !self.speakers_leak() {
            notes.push(format!("{lacking} clips have no known speaker: whether speakers leak there cannot be told"));
        }
        for split in self.splits() {
            for class in split.unlearnt(&task.labels) {
                notes.push(format!(
                    "fold {}: no {} to learn from, so none can be recognised",
                    split.name, task.classes[class]
                ));
            }
        }
        notes
    }

    fn leak_note(&self, leak: &Leak) -> Option<String> {
        match leak.kind {
            _ if leak.promised => Some(format!("LEAK, allowed by --allow-leak {}: {leak}", leak.kind)),
            // Said at the head of every table.
            LeakKind::Speaker => None,
            LeakKind::Session | LeakKind::Audio => Some(format!("shared {leak}")),
            LeakKind::Sentence => {
                let Leak { clips, tested, .. } = leak;
                Some(format!(
                    "{clips} of {tested} test clips say a sentence that is learnt from, too; speakers+sentences keeps both apart"
                ))
            }
        }
    }
}

/// The plan on the task as often as it is repeated, each time with the next seed; then its twins, if speakers leak; or why
/// there are none.
///
/// # Errors
/// The plan makes no splits; [`GateFailed`] for a leak.
pub(super) fn planned(
    task: &Task,
    request: &Request,
    copies: &[(usize, usize)],
) -> Result<(Vec<Planned>, Option<String>)> {
    let of = request.effort.repeats.max(1);
    let (mut all, mut twins, mut no_twin) = (Vec::new(), Vec::new(), None);
    for number in 1..=of {
        let how = (request.seed.wrapping_add(number as u64 - 1), &request.allow);
        let held = |plan: &Plan| -> Result<Planned> {
            let planned = Planned::of(task, plan, how, copies)?;
            planned.hold()?;
            Ok(Planned { repeat: (of > 1).then_some(Repeat { number, of }), ..planned })
        };
        let one = held(&request.plan)?;
        if one.speakers_leak() {
            match held(&request.plan.twin(task.speakers.len())) {
                Ok(twin) => twins.push(twin),
                Err(reason) => no_twin = Some(format!("{reason:#}")),
            }
        }
        all.push(one);
    }
    all.extend(twins);
    Ok((all, no_twin))
}

/// The plan of a corpus when none is asked for: one fold per speaker up to twelve speakers, else five groups of speakers.
pub fn default_plan(corpus: &Corpus) -> Plan {
    let speakers: BTreeSet<_> = corpus.clips.iter().filter_map(|clip| clip.speaker.as_ref()).collect();
    Plan::Random(5).twin(speakers.len())
}

/// What speaks against a task whose speakers and classes go together: a model may then learn voices for classes; and scaling
/// by speaker scales away, with what tells one speaker from another, what tells the classes apart.
///
/// Measured as the share of the classes' entropy that the speaker tells beyond chance (see [`Association`]): chance,
/// because speakers of few clips each tell something of any classes. Balanced designs give about 0 (EmoDB
/// 0.005); where each speaker is heard in one emotion, as 27 of 29 are in URDU, it is about 1. Clips without a known speaker
/// do not count. A speaker's sex is the speaker's by nature: targets with sex in them are warned of only where scaling is
/// by speaker.
pub fn confounding_note(task: &Task, norm: Norm) -> Option<String> {
    let by_speaker = norm == Norm::Speaker;
    let known: Vec<usize> = (0..task.rows.len()).filter(|row| !task.speakers[task.groups[*row]].is_empty()).collect();
    if known.is_empty() || (!by_speaker && task.target != Target::Emotion) {
        return None;
    }
    let of = |all: &[usize]| known.iter().map(|row| all[*row]).collect::<Vec<_>>();
    let (groups, labels) = (of(&task.groups), of(&task.labels));
    let told = Association::of(&groups, &labels).told_beyond_chance();
    let mut classes = vec![HashSet::new(); task.speakers.len()];
    groups.iter().zip(&labels).for_each(|(&group, &label)| {
        classes[group].insert(label);
    });
    let of_one = classes.iter().filter(|classes| classes.len() == 1).count();
    let speakers = format!("{of_one} of {} speakers are heard in one class only", task.known_speakers());
    let result = match by_speaker {
        true => "scaling by speaker takes away what tells the classes apart",
        false => "a model may learn voices for classes",
    };
    match told {
        None => Some(format!("speaker and class cannot be told apart ({speakers}): {result}")),
        Some(told) if told >= CONFOUNDED => {
            let percent = 100.0 * told;
            Some(format!(
                "speaker and class are confounded: the speaker tells {percent:.0} % of the class beyond chance ({speakers}); {result}"
            ))
        }
        Some(_) => None,
    }
}

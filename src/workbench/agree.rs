//! How far people agree on the clips of a corpus: what is asked, the figures, the clips behind them, and the job that finds them.
//!
//! Deliberately absent: the coefficients (see `score::agreement`), gold labels (see `label::gold`), text and cells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result, bail};

use super::{Opening, Update, Workbench, corpus_key};
use crate::corpus::ClipId;
use crate::job::{Job, Report, Watch};
use crate::label::gold::{Dispute, case, decisions, disputes};
use crate::label::{Act, Annotation, Answers, Asked, BUILT_IN, Occasion, Question, Ratings, SEVERAL, Scheme, Turn};
use crate::score::Bootstrap;
use crate::score::agreement::{
    Coefficient, Estimate, PerClass, coefficients, disagreement, estimates, headline, matrix, per_class, without_each,
};
use crate::store::{Batch, Store};

/// Draws of each interval, unless asked otherwise.
pub const DRAWS: usize = 1000;

/// What is to be studied.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    /// Name of the scheme; `None` = the one with most answers.
    pub scheme: Option<String>,
    /// What is known of its questions; empty = those of the built-in scheme of that name, else to be seen from the answers.
    pub questions: Vec<Question>,
    /// One question; `None` = all of the scheme that can be counted.
    pub question: Option<String>,
    /// Only these people; empty = all.
    pub raters: Vec<String>,
    /// How intervals are drawn, over clips.
    pub how: Bootstrap,
}

/// The figures of one question.
#[derive(Debug)]
pub struct Study {
    /// Clips by raters.
    pub ratings: Ratings,
    /// Every coefficient that fits, with its interval.
    pub estimates: Vec<Estimate>,
    /// The coefficient of `matrix` and `without`.
    pub headline: &'static Coefficient,
    /// Of each pair of raters.
    pub matrix: Vec<Vec<Option<f64>>>,
    /// Clips that both of a pair rated; on the diagonal those that the rater did.
    pub shared: Vec<Vec<usize>>,
    /// Without each rater.
    pub without: Vec<Option<f64>>,
    /// Each class against the rest; none of a scale.
    pub classes: Vec<(String, PerClass)>,
    /// Clips by how far people are apart on them, 0..1, the worst first; places in [`Ratings::clips`].
    pub worst: Vec<(usize, f64)>,
    /// Disputed clips by what a decision is worth.
    pub disputes: Vec<Dispute>,
    /// Clips decided by a lead.
    pub decided: usize,
    /// How intervals were drawn.
    pub how: Bootstrap,
}

/// The questions of a scheme that somebody answered, in order of first answer: scheme, question, answers that people gave.
pub fn answered(annotations: &[Annotation]) -> Vec<(String, String, usize)> {
    let mut found: Vec<(String, String, usize)> = Vec::new();
    for event in annotations.iter().filter(|event| event.occasion == Occasion::Main && event.annotator.is_human()) {
        let Act::Answer { question, .. } = &event.act else { continue };
        match found.iter_mut().find(|(scheme, asked, _)| *scheme == event.scheme.name && asked == question) {
            Some((_, _, count)) => *count += 1,
            None => found.push((event.scheme.name.clone(), question.clone(), 1)),
        }
    }
    found
}

/// The ratings of every question asked for, those of free text left out unless one is asked for by name.
///
/// # Errors
/// Nothing was answered; an unknown question or rater; answers that do not fit the scale.
pub fn ratings(annotations: &[Annotation], inquiry: &Inquiry) -> Result<Vec<Ratings>> {
    let answered = answered(annotations);
    let most = || answered.iter().max_by_key(|(_, _, count)| *count).map(|(scheme, ..)| scheme.clone());
    let name = inquiry.scheme.clone().or_else(most).context("nobody has answered anything yet")?;
    let known = match BUILT_IN.iter().any(|(built_in, _)| *built_in == name) {
        true if inquiry.questions.is_empty() => Scheme::load(&name)?.questions,
        _ => inquiry.questions.clone(),
    };
    let of_scheme = answered.iter().filter(|(scheme, ..)| *scheme == name).map(|(_, question, _)| question.as_str());
    let questions: Vec<&str> = of_scheme.collect();
    let wanted: Vec<&str> = match &inquiry.question {
        Some(one) if questions.contains(&one.as_str()) => vec![one],
        Some(one) => bail!("nobody has answered `{one}` of {name}; there {}", listed(&questions)),
        None if questions.is_empty() => bail!("nobody has answered anything of {name} yet; label some clips first"),
        None => ordered(&questions, &known),
    };
    let mut found = Vec::new();
    for question in wanted {
        let known = known.iter().find(|one| one.name == question);
        if known.is_some_and(is_text) && inquiry.question.is_none() {
            continue;
        }
        let answers = known.map(|question| &question.answers);
        let asked = Asked { scheme: &name, question, answers, raters: &inquiry.raters };
        found.push(Ratings::of(annotations, &asked)?);
    }
    Ok(found)
}

fn is_text(question: &Question) -> bool {
    matches!(question.answers, Answers::Text)
}

fn listed(questions: &[&str]) -> String {
    match questions {
        [] => "are no answers".to_owned(),
        [""] => "is one question without a name".to_owned(),
        several => format!("are {}", several.join(", ")),
    }
}

/// In the order of the scheme, others behind.
fn ordered<'a>(questions: &[&'a str], known: &[Question]) -> Vec<&'a str> {
    let place = |question: &str| known.iter().position(|one| one.name == question).unwrap_or(known.len());
    let mut ordered = questions.to_vec();
    ordered.sort_by_key(|question| place(question));
    ordered
}

impl Study {
    /// All figures of one question.
    ///
    /// # Errors
    /// Cancelled.
    pub fn of(ratings: Ratings, annotations: &[Annotation], how: Bootstrap, watch: &dyn Watch<()>) -> Result<Study> {
        let (table, headline) = (ratings.table()?, headline(ratings.level));
        let all: Vec<&'static Coefficient> = coefficients(ratings.level).collect();
        let Some(estimates) = estimates(&table, &all, how, || watch.check().is_ok()) else {
            watch.check()?;
            bail!("cancelled");
        };
        let matrix = matrix(&table, headline);
        watch.check()?;
        let without = without_each(&table, headline);
        watch.check()?;
        let classes = ratings.by_class()?.into_iter().map(|(class, one)| (class, per_class(&one))).collect();
        let decided = decisions(annotations, &ratings.scheme, &ratings.question);
        let disputes = disputes(&ratings, &decided, how.seed);
        let apart = disagreement(&table, ratings.level).into_iter().enumerate();
        let mut worst: Vec<(usize, f64)> =
            apart.filter_map(|(clip, apart)| Some((clip, apart.filter(|apart| *apart > 0.0)?))).collect();
        worst.sort_by(|a, b| b.1.total_cmp(&a.1).then(ratings.said[b.0].len().cmp(&ratings.said[a.0].len())));
        let (shared, decided) = (shared(&ratings), decided.len());
        Ok(Study { ratings, estimates, headline, matrix, shared, without, classes, worst, disputes, decided, how })
    }

    /// With the clips of a review behind the disputes, in its order; those that are disputes or decided already are not doubled.
    #[must_use]
    pub fn reviewing(mut self, review: &Batch, annotations: &[Annotation]) -> Study {
        let decided = decisions(annotations, &self.ratings.scheme, &self.ratings.question);
        for one in review.clips.iter().filter(|one| !decided.contains_key(&one.clip)) {
            let known = self.disputes.iter().any(|dispute| dispute.clip == one.clip);
            let unrated = || Dispute { clip: one.clip.clone(), worth: 0.0, said: Vec::new() };
            if !known {
                self.disputes.push(case(&self.ratings, &one.clip, self.how.seed).unwrap_or_else(unrated));
            }
        }
        self
    }

    /// What people said of a clip, most often said first: `2 anger, 1 fear`.
    pub fn said(&self, clip: usize) -> String {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        self.ratings.said[clip].iter().for_each(|one| *counts.entry(one.code).or_default() += 1);
        let mut counts: Vec<(usize, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let words = counts.iter().map(|(code, count)| format!("{count} {}", self.ratings.labels[*code]));
        words.collect::<Vec<_>>().join(", ")
    }

    /// Clips on which two raters differ, those first where they are farthest apart.
    pub fn between(&self, a: usize, b: usize) -> Vec<usize> {
        let code = |clip: usize, rater: usize| self.ratings.said[clip].iter().find(|one| one.rater == rater);
        let apart = |clip: usize| {
            let (a, b) = (code(clip, a)?, code(clip, b)?);
            (a.code != b.code).then(|| (clip, a.code.abs_diff(b.code)))
        };
        let mut found: Vec<(usize, usize)> = (0..self.ratings.clips.len()).filter_map(apart).collect();
        found.sort_by_key(|(clip, apart)| (std::cmp::Reverse(*apart), *clip));
        found.into_iter().map(|(clip, _)| clip).collect()
    }

    /// Clips of which a rater says what nobody else does, though others rated them, too; the most others first.
    pub fn alone(&self, rater: usize) -> Vec<usize> {
        let alone = |clip: &usize| {
            let said = &self.ratings.said[*clip];
            let own = said.iter().find(|one| one.rater == rater);
            own.is_some_and(|own| said.len() > 1 && said.iter().filter(|one| one.code == own.code).count() == 1)
        };
        let mut found: Vec<usize> = (0..self.ratings.clips.len()).filter(alone).collect();
        found.sort_by_key(|clip| std::cmp::Reverse(self.ratings.said[*clip].len()));
        found
    }

    /// Clips that some, but not all, put into a class.
    pub fn about(&self, class: &str) -> Vec<usize> {
        let has = |code: usize| self.ratings.labels[code].split(SEVERAL).any(|one| one == class);
        let mixed = |clip: &usize| {
            let said = &self.ratings.said[*clip];
            let hits = said.iter().filter(|one| has(one.code)).count();
            hits > 0 && hits < said.len()
        };
        (0..self.ratings.clips.len()).filter(mixed).collect()
    }

    /// The clip of that place.
    pub fn clip(&self, clip: usize) -> &ClipId {
        &self.ratings.clips[clip]
    }
}

fn shared(ratings: &Ratings) -> Vec<Vec<usize>> {
    let raters = ratings.raters.len();
    let mut shared = vec![vec![0; raters]; raters];
    for row in &ratings.said {
        for one in row {
            row.iter().for_each(|other| shared[one.rater][other.rater] += 1);
        }
    }
    shared
}

/// Agreement of people.
impl Workbench {
    /// Has the agreement on this scheme worked out anew, from what stands in the store.
    ///
    /// # Errors
    /// The corpus is not open, or its store; no thread.
    pub fn study(&mut self) -> Result<()> {
        if self.opening != Opening::Open {
            bail!(self.not_open());
        }
        let place = (self.settings.store.clone(), corpus_key(&self.corpus));
        let how = Bootstrap { draws: DRAWS, ..Bootstrap::default() };
        let scheme = &self.labels.scheme;
        let (name, questions) = (Some(scheme.name.clone()), scheme.questions.clone());
        let inquiry = Inquiry { scheme: name, questions, how, ..Inquiry::default() };
        self.studies.start(inquiry, place, &self.send)
    }

    /// A study per question of the scheme: `None` until the first is done, an error where there is nothing to study.
    pub fn studies(&self) -> Option<Result<&Arc<Vec<Study>>, &str>> {
        self.studies.found()
    }

    /// Whether agreement is being worked out.
    pub fn is_studying(&self) -> bool {
        self.studies.is_running()
    }

    /// Decides a disputed clip: an answer that wins over every method. It is on disk when this returns.
    ///
    /// # Errors
    /// A value that the question does not take; as [`Workbench::annotate`].
    pub fn adjudicate(&mut self, clip: usize, question: &str, value: &str) -> Result<()> {
        let asked = self.labels.scheme.question(question).with_context(|| format!("no question `{question}`"))?;
        if !asked.takes(value) {
            bail!("`{value}` is no answer to `{question}`");
        }
        let turn = Turn { clip, occasion: Occasion::Adjudication };
        self.annotate(turn, Act::label(value).asked(question), None)
    }
}

/// The studies that are under way or were made last.
#[derive(Default)]
pub(super) struct Studies {
    number: u64,
    job: Option<Job>,
    found: Option<Result<Arc<Vec<Study>>, String>>,
}

impl Studies {
    /// Reads the store and studies what is asked, in the background; the old answer stays to be seen until then.
    pub(super) fn start(&mut self, inquiry: Inquiry, place: (PathBuf, String), send: &Sender<Update>) -> Result<()> {
        self.number += 1;
        let (number, send) = (self.number, send.clone());
        let report = move |report| drop(send.send(Update::Agreement(number, report)));
        let job = Job::spawn("agreement", report, move |watch| {
            let store = Store::open(&place.0)?;
            let annotations = store.annotations(&place.1, None)?;
            let scheme = inquiry.scheme.clone().unwrap_or_default();
            let review = store.batches(&place.1, &scheme)?.into_iter().rfind(Batch::is_review);
            let study = |ratings| {
                let study = Study::of(ratings, &annotations, inquiry.how, watch)?;
                Ok(match &review {
                    Some(review) => study.reviewing(review, &annotations),
                    None => study,
                })
            };
            ratings(&annotations, &inquiry)?.into_iter().map(study).collect()
        })?;
        self.job = Some(job);
        Ok(())
    }

    /// Takes in a report; true when an answer has come.
    pub(super) fn take(&mut self, number: u64, report: Report<(), Vec<Study>>) -> bool {
        if number != self.number {
            return false;
        }
        match report {
            Report::News(()) => return false,
            Report::Done(found) => self.found = Some(Ok(Arc::new(found))),
            Report::Cancelled => {}
            Report::Failed(reason) => self.found = Some(Err(reason)),
        }
        self.job = None;
        true
    }

    pub(super) fn is_running(&self) -> bool {
        self.job.is_some()
    }

    pub(super) fn found(&self) -> Option<Result<&Arc<Vec<Study>>, &str>> {
        self.found.as_ref().map(|found| found.as_ref().map_err(String::as_str))
    }
}

//! What is taken for true: the corpus' labels, or those that people gave here.
//!
//! Whatever learns and judges sees a corpus whose clips carry the labels asked for ([`relabelled`]), and the run tells which
//! (`DataFacts::truth`). Deliberately absent: the methods themselves (see `label::gold`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use arcstr::ArcStr;

use super::corpus_key;
use crate::corpus::{ClipId, Corpus, Truth};
use crate::label::gold::{Gold, GoldSet, How, Origin, labels, method};
use crate::label::{Annotation, Answers, Asked, BUILT_IN, Occasion, Scheme};
use crate::store::Store;

/// Names that are asked for; the first is the corpus itself.
pub const TRUTHS: [&str; 6] = ["corpus", "majority", "ds", "mace", "gold", "soft"];

/// Which labels are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// One of [`TRUTHS`] but the first.
    pub method: String,
    /// Name of the scheme; `None` = the one with most annotations.
    pub scheme: Option<String>,
    /// Name of its question; `None` = the first that was answered with classes.
    pub question: Option<String>,
    /// Number of the last annotation to look at; `None` = all there are.
    pub until: Option<i64>,
}

/// No such word among [`TRUTHS`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no truth `{0}`; there are corpus, majority, ds, mace, gold and soft")]
pub struct UnknownTruth(String);

/// A word after `--truth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthName(pub String);

impl FromStr for TruthName {
    type Err = UnknownTruth;

    fn from_str(text: &str) -> Result<TruthName, UnknownTruth> {
        let known = TRUTHS.contains(&text);
        if known { Ok(TruthName(text.to_owned())) } else { Err(UnknownTruth(text.to_owned())) }
    }
}

/// Those that give the same labels again.
impl From<&Truth> for Wanted {
    fn from(truth: &Truth) -> Wanted {
        let Truth { method, scheme, question, until, .. } = truth.clone();
        Wanted { method, scheme: Some(scheme), question: Some(question), until: Some(until) }
    }
}

/// The corpus with the labels asked for, from the store at `path`; unchanged where nothing else than the corpus is.
///
/// # Errors
/// As [`relabelled`]; the store's.
pub fn from_store(corpus: Corpus, wanted: Option<&Wanted>, path: &Path) -> Result<Corpus> {
    let Some(wanted) = wanted else { return Ok(corpus) };
    ensure!(path.exists(), "{}: nothing has been labelled yet", path.display());
    let annotations = Store::open(path)?.annotations(&corpus_key(&corpus), None)?;
    relabelled(corpus, &annotations, wanted)
}

/// The corpus with the labels that people gave: clips without one have none, and its classes are those of the scheme.
///
/// # Errors
/// Nobody labelled in that scheme, texts or scales where classes are needed, no clip of the corpus among the labelled ones.
pub fn relabelled(corpus: Corpus, annotations: &[Annotation], wanted: &Wanted) -> Result<Corpus> {
    let until = wanted.until.unwrap_or(i64::MAX);
    // What a lead decided is `gold` and nothing else.
    let decisions = wanted.method == "gold";
    let known = annotations.iter().filter(|one| one.id.0 <= until);
    let counted = known.filter(|one| decisions || one.occasion != Occasion::Adjudication);
    let counted: Vec<Annotation> = counted.cloned().collect();
    let scheme =
        wanted.scheme.clone().or_else(|| most_used(&counted)).context("nobody has labelled this corpus yet")?;
    let question = wanted.question.clone().or_else(|| first_question(&counted, &scheme)).unwrap_or_default();
    let answers = known_answers(&scheme, &question).unwrap_or_else(|| Answers::Choice(of_corpus(&corpus)));
    let asked = Asked { scheme: &scheme, question: &question, answers: Some(&answers), raters: &[] };
    let name = if decisions { "majority" } else { &wanted.method };
    let how = How::plain(method(name).with_context(|| UnknownTruth(wanted.method.clone()))?);
    let set = labels(&counted, &asked, how)?;
    ensure!(!matches!(answers, Answers::Scale(_)), "{scheme}: a scale gives no classes to learn");
    // Not the last: what a merge brought in stands where it was said, under a later number.
    let until = counted.iter().map(|one| one.id.0).max().unwrap_or(0);
    put_on(corpus, &set, (&wanted.method, until))
}

fn put_on(mut corpus: Corpus, set: &GoldSet, (method, until): (&str, i64)) -> Result<Corpus> {
    let gold: BTreeMap<&ClipId, &Gold> = set.clips.iter().map(|gold| (&gold.clip, gold)).collect();
    let mut truth = Truth {
        method: method.to_owned(),
        scheme: set.scheme.clone(),
        question: set.question.clone(),
        raters: set.raters.len(),
        until,
        ..Truth::default()
    };
    for clip in &mut corpus.clips {
        let gold = gold.get(&clip.id);
        clip.label = gold.and_then(|gold| gold.value.as_deref().map(ArcStr::from));
        truth.labelled += usize::from(clip.label.is_some());
        truth.open += usize::from(clip.label.is_none() && gold.is_some());
        truth.decided += usize::from(gold.is_some_and(|gold| matches!(gold.origin, Origin::Decided { .. })));
        if let Some(gold) = gold.filter(|_| method == "soft" && clip.label.is_some()) {
            truth.shares.insert(clip.id.clone(), gold.distribution.iter().map(|&share| share as f32).collect());
        }
    }
    if truth.labelled == 0 {
        bail!("none of {} clips of {} has a label by {method} in {}", corpus.clips.len(), corpus.name, set.scheme);
    }
    if method == "soft" {
        truth.classes.clone_from(&set.labels);
    }
    corpus.classes.clone_from(&set.labels);
    // What a lead decided may be a class that no rater gave.
    let beyond: BTreeSet<&str> = corpus
        .clips
        .iter()
        .filter_map(|clip| clip.label.as_deref())
        .filter(|label| !set.labels.iter().any(|known| known == label))
        .collect();
    corpus.classes.extend(beyond.into_iter().map(str::to_owned));
    corpus.truth = Some(truth);
    Ok(corpus)
}

/// The scheme that people used most.
fn most_used(annotations: &[Annotation]) -> Option<String> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for one in annotations.iter().filter(|one| one.annotator.is_human() && one.occasion == Occasion::Main) {
        *uses.entry(&one.scheme.name).or_default() += 1;
    }
    uses.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name.to_owned())
}

/// The first question of a built-in scheme that has classes; of another, the first that was answered.
fn first_question(annotations: &[Annotation], scheme: &str) -> Option<String> {
    if let Some(scheme) = built_in(scheme) {
        let mut choices = scheme.questions.iter().filter(|question| !question.answers.classes().is_empty());
        return choices.next().map(|question| question.name.clone());
    }
    let of_scheme = annotations.iter().filter(|one| one.scheme.name == scheme && one.act.word() == "label");
    of_scheme.map(|one| one.act.question().unwrap_or_default().to_owned()).next()
}

fn known_answers(scheme: &str, question: &str) -> Option<Answers> {
    built_in(scheme)?.question(question).map(|question| question.answers.clone())
}

fn built_in(name: &str) -> Option<Scheme> {
    BUILT_IN.iter().find(|(known, _)| *known == name).and_then(|(name, text)| Scheme::parse(text, name).ok())
}

/// The corpus' own classes, whose order a scheme of them has.
fn of_corpus(corpus: &Corpus) -> Vec<crate::label::Class> {
    let Some(question) = Scheme::of_classes(&corpus.name, &corpus.classes).questions.pop() else { return Vec::new() };
    question.answers.classes().to_vec()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::{Target, demo_root, scan, task};
    use crate::job::Unwatched;
    use crate::label::{Act, AnnotationId, Annotator, NewAnnotation, SchemeId};

    fn said(corpus: &Corpus, rows: &[(usize, &str, &str, Occasion)]) -> Vec<Annotation> {
        let scheme = SchemeId { name: "emodb7".to_owned(), version: 1 };
        let one = |(id, (clip, who, class, occasion)): (usize, &(usize, &str, &str, Occasion))| {
            let (clip, who) = (corpus.clips[*clip].id.clone(), Annotator::Human((*who).to_owned()));
            let new = NewAnnotation::now(clip, String::new(), who, scheme.clone(), Act::label(*class));
            NewAnnotation { occasion: *occasion, ..new }.numbered(AnnotationId(id as i64 + 1))
        };
        rows.iter().enumerate().map(one).collect()
    }

    fn wanted(method: &str) -> Wanted {
        Wanted { method: method.to_owned(), ..Wanted::default() }
    }

    #[test]
    fn clips_carry_what_people_say_and_the_run_can_tell_how() {
        let corpus = scan(&demo_root().unwrap(), None, &Unwatched).unwrap();
        let main = Occasion::Main;
        let rows = [
            (0, "anna", "fear", main),
            (0, "ben", "fear", main),
            (1, "anna", "anger", main),
            (1, "ben", "boredom", main),
            (2, "anna", "boredom", main),
            (1, "lea", "anger", Occasion::Adjudication),
        ];
        let all = said(&corpus, &rows);
        let majority = relabelled(corpus.clone(), &all, &wanted("majority")).unwrap();
        let labels: Vec<Option<&str>> = majority.clips[..4].iter().map(|clip| clip.label.as_deref()).collect();
        assert_eq!(labels, [Some("fear"), None, Some("boredom"), None]);
        assert_eq!(majority.classes[..3], ["anger", "boredom", "disgust"]);
        let told = majority.truth.as_ref().unwrap().to_string();
        assert_eq!(told, "labels by majority of 2 raters (emodb7): 2 clips, 1 judged but open and left out");
        assert_eq!(task(&majority, Target::Emotion).unwrap().rows, [0, 2]);
        let gold = relabelled(corpus.clone(), &all, &wanted("gold")).unwrap();
        assert_eq!(gold.clips[1].label.as_deref(), Some("anger"));
        assert_eq!(gold.truth.as_ref().unwrap().decided, 1);
        let before = Wanted { until: Some(3), ..wanted("majority") };
        let before = relabelled(corpus.clone(), &all, &before).unwrap();
        assert_eq!((before.clips[1].label.as_deref(), before.truth.as_ref().unwrap().until), (Some("anger"), 3));
        let again = relabelled(corpus, &all, &Wanted::from(before.truth.as_ref().unwrap())).unwrap();
        assert_eq!(again, before);
    }

    #[test]
    fn what_a_merge_brought_in_is_looked_at_again() {
        let corpus = scan(&demo_root().unwrap(), None, &Unwatched).unwrap();
        let main = Occasion::Main;
        let mut all =
            said(&corpus, &[(0, "anna", "fear", main), (1, "anna", "anger", main), (2, "ben", "anger", main)]);
        // Said before the others, numbered after them.
        all.rotate_right(1);
        let merged = relabelled(corpus.clone(), &all, &wanted("majority")).unwrap();
        assert_eq!(merged.truth.as_ref().unwrap().until, 3);
        assert_eq!(relabelled(corpus, &all, &Wanted::from(merged.truth.as_ref().unwrap())).unwrap(), merged);
    }

    #[test]
    fn soft_labels_keep_the_shares() {
        let corpus = scan(&demo_root().unwrap(), None, &Unwatched).unwrap();
        let main = Occasion::Main;
        let rows = [(0, "anna", "fear", main), (0, "ben", "fear", main), (0, "cleo", "anger", main)];
        let soft = relabelled(corpus.clone(), &said(&corpus, &rows), &wanted("soft")).unwrap();
        let shares = &soft.truth.unwrap().shares[&corpus.clips[0].id];
        assert_eq!((shares[0], shares[3], shares.len()), (1.0 / 3.0, 2.0 / 3.0, 7));
    }

    #[test]
    fn without_labels_there_is_no_truth() {
        let corpus = scan(&demo_root().unwrap(), None, &Unwatched).unwrap();
        let error = relabelled(corpus.clone(), &[], &wanted("gold")).unwrap_err().to_string();
        assert_eq!(error, "nobody has labelled this corpus yet");
        let error = from_store(corpus, Some(&wanted("gold")), Path::new("/nowhere.db")).unwrap_err().to_string();
        assert_eq!(error, "/nowhere.db: nothing has been labelled yet");
        assert!("golden".parse::<TruthName>().is_err() && "gold".parse::<TruthName>().is_ok());
    }
}

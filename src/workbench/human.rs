//! What people reach on the clips of a run, and how a run fares where they agree.
//!
//! Listeners of the corpus (`corpus::Ratings`) and people who label here (each against the vote of the others). Deliberately
//! absent: agreement coefficients, and taking people for a ceiling: a model may learn the actor's intention better than listeners
//! hear it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::corpus::{ClipId, Corpus, Ratings, Target, Task};
use crate::label::{Annotation, Annotator, Voters, votes};
use crate::score::{Bootstrap, Confusion, ScoreError, bootstrap, metric};
use crate::store::{Listened, Prediction, Run};

use super::summary::{Part, parts, uar};

/// A clip is cut into this many parts, so that shares of listeners are whole numbers.
const PARTS: f64 = 1000.0;

/// How often a listener hears the label of a clip: the expected scores of one listener on the task's clips that were heard.
///
/// `None` where the corpus has no ratings or the task is not its labels. A share of listeners counts as that share of a clip;
/// whatever else they heard is one wrong answer.
pub fn listeners(corpus: &Corpus, task: &Task) -> Option<Listened> {
    let ratings = &corpus.ratings;
    if task.target != Target::Emotion || ratings.clips.is_empty() {
        return None;
    }
    // One class more: anything else.
    let wrong = task.classes.len();
    let mut by: BTreeMap<usize, Confusion> = BTreeMap::new();
    let (mut clips, mut most) = (0, 0);
    for (row, &clip) in task.rows.iter().enumerate() {
        let label = task.labels[row];
        let Some(heard) = ratings.clips.get(&corpus.clips[clip].id) else { continue };
        let Some(share) = heard.share(&task.classes[label]) else { continue };
        let right = (PARTS * share).round() as u64;
        let group = by.entry(task.groups[row]).or_insert_with(|| Confusion::new(wrong + 1));
        group.see_many(label, label, right);
        group.see_many(label, wrong, PARTS as u64 - right);
        (clips, most) = (clips + 1, heard.listeners.max(most));
    }
    let who = match most {
        0 => "vote of the listeners".to_owned(),
        many => format!("a listener of up to {many}"),
    };
    let note = if ratings.note.is_empty() { String::new() } else { format!("; {}", ratings.note) };
    score(by, clips, format!("{who}, {}{note}", ratings.source))
}

/// Clip, vote of the others, own answer.
type Answered = Vec<(ClipId, String, String)>;

/// People who label here, each against the vote of the others: leave one rater out, over the scheme and question with most such clips.
///
/// `None` where no clip has a label by one person and a majority of others. Speakers are those of `corpus`.
pub fn raters(annotations: &[Annotation], corpus: &Corpus) -> Option<Listened> {
    let people: BTreeSet<&Annotator> =
        annotations.iter().map(|one| &one.annotator).filter(|who| who.is_human()).collect();
    let mut answers: BTreeMap<(String, String), Answered> = BTreeMap::new();
    for &who in &people {
        let (own, others): (Vec<Annotation>, Vec<Annotation>) =
            annotations.iter().cloned().partition(|one| one.annotator == *who);
        let others = votes(&others, Voters::Humans).into_iter();
        let others: HashMap<(String, String, ClipId), String> =
            others.filter_map(|vote| Some(((vote.scheme, vote.question, vote.clip), vote.label?))).collect();
        for vote in votes(&own, Voters::Humans) {
            let key = (vote.scheme, vote.question, vote.clip);
            if let (Some(said), Some(truth)) = (vote.label, others.get(&key)) {
                answers.entry((key.0, key.1)).or_default().push((key.2, truth.clone(), said));
            }
        }
    }
    let answers = answers.into_values().max_by_key(Vec::len)?;
    let classes: BTreeSet<&String> = answers.iter().flat_map(|(_, truth, said)| [truth, said]).collect();
    let place = |class: &String| classes.iter().take_while(|one| **one < class).count();
    let mut by: BTreeMap<String, Confusion> = BTreeMap::new();
    for (clip, truth, said) in &answers {
        let speaker = corpus.index_of(clip).and_then(|at| corpus.clips[at].speaker.clone());
        let group = by.entry(speaker.unwrap_or_else(|| clip.0.clone()).to_string());
        group.or_insert_with(|| Confusion::new(classes.len())).see(place(truth), place(said));
    }
    let clips = answers.iter().map(|(clip, ..)| clip).collect::<BTreeSet<_>>().len();
    score(by, clips, format!("each of {} raters against the vote of the others", people.len()))
}

fn score<K>(by: BTreeMap<K, Confusion>, clips: usize, how: String) -> Option<Listened> {
    let groups: Vec<Confusion> = by.into_values().collect();
    let mut all = Confusion::new(groups.first()?.classes());
    groups.iter().for_each(|group| all.add(group));
    let ci = bootstrap(&groups, uar, Bootstrap::default());
    Some(Listened {
        how,
        clips,
        uar: uar(&all)?,
        uar_ci: ci.map(|ci| [ci.low, ci.high]),
        wa: metric("wa").and_then(|metric| (metric.of)(&all))?,
    })
}

/// The run's clips in three levels of how far listeners agree, least first; about a third each, clips that are agreed on alike
/// staying together. Empty where agreement is not known or all the same.
///
/// # Errors
/// A class number beyond the run's classes.
pub fn by_agreement(run: &Run, ratings: &Ratings) -> Result<Vec<Part>, ScoreError> {
    let of = |one: &Prediction| ratings.clips.get(&one.clip)?.agreement();
    let mut all: Vec<f64> = run.predictions.iter().filter_map(of).collect();
    all.sort_by(f64::total_cmp);
    let mut ends: Vec<f64> =
        [1, 2].iter().filter_map(|third| all.get((all.len() * third / 3).max(1) - 1)).copied().collect();
    ends.extend(all.last());
    ends.dedup();
    if ends.len() < 2 {
        return Ok(Vec::new());
    }
    let mut levels = Vec::new();
    for (at, &end) in ends.iter().enumerate() {
        let above = if at == 0 { f64::NEG_INFINITY } else { ends[at - 1] };
        let (low, high) = (format!("{:.0} %", 100.0 * above), format!("{:.0} %", 100.0 * end));
        let name = match at {
            0 => format!("up to {high}"),
            last if last + 1 == ends.len() => format!("over {low}"),
            _ => format!("over {low} to {high}"),
        };
        let inside = |share: &f64| above < *share && *share <= end;
        levels.extend(parts(run, |one| of(one).filter(inside).map(|_| name.clone()))?);
    }
    Ok(levels)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::Heard;
    use crate::label::{Act, AnnotationId, NewAnnotation, SchemeId};
    use crate::store::run::tests::run;

    fn said(id: i64, who: Annotator, clip: &str, class: &str) -> Annotation {
        let scheme = SchemeId { name: "corpus".to_owned(), version: 1 };
        let new = NewAnnotation::now(ClipId(clip.into()), "00".to_owned(), who, scheme, Act::label(class));
        new.numbered(AnnotationId(id))
    }

    #[test]
    fn each_rater_stands_against_the_vote_of_the_others() {
        let labels = [("a", "anger"), ("b", "fear"), ("c", "fear")];
        let mut all = Vec::new();
        for (clip, class) in labels {
            for who in ["anna", "ben", "cleo"] {
                let odd = (clip, who) == ("c", "cleo");
                let who = Annotator::Human(who.to_owned());
                all.push(said(all.len() as i64 + 1, who, clip, if odd { "anger" } else { class }));
            }
        }
        all.push(said(99, Annotator::Machine("cnn".to_owned()), "a", "fear"));
        let found = raters(&all, &Corpus::empty("/c".as_ref())).unwrap();
        // Of c, cleo alone has a majority against her; anna and ben each face a tie. Anger 3 of 3, fear 3 of 4.
        assert_eq!((found.clips, found.uar), (3, 0.875));
        assert!((found.wa - 6.0 / 7.0).abs() < 1e-12);
        assert!(found.how.contains("3 raters"), "{}", found.how);
        assert_eq!(raters(&all[..1], &Corpus::empty("/c".as_ref())), None, "nobody else");
        assert_eq!(raters(&[], &Corpus::empty("/c".as_ref())), None);
    }

    #[test]
    fn a_run_is_looked_at_where_people_agree() {
        let mut ratings = Ratings::default();
        for (clip, share) in [("a.wav", 0.5), ("b.wav", 1.0), ("c.wav", 1.0)] {
            let answers = BTreeMap::from([("x".to_owned(), 20.0 * share)]);
            let heard = Heard { answers, other: 20.0 * (1.0 - share), listeners: 20 };
            ratings.clips.insert(ClipId(clip.into()), heard);
        }
        // b and c are said right, a wrong.
        let found = by_agreement(&run("/c"), &ratings).unwrap();
        let told: Vec<(&str, usize, Option<f64>)> =
            found.iter().map(|part| (&part.name[..], part.clips, part.wa)).collect();
        assert_eq!(told, [("up to 50 %", 1, Some(0.0)), ("over 50 %", 2, Some(1.0))]);
        assert!(by_agreement(&run("/c"), &Ratings::default()).unwrap().is_empty());
    }
}

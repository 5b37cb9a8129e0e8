//! A lead's round: drawing known answers from the corpus' own labels, reading them from a table, and what each rater gets.
//!
//! Deliberately absent: the rule of who hears which clip (see `label::Round`), and keeping the round (see `store`).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::segments::rateable;
use crate::corpus::{ClipId, Corpus};
use crate::label::{Annotator, Known, Occasion, Queue, Round, Scheme, lot};

/// What one rater is to do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// Who.
    pub rater: String,
    /// Clips of the work, known ones among them.
    pub clips: usize,
    /// Hidden repeats.
    pub repeats: usize,
    /// Clips of the training round.
    pub training: usize,
}

/// What each rater of a round gets of `corpus`; empty where anyone may take part.
pub fn loads(corpus: &Corpus, round: &Round) -> Vec<Load> {
    let (clips, _) = rateable(corpus);
    let load = |rater: &String| {
        let queue = Queue::new(&clips, &Annotator::Human(rater.clone()), round, &[]);
        let count = |occasion| queue.turns().iter().filter(|turn| turn.occasion == occasion).count();
        let (clips, repeats) = (count(Occasion::Main), count(Occasion::Repeat));
        Load { rater: rater.clone(), clips, repeats, training: count(Occasion::Training) }
    };
    round.raters.iter().map(load).collect()
}

/// `count` clips whose corpus label is a class of the scheme's only choice, drawn by lot, the classes in turn; none of `but`.
///
/// # Errors
/// A scheme of other than one choice, or fewer such clips than asked for.
pub fn drawn(corpus: &Corpus, scheme: &Scheme, (count, seed): (usize, u64), but: &Known) -> Result<Known> {
    let [question] = &scheme.questions[..] else {
        bail!(
            "the corpus' labels answer one choice; {} asks several questions: give a table FILE instead",
            scheme.name
        );
    };
    let mut by_class: BTreeMap<&str, Vec<([u8; 32], &ClipId)>> = BTreeMap::new();
    for clip in corpus.clips.iter().filter(|clip| !clip.is_cut() && !but.contains_key(&clip.id)) {
        if let Some(label) = clip.label.as_deref().filter(|label| !label.is_empty() && question.takes(label)) {
            by_class.entry(label).or_default().push((lot(seed, &["known", &clip.id.0]), &clip.id));
        }
    }
    by_class.values_mut().for_each(|clips| clips.sort_unstable());
    let mut known = Known::new();
    for rank in 0..by_class.values().map(Vec::len).max().unwrap_or(0) {
        for (class, clips) in &by_class {
            if let Some((_, id)) = clips.get(rank).filter(|_| known.len() < count) {
                known.insert((*id).clone(), [(question.name.clone(), (*class).to_owned())].into());
            }
        }
    }
    ensure!(known.len() == count, "only {} clips have a label that {} knows, not {count}", known.len(), scheme.name);
    Ok(known)
}

/// Known answers from a CSV with the columns `file`, `value` and, where the scheme asks several questions, `question`.
///
/// # Errors
/// The file with the line: no such column, a clip that the corpus has not, an answer that the question does not take.
pub fn read(file: &Path, corpus: &Corpus, scheme: &Scheme) -> Result<Known> {
    let named = || file.display().to_string();
    let mut table = csv::Reader::from_path(file).with_context(named)?;
    let mut known = Known::new();
    for row in table.deserialize() {
        let row: KnownRow = row.with_context(named)?;
        let line = known.values().map(BTreeMap::len).sum::<usize>() + 2;
        let at = || format!("{}:{line}", file.display());
        let id = ClipId(row.file.into());
        ensure!(corpus.index_of(&id).is_some(), "{}: the corpus has no clip {}", at(), id.0);
        let question = scheme.question(&row.question);
        let question =
            question.with_context(|| format!("{}: no question `{}` in {}", at(), row.question, scheme.name))?;
        ensure!(question.takes(&row.value), "{}: `{}` is no answer in {}", at(), row.value, scheme.name);
        let before = known.entry(id).or_default().insert(row.question, row.value);
        ensure!(before.is_none(), "{}: the clip stands twice", at());
    }
    Ok(known)
}

#[derive(serde::Deserialize)]
struct KnownRow {
    file: String,
    #[serde(default)]
    question: String,
    value: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::{demo_root, scan};

    fn demo() -> (Corpus, Scheme) {
        let corpus = scan(&demo_root().unwrap(), None, &crate::job::Unwatched).unwrap();
        let scheme = Scheme::of_classes(&corpus.name, &corpus.classes);
        (corpus, scheme)
    }

    #[test]
    fn known_answers_are_drawn_evenly_and_never_twice() {
        let (corpus, scheme) = demo();
        let gold = drawn(&corpus, &scheme, (8, 1), &Known::new()).unwrap();
        let training = drawn(&corpus, &scheme, (8, 1), &gold).unwrap();
        assert!(gold.keys().all(|id| !training.contains_key(id)));
        let of_first = gold.values().filter(|known| known[""] == corpus.classes[0]).count();
        assert!(of_first == 8 / corpus.classes.len() || of_first == 8usize.div_ceil(corpus.classes.len()));
        for (id, known) in &gold {
            assert_eq!(corpus.clips[corpus.index_of(id).unwrap()].label.as_deref(), Some(known[""].as_str()));
        }
        let error = drawn(&corpus, &scheme, (100_000, 1), &Known::new()).unwrap_err().to_string();
        assert!(error.contains("not 100000"), "{error}");
    }

    #[test]
    fn a_table_of_known_answers_is_read_or_refused_by_line() {
        let (corpus, scheme) = demo();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gold.csv");
        let (id, class) = (&corpus.clips[0].id.0, &corpus.classes[0]);
        std::fs::write(&file, format!("file,value\n{id},{class}\n")).unwrap();
        assert_eq!(read(&file, &corpus, &scheme).unwrap().len(), 1);
        for (row, reason) in [
            ("nowhere.wav,x".to_owned(), "gold.csv:2: the corpus has no clip nowhere.wav"),
            (format!("{id},bored"), "gold.csv:2: `bored` is no answer"),
        ] {
            std::fs::write(&file, format!("file,value\n{row}\n")).unwrap();
            let error = read(&file, &corpus, &scheme).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn loads_tell_what_each_rater_gets() {
        let (corpus, scheme) = demo();
        let training = drawn(&corpus, &scheme, (4, 1), &Known::new()).unwrap();
        let raters = ["anna", "ben", "cleo"].map(str::to_owned).to_vec();
        let round = Round { raters, overlap: 2, repeats: 0.2, training, ..Round::default() };
        let loads = loads(&corpus, &round);
        assert_eq!(loads.iter().map(|load| load.clips).sum::<usize>(), 2 * (corpus.clips.len() - 4));
        assert!(loads.iter().all(|load| load.training == 4 && load.repeats > 0));
    }
}

//! Writes annotations and votes to files that other programs read: CSV or one JSON object per line.
//!
//! `labels.csv` gets every raw annotation, its sibling `labels.clips.csv` one row per clip with the vote. Text is written
//! as it is, also where a spreadsheet would take it for a formula (`=…`): an export that alters notes could not be read
//! back. Deliberately absent: other tools' formats, and reading.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::vote::ledgers;
use super::{Act, Annotation, AnnotationId, Annotator, NewAnnotation, Occasion, SchemeId, Timestamp};
use super::{Vote, Voters, votes};
use crate::corpus::ClipId;
use crate::file::{Staged, stage};
use serde::Serialize;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// A raw annotation as a row of a file.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Number of the annotation in its store.
    pub id: AnnotationId,
    /// The clip: path relative to the corpus root.
    pub file: ClipId,
    /// Hash of the clip's audio when it was annotated.
    pub audio: String,
    /// Name of the annotator.
    pub annotator: String,
    /// `human` or `machine`.
    pub annotator_kind: String,
    /// `name@version`.
    pub scheme: String,
    /// [`Act::word`].
    pub act: String,
    /// The class of a label, the text of a note.
    pub value: Option<String>,
    /// The annotation that an undo or redo is about.
    pub refers_to: Option<AnnotationId>,
    /// 0..=1.
    pub confidence: Option<f64>,
    /// RFC 3339, UTC.
    pub at: Timestamp,
    /// True when it no longer counts (undone, or replaced by a later one).
    pub superseded: bool,
    /// `before:MODEL`: the model's view of the clip was seen before; `after:MODEL`: only afterwards; empty: no model.
    #[serde(default)]
    pub exposure: Option<String>,
    /// Which question was answered; empty: the only one.
    #[serde(default)]
    pub question: Option<String>,
    /// [`Occasion::word`].
    #[serde(default)]
    pub occasion: Option<String>,
    /// A [`Listening`](super::Listening) as JSON.
    #[serde(default)]
    pub listening: Option<String>,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// File of the raw annotations.
    pub annotations: PathBuf,
    /// Rows in it.
    pub rows: usize,
    /// File of the votes.
    pub clips: PathBuf,
    /// Rows in it.
    pub votes: usize,
}

/// An export that could not be written; no half-written file is left.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", file.display())]
pub struct ExportError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes `annotations` (one corpus, in order of id) to `file` and the votes of its people to the sibling with `.clips`
/// before the suffix. Both are complete before either takes its name; existing files are replaced.
///
/// # Errors
/// [`ExportError`] when a file cannot be written.
pub fn export(annotations: &[Annotation], format: Format, file: &Path) -> Result<Exported, ExportError> {
    let clips = beside(file);
    let rows = rows(annotations);
    let votes = votes(annotations, Voters::Humans);
    let votes: Vec<VoteRow<'_>> = votes.iter().map(VoteRow::of).collect();
    let raw = staged(file, |out| write(out, format, ROW, &rows))?;
    let voted = staged(&clips, |out| match format {
        Format::Csv => write(out, format, VOTE, &votes.iter().map(VoteRow::flat).collect::<io::Result<Vec<_>>>()?),
        Format::Jsonl => write(out, format, VOTE, &votes),
    })?;
    publish(raw, file)?;
    publish(voted, &clips)?;
    Ok(Exported { annotations: file.to_owned(), rows: rows.len(), clips, votes: votes.len() })
}

impl Row {
    /// The row of an annotation.
    pub fn of(annotation: &Annotation, superseded: bool) -> Row {
        Row {
            id: annotation.id,
            file: annotation.clip.clone(),
            audio: annotation.audio.clone(),
            annotator: annotation.annotator.name().to_owned(),
            annotator_kind: annotation.annotator.kind().to_owned(),
            scheme: annotation.scheme.to_string(),
            act: annotation.act.word().to_owned(),
            value: annotation.act.value().map(str::to_owned),
            refers_to: annotation.act.refers_to(),
            confidence: annotation.confidence,
            at: annotation.at,
            superseded,
            exposure: annotation.exposure.as_ref().map(ToString::to_string),
            question: annotation.act.question().map(str::to_owned),
            occasion: Some(annotation.occasion.word().to_owned()),
            // Numbers and words alone: writing them as JSON cannot fail.
            listening: annotation.listening.as_ref().and_then(|heard| serde_json::to_string(heard).ok()),
        }
    }

    /// The annotation of a row.
    ///
    /// # Errors
    /// The field whose text means nothing here.
    pub fn annotation(self) -> Result<Annotation, String> {
        let annotator = Annotator::from_parts(&self.annotator_kind, &self.annotator)
            .ok_or_else(|| format!("`annotator_kind`: `{}` is neither human nor machine", self.annotator_kind))?;
        let scheme: SchemeId = self.scheme.parse()?;
        let act = Act::from_parts(&self.act, self.value, self.refers_to)
            .ok_or_else(|| format!("`act`: `{}` does not fit `value` and `refers_to`", self.act))?;
        let act = act.asked(self.question.unwrap_or_default());
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let exposure = filled(self.exposure).map(|text| text.parse()).transpose()?;
        let occasion = filled(self.occasion).map_or(Ok(Occasion::Main), |word| {
            Occasion::from_word(&word).ok_or_else(|| format!("`occasion`: `{word}` is unknown"))
        })?;
        let listening = filled(self.listening).map(|text| serde_json::from_str(&text)).transpose();
        let listening = listening.map_err(|error| format!("`listening`: {error}"))?;
        let (clip, audio, confidence, at) = (self.file, self.audio, self.confidence, self.at);
        let new = NewAnnotation { clip, audio, annotator, scheme, act, confidence, exposure, at, occasion, listening };
        Ok(new.numbered(self.id))
    }
}

/// Columns of a [`Row`], and of a vote's row: written even when there is no row, so that a reader knows nothing is missing.
const ROW: &str = "id,file,audio,annotator,annotator_kind,scheme,act,value,refers_to,confidence,at,superseded,exposure,\
    question,occasion,listening";
const VOTE: &str = "file,scheme,question,label,raters,counts,tied,flags";

fn rows(annotations: &[Annotation]) -> Vec<Row> {
    let ledgers = ledgers(annotations);
    let holds = |event: &Annotation| {
        ledgers.get(&(event.scheme.name.as_str(), &event.annotator)).is_some_and(|ledger| ledger.holds(event.id))
    };
    annotations.iter().map(|event| Row::of(event, !holds(event))).collect()
}

#[derive(Serialize)]
struct VoteRow<'a> {
    file: &'a ClipId,
    scheme: &'a str,
    question: &'a str,
    label: Option<&'a str>,
    raters: usize,
    counts: serde_json::Map<String, serde_json::Value>,
    tied: Vec<&'a str>,
    flags: usize,
}

/// A [`VoteRow`] whose lists are JSON texts, as CSV has none.
#[derive(Serialize)]
struct FlatVoteRow<'a> {
    file: &'a ClipId,
    scheme: &'a str,
    question: &'a str,
    label: Option<&'a str>,
    raters: usize,
    counts: String,
    tied: String,
    flags: usize,
}

impl<'a> VoteRow<'a> {
    fn of(vote: &'a Vote) -> VoteRow<'a> {
        VoteRow {
            file: &vote.clip,
            scheme: &vote.scheme,
            question: &vote.question,
            label: vote.label.as_deref(),
            raters: vote.raters,
            counts: vote.counts.iter().map(|(class, count)| (class.clone(), (*count).into())).collect(),
            tied: vote.tied().iter().map(|(class, _)| class.as_str()).collect(),
            flags: vote.flags,
        }
    }

    fn flat(&self) -> io::Result<FlatVoteRow<'a>> {
        let VoteRow { file, scheme, question, label, raters, ref counts, ref tied, flags } = *self;
        let (counts, tied) = (serde_json::to_string(counts)?, serde_json::to_string(tied)?);
        Ok(FlatVoteRow { file, scheme, question, label, raters, counts, tied, flags })
    }
}

fn write<T: Serialize>(out: &mut dyn Write, format: Format, columns: &str, rows: &[T]) -> io::Result<()> {
    match format {
        Format::Csv => {
            let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(out);
            csv.write_record(columns.split(','))?;
            rows.iter().try_for_each(|row| csv.serialize(row))?;
            csv.flush()
        }
        Format::Jsonl => rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *out, row)?;
            out.write_all(b"\n")
        }),
    }
}

/// A finished, synced file beside `file` that has not taken its name yet.
fn staged(file: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged, ExportError> {
    let durable = stage(file, fill).and_then(Staged::durable);
    durable.map_err(|source| ExportError { file: file.to_owned(), source })
}

fn publish(staged: Staged, file: &Path) -> Result<(), ExportError> {
    staged.publish(file).map_err(|source| ExportError { file: file.to_owned(), source })
}

/// `labels.csv` → `labels.clips.csv`, `labels` → `labels.clips`.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(".clips");
    if let Some(suffix) = file.extension() {
        name.push(".");
        name.push(suffix);
    }
    file.with_file_name(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_events::Events;
    use super::super::{Exposure, Listening};
    use super::*;
    use proptest::prelude::*;

    fn read(format: Format, file: &Path) -> Vec<Row> {
        let text = std::fs::read_to_string(file).unwrap();
        match format {
            Format::Csv => csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect(),
            Format::Jsonl => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }

    fn session() -> Vec<Annotation> {
        let mut events = Events::default();
        let ben = Annotator::Human("ben".to_owned());
        let fear = events.say("a,\"b\".wav", Act::label("fear"));
        let undo = events.say("a,\"b\".wav", Act::Undo(fear.id));
        let note = events.say("a,\"b\".wav", Act::Note("=1+1, said \"she\"\r\nand left".to_owned()));
        let anger = events.by(ben, "a,\"b\".wav", Act::label("anger"));
        let machine = events.by(Annotator::Machine("cnn".to_owned()), "c.wav", Act::label("fear"));
        vec![fear, undo, note, anger, machine]
    }

    #[test]
    fn both_files_say_who_said_what_and_what_won() {
        let folder = tempfile::tempdir().unwrap();
        let done = export(&session(), Format::Csv, &folder.path().join("labels.csv")).unwrap();
        assert_eq!((done.rows, done.votes), (5, 1));
        let superseded: Vec<bool> = read(Format::Csv, &done.annotations).iter().map(|row| row.superseded).collect();
        assert_eq!(superseded, [true, false, false, false, false]);
        assert_eq!(done.clips, folder.path().join("labels.clips.csv"));
        let votes = std::fs::read_to_string(&done.clips).unwrap();
        assert_eq!(
            votes,
            "file,scheme,question,label,raters,counts,tied,flags\n\"a,\"\"b\"\".wav\",s,,anger,1,\"{\"\"anger\"\":1}\",[],0\n"
        );
        let done = export(&session(), Format::Jsonl, &folder.path().join("labels")).unwrap();
        let votes = std::fs::read_to_string(folder.path().join("labels.clips")).unwrap();
        assert_eq!(done.clips, folder.path().join("labels.clips"));
        assert_eq!(
            votes,
            r#"{"file":"a,\"b\".wav","scheme":"s","question":"","label":"anger","raters":1,"counts":{"anger":1},"tied":[],"flags":0}"#
                .to_owned() + "\n"
        );
    }

    #[test]
    fn without_annotations_the_csv_has_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let done = export(&[], Format::Csv, &folder.path().join("none.csv")).unwrap();
        assert_eq!(std::fs::read_to_string(done.annotations).unwrap(), format!("{ROW}\n"));
        assert_eq!(std::fs::read_to_string(done.clips).unwrap(), format!("{VOTE}\n"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/labels.csv");
        let error = export(&session(), Format::Csv, &missing).unwrap_err();
        assert!(error.to_string().contains("no/such/labels.csv"), "{error}");
        std::fs::create_dir(folder.path().join("taken.csv")).unwrap();
        export(&session(), Format::Csv, &folder.path().join("taken.csv")).unwrap_err();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["taken.csv"]);
    }

    fn any_annotation() -> impl Strategy<Value = Annotation> {
        let act = prop_oneof![
            (".*", ".*").prop_map(|(value, question)| Act::label(value).asked(question)),
            ".*".prop_map(Act::Note),
            Just(Act::Skip),
            any::<bool>().prop_map(Act::Flag),
            (1_i64..).prop_map(|id| Act::Undo(AnnotationId(id))),
            (1_i64..).prop_map(|id| Act::Redo(AnnotationId(id))),
        ];
        let annotator = prop_oneof![".+".prop_map(Annotator::Human), ".+".prop_map(Annotator::Machine)];
        let seen = prop_oneof![".+".prop_map(Exposure::Before), ".+".prop_map(Exposure::After)];
        let known = (proptest::option::of(0.0..=1.0), proptest::option::of(seen));
        let rest = (known, 0_i64..4_000_000_000_000, "[a-z@]+", any::<u32>());
        (any::<i64>(), ".+", annotator, act, rest).prop_map(|(id, clip, annotator, act, (known, at, name, version))| {
            let at = Timestamp::from_millis(at).unwrap();
            let (clip, scheme, (confidence, exposure)) = (ClipId(clip), SchemeId { name, version }, known);
            let heard = Listening {
                plays: 2,
                heard: 0.25,
                sink: "a, \"b\"".to_owned(),
                gain_db: -3.1,
                picture: "none".to_owned(),
                seconds: 1.75,
            };
            let (occasion, listening) =
                if at.millis() % 2 == 0 { (Occasion::Main, None) } else { (Occasion::Repeat, Some(heard)) };
            let audio = String::new();
            NewAnnotation { clip, audio, annotator, scheme, act, confidence, exposure, at, occasion, listening }
                .numbered(AnnotationId(id))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_exported_reads_back_the_same(all in proptest::collection::vec(any_annotation(), 0..8)) {
            let folder = tempfile::tempdir().unwrap();
            for format in [Format::Csv, Format::Jsonl] {
                let done = export(&all, format, &folder.path().join("x")).unwrap();
                let again: Vec<_> = read(format, &done.annotations).into_iter().map(Row::annotation).collect();
                let all: Vec<_> = all.iter().cloned().map(Ok).collect();
                prop_assert_eq!(again, all);
            }
        }
    }
}

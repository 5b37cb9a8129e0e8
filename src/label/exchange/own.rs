//! Formats `csv` and `jsonl`: every annotation with all that is known of it, a row each. What they write they read again, ids kept.
//!
//! `labels.csv` gets every raw annotation, its sibling `labels.clips.csv` one row per clip with the vote. Text is written
//! as it is, also where a spreadsheet would take it for a formula (`=…`): an export that alters notes could not be read
//! back. Kept: all that was said. Not kept: what describes clips (speaker, text, split); files are those of the corpus.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Exchange, Folder, Item, Part, Places, Put, Said, Sheet, Trouble};
use crate::corpus::{ClipId, Corpus};
use crate::label::{
    Act, Annotation, AnnotationId, Annotator, NewAnnotation, Occasion, SchemeId, Timestamp, Vote, Voters, votes,
};

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
    /// A [`Listening`](crate::label::Listening) as JSON.
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
    let sheet = Sheet::of("", &[], &[], annotations);
    let written = super::write(format.exchange(), &sheet, file)?;
    let clips = written.last().cloned().unwrap_or_default();
    let votes = votes(annotations, Voters::Humans).len();
    Ok(Exported { annotations: file.to_owned(), rows: sheet.said.len(), clips, votes })
}

/// Our own rows as CSV.
pub struct Csv;

/// Our own rows as one JSON object per line.
pub struct Jsonl;

impl Exchange for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "every annotation as a row of CSV, and beside it one row per clip with the vote"
    }

    fn keeps(&self) -> &'static [Part] {
        KEEPS
    }

    fn describes_clips(&self) -> bool {
        false
    }

    fn fits(&self, files: &Folder) -> bool {
        files.only().is_some_and(|name| files.head(name).starts_with("id,file,audio,annotator,annotator_kind,"))
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let (place, text) = (files.place(name), files.text(name)?);
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let headings = rows.headers().map_err(|error| Trouble::csv(&place, &error))?.clone();
        let mut sheet = Reading::new(files.title());
        let mut record = csv::StringRecord::new();
        while rows.read_record(&mut record).map_err(|error| Trouble::csv(&place, &error))? {
            let line = record.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
            let row: Row = record.deserialize(Some(&headings)).map_err(|error| {
                let trouble = Trouble::csv(&place, &error);
                // The cell is named in the message alone where its own type refuses it.
                let quoted = trouble.reason.split('`').nth(1).map(str::to_owned);
                let cell = quoted.and_then(|text| record.iter().position(|cell| cell == text));
                Trouble { column: cell.map(|at| at + 1).or(trouble.column), ..trouble }
            })?;
            sheet.take(row).map_err(|reason| {
                let field = reason.split('`').nth(1).unwrap_or_default();
                let column = headings.iter().position(|heading| heading == field).map_or(1, |at| at + 1);
                Trouble::line(&place, line, column, &reason)
            })?;
        }
        Ok(sheet.sheet)
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        put.put(name, &mut |out| {
            let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(out);
            csv.write_record(ROW.split(','))?;
            rows(sheet).try_for_each(|row| Ok::<(), io::Error>(csv.serialize(row?)?))?;
            csv.flush()
        })?;
        let votes = voted(sheet)?;
        put.put(&beside(name), &mut |out| {
            let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(out);
            csv.write_record(VOTE.split(','))?;
            votes.iter().try_for_each(|vote| Ok::<(), io::Error>(csv.serialize(VoteRow::of(vote).flat()?)?))?;
            csv.flush()
        })
    }
}

impl Exchange for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn about(&self) -> &'static str {
        "every annotation as a line of JSON, and beside it one line per clip with the vote"
    }

    fn keeps(&self) -> &'static [Part] {
        KEEPS
    }

    fn describes_clips(&self) -> bool {
        false
    }

    fn fits(&self, files: &Folder) -> bool {
        files.only().is_some_and(|name| {
            let head = files.head(name);
            let first = head.lines().next().unwrap_or_default();
            first.starts_with("{\"id\":") && first.contains("\"annotator_kind\"")
        })
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let (place, text) = (files.place(name), files.text(name)?);
        let mut sheet = Reading::new(files.title());
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: Row = serde_json::from_str(line).map_err(|error| Trouble::json(&place, at + 1, &error))?;
            sheet.take(row).map_err(|reason| Trouble::line(&place, at + 1, 1, reason))?;
        }
        Ok(sheet.sheet)
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        put.put(name, &mut |out| rows(sheet).try_for_each(|row| line(out, &row?)))?;
        let votes = voted(sheet)?;
        put.put(&beside(name), &mut |out| votes.iter().try_for_each(|vote| line(out, &VoteRow::of(vote))))
    }
}

impl Format {
    fn exchange(self) -> &'static dyn Exchange {
        match self {
            Format::Csv => &Csv,
            Format::Jsonl => &Jsonl,
        }
    }
}

/// All but what describes clips.
const KEEPS: &[Part] = &[
    Part::Rater,
    Part::Scheme,
    Part::Question,
    Part::Time,
    Part::Confidence,
    Part::LeadTime,
    Part::Listening,
    Part::Occasion,
    Part::Remarks,
    Part::Skips,
    Part::Unjudged,
    Part::History,
    Part::Span,
];

/// The one file that was asked for.
pub(super) fn one_file(files: &Folder) -> Result<&str, Trouble> {
    files.only().ok_or_else(|| Trouble::file(files.place(""), "a folder, where one file is meant"))
}

/// A sheet that rows are added to.
struct Reading {
    sheet: Sheet,
    places: Places,
}

impl Reading {
    fn new(name: String) -> Reading {
        Reading { sheet: Sheet { name, ..Sheet::default() }, places: Places::new() }
    }

    fn take(&mut self, row: Row) -> Result<(), String> {
        let superseded = row.superseded;
        let one = row.annotation()?;
        let item = self.sheet.place(Item::named(&one.clip), &mut self.places);
        self.sheet.said.push(Said::of(item, one, superseded));
        Ok(())
    }
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
        let scheme: SchemeId = self.scheme.parse().map_err(|reason| format!("`scheme`: {reason}"))?;
        let act = Act::from_parts(&self.act, self.value, self.refers_to)
            .ok_or_else(|| format!("`act`: `{}` does not fit `value` and `refers_to`", self.act))?;
        let act = act.asked(self.question.unwrap_or_default());
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let exposure = filled(self.exposure).map(|text| text.parse()).transpose();
        let exposure = exposure.map_err(|reason: String| format!("`exposure`: {reason}"))?;
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

fn rows(sheet: &Sheet) -> impl Iterator<Item = io::Result<Row>> {
    sheet.said.iter().zip(1..).map(|(said, at)| Ok(Row::of(&annotation(sheet, said, at)?, said.superseded)))
}

fn voted(sheet: &Sheet) -> io::Result<Vec<Vote>> {
    let all: io::Result<Vec<Annotation>> =
        sheet.said.iter().zip(1..).map(|(said, at)| annotation(sheet, said, at)).collect();
    Ok(votes(&all?, Voters::Humans))
}

/// What was said, as a store would have it; `at` numbers it where nothing else does.
fn annotation(sheet: &Sheet, said: &Said, at: i64) -> io::Result<Annotation> {
    let (Some(rater), Some(scheme), Some(moment)) = (&said.rater, &said.scheme, said.at) else {
        return Err(io::Error::other("an answer without rater, scheme or time has no row"));
    };
    let new = NewAnnotation {
        clip: sheet.items[said.item].id(),
        audio: said.audio.clone().unwrap_or_default(),
        annotator: rater.annotator(),
        scheme: scheme.clone(),
        act: said.act.clone(),
        confidence: said.confidence,
        exposure: said.exposure.clone(),
        at: moment,
        occasion: said.occasion,
        listening: said.listening.clone(),
    };
    Ok(new.numbered(said.id.unwrap_or(AnnotationId(at))))
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

fn line<T: Serialize>(out: &mut dyn Write, row: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

/// `labels.csv` → `labels.clips.csv`, `labels` → `labels.clips`.
fn beside(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, suffix)) if !stem.is_empty() => format!("{stem}.clips.{suffix}"),
        _ => format!("{name}.clips"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::label::test_events::Events;
    use crate::label::{Exposure, Listening};
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
            let (clip, scheme, (confidence, exposure)) = (ClipId(clip.into()), SchemeId { name, version }, known);
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

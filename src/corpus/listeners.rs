//! What listeners heard: tables that some corpora have beside their recordings, as `[[listeners]]` of a description says.
//!
//! A share of listeners who heard the label (EmoDB), an answer per listener, or the vote alone (CREMA-D). Deliberately absent:
//! labels that people give in emolab (see `label`), and taking the listeners' vote for the label.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::description::Codes;
use super::format::separated;
use super::{Clip, ClipId, Problem};

/// Parts two answers of one cell that share first place.
const TIE: char = ':';

/// One `[[listeners]]` of a description: where a table lies and what its columns mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenersTable {
    /// Paths relative to the corpus folder, or to the folder above it; the first that there is counts.
    pub tables: Vec<String>,
    /// Heading of the file name, with or without suffix.
    pub clip: String,
    /// Heading of the percentage of listeners who heard the label.
    pub right: Option<String>,
    /// Heading of what was heard: a row per listener, or the vote of all; `A:B` where answers tie.
    pub answer: Option<String>,
    /// Heading of the listener's own number or name, where a row is one listener's.
    pub rater: Option<String>,
    /// Heading of how strong it was heard to be.
    pub level: Option<String>,
    /// How many listeners a row speaks for; 0 where the table does not tell (a vote).
    #[serde(default = "one")]
    pub listeners: u32,
    /// Heading and what it must say for a row to count.
    #[serde(default)]
    pub only: Codes,
    /// What must stand beside the listeners' score, such as how the clips were chosen.
    #[serde(default)]
    pub note: String,
    /// Code of an answer = class; left out: answers are classes.
    #[serde(default)]
    pub answers: Codes,
}

fn one() -> u32 {
    1
}

/// One row of a table of listeners.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Place of the clip among those asked about.
    pub clip: usize,
    /// The listener, where the table tells them apart.
    pub rater: Option<String>,
    /// What was heard; several where answers tie.
    pub classes: Vec<String>,
    /// Share of the listeners who heard it, 0..=1, where the table has shares.
    pub share: Option<f64>,
    /// How strong it was heard to be, a number as text.
    pub level: Option<String>,
}

/// The classes heard, and by which share of the listeners.
type Told = (Vec<String>, Option<f64>);

/// What listeners heard in the clips of a corpus.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ratings {
    /// The table it is from; empty where there is none.
    pub source: String,
    /// What must stand beside their score.
    pub note: String,
    /// By clip.
    pub clips: BTreeMap<ClipId, Heard>,
}

/// What listeners heard in one clip.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// Weight of each class heard.
    pub answers: BTreeMap<String, f64>,
    /// Weight of answers that are not known but for not being the label.
    pub other: f64,
    /// Number of listeners; 0 where only their vote is known.
    pub listeners: u32,
}

impl Heard {
    /// Share of the answers that are `class`, 0..1; `None` without answers.
    pub fn share(&self, class: &str) -> Option<f64> {
        let all = self.answers.values().sum::<f64>() + self.other;
        (all > 0.0).then(|| self.answers.get(class).copied().unwrap_or(0.0) / all)
    }

    /// How far listeners agree: share of the class heard most. `None` where only the vote is known.
    pub fn agreement(&self) -> Option<f64> {
        let shares = self.answers.keys().filter_map(|class| self.share(class));
        shares.reduce(f64::max).filter(|_| self.listeners > 1)
    }
}

/// Reads the first table there is; what is wrong with it is a problem, never an end.
pub(super) fn read(root: &Path, tables: &[ListenersTable], clips: &[Clip]) -> (Ratings, Option<Problem>) {
    let places = |table: &'_ ListenersTable| {
        let at = |folder: &Path| table.tables.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
        [at(root), root.canonicalize().ok().and_then(|root| root.parent().map(at)).unwrap_or_default()].concat()
    };
    let found = tables.iter().find_map(|table| Some((table, places(table).into_iter().find(|path| path.is_file())?)));
    let Some((table, path)) = found else { return (Ratings::default(), None) };
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let problem = |reason| Some(Problem { file: file.clone(), reason });
    match fs::read(&path) {
        Err(error) => (Ratings::default(), problem(error.to_string())),
        Ok(bytes) => {
            let (clips, reason) = table.parse(text(bytes), clips);
            let ratings = match clips.is_empty() {
                true => Ratings::default(),
                false => Ratings { source: file.clone(), note: table.note.clone(), clips },
            };
            (ratings, reason.and_then(problem))
        }
    }
}

/// UTF-8, or else Latin-1, in which every byte is a character.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect())
}

impl ListenersTable {
    /// The rows about these clips, in order, and what is wrong with which line. Rows on other clips are none of ours.
    pub fn answers(&self, table: Vec<u8>, clips: &[Clip]) -> (Vec<Answer>, Vec<(usize, String)>) {
        let by_stem: HashMap<&str, usize> = clips.iter().zip(0..).map(|(clip, at)| (stem(&clip.id.0), at)).collect();
        let mut rows = separated(text(table).into_bytes(), b'\t');
        let headings = rows.headers().cloned().unwrap_or_default();
        let column = |name: &str| headings.iter().position(|heading| heading.trim().eq_ignore_ascii_case(name));
        let maybe = |name: &Option<String>| name.as_deref().and_then(column);
        let (rater_at, level_at) = (maybe(&self.rater), maybe(&self.level));
        let only: Option<Vec<(usize, &str)>> =
            self.only.0.iter().map(|(name, value)| Some((column(name)?, value.as_str()))).collect();
        let value_of = self.right.as_ref().or(self.answer.as_ref()).and_then(|name| column(name));
        let (Some(clip_at), Some(value_at), Some(only)) = (column(&self.clip), value_of, only) else {
            let reason = "a table of listeners without the columns that its description names".to_owned();
            return (Vec::new(), vec![(1, reason)]);
        };
        let (mut answers, mut wrong) = (Vec::new(), Vec::new());
        for (row, line) in rows.records().zip(2..) {
            let told = row.map_err(|error| error.to_string()).and_then(|row| {
                let cell = |at: usize| row.get(at).unwrap_or_default().trim().to_owned();
                let filled = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
                let counts = only.iter().all(|(column, value)| cell(*column) == *value);
                let Some(&clip) = by_stem.get(stem(&cell(clip_at))).filter(|_| counts) else { return Ok(None) };
                let heard = self.take(&cell(value_at), &clips[clip])?;
                let (rater, level) = (filled(rater_at), filled(level_at));
                Ok(heard.map(|(classes, share)| Answer { clip, rater, classes, share, level }))
            });
            match told {
                Ok(answer) => answers.extend(answer),
                Err(reason) => wrong.push((line, reason)),
            }
        }
        (answers, wrong)
    }

    /// What the table says of these clips, and the first thing wrong with it.
    fn parse(&self, text: String, clips: &[Clip]) -> (BTreeMap<ClipId, Heard>, Option<String>) {
        let (answers, wrong) = self.answers(text.into_bytes(), clips);
        let weight = f64::from(self.listeners.max(1));
        let mut heard: BTreeMap<ClipId, Heard> = BTreeMap::new();
        for one in answers {
            let heard = heard.entry(clips[one.clip].id.clone()).or_default();
            let share = one.share.unwrap_or(1.0);
            for class in &one.classes {
                *heard.answers.entry(class.clone()).or_default() += weight * share / one.classes.len() as f64;
            }
            heard.other += weight * (1.0 - share);
            heard.listeners += self.listeners;
        }
        heard.retain(|_, heard| heard.share("").is_some());
        let first = wrong.into_iter().next();
        (heard, first.map(|(line, reason)| if line == 1 { reason } else { format!("line {line}: {reason}") }))
    }

    /// The classes heard, and by which share where the table has shares; `None` where it says nothing.
    fn take(&self, value: &str, clip: &Clip) -> Result<Option<Told>, String> {
        if self.right.is_some() {
            let Some(label) = &clip.label else { return Ok(None) };
            let percent: f64 = value.replace(',', ".").parse().map_err(|_| format!("`{value}` is no percentage"))?;
            if !(0.0..=100.0).contains(&percent) {
                return Err(format!("{percent} % of the listeners"));
            }
            return Ok(Some((vec![label.to_string()], Some(percent / 100.0))));
        }
        let answers = value.split(TIE).map(str::trim).filter(|answer| !answer.is_empty());
        let class = |answer: &str| match self.answers.0.is_empty() {
            true => Ok(answer.to_owned()),
            false => {
                self.answers.get(answer).map(str::to_owned).ok_or_else(|| format!("no answer is called `{answer}`"))
            }
        };
        let classes: Vec<String> = answers.map(class).collect::<Result<_, _>>()?;
        Ok(Some((classes, None)).filter(|(classes, _)| !classes.is_empty()))
    }
}

/// The file name without folders and suffix.
fn stem(path: &str) -> &str {
    let name = path.rsplit_once(['/', '\\']).map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audio::{AudioFacts, AudioHash};
    use crate::corpus::Place;
    use crate::corpus::description::descriptions;

    fn clip(id: &str, label: &str) -> Clip {
        Clip {
            id: ClipId(id.into()),
            place: Place::of(id.as_ref(), &ClipId(id.into())),
            extent: Default::default(),
            speaker: None,
            sex: None,
            label: Some(label.into()),
            text: None,
            words: None,
            intensity: None,
            language: None,
            other: Default::default(),
            audio: AudioFacts {
                rate: 16_000,
                channels: 1,
                seconds: 1.0,
                peak: 0.5,
                rms: 0.1,
                hash: AudioHash([0; 32]),
            },
        }
    }

    fn tables(corpus: &str) -> Vec<ListenersTable> {
        descriptions().iter().find(|one| one.name == corpus).unwrap().listeners.clone()
    }

    #[test]
    fn the_share_of_listeners_who_heard_the_label_is_read() {
        let table = "Nr.\tSatz\terkannt\tnatuerlich\n1\u{a0}\t03a01Fa.wav\t90,00\u{a0}\t75,00\n2\t03a01Nc.wav\tviel\t9\n3\tx.wav\t?\t\n";
        let clips = [clip("wav/03a01Fa.wav", "happiness"), clip("wav/03a01Nc.wav", "neutral")];
        let (heard, wrong) = tables("emodb")[0].parse(table.to_owned(), &clips);
        assert_eq!(wrong.as_deref(), Some("line 3: `viel` is no percentage"));
        let heard = &heard[&clips[0].id];
        assert!((heard.share("happiness").unwrap() - 0.9).abs() < 1e-12 && heard.listeners == 20);
        assert_eq!(heard.agreement(), heard.share("happiness"));
    }

    #[test]
    fn answers_are_counted_and_a_vote_is_not_taken_for_agreement() {
        let clips = [clip("AudioWAV/1001_IEO_HAP_LO.wav", "happy")];
        let [answers, vote] = &tables("cremad")[..] else { panic!("two tables") };
        let table = "localid,queryType,clipName,respEmo\n1,1,1001_IEO_HAP_LO,H\n2,1,1001_IEO_HAP_LO,N\n3,2,1001_IEO_HAP_LO,H\n4,1,1001_IEO_HAP_LO,H\n";
        let (heard, wrong) = answers.parse(table.to_owned(), &clips);
        assert_eq!((heard[&clips[0].id].listeners, heard[&clips[0].id].agreement(), wrong), (3, Some(2.0 / 3.0), None));
        let table =
            "\"\",\"FileName\",\"VoiceVote\"\n\"1\",\"1001_IEO_HAP_LO\",\"N:H\"\n\"2\",\"1001_IEO_HAP_LO\",\"Q\"\n";
        let (heard, wrong) = vote.parse(table.to_owned(), &clips);
        let heard = &heard[&clips[0].id];
        assert_eq!((heard.share("happy"), heard.agreement()), (Some(0.5), None));
        assert!(wrong.unwrap().contains("`Q`"));
    }

    #[test]
    fn tables_that_are_something_else_are_a_problem() {
        for text in ["", "a,b\n1,2\n", "\0\0\0"] {
            let (heard, wrong) = tables("emodb")[0].parse(text.to_owned(), &[clip("a.wav", "x")]);
            assert!(heard.is_empty() && wrong.unwrap().contains("columns"), "{text:?}");
        }
        assert_eq!(read(Path::new("/nowhere"), &tables("emodb"), &[]), (Ratings::default(), None));
        assert_eq!(text(vec![b'a', 0xE4]), "aä");
    }
}

//! Contracts of all formats: what is written comes back, what is broken is told with its place.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::label::test_events::Events;
use crate::label::{Act, Annotation, Annotator, Exposure, Listening, Occasion, Scheme, SchemeId};

pub(super) fn nothing() -> Corpus {
    Corpus::empty("/c".as_ref())
}

fn back(exchange: &dyn Exchange, sheet: &Sheet, name: &str) -> Sheet {
    let mut files = BTreeMap::new();
    exchange.write(sheet, name, &mut files).unwrap();
    if !exchange.folder() {
        files.retain(|file, _| file == name);
    }
    let folder = Folder::held(files);
    if !sheet.said.is_empty() {
        assert_eq!(recognised(&folder).map(Exchange::name), Some(exchange.name()), "is known again");
    }
    exchange.read(&folder, &nothing()).unwrap()
}

/// What was said, as a set that two sheets can be compared by.
fn gist(sheet: &Sheet) -> Vec<String> {
    let item = |said: &Said| {
        let Item { file, span, speaker, sex, text, split, .. } = &sheet.items[said.item];
        // Some formats call a clip without its ending, or give it as a part as long as the whole.
        let file = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
        let span = span.filter(|span| *span != (0.0, 2.5));
        format!("{file:?} {span:?} {speaker:?} {sex:?} {text:?} {split:?}")
    };
    let one = |said: &Said| format!("{} {:?}", item(said), Said { item: 0, ..said.clone() });
    let mut all: Vec<String> = sheet.said.iter().map(one).collect();
    all.sort();
    all
}

fn item(file: &str, speaker: &str, split: &str) -> Item {
    Item {
        file: file.to_owned(),
        span: None,
        seconds: Some(2.5),
        sound: Some((16_000, 1)),
        speaker: Some(speaker.to_owned()),
        sex: Some(crate::corpus::Sex::Female),
        text: Some("The lid, \"on\" the <ice> & more".to_owned()),
        split: Some(split.to_owned()),
    }
}

/// Two people and a machine, several questions, undo, notes, a repeat, a decision.
pub(super) fn session() -> Vec<Annotation> {
    let mut events = Events::default();
    let who = |name: &str| Annotator::Human(name.to_owned());
    let ask = |mut one: Annotation, scheme: &str| {
        one.said.scheme = SchemeId { name: scheme.to_owned(), version: 1 };
        one
    };
    let mut all = vec![
        ask(events.by(who("anna"), "wav/a 1.wav", Act::label("fear").asked("emotion")), "emotion+vad"),
        ask(events.by(who("anna"), "wav/a 1.wav", Act::label("7").asked("valence")), "emotion+vad"),
        ask(events.by(who("ben"), "wav/a 1.wav", Act::label("anger").asked("emotion")), "emotion+vad"),
        ask(events.by(who("ben"), "wav/b.wav", Act::label("anger").asked("emotion")), "emotion+vad"),
        ask(events.by(who("anna"), "wav/b.wav", Act::label("").asked("emotion")), "emotion+vad"),
        ask(events.by(who("ben"), "wav/b.wav", Act::label("2").asked("valence")), "emotion+vad"),
        ask(events.by(who("ben"), "wav/b.wav", Act::Note("loud,\n\"quoted\"".to_owned())), "emotion+vad"),
        ask(events.by(who("anna"), "wav/b.wav", Act::Flag(true)), "emotion+vad"),
        ask(events.by(who("anna"), "wav/c.wav", Act::Skip), "emotion+vad"),
        ask(events.by(Annotator::Machine("cnn".to_owned()), "wav/c.wav", Act::label("fear")), "ekman6"),
        ask(events.by(Annotator::Machine("vote:crowd of 9".to_owned()), "wav/c.wav", Act::label("sadness")), "ekman6"),
    ];
    let undone = ask(events.by(who("ben"), "wav/c.wav", Act::label("joy")), "ekman6");
    all.push(ask(events.by(who("ben"), "wav/c.wav", Act::Undo(undone.id)), "ekman6"));
    all.insert(all.len() - 1, undone);
    let mut repeat = ask(events.by(who("anna"), "wav/a 1.wav", Act::label("anger").asked("emotion")), "emotion+vad");
    repeat.said.occasion = Occasion::Repeat;
    let mut decided = ask(events.by(who("lead"), "wav/a 1.wav", Act::label("fear").asked("emotion")), "emotion+vad");
    decided.said.occasion = Occasion::Adjudication;
    all.extend([repeat, decided]);
    all[0].said.confidence = Some(0.75);
    all[0].said.exposure = Some(Exposure::After("cnn".to_owned()));
    all[0].said.listening = Some(Listening {
        plays: 2,
        heard: 1.0,
        sink: "dev".to_owned(),
        gain_db: 0.5,
        picture: "none".to_owned(),
        seconds: 3.25,
    });
    all[9].said.confidence = Some(0.5);
    all
}

/// The session's sheet, with what describes clips.
pub(super) fn sheet() -> Sheet {
    let schemes = ["emotion+vad", "ekman6"].map(|name| Scheme::load(name).unwrap());
    let mut sheet = Sheet::of("demo", &[], &schemes, &session());
    for (at, one) in sheet.items.iter_mut().enumerate() {
        *one = item(&one.file, &format!("s{at}"), if at == 0 { "test" } else { "train" });
    }
    sheet
}

#[test]
fn what_a_format_keeps_comes_back() {
    for exchange in EXCHANGES.iter().filter(|one| !one.import_only()) {
        let kept = sheet().kept(exchange.keeps());
        let name = format!("labels.{}", exchange.name());
        assert!(kept.said.len() > 1, "{}", exchange.name());
        assert_eq!(gist(&back(*exchange, &kept, &name)), gist(&kept), "{}", exchange.name());
    }
}

#[test]
fn nothing_said_is_written_and_read() {
    for exchange in EXCHANGES.iter().filter(|one| !one.import_only() && one.describes_clips()) {
        let sheet = Sheet { items: vec![item("a.wav", "s", "test")], name: "none".to_owned(), ..Sheet::default() };
        assert_eq!(back(*exchange, &sheet, "labels.x").said, [], "{}", exchange.name());
    }
}

#[test]
fn losses_are_told_and_nothing_kept_is_called_lost() {
    let all = sheet();
    for exchange in EXCHANGES {
        let kept = all.kept(exchange.keeps());
        assert_eq!(kept.lost(exchange.keeps()), Vec::<String>::new(), "{}", exchange.name());
    }
    assert!(all.lost(&[]).len() >= 10);
    assert_eq!(all.lost(&[Part::Rater, Part::Question, Part::Scheme]).len(), 9);
}

#[test]
fn names_are_unique_and_words() {
    let mut names: Vec<&str> = EXCHANGES.iter().map(|one| one.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EXCHANGES.len());
    assert!(EXCHANGES.iter().all(|one| !one.about().is_empty() && named(one.name()).is_some()));
}

#[test]
fn raters_are_written_and_read_whatever_they_are_called() {
    for kind in RaterKind::ALL {
        for name in ["anna", "vote:x", "a b", "machine:", ":"] {
            let rater = Rater::new(kind, name);
            assert_eq!(Rater::parse(&rater.to_string()), rater);
            if !(kind == RaterKind::Machine && name == "vote:x") {
                assert_eq!(Rater::of(&rater.annotator()), rater);
            }
        }
    }
}

/// The files that a format makes of the session.
fn files_of(exchange: &dyn Exchange) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    exchange.write(&sheet().kept(exchange.keeps()), "labels.x", &mut files).unwrap();
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Any bytes, bytes changed and files cut: a sheet or an error that names a file, never a panic.
    #[test]
    fn broken_files_are_errors(noise in proptest::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
        for exchange in EXCHANGES {
            let mut files = if exchange.import_only() { BTreeMap::new() } else { files_of(*exchange) };
            files.retain(|name, _| exchange.folder() || name == "labels.x");
            for bytes in files.values_mut() {
                let from = at.index(bytes.len() + 1);
                if cut {
                    bytes.truncate(from);
                } else {
                    bytes.splice(from..(from + noise.len() / 2).min(bytes.len()), noise.iter().copied());
                }
            }
            for files in [files, BTreeMap::from([("labels.x".to_owned(), noise.clone())])] {
                let folder = Folder::held(files);
                recognised(&folder);
                match exchange.read(&folder, &nothing()) {
                    Ok(sheet) => prop_assert!(sheet.said.iter().all(|said| said.item < sheet.items.len())),
                    Err(trouble) => prop_assert!(!trouble.reason.is_empty()),
                }
            }
        }
    }
}

#[test]
fn errors_name_file_line_and_column() {
    let told = |format: &str, files: &[(&str, &str)]| {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        named(format).unwrap().read(&Folder::held(files), &nothing()).unwrap_err().to_string()
    };
    let head = "id,file,audio,annotator,annotator_kind,scheme,act,value,refers_to,confidence,at,superseded\n";
    let row = |kind: &str, at: &str| format!("{head}1,a.wav,00,anna,{kind},s@1,label,x,,,{at},false\n");
    let broken_yaml = "name: x\nraters:\n  anna: [1\n";
    let yaml = "schemes: {v: {dtype: float}}\ntables: {t: {columns: {c: {scheme_id: v}}}}\n";
    let grid = "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n0\n1\n<exists>\n1\n\"WordTier\"\n\"x\"";
    let xml = "<emotionml xmlns='http://www.w3.org/2009/10/emotionml'>\n <emotion><category name='x' confidence='2'/></emotion></emotionml>";
    let list = [("x.jsonl", "{\"key\": \"a\", \"wav\": 1}"), ("label_map.json", "{}")];
    let cases = [
        (
            told("csv", &[("l.csv", &row("robot", "2024-01-01T00:00:00Z"))]),
            "l.csv:2:5: `annotator_kind`: `robot` is neither human nor machine",
        ),
        (told("csv", &[("l.csv", &row("human", "noon"))]), "l.csv:2:11: `noon` is not a time"),
        (told("jsonl", &[("l.jsonl", "\n{\"id\": nope}")]), "l.jsonl:2:9: expected ident"),
        (told("audformat", &[("db.yaml", broken_yaml), ("x", "")]), "db.yaml:3:9: expected mapping start"),
        (
            told("audformat", &[("db.yaml", yaml), ("db.t.csv", "file,c\na.wav,1\nb.wav,high\n")]),
            "db.t.csv:3:2: `high` is no number",
        ),
        (told("audiofolder", &[("metadata.csv", "a,b\n1,2\n")]), "metadata.csv:1:1: no column `file_name`"),
        (told("audiofolder", &[("metadata.csv", "file_name,b\n1\n")]), "metadata.csv:2:2: 1 fields instead of 2"),
        (told("audiofolder-parquet", &[("metadata.parquet", "PAR1")]), "metadata.parquet: "),
        (told("labelstudio", &[("l.json", "[{\"id\": 1,\n \"data\": 7}]")]), "l.json:2:10: invalid type"),
        (told("prodigy", &[("p.jsonl", "{\"audio\": \"a\"}\n{\"audio\": }")]), "p.jsonl:2:11: expected value"),
        (told("prodigy", &[("p.jsonl", "{}\n")]), "p.jsonl:1:2: missing field `audio`"),
        (told("kaldi", &[("wav.scp", "a x.wav\nb\n"), ("y", "")]), "wav.scp:2:2: nothing follows `b`"),
        (told("textgrid", &[("a.TextGrid", grid)]), "a.TextGrid:8:4: a tier of class `WordTier`"),
        (told("audacity", &[("a.txt", "0.0\t1.0\tx\n1.0\tsoon\ty")]), "a.txt:2:2: `soon` is no time in seconds"),
        (told("emotionml", &[("e.xml", xml)]), "e.xml:2:11: a confidence of `2` is not in 0..=1"),
        (told("emotionml", &[("e.xml", "<emotionml><emotion></x></emotionml>")]), "e.xml:1:"),
        (told("emobox", &list), "x.jsonl:1:"),
    ];
    let wrong: Vec<&(String, &str)> = cases.iter().filter(|(told, wanted)| !told.starts_with(wanted)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let bytes = BTreeMap::from([("p.jsonl".to_owned(), b"ab\nc\xFF".to_vec())]);
    let odd = named("prodigy").unwrap().read(&Folder::held(bytes), &nothing()).unwrap_err();
    assert_eq!(odd.to_string(), "p.jsonl:2:2: not UTF-8 from here on");
}

#[test]
fn commands_of_kaldi_are_named_and_never_run() {
    let scp = "a wav/a.wav\nb touch /tmp/never |\n";
    let files = [("wav.scp", scp), ("utt2emo", "a anger\nb fear\n")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let sheet = named("kaldi").unwrap().read(&Folder::held(files.into()), &nothing()).unwrap();
    assert_eq!(sheet.said.len(), 1);
    assert_eq!(
        sheet.problems[0].to_string(),
        "wav.scp:2:3: `b` is a command (`touch /tmp/never |`), and commands are never run"
    );
}

#[test]
fn lines_of_prodigy_say_what_its_documentation_says() {
    let lines = [
        r#"{"audio":"a.wav","path":"/rec/a.wav","options":[{"id":"hot","text":"Hot"},{"id":2}],"accept":["hot"],"answer":"accept","_annotator_id":"heat-anna","_timestamp":1700000000}"#,
        r#"{"audio":"data:audio/wav;base64,AA","path":"b.wav","audio_spans":[{"start":0.5,"end":1.25,"label":"laugh","channel":0}],"answer":"accept","_session_id":"x-ben"}"#,
        r#"{"audio":"data:audio/wav;base64,AA","accept":[2],"answer":"accept"}"#,
        r#"{"audio":"c.wav","accept":[2],"answer":"reject"}"#,
        r#"{"audio":"c.wav","accept":[],"answer":"ignore","_annotator_id":"heat-anna"}"#,
        r#"{"audio":"d.wav","transcript":"so hot","answer":"accept"}"#,
    ];
    let files = BTreeMap::from([("p.jsonl".to_owned(), lines.join("\n").into_bytes())]);
    let folder = Folder::held(files);
    assert_eq!(recognised(&folder).map(Exchange::name), Some("prodigy"));
    let sheet = named("prodigy").unwrap().read(&folder, &nothing()).unwrap();
    let told = |said: &Said| {
        let Item { file, span, .. } = &sheet.items[said.item];
        let rater = said.rater.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{file} {span:?} {rater} {}", said.value().unwrap_or("-"))
    };
    let all: Vec<String> = sheet.said.iter().map(told).collect();
    let wanted = [
        "/rec/a.wav None heat-anna hot",
        "b.wav Some((0.5, 1.25)) x-ben laugh",
        "c.wav None heat-anna -",
        "d.wav None  so hot",
    ];
    assert_eq!(all, wanted);
    assert_eq!(sheet.said[0].at.map(|at| at.to_string()).as_deref(), Some("2023-11-14T22:13:20.000Z"));
    let problems: Vec<Option<usize>> = sheet.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(problems, [Some(3), Some(4)]);
}

#[test]
fn documents_of_others_are_read_by_the_standard_alone() {
    let xml = r##"<?xml version="1.0"?>
<emotionml version="1.0" xmlns="http://www.w3.org/2009/10/emotionml" xmlns:e="urn:x">
 <vocabulary type="category" id="big6"><item name="anger"/><item name="fear"/></vocabulary>
 <emotion category-set="#big6"><category name="fear" confidence="0.25"/>
  <reference uri="file://rec/a%20b.wav#t=npt:0.5,1.25"/></emotion>
 <emotion dimension-set="http://www.w3.org/TR/emotion-voc/xml#pad-dimensions">
  <dimension name="arousal" value="0.75"/><dimension name="pleasure" value="1"/><reference uri="c.wav"/></emotion>
</emotionml>"##;
    let folder = Folder::held(BTreeMap::from([("e.xml".to_owned(), xml.as_bytes().to_vec())]));
    let sheet = recognised(&folder).unwrap().read(&folder, &nothing()).unwrap();
    let told = |said: &Said| {
        let Item { file, span, .. } = &sheet.items[said.item];
        format!("{file} {span:?} {} {} {:?}", said.scheme.as_ref().unwrap(), said.value().unwrap(), said.confidence)
    };
    let all: Vec<String> = sheet.said.iter().map(told).collect();
    assert_eq!(
        all,
        [
            "rec/a b.wav Some((0.5, 1.25)) big6@1 fear Some(0.25)",
            "c.wav None arousal@1 0.75 None",
            "c.wav None pleasure@1 1 None"
        ]
    );
    assert_eq!(sheet.asked[0].expected, Expected::Choice(vec!["anger".to_owned(), "fear".to_owned()]));
}

#[test]
fn frequencies_of_audacity_are_read_over() {
    let text = "0.5\t1.5\tloud one\n\\\t100.0\t2000.0\n2.0\t2.0\tclick\n";
    let files = [("wav/a.txt", text), ("wav/b.txt", "")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let sheet = named("audacity").unwrap().read(&Folder::held(files.into()), &nothing()).unwrap();
    let all: Vec<(&str, Option<(f64, f64)>)> =
        sheet.said.iter().map(|said| (said.value().unwrap(), sheet.items[said.item].span)).collect();
    assert_eq!(all, [("loud one", Some((0.5, 1.5))), ("click", Some((2.0, 2.0)))]);
}

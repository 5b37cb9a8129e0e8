//! Contracts of all formats: what is written comes back, what is broken is told with its place.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

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

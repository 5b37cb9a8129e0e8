//! Agree and Adjudicate by keys: three people on the six clips, figures, the clips behind them, decisions.

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotation, Annotator, NewAnnotation, Occasion, SchemeId};
use emolab::store::Store;
use emolab::tui::theme::Depth;
use emolab::workbench::key_of;

use super::{Stage, text};
use crate::support::{Home, part_of_demo};

/// Of each clip what anna, ben and cleo say; `-`: cannot judge.
const SAID: [(&str, [&str; 3]); 6] = [
    ("f1_anger_s1.flac", ["anger", "anger", "anger"]),
    ("f1_fear_s1.flac", ["fear", "fear", "sadness"]),
    ("f1_neutral_s1.flac", ["neutral", "neutral", "neutral"]),
    ("m1_anger_s1.flac", ["anger", "fear", "sadness"]),
    ("m1_fear_s1.flac", ["fear", "anger", ""]),
    ("m1_neutral_s1.flac", ["neutral", "neutral", "sadness"]),
];

/// A stage whose store holds what was said.
fn stage(first: &str) -> Stage {
    let home = Home::new();
    let wanted = |name: &str| SAID.iter().any(|(clip, _)| *clip == name);
    let root = part_of_demo(home.path(), wanted);
    let mut store = Store::open(&home.path().join("emolab.db")).unwrap();
    for (clip, answers) in SAID {
        for (who, answer) in ["anna", "ben", "cleo"].iter().zip(answers) {
            let who = Annotator::Human((*who).to_owned());
            let scheme = SchemeId { name: "demo".to_owned(), version: 1 };
            let act = Act::label(answer);
            let new = NewAnnotation::now(ClipId(clip.to_owned()), "00".to_owned(), who, scheme, act);
            store.append(&key_of(&root), &new).unwrap();
        }
    }
    drop(store);
    let mut stage = Stage::on(home, &root, first, Depth::True, |_| {});
    studied(&mut stage);
    stage
}

fn studied(stage: &mut Stage) {
    stage.until(|app| !app.bench().is_studying() && app.bench().studies().is_some());
}

fn decisions(stage: &Stage) -> Vec<Annotation> {
    let root = &stage.app.bench().corpus().root;
    let store = Store::open(&stage.home.path().join("emolab.db")).unwrap();
    let all = store.annotations(&key_of(root), None).unwrap();
    all.into_iter().filter(|one| one.occasion == Occasion::Adjudication).collect()
}

#[test]
fn coefficients_stand_with_their_intervals() {
    let stage = stage("agree");
    insta::assert_snapshot!(stage.screen(), @"");
}

#[test]
fn a_wide_screen_tells_what_each_is() {
    let stage = stage("agree");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @"");
}

#[test]
fn a_pair_leads_to_the_clips_where_it_differs() {
    let mut stage = stage("agree");
    stage.press(&["Tab", "Right"]);
    insta::assert_snapshot!(stage.screen(), @"");
    stage.press(&["Enter"]);
    stage.shows("anna and ben differ");
    stage.shows("m1_anger_s1.flac");
    stage.shows("m1_fear_s1.flac");
    assert!(!stage.screen().contains("f1_anger"), "{}", stage.screen());
}

#[test]
fn raters_classes_and_clips_have_their_views() {
    let mut stage = stage("agree");
    stage.press(&["Tab", "Tab", "Down", "Down"]);
    insta::assert_snapshot!(stage.screen(), @"");
    stage.press(&["Tab"]);
    insta::assert_snapshot!(stage.screen(), @"");
    stage.press(&["Tab"]);
    insta::assert_snapshot!(stage.screen(), @"");
    stage.press(&["o"]);
    stage.shows("no other question");
    stage.press(&["Enter"]);
    stage.shows("people differ");
}

#[test]
fn disputes_are_decided_by_a_key_and_taken_back() {
    let mut stage = stage("agree");
    stage.press(&["a"]);
    studied(&mut stage);
    let current = |stage: &Stage| stage.app.bench().corpus().index_of(&ClipId("m1_anger_s1.flac".to_owned())).unwrap();
    let clip = current(&stage);
    stage.pictured(clip);
    stage.until(|app| !app.bench().playback().playing);
    insta::assert_snapshot!(stage.screen(), @"");
    let screen = stage.screen();
    assert!(!["anna", "ben", "cleo", "m1_anger"].iter().any(|name| screen.contains(name)), "{screen}");
    stage.press(&["1"]);
    stage.shows("dispute 2 of 4");
    stage.shows("decided before: anger");
    let made = decisions(&stage);
    assert_eq!((made.len(), made[0].clip.0.as_str(), made[0].act.value()), (1, "m1_anger_s1.flac", Some("anger")));
    assert_eq!((made[0].annotator.name(), made[0].scheme.name.as_str()), ("ann", "demo"));
    stage.press(&["u"]);
    stage.shows("dispute 1 of 4");
    assert_eq!(decisions(&stage).len(), 2, "to take back is an event, too");
    stage.press(&["u"]);
    stage.shows("no decision to take back");
    stage.press(&["0", "s", "s", "s", "s"]);
    stage.shows("that was the last dispute");
    assert_eq!(decisions(&stage)[2].act.value(), Some(""), "nobody can tell");
    stage.press(&["Esc"]);
    studied(&mut stage);
    stage.shows("3 clips disputed, 1 decided");
}

#[test]
fn without_answers_it_says_so() {
    let mut stage = Stage::new("agree");
    studied(&mut stage);
    stage.shows("nobody has answered anything of demo yet");
    stage.press(&["Tab", "h", "l", "j", "Enter"]);
    stage.shows("there is nothing to open yet");
    stage.press(&["a"]);
    studied(&mut stage);
    stage.shows("nobody has answered anything of demo yet");
    stage.press(&["1", "u", "s", "o"]);
}

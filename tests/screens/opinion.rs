//! A model's opinion on the screens: never before the rater has decided; in Browse with bars and marks.

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::Color;

use emolab::corpus::Target;
use emolab::corpus::plan::Plan;
use emolab::features::Preparation;
use emolab::features::cache::Cache;
use emolab::job::Unwatched;
use emolab::label::Exposure;
use emolab::learn::{Norm, classifier, cnn::List};
use emolab::store::Store;
use emolab::workbench::corpus_key;
use emolab::workbench::experiment::{Effort, Request};
use emolab::workbench::material::Listener;
use emolab::workbench::models::train;

use super::*;

/// A model of the stage's own six clips, in its home; its name is its folder.
fn model(stage: &Stage, kind: &str) -> String {
    let small =
        "[[layer]]\nkind='conv'\nchannels=4\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'\n
        [[layer]]\nkind='mean_pool'\nparts=4\n";
    let net = classifier(kind).unwrap().settings().map(|usual| {
        let layers = List::read(small).unwrap().layers;
        (kind.to_owned(), emolab::learn::cnn::Settings { layers, ..usual.unwrap() })
    });
    let request = Request {
        models: vec![kind.to_owned()],
        features: None,
        plan: Plan::Loso,
        allow: std::collections::BTreeSet::new(),
        target: Target::Emotion,
        norm: Norm::Train,
        epochs: Some(1),
        seed: 0,
        nets: BTreeMap::from_iter(net),
        params: BTreeMap::new(),
        effort: Effort::default(),
    };
    let cache = Cache::open(stage.home.path().join("cache"));
    let listener = Listener { cache: &cache, preparation: Preparation::plain(22_050) };
    let dir = stage.home.path().join("m");
    train(stage.app.bench().corpus(), &request, &listener, &Unwatched).unwrap().write(&dir).unwrap();
    dir.display().to_string()
}

/// Switches the model on, by its folder.
fn consult(stage: &mut Stage, name: &str) {
    stage.press(&["m", "Ctrl-u"]).type_in(name).press(&["Enter"]);
}

fn knows(app: &App, clip: usize) -> bool {
    app.bench().adviser().is_some_and(|adviser| adviser.ranked(clip).is_some())
}

/// The clip that this annotator hears at that place.
fn heard(stage: &Stage, place: usize) -> usize {
    let bench = stage.app.bench();
    bench.queue().turns()[place].clip
}

/// What was saved of models' views with each label, in order.
fn exposures(stage: &Stage) -> Vec<Option<Exposure>> {
    let store = Store::open(&stage.home.path().join("emolab.db")).unwrap();
    let all = store.annotations(&corpus_key(stage.app.bench().corpus()), None).unwrap();
    all.into_iter().map(|said| said.said.exposure).collect()
}

#[test]
fn nothing_of_an_opinion_is_seen_before_the_clip_is_decided() {
    let mut stage = Stage::new("label");
    let name = model(&stage, "majority");
    let (first, second) = (heard(&stage, 0), heard(&stage, 1));
    stage.pictured(first);
    stage.pictured(second);
    stage.until(|app| !app.bench().playback().playing);
    let off = stage.screen();
    consult(&mut stage, &name);
    let sizes = [(80, 24), (120, 40)];
    let asked = sizes.map(|(width, height)| stage.cells(width, height));
    stage.shows("shown once you have decided");
    stage.until(|app| knows(app, first) && knows(app, second));
    assert_eq!(
        sizes.map(|(width, height)| stage.cells(width, height)),
        asked,
        "the answer has come, and no cell differs"
    );
    for class in CLASSES {
        let on = stage.screen();
        assert_eq!(on.matches(class).count(), off.matches(class).count(), "{class} in\n{on}");
    }
    stage.press(&["?"]);
    assert!(!stage.screen().contains("33 %"), "nor in help");
    stage.press(&["Esc", "s", "u", "!", "!"]);
    assert!(!stage.screen().contains("you:"), "neither skipping nor flagging decides");
}

#[test]
fn once_a_clip_is_decided_the_opinion_is_shown_and_the_label_can_be_changed() {
    let mut stage = Stage::new("label");
    let name = model(&stage, "majority");
    let (first, second) = (heard(&stage, 0), heard(&stage, 1));
    consult(&mut stage, &name);
    stage.press(&["1"]).until(|app| knows(app, first));
    stage.shows("clip before: ");
    let wide = text(&stage.cells(200, 40));
    assert!(wide.contains("anger 33 %, fear 33 %, neutral 33 %; you: anger  Backspace: back"), "{wide}");
    stage.press(&["Backspace"]);
    stage.shows("> 1 a anger");
    let wide = text(&stage.cells(200, 40));
    assert!(!wide.contains("clip before: ") && wide.contains("33 %; you: anger"), "{wide}");
    stage.press(&["2"]).until(|app| knows(app, second));
    assert_eq!(exposures(&stage), [Some(Exposure::After(name.clone())), Some(Exposure::Before(name.clone()))]);
    stage.press(&["1", "m"]);
    assert!(!stage.screen().contains("you:"), "off is off:\n{}", stage.screen());
    // Blind again, but for the clips whose opinion was seen, also in another sitting.
    stage.press(&["1", "u", "u"]);
    assert_eq!(exposures(&stage)[2..4], [Some(Exposure::After(name.clone())), None]);
    let Stage { app, home, .. } = stage;
    let root = app.bench().corpus().root.clone();
    drop(app);
    let mut again = Stage::on(home, &root, "browse", Depth::True, |_| {});
    again.press(&vec!["j"; first]).press(&["Enter", "2"]);
    assert_eq!(exposures(&again).pop(), Some(Some(Exposure::Before(name))));
}

#[test]
fn a_model_that_cannot_be_opened_says_why_and_labels_stay_blind() {
    let mut stage = Stage::new("label");
    consult(&mut stage, "no-such-model");
    stage.until(|app| app.bench().adviser().is_some_and(|adviser| adviser.trouble.is_some()));
    stage.shows("model no-such-model: no-such-model: no model folder");
    stage.press(&["1"]);
    assert_eq!(exposures(&stage), [None]);
}

#[test]
fn browse_shows_probabilities_and_marks_what_spoke() {
    let mut stage = Stage::new("browse");
    let name = model(&stage, "cnn");
    stage.pictured(0);
    consult(&mut stage, &name);
    stage.until(|app| knows(app, 0));
    let screen = stage.screen();
    let bars = |class: &str| {
        screen.lines().any(|line| line.contains(&format!(" {class} ")) && line.ends_with(char::is_numeric))
    };
    assert!(CLASSES.iter().all(|class| bars(class)), "{screen}");
    // Half cells of the picture in grey, and in a colour.
    let colours = |stage: &Stage| {
        let cells = stage.cells(120, 40);
        let halves = cells.content().iter().filter(|cell| cell.symbol() == "▀").flat_map(|cell| [cell.fg, cell.bg]);
        let (grey, coloured): (Vec<Color>, Vec<Color>) =
            halves.partition(|color| matches!(color, Color::Rgb(r, g, b) if r == g && g == b));
        (grey.len(), coloured.len())
    };
    assert_eq!(colours(&stage).0, 0);
    stage.press(&["s"]).until(|app| {
        let adviser = app.bench().adviser().unwrap();
        (0..3).any(|class| adviser.salience(0, class).is_some())
    });
    stage.shows("█ spoke for ");
    let (grey, marked) = colours(&stage);
    assert!(grey > 100 && marked > 20, "{grey} {marked} in\n{}", stage.screen());
    // Twice where the corpus' class is not the model's.
    stage.press(&["s"]);
    if stage.screen().contains("marked: ") {
        stage.press(&["s"]);
    }
    stage.shows("nothing is marked");
    assert_eq!(colours(&stage).0, 0);
    stage.press(&["m"]);
    assert!(!stage.screen().contains("spoke for"), "{}", stage.screen());
    // What Browse showed is remembered when the clip is labelled.
    stage.press(&["Enter", "1"]);
    assert_eq!(exposures(&stage), [Some(Exposure::Before(name))]);
}

#[test]
fn a_model_of_rows_cannot_tell_what_spoke() {
    let mut stage = Stage::new("browse");
    let name = model(&stage, "majority");
    consult(&mut stage, &name);
    stage.until(|app| knows(app, 0));
    stage.press(&["s"]).until(|app| app.bench().adviser().unwrap().salience(0, 0).is_some());
    stage.shows("it cannot tell what spoke");
    assert!(Path::new(&name).join("card.toml").is_file());
}

#[test]
fn who_settles_disputes_sees_the_opinion_only_after_deciding() {
    let mut stage = agree::stage("agree");
    let name = model(&stage, "majority");
    stage.press(&["2"]);
    consult(&mut stage, &name);
    stage.shows("shown once you have decided");
    // The answer is there before: the same clip was looked at in Browse.
    let clip = stage.app.bench().corpus().index_of(&emolab::corpus::ClipId("m1_anger_s1.flac".into())).unwrap();
    stage.press(&["Esc"]);
    consult(&mut stage, &name);
    stage.press(&vec!["j"; clip]).until(|app| knows(app, clip));
    stage.press(&["6", "a"]);
    agree::studied(&mut stage);
    let wide = text(&stage.cells(200, 40));
    assert!(wide.contains("shown once you have decided") && !wide.contains(" %, "), "{wide}");
    stage.press(&["?"]);
    let wide = text(&stage.cells(200, 40));
    assert!(!wide.contains(" %, ") && !wide.contains("you:"), "nor does help tell:\n{wide}");
    stage.press(&["Esc"]);
    stage.press(&["1"]);
    stage.shows("clip before: ");
    let wide = text(&stage.cells(200, 40));
    assert!(wide.contains(" %, ") && wide.contains("you: anger"), "{wide}");
    assert_eq!(exposures(&stage).pop(), Some(Some(Exposure::Before(name))), "seen in Browse before");
}

//! A tour through every screen, on the demo corpus with what three people and a few classifiers said of it.
//!
//! What classifiers said is made up by a generator, so that the tour takes seconds; the header says that scores mean nothing.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotator, NewAnnotation, SchemeId};
use emolab::store::{Coin, CrossFacts, Prediction, Run, Spent, Store};
use emolab::tui::app::App;
use emolab::tui::theme::{Depth, Theme};
use emolab::workbench::experiment::{Agenda, News, Series};
use emolab::workbench::key_of;

use super::{Home, demo};
use crate::screens::{Stage, epoch, judged, run, text};

const CLASSES: [&str; 6] = ["anger", "fear", "happiness", "neutral", "sadness", "surprise"];
const VOICES: [&str; 8] = ["f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4"];
/// What is confused with what, most likely first.
const LIKE: [[usize; 2]; 6] = [[2, 5], [5, 4], [0, 5], [4, 1], [3, 1], [2, 1]];

/// The same number 0..1 for the same words.
fn chance(words: &str) -> f64 {
    let hash = words
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A run that is right so often.
fn guesses(classifier: &str, right: f64) -> Run {
    let mut run = run(classifier, false, [0; 6]);
    let clips =
        VOICES.iter().flat_map(|voice| (0..6).flat_map(move |truth| [1, 2].map(|sentence| (*voice, truth, sentence))));
    run.predictions = clips
        .map(|(voice, truth, sentence)| {
            let clip = format!("{voice}_{}_s{sentence}.flac", CLASSES[truth]);
            let luck = |what: &str| chance(&format!("{what} {classifier} {clip}"));
            let pred = match luck("right") {
                _ if classifier == "majority" => 0,
                share if share < right => truth,
                _ if luck("which") < 0.6 => LIKE[truth][0],
                _ => LIKE[truth][1],
            };
            let sure = 0.35 + 0.5 * luck("sure") as f32;
            let p = (0..6).map(|class| if class == pred { sure } else { (1.0 - sure) / 5.0 }).collect();
            Prediction {
                clip: ClipId(clip.as_str().into()),
                speaker: voice.to_owned(),
                fold: VOICES.iter().position(|other| *other == voice).unwrap(),
                truth,
                pred,
                p,
                seeds: Vec::new(),
                audio: String::new(),
            }
        })
        .collect();
    let data = &mut run.protocol.data;
    (data.classes, data.clips, data.speakers) = (CLASSES.map(str::to_owned).to_vec(), 96, 8);
    run.protocol.plan.folds = 8;
    run.protocol.plan.notes.clear();
    run
}

fn runs() -> Vec<Run> {
    let mut all = Vec::new();
    for (speakers, right) in [(2, 0.35), (4, 0.45), (6, 0.55)] {
        for draw in 0..3 {
            let mut point = guesses("svm", right + 0.03 * f64::from(draw));
            let spent = Spent { by: Coin::Speakers, speakers, clips: 12 * speakers, draw: draw as usize, step: None };
            point.protocol.plan.spent = Some(spent);
            all.push(point);
        }
    }
    for (trained_on, tested_on, right) in [("demo", "demo", 0.6), ("emodb", "demo", 0.3), ("demo", "emodb", 0.35)] {
        let mut cell = guesses("lda", right);
        cell.protocol.plan.cross =
            Some(CrossFacts { trained_on: vec![trained_on.to_owned()], tested_on: tested_on.to_owned() });
        all.push(cell);
    }
    let mut leaky = guesses("forest", 0.8);
    leaky.protocol.plan.plan = "random:8".to_owned();
    leaky.protocol.plan.speakers_leak = true;
    all.push(leaky);
    all.extend(
        [("majority", 0.0), ("knn", 0.42), ("forest", 0.5), ("svm", 0.62), ("logistic", 0.58), ("cnn", 0.66)]
            .map(|(name, right)| guesses(name, right)),
    );
    all
}

/// What three people said of the clips: ben is less sure than anna, cleo hears sadness.
fn said(clip: &str, truth: usize) -> [&'static str; 3] {
    let luck = |who: &str| chance(&format!("{who} {clip}"));
    let anna = if luck("anna") < 0.85 { truth } else { LIKE[truth][0] };
    let ben = if luck("ben") < 0.7 { truth } else { LIKE[truth][1] };
    let cleo = if luck("cleo") < 0.6 { truth } else { 4 };
    [anna, ben, cleo].map(|class| CLASSES[class])
}

/// A home with all of that in its store.
fn furnished(root: &Path) -> Home {
    let home = Home::new();
    let mut store = Store::open(&home.path().join("emolab.db")).unwrap();
    for mut run in runs() {
        // What was judged on other corpora is no row of this one's table.
        run.protocol.data.corpus_key = run.protocol.plan.cross.as_ref().map_or(key_of(root), |_| "other".to_owned());
        store.save_run(&run).unwrap();
    }
    for voice in &VOICES[..4] {
        for (truth, class) in CLASSES.iter().enumerate() {
            let clip = format!("{voice}_{class}_s1.flac");
            for (who, answer) in ["anna", "ben", "cleo"].iter().zip(said(&clip, truth)) {
                let scheme = SchemeId { name: "demo".to_owned(), version: 1 };
                let (clip, who) = (ClipId(clip.as_str().into()), Annotator::Human((*who).to_owned()));
                let new = NewAnnotation::now(clip, "00".to_owned(), who, scheme, Act::label(answer));
                store.append(&key_of(root), &new).unwrap();
            }
        }
    }
    home
}

fn painted(app: &App) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    app.paint(&mut buffer);
    buffer
}

/// Calls `visit` with the name of every state of every screen; the part before the stroke is the screen.
pub fn tour(mut visit: impl FnMut(&str, &mut Stage)) {
    let theme = Theme::plain(Depth::True);
    let mut stage = Stage::themed(furnished(&demo()), &demo(), "browse", theme, |_| {});
    let calm = |stage: &mut Stage| stage.until(|app| !app.bench().playback().playing);
    stage.press(&["j", "j"]);
    stage.pictured(2);
    visit("browse", &mut stage);
    stage.press(&["f"]).type_in("label:fear");
    visit("browse/filter", &mut stage);
    stage.press(&["Esc", "X"]);
    stage.until(|app| app.bench().cutting().is_some_and(|cutting| cutting.overview.is_some()));
    visit("cut", &mut stage);
    stage.press(&["Esc", "?"]);
    visit("browse/help", &mut stage);
    stage.press(&["Esc", ":"]).type_in("s");
    visit("browse/palette", &mut stage);
    stage.press(&["Esc", "Ctrl-c"]);
    visit("browse/quit", &mut stage);
    stage.press(&["n", "4"]);
    stage.until(|app| app.bench().runs().iter().any(|run| app.bench().place(run).is_some()));
    visit("results", &mut stage);
    stage.press(&["s"]);
    stage.until(|app| !text(&painted(app)).contains("testing …"));
    for (key, name) in [("", "compare/tests"), ("Tab", "compare/curves"), ("Tab", "compare/corpora")] {
        stage.press(if key.is_empty() { &[] } else { &["Tab"] });
        visit(name, &mut stage);
    }
    stage.press(&["Esc", "Space", "Space", "d"]);
    visit("compare/differences", &mut stage);
    stage.press(&["Esc", "g", "Enter"]);
    visit("run/report", &mut stage);
    for name in ["run/confusion", "run/classes", "run/speakers", "run/reliability"] {
        stage.press(&["Tab", "j"]);
        visit(name, &mut stage);
    }
    stage.press(&["3"]);
    visit("train", &mut stage);
    stage.press(&["5"]);
    visit("features/sets", &mut stage);
    stage.press(&["6"]);
    stage.until(|app| !app.bench().is_studying() && app.bench().studies().is_some());
    visit("agree/coefficients", &mut stage);
    for name in ["agree/pairs", "agree/raters", "agree/classes", "agree/clips"] {
        stage.press(&["Tab"]);
        visit(name, &mut stage);
    }
    stage.press(&["w"]);
    stage.until(|app| app.bench().raters().is_some());
    visit("raters", &mut stage);
    stage.press(&["Esc", "a"]);
    stage.until(|app| !app.bench().is_studying());
    let bench = stage.app.bench();
    let disputed = bench.studies().unwrap().unwrap()[0].disputes[0].clip.clone();
    stage.pictured(stage.app.bench().corpus().index_of(&disputed).unwrap());
    calm(&mut stage);
    visit("adjudicate", &mut stage);
    stage.press(&["Esc", "2"]);
    let clip = stage.app.bench().queue().turns()[0].clip;
    stage.pictured(clip);
    calm(&mut stage);
    visit("label", &mut stage);
    form(&mut visit);
    live(&mut visit);
    odd(&mut visit);
    bare(&mut visit);
}

/// Browse on files whose names are wide, long, or no words at all, and one that is no sound.
fn odd(visit: &mut impl FnMut(&str, &mut Stage)) {
    let home = Home::new();
    let root = home.path().join("clips");
    std::fs::create_dir_all(&root).unwrap();
    let long = "a_very_long_name_that_goes_on_and_on_".repeat(4);
    for name in ["怒りの声_これは長い名前です_もっと長い名前です", "é̃ü ß ñ", "🙂🙃 faces", &long]
    {
        std::fs::copy(demo().join("f1_anger_s1.flac"), root.join(format!("{name}.flac"))).unwrap();
    }
    std::fs::write(root.join("broken.wav"), b"RIFF is all there is").unwrap();
    let mut stage = Stage::on(home, &root, "browse", Depth::True, |_| {});
    stage.press(&["G"]);
    stage.pictured(3);
    visit("browse/odd", &mut stage);
    stage.press(&["p"]);
    visit("browse/problems", &mut stage);
}

/// Label with a form of three questions.
fn form(visit: &mut impl FnMut(&str, &mut Stage)) {
    let mut stage = Stage::with("label", Depth::True, |settings| settings.scheme = Some("vad".to_owned()));
    let clip = stage.app.bench().queue().turns()[0].clip;
    stage.pictured(clip);
    stage.until(|app| !app.bench().playback().playing);
    stage.press(&["3"]);
    visit("label/form", &mut stage);
}

/// Train while it runs.
fn live(visit: &mut impl FnMut(&str, &mut Stage)) {
    let mut stage = Stage::new("train");
    stage.press(&["a", "a", "Space", "Enter"]);
    let folds = ["f1", "f2", "m1"].map(|speaker| format!("speaker {speaker}")).to_vec();
    let series = vec![Series { model: "cnn".to_owned(), plan: "loso".to_owned(), folds }];
    let classes = ["anger", "fear", "neutral"].map(str::to_owned).to_vec();
    let agenda = Agenda { classes, series, ..Agenda::default() };
    let model = News::Model { model: "cnn".to_owned(), plan: "loso".to_owned(), index: 0, of: 1, folds: 3 };
    stage.told([News::Start(agenda.into()), model]);
    stage.told((1..=12).map(|number| News::Epoch { fold: 0, epoch: epoch(number) }));
    stage.told([judged(0, 1)]);
    visit("train/live", &mut stage);
}

/// What a first-day user sees where nothing is there yet.
fn bare(visit: &mut impl FnMut(&str, &mut Stage)) {
    let home = Home::new();
    let empty = home.path().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let mut stage = Stage::on(home, &empty, "browse", Depth::True, |_| {});
    let studied = |stage: &mut Stage| stage.until(|app| !app.bench().is_studying());
    for (key, name) in [
        ("1", "browse/empty"),
        ("2", "label/empty"),
        ("3", "train/empty"),
        ("4", "results/empty"),
        ("5", "features/empty"),
        ("6", "agree/empty"),
    ] {
        stage.press(&[key]);
        studied(&mut stage);
        visit(name, &mut stage);
    }
}

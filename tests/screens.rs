//! Screens by keys: a real Workbench on a few demo clips, no terminal.
//!
//! Snapshots show cells at 80x24 and 120x40; Braille and half blocks are masked alike (what they show is tested beside the
//! widgets), so that the last bit of a sample does not decide on which line a curve runs.

#[path = "screens/agree.rs"]
mod agree;
#[path = "screens/hands.rs"]
mod hands;
#[path = "screens/keymap.rs"]
mod keymap;
#[path = "screens/label.rs"]
mod label;
#[path = "screens/mouse.rs"]
mod mouse;
#[path = "screens/opinion.rs"]
mod opinion;
#[path = "screens/results.rs"]
mod results;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use emolab::corpus::{ClipId, Target};
use emolab::job::Report;
use emolab::label::Timestamp;
use emolab::learn::{Cost, Epoch, Norm, Pace, Recipe};
use emolab::score::Confusion;
use emolab::store::{DataFacts, Maker, PlanFacts, Prediction, Protocol, Run, Source, Store, Training};
use emolab::tui::app::{App, Wish, all_groups, groups_of};
use emolab::tui::command::{clash, key_sheet_markdown};
use emolab::tui::screens::screens;
use emolab::tui::theme::{Depth, Theme};
use emolab::workbench::experiment::{Agenda, News, Series};
use emolab::workbench::{Opening, Settings, Update, Workbench, key_of};

use crate::support::{Home, part_of_demo};

const CLASSES: [&str; 3] = ["anger", "fear", "neutral"];

/// An app on six clips (two speakers, three classes) and the reports of its jobs.
pub(crate) struct Stage {
    pub(crate) app: App,
    updates: Receiver<Update>,
    home: Home,
}

impl Stage {
    pub(crate) fn new(first: &str) -> Stage {
        Stage::with(first, Depth::True, |_| {})
    }

    pub(crate) fn with(first: &str, depth: Depth, prepare: impl Fn(&mut Settings)) -> Stage {
        let home = Home::new();
        let wanted = |name: &str| {
            ["f1", "m1"].iter().any(|voice| name.starts_with(voice))
                && name.ends_with("_s1.flac")
                && CLASSES.iter().any(|class| name.contains(class))
        };
        let root = part_of_demo(home.path(), wanted);
        Stage::on(home, &root, first, depth, prepare)
    }

    pub(crate) fn on(
        home: Home,
        root: &std::path::Path,
        first: &str,
        depth: Depth,
        prepare: impl Fn(&mut Settings),
    ) -> Stage {
        Stage::themed(home, root, first, Theme::plain(depth), prepare)
    }

    pub(crate) fn themed(
        home: Home,
        root: &std::path::Path,
        first: &str,
        theme: Theme,
        prepare: impl Fn(&mut Settings),
    ) -> Stage {
        let mut settings = Settings {
            corpus: None,
            scheme: None,
            annotator: "ann".to_owned(),
            store: home.path().join("emolab.db"),
            journal: home.path().join("journal"),
            cache: home.path().join("cache"),
            preparation: emolab::features::Preparation::plain(22_050),
            begin: None,
            audio: emolab::audio::Wish::None,
        };
        prepare(&mut settings);
        let (send, updates) = channel();
        let bench = Workbench::open(root, settings, send).unwrap();
        let app = App::new(bench, theme, first);
        let mut stage = Stage { app, updates, home };
        stage.until(|app| !matches!(app.bench().opening(), Opening::Scanning(_)));
        stage
    }

    /// Hands reports to the app until `there` holds.
    pub(crate) fn until(&mut self, there: impl Fn(&App) -> bool) {
        while !there(&self.app) {
            let update = self.updates.recv_timeout(Duration::from_secs(120)).expect("no report came");
            self.app.update(update);
        }
    }

    /// Waits for the picture of the clip that stands first in the corpus' order, the screens' first selection.
    pub(crate) fn pictured(&mut self, clip: usize) {
        self.until(|app| app.bench().picture(clip).is_some());
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) fn press(&mut self, keys: &[&str]) -> &mut Stage {
        for key in keys {
            self.app.key(key_of_name(key));
        }
        self
    }

    pub(crate) fn type_in(&mut self, text: &str) -> &mut Stage {
        for letter in text.chars() {
            self.app.key(KeyEvent::from(KeyCode::Char(letter)));
        }
        self
    }

    pub(crate) fn cells(&self, width: u16, height: u16) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        self.app.paint(&mut buffer);
        buffer
    }

    fn screen(&self) -> String {
        text(&self.cells(80, 24))
    }

    fn shows(&self, wanted: &str) {
        let screen = self.screen();
        assert!(screen.contains(wanted), "no {wanted:?} in\n{screen}");
    }

    /// A run over the six clips, saved before the corpus is opened again.
    fn with_runs(runs: &[Run]) -> Stage {
        Stage::with_runs_in(runs, Theme::plain(Depth::True))
    }

    fn with_runs_in(runs: &[Run], theme: Theme) -> Stage {
        let stage = Stage::new("browse");
        let root = stage.app.bench().corpus().root.clone();
        let Stage { app, home, .. } = stage;
        drop(app);
        let mut store = Store::open(&home.path().join("emolab.db")).unwrap();
        for run in runs {
            let mut run = run.clone();
            run.protocol.data.corpus_key = key_of(&root);
            store.save_run(&run).unwrap();
        }
        drop(store);
        Stage::themed(home, &root, "results", theme, |_| {})
    }
}

pub(crate) fn key_of_name(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Shift-Tab" => KeyCode::BackTab,
        "Down" => KeyCode::Down,
        "Backspace" => KeyCode::Backspace,
        "Right" => KeyCode::Right,
        "Space" => KeyCode::Char(' '),
        "F1" => KeyCode::F(1),
        _ => match name.strip_prefix("Ctrl-") {
            Some(letter) => return KeyEvent::new(KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL),
            None => KeyCode::Char(name.chars().next().unwrap()),
        },
    };
    KeyEvent::from(code)
}

/// The symbols line by line, pictures masked.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mask = |symbol: &str| match symbol.chars().next() {
        Some('\u{2800}'..='\u{28FF}' | '▀') => "~".to_owned(),
        _ => symbol.to_owned(),
    };
    let row = |y| (0..buffer.area.width).map(|x| mask(buffer[(x, y)].symbol())).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Truth and prediction of the six clips in order (f1 anger, fear, neutral, then m1).
pub(crate) fn run(classifier: &str, leak: bool, pred: [usize; 6]) -> Run {
    let clip = |index: usize| {
        let voice = ["f1", "m1"][index / 3];
        ClipId(format!("{voice}_{}_s1.flac", CLASSES[index % 3]).into())
    };
    let predictions = (0..6).map(|index| Prediction {
        clip: clip(index),
        speaker: ["f1", "m1"][index / 3].to_owned(),
        fold: index / 3,
        truth: index % 3,
        pred: pred[index],
        p: (0..3)
            .map(|class| if class == pred[index] { 0.8 - 0.05 * index as f32 } else { 0.1 + 0.025 * index as f32 })
            .collect(),
        seeds: Vec::new(),
        audio: String::new(),
    });
    Run {
        id: None,
        started_at: Timestamp::from_millis(1_700_000_000_000).unwrap(),
        protocol: Protocol {
            data: DataFacts {
                corpus: "demo".to_owned(),
                corpus_key: String::new(),
                target: Target::Emotion,
                classes: CLASSES.map(str::to_owned).to_vec(),
                clips: 6,
                speakers: 2,
                data_hash: "abc".to_owned(),
                synthetic: true,
                listeners: None,
                sexes: std::collections::BTreeMap::new(),
                pretrained: Vec::new(),
                truth: None,
            },
            plan: PlanFacts {
                plan: if leak { "random:2" } else { "loso" }.to_owned(),
                folds: 2,
                speakers_leak: leak,
                notes: vec!["2 clips left out: same audio as another clip".to_owned()],
                leaks: Vec::new(),
                repeat: None,
                cross: None,
                spent: None,
            },
            training: Training {
                norm: Norm::Train,
                seed: 0,
                epochs: None,
                checkpoint: "best inner UAR".to_owned(),
                preparation: emolab::features::Preparation::plain(22_050),
                features_version: 1,
                sets: std::collections::BTreeMap::new(),
            },
            search: None,
            maker: Maker {
                emolab: "0.1.0".to_owned(),
                commit: String::new(),
                host: "here".to_owned(),
                cpu: String::new(),
            },
            source: Source::default(),
        },
        recipe: Recipe {
            classifier: classifier.to_owned(),
            features: "functionals".to_owned(),
            norm: Norm::Train,
            seed: 0,
            ..Recipe::default()
        },
        fit_seconds: 1.25,
        cost: Some(Cost {
            parameters: 98_403,
            macs_3s: Some(73_912_000),
            bytes: 397_112,
            clip_ms: Some(0.42),
            real_time: Some(0.0013),
        }),
        predictions: predictions.collect(),
    }
}

/// A little of everything: an honest run, a leaky one and its twin.
fn runs() -> Vec<Run> {
    let honest = run("svm", false, [0, 0, 2, 0, 1, 2]);
    vec![run("majority", false, [0; 6]), honest, run("svm", true, [0, 1, 2, 0, 1, 2])]
}

fn every_screen() -> Vec<(&'static str, Stage)> {
    let mut all = Vec::new();
    for (name, keys) in [
        ("browse", vec!["1"]),
        ("label", vec!["2"]),
        ("train", vec!["3"]),
        ("results", vec!["4"]),
        ("run", vec!["Enter"]),
        ("features", vec!["5"]),
        ("raters", vec!["6", "w"]),
        ("agree", vec!["6"]),
    ] {
        let mut stage = Stage::with_runs(&runs());
        stage.press(&keys);
        all.push((name, stage));
    }
    all
}

#[test]
fn browse_shows_the_corpus() {
    let mut stage = Stage::new("browse");
    stage.pictured(0);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    6 of 6 clips                                                   by file ascending
    file                          speaker   sex    label        seconds mine
    f1_anger_s1.flac              f1        female anger           1.35 –
    f1_fear_s1.flac               f1        female fear            1.51 –
    f1_neutral_s1.flac            f1        female neutral         1.71 –
    m1_anger_s1.flac              m1        male   anger           1.35 –
    m1_fear_s1.flac               m1        male   fear            1.31 –
    m1_neutral_s1.flac            m1        male   neutral         1.66 –

    f1_anger_s1.flac · anger · speaker f1 · 16000 Hz mono · peak -1.0 dB rms -18.5 …
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      8k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      4k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      2k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      1k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     500 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     200 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         0.0       0.2        0.4        0.6        0.8        1.0        1.2 s
    Space plays  1.35 s  ~ pitch  ~ energy  mel magma 60 dB     speed 1.0  vol 100 %
     demo · 6 clips · ann · demo
     Space play  Enter label  f filter  / search  ! review  X cut  ? help  : palette
    ");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
    6 of 6 clips                                                                                           by file ascending
    file                                                                  speaker   sex    label        seconds mine
    f1_anger_s1.flac                                                      f1        female anger           1.35 –
    f1_fear_s1.flac                                                       f1        female fear            1.51 –
    f1_neutral_s1.flac                                                    f1        female neutral         1.71 –
    m1_anger_s1.flac                                                      m1        male   anger           1.35 –
    m1_fear_s1.flac                                                       m1        male   fear            1.31 –
    m1_neutral_s1.flac                                                    m1        male   neutral         1.66 –









    f1_anger_s1.flac · anger · speaker f1 · 16000 Hz mono · peak -1.0 dB rms -18.5 dB · The train leaves at seven.
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      8k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~-11dB
      6k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      4k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      3k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      2k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~-41dB
    1.5k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      1k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     700 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     500 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     200 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~-71dB
         0.0            0.2             0.4             0.6              0.8             1.0             1.2 s
    Space plays  1.35 s  ~ pitch 94–167 Hz  ~ energy to -11 dB  mel magma 60 dB                         speed 1.0  vol 100 %
     demo · 6 clips · ann · demo
     Space play  Enter label  f filter  / search  ! review  X cut  o sort  v picture  m model  s spoke     ? help  : palette
    ");
}

#[test]
fn browse_filters_searches_and_sorts() {
    let mut stage = Stage::new("browse");
    stage.press(&["f"]).type_in("label:fear").press(&["Enter"]);
    stage.shows("2 of 6 clips");
    stage.press(&["f"]).type_in(" mood:x").press(&["Enter"]);
    stage.shows("no field `mood`");
    stage.shows("2 of 6 clips");
    stage.press(&["Esc"]);
    stage.shows("6 of 6 clips");
    stage.press(&["/"]).type_in("m1_n").press(&["Enter"]);
    stage.shows("m1_neutral_s1.flac ·");
    stage.press(&["/"]).type_in("nowhere").press(&["Enter"]);
    stage.shows("nothing matches `nowhere`");
    stage.press(&["/"]).type_in("fear").press(&["Enter"]);
    let first = stage.screen();
    stage.press(&["n"]);
    assert_ne!(stage.screen(), first);
    stage.press(&["N"]);
    assert_eq!(stage.screen(), first);
    stage.press(&["o", "O", "g"]);
    stage.shows("by speaker descending");
    stage.shows("m1_neutral_s1.flac ·");
}

#[test]
fn label_shows_nothing_that_could_bias() {
    let mut stage = Stage::new("label");
    let clip = stage.app.bench().queue().turns()[0].clip;
    stage.pictured(clip);
    stage.until(|app| !app.bench().playback().playing);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  Browse  Label  Train  Results  Features  Agree        synthetic speech
    clip 1 of 6  0 labelled (0 %) · 0 today                      The classes of demo
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      8k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
      4k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
      2k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
      1k ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
     500 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
     200 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~│
         0.0     0.2      0.4      0.6      0.8      1.0      1.2      1.4     1.6 s
    paused   1.66 / 1.66 s  mel magma 60 dB                     speed 1.0  vol 100 %

       1 a anger           2 f fear            3 H happiness       4 n neutral
       5 S sadness         6 p surprise        0   cannot judge


     demo · 6 clips · ann · demo · silent: --silent
     Space play  Esc back  s skip  ! flag  c note  x examples      ? help  : palette
    ");
    for (width, height) in [(80, 24), (120, 40)] {
        let screen = text(&stage.cells(width, height));
        for hint in [".flac", "f1", "m1", "speaker", "female", "male"] {
            assert!(!screen.contains(hint), "{hint} in\n{screen}");
        }
    }
}

#[test]
fn how_clips_are_shown_is_switched_by_keys_and_holds_on_every_screen() {
    let mut stage = Stage::new("browse");
    stage.pictured(0);
    stage.shows("mel magma 60 dB");
    stage.press(&["M", "T", "D"]);
    stage.shows("linear 80 dB");
    let with_pitch = stage.cells(80, 24);
    stage.press(&["P"]);
    stage.shows("pitch not shown");
    assert!(!stage.screen().contains(" pitch  ") && stage.cells(80, 24) != with_pitch);
    stage.press(&["P", "K", "K"]);
    stage.shows("up to 1000 Hz");
    assert!(!stage.screen().contains("8k"), "{}", stage.screen());
    stage.press(&["K", "2"]);
    let clip = stage.app.bench().queue().turns()[0].clip;
    stage.pictured(clip);
    stage.shows("linear viridis 80 dB");
    // What a machine has measured is not shown to a rater who has not asked for it.
    assert!(!stage.screen().contains("energy"), "{}", stage.screen());
    stage.press(&["v"]);
    stage.shows("waveform only");
    assert!(!stage.screen().contains("viridis"));
    stage.press(&["v"]);
    stage.shows("no picture");
    assert!(!stage.screen().contains('~'), "{}", stage.screen());
    // Browse has its own switch: it shows the corpus' labels anyway.
    stage.press(&["Esc", "1"]);
    stage.shows("energy  linear 80 dB");
}

#[test]
fn a_clip_is_zoomed_into_and_scrolled_and_the_next_one_is_seen_whole() {
    let mut stage = Stage::new("browse");
    stage.pictured(0);
    let whole = stage.cells(80, 24);
    stage.press(&["z", "z"]);
    stage.shows("0.6");
    let near = stage.cells(80, 24);
    assert_ne!(near, whole);
    stage.press(&["."]);
    assert_ne!(stage.cells(80, 24), near);
    stage.press(&[","]);
    assert_eq!(stage.cells(80, 24), near);
    stage.press(&["z"; 12]);
    stage.shows("there is no more to see in less");
    stage.press(&["j", ","]);
    stage.shows("there is no more of the clip there");
    stage.press(&["k"]);
    stage.press(&["Z"; 12]);
    stage.shows("this is the whole clip");
    stage.press(&["j", "k"]);
    assert_eq!(stage.cells(80, 24), whole);
}

#[test]
fn features_are_ranked_filtered_and_lead_to_their_clips() {
    let mut stage = Stage::new("features");
    stage.shows("Enter ranks the columns of one");
    stage.press(&["Enter"]);
    stage.shows("x cancels");
    stage.press(&["Enter"]);
    stage.shows("features are being ranked");
    stage.until(|app| app.bench().ranked().is_some());
    let screen = stage.screen();
    for wanted in
        ["columns of functionals", "emotion · 6 clips · raw", "MI bits", "of 1.58 bits", "anger", "│", "median"]
    {
        assert!(screen.contains(wanted), "no {wanted:?} in\n{screen}");
    }
    assert!(screen.contains("not to choose features before a comparison"), "{screen}");
    assert!(!screen.contains("NaN") && !screen.contains("inf"), "{screen}");
    stage.press(&["f"]).type_in("pitch MEAN").press(&["Enter"]);
    stage.shows("with pitch");
    stage.press(&["o", "n"]);
    stage.shows("scaled within each speaker");
    stage.until(|app| app.bench().ranking().is_some_and(|ranking| !ranking.is_running()));
    stage.shows("6 clips · within speakers");
    stage.press(&["f"]).type_in(" no such").press(&["Enter"]);
    stage.shows("nothing to show");
    stage.press(&["Enter"]);
    stage.shows("no column is selected");
    stage.press(&["Esc", "Enter"]);
    stage.shows("6 of 6 clips  by ");
    stage.shows("largest first");
    stage.press(&["Esc"]);
    stage.shows("columns of functionals");
}

#[test]
fn a_feature_set_that_cannot_be_ranked_says_why() {
    let mut stage = Stage::new("features");
    stage.press(&["e"]).type_in("nothing").press(&["Enter"]);
    stage.shows("no feature set `nothing`");
    stage.press(&["e"]).type_in("logmel").press(&["Enter"]);
    stage.until(|app| app.bench().ranking().is_some_and(|ranking| !ranking.is_running()));
    stage.shows("only sets that make rows have columns to rank");
    stage.press(&["x"]);
    stage.shows("nothing is running");
}

#[test]
fn ctrl_c_stops_the_ranking_first() {
    let mut stage = Stage::new("features");
    stage.press(&["Enter", "Ctrl-c"]);
    stage.shows("stopping; features that are computed are kept");
    stage.until(|app| app.bench().ranking().is_some_and(|ranking| !ranking.is_running()));
    assert!(stage.app.bench().ranked().is_none());
    stage.press(&["Ctrl-l"]);
    stage.shows("cancelled");
    stage.press(&["Enter"]);
    stage.until(|app| app.bench().ranked().is_some());
    stage.shows("columns of functionals");
}

/// The clips in the order in which they are met.
fn order(stage: &Stage) -> Vec<ClipId> {
    let bench = stage.app.bench();
    bench.queue().turns().iter().map(|turn| bench.corpus().clips[turn.clip].id.clone()).collect()
}

#[test]
fn one_key_labels_saves_and_goes_on_and_undo_comes_back() {
    let mut stage = Stage::new("label");
    let order = order(&stage);
    stage.press(&["1", "f"]);
    assert_eq!(stage.app.bench().ledger().label(&order[0]), Some("anger"));
    assert_eq!(stage.app.bench().ledger().label(&order[1]), Some("fear"));
    stage.shows("clip 3 of 6  2 labelled (33 %) · 2 today");
    stage.press(&["u"]);
    stage.shows("clip 2 of 6");
    assert_eq!(stage.app.bench().ledger().label(&order[1]), None);
    stage.press(&["u"]);
    stage.shows("clip 1 of 6  0 labelled");
    stage.press(&["Ctrl-r"]);
    stage.shows("> 1 ");
    assert_eq!(stage.app.bench().ledger().label(&order[0]), Some("anger"));
    // On disk, not only in memory: a second Workbench sees it.
    let Stage { app, home, .. } = stage;
    let root = app.bench().corpus().root.clone();
    drop(app);
    let again = Stage::on(home, &root, "label", Depth::True, |_| {});
    assert_eq!(again.app.bench().ledger().labelled_count(), 1);
    again.shows("clip 2 of 6  1 labelled");
}

#[test]
fn skip_flag_and_note() {
    let mut stage = Stage::new("label");
    let first = order(&stage)[0].clone();
    stage.press(&["!", "c"]).type_in("cough at the end").press(&["Enter"]);
    stage.shows("! flagged  note: cough at the end");
    stage.press(&["s"]);
    stage.shows("clip 2 of 6");
    let ledger = stage.app.bench().ledger();
    assert!(ledger.skipped(&first) && ledger.flagged(&first));
    stage.press(&["1", "1", "1", "1", "1"]);
    stage.shows("clip 1 of 6");
    stage.press(&["1"]);
    stage.shows("all clips have their label");
    stage.press(&["?"]);
    stage.shows("LABEL");
}

/// Puts a folder where the store should be, and a file where the folder of the journal should be.
fn nowhere(settings: &mut Settings) {
    std::fs::create_dir_all(&settings.store).unwrap();
    std::fs::write(&settings.journal, "").unwrap();
}

#[test]
fn what_cannot_be_saved_stays_on_the_screen() {
    let mut stage = Stage::with("label", Depth::True, nowhere);
    stage.shows("SAVED IN THE JOURNAL (0), not yet in the store");
    let before = order(&stage)[0].clone();
    stage.press(&["1"]);
    stage.shows("clip 1 of 6");
    stage.shows("NOT SAVED: ");
    stage.shows("not saved");
    assert_eq!(stage.app.bench().ledger().label(&before), None);
}

#[test]
fn what_the_store_does_not_take_waits_in_the_journal_and_is_recovered() {
    let mut stage = Stage::with("label", Depth::True, |settings| std::fs::create_dir_all(&settings.store).unwrap());
    let order: Vec<ClipId> = order(&stage);
    stage.press(&["1", "2", "u", "3", "1"]);
    stage.shows("clip 4 of 6  3 labelled");
    stage.shows("SAVED IN THE JOURNAL (5), not yet in the store");
    stage.press(&["Ctrl-c"]);
    stage.shows("5 labels wait in the recovery journal");
    let Stage { app, home, .. } = stage;
    let root = app.bench().corpus().root.clone();
    drop(app);
    // Still no store: what waits is shown, and can be undone.
    let mut stage = Stage::on(home, &root, "label", Depth::True, |_| {});
    stage.shows("3 labelled");
    stage.press(&["u"]);
    stage.shows("2 labelled");
    let Stage { app, home, .. } = stage;
    drop(app);
    std::fs::remove_dir(home.path().join("emolab.db")).unwrap();
    let stage = Stage::on(home, &root, "label", Depth::True, |_| {});
    stage.shows("6 labels of an earlier session were recovered");
    stage.shows("2 labelled");
    let ledger = stage.app.bench().ledger();
    let labels: Vec<_> = order.iter().map(|clip| ledger.label(clip)).collect();
    assert_eq!(labels[..4], [Some("anger"), Some("happiness"), None, None]);
    assert_eq!(ledger.redo_target().map(|(_, at)| at.clip), Some(&order[2]), "undo and redo go on");
}

#[test]
fn the_journal_empties_as_soon_as_the_store_takes_writes_again() {
    let mut stage = Stage::with("label", Depth::True, |settings| std::fs::create_dir_all(&settings.store).unwrap());
    stage.press(&["1"]);
    stage.shows("SAVED IN THE JOURNAL (1)");
    let path = stage.home.path().join("emolab.db");
    std::fs::remove_dir(&path).unwrap();
    drop(Store::open(&path).unwrap());
    stage.press(&["u"]);
    stage.shows("0 labelled");
    assert!(!stage.screen().contains("JOURNAL"), "{}", stage.screen());
    let store = Store::open(&path).unwrap();
    let said = store.annotations(&key_of(&stage.app.bench().corpus().root), None).unwrap();
    assert_eq!(said.iter().map(|event| event.act.word()).collect::<Vec<_>>(), ["label", "undo"]);
    assert_eq!(said[1].act.refers_to(), Some(said[0].id), "by the number that the store gave");
}

#[test]
fn a_skipped_clip_that_alone_is_left_says_so() {
    let mut stage = Stage::new("label");
    stage.press(&["s", "1", "1", "1", "1", "1"]);
    stage.shows("clip 1 of 6");
    stage.press(&["s"]);
    stage.shows("clip 1 of 6");
    stage.shows("only this clip is left");
}

#[test]
fn in_a_terminal_too_small_nothing_is_labelled_or_typed_blindly() {
    let mut stage = Stage::new("label");
    stage.app.resize(50, 12);
    stage.press(&["1", "s", "?", ":", "Esc"]);
    assert_eq!(stage.app.bench().ledger().undo_target(), None);
    assert!(text(&stage.cells(50, 12)).contains("too small"));
    stage.app.resize(80, 24);
    stage.shows("clip 1 of 6  0 labelled");
    // A note that is half written waits for the room it needs.
    stage.press(&["c"]).type_in("cou").app.resize(50, 12);
    stage.type_in("x").press(&["Enter"]).app.paste("y");
    stage.app.resize(80, 24);
    stage.type_in("gh").press(&["Enter"]);
    stage.shows("note: cough");
    stage.app.resize(50, 12);
    stage.press(&["Ctrl-l"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Redraw));
    stage.press(&["Ctrl-z"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Suspend));
    stage.press(&["q"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}

#[test]
fn in_a_terminal_too_small_the_quit_question_is_seen_and_answered() {
    let mut stage = Stage::new("label");
    stage.press(&["c"]).type_in("cou").app.resize(40, 8);
    stage.press(&["q"]);
    assert_eq!(stage.app.take_wish(), None, "a note is half written");
    let small = text(&stage.cells(40, 8));
    assert!(small.contains("y quits") && small.contains("All labels are saved."), "{small}");
    stage.press(&["n"]);
    assert!(!text(&stage.cells(40, 8)).contains("y quits"));
    stage.press(&["Ctrl-c", "y"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}

#[test]
fn the_quit_question_tells_what_is_not_saved() {
    let mut stage = Stage::with("label", Depth::True, nowhere);
    // Once a label was lost, even q asks, on every screen.
    stage.press(&["1", "Esc", "q"]);
    assert_eq!(stage.app.take_wish(), None);
    stage.shows("What you said last is not saved: ");
}

#[test]
fn the_way_out_is_named_where_the_header_names_none() {
    let mut stage = Stage::new("browse");
    stage.shows("Space play");
    assert!(!stage.screen().contains("Esc back"));
    stage.press(&["2"]);
    stage.shows("Space play");
    stage.shows("Esc back");
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Enter"]);
    stage.shows("Esc back");
}

#[test]
fn the_plan_at_first_suits_the_corpus_and_the_users_own_stays() {
    let home = Home::new();
    let root = home.path().join("many");
    std::fs::create_dir_all(&root).unwrap();
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    for actor in 1..=14_i16 {
        let mut wav = hound::WavWriter::create(root.join(format!("03-01-05-01-01-01-{actor:02}.wav")), spec).unwrap();
        (0..800_i16).for_each(|k| wav.write_sample((k % 40) * 100 + actor).unwrap());
        wav.finalize().unwrap();
    }
    let mut stage = Stage::on(home, &root, "train", Depth::True, |_| {});
    stage.shows("plan      < speakers:5 >");
    stage.press(&["G", "k", "k", "k", "k", "k", "k", "k", "k", "k", "l"]);
    stage.shows("plan      < speakers:10 >");
    stage.press(&["1", "3"]);
    stage.shows("plan      < speakers:10 >");
}

#[test]
fn a_damaged_run_is_told_and_hides_none_of_the_others() {
    let Stage { app, home, .. } = Stage::with_runs(&runs());
    let root = app.bench().corpus().root.clone();
    drop(app);
    let store = rusqlite::Connection::open(home.path().join("emolab.db")).unwrap();
    assert_eq!(store.execute("UPDATE prediction SET pred = 99 WHERE run_id = 2 AND row = 0", []).unwrap(), 1);
    drop(store);
    let stage = Stage::on(home, &root, "results", Depth::True, |_| {});
    assert_eq!(stage.app.bench().runs().len(), 2);
    let screen = stage.screen();
    assert!(screen.contains("1 not shown: ") && screen.contains("run 2"), "{screen}");
}

#[test]
fn results_show_a_leaky_run_beside_its_twin() {
    let stage = Stage::with_runs(&runs());
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    3 runs by number, newest first; scores in percent
    no.▼  model           features    plan              UAR 95 % CI        WA    fit
    3     svm             functionals random:2 LEAK   100.0 100.0–100.0 100.0  1.2 s
    2     └ svm           functionals loso             83.3 66.7–100.0   83.3  1.2 s
    1     majority        functionals loso             33.3 33.3–33.3    33.3  1.2 s













    emotion · 3 classes · 6 clips · 2 speakers · random:2, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 100.0 ± 0.0 · chance 33.3
    speakers leak: believe the run below it, without: UAR 16.7 points lower
     demo · 6 clips · ann · demo
     Enter open  Space mark  o sort  s tests  c curves  x corpora  ? help  : palette
    ");
    let wide = text(&stage.cells(120, 40));
    assert!(
        wide.contains("    ms    MB param  MMAC    RTF") && wide.contains("  0.42  0.40 98.4k  73.9 0.0013"),
        "{wide}"
    );
}

#[test]
fn a_cell_leads_to_its_clips_and_esc_comes_back_to_it() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Down", "Enter"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability

                  precision    recall  f1-score   support

           anger       0.67      1.00      0.80         2
            fear       1.00      0.50      0.67         2
         neutral       1.00      1.00      1.00         2

        accuracy                           0.83         6
       macro avg       0.89      0.83      0.82         6
    weighted avg       0.89      0.83      0.82         6

    weights kept: best inner UAR
    clips prepared: 22050 Hz
    2 clips left out: same audio as another clip
    size: 98403 parameters, 0.40 MB, 73.9 million multiply-adds for 3 s
    time: 0.42 ms for one clip without its features, 0.0013 x real time with them
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares                ? help  : palette
    ");
    stage.press(&["Tab", "m", "j", "m"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability  clips

    truth     anger    fear    neutral       n
    anger       2        0        0          2
    fear       [1]       1        0          2
    neutral     0        0        2          2










    fear heard as anger: 1 clip; Enter shows it
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares                ? help  : palette
    ");
    let matrix = stage.cells(80, 24);
    stage.press(&["Enter"]);
    stage.shows("fear heard as anger by svm");
    stage.shows("1 of 6 clips");
    stage.shows("f1_fear_s1.flac ·");
    stage.press(&["Esc"]);
    assert_eq!(text(&stage.cells(80, 24)), text(&matrix));
    stage.press(&["Tab"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability  percent

    class   precision             recall                F1                     clips
    anger   ██████████       66.7 ███████████████ 100.0 ████████████     80.0      2
    fear    ███████████████ 100.0 ███████▌         50.0 ██████████       66.7      2
    neutral ███████████████ 100.0 ███████████████ 100.0 ███████████████ 100.0      2










    anger: precision 66.7; Enter shows the clips
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares                ? help  : palette
    ");
}

#[test]
fn an_empty_cell_leads_nowhere() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Down", "Enter", "Tab", "Right", "Enter"]);
    stage.shows("no clip: anger heard as fear");
}

#[test]
fn train_learns_from_what_people_said() {
    let mut stage = Stage::new("label");
    let bench = stage.app.bench();
    let own = |clip: usize| {
        bench.corpus().classes.iter().position(|one| Some(one.as_str()) == bench.corpus().clips[clip].label.as_deref())
    };
    let keys: Vec<String> =
        bench.queue().turns().iter().map(|turn| (own(turn.clip).unwrap() + 1).to_string()).collect();
    for key in &keys {
        stage.press(&[key]);
    }
    stage.press(&["Esc", "3", "a", "a"]);
    let naive = emolab::learn::CLASSIFIERS.iter().position(|kind| kind.name() == "majority").unwrap();
    stage.press(&vec!["j"; naive]).press(&["Space"]);
    stage.press(&["G", "k", "k", "k", "k", "k", "k", "k", "k", "l"]);
    stage.shows("labels    < majority >");
    stage.press(&["Enter"]);
    stage.until(|app| !app.bench().runs().is_empty());
    let truth = stage.app.bench().runs()[0].run.protocol.data.truth.clone().unwrap();
    assert_eq!((truth.method.as_str(), truth.labelled, truth.raters), ("majority", 6, 1));
}

#[test]
fn train_chooses_runs_and_shows_the_results() {
    let mut stage = Stage::new("train");
    let majority = emolab::learn::CLASSIFIERS.iter().position(|kind| kind.name() == "majority").unwrap();
    stage.press(&vec!["j"; majority]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    classifiers         1 more below
    [x] logistic                      always the most frequent class of the training
    [ ] lda                           clips: the floor
    [ ] ridge
    [ ] forest                        Enter starts
    [ ] extra-trees
    [ ] boosting
    [ ] knn
    [ ] naive-bayes
    [ ] tree
    [x] majority
    how
    plan      < loso >
    labels    < corpus >
    target    < emotion >
    norm      < train >
    features  < default >
    epochs    < default >
    seed      < 0 >
    seeds     < 1 >
    also      < nothing >
     demo · 6 clips · ann · demo
     Enter start  Space choose  Tab next view  h less  l more      ? help  : palette
    ");
    stage.press(&["a", "a"]);
    stage.press(&["Enter"]);
    stage.shows("choose a classifier first");
    stage.press(&["/"]);
    stage.shows("/ does nothing here");
    stage.press(&["Space", "Enter"]);
    stage.until(|app| app.bench().training().is_some_and(|training| !training.is_running()));
    stage.shows("1 run by number, newest first");
    stage.shows("majority");
    stage.press(&["3"]);
    stage.shows("4 shows the results");
    // Idle again: the rows are explained again.
    stage.shows("Enter starts");
    stage.press(&["G", "k", "k", "k"]);
    stage.shows("Of everything random.");
}

/// One confusion of the three classes.
fn confusion(pairs: &[(usize, usize)]) -> Confusion {
    let mut all = Confusion::new(3);
    pairs.iter().for_each(|&(truth, pred)| all.see(truth, pred));
    all
}

pub(crate) fn epoch(number: usize) -> Epoch {
    let falls = 1.6 / number as f64;
    Epoch {
        epoch: number,
        epochs: 40,
        train_loss: falls,
        train_uar: Some(1.0 - falls / 2.0),
        dev_loss: Some(falls + 0.3),
        dev_uar: Some(0.6),
        rate: 0.0021,
        best: Some(number.min(9)),
        may_stop: true,
        pace: Pace { clips_per_second: 310.4, seconds: 2.0 },
        dev: Some(confusion(&[(0, 0), (1, 0), (2, 2)])),
    }
}

/// A training on three speakers whose news the test tells; the real one's are left unread.
fn training(model: &str) -> Stage {
    let mut stage = Stage::new("train");
    stage.press(&["a", "a", "Space", "Enter"]);
    let folds = ["03", "08", "12"].map(|speaker| format!("speaker {speaker}")).to_vec();
    let series = vec![Series { model: model.to_owned(), plan: "loso".to_owned(), folds }];
    let agenda = Agenda { classes: CLASSES.map(str::to_owned).to_vec(), series, ..Agenda::default() };
    let model = News::Model { model: model.to_owned(), plan: "loso".to_owned(), index: 0, of: 1, folds: 3 };
    stage.told([News::Start(agenda.into()), model]);
    stage
}

impl Stage {
    pub(crate) fn told(&mut self, news: impl IntoIterator<Item = News>) {
        for news in news {
            assert!(self.app.update(Update::Training(0, Report::News(news))), "the news is of another training");
        }
    }

    /// The screen with times masked: they pass.
    pub(crate) fn timeless(&self, width: u16, height: u16) -> String {
        let mask = |line: &str| match line.split_once("running for ") {
            Some((before, _)) => format!("{before}running for …"),
            None if [" left", "at most", "this fit"].iter().any(|word| line.contains(word)) => {
                line.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
            }
            None => line.to_owned(),
        };
        text(&self.cells(width, height)).lines().map(mask).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn judged(fold: usize, done: usize) -> News {
    let confusion = confusion(&[(0, 0), (0, 0), (1, 2), (1, 1), (2, 2), (2, 2)]);
    News::Fold { fold, confusion, seconds: 60.0, done, folds: 3 }
}

#[test]
fn a_training_is_watched_epoch_by_epoch() {
    // No net of the registry: its settings are not what is tested here.
    let mut stage = training("mine");

    stage.told((1..=12).map(|number| News::Epoch { fold: 0, epoch: epoch(number) }));
    insta::assert_snapshot!(stage.timeless(80, 24), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    classifiers         7 more below  running for …
    [x] cnn                           mine, loso: fold 1 of 3 (speaker 03)
    [ ] cnn1d                         epoch 12 of 40, rate 2.1e-3, 310 clips/s
    [ ] crnn                          best epoch #; this fit at most ## s left
    [ ] mlp                           all            ██▍                        10.0
    [ ] svm                            curves   confusion   runs   net
    [ ] linear-svm                    fold 1: loss  ~ train 0.133  • dev 0.433
    [ ] logistic                      2.00│••
    [ ] lda                               │~~••
    [ ] ridge                         1.00│  ~~••••••
    [ ] forest                            │    ~~~~~~•••••••••••••••••••••••••••••••
    [ ] extra-trees                   0   │             ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    [ ] boosting                          └─────────────────────────────────────────
    [ ] knn                               1                                       12
    [ ] naive-bayes                   fold 1: UAR  ~ train 0.933  • dev 0.600
    [ ] tree                          1.00│         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    [ ] majority                          │•••••••••••••••••••••••••••••••••••••••••
    how                               0.50│~~~
    plan      < loso >                0   │~
    labels    < corpus >                  └─────────────────────────────────────────
    target    < emotion >                 1                                       12
     training; x cancels                                              training 10 %
     Enter start  Space choose  x cancel  Tab next view            ? help  : palette
    ");
    stage.press(&["Tab"]);
    // Before a fold is judged, and named so.
    stage.shows("inner validation, fold 1, epoch 12: UAR 66.7");
    stage.told([judged(0, 1), News::Epoch { fold: 1, epoch: epoch(1) }]);
    stage.shows("test clips of 1 of 3 folds: UAR 83.3");
    insta::assert_snapshot!(stage.timeless(120, 40), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
    classifiers                       running for …
    [x] cnn                           mine, loso: fold 2 of 3 (speaker 08)
    [ ] cnn1d                         epoch 1 of 40, rate 2.1e-3, 310 clips/s
    [ ] crnn                          best epoch #; this fit at most #:## left
    [ ] mlp                           all            █████████████████████▉                                             34.2
    [ ] svm
    [ ] linear-svm                    fold 2: loss  ~ train 1.600  • dev 1.900    fold 2: UAR  ~ train 0.200  • dev 0.600
    [ ] logistic                      2.00│                                       1.00│
    [ ] lda                               │•                                          │
    [ ] ridge                             │                                           │
    [ ] forest                            │                                           │
    [ ] extra-trees                       │~                                          │
    [ ] boosting                          │                                           │
    [ ] knn                               │                                           │
    [ ] naive-bayes                       │                                           │
    [ ] tree                              │                                           │•
    [ ] majority                          │                                           │
    how                                   │                                           │
    plan      < loso >                1.00│                                       0.50│
    labels    < corpus >                  │                                           │
    target    < emotion >                 │                                           │
    norm      < train >                   │                                           │
    features  < default >                 │                                           │
    epochs    < default >                 │                                           │
    seed      < 0 >                       │                                           │~
    seeds     < 1 >                       │                                           │
    also      < nothing >                 │                                           │
    curve     < no >                      │                                           │
                                      0   │                                       0   │
                                          └─────────────────────────────────────      └─────────────────────────────────────
                                          1                                    2      1                                    2

                                      test clips of 1 of 3 folds: UAR 83.3
                                      truth     anger    fear    neutral       n
                                      anger       2        0        0          2
                                      fear        0        1        1          2
                                      neutral     0        0        2          2
     demo · 6 clips · ann · demo                                                                              training 34 %
     Enter start  Space choose  x cancel  Tab next view  , earlier fold  . later fold  h less  l more      ? help  : palette
    ");
    insta::assert_snapshot!(stage.timeless(60, 18), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features …
    classifiers   13 below  running for …
    [x] cnn                 mine, loso: fold 2 of 3 (speaker 08)
    [ ] cnn1d               epoch 1 of 40, rate 2.1e-3, 310
    [ ] crnn                clips/s; best epoch #; this fit at
    [ ] mlp                 most #:## left
    [ ] svm                 all          █████▌             34.2
    [ ] linear-svm           curves   confusion   runs   net
    [ ] logistic            test clips of 1 of 3 folds: UAR 83.3
    [ ] lda                 truth   anger fear neutral       n
    [ ] ridge               anger     2     0     0          2
    [ ] forest              fear      0     1     1          2
    [ ] extra-trees         neutral   0     0     2          2
    [ ] boosting
    [ ] knn

     demo · 6 clips · ann · demo                  training 34 %
     Enter start  Space choose  x cancel       ? help  : palette
    ");
}

#[test]
fn the_settings_of_a_net_are_seen_before_and_while_it_is_trained() {
    let mut stage = Stage::new("train");
    stage.shows("schedule: epochs ");
    stage.press(&["G", "k", "k", "k", "k", "l", "g"]);
    stage.shows("schedule: epochs 5,");
    stage = training("cnn");
    stage.shows("no epochs yet");
    stage.press(&["Tab", "Tab", "Tab"]);
    stage.shows("layers: conv ");
    stage.press(&["Tab"]);
    stage.shows("no epochs yet");
    let screen = text(&stage.cells(120, 40));
    assert!(screen.contains("layers: conv ") && screen.contains("no epochs yet"), "{screen}");
}

#[test]
fn an_earlier_folds_curves_are_looked_at_again() {
    let mut stage = training("cnn");
    stage.press(&[","]);
    stage.shows("there are no curves yet");
    stage.told([News::Epoch { fold: 0, epoch: epoch(5) }, judged(0, 1), News::Epoch { fold: 1, epoch: epoch(1) }]);
    stage.shows("fold 2: loss");
    stage.press(&[","]);
    stage.shows("fold 1: loss");
    stage.shows("fold 1 of 3 (speaker 03)");
    stage.press(&[","]);
    stage.shows("this is the first fold");
    // It stays there while the next one learns on.
    stage.told([News::Epoch { fold: 1, epoch: epoch(2) }]);
    stage.shows("fold 1: loss");
    stage.press(&["."]);
    stage.shows("fold 2: loss");
    // Following again: the third fold shows as soon as it learns.
    stage.told([judged(1, 2), News::Epoch { fold: 2, epoch: epoch(1) }]);
    stage.shows("fold 3: loss");
    // Another screen and back: nothing is lost.
    stage.press(&["1", "3"]);
    stage.shows("fold 3: loss");
}

#[test]
fn what_went_wrong_is_told_with_its_batch_and_how_it_ended() {
    let mut stage = training("cnn");
    let reason = "cnn on loso: speaker 08: epoch 3, batch 7 of 29: the loss is not a finite number";
    stage.told([News::Epoch { fold: 0, epoch: epoch(2) }, News::Trouble(reason.to_owned())]);
    stage.shows("! cnn on loso: speaker 08: epoch 3,");
    stage.shows("batch 7 of");
    stage.shows("29: the loss is not a finite number");
    stage.app.update(Update::Training(0, Report::Cancelled));
    stage.shows("cancelled after 0 s");
    stage.shows("Enter starts");
    assert!(!stage.screen().contains(" left"), "nothing is left of what has ended");
}

#[test]
fn a_wrong_key_says_so_and_does_nothing() {
    let mut stage = Stage::new("browse");
    let before = stage.screen();
    stage.press(&["%"]);
    stage.shows("% does nothing here; ? shows the keys");
    stage.press(&["Ctrl-l"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Redraw));
    assert_eq!(stage.screen(), before);
}

#[test]
fn the_palette_finds_and_runs_commands() {
    let mut stage = Stage::new("browse");
    stage.press(&[":"]).type_in("resu");
    stage.shows("the runs and their scores");
    stage.press(&["Enter"]);
    stage.shows("no runs yet");
    stage.press(&[":"]).type_in("quit").press(&["Enter"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}

#[test]
fn ctrl_c_asks_and_q_quits() {
    let mut stage = Stage::new("browse");
    stage.press(&["Ctrl-c"]);
    stage.shows("quit?");
    stage.press(&["n", "q"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}

#[test]
fn a_folder_without_clips_and_a_corpus_without_labels() {
    let home = Home::new();
    let empty = home.path().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let mut stage = Stage::on(home, &empty, "browse", Depth::True, |_| {});
    for tab in ["1", "2", "3", "4", "5"] {
        stage.press(&[tab, "j", "G", "PgDn", "Space", "Enter", "Esc", "Esc", "Esc"]);
        assert!(!stage.screen().is_empty());
    }
    stage.press(&["1"]);
    stage.shows("the corpus could not be opened");
}

#[test]
fn drawing_is_pure_and_fits_every_size() {
    for (name, stage) in every_screen() {
        for (width, height) in [(60, 18), (61, 19), (80, 24), (97, 31), (120, 40), (200, 60)] {
            let cells = stage.cells(width, height);
            assert_eq!(cells, stage.cells(width, height), "{name} at {width}x{height}");
        }
        for (width, height) in [(0, 0), (1, 1), (10, 3), (59, 40), (200, 17)] {
            assert!(width < 20 || text(&stage.cells(width, height)).contains("too small"), "{name}");
        }
    }
}

#[test]
fn every_screen_opens_help_over_itself_at_the_smallest_size() {
    for (name, mut stage) in every_screen() {
        stage.press(&["F1"]);
        let help = text(&stage.cells(60, 18));
        assert!(help.contains(&name.to_uppercase()), "{name}:\n{help}");
    }
}

#[test]
fn the_selected_row_is_reversed_and_no_colours_means_none() {
    let stage = Stage::new("browse");
    let cells = stage.cells(80, 24);
    let reversed: Vec<u16> = (1..15).filter(|&y| cells[(0, y)].modifier.contains(Modifier::REVERSED)).collect();
    assert_eq!(reversed, [3]);
    for keys in [["1"], ["2"], ["3"], ["4"], ["5"]] {
        let mut plain = Stage::with("browse", Depth::Mono, |_| {});
        plain.press(&keys);
        let cells = plain.cells(80, 24);
        let colored = cells.content().iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(colored.count(), 0, "{keys:?}");
    }
}

#[test]
fn draw_goes_through_a_terminal() {
    let mut stage = Stage::new("browse");
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    stage.app.draw(&mut terminal).unwrap();
    assert_eq!(text(terminal.backend().buffer()), stage.screen());
}

#[test]
fn no_key_has_two_meanings() {
    for screen in screens() {
        assert_eq!(clash(&groups_of(screen.as_ref())), None, "{}", screen.name());
    }
}

#[test]
fn the_key_sheet_holds_every_command() {
    let sheet = key_sheet_markdown();
    for group in all_groups() {
        for row in &group.rows {
            assert!(sheet.contains(row.help), "{}", row.name);
            assert!(!row.keys.is_empty() && !row.help.is_empty(), "{}", row.name);
        }
    }
}

//! Runs on the screens: sorted, marked, side by side; from a figure to its clips, their sound, a new label, and back.

use emolab::label::Exposure;
use emolab::store::{Coin, CrossFacts, Spent};
use emolab::workbench::corpus_key;

use super::*;

/// What was saved with each act, in order.
fn exposures(stage: &Stage) -> Vec<Option<Exposure>> {
    let store = Store::open(&stage.home.path().join("emolab.db")).unwrap();
    let all = store.annotations(&corpus_key(stage.app.bench().corpus()), None).unwrap();
    all.into_iter().map(|said| said.said.exposure).collect()
}

/// The words at the beginning of the rows of the table of runs.
fn rows(stage: &Stage) -> Vec<String> {
    let screen = stage.screen();
    let words = |line: &str| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    screen.lines().skip(3).take_while(|line| !line.is_empty()).map(words).collect()
}

/// A point of a learning curve of `classifier`.
fn point(classifier: &str, speakers: usize, draw: usize, pred: [usize; 6]) -> Run {
    let mut run = run(classifier, false, pred);
    run.protocol.plan.spent = Some(Spent { by: Coin::Speakers, speakers, clips: 12 * speakers, draw, step: None });
    run
}

#[test]
fn a_twin_stays_under_its_run_however_the_table_is_sorted() {
    let mut stage = Stage::with_runs(&runs());
    assert_eq!(rows(&stage), ["3 svm functionals", "2 └ svm", "1 majority functionals"]);
    stage.press(&["o"]);
    stage.shows("by model");
    stage.shows("model▲");
    assert_eq!(rows(&stage), ["1 majority functionals", "3 svm functionals", "2 └ svm"]);
    stage.press(&["o", "o", "o"]);
    stage.shows("UAR▼");
    assert_eq!(rows(&stage), ["3 svm functionals", "2 └ svm", "1 majority functionals"]);
    stage.press(&["O"]);
    stage.shows("UAR▲");
    assert_eq!(rows(&stage), ["1 majority functionals", "3 svm functionals", "2 └ svm"]);
    // The selection stays on its run.
    stage.press(&["O", "g"]);
    stage.shows("speakers leak: believe the run below it, without: UAR 16.7 points lower");
    stage.press(&["O"]);
    stage.shows("UAR 16.7 points lower");
    // All the columns in turn, and round.
    for _ in 0..emolab_sorts() {
        stage.press(&["o"]);
    }
    stage.shows("UAR▼");
}

fn emolab_sorts() -> usize {
    let mut stage = Stage::with_runs(&runs());
    let first = stage.screen().lines().nth(1).unwrap().to_owned();
    (1..40)
        .find(|_| {
            stage.press(&["o"]);
            stage.screen().lines().nth(1).unwrap() == first
        })
        .unwrap()
}

#[test]
fn marked_runs_show_what_they_do_not_have_in_common() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["d"]);
    stage.shows("mark two runs or more first");
    stage.press(&["Space", "Space", "Space"]);
    stage.shows("3 runs by number, newest first; scores in percent; 3 marked");
    stage.shows("x 3");
    stage.press(&["d", "j", "l"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
     differences   tests   learning curves   corpora
    3 fields of recipe and protocol differ between these 3 runs

    field              3 svm               2 svm               1 majority
    UAR %              100.0               83.3                33.3
    plan.plan          random:2            loso                loso
    plan.speakers_leak true                false               false
    recipe.classifier  svm                 svm                 majority












    plan.plan: loso
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right          ? help  : palette
    ");
    let cells = stage.cells(80, 24);
    let selected = (0..80).filter(|&x| cells[(x, 6)].modifier.contains(Modifier::REVERSED)).count();
    assert!((5..30).contains(&selected), "one cell is selected, not {selected} columns");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
     differences   tests   learning curves   corpora
    3 fields of recipe and protocol differ between these 3 runs

    field              3 svm                         2 svm                         1 majority
    UAR %              100.0                         83.3                          33.3
    plan.plan          random:2                      loso                          loso
    plan.speakers_leak true                          false                         false
    recipe.classifier  svm                           svm                           majority




























    plan.plan: loso
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right  Shift-Tab previous view                         ? help  : palette
    ");
    stage.press(&["Enter"]);
    stage.shows("svm (run 2)  UAR 83.3");
    stage.press(&["Esc", "Esc"]);
    stage.shows("3 marked");
    stage.press(&["u"]);
    stage.shows("no run is marked");
}

#[test]
fn the_best_run_and_its_ties_are_marked_and_every_pair_is_tested() {
    let mut stage = Stage::with_runs(&[run("svm", false, [0, 1, 2, 0, 1, 2]), runs().remove(0), runs().remove(1)]);
    stage.until(|app| app.bench().runs().iter().any(|run| app.bench().place(run).is_some()));
    stage.shows("* best, = ties with it");
    stage.shows("*100.0");
    // With two speakers nothing can be told apart.
    assert_eq!(stage.screen().matches(" =").count(), 3, "{}", stage.screen());
    let all = stage.app.bench().runs().to_vec();
    stage.press(&["s"]);
    stage.shows("testing …");
    let mut best = all.clone();
    best.sort_by(|a, b| b.summary.uar.unwrap().total_cmp(&a.summary.uar.unwrap()));
    stage.until(|app| app.bench().pairs(&best).is_some());
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
     differences   tests   learning curves   corpora
    paired permutation of the UAR over 2 speakers (exact), Holm-adjusted; too few to
    find anything
    > better   1 svm                  3 svm                  2 majority
    1 svm        100.0                = 1.000                = 1.000
    3 svm      = 1.000                  83.3                 = 1.000
    2 majority = 1.000                = 1.000                  33.3













    1 svm; Enter opens the run
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right          ? help  : palette
    ");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
     differences   tests   learning curves   corpora
    paired permutation of the UAR over 2 speakers (exact), Holm-adjusted; too few to find anything

    > better   1 svm                         3 svm                         2 majority
    1 svm        100.0                       = 1.000                       = 1.000
    3 svm      = 1.000                         83.3                        = 1.000
    2 majority = 1.000                       = 1.000                         33.3





























    1 svm; Enter opens the run
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right  Shift-Tab previous view                         ? help  : palette
    ");
    stage.press(&["l", "Enter"]);
    stage.shows("svm (run 1) and svm (run 3) part");
    stage.shows("1 of 6 clips");
    stage.press(&["Esc"]);
    stage.shows("1 svm less 3 svm");
}

#[test]
fn a_figure_leads_to_clips_that_are_labelled_anew_and_back_to_the_figure() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Down", "Enter", "Tab", "Tab", "j", "l"]);
    stage.shows("fear: recall 50.0; Enter shows the clips");
    let figure = stage.cells(80, 24);
    stage.press(&["Enter"]);
    stage.shows("fear heard by svm (run 2)");
    stage.shows("2 of 6 clips");
    stage.shows("worst first");
    stage.shows("heard as");
    stage.shows("anger 0.75");
    // One key from the number to the sound.
    let worst = stage.app.bench().corpus().index_of(&ClipId("f1_fear_s1.flac".into())).unwrap();
    stage.until(|app| app.bench().playing() == Some(worst));
    let list = stage.screen();
    stage.press(&["Enter"]);
    stage.shows("to be labelled anew; then back to the list");
    for hint in ["svm", "anger 0.75", "f1_fear"] {
        assert!(!stage.screen().contains(hint), "{hint} on the Label screen\n{}", stage.screen());
    }
    stage.press(&["a"]);
    stage.shows("fear heard by svm (run 2)");
    stage.shows("anger *");
    assert_ne!(stage.screen(), list);
    assert_eq!(exposures(&stage), [Some(Exposure::Before("svm (run 2)".to_owned()))]);
    stage.press(&["!"]);
    stage.shows("sent to review");
    stage.shows("! anger *");
    stage.press(&["Esc"]);
    // All but the line that tells what sounds.
    let body = |cells: &Buffer| text(cells).lines().take(22).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&stage.cells(80, 24)), body(&figure));
    // What was sent to review is found again.
    stage.press(&["1", "f"]).type_in("flag").press(&["Enter"]);
    stage.shows("1 of 6 clips");
    stage.press(&["!"]);
    stage.shows("not to be reviewed any more");
    stage.shows("0 of 6 clips");
}

#[test]
fn labels_given_blindly_stay_blind() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["2", "a"]);
    assert_eq!(exposures(&stage), [None]);
}

#[test]
fn speakers_and_reliability_lead_to_their_clips() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Down", "Enter", "Tab", "Tab", "Tab"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability  worst first

    speaker UAR                              WA                                clips
    f1      █████████████████▍          66.7 █████████████████▍          66.7      3
    m1      ██████████████████████████ 100.0 ██████████████████████████ 100.0      3











    speaker f1: UAR 66.7; Enter shows the clips
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares                ? help  : palette
    ");
    stage.press(&["Enter"]);
    stage.shows("speaker f1 heard by svm (run 2)");
    stage.shows("3 of 6 clips");
    stage.press(&["Esc", "Tab"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability  bar: right, ┃: promised

    probability right                                                          clips
    0.80–0.87   ████████████████████████████████████████████┃██████████ 100.0      1
    0.73–0.80                                            ┃                0.0      1
    0.67–0.73   ██████████████████████████████████████┃████████████████ 100.0      1
    0.60–0.67   ██████████████████████████████████┃████████████████████ 100.0      2
    0.53–0.60   ██████████████████████████████┃████████████████████████ 100.0      1








    probability 0.80–0.87: promised 80.0, right 100.0; Enter shows the clips
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares                ? help  : palette
    ");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
    svm (run 2)  UAR 83.3 [66.7, 100.0] (few speakers)  WA 83.3  macro-F1 82.2
    emotion · 3 classes · 6 clips · 2 speakers · loso, 2 folds · 2023-11-14
    functionals · norm train · seed 0 · UAR over folds 83.3 ± 23.6 · chance 33.3
    synthetic speech: these scores mean nothing
     report   confusion   classes   speakers   reliability  bar: right, ┃: promised

    probability right                                                                                                  clips
    0.80–0.87   ████████████████████████████████████████████████████████████████████████████┃██████████████████ 100.0      1
    0.73–0.80                                                                          ┃                          0.0      1
    0.67–0.73   ██████████████████████████████████████████████████████████████████┃████████████████████████████ 100.0      1
    0.60–0.67   ███████████████████████████████████████████████████████████┃███████████████████████████████████ 100.0      2
    0.53–0.60   ████████████████████████████████████████████████████┃██████████████████████████████████████████ 100.0      1
























    probability 0.80–0.87: promised 80.0, right 100.0; Enter shows the clips
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter clips  m shares  Shift-Tab previous view  h left  l right              ? help  : palette
    ");
    stage.press(&["G", "Enter"]);
    stage.shows("of probability ");
}

#[test]
fn learning_curves_are_drawn_and_a_point_leads_to_its_run() {
    let right = [0, 1, 2, 0, 1, 2];
    let all = [
        run("svm", false, right),
        point("svm", 1, 0, [0, 0, 0, 0, 1, 2]),
        point("svm", 1, 1, [0, 0, 2, 0, 1, 2]),
        point("svm", 3, 0, [0, 0, 2, 0, 1, 2]),
        point("svm", 6, 0, right),
        point("majority", 1, 0, [0; 6]),
        point("majority", 6, 0, [0; 6]),
    ];
    let mut stage = Stage::with_runs(&all);
    // Points are no rows of the table.
    stage.shows("1 run by number");
    stage.press(&["c", "j", "l"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
     differences   tests   learning curves   corpora
    UAR in percent with less to learn from; same test clips; bars: sd over draws

     100 │                                                                  ······b
         │                                                      ············
         │            │                            ·············
         │            │             ··········b····
         │            b·············
         │            │
      65 │            │
         │
         │
         │
         │
         │            a···························································a
      30 │
         └─────────────────────────────────────────────────────────────────────────
          0                                                              6 speakers
    a majority functionals 33.3
    b svm functionals 100.0
    svm: 3 speakers (36 clips) a fold: UAR 83.3 (1 draw, folds ± 23.6)
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right          ? help  : palette
    ");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
     differences   tests   learning curves   corpora
    UAR in percent with less to learn from; same test clips; bars: sd over draws

     100 │                                                                                                            ····b
         │                                                                                                    ········
         │                                                                                            ········
         │                                                                                   ·········
         │                                                                           ········
         │                   │                                              ·········
         │                   │                                      ········
         │                   │                           ·········b·
         │                   │                ···········
         │                   │     ···········
         │                   b·····
         │                   │
         │                   │
         │                   │
      65 │                   │
         │                   │
         │
         │
         │
         │
         │
         │
         │
         │
         │
         │
         │
         │                   a····························································································a
      30 │
         └─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
          0                                                                                                      6 speakers
    a majority functionals 33.3
    b svm functionals 100.0
    svm: 3 speakers (36 clips) a fold: UAR 83.3 (1 draw, folds ± 23.6)
     demo · 6 clips · ann · demo
     Esc back  Tab next view  Enter open  h left  l right  Shift-Tab previous view                         ? help  : palette
    ");
    stage.press(&["Enter"]);
    stage.shows("svm (run 4)  UAR 83.3");
    stage.press(&["Esc"]);
    stage.shows("svm: 3 speakers (36 clips) a fold: UAR 83.3");
}

#[test]
fn a_learning_curve_is_started_from_train_and_ends_in_results() {
    let mut stage = Stage::new("train");
    stage.press(&["a", "a", "a", "G", "l", "l"]);
    stage.shows("curve     < clips >");
    let models = emolab::learn::CLASSIFIERS.len();
    let majority = emolab::learn::CLASSIFIERS.iter().position(|kind| kind.name() == "majority").unwrap();
    stage.press(&["g"]).press(&vec!["j"; majority]);
    assert!(majority < models);
    stage.press(&["a", "Space"]);
    stage.press(&["Enter"]);
    stage.until(|app| app.bench().training().is_some_and(|training| !training.is_running()));
    stage.press(&["c"]);
    stage.shows("majority: ");
}

#[test]
fn without_runs_every_view_says_so() {
    let mut stage = Stage::new("results");
    for key in ["d", "s", "Space", "Enter", "o"] {
        stage.press(&[key]);
        stage.shows("\n no runs yet; 3 trains some");
    }
    stage.press(&["c"]);
    stage.shows("no learning curves yet");
    stage.press(&["Enter"]);
    stage.shows("there is nothing to open");
}

/// A run over thirty classes with long names.
fn many_classes() -> Run {
    let mut one = run("svm", false, [0, 1, 2, 3, 4, 5]);
    one.protocol.data.classes = (0..30).map(|class| format!("somewhat bewildered and {class}")).collect();
    for (at, prediction) in one.predictions.iter_mut().enumerate() {
        prediction.truth = 29 - at;
        prediction.p = (0..30).map(|class| if class == prediction.pred { 0.71 } else { 0.01 }).collect();
    }
    one
}

#[test]
fn many_runs_many_classes_and_any_terminal() {
    let mut all: Vec<Run> = (0..200).map(|_| run("svm", false, [0; 6])).collect();
    all.push(many_classes());
    let mut stage = Stage::with_runs_in(&all, Theme::plain(Depth::Mono));
    stage.shows("201 runs");
    stage.press(&["G", "g", "Space", "Space", "Space", "d"]);
    for _ in 0..2 {
        sizes(&stage);
        stage.press(&["Tab", "l", "j"]);
    }
    stage.press(&["Esc", "g", "Enter"]);
    stage.shows("svm (run 201)");
    for _ in 0..5 {
        sizes(&stage);
        stage.press(&["G", "l", "l"]);
        sizes(&stage);
        stage.press(&["Tab"]);
    }
}

/// Draws at every size that is usual, and twice the same.
fn sizes(stage: &Stage) {
    for (width, height) in [(60, 18), (80, 24), (120, 40), (200, 60)] {
        assert_eq!(stage.cells(width, height), stage.cells(width, height));
    }
}

#[test]
fn without_colours_and_in_ascii_nothing_is_lost() {
    let runs = [runs(), vec![point("svm", 1, 0, [0; 6]), point("svm", 4, 0, [0, 1, 2, 0, 1, 2])]].concat();
    let plain = Theme::from_env(|name| (name == "TERM").then(|| "dumb".to_owned()));
    let mut stage = Stage::with_runs_in(&runs, plain);
    for keys in [vec!["4"], vec!["Space", "Space", "d"], vec!["Tab"], vec!["Tab"], vec!["Esc", "Enter"]] {
        stage.press(&keys);
        in_ascii(&stage);
    }
    for _ in 0..5 {
        stage.press(&["Tab"]);
        in_ascii(&stage);
    }
}

fn in_ascii(stage: &Stage) {
    let cells = stage.cells(80, 24);
    assert!(cells.content().iter().all(|cell| cell.symbol().is_ascii()), "{}", text(&cells));
    assert!(cells.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(!text(&cells).contains('?') || text(&cells).matches('?').count() == 1, "{}", text(&cells));
}

/// A cell of the matrix of two corpora.
fn cell(trained_on: &str, tested_on: &str, pred: [usize; 6]) -> Run {
    let mut run = run("svm", false, pred);
    run.protocol.plan.cross =
        Some(CrossFacts { trained_on: vec![trained_on.to_owned()], tested_on: tested_on.to_owned() });
    run
}

#[test]
fn the_matrix_of_corpora_has_a_cell_per_training_and_test() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["x"]);
    stage.shows("no matrix of corpora yet: emolab cross");
    let all = [
        cell("here", "here", [0, 1, 2, 0, 1, 2]),
        cell("there", "here", [0, 1, 0, 0, 0, 0]),
        cell("there", "there", [0, 1, 2, 0, 1, 0]),
    ];
    let mut stage = Stage::with_runs(&all);
    stage.press(&["x"]);
    stage.shows("learnt from");
    let screen = stage.screen();
    let row =
        |name: &str| screen.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row("svm functionals: here"), ["svm", "functionals:", "here", "=", "100.0", "–"]);
    assert_eq!(row("svm functionals: there"), ["svm", "functionals:", "there", "50.0", "=", "83.3"]);
    stage.shows("svm functionals: here on here, other speakers of it: UAR 100.0");
    stage.press(&["j", "Enter"]);
    stage.shows("UAR 50.0");
    stage.press(&["Esc"]);
    stage.shows("svm functionals: there on here: UAR 50.0");
}

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
pub fn stage(first: &str) -> Stage {
    let home = Home::new();
    let wanted = |name: &str| SAID.iter().any(|(clip, _)| *clip == name);
    let root = part_of_demo(home.path(), wanted);
    let mut store = Store::open(&home.path().join("emolab.db")).unwrap();
    for (clip, answers) in SAID {
        for (who, answer) in ["anna", "ben", "cleo"].iter().zip(answers) {
            let who = Annotator::Human((*who).to_owned());
            let scheme = SchemeId { name: "demo".to_owned(), version: 1 };
            let act = Act::label(answer);
            let new = NewAnnotation::now(ClipId(clip.into()), "00".to_owned(), who, scheme, act);
            store.append(&key_of(&root), &new).unwrap();
        }
    }
    drop(store);
    let mut stage = Stage::on(home, &root, first, Depth::True, |_| {});
    studied(&mut stage);
    stage
}

pub fn studied(stage: &mut Stage) {
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
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    coefficient                value 95 % CI          clips what it is
    percent agreement          0.444 0.056 – 0.889        6 share of pairs of rater…
    Cohen's kappa              0.368 -0.120 – 0.894       6 agreement of two beyond…
    Fleiss' kappa              0.248 -0.316 – 0.822       6 agreement beyond that o…
    Krippendorff's alpha       0.327 -0.141 – 0.832       6 1 - disagreement within…
    Gwet's AC1                 0.348 -0.102 – 0.873       6 agreement beyond chance…










    share of pairs of raters who agree, mean over clips
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate           ? help  : palette
    ");
}

#[test]
fn a_wide_screen_tells_what_each_is() {
    let stage = stage("agree");
    insta::assert_snapshot!(text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree                      synthetic: scores mean nothing
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    coefficient                value 95 % CI          clips what it is
    percent agreement          0.444 0.056 – 0.889        6 share of pairs of raters who agree, mean over clips
    Cohen's kappa              0.368 -0.120 – 0.894       6 agreement of two beyond chance; of more raters, mean over pairs…
    Fleiss' kappa              0.248 -0.316 – 0.822       6 agreement beyond that of two ratings drawn from all
    Krippendorff's alpha       0.327 -0.141 – 0.832       6 1 - disagreement within clips over that between all ratings
    Gwet's AC1                 0.348 -0.102 – 0.873       6 agreement beyond chance that stays sane where one class is rare


























    share of pairs of raters who agree, mean over clips
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate  w raters  R anew  h left  l right                ? help  : palette
    ");
}

#[test]
fn a_pair_leads_to_the_clips_where_it_differs() {
    let mut stage = stage("agree");
    stage.press(&["Tab", "Right"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    rater anna                    ben                     cleo
    anna  n 6                      0.542                   0.250
    ben    0.542                  n 6                      0.270
    cleo   0.250                   0.270                  n 5












    anna and ben: Krippendorff's alpha 0.542 on 6 clips; Enter: where they differ
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate           ? help  : palette
    ");
    stage.press(&["Enter"]);
    stage.shows("anna and ben differ");
    stage.shows("m1_anger_s1");
    stage.shows("m1_fear_s1");
    stage.shows("heard as");
    assert!(!stage.screen().contains("f1_anger"), "{}", stage.screen());
}

#[test]
fn raters_classes_and_clips_have_their_views() {
    let mut stage = stage("agree");
    stage.press(&["Tab", "Tab", "Down", "Down"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    rater                                                     clips  without  change
    anna                                                          6    0.270  -0.057
    ben                                                           6    0.250  -0.077
    cleo                                                          5    0.542  +0.215












    Krippendorff's alpha without cleo; Enter: where cleo stands alone
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate           ? help  : palette
    ");
    stage.press(&["Tab"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    class                                          ratings  specific   alpha   kappa
    anger                                                5     0.667   0.467   0.598
    fear                                                 4     0.286   0.077   0.083
    happiness                                            0         –       –       –
    neutral                                              5     0.800   0.733   0.697
    sadness                                              3     0.000  -0.143   0.000
    surprise                                             0         –       –       –









    anger: Enter: clips that some call so and others not
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate           ? help  : palette
    ");
    stage.press(&["Tab"]);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    demo, 3 raters · intervals: expanded BCa, 1000 draws of clips
    6 clips, 17 ratings, 1 cannot judge
    4 clips disputed, 0 decided; a: adjudicate
     coefficients   pairs   raters   classes   clips
    clip                            apart  raters said
    m1_anger_s1.flac                100 %       3 1 anger, 1 fear, 1 sadness
    m1_fear_s1.flac                 100 %       2 1 anger, 1 fear
    f1_fear_s1.flac                  67 %       3 2 fear, 1 sadness
    m1_neutral_s1.flac               67 %       3 2 neutral, 1 sadness











    Enter: the clips, worst first
     demo · 6 clips · ann · demo
     Enter open  Tab next view  o question  a adjudicate           ? help  : palette
    ");
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
    let current = |stage: &Stage| stage.app.bench().corpus().index_of(&ClipId("m1_anger_s1.flac".into())).unwrap();
    let clip = current(&stage);
    stage.pictured(clip);
    stage.until(|app| !app.bench().playback().playing);
    insta::assert_snapshot!(stage.screen(), @r"
     emolab  Browse  Label  Train  Results  Features  Agree        synthetic speech
    dispute 1 of 4  worth 0.51                                   0 decided this time
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
         0.0       0.2        0.4        0.6        0.8        1.0        1.2 s
    paused   1.35 / 1.35 s  mel magma 60 dB                     speed 1.0  vol 100 %
    A: anger · B: sadness · C: fear

    [1a]anger [2f]fear [3H]happiness [4n]neutral [5S]sadness [6p]surprise [0]unfit


     demo · 6 clips · ann · demo · silent: --silent
     Space play  Esc back  s skip  0 unfit  Backspace clip before  ? help  : palette
    ");
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

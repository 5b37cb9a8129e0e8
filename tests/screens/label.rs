//! The Label screen by keys: schemes of several questions, in every terminal size, with nothing lost.

use emolab::label::{Act, Ahead, Annotation, Exposure, Known, Listening, NewAnnotation, Occasion, Round};
use emolab::workbench::corpus_key;

use super::*;

const FORM: &str = "name = 'form'
title = 'All kinds'
[[question]]
name = 'emotion'
title = 'Emotion'
about = 'All that you hear.'
several = true
class = [{ name = 'anger', about = 'Hard.' }, { name = 'fear' }, { name = 'neutral' }]
[[question]]
name = 'arousal'
title = 'Arousal'
scale = { low = 1, high = 5, low_word = 'calm', high_word = 'excited' }
[[question]]
name = 'remark'
title = 'Remark'
text = true
";

fn stage(scheme: &str) -> Stage {
    Stage::with("label", Depth::True, |settings| settings.scheme = Some(scheme.to_owned()))
}

/// A stage with a scheme of one's own.
fn stage_of(text: &str) -> Stage {
    Stage::with("label", Depth::True, |settings| {
        let path = settings.store.with_file_name("scheme.toml");
        std::fs::write(&path, text).unwrap();
        settings.scheme = Some(path.display().to_string());
    })
}

/// All that is in the store, in order.
fn said(stage: &Stage) -> Vec<Annotation> {
    let store = Store::open(&stage.home.path().join("emolab.db")).unwrap();
    store.annotations(&corpus_key(stage.app.bench().corpus()), None).unwrap()
}

/// The answers in the store as `question=value`, in order.
fn answers(stage: &Stage) -> Vec<String> {
    let acts = said(stage).into_iter().map(|one| one.said.act);
    let told = acts.filter_map(|act| match act {
        Act::Answer { question, value } => Some(format!("{question}={value}")),
        _ => None,
    });
    told.collect()
}

/// The picture and everything above masked away: what is asked and said.
fn below(stage: &Stage, width: u16, height: u16) -> String {
    let text = text(&stage.cells(width, height));
    let from = text.find("speed 1.0").and_then(|at| text[..at].rfind('\n')).unwrap();
    text[from + 1..].to_owned()
}

#[test]
fn three_digits_are_a_clip_in_valence_arousal_dominance() {
    let mut stage = stage("vad");
    stage.shows("1 of 3  Valence");
    stage.shows("unpleasant");
    stage.press(&["6"]);
    stage.shows("clip 1 of 6  0 labelled");
    stage.shows("2 of 3  Arousal");
    stage.press(&["7", "3"]);
    stage.shows("clip 2 of 6  1 labelled");
    assert_eq!(answers(&stage), ["valence=6", "arousal=7", "dominance=3"]);
    // Undo goes back answer by answer, over the border of clips.
    stage.press(&["5", "u"]);
    stage.shows("clip 2 of 6");
    stage.shows("1 of 3  Valence");
    stage.press(&["u"]);
    stage.shows("clip 1 of 6  0 labelled");
    stage.shows("3 of 3  Dominance");
    stage.press(&["Ctrl-r"]);
    stage.shows("Dominance 3");
    stage.press(&["Enter"]);
    stage.shows("clip 2 of 6  1 labelled");
}

#[test]
fn several_classes_a_scale_and_a_remark_in_one_pass() {
    let mut stage = stage_of(FORM);
    stage.press(&["Enter"]);
    stage.shows("choose a class at least");
    stage.press(&["1", "n", "2", "2"]);
    stage.shows("several: Enter saves");
    stage.press(&["Enter"]);
    stage.shows("2 of 3  Arousal");
    // An optional question is reached by Tab, before the last required one.
    stage.press(&["Tab", "Enter"]).type_in("breathy").press(&["Enter"]);
    stage.shows("Remark breathy");
    stage.shows("2 of 3  Arousal");
    stage.press(&["9"]);
    stage.shows("9 is no answer to this question");
    stage.press(&["5"]);
    stage.shows("clip 2 of 6  1 labelled");
    stage.press(&["0", "0"]);
    stage.shows("clip 3 of 6  2 labelled");
    let said = ["emotion=anger;neutral", "remark=breathy", "arousal=5", "emotion=", "arousal="];
    assert_eq!(answers(&stage), said);
    // A clip that is done is gone through in the order of its questions, or left with Enter.
    stage.press(&["Backspace", "Backspace"]);
    stage.shows("clip 1 of 6");
    stage.press(&["1", "Enter", "4"]);
    stage.shows("2 labelled (33 %) · 2 today");
    assert_eq!(answers(&stage)[5..], ["emotion=neutral", "arousal=4"]);
}

#[test]
fn an_optional_line_left_empty_says_nothing() {
    let mut stage = stage_of(FORM);
    stage.press(&["Shift-Tab", "Enter", "Enter"]);
    stage.shows("1 of 3  Emotion");
    assert_eq!(answers(&stage), [""; 0]);
}

#[test]
fn cannot_judge_is_shown_and_is_an_answer() {
    let mut stage = Stage::new("label");
    stage.press(&["0"]);
    stage.shows("clip 2 of 6  1 labelled");
    stage.press(&["Backspace"]);
    stage.shows("cannot judge");
    assert_eq!(answers(&stage), ["="]);
}

#[test]
fn a_form_fits_every_terminal() {
    let mut stage = stage("emotion+vad");
    let clip = stage.app.bench().queue().turns()[0].clip;
    stage.pictured(clip);
    stage.until(|app| !app.bench().playback().playing);
    insta::assert_snapshot!(below(&stage, 60, 18), @r"
    paused   1.66 / 1.66 s  mel 60 dB       speed 1.0  vol 100 %

    Emotion –   Intensity –   Valence –   Arousal –
    Dominance –   Confidence –   Remark –
    1 of 7  Emotion  The emotion that sounds strongest.
       1 a anger           2 d disgust         3 f fear
       4 H happiness       5 S sadness         6 p surprise
       7 n neutral         0   cannot judge


     demo · 6 clips · ann · emotion+vad · silent: --silent
     Space play  Esc back  s skip  ! flag      ? help  : palette
    ");
    stage.press(&["1", "4"]);
    insta::assert_snapshot!(below(&stage, 80, 24), @r"
    paused   1.66 / 1.66 s  mel magma 60 dB                     speed 1.0  vol 100 %

    Emotion anger   Intensity 4   Valence –   Arousal –   Dominance –   Confidence –
    Remark –
    3 of 7  Valence  How unpleasant or pleasant the speaker feels.
       unpleasant   1   2   3   4   5   6   7   8   9   pleasant   0   cannot judge



     demo · 6 clips · ann · emotion+vad · silent: --silent
     Space play  Esc back  u undo  s skip  ! flag  c note          ? help  : palette
    ");
    insta::assert_snapshot!(below(&stage, 120, 40), @r"
    paused   1.66 / 1.66 s  mel magma 60 dB                                                             speed 1.0  vol 100 %

    Emotion anger   Intensity 4   Valence –   Arousal –   Dominance –   Confidence –   Remark –
    3 of 7  Valence  How unpleasant or pleasant the speaker feels.
       unpleasant   1   2   3   4   5   6   7   8   9   pleasant   0   cannot judge



     demo · 6 clips · ann · emotion+vad · silent: --silent
     Space play  Esc back  u undo  s skip  ! flag  c note  x examples  i classes  m model  Enter on        ? help  : palette
    ");
}

#[test]
fn an_answer_of_an_older_version_is_kept_and_shown() {
    let mut stage = stage_of(FORM);
    stage.press(&["1", "2", "Enter", "5"]);
    let Stage { app, home, .. } = stage;
    let root = app.bench().corpus().root.clone();
    drop(app);
    let newer = FORM.replace("name = 'form'", "name = 'form'\nversion = 2").replace("'fear'", "'worry'");
    std::fs::write(home.path().join("scheme.toml"), newer).unwrap();
    let mut stage = Stage::on(home, &root, "label", Depth::True, |settings| {
        settings.scheme = Some(settings.store.with_file_name("scheme.toml").display().to_string());
    });
    // It counts as done: what was said stays said.
    stage.shows("clip 2 of 6  1 labelled");
    stage.press(&["u"]);
    stage.shows("clip 1 of 6  0 labelled");
    stage.shows("old answer: anger;fear");
    assert_eq!(answers(&stage)[0], "emotion=anger;fear");
}

/// Words that only the corpus knows: names of files, speakers and labels, none of which is a word of the program.
const SECRETS: [&str; 6] = ["zorvak", "quimbel", "wrathful", "gleeful", "wav_of", ".flac"];

/// A corpus whose names tell everything, four clips of the demo under other names.
fn telling(home: &Home) -> std::path::PathBuf {
    let root = home.path().join("names");
    std::fs::create_dir_all(&root).unwrap();
    let mut table = "file,speaker,emotion\n".to_owned();
    for (voice, speaker) in [("f1", "zorvak"), ("m1", "quimbel")] {
        for (class, label) in [("anger", "wrathful"), ("happiness", "gleeful")] {
            let name = format!("wav_of_{speaker}_{label}.flac");
            std::fs::copy(crate::support::demo().join(format!("{voice}_{class}_s1.flac")), root.join(&name)).unwrap();
            table += &format!("{name},{speaker},{label}\n");
        }
    }
    std::fs::write(root.join("clips.csv"), table).unwrap();
    root
}

/// A scheme with an example that can be played and one that cannot.
fn with_examples() -> String {
    let examples = "examples = ['wav_of_zorvak_wrathful.flac', 'wav_of_quimbel_gone.flac']";
    FORM.replace("about = 'Hard.'", &format!("about = 'Hard.', {examples}"))
}

/// On the telling corpus, opened at that screen.
fn blind(first: &str, scheme: &str) -> Stage {
    let home = Home::new();
    let root = telling(&home);
    Stage::on(home, &root, first, Depth::True, |settings| {
        let path = settings.store.with_file_name("scheme.toml");
        std::fs::write(&path, scheme).unwrap();
        settings.scheme = Some(path.display().to_string());
    })
}

fn looks_blind(stage: &Stage, after: &str) {
    for (width, height) in [(60, 18), (80, 24), (200, 60), (40, 10)] {
        let cells = text(&stage.cells(width, height)).to_lowercase();
        for secret in SECRETS {
            assert!(!cells.contains(secret), "{secret} after {after}\n{cells}");
        }
    }
}

#[test]
fn no_state_of_the_screen_tells_name_speaker_or_label() {
    let mut stage = blind("label", &with_examples());
    looks_blind(&stage, "opening");
    let keys = [
        "Space",
        "r",
        "l",
        "V",
        "i",
        "Esc",
        "x",
        "1",
        "1",
        "2",
        "x",
        "c",
        "Enter",
        "!",
        "m",
        "Esc",
        "Shift-Tab",
        "Enter",
        "Esc",
        "?",
        "Esc",
        ":",
        "Esc",
        "1",
        "Enter",
        "5",
        "Backspace",
        "u",
        "u",
        "u",
        "Ctrl-r",
        "v",
        "v",
        "v",
        "v",
        "z",
        ",",
        "s",
        "Space",
        "0",
        "0",
        "s",
        "Space",
        "!",
        "0",
        "0",
        "s",
        "0",
        "0",
        "u",
        "Ctrl-c",
        "n",
        "%",
    ];
    for (at, key) in keys.iter().enumerate() {
        stage.press(&[key]);
        looks_blind(&stage, &format!("{:?}", &keys[..=at]));
    }
}

#[test]
fn an_unreadable_clip_and_example_say_so_without_their_names() {
    let mut stage = blind("label", &with_examples());
    let turns = stage.app.bench().queue().turns().to_vec();
    for turn in &turns {
        std::fs::write(stage.app.bench().corpus().clips[turn.clip].path(), "no sound").unwrap();
    }
    stage.press(&["s", "s", "s"]);
    stage.pictured(turns[3].clip);
    stage.shows("not to be heard: s skips it");
    stage.press(&["x"]);
    stage.shows("the key of a class plays one");
    stage.press(&["2"]);
    stage.shows("there is no example of fear");
    stage.press(&["1"]);
    stage.until(|app| app.bench().example_failed());
    stage.shows("this example cannot be played");
    looks_blind(&stage, "an example");
    stage.press(&["x", "1"]);
    stage.shows("several: Enter saves");
}

#[test]
fn an_example_is_no_play_of_the_clip() {
    let mut stage = blind("label", &with_examples());
    let first = stage.app.bench().queue().turns()[0];
    stage.until(|app| app.bench().playing() == Some(first.clip));
    stage.press(&["x", "1"]);
    stage.until(|app| app.bench().playing().is_none() && app.bench().playback().playing);
    stage.press(&["x", "1", "Enter", "3"]);
    let told = said(&stage)[0].listening.clone().unwrap();
    assert_eq!((told.plays, told.sink.as_str(), told.picture.as_str()), (1, "silent", "waveform+spectrogram"));
    assert!(told.heard < 0.9 && told.seconds < 60.0, "{told:?}");
}

#[test]
fn every_answer_tells_how_the_clip_was_heard() {
    let mut stage = Stage::new("label");
    let first = stage.app.bench().queue().turns()[0];
    stage.pictured(first.clip);
    stage.until(|app| !app.bench().playback().playing);
    stage.press(&["V", "r", "1", "u"]);
    let all = said(&stage);
    let told = all[0].listening.clone().unwrap();
    assert_eq!((told.plays, told.heard, told.gain_db), (2, 1.0, 0.0), "{told:?}");
    assert_eq!(all[1].listening, None, "an undo is no answer");
    stage.press(&["V"]);
    stage.shows("every clip equally loud: ");
}

#[test]
fn who_saw_a_clip_in_browse_is_not_blind_to_it() {
    let mut stage = blind("browse", FORM);
    stage.press(&["Enter", "0", "0"]);
    let told: Vec<_> = said(&stage).into_iter().map(|one| one.said.exposure).collect();
    let corpus = || Some(Exposure::Before("corpus".to_owned()));
    assert_eq!(told, [corpus(), corpus()]);
    let mut stage = blind("label", FORM);
    stage.press(&["0", "0"]);
    assert_eq!(said(&stage)[0].exposure, None);
}

/// The same stage, opened again under a lead's plan for its scheme.
fn again(stage: Stage, round: &Round) -> Stage {
    let (key, scheme) = (corpus_key(stage.app.bench().corpus()), stage.app.bench().scheme().name.clone());
    let root = stage.app.bench().corpus().root.clone();
    let Stage { app, home, .. } = stage;
    drop(app);
    Store::open(&home.path().join("emolab.db")).unwrap().save_round(&key, &scheme, "lea", round).unwrap();
    Stage::on(home, &root, "label", Depth::True, |settings| {
        let path = settings.store.with_file_name("scheme.toml");
        settings.scheme = path.exists().then(|| path.display().to_string());
    })
}

fn known(clip: &ClipId, answers: &[(&str, &str)]) -> Known {
    let answers = answers.iter().map(|(question, value)| ((*question).to_owned(), (*value).to_owned()));
    [(clip.clone(), answers.collect())].into()
}

#[test]
fn in_training_the_known_answer_is_told_and_then_it_goes_on() {
    let stage = stage_of(FORM);
    let first = order(&stage)[0].clone();
    let answers = [("emotion", "anger"), ("arousal", "2")];
    let mut stage = again(stage, &Round { training: known(&first, &answers), goal: Some(5), ..Round::default() });
    stage.shows("training: clip 1 of 1");
    stage.shows("0 of 5 today");
    stage.press(&["1", "Enter", "5"]);
    stage.shows("Emotion: anger, right. Hard.");
    stage.shows("Arousal: you said 5; known answer: 2.");
    stage.press(&["1", "0", "3"]);
    assert_eq!(answers_of(&stage, Occasion::Training), ["emotion=anger", "arousal=5"]);
    stage.press(&["Enter"]);
    stage.shows("clip 2 of 6");
    stage.press(&["1", "Enter", "5"]);
    stage.shows("clip 3 of 6");
    assert_eq!(answers_of(&stage, Occasion::Main), ["emotion=anger", "arousal=5"]);
}

fn answers_of(stage: &Stage, occasion: Occasion) -> Vec<String> {
    let all = said(stage).into_iter().filter(|one| one.occasion == occasion);
    all.filter_map(|one| Some(format!("{}={}", one.act.question()?, one.act.value()?))).collect()
}

#[test]
fn a_hidden_repeat_looks_like_any_other_clip() {
    let round = Round { repeats: 0.5, ..Round::default() };
    let mut stage = again(Stage::new("label"), &round);
    let turns = stage.app.bench().queue().turns().to_vec();
    assert!(turns.len() > 6, "no repeat was drawn: {turns:?}");
    let repeat = turns.iter().position(|turn| turn.occasion == Occasion::Repeat).unwrap();
    stage.press(&["!"]);
    for _ in 0..repeat {
        stage.press(&["1"]);
    }
    let screen = below(&stage, 80, 24);
    assert!(!screen.contains("flagged") && !screen.contains('>') && !screen.contains("repeat"), "{screen}");
    stage.press(&["2"]);
    let last = said(&stage).pop().unwrap();
    assert_eq!((last.occasion, last.act.value()), (Occasion::Repeat, Some("fear")));
    assert_eq!(stage.app.bench().ledger().label(&last.clip), Some("anger"), "the first answer stays");
}

#[test]
fn only_skipped_or_flagged_clips_come_by_a_key() {
    let mut stage = Stage::new("label");
    let turns = stage.app.bench().queue().turns().to_vec();
    stage.press(&["s", "!", "1", "1", "o"]);
    stage.shows("only skipped");
    stage.shows("clip 1 of 6");
    stage.press(&["o"]);
    stage.shows("only flagged");
    let flagged = turns.iter().position(|turn| {
        stage.app.bench().ledger().flagged(&order(&stage)[turns.iter().position(|one| one == turn).unwrap()])
    });
    stage.shows(&format!("clip {} of 6", flagged.unwrap() + 1));
    stage.press(&["o"]);
    stage.shows("all open clips");
}

#[test]
fn a_version_that_asks_something_else_is_refused() {
    let mut stage = stage_of(FORM);
    stage.press(&["0"]);
    let root = stage.app.bench().corpus().root.clone();
    let Stage { app, home, .. } = stage;
    drop(app);
    let path = home.path().join("scheme.toml");
    std::fs::write(&path, FORM.replace("'fear'", "'worry'")).unwrap();
    let open = |settings: &mut Settings| settings.scheme = Some(path.display().to_string());
    let mut stage = Stage::on(home, &root, "label", Depth::True, open);
    stage.shows("NOT SAVED: form@1 asked other questions or answers before");
    stage.press(&["0"]);
    stage.shows("2 of 3  Arousal");
    assert_eq!(answers(&stage), ["emotion="], "nothing was said in the other form");
    // Other words are no other answers.
    std::fs::write(&path, FORM.replace("calm", "quiet")).unwrap();
    let Stage { app, home, .. } = stage;
    drop(app);
    let mut stage = Stage::on(home, &root, "label", Depth::True, |settings: &mut Settings| {
        settings.scheme = Some(settings.store.with_file_name("scheme.toml").display().to_string());
    });
    stage.press(&["3"]);
    stage.shows("clip 2 of 6  1 labelled");
}

#[test]
fn raters_are_watched_while_they_label() {
    let mut stage = Stage::new("browse");
    let (corpus, scheme) = (stage.app.bench().corpus(), stage.app.bench().scheme().id());
    let key = corpus_key(corpus);
    let mut store = Store::open(&stage.home.path().join("emolab.db")).unwrap();
    let human = |name: &str| emolab::label::Annotator::Human(name.to_owned());
    for (clip, class) in corpus.clips.iter().zip(["anger", "anger", "fear"]) {
        let listening = Listening {
            plays: 1,
            heard: if class == "fear" { 0.2 } else { 1.0 },
            sink: "silent".to_owned(),
            gain_db: 0.0,
            picture: "none".to_owned(),
            seconds: 2.5,
        };
        let (id, audio, who) = (clip.id.clone(), clip.audio.hash, human("ann"));
        let new = NewAnnotation::now(id, audio.to_string(), who, scheme.clone(), Act::label(class));
        store.append(&key, &NewAnnotation { listening: Some(listening), ..new }).unwrap();
    }
    let clip = corpus.clips[0].clone();
    stage.press(&["6", "w"]);
    stage.until(|app| app.bench().raters().is_some());
    insta::assert_snapshot!(stage.timeless(80, 24), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree   synthetic
    1 rater                                                      The classes of demo
    rater                   clips s/clip too fast  repeats same %  kappa gold %  run
    ann                         3    2.5   1 of 3        –      –      –      –    2


















     demo · 6 clips · ann · demo
     Esc back  Enter open  o question                              ? help  : palette
    ");
    stage.press(&["Enter"]);
    stage.shows("longest run: 2 times anger");
    stage.press(&["Esc"]);
    // Another process says something: the table follows.
    store
        .append(
            &key,
            &NewAnnotation::now(clip.id, clip.audio.hash.to_string(), human("ben"), scheme, Act::label("fear")),
        )
        .unwrap();
    stage.until(|app| app.bench().raters().is_some_and(|found| found.unwrap().len() == 2));
    stage.shows("2 raters");
    stage.shows("ben");
    let (root, store) = (key, stage.home.path().join("emolab.db").display().to_string());
    let table = stage.home.run(&["raters", &root, "--store", &store]);
    let table = crate::support::text(&table.stdout);
    assert!(table.contains("s/clip") && table.contains("1/3") && table.contains("2 anger (p "), "{table}");
    let json = stage.home.run(&["raters", &root, "--store", &store, "--scheme", "demo", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["raters"][0]["rater"], "ann");
    assert_eq!(json["raters"][0]["fast"], serde_json::json!({ "count": 1, "of": 3 }));
}

#[test]
fn the_scheme_in_the_manual_is_one() {
    let page = include_str!("../../docs/labels.md");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let scheme = emolab::label::Scheme::parse(text, "docs/labels.md").unwrap();
    assert_eq!(scheme.required().collect::<Vec<_>>(), ["mood", "arousal"]);
}

#[test]
fn retraining_goes_on_behind_and_brings_its_clips_first() {
    let home = Home::new();
    let wanted = |name: &str| name.ends_with("_s1.flac") && ["anger", "sadness"].iter().any(|one| name.contains(one));
    let root = part_of_demo(home.path(), wanted);
    let key = emolab::workbench::key_of(&root);
    let asked = Ahead { every: 6, model: "naive-bayes".to_owned(), features: None, way: "both".to_owned(), size: 4 };
    let round = Round { ahead: Some(asked), ..Round::default() };
    let mut stage = Stage::on(home, &root, "label", Depth::True, |settings| {
        let mut store = emolab::store::Store::open(&settings.store).unwrap();
        store.save_round(&key, "demo", "lea", &round).unwrap();
    });
    let bench = stage.app.bench();
    let own = |clip: usize| if bench.corpus().clips[clip].label.as_deref() == Some("anger") { "1" } else { "5" };
    let keys: Vec<&str> = bench.queue().turns().iter().map(|turn| own(turn.clip)).collect();
    for key in &keys[..6] {
        stage.press(&[key]);
    }
    assert!(stage.app.bench().is_looking_ahead());
    // Labelling does not wait for it.
    stage.press(&[keys[6]]);
    stage.shows("7 labelled");
    stage.until(|app| !app.bench().is_looking_ahead());
    let bench = stage.app.bench();
    assert_eq!(bench.ahead_trouble(), None);
    let store = emolab::store::Store::open(&stage.home.path().join("emolab.db")).unwrap();
    let batch = store.batches(&key, "demo").unwrap().pop().unwrap();
    assert_eq!((batch.clips.len(), batch.methods().as_str()), (4, "random+uncertain"));
    assert!((6..=7).contains(&batch.labelled), "the job may see the label that was given meanwhile");
    let first: Vec<&ClipId> =
        bench.queue().turns()[..6].iter().map(|turn| &bench.corpus().clips[turn.clip].id).collect();
    assert!(batch.clips.iter().all(|one| first.contains(&&one.clip)), "{first:?}");
}

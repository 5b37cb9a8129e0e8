//! The Label screen by keys: schemes of several questions, in every terminal size, with nothing lost.

use emolab::label::{Act, Annotation, Exposure};
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
       7 n neutral


     demo · 6 clips · ann · emotion+vad · silent: --silent
     Space play  Esc back  u undo  s skip      ? help  : palette
    ");
    stage.press(&["1", "4"]);
    insta::assert_snapshot!(below(&stage, 80, 24), @r"
    paused   1.66 / 1.66 s  mel magma 60 dB                     speed 1.0  vol 100 %

    Emotion anger   Intensity 4   Valence –   Arousal –   Dominance –   Confidence –
    Remark –
    3 of 7  Valence  How unpleasant or pleasant the speaker feels.
       unpleasant   1   2   3   4   5   6   7   8   9   pleasant


     demo · 6 clips · ann · emotion+vad · silent: --silent
     Space play  Esc back  u undo  s skip  ! flag  c note          ? help  : palette
    ");
    insta::assert_snapshot!(below(&stage, 120, 40), @r"
    paused   1.66 / 1.66 s  mel magma 60 dB                                                             speed 1.0  vol 100 %

    Emotion anger   Intensity 4   Valence –   Arousal –   Dominance –   Confidence –   Remark –
    3 of 7  Valence  How unpleasant or pleasant the speaker feels.
       unpleasant   1   2   3   4   5   6   7   8   9   pleasant


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
    // Two clips turn unreadable once the corpus is open; their reasons name their files.
    for turn in &stage.app.bench().queue().turns().to_vec()[2..] {
        std::fs::write(&stage.app.bench().corpus().clips[turn.clip].path, "no sound").unwrap();
    }
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
    let broken = |app: &App| {
        let turns = app.bench().queue().turns().iter();
        turns.filter_map(|turn| app.bench().picture(turn.clip)).any(|picture| picture.is_err())
    };
    stage.until(broken);
    looks_blind(&stage, "decoding");
}

#[test]
fn an_unreadable_clip_and_example_say_so_without_their_names() {
    let mut stage = blind("label", &with_examples());
    let turns = stage.app.bench().queue().turns().to_vec();
    for turn in &turns {
        std::fs::write(&stage.app.bench().corpus().clips[turn.clip].path, "no sound").unwrap();
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
    stage.pictured(first.clip);
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

//! The journey of issue 6 in real terminals: two raters label blind, a lead watches agreement, settles disputes, learns from gold,
//! finds a wrong label and exports; waiting for text, never for time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use emolab::corpus::{ClipId, Corpus, scan};
use emolab::job::Unwatched;
use emolab::label::{Annotator, Queue, Round, Scheme};
use serde_json::Value;

use crate::support::pty::Terminal;
use crate::support::{Home, part_of_demo, text};

const CLASSES: [&str; 3] = ["anger", "neutral", "sadness"];

fn clips(home: &Home) -> PathBuf {
    let folder = home.path().join("clips");
    part_of_demo(&folder, |name| CLASSES.iter().any(|class| name.contains(&format!("_{class}_s1"))));
    folder
}

fn run(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn json(home: &Home, args: &[&str]) -> Value {
    serde_json::from_str(&run(home, args)).unwrap()
}

/// What a rater hears: the corpus' label, but for some clips.
struct Rater {
    terminal: Terminal,
    keys: Vec<char>,
}

impl Rater {
    fn start(home: &Home, corpus: &Corpus, place: &str, name: &str, hears: &dyn Fn(usize) -> usize) -> Rater {
        let scheme = Scheme::of_classes(&corpus.name, &corpus.classes);
        let round = Round { raters: vec!["anna".to_owned(), "ben".to_owned()], ..Round::default() };
        let ids: Vec<_> = corpus.clips.iter().map(|clip| (&clip.id, clip.speaker.as_deref())).collect();
        let queue = Queue::new(&ids, &Annotator::Human(name.to_owned()), &round, &[]);
        let digit = |class: &str| {
            let place = scheme.questions[0].answers.classes().iter().position(|one| one.name == class).unwrap();
            scheme.questions[0].digit(place).unwrap()
        };
        let keys = queue.turns().iter().map(|turn| digit(CLASSES[hears(turn.clip)])).collect();
        let terminal = Terminal::start(home.path(), &["label", place, "--silent", "--annotator", name]);
        terminal.wait("0 labelled");
        Rater { terminal, keys }
    }

    /// Nothing on the screen names the clip, its speaker, or who else has said what.
    fn is_blind(&self, other: &str) {
        let screen = self.terminal.screen();
        for word in [".flac", "_s1", "f1_", "m1_", other] {
            assert!(!screen.contains(word), "{word} in\n{screen}");
        }
    }
}

fn truth(corpus: &Corpus, clip: usize) -> usize {
    CLASSES.iter().position(|class| corpus.clips[clip].label.as_deref() == Some(class)).unwrap()
}

/// The class that is named on the screen of Adjudicate is not known to the test, so the lead hears `anger` throughout.
fn decide(terminal: &mut Terminal, disputes: usize) {
    for at in 1..=disputes {
        terminal.wait(&format!("{at} of {disputes}"));
        terminal.send("1");
    }
    terminal.wait("that was the last dispute");
}

fn lead(home: &Home, place: &str) -> Terminal {
    let mut terminal = Terminal::start(home.path(), &[place, "--silent", "--annotator", "lea"]);
    terminal.wait("24 of 24 clips");
    terminal.send("6");
    terminal.wait("alpha");
    terminal
}

#[test]
fn from_two_raters_to_gold_and_back_to_the_wrong_label() {
    let home = Home::new();
    let folder = clips(&home);
    let place = folder.to_str().unwrap();
    let corpus = scan(&folder, None, &Unwatched).unwrap();
    run(&home, &["assign", place, "--raters", "anna,ben", "--repeats", "0", "--lead", "lea"]);

    // Ben mishears three clips; both mishear the last one, which nobody will dispute.
    let last = corpus.clips.len() - 1;
    let wrong = |clip: usize| (truth(&corpus, clip) + 1) % CLASSES.len();
    let anna = |clip: usize| if clip == last { wrong(clip) } else { truth(&corpus, clip) };
    let ben = |clip: usize| if clip < 3 || clip == last { wrong(clip) } else { truth(&corpus, clip) };
    let mut anna = Rater::start(&home, &corpus, place, "anna", &anna);
    let mut ben = Rater::start(&home, &corpus, place, "ben", &ben);
    for at in 0..anna.keys.len() {
        for (rater, other) in [(&mut anna, "ben"), (&mut ben, "anna")] {
            rater.is_blind(other);
            rater.terminal.send(&rater.keys[at].to_string());
            rater.terminal.wait(&format!("{} labelled", at + 1));
        }
    }
    for rater in [anna, ben] {
        rater.terminal.wait("all clips have their label");
        let Rater { mut terminal, .. } = rater;
        terminal.send("q");
        assert!(terminal.end());
    }

    let agreed = json(&home, &["agree", place, "--json", "--draws", "50"]);
    assert_eq!(agreed["questions"][0]["disputes"].as_array().map(Vec::len).unwrap_or(3), 3, "{agreed}");
    let mut terminal = lead(&home, place);
    terminal.send("a");
    decide(&mut terminal, 3);
    terminal.send("q");
    assert!(terminal.end());

    learn_and_doubt(&home, place, &corpus.clips[last].id);
    hand_over(&home, place);
}

/// Gold is learnt from; what the classifier doubts is put before the lead again.
fn learn_and_doubt(home: &Home, place: &str, wrong: &ClipId) {
    let args = ["compare", place, "--truth", "gold", "--models", "naive-bayes", "--plan", "loso", "--json", "-q"];
    let run_of_gold = &json(home, &args)["runs"][0];
    assert_eq!((&run_of_gold["truth"]["decided"], &run_of_gold["truth"]["labelled"]), (&3.into(), &24.into()));
    let model = home.path().join("model");
    run(home, &["train", place, "--truth", "gold", "--model", "naive-bayes", "-o", model.to_str().unwrap(), "-q"]);
    let doubted = json(home, &["doubts", place, "--run", "1", "--show", "--json", "--top", "24"]);
    let scores: BTreeMap<String, f64> = doubted.as_array().unwrap().iter().map(score).collect();
    assert_eq!(scores.len(), 24);
    let below = scores.values().filter(|score| **score < scores[wrong.0.as_str()]).count();
    assert!(below >= 12, "the clip that both misheard is doubted more than most: {below} below");
    run(home, &["doubts", place, "--run", "1", "--top", "4"]);
    let mut terminal = lead(home, place);
    terminal.send("a");
    decide(&mut terminal, 8);
    terminal.send("q");
    assert!(terminal.end());
    let outcome = json(home, &["doubts", place, "--report", "--json"]);
    assert_eq!((&outcome["suspects"][0], &outcome["controls"][0]), (&4.into(), &4.into()));
}

fn score(one: &Value) -> (String, f64) {
    (one["clip"].as_str().unwrap().to_owned(), one["score"].as_f64().unwrap())
}

/// Everything goes out in a form that other programs read, and comes in again without loss.
fn hand_over(home: &Home, place: &str) {
    let out = home.path().join("audformat");
    run(home, &["export", place, "--format", "audformat", "--gold", "majority", "-o", out.to_str().unwrap(), "-q"]);
    let database = std::fs::read_to_string(out.join("db.yaml")).unwrap();
    for word in ["raters:", "anna", "ben", "schemes:"] {
        assert!(database.contains(word), "{word} in {database}");
    }
    let tables = std::fs::read_dir(&out).unwrap().filter_map(Result::ok);
    let tables: Vec<String> = tables.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert!(tables.iter().any(|name| name.starts_with("db.") && is_table(name)), "{tables:?}");
}

fn is_table(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "csv" || ending == "parquet")
}

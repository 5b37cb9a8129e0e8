//! What people said here is learnt and judged by: `--truth`, and making such a run again.

use std::path::PathBuf;

use emolab::corpus::{ClipId, Corpus, scan};
use emolab::job::Unwatched;
use emolab::label::{Act, Annotator, NewAnnotation, Occasion, SchemeId};
use emolab::store::Store;
use emolab::workbench::corpus_key;
use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// Some clips of each speaker, so that features take a second.
fn place(home: &Home) -> PathBuf {
    let wanted = ["anger_s1", "neutral_s1", "sadness_s1"];
    let folder = home.path().join("clips");
    if !folder.exists() {
        part_of_demo(&folder, |name| wanted.iter().any(|one| name.contains(one)));
    }
    folder
}

/// Three raters label them: two hear the corpus' label, one always `neutral`; clips of `m2` are left out.
fn labelled(home: &Home) -> Corpus {
    let corpus = scan(&place(home), None, &Unwatched).unwrap();
    let mut store = Store::open(&home.path().join(".local/share/emolab/emolab.db")).unwrap();
    let scheme = SchemeId { name: "demo".to_owned(), version: 1 };
    for clip in corpus.clips.iter().filter(|clip| clip.speaker.as_deref() != Some("m2")) {
        for (who, class) in [("anna", clip.label.as_deref()), ("ben", clip.label.as_deref()), ("cleo", Some("neutral"))]
        {
            let (who, act) = (Annotator::Human(who.to_owned()), Act::label(class.unwrap()));
            let new = NewAnnotation::now(clip.id.clone(), clip.audio.hash.to_string(), who, scheme.clone(), act);
            store.append(&corpus_key(&corpus), &new).unwrap();
        }
    }
    corpus
}

fn decide(home: &Home, corpus: &Corpus, clip: &ClipId, class: &str) {
    let (lead, scheme) = (Annotator::Human("lea".to_owned()), SchemeId { name: "demo".to_owned(), version: 1 });
    let new = NewAnnotation::now(clip.clone(), String::new(), lead, scheme, Act::label(class));
    let decision = NewAnnotation { occasion: Occasion::Adjudication, ..new };
    Store::open(&home.path().join(".local/share/emolab/emolab.db"))
        .unwrap()
        .append(&corpus_key(corpus), &decision)
        .unwrap();
}

fn compare(home: &Home, more: &[&str]) -> Value {
    let place = place(home);
    let asked = ["compare", place.to_str().unwrap(), "--models", "naive-bayes", "--plan", "loso", "--json", "-q"];
    let output = home.run(&[&asked[..], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn people_are_learnt_from_and_the_run_can_be_made_again() {
    let home = Home::new();
    let corpus = labelled(&home);
    let clips = corpus.clips.iter().filter(|clip| clip.speaker.as_deref() != Some("m2")).count();
    let own = &compare(&home, &["--no-save"])["runs"][0];
    let people = compare(&home, &["--truth", "majority"]);
    let run = &people["runs"][0];
    assert!(own["truth"].is_null());
    assert_eq!((&run["truth"]["method"], &run["truth"]["raters"]), (&"majority".into(), &3.into()));
    assert_eq!(run["predictions"].as_array().unwrap().len(), clips);
    assert!(clips < own["predictions"].as_array().unwrap().len());
    // A later decision changes `gold`, and neither `majority` nor the run that was made before.
    decide(&home, &corpus, &corpus.clips[0].id, "boredom");
    let gold = &compare(&home, &["--truth", "gold", "--no-save"])["runs"][0];
    assert_eq!(gold["truth"]["decided"], 1);
    let told = home.run(&["verify", "1", "-q"]);
    assert!(told.status.success(), "{}{}", text(&told.stdout), text(&told.stderr));
    assert!(text(&told.stdout).contains("identical"), "{}", text(&told.stdout));
}

#[test]
fn soft_labels_are_judged_by_their_shares() {
    let home = Home::new();
    labelled(&home);
    let run = &compare(&home, &["--truth", "soft", "--no-save"])["runs"][0];
    let (cross, floor) = (run["soft"]["cross_entropy"].as_f64().unwrap(), run["soft"]["floor"].as_f64().unwrap());
    // Two of three say the class, one neutral; where all say neutral nothing is uncertain.
    assert!(floor > 0.4 && floor < 0.64 && cross > floor, "{cross} {floor}");
    let place = place(&home);
    let both = ["compare", place.to_str().unwrap(), "--models", "majority", "--truth-scheme", "demo"];
    let refused = home.run(&both);
    assert!(text(&refused.stderr).contains("go with --truth"), "{}", text(&refused.stderr));
}

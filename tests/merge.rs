//! Two stores into one: nothing lost, nothing doubled, whichever goes into which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotation, AnnotationId, Annotator, Ledger, NewAnnotation, Round, SchemeId, Timestamp};
use emolab::store::{Merged, Store};

use crate::support::{Home, text};

const CORPUS: &str = "/c";

fn human(name: &str) -> Annotator {
    Annotator::Human(name.to_owned())
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis).unwrap()
}

fn say(store: &mut Store, key: &str, (who, clip): (&str, &str), act: Act, millis: i64) -> AnnotationId {
    let scheme = SchemeId { name: "s".to_owned(), version: 1 };
    let new = NewAnnotation::now(ClipId(clip.into()), "00".to_owned(), human(who), scheme, act);
    store.append(key, &NewAnnotation { at: at(millis), ..new }).unwrap().id
}

fn said(store: &Store) -> Vec<Annotation> {
    store.annotations(CORPUS, None).unwrap()
}

fn ledger(store: &Store, who: &str) -> Ledger {
    Ledger::of(&said(store), &human(who), "s")
}

/// All that was said in words that do not depend on numbers, in the order in which it counts for its annotator.
fn content(store: &Store) -> Vec<String> {
    let said = said(store);
    let words = |one: &Annotation| {
        let target = one.act.refers_to().and_then(|id| said.iter().find(|other| other.id == id));
        let target = target.map(|target| format!(" {} {}", target.act.word(), target.at)).unwrap_or_default();
        format!("{} {} {} {:?}{target} {}", one.annotator, one.clip.0, one.act.word(), one.act.value(), one.at)
    };
    let mut words: Vec<(String, String)> = said.iter().map(|one| (one.annotator.to_string(), words(one))).collect();
    words.sort_by(|a, b| a.0.cmp(&b.0));
    words.into_iter().map(|(_, words)| words).collect()
}

struct Two {
    folder: tempfile::TempDir,
    laptop: Store,
    server: Store,
}

impl Two {
    /// A server's store, and a laptop that took a copy of it along once `common` was said.
    fn parted(common: impl Fn(&mut Store)) -> Two {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Store::open(&folder.path().join("server.db")).unwrap();
        common(&mut server);
        server.backup(&folder.path().join("laptop.db")).unwrap();
        let laptop = Store::open(&folder.path().join("laptop.db")).unwrap();
        Two { folder, laptop, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn laptop_into_server(&mut self) -> Merged {
        let other = self.path("laptop.db");
        self.server.merge(&other, &[]).unwrap()
    }
}

#[test]
fn what_was_said_on_both_sides_since_they_parted_comes_together_and_later_holds() {
    let mut two = Two::parted(|store| {
        say(store, CORPUS, ("anna", "a"), Act::label("fear"), 1);
    });
    let on_server = say(&mut two.server, CORPUS, ("anna", "b"), Act::label("joy"), 30);
    say(&mut two.laptop, CORPUS, ("anna", "b"), Act::label("anger"), 20);
    say(&mut two.laptop, CORPUS, ("anna", "a"), Act::label("anger"), 40);
    let flag = say(&mut two.laptop, CORPUS, ("anna", "c"), Act::Flag(true), 41);
    say(&mut two.laptop, CORPUS, ("anna", "c"), Act::Undo(flag), 42);
    say(&mut two.laptop, CORPUS, ("ben", "a"), Act::label("joy"), 50);
    let merged = two.laptop_into_server();
    assert_eq!((merged.annotations, merged.known, merged.problems.len()), (5, 1, 0));
    let [conflict] = &merged.conflicts[..] else { panic!("{:?}", merged.conflicts) };
    assert_eq!((conflict.clip.as_str(), conflict.here.0.as_str(), conflict.there.0.as_str()), ("b", "joy", "anger"));
    let anna = ledger(&two.server, "anna");
    let label = |clip: &str| anna.label(&ClipId(clip.into())).map(str::to_owned);
    assert_eq!([label("a"), label("b")].map(Option::unwrap), ["anger", "joy"], "b: said later on the server");
    assert!(anna.holds(on_server) && !anna.flagged(&ClipId("c".into())), "the undo found its flag");
    assert_eq!(ledger(&two.server, "ben").labelled_count(), 1);
    // A label of the server's own goes on from there, and can be taken back.
    let new = say(&mut two.server, CORPUS, ("anna", "b"), Act::label("fear"), 35);
    assert!(ledger(&two.server, "anna").holds(new), "said after the merging, whatever the clock says");
    say(&mut two.server, CORPUS, ("anna", "b"), Act::Undo(new), 36);
    assert_eq!(ledger(&two.server, "anna").label(&ClipId("b".into())), Some("joy"));
}

#[test]
fn corpora_that_lie_elsewhere_are_brought_together_and_the_other_store_stays() {
    let mut two = Two::parted(|_| ());
    say(&mut two.laptop, "/home/anna/emodb/wav", ("anna", "a"), Act::label("fear"), 1);
    let round = Round { raters: vec!["anna".to_owned()], overlap: 1, ..Round::default() };
    two.laptop.save_round("/home/anna/emodb/wav", "s", "lead", &round).unwrap();
    let moved = [("/home/anna/emodb".to_owned(), "/c".to_owned())];
    let before = content_at(&two.laptop, "/home/anna/emodb/wav");
    let other = two.path("laptop.db");
    let merged = two.server.merge(&other, &moved).unwrap();
    assert_eq!((merged.annotations, merged.plans), (1, 1));
    assert_eq!(content_at(&two.server, "/c/wav"), before);
    assert_eq!(two.server.round("/c/wav", "s").unwrap().unwrap().round, round);
    let again = two.server.merge(&other, &moved).unwrap();
    assert_eq!((again.annotations, again.known, again.plans), (0, 1, 0));
    assert_eq!(two.laptop.annotations("/home/anna/emodb/wav", None).unwrap().len(), 1);
    assert!(two.server.merge(&two.folder.path().join("none.db"), &[]).is_err());
}

fn content_at(store: &Store, key: &str) -> Vec<String> {
    let said = store.annotations(key, None).unwrap();
    said.iter().map(|one| format!("{} {} {:?} {}", one.annotator, one.clip.0, one.act, one.at)).collect()
}

#[test]
fn the_verb_merges_and_shows_what_differs() {
    let home = Home::new();
    let here = home.path().join(".local/share/emolab/emolab.db");
    let corpus = home.path().join("clips");
    std::fs::create_dir_all(&corpus).unwrap();
    let key = emolab::workbench::key_of(&corpus);
    say(&mut Store::open(&here).unwrap(), &key, ("anna", "a"), Act::label("fear"), 1);
    let other = home.path().join("other.db");
    say(&mut Store::open(&other).unwrap(), "/mnt/clips", ("anna", "a"), Act::label("joy"), 2);
    let root = format!("/mnt/clips={}", corpus.display());
    let done = home.run(&["merge", other.to_str().unwrap(), "--corpus-root", &root]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("1 answers differ"), "{}", text(&done.stderr));
    let row =
        text(&done.stdout).lines().nth(1).map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(row.unwrap()[..5], ["a", "anna", "s", "-", "fear"]);
    assert_eq!(Store::open(&here).unwrap().annotations(&key, None).unwrap().len(), 2);
}

#[test]
fn a_version_that_asks_something_else_there_is_told_and_ours_stays() {
    let id = SchemeId { name: "s".to_owned(), version: 1 };
    let mut two = Two::parted(|_| {});
    two.server.keep_shape(&id, "joy or fear").unwrap();
    two.laptop.keep_shape(&id, "joy or rage").unwrap();
    say(&mut two.laptop, CORPUS, ("anna", "a"), Act::label("rage"), 1);
    let merged = two.laptop_into_server();
    assert_eq!((merged.annotations, two.server.shape(&id).unwrap().as_deref()), (1, Some("joy or fear")));
    let problems = merged.problems.join("\n");
    assert!(problems.contains("s@1 asks other questions") && problems.contains("another version"), "{problems}");
}

/// One side's acts: which clip, what, by whom.
type Acts = Vec<(usize, u8, bool)>;

/// Says the acts, every second millisecond from `start` on, so that the sides' times interleave and never meet.
fn play(store: &mut Store, acts: &Acts, start: i64) {
    for (number, (clip, kind, anna)) in acts.iter().enumerate() {
        let who = if *anna { "anna" } else { "ben" };
        let ledger = ledger(store, who);
        let undo = ledger.undo_target().map(|(id, at)| (Act::Undo(id), at.clip.0.to_string()));
        let redo = ledger.redo_target().map(|(id, at)| (Act::Redo(id), at.clip.0.to_string()));
        let new = (Act::label(["joy", "fear"][usize::from(kind % 2)]), ["a", "b", "c"][*clip].to_owned());
        let (act, clip) = match kind {
            0..4 => new,
            4 => (Act::Skip, new.1),
            5 => (Act::Note(format!("note {number}")), new.1),
            6 | 7 => undo.unwrap_or(new),
            _ => redo.unwrap_or(new),
        };
        say(store, CORPUS, (who, &clip), act, start + 2 * number as i64);
    }
}

fn labels(store: &Store) -> BTreeMap<(&'static str, &'static str), Option<String>> {
    let one = |who, clip: &str| ledger(store, who).label(&ClipId(clip.into())).map(str::to_owned);
    ["anna", "ben"].iter().flat_map(|who| ["a", "b", "c"].map(|clip| ((*who, clip), one(who, clip)))).collect()
}

fn acts() -> impl Strategy<Value = Acts> {
    proptest::collection::vec((0_usize..3, 0_u8..9, any::<bool>()), 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn it_does_not_matter_which_goes_into_which_nor_how_often(common in acts(), here in acts(), there in acts()) {
        let mut two = Two::parted(|store| play(store, &common, 0));
        play(&mut two.server, &here, 1000);
        play(&mut two.laptop, &there, 1001);
        let merge = |store: &Store, name: &str, other: &Path| {
            let path = two.path(name);
            store.backup(&path).unwrap();
            let mut copy = Store::open(&path).unwrap();
            let merged = copy.merge(other, &[]).unwrap();
            assert_eq!(merged.problems, [] as [String; 0]);
            (copy, merged)
        };
        let (mut one, into_server) = merge(&two.server, "one.db", &two.path("laptop.db"));
        let (other, into_laptop) = merge(&two.laptop, "other.db", &two.path("server.db"));
        prop_assert_eq!(content(&one), content(&other));
        prop_assert_eq!(labels(&one), labels(&other));
        prop_assert_eq!(into_server.conflicts.len(), into_laptop.conflicts.len());
        prop_assert_eq!(said(&one).len(), common.len() + here.len() + there.len(), "nothing lost, nothing doubled");
        let again = one.merge(&two.path("laptop.db"), &[]).unwrap();
        let round = one.merge(&two.path("other.db"), &[]).unwrap();
        prop_assert_eq!((again.annotations, round.annotations), (0, 0));
        prop_assert_eq!(content(&one), content(&other));
    }
}

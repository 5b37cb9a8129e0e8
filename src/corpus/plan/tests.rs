//! Tests of plans: properties over made-up corpora, words, refusals.

use super::*;
use crate::corpus::{ClipId, Sex};
use proptest::prelude::*;

/// Rows of a made-up corpus: every speaker has some of every class.
fn rows() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    (2usize..9, 2usize..6, 1usize..4, any::<u64>()).prop_map(|(speakers, classes, each, salt)| {
        let mut labels = Vec::new();
        let mut groups = Vec::new();
        for speaker in 0..speakers {
            for class in 0..classes {
                let many = each + (salt >> ((speaker * classes + class) % 60)) as usize % 3;
                labels.extend(std::iter::repeat_n(class, many));
                groups.extend(std::iter::repeat_n(speaker * 3 + 1, many));
            }
        }
        (labels, groups)
    })
}

fn tested(splits: &[Split]) -> Vec<usize> {
    let mut rows: Vec<usize> = splits.iter().flat_map(|s| s.test.clone()).collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #[test]
    fn every_row_is_tested_once_and_learnt_from_elsewhere((labels, groups) in rows(), seed: u64) {
        for plan in [Plan::Loso, Plan::Speakers(2), Plan::Random(2)] {
            let splits = plan.splits(&labels, &groups, seed).unwrap();
            prop_assert_eq!(tested(&splits), (0..labels.len()).collect::<Vec<_>>());
            for split in &splits {
                prop_assert_eq!(split.train.len() + split.test.len(), labels.len());
                prop_assert!(split.train.iter().all(|row| split.test.binary_search(row).is_err()));
                prop_assert!(split.train.is_sorted() && split.test.is_sorted());
            }
        }
    }

    #[test]
    fn no_speaker_is_on_both_sides((labels, groups) in rows(), seed: u64, k in 2usize..9) {
        let speakers = groups.iter().collect::<BTreeSet<_>>().len();
        for plan in [Plan::Loso, Plan::Speakers(k.min(speakers))] {
            for split in plan.splits(&labels, &groups, seed).unwrap() {
                prop_assert!(!split.test.is_empty());
                let train: BTreeSet<usize> = split.train.iter().map(|r| groups[*r]).collect();
                prop_assert!(split.test.iter().all(|r| !train.contains(&groups[*r])));
            }
        }
    }

    #[test]
    fn random_folds_share_classes_evenly((labels, groups) in rows(), seed: u64, k in 2usize..5) {
        let splits = Plan::Random(k.min(labels.len())).splits(&labels, &groups, seed).unwrap();
        for class in 0..=*labels.iter().max().unwrap() {
            let counts: Vec<usize> =
                splits.iter().map(|s| s.test.iter().filter(|r| labels[**r] == class).count()).collect();
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        }
    }

    #[test]
    fn one_seed_one_set_of_splits((labels, groups) in rows(), seed: u64) {
        for plan in [Plan::Loso, Plan::Speakers(2), Plan::Random(3)] {
            prop_assert_eq!(plan.splits(&labels, &groups, seed), plan.splits(&labels, &groups, seed));
        }
    }
}

#[test]
fn another_seed_gives_other_random_folds() {
    let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let plan = Plan::Random(5);
    assert_ne!(plan.splits(&labels, &labels, 1).unwrap(), plan.splits(&labels, &labels, 2).unwrap());
}

#[test]
fn speaker_folds_are_balanced_in_size_and_class() {
    // Ten speakers, two of them five times as large.
    let mut labels = Vec::new();
    let mut groups = Vec::new();
    for speaker in 0..10 {
        let many = if speaker < 2 { 50 } else { 10 };
        labels.extend((0..many).map(|i| i % 5));
        groups.extend(std::iter::repeat_n(speaker, many));
    }
    let splits = Plan::Speakers(2).splits(&labels, &groups, 7).unwrap();
    assert_eq!(splits.iter().map(|s| s.test.len()).collect::<Vec<_>>(), [90, 90]);
}

#[test]
fn plans_read_as_they_are_written() {
    for text in [
        "loso",
        "speakers:5",
        "sentences:4",
        "speakers+sentences",
        "speakers+sentences:3x2",
        "random:10",
        "given:Fold",
        "folds:a/b:c.json",
    ] {
        assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
    }
    for text in
        ["", "LOSO", "speakers", "speakers:x", "random:-1", "fold:3", "given:", "folds:", "speakers+sentences:3"]
    {
        assert_eq!(text.parse::<Plan>(), Err(PlanError::Unknown(text.to_owned())));
    }
    assert_eq!("random:1".parse::<Plan>(), Err(PlanError::TooFewFolds(Plan::Random(1))));
}

#[test]
fn impossible_plans_are_refused() {
    let two = [0, 1, 0, 1];
    assert_eq!(Plan::Loso.splits(&two, &[5, 5, 5, 5], 0), Err(PlanError::OneSpeaker(Plan::Loso)));
    assert_eq!(Plan::Loso.splits(&[], &[], 0), Err(PlanError::NoRows));
    let plan = Plan::Speakers(3);
    assert_eq!(plan.splits(&two, &[0, 0, 1, 1], 0), Err(PlanError::TooFewSpeakers { plan: plan.clone(), speakers: 2 }));
    let plan = Plan::Random(5);
    assert_eq!(plan.splits(&two, &two, 0), Err(PlanError::TooFewRows { plan, rows: 4 }));
    assert_eq!(Plan::Speakers(1).splits(&two, &two, 0), Err(PlanError::TooFewFolds(Plan::Speakers(1))));
    // Speaker 1 has all of class 1: without them nothing but class 0 is left.
    let refused = Plan::Loso.splits(&[0, 0, 1, 1], &[0, 0, 1, 1], 0);
    assert_eq!(refused, Err(PlanError::FewClasses { fold: "speaker 0".to_owned(), held_out: vec![0] }));
}

#[test]
fn a_class_that_cannot_be_learnt_is_told() {
    let (labels, groups) = ([0, 1, 0, 1, 2], [0, 0, 1, 1, 1]);
    let splits = Plan::Loso.splits(&labels, &groups, 0).unwrap();
    assert_eq!(splits[0].unlearnt(&labels), Vec::<usize>::new());
    assert_eq!(splits[1].unlearnt(&labels), [2]);
    assert_eq!(splits[1].held_out(&groups), [1]);
}

#[test]
fn the_twin_keeps_speakers_apart() {
    assert_eq!(Plan::Random(5).twin(10), Plan::Loso);
    assert_eq!(Plan::Random(5).twin(91), Plan::Speakers(5));
    assert_eq!(Plan::Random(50).twin(20), Plan::Speakers(20));
    assert_eq!(Plan::Speakers(3).twin(4), Plan::Speakers(3));
    assert!(!Plan::Random(5).twin(30).leaks_speakers());
}

/// Speakers x sentences x classes, a row each; the first half of the speakers is female.
struct Crossed {
    labels: Vec<usize>,
    groups: Vec<usize>,
    traits: Traits,
}

impl Crossed {
    fn of(speakers: usize, sentences: usize, classes: usize) -> Crossed {
        let mut all = Crossed { labels: Vec::new(), groups: Vec::new(), traits: Traits::default() };
        for row in 0..speakers * sentences * classes {
            let speaker = row / (sentences * classes);
            all.labels.push(row % classes);
            all.groups.push(speaker);
            all.traits.sentences.push(Some(row / classes % sentences));
            all.traits.sexes.push(Some(if 2 * speaker < speakers { Sex::Female } else { Sex::Male }));
            all.traits.ids.push(ClipId(format!("{speaker}/{row}.wav").into()));
        }
        all
    }

    fn rows(&self) -> Rows<'_> {
        Rows { labels: &self.labels, groups: &self.groups, traits: &self.traits }
    }

    fn sentence(&self, row: usize) -> usize {
        self.traits.sentences[row].unwrap()
    }
}

proptest! {
    #[test]
    fn a_plan_by_both_tests_every_row_once_and_shares_neither(k in 2usize..5, l in 2usize..4, seed: u64) {
        let made = Crossed::of(5, 3, 2);
        let layout = Plan::Both(Some((k, l))).lay(&made.rows(), seed).unwrap();
        prop_assert_eq!(tested(&layout.splits), (0..made.labels.len()).collect::<Vec<_>>());
        prop_assert_eq!(layout.splits.len(), k * l);
        for split in &layout.splits {
            for (test, train) in split.test.iter().flat_map(|test| split.train.iter().map(move |train| (*test, *train))) {
                prop_assert!(made.groups[test] != made.groups[train] && made.sentence(test) != made.sentence(train));
            }
        }
    }

    #[test]
    fn a_plan_by_sentence_keeps_sentences_apart(k in 2usize..5, seed: u64) {
        let made = Crossed::of(3, 5, 2);
        for split in Plan::Sentences(k).lay(&made.rows(), seed).unwrap().splits {
            let learnt: BTreeSet<usize> = split.train.iter().map(|row| made.sentence(*row)).collect();
            prop_assert!(!split.test.is_empty() && split.test.iter().all(|row| !learnt.contains(&made.sentence(*row))));
            prop_assert_eq!(split.train.len() + split.test.len(), made.labels.len());
        }
    }

    #[test]
    fn speaker_folds_are_balanced_by_sex(seed: u64) {
        let made = Crossed::of(8, 2, 3);
        for split in Plan::Speakers(4).lay(&made.rows(), seed).unwrap().splits {
            let female = split.test.iter().filter(|row| made.traits.sexes[**row] == Some(Sex::Female)).count();
            prop_assert_eq!(2 * female, split.test.len(), "one woman and one man in each");
        }
    }
}

#[test]
fn sentences_must_be_known_and_many_enough() {
    let mut made = Crossed::of(3, 2, 2);
    let refused = |made: &Crossed, plan: Plan| plan.lay(&made.rows(), 0).unwrap_err();
    let plan = Plan::Sentences(3);
    assert_eq!(refused(&made, plan.clone()), PlanError::TooFewSentences { plan, sentences: 2 });
    made.traits.sentences[4] = None;
    for plan in [Plan::Sentences(2), Plan::Both(None)] {
        assert_eq!(refused(&made, plan), PlanError::UnknownSentences { lacking: 1, clips: 12 });
    }
    let none = Plan::Sentences(2).splits(&[0, 1, 0, 1], &[0, 0, 1, 1], 0);
    assert_eq!(none, Err(PlanError::UnknownSentences { lacking: 4, clips: 4 }));
    assert!(refused(&made, Plan::Given("split".to_owned())).to_string().contains("nothing is known"));
}

#[test]
fn a_plan_by_both_tells_what_it_leaves_out() {
    let made = Crossed::of(10, 2, 2);
    let layout = Plan::Both(None).lay(&made.rows(), 0).unwrap();
    assert_eq!(layout.splits.len(), 10, "five groups of speakers, two of sentences");
    assert!(layout.notes[0].contains("50 % of the clips are left out"), "{:?}", layout.notes);
}

/// Writes the layout as `name` and reads it back.
fn through(name: &str, plan: &Plan, made: &Crossed, seed: u64) -> (Layout, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let layout = plan.lay(&made.rows(), seed).unwrap();
    let origin = Maker { plan, seed, corpus: "made-up", target: "emotion" };
    let text = PlanFile::of(&layout, &made.traits.ids, origin).text(&path).unwrap();
    std::fs::write(&path, text).unwrap();
    (layout, Plan::Folds(path).lay(&made.rows(), 99).unwrap())
}

#[test]
fn a_plan_file_reads_back_to_the_same_splits() {
    let made = Crossed::of(4, 3, 2);
    let mut given = Crossed::of(4, 3, 2);
    let side = |row: usize| [Some("train"), Some("test"), None][row % 3].map(str::to_owned);
    given.traits.columns.insert("split".to_owned(), (0..24).map(side).collect());
    for (plan, made) in [
        (Plan::Loso, &made),
        (Plan::Speakers(2), &made),
        (Plan::Both(Some((2, 3))), &made),
        (Plan::Random(11), &made),
        (Plan::Given("split".to_owned()), &given),
    ] {
        let (layout, back) = through("plan.json", &plan, made, 7);
        assert_eq!((&layout.splits, layout.promise), (&back.splits, back.promise), "{plan}");
        assert!(back.notes[0].contains(&plan.to_string()), "{:?}", back.notes);
        let (layout, back) = through("plan.csv", &plan, made, 7);
        let rows =
            |layout: &Layout| layout.splits.iter().map(|s| (s.train.clone(), s.test.clone())).collect::<Vec<_>>();
        assert_eq!(rows(&layout), rows(&back), "{plan}");
    }
}

/// What a plan file of this name and text comes to on two speakers with four clips each.
fn read(name: &str, text: &str) -> Result<Layout, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let made = Crossed::of(2, 2, 2);
    let place = folder.path().display().to_string();
    Plan::Folds(path).lay(&made.rows(), 0).map_err(|error| error.to_string().replace(&format!("{place}/"), ""))
}

#[test]
fn tables_of_others_are_read() {
    let parts = "id;part\n0.wav;train\n1.wav;train\nsomewhere/0/2.wav;test\n3.flac;test\n7.wav;dev\nx.wav;test\n";
    let layout = read("parts.csv", parts).unwrap();
    assert_eq!((&layout.splits[0].train, &layout.splits[0].test), (&vec![0, 1, 7], &vec![2, 3]));
    let notes = layout.notes.join("\n");
    assert!(notes.contains("3 of 8 clips are in no part") && notes.contains("the first: x.wav"), "{notes}");
    let folds = "file,label,1,2\n0.wav,a,train,test\n1.wav,b,train,test\n6.wav,a,test,train\n7.wav,b,test,train\n";
    let layout = read("folds.csv", folds).unwrap();
    assert_eq!(layout.splits[1], Split { name: "2".to_owned(), train: vec![6, 7], test: vec![0, 1] });
}

#[test]
fn odd_plan_files_are_refused_by_name() {
    let own = |folds: &str| {
        let head = r#"{"emolab_plan":1,"plan":"loso","seed":0,"corpus":"x","target":"emotion","folds":"#;
        read("plan.json", &format!("{head}{folds}}}"))
    };
    let both = r#"[{"name":"a","test":["0.wav"],"train":["0.wav","1.wav"]}]"#;
    assert_eq!(own(both).unwrap_err(), "plan.json: a: 0/0.wav is learnt from and tested");
    let twice = r#"[{"name":"a","test":["0.wav"],"train":["2.wav","1.wav"]},{"name":"b","test":["0.wav"],"train":["2.wav","1.wav"]}]"#;
    assert!(own(twice).unwrap_err().contains("0/0.wav is tested in a and in b"));
    let unknown = r#"[{"name":"a","test":["no.wav"],"train":["2.wav","1.wav"]}]"#;
    assert!(own(unknown).unwrap_err().contains("the first: no.wav"));
    assert_eq!(own("[]").unwrap_err(), "plan.json: there are no folds in it");
    assert!(read("plan.json", "{").unwrap_err().starts_with("plan.json: EOF"));
    assert!(read("plan.csv", "a,b\n1,2\n").unwrap_err().starts_with("plan.csv: no file column"));
    assert!(read("plan.csv", "file,b\n1,2\n").unwrap_err().contains("no column of folds"));
    let none = Plan::Folds("/no/such/plan.json".into()).lay(&Crossed::of(2, 2, 2).rows(), 0);
    assert!(none.unwrap_err().to_string().starts_with("/no/such/plan.json: "));
}

#[test]
fn folders_of_emobox_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let line = |row: usize| {
        format!("{{\"key\": \"made-{row}\", \"wav\": \"downloads/made/{}/{row}.wav\", \"emo\": \"calm\"}}\n", row / 4)
    };
    let list = |fold: usize, part: &str, rows: &[usize]| {
        let inside = folder.path().join(format!("fold_{fold}"));
        std::fs::create_dir_all(&inside).unwrap();
        let lines: String = rows.iter().map(|row| line(*row)).collect();
        std::fs::write(inside.join(format!("made_{part}_fold_{fold}.jsonl")), lines).unwrap();
    };
    list(1, "train", &[0, 1]);
    list(1, "valid", &[2]);
    list(1, "test", &[4, 5]);
    list(10, "train", &[4, 5]);
    list(10, "test", &[0, 1]);
    let made = Crossed::of(2, 2, 2);
    let layout = Plan::Folds(folder.path().to_owned()).lay(&made.rows(), 0).unwrap();
    assert_eq!(layout.splits[0], Split { name: "fold 1".to_owned(), train: vec![0, 1, 2], test: vec![4, 5] });
    assert_eq!((layout.splits[1].name.as_str(), layout.splits.len()), ("fold 10", 2));
    assert!(
        layout.notes.iter().any(|note| note.starts_with("3 clips of the corpus are in no fold")),
        "{:?}",
        layout.notes
    );
    assert_eq!(Plan::Folds(folder.path().join("made.jsonl")).lay(&made.rows(), 0).unwrap(), layout);
    list(10, "train", &[]);
    let empty = Plan::Folds(folder.path().to_owned()).lay(&made.rows(), 0).unwrap_err().to_string();
    assert!(empty.ends_with("fold 10: no clip in the training part"), "{empty}");
}

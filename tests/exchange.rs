//! Labels in and out on disk: files that peers wrote (see tests/golden/exchange/make.py) and the verbs `export` and `import`.
//!
//! Deliberately absent: what each format keeps (contracts beside the formats), and asking the peers themselves
//! (tests/golden/exchange/check.py).

use std::path::{Path, PathBuf};

use emolab::corpus::{ClipId, Corpus};
use emolab::label::exchange::{Folder, Item, RaterKind, Said, Sheet, recognised};
use emolab::label::{Act, Annotator, NewAnnotation, SchemeId};
use emolab::store::Store;
use emolab::workbench::key_of;

use crate::support::{Home, part_of_demo, recordings, skipped, text};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/exchange").join(name)
}

fn read(name: &str) -> (&'static str, Sheet) {
    let folder = Folder::open(&golden(name)).unwrap();
    let format = recognised(&folder).unwrap_or_else(|| panic!("{name} is not recognised"));
    (format.name(), format.read(&folder, &Corpus::empty("/c".as_ref())).unwrap())
}

/// File, part, rater, topic, value.
fn told(sheet: &Sheet) -> Vec<String> {
    let one = |said: &Said| {
        let Item { file, span, .. } = &sheet.items[said.item];
        let part = span
            .map(|(start, end)| format!("[{start},{}]", if end > 1e9 { "end".to_owned() } else { end.to_string() }));
        let rater = said.rater.as_ref().map_or("nobody".to_owned(), ToString::to_string);
        let scheme = said.scheme.as_ref().map_or("", |scheme| &scheme.name);
        let value = said.value().unwrap_or_else(|| said.act.word());
        format!("{file}{} {rater} {scheme} {value}", part.unwrap_or_default())
    };
    let mut all: Vec<String> = sheet.said.iter().map(one).collect();
    all.sort();
    all
}

#[test]
fn databases_of_audformat_are_read() {
    for (name, format) in [("audformat-csv", "audformat"), ("audformat-parquet", "audformat-parquet")] {
        let (found, sheet) = read(name);
        assert_eq!(found, format);
        assert_eq!(
            told(&sheet),
            [
                "wav/a.wav anna emotion anger",
                "wav/a.wav ben emotion fear",
                "wav/a.wav machine:cnn emotion fear",
                "wav/a.wav[0,1.25] anna arousal 7",
                "wav/a.wav[0,1.25] ben valence 0.25",
                "wav/a.wav[1.25,end] anna arousal 2",
                "wav/b.wav ben emotion fear",
                "wav/b.wav machine:cnn emotion anger",
                "wav/b.wav vote:gold emotion fear",
            ],
            "{name}"
        );
        let Item { speaker, sex, split, .. } =
            &sheet.items.iter().find(|item| item.file == "wav/a.wav" && item.span.is_none()).unwrap();
        assert_eq!((speaker.as_deref(), split.as_deref()), (Some("s1"), Some("train")));
        assert_eq!(*sex, Some(emolab::corpus::Sex::Female));
        assert!(sheet.problems.is_empty() && sheet.asked.len() == 3, "{:?}", sheet.problems);
    }
}

#[test]
fn tables_of_hugging_face_are_read() {
    for name in ["audiofolder-csv", "audiofolder-jsonl", "audiofolder-parquet"] {
        let (found, sheet) = read(name);
        assert_eq!(found, name.trim_end_matches("-csv"));
        let truth = format!("truth:{name}");
        assert_eq!(
            told(&sheet),
            [
                format!("train/wav/a.wav {truth} emotion anger"),
                format!("train/wav/a.wav {truth} valence 0.25"),
                format!("train/wav/b.wav {truth} valence 1"),
            ]
        );
        let item = &sheet.items[0];
        assert_eq!((item.speaker.as_deref(), item.split.as_deref()), (Some("s1"), Some("train")));
    }
}

#[test]
fn tasks_of_label_studio_are_read() {
    let (found, sheet) = read("labelstudio.json");
    assert_eq!(found, "labelstudio");
    let upload = "/data/upload/1/a.wav";
    assert_eq!(
        told(&sheet),
        [
            format!("{upload} anna@example.org arousal 4"),
            format!("{upload} anna@example.org emotion anger"),
            format!("{upload} machine:cnn emotion anger"),
            format!("{upload}[0.5,1.5] anna@example.org event laugh"),
            "wav/b.wav 4  skip".to_owned(),
        ]
    );
    let anna = sheet.said.iter().find(|said| said.value() == Some("4")).unwrap();
    assert_eq!(
        (anna.seconds(), anna.at.map(|at| at.to_string())),
        (Some(3.5), Some("2024-01-01T00:00:00.123Z".to_owned()))
    );
    let machine =
        sheet.said.iter().find(|said| said.rater.as_ref().is_some_and(|rater| rater.kind == RaterKind::Machine));
    assert_eq!(machine.unwrap().confidence, Some(0.75));
    assert!(sheet.problems[0].to_string().contains("`brushlabels`"), "{:?}", sheet.problems);
}

#[test]
fn grids_of_praat_are_read_in_every_form() {
    for (name, whole) in [("praat-long", true), ("praat-short", true), ("praat-package", false)] {
        let (found, sheet) = read(name);
        assert_eq!(found, "textgrid");
        let mut wanted = vec!["wav/a[0,1.25] nobody emotion anger".to_owned()];
        if whole {
            wanted.insert(0, "wav/a nobody words sagt \"Größe\"".to_owned());
            wanted.push("wav/a[0.5,0.5] nobody marks click".to_owned());
        }
        assert_eq!(told(&sheet), wanted, "{name}");
    }
}

/// A few clips of the demo corpus and a store in which two people and a machine said something about them.
struct Desk {
    home: Home,
    clips: PathBuf,
}

impl Desk {
    fn new() -> Desk {
        let home = Home::new();
        let clips = part_of_demo(&home.path().join("clips"), |name| {
            name.starts_with("f1_anger") || name.starts_with("f1_fear")
        });
        Desk { home, clips }
    }

    fn names(&self) -> Vec<String> {
        let all =
            std::fs::read_dir(&self.clips).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = all.filter(|name| name.starts_with("f1_")).collect();
        names.sort();
        names
    }

    fn label(&self) -> usize {
        let mut store = Store::open(&self.store("s.db")).unwrap();
        let human = |name: &str| Annotator::Human(name.to_owned());
        let mut all = Vec::new();
        for (clip, at) in self.names().into_iter().zip(0..) {
            for (who, act) in [
                (human("anna"), Act::label(["anger", "fear"][at % 2]).asked("emotion")),
                (human("anna"), Act::label((at % 9 + 1).to_string()).asked("valence")),
                (human("ben"), Act::label("fear").asked("emotion")),
                (Annotator::Machine("cnn".to_owned()), Act::label("anger").asked("emotion")),
            ] {
                let scheme = SchemeId { name: "emotion+vad".to_owned(), version: 1 };
                all.push(NewAnnotation::now(ClipId(clip.clone().into()), "00".to_owned(), who, scheme, act));
            }
        }
        store.append_all(&key_of(&self.clips), &all).unwrap().len()
    }

    fn store(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Exit code and talk.
    fn run(&self, args: &[&str], store: &str) -> (i32, String) {
        let output = self.home.emolab(args).env("EMOLAB_STORE", self.store(store)).output().unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    }
}

#[test]
fn what_is_exported_is_imported_elsewhere_once() {
    let desk = Desk::new();
    let all = desk.label();
    let clips = desk.clips.to_str().unwrap();
    for (format, to) in [
        ("csv", "l.csv"),
        ("audformat", "aud"),
        ("audiofolder-parquet", "hf"),
        ("labelstudio", "l.json"),
        ("emotionml", "e.xml"),
    ] {
        let to = desk.store(to);
        let to = to.to_str().unwrap();
        let (code, talk) = desk.run(&["export", clips, "--format", format, "-o", to, "-q"], "s.db");
        assert_eq!(code, 0, "{talk}");
        let other = format!("{format}.db");
        let (code, talk) = desk.run(&["import", clips, to, "-q", "--dry-run"], &other);
        assert_eq!((code, desk.store(&other).exists()), (0, false), "{talk}");
        assert!(talk.contains(&format!("{format}: {all} would be new, 0 known already, 0 without a clip")), "{talk}");
        let (code, talk) = desk.run(&["import", clips, to, "-q"], &other);
        assert_eq!(code, 0, "{talk}");
        let (code, talk) = desk.run(&["import", clips, to, "-q"], &other);
        assert!(
            code == 0 && talk.contains(&format!("{format}: 0 new, {all} known already, 0 without a clip")),
            "{talk}"
        );
        let said = |name: &str| {
            let all = Store::open(&desk.store(name)).unwrap().annotations(&key_of(&desk.clips), None).unwrap();
            let mut all: Vec<String> =
                all.iter().map(|one| format!("{:?} {} {:?} {}", one.annotator, one.clip.0, one.act, one.at)).collect();
            all.sort();
            all
        };
        assert_eq!(said(&other), said("s.db"), "{format}");
    }
}

#[test]
fn names_without_a_clip_and_unsaid_raters_are_told() {
    let desk = Desk::new();
    let clips = desk.clips.to_str().unwrap();
    let data = desk.store("kaldi");
    std::fs::create_dir(&data).unwrap();
    let first = &desk.names()[0];
    std::fs::write(data.join("wav.scp"), format!("u1 elsewhere/{first}\nu2 gone.wav\nu3 sox x.wav - |\n")).unwrap();
    std::fs::write(data.join("utt2emo"), "u1 hot\nu2 cold\nu3 hot\n").unwrap();
    let data = data.to_str().unwrap();
    let (code, talk) = desk.run(&["import", clips, data, "-q"], "s.db");
    assert!(code == 1 && talk.contains("--annotator"), "{talk}");
    let args = ["import", clips, data, "-q", "--annotator", "vote:crowd", "--scheme", "heat", "--map", "hot=anger"];
    let (code, talk) = desk.run(&args, "s.db");
    assert_eq!(code, 0, "{talk}");
    assert!(talk.contains("commands are never run") && talk.contains("gone.wav: no such clip"), "{talk}");
    assert!(talk.contains("kaldi: 1 new, 0 known already, 1 without a clip"), "{talk}");
    let all = Store::open(&desk.store("s.db")).unwrap().annotations(&key_of(&desk.clips), None).unwrap();
    assert_eq!(all[0].annotator, Annotator::Machine("vote:crowd".to_owned()));
    assert_eq!((&all[0].act, all[0].scheme.to_string()), (&Act::label("anger"), "heat@1".to_owned()));
    let odd = desk.store("odd.bin");
    std::fs::write(&odd, [0, 1, 2]).unwrap();
    let (code, talk) = desk.run(&["import", clips, odd.to_str().unwrap(), "-q"], "s.db");
    assert!(code == 1 && talk.contains("no format is recognised"), "{talk}");
}

#[test]
fn gold_is_one_more_rater_and_what_a_format_loses_is_told() {
    let desk = Desk::new();
    desk.label();
    let clips = desk.clips.to_str().unwrap();
    let to = desk.store("kaldi");
    let args = ["export", clips, "--format", "kaldi", "-o", to.to_str().unwrap(), "-q", "--gold", "majority"];
    let (code, talk) = desk.run(&args, "s.db");
    assert_eq!(code, 0, "{talk}");
    assert!(talk.contains("kaldi does not hold: all but one of 2 questions"), "{talk}");
    assert!(talk.contains("kaldi does not hold: who said what"), "{talk}");
    let emotions = std::fs::read_to_string(to.join("utt2emo")).unwrap();
    let half = desk.names().len() / 2;
    assert_eq!((emotions.matches(" fear").count(), emotions.lines().count()), (half, half), "ties stay open");
    let (code, talk) = desk.run(&["export", clips, "-o", "x.csv", "--gold", "oracle"], "s.db");
    assert!(code == 2 && talk.contains("majority, soft"), "{talk}");
}

#[test]
fn listeners_of_real_corpora_are_imported_as_votes() {
    let Some(emodb) = recordings("emodb") else { return skipped("emodb is not there") };
    let home = Home::new();
    let wav = home.path().join("wav");
    std::fs::create_dir(&wav).unwrap();
    for name in ["03a01Fa.wav", "03a01Nc.wav", "03a01Wa.wav"] {
        std::fs::copy(emodb.join("wav").join(name), wav.join(name)).unwrap();
    }
    let table = emodb.join("erkennung.txt");
    let args = ["import", home.path().to_str().unwrap(), table.to_str().unwrap(), "--corpus", "emodb", "-q"];
    let output = home.run(&args);
    assert!(text(&output.stderr).contains("listeners: 3 new"), "{}", text(&output.stderr));
    let output = home.run(&[
        "export",
        home.path().to_str().unwrap(),
        "--format",
        "jsonl",
        "-o",
        home.path().join("l").to_str().unwrap(),
    ]);
    assert!(output.status.success());
    let rows = std::fs::read_to_string(home.path().join("l")).unwrap();
    assert!(
        rows.contains(r#""annotator":"vote:listeners","annotator_kind":"machine","scheme":"emodb-listeners@1""#),
        "{rows}"
    );
    assert!(rows.contains(r#""value":"happiness","refers_to":null,"confidence":0.9"#), "{rows}");
}

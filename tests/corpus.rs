//! Corpora from the outside: the real recordings of `../shared/corpora`, the demo corpus, and trees made for one trouble each.
//!
//! Deliberately absent: what single pure functions do (see the unit tests beside them).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use emolab::corpus::{
    Clip, Corpus, Description, Plan, PlanError, ScanError, Scanned, Sex, Target, TaskError, demo_root, descriptions,
    scan, task,
};
use emolab::job::{Cancelled, Unwatched, Watch};
use tempfile::TempDir;

use crate::support::recordings;

fn open(root: &Path) -> Corpus {
    scan(root, None, &Unwatched).unwrap()
}

fn counts<T: Ord>(corpus: &Corpus, of: impl Fn(&Clip) -> T) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for clip in &corpus.clips {
        *counts.entry(of(clip)).or_default() += 1;
    }
    counts
}

fn clip<'a>(corpus: &'a Corpus, id: &str) -> &'a Clip {
    corpus.clips.iter().find(|c| c.id.0 == id).unwrap_or_else(|| panic!("no clip {id}"))
}

/// All that is said about one file, joined.
fn problem(corpus: &Corpus, file: &str) -> String {
    let reasons: Vec<&str> = corpus.problems.iter().filter(|p| p.file == file).map(|p| p.reason.as_str()).collect();
    reasons.join(" | ")
}

/// A tree under a folder of that name, with a tone (another one per file) for each path.
fn tree(name: &str, paths: &[&str]) -> (TempDir, PathBuf) {
    let keep = tempfile::tempdir().unwrap();
    let root = keep.path().join(name);
    fs::create_dir_all(&root).unwrap();
    for (at, path) in paths.iter().enumerate() {
        tone(&root.join(path), 200.0 + 10.0 * at as f32);
    }
    (keep, root)
}

fn tone(path: &Path, hertz: f32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..800 {
        file.write_sample(((n as f32 * hertz * 0.000_785).sin() * 9_000.0) as i16).unwrap();
    }
    file.finalize().unwrap();
}

// Descriptions

#[test]
fn every_description_parses_and_reads_its_own_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let description = Description::parse(&text, &path.to_string_lossy()).unwrap();
        assert_eq!(path.file_stem().unwrap().to_string_lossy(), description.name);
        let about = &description.about;
        assert!([&about.title, &about.licence, &about.source].iter().all(|s| !s.is_empty()), "{}", description.name);
        assert_eq!(description.examples.is_empty(), description.layout.pattern.is_none(), "{}", description.name);
        for example in &description.examples {
            let (_keep, root) = tree("root", &[&example.path]);
            // By itself, so that no two descriptions claim each other's names.
            let corpus = open(&root);
            assert_eq!(corpus.name, description.name, "{example:?}");
            let clip = &corpus.clips[0];
            assert_eq!(clip.speaker.as_deref(), example.speaker.as_deref(), "{example:?}");
            assert_eq!(clip.sex, example.sex, "{example:?}");
            assert_eq!(clip.label.as_deref(), example.label.as_deref(), "{example:?}");
            assert_eq!(clip.text.as_deref(), example.text.as_deref(), "{example:?}");
            assert_eq!(clip.intensity.as_deref(), example.intensity.as_deref(), "{example:?}");
        }
        names.push(description.name);
    }
    names.sort();
    let embedded: Vec<&str> = descriptions().iter().map(|d| d.name.as_str()).collect();
    assert_eq!(embedded, names, "what the program carries is what lies in corpora/");
}

#[test]
fn a_bad_description_names_its_file_and_line() {
    let (_keep, root) = tree("x", &["a.wav"]);
    let own = root.join("own.toml");
    let said = |text: &str| {
        fs::write(&own, text).unwrap();
        scan(&root, own.to_str(), &Unwatched).unwrap_err().to_string()
    };
    let about = "name = 'x'\n[about]\ntitle = 't'\nlicence = 'l'\nsource = 's'\n[layout]\n";
    for (layout, words) in [
        ("format = 'filenam'", "no format `filenam`"),
        ("format = 'filename'", "needs `layout.pattern`"),
        ("format = 'filename'\npattern = '(?<speaker>'", "line 8"),
        ("format = 'filename'\npatern = 'x'", "patern"),
        ("format = 'sidecar'\npattern = 'x'", "group `key`"),
        ("format = 'table'", "layout.columns.file"),
    ] {
        let text = said(&format!("{about}{layout}\n"));
        assert!(text.contains("own.toml") && text.contains(words), "{text}");
    }
}

#[test]
fn a_description_of_ones_own_opens_ones_own_corpus() {
    let (_keep, root) = tree("mine", &["anna/x-01-A.wav", "bert/x-02-B.wav", "bert/x-03-C.wav"]);
    let own = root.join("own.toml");
    let text = "name = 'mine'\n[about]\ntitle = 't'\nlicence = 'l'\nsource = 's'\nlanguage = 'nl'\n[layout]\nformat = 'filename'\n\
        pattern = '(?<speaker>[a-z]+)/x-(?<text>\\d+)-(?<label>[A-Z])'\n[labels]\nB = 'boos'\nA = 'blij'\n[sex]\nfemale = 'anna'\n";
    fs::write(&own, text).unwrap();
    let corpus = scan(&root, own.to_str(), &Unwatched).unwrap();
    assert_eq!((corpus.name.as_str(), &corpus.classes[..]), ("mine", &["boos".to_owned(), "blij".to_owned()][..]));
    let anna = clip(&corpus, "anna/x-01-A.wav");
    assert_eq!(
        (anna.speaker.as_deref(), anna.sex, anna.label.as_deref()),
        (Some("anna"), Some(Sex::Female), Some("blij"))
    );
    assert_eq!((anna.text.as_deref(), anna.language.as_deref()), (Some("01"), Some("nl")));
    assert_eq!(problem(&corpus, "bert/x-03-C.wav"), "label `C` is none of mine's (B, A)");
}

// Real corpora

#[test]
fn emodb_opens_whole_from_either_folder() {
    let Some(root) = recordings("emodb") else { return };
    for root in [root.clone(), root.join("wav")] {
        let corpus = open(&root);
        assert_eq!((corpus.name.as_str(), corpus.clips.len(), corpus.problems.len()), ("emodb", 535, 0));
        let expected = [127, 81, 46, 69, 71, 79, 62];
        let labels = counts(&corpus, |c| c.label.clone().unwrap());
        assert_eq!(corpus.classes.iter().map(|c| labels[c.as_str()]).collect::<Vec<_>>(), expected, "{labels:?}");
        let speakers = counts(&corpus, |c| (c.sex.unwrap(), c.speaker.clone().unwrap()));
        assert_eq!(speakers.keys().filter(|(sex, _)| *sex == Sex::Female).count(), 5);
        assert_eq!(speakers.len(), 10);
        assert!(corpus.clips.iter().all(|c| c.words.is_some() && c.language.as_deref() == Some("de")));
        let splits = task(&corpus, Target::Emotion).unwrap().splits(&Plan::Loso, 0).unwrap();
        assert_eq!((splits.len(), splits[0].name.as_str()), (10, "speaker 03"));
    }
}

/// `labels.tsv`: every column that is the corpus' own, for all 67 clips in one scan of the mixed root.
#[test]
fn quirks_are_read_as_their_truth_says() {
    let Some(root) = recordings("quirks") else { return };
    let corpus = open(&root);
    assert_eq!((corpus.name.as_str(), corpus.clips.len()), ("mixed", 67));
    let truth = fs::read_to_string(root.join("labels.tsv")).unwrap();
    for line in truth.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let clip = clip(&corpus, cells[0]);
        assert_eq!(clip.speaker.as_deref(), Some(cells[2]), "{line}");
        let sex = BTreeMap::from([("m", Sex::Male), ("f", Sex::Female)]);
        assert_eq!(clip.sex.as_ref(), sex.get(cells[3]), "{line}");
        assert_eq!(clip.label.as_deref(), Some(cells[4]), "{line}");
        assert_eq!(clip.text.as_deref().unwrap_or_default(), cells[5], "{line}");
        assert_eq!((clip.audio.rate.to_string(), clip.audio.channels.to_string()), (cells[6].into(), cells[7].into()));
        assert!((clip.audio.seconds - cells[8].parse::<f64>().unwrap()).abs() < 0.002, "{line}");
    }
}

#[test]
fn quirks_problems_are_the_twins_and_the_typo() {
    let Some(root) = recordings("quirks") else { return };
    let corpus = open(&root);
    let found: Vec<(&str, &str)> = corpus.problems.iter().map(|p| (p.file.as_str(), p.reason.as_str())).collect();
    assert_eq!(
        found,
        [
            (
                "baved/0/53-m-20-0-0-209.wav",
                "same audio as baved/0/46-m-20-0-0-156.wav, there under speaker 46, here 53"
            ),
            ("ravdess/Actor_07/03-01-03-01-02-02-07.wav", "same audio as ravdess/Actor_07/03-01-03-01-02-01-07.wav"),
            ("tess/OAF_neutral/OA_bite_neutral.wav", "misnamed: speaker `OA` is read as `OAF`"),
        ]
    );
}

#[test]
fn each_quirk_folder_is_recognised_by_itself_down_to_one_folder() {
    let Some(root) = recordings("quirks") else { return };
    let folders = [
        ("ravdess", "ravdess", 9),
        ("ravdess/Actor_12", "ravdess", 4),
        ("tess", "tess", 19),
        ("baved", "baved", 8),
        ("urdu", "urdu", 7),
        ("turev_db", "turev", 12),
        ("turev_db/Angry", "turev", 3),
        ("nemo", "nemo", 12),
    ];
    for (folder, name, clips) in folders {
        let corpus = open(&root.join(folder));
        assert_eq!((corpus.name.as_str(), corpus.clips.len()), (name, clips), "{folder}");
    }
}

#[test]
fn quirks_table_reads_like_the_names() {
    let Some(root) = recordings("quirks") else { return };
    let by_table = scan(&root, Some("table"), &Unwatched).unwrap();
    let by_name = open(&root);
    let said = |c: &Clip| (c.id.clone(), c.speaker.clone(), c.sex, c.label.clone(), c.text.clone());
    assert_eq!(by_table.clips.iter().map(said).collect::<Vec<_>>(), by_name.clips.iter().map(said).collect::<Vec<_>>());
}

#[test]
fn cremad_speakers_have_the_sex_of_its_own_table() {
    let Some(folder) = recordings("cremad_votes") else { return };
    let table = fs::read_to_string(folder.join("VideoDemographics.csv")).unwrap();
    let rows: Vec<(&str, &str)> = table
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>())
        .map(|c| (c[0], c[2].trim_matches('"')))
        .collect();
    assert_eq!(rows.len(), 91);
    let names: Vec<String> = rows.iter().map(|(id, _)| format!("{id}_IEO_ANG_HI.wav")).collect();
    let (_keep, root) = tree("AudioWAV", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let corpus = open(&root);
    assert_eq!(corpus.name, "cremad");
    for (id, sex) in rows {
        let clip = corpus.clips.iter().find(|c| c.speaker.as_deref() == Some(id)).unwrap();
        assert_eq!(clip.sex.unwrap().to_string(), sex.to_lowercase(), "{id}");
    }
}

#[test]
fn the_demo_corpus_is_balanced_and_marked_synthetic() {
    let corpus = open(&demo_root().unwrap());
    assert_eq!((corpus.name.as_str(), corpus.clips.len(), corpus.problems.len()), ("demo", 96, 0));
    assert!(corpus.synthetic);
    assert!(corpus.clips.iter().all(|c| (c.audio.rate, c.audio.channels) == (16_000, 1) && c.words.is_some()));
    assert_eq!(counts(&corpus, |c| c.label.clone()).values().copied().collect::<Vec<_>>(), [16; 6]);
    assert_eq!(counts(&corpus, |c| c.speaker.clone()).values().copied().collect::<Vec<_>>(), [12; 8]);
    assert_eq!(counts(&corpus, |c| c.sex), BTreeMap::from([(Some(Sex::Female), 48), (Some(Sex::Male), 48)]));
}

// Layouts

#[test]
fn iemocap_takes_its_labels_from_the_evaluations() {
    let names = ["F000", "M001", "M002", "F003"];
    let paths = names.map(|n| format!("Session1/sentences/wav/Ses01F_impro04/Ses01F_impro04_{n}.wav"));
    let (_keep, root) = tree("IEMOCAP", &paths.each_ref().map(String::as_str));
    let folder = root.join("Session1/dialog/EmoEvaluation");
    fs::create_dir_all(folder.join("Categorical")).unwrap();
    let lines = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n\
        [6.2901 - 8.2357]\tSes01F_impro04_F000\tneu\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n\
        [10.0 - 11.3]\tSes01F_impro04_M001\texc\t[3.0, 3.5, 3.0]\n\
        [12.0 - 13.3]\tSes01F_impro04_M002\txxx\t[3.0, 3.5, 3.0]\n\
        [14.0 - 15.3]\tSes01F_impro04_F009\tang\t[3.0, 3.5, 3.0]\n";
    fs::write(folder.join("Ses01F_impro04.txt"), lines).unwrap();
    fs::write(folder.join("Categorical/e1.txt"), "Ses01F_impro04_F000 :Anger; ()\n").unwrap();
    let corpus = open(&root);
    assert_eq!(corpus.name, "iemocap");
    let read = |at: usize| {
        let clip = clip(&corpus, &paths[at]);
        (clip.speaker.clone().unwrap(), clip.label.clone(), clip.text.clone().unwrap())
    };
    assert_eq!(read(0), ("Ses01F".into(), Some("neutral".into()), "impro04".into()));
    assert_eq!(read(1), ("Ses01M".into(), Some("excitement".into()), "impro04".into()));
    assert_eq!(read(2).1, None);
    assert_eq!(read(3).1, None);
    assert!(problem(&corpus, &paths[3]).contains("no line tells its label"));
    assert_eq!(problem(&corpus, &paths[2]), "");
    let orphans = problem(&corpus, "Session1/dialog/EmoEvaluation/Ses01F_impro04.txt");
    assert_eq!(orphans, "1 of its 4 lines speak of clips that are not there");
}

#[test]
fn nemo_takes_its_words_from_the_table_beside_it() {
    let (_keep, root) = tree("nEMO", &["samples/TP0_fear_63.wav"]);
    let rows = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n\
        TP0_fear_63.wav\tfear\tMoja wizja.\tmoja wizja\tTP0\tmale\t26\n";
    fs::write(root.join("data.tsv"), rows).unwrap();
    let corpus = open(&root);
    let clip = &corpus.clips[0];
    assert_eq!((clip.text.as_deref(), clip.words.as_deref()), (Some("63"), Some("Moja wizja.")));
    assert_eq!(clip.sex, Some(Sex::Male));
}

#[test]
fn folders_are_labels_unless_there_is_but_one() {
    let (_keep, root) = tree("x", &["loose.wav", "sad/1.wav", "sad/2.wav", "train/angry/3.wav"]);
    let corpus = open(&root);
    assert_eq!((corpus.name.as_str(), &corpus.classes[..]), ("folders", &["angry".to_owned(), "sad".to_owned()][..]));
    assert_eq!(clip(&corpus, "train/angry/3.wav").label.as_deref(), Some("angry"));
    assert_eq!(clip(&corpus, "loose.wav").label, None);
    let one = open(&root.join("train"));
    assert_eq!((one.clips.len(), one.clips[0].label.as_deref()), (1, None));
}

#[test]
fn labels_exported_into_a_corpus_do_not_change_how_it_is_read() {
    let (_keep, root) = tree("x", &["sad/1.wav", "angry/2.wav"]);
    fs::write(root.join("labels.csv"), "id,file,audio,annotator,annotator_kind,scheme\n1,sad/1.wav,x,ann,human,x@1\n")
        .unwrap();
    fs::write(root.join("labels.clips.csv"), "file,scheme,label,raters,counts,tied,flags\nsad/1.wav,x,sad,1,{},[],0\n")
        .unwrap();
    assert_eq!(open(&root).name, "folders");
    fs::write(root.join("mine.csv"), "file,label\nsad/1.wav,sad\n").unwrap();
    assert_eq!(open(&root).name, "table", "the test would see a table");
}

#[test]
fn a_table_tells_labels_and_its_bad_lines_are_named() {
    let (_keep, root) = tree("x", &["a/1.wav", "a/2.wav", "a/3.wav", "4.wav"]);
    let table: &[u8] = b"\xef\xbb\xbffile;speaker;gender;mood\na/1.wav;anna;female;calm\n2.wav;bert;M;tense\n\
        a/9.wav;bert;m;calm\na/3.wav;bert;m\na/3.wav;b\xffrt;m;calm\na/1.wav;anna;f;tense\n;x;m;calm\n";
    fs::write(root.join("list.csv"), table).unwrap();
    for start in [root.clone(), root.join("list.csv")] {
        let corpus = open(&start);
        assert_eq!((corpus.name.as_str(), corpus.clips.len()), ("table", 2));
        let first = clip(&corpus, "a/1.wav");
        assert_eq!((first.speaker.as_deref(), first.label.as_deref()), (Some("anna"), Some("calm")));
        let second = clip(&corpus, "a/2.wav");
        assert_eq!((second.sex, second.label.as_deref()), (Some(Sex::Male), Some("tense")));
        let said = problem(&corpus, "list.csv");
        for words in [
            "line 4: there is no audio file `a/9.wav`",
            "line 5, column 4: the row has 3 cells, the header 4",
            "line 6, column 2 (speaker): not UTF-8",
            "line 7: `a/1.wav` again",
            "line 8: the file column is empty",
        ] {
            assert!(said.contains(words), "{words} in {said}");
        }
        assert_eq!(problem(&corpus, "4.wav"), "not named in list.csv");
    }
}

#[test]
fn a_table_without_a_label_column_opens_unlabelled_and_says_so() {
    let (_keep, root) = tree("x", &["1.wav"]);
    fs::write(root.join("m.csv"), "file,shift,room\n1.wav,3,b\n").unwrap();
    let corpus = open(&root);
    assert_eq!(corpus.clips[0].label, None);
    assert!(
        problem(&corpus, "m.csv").contains("no label column (emotion, label, class, target) among file, shift, room")
    );
    let refused = task(&corpus, Target::Emotion).unwrap_err();
    assert_eq!(refused, TaskError::NoLabels { corpus: "table".into(), clips: 1, target: Target::Emotion });
}

// Trouble

#[test]
fn what_is_no_corpus_is_refused_with_a_reason() {
    let (_keep, root) = tree("x", &["1.wav"]);
    let refused = |path: &Path, corpus| scan(path, corpus, &Unwatched).unwrap_err();
    assert!(matches!(refused(&root.join("nowhere"), None), ScanError::NotFound { .. }));
    assert!(matches!(refused(&root.join("1.wav"), None), ScanError::NotACorpus { .. }));
    let unknown = refused(&root, Some("emobd")).to_string();
    assert!(unknown.contains("emobd") && unknown.contains("emodb"), "{unknown}");
    let empty = root.join("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("notes.txt"), "no audio here").unwrap();
    assert!(matches!(refused(&empty, None), ScanError::Empty { .. }));
    fs::write(empty.join("x.wav"), "this is text").unwrap();
    let none = refused(&empty, None).to_string();
    assert!(none.contains("none of 1 audio files") && none.contains("x.wav"), "{none}");
}

#[test]
fn bad_files_are_problems_and_the_rest_opens() {
    let (_keep, root) = tree("emodb", &["03a01Fa.wav", "03a01Wa.wav", "03a01Xa.wav", "holiday.wav", ".hidden.wav"]);
    fs::write(root.join("03a02Fa.wav"), "").unwrap();
    fs::write(root.join("03a02Wa.wav"), "a text renamed to .wav").unwrap();
    fs::create_dir(root.join("__MACOSX")).unwrap();
    fs::copy(root.join("03a01Fa.wav"), root.join("__MACOSX/03a01Ta.wav")).unwrap();
    fs::copy(root.join("03a01Fa.wav"), root.join("03a01Na.wav")).unwrap();
    let corpus = open(&root);
    let ids: Vec<&str> = corpus.clips.iter().map(|c| c.id.0.as_str()).collect();
    assert_eq!(ids, ["03a01Fa.wav", "03a01Na.wav", "03a01Wa.wav"]);
    assert_eq!(problem(&corpus, "03a01Na.wav"), "same audio as 03a01Fa.wav, there happiness, here neutral");
    assert_eq!(problem(&corpus, "holiday.wav"), "not named like a file of emodb (such as wav/03a01Fa.wav)");
    let files: Vec<&str> = corpus.problems.iter().map(|p| p.file.as_str()).collect();
    assert_eq!(files, ["03a01Na.wav", "03a01Xa.wav", "03a02Fa.wav", "03a02Wa.wav", "holiday.wav"]);
    assert!(corpus.problems.iter().all(|p| !p.reason.is_empty()));
}

#[test]
fn a_tie_names_the_candidates_and_a_choice_ends_it() {
    let (_keep, root) = tree("x", &["03a01Fa.wav", "03-01-02-01-01-02-01.wav"]);
    let tie = scan(&root, None, &Unwatched).unwrap_err();
    assert!(matches!(&tie, ScanError::Ambiguous { names, files: 1 } if names[..] == ["emodb", "ravdess"]), "{tie}");
    assert!(tie.to_string().contains("--corpus NAME"));
    let chosen = scan(&root, Some("emodb"), &Unwatched).unwrap();
    assert_eq!((chosen.clips.len(), chosen.problems.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_and_loops_of_links_do_no_harm() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_keep, root) = tree("x", &["sad/1.wav", "angry/2.wav"]);
    tone(&root.join("sad").join(OsStr::from_bytes(b"b\xe4r.wav")), 999.0);
    std::os::unix::fs::symlink(&root, root.join("sad/up")).unwrap();
    std::os::unix::fs::symlink(root.join("nowhere.wav"), root.join("sad/gone.wav")).unwrap();
    let corpus = open(&root);
    assert_eq!(corpus.clips.len(), 3);
    let strange = clip(&corpus, "sad/b%E4r.wav");
    assert_eq!(strange.label.as_deref(), Some("sad"));
    assert!(strange.path().is_file());
    assert!(problem(&corpus, "sad/up").contains("a link back to"), "{:?}", corpus.problems);
    assert!(!problem(&corpus, "sad/gone.wav").is_empty());
}

/// Collects news; cancels when it has had enough of them.
struct Impatient {
    heard: Mutex<Vec<Scanned>>,
    patience: usize,
}

impl Watch<Scanned> for Impatient {
    fn check(&self) -> Result<(), Cancelled> {
        if self.heard.lock().unwrap().len() > self.patience { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: Scanned) {
        self.heard.lock().unwrap().push(news);
    }
}

#[test]
fn a_scan_tells_how_far_it_is_and_can_be_stopped() {
    let root = demo_root().unwrap();
    let patient = Impatient { heard: Mutex::new(Vec::new()), patience: usize::MAX };
    scan(&root, None, &patient).unwrap();
    let heard = patient.heard.into_inner().unwrap();
    assert!(heard.contains(&Scanned { done: 96, total: 96 }));
    let impatient = Impatient { heard: Mutex::new(Vec::new()), patience: 3 };
    let stopped = anyhow::Error::from(scan(&root, None, &impatient).unwrap_err());
    assert!(emolab::job::is_cancelled(&stopped), "{stopped:#}");
}

// Targets

#[test]
fn targets_lay_the_demo_corpus_out() {
    let corpus = open(&demo_root().unwrap());
    for (target, classes) in [("emotion", 6), ("sex", 2), ("sex+emotion", 12)] {
        let task = task(&corpus, target.parse().unwrap()).unwrap();
        assert_eq!((task.classes.len(), task.rows.len(), task.speakers.len()), (classes, 96, 8), "{target}");
        for (at, row) in task.rows.iter().enumerate() {
            let clip = &corpus.clips[*row];
            assert_eq!(Some(task.speakers[task.groups[at]].as_str()), clip.speaker.as_deref());
            assert_eq!(target.parse::<Target>().unwrap().class_of(clip).as_ref(), Some(&task.classes[task.labels[at]]));
        }
    }
    assert!("mood".parse::<Target>().unwrap_err().to_string().contains("sex+emotion"));
}

#[test]
fn unknown_speakers_forbid_speaker_plans_only() {
    let (_keep, root) = tree("x", &["sad/1.wav", "sad/2.wav", "angry/3.wav", "angry/4.wav"]);
    let task = task(&open(&root), Target::Emotion).unwrap();
    assert_eq!(task.speakerless(), 4);
    assert_eq!(task.splits(&Plan::Loso, 0), Err(PlanError::UnknownSpeakers { lacking: 4, clips: 4 }));
    let splits = task.splits(&Plan::Random(2), 0).unwrap();
    assert_eq!(splits.iter().map(|s| s.test.len()).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn one_class_is_refused_by_name() {
    let (_keep, root) = tree("emodb", &["03a01Fa.wav", "08a01Fa.wav"]);
    let refused = task(&open(&root), Target::Emotion).unwrap_err().to_string();
    assert!(refused.contains("all 2 clips") && refused.contains("`happiness`"), "{refused}");
}

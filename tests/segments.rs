//! Recordings cut into segments: samples, clips, labels, screens, and what may go wrong.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ratatui::style::Modifier;

use emolab::audio::{Sound, Span, decode, decode_part, decode_parts, facts_of, stream};
use emolab::corpus::ClipId;
use emolab::job::Unwatched;
use emolab::label::{Act, Annotator, Exposure, NewAnnotation, SchemeId};
use emolab::store::Store;
use emolab::tui::theme::Depth;
use emolab::workbench::{Opening, key_of, segments};

use crate::screens::{self, Stage};
use crate::support::{Home, text};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audio").join(name)
}

fn cut(sound: &Sound, span: Span) -> Sound {
    let (frames, width) = (span.frames(sound.rate), usize::from(sound.channels));
    let samples = sound.samples[frames.start as usize * width..frames.end as usize * width].to_vec();
    Sound { samples, channels: sound.channels, rate: sound.rate }
}

fn span(start: u32, end: u32) -> Span {
    Span::millis(start, end).unwrap()
}

/// Every format, each with parts in it.
fn formats() -> Vec<(PathBuf, Vec<Span>)> {
    let short = vec![span(0, 60), span(100, 101), span(37, 113), span(50, 120)];
    let long = vec![span(8_013, 8_799), span(0, 500), span(4_000, 4_001), span(6_123, 8_999), span(6_000, 7_000)];
    let names =
        ["tone.flac", "stereo.flac", "tone.aiff", "mulaw.wav", "adpcm_ms.wav", "tone.mp3", "tone.ogg", "tone.m4a"];
    let short = names.into_iter().map(|name| (golden(name), short.clone()));
    short.chain(["long.flac", "long.mp3", "long.ogg"].map(|name| (golden(name), long.clone()))).collect()
}

#[test]
fn a_part_has_the_samples_that_the_whole_has_there_to_the_bit() {
    for (path, spans) in formats() {
        let whole = decode(&path).unwrap();
        let mut found = 0;
        decode_parts(&path, &spans, &mut |place, part| {
            let part = part.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(part, cut(&whole, spans[place]), "{} {}", path.display(), spans[place]);
            found += 1;
        })
        .unwrap();
        assert_eq!(found, spans.len());
        assert_eq!(decode_part(&path, spans[1]).unwrap(), cut(&whole, spans[1]), "{}", path.display());
        let end = (whole.seconds() * 1000.0) as u32;
        let beyond = decode_part(&path, span(end - 5, end + 5)).unwrap_err().to_string();
        assert!(beyond.contains("is not in it: it is"), "{}: {beyond}", path.display());
    }
}

#[test]
fn what_is_heard_piece_by_piece_is_the_whole() {
    for (path, _) in formats() {
        let (whole, mut pieces) = (decode(&path).unwrap(), Vec::new());
        stream(&path, &mut |make, samples| {
            assert_eq!(make, whole.make());
            pieces.extend_from_slice(samples);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(pieces == whole.samples, "{}", path.display());
        assert_eq!(facts_of(&path).unwrap(), whole.facts(), "{}", path.display());
    }
}

/// A mono recording of 16 bits.
fn write(path: &Path, rate: u32, samples: impl IntoIterator<Item = f32>) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        file.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    file.finalize().unwrap();
}

/// Steps of a linear congruential generator as noise of that height.
fn noise(height: f32) -> impl FnMut() -> f32 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        height * ((state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
    }
}

const RATE: u32 = 8_000;
/// Voices begin at 2 s, 6 s, … and last a second; of eight, every other one is high.
const VOICES: u32 = 8;

/// 34 s of eight voices in faint noise, low ones and high ones, which rise so many hertz.
fn talk(path: &Path, (low, high, rise): (f32, f32, f32)) {
    let mut hiss = noise(0.002);
    let sample = |at: u32| {
        let second = at / RATE;
        let hertz = if (second / 4).is_multiple_of(2) { low } else { high };
        let voiced = second % 4 == 2 && second < 4 * VOICES;
        let since = (at % RATE) as f32 / RATE as f32;
        let tone = (std::f32::consts::TAU * (hertz * since + rise / 2.0 * since * since)).sin();
        hiss() + if voiced { 0.3 * tone } else { 0.0 }
    };
    write(path, RATE, (0..34 * RATE).map(sample));
}

/// Two recordings that nobody has cut.
fn talks(home: &Home) -> PathBuf {
    let folder = home.path().join("talks");
    std::fs::create_dir(&folder).unwrap();
    talk(&folder.join("a.wav"), (220.0, 1_600.0, 120.0));
    talk(&folder.join("b.wav"), (400.0, 2_200.0, -150.0));
    folder
}

fn run(home: &Home, args: &[&str]) -> (String, String) {
    let output = home.run(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}\n{err}");
    (out, err)
}

fn fails(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    text(&output.stderr)
}

fn store(home: &Home) -> Store {
    Store::open(&home.path().join(".local/share/emolab/emolab.db")).unwrap()
}

fn spans(home: &Home, folder: &Path, file: &str) -> Vec<Span> {
    let cuts = store(home).segments(&key_of(folder)).unwrap();
    cuts.get(&ClipId(file.into())).map_or(Vec::new(), |cuts| cuts.iter().map(|cut| cut.span).collect())
}

/// Anna calls the low voices sadness, the high ones joy.
fn label(home: &Home, folder: &Path) {
    let corpus = segments::scan(folder, None, store(home).path(), &Unwatched).unwrap();
    let (clips, places) = segments::rateable(&corpus);
    assert_eq!((clips.len(), places.len()), (16, 16), "the recordings themselves are not to be labelled");
    let mut store = store(home);
    for place in places {
        let clip = &corpus.clips[place];
        let high = clip.id.split().1.unwrap().start() as u32 / 4 % 2 == 1;
        let (who, scheme) = (Annotator::Human("anna".to_owned()), SchemeId { name: "ekman6".to_owned(), version: 1 });
        let act = Act::label(if high { "joy" } else { "sadness" });
        let hash = clip.audio.hash.to_string();
        store.append(&key_of(folder), &NewAnnotation::now(clip.id.clone(), hash, who, scheme, act)).unwrap();
    }
}

#[test]
fn from_a_long_recording_to_labels_a_comparison_and_praat_and_back() {
    let home = Home::new();
    let folder = talks(&home);
    let place = folder.to_str().unwrap();
    let (told, said) = run(&home, &["segment", place, "--dry-run"]);
    assert!(said.contains("would be cut: 16 segments"), "{said}");
    assert_eq!(told.lines().count(), 17);
    assert!(!home.path().join(".local/share/emolab/emolab.db").exists(), "a dry run makes no store");
    run(&home, &["segment", place]);
    let found = spans(&home, &folder, "a.wav");
    for (span, at) in found.iter().zip((2..).step_by(4)) {
        let (start, end) = (span.start() - f64::from(at) + 0.1, span.end() - f64::from(at + 1) - 0.1);
        assert!(start.abs() <= 0.03 && end.abs() <= 0.03, "{span} around {at} s");
    }
    let (_, said) = run(&home, &["segment", place]);
    assert!(said.contains("2 recordings are cut already"), "{said}");
    label(&home, &folder);

    // Who speaks is not known, so each recording is kept together. (Tones are taken for copies of each other.)
    let args = [
        "compare",
        place,
        "--truth",
        "majority",
        "--models",
        "naive-bayes",
        "--plan",
        "loso",
        "--allow-leak",
        "audio",
        "--json",
        "-q",
    ];
    let compared: serde_json::Value = serde_json::from_str(&run(&home, &args).0).unwrap();
    let run_of = &compared["runs"][0];
    assert_eq!(compared["protocol"]["clips"], 16, "{compared}");
    let folds: Vec<&str> =
        run_of["by_speaker"].as_array().unwrap().iter().map(|fold| fold["name"].as_str().unwrap()).collect();
    assert_eq!(folds, ["recording a.wav", "recording b.wav"]);
    assert!(run_of["uar"].as_f64().unwrap() > 0.6, "low voices are told from high ones: {}", run_of["uar"]);

    hand_over(&home, &folder, &found);
}

/// What is written has the files and times of the segments, and comes back to the same segments in an empty store.
fn hand_over(home: &Home, folder: &Path, found: &[Span]) {
    let place = folder.to_str().unwrap();
    for (format, file, wanted) in [
        ("textgrid", "a.TextGrid", "name = \"ekman6 | anna\""),
        ("audacity", "a.txt", "sadness"),
        ("audformat", "db.yaml", "anna"),
        ("csv", "", "a.wav#"),
    ] {
        let out = home.path().join(format);
        run(home, &["export", place, "--format", format, "-o", out.to_str().unwrap(), "-q"]);
        let written =
            std::fs::read_to_string(out.join(file)).unwrap_or_else(|_| std::fs::read_to_string(&out).unwrap());
        assert!(written.contains(wanted), "{format}: {written}");
        assert!(format == "csv" || !written.contains(".wav#"), "{format}: a name of ours in a file of theirs");
        let other = Home::new();
        let args = ["import", place, out.to_str().unwrap(), "--segments", "--scheme", "ekman6", "--annotator", "anna"];
        let (_, said) = run(&other, &args);
        // Our own rows name segments that are cut by their names alone.
        assert!(said.contains("16 segments cut") && said.contains("16 new"), "{format}: {said}");
        assert_eq!(spans(&other, folder, "a.wav"), found, "{format}");
        let (_, again) = run(&other, &args);
        assert!(again.contains("0 segments cut") && again.contains("0 new, 16 known"), "{format}: {again}");
        let missing = run_refused(&Home::new(), &args[..3]);
        assert!(missing.contains("--segments makes it one"), "{format}: {missing}");
    }
}

fn run_refused(home: &Home, args: &[&str]) -> String {
    fails(home, &[args, &["--scheme", "ekman6", "--annotator", "anna"]].concat())
}

#[test]
fn what_is_no_speech_or_no_sound_is_told_and_nothing_is_cut() {
    let home = Home::new();
    let folder = home.path().join("odd");
    std::fs::create_dir(&folder).unwrap();
    let place = folder.to_str().unwrap();
    std::fs::write(folder.join("empty.wav"), []).unwrap();
    assert!(fails(&home, &["segment", place]).contains("empty file"));
    write(&folder.join("silence.wav"), RATE, (0..31 * RATE).map(|_| 0.0));
    let mut hiss = noise(0.1);
    write(&folder.join("noise.wav"), RATE, (0..31 * RATE).map(|_| hiss()));
    write(&folder.join("short.wav"), RATE, (0..RATE).map(|at| (at % 9) as f32 / 9.0));
    let (told, said) = run(&home, &["segment", place]);
    assert_eq!(told.lines().count(), 1, "{told}");
    for name in ["silence.wav", "noise.wav"] {
        assert!(said.contains(&format!("{name}: nobody is heard in it; left whole")), "{said}");
    }
    assert!(said.contains("cut: 0 segments"), "{said}");
    let (_, said) = run(&home, &["segment", place, "--longer-than", "99"]);
    assert!(said.contains("no recording lasts 99 s or more"), "{said}");
    for (wrong, why) in [("--threshold", "1 to 60"), ("--pad", "0 to 600")] {
        assert!(fails(&home, &["segment", place, wrong, "1000"]).contains(why));
    }
}

#[test]
fn a_recording_that_changes_after_it_was_cut_is_told_and_nothing_is_lost() {
    let home = Home::new();
    let folder = talks(&home);
    let place = folder.to_str().unwrap();
    run(&home, &["segment", place]);
    label(&home, &folder);
    let whole = std::fs::read(folder.join("a.wav")).unwrap();
    // Other samples, as many: every segment is heard and marked.
    let mut louder = whole.clone();
    louder[60_000] ^= 0x10;
    std::fs::write(folder.join("a.wav"), &louder).unwrap();
    let (told, _) = run(&home, &["scan", place]);
    assert_eq!(told.matches("its recording has changed since it was cut").count(), 8, "{told}");
    // Half of it: what is beyond the end is told, the rest is there.
    write(&folder.join("a.wav"), RATE, (0..17 * RATE).map(|at| (at % 9) as f32 / 9.0));
    let (told, _) = run(&home, &["scan", place]);
    assert_eq!(told.matches("is not in it: it is 17.000 s long").count(), 4, "{told}");
    std::fs::remove_file(folder.join("a.wav")).unwrap();
    let (told, _) = run(&home, &["scan", place]);
    assert!(told.contains("a.wav: cut into 8 segments, but it is not there"), "{told}");
    // Back again, all is as it was.
    std::fs::write(folder.join("a.wav"), whole).unwrap();
    let (told, _) = run(&home, &["scan", place]);
    assert!(!told.contains("problem:") && told.contains("a.wav#"), "{told}");
    let args = [
        "compare",
        place,
        "--truth",
        "majority",
        "--models",
        "majority",
        "--plan",
        "loso",
        "--allow-leak",
        "audio",
        "--json",
        "-q",
    ];
    let compared: serde_json::Value = serde_json::from_str(&run(&home, &args).0).unwrap();
    assert_eq!(compared["protocol"]["clips"], 16);
    let (_, said) = run(&home, &["segment", place, "--clear"]);
    assert!(said.contains("16 segments are removed; what was said of them is kept"), "{said}");
    let (told, _) = run(&home, &["scan", place]);
    assert!(!told.contains('#'), "{told}");
    run(&home, &["segment", place]);
    let said = store(&home).annotations(&key_of(&folder), None).unwrap();
    assert_eq!(said.len(), 16, "labels come back with their segments");
}

/// Browse on the two recordings, then Cut on the first one, heard through.
fn cut_screen() -> Stage {
    let home = Home::new();
    let folder = talks(&home);
    let mut stage = Stage::on(home, &folder, "browse", Depth::True, |of| of.scheme = Some("ekman6".to_owned()));
    stage.press(&["X"]);
    stage.until(|app| app.bench().cutting().is_some_and(|cutting| cutting.overview.is_some()));
    stage
}

fn parts(stage: &Stage) -> Vec<Span> {
    stage.app.bench().cutting().unwrap().parts.iter().map(|part| part.span).collect()
}

#[test]
fn cut_shows_the_whole_what_is_near_and_the_segments() {
    let mut stage = cut_screen();
    insta::assert_snapshot!(screens::text(&stage.cells(80, 24)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree
    a.wav  34.0 s  no segments                                            marks snap
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~


    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

    0          5          10          15          20         25          30 s



    no segments yet: v finds where somebody speaks; [ and ] mark one, Enter keeps it



    at       0:00.000  window 34.0 s                            speed 1.0  vol 100 %
     folders · 2 clips · ann · ekman6
     Esc back  Space play  [ start  ] end  v voice  z zoom in      ? help  : palette
    ");
    stage.press(&["v", "n", "e", "/"]).type_in("6.5");
    stage.press(&["Enter", "["]);
    insta::assert_snapshot!(screens::text(&stage.cells(80, 24)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree
    a.wav  34.0 s  8 segments, 9.8 s                                      marks snap
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
        ▌▄▄      [▄▄ ]     ▌▄▄      ▌▄▄       ▌▄       ▌▄▄      ▌▄▄       ▌▄▄

    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
          ▌▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄[▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
    5.8        6.0        6.2        6.4        6.6       6.8        7.0       7.2 s
       no         from           to  seconds mine
        1     0:01.890     0:03.120    1.230 –
        2     0:05.890     0:07.120    1.230 –
        3     0:09.890     0:11.120    1.230 –
        4     0:13.890     0:15.120    1.230 –
        5     0:17.890     0:19.120    1.230 –
        6     0:21.890     0:23.120    1.230 –
    at       0:06.500  window 1.5 s  marked 0:06.575 to –       speed 1.0  vol 100 %
     starts at 0:06.575; ] ends it
     Esc back  Space play  p hear  [ start  ] end  v voice         ? help  : palette
    ");
    insta::assert_snapshot!(screens::text(&stage.cells(120, 40)), @r"
     emolab  1 Browse  2 Label  3 Train  4 Results  5 Features  6 Agree
    a.wav  34.0 s  8 segments, 9.8 s                                                                              marks snap
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
          ▌▄▄▄▄         [▄▄▄▄]        ▌▄▄▄▄          ▌▄▄▄          ▌▄▄▄          ▌▄▄▄          ▌▄▄▄          ▌▄▄▄

    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
              ▌▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄[▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
     5.8     5.9     6.0      6.1     6.2     6.3     6.4     6.5     6.6     6.7     6.8      6.9     7.0     7.1     7.2 s
       no         from           to  seconds mine
        1     0:01.890     0:03.120    1.230 –
        2     0:05.890     0:07.120    1.230 –
        3     0:09.890     0:11.120    1.230 –
        4     0:13.890     0:15.120    1.230 –
        5     0:17.890     0:19.120    1.230 –
        6     0:21.890     0:23.120    1.230 –
        7     0:25.890     0:27.120    1.230 –
        8     0:29.890     0:31.120    1.230 –



    at       0:06.500  window 1.5 s  marked 0:06.575 to –                                               speed 1.0  vol 100 %
     starts at 0:06.575; ] ends it
     Esc back  Space play  p hear  [ start  ] end  v voice  u undo  x remove  Tab next                     ? help  : palette
    ");
}

#[test]
fn segments_are_cut_moved_removed_and_taken_back_by_keys() {
    let mut stage = cut_screen();
    stage.press(&["t", "/"]).type_in("1.9");
    stage.press(&["Enter", "[", "/"]).type_in("3.2");
    stage.press(&["Enter", "]", "Enter"]);
    assert_eq!(parts(&stage), [span(1_900, 3_200)]);
    stage.press(&["a", "S", "F", "d"]);
    assert_eq!(parts(&stage), [span(1_990, 3_290)]);
    stage.press(&["u", "u"]);
    assert_eq!(parts(&stage), [span(1_990, 3_200)]);
    stage.press(&["x"]);
    assert_eq!(parts(&stage), []);
    stage.press(&["u"]);
    assert_eq!(parts(&stage), [span(1_990, 3_200)]);
    // What somebody says is found around it; one key takes all of that back.
    stage.press(&["v"]);
    assert_eq!(parts(&stage).len(), 8);
    stage.press(&["u"]);
    assert_eq!(parts(&stage).len(), 1);
    // Marks go to silence where they are told to: the voice begins at 10 s.
    stage.press(&["t", "/"]).type_in("10.05");
    stage.press(&["Enter", "[", "/"]).type_in("11.2");
    stage.press(&["Enter", "]", "Enter"]);
    let new = parts(&stage)[1];
    assert!((9_900..10_000).contains(&new.start_millis()) && new.end_millis() > 11_000, "{new}");
    stage.press(&["Esc"]);
    stage.until(|app| *app.bench().opening() == Opening::Open);
    let bench = stage.app.bench();
    let names: Vec<&str> = bench.corpus().clips.iter().map(|clip| clip.id.0.as_str()).collect();
    assert_eq!(names, ["a.wav", &format!("a.wav#{}", span(1_990, 3_200)), &format!("a.wav#{new}"), "b.wav"]);
    assert_eq!(bench.queue().turns().len(), 3, "the recording that is cut is not labelled itself");
    stage.press(&["g", "Enter"]);
    assert!(screens::text(&stage.cells(80, 24)).contains("its segments are labelled"));
}

#[test]
fn a_rater_hears_a_segment_blind_and_who_saw_its_recording_is_told_to_have() {
    let mut stage = cut_screen();
    stage.press(&["v", "Esc"]);
    stage.until(|app| *app.bench().opening() == Opening::Open);
    stage.press(&["2"]);
    stage.until(|app| app.bench().playing().is_some());
    let seen = screens::text(&stage.cells(120, 40));
    assert!(seen.contains("clip 1 of 9") && !seen.contains(".wav"), "{seen}");
    stage.press(&["0"]);
    let seen = screens::text(&stage.cells(120, 40));
    let bench = stage.app.bench();
    let said = Store::open(&stage.home().path().join("emolab.db")).unwrap();
    let said = said.annotations(&key_of(&bench.corpus().root), None).unwrap();
    assert_eq!(said.len(), 1, "{seen}");
    assert_eq!(said[0].exposure, Some(Exposure::Before(Exposure::CORPUS.to_owned())), "its recording stood in Browse");
}

/// Columns of the near wave in which the click, the only sound, reaches the uppermost line, and the column of the cursor.
fn drawn(stage: &Stage, (width, height): (u16, u16)) -> (Vec<u16>, Option<u16>) {
    let cells = stage.cells(width, height);
    let dotted = |x: u16, y: u16| matches!(cells[(x, y)].symbol().chars().next(), Some('\u{2801}'..='\u{28FF}'));
    // Below two lines, the wave of the whole, its segments and a free line.
    let near = 2 + ((height - 3) / 8).clamp(2, 5) + 2;
    let hits = (0..width).filter(|x| dotted(*x, near)).collect();
    let cursor = (0..width).find(|x| cells[(*x, near)].modifier.contains(Modifier::REVERSED));
    (hits, cursor)
}

#[test]
fn what_is_drawn_what_is_cut_and_what_is_heard_are_in_step() {
    let home = Home::new();
    let folder = home.path().join("hour");
    std::fs::create_dir(&folder).unwrap();
    // An hour of silence with a click, of so few samples as a file may have.
    let (rate, click) = (1_000_u32, 2_717_283_u32);
    write(&folder.join("hour.wav"), rate, (0..3_600 * rate).map(|at| if at == click { 0.9 } else { 0.0 }));
    let mut stage = Stage::on(home, &folder, "browse", Depth::True, |_| {});
    stage.press(&["X"]);
    stage.until(|app| app.bench().cutting().is_some_and(|cutting| cutting.overview.is_some()));
    stage.press(&["t", "/"]).type_in("45:17.283");
    stage.press(&["Enter"]);
    let mut zooms = 0;
    loop {
        for size in [(80, 24), (120, 40), (200, 60)] {
            let (hits, cursor) = drawn(&stage, size);
            // Near enough a millisecond is wider than a column.
            let at = hits.iter().position(|hit| Some(*hit) == cursor);
            assert!(at == Some(0) && hits.len() <= 2, "{hits:?} and {cursor:?} of {size:?} after {zooms} zooms");
        }
        stage.press(&["z"]);
        if screens::text(&stage.cells(80, 24)).contains("no more to see in less") {
            break;
        }
        zooms += 1;
    }
    assert!(zooms >= 14, "from an hour to a fifth of a second");
    stage.press(&["[", "/"]).type_in("45:18");
    stage.press(&["Enter", "]", "Enter", "Esc"]);
    stage.until(|app| *app.bench().opening() == Opening::Open);
    let corpus = stage.app.bench().corpus();
    let part = corpus.clips.iter().find(|clip| clip.recording().is_some()).unwrap();
    let heard = part.sound().unwrap();
    assert_eq!(heard.samples.iter().position(|sample| *sample > 0.5), Some(0), "the click is its first sample");
    assert_eq!(heard.samples.len(), 717);
}

#[test]
fn the_cursor_is_where_the_sound_is() {
    let mut stage = cut_screen();
    stage.press(&["/"]).type_in("5.5");
    stage.press(&["Enter"]);
    let pressed = std::time::Instant::now();
    stage.press(&["Space"]);
    stage.until(|app| app.bench().playback().playing);
    let (at, runs) = stage.app.bench().heard_at().unwrap();
    let passed = 1000.0 * pressed.elapsed().as_secs_f64();
    assert!(runs && (5_500.0..=5_520.0 + passed).contains(&at), "{at} ms, {passed} ms after the key");
    stage.press(&["Space"]);
    let (held, runs) = stage.app.bench().heard_at().unwrap();
    assert!(!runs && held >= at);
    // Where it is held a mark is set, without moving to silence here.
    stage.press(&["t", "["]);
    assert!(screens::text(&stage.cells(120, 40)).contains("starts at 0:0"));
    stage.press(&["v", "g", "p"]);
    stage.until(|app| app.bench().playback().playing);
    let first = parts(&stage)[0];
    let seconds = stage.app.bench().playback().seconds;
    assert!((seconds - first.length()).abs() < 0.001, "the segment alone: {seconds} s of {first}");
}

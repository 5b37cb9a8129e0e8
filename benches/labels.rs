//! Labels at scale and under faults: `cargo bench --bench labels -- faults [ROUNDS]` and `-- scale [CLIPS]`.
//!
//! `faults`: 8 processes of 2,000 labels at once, killed writers, full files, permissions taken away; every label that a writer
//! told as saved must be in the store afterwards, once. `scale`: a corpus of so many tiny clips, five annotations of each, and
//! the program in a real pty: first frame, resident memory, and from each key to the frame that shows the next clip.
//! Deliberately absent: criterion; these are minutes of wall clock and counts of losses.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[allow(dead_code)]
mod made;
#[path = "../tests/support/pty.rs"]
#[allow(dead_code)]
mod pty;
#[path = "../tests/support/writer.rs"]
mod writer;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use emolab::corpus::{Facts, rescan};
use emolab::job::Unwatched;
use made::{Made, made, memory};
use pty::Terminal;
use writer::{kept, lost_or_doubled, told};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |default| args.get(1).map_or(default, |text| text.parse().unwrap());
    match args.first().map(String::as_str) {
        Some("write") => write(&args[1..]),
        Some("scale") => scale(number(1_000_000)),
        Some("faults") => faults(number(1000)),
        _ => println!("usage: faults [KILLS] | scale [CLIPS]"),
    }
}

/// A writer: store, journal, name, first, count, bytes a file may have (0: any).
fn write(args: &[String]) {
    let number = |at: usize| args[at].parse::<usize>().unwrap();
    if number(5) > 0 {
        use rustix::process::{Resource, Rlimit, setrlimit};
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default()).unwrap();
        let bytes = Some(number(5) as u64);
        setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: bytes }).unwrap();
    }
    writer::write((Path::new(&args[0]), Path::new(&args[1])), &args[2], number(3), number(4));
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.0.path().join("store/x.db"), self.0.path().join("journal"))
    }

    fn writer(&self, who: &str, first: usize, count: usize, limit: u64) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let (store, journal) = self.paths();
        command.args(["write", store.to_str().unwrap(), journal.to_str().unwrap(), who]);
        command.args([first.to_string(), count.to_string(), limit.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn report(&self, what: &str, said: [usize; 2], all: &[String], since: Instant) {
        let (store, journal) = self.paths();
        let kept = kept(&store, &journal);
        let wrong = lost_or_doubled(all, &kept);
        println!(
            "{what}: {} labels told as in the store, {} as in the journal; {} in the store now; {} lost or doubled; {:.0} s",
            said[0],
            said[1],
            kept.len(),
            wrong.len(),
            since.elapsed().as_secs_f64()
        );
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

/// What several writers told.
#[derive(Default)]
struct Said {
    counts: [usize; 2],
    all: Vec<String>,
}

impl Said {
    fn add(&mut self, mut writer: Child, most: usize, kill: bool) {
        let told = told(&mut writer, most);
        if kill {
            writer.kill().unwrap();
        }
        writer.wait().unwrap();
        (0..2).for_each(|place| self.counts[place] += told[place].len());
        self.all.extend(told.concat());
    }
}

fn faults(kills: usize) {
    let (place, since, mut said) = (Place::new(), Instant::now(), Said::default());
    let writers: Vec<Child> = (0..8).map(|n| place.writer(&format!("rater{n}"), 0, 2000, 0).spawn().unwrap()).collect();
    writers.into_iter().for_each(|writer| said.add(writer, usize::MAX, false));
    place.report("8 processes x 2,000 labels", said.counts, &said.all, since);

    let (place, since, mut said) = (Place::new(), Instant::now(), Said::default());
    let mut state = 1_u64;
    for round in 0..kills {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let writer = place.writer("anna", 10_000 * round, 10_000, 0).spawn().unwrap();
        said.add(writer, (state >> 60) as usize + 1, true);
    }
    place.report(&format!("{kills} kill -9"), said.counts, &said.all, since);

    let (place, since, mut said) = (Place::new(), Instant::now(), Said::default());
    said.add(place.writer("anna", 0, 3, 0).spawn().unwrap(), usize::MAX, false);
    for round in 1..=100 {
        let limit = [3_000_000, 200_000, 60_000, 20_000, 5_000, 2_000, 400][round % 7];
        said.add(place.writer("anna", 1000 * round, 30, limit).spawn().unwrap(), usize::MAX, false);
    }
    place.report("100 full disks", said.counts, &said.all, since);
    full_tmpfs();
    permissions();
}

/// A file system of 300 kB that holds the store; the journal lies elsewhere. Needs root.
fn full_tmpfs() {
    let (place, since, mut said) = (Place::new(), Instant::now(), Said::default());
    let folder = place.paths().0.parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=300k", "tmpfs"]).arg(&folder).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        return println!("full tmpfs: skipped, no permission to mount");
    }
    for round in 0..100 {
        let ballast = folder.join("ballast");
        fs::write(&ballast, vec![0; [0, 100_000, 200_000, 150_000][round % 4]]).unwrap_or_default();
        said.add(place.writer("anna", 1000 * round, 5, 0).spawn().unwrap(), usize::MAX, false);
        fs::remove_file(&ballast).unwrap_or_default();
    }
    let grown = Command::new("mount").args(["-o", "remount,size=50m"]).arg(&folder).status();
    assert!(grown.unwrap().success());
    place.report("100 rounds on a full tmpfs", said.counts, &said.all, since);
    Command::new("umount").arg(&folder).status().unwrap();
}

fn permissions() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let (place, since, mut said) = (Place::new(), Instant::now(), Said::default());
    let (store, journal) = place.paths();
    let folder = store.parent().unwrap().to_owned();
    let chmod = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for path in [&folder, &journal] {
        fs::create_dir_all(path).unwrap();
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    chmod(place.0.path(), 0o755);
    let as_other = |first: usize| place.writer("anna", first, 3, 0).uid(65_534).spawn().unwrap();
    said.add(as_other(0), usize::MAX, false);
    for round in 1..=100 {
        let modes = [[0o444, 0o755], [0o644, 0o555], [0o444, 0o555], [0o000, 0o755], [0o644, 0o000]];
        let [file_mode, folder_mode] = modes[round % 5];
        chmod(&store, file_mode);
        chmod(&folder, folder_mode);
        said.add(as_other(1000 * round), usize::MAX, false);
        chmod(&folder, 0o755);
        chmod(&store, 0o644);
    }
    place.report("100 permissions taken away", said.counts, &said.all, since);
}

fn scale(clips: usize) {
    let Made { home, root, store } = made(clips);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let since = Instant::now();
        work();
        println!("{what}: {:.2} s", since.elapsed().as_secs_f64());
    };
    let size = fs::metadata(&store).unwrap().len() >> 20;
    println!("{clips} clips, {} annotations, a store of {size} MiB", 5 * clips - 2000.min(clips));
    let facts = home.join(".cache/emolab/facts");
    for round in ["first scan, or the facts of the last one", "scan by facts"] {
        timed(round, &mut || {
            drop(rescan(&root, None, Facts::of(&facts, &root), &BTreeMap::new(), &Unwatched).unwrap())
        });
    }
    in_a_terminal(&home, &root, &store);
}

fn in_a_terminal(home: &Path, root: &Path, store: &Path) {
    let since = Instant::now();
    let args = ["label", root.to_str().unwrap(), "--silent", "--annotator", "rater1", "--scheme", "ekman6", "--store"];
    let mut terminal = Terminal::start(home, &[&args[..], &[store.to_str().unwrap()]].concat());
    terminal.wait_until("a first frame", |screen| !screen.trim().is_empty());
    println!("first frame: {:.0} ms", 1e3 * since.elapsed().as_secs_f64());
    let shown = terminal.wait_until("a clip", |screen| screen.contains(" today"));
    // The store of an earlier run of the day has its labels.
    let before = shown.split(" today").next().and_then(|text| text.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
    println!("first clip to label: {:.2} s", since.elapsed().as_secs_f64());
    println!("resident: {}; at most {}", memory(terminal.pid(), "VmRSS"), memory(terminal.pid(), "VmHWM"));
    let mut times = Vec::new();
    for given in before + 1..=before + 500 {
        std::thread::sleep(Duration::from_millis(40));
        let since = Instant::now();
        terminal.send("1");
        terminal.wait_until("the next clip", |screen| screen.contains(&format!(" {given} today")));
        times.push(1e3 * since.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let share = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!(
        "key to saved and next clip shown, ms: p50 {:.1}, p99 {:.1}, max {:.1}",
        share(0.5),
        share(0.99),
        share(1.0)
    );
    println!("resident: {}; at most {}", memory(terminal.pid(), "VmRSS"), memory(terminal.pid(), "VmHWM"));
    std::io::stdout().flush().unwrap();
    terminal.kill();
}

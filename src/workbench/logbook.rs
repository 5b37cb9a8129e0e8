//! The log: what this program and its libraries did, a line each with time, level, process and place, for when something went
//! wrong and nobody looked.
//!
//! Several processes write to one file: each line is one append, and whoever finds the file too long moves it aside under a lock;
//! the others notice that the name has become another file. What a library writes to file descriptor 2 while a screen is up
//! goes to the same file by itself (`tui::terminal`), without time and level. Deliberately absent: labels and runs, which are in
//! the store; and any wish to be read by the user, who is told on the screen.

use std::backtrace::Backtrace;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use jiff::Timestamp;
use log::{LevelFilter, Log, Metadata, Record};

use super::places;

/// Longer files are moved aside.
const LONG: u64 = 1 << 20;
/// So many files in all: the log, `.1` before it, `.2` before that.
const FILES: usize = 3;

static LOGBOOK: OnceLock<Logbook> = OnceLock::new();

/// Begins to log to the file of [`places::log`]: as `asked`, in the words of `RUST_LOG`; `verbose` (given so many times) asks for
/// more, and for the same on stderr where no screen is shown. A second call changes nothing.
pub fn begin(asked: &str, verbose: u8, with_screen: bool) {
    let wanted = [LevelFilter::Off, LevelFilter::Info, LevelFilter::Debug][usize::from(verbose.min(2))];
    let (more, echo) = if with_screen { (raised(wanted), LevelFilter::Off) } else { (wanted, wanted) };
    let shelf = places::log().ok().map(Shelf::new);
    let mut filter = Filter::read(asked);
    filter.level = filter.level.max(more);
    let book = LOGBOOK.get_or_init(|| Logbook { filter, echo, shelf });
    if log::set_logger(book).is_ok() {
        log::set_max_level(book.filter.most().max(echo));
    }
}

/// With a screen there is nothing between asking for more and not: the file has the information anyway.
fn raised(wanted: LevelFilter) -> LevelFilter {
    if wanted == LevelFilter::Info { LevelFilter::Debug } else { wanted }
}

/// The log's file, opened for appending, and what is to be called with each one that comes after it.
///
/// # Errors
/// There is no place for one.
pub fn file(follow: impl Fn(&File) + Send + 'static) -> io::Result<File> {
    let shelf = LOGBOOK.get().and_then(|book| book.shelf.as_ref()).ok_or(io::ErrorKind::NotFound)?;
    let mut state = shelf.state.lock().unwrap_or_else(PoisonError::into_inner);
    state.follow = Some(Box::new(follow));
    shelf.current(&mut state)?.try_clone()
}

/// Logs a panic with the way to it.
pub fn panicked(info: &PanicHookInfo<'_>) {
    let name = thread::current().name().unwrap_or("?").to_owned();
    log::error!("panic in thread {name}: {info}\n{}", Backtrace::force_capture());
}

struct Logbook {
    filter: Filter,
    echo: LevelFilter,
    shelf: Option<Shelf>,
}

impl Log for Logbook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.lets(metadata) || (metadata.level() <= self.echo && is_ours(metadata.target()))
    }

    fn log(&self, record: &Record<'_>) {
        let line = line(record, Timestamp::now());
        if let Some(shelf) = self.shelf.as_ref().filter(|_| self.filter.lets(record.metadata())) {
            // A log that cannot be written is no reason to disturb anybody.
            let _ = shelf.write(&line);
        }
        if record.level() <= self.echo && is_ours(record.target()) {
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// `2026-11-23T06:41:26.123Z INFO 4711 job: scan: done in 1.2 s`; further lines of a message are set in.
fn line(record: &Record<'_>, now: Timestamp) -> String {
    let target = record.target().strip_prefix("emolab::").unwrap_or(record.target());
    let text = record.args().to_string();
    let text = text.trim_end().replace('\n', "\n    ");
    format!("{now:.3} {:<5} {} {target}: {text}\n", record.level(), std::process::id())
}

fn is_ours(target: &str) -> bool {
    target == "emolab" || target.starts_with("emolab::")
}

/// What is logged: a level, and others for some places, as `RUST_LOG` has it: `debug`, `info,store=debug,symphonia_core=info`.
/// Libraries log warnings unless they are named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    level: LevelFilter,
    places: Vec<(String, LevelFilter)>,
}

impl Filter {
    /// What makes no sense in it is passed over: a log is no place to fail.
    fn read(asked: &str) -> Filter {
        let mut filter = Filter { level: LevelFilter::Info, places: Vec::new() };
        for part in asked.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((place, level)) => {
                    filter.places.extend(LevelFilter::from_str(level).map(|level| (place.to_owned(), level)));
                }
                None => filter.level = LevelFilter::from_str(part).unwrap_or(filter.level),
            }
        }
        filter
    }

    fn lets(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let own = target.strip_prefix("emolab::").unwrap_or(target);
        let named = |place: &str| {
            [target, own]
                .iter()
                .any(|name| name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
        };
        let usual = if is_ours(target) { self.level } else { self.level.min(LevelFilter::Warn) };
        let longest = self.places.iter().filter(|(place, _)| named(place)).max_by_key(|(place, _)| place.len());
        metadata.level() <= longest.map_or(usual, |(_, level)| *level)
    }

    fn most(&self) -> LevelFilter {
        self.places.iter().map(|(_, level)| *level).chain([self.level]).max().unwrap_or(LevelFilter::Off)
    }
}

/// Is called with each file that gets the name.
type Follow = Box<dyn Fn(&File) + Send>;

/// The file and those moved aside.
struct Shelf {
    path: PathBuf,
    long: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    follow: Option<Follow>,
}

impl Shelf {
    fn new(path: PathBuf) -> Shelf {
        Shelf { path, long: LONG, state: Mutex::default() }
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let long = self.long.saturating_sub(line.len() as u64);
        let file = self.current(&mut state)?;
        if file.metadata()?.len() > long {
            self.move_aside(file)?;
        }
        let mut file = self.current(&mut state)?;
        file.write_all(line.as_bytes())
    }

    /// The file that has the name now; opened, if it is another than before.
    fn current<'a>(&self, state: &'a mut State) -> io::Result<&'a File> {
        let known = state.file.take().filter(|file| is_same(file, &self.path));
        let is_new = known.is_none();
        let file = known.map_or_else(|| open(&self.path), Ok)?;
        if let Some(follow) = state.follow.as_ref().filter(|_| is_new) {
            follow(&file);
        }
        Ok(state.file.insert(file))
    }

    /// Gives the files their next names, unless another process has done so in the meantime.
    fn move_aside(&self, file: &File) -> io::Result<()> {
        file.lock()?;
        let moved = if is_same(file, &self.path) { self.rename() } else { Ok(()) };
        file.unlock()?;
        moved
    }

    fn rename(&self) -> io::Result<()> {
        for number in (1..FILES).rev() {
            match fs::rename(numbered(&self.path, number - 1), numbered(&self.path, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    file.metadata().map(id).ok().zip(fs::metadata(path).map(id).ok()).is_some_and(|(one, other)| one == other)
}

/// Elsewhere a file that is open cannot be renamed by others.
#[cfg(not(unix))]
fn is_same(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;
    use std::sync::Arc;

    fn lets(filter: &str, target: &str, level: Level) -> bool {
        Filter::read(filter).lets(&Metadata::builder().target(target).level(level).build())
    }

    #[test]
    fn our_own_information_is_logged_and_the_warnings_of_libraries() {
        assert!(lets("", "emolab::job", Level::Info) && !lets("", "emolab::job", Level::Debug));
        assert!(lets("", "symphonia_core", Level::Warn) && !lets("", "symphonia_core", Level::Info));
        assert!(
            lets("warn,job=debug", "emolab::job", Level::Debug) && !lets("warn,job=debug", "emolab::jobs", Level::Info)
        );
        assert!(lets("emolab::tui::terminal=trace,tui=off", "emolab::tui::terminal", Level::Trace));
        assert!(!lets("off", "emolab::job", Level::Error));
        assert_eq!(Filter::read("nonsense,x=loud"), Filter { level: LevelFilter::Info, places: Vec::new() });
    }

    #[test]
    fn a_line_has_time_level_process_and_place_and_a_long_message_is_set_in() {
        let record =
            Record::builder().args(format_args!("scan:\nfailed\n")).level(Level::Warn).target("emolab::job").build();
        let told = line(&record, Timestamp::from_millisecond(1_500).unwrap());
        assert_eq!(told, format!("1970-01-01T00:00:01.500Z WARN  {} job: scan:\n    failed\n", std::process::id()));
    }

    #[test]
    fn several_writers_lose_no_line_and_three_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/emolab.log");
        // Each has files of its own, as processes have.
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let shelf = Shelf { long: 3000, ..Shelf::new(path.clone()) };
                thread::spawn(move || {
                    (0..50).for_each(|number| shelf.write(&format!("{writer} {number:>17}\n")).unwrap())
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let texts: Vec<String> =
            (0..FILES).filter_map(|number| fs::read_to_string(numbered(&path, number)).ok()).collect();
        assert_eq!(texts.len(), 2, "4,000 bytes in files of 3,000");
        assert!(texts.iter().all(|text| text.len() <= 3000 + 4 * 20));
        let mut lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 200, "each line once and whole");
        let shelf = Shelf { long: 100, ..Shelf::new(path.clone()) };
        (0..100).for_each(|number| shelf.write(&format!("{number:>19}\n")).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), FILES);
        assert!(fs::read_to_string(&path).unwrap().ends_with("99\n"));
    }

    #[test]
    fn who_follows_the_file_is_told_of_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf { long: 30, ..Shelf::new(folder.path().join("log")) };
        let followed = Arc::new(Mutex::new(0));
        let count = Arc::clone(&followed);
        shelf.state.lock().unwrap().follow = Some(Box::new(move |_| *count.lock().unwrap() += 1));
        (0..3).for_each(|_| shelf.write("twenty characters...").unwrap());
        assert_eq!(*followed.lock().unwrap(), 3);
    }
}

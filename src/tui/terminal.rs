//! The terminal: taken over, given back, whatever happens in between.
//!
//! While the screen is up, file descriptor 2 leads to the log: ALSA and others write there without being asked and
//! would wreck the screen. Deliberately absent: asking the terminal anything.

use std::fs::{File, OpenOptions};
use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use crate::workbench::places;

/// The terminal in raw mode on its alternate screen; given back when dropped.
pub struct Screenful {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    stderr: Arc<Stderr>,
    up: bool,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// End.
    Quit,
    /// Give the terminal back and stop.
    Suspend,
    /// The process goes on after a stop: take the terminal again.
    Return,
}

impl Screenful {
    /// Takes the terminal over, and hooks panics of this thread so that their message is read on a restored terminal.
    ///
    /// # Errors
    /// No terminal, or one that refuses raw mode.
    pub fn enter() -> Result<Screenful> {
        let stderr = Arc::new(Stderr::new()?);
        hook_panics(Arc::clone(&stderr));
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let mut screenful = Screenful { terminal, stderr, up: false };
        screenful.resume()?;
        Ok(screenful)
    }

    /// Draws one frame; the terminal shows it as a whole, if it can.
    ///
    /// # Errors
    /// The terminal's.
    pub fn frame(
        &mut self,
        draw: impl FnOnce(&mut Terminal<CrosstermBackend<Stdout>>) -> io::Result<()>,
    ) -> io::Result<()> {
        // The backend writes through the same buffer of `stdout`, so that the order holds.
        at_once(&mut stdout(), || draw(&mut self.terminal))
    }

    /// Takes the terminal (again) and forgets what was on it.
    ///
    /// # Errors
    /// The terminal's.
    pub fn resume(&mut self) -> Result<()> {
        self.up = true;
        self.stderr.to_log();
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.clear()
    }

    /// Makes the next drawing write every cell.
    ///
    /// # Errors
    /// The terminal's.
    pub fn clear(&mut self) -> Result<()> {
        // Not `Terminal::clear`: it asks the terminal for its cursor, and the key thread would take the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))?;
        Ok(())
    }

    /// Gives the terminal back, stops the process as Ctrl-Z would, and takes the terminal again when it goes on.
    ///
    /// # Errors
    /// The terminal's.
    pub fn suspend(&mut self) -> Result<()> {
        self.leave();
        stop()?;
        self.resume()
    }

    /// Gives the terminal back. A terminal that is gone cannot be given back; that is no error.
    pub fn leave(&mut self) {
        if std::mem::take(&mut self.up) {
            give_back(&self.stderr);
        }
    }
}

impl Drop for Screenful {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Has the terminal hold back what `draw` writes until all of it is there (a frame that comes through a slow link in
/// parts would tear). Terminals that do not know the two marks ignore them; an error of `draw` must not leave a
/// terminal that does know them waiting.
fn at_once<W: Write>(out: &mut W, draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    queue!(out, BeginSynchronizedUpdate)?;
    let drawn = draw();
    execute!(out, EndSynchronizedUpdate)?;
    drawn
}

fn give_back(stderr: &Stderr) {
    // A panic may have come in the middle of a frame.
    let _ = execute!(stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
    stderr.back();
}

/// A panic of this thread restores the terminal first; one of another thread is caught by its job and goes to the log.
fn hook_panics(stderr: Arc<Stderr>) {
    let (ours, earlier) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == ours {
            give_back(&stderr);
        }
        earlier(info);
    }));
}

/// The log, opened for appending; nowhere when there is no place for it.
fn log() -> Result<File> {
    let path = places::log()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())
}

pub use system::{Stderr, end_by, meaning, signals, stop};

#[cfg(unix)]
mod system {
    use std::os::fd::OwnedFd;

    use anyhow::Result;
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use super::{File, Meaning, io, log, thread};

    /// Where file descriptor 2 led at the start, and the log it leads to while the screen is up.
    pub struct Stderr {
        first: OwnedFd,
        log: File,
    }

    impl Stderr {
        /// Remembers where file descriptor 2 leads and opens the log, or /dev/null when there is no place for one.
        pub fn new() -> io::Result<Stderr> {
            let log = log().or_else(|_| File::options().append(true).open("/dev/null"))?;
            Ok(Stderr { first: rustix::io::dup(rustix::stdio::stderr())?, log })
        }

        /// What is written to file descriptor 2 goes to the log from now on.
        pub fn to_log(&self) {
            // Should it fail, the worst is a smudge on the screen.
            let _ = rustix::stdio::dup2_stderr(&self.log);
        }

        /// File descriptor 2 leads where it led.
        pub fn back(&self) {
            let _ = rustix::stdio::dup2_stderr(&self.first);
        }
    }

    /// What each signal of [`signals`] asks for.
    pub fn meaning(signal: i32) -> Meaning {
        match signal {
            SIGTSTP => Meaning::Suspend,
            SIGCONT => Meaning::Return,
            _ => Meaning::Quit,
        }
    }

    /// Calls `told` on a thread of its own for each signal, until it returns false.
    pub fn signals(told: impl Fn(i32) -> bool + Send + 'static) -> Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if !told(signal) {
                    return;
                }
            }
        })?;
        Ok(())
    }

    /// Stops the process until it is continued.
    pub fn stop() -> Result<()> {
        Ok(emulate_default_handler(SIGTSTP)?)
    }

    /// Ends the process the way the signal would have without us.
    pub fn end_by(signal: i32) -> Result<()> {
        Ok(emulate_default_handler(signal)?)
    }
}

#[cfg(not(unix))]
mod system {
    use anyhow::Result;

    use super::{Meaning, io, log};

    /// Elsewhere libraries do not write to the console on their own account; nothing is redirected.
    pub struct Stderr;

    impl Stderr {
        /// Nothing to remember.
        pub fn new() -> io::Result<Stderr> {
            let _ = log();
            Ok(Stderr)
        }

        /// Nothing to do.
        pub fn to_log(&self) {}

        /// Nothing to do.
        pub fn back(&self) {}
    }

    /// There are no signals.
    pub fn meaning(_signal: i32) -> Meaning {
        Meaning::Quit
    }

    /// There are no signals.
    pub fn signals(_told: impl Fn(i32) -> bool + Send + 'static) -> Result<()> {
        Ok(())
    }

    /// There is no job control.
    pub fn stop() -> Result<()> {
        Ok(())
    }

    /// There are no signals.
    pub fn end_by(_signal: i32) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Clone)]
    struct Wire(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_shown_as_a_whole_even_when_drawing_fails() {
        for outcome in [Ok(()), Err(io::Error::other("gone"))] {
            let (wire, fails) = (Wire::default(), outcome.is_err());
            let mut cells = wire.clone();
            let ended = at_once(&mut wire.clone(), || cells.write_all(b"cells").and(outcome));
            assert_eq!(ended.is_err(), fails);
            assert_eq!(wire.0.lock().unwrap().as_slice(), b"\x1b[?2026hcells\x1b[?2026l");
        }
    }
}

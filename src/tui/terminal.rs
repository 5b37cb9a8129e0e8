//! The terminal: taken over, given back, whatever happens in between.
//!
//! While the screen is up, file descriptor 2 leads to the log: ALSA and others write there without being asked and
//! would wreck the screen. Deliberately absent: asking the terminal anything.

use std::cell::Cell;
use std::io::{self, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use super::graphics::Gallery;
use crate::workbench::logbook;

/// A frame that took longer is worth a line in the log: this program is slow, or the terminal takes what it is sent slowly.
const SLOW: Duration = Duration::from_millis(250);

/// Asks for presses, releases and the wheel, with places beyond column 223. Not for moves, as crossterm's own command does:
/// each would wake the program.
const HEAR_MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const LEAVE_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";

/// The terminal in raw mode on its alternate screen; given back when dropped.
pub struct Screenful {
    /// Never dropped: that would show the cursor, which [`give_back`] does, and panic where the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Counted>>>,
    sent: Rc<Cell<usize>>,
    stderr: Arc<Stderr>,
    up: bool,
    mouse: bool,
    gallery: Option<Gallery>,
}

/// The terminal, and the bytes that it was sent.
pub struct Counted {
    out: Stdout,
    sent: Rc<Cell<usize>>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sent.set(self.sent.get() + written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
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
    pub fn enter(mouse: bool) -> Result<Screenful> {
        let stderr = Arc::new(Stderr::new()?);
        hook_panics(Arc::clone(&stderr));
        let sent = Rc::new(Cell::new(0));
        let terminal =
            ManuallyDrop::new(Terminal::new(CrosstermBackend::new(Counted { out: stdout(), sent: Rc::clone(&sent) }))?);
        let mut screenful = Screenful { terminal, sent, stderr, up: false, mouse, gallery: None };
        screenful.resume()?;
        Ok(screenful)
    }

    /// Draws one frame; the terminal shows it as a whole, if it can. Returns its bytes.
    ///
    /// # Errors
    /// The terminal's.
    pub fn frame(
        &mut self,
        draw: impl FnOnce(&mut Terminal<CrosstermBackend<Counted>>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let (since, before) = (Instant::now(), self.sent.get());
        // The backend writes through the same buffer of `stdout`, so that the order holds.
        let drawn = at_once(&mut stdout(), || {
            draw(&mut self.terminal)?;
            self.gallery
                .as_mut()
                .map_or(Ok(()), |gallery| gallery.show(&mut Counted { out: stdout(), sent: Rc::clone(&self.sent) }))
        });
        if since.elapsed() >= SLOW {
            log::info!("a frame took {} ms", since.elapsed().as_millis());
        }
        drawn.map(|()| self.sent.get() - before)
    }

    /// Shows pictures, too, from now on.
    pub fn hang(&mut self, gallery: Option<Gallery>) {
        self.gallery = gallery;
    }

    /// The terminal has another size now; it clears itself when the next frame is drawn.
    pub fn resized(&mut self) {
        self.gallery.iter_mut().for_each(Gallery::forget);
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
        if self.mouse {
            execute!(stdout(), Print(HEAR_MOUSE))?;
        }
        self.clear()
    }

    /// Has presses of the mouse sent, or leaves them to the terminal.
    ///
    /// # Errors
    /// The terminal's.
    pub fn hear_mouse(&mut self, heard: bool) -> Result<()> {
        self.mouse = heard;
        execute!(stdout(), Print(if heard { HEAR_MOUSE } else { LEAVE_MOUSE }))?;
        Ok(())
    }

    /// Makes the next drawing write every cell.
    ///
    /// # Errors
    /// The terminal's.
    pub fn clear(&mut self) -> Result<()> {
        // Not `Terminal::clear`: it asks the terminal for its cursor, and the key thread would take the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))?;
        self.resized();
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
            // A terminal that is gone has no pictures either.
            let _ = self.gallery.as_mut().map(|gallery| gallery.take_down(&mut stdout()));
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
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        Print(LEAVE_MOUSE),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
    let _ = stdout().flush();
    stderr.back();
}

/// A panic of this thread restores the terminal first; one of another thread is caught by its job, and told in the log alone.
fn hook_panics(stderr: Arc<Stderr>) {
    let (ours, earlier) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == ours {
            give_back(&stderr);
            earlier(info);
        } else {
            logbook::panicked(info);
        }
    }));
}

pub use system::{Stderr, end_by, hung_up, meaning, signals, stop};

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use anyhow::Result;
    use crossterm::terminal::disable_raw_mode;
    use rustix::event::{PollFd, PollFlags, poll};
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use super::{Meaning, io, logbook, thread};

    /// How long who is asked to end may take: the terminal may be one that takes no more, and whoever writes to it waits for ever.
    const GRACE: Duration = Duration::from_secs(2);

    /// Where file descriptor 2 led at the start, and whether it leads to the log now, as it does while the screen is up.
    pub struct Stderr {
        first: OwnedFd,
        away: Arc<AtomicBool>,
    }

    impl Stderr {
        /// Remembers where file descriptor 2 leads.
        pub fn new() -> io::Result<Stderr> {
            Ok(Stderr { first: rustix::io::dup(rustix::stdio::stderr())?, away: Arc::default() })
        }

        /// What is written to file descriptor 2 goes to the log from now on, or nowhere when there is no place for one.
        pub fn to_log(&self) {
            self.away.store(true, Ordering::Relaxed);
            let away = Arc::clone(&self.away);
            let next = move |log: &File| {
                if away.load(Ordering::Relaxed) {
                    let _ = rustix::stdio::dup2_stderr(log);
                }
            };
            let log = logbook::file(next).or_else(|_| File::options().append(true).open("/dev/null"));
            // Should it fail, the worst is a smudge on the screen.
            let _ = log.map(|log| rustix::stdio::dup2_stderr(&log));
        }

        /// File descriptor 2 leads where it led.
        pub fn back(&self) {
            self.away.store(false, Ordering::Relaxed);
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

    /// Calls `told` on a thread of its own for each signal, until it returns false. Who is asked to end and does not ends a
    /// little later all the same.
    pub fn signals(told: impl Fn(i32) -> bool + Send + 'static) -> Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                log::info!("signal {signal}: {:?}", meaning(signal));
                if meaning(signal) == Meaning::Quit {
                    insist(signal);
                }
                if !told(signal) {
                    return;
                }
            }
        })?;
        Ok(())
    }

    /// Calls `told` on a thread of its own when the terminal is closed. Whoever reads from it then would read nothing for ever,
    /// without waiting, and the signal that usually comes with it goes to the terminal's own session alone.
    pub fn hung_up(told: impl FnOnce() + Send + 'static) -> Result<()> {
        thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            let input = rustix::stdio::stdin();
            loop {
                // Asked for nothing, it tells of the end alone.
                let mut watched = [PollFd::new(&input, PollFlags::empty())];
                match poll(&mut watched, None) {
                    Err(rustix::io::Errno::INTR) => {}
                    Ok(_) if watched[0].revents().contains(PollFlags::HUP) => return told(),
                    // A system that cannot tell.
                    _ => return,
                }
            }
        })?;
        Ok(())
    }

    fn insist(signal: i32) {
        let wait = move || {
            thread::sleep(GRACE);
            log::warn!("signal {signal}: the terminal takes nothing more; ends without it");
            // That needs no room in the terminal.
            let _ = disable_raw_mode();
            let _ = emulate_default_handler(signal);
        };
        // Without a thread for it, who sent the signal has a stronger one.
        let _ = thread::Builder::new().name("end".to_owned()).spawn(wait);
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

    use super::{Meaning, io};

    /// Elsewhere libraries do not write to the console on their own account; nothing is redirected.
    pub struct Stderr;

    impl Stderr {
        /// Nothing to remember.
        pub fn new() -> io::Result<Stderr> {
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

    /// The console goes with the process.
    pub fn hung_up(_told: impl FnOnce() + Send + 'static) -> Result<()> {
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

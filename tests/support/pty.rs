//! A person at a terminal: types keys into a real pty and waits for text, never for time.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Patience: a test that would wait longer has failed. No test depends on its length.
const PATIENCE: Duration = Duration::from_secs(120);

fn size(cells: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(cells).unwrap()
}

/// The program in a pty.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    screen: Arc<(Mutex<Shown>, Condvar)>,
    child: Box<dyn Child + Send + Sync>,
}

struct Shown {
    parser: vt100::Parser,
    ended: bool,
}

impl Terminal {
    /// Starts the program with `home` as its home, 80x24, without a sound device.
    pub fn start(home: &std::path::Path, args: &[&str]) -> Terminal {
        Terminal::sized(home, args, (80, 24))
    }

    pub fn sized(home: &std::path::Path, args: &[&str], (cols, rows): (u16, u16)) -> Terminal {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_emolab"));
        command.args(args);
        command.cwd(home);
        command.env_clear();
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown = Shown { parser: vt100::Parser::new(size(rows), size(cols), 0), ended: false };
        let screen = Arc::new((Mutex::new(shown), Condvar::new()));
        let (mut output, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                // Linux ends a pty's output with an error, not with 0 bytes.
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut shown = seen.0.lock().unwrap();
                shown.parser.process(&buffer[..count]);
                shown.ended = count == 0;
                seen.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Terminal { master: pair.master, keys, screen, child }
    }

    /// Types; control characters and escape sequences as they are.
    pub fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen holds `text`; panics with the screen when it does not come.
    pub fn wait(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    pub fn wait_until(&self, what: &str, there: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        let mut shown = self.screen.0.lock().unwrap();
        loop {
            let screen = shown.parser.screen().contents();
            if there(&screen) {
                return screen;
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            assert!(!left.is_zero() && !shown.ended, "waited for {what:?}, the screen is\n{screen}");
            shown = self.screen.1.wait_timeout(shown, left).unwrap().0;
        }
    }

    pub fn screen(&self) -> String {
        self.screen.0.lock().unwrap().parser.screen().contents()
    }

    /// True while the program has the alternate screen up.
    pub fn in_alternate_screen(&self) -> bool {
        self.screen.0.lock().unwrap().parser.screen().alternate_screen()
    }

    pub fn resize(&self, (cols, rows): (u16, u16)) {
        self.screen.0.lock().unwrap().parser.screen_mut().set_size(size(rows), size(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// SIGKILL: nothing in the program can run any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end; true when the program succeeded and left the alternate screen.
    pub fn end(mut self) -> bool {
        self.wait_end();
        self.child.wait().unwrap().success() && !self.in_alternate_screen()
    }

    /// Waits for the end; true when the program left the alternate screen, however it ended.
    pub fn ends_tidily(mut self) -> bool {
        self.wait_end();
        self.child.wait().unwrap();
        !self.in_alternate_screen()
    }

    fn wait_end(&self) {
        let started = Instant::now();
        let mut shown = self.screen.0.lock().unwrap();
        while !shown.ended {
            let left = PATIENCE.saturating_sub(started.elapsed());
            assert!(!left.is_zero(), "the program does not end; the screen is\n{}", shown.parser.screen().contents());
            shown = self.screen.1.wait_timeout(shown, left).unwrap().0;
        }
    }
}

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
    /// The reader takes nothing; it waits until that is over.
    stalled: bool,
    /// The reader is to let go of the terminal.
    closing: bool,
    bytes: Vec<u8>,
    frames: usize,
}

/// How the program is started, beside its arguments.
pub struct Start<'a> {
    pub size: (u16, u16),
    pub env: &'a [(&'a str, &'a str)],
    /// Width and height of a cell in pixels, if the terminal says.
    pub cell: (u16, u16),
    /// As a shell starts it: the terminal's end is told by SIGHUP.
    pub controlling: bool,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Start { size: (80, 24), env: &[], cell: (0, 0), controlling: true }
    }
}

impl Terminal {
    /// Starts the program with `home` as its home, 80x24, without a sound device.
    pub fn start(home: &std::path::Path, args: &[&str]) -> Terminal {
        Terminal::sized(home, args, (80, 24))
    }

    pub fn sized(home: &std::path::Path, args: &[&str], size: (u16, u16)) -> Terminal {
        Terminal::with(home, args, Start { size, ..Start::default() })
    }

    pub fn with<A: AsRef<std::ffi::OsStr>>(home: &std::path::Path, args: &[A], start: Start<'_>) -> Terminal {
        let (cols, rows) = start.size;
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols, pixel_width: cols * start.cell.0, pixel_height: rows * start.cell.1 })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_emolab"));
        command.args(args);
        command.cwd(home);
        command.env_clear();
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Tests of anything else begin where a user is on the second day.
        command.env("EMOLAB_TOUR", "never");
        start.env.iter().for_each(|(name, value)| command.env(name, value));
        command.set_controlling_tty(start.controlling);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(size(rows), size(cols), 0);
        let shown = Shown { parser, ended: false, stalled: false, closing: false, bytes: Vec::new(), frames: 0 };
        let screen = Arc::new((Mutex::new(shown), Condvar::new()));
        let (output, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || read(output, &seen));
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
        self.wait_shown(what, |screen| there(&screen.contents()))
    }

    /// Waits until the program has given the shell its screen back.
    pub fn wait_given_back(&self) {
        self.wait_shown("the shell's screen", |screen| !screen.alternate_screen());
    }

    fn wait_shown(&self, what: &str, there: impl Fn(&vt100::Screen) -> bool) -> String {
        let started = Instant::now();
        let mut shown = self.screen.0.lock().unwrap();
        loop {
            let screen = shown.parser.screen();
            if there(screen) {
                return screen.contents();
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            let gone = left.is_zero() || shown.ended;
            assert!(!gone, "waited for {what:?}, the screen is\n{}", screen.contents());
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

    /// Bytes and frames that have come so far.
    pub fn received(&self) -> (usize, usize) {
        let shown = self.screen.0.lock().unwrap();
        (shown.bytes.len(), shown.frames)
    }

    /// Waits until what has come, as it came, is `enough`.
    pub fn wait_for_bytes(&self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let shown = self.screen.0.lock().unwrap();
        let waiting = |shown: &mut Shown| !shown.ended && !enough(&shown.bytes);
        let (shown, waited) = self.screen.1.wait_timeout_while(shown, PATIENCE, waiting).unwrap();
        let screen = || shown.parser.screen().contents();
        assert!(!waited.timed_out() && enough(&shown.bytes), "it did not come; the screen is\n{}", screen());
        shown.bytes.clone()
    }

    /// The colours of a cell: of the sign, and of what it stands on.
    pub fn colours(&self, (column, row): (u16, u16)) -> (vt100::Color, vt100::Color) {
        let shown = self.screen.0.lock().unwrap();
        let cell = shown.parser.screen().cell(row, column).unwrap();
        (cell.fgcolor(), cell.bgcolor())
    }

    /// From now on nothing that the program writes is taken: once the pty's buffer is full, it waits.
    pub fn stall(&self) {
        self.screen.0.lock().unwrap().stalled = true;
    }

    /// Takes what has been written in the meantime.
    pub fn go_on(&self) {
        self.screen.0.lock().unwrap().stalled = false;
        self.screen.1.notify_all();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Closes the terminal, as a window is closed; the program's own end is the caller's to wait for.
    pub fn close(self) -> Ending {
        let ending = Ending(self.child);
        self.screen.0.lock().unwrap().closing = true;
        self.screen.1.notify_all();
        // The reader has to see something to let go.
        self.master.resize(PtySize { rows: 30, cols: 90, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut shown = self.screen.0.lock().unwrap();
        while !shown.ended {
            shown = self.screen.1.wait(shown).unwrap();
        }
        ending
    }

    /// Waits for the end, whether or not anything can still be shown.
    pub fn ending(self) -> (Ending, Box<dyn MasterPty + Send>) {
        (Ending(self.child), self.master)
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

/// A program that is to end.
pub struct Ending(Box<dyn Child + Send + Sync>);

impl Ending {
    pub fn pid(&self) -> u32 {
        self.0.process_id().unwrap()
    }

    /// Waits for it; what ended it.
    pub fn wait(mut self) -> portable_pty::ExitStatus {
        let (send, ended) = std::sync::mpsc::channel();
        let pid = self.pid();
        std::thread::spawn(move || send.send(self.0.wait().unwrap()));
        let status = ended.recv_timeout(PATIENCE).ok();
        assert!(status.is_some(), "process {pid} does not end");
        status.unwrap()
    }
}

fn read(mut output: Box<dyn Read + Send>, seen: &(Mutex<Shown>, Condvar)) {
    let mut buffer = [0; 8192];
    loop {
        // Linux ends a pty's output with an error, not with 0 bytes.
        let count = output.read(&mut buffer).unwrap_or(0);
        let mut shown = seen.1.wait_while(seen.0.lock().unwrap(), |shown| shown.stalled && !shown.closing).unwrap();
        shown.parser.process(&buffer[..count]);
        shown.bytes.extend_from_slice(&buffer[..count]);
        shown.frames += buffer[..count].windows(8).filter(|eight| eight == b"\x1b[?2026h").count();
        if count == 0 || shown.closing {
            drop(output);
            shown.ended = true;
            seen.1.notify_all();
            return;
        }
        seen.1.notify_all();
    }
}

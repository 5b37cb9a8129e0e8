//! The screens: the run loop that draws, waits and hands keys and reports to the [`App`].
//!
//! Threads: this one owns terminal and Workbench; one blocks on the keyboard, one on the Workbench's updates, one on
//! signals, one on the end of the terminal; all feed one bounded channel, so at most 64 events stand between a key and its effect.
//! Without events and without anything that moves, nobody wakes up. Deliberately absent: what the keys do
//! (`app.rs`, `screens/`), and any reading of terminal answers outside the key thread.

pub mod app;
pub mod command;
pub mod cursor;
pub mod graphics;
pub mod keymap;
pub mod keys;
pub mod layer;
mod pace;
pub mod prompt;
pub mod screen;
pub mod screens;
mod terminal;
pub mod theme;
mod tour;
pub mod widgets;

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use crossterm::event::{Event as Input, KeyEventKind};

use crate::job::panic_text;
use crate::workbench::{Update, Workbench};
use app::{App, Wish};
use graphics::{Easel, Gallery};
use keymap::Keymap;
use pace::{Due, Pace};
use terminal::Screenful;
pub use terminal::Stderr;
use theme::Theme;

/// Events that may wait; the senders wait beyond that.
const WAITING: usize = 64;
/// Between two frames here, and over SSH, where every frame is sent through the network.
const FRAME: [Duration; 2] = [Duration::from_millis(16), Duration::from_millis(100)];

/// The variable that leaves the mouse to the terminal: `0`.
pub const MOUSE: &str = "EMOLAB_MOUSE";

/// Which screen comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The table of clips.
    Browse,
    /// Where labelling was left off.
    Label,
}

/// What wakes the loop.
enum Event {
    Input(Input),
    Update(Update),
    Signal(i32),
    /// The keyboard cannot be read any more; why.
    Gone(String),
}

/// Runs the screens until the user quits; then the terminal is as it was. `updates` is the other end of the channel
/// that the Workbench was opened with; `env` answers for the environment, where flags and settings may stand before it. `tour`: with the three
/// steps of the first start.
///
/// SIGTERM and SIGHUP restore the terminal and end the process by that signal, as the sender expects; all labels are
/// on disk by then.
///
/// # Errors
/// A terminal that cannot show screens, or that goes away.
pub fn run(
    mut workbench: Workbench,
    updates: Receiver<Update>,
    (start, tour): (Start, bool),
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    if env("TERM").as_deref() == Some("dumb") {
        bail!("this terminal (TERM=dumb) cannot show screens; `emolab --help` lists the verbs that need none");
    }
    let remote = env("SSH_CONNECTION").is_some_and(|value| !value.is_empty());
    let pace = Pace::new(FRAME[usize::from(remote)], remote);
    let first = match start {
        Start::Browse => "browse",
        Start::Label => "label",
    };
    let keymap = Keymap::load();
    keymap.problems.iter().for_each(|problem| workbench.tell(problem.clone()));
    let mut theme = Theme::from_env(env);
    let gallery = pictures(&mut theme, env).unwrap_or_else(|reason| {
        workbench.tell(reason);
        None
    });
    let mut app = App::new(workbench, theme, first);
    app.set_keymap(keymap);
    if tour {
        app.guide();
    }
    let mouse = env(MOUSE).is_none_or(|value| !matches!(value.as_str(), "0" | "no" | "off" | "false"));
    app.set_mouse(mouse);
    let mut screenful = Screenful::enter(mouse).context("the terminal cannot show screens")?;
    screenful.hang(gallery);
    let events = listen(updates)?;
    let end = turn(&mut app, &mut screenful, &events, pace);
    screenful.leave();
    if !matches!(end, Ok(None)) {
        app.lose();
    }
    // Jobs are asked to stop and the player falls silent before the process ends, by whichever way.
    drop(app);
    match end? {
        Some(signal) => terminal::end_by(signal),
        None => Ok(()),
    }
}

/// A place for pictures, if they are asked for and can be shown.
fn pictures(theme: &mut Theme, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Gallery>, String> {
    let Some((protocol, cell)) = graphics::wanted(env, graphics::cell())? else { return Ok(None) };
    let easel = Rc::new(Easel::new(protocol, cell));
    theme.set_easel(Rc::clone(&easel));
    Ok(Some(Gallery::new(easel)))
}

/// The loop: draw what is due, wait, take in what has come. Returns the signal that ended it, if one did.
fn turn(app: &mut App, screenful: &mut Screenful, events: &Receiver<Event>, mut pace: Pace) -> Result<Option<i32>> {
    let mut due = Due::Input;
    loop {
        let now = Instant::now();
        if due != Due::Nothing && pace.wait(due, now).is_zero() {
            app.catch_up();
            app.let_sound_pass();
            let bytes = screenful.frame(|terminal| app.draw(terminal)).context("drawing")?;
            pace.drew(due, bytes, (now, Instant::now()));
            due = Due::Nothing;
            continue;
        }
        let pause = match due {
            Due::Nothing => app.tick().map(|tick| pace.tick(tick, now)),
            due => Some(pace.wait(due, now)),
        };
        let event = match pause {
            Some(pause) => events.recv_timeout(pause),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Err(RecvTimeoutError::Timeout) => due = due.max(Due::Report),
            Err(RecvTimeoutError::Disconnected) => bail!("nothing is listening to the keyboard any more"),
            Ok(event) => {
                for event in std::iter::once(event).chain(events.try_iter().take(2 * WAITING)) {
                    match take(app, screenful, event, &mut due)? {
                        ControlFlow::Continue(()) => {}
                        ControlFlow::Break(signal) => return Ok(signal),
                    }
                }
            }
        }
    }
}

/// Takes in one event; breaks at the end of the program.
fn take(app: &mut App, screenful: &mut Screenful, event: Event, due: &mut Due) -> Result<ControlFlow<Option<i32>>> {
    if matches!(event, Event::Input(_)) {
        app.catch_up();
    }
    match event {
        Event::Update(update) => {
            if app.take_in(update) {
                *due = (*due).max(Due::Report);
            }
            return Ok(ControlFlow::Continue(()));
        }
        Event::Gone(reason) => bail!("the keyboard is gone: {reason}"),
        Event::Signal(signal) => match terminal::meaning(signal) {
            terminal::Meaning::Quit => return Ok(ControlFlow::Break(Some(signal))),
            terminal::Meaning::Suspend => screenful.suspend()?,
            terminal::Meaning::Return => screenful.resume()?,
        },
        Event::Input(Input::Key(key)) if key.kind == KeyEventKind::Release => return Ok(ControlFlow::Continue(())),
        Event::Input(Input::Key(key)) => app.key(key),
        Event::Input(Input::Paste(text)) => app.paste(&text),
        Event::Input(Input::Resize(width, height)) => {
            screenful.resized();
            app.resize(width, height);
        }
        Event::Input(Input::Mouse(event)) if app.mouse(&event) => {}
        Event::Input(_) => return Ok(ControlFlow::Continue(())),
    }
    match app.take_wish() {
        Some(Wish::Quit) => return Ok(ControlFlow::Break(None)),
        Some(Wish::Suspend) => screenful.suspend()?,
        Some(Wish::Redraw) => screenful.clear()?,
        Some(Wish::Mouse(heard)) => screenful.hear_mouse(heard)?,
        None => {}
    }
    *due = Due::Input;
    Ok(ControlFlow::Continue(()))
}

/// Starts the listeners. They end with the process, or when the loop has stopped receiving.
fn listen(updates: Receiver<Update>) -> Result<Receiver<Event>> {
    let (send, events) = sync_channel(WAITING);
    let keys = send.clone();
    spawn("keys", move || {
        loop {
            let event = read_input();
            let last = matches!(event, Event::Gone(_));
            if keys.send(event).is_err() || last {
                return;
            }
        }
    })?;
    let reports = send.clone();
    spawn("updates", move || forward(&updates, &reports))?;
    let gone = send.clone();
    terminal::hung_up(move || drop(gone.send(Event::Gone("the terminal was closed".to_owned()))))?;
    terminal::signals(move |signal| send.send(Event::Signal(signal)).is_ok())?;
    Ok(events)
}

/// The next input. Should the parser of what terminals send panic, it would never again understand a key: better to end, with all
/// labels saved and the reason told, than to be deaf.
fn read_input() -> Event {
    match std::panic::catch_unwind(crossterm::event::read) {
        Ok(Ok(input)) => Event::Input(input),
        Ok(Err(error)) => Event::Gone(error.to_string()),
        Err(panic) => Event::Gone(format!("the terminal sent garbage: {}", panic_text(panic.as_ref()))),
    }
}

fn forward(updates: &Receiver<Update>, send: &SyncSender<Event>) {
    for update in updates {
        if send.send(Event::Update(update)).is_err() {
            return;
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).with_context(|| format!("thread `{name}`"))?;
    Ok(())
}

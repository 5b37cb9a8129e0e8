//! The Workbench, the open screens, the layers over them and the status line; drivable without a terminal.
//!
//! Deliberately absent: the terminal, threads and time (see `mod.rs`), and what is inside a screen or layer.

mod facts;
mod frame;
mod lead;
mod pointer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use crossterm::event::KeyEvent;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::command::{Bound, Command, Group, Named, Row, key_name, letters, named, rows};
use super::cursor::Cursor;
use super::keymap::Keymap;
use super::keys::{EVERYWHERE, EVERYWHERE_TABLE, LIST, LIST_TABLE, SOUND, SOUND_TABLE, UNSEEN};
use super::keys::{VIEW, VIEW_TABLE};
use super::layer::{Layer, Palette, QuitQuestion, Reader, Reply, help};
use super::prompt::Prompt;
use super::screen::{Answer, Outcome, Screen, Then, Topic};
use super::screens::{TABS, screens};
use super::theme::Theme;
use super::tour::Tour;
use super::widgets::{self, line, put, put_center, put_right};
use crate::workbench::columns::Ranking;
use crate::workbench::safe::Standing;
use crate::workbench::{Update, Workbench};
pub use lead::Lead;
use lead::Marks;
pub use pointer::DOUBLE;

/// How long a frame may wait for an order to play: so long that a sound can be packed, too short to be noticed.
const PASSING: Duration = Duration::from_millis(40);
/// How often a sound is drawn that goes on; `Pace` makes it less over SSH,
const SOUND_TICK: Duration = Duration::from_millis(33);
/// and this much less while the line is what the next clips wait for.
const SENDING: Duration = Duration::from_millis(300);
/// Smaller terminals get a sentence instead of a screen.
pub const SMALLEST: (u16, u16) = (60, 18);

/// What the run loop has to do that the app cannot: it has no terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End the program.
    Quit,
    /// Stop the process (Ctrl-Z).
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Have presses of the mouse sent here, or leave them to the terminal.
    Mouse(bool),
}

/// The program as a screenful: what is open, on top of what.
pub struct App {
    bench: Workbench,
    theme: Theme,
    screens: Vec<Box<dyn Screen>>,
    open: Vec<usize>,
    layers: Vec<Box<dyn Layer>>,
    /// What was answered to questions of each purpose.
    past: BTreeMap<&'static str, Vec<String>>,
    tour: Option<Tour>,
    status: Option<Status>,
    wish: Option<Wish>,
    hands: Hands,
    /// Waits for the next key.
    lead: Option<Lead>,
    marks: Marks,
    size: Rect,
    /// Something was reported that the screen does not know yet.
    behind: bool,
}

/// What is taken from the user, and as what.
struct Hands {
    keymap: Keymap,
    /// Whether presses of the mouse come here.
    mouse: bool,
    /// The last press of the mouse.
    pressed: Option<(Instant, Position)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Status {
    text: String,
    error: bool,
}

impl App {
    /// Opens the screen of that name.
    pub fn new(bench: Workbench, theme: Theme, first: &str) -> App {
        let screens = screens();
        let size = Rect::new(0, 0, SMALLEST.0, SMALLEST.1);
        let mut app = App {
            bench,
            theme,
            screens,
            open: vec![0],
            layers: Vec::new(),
            past: BTreeMap::new(),
            tour: None,
            status: None,
            wish: None,
            hands: Hands { keymap: Keymap::default(), mouse: true, pressed: None },
            lead: None,
            marks: Marks::new(),
            size,
            behind: false,
        };
        app.set_keymap(Keymap::default());
        app.follow(Ok(Then::Switch(TABS.iter().find(|tab| **tab == first).copied().unwrap_or(TABS[0]))));
        app
    }

    /// The Workbench, to look at.
    pub fn bench(&self) -> &Workbench {
        &self.bench
    }

    /// Draws with another theme from now on.
    pub fn wear(&mut self, theme: Theme) {
        self.theme = theme;
    }

    /// Notes where the user was, who did not ask for the end.
    pub fn lose(&self) {
        let screen = self.screen();
        if TABS[..2].contains(&screen.name()) {
            self.bench.lose(screen.name() == "label", screen.clip(&self.bench));
        }
    }

    /// Shows the three steps of the first start, from the first on, or no more.
    pub fn guide(&mut self) {
        self.tour = if self.tour.is_some() { None } else { Some(Tour::new(&self.bench)) };
    }

    /// Whether what is drawn over the lower part would hide what may be answered.
    fn answers_stand_below(&self) -> bool {
        self.screen().takes_digits()
    }

    /// Takes keys of the user's own from now on.
    pub fn set_keymap(&mut self, keymap: Keymap) {
        for screen in &mut self.screens {
            let taken = letters(&keymap.bind(groups_of(screen.as_ref())));
            screen.reserve(taken);
        }
        self.hands.keymap = keymap;
    }

    /// Whether the mouse is heard from the start on.
    pub fn set_mouse(&mut self, heard: bool) {
        self.hands.mouse = heard;
    }

    /// What the run loop has to do, once.
    pub fn take_wish(&mut self) -> Option<Wish> {
        self.wish.take()
    }

    /// Tells the size of the terminal: paging depends on it, and nothing is done blindly in one that is too small.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = Rect::new(0, 0, width, height);
    }

    /// Takes a key press.
    pub fn key(&mut self, key: KeyEvent) {
        let unseen = too_small(self.size);
        if let Some(layer) = self.layers.last_mut().filter(|layer| !unseen || layer.fits_anywhere()) {
            let reply = layer.key(&key);
            self.reply(reply);
        } else if unseen {
            self.press_unseen(&key);
        } else if let Some(lead) = self.lead.take() {
            self.status = None;
            let outcome = self.end_lead(lead, &key_name(&key).unwrap_or_default());
            self.follow(outcome);
        } else if let Some(name) = key_name(&key) {
            self.status = None;
            let outcome = self.press(&name);
            self.follow(outcome);
        }
        self.sync();
    }

    /// Takes pasted text; only a line to fill in wants it.
    pub fn paste(&mut self, text: &str) {
        let unseen = too_small(self.size);
        if let Some(layer) = self.layers.last_mut().filter(|_| !unseen) {
            let reply = layer.paste(text);
            self.reply(reply);
            self.sync();
        }
    }

    /// Takes in a report of the Workbench's jobs; true when something may look different now.
    pub fn update(&mut self, update: Update) -> bool {
        let changed = self.take_in(update);
        self.catch_up();
        changed
    }

    /// As [`App::update`], but the screen catches up later: a training may report a thousand times between two frames.
    pub fn take_in(&mut self, update: Update) -> bool {
        let changed = self.bench.apply(update);
        self.behind |= changed;
        changed
    }

    /// The screen catches up with all that was reported; before each frame and each key.
    pub fn catch_up(&mut self) {
        if std::mem::take(&mut self.behind) {
            self.sync();
        }
    }

    /// An order to play goes before the frame it causes, where both are sent through one line; before each frame.
    pub fn let_sound_pass(&self) {
        self.bench.player().go_first(PASSING);
    }

    /// How soon to draw again though nothing is reported: while sound plays or a screen counts time.
    pub fn tick(&self) -> Option<Duration> {
        let screen = self.screen();
        let playback = self.bench.playback();
        let often = if playback.sending { SENDING } else { SOUND_TICK };
        let sound = (screen.has_sound() && playback.playing).then_some(often);
        sound.into_iter().chain(screen.tick(&self.bench)).min()
    }

    /// Draws everything.
    ///
    /// # Errors
    /// The terminal's.
    pub fn draw<B: Backend>(&mut self, terminal: &mut Terminal<B>) -> Result<(), B::Error> {
        let size = terminal.size()?;
        self.resize(size.width, size.height);
        terminal.draw(|frame| self.paint(frame.buffer_mut()))?;
        Ok(())
    }

    /// Draws everything into a buffer; pure.
    pub fn paint(&self, buffer: &mut Buffer) {
        let area = buffer.area;
        if too_small(area) {
            say_too_small(buffer, &self.theme);
            if let Some(layer) = self.layers.last().filter(|layer| layer.fits_anywhere()) {
                layer.draw(buffer, area, &self.theme);
            }
        } else {
            self.header(buffer, line(area, 0));
            self.screen().draw(buffer, body(area), &self.bench, &self.theme);
            self.status_line(buffer, line(area, area.height - 2));
            self.footer(buffer, line(area, area.height - 1));
            if let Some(tour) = &self.tour {
                tour.draw(buffer, body(area), self.answers_stand_below(), &self.theme);
            }
            for layer in &self.layers {
                layer.draw(buffer, area, &self.theme);
            }
        }
        self.theme.finish(buffer);
    }
}

/// Keys and commands.
impl App {
    /// The commands that can be given now, the screen's own first.
    fn groups(&self) -> Vec<Group> {
        let mut groups = self.hands.keymap.bind(groups_of(self.screen()));
        for group in &mut groups {
            for bound in &mut group.rows {
                bound.refusal = self.refusal(group.name, bound.row);
            }
        }
        groups
    }

    /// Why a command can do nothing now.
    fn refusal(&self, group: &str, row: &Row) -> Option<&'static str> {
        let screen = self.screen();
        match group {
            SOUND | VIEW => super::keys::refusal(row.name, screen.clip(&self.bench)),
            LIST | EVERYWHERE => None,
            _ => screen.refusal(row.name, &self.bench),
        }
    }

    fn press(&mut self, name: &str) -> Outcome {
        let index = self.front();
        if let Some(outcome) = self.screens[index].key(name, &mut self.bench) {
            return outcome;
        }
        let found = self.command_of(name);
        let (group, command) = found.ok_or_else(|| anyhow!("{name} does nothing here; ? shows the keys"))?;
        self.command(group, command, None)
    }

    /// The command that a key gives now; `None` also where the screen takes it itself.
    pub fn command_of(&self, key: &str) -> Option<Named> {
        let groups = self.groups();
        let gives = |row: &&Bound| row.keys.iter().any(|one| one == key);
        groups.iter().find_map(|group| Some((group.name, group.rows.iter().find(gives)?.name)))
    }

    /// A key in a terminal that is too small: only what does not depend on what the screen would show.
    fn press_unseen(&mut self, key: &KeyEvent) {
        let name = key_name(key).unwrap_or_default();
        let mut rows = EVERYWHERE_TABLE.iter().map(|command| &command.row);
        let gives = |row: &&'static Row| self.hands.keymap.keys(EVERYWHERE, row).contains(&name);
        if let Some(row) = rows.find(|row| UNSEEN.contains(&row.name) && gives(row)) {
            let outcome = self.command(EVERYWHERE, row.name, None);
            self.follow(outcome);
        }
    }

    /// `times`: a count before a move in a list.
    fn command(&mut self, group: &str, name: &str, times: Option<usize>) -> Outcome {
        let index = self.front();
        let (screen, bench) = (&mut self.screens[index], &mut self.bench);
        match group {
            EVERYWHERE => run(EVERYWHERE_TABLE, name, &mut (), bench),
            SOUND => run(SOUND_TABLE, name, &mut screen.clip(bench), bench),
            VIEW => run(VIEW_TABLE, name, &mut screen.clip(bench), bench),
            LIST => {
                let page = usize::from(screen.list_area(body(self.size), bench).height);
                let mut moved = super::keys::Moved { page, times, cursor: Cursor::default() };
                let Some(cursor) = screen.list() else { return Ok(Then::Say("there is no list here".to_owned())) };
                moved.cursor = *cursor;
                let outcome = run(LIST_TABLE, name, &mut moved, bench);
                *cursor = moved.cursor;
                outcome
            }
            _ => match screen.refusal(name, bench) {
                Some(reason) => Ok(Then::Say(reason.to_owned())),
                None => screen.run(name, bench),
            },
        }
    }

    fn reply(&mut self, reply: Reply) {
        match reply {
            Reply::Stay => {}
            Reply::Close => drop(self.layers.pop()),
            Reply::Quit => self.wish = Some(Wish::Quit),
            Reply::Command(group, name, told) => {
                self.layers.pop();
                self.status = None;
                match (self.command(group, name, None), told) {
                    (Ok(Then::Ask(question)), Some(told)) => self.answer(question.purpose, Answer::Done(told)),
                    (Ok(Then::Await(lead)), Some(told)) => {
                        let outcome = self.end_lead(lead, &told);
                        self.follow(outcome);
                    }
                    (outcome, _) => self.follow(outcome),
                }
            }
            Reply::Row(row) => {
                self.layers.pop();
                let index = self.front();
                match self.screens[index].list() {
                    Some(cursor) => cursor.select(row.saturating_sub(1)),
                    None => self.follow(Err(anyhow!("there is no list here"))),
                }
            }
            Reply::Answer(purpose, answer) => {
                if !matches!(answer, Answer::Typing(_)) {
                    self.layers.pop();
                }
                self.answer(purpose, answer);
            }
        }
    }

    fn answer(&mut self, purpose: &'static str, answer: Answer) {
        if let Answer::Done(text) = &answer
            && !text.is_empty()
        {
            let past = self.past.entry(purpose).or_default();
            past.retain(|known| known != text);
            past.push(text.clone());
        }
        let index = self.front();
        let outcome = self.screens[index].answer(purpose, answer, &mut self.bench);
        self.follow(outcome);
    }

    /// Tells who fills in a line what may come next.
    fn offer(&mut self) {
        let index = self.front();
        if let Some(layer) = self.layers.last_mut()
            && let Some((purpose, typed)) = layer.typed()
        {
            let completion = self.screens[index].complete(purpose, typed, &self.bench);
            layer.offer(completion);
        }
    }

    fn follow(&mut self, outcome: Outcome) {
        match outcome {
            Err(error) => self.status = Some(Status { text: format!("{error:#}"), error: true }),
            Ok(Then::Stay) => {}
            Ok(Then::Say(text)) => self.status = Some(Status { text, error: false }),
            Ok(Then::Open(name, topic)) => self.open(name, topic),
            Ok(Then::Switch(name)) => {
                self.open.clear();
                self.open(name, Topic::Itself);
            }
            Ok(Then::Back) => self.back(),
            Ok(Then::Ask(question)) => {
                let past = self.past.get(question.purpose).cloned().unwrap_or_default();
                self.layers.push(Box::new(Prompt::new(question, past)));
            }
            Ok(Then::Show(page)) => self.layers.push(Box::new(Reader::new(page))),
            Ok(Then::Help) => self.layers.push(Box::new(Reader::new(help(&self.groups())))),
            Ok(Then::Tour) => self.guide(),
            Ok(Then::Await(lead)) => self.await_key(lead),
            Ok(Then::Palette) => self.layers.push(Box::new(Palette::new(self.groups()))),
            // Something half typed is still open; it can be out of sight in a terminal that is too small.
            Ok(Then::Quit) => self.ask_to_quit(!self.layers.is_empty()),
            Ok(Then::Interrupt) => self.interrupt(),
            Ok(Then::Suspend) => self.wish = Some(Wish::Suspend),
            Ok(Then::Redraw) => self.wish = Some(Wish::Redraw),
            Ok(Then::Mouse) => {
                self.hands.mouse = !self.hands.mouse;
                self.wish = Some(Wish::Mouse(self.hands.mouse));
                let text = if self.hands.mouse {
                    "the mouse acts here; with Shift it selects text"
                } else {
                    "the mouse selects text"
                };
                self.status = Some(Status { text: text.to_owned(), error: false });
            }
        }
    }

    fn open(&mut self, name: &str, topic: Topic) {
        let Some(index) = self.screens.iter().position(|screen| screen.name() == name) else { return };
        self.open.retain(|open| *open != index);
        self.open.push(index);
        self.status = None;
        self.bench.stop();
        let outcome = self.screens[index].arrive(topic, &mut self.bench);
        self.follow(outcome);
        self.sync();
    }

    fn back(&mut self) {
        let index = self.front();
        if self.open.len() > 1 {
            self.open.pop();
            self.bench.stop();
            self.screens[index].leave(&mut self.bench);
        } else if self.screens[index].unwind(&mut self.bench) {
            self.status = None;
        } else if self.screens[index].name() != TABS[0] {
            self.follow(Ok(Then::Switch(TABS[0])));
        } else {
            self.status = Some(Status { text: "q quits".to_owned(), error: false });
        }
    }

    fn interrupt(&mut self) {
        if self.is_training() {
            self.bench.cancel();
            self.status = Some(Status { text: "cancelling the training".to_owned(), error: false });
        } else if self.bench.ranking().is_some_and(Ranking::is_running) {
            self.bench.stop_ranking();
            self.status =
                Some(Status { text: "stopping; features that are computed are kept".to_owned(), error: false });
        } else {
            self.ask_to_quit(true);
        }
    }

    fn ask_to_quit(&mut self, always: bool) {
        let lost = self.screens.iter().find_map(|screen| screen.unsaved());
        if !self.is_training() && lost.is_none() && !always {
            return self.wish = Some(Wish::Quit);
        }
        let labels = match (lost, self.bench.standing()) {
            (Some(reason), _) => format!("What you said last is not saved: {reason}."),
            (None, Standing::Nowhere(reason)) => format!("Labels cannot be saved: {reason}."),
            (None, Standing::Journal(0, _) | Standing::Store) => "All labels are saved.".to_owned(),
            (None, Standing::Journal(waiting, reason)) => {
                let them = if waiting == 1 { "1 label waits" } else { &format!("{waiting} labels wait") };
                format!("{them} in the recovery journal for the next start, because of the store: {reason}.")
            }
        };
        let training = if self.is_training() { "A training is running and would be cancelled. " } else { "" };
        self.layers.push(Box::new(QuitQuestion { reason: format!("{training}{labels}") }));
    }

    fn sync(&mut self) {
        let index = self.front();
        let then = self.screens[index].sync(&mut self.bench);
        self.follow(Ok(then));
        if let Some(tour) = &mut self.tour {
            tour.notice(&self.bench);
        }
        let news = self.bench.take_news();
        if !news.is_empty() {
            self.status = Some(Status { text: news.join("; "), error: false });
        }
        self.offer();
        if !too_small(self.size) {
            let rows = usize::from(self.screen().list_area(body(self.size), &self.bench).height);
            self.screens[self.front()].seen(rows, &mut self.bench);
        }
    }

    fn is_training(&self) -> bool {
        self.bench.training().is_some_and(|training| training.is_running())
    }

    fn front(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn screen(&self) -> &dyn Screen {
        self.screens[self.front()].as_ref()
    }
}

/// The frame around the screen.
impl App {
    fn status_line(&self, buffer: &mut Buffer, area: Rect) {
        let rest = match &self.status {
            Some(status) => {
                let style = if status.error { self.theme.bad() } else { self.theme.text() };
                let sign = if status.error { " ! " } else { " " };
                put(buffer, area, &format!("{sign}{}", status.text), style)
            }
            None => {
                let room = usize::from(area.width.saturating_sub(1));
                put(buffer, area, &format!(" {}", facts::facts(&self.bench, room)), self.theme.dim())
            }
        };
        if let Some(training) = self.bench.training().filter(|training| training.is_running()) {
            put_right(buffer, rest, &format!("  training {:.0} % ", 100.0 * training.share()), self.theme.accent());
        } else if let Some(ranking) = self.bench.ranking().filter(|ranking| ranking.is_running()) {
            put_right(buffer, rest, &format!("  features {:.0} % ", 100.0 * ranking.share()), self.theme.accent());
        }
    }
}

/// All groups of commands there are, each once: for the key sheet.
pub fn all_groups() -> Vec<Group> {
    let mut all: Vec<Group> = screens().iter().map(|screen| own_group(screen.as_ref())).collect();
    all.push(Group::new(LIST, rows(LIST_TABLE)));
    all.push(Group::new(SOUND, rows(SOUND_TABLE)));
    all.push(Group::new(VIEW, rows(VIEW_TABLE)));
    all.push(Group::new(EVERYWHERE, rows(EVERYWHERE_TABLE)));
    all
}

/// The commands that can be given on a screen, its own first.
pub fn groups_of(screen: &dyn Screen) -> Vec<Group> {
    let mut groups = vec![own_group(screen)];
    if screen.has_list() {
        groups.push(Group::new(LIST, rows(LIST_TABLE)));
    }
    if screen.has_sound() {
        groups.push(Group::new(SOUND, rows(SOUND_TABLE)));
    }
    if screen.has_picture() {
        groups.push(Group::new(VIEW, rows(VIEW_TABLE)));
    }
    groups.push(Group::new(EVERYWHERE, rows(EVERYWHERE_TABLE)));
    groups
}

fn own_group(screen: &dyn Screen) -> Group {
    Group::new(screen.name(), screen.rows())
}

fn run<S>(table: &'static [Command<S>], name: &str, on: &mut S, bench: &mut Workbench) -> Outcome {
    let command = named(table, name).ok_or_else(|| anyhow!("no command `{name}`"))?;
    (command.run)(on, bench)
}

/// Header above, status line and footer below.
fn body(area: Rect) -> Rect {
    let [_, body, _] = widgets::rows(area, [Constraint::Length(1), Constraint::Min(0), Constraint::Length(2)]);
    body
}

fn too_small(area: Rect) -> bool {
    area.width < SMALLEST.0 || area.height < SMALLEST.1
}

fn say_too_small(buffer: &mut Buffer, theme: &Theme) {
    let area = buffer.area;
    let text = format!("too small: {}x{}", area.width, area.height);
    put_center(buffer, line(area, area.height / 2), &text, theme.strong());
    let text = format!("needs {}x{}; q quits", SMALLEST.0, SMALLEST.1);
    put_center(buffer, line(area, area.height / 2 + 1), &text, theme.text());
}

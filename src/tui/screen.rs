//! What a screen is to the app, and what it may ask of it.
//!
//! Deliberately absent: any knowledge of which screens there are (see `screens`), and results of work: those live in the
//! Workbench, a screen keeps only where the user looks.

use std::time::Duration;

use anyhow::Result;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::Lead;
use super::command::Row;
use super::cursor::Cursor;
use super::theme::Theme;
use crate::workbench::Workbench;
use crate::workbench::filter::Completion;

/// What a command asks for, or the error that the status line shows.
pub type Outcome = Result<Then>;

/// What the app does after a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing more.
    Stay,
    /// A sentence for the status line.
    Say(String),
    /// Another screen on top of this one; Esc comes back.
    Open(&'static str, Topic),
    /// Another screen instead of all open ones.
    Switch(&'static str),
    /// To the screen below.
    Back,
    /// A line of text; the screen's `answer` gets it.
    Ask(Question),
    /// Text to read.
    Show(Page),
    /// The keys of this screen.
    Help,
    /// All commands by name.
    Palette,
    /// The three steps of the first start.
    Tour,
    /// The key that ends what was begun: a count, a mark.
    Await(Lead),
    /// The end, after a question when work is running.
    Quit,
    /// Cancels running work, else asks whether to quit.
    Interrupt,
    /// Stops the process until the shell continues it.
    Suspend,
    /// Draws every cell anew.
    Redraw,
    /// Has the mouse act here, or select text as the terminal does it.
    Mouse,
}

/// What a screen is opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// Itself.
    Itself,
    /// One clip of the corpus.
    Clip(usize),
    /// One clip of the corpus, to be labelled anew; then back.
    Review(usize),
    /// Some clips, in that order.
    Clips {
        /// Why these.
        title: String,
        /// Which come first, such as "worst first".
        order: &'static str,
        /// Their numbers in the corpus.
        clips: Vec<usize>,
        /// What was said of them, where they were chosen by that.
        said: Option<Said>,
    },
    /// A run, by its place in [`Workbench::runs`].
    Run(usize),
    /// Several runs side by side, by their places in [`Workbench::runs`].
    Runs(Side, Vec<usize>),
}

/// What a run said of clips: who sees it is no longer blind to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The run, in words.
    pub by: String,
    /// One per clip, in their order.
    pub words: Vec<String>,
}

/// What of several runs is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The fields of recipe and protocol that are not the same.
    #[default]
    Differences,
    /// Which of them are better than which.
    Significance,
    /// What they reach with less to learn from.
    Curves,
    /// What those reach that learnt on another corpus.
    Corpora,
}

/// What lies where the mouse was pressed.
#[derive(Debug, Clone, PartialEq)]
pub enum Hit {
    /// A row of the list, and the column of it where [`Screen::column`] is something.
    Cell(usize, Option<usize>),
    /// The head of a column.
    Head(usize),
    /// What does the same as this key.
    Key(String),
    /// What does the same as so many times this command of the screen's own.
    Command(&'static str, usize),
    /// A moment of the clip, in seconds.
    Moment(f64),
    /// What can only be looked at.
    Nothing,
}

impl Hit {
    /// The name of another view: reached without passing those beyond it.
    pub fn view(open: usize, wanted: usize) -> Hit {
        let name = if wanted < open { "previous view" } else { "next view" };
        Hit::Command(name, wanted.abs_diff(open))
    }
}

/// A line of text that a screen asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Comes back with the answer.
    pub purpose: &'static str,
    /// Before the input.
    pub prompt: String,
    /// What stands there at first.
    pub text: String,
}

/// What came of a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// So far; more may come.
    Typing(String),
    /// Enter.
    Done(String),
    /// Esc.
    Dropped,
}

/// Text over the screen, scrolled if long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Heading.
    pub title: String,
    /// One per line, cut at the right edge.
    pub lines: Vec<String>,
}

/// One screen. It is made once, before any corpus is there, and lives as long as the app.
pub trait Screen {
    /// Short, unique, lower case: for `Then::Open`, help and the key sheet.
    fn name(&self) -> &'static str;

    /// Its commands; constant.
    fn rows(&self) -> Vec<&'static Row>;

    /// Runs the command of that name.
    ///
    /// # Errors
    /// What the status line is to say.
    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome;

    /// Why a command of its own can do nothing now: it is not offered, and given all the same it says this. `None` = it can, as
    /// far as is known without trying.
    fn refusal(&self, _command: &str, _bench: &Workbench) -> Option<&'static str> {
        None
    }

    /// Draws into `area`; pure.
    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme);

    /// Catches up with the Workbench: lists may be longer or shorter now. Called on arrival, after every key and every
    /// update; cheap when nothing has changed.
    fn sync(&mut self, bench: &mut Workbench) -> Then;

    /// Comes to the front.
    ///
    /// # Errors
    /// What the status line is to say; the screen is open all the same.
    fn arrive(&mut self, _topic: Topic, _bench: &mut Workbench) -> Outcome {
        Ok(Then::Stay)
    }

    /// Is closed by going back.
    fn leave(&mut self, _bench: &mut Workbench) {}

    /// Drops a restriction of its own (filter, selection) when there is no screen to go back to; false if there is none.
    fn unwind(&mut self, _bench: &mut Workbench) -> bool {
        false
    }

    /// Takes a key that is no command, such as that of a class; `None` when it means nothing here.
    fn key(&mut self, _key: &str, _bench: &mut Workbench) -> Option<Outcome> {
        None
    }

    /// Learns the letters and signs that commands take here, which no class may have.
    fn reserve(&mut self, _taken: Vec<char>) {}

    /// Whether the digits have a meaning of their own here, so that they do not lead to other screens; constant.
    fn takes_digits(&self) -> bool {
        false
    }

    /// Gets the answer to a [`Question`].
    ///
    /// # Errors
    /// What the status line is to say.
    fn answer(&mut self, _purpose: &str, _answer: Answer, _bench: &mut Workbench) -> Outcome {
        Ok(Then::Stay)
    }

    /// What may come behind `typed`, which is being answered to a [`Question`].
    fn complete(&self, _purpose: &str, _typed: &str, _bench: &Workbench) -> Completion {
        Completion::default()
    }

    /// Why the last thing said here is not on disk, if it is not.
    fn unsaved(&self) -> Option<&str> {
        None
    }

    /// The list that the keys for moving act on.
    fn list(&mut self) -> Option<&mut Cursor> {
        None
    }

    /// Whether [`Screen::list`] is ever something; constant.
    fn has_list(&self) -> bool {
        false
    }

    /// Where the rows of that list stand, one on each line, as many as its window of that height holds.
    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        body
    }

    /// The selected column, where the list has cells.
    fn column(&mut self) -> Option<&mut Cursor> {
        None
    }

    /// What lies at a place of the body beside the rows of the list, or what of a row.
    fn hit(&self, _at: Position, _body: Rect, _bench: &Workbench) -> Option<Hit> {
        None
    }

    /// The command of its own that opens or changes the selected row; constant.
    fn opens(&self) -> Option<&'static str> {
        self.rows().into_iter().find(|row| row.keys.contains(&"Enter")).map(|row| row.name)
    }

    /// Sorts by a column, or the other way round if it is sorted by that.
    ///
    /// # Errors
    /// What the status line is to say.
    fn sort_by(&mut self, _column: usize, _bench: &mut Workbench) -> Outcome {
        Ok(Then::Stay)
    }

    /// Is on the screen with so many rows of its list: what names a clip there is known to the user from now on.
    fn seen(&self, _rows: usize, _bench: &mut Workbench) {}

    /// The clip that the keys for sound act on.
    fn clip(&self, _bench: &Workbench) -> Option<usize> {
        None
    }

    /// Goes to a moment of what it shows, in seconds.
    ///
    /// # Errors
    /// What the status line is to say.
    fn go_to(&mut self, seconds: f64, bench: &mut Workbench) -> Outcome {
        self.clip(bench).into_iter().for_each(|clip| bench.play_at(clip, seconds));
        Ok(Then::Stay)
    }

    /// Selects that clip in its list; false where the list does not hold it.
    fn find_clip(&mut self, _clip: usize, _bench: &mut Workbench) -> bool {
        false
    }

    /// Whether the keys for sound apply; constant.
    fn has_sound(&self) -> bool {
        false
    }

    /// Whether it shows pictures of that clip, so that the keys for how they look apply; constant.
    fn has_picture(&self) -> bool {
        false
    }

    /// How often it must be drawn although nothing is reported.
    fn tick(&self, _bench: &Workbench) -> Option<Duration> {
        None
    }
}

//! Features: which columns of a feature set tell the classes apart, ranked, and how the selected one is spread.
//!
//! The work is the Workbench's (see `workbench::columns`). Deliberately absent: choosing columns for a training; the
//! ranking has seen all labels.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use crate::corpus::Target;
use crate::features::{FEATURE_SETS, FeatureSet, Kind, feature_set};
use crate::learn::Norm;
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Answer, Hit, Outcome, Question, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::distribution::{self, Group, short};
use crate::tui::widgets::table::{self, Cell, Column};
use crate::tui::widgets::{self, bars, duration, line, put, put_center, put_right};
use crate::workbench::columns::{Figures, Inquiry, Progress, Ranked, Ranking};
use crate::workbench::{Opening, Workbench};

/// The screen's state: what is asked, and where the user looks.
#[derive(Default)]
pub struct FeatureColumns {
    /// Feature sets to choose from; columns once there is an answer.
    choosing: bool,
    sets: Cursor,
    /// How many columns each set has.
    widths: Vec<usize>,
    columns: Cursor,
    target: usize,
    within_speakers: bool,
    sort: Sort,
    filter: String,
    /// The filter before it was edited.
    before: String,
    answer: Option<Arc<Ranked>>,
    /// Columns of `answer` in the order shown.
    shown: Vec<usize>,
    /// The selected column and its values by class.
    spread: Option<(usize, Vec<Group>)>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sort {
    #[default]
    F,
    Information,
    Order,
}

/// How columns are sorted, in words, and below which head.
const SORTS: [(Sort, &str, usize); 3] =
    [(Sort::F, "by F", 2), (Sort::Information, "by mutual information", 3), (Sort::Order, "in the set's order", 0)];
const TARGETS: [Target; 3] = [Target::Emotion, Target::Sex, Target::SexEmotion];
/// Why nobody should train on what is ranked here.
const NOTE: &str = "ranked with all labels: to look at, not to choose features before a comparison";

static COMMANDS: &[Command<FeatureColumns>] = &[
    Command {
        row: row("open", &["Enter"], "rank this set; this column's clips, largest first"),
        run: FeatureColumns::open,
    },
    Command { row: row("sets", &["s"], "choose a feature set"), run: FeatureColumns::choose },
    Command {
        row: row("sort", &["o"], "by F, by mutual information, in the set's order"),
        run: FeatureColumns::next_sort,
    },
    Command {
        row: row("filter", &["f"], "only columns whose name holds all the words"),
        run: FeatureColumns::ask_filter,
    },
    Command {
        row: row("norm", &["n"], "values as they are, or scaled within speakers"),
        run: FeatureColumns::next_norm,
    },
    Command { row: row("target", &["t"], "tell apart emotions, sexes or both"), run: FeatureColumns::next_target },
    Command { row: row("cancel", &["x"], "stop; features that are computed are kept"), run: FeatureColumns::cancel },
    Command { row: row("type", &["e"], "a set by name, e.g. functionals+mfcc"), run: FeatureColumns::ask_set },
];

const COLUMNS: [Column; 5] = [
    Column::text("column", 24).growing(),
    Column::text("unit", 12).rank(1),
    Column::number("F", 9),
    Column::number("MI bits", 8),
    Column::text("  definition", 48).rank(2),
];

impl Screen for FeatureColumns {
    fn name(&self) -> &'static str {
        "features"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        let running = bench.ranking().is_some_and(Ranking::is_running);
        (command == "cancel" && !running).then_some("nothing is running")
    }

    fn arrive(&mut self, _topic: Topic, bench: &mut Workbench) -> Outcome {
        self.choosing = bench.ranked().is_none();
        Ok(Then::Stay)
    }

    fn unwind(&mut self, _bench: &mut Workbench) -> bool {
        let dropped = !self.filter.is_empty() && !self.choosing;
        self.filter.clear();
        self.remake();
        dropped
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        if self.widths.is_empty() {
            self.widths = sets().iter().map(|set| set.columns().len()).collect();
            self.sets.resize(self.widths.len());
        }
        let same = match (&self.answer, bench.ranked()) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same {
            self.answer = bench.ranked().cloned();
            self.choosing = false;
            self.spread = None;
            self.remake();
        }
        self.respread();
        Then::Stay
    }

    fn answer(&mut self, purpose: &str, answer: Answer, bench: &mut Workbench) -> Outcome {
        match (purpose, answer) {
            ("set", Answer::Done(text)) => return self.ask(text.trim().to_owned(), bench),
            ("filter", Answer::Typing(text) | Answer::Done(text)) => self.filter = text,
            ("filter", Answer::Dropped) => self.filter = std::mem::take(&mut self.before),
            _ => {}
        }
        self.remake();
        Ok(Then::Stay)
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(if self.choosing { &mut self.sets } else { &mut self.columns })
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        let list = self.parts(body)[2];
        table::body(if self.choosing { choosing(chooser_area(list, body))[0] } else { list })
    }

    fn hit(&self, at: Position, body: Rect, _bench: &Workbench) -> Option<Hit> {
        let head = |list| table::head(&COLUMNS, list, at);
        let column = Some(self.parts(body)[2]).filter(|_| !self.choosing).and_then(head)?;
        SORTS.iter().any(|(.., sorted)| *sorted == column).then_some(Hit::Head(column))
    }

    fn sort_by(&mut self, column: usize, _bench: &mut Workbench) -> Outcome {
        let Some((sort, name, _)) = SORTS.iter().find(|(.., sorted)| *sorted == column) else { return Ok(Then::Stay) };
        Ok(self.sorted(*sort, name))
    }

    fn tick(&self, bench: &Workbench) -> Option<Duration> {
        bench.ranking().filter(|ranking| ranking.is_running()).map(|_| Duration::from_secs(1))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        if *bench.opening() != Opening::Open {
            let text = if matches!(bench.opening(), Opening::Scanning(_)) {
                "reading the corpus …"
            } else {
                "the corpus could not be opened; 1 tells why"
            };
            return put_center(buffer, line(area, area.height / 2), text, theme.text());
        }
        let [head, state, list, title, spread] = self.parts(area);
        self.heading(buffer, head, theme);
        self.state(buffer, state, bench.ranking(), theme);
        match self.answer.as_ref().filter(|_| !self.choosing) {
            None => self.chooser(buffer, chooser_area(list, area), bench.ranking(), theme),
            Some(answer) => {
                table::draw(buffer, list, &COLUMNS, &self.columns, theme, |row| cells(answer, self.shown[row]));
                self.selected(buffer, title, spread, theme);
            }
        }
    }
}

/// Keys.
impl FeatureColumns {
    fn open(&mut self, bench: &mut Workbench) -> Outcome {
        if self.choosing {
            let set = self.sets.row().and_then(|row| sets().get(row).map(|set| set.name().to_owned()));
            return self.ask(set.context("there is no feature set that makes rows")?, bench);
        }
        let column = self.columns.row().map(|row| self.shown[row]);
        let (Some(answer), Some(column)) = (&self.answer, column) else {
            return Ok(Then::Say("no column is selected".to_owned()));
        };
        let values = answer.column(column);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        let clips = order.into_iter().map(|row| answer.table.task.rows[row]).collect();
        let title = format!("by {}", answer.table.columns[column].name);
        Ok(Then::Open("browse", Topic::Clips { title, order: "largest first", clips, said: None }))
    }

    /// Has a set ranked as chosen.
    fn ask(&mut self, set: String, bench: &mut Workbench) -> Outcome {
        feature_set(&set)?;
        let norm = if self.within_speakers { Norm::Speaker } else { Norm::None };
        bench.rank(Inquiry { set, target: TARGETS[self.target], norm })?;
        Ok(Then::Stay)
    }

    /// After a choice: the set that is shown is ranked anew; without one, the choice waits.
    fn again(&mut self, bench: &mut Workbench) -> Result<()> {
        if let Some(answer) = &self.answer {
            self.ask(answer.inquiry.set.clone(), bench)?;
        }
        Ok(())
    }

    fn next_target(&mut self, bench: &mut Workbench) -> Outcome {
        let before = self.target;
        self.target = (before + 1) % TARGETS.len();
        self.again(bench).inspect_err(|_| self.target = before)?;
        Ok(Then::Say(format!("target {}", TARGETS[self.target])))
    }

    fn next_norm(&mut self, bench: &mut Workbench) -> Outcome {
        self.within_speakers = !self.within_speakers;
        self.again(bench).inspect_err(|_| self.within_speakers = !self.within_speakers)?;
        Ok(Then::Say(of_norm(self.within_speakers).to_owned()))
    }

    fn next_sort(&mut self, _bench: &mut Workbench) -> Outcome {
        let place = SORTS.iter().position(|(sort, ..)| *sort == self.sort).unwrap_or(0);
        let (sort, name, _) = SORTS[(place + 1) % SORTS.len()];
        Ok(self.sorted(sort, name))
    }

    fn sorted(&mut self, sort: Sort, name: &str) -> Then {
        self.sort = sort;
        self.remake();
        self.columns.first();
        Then::Say(name.to_owned())
    }

    fn ask_filter(&mut self, _bench: &mut Workbench) -> Outcome {
        self.before = self.filter.clone();
        Ok(Then::Ask(Question { purpose: "filter", prompt: "columns with:".to_owned(), text: self.filter.clone() }))
    }

    fn ask_set(&mut self, _bench: &mut Workbench) -> Outcome {
        let text = self.answer.as_ref().map_or_else(String::new, |answer| answer.inquiry.set.clone());
        Ok(Then::Ask(Question { purpose: "set", prompt: "feature set:".to_owned(), text }))
    }

    fn choose(&mut self, _bench: &mut Workbench) -> Outcome {
        self.choosing = !self.choosing || self.answer.is_none();
        Ok(Then::Stay)
    }

    fn cancel(&mut self, bench: &mut Workbench) -> Outcome {
        bench.stop_ranking();
        Ok(Then::Say("stopping; features that are computed are kept".to_owned()))
    }

    /// Sorts and filters, and stays on the selected column if it is still there.
    fn remake(&mut self) {
        let stays = self.columns.row().and_then(|row| self.shown.get(row).copied());
        let Some(answer) = &self.answer else { return };
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let named = |column: &usize| {
            let name = answer.table.columns[*column].name.to_lowercase();
            words.iter().all(|word| name.contains(word))
        };
        let mut shown: Vec<usize> = (0..answer.figures.len()).filter(named).collect();
        let figure = |column: usize| match self.sort {
            Sort::F => answer.figures[column].f,
            Sort::Information => answer.figures[column].mi,
            Sort::Order => None,
        };
        // What is undefined tells nothing apart: to the end.
        let key = |column: usize| figure(column).unwrap_or(-1.0);
        shown.sort_by(|a, b| key(*b).total_cmp(&key(*a)));
        self.columns.resize(shown.len());
        if let Some(row) = stays.and_then(|column| shown.iter().position(|&other| other == column)) {
            self.columns.select(row);
        }
        self.shown = shown;
    }

    /// Sorts the values of the selected column by class, once per selection.
    fn respread(&mut self) {
        let column = self.columns.row().and_then(|row| self.shown.get(row).copied());
        let (Some(answer), Some(column)) = (&self.answer, column) else { return self.spread = None };
        if self.spread.as_ref().is_some_and(|(of, _)| *of == column) {
            return;
        }
        let task = &answer.table.task;
        let empty = |name: &String| Group { name: name.clone(), values: Vec::new() };
        let mut groups: Vec<Group> = task.classes.iter().map(empty).collect();
        for (value, &label) in answer.column(column).into_iter().zip(&task.labels) {
            groups[label].values.push(value);
        }
        groups.iter_mut().for_each(|group| group.values.sort_by(f64::total_cmp));
        self.spread = Some((column, groups));
    }
}

/// Drawing.
impl FeatureColumns {
    /// Heading, state, list, name of the selected column, its spread.
    fn parts(&self, area: Rect) -> [Rect; 5] {
        let classes = self.answer.as_ref().map_or(0, |answer| answer.table.task.classes.len());
        // The list keeps half of the screen.
        let spread = distribution::height(classes, area.height / 2);
        let fixed = Constraint::Length;
        widgets::rows(area, [fixed(1), fixed(1), Constraint::Min(3), fixed(1), fixed(spread)])
    }

    fn heading(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let Some(answer) = self.answer.as_ref().filter(|_| !self.choosing) else {
            let rest = put(buffer, area, "feature sets: Enter ranks the columns of one", theme.strong());
            let asked = format!("  {} · {}", TARGETS[self.target], of_norm(self.within_speakers));
            return put_right(buffer, rest, &asked, theme.dim());
        };
        let (inquiry, task) = (&answer.inquiry, &answer.table.task);
        let count = match (self.shown.len(), answer.figures.len()) {
            (shown, all) if shown == all => format!("{all} columns of {}", inquiry.set),
            (shown, all) => format!("{shown} of {all} columns of {}", inquiry.set),
        };
        let mut rest = put(buffer, area, &count, theme.strong());
        let asked = format!(
            "  {} · {} clips · {}",
            inquiry.target,
            task.rows.len(),
            if inquiry.norm == Norm::Speaker { "within speakers" } else { "raw" }
        );
        rest = put(buffer, rest, &asked, theme.text());
        if !self.filter.trim().is_empty() {
            rest = put(buffer, rest, &format!("  with {}", self.filter), theme.accent());
        }
        let sort = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |(_, name, _)| name);
        put_right(buffer, rest, &format!("  {sort}"), theme.dim());
    }

    fn state(&self, buffer: &mut Buffer, area: Rect, ranking: Option<&Ranking>, theme: &Theme) {
        match ranking {
            Some(running) if running.is_running() => {
                put(buffer, area, &progress(running), theme.accent());
            }
            Some(Ranking { end: Some(Err(reason)), inquiry, .. }) => {
                put(buffer, area, &format!("{}: {reason}", inquiry.set), theme.bad());
            }
            _ => {
                let rest = put(buffer, area, NOTE, theme.dim());
                let known = self.answer.as_ref().filter(|_| !self.choosing);
                let made = known.map_or_else(String::new, |answer| format!("  {}", answer.table.preparation));
                // Where there is room: it matters less than the note.
                if made.chars().count() <= usize::from(rest.width) {
                    put_right(buffer, rest, &made, theme.dim());
                }
            }
        }
    }

    fn chooser(&self, buffer: &mut Buffer, area: Rect, ranking: Option<&Ranking>, theme: &Theme) {
        let sets = sets();
        let [list, _, about, _, gauge, trouble] = choosing(area);
        const SETS: [Column; 3] =
            [Column::text("set", 16), Column::number("columns", 8), Column::text("  what it is", 30).growing()];
        table::draw(buffer, list, &SETS, &self.sets, theme, |row| {
            let set = sets[row];
            vec![
                set.name().into(),
                self.widths.get(row).map_or_else(String::new, usize::to_string).into(),
                format!("  {}", set.about()).into(),
            ]
        });
        let selected = self.sets.row().map_or("", |row| sets[row].about());
        for (at, text) in widgets::wrap(selected, usize::from(area.width)).iter().enumerate() {
            put(buffer, line(about, at as u16), text, theme.text());
        }
        match ranking {
            Some(running) if running.is_running() => {
                bars::draw(buffer, gauge, &[(running.inquiry.set.clone(), Some(running.share()))], theme);
            }
            // The line above shows only the start of a long reason.
            Some(Ranking { end: Some(Err(reason)), .. }) => {
                for (at, text) in widgets::wrap(reason, usize::from(area.width)).iter().enumerate() {
                    put(buffer, line(trouble, at as u16), text, theme.bad());
                }
            }
            _ => {}
        }
    }

    fn selected(&self, buffer: &mut Buffer, title: Rect, area: Rect, theme: &Theme) {
        let (Some(answer), Some((column, groups))) = (&self.answer, &self.spread) else { return };
        let (about, Figures { f, mi }) = (&answer.table.columns[*column], answer.figures[*column]);
        let rest = put(buffer, title, &about.name, theme.accent());
        let most = entropy(groups);
        let unit = if answer.inquiry.norm == Norm::Speaker { "deviations" } else { about.unit.trim_matches('-') };
        let text = format!("  {unit}  F {} · MI {} of {most:.2} bits · {}", figure(f), bits(mi), about.source);
        put(buffer, rest, &text, theme.text());
        if f.is_none() {
            return put_center(buffer, line(area, area.height / 2), "the same for every clip", theme.dim());
        }
        distribution::draw(buffer, area, groups, theme);
    }
}

/// The list has the room of what is shown of a column, too.
fn chooser_area(list: Rect, area: Rect) -> Rect {
    Rect { height: area.height.saturating_sub(2), ..list }
}

/// Feature sets, a free line, what the selected one is, a free line, how far it is, what went wrong.
fn choosing(area: Rect) -> [Rect; 6] {
    let fixed = Constraint::Length;
    let list = fixed((sets().len() as u16 + 1).min(area.height / 2));
    widgets::rows(area, [list, fixed(1), fixed(4), fixed(1), fixed(1), Constraint::Min(0)])
}

/// The feature sets that make rows.
fn sets() -> Vec<&'static dyn FeatureSet> {
    FEATURE_SETS.iter().copied().filter(|set| set.kind() == Kind::Row).collect()
}

fn of_norm(within_speakers: bool) -> &'static str {
    if within_speakers { "scaled within each speaker" } else { "values as they are" }
}

fn progress(ranking: &Ranking) -> String {
    let set = &ranking.inquiry.set;
    let left = ranking.remaining().map(|left| format!(", about {} left", duration(left.as_secs_f64())));
    let left = left.unwrap_or_default();
    match ranking.progress {
        Progress::Reading(done, total) => format!("{set}: features of {done} of {total} clips{left}; x cancels"),
        Progress::Ranking(done, total) => format!("{set}: {done} of {total} columns ranked{left}; x cancels"),
    }
}

fn cells(answer: &Ranked, column: usize) -> Vec<Cell> {
    let (about, figures) = (&answer.table.columns[column], answer.figures[column]);
    vec![
        about.name.clone().into(),
        about.unit.into(),
        figure(figures.f).into(),
        bits(figures.mi).into(),
        format!("  {}", about.source).into(),
    ]
}

fn figure(f: Option<f64>) -> String {
    match f {
        None => "–".to_owned(),
        Some(f) if f.is_infinite() => "∞".to_owned(),
        Some(f) if f < 10.0 => format!("{f:.2}"),
        Some(f) => short(f),
    }
}

/// Nats as bits.
fn bits(mi: Option<f64>) -> String {
    mi.map_or_else(|| "–".to_owned(), |nats| format!("{:.3}", nats / std::f64::consts::LN_2))
}

/// Entropy of the classes in bits: what a column could tell at most.
fn entropy(groups: &[Group]) -> f64 {
    let total: usize = groups.iter().map(|group| group.values.len()).sum();
    let shares = groups.iter().map(|group| group.values.len() as f64 / total.max(1) as f64);
    shares.filter(|share| *share > 0.0).map(|share| -share * share.log2()).sum()
}

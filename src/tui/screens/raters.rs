//! Raters: how everybody who labels is doing, live: a row each, and one rater's figures at length.
//!
//! For a lead: what is seen here names people. The figures follow the store while others write to it. Deliberately absent:
//! agreement between people (see `agree.rs`), and verdicts.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use crate::label::{OfQuestion, Quality, Share};
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Page, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::table::{self, Cell, Column};
use crate::tui::widgets::{self, cut, line, percent, put, put_center, put_right};
use crate::workbench::{Opening, Workbench};

/// The screen's state: which rater, which question.
#[derive(Default)]
pub struct Raters {
    rater: Cursor,
    question: Cursor,
}

static COMMANDS: &[Command<Raters>] = &[
    Command { row: row("open", &["Enter"], "this rater's figures at length"), run: Raters::open },
    Command { row: row("question", &["o"], "the next question of the scheme"), run: Raters::next_question },
];

const COLUMNS: [Column; 10] = [
    Column::text("rater", 12).growing(),
    Column::number("clips", 6),
    Column::number("s/clip", 6).rank(1),
    Column::number("too fast", 8),
    Column::number("repeats", 8),
    Column::number("same %", 6),
    Column::number("kappa", 6),
    Column::number("gold %", 6),
    Column::number("run", 4).rank(2),
    Column::number("vote % by third", 17).rank(3),
];

impl Screen for Raters {
    fn name(&self) -> &'static str {
        "raters"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn arrive(&mut self, _topic: Topic, bench: &mut Workbench) -> Outcome {
        bench.unwatch_raters();
        self.sync(bench);
        Ok(Then::Stay)
    }

    fn leave(&mut self, bench: &mut Workbench) {
        bench.unwatch_raters();
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        let failed = matches!(bench.raters(), Some(Err(_)));
        let then = match *bench.opening() == Opening::Open && !failed {
            true => bench.watch_raters().err().map_or(Then::Stay, |error| Then::Say(format!("{error:#}"))),
            false => Then::Stay,
        };
        let found = found(bench);
        self.rater.resize(found.len());
        self.question.resize(found.first().map_or(0, |one| one.questions.len()));
        then
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.rater)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        table::body(parts(body)[1])
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [head, list, foot] = parts(area);
        let found = found(bench);
        let middle = line(area, area.height / 2);
        match (bench.raters(), bench.opening()) {
            (Some(Err(reason)), _) => return put_center(buffer, middle, reason, theme.bad()),
            (None, _) => return put_center(buffer, middle, "reading …", theme.text()),
            _ if found.is_empty() => {
                return put_center(buffer, middle, "nobody has labelled yet; 2 does", theme.text());
            }
            _ => {}
        }
        let rest = put(
            buffer,
            head,
            &format!("{} rater{}", found.len(), if found.len() == 1 { "" } else { "s" }),
            theme.strong(),
        );
        put_right(buffer, rest, &format!("  {}", bench.scheme().title), theme.dim());
        table::draw(buffer, list, &COLUMNS, &self.rater, theme, |row| self.cells(&found[row], theme));
        if let Some(question) = self.question.row().and_then(|at| found[0].questions.get(at)) {
            let which = match found[0].questions.len() {
                1 => String::new(),
                many => format!(
                    "{} of {many}: {}; o the next",
                    self.question.row().map_or(0, |at| at + 1),
                    question.question
                ),
            };
            put(buffer, foot, &which, theme.text());
        }
    }
}

impl Raters {
    fn cells(&self, one: &Quality, theme: &Theme) -> Vec<Cell> {
        let number =
            |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
        let mut cells = vec![one.rater.clone().into(), one.clips.to_string().into(), number(one.seconds, 1).into()];
        cells.push(Cell { text: of(one.fast), style: if one.fast.count > 0 { theme.warn() } else { theme.text() } });
        let Some(question) = self.question.row().and_then(|at| one.questions.get(at)) else { return cells };
        let repeats = question.near.unwrap_or(question.same);
        cells.extend(
            [of(repeats), percent(repeats.share()), number(question.steady, 2), percent(question.gold.share())]
                .map(Cell::from),
        );
        let run = question.run.as_ref();
        let odd = run.is_some_and(|run| run.chance < 0.01);
        let length = run.map_or("–".to_owned(), |run| run.length.to_string());
        cells.push(Cell { text: length, style: if odd { theme.warn() } else { theme.text() } });
        let thirds = question.thirds.iter().map(|third| percent(third.others.share()));
        cells.push(thirds.collect::<Vec<_>>().join(" ").into());
        cells
    }

    fn next_question(&mut self, _bench: &mut Workbench) -> Outcome {
        self.question.step_around(1);
        Ok(Then::Stay)
    }

    fn open(&mut self, bench: &mut Workbench) -> Outcome {
        let found = found(bench);
        let Some(one) = self.rater.row().and_then(|row| found.get(row)) else {
            return Ok(Then::Say("nobody has labelled yet".to_owned()));
        };
        let mut lines = vec![
            format!("{} clips, {} a clip", one.clips, one.seconds.map_or("–".to_owned(), widgets::duration)),
            format!("{} answered before half was heard", of(one.fast)),
        ];
        one.questions.iter().for_each(|question| lines.extend(at_length(question)));
        Ok(Then::Show(Page { title: cut(&one.rater, 40), lines }))
    }
}

/// The figures of one question in lines.
fn at_length(one: &OfQuestion) -> Vec<String> {
    let mut lines = vec![String::new()];
    if !one.question.is_empty() {
        lines.push(one.question.to_uppercase());
    }
    lines.push(format!("{} answers, {} times \"cannot judge\"", one.answers, one.missing));
    let near = one.near.map_or(String::new(), |near| format!(", {} within a step", of(near)));
    let coefficient = if one.near.is_some() { "ICC(2,1)" } else { "kappa" };
    let steady = one.steady.map_or("–".to_owned(), |steady| format!("{steady:.2}"));
    lines.push(format!("hidden repeats: {} the same{near}; {coefficient} {steady}", of(one.same)));
    lines.push(format!("known answers: {} right", of(one.gold)));
    if let Some(run) = &one.run {
        let chance = if run.chance < 0.001 { "under 0.1 %".to_owned() } else { format!("{:.1} %", 100.0 * run.chance) };
        lines.push(format!("longest run: {} times {}; by chance: {chance}", run.length, run.value));
    }
    for (third, name) in one.thirds.iter().zip(["first third", "second third", "last third"]) {
        let seconds = third.seconds.map_or("–".to_owned(), widgets::duration);
        let mut shares: Vec<_> = third.shares.iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(a.1));
        let shares: Vec<String> =
            shares.iter().take(3).map(|(value, share)| format!("{value} {:.0} %", 100.0 * **share)).collect();
        lines.push(format!("{name}: with the others {}, {seconds} a clip; {}", of(third.others), shares.join(", ")));
    }
    lines
}

fn found(bench: &Workbench) -> &[Quality] {
    match bench.raters() {
        Some(Ok(found)) => found,
        _ => &[],
    }
}

fn of(share: Share) -> String {
    if share.of == 0 { "–".to_owned() } else { format!("{} of {}", share.count, share.of) }
}

/// Heading, table, question.
fn parts(area: Rect) -> [Rect; 3] {
    widgets::rows(area, [Constraint::Length(1), Constraint::Min(3), Constraint::Length(1)])
}

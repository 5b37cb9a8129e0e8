//! Results: the table of runs. A run whose plan leaks speakers never stands alone: its speaker-independent twin follows.
//!
//! Sorted by any column; a twin stays under its run whatever the order. Points of learning curves are no rows of their own
//! (see `compare.rs`). Deliberately absent: ranking over plans. Runs under different plans do not compare.

mod order;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::{behind, run};
use crate::features::Preparation;
use crate::label::Timestamp;
use crate::learn::Cost;
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Hit, Outcome, Screen, Side, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::matrix::{self, Matrix};
use crate::tui::widgets::table::{self, Cell, Column, Order};
use crate::tui::widgets::{self, duration, line, percent, put, put_center};
use crate::workbench::experiment::Judged;
use crate::workbench::standing::{Place, alike};
use crate::workbench::{Opening, Workbench};
use order::{SORTS, Shown, ordered};

/// The screen's state: which runs in which order, where the user is, what is marked.
pub struct Results {
    shown: Vec<Shown>,
    cursor: Cursor,
    /// A place in [`SORTS`].
    sort: usize,
    order: Order,
    marked: Vec<Arc<Judged>>,
    /// How many runs `shown` was made from, and the newest of them.
    made_from: Option<(usize, Option<Arc<Judged>>)>,
}

static COMMANDS: &[Command<Results>] = &[
    Command { row: row("open", &["Enter"], "report, confusion, classes, speakers of this run"), run: Results::open },
    Command { row: row("mark", &["Space"], "mark a run, or unmark it, to see several together"), run: Results::mark },
    Command { row: row("sort", &["o"], "sort by the next column"), run: Results::next_sort },
    Command {
        row: row("differ", &["d"], "what the marked runs do not have in common"),
        run: |results, bench| results.together(Side::Differences, bench),
    },
    Command {
        row: row("tests", &["s"], "which runs on the same clips are better than which, significantly"),
        run: |results, bench| results.together(Side::Significance, bench),
    },
    Command {
        row: row("curves", &["c"], "learning curves: what is reached with less to learn from"),
        run: |results, bench| results.together(Side::Curves, bench),
    },
    Command {
        row: row("corpora", &["x"], "the matrix of corpora: learnt on one, judged on another"),
        run: |results, bench| results.together(Side::Corpora, bench),
    },
    Command { row: row("reverse", &["O"], "sort the other way round"), run: Results::reverse },
    Command { row: row("unmark", &["u"], "unmark all runs"), run: Results::unmark },
];

const COLUMNS: [Column; 15] = [
    Column::text("no.", 5),
    Column::text("model", 12).growing(),
    Column::text("features", 11).rank(2),
    Column::text("target", 11).rank(11),
    Column::text("plan", 14),
    Column::number("UAR", 6),
    Column::text("95 % CI", 11).rank(1),
    Column::number("WA", 5),
    Column::number("F1", 5).rank(4),
    Column::number("fit", 6).rank(3),
    Column::number("ms", 5).rank(6),
    Column::number("MB", 5).rank(7),
    Column::number("param", 5).rank(8),
    Column::number("MMAC", 5).rank(9),
    Column::number("RTF", 6).rank(10),
];

/// Columns of what stands beside the table.
const SIDE: u16 = 60;
/// Cells at which the columns of cost stand.
const WIDE: u16 = 100;

impl Default for Results {
    fn default() -> Results {
        Results {
            shown: Vec::new(),
            cursor: Cursor::default(),
            sort: 0,
            order: SORTS[0].first,
            marked: Vec::new(),
            made_from: None,
        }
    }
}

impl Screen for Results {
    fn name(&self) -> &'static str {
        "results"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        match command {
            "curves" | "corpora" => None,
            _ if bench.runs().is_empty() => Some("no runs yet; 3 trains some"),
            "differ" if self.marked.len() < 2 => Some("mark two runs or more first: Space"),
            "unmark" if self.marked.is_empty() => Some("no run was marked"),
            _ => None,
        }
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        let now = (bench.runs().len(), bench.runs().first());
        let same = |(count, newest): &(usize, Option<Arc<Judged>>)| {
            *count == now.0 && newest.as_ref().map(Arc::as_ptr) == now.1.map(Arc::as_ptr)
        };
        if !self.made_from.as_ref().is_some_and(same) {
            self.remake(bench);
            bench.stand();
        }
        Then::Stay
    }

    fn unwind(&mut self, _bench: &mut Workbench) -> bool {
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.cursor)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        table::body(parts(body)[1])
    }

    fn hit(&self, at: Position, body: Rect, _bench: &Workbench) -> Option<Hit> {
        let column = table::head(&self.columns(), parts(body)[1], at)?;
        SORTS.iter().any(|sort| sort.column == column).then_some(Hit::Head(column))
    }

    fn sort_by(&mut self, column: usize, bench: &mut Workbench) -> Outcome {
        if SORTS[self.sort].column == column {
            return self.reverse(bench);
        }
        self.sort = SORTS.iter().position(|sort| sort.column == column).unwrap_or(self.sort);
        self.order = SORTS[self.sort].first;
        self.remake(bench);
        Ok(Then::Say(format!("sorted by {}", SORTS[self.sort].name)))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [head, list, foot, side] = parts(area);
        if let Some(first) = bench.run_problems().first() {
            let text = format!("{} not shown: {first}", bench.run_problems().len());
            put(buffer, head, &text, theme.warn());
        } else {
            self.heading(buffer, head, bench, theme);
        }
        if self.shown.is_empty() {
            let reading = matches!(bench.opening(), Opening::Scanning(_));
            let text = if reading { "reading the corpus and its runs …" } else { "no runs yet; 3 trains some" };
            return put_center(buffer, line(area, area.height / 2), text, theme.text());
        }
        table::draw(buffer, list, &self.columns(), &self.cursor, theme, |row| {
            let shown = &self.shown[row];
            let marked = self.marked.iter().any(|run| Arc::ptr_eq(run, &shown.judged));
            cells(shown, (marked, bench.place(&shown.judged)), theme)
        });
        if let Some(judged) = self.selected() {
            let mut lines = protocol(judged);
            if let Some(text) = self.lower() {
                lines.truncate(2);
                lines.push(text);
            }
            for (at, text) in lines.iter().enumerate() {
                put(buffer, line(foot, at as u16), text, theme.dim());
            }
            aside(buffer, side, judged, theme);
        }
    }
}

impl Results {
    fn open(&mut self, bench: &mut Workbench) -> Outcome {
        let place = self.selected().and_then(|run| place(bench, run));
        Ok(place.map_or(Then::Stay, |place| Then::Open("run", Topic::Run(place))))
    }

    fn mark(&mut self, _bench: &mut Workbench) -> Outcome {
        let Some(run) = self.selected().cloned() else { return Ok(Then::Stay) };
        match self.marked.iter().position(|marked| Arc::ptr_eq(marked, &run)) {
            Some(at) => drop(self.marked.remove(at)),
            None => self.marked.push(run),
        }
        self.cursor.step(1);
        Ok(Then::Say(format!("{} marked; d shows how they differ, s which is better", self.marked.len())))
    }

    fn unmark(&mut self, bench: &mut Workbench) -> Outcome {
        self.unwind(bench);
        Ok(Then::Say("no run is marked".to_owned()))
    }

    fn next_sort(&mut self, bench: &mut Workbench) -> Outcome {
        self.sort = (self.sort + 1) % SORTS.len();
        self.order = SORTS[self.sort].first;
        self.remake(bench);
        Ok(Then::Say(format!("sorted by {}", SORTS[self.sort].name)))
    }

    fn reverse(&mut self, bench: &mut Workbench) -> Outcome {
        self.order = self.order.turned();
        self.remake(bench);
        Ok(Then::Stay)
    }

    /// Several runs together: the marked ones; without marks, all that can be seen so.
    fn together(&mut self, side: Side, bench: &mut Workbench) -> Outcome {
        let marked = self.marked.iter().filter_map(|run| place(bench, run));
        let runs: Vec<usize> = match (side, self.marked.len()) {
            (Side::Curves | Side::Corpora, _) => (0..bench.runs().len()).collect(),
            (_, 2..) => marked.collect(),
            _ => {
                let selected = self.selected().into_iter().flat_map(|run| self.beside(run));
                selected.filter_map(|other| place(bench, other)).collect()
            }
        };
        Ok(Then::Open("compare", Topic::Runs(side, runs)))
    }

    /// The runs that judge the same clips under the same plan and do not leak, in the order shown.
    fn beside<'a>(&'a self, run: &'a Judged) -> impl Iterator<Item = &'a Arc<Judged>> {
        let runs = self.shown.iter().map(|shown| &shown.judged);
        runs.filter(move |other| alike(&run.run, &other.run) && !leaks(other))
    }

    fn selected(&self) -> Option<&Arc<Judged>> {
        self.cursor.row().and_then(|row| self.shown.get(row)).map(|shown| &shown.judged)
    }

    /// How much lower the twin of the selected leaky run is.
    fn lower(&self) -> Option<String> {
        let row = self.cursor.row()?;
        let (run, twin) = (self.shown.get(row)?, self.shown.get(row + 1).filter(|below| below.twin)?);
        let gap = 100.0 * (run.judged.summary.uar? - twin.judged.summary.uar?);
        let more = if gap >= 0.0 { "lower" } else { "higher" };
        let gap = gap.abs();
        Some(format!("speakers leak: believe the run below it, without: UAR {gap:.1} points {more}"))
    }

    /// Makes the list anew and stays on the selected run.
    fn remake(&mut self, bench: &Workbench) {
        let stays = self.selected().cloned();
        let runs = bench.runs();
        let whole: Vec<Arc<Judged>> =
            runs.iter().filter(|run| run.run.protocol.plan.spent.is_none()).map(Arc::clone).collect();
        self.shown = ordered(&whole, (&SORTS[self.sort], self.order));
        self.cursor.resize(self.shown.len());
        let row = stays.and_then(|run| self.shown.iter().position(|shown| Arc::ptr_eq(&shown.judged, &run)));
        row.into_iter().for_each(|row| self.cursor.select(row));
        self.marked.retain(|run| place(bench, run).is_some());
        self.made_from = Some((runs.len(), runs.first().cloned()));
    }

    fn columns(&self) -> [Column; COLUMNS.len()] {
        let mut columns = COLUMNS;
        let sorted = SORTS[self.sort].column;
        columns[sorted] = columns[sorted].sorted(self.order);
        columns
    }

    fn heading(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let runs = if self.shown.len() == 1 { "1 run".to_owned() } else { format!("{} runs", self.shown.len()) };
        let rest =
            put(buffer, area, &format!("{runs} by {}; scores in percent", SORTS[self.sort].name), theme.strong());
        let rest = match self.marked.len() {
            0 => rest,
            marked => put(buffer, rest, &format!("; {marked} marked"), theme.accent()),
        };
        let placed = self.shown.iter().any(|shown| bench.place(&shown.judged).is_some());
        let rest = if placed { put(buffer, rest, "; * best, = ties with it", theme.strong()) } else { rest };
        let costs = "; ms for one clip, MMAC for 3 s, RTF with features";
        if area.width >= WIDE && usize::from(rest.width) >= costs.len() {
            put(buffer, rest, costs, theme.strong());
        }
    }
}

/// Heading, table, protocol; beside them, where there is room, what the selected run reached.
fn parts(area: Rect) -> [Rect; 4] {
    let side = if widgets::is_wide(area) { SIDE } else { 0 };
    let fixed = Constraint::Length;
    let [main, _, side] = widgets::columns(area, [Constraint::Min(0), fixed(side.min(3)), fixed(side)]);
    let [head, list, foot] = widgets::rows(main, [fixed(1), Constraint::Min(3), fixed(3)]);
    [head, list, foot, side]
}

/// Report and confusion of a run.
fn aside(buffer: &mut Buffer, area: Rect, judged: &Judged, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    put(buffer, line(area, 0), &behind::name(judged), theme.accent());
    let text = run::text(judged);
    // Only what is longer is broken: the columns of the report stand where they stand.
    let broken = |text: &str| match text.chars().count() > usize::from(area.width) {
        true => widgets::wrap(text, usize::from(area.width)),
        false => vec![text.to_owned()],
    };
    let lines: Vec<String> = text.lines().flat_map(broken).collect();
    for (at, text) in lines.iter().enumerate() {
        put(buffer, line(area, at as u16 + 2), text, theme.text());
    }
    let classes = judged.run.classes();
    let cursor = Cursor::new(classes.len()).at_rest();
    let shown = Matrix {
        classes,
        counts: judged.summary.confusion.rows(),
        normalised: false,
        truth: cursor,
        pred: cursor,
        marked: false,
    };
    let top = (lines.len() as u16 + 3).min(area.height);
    matrix::draw(buffer, Rect { y: area.y + top, height: area.height - top, ..area }, &shown, theme);
}

fn place(bench: &Workbench, run: &Arc<Judged>) -> Option<usize> {
    bench.runs().iter().position(|other| Arc::ptr_eq(other, run))
}

fn cells(shown: &Shown, (marked, place): (bool, Option<Place>), theme: &Theme) -> Vec<Cell> {
    let Judged { run, summary } = shown.judged.as_ref();
    let leaks = leaks(&shown.judged);
    let interval = summary
        .uar_ci
        .map_or_else(|| "–".to_owned(), |ci| format!("{}–{}", percent(Some(ci.low)), percent(Some(ci.high))));
    let number = run.id.map_or_else(|| "–".to_owned(), |id| id.0.to_string());
    let mut cells = vec![
        Cell {
            text: format!("{}{number}", if marked { "x " } else { "" }),
            style: if marked { theme.accent() } else { theme.dim() },
        },
        Cell::from(format!("{}{}", if shown.twin { "└ " } else { "" }, run.recipe.title())),
        Cell::from(run.recipe.features.clone()),
        Cell::from(run.protocol.data.target.to_string()),
        Cell {
            text: format!("{}{}", run.protocol.plan.plan, if leaks { " LEAK" } else { "" }),
            style: if leaks { theme.warn() } else { theme.text() },
        },
        Cell { text: format!("{}{}", sign(place), percent(summary.uar)), style: theme.strong() },
        Cell::from(interval),
        Cell::from(percent(summary.wa)),
        Cell::from(percent(summary.macro_f1)),
        Cell::from(duration(run.fit_seconds)),
    ];
    cells.extend(costs(run.cost.as_ref()).map(Cell::from));
    cells
}

/// The sign of the best run of a task and plan, and of those that tie with it.
fn sign(place: Option<Place>) -> &'static str {
    match place {
        Some(Place::Best) => "*",
        Some(Place::Ties) => "=",
        None => "",
    }
}

/// Milliseconds for a clip, size, parameters, multiply-adds, real-time factor.
fn costs(cost: Option<&Cost>) -> [String; 5] {
    let Some(cost) = cost else { return std::array::from_fn(|_| "–".to_owned()) };
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    [
        dash(cost.clip_ms.map(|ms| if ms < 100.0 { format!("{ms:.2}") } else { format!("{ms:.0}") })),
        format!("{:.2}", cost.megabytes()),
        short(cost.parameters),
        dash(cost.macs_3s.map(|macs| format!("{:.1}", macs as f64 / 1e6))),
        dash(cost.real_time.map(|share| format!("{share:.4}"))),
    ]
}

/// A count in at most five cells: `512`, `98.4k`, `231k`, `1.2M`.
fn short(count: usize) -> String {
    match count as f64 {
        count if count < 1e3 => format!("{count:.0}"),
        count if count < 99_950.0 => format!("{:.1}k", count / 1e3),
        count if count < 999_500.0 => format!("{:.0}k", count / 1e3),
        count => format!("{:.1}M", count / 1e6),
    }
}

/// How the scores of a run came about, in lines.
pub fn protocol(judged: &Judged) -> Vec<String> {
    let Judged { run, summary } = judged;
    let (data, plan, recipe) = (&run.protocol.data, &run.protocol.plan, &run.recipe);
    let folds = match summary.uar_folds {
        Some((mean, Some(sd))) => format!("UAR over folds {:.1} ± {:.1}", 100.0 * mean, 100.0 * sd),
        _ => "UAR over folds –".to_owned(),
    };
    let chance = 100.0 / data.classes.len().max(1) as f64;
    let (classes, clips, speakers) = (data.classes.len(), data.clips, data.speakers);
    let mut lines = vec![
        format!(
            "{} · {classes} classes · {clips} clips · {speakers} speakers · {}, {} folds · {}",
            data.target,
            plan.plan,
            plan.folds,
            day(run.started_at)
        ),
        format!("{} · norm {} · seed {} · {folds} · chance {chance:.1}", recipe.features, recipe.norm, recipe.seed),
    ];
    let preparation = run.protocol.training.preparation;
    if preparation != Preparation::plain(preparation.rate) {
        lines[1] += &format!(" · {preparation}");
    }
    if plan.speakers_leak {
        lines.push("speakers leak: same voices in training and test; believe the run's twin".to_owned());
    } else if data.synthetic {
        lines.push("synthetic speech: these scores mean nothing".to_owned());
    }
    lines
}

/// True when the run had the same speakers in training and test.
pub fn leaks(judged: &Judged) -> bool {
    judged.run.protocol.plan.speakers_leak
}

/// The day of a moment, in UTC.
fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn counts_fit_their_column() {
        let all = [512, 98_400, 99_949, 99_950, 230_679, 999_499, 999_500, 1_234_567];
        assert_eq!(all.map(short), ["512", "98.4k", "99.9k", "100k", "231k", "999k", "1.0M", "1.2M"]);
        assert!(all.iter().all(|count| short(*count).len() <= 5));
    }
}

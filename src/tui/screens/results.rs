//! Results: the table of runs. A run whose plan leaks speakers never stands alone: its speaker-independent twin follows.
//!
//! Deliberately absent: ranking. Runs under different plans do not compare; they stand newest first.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use crate::features::Preparation;
use crate::label::Timestamp;
use crate::learn::Cost;
use crate::tui::command::{Command, Row, named, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::table::{self, Cell, Column};
use crate::tui::widgets::{self, duration, line, percent, put, put_center};
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;

/// The screen's state: where the user is, in [`ordered`]'s order.
#[derive(Default)]
pub struct Results {
    cursor: Cursor,
}

static COMMANDS: &[Command<Results>] = &[Command {
    row: Row { name: "open", keys: &["Enter"], help: "report, confusion matrix and bars of this run" },
    run: Results::open,
}];

const COLUMNS: [Column; 14] = [
    Column::text("model", 13).growing(),
    Column::text("features", 11).rank(3),
    Column::text("target", 8).rank(4),
    Column::text("plan", 14),
    Column::number("UAR", 5),
    Column::text("95 % CI", 11).rank(1),
    Column::number("WA", 5),
    Column::number("F1", 5).rank(1),
    Column::number("fit", 8).rank(2),
    Column::number("ms", 6).rank(5),
    Column::number("MB", 5).rank(6),
    Column::number("param", 5).rank(7),
    Column::number("MMAC", 5).rank(8),
    Column::number("RTF", 6).rank(9),
];

/// Cells at which the columns of cost stand.
const WIDE: u16 = 100;

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

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        self.cursor.resize(ordered(bench.runs()).len());
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.cursor)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [head, list, foot] =
            widgets::rows(area, [Constraint::Length(1), Constraint::Min(3), Constraint::Length(3)]);
        if let Some(first) = bench.run_problems().first() {
            let text = format!("{} not shown: {first}", bench.run_problems().len());
            put(buffer, head, &text, theme.warn());
        } else {
            let costs = if head.width < WIDE { "" } else { "; ms for one clip, MMAC for 3 s, RTF with features" };
            let text = format!("runs on this corpus, newest first; scores in percent{costs}");
            put(buffer, head, &text, theme.strong());
        }
        if bench.runs().is_empty() {
            return put_center(buffer, line(area, area.height / 2), "no runs yet; 3 trains some", theme.text());
        }
        let order = ordered(bench.runs());
        table::draw(buffer, list, &COLUMNS, &self.cursor, theme, |row| cells(bench, order[row], theme));
        if let Some((run, _)) = self.cursor.row().and_then(|row| order.get(row)) {
            for (at, text) in protocol(&bench.runs()[*run]).iter().enumerate() {
                put(buffer, line(foot, at as u16), text, theme.dim());
            }
        }
    }
}

impl Results {
    fn open(&mut self, bench: &mut Workbench) -> Outcome {
        let order = ordered(bench.runs());
        let run = self.cursor.row().and_then(|row| order.get(row));
        Ok(run.map_or_else(
            || Then::Say("there is no run to open".to_owned()),
            |(run, _)| Then::Open("run", Topic::Run(*run)),
        ))
    }
}

/// Places in `runs`, each leaky run followed by its twin (the newest run of the same recipe and task that does not
/// leak, marked true), each run once.
fn ordered(runs: &[Arc<Judged>]) -> Vec<(usize, bool)> {
    let twin_of = |run: &Judged| {
        runs.iter().position(|other| {
            let (ours, theirs) = (&run.run.protocol, &other.run.protocol);
            let alike = theirs.data == ours.data && theirs.training.preparation == ours.training.preparation;
            !leaks(other) && other.run.recipe == run.run.recipe && alike
        })
    };
    let twins: Vec<Option<usize>> = runs.iter().map(|run| leaks(run).then(|| twin_of(run)).flatten()).collect();
    let mut order = Vec::new();
    for (place, twin) in twins.iter().enumerate() {
        if !twins.contains(&Some(place)) {
            order.push((place, false));
        }
        let first = twins.iter().position(|other| other == twin) == Some(place);
        order.extend(twin.filter(|_| first).map(|twin| (twin, true)));
    }
    order
}

fn cells(bench: &Workbench, (place, is_twin): (usize, bool), theme: &Theme) -> Vec<Cell> {
    let Judged { run, summary } = bench.runs()[place].as_ref();
    let leaks = leaks(&bench.runs()[place]);
    let sign = if is_twin { "└ " } else { "" };
    let interval = summary
        .uar_ci
        .map_or_else(|| "–".to_owned(), |ci| format!("{}–{}", percent(Some(ci.low)), percent(Some(ci.high))));
    let mut cells = vec![
        Cell::from(format!("{sign}{}", run.recipe.title())),
        Cell::from(run.recipe.features.clone()),
        Cell::from(run.protocol.data.target.to_string()),
        Cell {
            text: format!("{}{}", run.protocol.plan.plan, if leaks { " LEAK" } else { "" }),
            style: if leaks { theme.warn() } else { theme.text() },
        },
        Cell { text: percent(summary.uar), style: theme.strong() },
        Cell::from(interval),
        Cell::from(percent(summary.wa)),
        Cell::from(percent(summary.macro_f1)),
        Cell::from(duration(run.fit_seconds)),
    ];
    cells.extend(costs(run.cost.as_ref()).map(Cell::from));
    cells
}

/// Milliseconds for a clip, size, parameters, multiply-adds, real-time factor.
fn costs(cost: Option<&Cost>) -> [String; 5] {
    let Some(cost) = cost else { return std::array::from_fn(|_| "–".to_owned()) };
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    [
        dash(cost.clip_ms.map(|ms| format!("{ms:.2}"))),
        format!("{:.2}", cost.megabytes()),
        short(cost.parameters),
        dash(cost.macs_3s.map(|macs| format!("{:.1}", macs as f64 / 1e6))),
        dash(cost.real_time.map(|share| format!("{share:.4}"))),
    ]
}

/// A count in at most five cells: `512`, `98.4k`, `1.2M`.
fn short(count: usize) -> String {
    match count as f64 {
        count if count < 1e3 => format!("{count:.0}"),
        count if count < 1e6 => format!("{:.1}k", count / 1e3),
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

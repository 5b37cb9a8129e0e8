//! The views of agreement: coefficients, pairs of raters, raters, classes, clips.
//!
//! Each knows its size, its cells, and which clips stand behind a cell. Deliberately absent: state; what is selected is handed in.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::score::agreement::Level;
use crate::tui::cursor::Cursor;
use crate::tui::theme::{Map, Theme};
use crate::tui::widgets::grid::{self, Grid};
use crate::tui::widgets::put_center;
use crate::tui::widgets::table::{self, Cell, Column};
use crate::workbench::agree::Study;

/// What of a study is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Every coefficient with its interval.
    Coefficients,
    /// Every pair of raters, as a heat map.
    Pairs,
    /// Each rater, and the figure without.
    Raters,
    /// Each class against the rest.
    Classes,
    /// The clips agreed on least.
    Clips,
}

/// Title and clips behind a figure, by their place in the ratings.
type Behind = Option<(String, Vec<usize>)>;

const COEFFICIENTS: [Column; 5] = [
    Column::text("coefficient", 25),
    Column::number("value", 6),
    Column::text("95 % CI", 15),
    Column::number("clips", 6).rank(1),
    Column::text("what it is", 20).growing().rank(2),
];
const RATERS: [Column; 4] = [
    Column::text("rater", 16).growing(),
    Column::number("clips", 6),
    Column::number("without", 8),
    Column::number("change", 7),
];
const CLASSES: [Column; 5] = [
    Column::text("class", 16).growing(),
    Column::number("ratings", 8),
    Column::number("specific", 9),
    Column::number("alpha", 7),
    Column::number("kappa", 7),
];
const CLIPS: [Column; 4] = [
    Column::text("clip", 30),
    Column::number("apart", 6),
    Column::number("raters", 7).rank(1),
    Column::text("said", 20).growing(),
];

/// Cells that a column of the matrix needs.
const LEAST: u16 = 8;

/// What is seen, in three lines; `questions` that have a study.
pub fn about(study: &Study, questions: usize) -> [String; 3] {
    let ratings = &study.ratings;
    let count = ratings.said.iter().map(Vec::len).sum::<usize>();
    let asked = if ratings.question.is_empty() { String::new() } else { format!(": {}", ratings.question) };
    let raters = match ratings.raters.len() {
        1 => "1 rater".to_owned(),
        many => format!("{many} raters"),
    };
    // Who says one thing of a clip agrees with nobody.
    let alone = ratings.said.iter().all(|row| row.len() < 2);
    let last = match alone {
        true => "agreement needs two raters who heard the same clips (docs/several.md)".to_owned(),
        false => format!("{} clips disputed, {} decided; a: adjudicate", study.disputes.len(), study.decided),
    };
    let more = if questions > 1 { format!("; o: next of {questions} questions") } else { String::new() };
    [
        format!(
            "{}{asked}, {raters} · intervals: {}, {} draws of clips",
            ratings.scheme,
            study.how.method.name(),
            study.how.draws
        ),
        format!("{} clips, {count} ratings, {} cannot judge{more}", ratings.clips.len(), ratings.cannot_judge),
        last,
    ]
}

impl View {
    /// All of them, in order.
    pub const ALL: [View; 5] = [View::Coefficients, View::Pairs, View::Raters, View::Classes, View::Clips];

    /// As on its tab.
    pub fn name(self) -> &'static str {
        match self {
            View::Coefficients => "coefficients",
            View::Pairs => "pairs",
            View::Raters => "raters",
            View::Classes => "classes",
            View::Clips => "clips",
        }
    }

    /// Rows and columns that can be selected.
    pub fn size(self, study: &Study) -> (usize, usize) {
        let raters = study.ratings.raters.len();
        match self {
            View::Coefficients => (study.estimates.len(), 1),
            View::Pairs => (raters, raters),
            View::Raters => (raters, 1),
            View::Classes => (study.classes.len(), 1),
            View::Clips => (study.worst.len(), 1),
        }
    }

    /// Draws it.
    pub fn draw(self, buffer: &mut Buffer, area: Rect, (study, row, column): (&Study, Cursor, Cursor), theme: &Theme) {
        let empty = match self {
            View::Classes if study.classes.is_empty() => Some("a scale has no classes"),
            View::Clips if study.worst.is_empty() => Some("no clip on which people differ"),
            _ => None,
        };
        if let Some(text) = empty {
            return put_center(buffer, Rect { height: 1, y: area.y + area.height / 2, ..area }, text, theme.dim());
        }
        match self {
            View::Coefficients => {
                table::draw(buffer, area, &COEFFICIENTS, &row, theme, |at| coefficient(study, at, theme));
            }
            View::Pairs => pairs(buffer, area, (study, row, column), theme),
            View::Raters => table::draw(buffer, area, &RATERS, &row, theme, |at| rater(study, at, theme)),
            View::Classes => table::draw(buffer, area, &CLASSES, &row, theme, |at| class(study, at)),
            View::Clips => table::draw(buffer, area, &CLIPS, &row, theme, |at| clip(study, at)),
        }
    }

    /// Row and column of the cell that [`View::draw`] puts there, where it draws cells.
    pub fn cell(
        self,
        area: Rect,
        (study, row, column): (&Study, Cursor, Cursor),
        at: Position,
    ) -> Option<(usize, usize)> {
        (self == View::Pairs).then(|| grid::cell(area, &raters(study, row, column), at))?
    }

    /// One line of the selected figure.
    pub fn chosen(self, study: &Study, row: Option<usize>, column: Option<usize>) -> String {
        let (Some(row), Some(column)) = (row, column) else { return String::new() };
        let (names, title) = (&study.ratings.raters, study.headline.title);
        match self {
            View::Coefficients => study.estimates[row].coefficient.about.to_owned(),
            View::Pairs if row == column => format!("{} rated {} clips", names[row], study.shared[row][row]),
            View::Pairs => {
                let (shared, value) = (study.shared[row][column], number(study.matrix[row][column]));
                format!(
                    "{} and {}: {title} {value} on {shared} clips; Enter: where they differ",
                    names[row], names[column]
                )
            }
            View::Raters => format!("{title} without {}; Enter: where {0} stands alone", names[row]),
            View::Classes => format!("{}: Enter: clips that some call so and others not", study.classes[row].0),
            View::Clips => "Enter: the clips, worst first".to_owned(),
        }
    }

    /// The clips behind the selected figure.
    pub fn clips(self, study: &Study, row: Option<usize>, column: Option<usize>) -> Behind {
        let (row, column) = (row?, column?);
        let names = &study.ratings.raters;
        match self {
            View::Coefficients => None,
            View::Pairs if row == column => None,
            View::Pairs => Some((format!("{} and {} differ", names[row], names[column]), study.between(row, column))),
            View::Raters => Some((format!("{} stands alone", names[row]), study.alone(row))),
            View::Classes => {
                let name = &study.classes[row].0;
                Some((format!("{name} to some"), study.about(name)))
            }
            View::Clips => {
                let rest = study.worst.iter().skip(row).map(|(clip, _)| *clip);
                Some(("people differ".to_owned(), rest.collect()))
            }
        }
    }
}

fn coefficient(study: &Study, at: usize, theme: &Theme) -> Vec<Cell> {
    let one = &study.estimates[at];
    let interval = one
        .interval
        .map_or_else(|| "–".to_owned(), |ci| format!("{} – {}", number(Some(ci.low)), number(Some(ci.high))));
    let few = one.interval.is_some_and(|ci| ci.few_groups);
    let clips = one.interval.map_or_else(|| "–".to_owned(), |ci| ci.groups.to_string());
    let headline = one.coefficient.name == study.headline.name;
    let title =
        Cell { text: one.coefficient.title.to_owned(), style: if headline { theme.strong() } else { theme.text() } };
    let clips = Cell { text: clips, style: if few { theme.warn() } else { theme.text() } };
    vec![title, number(one.value).into(), interval.into(), clips, one.coefficient.about.into()]
}

fn raters(study: &Study, row: Cursor, column: Cursor) -> Grid<'_> {
    let names = &study.ratings.raters;
    Grid { corner: "rater", rows: names, columns: names, least: LEAST, row, column }
}

fn pairs(buffer: &mut Buffer, area: Rect, (study, row, column): (&Study, Cursor, Cursor), theme: &Theme) {
    grid::draw(buffer, area, &raters(study, row, column), theme, |row, column| {
        if row == column {
            return Cell { text: format!("n {}", study.shared[row][row]), style: theme.dim() };
        }
        let value = study.matrix[row][column];
        let paint = theme.heat(Map::Viridis, value.unwrap_or(0.0));
        let style = match (paint.color, value) {
            (Some(color), Some(_)) => Style::new().bg(color).fg(paint.ink),
            _ => theme.text(),
        };
        Cell { text: format!(" {:5} ", number(value)), style }
    });
}

fn rater(study: &Study, at: usize, theme: &Theme) -> Vec<Cell> {
    let all = study.estimates.iter().find(|one| one.coefficient.name == study.headline.name).and_then(|one| one.value);
    let change = study.without[at].zip(all).map(|(without, all)| without - all);
    let style = match change {
        Some(change) if change > 0.0 => theme.warn(),
        _ => theme.text(),
    };
    let change = Cell { text: change.map_or_else(|| "–".to_owned(), |change| format!("{change:+.3}")), style };
    let (name, clips) = (study.ratings.raters[at].clone(), study.shared[at][at].to_string());
    vec![name.into(), clips.into(), number(study.without[at]).into(), change]
}

fn class(study: &Study, at: usize) -> Vec<Cell> {
    let (name, one) = &study.classes[at];
    let figures = [one.specific, one.alpha, one.kappa].map(|value| Cell::from(number(value)));
    [Cell::from(name.clone()), one.ratings.to_string().into()].into_iter().chain(figures).collect()
}

fn clip(study: &Study, at: usize) -> Vec<Cell> {
    let (clip, apart) = study.worst[at];
    let apart = match study.ratings.level {
        Level::Nominal => format!("{:.0} %", 100.0 * apart),
        Level::Scale => format!("{apart:.2}"),
    };
    let raters = study.ratings.said[clip].len().to_string();
    vec![study.clip(clip).0.to_string().into(), apart.into(), raters.into(), study.said(clip).into()]
}

/// Three digits, a dash where undefined.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

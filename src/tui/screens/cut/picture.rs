//! How Cut looks: the whole recording, what is near, the segments as blocks below both and as a list, the time.
//!
//! Deliberately absent: what keys do.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::style::Style;

use super::{Cut, Lens, clock};
use crate::audio::{Overview, Span};
use crate::tui::theme::Theme;
use crate::tui::widgets::overlay::DOTS;
use crate::tui::widgets::table::{self, Cell, Column};
use crate::tui::widgets::{self, axis, duration, line, percent, put, put_center, put_right, waveform};
use crate::workbench::{Cutting, Workbench};

/// Segments in the list of the smallest screen, with their heading.
const LISTED: u16 = 6;

const COLUMNS: [Column; 5] = [
    Column::number("no", 5),
    Column::number("from", 12),
    Column::number("to", 12),
    Column::number("seconds", 8),
    Column::text("mine", 12).growing(),
];

/// Where the rows of the list stand.
pub(super) fn rows(body: Rect) -> Rect {
    table::body(parts(body)[7])
}

/// The moment of the recording, in seconds, that is shown there: in all of it, or in what is near.
pub(super) fn moment(at: Position, body: Rect, (cut, bench): (&Cut, &Workbench)) -> Option<f64> {
    bench.cutting()?;
    let [_, all, all_parts, _, near, near_parts, ..] = parts(body);
    let whole = Lens::of(super::length(bench));
    let shown = [(all, &whole), (all_parts, &whole), (near, &cut.lens), (near_parts, &cut.lens)];
    let (place, lens) = shown.into_iter().find(|(place, _)| place.contains(at))?;
    let share = (f64::from(at.x - place.x) + 0.5) / f64::from(place.width);
    Some((lens.seen().start + share * lens.length()) / 1000.0)
}

/// Heading, all of it, its segments, a free line, what is near, its segments, times, list, time.
fn parts(area: Rect) -> [Rect; 9] {
    let all = (area.height / 8).clamp(2, 5);
    let list = (area.height / 3).max(LISTED).min(area.height.saturating_sub(all + 9));
    let fixed = Constraint::Length;
    let bounds =
        [fixed(1), fixed(all), fixed(1), fixed(1), Constraint::Min(3), fixed(1), fixed(1), fixed(list), fixed(1)];
    widgets::rows(area, bounds)
}

/// Draws the screen.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    (cut, cutting, bench): (&Cut, &Cutting, &Workbench),
    theme: &Theme,
) {
    let [head, all, all_parts, _, near, near_parts, times, list, time] = parts(area);
    heading(buffer, head, cut, cutting, theme);
    let at = bench.heard_at().map_or(f64::from(cut.at), |(at, _)| at);
    let whole = Lens::of(super::length(bench));
    let selected = cut.selected(bench);
    match &cutting.overview {
        None => {
            let text = format!("listening through the recording: {} %", percent(Some(cutting.heard)));
            put_center(buffer, line(near, near.height / 2), &text, theme.text());
        }
        Some(Err(reason)) => {
            for (at, text) in widgets::wrap(reason, usize::from(near.width)).iter().enumerate() {
                put_center(buffer, line(near, at as u16), text, theme.bad());
            }
        }
        Some(Ok(overview)) => {
            wave(buffer, all, (overview, &whole, at), theme);
            wave(buffer, near, (overview, &cut.lens, at), theme);
        }
    }
    blocks(buffer, all_parts, &whole, (cutting, selected), theme);
    window(buffer, all_parts, (&whole, &cut.lens), theme);
    blocks(buffer, near_parts, &cut.lens, (cutting, selected), theme);
    marks(buffer, near_parts, cut, theme);
    let seen = cut.lens.seen();
    axis::across(buffer, times, (seen.start / 1000.0, seen.end / 1000.0), "s", theme);
    segments(buffer, list, (cut, cutting, bench), theme);
    status(buffer, time, (cut, bench, at), theme);
}

fn heading(buffer: &mut Buffer, area: Rect, cut: &Cut, cutting: &Cutting, theme: &Theme) {
    let parts = &cutting.parts;
    let seconds = duration(parts.iter().map(|part| part.span.length()).sum());
    let count = match parts.len() {
        0 => "no segments".to_owned(),
        1 => format!("1 segment, {seconds}"),
        count => format!("{count} segments, {seconds}"),
    };
    let rest = put(buffer, area, &cutting.recording.id.0, theme.strong());
    let whole = cutting.recording.audio.seconds;
    let rest = put(buffer, rest, &format!("  {}", duration(whole)), theme.text());
    let rest = put(buffer, rest, &format!("  {count}"), theme.text());
    put_right(buffer, rest, if cut.loud_marks { "  marks stay" } else { "  marks snap" }, theme.dim());
}

fn wave(buffer: &mut Buffer, area: Rect, (overview, lens, at): (&Overview, &Lens, f64), theme: &Theme) {
    let outline = overview.outline(lens.seen(), usize::from(area.width) * DOTS.0, overview.peak());
    waveform::draw(buffer, area, &outline, None, theme);
    if let Some(column) = lens.column(at, area.width) {
        buffer.set_style(Rect { x: area.x + column, width: 1, ..area }.intersection(buffer.area), theme.selected());
    }
}

/// A bar below each segment, its first column told from the one before.
fn blocks(buffer: &mut Buffer, area: Rect, lens: &Lens, (cutting, selected): (&Cutting, Option<Span>), theme: &Theme) {
    for part in &cutting.parts {
        let span = part.span;
        let Some((from, to)) = columns(lens, span, area.width) else { continue };
        let style = if selected == Some(span) { theme.accent().patch(theme.selected()) } else { theme.accent() };
        for column in from..to {
            let sign = if column == from && to - from > 1 { "▌" } else { "▄" };
            put(buffer, Rect { x: area.x + column, width: 1, ..area }, sign, style);
        }
    }
}

/// First column and the one behind the last; at least one where something of it is seen.
fn columns(lens: &Lens, span: Span, width: u16) -> Option<(u16, u16)> {
    let seen = lens.seen();
    let (start, end) = (f64::from(span.start_millis()), f64::from(span.end_millis()));
    if end <= seen.start || start >= seen.end || width == 0 {
        return None;
    }
    let from = lens.column(start.max(seen.start), width)?;
    let to = lens.column(end, width).unwrap_or(width);
    Some((from, to.max(from + 1)))
}

/// What of the whole is near.
fn window(buffer: &mut Buffer, area: Rect, (whole, lens): (&Lens, &Lens), theme: &Theme) {
    if lens.is_whole() {
        return;
    }
    let seen = lens.seen();
    let last = whole.column(seen.end, area.width).unwrap_or(area.width.saturating_sub(1));
    for (column, sign) in [(whole.column(seen.start, area.width), "["), (Some(last), "]")] {
        if let Some(column) = column {
            put(buffer, Rect { x: area.x + column, width: 1, ..area }, sign, theme.strong());
        }
    }
}

fn marks(buffer: &mut Buffer, area: Rect, cut: &Cut, theme: &Theme) {
    for (mark, sign) in [(cut.start, "["), (cut.end, "]")] {
        if let Some(column) = mark.and_then(|at| cut.lens.column(f64::from(at), area.width)) {
            put(buffer, Rect { x: area.x + column, width: 1, ..area }, sign, theme.warn());
        }
    }
}

fn segments(buffer: &mut Buffer, area: Rect, (cut, cutting, bench): (&Cut, &Cutting, &Workbench), theme: &Theme) {
    if cutting.parts.is_empty() {
        let text = "no segments yet: v finds where somebody speaks; [ and ] mark one, Enter keeps it";
        return put_center(buffer, line(area, area.height / 2), text, theme.dim());
    }
    table::draw(buffer, area, &COLUMNS, &cut.parts, theme, |row| {
        let span = cutting.parts[row].span;
        let mine = bench.ledger().label(&cutting.id(span)).unwrap_or("–");
        let times = [clock(span.start_millis()), clock(span.end_millis()), format!("{:.3}", span.length())];
        let mut cells = vec![Cell::from((row + 1).to_string())];
        cells.extend(times.map(Cell::from));
        cells.push(Cell::from(mine));
        cells
    });
}

fn status(buffer: &mut Buffer, area: Rect, (cut, bench, at): (&Cut, &Workbench, f64), theme: &Theme) {
    let sign = match bench.heard_at() {
        Some((_, true)) => "playing",
        Some((_, false)) => "held   ",
        None => "at     ",
    };
    let style = if bench.heard_at().is_some_and(|(_, runs)| runs) { theme.accent() } else { Style::new() };
    let rest = put(buffer, area, &format!("{sign}  {}", clock(at as u32)), style);
    let near = format!("  window {}", duration(cut.lens.length() / 1000.0));
    let rest = put(buffer, rest, &near, theme.dim());
    let mark = |at: Option<u32>| at.map_or("–".to_owned(), clock);
    let rest = if cut.start.is_some() || cut.end.is_some() {
        put(buffer, rest, &format!("  marked {} to {}", mark(cut.start), mark(cut.end)), theme.warn())
    } else {
        rest
    };
    let playback = bench.playback();
    let tuning = format!("  speed {:.1}  vol {:.0} %", playback.speed, 100.0 * playback.volume);
    put_right(buffer, rest, &tuning, theme.dim());
}

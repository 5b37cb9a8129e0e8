//! UAR of several runs with their intervals, one below the other.

use super::super::figure::Whisker;
use super::{Anchor, Canvas, Label, MARGIN, RUN, SMALL, widest, width};

/// Width of the axis.
const ROOM: f64 = 360.0;
/// Height of a run.
const ROW: f64 = 26.0;

pub fn draw(rows: &[Whisker], chance: f64) -> Canvas {
    let figures: Vec<String> = rows.iter().map(figure).collect();
    let left = MARGIN + widest(rows.iter().map(|row| &row.name), RUN) + 14.0;
    let right = left + ROOM + 14.0;
    let (top, height) = (MARGIN + 16.0, ROW * rows.len() as f64);
    let mut canvas = Canvas::new(right + widest(figures.iter(), RUN) + MARGIN, top + height + 42.0 + MARGIN);
    let ends = rows.iter().flat_map(|row| row.interval.map_or([row.value, row.value], |(a, b)| [Some(a), Some(b)]));
    let known: Vec<f64> = ends.flatten().chain([chance]).collect();
    let (low, high, step) = range(&known);
    let place = |value: f64| left + ROOM * (100.0 * value - low) / (high - low);
    let mut tick = low;
    while tick <= high + 1e-9 {
        let x = place(tick / 100.0);
        canvas.line([x, top, x, top + height], "grid", false);
        canvas.text((x, top + height + 10.0), Label::small(&format!("{tick:.0}"), Anchor::Middle));
        tick += step;
    }
    canvas.line([left, top + height, left + ROOM, top + height], "axis", false);
    canvas.text((left + ROOM / 2.0, top + height + 30.0), Label::new("UAR, %", Anchor::Middle));
    canvas.line([place(chance), top, place(chance), top + height], "axis", true);
    let label = format!("chance {:.1}", 100.0 * chance);
    let x = place(chance).max(left - 10.0 + width(&label, SMALL) / 2.0);
    canvas.text((x, MARGIN + 6.0), Label { ink: "dim", ..Label::small(&label, Anchor::Middle) });
    for (at, (row, figure)) in rows.iter().zip(&figures).enumerate() {
        let y = top + ROW * (at as f64 + 0.5);
        canvas.text((left - 12.0, y), Label { longest: RUN, ..Label::new(&row.name, Anchor::End) });
        canvas.text((right, y), Label::new(figure, Anchor::Start));
        if let Some((low, high)) = row.interval {
            canvas.line([place(low), y, place(high), y], "axis", false);
            for end in [low, high] {
                canvas.line([place(end), y - 4.0, place(end), y + 4.0], "axis", false);
            }
        }
        if let Some(value) = row.value {
            canvas.dot((place(value), y), 4.5, !row.strong);
        }
    }
    canvas
}

/// `84.6 [81.2, 87.4]`.
fn figure(row: &Whisker) -> String {
    let percent = |value: f64| format!("{:.1}", 100.0 * value);
    let interval = row.interval.map_or_else(String::new, |(a, b)| format!(" [{}, {}]", percent(a), percent(b)));
    format!("{}{interval}", row.value.map_or_else(|| "–".to_owned(), percent))
}

/// Ends of the axis and its step, in percent.
fn range(known: &[f64]) -> (f64, f64, f64) {
    let low = known.iter().copied().fold(1.0, f64::min) * 100.0;
    let high = known.iter().copied().fold(0.0, f64::max) * 100.0;
    let step = if high - low > 50.0 {
        20.0
    } else if high - low > 20.0 {
        10.0
    } else {
        5.0
    };
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    (low.max(0.0), high.min(100.0).max(low + step), step)
}

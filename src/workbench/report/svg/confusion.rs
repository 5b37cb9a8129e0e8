//! Who was taken for whom: a heat map of percent of the true class.

use super::{Anchor, CLASS, Canvas, Label, MARGIN, SMALL, shade, whole, widest};

/// Width of all cells together, as far as cells keep to their limits.
const ROOM: f64 = 480.0;
/// Least and greatest width of a cell.
const CELL: (f64, f64) = (24.0, 56.0);
/// Cells from this width hold the count below the percent.
const ROOMY: f64 = 40.0;
/// Steps of the scale beside the map.
const STEPS: usize = 50;

pub fn draw(classes: &[String], rows: &[Vec<u64>]) -> Canvas {
    let cell = (ROOM / classes.len().max(1) as f64).clamp(CELL.0, CELL.1);
    let side = cell * classes.len() as f64;
    let names = widest(classes.iter(), CLASS);
    // Names below stand at 45 degrees.
    let (left, top, below) = (MARGIN + 22.0 + names, MARGIN, names * 0.71 + 22.0);
    let mut canvas = Canvas::new(left + side + 70.0 + MARGIN, top + side.max(120.0) + below + 18.0 + MARGIN);
    for (truth, (class, counts)) in classes.iter().zip(rows).enumerate() {
        let y = top + cell * truth as f64;
        let all: u64 = counts.iter().sum();
        for (pred, &count) in counts.iter().enumerate() {
            let share = (all > 0).then(|| count as f64 / all as f64);
            let title = format!("{class} taken for {}: {count} of {all}", classes[pred]);
            one(&mut canvas, [left + cell * pred as f64, y, cell], (share, count), &title);
        }
        canvas.text((left - 6.0, y + cell / 2.0), Label::class(class, Anchor::End));
    }
    for (pred, class) in classes.iter().enumerate() {
        let x = left + cell * (pred as f64 + 0.5);
        canvas.text((x, top + side + 10.0), Label { turned: -45.0, ..Label::class(class, Anchor::End) });
    }
    let middle = top + side / 2.0;
    canvas.text((MARGIN + 4.0, middle), Label { turned: -90.0, ..Label::new("true class", Anchor::Middle) });
    canvas.text((left + side / 2.0, top + side + below + 8.0), Label::new("predicted class", Anchor::Middle));
    scale(&mut canvas, [left + side + 20.0, top, side.clamp(100.0, 240.0)]);
    canvas
}

fn one(canvas: &mut Canvas, [x, y, cell]: [f64; 3], (share, count): (Option<f64>, u64), title: &str) {
    let (fill, ink) = shade(share.unwrap_or(0.0));
    canvas.area([x, y, cell - 1.0, cell - 1.0], &fill, Some(title));
    let (middle, percent) = (x + (cell - 1.0) / 2.0, whole(share));
    if share == Some(0.0) {
        return;
    }
    if cell >= ROOMY {
        canvas.text((middle, y + cell * 0.38), Label { ink, ..Label::new(&percent, Anchor::Middle) });
        let count = count.to_string();
        canvas.text((middle, y + cell * 0.72), Label { ink, ..Label::small(&count, Anchor::Middle) });
    } else {
        let size = (cell * 0.42).min(SMALL);
        canvas.text((middle, y + cell / 2.0), Label { ink, size, ..Label::new(&percent, Anchor::Middle) });
    }
}

fn scale(canvas: &mut Canvas, [x, y, height]: [f64; 3]) {
    let step = height / STEPS as f64;
    for at in 0..STEPS {
        let (fill, _) = shade(1.0 - at as f64 / (STEPS - 1) as f64);
        canvas.area([x, y + step * at as f64, 12.0, step + 0.5], &fill, None);
    }
    for percent in [100.0, 50.0, 0.0] {
        let label = format!("{percent} %");
        let at = y + height * (1.0 - percent / 100.0);
        canvas.text((x + 17.0, at.clamp(y + 5.0, y + height - 5.0)), Label::small(&label, Anchor::Start));
    }
}

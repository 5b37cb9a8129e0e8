//! How often predictions are right by how sure they are, and how many there are of each.

use super::{Anchor, Canvas, Label, MARGIN, shade};
use crate::score::ReliabilityBin;

/// Side of the diagram.
const SIDE: f64 = 320.0;
/// Height of the counts below.
const COUNTS: f64 = 60.0;

pub fn draw(bins: &[ReliabilityBin]) -> Canvas {
    let (left, top) = (MARGIN + 56.0, MARGIN + 4.0);
    let base = top + SIDE;
    let mut canvas = Canvas::new(left + SIDE + 20.0 + MARGIN, base + COUNTS + 68.0 + MARGIN);
    for percent in [0.0, 20.0, 40.0, 60.0, 80.0, 100.0] {
        let (x, y, text) = (left + SIDE * percent / 100.0, base - SIDE * percent / 100.0, percent.to_string());
        canvas.line([left, y, left + SIDE, y], "grid", false);
        canvas.text((left - 6.0, y), Label::small(&text, Anchor::End));
        canvas.text((x, base + COUNTS + 24.0), Label::small(&text, Anchor::Middle));
    }
    let (bar, _) = shade(0.35);
    for bin in bins.iter().filter(|bin| bin.clips > 0) {
        let high = SIDE * bin.right.unwrap_or(0.0);
        canvas.outlined([left + SIDE * bin.low, base - high, SIDE * (bin.high - bin.low), high], &bar);
    }
    canvas.line([left, base, left + SIDE, top], "axis", true);
    for (confidence, right) in bins.iter().filter_map(|bin| bin.confidence.zip(bin.right)) {
        canvas.dot((left + SIDE * confidence, base - SIDE * right), 3.5, false);
    }
    canvas.line([left, top, left, base], "axis", false);
    canvas.line([left, base, left + SIDE, base], "axis", false);
    counts(&mut canvas, bins, (left, base + 14.0 + COUNTS));
    let (middle, y) = (left + SIDE / 2.0, base + COUNTS + 44.0);
    canvas.text((middle, y), Label::new("probability of the predicted class, %", Anchor::Middle));
    canvas.text((MARGIN + 8.0, top + SIDE / 2.0), Label { turned: -90.0, ..Label::new("right, %", Anchor::Middle) });
    canvas
}

fn counts(canvas: &mut Canvas, bins: &[ReliabilityBin], (left, base): (f64, f64)) {
    let most = bins.iter().map(|bin| bin.clips).max().unwrap_or(0).max(1);
    let (fill, _) = shade(0.75);
    for bin in bins {
        let high = (COUNTS - 10.0) * bin.clips as f64 / most as f64;
        canvas.outlined([left + SIDE * bin.low, base - high, SIDE * (bin.high - bin.low), high], &fill);
    }
    canvas.line([left, base, left + SIDE, base], "axis", false);
    canvas.text((left - 6.0, base), Label::small("0", Anchor::End));
    canvas.text((left - 6.0, base - COUNTS + 10.0), Label::small(&most.to_string(), Anchor::End));
    let middle = base - COUNTS / 2.0 + 5.0;
    canvas.text((MARGIN + 8.0, middle), Label { turned: -90.0, ..Label::small("clips", Anchor::Middle) });
}

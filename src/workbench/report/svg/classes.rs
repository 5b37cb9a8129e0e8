//! Precision, recall and F1 of each class as bars.

use super::{Anchor, CLASS, Canvas, FONT, Label, MARGIN, shade, whole, widest, width};
use crate::score::PerClass;

/// Width of a bar of 100 %.
const ROOM: f64 = 420.0;
/// Height of a bar.
const BAR: f64 = 10.0;
/// Height of the bars of a class and the space to the next one.
const GROUP: f64 = 3.0 * BAR + 10.0;
/// The scores: names and shares of the darkest shade, far apart in grey.
const SCORES: [(&str, f64); 3] = [("precision", 0.95), ("recall", 0.55), ("F1", 0.2)];

pub fn draw(classes: &[String], scores: &[PerClass]) -> Canvas {
    let left = MARGIN + widest(classes.iter(), CLASS) + 8.0;
    let (top, height) = (MARGIN + 26.0, GROUP * classes.len() as f64);
    let mut canvas = Canvas::new(left + ROOM + 34.0 + MARGIN, top + height + 40.0 + MARGIN);
    legend(&mut canvas, left);
    for percent in [0.0, 20.0, 40.0, 60.0, 80.0, 100.0] {
        let x = left + ROOM * percent / 100.0;
        canvas.line([x, top, x, top + height], if percent == 0.0 { "axis" } else { "grid" }, false);
        canvas.text((x, top + height + 10.0), Label::small(&percent.to_string(), Anchor::Middle));
    }
    canvas.text((left + ROOM / 2.0, top + height + 28.0), Label::new("%", Anchor::Middle));
    for (at, (class, score)) in classes.iter().zip(scores).enumerate() {
        let y = top + GROUP * at as f64 + 5.0;
        canvas.text((left - 6.0, y + 1.5 * BAR), Label::class(class, Anchor::End));
        for (bar, value) in [score.precision, score.recall, score.f1].into_iter().enumerate() {
            let (long, y) = (ROOM * value.unwrap_or(0.0), y + BAR * bar as f64);
            canvas.outlined([left, y, long, BAR - 1.0], &shade(SCORES[bar].1).0);
            canvas.text(
                (left + long + 4.0, y + BAR / 2.0 - 0.5),
                Label { size: 9.0, ..Label::small(&whole(value), Anchor::Start) },
            );
        }
    }
    canvas
}

fn legend(canvas: &mut Canvas, left: f64) {
    let mut x = left;
    for (name, share) in SCORES {
        canvas.outlined([x, MARGIN + 1.0, 14.0, 10.0], &shade(share).0);
        canvas.text((x + 19.0, MARGIN + 6.0), Label::new(name, Anchor::Start));
        x += 19.0 + width(name, FONT) + 18.0;
    }
}

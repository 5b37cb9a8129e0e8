//! Figures as SVG: nothing from elsewhere, no scripts; text stays text.
//!
//! Colours are one hue from light to dark (ColorBrewer's Blues), so that they keep their order in grey print and for every
//! kind of colour vision; text and lines have classes, which a page with a dark background sets anew. Places are computed from
//! estimated widths of text, on the safe side. Deliberately absent: what the figures mean (`figure.rs`).

mod classes;
mod confusion;
mod forest;
mod reliability;

use unicode_width::UnicodeWidthStr;

use super::figure::{Figure, Picture};

/// Rules for the classes of figures on a light background.
pub const LIGHT: &str =
    ".ink{fill:#1b1b1b}.dim{fill:#5a5a5a}.axis{stroke:#1b1b1b}.grid{stroke:#d9d9d9}.paper{fill:#fff}";
/// The same on a dark one.
pub const DARK: &str =
    ".ink{fill:#e8e8e8}.dim{fill:#a8a8a8}.axis{stroke:#e8e8e8}.grid{stroke:#444}.paper{fill:#16181c}";

/// ColorBrewer's Blues, nine steps (Cynthia Brewer, colorbrewer2.org).
const BLUES: [u32; 9] = [0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x08519C, 0x08306B];
/// Size of text in units of the figure.
const FONT: f64 = 12.0;
/// Size of small text.
const SMALL: f64 = 10.0;
/// Width of a letter by the size of its text, at most on average.
const LETTER: f64 = 0.6;
/// Longest name of a class, in letters; the whole of it is shown to who points at it.
const CLASS: usize = 28;
/// Longest name of a run.
const RUN: usize = 48;
/// Space for the title of each of several figures.
const TITLE: f64 = 28.0;
/// Space around a figure.
const MARGIN: f64 = 12.0;

/// A figure as a part of a page that has the rules for its classes.
pub fn inline(figure: &Figure) -> String {
    let drawn = draw(&figure.picture);
    let (width, height) = (drawn.width, drawn.height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" role=\"img\" aria-label=\"{}\">{}</svg>",
        escaped(&figure.caption),
        drawn.body
    )
}

/// Figures below each other as a file of their own, on white.
pub fn sheet(figures: &[&Figure]) -> String {
    let drawn: Vec<Canvas> = figures.iter().map(|figure| draw(&figure.picture)).collect();
    let width = drawn.iter().map(|one| one.width).fold(0.0, f64::max);
    let title = if figures.len() > 1 { TITLE } else { 0.0 };
    let height: f64 = drawn.iter().map(|one| one.height + title).sum();
    let (mut parts, mut top) = (String::new(), 0.0);
    for (mut one, figure) in drawn.into_iter().zip(figures) {
        if title > 0.0 {
            one.text((MARGIN, MARGIN - title), Label { bold: true, ..Label::new(&figure.title, Anchor::Start) });
        }
        let caption = escaped(&figure.caption);
        let down = top + title;
        parts.push_str(&format!("<g transform=\"translate(0 {down:.1})\"><title>{caption}</title>{}</g>\n", one.body));
        top += one.height + title;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"Helvetica, Arial, sans-serif\">\n<style>{LIGHT}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{parts}</svg>\n"
    )
}

fn draw(picture: &Picture) -> Canvas {
    match picture {
        Picture::Confusion { classes, rows } => confusion::draw(classes, rows),
        Picture::Classes { classes, scores } => classes::draw(classes, scores),
        Picture::Reliability { bins } => reliability::draw(bins),
        Picture::Forest { rows, chance } => forest::draw(rows, *chance),
    }
}

/// Where text lies from its place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// Text to be drawn.
#[derive(Debug, Clone, Copy)]
struct Label<'a> {
    text: &'a str,
    anchor: Anchor,
    size: f64,
    /// Class, or a colour if it begins with `#`.
    ink: &'a str,
    /// Degrees, clockwise.
    turned: f64,
    /// For titles.
    bold: bool,
    /// Letters of a name that are drawn at most; what must be read whole has no limit.
    longest: usize,
}

impl<'a> Label<'a> {
    fn new(text: &'a str, anchor: Anchor) -> Label<'a> {
        Label { text, anchor, size: FONT, ink: "ink", turned: 0.0, bold: false, longest: usize::MAX }
    }

    /// The name of a class.
    fn class(text: &'a str, anchor: Anchor) -> Label<'a> {
        Label { longest: CLASS, ..Label::new(text, anchor) }
    }

    fn small(text: &'a str, anchor: Anchor) -> Label<'a> {
        Label { size: SMALL, ..Label::new(text, anchor) }
    }
}

/// Elements of a figure and its size.
#[derive(Debug, Clone, PartialEq, Default)]
struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Canvas {
        Canvas { width, height, body: String::new() }
    }

    /// A box at x, y of some width and height.
    fn area(&mut self, [x, y, width, height]: [f64; 4], fill: &str, title: Option<&str>) {
        let title = title.map_or_else(String::new, |title| format!("<title>{}</title>", escaped(title)));
        self.body.push_str(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" {}>{title}</rect>",
            filled(fill)
        ));
    }

    /// A box with an outline.
    fn outlined(&mut self, place: [f64; 4], fill: &str) {
        let [x, y, width, height] = place;
        self.body.push_str(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" {} stroke=\"#5a5a5a\" stroke-width=\"0.6\"/>",
            filled(fill)
        ));
    }

    /// From x, y to x, y; `class` is axis or grid.
    fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], class: &str, dashed: bool) {
        let dashes = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        self.body.push_str(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"{dashes}/>"
        ));
    }

    /// Text whose middle line is at `y`.
    fn text(&mut self, (x, y): (f64, f64), label: Label<'_>) {
        let Label { text, anchor, size, ink, turned, bold, longest } = label;
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let turn =
            if turned == 0.0 { String::new() } else { format!(" transform=\"rotate({turned:.0} {x:.1} {y:.1})\"") };
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let (shown, whole) = shortened(text, longest);
        let title = whole.map_or_else(String::new, |whole| format!("<title>{}</title>", escaped(whole)));
        // Not every viewer knows dominant-baseline: a third of the size is about half of a letter's height.
        self.body.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" dy=\"{:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {}{turn}{weight}>{}{title}</text>",
            size * 0.35,
            filled(ink),
            escaped(&shown)
        ));
    }

    /// A round mark; hollow ones have the colour of the paper within.
    fn dot(&mut self, (x, y): (f64, f64), radius: f64, hollow: bool) {
        let fill = if hollow { "class=\"paper axis\"" } else { "class=\"ink axis\"" };
        self.body
            .push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" {fill} stroke-width=\"1.4\"/>"));
    }
}

/// The width that text needs.
fn width(text: &str, size: f64) -> f64 {
    text.width() as f64 * size * LETTER
}

/// The widest of several names of so many letters at most.
fn widest<'a>(names: impl Iterator<Item = &'a String>, longest: usize) -> f64 {
    names.map(|name| width(&shortened(name, longest).0, FONT)).fold(0.0, f64::max)
}

/// The name as far as there is room for it, and the whole where it was cut.
fn shortened(text: &str, longest: usize) -> (String, Option<&str>) {
    match text.chars().count() > longest {
        true => (text.chars().take(longest - 1).chain(['…']).collect(), Some(text)),
        false => (text.to_owned(), None),
    }
}

fn filled(fill: &str) -> String {
    if fill.starts_with('#') { format!("fill=\"{fill}\"") } else { format!("class=\"{fill}\"") }
}

/// Colour of a share, 0..1, and a readable ink on it.
fn shade(share: f64) -> (String, &'static str) {
    let place = share.clamp(0.0, 1.0) * 8.0;
    let low = (place as usize).min(7);
    let part = |shift: u32| {
        let (a, b) = (f64::from(BLUES[low] >> shift & 255), f64::from(BLUES[low + 1] >> shift & 255));
        (a + (b - a) * (place - low as f64)).round() as u8
    };
    let colour = format!("#{:02x}{:02x}{:02x}", part(16), part(8), part(0));
    (colour, if share > 0.55 { "#ffffff" } else { "#1b1b1b" })
}

/// Text that ends no element and no attribute; control characters, which XML forbids, are left out.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(' '),
            sign if sign.is_control() || matches!(sign, '\u{FFFE}' | '\u{FFFF}') => {}
            sign => safe.push(sign),
        }
    }
    safe
}

/// Percent without digits behind the point, or a dash.
fn whole(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0}", 100.0 * share))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn grey(colour: &str) -> f64 {
        let part = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap());
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn shades_fall_in_grey_and_their_ink_is_read() {
        let all: Vec<(f64, f64)> =
            (0..=20).map(|k| shade(f64::from(k) / 20.0)).map(|(fill, ink)| (grey(&fill), grey(ink))).collect();
        assert!(all.windows(2).all(|pair| pair[1].0 < pair[0].0), "{all:?}");
        assert!(all.iter().all(|(fill, ink)| (fill - ink).abs() > 90.0), "{all:?}");
    }

    #[test]
    fn names_cannot_leave_their_element() {
        assert_eq!(escaped("<a href='x'>&\"\u{1}\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot; ");
        let mut canvas = Canvas::new(1.0, 1.0);
        canvas.text((0.0, 0.0), Label::new("</text><script>", Anchor::Start));
        assert!(!canvas.body.contains("<script"), "{}", canvas.body);
    }
}

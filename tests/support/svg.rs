//! Cells as an SVG picture: what a terminal with a good palette would show, sharp at every size, whatever fonts are there.
//!
//! Blocks, Braille and box lines are drawn, not written, so that nothing depends on a font's idea of them. Deliberately absent:
//! fonts in the file, and underline and blink, which no screen uses.

use std::collections::BTreeMap;
use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

type Rgb = (u8, u8, u8);

/// A cell in units of the picture.
const WIDE: u32 = 10;
const HIGH: u32 = 20;
const MARGIN: u32 = 16;
const GROUND: Rgb = (0x12, 0x16, 0x1C);
const INK: Rgb = (0xD6, 0xDC, 0xE4);
/// Black to white as a good terminal shows them.
const NAMED: [Rgb; 16] = [
    (0x1C, 0x22, 0x2A),
    (0xF0, 0x6C, 0x75),
    (0x8F, 0xD1, 0x6F),
    (0xF2, 0xC5, 0x5C),
    (0x5A, 0xA7, 0xF5),
    (0xD4, 0x8A, 0xE8),
    (0x4F, 0xD0, 0xDE),
    (0xC6, 0xCE, 0xD8),
    (0x6A, 0x74, 0x82),
    (0xFF, 0x8A, 0x90),
    (0xAE, 0xE8, 0x8E),
    (0xFF, 0xDD, 0x84),
    (0x85, 0xC2, 0xFF),
    (0xE8, 0xAE, 0xF7),
    (0x86, 0xE8, 0xF2),
    (0xFF, 0xFF, 0xFF),
];

/// Everything of one colour.
#[derive(Default)]
struct Layer {
    /// Filled boxes.
    boxes: String,
    /// Round dots.
    dots: String,
    /// Thin lines.
    lines: String,
}

/// The picture, in two parts that are to be put together: all but the heat maps, and the heat maps.
pub struct Picture {
    pub text: String,
    pub heat: String,
}

impl Picture {
    /// Of `cells`, with a title for who cannot see it.
    pub fn of(cells: &Buffer, title: &str) -> Picture {
        let (drawn, heat) = shapes(cells);
        let (width, height) = (u32::from(cells.area.width) * WIDE, u32::from(cells.area.height) * HIGH);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{MARGIN} -{MARGIN} {} {}\" role=\"img\">\n<title>{title}</title>\n\
             <rect x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"100%\" height=\"100%\" rx=\"12\" fill=\"{}\"/>\n",
            width + 2 * MARGIN,
            height + 2 * MARGIN,
            hex(GROUND)
        );
        text += &layers(&drawn);
        text += "<g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"16.6\" \
                 xml:space=\"preserve\">\n";
        text += &words(cells);
        text += "</g>\n";
        Picture { text, heat: layers(&heat) }
    }

    /// The whole file; the heat maps lie below the words.
    pub fn whole(&self) -> String {
        let (below, words) = self.text.split_at(self.text.find("<g font-family").unwrap());
        format!("{below}<g id=\"heat\">\n{}</g>\n{words}</svg>\n", self.heat)
    }

    /// A file without its heat maps: what must be the same on every machine.
    pub fn without_heat(file: &str) -> String {
        let (before, rest) = file.split_once("<g id=\"heat\">\n").unwrap();
        let (_, after) = rest.split_once("</g>\n").unwrap();
        format!("{before}{after}")
    }
}

/// Grounds, blocks, dots and lines by colour: those of heat maps apart.
fn shapes(cells: &Buffer) -> (BTreeMap<Rgb, Layer>, BTreeMap<Rgb, Layer>) {
    let (mut drawn, mut heat) = (BTreeMap::new(), BTreeMap::new());
    for (place, cell) in cells.content().iter().enumerate() {
        let (x, y) = cells.pos_of(place);
        let (ink, ground) = colours(cell);
        let into = if matches!(cell.bg, Color::Rgb(..)) { &mut heat } else { &mut drawn };
        if ground != GROUND {
            fill(into, ground, (x, y), [0, 0, WIDE, HIGH]);
        }
        shape(cell.symbol(), into, (ink, (x, y)));
    }
    (drawn, heat)
}

fn words(cells: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..cells.area.height {
        let mut x = 0;
        while x < cells.area.width {
            let symbol = cells[(x, y)].symbol();
            x += if symbol == " " || is_shape(symbol) { 1 } else { word(&mut out, cells, (x, y)) };
        }
    }
    out
}

/// Writes the cells from there on that look alike as one run; tells how many cells that was.
fn word(out: &mut String, cells: &Buffer, (from, y): (u16, u16)) -> u16 {
    let first = &cells[(from, y)];
    let alike = |cell: &Cell| {
        let style = (cell.fg, cell.bg, cell.modifier) == (first.fg, first.bg, first.modifier);
        style && cell.symbol() != " " && !is_shape(cell.symbol())
    };
    let (mut x, mut text) = (from, String::new());
    while x < cells.area.width && alike(&cells[(x, y)]) {
        text += cells[(x, y)].symbol();
        x += cells[(x, y)].symbol().width().max(1) as u16;
    }
    let (ink, _) = colours(first);
    let weight = if first.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (left, base) = (u32::from(from) * WIDE, u32::from(y) * HIGH + 15);
    let length = u32::from(x - from) * WIDE;
    // One letter is not stretched, a run keeps its place in the grid whatever the font.
    let fit = format!(" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"");
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{base}\" fill=\"{}\"{weight}{fit}>{text}</text>", hex(ink));
    x - from
}

fn layers(all: &BTreeMap<Rgb, Layer>) -> String {
    let mut out = String::new();
    for (color, layer) in all {
        let color = hex(*color);
        if !layer.boxes.is_empty() {
            let _ = writeln!(out, "<path fill=\"{color}\" shape-rendering=\"crispEdges\" d=\"{}\"/>", layer.boxes);
        }
        if !layer.lines.is_empty() {
            let _ =
                writeln!(out, "<path stroke=\"{color}\" stroke-width=\"1.5\" fill=\"none\" d=\"{}\"/>", layer.lines);
        }
        if !layer.dots.is_empty() {
            let _ = writeln!(
                out,
                "<path stroke=\"{color}\" stroke-width=\"3.4\" stroke-linecap=\"round\" d=\"{}\"/>",
                layer.dots
            );
        }
    }
    out
}

fn fill(into: &mut BTreeMap<Rgb, Layer>, color: Rgb, (x, y): (u16, u16), [left, top, width, height]: [u32; 4]) {
    let (left, top) = (u32::from(x) * WIDE + left, u32::from(y) * HIGH + top);
    let boxes = &mut into.entry(color).or_default().boxes;
    // A box that goes on to the right is made longer.
    let before = format!("h-{}z", left.saturating_sub(run_start(boxes, left, top, height)));
    if let Some(start) = boxes.strip_suffix(&before).map(str::len).filter(|_| before.len() > 3) {
        let from = run_start(boxes, left, top, height);
        let opening = boxes[..start].rfind('M').unwrap();
        boxes.truncate(opening);
        let _ = write!(boxes, "M{from} {top}h{0}v{height}h-{0}z", left + width - from);
        return;
    }
    let _ = write!(boxes, "M{left} {top}h{width}v{height}h-{width}z");
}

/// Where the last box begins, if it ends at `left` on the same lines; else `left`.
fn run_start(boxes: &str, left: u32, top: u32, height: u32) -> u32 {
    let read = || -> Option<u32> {
        let last = &boxes[boxes.rfind('M')? + 1..];
        let (x, rest) = last.split_once(' ')?;
        let (y, rest) = rest.split_once('h')?;
        let (width, rest) = rest.split_once('v')?;
        let (high, _) = rest.split_once('h')?;
        let (x, y, width, high): (u32, u32, u32, u32) =
            (x.parse().ok()?, y.parse().ok()?, width.parse().ok()?, high.parse().ok()?);
        (x + width == left && y == top && high == height).then_some(x)
    };
    read().unwrap_or(left)
}

fn is_shape(symbol: &str) -> bool {
    shape(symbol, &mut BTreeMap::new(), (INK, (0, 0)))
}

/// Draws a block, a Braille pattern or a box line; false for any other sign.
fn shape(symbol: &str, into: &mut BTreeMap<Rgb, Layer>, (ink, place): (Rgb, (u16, u16))) -> bool {
    let Some(sign) = symbol.chars().next() else { return false };
    let (half, full) = (HIGH / 2, [0, 0, WIDE, HIGH]);
    match sign {
        '▀' => fill(into, ink, place, [0, 0, WIDE, half]),
        '▄' => fill(into, ink, place, [0, half, WIDE, half]),
        '█' => fill(into, ink, place, full),
        '▉'..='▏' => {
            let eighths = 0x2590 - u32::from(sign);
            fill(into, ink, place, [0, 0, (eighths * WIDE).div_ceil(8), HIGH]);
        }
        '▁'..='▇' => {
            let high = (u32::from(sign) - 0x2580) * HIGH / 8;
            fill(into, ink, place, [0, HIGH - high, WIDE, high]);
        }
        '\u{2800}'..='\u{28FF}' => braille(sign, into, (ink, place)),
        '─' | '│' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '━' | '┃' => {
            lines(sign, into, (ink, place));
        }
        _ => return false,
    }
    true
}

fn braille(sign: char, into: &mut BTreeMap<Rgb, Layer>, (ink, (x, y)): (Rgb, (u16, u16))) {
    const PLACES: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let dots = &mut into.entry(ink).or_default().dots;
    for (bit, (column, row)) in PLACES.iter().enumerate() {
        if (u32::from(sign) - 0x2800) >> bit & 1 == 1 {
            let (left, top) = (u32::from(x) * WIDE + 3 + column * 5, u32::from(y) * HIGH + 2 + row * 5);
            let _ = write!(dots, "M{left} {top}h0");
        }
    }
}

fn lines(sign: char, into: &mut BTreeMap<Rgb, Layer>, (ink, (x, y)): (Rgb, (u16, u16))) {
    let (left, top) = (u32::from(x) * WIDE, u32::from(y) * HIGH);
    let (middle, centre) = (left + WIDE / 2, top + HIGH / 2);
    let goes = |signs: &str| signs.contains(sign);
    let path = &mut into.entry(ink).or_default().lines;
    let mut stroke = |wanted: bool, (fx, fy): (u32, u32), (tx, ty): (u32, u32)| {
        if wanted {
            let _ = write!(path, "M{fx} {fy}L{tx} {ty}");
        }
    };
    stroke(goes("─━┐┘┤┬┴┼"), (left, centre), (middle, centre));
    stroke(goes("─━┌└├┬┴┼"), (middle, centre), (left + WIDE, centre));
    stroke(goes("│┃└┘├┤┴┼"), (middle, top), (middle, centre));
    stroke(goes("│┃┌┐├┤┬┼"), (middle, centre), (middle, top + HIGH));
    if goes("━┃") {
        // Twice, a little apart, is thick.
        let (dx, dy) = if sign == '┃' { (2, 0) } else { (0, 2) };
        let (end_x, end_y) = if sign == '┃' { (middle + dx, top + HIGH) } else { (left + WIDE, centre + dy) };
        let (start_x, start_y) = if sign == '┃' { (middle + dx, top) } else { (left, centre + dy) };
        let _ = write!(path, "M{start_x} {start_y}L{end_x} {end_y}");
    }
}

/// Ink and ground of a cell as they are seen. Shades of heat maps are rounded: the last bit of a sample must not decide.
fn colours(cell: &Cell) -> (Rgb, Rgb) {
    let (mut ink, mut ground) = (rgb(cell.fg, INK), rgb(cell.bg, GROUND));
    if cell.modifier.contains(Modifier::REVERSED) {
        (ink, ground) = (ground, ink);
    }
    if cell.modifier.contains(Modifier::DIM) {
        let mix = |one: u8, other: u8| ((u16::from(one) * 3 + u16::from(other) * 2) / 5) as u8;
        ink = (mix(ink.0, ground.0), mix(ink.1, ground.1), mix(ink.2, ground.2));
    }
    (ink, ground)
}

fn rgb(color: Color, otherwise: Rgb) -> Rgb {
    const ORDER: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match color {
        Color::Rgb(r, g, b) => (rounded(r), rounded(g), rounded(b)),
        other => ORDER.iter().position(|named| *named == other).map_or(otherwise, |place| NAMED[place]),
    }
}

fn rounded(part: u8) -> u8 {
    (u16::from(part).div_ceil(8) * 8).min(255) as u8
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

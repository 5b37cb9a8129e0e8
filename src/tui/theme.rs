//! One visual language: what the terminal can show, and the styles every screen draws with.
//!
//! Text keeps the terminal's own foreground and background; accents are the sixteen named colours, which the user's
//! palette adjusts; only heat maps paint RGB. Colour is never the only sign: the selection is reversed, marks have
//! letters, heat maps without colour fall back to a ramp of characters. Deliberately absent: asking the terminal
//! anything (answers get lost or typed into the shell) and themes to choose from.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: `NO_COLOR`, `TERM=dumb`.
    Mono,
    /// The sixteen named ones.
    Sixteen,
    /// The 6 x 6 x 6 cube and 24 greys.
    Indexed,
    /// 24 bits.
    True,
}

pub use crate::workbench::view::Map;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    depth: Depth,
    ascii: bool,
    light: bool,
}

/// How one heat-map value is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Colour of the value, `None` without colours.
    pub color: Option<Color>,
    /// A readable foreground on `color`.
    pub ink: Color,
    /// The value as a character, for terminals without colours.
    pub shade: char,
}

const MAGMA: [u32; 9] = [0x000004, 0x1D1147, 0x51127C, 0x822681, 0xB63679, 0xE65164, 0xFB8861, 0xFEC287, 0xFCFDBF];
const VIRIDIS: [u32; 9] = [0x440154, 0x472D7B, 0x3B528B, 0x2C728E, 0x21908C, 0x27AD81, 0x5DC863, 0xAADC32, 0xFDE725];
const CIVIDIS: [u32; 9] = [0x00204D, 0x05366E, 0x414D6B, 0x606470, 0x7C7B78, 0x9B9577, 0xBCAF6F, 0xE0CC5D, 0xFFEA46];
const MAGMA_16: [Color; 5] = [Color::Black, Color::Blue, Color::Magenta, Color::LightRed, Color::LightYellow];
const VIRIDIS_16: [Color; 5] = [Color::Black, Color::Blue, Color::Cyan, Color::LightGreen, Color::LightYellow];
const CIVIDIS_16: [Color; 5] = [Color::Black, Color::Blue, Color::DarkGray, Color::Gray, Color::LightYellow];
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// Lines over a heat map: white, sky blue and orange, apart for every kind of colour vision.
const OVERLAY: [(u8, u8, u8); 3] = [(255, 255, 255), (0x7F, 0xD4, 0xFF), (0xFF, 0xB0, 0x40)];
const OVERLAY_16: [Color; 3] = [Color::White, Color::LightCyan, Color::LightYellow];
/// What is marked in a heat map, over the map in grey: apart from all lines and from grey for every kind of colour vision.
const MARK: (u8, u8, u8) = (0xFF, 0x38, 0x90);
/// How much of a fully marked cell is the mark: what lies under it must still be read.
const MARKED: f64 = 0.65;
const GREY_16: [Color; 5] = [Color::Black, Color::DarkGray, Color::DarkGray, Color::Gray, Color::White];
const MARK_16: [Color; 5] = [Color::Magenta, Color::Magenta, Color::LightMagenta, Color::LightMagenta, Color::White];
const FAINT: [char; 5] = [' ', ' ', '·', '·', '·'];
const SERIES: [Color; 6] = [Color::Cyan, Color::Magenta, Color::Green, Color::Red, Color::Blue, Color::Yellow];

impl Theme {
    /// Reads `NO_COLOR`, `TERM`, `COLORTERM`, `COLORFGBG` and the locale through `get`.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Theme {
        let var = |name: &str| get(name).unwrap_or_default();
        let term = var("TERM");
        let depth = if !var("NO_COLOR").is_empty() || term == "dumb" {
            Depth::Mono
        } else if matches!(var("COLORTERM").as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Depth::True
        } else if term.contains("256color") {
            Depth::Indexed
        } else {
            Depth::Sixteen
        };
        let light = matches!(var("COLORFGBG").rsplit(';').next(), Some("7" | "15"));
        Theme { depth, ascii: term == "dumb" || !is_utf8(&get), light }
    }

    /// A theme for tests: dark, Unicode.
    pub fn plain(depth: Depth) -> Theme {
        Theme { depth, ascii: false, light: false }
    }

    /// How many colours there are.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// True when only ASCII is safe to draw.
    pub fn ascii(&self) -> bool {
        self.ascii
    }

    /// Body text.
    pub fn text(&self) -> Style {
        Style::new()
    }

    /// Second-rank text: units, hints, borders.
    pub fn dim(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings and what matters most.
    pub fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Keys and the active thing.
    pub fn accent(&self) -> Style {
        self.colored(if self.light { Color::Blue } else { Color::Cyan }).add_modifier(Modifier::BOLD)
    }

    /// The selected row or cell.
    pub fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Something went right.
    pub fn good(&self) -> Style {
        self.colored(Color::Green)
    }

    /// Needs a look: leaks, flags, problems.
    pub fn warn(&self) -> Style {
        self.colored(if self.light { Color::Red } else { Color::Yellow }).add_modifier(Modifier::BOLD)
    }

    /// Something failed.
    pub fn bad(&self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The `index`th of several lines or bars.
    pub fn series(&self, index: usize) -> Style {
        self.colored(SERIES[index % SERIES.len()])
    }

    /// Paints `value` (0..1, clamped) in a colour map.
    pub fn heat(&self, map: Map, value: f64) -> Paint {
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        let (anchors, sixteen) = match map {
            Map::Magma => (&MAGMA, &MAGMA_16),
            Map::Viridis => (&VIRIDIS, &VIRIDIS_16),
            Map::Cividis => (&CIVIDIS, &CIVIDIS_16),
        };
        let step = (value * 4.0).round() as usize;
        let rgb = blend(anchors, value);
        let color = match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => Some(sixteen[step]),
            Depth::Indexed => Some(Color::Indexed(cube(rgb))),
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        };
        let ink = match self.depth {
            Depth::Mono => Color::Reset,
            Depth::Sixteen if step < 2 => Color::White,
            Depth::Indexed | Depth::True if luminance(rgb) < 0.45 => Color::White,
            _ => Color::Black,
        };
        Paint { color, ink, shade: SHADES[step] }
    }

    /// Paints `value` (0..1) of a heat map of which parts are marked: in grey, and the more in the colour of the mark the
    /// larger `share` (0..1). With few colours or none, what is marked by 0.4 and more stands out.
    pub fn marked(&self, value: f64, share: f64) -> Paint {
        let unit = |number: f64| if number.is_finite() { number.clamp(0.0, 1.0) } else { 0.0 };
        let (value, share) = (unit(value), unit(share));
        let (step, grey) = ((value * 4.0).round() as usize, 12.0 + 216.0 * value);
        let mix = |mark: u8| (grey + (f64::from(mark) - grey) * MARKED * share).round() as u8;
        let rgb = (mix(MARK.0), mix(MARK.1), mix(MARK.2));
        let is_marked = share >= 0.4;
        let color = match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => Some(if is_marked { MARK_16[step] } else { GREY_16[step] }),
            Depth::Indexed if share < 0.2 => Some(Color::Indexed(232 + (value * 23.0).round() as u8)),
            Depth::Indexed => Some(Color::Indexed(cube(rgb))),
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        };
        let ink = if luminance(rgb) < 0.45 { Color::White } else { Color::Black };
        Paint { color, ink, shade: if is_marked { SHADES[step.max(1)] } else { FAINT[step] } }
    }

    /// The `index`th line over a heat map; see [`Theme::veil`] for what it stands on.
    pub fn overlay(&self, index: usize) -> Style {
        let (rgb, sixteen) = (OVERLAY[index % OVERLAY.len()], OVERLAY_16[index % OVERLAY.len()]);
        match self.depth {
            Depth::Mono => Style::new(),
            Depth::Sixteen => Style::new().fg(sixteen),
            Depth::Indexed => Style::new().fg(Color::Indexed(cube(rgb))),
            Depth::True => Style::new().fg(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        }
    }

    /// What a cell of a heat map becomes under a line: the mean of its two colours, darkened so that every line is seen
    /// on every map.
    pub fn veil(&self, above: Color, below: Color) -> Style {
        match (above, below, self.depth) {
            (_, _, Depth::Mono) => Style::new(),
            (Color::Rgb(r, g, b), Color::Rgb(s, h, c), Depth::True) => {
                let mix = |x: u8, y: u8| ((u16::from(x) + u16::from(y)) / 5) as u8;
                Style::new().bg(Color::Rgb(mix(r, s), mix(g, h), mix(b, c)))
            }
            _ => Style::new().bg(if self.depth == Depth::Indexed { Color::Indexed(16) } else { Color::Black }),
        }
    }

    /// The last step of every drawing: where only ASCII is safe, box lines, dots and blocks become ASCII signs.
    pub fn finish(&self, buffer: &mut Buffer) {
        if !self.ascii {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                cell.set_char(cell.symbol().chars().next().map_or(' ', plain_sign));
            }
        }
    }

    fn colored(&self, color: Color) -> Style {
        if self.depth == Depth::Mono { Style::new() } else { Style::new().fg(color) }
    }
}

fn plain_sign(sign: char) -> char {
    match sign {
        '⠀' => ' ',
        '░' => '.',
        '▒' => ':',
        '•' => '*',
        // As dense as its dots, so that a waveform keeps its shape.
        '⠁'..='⣿' => ['.', '.', ':', ':', '*', '*', '#', '#'][(u32::from(sign) & 0xFF).count_ones() as usize - 1],
        '─' | '–' => '-',
        '━' => '=',
        '▁' => '_',
        '│' | '┃' | '▎'..='▏' => '|',
        '┌'..='╿' => '+',
        '█' => '@',
        '▓' | '▀'..='▐' => '#',
        '·' => ',',
        '▲' => '^',
        '▼' => 'v',
        '±' => '~',
        '…' => '~',
        _ => '?',
    }
}

/// POSIX order: `LC_ALL`, then `LC_CTYPE`, then `LANG`; nothing set is taken as UTF-8 (containers, bare ssh).
fn is_utf8(get: &impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| get(name).filter(|value| !value.is_empty()));
    locale.is_none_or(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf") || matches!(value.as_str(), "c" | "posix")
    })
}

fn blend(anchors: &[u32; 9], value: f64) -> (u8, u8, u8) {
    let place = value * 8.0;
    let low = (place.floor() as usize).min(7);
    let share = place - low as f64;
    let part = |shift: u32| {
        let (a, b) = (f64::from(anchors[low] >> shift & 255), f64::from(anchors[low + 1] >> shift & 255));
        (a + (b - a) * share).round() as u8
    };
    (part(16), part(8), part(0))
}

/// The nearest colour of the xterm 6 x 6 x 6 cube (levels 0, 95, 135, 175, 215, 255).
fn cube((r, g, b): (u8, u8, u8)) -> u8 {
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (value - 35) / 40,
    };
    16 + 36 * level(r) + 6 * level(g) + level(b)
}

fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
    (0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Theme {
        Theme::from_env(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_decides_the_depth() {
        assert_eq!(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).depth(), Depth::True);
        assert_eq!(of(&[("TERM", "xterm-256color")]).depth(), Depth::Indexed);
        assert_eq!(of(&[("TERM", "linux")]).depth(), Depth::Sixteen);
        assert_eq!(of(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]).depth(), Depth::Mono);
        assert_eq!(of(&[("NO_COLOR", ""), ("COLORTERM", "24bit")]).depth(), Depth::True);
        assert!(of(&[("TERM", "dumb")]).ascii());
        assert!(of(&[("TERM", "xterm"), ("LANG", "de_DE.ISO-8859-1")]).ascii());
        assert!(!of(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")]).ascii());
    }

    #[test]
    fn heat_runs_from_the_first_anchor_to_the_last_and_takes_anything() {
        let theme = Theme::plain(Depth::True);
        assert_eq!(theme.heat(Map::Magma, 0.0).color, Some(Color::Rgb(0, 0, 4)));
        assert_eq!(theme.heat(Map::Magma, 1.0).color, Some(Color::Rgb(0xFC, 0xFD, 0xBF)));
        assert_eq!(theme.heat(Map::Magma, f64::NAN), theme.heat(Map::Magma, 0.0));
        assert_eq!(theme.heat(Map::Viridis, 9.0), theme.heat(Map::Viridis, 1.0));
    }

    #[test]
    fn without_colours_the_shade_still_rises() {
        let theme = Theme::plain(Depth::Mono);
        let shades: String = (0..5).map(|k| theme.heat(Map::Viridis, f64::from(k) / 4.0).shade).collect();
        assert_eq!(shades, " ░▒▓█");
        assert_eq!(theme.heat(Map::Viridis, 0.5).color, None);
        assert_eq!(theme.bad().fg, None);
    }

    #[test]
    fn what_is_marked_stands_out_at_every_depth_and_the_map_is_still_read() {
        let light = |color| {
            let Some(Color::Rgb(r, g, b)) = color else { panic!("no true colour") };
            luminance((r, g, b))
        };
        let theme = Theme::plain(Depth::True);
        for share in [0.0, 0.5, 1.0] {
            let rise: Vec<f64> = (0..=4).map(|k| light(theme.marked(f64::from(k) / 4.0, share).color)).collect();
            assert!(rise.windows(2).all(|pair| pair[1] - pair[0] > 0.04), "{share}: {rise:?}");
        }
        for depth in [Depth::Sixteen, Depth::Indexed, Depth::True] {
            let theme = Theme::plain(depth);
            for value in [0.0, 0.25, 0.5, 0.75] {
                assert_ne!(theme.marked(value, 0.0).color, theme.marked(value, 1.0).color, "{depth:?} at {value}");
            }
        }
        let shades =
            |share| (0..5).map(|k| Theme::plain(Depth::Mono).marked(f64::from(k) / 4.0, share).shade).collect();
        let (rest, marked): (String, String) = (shades(0.0), shades(1.0));
        assert_eq!((rest.as_str(), marked.as_str()), ("  ···", "░░▒▓█"));
    }

    #[test]
    fn all_maps_rise_in_lightness() {
        for anchors in [&MAGMA, &VIRIDIS, &CIVIDIS] {
            let light: Vec<f64> = (0..=20).map(|k| luminance(blend(anchors, f64::from(k) / 20.0))).collect();
            assert!(light.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{light:?}");
        }
    }

    #[test]
    fn lines_stand_out_on_every_colour_of_every_map() {
        let theme = Theme::plain(Depth::True);
        for (map, value) in Map::ALL.into_iter().flat_map(|map| (0..=10).map(move |k| (map, f64::from(k) / 10.0))) {
            let below = theme.heat(map, value).color.unwrap();
            let Some(Color::Rgb(r, g, b)) = theme.veil(below, below).bg else { panic!("no colour under the line") };
            for line in OVERLAY {
                // WCAG asks 3:1 of lines; this is the simpler and stricter difference of lightness.
                assert!(luminance(line) - luminance((r, g, b)) > 0.3, "{map:?} at {value}: {line:?}");
            }
        }
    }

    #[test]
    fn the_cube_holds_its_own_corners() {
        assert_eq!(cube((0, 0, 0)), 16);
        assert_eq!(cube((255, 255, 255)), 231);
        assert_eq!(cube((95, 135, 175)), 16 + 36 + 12 + 3);
    }
}

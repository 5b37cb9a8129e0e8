//! One visual language: what the terminal can show, and the styles every screen draws with.
//!
//! Text keeps the terminal's own foreground and background. Where the ground is known, accents are the named colours that the
//! user's palette adjusts; where it is not, they are of middle lightness, to be read on black and on white. Lines and bars are
//! apart for every kind of colour vision, and colour is never the only sign: the selection is reversed, marks have letters,
//! heat maps without colour fall back to a ramp of characters. Deliberately absent: asking the terminal anything (answers get
//! lost or typed into the shell).

mod colour;
#[cfg(test)]
mod vision;

use std::rc::Rc;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::graphics::Easel;
use colour::Rgb;

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

/// What text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
    /// Not known: what is drawn must be read on both.
    Either,
}

pub use crate::workbench::view::Map;

/// What the terminal can show.
#[derive(Debug, Clone)]
pub struct Theme {
    depth: Depth,
    ground: Ground,
    ascii: bool,
    /// Where pictures in pixels are hung, if the terminal shows them.
    easel: Option<Rc<Easel>>,
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

/// The variable that chooses a theme, one of [`THEMES`].
pub const THEME: &str = "EMOLAB_THEME";
/// The variable that asks for ASCII alone where it is neither empty nor 0.
pub const ASCII: &str = "EMOLAB_ASCII";
/// What [`THEME`] may be; `auto`, or anything else, leaves it to the terminal's own variables.
pub const THEMES: [&str; 4] = ["auto", "dark", "light", "mono"];

const MAGMA: [u32; 9] = [0x000004, 0x1D1147, 0x51127C, 0x822681, 0xB63679, 0xE65164, 0xFB8861, 0xFEC287, 0xFCFDBF];
const VIRIDIS: [u32; 9] = [0x440154, 0x472D7B, 0x3B528B, 0x2C728E, 0x21908C, 0x27AD81, 0x5DC863, 0xAADC32, 0xFDE725];
const CIVIDIS: [u32; 9] = [0x00204D, 0x05366E, 0x414D6B, 0x606470, 0x7C7B78, 0x9B9577, 0xBCAF6F, 0xE0CC5D, 0xFFEA46];
const MAGMA_16: [Color; 5] = [Color::Black, Color::Blue, Color::Magenta, Color::LightRed, Color::LightYellow];
const VIRIDIS_16: [Color; 5] = [Color::Black, Color::Blue, Color::Cyan, Color::LightGreen, Color::LightYellow];
const CIVIDIS_16: [Color; 5] = [Color::Black, Color::Blue, Color::DarkGray, Color::Gray, Color::LightYellow];
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// Lines over a heat map: white, sky blue and orange, apart for every kind of colour vision.
const OVERLAY: [Rgb; 3] = [(255, 255, 255), (0x6C, 0xCA, 0xFF), (0xFF, 0xB0, 0x40)];
const OVERLAY_16: [Color; 3] = [Color::White, Color::LightCyan, Color::LightYellow];
/// What is marked in a heat map, over the map in grey: apart from all lines and from grey for every kind of colour vision.
const MARK: Rgb = (0xFF, 0x40, 0xFF);
/// How much of a fully marked cell is the mark: what lies under it must still be read.
const MARKED: f64 = 0.65;
const GREY_16: [Color; 5] = [Color::Black, Color::DarkGray, Color::DarkGray, Color::Gray, Color::White];
const MARK_16: [Color; 5] = [Color::Magenta, Color::Magenta, Color::LightMagenta, Color::LightMagenta, Color::White];
const FAINT: [char; 5] = [' ', ' ', '·', '·', '·'];
/// Lines and bars on dark ground. Found by search: any two differ by 28 (CIE 1976) at least for normal, red-blind, green-blind
/// and blue-blind eyes, and each stands out from its ground; see `vision.rs`.
const SERIES_DARK: [Rgb; 6] = [
    (0x55, 0xBB, 0xEE),
    (0xEE, 0x99, 0x00),
    (0xDD, 0x00, 0x88),
    (0xEE, 0xEE, 0xBB),
    (0xBB, 0x00, 0xFF),
    (0x66, 0x77, 0x33),
];
/// The same for light ground, and for any.
const SERIES: [Rgb; 6] = [
    (0x78, 0x00, 0xFF),
    (0xC3, 0x78, 0x00),
    (0x0F, 0xA5, 0x78),
    (0xC3, 0x5A, 0xF0),
    (0xB4, 0x2D, 0x2D),
    (0x96, 0x87, 0xB4),
];
const SERIES_16: [Color; 6] = [Color::Cyan, Color::Magenta, Color::Green, Color::Red, Color::Blue, Color::Yellow];

/// What an accent tells.
#[derive(Debug, Clone, Copy)]
enum Hue {
    Accent,
    Good,
    Warn,
    Bad,
}

const HUES_DARK: [Color; 4] = [Color::Cyan, Color::Green, Color::Yellow, Color::Red];
/// Yellow and cyan cannot be read on white.
const HUES_LIGHT: [Color; 4] = [Color::Blue, Color::Green, Color::Magenta, Color::Red];
/// Of sixteen colours only red and magenta are read on black and on white; signs and words tell the rest.
const HUES_EITHER_16: [Color; 4] = [Color::Magenta, Color::Reset, Color::Red, Color::Red];
const HUES_EITHER: [Rgb; 4] = [(0x1E, 0x86, 0xD0), (0x2A, 0x94, 0x48), (0xC0, 0x70, 0x10), (0xE0, 0x44, 0x3E)];

impl Theme {
    /// Reads [`THEME`], [`ASCII`], `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, `COLORTERM`, `COLORFGBG` and the locale through `get`.
    ///
    /// Who has flags or a file of settings puts them into `get`, before the environment.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Theme {
        let var = |name: &str| get(name).unwrap_or_default();
        let chosen = var(THEME);
        // What was chosen for this program counts before what is asked of all.
        let no_color = !var("NO_COLOR").is_empty() && !matches!(chosen.as_str(), "dark" | "light");
        let depth = if no_color || chosen == "mono" { Depth::Mono } else { depth(&get) };
        let ground = match (chosen.as_str(), var("COLORFGBG").rsplit(';').next().unwrap_or_default()) {
            ("dark", _) => Ground::Dark,
            ("light", _) => Ground::Light,
            (_, "7" | "9" | "10" | "11" | "12" | "13" | "14" | "15") => Ground::Light,
            (_, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "8") => Ground::Dark,
            _ if var("TERM") == "linux" => Ground::Dark,
            _ => Ground::Either,
        };
        let asked = !matches!(var(ASCII).as_str(), "" | "0");
        Theme { depth, ground, ascii: asked || var("TERM") == "dumb" || !is_utf8(&get), easel: None }
    }

    /// A theme that no environment decides.
    pub fn new(depth: Depth, ground: Ground) -> Theme {
        Theme { depth, ground, ascii: false, easel: None }
    }

    /// A theme for tests: dark, Unicode.
    pub fn plain(depth: Depth) -> Theme {
        Theme::new(depth, Ground::Dark)
    }

    /// The same in ASCII alone.
    #[must_use]
    pub fn in_ascii(self) -> Theme {
        Theme { ascii: true, easel: None, ..self }
    }

    /// Hangs pictures there from now on, unless only ASCII is safe or there are no colours.
    pub fn set_easel(&mut self, easel: Rc<Easel>) {
        self.easel = Some(easel).filter(|_| !self.ascii && self.depth != Depth::Mono);
    }

    /// Where pictures are hung.
    pub fn easel(&self) -> Option<&Easel> {
        self.easel.as_deref()
    }

    /// How many colours there are.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// What text stands on.
    pub fn ground(&self) -> Ground {
        self.ground
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
        self.hue(Hue::Accent).add_modifier(Modifier::BOLD)
    }

    /// The selected row or cell.
    pub fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Something went right.
    pub fn good(&self) -> Style {
        self.hue(Hue::Good)
    }

    /// Needs a look: leaks, flags, problems.
    pub fn warn(&self) -> Style {
        self.hue(Hue::Warn).add_modifier(Modifier::BOLD)
    }

    /// Something failed.
    pub fn bad(&self) -> Style {
        self.hue(Hue::Bad).add_modifier(Modifier::BOLD)
    }

    /// The `index`th of several lines or bars.
    pub fn series(&self, index: usize) -> Style {
        let place = index % SERIES.len();
        match (self.depth, self.ground) {
            (Depth::Mono, _) => Style::new(),
            (Depth::Sixteen, _) => Style::new().fg(SERIES_16[place]),
            (_, Ground::Dark) => Style::new().fg(self.deep(SERIES_DARK[place])),
            _ => Style::new().fg(self.deep(SERIES[place])),
        }
    }

    /// Paints `value` (0..1, clamped) in a colour map.
    pub fn heat(&self, map: Map, value: f64) -> Paint {
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        let (anchors, sixteen) = anchors(map);
        let step = (value * 4.0).round() as usize;
        self.paint(colour::blend(anchors, value), (sixteen[step], step < 2), SHADES[step])
    }

    /// The colours of a map in so many steps, as they are on a terminal with 24 bits.
    pub fn steps(map: Map, count: u8) -> Vec<(u8, u8, u8)> {
        let (anchors, _) = anchors(map);
        let last = f64::from(count.max(2) - 1);
        (0..count).map(|step| colour::blend(anchors, f64::from(step) / last)).collect()
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
        let sixteen = if is_marked { MARK_16[step] } else { GREY_16[step] };
        let shade = if is_marked { SHADES[step.max(1)] } else { FAINT[step] };
        self.paint(rgb, (sixteen, colour::is_deep(rgb)), shade)
    }

    /// The `index`th line over a heat map; see [`Theme::veil`] for what it stands on.
    pub fn overlay(&self, index: usize) -> Style {
        let (rgb, sixteen) = (OVERLAY[index % OVERLAY.len()], OVERLAY_16[index % OVERLAY.len()]);
        match self.depth {
            Depth::Mono => Style::new(),
            Depth::Sixteen => Style::new().fg(sixteen),
            _ => Style::new().fg(self.deep(rgb)),
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

    /// The last step of every drawing: what hangs on the easel may be
    /// shown; where only ASCII is safe, box lines, dots and blocks become ASCII signs.
    pub fn finish(&self, buffer: &mut Buffer) {
        if let Some(easel) = &self.easel {
            easel.settle(buffer);
        }
        if !self.ascii {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                cell.set_char(cell.symbol().chars().next().map_or(' ', plain_sign));
            }
        }
    }

    fn hue(&self, hue: Hue) -> Style {
        let place = hue as usize;
        let color = match (self.depth, self.ground) {
            (Depth::Mono, _) => return Style::new(),
            (_, Ground::Dark) => HUES_DARK[place],
            (_, Ground::Light) => HUES_LIGHT[place],
            (Depth::Sixteen, Ground::Either) => HUES_EITHER_16[place],
            (_, Ground::Either) => self.deep(HUES_EITHER[place]),
        };
        Style::new().fg(color)
    }

    /// A colour of a terminal that has more than sixteen.
    fn deep(&self, rgb: Rgb) -> Color {
        match self.depth {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            _ => Color::Indexed(colour::nearest(rgb)),
        }
    }

    /// A value in `rgb`, or in a named colour that may be too deep for black ink.
    fn paint(&self, rgb: Rgb, (named, is_deep): (Color, bool), shade: char) -> Paint {
        let (color, is_deep) = match self.depth {
            Depth::Mono => return Paint { color: None, ink: Color::Reset, shade },
            Depth::Sixteen => (named, is_deep),
            Depth::Indexed => (self.deep(rgb), colour::is_deep(colour::indexed(colour::nearest(rgb)))),
            Depth::True => (self.deep(rgb), colour::is_deep(rgb)),
        };
        let ink = match (self.depth, is_deep) {
            (Depth::Sixteen, true) => Color::White,
            (Depth::Sixteen, false) => Color::Black,
            (_, true) => self.deep((255, 255, 255)),
            (_, false) => self.deep((0, 0, 0)),
        };
        Paint { color: Some(color), ink, shade }
    }
}

/// The colours between which a map lies, and those it has among sixteen.
fn anchors(map: Map) -> (&'static [u32; 9], &'static [Color; 5]) {
    match map {
        Map::Magma => (&MAGMA, &MAGMA_16),
        Map::Viridis => (&VIRIDIS, &VIRIDIS_16),
        Map::Cividis => (&CIVIDIS, &CIVIDIS_16),
    }
}

fn depth(get: &impl Fn(&str) -> Option<String>) -> Depth {
    let var = |name: &str| get(name).unwrap_or_default();
    let term = var("TERM");
    // Over SSH `COLORTERM` stays behind; these say by their name what they can.
    const DEEP: [&str; 6] = ["-direct", "kitty", "alacritty", "ghostty", "wezterm", "foot"];
    const NONE: [&str; 6] = ["dumb", "-m", "-mono", "vt100", "vt102", "vt220"];
    let ends = |names: &[&str]| names.iter().any(|name| term.ends_with(name));
    if ends(&NONE) && matches!(var("CLICOLOR_FORCE").as_str(), "" | "0") {
        Depth::Mono
    } else if term.starts_with("screen") && var("TMUX").is_empty() {
        // GNU screen hands on what its terminal can, and cannot itself.
        if term.contains("256color") { Depth::Indexed } else { Depth::Sixteen }
    } else if matches!(var("COLORTERM").as_str(), "truecolor" | "24bit") || ends(&DEEP) {
        Depth::True
    } else if term.contains("256color") {
        Depth::Indexed
    } else {
        Depth::Sixteen
    }
}

fn plain_sign(sign: char) -> char {
    match sign {
        '⠀' => ' ',
        '░' => '.',
        '▒' => ':',
        '•' | '×' => '*',
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
        '±' | '…' => '~',
        '’' => '\'',
        '→' | '≥' => '>',
        '←' | '≤' => '<',
        'Δ' => 'd',
        '∞' => '8',
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

#[cfg(test)]
mod tests {
    use super::*;
    use colour::{blend, luminance};

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
        assert_eq!(of(&[("TERM", "xterm-kitty")]).depth(), Depth::True);
        assert_eq!(of(&[("TERM", "vt100")]).depth(), Depth::Mono);
        assert_eq!(of(&[("TERM", "vt100"), ("CLICOLOR_FORCE", "1")]).depth(), Depth::Sixteen);
        assert_eq!(of(&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")]).depth(), Depth::Indexed);
        let tmux = [("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t,1,0")];
        assert_eq!(of(&tmux).depth(), Depth::True);
        assert!(of(&[("TERM", "dumb")]).ascii());
        assert!(of(&[("TERM", "xterm"), (ASCII, "1")]).ascii());
        assert!(of(&[("TERM", "xterm"), ("LANG", "de_DE.ISO-8859-1")]).ascii());
        assert!(!of(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")]).ascii());
    }

    #[test]
    fn what_was_chosen_counts_before_what_the_terminal_says() {
        let dark = of(&[("TERM", "xterm-256color"), ("COLORFGBG", "15;0")]);
        assert_eq!((dark.ground(), dark.depth()), (Ground::Dark, Depth::Indexed));
        let light = of(&[("TERM", "xterm-256color"), ("COLORFGBG", "0;default;15")]);
        assert_eq!(light.ground(), Ground::Light);
        assert_eq!(of(&[("COLORFGBG", "0;15"), (THEME, "dark")]).ground(), Ground::Dark);
        assert_eq!(of(&[("TERM", "xterm")]).ground(), Ground::Either);
        assert_eq!(of(&[("NO_COLOR", "1"), (THEME, "light")]).depth(), Depth::Sixteen);
        assert_eq!(of(&[("COLORTERM", "truecolor"), (THEME, "mono")]).depth(), Depth::Mono);
        let told = |theme: Theme| (theme.depth(), theme.ground(), theme.ascii());
        assert_eq!(told(of(&[(THEME, "auto")])), told(of(&[])));
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
            assert!(rise.windows(2).all(|pair| pair[1] > pair[0] * 1.15), "{share}: {rise:?}");
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
                let seen = colour::contrast(line, (r, g, b));
                assert!(seen >= 3.0, "{map:?} at {value}: {line:?} {seen}");
            }
        }
    }
}

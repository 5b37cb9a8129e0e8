//! Pictures in pixels, for terminals that show them: kitty's graphics protocol or sixel, if the user asks for one.
//!
//! The cells of a spectrogram are drawn in any case, in half blocks; what a widget hangs on the [`Easel`] is laid over those of
//! them that nothing else has written on by the end of the drawing. So a line over the picture stays readable, and a popup in
//! front of it brings the half blocks back. Nothing is ever asked of the terminal: who answers late types into the shell. Which
//! protocol it speaks is for the user to say, and how large its cells are the kernel knows. Deliberately absent: guessing.

mod kitty;
mod sixel;

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::rc::Rc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// The variable that chooses a protocol, one of [`GRAPHICS_WORDS`].
pub const GRAPHICS: &str = "EMOLAB_GRAPHICS";
/// What [`GRAPHICS`] may be.
pub const GRAPHICS_WORDS: [&str; 3] = ["off", "kitty", "sixel"];

/// What a cell of a heat map is drawn with: as long as it stands there, the picture may be laid over it.
pub const GROUND: &str = "▀";

/// How a terminal is sent pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// <https://sw.kovidgoyal.net/kitty/graphics-protocol/>: kitty, ghostty, WezTerm, Konsole.
    Kitty,
    /// DEC's, <https://vt100.net/docs/vt3xx-gp/chapter14.html>: foot, xterm, WezTerm, Windows Terminal.
    Sixel,
}

/// What a terminal shows: a protocol, and width and height of its cells in pixels.
pub type Shows = (Protocol, (u16, u16));

/// A picture of the steps of a colour map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where, in cells.
    pub area: Rect,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// A step per pixel, row by row from above.
    pub steps: Vec<u8>,
    /// The colour of each step.
    pub colours: Rc<[(u8, u8, u8)]>,
}

/// Where widgets hang pictures while a frame is drawn.
#[derive(Debug)]
pub struct Easel {
    protocol: Protocol,
    /// Width and height of a cell in pixels.
    cell: Cell<(u16, u16)>,
    hung: RefCell<Option<(u64, Rc<Picture>)>>,
    fresh: Cell<bool>,
    settled: RefCell<Option<Settled>>,
}

/// A picture that may be shown, and what stands in its cells, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settled {
    picture: Rc<Picture>,
    cells: Vec<Under>,
}

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Under {
    /// Nothing but the ground.
    free: bool,
    /// Changes when the terminal is sent the cell again.
    hash: u64,
}

/// Sends the terminal what hangs on the easel and is not there yet.
#[derive(Debug)]
pub struct Gallery {
    easel: Rc<Easel>,
    shown: Option<Settled>,
}

/// The protocol that `get` asks for, if it asks for one that can be used here.
///
/// # Errors
/// Why not, and what is done instead.
pub fn wanted(get: impl Fn(&str) -> Option<String>, cell: Option<(u16, u16)>) -> Result<Option<Shows>, String> {
    let var = |name: &str| get(name).unwrap_or_default();
    let word = var(GRAPHICS);
    let protocol = match word.as_str() {
        "" | "off" => return Ok(None),
        "kitty" => Protocol::Kitty,
        "sixel" => Protocol::Sixel,
        _ => return Err(format!("graphics = {word}: one of {}; half blocks are drawn", GRAPHICS_WORDS.join(", "))),
    };
    let term = var("TERM");
    let reason = if !var("TMUX").is_empty() || term.starts_with("tmux") || term.starts_with("screen") {
        "not inside tmux or screen"
    } else if term == "linux" {
        "the Linux console shows no pictures"
    } else if !var("NO_COLOR").is_empty() {
        "NO_COLOR is set"
    } else if protocol == Protocol::Sixel && cell.is_none() {
        "this terminal does not say how large its cells are"
    } else {
        // Kitty's protocol scales to cells by itself; the size only bounds how much is sent.
        return Ok(Some((protocol, cell.unwrap_or((8, 16)))));
    };
    Err(format!("graphics = {word}: {reason}; half blocks are drawn"))
}

/// Width and height of a cell in pixels, as the kernel was told; no question to the terminal.
pub fn cell() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let cell = (size.width.checked_div(size.columns)?, size.height.checked_div(size.rows)?);
    (cell.0 > 0 && cell.1 > 0).then_some(cell)
}

impl Easel {
    /// For a terminal that speaks `protocol` and has cells of that many pixels.
    pub fn new(protocol: Protocol, cell: (u16, u16)) -> Easel {
        let hung = RefCell::new(None);
        Easel { protocol, cell: Cell::new(cell), hung, fresh: Cell::new(false), settled: RefCell::new(None) }
    }

    /// Hangs a picture over `area`, made by `make` from its width and height in pixels unless the one that hangs has the same
    /// `key`. The cells below are to hold [`GROUND`] each.
    pub fn hang(&self, area: Rect, key: impl Hash, make: impl FnOnce(usize, usize) -> Picture) {
        let cell = self.cell.get();
        let hash = hashed((key, area, cell));
        let mut hung = self.hung.borrow_mut();
        if hung.as_ref().is_none_or(|(before, _)| *before != hash) {
            // Kitty scales, so that half of it will do; sixels are as large as they are.
            let part = if self.protocol == Protocol::Kitty { 2 } else { 1 };
            let pixels = |cells: u16, size: u16| (usize::from(cells) * usize::from(size) / part).max(1);
            *hung = Some((hash, Rc::new(make(pixels(area.width, cell.0), pixels(area.height, cell.1)))));
        }
        self.fresh.set(true);
    }

    /// Ends the drawing of a frame: what was hung during it may be shown, if nothing but lines was drawn over it.
    pub fn settle(&self, buffer: &mut Buffer) {
        let hung = self.hung.borrow().as_ref().map(|(_, picture)| Rc::clone(picture));
        let hung = hung.filter(|_| self.fresh.take());
        let settled = hung.and_then(|picture| Settled::of(picture, buffer));
        if let Some(Settled { picture, cells }) = settled.as_ref().filter(|_| self.protocol == Protocol::Kitty) {
            // This picture lies beneath the text: where it is to be seen, there must be none.
            for (at, _) in picture.area.positions().zip(cells).filter(|(_, under)| under.free) {
                buffer[at].set_symbol(" ").set_style(Style::reset());
            }
        }
        *self.settled.borrow_mut() = settled;
    }
}

impl Settled {
    fn of(picture: Rc<Picture>, buffer: &Buffer) -> Option<Settled> {
        let under = |at: Position| {
            let cell = buffer.cell(at)?;
            let free = cell.symbol() == GROUND;
            let line = cell.symbol().starts_with(|sign| matches!(sign, '\u{2800}'..='\u{28FF}' | '│'));
            (free || line).then(|| Under { free, hash: hashed(cell) })
        };
        let cells = picture.area.positions().map(under).collect::<Option<Vec<Under>>>()?;
        Some(Settled { picture, cells })
    }

    /// Columns of which `before` shows nothing or something else.
    fn stale(&self, before: Option<&Settled>) -> Vec<bool> {
        let width = usize::from(self.picture.area.width);
        let same = before.filter(|before| before.picture == self.picture);
        let column = |x: usize| {
            let cells = |settled: &Settled| settled.cells.iter().skip(x).step_by(width).copied().collect::<Vec<_>>();
            same.is_none_or(|before| cells(before) != cells(self))
        };
        (0..width).map(column).collect()
    }
}

impl Gallery {
    /// What hangs on `easel` is to be shown.
    pub fn new(easel: Rc<Easel>) -> Gallery {
        Gallery { easel, shown: None }
    }

    /// Every cell was or will be written anew, perhaps in another size.
    pub fn forget(&mut self) {
        self.shown = None;
        if let Some(cell) = cell() {
            self.easel.cell.set(cell);
        }
    }

    /// Shows what the frame that was just drawn left on the easel.
    ///
    /// # Errors
    /// The terminal's.
    pub fn show(&mut self, out: &mut impl Write) -> io::Result<()> {
        let settled = self.easel.settled.borrow().clone();
        if settled == self.shown {
            return Ok(());
        }
        match (self.easel.protocol, &settled) {
            (Protocol::Kitty, None) => self.take_down(out)?,
            (Protocol::Kitty, Some(new)) => {
                if self.shown.as_ref().is_none_or(|before| before.picture != new.picture) {
                    out.write_all(kitty::show(&new.picture).as_bytes())?;
                }
            }
            // What lies over cells goes when they are written.
            (Protocol::Sixel, None) => {}
            (Protocol::Sixel, Some(new)) => {
                let (stale, cell) = (new.stale(self.shown.as_ref()), self.easel.cell.get());
                let free: Vec<bool> = new.cells.iter().map(|under| under.free).collect();
                for run in runs(&stale) {
                    out.write_all(sixel::show(&new.picture, run, &free, cell).as_bytes())?;
                }
            }
        }
        self.shown = settled;
        out.flush()
    }

    /// Takes everything down again.
    ///
    /// # Errors
    /// The terminal's.
    pub fn take_down(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.shown.take().is_some() && self.easel.protocol == Protocol::Kitty {
            out.write_all(kitty::TAKE_DOWN.as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }
}

/// From and to of each row of `true`.
fn runs(flags: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match runs.last_mut().filter(|run| run.1 == at) {
            Some(run) => run.1 = at + 1,
            None => runs.push((at, at + 1)),
        }
    }
    runs
}

fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(area: Rect) -> impl FnOnce(usize, usize) -> Picture {
        move |width, height| {
            let steps = (0..width * height).map(|at| (at % width * 3 / width) as u8).collect();
            Picture { area, width, height, steps, colours: [(0, 0, 0), (255, 0, 0), (255, 255, 255)].into() }
        }
    }

    /// What is sent after a frame in which `draw` drew over the ground.
    fn frame(gallery: &mut Gallery, area: Rect, draw: impl FnOnce(&mut Buffer)) -> (String, Buffer) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 6));
        for at in area.positions() {
            buffer[at].set_symbol(GROUND);
        }
        let easel = Rc::clone(&gallery.easel);
        easel.hang(area, 7, picture(area));
        draw(&mut buffer);
        easel.settle(&mut buffer);
        let mut sent = Vec::new();
        gallery.show(&mut sent).unwrap();
        (String::from_utf8(sent).unwrap(), buffer)
    }

    fn gallery(protocol: Protocol) -> Gallery {
        Gallery::new(Rc::new(Easel::new(protocol, (6, 12))))
    }

    #[test]
    fn what_is_there_is_not_sent_again() {
        let area = Rect::new(2, 1, 8, 3);
        for protocol in [Protocol::Kitty, Protocol::Sixel] {
            let mut gallery = gallery(protocol);
            let (first, _) = frame(&mut gallery, area, |_| {});
            assert!(!first.is_empty());
            assert_eq!(frame(&mut gallery, area, |_| {}).0, "");
            gallery.forget();
            assert_eq!(frame(&mut gallery, area, |_| {}).0, first);
        }
    }

    #[test]
    fn a_line_over_the_picture_stays_and_costs_its_columns() {
        let area = Rect::new(2, 1, 8, 3);
        let head = |x: u16| {
            move |buffer: &mut Buffer| {
                buffer[(x, 2)].set_symbol("│");
            }
        };
        let mut sixel = gallery(Protocol::Sixel);
        let whole = frame(&mut sixel, area, head(4)).0.len();
        let (moved, buffer) = frame(&mut sixel, area, head(5));
        assert!(moved.len() < whole && moved.starts_with("\x1b7\x1b[2;5H\x1bP"), "{moved:?}");
        assert_eq!((buffer[(4, 2)].symbol(), buffer[(5, 2)].symbol()), (GROUND, "│"));
        let mut kitty = gallery(Protocol::Kitty);
        frame(&mut kitty, area, head(4));
        let (moved, buffer) = frame(&mut kitty, area, head(5));
        assert_eq!((moved.as_str(), buffer[(4, 2)].symbol(), buffer[(5, 2)].symbol()), ("", " ", "│"));
    }

    #[test]
    fn a_popup_brings_the_half_blocks_back() {
        let area = Rect::new(2, 1, 8, 3);
        let mut kitty = gallery(Protocol::Kitty);
        frame(&mut kitty, area, |_| {});
        let (sent, buffer) = frame(&mut kitty, area, |buffer| {
            buffer[(3, 2)].set_symbol("p");
        });
        assert_eq!((sent.as_str(), buffer[(4, 2)].symbol()), (kitty::TAKE_DOWN, GROUND));
        let mut sixel = gallery(Protocol::Sixel);
        frame(&mut sixel, area, |_| {});
        assert_eq!(
            frame(&mut sixel, area, |buffer| {
                buffer[(3, 2)].set_symbol(" ");
            })
            .0,
            ""
        );
        assert!(!frame(&mut sixel, area, |_| {}).0.is_empty());
    }

    #[test]
    fn a_screen_without_a_picture_takes_it_down() {
        let mut kitty = gallery(Protocol::Kitty);
        frame(&mut kitty, Rect::new(0, 0, 4, 2), |_| {});
        kitty.easel.settle(&mut Buffer::empty(Rect::new(0, 0, 12, 6)));
        let mut sent = Vec::new();
        kitty.show(&mut sent).unwrap();
        assert_eq!(sent, kitty::TAKE_DOWN.as_bytes());
    }

    #[test]
    fn where_it_cannot_be_it_is_refused_with_the_reason() {
        let asked = |vars: &'static [(&'static str, &'static str)], cell| {
            let get = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            wanted(get, cell)
        };
        let size = Some((10, 20));
        assert_eq!(asked(&[("TMUX", "/tmp/x")], size), Ok(None), "nobody asked");
        assert_eq!(asked(&[(GRAPHICS, "off")], size), Ok(None));
        assert_eq!(asked(&[(GRAPHICS, "sixel")], size), Ok(Some((Protocol::Sixel, (10, 20)))));
        assert_eq!(asked(&[(GRAPHICS, "kitty")], None), Ok(Some((Protocol::Kitty, (8, 16)))));
        let refused = |vars, cell, reason: &str| {
            let told = asked(vars, cell).unwrap_err();
            assert!(told.contains(reason) && told.ends_with("; half blocks are drawn"), "{told}");
        };
        refused(&[(GRAPHICS, "kitty"), ("TMUX", "/tmp/x")], size, "graphics = kitty: not inside tmux");
        refused(&[(GRAPHICS, "sixel"), ("TERM", "screen-256color")], size, "not inside tmux or screen");
        refused(&[(GRAPHICS, "kitty"), ("TERM", "linux")], size, "console");
        refused(&[(GRAPHICS, "sixel"), ("NO_COLOR", "1")], size, "NO_COLOR");
        refused(&[(GRAPHICS, "sixel")], None, "how large its cells are");
        refused(&[(GRAPHICS, "iterm")], size, "one of off, kitty, sixel");
    }
}

//! Spectrograms in pixels: what is sent to a terminal, decoded again and compared with the half blocks of the same picture.

use std::collections::BTreeMap;

use crate::support::pty::{Start, Terminal};
use crate::support::{Home, demo};

const CELL: (u16, u16) = (6, 12);

/// A picture as a terminal has it: pixels by place, none where nothing was painted.
#[derive(Debug, PartialEq)]
struct Painted {
    /// Column and row of the cell at its upper left, from 0.
    at: (u16, u16),
    width: usize,
    pixels: Vec<Option<(u8, u8, u8)>>,
}

fn browse(home: &Home, word: &str, env: &[(&str, &str)]) -> Terminal {
    let all = [&[("COLORTERM", "truecolor")], env].concat();
    let start = Start { size: (100, 30), env: &all, cell: CELL, ..Start::default() };
    Terminal::with(home.path(), &[demo().to_str().unwrap(), "--silent", "--graphics", word], start)
}

/// What stands between `start` and the next `end`, and what stands before it.
fn between<'a>(bytes: &'a [u8], start: &str, end: &str) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let find = |bytes: &[u8], mark: &str| bytes.windows(mark.len()).position(|part| part == mark.as_bytes());
    let from = find(bytes, start)?;
    let inside = &bytes[from + start.len()..];
    let to = find(inside, end)?;
    Some((&bytes[..from], &inside[..to], &inside[to + end.len()..]))
}

/// Where the cursor was sent last.
fn cursor(before: &[u8]) -> (u16, u16) {
    let text = String::from_utf8_lossy(before);
    let (row, column) = text.rsplit_once("\x1b[").unwrap().1.trim_end_matches('H').split_once(';').unwrap();
    (column.parse::<u16>().unwrap() - 1, row.parse::<u16>().unwrap() - 1)
}

/// The first picture in sixels, by the definition of DEC's manual.
fn sixel(bytes: &[u8]) -> Option<Painted> {
    let (before, body, _) = between(bytes, "\x1bP0;1;0q\"1;1;", "\x1b\\")?;
    let body = std::str::from_utf8(body).unwrap();
    let size = body.split('#').next().unwrap();
    let (width, height) = size.split_once(';').unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    let mut pixels = vec![None; width * height];
    let mut colours = BTreeMap::new();
    let (mut x, mut top, mut colour, mut times) = (0, 0, 0_usize, 1);
    let mut rest = &body[size.len()..];
    while let Some(sign) = rest.chars().next() {
        rest = &rest[1..];
        let number = |rest: &mut &str| {
            let digits = rest.find(|sign: char| !sign.is_ascii_digit() && sign != ';').unwrap_or(rest.len());
            let (found, after) = rest.split_at(digits);
            *rest = after;
            found.split(';').map(|part| part.parse::<usize>().unwrap()).collect::<Vec<_>>()
        };
        match sign {
            '#' => match number(&mut rest)[..] {
                [name, 2, r, g, b] => drop(colours.insert(name, [r, g, b].map(|part| (part * 255 + 50) / 100))),
                [name] => colour = name,
                ref other => panic!("{other:?}"),
            },
            '!' => times = number(&mut rest)[0],
            '$' => x = 0,
            '-' => (x, top) = (0, top + 6),
            '?'..='~' => {
                let bits = sign as u8 - b'?';
                for _ in 0..std::mem::replace(&mut times, 1) {
                    for line in (0..6).filter(|line| bits >> line & 1 == 1) {
                        let [r, g, b] = colours[&colour].map(|part| part as u8);
                        pixels[(top + line) * width + x] = Some((r, g, b));
                    }
                    x += 1;
                }
            }
            other => panic!("{other:?} is no sixel"),
        }
    }
    Some(Painted { at: cursor(before), width, pixels })
}

/// The first picture of kitty's, and the keys that came with it.
fn kitty(bytes: &[u8]) -> Option<(Painted, String)> {
    let (before, first, mut rest) = between(bytes, "\x1b_Ga=T,", "\x1b\\")?;
    let (keys, data) = std::str::from_utf8(first).unwrap().split_once(';').unwrap();
    let mut data = data.to_owned();
    while let Some((b"", more, after)) = between(rest, "\x1b_Gq=2,", "\x1b\\") {
        data += std::str::from_utf8(more).unwrap().split_once(';').unwrap().1;
        rest = after;
    }
    let value = |sign: u8| match sign {
        b'A'..=b'Z' => sign - b'A',
        b'a'..=b'z' => sign - b'a' + 26,
        b'0'..=b'9' => sign - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = data.bytes().filter(|sign| *sign != b'=').map(value).collect();
    let bytes: Vec<u8> = bits
        .chunks(4)
        .flat_map(|four| {
            let whole = four.iter().enumerate().fold(0_u32, |all, (at, six)| all | u32::from(*six) << (18 - 6 * at));
            whole.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect();
    let width = keys.split(',').find_map(|key| key.strip_prefix("s=")).unwrap().parse().unwrap();
    let pixels = bytes.chunks(3).map(|rgb| Some((rgb[0], rgb[1], rgb[2]))).collect();
    Some((Painted { at: cursor(before), width, pixels }, keys.to_owned()))
}

/// How light a colour is; the map rises in it.
fn light((r, g, b): (u8, u8, u8)) -> u32 {
    2 * u32::from(r) + 5 * u32::from(g) + u32::from(b)
}

fn near((r, g, b): (u8, u8, u8), colour: vt100::Color) -> bool {
    let vt100::Color::Rgb(red, green, blue) = colour else { panic!("{colour:?}") };
    [(r, red), (g, green), (b, blue)].iter().all(|(one, other)| one.abs_diff(*other) <= 6)
}

/// The lightest pixel of a half cell: what the half block shows.
fn lightest(painted: &Painted, (column, half): (usize, usize), (width, height): (usize, usize)) -> (u8, u8, u8) {
    let place = |x: usize, y: usize| painted.pixels[(half * height + y) * painted.width + column * width + x];
    let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    all.filter_map(|(x, y)| place(x, y)).max_by_key(|colour| light(*colour)).unwrap()
}

#[test]
fn sixels_show_what_the_half_blocks_below_them_show() {
    let home = Home::new();
    let mut terminal = browse(&home, "sixel", &[]);
    let bytes = terminal.wait_for_bytes(|bytes| sixel(bytes).is_some());
    let painted = sixel(&bytes).unwrap();
    let (columns, rows) = (painted.width / 6, painted.pixels.len() / painted.width / 12);
    assert!(columns > 50 && rows > 3, "{columns} x {rows}");
    let (mut compared, mut same, mut spared) = (0, 0, 0);
    for row in 0..rows {
        for column in 0..columns {
            let at = (painted.at.0 + column as u16, painted.at.1 + row as u16);
            if painted.pixels[row * 12 * painted.width + column * 6].is_none() {
                spared += 1;
                continue;
            }
            let (upper, lower) = terminal.colours(at);
            same += usize::from(near(lightest(&painted, (column, 2 * row), (6, 6)), upper));
            same += usize::from(near(lightest(&painted, (column, 2 * row + 1), (6, 6)), lower));
            compared += 2;
        }
    }
    // A pixel that is thinner than a band shows the band that it begins in, which may be its neighbour's in half blocks.
    assert!(5 * same > 4 * compared, "{same} of {compared} half blocks are alike");
    assert!(compared > 200 && spared > 10, "{compared} half blocks compared; {spared} cells have a line over them");
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn kitty_is_sent_the_same_picture_beneath_the_text_and_takes_it_down_at_the_end() {
    let home = Home::new();
    let mut blocks = browse(&home, "sixel", &[]);
    blocks.wait_for_bytes(|bytes| sixel(bytes).is_some());
    let mut terminal = browse(&home, "kitty", &[]);
    let bytes = terminal.wait_for_bytes(|bytes| kitty(bytes).is_some());
    let (painted, keys) = kitty(&bytes).unwrap();
    for key in ["f=24", "z=-1", "C=1", "q=2"] {
        assert!(keys.split(',').any(|known| known == key), "no {key} in {keys}");
    }
    let there = sixel(&blocks.wait_for_bytes(|_| true)).unwrap();
    let columns = painted.width / 3;
    assert_eq!((painted.at, columns), (there.at, there.width / 6));
    for column in 0..columns {
        let (upper, _) = blocks.colours((painted.at.0 + column as u16, painted.at.1));
        if there.pixels[column * 6].is_some() {
            assert!(near(lightest(&painted, (column, 0), (3, 3)), upper), "{column}");
        }
    }
    for terminal in [&mut blocks, &mut terminal] {
        terminal.send("q");
    }
    terminal.wait_for_bytes(|bytes| between(bytes, "\x1b_Ga=d,d=I,", "\x1b\\").is_some());
    assert!(blocks.end() && terminal.end());
}

#[test]
fn inside_tmux_it_is_refused_and_half_blocks_are_drawn() {
    let home = Home::new();
    let mut terminal = browse(&home, "kitty", &[("TMUX", "/tmp/tmux-0/default,1,0")]);
    terminal.wait("graphics = kitty: not inside tmux or screen; half blocks are drawn");
    terminal.wait("▀▀▀");
    terminal.send("q");
    let bytes =
        terminal.wait_for_bytes(|bytes| bytes.ends_with(b"\x1b[?25h") || between(bytes, "\x1b[?1049l", "").is_some());
    assert_eq!(kitty(&bytes).map(|(painted, _)| painted), None);
    assert!(terminal.end());
}

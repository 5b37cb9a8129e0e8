//! A picture in sixels: bands of six lines, and in each one pass per colour.
//!
//! <https://vt100.net/docs/vt3xx-gp/chapter14.html>. Pixels that are not set leave what stands below them as it is (`P2` = 1), so
//! that cells with something on them are spared. Deliberately absent: more colours than a map has steps.

use super::Picture;

/// Lines of a band.
const BAND: usize = 6;

/// Paints the columns of cells `from..to` of the picture over those cells that are `free` (row by row); cells are of that many
/// pixels. The cursor stays.
pub fn show(picture: &Picture, (from, to): (usize, usize), free: &[bool], cell: (u16, u16)) -> String {
    let (area, cell) = (picture.area, (usize::from(cell.0), usize::from(cell.1)));
    let pixels = (from * cell.0)..(to * cell.0).min(picture.width);
    let mut text = format!("\x1b7\x1b[{};{}H\x1bP0;1;0q", area.y + 1, usize::from(area.x) + from + 1);
    text.push_str(&format!("\"1;1;{};{}", pixels.len(), picture.height));
    let percent = |part: u8| (u32::from(part) * 100 + 127) / 255;
    for (step, (r, g, b)) in picture.colours.iter().enumerate() {
        text.push_str(&format!("#{step};2;{};{};{}", percent(*r), percent(*g), percent(*b)));
    }
    let at = |x: usize, y: usize| {
        let is_free = free.get(y / cell.1 * usize::from(area.width) + x / cell.0).copied().unwrap_or(false);
        picture.steps.get(y * picture.width + x).copied().filter(|_| is_free)
    };
    for top in (0..picture.height).step_by(BAND) {
        let band: Vec<[Option<u8>; BAND]> = pixels
            .clone()
            .map(|x| {
                std::array::from_fn(|line| Some(top + line).filter(|y| *y < picture.height).and_then(|y| at(x, y)))
            })
            .collect();
        pass(&mut text, &band, picture.colours.len());
        text.push('-');
    }
    text + "\x1b\\\x1b8"
}

/// One band: each colour that occurs in it, over the whole width.
fn pass(text: &mut String, band: &[[Option<u8>; BAND]], colours: usize) {
    let mut occurs = vec![false; colours];
    band.iter().flatten().flatten().for_each(|step| {
        if let Some(occurs) = occurs.get_mut(usize::from(*step)) {
            *occurs = true;
        }
    });
    for step in (0..colours).filter(|step| occurs[*step]) {
        text.push_str(&format!("#{step}"));
        let bits = |column: &[Option<u8>; BAND]| {
            let set = |line: &usize| column[*line].is_some_and(|found| usize::from(found) == step);
            (0..BAND).filter(set).fold(0, |bits, line| bits | 1_u8 << line)
        };
        for run in band.chunk_by(|one, other| bits(one) == bits(other)) {
            let sign = char::from(b'?' + bits(&run[0]));
            match run.len() {
                count @ 1..=3 => text.extend(std::iter::repeat_n(sign, count)),
                count => text.push_str(&format!("!{count}{sign}")),
            }
        }
        text.push('$');
    }
}

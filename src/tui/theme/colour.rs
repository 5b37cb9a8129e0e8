//! Colours as numbers: lightness, contrast, blends, and the nearest of the 256 that xterm knows.
//!
//! Deliberately absent: which colour is used for what (see `theme.rs`).

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// Levels of the 6 x 6 x 6 cube of xterm.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The colour `value` (0..1) along evenly spaced `anchors` (0xRRGGBB).
pub fn blend(anchors: &[u32; 9], value: f64) -> Rgb {
    let place = value * 8.0;
    let low = (place.floor() as usize).min(7);
    let share = place - low as f64;
    let part = |shift: u32| {
        let (a, b) = (f64::from(anchors[low] >> shift & 255), f64::from(anchors[low + 1] >> shift & 255));
        (a + (b - a) * share).round() as u8
    };
    (part(16), part(8), part(0))
}

/// One channel of sRGB as light, 0..1.
pub fn linear(channel: u8) -> f64 {
    let share = f64::from(channel) / 255.0;
    if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
}

/// Relative luminance by WCAG 2: black 0, white 1.
pub fn luminance((r, g, b): Rgb) -> f64 {
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Contrast by WCAG 2: 1 for the same, 21 for black on white.
pub fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// True where white is read better on that ground than black.
pub fn is_deep(ground: Rgb) -> bool {
    contrast(ground, (255, 255, 255)) > contrast(ground, (0, 0, 0))
}

/// The nearest of the colours 16 to 255 of xterm: the cube and the greys. The first 16 are the user's own.
pub fn nearest(rgb: Rgb) -> u8 {
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (value - 35) / 40,
    };
    let cube = 16 + 36 * level(rgb.0) + 6 * level(rgb.1) + level(rgb.2);
    let mean = (u16::from(rgb.0) + u16::from(rgb.1) + u16::from(rgb.2)) / 3;
    let grey = 232 + ((mean.saturating_sub(3)) / 10).min(23) as u8;
    if distance(rgb, indexed(grey)) < distance(rgb, indexed(cube)) { grey } else { cube }
}

/// What xterm shows for one of its colours 16 to 255.
pub fn indexed(index: u8) -> Rgb {
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return (grey, grey, grey);
    }
    let cube = usize::from(index.saturating_sub(16));
    (LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6])
}

fn distance(one: Rgb, other: Rgb) -> u32 {
    let part = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    part(one.0, other.0) + part(one.1, other.1) + part(one.2, other.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_wcag() {
        let within = |one: Rgb, other: Rgb, wanted: f64| (contrast(one, other) - wanted).abs() < 0.01;
        assert!(within((0, 0, 0), (255, 255, 255), 21.0));
        assert!(within((119, 119, 119), (255, 255, 255), 4.48), "{}", contrast((119, 119, 119), (255, 255, 255)));
        assert!(is_deep((0, 0, 160)) && !is_deep((255, 220, 0)));
    }

    #[test]
    fn every_colour_of_xterm_is_nearest_to_itself() {
        for index in 16..=255 {
            assert_eq!(indexed(nearest(indexed(index))), indexed(index), "{index}");
        }
        assert_eq!(indexed(nearest((250, 100, 5))), (255, 95, 0));
        assert_eq!(indexed(nearest((51, 50, 49))), (48, 48, 48));
    }
}

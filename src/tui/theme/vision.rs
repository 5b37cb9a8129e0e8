//! Tests of the colours: are they told apart by every kind of eye, and read on their ground?
//!
//! Colour blindness by the matrices of Machado, Oliveira and Fernandes (2009, severity 1), applied to linear light; differences
//! by CIE 1976. Deliberately absent: anything the program itself uses.

use super::colour::{Rgb, blend, contrast, indexed, linear, nearest};
use super::*;

type Matrix = [[f64; 3]; 3];

const EYES: [(&str, Matrix); 4] = [
    ("normal", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("red-blind", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ("green-blind", [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    ("blue-blind", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];
const TO_XYZ: Matrix =
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];
const BLACK: Rgb = (0, 0, 0);
const WHITE: Rgb = (255, 255, 255);

fn times(matrix: &Matrix, [x, y, z]: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * x + row[1] * y + row[2] * z)
}

/// What that eye sees, in CIE L*a*b*.
fn seen(eye: &Matrix, (r, g, b): Rgb) -> [f64; 3] {
    let light = times(eye, [r, g, b].map(linear)).map(|part| part.clamp(0.0, 1.0));
    let [x, y, z] = times(&TO_XYZ, light);
    let root =
        |share: f64| if share > 216.0 / 24389.0 { share.cbrt() } else { (24389.0 / 27.0 * share + 16.0) / 116.0 };
    let (x, y, z) = (root(x / 0.95047), root(y), root(z / 1.08883));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn apart(eye: &Matrix, one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (seen(eye, one), seen(eye, other));
    one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn all_apart(colors: &[Rgb], least: f64) {
    for (eye, matrix) in &EYES {
        for (at, one) in colors.iter().enumerate() {
            for other in &colors[..at] {
                let apart = apart(matrix, *one, *other);
                assert!(apart >= least, "{eye}: {one:?} and {other:?} are {apart:.1} apart");
            }
        }
    }
}

#[test]
fn series_are_told_apart_by_every_eye() {
    all_apart(&SERIES, 28.0);
    all_apart(&SERIES_DARK, 28.0);
    // As a terminal of 256 colours shows them.
    all_apart(&SERIES.map(|rgb| indexed(nearest(rgb))), 19.0);
    all_apart(&SERIES_DARK.map(|rgb| indexed(nearest(rgb))), 19.0);
    all_apart(&OVERLAY, 30.0);
}

#[test]
fn accents_and_series_are_read_on_their_ground() {
    for color in SERIES.into_iter().chain(HUES_EITHER) {
        for ground in [BLACK, WHITE] {
            let contrast = contrast(color, ground);
            assert!(contrast >= 3.0, "{color:?} on {ground:?}: {contrast:.2}");
        }
    }
    for color in SERIES_DARK {
        assert!(contrast(color, BLACK) >= 3.0, "{color:?}");
    }
}

#[test]
fn keys_never_look_like_warnings() {
    for (eye, matrix) in &EYES {
        for other in &HUES_EITHER[2..] {
            let apart = apart(matrix, HUES_EITHER[0], *other);
            assert!(apart >= 30.0, "{eye}: {other:?} {apart:.1}");
        }
    }
}

#[test]
fn numbers_on_heat_maps_are_read() {
    for map in Map::ALL {
        for value in (0..=100).map(|step| f64::from(step) / 100.0) {
            let paint = Theme::plain(Depth::True).heat(map, value);
            let (Some(Color::Rgb(r, g, b)), Color::Rgb(x, y, z)) = (paint.color, paint.ink) else {
                panic!("{paint:?}")
            };
            assert!(contrast((r, g, b), (x, y, z)) >= 4.5, "{map:?} at {value}");
            let paint = Theme::plain(Depth::Indexed).heat(map, value);
            let (Some(Color::Indexed(ground)), Color::Indexed(ink)) = (paint.color, paint.ink) else {
                panic!("{paint:?}")
            };
            assert!(contrast(indexed(ground), indexed(ink)) >= 4.5, "{map:?} at {value}");
        }
    }
}

/// The sixteen colours as xterm shows them.
const XTERM: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

fn in_xterm(color: Color) -> Rgb {
    let named = [
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
    XTERM[named.iter().position(|other| *other == color).unwrap()]
}

#[test]
fn with_sixteen_colours_numbers_on_heat_maps_and_accents_are_read() {
    let theme = Theme::plain(Depth::Sixteen);
    for (map, step) in Map::ALL.into_iter().flat_map(|map| (0..=4).map(move |step| (map, step))) {
        let paint = theme.heat(map, f64::from(step) / 4.0);
        let contrast = contrast(in_xterm(paint.color.unwrap()), in_xterm(paint.ink));
        assert!(contrast >= 4.0, "{map:?} {step}: {contrast:.2}");
    }
    for color in HUES_EITHER_16.into_iter().filter(|color| *color != Color::Reset) {
        assert!(contrast(in_xterm(color), BLACK).min(contrast(in_xterm(color), WHITE)) >= 3.0, "{color:?}");
    }
    assert!(HUES_DARK.iter().all(|color| contrast(in_xterm(*color), BLACK) >= 3.0));
}

#[test]
fn heat_maps_rise_in_lightness_for_every_eye() {
    for (eye, matrix) in &EYES {
        for anchors in [&MAGMA, &VIRIDIS, &CIVIDIS] {
            let light: Vec<f64> =
                (0..=20).map(|step| seen(matrix, blend(anchors, f64::from(step) / 20.0))[0]).collect();
            assert!(light.windows(2).all(|pair| pair[1] > pair[0] - 0.5), "{eye}: {light:?}");
        }
    }
}

#[test]
fn what_is_marked_stands_out_from_grey_for_every_eye() {
    for (eye, matrix) in &EYES {
        for value in [0.25, 0.5, 0.75] {
            let color = |share| match Theme::plain(Depth::True).marked(value, share).color {
                Some(Color::Rgb(r, g, b)) => (r, g, b),
                other => panic!("{other:?}"),
            };
            assert!(apart(matrix, color(0.0), color(1.0)) >= 30.0, "{eye} at {value}");
        }
    }
}

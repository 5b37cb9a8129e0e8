//! How Browse and Label show the sound of a clip: waveform, spectrogram, curves over it, axes, time and legend.
//!
//! What of it is shown is the Workbench's [`View`](crate::workbench::view::View). Deliberately absent: anything that names
//! the clip; Label is blind.

use ndarray::Array2;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::style::Style;

use crate::features::curves::Axis;
use crate::tui::keys::PLAY;
use crate::tui::theme::Theme;
use crate::tui::widgets::overlay::{self, DOTS, Stroke, Trace};
use crate::tui::widgets::spectrogram::{self, Heat};
use crate::tui::widgets::{self, axis, line, put, put_center, put_right, waveform};
use crate::workbench::Workbench;
use crate::workbench::opinion::Salience;
use crate::workbench::picture::{LONGEST, Picture};
use crate::workbench::view::{Panel, View, Window};

/// Room for frequencies left of the spectrogram, and for decibels right of it.
const GUTTER: u16 = 5;
/// Narrower places have no decibels at the right.
const WIDE: u16 = 100;
/// Colours of the lines.
const PITCH: usize = 0;
const ENERGY: usize = 1;
const FORMANTS: usize = 2;

/// Draws as much of a clip's sound as `panel` shows over the whole of `area`, or why there is nothing to draw. What a model
/// found telling is marked in the spectrogram where it is handed in.
pub fn draw(
    buffer: &mut Buffer,
    area: Rect,
    bench: &Workbench,
    (clip, panel, salience): (usize, Panel, Option<&Salience>),
    theme: &Theme,
) {
    if panel == Panel::Nothing || area.is_empty() {
        return;
    }
    let middle = line(area, area.height / 2);
    let seconds = bench.corpus().clips.get(clip).map_or(0.0, |clip| clip.audio.seconds);
    let picture = match bench.picture(clip) {
        Some(Ok(picture)) => picture,
        Some(Err(_)) if seconds > LONGEST => {
            return put_center(buffer, middle, "too long for one clip: X in Browse cuts it", theme.text());
        }
        Some(Err(_)) => return put_center(buffer, middle, "this clip cannot be decoded", theme.bad()),
        None => return put_center(buffer, middle, "…", theme.dim()),
    };
    let seen = seen(bench, clip);
    let [wave, heat, times, left, right] = parts(area, bench.view(), panel);
    let column = bench.heard(clip).and_then(|heard| column(seen.place(heard), wave.width));
    let heard = column.or(bench.heard(clip).filter(|heard| *heard > seen.end).map(|_| wave.width));
    let outline = picture.outline(seen, usize::from(wave.width) * DOTS.0);
    waveform::draw(buffer, wave, &outline, heard, theme);
    if let Some((from, to)) = part(bench, clip) {
        let edge = |second: f64| seen.place(second / seconds).clamp(0.0, 1.0) * f64::from(wave.width);
        let (from, to) = (edge(from) as u16, edge(to).ceil() as u16);
        let left = Rect { width: from, ..wave };
        let right = Rect { x: wave.x + to, width: wave.width - to, ..wave };
        [left, right].into_iter().for_each(|place| buffer.set_style(place.intersection(buffer.area), theme.dim()));
    }
    if !heat.is_empty() {
        let axis = scale(picture, bench.view());
        let marks = salience.map(|salience| marks(salience, (heat.width, heat.height), (seen, seconds), &axis));
        spectrum(buffer, heat, picture, (bench.view(), seen, marks.as_ref()), theme);
        axis::along(buffer, left, &hertz(&scale(picture, bench.view()), heat.height), theme);
    }
    if panel == Panel::Curves && !heat.is_empty() {
        for trace in traces(picture, bench.view(), seen, usize::from(heat.width) * DOTS.0) {
            overlay::draw(buffer, heat, &trace, theme);
        }
        axis::along(buffer, right, &decibels(picture, bench.view()), theme);
    }
    axis::across(buffer, times, (seen.start * seconds, seen.end * seconds), "s", theme);
    if let Some(column) = column {
        playhead(buffer, wave, heat, column, theme);
    }
}

/// The moment of a clip, in seconds, that [`draw`] shows there.
pub fn moment(at: Position, area: Rect, bench: &Workbench, (clip, panel): (usize, Panel)) -> Option<f64> {
    if panel == Panel::Nothing || !matches!(bench.picture(clip), Some(Ok(_))) {
        return None;
    }
    let [wave, heat, ..] = parts(area, bench.view(), panel);
    let place = [wave, heat].into_iter().find(|place| place.contains(at))?;
    let share = (f64::from(at.x - place.x) + 0.5) / f64::from(place.width);
    Some(seen(bench, clip).share(share) * bench.corpus().clips.get(clip)?.audio.seconds)
}

/// Draws position (once it was played), duration, what is drawn, speed and volume on one line.
pub fn time(buffer: &mut Buffer, area: Rect, bench: &Workbench, (clip, panel): (usize, Panel), theme: &Theme) {
    let playback = bench.playback();
    let seconds = bench.corpus().clips.get(clip).map_or(0.0, |clip| clip.audio.seconds);
    let text = if bench.playing() == Some(clip) {
        let sign = if playback.playing { "playing" } else { "paused " };
        format!("{sign}  {:.2} / {seconds:.2} s", playback.position)
    } else {
        format!("{} plays  {seconds:.2} s", PLAY.keys[0])
    };
    let rest = put(buffer, line(area, 0), &text, theme.text());
    let again = if playback.looping { "  loop" } else { "" };
    let even = if bench.is_even() { "" } else { "  not even" };
    let part = part(bench, clip).map_or_else(String::new, |(from, to)| format!("  only {from:.2}-{to:.2}"));
    let tuning = format!("{part}  speed {:.1}  vol {:.0} %{even}{again}", playback.speed, 100.0 * playback.volume);
    let room = rest.width.saturating_sub(tuning.chars().count() as u16);
    if let Some(Ok(picture)) = bench.picture(clip) {
        legend(buffer, Rect { width: room, ..rest }, picture, (bench.view(), panel), theme);
    }
    put_right(buffer, rest, &tuning, theme.dim());
}

/// From and to, in seconds, of what is played alone of that clip.
fn part(bench: &Workbench, clip: usize) -> Option<(f64, f64)> {
    bench.playback().region.filter(|_| bench.playing() == Some(clip))
}

/// The part of a clip that is seen: while it plays, the part that is heard.
fn seen(bench: &Workbench, clip: usize) -> Window {
    let window = bench.view().window(clip);
    match bench.heard(clip).filter(|_| bench.playback().playing) {
        Some(heard) => window.following(heard),
        None => window,
    }
}

/// Waveform, spectrogram, times below them, frequencies at the left, decibels at the right.
fn parts(area: Rect, view: &View, panel: Panel) -> [Rect; 5] {
    let with_heat = panel != Panel::Waveform;
    let times = u16::from(area.height >= 5);
    let above = area.height - times;
    let wave = if with_heat {
        // Where there is much room, the waveform gets its part of it.
        let first = (above / 4).clamp(1, 6.max(above / 6));
        first.saturating_add_signed(view.borders.wave).clamp(1, above.saturating_sub(2).max(1))
    } else {
        above
    };
    let left = if with_heat && area.width >= 60 { GUTTER } else { 0 };
    let energy = panel == Panel::Curves && view.energy;
    let right = if energy && area.width >= WIDE { GUTTER } else { 0 };
    let fixed = Constraint::Length;
    let [left_side, middle, right_side] = widgets::columns(area, [fixed(left), Constraint::Min(0), fixed(right)]);
    let bounds = [fixed(wave), fixed(above - wave), fixed(times)];
    let [wave, heat, times] = widgets::rows(middle, bounds);
    let [_, left_side, _] = widgets::rows(left_side, bounds);
    let [_, right_side, _] = widgets::rows(right_side, bounds);
    // A free column between the numbers and the picture.
    [wave, heat, times, Rect { width: left.saturating_sub(1), ..left_side }, right_side]
}

/// How much of each half cell of a spectrogram of that width and height spoke, `[line from above, column]`.
fn marks(salience: &Salience, (width, height): (u16, u16), (seen, seconds): (Window, f64), axis: &Axis) -> Array2<f32> {
    let lines = usize::from(height) * 2;
    let second = |column: usize| seen.share(column as f64 / f64::from(width)) * seconds;
    let hertz = |line: usize| axis.hz((lines - line) as f64 / lines as f64);
    Array2::from_shape_fn((lines, usize::from(width)), |(line, column)| {
        salience.most((second(column), second(column + 1)), (hertz(line + 1), hertz(line)))
    })
}

fn spectrum(
    buffer: &mut Buffer,
    area: Rect,
    picture: &Picture,
    (view, seen, marks): (&View, Window, Option<&Array2<f32>>),
    theme: &Theme,
) {
    let spectrum = picture.spectra.on(view.scale);
    let heat = Heat {
        levels: spectrum.levels.view(),
        top: spectrum.top,
        range: view.range,
        seen: (seen.start, seen.end),
        bands: spectrum.axis.place(view.ceiling).clamp(0.0, 1.0),
        map: view.map,
        marks: marks.map(Array2::view),
    };
    spectrogram::draw(buffer, area, &heat, theme);
}

/// The frequencies that are seen.
fn scale(picture: &Picture, view: &View) -> Axis {
    picture.spectra.on(view.scale).axis.up_to(view.ceiling)
}

/// Where the play cursor stands, if it is seen.
fn column(place: f64, width: u16) -> Option<u16> {
    (width > 0 && (0.0..=1.0).contains(&place)).then(|| ((place * f64::from(width)) as u16).min(width - 1))
}

fn playhead(buffer: &mut Buffer, wave: Rect, heat: Rect, column: u16, theme: &Theme) {
    let place = |area: Rect| Rect { x: area.x + column, width: 1, ..area }.intersection(buffer.area);
    let (wave, heat) = (place(wave), place(heat));
    buffer.set_style(wave, theme.selected());
    for y in heat.top()..heat.bottom() {
        buffer[(heat.x, y)].set_symbol("│").set_style(Style::reset());
    }
}

/// Frequencies that are written, the more the more lines there are.
fn hertz(axis: &Axis, lines: u16) -> Vec<(f64, String)> {
    let top = axis.hz(1.0);
    let wanted: &[f64] = if lines < 12 {
        &[8000.0, 4000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0]
    } else {
        &[8000.0, 7000.0, 6000.0, 5000.0, 4000.0, 3000.0, 2000.0, 1500.0, 1000.0, 700.0, 500.0, 300.0, 200.0, 100.0]
    };
    // The upper edge of the mel bands lies a little below their last frequency.
    let known = wanted.iter().filter(|hz| **hz <= top * 1.05).map(|hz| (axis.place(*hz).min(1.0), axis::hertz(*hz)));
    known.collect()
}

/// Level of the upper edge of the energy curve in dB re full scale: that of the clip's loudest frame.
fn loudest(picture: &Picture) -> f32 {
    picture.curves.level.iter().copied().fold(-100.0, f32::max)
}

fn decibels(picture: &Picture, view: &View) -> Vec<(f64, String)> {
    let top = loudest(picture);
    [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)]
        .map(|(place, below)| (place, format!("{:.0}dB", top - below * view.range)))
        .into()
}

/// The chosen curves, resampled to one value per dot column.
fn traces(picture: &Picture, view: &View, seen: Window, dots: usize) -> Vec<Trace> {
    let axis = scale(picture, view);
    let place = |hz: Option<f32>| hz.map(|hz| axis.place(f64::from(hz)));
    let mut traces = Vec::new();
    if view.formants {
        for (letter, track) in ['1', '2', '3'].into_iter().zip(&picture.formants) {
            let places = resampled(track.len(), |at| track[at], seen, dots).map(place).collect();
            traces.push(Trace { places, stroke: Stroke::Dotted, color: FORMANTS, letter });
        }
    }
    if view.energy {
        let (level, top) = (&picture.curves.level, loudest(picture));
        let place = |db: Option<f32>| db.map(|db| f64::from(1.0 - (top - db) / view.range));
        let places = resampled(level.len(), |at| Some(level[at]), seen, dots).map(place).collect();
        traces.push(Trace { places, stroke: Stroke::Thin, color: ENERGY, letter: 'e' });
    }
    if view.pitch {
        let pitch = &picture.curves.pitch;
        let places = resampled(pitch.len(), |at| pitch[at], seen, dots).map(place).collect();
        traces.push(Trace { places, stroke: Stroke::Thick, color: PITCH, letter: 'p' });
    }
    traces
}

/// The mean of the values behind each of `dots` equal parts of what is seen; `None` where there are none.
fn resampled(
    len: usize,
    value: impl Fn(usize) -> Option<f32>,
    seen: Window,
    dots: usize,
) -> impl Iterator<Item = Option<f32>> {
    let edge = move |dot: usize| (seen.share(dot as f64 / dots as f64) * len as f64) as usize;
    (0..dots).map(move |dot| {
        let start = edge(dot).min(len.saturating_sub(1));
        let present = (start..edge(dot + 1).max(start + 1).min(len)).filter_map(&value);
        let (sum, count) = present.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / count as f32)
    })
}

/// What the lines and colours mean, as long as there is room for: with figures, or only the names.
fn legend(buffer: &mut Buffer, area: Rect, picture: &Picture, (view, panel): (&View, Panel), theme: &Theme) {
    if !matches!(panel, Panel::Curves | Panel::Spectrogram) {
        return;
    }
    let heat = [
        format!("{} {} {:.0} dB", view.scale.name(), view.map.name(), view.range),
        format!("{} {:.0} dB", view.scale.name(), view.range),
    ];
    let lines = if panel == Panel::Curves { lines(picture, view) } else { Vec::new() };
    let width = |long: bool| {
        let words = |line: &Line| 4 + line.name.len() + if long { line.figures.chars().count() + 1 } else { 0 };
        lines.iter().map(words).sum::<usize>() + 2
    };
    let room = usize::from(area.width);
    let long = width(true) + heat[0].len() <= room;
    let mut rest = put(buffer, area, "  ", theme.dim());
    for one in &lines {
        if usize::from(rest.width) < one.name.len() + 4 {
            return;
        }
        let sign = if theme.ascii() { one.letter } else { overlay::sample(one.stroke) };
        let ground = theme.veil(ratatui::style::Color::Rgb(0, 0, 0), ratatui::style::Color::Rgb(0, 0, 0));
        rest = put(buffer, rest, &sign.to_string(), theme.overlay(one.color).patch(ground));
        let figures = if long { format!(" {}", one.figures) } else { String::new() };
        rest = put(buffer, rest, &format!(" {}{figures}  ", one.name), theme.text());
    }
    if let Some(heat) = heat.iter().find(|heat| width(long) + heat.len() <= room) {
        put(buffer, rest, heat, theme.dim());
    }
}

/// A line in the legend.
struct Line {
    name: &'static str,
    figures: String,
    stroke: Stroke,
    color: usize,
    letter: char,
}

fn lines(picture: &Picture, view: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    if view.pitch {
        let voiced = || picture.curves.pitch.iter().flatten().copied();
        let figures = match voiced().reduce(f32::max) {
            Some(high) => format!("{:.0}–{high:.0} Hz", voiced().fold(high, f32::min)),
            None => "unvoiced".to_owned(),
        };
        lines.push(Line { name: "pitch", figures, stroke: Stroke::Thick, color: PITCH, letter: 'p' });
    }
    if view.energy {
        let figures = format!("to {:.0} dB", loudest(picture));
        lines.push(Line { name: "energy", figures, stroke: Stroke::Thin, color: ENERGY, letter: 'e' });
    }
    if view.formants {
        let figures = "F1 F2 F3".to_owned();
        lines.push(Line { name: "formants", figures, stroke: Stroke::Dotted, color: FORMANTS, letter: '1' });
    }
    lines
}

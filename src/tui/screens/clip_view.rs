//! How Browse and Label show the sound of a clip: waveform, spectrogram, time.
//!
//! Deliberately absent: anything that names the clip; Label is blind.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::keys::PLAY;
use crate::tui::theme::Theme;
use crate::tui::widgets::{line, put, put_center, put_right, spectrogram, waveform};
use crate::workbench::Workbench;
use crate::workbench::picture::Picture;

/// Draws the waveform of a clip, or why there is none.
pub fn wave(buffer: &mut Buffer, area: Rect, bench: &Workbench, clip: usize, theme: &Theme) {
    if let Some(picture) = picture(buffer, area, bench, clip, theme) {
        waveform::draw(buffer, area, &picture.wave.samples, played(bench, clip), theme);
    }
}

/// Draws the spectrogram of a clip, or why there is none.
pub fn heat(buffer: &mut Buffer, area: Rect, bench: &Workbench, clip: usize, theme: &Theme) {
    if let Some(picture) = picture(buffer, area, bench, clip, theme) {
        spectrogram::draw(buffer, area, picture.spectrogram.view(), played(bench, clip), theme);
    }
}

/// Draws position (once it was played), duration, speed and volume on one line.
pub fn time(buffer: &mut Buffer, area: Rect, bench: &Workbench, clip: usize, theme: &Theme) {
    let playback = bench.playback();
    let seconds = bench.corpus().clips.get(clip).map_or(0.0, |clip| clip.audio.seconds);
    let text = if bench.playing() == Some(clip) {
        let sign = if playback.playing { "playing" } else { "paused " };
        format!("{sign}  {:.2} / {seconds:.2} s", playback.position)
    } else {
        format!("{} plays  {seconds:.2} s", PLAY.keys[0])
    };
    put(buffer, line(area, 0), &text, theme.text());
    let again = if playback.looping { "  loop" } else { "" };
    let tuning = format!("speed {:.1}  volume {:.0} %{again}", playback.speed, 100.0 * playback.volume);
    put_right(buffer, line(area, 0), &tuning, theme.dim());
}

fn picture<'a>(
    buffer: &mut Buffer,
    area: Rect,
    bench: &'a Workbench,
    clip: usize,
    theme: &Theme,
) -> Option<&'a Picture> {
    match bench.picture(clip) {
        Some(Ok(picture)) => return Some(picture),
        Some(Err(_)) => put_center(buffer, line(area, area.height / 2), "this clip cannot be decoded", theme.bad()),
        None => put_center(buffer, line(area, area.height / 2), "…", theme.dim()),
    }
    None
}

fn played(bench: &Workbench, clip: usize) -> Option<f64> {
    let playback = bench.playback();
    (bench.playing() == Some(clip) && playback.seconds > 0.0).then(|| playback.position / playback.seconds)
}

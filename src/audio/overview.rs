//! A whole recording at a glance, made while it streams by: its outline at every zoom, and how loud it is every 10 ms.
//!
//! An hour takes some 20 MB whatever its rate. Bucket `k` holds the samples of millisecond `k`, by the one rule of [`Span`](super::Span), so what
//! is drawn at a column is what is cut there. Deliberately absent: samples (see `part`) and colours.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use super::decode::AudioError;
use super::part::{Make, stream};
use super::span::frame_at;

/// Length of a frame of [`Overview::levels`] in milliseconds.
pub const FRAME: u32 = 10;
/// Buckets that make one of the next coarser kind.
const COARSER: usize = 8;
/// Below this (dB re full scale) everything is silence.
const SILENCE: f32 = -120.0;
/// Peaks below this are not blown up to full height: silence should look silent.
const FAINT: i16 = 655;

/// Extremes and levels of a recording, all of the mean of its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Of the file.
    pub make: Make,
    /// Frames of the file.
    pub frames: u64,
    /// Smallest and largest sample of every millisecond, then of 8, of 64, … of them; 32767 = full scale.
    outlines: Vec<Vec<(i16, i16)>>,
    /// Root mean square of every 10 ms in dB re full scale.
    levels: Vec<f32>,
    /// The same of the band in which speech is.
    speech: Vec<f32>,
}

impl Overview {
    /// Listens through the file at `path`. `told` gets the seconds heard so far, every second, and may break off.
    ///
    /// # Errors
    /// As [`stream`]; `None` where `told` has broken off.
    pub fn of(path: &Path, told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<Option<Overview>, AudioError> {
        let mut making: Option<Making> = None;
        let (mut second, mut broken) = (0, false);
        stream(path, &mut |make, samples| {
            let making = making.get_or_insert_with(|| Making::new(make));
            making.take(samples);
            let heard = making.frames / u64::from(make.rate.max(1));
            if heard > second {
                second = heard;
                broken = told(heard as f64).is_break();
            }
            if broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let made = making.ok_or(AudioError::NoSamples)?.finish();
        Ok((!broken).then_some(made))
    }

    /// Length in milliseconds, rounded down: a part may end there.
    pub fn millis(&self) -> u32 {
        u32::try_from(self.frames * 1000 / u64::from(self.make.rate.max(1))).unwrap_or(u32::MAX)
    }

    /// The level of each 10 ms in the band of speech, in dB.
    pub fn speech(&self) -> &[f32] {
        &self.speech
    }

    /// Smallest and largest sample of each of `parts` equal parts of what lies between two milliseconds, as shares of `peak`.
    pub fn outline(&self, seen: Range<f64>, parts: usize, peak: i16) -> Vec<(f32, f32)> {
        let edge = |part: usize| seen.start + (seen.end - seen.start) * part as f64 / parts as f64;
        let share = |value: i16| f32::from(value) / f32::from(peak.max(1));
        let part = |part: usize| {
            // The milliseconds that begin in it; where none does, the one that goes on in it.
            let (from, to) = (edge(part).ceil() as usize, edge(part + 1).ceil() as usize);
            let (low, high) = self.extremes(if from < to { from..to } else { from.saturating_sub(1)..from.max(1) });
            (share(low), share(high))
        };
        (0..parts).map(part).collect()
    }

    /// The largest sample of all, at least so that silence looks silent.
    pub fn peak(&self) -> i16 {
        let top = self.outlines.last().into_iter().flatten();
        top.fold(FAINT, |peak, (low, high)| peak.max(*high).max(low.saturating_neg()))
    }

    /// The extremes of some milliseconds: whole coarse buckets where they fit, finer ones at the edges.
    fn extremes(&self, millis: Range<usize>) -> (i16, i16) {
        let mut found = (i16::MAX, i16::MIN);
        let mut take = |buckets: &[(i16, i16)]| {
            found = buckets.iter().fold(found, |all, one| (all.0.min(one.0), all.1.max(one.1)));
        };
        let (mut from, mut to) = (millis.start, millis.end);
        for (coarse, outline) in self.outlines.iter().enumerate() {
            to = to.min(outline.len());
            let inner = from.next_multiple_of(COARSER)..to / COARSER * COARSER;
            if inner.is_empty() || coarse + 1 == self.outlines.len() {
                take(outline.get(from..to).unwrap_or_default());
                break;
            }
            take(&outline[from..inner.start]);
            take(&outline[inner.end..to]);
            (from, to) = (inner.start / COARSER, inner.end / COARSER);
        }
        if found.0 > found.1 { (0, 0) } else { found }
    }

    /// The middle of the quietest 10 ms within `reach` milliseconds of `near`; of equally quiet ones the nearest.
    pub fn quietest(&self, near: u32, reach: u32) -> u32 {
        let frames = near.saturating_sub(reach) / FRAME..(near + reach) / FRAME + 1;
        let middle = |frame: u32| frame * FRAME + FRAME / 2;
        let within = frames.filter(|frame| middle(*frame).abs_diff(near) <= reach);
        let level = |frame: u32| self.levels.get(frame as usize).copied();
        let found = within.filter_map(|frame| Some((level(frame)?, middle(frame).abs_diff(near), frame)));
        let best = found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.map_or(near, |(.., frame)| middle(frame)).min(self.millis())
    }

    /// One of which only the levels in the band of speech are known.
    #[cfg(test)]
    pub(super) fn of_speech(speech: Vec<f32>) -> Overview {
        let frames = speech.len() as u64 * u64::from(FRAME);
        let make = Make { channels: 1, rate: 1000 };
        Overview { make, frames, outlines: Vec::new(), levels: Vec::new(), speech }
    }
}

/// An overview on its way.
struct Making {
    make: Make,
    frames: u64,
    /// The millisecond at hand, where it ends, and its extremes.
    bucket: u32,
    bucket_end: u64,
    extremes: (f32, f32),
    outline: Vec<(i16, i16)>,
    squares: [f64; 2],
    counted: u32,
    levels: [Vec<f32>; 2],
    band: [Filter; 2],
}

impl Making {
    fn new(make: Make) -> Making {
        Making {
            make,
            frames: 0,
            bucket: 0,
            bucket_end: frame_at(1, make.rate),
            extremes: (f32::INFINITY, f32::NEG_INFINITY),
            outline: Vec::new(),
            squares: [0.0; 2],
            counted: 0,
            levels: [Vec::new(), Vec::new()],
            band: [Filter::above(LOWEST, make.rate), Filter::below(HIGHEST, make.rate)],
        }
    }

    fn take(&mut self, samples: &[f32]) {
        let channels = usize::from(self.make.channels.max(1));
        for frame in samples.chunks_exact(channels) {
            let sample = if channels == 1 { frame[0] } else { frame.iter().sum::<f32>() / channels as f32 };
            if self.frames >= self.bucket_end {
                self.next_bucket();
            }
            self.extremes = (self.extremes.0.min(sample), self.extremes.1.max(sample));
            let band = self.band.iter_mut().fold(f64::from(sample), |sample, filter| filter.pass(sample));
            self.squares[0] += f64::from(sample) * f64::from(sample);
            self.squares[1] += band * band;
            self.counted += 1;
            self.frames += 1;
        }
    }

    fn next_bucket(&mut self) {
        let (low, high) = std::mem::replace(&mut self.extremes, (f32::INFINITY, f32::NEG_INFINITY));
        let share = |sample: f32| (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
        // A millisecond without a sample occurs only below 1000 samples per second, which no file has.
        self.outline.push(if low > high { (0, 0) } else { (share(low), share(high)) });
        self.bucket += 1;
        self.bucket_end = frame_at(self.bucket + 1, self.make.rate);
        if self.bucket.is_multiple_of(FRAME) {
            self.next_frame();
        }
    }

    fn next_frame(&mut self) {
        for (squares, levels) in self.squares.iter_mut().zip(&mut self.levels) {
            let power = std::mem::take(squares) / f64::from(self.counted.max(1));
            levels.push(if power > 0.0 { (10.0 * power.log10() as f32).max(SILENCE) } else { SILENCE });
        }
        self.counted = 0;
    }

    fn finish(mut self) -> Overview {
        if self.extremes.0 <= self.extremes.1 {
            self.next_bucket();
        }
        if self.counted > 0 {
            self.next_frame();
        }
        let mut outlines = vec![self.outline];
        while let Some(last) = outlines.last().filter(|last| last.len() > COARSER) {
            let merge =
                |some: &[(i16, i16)]| some.iter().fold((i16::MAX, i16::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
            let coarser = last.chunks(COARSER).map(merge).collect();
            outlines.push(coarser);
        }
        outlines.iter_mut().for_each(Vec::shrink_to_fit);
        let [levels, speech] = self.levels;
        Overview { make: self.make, frames: self.frames, outlines, levels, speech }
    }
}

/// Hertz between which speech is loudest beside the noise of rooms and fans.
const LOWEST: f64 = 150.0;
const HIGHEST: f64 = 4000.0;

/// A Butterworth filter of second order (bilinear transform; R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter
/// coefficients").
struct Filter {
    feed: [f64; 3],
    back: [f64; 2],
    inputs: [f64; 2],
    outputs: [f64; 2],
}

impl Filter {
    fn above(hertz: f64, rate: u32) -> Filter {
        Filter::new(hertz, rate, |cos| [(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0])
    }

    /// Passes everything where the rate is too low to hold frequencies that are to be kept out.
    fn below(hertz: f64, rate: u32) -> Filter {
        if hertz * 2.2 > f64::from(rate) {
            return Filter { feed: [1.0, 0.0, 0.0], back: [0.0; 2], inputs: [0.0; 2], outputs: [0.0; 2] };
        }
        Filter::new(hertz, rate, |cos| [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0])
    }

    fn new(hertz: f64, rate: u32, feed: fn(f64) -> [f64; 3]) -> Filter {
        let turn = std::f64::consts::TAU * hertz / f64::from(rate.max(1));
        let (alpha, cos) = (turn.sin() / std::f64::consts::SQRT_2, turn.cos());
        let whole = 1.0 + alpha;
        let feed = feed(cos).map(|factor| factor / whole);
        Filter { feed, back: [-2.0 * cos / whole, (1.0 - alpha) / whole], inputs: [0.0; 2], outputs: [0.0; 2] }
    }

    fn pass(&mut self, input: f64) -> f64 {
        let output = self.feed[0] * input + self.feed[1] * self.inputs[0] + self.feed[2] * self.inputs[1]
            - self.back[0] * self.outputs[0]
            - self.back[1] * self.outputs[1];
        self.inputs = [input, self.inputs[0]];
        // Numbers that fade out below any sound would slow the processor down.
        self.outputs = [if output.abs() < 1e-30 { 0.0 } else { output }, self.outputs[0]];
        output
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn overview(samples: &[f32], rate: u32) -> Overview {
        let mut making = Making::new(Make { channels: 1, rate });
        samples.chunks(777).for_each(|piece| making.take(piece));
        making.finish()
    }

    #[test]
    fn an_impulse_is_drawn_in_its_millisecond_at_every_zoom() {
        for rate in [8_000, 11_025, 44_100] {
            let mut samples = vec![0.0; rate as usize * 20];
            let clicks = [1_u32, 999, 7_777, 19_999];
            clicks.iter().for_each(|at| samples[frame_at(*at, rate) as usize] = 0.9);
            let overview = overview(&samples, rate);
            assert_eq!(overview.millis(), 20_000);
            for parts in [80, 240, 1000, 20_000] {
                let outline = overview.outline(0.0..20_000.0, parts, i16::MAX);
                let hit: Vec<usize> = (0..parts).filter(|part| outline[*part].1 > 0.8).collect();
                let expected = clicks.map(|at| at as usize * parts / 20_000);
                assert_eq!(hit, expected, "{rate} Hz, {parts} parts");
            }
            let near = overview.outline(7_770.0..7_780.0, 10, i16::MAX);
            assert_eq!(near.iter().position(|(_, high)| *high > 0.8), Some(7));
            assert_eq!(overview.outline(30_000.0..40_000.0, 3, 9), [(0.0, 0.0); 3], "beyond the end there is nothing");
        }
    }

    #[test]
    fn marks_snap_to_the_quietest_moment_in_reach() {
        let rate = 8_000;
        let loud = |millis: u32| if (1_100..1_120).contains(&millis) { 0.0 } else { 0.5 };
        let sample = |at: u32| loud(at * 1000 / rate) * if at.is_multiple_of(2) { 1.0 } else { -1.0 };
        let overview = overview(&(0..rate * 2).map(sample).collect::<Vec<_>>(), rate);
        assert_eq!(overview.quietest(1_000, 150), 1_105);
        assert_eq!(overview.quietest(1_250, 150), 1_115);
        let far = overview.quietest(500, 150);
        assert!(far.abs_diff(500) <= 5, "all is equally loud: {far}");
        assert!(overview.quietest(1_999, 150) <= 2_000);
        assert_eq!(overview.peak(), 16_384);
    }

    #[test]
    fn the_band_of_speech_leaves_out_rumble_and_hiss() {
        let level = |hertz: f64| {
            let rate = 16_000;
            let sample =
                |at: u32| (0.5 * (std::f64::consts::TAU * hertz * f64::from(at) / f64::from(rate)).sin()) as f32;
            let overview = overview(&(0..rate).map(sample).collect::<Vec<_>>(), rate);
            (overview.levels[50], overview.speech()[50])
        };
        let (own, speech) = level(1_000.0);
        assert!((own + 9.03).abs() < 0.1 && (own - speech).abs() < 0.2, "{own} {speech}");
        for hertz in [40.0, 7_000.0] {
            let (own, speech) = level(hertz);
            assert!(own - speech > 10.0, "{hertz} Hz: {own} {speech}");
        }
    }
}

//! What a screen or a table shows of one clip: spectrograms, pitch and level over time, and their means.
//!
//! Same arithmetic as the feature sets, so that what is seen is what is learned from. Deliberately absent: colours,
//! scaling to a screen.

use ndarray::Array2;

use super::descriptors::{framing, levels};
use super::dsp::mel::{self, MelBank, power_to_db};
use super::dsp::pyin::Pyin;
use super::dsp::shape::to_level;
use super::dsp::{Framing, Stft};
use super::{FeatureError, checked, egemaps};
use crate::audio::Wave;

/// Upper end of both spectrograms in Hz; half the rate where that is less. Speech has little above.
const HIGH: f64 = 8000.0;
/// Lower end of the mel spectrogram in Hz.
const LOW: f64 = 50.0;
/// Bands of the two spectrograms: more than half a tall terminal can show.
const MEL_BANDS: usize = 64;
const LINEAR_BANDS: usize = 128;
/// Columns kept of a spectrogram, so that an hour costs no more to draw and to keep than a few minutes.
const COLUMNS: usize = 4096;
/// Window of the spectrograms, and from frame to frame, in seconds; the hop is half of the feature sets' so that zooming
/// in shows more.
const WINDOW: f64 = 0.025;
const HOP: f64 = 0.005;
/// Nothing fainter is drawn as voiced, dB re full scale.
const FAINTEST_DB: f32 = -60.0;

/// How frequencies are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Slaney's mel scale: as the ear and the feature sets hear.
    Mel,
    /// Hertz.
    Linear,
}

/// Which frequency lies where in a spectrogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    scale: Scale,
    /// Lower edge of the lowest band and upper edge of the highest, in mel or Hz.
    edges: (f64, f64),
}

/// Levels over time and frequency.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Which frequency lies where.
    pub axis: Axis,
    /// dB re 1, at least -100, `[band, column]`, low bands first; the columns cover the whole clip evenly.
    pub levels: Array2<f32>,
    /// The highest of `levels`.
    pub top: f32,
}

/// Both spectrograms of a clip, so that switching needs no waiting.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectra {
    mel: Spectrum,
    linear: Spectrum,
}

/// Pitch and level of one clip over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Pitch in Hz, a value per 10 ms; `None` where unvoiced.
    pub pitch: Vec<Option<f32>>,
    /// RMS of 25 ms in dB re full scale, at least -100, a value per 10 ms.
    pub level: Vec<f32>,
}

impl Scale {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Scale::Mel => "mel",
            Scale::Linear => "linear",
        }
    }
}

impl Axis {
    /// Of mel bands as [`MelBank`] spaces them: the centres of the outermost bands lie half a band inside.
    fn mel(bands: usize, low: f64, high: f64) -> Axis {
        let (low, high) = (mel::Scale::Slaney.mel(low), mel::Scale::Slaney.mel(high));
        let half = (high - low) / (bands + 1) as f64 / 2.0;
        Axis { scale: Scale::Mel, edges: (low + half, high - half) }
    }

    /// Up to `hz` only, where that is less.
    #[must_use]
    pub fn up_to(&self, hz: f64) -> Axis {
        let share = self.place(hz).clamp(1e-3, 1.0);
        Axis { edges: (self.edges.0, self.edges.0 + share * (self.edges.1 - self.edges.0)), ..*self }
    }

    /// Where a frequency lies: 0 at the lower edge, 1 at the upper one, beyond outside.
    pub fn place(&self, hz: f64) -> f64 {
        let value = match self.scale {
            Scale::Mel => mel::Scale::Slaney.mel(hz),
            Scale::Linear => hz,
        };
        (value - self.edges.0) / (self.edges.1 - self.edges.0)
    }

    /// The frequency in Hz at a place.
    pub fn hz(&self, place: f64) -> f64 {
        let value = self.edges.0 + place * (self.edges.1 - self.edges.0);
        match self.scale {
            Scale::Mel => mel::Scale::Slaney.hz(value),
            Scale::Linear => value,
        }
    }
}

impl Spectra {
    /// Both spectrograms, at the clip's own level.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(wave: &Wave) -> Result<Spectra, FeatureError> {
        let samples = &checked(wave)?.samples;
        let framing = Framing::seconds(wave.rate, WINDOW, HOP);
        let high = HIGH.min(f64::from(wave.rate) / 2.0);
        let low = LOW.min(high / 2.0);
        let bank = MelBank::new(&framing.frequencies(wave.rate), MEL_BANDS, low, high);
        let bins = ((high / f64::from(wave.rate) * framing.fft as f64).ceil() as usize).clamp(1, framing.bins());
        let frames = framing.frames(samples.len());
        let stride = frames.div_ceil(COLUMNS);
        let floors = |bands| Array2::from_elem((bands, frames.div_ceil(stride)), power_to_db(0.0));
        let (mut mel, mut linear) = (floors(MEL_BANDS), floors(LINEAR_BANDS));
        let (mut stft, mut bands) = (Stft::new(framing), vec![0.0; MEL_BANDS]);
        for frame in 0..frames {
            let power = stft.power(samples, frame);
            bank.apply(power, &mut bands);
            raise(&mut mel, frame / stride, |band| bands[band]);
            raise(&mut linear, frame / stride, |band| mean_of_band(&power[..bins], band));
        }
        Ok(Spectra {
            mel: Spectrum::new(Axis::mel(MEL_BANDS, low, high), mel),
            linear: Spectrum::new(Axis { scale: Scale::Linear, edges: (0.0, high) }, linear),
        })
    }

    /// The one on that scale.
    pub fn on(&self, scale: Scale) -> &Spectrum {
        match scale {
            Scale::Mel => &self.mel,
            Scale::Linear => &self.linear,
        }
    }
}

impl Spectrum {
    fn new(axis: Axis, levels: Array2<f32>) -> Spectrum {
        let top = levels.iter().copied().fold(f32::MIN, f32::max);
        Spectrum { axis, levels, top }
    }
}

/// Raises a column to the levels of one more frame: of several frames the loudest is kept, as bursts must not vanish.
fn raise(levels: &mut Array2<f32>, column: usize, power: impl Fn(usize) -> f32) {
    for (band, level) in levels.column_mut(column).iter_mut().enumerate() {
        *level = level.max(power_to_db(power(band)));
    }
}

/// Mean power of the bins of one of [`LINEAR_BANDS`] equal bands; a band narrower than a bin has that of its bin.
fn mean_of_band(power: &[f32], band: usize) -> f32 {
    let start = band * power.len() / LINEAR_BANDS;
    let end = ((band + 1) * power.len() / LINEAR_BANDS).max(start + 1);
    power[start..end].iter().sum::<f32>() / (end - start) as f32
}

impl Curves {
    /// Both curves of a clip; pitch by pYIN between 60 and 800 Hz in frames of 64 ms, so that a shout is followed too.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(wave: &Wave) -> Result<Curves, FeatureError> {
        let (samples, gain) = to_level(&checked(wave)?.samples, 0.1);
        let framing = framing(wave.rate);
        let level = levels(&samples, framing, gain);
        let pitch = pitch(&samples, wave.rate, framing.hop);
        let heard = pitch.into_iter().zip(&level).map(|(hz, &level)| hz.filter(|_| level > FAINTEST_DB));
        Ok(Curves { pitch: heard.collect(), level })
    }

    /// Formants 1 to 3 of the same wave in Hz, one value where the pitch has one; `None` where unvoiced (noise has no
    /// formants to speak of) or where a frame has fewer poles.
    pub fn formants(&self, wave: &Wave) -> [Vec<Option<f32>>; 3] {
        let found = egemaps::formants(&wave.samples, wave.rate);
        // Those frames begin where these have their middle, and last 20 ms.
        let behind = (0.010 / found.hop).round() as usize;
        let at = |track: &[f32], frame: usize| {
            let hz = track.get(frame.checked_sub(behind)?).copied()?;
            (hz > 0.0 && self.pitch[frame].is_some()).then_some(hz)
        };
        found.hz.map(|track| (0..self.pitch.len()).map(|frame| at(&track, frame)).collect())
    }

    /// Mean pitch over the voiced frames in Hz; `None` when nothing is voiced.
    pub fn mean_pitch(&self) -> Option<f32> {
        let voiced = self.pitch.iter().flatten().count();
        let sum: f32 = self.pitch.iter().flatten().sum();
        (voiced > 0).then(|| sum / voiced as f32)
    }

    /// Mean level over all frames in dB re full scale.
    pub fn mean_level(&self) -> f32 {
        self.level.iter().sum::<f32>() / self.level.len().max(1) as f32
    }
}

/// Pitch in Hz per frame, `None` where the likeliest path is unvoiced.
fn pitch(samples: &[f32], rate: u32, hop: usize) -> Vec<Option<f32>> {
    let (low, high) = (60.0, 800.0_f64.min(f64::from(rate) / 4.0));
    let frame = ((f64::from(rate) * 0.064 / 2.0).round() as usize).max(2) * 2;
    let found = Pyin { hop, ..Pyin::new(low, high, frame) }.track(samples, rate);
    found.into_iter().map(|estimate| estimate.voiced.then_some(estimate.hz)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn saw(hz: f32, gain: f32) -> Wave {
        let sample = |i: usize| ((i as f32 * hz / 16_000.0).fract() - 0.5) * gain;
        Wave { samples: (0..16_000).map(sample).collect(), rate: 16_000 }
    }

    fn sine(hz: f32, rate: u32) -> Wave {
        let sample = |i: usize| (std::f32::consts::TAU * hz * i as f32 / rate as f32).sin() * 0.5;
        Wave { samples: (0..rate as usize / 2).map(sample).collect(), rate }
    }

    #[test]
    fn means_are_in_hertz_and_decibels() {
        let curves = Curves::of(&saw(200.0, 1.0)).unwrap();
        assert!((curves.mean_pitch().unwrap() - 200.0).abs() < 1.0, "{:?}", curves.mean_pitch());
        // A sawtooth of peak 0.5 has an RMS of 0.5 / sqrt 3; the half-empty frames at the ends cost little.
        assert!((curves.mean_level() + 10.8).abs() < 0.2, "{}", curves.mean_level());
        assert_eq!(curves.pitch.len(), curves.level.len());
    }

    #[test]
    fn silence_has_no_pitch_and_the_lowest_level() {
        let curves = Curves::of(&saw(200.0, 0.0)).unwrap();
        assert_eq!((curves.mean_pitch(), curves.mean_level()), (None, -100.0));
    }

    #[test]
    fn formants_of_a_vowel_stand_where_its_voice_does() {
        // Two resonances ring at every pulse of a voice of 100 Hz, in the first half of a second.
        let ring = |hz: f64, t: f64| (-200.0 * t).exp() * (std::f64::consts::TAU * hz * t).sin();
        let sample = |i: usize| {
            let t = (i % 160) as f64 / 16_000.0;
            if i < 8000 { (ring(700.0, t) + 0.6 * ring(1400.0, t)) as f32 } else { 0.0 }
        };
        let wave = Wave { samples: (0..16_000).map(sample).collect(), rate: 16_000 };
        let curves = Curves::of(&wave).unwrap();
        let formants = curves.formants(&wave);
        let middle = |track: &[Option<f32>]| track[25].unwrap();
        assert!((middle(&formants[0]) - 700.0).abs() < 60.0, "{:?}", formants[0][25]);
        assert!((middle(&formants[1]) - 1400.0).abs() < 100.0, "{:?}", formants[1][25]);
        assert!(formants.iter().all(|track| track.len() == curves.pitch.len() && track[80].is_none()));
    }

    #[test]
    fn a_tone_lies_where_the_axis_says() {
        for (hz, rate) in [(300.0, 16_000), (1000.0, 22_050), (3000.0, 8_000), (5000.0, 48_000)] {
            let spectra = Spectra::of(&sine(hz, rate)).unwrap();
            for scale in [Scale::Mel, Scale::Linear] {
                let Spectrum { axis, levels, top } = spectra.on(scale);
                let middle = levels.column(levels.ncols() / 2);
                let loudest = (0..middle.len()).max_by(|a, b| middle[*a].total_cmp(&middle[*b])).unwrap();
                let wanted = axis.place(f64::from(hz)) * middle.len() as f64;
                assert!(
                    (loudest as f64 + 0.5 - wanted).abs() <= 1.0,
                    "{hz} Hz at {rate}, {scale:?}: {loudest} {wanted}"
                );
                assert!((axis.hz(axis.place(f64::from(hz))) - f64::from(hz)).abs() < 1e-6);
                assert!((middle[loudest] - top).abs() < 1.0);
                let lower = axis.up_to(2.0 * f64::from(hz));
                assert!((lower.hz(1.0) - axis.hz(1.0).min(2.0 * f64::from(hz))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn spectrograms_keep_the_clips_level() {
        let (loud, quiet) = (Spectra::of(&saw(200.0, 1.0)).unwrap(), Spectra::of(&saw(200.0, 0.1)).unwrap());
        for scale in [Scale::Mel, Scale::Linear] {
            assert!((loud.on(scale).top - quiet.on(scale).top - 20.0).abs() < 0.01);
            assert_eq!(loud.on(scale).levels.ncols(), 201);
        }
        assert_eq!(Spectra::of(&Wave { samples: vec![], rate: 16_000 }), Err(FeatureError::Empty));
    }

    #[test]
    fn any_wave_makes_finite_pictures_and_a_long_one_no_larger_ones() {
        for (len, rate) in [(1, 16_000), (80, 16_000), (3, 1_000), (960, 192_000), (50_000, 1_000)] {
            let spectra = Spectra::of(&Wave { samples: vec![1.0; len], rate }).unwrap();
            for scale in [Scale::Mel, Scale::Linear] {
                let levels = &spectra.on(scale).levels;
                assert!(levels.iter().all(|level| level.is_finite()), "{len} at {rate}");
                assert!((1..=COLUMNS).contains(&levels.ncols()), "{len} at {rate}: {}", levels.ncols());
            }
        }
    }
}

//! The low-level descriptors of a clip before smoothing, one number per 10 ms.
//!
//! Deliberately absent: smoothing and functionals; `columns` names what is here.

use std::borrow::Cow;

use super::bands::{Bands, CEPSTRUM};
use super::formants::{Formants, formants};
use super::frames::Frames;
use super::harmonics::{Harmonics, harmonics};
use super::periods::{Periods, periods};
use super::pitch;
use super::reported::reported;
use super::spectral::Shapes;

/// Shortest wave in seconds: one frame of pitch. Shorter ones are padded with zeros.
const SHORTEST: f64 = 0.060;
/// Largest sample, 120 dB above full scale; a louder wave is brought down to it.
const LOUDEST: f32 = 1e6;
/// Quietest level in dB re full scale.
const QUIETEST: f64 = 1e-12;
/// Number of tracks that need no pitch.
pub const PLAIN: usize = 6 + CEPSTRUM;
/// Number of tracks that are 0 where there is no voice.
pub const VOICED: usize = 6;
/// Number of formants.
pub const FORMANTS: usize = 3;

/// Which formants the tracks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormantKind {
    /// What openSMILE reports.
    Reported,
    /// Resonances of the vocal tract.
    Resonances,
}

/// Tracks of one clip; those of pitch are four frames shorter, as their frames are longer.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracks {
    /// Loudness, alpha ratio, Hammarberg index, slopes 0-500 and 500-1500 Hz, flux, MFCC 1-4.
    pub plain: [Vec<f32>; PLAIN],
    /// Pitch in semitones, jitter, shimmer, harmonics-to-noise ratio, H1-H2, H1-A3; 0 where undefined.
    pub voiced: [Vec<f32>; VOICED],
    /// Frequency in Hz, bandwidth in Hz and level relative to the pitch's line in dB of each formant.
    pub formants: [[Vec<f32>; 3]; FORMANTS],
    /// Mean level in dB re full scale.
    pub level: f64,
    /// Seconds from one frame to the next.
    pub hop: f64,
}

impl Tracks {
    /// Computes all tracks of a wave of `rate` Hz that is not empty.
    pub fn of(samples: &[f32], rate: u32, kind: FormantKind) -> Tracks {
        let samples = &*usable(samples, rate);
        let Formants { hop, hz: centres, bandwidth: widths } = match kind {
            FormantKind::Reported => reported(samples, rate),
            FormantKind::Resonances => formants(samples, rate),
        };
        let hz = pitch::track(samples, rate).hz;
        let frames = hz.len();
        let cut = |mut track: Vec<f32>| {
            track.truncate(frames);
            track
        };
        let (centres, widths) = (centres.map(cut), widths.map(cut));
        let Periods { jitter, shimmer_db } = periods(samples, rate, &hz);
        let Harmonics { hnr_db, h1_h2, h1_a3, amplitude } = harmonics(samples, rate, &hz, &centres);
        let semitones = hz.iter().map(|&hz| pitch::semitones(hz)).collect();
        let mut levels = amplitude.into_iter();
        let formants = centres.into_iter().zip(widths).zip(&mut levels);
        let mut formants = formants.map(|((centre, width), level)| [centre, width, level]);
        let (plain, level) = plain(samples, rate);
        Tracks {
            plain,
            voiced: [semitones, jitter, shimmer_db, hnr_db, h1_h2, h1_a3],
            formants: std::array::from_fn(|_| formants.next().unwrap_or_default()),
            level,
            hop,
        }
    }

    /// Number of frames that have a pitch or none.
    pub fn frames(&self) -> usize {
        self.voiced[0].len()
    }
}

/// Long enough for one frame, and so loud at most that no square is too large for a number.
fn usable(samples: &[f32], rate: u32) -> Cow<'_, [f32]> {
    let shortest = (f64::from(rate) * SHORTEST).ceil() as usize;
    let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    if samples.len() >= shortest && loudest <= LOUDEST {
        return Cow::Borrowed(samples);
    }
    let gain = if loudest > LOUDEST { LOUDEST / loudest } else { 1.0 };
    let mut usable: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
    usable.resize(usable.len().max(shortest), 0.0);
    Cow::Owned(usable)
}

/// The tracks of frames of 20 ms, and the mean level over those frames.
fn plain(samples: &[f32], rate: u32) -> ([Vec<f32>; PLAIN], f64) {
    let mut frames = Frames::short(samples, rate);
    let bands = Bands::new(frames.bins(), frames.resolution());
    let mut shapes = Shapes::new(frames.bins(), frames.resolution());
    let mut tracks: [Vec<f32>; PLAIN] = std::array::from_fn(|_| Vec::with_capacity(frames.count()));
    let (mut power, mut magnitude) = (vec![0.0; frames.bins()], vec![0.0; frames.bins()]);
    let mut energy = 0.0;
    for t in 0..frames.count() {
        energy += frames.energy(t);
        for (bin, (power, magnitude)) in frames.spectrum(t).iter().zip(power.iter_mut().zip(&mut magnitude)) {
            *power = bin.norm_sqr();
            *magnitude = power.sqrt();
        }
        let shape = shapes.next(&power, &magnitude);
        let (loudness, cepstrum) = bands.of(&power);
        let [low, high] = shape.slopes;
        let first = [loudness as f32, shape.alpha, shape.hammarberg, low, high, shape.flux];
        let all = first.into_iter().chain(cepstrum.map(|value| value as f32));
        tracks.iter_mut().zip(all).for_each(|(track, value)| track.push(value));
    }
    (tracks, 10.0 * (energy / frames.count() as f64).max(QUIETEST).log10())
}

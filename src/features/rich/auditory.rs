//! The spectrum as an ear hears it: 26 bands, equal loudness, compression, and RASTA filtering over time.
//!
//! Hermansky, JASA 87:1738 (1990) for perceptual linear prediction's bands to loudness; Hermansky & Morgan, IEEE Trans.
//! Speech and Audio Processing 2:578 (1994) for RASTA. Deliberately absent: linear prediction of the auditory spectrum.

use super::super::dsp::mel::{MelBank, Scale, dct, transform};

/// Number of bands.
pub const BANDS: usize = 26;
/// Number of cepstral coefficients, from the first.
pub const MFCC: usize = 14;

const LOW_HZ: f64 = 20.0;
const HIGH_HZ: f64 = 8000.0;
/// Power law of hearing.
const COMPRESSION: f32 = 0.33;
/// Below this power a band is silent; -100 dB re 1, as elsewhere in this room.
const FLOOR: f32 = 1e-10;
/// Pole of the RASTA filter.
const POLE: f32 = 0.98;

/// What the ear makes of one frame.
pub struct Heard {
    /// Sum of the bands' loudness.
    pub loudness: f32,
    /// The same after RASTA filtering of each band's log power: only its changes are left.
    pub loudness_rasta: f32,
    /// Centre of the loudness over critical bands, high bands weighted up (Zwicker & Fastl, Psychoacoustics, ch. 9), acum.
    pub sharpness: f32,
    /// Loudness per band.
    pub bands: [f32; BANDS],
    /// Cepstral coefficients 1 to 14 of the band powers in dB.
    pub mfcc: [f32; MFCC],
}

/// Filters and their memory for one clip.
pub struct Ear {
    bank: MelBank,
    dct: Vec<f32>,
    /// Equal-loudness weight of each band's centre, compressed.
    weights: [f32; BANDS],
    /// Critical-band rate of each centre in Bark, and its weight in the sharpness.
    bark: [[f32; 2]; BANDS],
    /// Log powers of the last four frames, newest first; `None` before the first frame.
    past: Option<[[f32; BANDS]; 4]>,
    filtered: [f32; BANDS],
    /// Turns loudness at the common level into loudness at the clip's own.
    own_level: f32,
}

impl Ear {
    /// Filters over bins of these frequencies (Hz), for a wave that was scaled by `gain`.
    pub fn new(frequencies: &[f32], gain: f64) -> Ear {
        let nyquist = frequencies.last().map_or(HIGH_HZ, |&hz| f64::from(hz));
        let high = HIGH_HZ.min(nyquist);
        let (first, last) = (Scale::Slaney.mel(LOW_HZ), Scale::Slaney.mel(high));
        let centre = |band: usize| Scale::Slaney.hz(first + (last - first) * (band + 1) as f64 / (BANDS + 1) as f64);
        Ear {
            bank: MelBank::new(frequencies, BANDS, LOW_HZ, high),
            dct: dct(MFCC + 1, BANDS),
            weights: std::array::from_fn(|band| equal_loudness(centre(band)).powf(f64::from(COMPRESSION)) as f32),
            bark: std::array::from_fn(|band| {
                let bark = bark(centre(band));
                [bark, if bark < 16.0 { 1.0 } else { 0.066 * (0.171 * bark).exp() }]
            }),
            past: None,
            filtered: [0.0; BANDS],
            own_level: gain.powf(-2.0 * f64::from(COMPRESSION)) as f32,
        }
    }

    /// Takes in the next frame's power spectrum.
    pub fn hear(&mut self, power: &[f32]) -> Heard {
        let mut powers = [0.0; BANDS];
        self.bank.apply(power, &mut powers);
        let logs = powers.map(|power| power.max(FLOOR).ln());
        self.rasta(logs);
        let loudness = |band: usize, log: f32| (COMPRESSION * log).exp() * self.weights[band];
        let bands: [f32; BANDS] = std::array::from_fn(|band| loudness(band, logs[band]));
        Heard {
            loudness: bands.iter().sum::<f32>() * self.own_level,
            loudness_rasta: (0..BANDS).map(|band| loudness(band, self.filtered[band])).sum(),
            sharpness: self.sharpness(&bands),
            bands,
            mfcc: self.cepstrum(&logs),
        }
    }

    /// y(t) = 0.98 y(t-1) + 0.2 x(t) + 0.1 x(t-1) - 0.1 x(t-3) - 0.2 x(t-4); before the clip, x is its first frame.
    fn rasta(&mut self, now: [f32; BANDS]) {
        let past = self.past.get_or_insert([now; 4]);
        for (band, filtered) in self.filtered.iter_mut().enumerate() {
            let slope = 0.2 * (now[band] - past[3][band]) + 0.1 * (past[0][band] - past[2][band]);
            *filtered = POLE * *filtered + slope;
        }
        past.rotate_right(1);
        past[0] = now;
    }

    fn cepstrum(&self, logs: &[f32; BANDS]) -> [f32; MFCC] {
        const DB_PER_NEPER: f32 = 10.0 / std::f32::consts::LN_10;
        let mut all = [0.0; MFCC + 1];
        transform(&self.dct, logs, &mut all);
        std::array::from_fn(|i| all[i + 1] * DB_PER_NEPER)
    }

    fn sharpness(&self, loudness: &[f32; BANDS]) -> f32 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (loudness, [bark, weight]) in loudness.iter().zip(self.bark) {
            sum += loudness * bark * weight;
            total += loudness;
        }
        if total > f32::MIN_POSITIVE { 0.11 * sum / total } else { 0.0 }
    }
}

/// Sensitivity of hearing at about 40 phon (Hermansky 1990, eq. 7, scaled to 1 at its limit).
fn equal_loudness(hz: f64) -> f64 {
    let square = (std::f64::consts::TAU * hz).powi(2);
    (square + 56.8e6) * square * square / ((square + 6.3e6).powi(2) * (square + 0.38e9))
}

/// Critical-band rate (Traunmüller, JASA 88:97, 1990).
fn bark(hz: f64) -> f32 {
    (26.81 * hz / (1960.0 + hz) - 0.53) as f32
}

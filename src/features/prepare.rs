//! What happens to a decoded sound before any feature is computed: one recipe, told beside every result.
//!
//! In this order: one channel, one rate, quiet ends trimmed, one intensity, one length, pre-emphasis. Intensity comes
//! after trimming, so that it is that of the speech, and before filling up, so that the fill does not count.
//! Deliberately absent: what a feature set itself does to a wave (`logmel` scales it to one RMS, for instance), and
//! anything learnt from other clips.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::dsp::emphasis::preemphasis;
use super::dsp::trim::trim;
use crate::audio::{AudioError, Level, Sound, Wave};

/// Frame and hop that the level for trimming is measured in, in samples: `librosa.effects.trim`'s.
const TRIM_FRAME: (usize, usize) = (2048, 512);

/// Sounds like the clip on disk unless told otherwise: only the channels are averaged and the rate is changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Samples per second; 0 in old records that do not say.
    #[serde(default)]
    pub rate: u32,
    /// How several channels become one.
    #[serde(default, skip_serializing_if = "Mono::is_mean")]
    pub mono: Mono,
    /// Ends this many dB below the loudest frame are cut off (`librosa.effects.trim`); within [`Preparation::TRIM`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<f64>,
    /// The whole clip is scaled by one factor to this intensity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intensity: Option<Intensity>,
    /// The clip is cut or filled up to this length; `None` leaves it whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    /// Coefficient of `y[t] = x[t] - c x[t - 1]` (`librosa.effects.preemphasis`); within [`Preparation::EMPHASIS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_emphasis: Option<f64>,
}

/// How several channels become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mono {
    /// The mean of all channels.
    #[default]
    Mean,
    /// The first (left) channel alone.
    First,
}

/// What a clip is scaled to, in dB re full scale or LUFS: `rms`, `rms:-20`, `peak:-1`, `loudness:-23`.
///
/// What is too quiet to have that level stays as it is (see [`Wave::normalised`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Intensity {
    /// Largest absolute sample in dB re full scale; -1 if not said.
    Peak(f64),
    /// Root mean square over the clip in dB re full scale; -20 if not said.
    Rms(f64),
    /// Integrated loudness of EBU R 128 in LUFS; -23, the recommendation's, if not said.
    Loudness(f64),
}

/// One length for all clips: `3`, `3:start`, `3:centre:repeat`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length {
    /// Seconds, within [`Length::SECONDS`].
    pub seconds: f64,
    /// Which part of a longer clip is kept, and where a shorter one lies.
    pub from: Anchor,
    /// What a shorter clip is filled up with.
    pub fill: Fill,
}

/// Which part of a longer clip is kept, and where a shorter one lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// The middle part; a shorter clip lies in the middle, filled up on both sides.
    #[default]
    Centre,
    /// The beginning; a shorter clip is filled up at its end.
    Start,
}

/// What a shorter clip is filled up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Silence.
    #[default]
    Zeros,
    /// The clip itself, over and over.
    Repeat,
}

/// A word of the command line or a record that is no preparation; the text says what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PreparationError(String);

impl Preparation {
    /// dB below the loudest frame that ends may be cut off at.
    pub const TRIM: RangeInclusive<f64> = 1.0..=200.0;
    /// Coefficients of pre-emphasis.
    pub const EMPHASIS: RangeInclusive<f64> = 0.01..=1.0;

    /// Nothing but the mean of the channels at `rate` samples per second.
    pub fn plain(rate: u32) -> Preparation {
        Preparation { rate, mono: Mono::Mean, trim: None, intensity: None, length: None, pre_emphasis: None }
    }

    /// The wave that features are computed from. Never empty unless the sound is.
    ///
    /// # Errors
    /// [`AudioError::Resample`] when a rate is 0.
    pub fn apply(&self, sound: Sound) -> Result<Wave, AudioError> {
        Ok(self.applied(sound)?.0)
    }

    /// The wave, and the second of the sound at which it begins: below 0 where it was filled up in front.
    ///
    /// # Errors
    /// As [`Preparation::apply`].
    pub fn applied(&self, sound: Sound) -> Result<(Wave, f64), AudioError> {
        let mut wave = self.mono.of(sound);
        let mut start = 0;
        if wave.rate != self.rate {
            wave = wave.resample(self.rate)?;
        }
        if let Some(top_db) = self.trim {
            let heard = trim(&wave.samples, top_db as f32, TRIM_FRAME.0, TRIM_FRAME.1);
            if !heard.is_empty() {
                wave.samples.truncate(heard.end);
                wave.samples.drain(..heard.start);
                start = heard.start as isize;
            }
        }
        if let Some(intensity) = self.intensity {
            wave = wave.normalised(intensity.level());
        }
        if let Some(length) = self.length {
            start += length.start(wave.samples.len(), wave.rate);
            wave = length.of(&wave);
        }
        if let Some(coefficient) = self.pre_emphasis {
            wave.samples = preemphasis(&wave.samples, coefficient as f32);
        }
        let start = start as f64 / f64::from(wave.rate.max(1));
        Ok((wave, start))
    }

    /// Names the preparation in file names: equal for equal preparations, and no two others; `22050` for the plain one.
    pub fn key(&self) -> String {
        let Preparation { rate, mono, trim, intensity, length, pre_emphasis } = self;
        let mut key = rate.to_string();
        if *mono == Mono::First {
            key += ",first";
        }
        let parts = [
            trim.map(|db| format!(",trim={db}")),
            intensity.map(|intensity| format!(",{intensity}")),
            length.map(|length| format!(",length={length}")),
            pre_emphasis.map(|coefficient| format!(",emphasis={coefficient}")),
        ];
        key.extend(parts.into_iter().flatten());
        key
    }
}

/// As a reader of results sees it: `22050 Hz, ends 60 dB down trimmed, RMS -20 dB`.
impl fmt::Display for Preparation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate {
            0 => write!(f, "rate not recorded")?,
            rate => write!(f, "{rate} Hz")?,
        }
        if self.mono == Mono::First {
            write!(f, ", first channel")?;
        }
        if let Some(db) = self.trim {
            write!(f, ", ends {db} dB down trimmed")?;
        }
        match self.intensity {
            Some(Intensity::Peak(db)) => write!(f, ", peak {db} dB")?,
            Some(Intensity::Rms(db)) => write!(f, ", RMS {db} dB")?,
            Some(Intensity::Loudness(lufs)) => write!(f, ", loudness {lufs} LUFS")?,
            None => {}
        }
        if let Some(Length { seconds, from, fill }) = self.length {
            write!(f, ", {seconds} s from the {from}, filled with {fill}")?;
        }
        self.pre_emphasis.map_or(Ok(()), |coefficient| write!(f, ", pre-emphasis {coefficient}"))
    }
}

impl Mono {
    fn is_mean(&self) -> bool {
        *self == Mono::Mean
    }

    fn of(self, sound: Sound) -> Wave {
        match (self, sound.channels) {
            (_, 0 | 1) => Wave { rate: sound.rate, samples: sound.samples },
            (Mono::Mean, _) => sound.mono(),
            (Mono::First, channels) => Wave {
                rate: sound.rate,
                samples: sound.samples.iter().copied().step_by(usize::from(channels)).collect(),
            },
        }
    }
}

impl Intensity {
    /// Levels that make sense, in dB or LUFS.
    const DECIBELS: RangeInclusive<f64> = -70.0..=0.0;

    fn level(self) -> Level {
        let ratio = |db: f64| 10.0_f64.powf(db / 20.0) as f32;
        match self {
            Intensity::Peak(db) => Level::Peak(ratio(db)),
            Intensity::Rms(db) => Level::Rms(ratio(db)),
            Intensity::Loudness(lufs) => Level::Loudness(lufs as f32),
        }
    }
}

impl fmt::Display for Intensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Intensity::Peak(db) => write!(f, "peak:{db}"),
            Intensity::Rms(db) => write!(f, "rms:{db}"),
            Intensity::Loudness(lufs) => write!(f, "loudness:{lufs}"),
        }
    }
}

impl FromStr for Intensity {
    type Err = PreparationError;

    fn from_str(text: &str) -> Result<Intensity, PreparationError> {
        let wrong = || {
            PreparationError(format!("no intensity `{text}`; there are peak, rms and loudness, with a level: rms:-20"))
        };
        let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
        let level = level.map(|level| within(level, &Intensity::DECIBELS, "a level in dB")).transpose()?;
        match name {
            "peak" => Ok(Intensity::Peak(level.unwrap_or(-1.0))),
            "rms" => Ok(Intensity::Rms(level.unwrap_or(-20.0))),
            "loudness" => Ok(Intensity::Loudness(level.unwrap_or(-23.0))),
            _ => Err(wrong()),
        }
    }
}

impl Length {
    /// Seconds that a clip can be cut or filled up to.
    pub const SECONDS: RangeInclusive<f64> = 0.01..=600.0;

    /// Samples of that rate.
    fn samples(self, rate: u32) -> usize {
        ((self.seconds * f64::from(rate)).round() as usize).max(1)
    }

    /// What of so many samples too many or too few lies in front.
    fn before(self, room: usize) -> usize {
        if self.from == Anchor::Centre { room / 2 } else { 0 }
    }

    /// The sample of a wave of `have` samples at which the result begins; below 0 where it is filled up in front.
    fn start(self, have: usize, rate: u32) -> isize {
        let wanted = self.samples(rate);
        let before = self.before(have.abs_diff(wanted)) as isize;
        if have >= wanted { before } else { -before }
    }

    fn of(self, wave: &Wave) -> Wave {
        let wanted = self.samples(wave.rate);
        let have = wave.samples.len();
        let before = |room: usize| self.before(room);
        let samples = match self.fill {
            _ if have == 0 => Vec::new(),
            _ if have >= wanted => wave.samples[before(have - wanted)..][..wanted].to_vec(),
            Fill::Zeros => {
                let mut filled = vec![0.0; wanted];
                filled[before(wanted - have)..][..have].copy_from_slice(&wave.samples);
                filled
            }
            Fill::Repeat => {
                // The clip itself lies whole where the anchor says; what is around it continues it.
                let skip = (have - before(wanted - have) % have) % have;
                wave.samples.iter().copied().cycle().skip(skip).take(wanted).collect()
            }
        };
        Wave { samples, rate: wave.rate }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.seconds, self.from, self.fill)
    }
}

impl FromStr for Length {
    type Err = PreparationError;

    fn from_str(text: &str) -> Result<Length, PreparationError> {
        let mut parts = text.split(':');
        let seconds = within(parts.next().unwrap_or_default(), &Length::SECONDS, "a number of seconds")?;
        let mut length = Length { seconds, from: Anchor::default(), fill: Fill::default() };
        for part in parts {
            match part {
                "centre" => length.from = Anchor::Centre,
                "start" => length.from = Anchor::Start,
                "zeros" => length.fill = Fill::Zeros,
                "repeat" => length.fill = Fill::Repeat,
                _ => {
                    let known = "centre or start, zeros or repeat";
                    return Err(PreparationError(format!("no length `{text}`: after the seconds come {known}")));
                }
            }
        }
        Ok(length)
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Anchor::Centre => "centre",
            Anchor::Start => "start",
        })
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fill::Zeros => "zeros",
            Fill::Repeat => "repeat",
        })
    }
}

/// The number that `text` says, when it lies in `range`.
///
/// # Errors
/// Says what is wanted, and within what bounds.
pub fn within(text: &str, range: &RangeInclusive<f64>, wanted: &str) -> Result<f64, PreparationError> {
    let wrong = || PreparationError(format!("`{text}` is not {wanted} from {} to {}", range.start(), range.end()));
    text.trim().parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)
}

impl TryFrom<String> for Intensity {
    type Error = PreparationError;
    fn try_from(text: String) -> Result<Intensity, PreparationError> {
        text.parse()
    }
}

impl From<Intensity> for String {
    fn from(intensity: Intensity) -> String {
        intensity.to_string()
    }
}

impl TryFrom<String> for Length {
    type Error = PreparationError;
    fn try_from(text: String) -> Result<Length, PreparationError> {
        text.parse()
    }
}

impl From<Length> for String {
    fn from(length: Length) -> String {
        length.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sound(samples: &[f32]) -> Sound {
        Sound { samples: samples.to_vec(), channels: 1, rate: 1000 }
    }

    fn full() -> Preparation {
        Preparation {
            mono: Mono::First,
            trim: Some(60.0),
            intensity: Some("rms".parse().unwrap()),
            length: Some("3:start".parse().unwrap()),
            pre_emphasis: Some(0.97),
            ..Preparation::plain(16_000)
        }
    }

    #[test]
    fn the_plain_one_changes_nothing_but_channels_and_rate() {
        let stereo = Sound { samples: vec![0.5, 0.1, -0.5, -0.1], channels: 2, rate: 1000 };
        let plain = Preparation::plain(1000);
        assert_eq!(plain.apply(stereo.clone()).unwrap().samples, [0.3, -0.3]);
        let first = Preparation { mono: Mono::First, ..plain };
        assert_eq!(first.apply(stereo).unwrap().samples, [0.5, -0.5]);
        assert_eq!(Preparation::plain(500).apply(sound(&[0.1; 100])).unwrap().samples.len(), 50);
    }

    #[test]
    fn lengths_are_cut_and_filled_as_said() {
        let of = |length: &str, samples: &[f32]| {
            let length = Some(length.parse().unwrap());
            Preparation { length, ..Preparation::plain(1000) }.apply(sound(samples)).unwrap().samples
        };
        let ramp: Vec<f32> = (0..40).map(|i| i as f32).collect();
        assert_eq!(of("0.01", &ramp), ramp[15..25]);
        assert_eq!(of("0.01:start", &ramp), ramp[..10]);
        assert_eq!(of("0.01", &[1.0; 5]), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(of("0.01:start:repeat", &ramp[..4]), [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0]);
        // Three before, four of the clip itself, three behind.
        assert_eq!(of("0.01:repeat", &ramp[..4]), [1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0]);
        assert!(of("0.01", &[]).is_empty());
    }

    #[test]
    fn intensity_is_that_of_the_trimmed_part() {
        let mut samples = vec![0.0; 20_000];
        samples[8000..12_000].fill(0.25);
        let how = Preparation { trim: Some(60.0), intensity: Some(Intensity::Rms(-20.0)), ..Preparation::plain(1000) };
        let wave = how.apply(sound(&samples)).unwrap();
        assert!(wave.samples.len() < 8000 && (wave.rms() - 0.1).abs() < 1e-4, "{} {}", wave.samples.len(), wave.rms());
        assert_eq!(how.apply(sound(&[0.0; 50])).unwrap().samples, [0.0; 50]);
    }

    #[test]
    fn a_record_says_only_what_was_asked_for() {
        let plain = Preparation::plain(22_050);
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"rate":22050}"#);
        assert_eq!(serde_json::from_str::<Preparation>(r#"{"rate":22050}"#).unwrap(), plain);
        let again: Preparation = serde_json::from_str(&serde_json::to_string(&full()).unwrap()).unwrap();
        assert_eq!(again, full());
        assert!(serde_json::from_str::<Preparation>(r#"{"rate":1,"length":"soon"}"#).is_err());
    }

    #[test]
    fn keys_tell_preparations_apart_and_people_can_read_them() {
        assert_eq!(Preparation::plain(22_050).key(), "22050");
        assert_eq!(full().key(), "16000,first,trim=60,rms:-20,length=3:start:zeros,emphasis=0.97");
        assert_eq!(
            full().to_string(),
            "16000 Hz, first channel, ends 60 dB down trimmed, RMS -20 dB, 3 s from the start, filled with zeros, \
             pre-emphasis 0.97"
        );
    }

    #[test]
    fn wrong_words_are_told_what_would_be_right() {
        let said = |error: PreparationError| error.to_string();
        assert!(said("loud".parse::<Intensity>().unwrap_err()).contains("peak, rms and loudness"));
        assert!(said("rms:20".parse::<Intensity>().unwrap_err()).contains("from -70 to 0"));
        assert!(said("3:end".parse::<Length>().unwrap_err()).contains("centre or start"));
        for length in ["", "0", "-1", "NaN", "inf", "1e9"] {
            assert!(said(length.parse::<Length>().unwrap_err()).contains("seconds from 0.01"), "{length}");
        }
    }
}

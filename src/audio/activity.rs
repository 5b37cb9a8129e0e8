//! Where somebody speaks: voice activity by level above an adaptive noise floor, with hysteresis.
//!
//! After Rabiner & Sambur (1975), "An algorithm for determining the endpoints of isolated utterances", Bell System Technical Journal
//! 54(2): two thresholds over a noise level, the lower one to find where an utterance begins that has passed the upper one. Their noise
//! level of the first 100 ms is here that of the quietest tenth of the seconds around, as minimum statistics has it (Martin 2001, IEEE
//! Trans. Speech Audio Proc. 9(5)), so that it follows a recording of an hour. Deliberately absent: a trained detector (there is nothing
//! to ship it in), and telling voices apart.

use super::overview::{FRAME, Overview};
use super::span::Span;

/// How voice is told from silence. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    /// Decibels above the noise floor that begin speech.
    pub threshold: f32,
    /// Pauses shorter than this do not end it.
    pub min_silence: u32,
    /// What is shorter is no speech.
    pub min_speech: u32,
    /// Kept before and after, as far as there is silence.
    pub pad: u32,
}

impl Default for Detector {
    fn default() -> Detector {
        Detector { threshold: 4.0, min_silence: 300, min_speech: 250, pad: 100 }
    }
}

/// The lower threshold lies so much of the upper one above the floor.
const LOWER: f32 = 0.5;
/// Levels are averaged over so many frames.
const SMOOTH: usize = 3;
/// So many frames in a row must pass the upper threshold: a click does not.
const FIRM: usize = 3;
/// The floor is that of the seconds around: so many frames to either side.
const AROUND: usize = 500;
/// Share of the frames around that are quieter than the floor.
const QUIET: f32 = 0.1;
/// What lies so many decibels below the loud tenth of a recording is silence however quiet the rest of it is.
const RANGE: f32 = 40.0;
/// Frames for which one floor holds.
const STEP: usize = 20;
/// Levels are counted in bins of half a decibel from -120 dB to +6.
const BINS: usize = 252;

impl Detector {
    /// The stretches of speech, in order; none overlaps another.
    pub fn speech(&self, overview: &Overview) -> Vec<Span> {
        let levels = smoothed(overview.speech());
        let mut stretches = self.stretches(&levels);
        self.close_and_drop(&mut stretches);
        let spans = self.padded(&stretches, overview.millis());
        spans.into_iter().filter_map(|(start, end)| Span::millis(start, end)).collect()
    }

    /// Runs of frames, from the first above the lower threshold to the last, that pass the upper one somewhere.
    fn stretches(&self, levels: &[f32]) -> Vec<(usize, usize)> {
        let (floors, least) = (floors(levels), loud(levels) - RANGE);
        let mut found = Vec::new();
        let (mut start, mut firm, mut longest) = (None, 0, 0);
        for at in 0..=levels.len() {
            let floor = floors.get(at / STEP).copied().unwrap_or(0.0);
            // Beyond the end is silence.
            let level = levels.get(at).copied().unwrap_or(f32::NEG_INFINITY);
            let [upper, lower] = [1.0, LOWER].map(|share| (floor + share * self.threshold).max(least));
            if level < lower {
                if let Some(start) = start.take().filter(|_| longest >= FIRM) {
                    found.push((start, at));
                }
                (firm, longest) = (0, 0);
                continue;
            }
            start.get_or_insert(at);
            firm = if level >= upper { firm + 1 } else { 0 };
            longest = longest.max(firm);
        }
        found
    }

    fn close_and_drop(&self, stretches: &mut Vec<(usize, usize)>) {
        let frames = |millis: u32| (millis / FRAME) as usize;
        stretches.dedup_by(|next, last| {
            let close = next.0 - last.1 < frames(self.min_silence);
            if close {
                last.1 = next.1;
            }
            close
        });
        stretches.retain(|(start, end)| end - start >= frames(self.min_speech));
    }

    /// In milliseconds, with silence before and after; of a pause that is too short for both, each gets half.
    fn padded(&self, stretches: &[(usize, usize)], all: u32) -> Vec<(u32, u32)> {
        let at = |frame: usize| (frame as u32 * FRAME).min(all);
        let mut spans: Vec<(u32, u32)> = stretches.iter().map(|(start, end)| (at(*start), at(*end))).collect();
        let bare = spans.clone();
        for (place, span) in spans.iter_mut().enumerate() {
            let before = place.checked_sub(1).map_or(0, |last| u32::midpoint(bare[last].1, bare[place].0));
            let after = bare.get(place + 1).map_or(all, |next| u32::midpoint(bare[place].1, next.0));
            *span = (span.0.saturating_sub(self.pad).max(before), (span.1 + self.pad).min(after));
        }
        spans
    }
}

/// The mean power of the frames around, in dB.
fn smoothed(levels: &[f32]) -> Vec<f32> {
    let power: Vec<f64> = levels.iter().map(|level| 10_f64.powf(f64::from(*level) / 10.0)).collect();
    let around = |at: usize| {
        let some = &power[at.saturating_sub(SMOOTH / 2)..(at + SMOOTH / 2 + 1).min(power.len())];
        (10.0 * (some.iter().sum::<f64>() / some.len() as f64).log10()) as f32
    };
    (0..levels.len()).map(around).collect()
}

fn bin(level: f32) -> usize {
    ((level + 120.0) * 2.0).clamp(0.0, BINS as f32 - 1.0) as usize
}

/// The level below which that share of the counted frames lies.
fn quantile(counts: &[u32; BINS], share: f32) -> f32 {
    let all: u32 = counts.iter().sum();
    let (wanted, mut seen) = ((all as f32 * share) as u32, 0);
    let found = counts.iter().position(|count| {
        seen += count;
        seen > wanted
    });
    found.unwrap_or(0) as f32 / 2.0 - 120.0
}

/// The noise floor of every [`STEP`] frames.
fn floors(levels: &[f32]) -> Vec<f32> {
    let mut counts = [0_u32; BINS];
    let mut seen = 0..0;
    let floor = |at: usize| {
        let wanted = at.saturating_sub(AROUND)..(at + STEP + AROUND).min(levels.len());
        levels[seen.end.max(wanted.start)..wanted.end].iter().for_each(|level| counts[bin(*level)] += 1);
        levels[seen.start..wanted.start].iter().for_each(|level| counts[bin(*level)] -= 1);
        seen = wanted;
        quantile(&counts, QUIET)
    };
    (0..levels.len()).step_by(STEP).map(floor).collect()
}

/// The level of the loud tenth of a recording.
fn loud(levels: &[f32]) -> f32 {
    let mut counts = [0; BINS];
    levels.iter().for_each(|level| counts[bin(*level)] += 1);
    quantile(&counts, 0.9)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Runs of so many frames of that level, in dB.
    fn found(detector: &Detector, runs: &[(usize, f32)]) -> Vec<String> {
        let levels: Vec<f32> = runs.iter().flat_map(|(frames, level)| vec![*level; *frames]).collect();
        let speech = detector.speech(&Overview::of_speech(levels));
        speech.iter().map(|span| format!("{}..{}", span.start_millis(), span.end_millis())).collect()
    }

    const BARE: Detector =
        Detector { pad: 0, ..Detector { threshold: 4.0, min_silence: 300, min_speech: 250, pad: 100 } };

    #[test]
    fn what_stands_out_of_the_noise_around_it_is_speech() {
        let talk = [(200, -60.0), (100, -30.0), (200, -60.0)];
        // A frame more on either side: levels are averaged over three.
        assert_eq!(found(&BARE, &talk), ["1990..3010"]);
        assert_eq!(
            found(&BARE, &talk.map(|(frames, level)| (frames, level + 30.0))),
            ["1990..3010"],
            "whatever the gain"
        );
        assert_eq!(found(&BARE, &[(500, -60.0)]), [""; 0]);
        assert_eq!(found(&BARE, &[(500, -120.0)]), [""; 0]);
        assert_eq!(found(&BARE, &[]), [""; 0]);
    }

    #[test]
    fn short_pauses_are_closed_short_noises_dropped_and_a_faint_beginning_kept() {
        let pause = |frames| [(200, -60.0), (100, -30.0), (frames, -60.0), (100, -30.0), (200, -60.0)];
        assert_eq!(found(&BARE, &pause(25)), ["1990..4260"]);
        assert_eq!(found(&BARE, &pause(40)), ["1990..3010", "3390..4410"]);
        assert_eq!(found(&BARE, &[(200, -60.0), (10, -30.0), (200, -60.0)]), [""; 0]);
        // 3 dB stand out too little to begin speech, but belong to what follows.
        assert_eq!(found(&BARE, &[(200, -60.0), (20, -57.0), (100, -30.0), (200, -60.0)]), ["2000..3210"]);
        assert_eq!(found(&BARE, &[(200, -60.0), (80, -57.0), (200, -60.0)]), [""; 0]);
    }

    #[test]
    fn silence_is_kept_around_and_shared_between_neighbours() {
        let padded = Detector { pad: 100, ..BARE };
        assert_eq!(found(&padded, &[(200, -60.0), (100, -30.0), (200, -60.0)]), ["1890..3110"]);
        let wide = Detector { pad: 1000, ..BARE };
        let two = [(50, -60.0), (100, -30.0), (80, -60.0), (100, -30.0), (50, -60.0)];
        assert_eq!(found(&wide, &two), ["0..1900", "1900..3800"]);
    }

    #[test]
    fn the_floor_follows_the_noise() {
        // A fan is switched on after a minute: soon it is no speech any more, and a voice over it is.
        let runs = [(6_000, -70.0), (3_000, -40.0), (100, -20.0), (3_000, -40.0)];
        let speech = found(&BARE, &runs);
        assert_eq!(speech.last().unwrap(), "89990..91010");
        assert!(speech.len() <= 2, "the fan itself is heard once: {speech:?}");
    }
}

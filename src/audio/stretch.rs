//! Another speed at the same pitch: waveform similarity overlap-add (WSOLA; Verhelst & Roelands, ICASSP 1993).
//!
//! Blocks of 10 ms are taken from the sound at the distance that the speed asks for, each moved by up to 10 ms to where it goes
//! on best from the block before, and faded into it. A crate that is fed a stream (`wsola`) cannot tell which moment of the
//! sound it plays, nor look around a loop; this one reads a sound in memory. At speed 1 every sample passes as it is.
//! Deliberately absent: loops, regions and fades (`tape`): they are the reader's, who answers for each frame.

use super::Sound;

/// Length of a block, and of the fade from one to the next, in seconds.
const HOP: f64 = 0.010;
/// A block is moved by so many seconds at most: half the period of the lowest voice, 50 Hz.
const REACH: f64 = 0.010;
/// The search looks at every third place and sample first, then at all around the best.
const STRIDE: usize = 3;
/// How much likeness a block moved furthest must gain by it: keeps the clock where all places are alike, as in silence.
const STAY: f32 = 0.02;

/// A sound that can be read anywhere: frames outside it are silence.
pub(super) trait Reel {
    /// The frame with this number, one or two channels.
    fn frame(&self, number: i64) -> [f32; 2];
}

/// Where the reading stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// The frame that the clock has come to.
    pub at: f64,
    /// The frame that follows, without a break, the one given out last.
    pub next: i64,
}

/// Reads block by block. Allocates on creation only.
#[derive(Debug)]
pub(super) struct Stretch {
    hop: usize,
    reach: usize,
    /// What would follow by itself, mono.
    model: Vec<f32>,
    /// What lies around the place asked for, mono.
    around: Vec<f32>,
}

/// The frames of a sound, and nothing before and after.
struct Plain<'a>(&'a Sound);

impl Reel for Plain<'_> {
    fn frame(&self, number: i64) -> [f32; 2] {
        let width = usize::from(self.0.channels);
        let first = usize::try_from(number).ok().and_then(|number| number.checked_mul(width));
        match first.and_then(|first| self.0.samples.get(first..first + width)) {
            Some([left, right]) => [*left, *right],
            Some([one]) => [*one; 2],
            _ => [0.0; 2],
        }
    }
}

impl Sound {
    /// The sound at another speed, 0.5 to 2, at the same pitch; of more than two channels their mean. At speed 1, the same.
    pub fn at_speed(&self, speed: f32) -> Sound {
        if self.channels != 1 && self.channels != 2 {
            let mono = self.mono();
            return Sound { samples: mono.samples, channels: 1, rate: mono.rate }.at_speed(speed);
        }
        let speed = f64::from(if speed.is_nan() { 1.0 } else { speed.clamp(0.5, 2.0) });
        let length = (self.frames() as f64 / speed).round() as usize;
        let (mut stretch, mut place) = (Stretch::new(self.rate), Place::new(0));
        let mut block = vec![[0.0; 2]; stretch.hop()];
        let width = usize::from(self.channels);
        let mut samples = Vec::with_capacity((length + stretch.hop()) * width);
        while samples.len() < length * width {
            stretch.fill(&Plain(self), speed, &mut place, &mut block);
            samples.extend(block.iter().flat_map(|frame| &frame[..width]));
        }
        samples.truncate(length * width);
        Sound { samples, ..*self }
    }
}

impl Place {
    /// A beginning at this frame.
    pub(super) fn new(frame: i64) -> Place {
        Place { at: frame as f64, next: frame }
    }
}

impl Stretch {
    /// For sounds of that many frames per second.
    pub(super) fn new(rate: u32) -> Stretch {
        let hop = ((f64::from(rate) * HOP) as usize).max(1);
        let reach = ((f64::from(rate) * REACH) as usize).max(1);
        Stretch { hop, reach, model: vec![0.0; 2 * hop], around: vec![0.0; 2 * hop + 2 * reach] }
    }

    /// Frames of a block.
    pub(super) fn hop(&self) -> usize {
        self.hop
    }

    /// Fills `block`, a hop long, with what comes at this speed, and moves `place` on.
    pub(super) fn fill(&mut self, reel: &impl Reel, speed: f64, place: &mut Place, block: &mut [[f32; 2]]) {
        if speed == 1.0 {
            for (frame, number) in block.iter_mut().zip(place.next..) {
                *frame = reel.frame(number);
            }
            // The clock takes over the true place.
            *place = Place::new(place.next + self.hop as i64);
            return;
        }
        // The middle of the block is where the clock will be then.
        let wanted = (place.at + (speed - 1.0) * self.hop as f64 / 2.0).round() as i64;
        let from = wanted + self.best(reel, wanted, place.next);
        for (index, frame) in block.iter_mut().enumerate() {
            let part = fade((index as f32 + 0.5) / self.hop as f32);
            let (old, new) = (reel.frame(place.next + index as i64), reel.frame(from + index as i64));
            *frame = [old[0] + part * (new[0] - old[0]), old[1] + part * (new[1] - old[1])];
        }
        *place = Place { at: place.at + speed * self.hop as f64, next: from + self.hop as i64 };
    }

    /// By how many frames to move the block at `wanted` so that it goes on best from `next`.
    fn best(&mut self, reel: &impl Reel, wanted: i64, next: i64) -> i64 {
        let mono = |number: i64| reel.frame(number).iter().sum();
        self.model.iter_mut().zip(next..).for_each(|(sample, number)| *sample = mono(number));
        let first = wanted - self.reach as i64;
        self.around.iter_mut().zip(first..).for_each(|(sample, number)| *sample = mono(number));
        let rough = self.search((0..=2 * self.reach).step_by(STRIDE), STRIDE);
        let near = rough.saturating_sub(STRIDE - 1)..=(rough + STRIDE - 1).min(2 * self.reach);
        self.search(near, 1) as i64 - self.reach as i64
    }

    fn search(&self, places: impl Iterator<Item = usize>, stride: usize) -> usize {
        let start = (self.reach, f32::NEG_INFINITY);
        let (place, _) = places.fold(start, |best, place| {
            let gain = self.likeness(place, stride) - STAY * place.abs_diff(self.reach) as f32 / self.reach as f32;
            if gain > best.1 { (place, gain) } else { best }
        });
        place
    }

    /// Correlation of the model with what lies at that place, by the latter's energy; the model's is the same for all.
    fn likeness(&self, place: usize, stride: usize) -> f32 {
        let (mut product, mut own, mut other) = (0.0, 1e-9, 1e-9);
        let candidate = &self.around[place..place + self.model.len()];
        for (a, b) in self.model.iter().step_by(stride).zip(candidate.iter().step_by(stride)) {
            product += a * b;
            own += a * a;
            other += b * b;
        }
        product / (own * other).sqrt()
    }
}

/// From 0 to 1 along a raised cosine.
pub(super) fn fade(part: f32) -> f32 {
    0.5 - 0.5 * (std::f32::consts::PI * part.clamp(0.0, 1.0)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Samples(Vec<f32>);

    impl Reel for Samples {
        fn frame(&self, number: i64) -> [f32; 2] {
            let sample = usize::try_from(number).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(0.0);
            [sample, 0.0]
        }
    }

    fn sine(hertz: f32) -> Samples {
        Samples((0..4_000).map(|n| (std::f32::consts::TAU * hertz * n as f32 / 8_000.0).sin()).collect())
    }

    /// The first channel of a quarter of a second of the sound.
    fn read(reel: &Samples, speed: f64) -> Vec<f32> {
        let (mut stretch, mut place) = (Stretch::new(8_000), Place::new(0));
        let mut heard = Vec::new();
        let mut block = vec![[0.0; 2]; stretch.hop()];
        while place.at < 2_000.0 {
            stretch.fill(reel, speed, &mut place, &mut block);
            heard.extend(block.iter().map(|frame| frame[0]));
        }
        heard
    }

    #[test]
    fn speed_one_passes_every_sample() {
        let reel = sine(123.0);
        assert_eq!(read(&reel, 1.0), reel.0[..2_000]);
    }

    #[test]
    fn a_sine_keeps_its_pitch_and_shape_at_every_speed() {
        for (speed, hertz) in [(0.5, 110.0), (0.75, 200.0), (1.25, 440.0), (2.0, 70.0)] {
            let heard = read(&sine(hertz), speed);
            assert!((heard.len() as f64 * speed - 2_000.0).abs() <= 80.0 * speed, "{speed}: {}", heard.len());
            let rises: Vec<usize> = (1..heard.len()).filter(|&n| heard[n - 1] < 0.0 && heard[n] >= 0.0).collect();
            let periods = rises.len() as f32 - 1.0;
            let heard_hertz = periods * 8_000.0 / (rises[rises.len() - 1] - rises[0]) as f32;
            assert!((1_200.0 * (heard_hertz / hertz).log2()).abs() < 20.0, "{speed}: {heard_hertz} for {hertz} Hz");
            let largest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            assert!(largest < 1.3 * std::f32::consts::TAU * hertz / 8_000.0, "{speed}: a step of {largest}");
        }
    }

    #[test]
    fn silence_keeps_the_clock() {
        let (mut stretch, mut place) = (Stretch::new(8_000), Place::new(100));
        let mut block = vec![[0.0; 2]; stretch.hop()];
        for _ in 0..4 {
            stretch.fill(&Samples(vec![0.0; 900]), 1.5, &mut place, &mut block);
        }
        assert_eq!(place, Place { at: 100.0 + 4.0 * 120.0, next: 100 + 3 * 120 + 20 + 80 });
    }
}

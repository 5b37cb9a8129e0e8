//! Drawing what will be done to the clips of a batch, before any of it is done.
//!
//! Places are drawn as shares: how long a changed clip will be is not known yet.

use rand::{Rng, RngCore};

use super::{Augment, Gain, Mixup, Paste, Pitch, Shift, Snr, Speed};
use crate::features::alter::{Change, Colour, Noise};
use crate::learn::Data;
use crate::learn::cnn::random::Random;

/// Everything that is done to one clip of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The clip.
    pub take: Take,
    /// Another clip, and whether it comes first.
    pub pasted: Option<(Take, bool)>,
    /// Place in the batch of a clip to mix with, and this clip's own share, 0.5..1.
    pub mixed: Option<(usize, f64)>,
    /// Of each mask over bands and over frames: size as a share of all, and place as a share of what is left.
    pub masks: Vec<[(f64, f64); 2]>,
}

/// One clip as it will be heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Take {
    /// Which.
    pub row: usize,
    /// What is done to its sound first.
    pub change: Change,
    /// Frames that it goes around.
    pub shift: i64,
    /// Where a window of it starts: 0..1 of where it may.
    pub start: f64,
}

/// What planning needs to know of all clips that are fitted on.
pub struct Plans<'a> {
    augment: Augment,
    data: &'a Data,
    by_class: Vec<Vec<usize>>,
}

impl<'a> Plans<'a> {
    /// For batches of `rows` of `data`.
    pub fn new(augment: Augment, data: &'a Data, rows: &[usize]) -> Plans<'a> {
        let mut by_class = vec![Vec::new(); data.classes];
        rows.iter().for_each(|&row| by_class[data.labels[row]].push(row));
        Plans { augment, data, by_class }
    }

    /// Draws all of a batch.
    pub fn draw(&self, rows: &[usize], random: &mut Random) -> Vec<Planned> {
        let plan = |&row: &usize| Planned {
            take: self.take(row, random),
            pasted: self.pasted(row, random),
            mixed: self.mixed(rows.len(), random),
            masks: (0..self.augment.masks).map(|_| [self.mask(random), self.mask(random)]).collect(),
        };
        rows.iter().map(plan).collect()
    }

    fn take(&self, row: usize, random: &mut Random) -> Take {
        let change = if self.data.extras.altered.is_some() { self.change(random) } else { Change::NONE };
        let shift = match self.augment.shift {
            Some(Shift { p, frames }) if happens(p, random) => random.random_range(-(frames as i64)..=frames as i64),
            _ => 0,
        };
        Take { row, change, shift, start: random.random() }
    }

    fn change(&self, random: &mut Random) -> Change {
        let mut change = Change::NONE;
        if let Some(Speed { p, low, high }) = self.augment.speed
            && happens(p, random)
        {
            change.speed = random.random_range(low..=high);
        }
        if let Some(Pitch { p, semitones }) = self.augment.pitch
            && happens(p, random)
        {
            change.pitch = random.random_range(-semitones..=semitones);
        }
        if let Some(Snr { p, low, high }) = self.augment.noise
            && happens(p, random)
        {
            let colour = Colour::ALL[random.random_range(0..Colour::ALL.len())];
            change.noise = Some(Noise { snr: random.random_range(low..=high), colour, seed: random.next_u64() });
        }
        if let Some(Gain { p, db }) = self.augment.gain
            && happens(p, random)
        {
            change.gain = random.random_range(-db..=db);
        }
        change
    }

    /// A neutral clip beside one that is not, or another of its class; itself where it is the only one.
    fn pasted(&self, row: usize, random: &mut Random) -> Option<(Take, bool)> {
        let Paste { p, neutral } = self.augment.paste?;
        if !happens(p, random) {
            return None;
        }
        let calm = self.data.extras.neutral.filter(|&class| !self.by_class[class].is_empty());
        let class = match calm {
            Some(calm) if happens(neutral, random) => calm,
            _ => self.data.labels[row],
        };
        let clips = &self.by_class[class];
        let other = clips[random.random_range(0..clips.len())];
        Some((self.take(other, random), random.random()))
    }

    fn mixed(&self, clips: usize, random: &mut Random) -> Option<(usize, f64)> {
        let Mixup { p, alpha } = self.augment.mixup?;
        if !happens(p, random) {
            return None;
        }
        let share = beta(alpha, random);
        Some((random.random_range(0..clips), share.max(1.0 - share)))
    }

    fn mask(&self, random: &mut Random) -> (f64, f64) {
        (random.random::<f64>() * self.augment.blank, random.random())
    }
}

fn happens(p: f64, random: &mut Random) -> bool {
    random.random::<f64>() < p
}

/// Of the beta distribution with both parameters `alpha` (Jöhnk 1964), in logarithms, so that a small one does not
/// underflow.
fn beta(alpha: f64, random: &mut Random) -> f64 {
    loop {
        let mut draw = || (1.0 - random.random::<f64>()).ln() / alpha;
        let (x, y) = (draw(), draw());
        if x.exp() + y.exp() <= 1.0 {
            return 1.0 / (1.0 + (y - x).exp());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_beta_distribution() {
        let mut random = Random::new(1);
        for alpha in [0.05, 0.2, 1.0, 4.0] {
            let drawn: Vec<f64> = (0..4000).map(|_| beta(alpha, &mut random)).collect();
            let mean = drawn.iter().sum::<f64>() / 4000.0;
            let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4000.0;
            let wanted = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.03 && (variance / wanted - 1.0).abs() < 0.1, "{alpha}: {mean} {variance}");
        }
    }
}

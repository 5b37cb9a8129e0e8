//! What scoring costs, measured on clips of the corpus at hand.
//!
//! A model is timed on one clip at a time, after one that does not count; features are timed from sound in memory, past the
//! cache. Medians, as another program may be at work. Deliberately absent: memory, and the time of fitting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;

use super::experiment::News;
use super::material::{Listener, set_for};
use crate::audio::Wave;
use crate::corpus::Clip;
use crate::features::{Chosen, FeatureSet, Features, Kind};
use crate::job::Watch;
use crate::learn::cnn::{Input, Net, Plan};
use crate::learn::committee::{Committee, Views};
use crate::learn::{Classifier, Cost, Recipe, Weights, model_file};

/// Clips whose features are timed.
const HEARD: usize = 2;
/// Clips that a model is timed on.
const SCORED: usize = 20;
/// Longest time to spend on a model that is slow, in seconds.
const PATIENCE: f64 = 0.3;
/// Seconds of speech that multiply-adds are told for.
const SPEECH: u32 = 3;

/// What computing feature sets takes on this machine, by their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hearings(BTreeMap<String, Hearing>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Hearing {
    /// Seconds of computing per second of sound; `None` when no clip could be timed.
    per_second: Option<f64>,
    /// Frames of 3 s of speech; 1 for rows.
    frames: usize,
}

impl Hearings {
    /// Times each of `sets` on the first clips that can be read.
    ///
    /// # Errors
    /// Cancelling only: a clip that cannot be read is passed over.
    pub fn of(clips: &[&Clip], sets: &[Chosen], listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Hearings> {
        let mut waves: Vec<Wave> = Vec::new();
        for clip in clips {
            watch.check()?;
            let prepared = || Ok::<Wave, anyhow::Error>(listener.preparation.apply(clip.sound()?)?);
            waves.extend(prepared().ok().filter(|wave| !wave.samples.is_empty()));
            if waves.len() == HEARD {
                break;
            }
        }
        let mut all = BTreeMap::new();
        for set in sets {
            let mut times = Vec::new();
            for wave in &waves {
                watch.check()?;
                let start = Instant::now();
                if set.extract(wave).is_ok() {
                    let seconds = wave.samples.len() as f64 / f64::from(wave.rate.max(1));
                    times.push(start.elapsed().as_secs_f64() / seconds);
                }
            }
            let hearing =
                Hearing { per_second: median(times), frames: frames(set.as_ref(), listener.preparation.rate) };
            all.insert(set.name().to_owned(), hearing);
        }
        Ok(Hearings(all))
    }

    /// Seconds of computing per second of sound for all that a recipe reads; `None` when one could not be timed.
    pub fn per_second(&self, recipe: &Recipe) -> Option<f64> {
        let sets: BTreeSet<&str> = recipe.leaves().iter().map(|leaf| leaf.features.as_str()).collect();
        sets.into_iter().map(|set| self.0.get(set)?.per_second).sum()
    }

    fn frames(&self, set: &str) -> usize {
        self.0.get(set).map_or(1, |hearing| hearing.frames)
    }
}

/// Frames of 3 s of sound at that rate; 1 where the set makes rows.
pub fn frames(set: &dyn FeatureSet, rate: u32) -> usize {
    if set.kind() == Kind::Row {
        return 1;
    }
    match set.extract(&silence(rate)) {
        Ok(Features::Image(image)) => image.dim().2,
        _ => 1,
    }
}

fn silence(rate: u32) -> Wave {
    Wave { samples: vec![0.0; (SPEECH * rate) as usize], rate }
}

/// Cost of a fitted recipe on clips that last `seconds` each.
///
/// # Errors
/// The model cannot be written down; cancelling. A clip that it cannot score by itself is no error but is not timed.
pub fn cost(
    fitted: &Committee,
    (views, groups): (&Views, &[usize]),
    seconds: &[f64],
    hearings: &Hearings,
    watch: &dyn Watch<News>,
) -> Result<Cost> {
    let (mut times, mut shares) = (Vec::new(), Vec::new());
    let began = Instant::now();
    // The first one finds cold caches and asks for memory.
    let rows = std::iter::once(0).chain(0..groups.len()).take(SCORED + 1).enumerate();
    for (number, row) in rows.filter(|(_, row)| *row < groups.len()) {
        watch.check()?;
        let one = views.iter().map(|(name, inputs)| (name.clone(), inputs.select(&[row]))).collect();
        let start = Instant::now();
        if fitted.scores(&one, &groups[row..=row]).is_err() {
            break;
        }
        let took = start.elapsed().as_secs_f64();
        if number > 0 {
            times.push(1e3 * took);
            shares.push(took / seconds[row]);
        }
        if began.elapsed().as_secs_f64() > PATIENCE {
            break;
        }
    }
    let scored = median(shares.into_iter().filter(|share| share.is_finite()).collect());
    Ok(Cost {
        parameters: fitted.parameters(),
        macs_3s: fitted.macs(&|set| hearings.frames(set)),
        bytes: model_file::size(&fitted.weights()?)?,
        clip_ms: median(times),
        real_time: hearings.per_second(fitted.recipe()).zip(scored).map(|(heard, scored)| heard + scored),
    })
}

/// What the registry's net of that kind costs for so many classes with its usual features, not fitted and not timed; `None`
/// where the classifier is no net.
///
/// # Errors
/// The net of the registry does not fit its features.
pub fn on_paper(kind: &dyn Classifier, classes: usize) -> Result<Option<Cost>> {
    let Some(settings) = kind.settings() else { return Ok(None) };
    let settings = settings?;
    let set = set_for(kind.kind(), None, settings.features.as_deref())?;
    let frames = frames(set.as_ref(), set.rate());
    let input = match set.extract(&silence(set.rate()))? {
        Features::Image(image) => Input::Images { channels: image.dim().0, bands: image.dim().1 },
        Features::Row(row) => Input::Rows(row.len()),
    };
    let net = Net::new(Plan { list: settings.list(), input, heads: vec![classes] })?;
    let mut weights = Weights::default();
    net.save(&mut weights);
    let (macs_3s, bytes) = (Some(net.macs(frames)), model_file::size(&weights)?);
    Ok(Some(Cost { parameters: net.count(), macs_3s, bytes, ..Cost::default() }))
}

/// The middle one, of an even number the larger; `None` of none.
pub fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_some_and_of_none() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(4.0));
        assert_eq!(median(Vec::new()), None);
    }
}

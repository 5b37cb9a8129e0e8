//! Making the images of a batch as planned, side by side.
//!
//! Nothing is drawn here: the bits do not depend on threads. A clip that nothing happens to is scaled, if that, and not copied again.

use std::ops::Range;

use ndarray::{Array3, Axis, concatenate, s};
use rayon::prelude::*;

use super::plan::{Planned, Take};
use crate::features::Image;
use crate::features::alter::Change;
use crate::job::Watch;
use crate::learn::cnn::loss::Heads;
use crate::learn::cnn::pass::{Draw, Window};
use crate::learn::{Alter, Data, Epoch, LearnError};

/// A clip of a batch, ready to be read.
#[derive(Debug, Clone)]
pub struct Made {
    /// Where it is in.
    pub image: Image,
    /// What of it is seen.
    pub window: Window,
}

impl Made {
    /// All clips of a batch in windows of at most `frames`; `images` are those of `data`.
    ///
    /// # Errors
    /// `Cancelled`; what the maker of changed clips says.
    pub fn all(
        plans: &[Planned],
        (data, images): (&Data, &[Image]),
        frames: usize,
        watch: &dyn Watch<Epoch>,
    ) -> Result<Vec<Made>, LearnError> {
        let heard = |planned: &Planned| {
            watch.check()?;
            let image = |take: &Take| heard(take, data, images);
            let own = image(&planned.take)?;
            let seen = window(&own, planned.take.start, frames);
            let Some((take, first)) = &planned.pasted else { return Ok((own, seen)) };
            let joined = joined((&own, &planned.take), (&image(take)?, take), *first, frames)?;
            let all = 0..joined.dim().2;
            Ok((joined, all))
        };
        let heard: Vec<(Image, Range<usize>)> = plans.par_iter().map(heard).collect::<Result<_, LearnError>>()?;
        let made = |(planned, own): (&Planned, &(Image, Range<usize>))| {
            let (image, seen) = match planned.mixed {
                Some((other, share)) => mixed(own, &heard[other], share as f32),
                None => own.clone(),
            };
            let masks = |which: usize, from: usize, len: usize| {
                planned.masks.iter().map(|mask| mask_of(mask[which], from, len)).collect()
            };
            let (blank_bands, blank_frames) = (masks(0, 0, image.dim().1), masks(1, seen.start, seen.len()));
            Made { image, window: Window { frames: seen, blank_frames, blank_bands } }
        };
        Ok(plans.par_iter().zip(&heard).map(made).collect())
    }

    /// For a pass.
    pub fn draw(&self) -> Draw<'_> {
        Draw { image: &self.image, window: self.window.clone() }
    }
}

/// Targets of a batch (see [`Heads`]), mixed as the clips are: a probability per class. A head that does not know all that
/// is heard of a clip learns nothing from it.
pub fn targets(plans: &[Planned], heads: &Heads, data: &Data) -> Vec<f64> {
    let labels = |planned: &Planned| {
        let own = data.labels_of(planned.take.row).enumerate();
        let other = planned.pasted.as_ref().map(|(take, _)| take.row);
        // What is pasted leaves the first head's class as it is; of the second's it may be another.
        let same = |head: usize, label| other.is_none_or(|row| data.labels_of(row).nth(head) == Some(label));
        own.map(|(head, label)| label.filter(|_| head == 0 || same(head, label))).collect::<Vec<_>>()
    };
    let mut plain = heads.targets(plans.iter().flat_map(labels));
    let width = plain.len() / plans.len().max(1);
    for (clip, planned) in plans.iter().enumerate() {
        let shares = data.extras.shares.iter().flat_map(|shares| shares.row(planned.take.row));
        plain[clip * width..].iter_mut().zip(shares).for_each(|(target, &share)| *target = f64::from(share));
    }
    let mut all = plain.clone();
    let mixed = plans.iter().enumerate().filter_map(|(clip, planned)| Some((clip, planned.mixed?)));
    for (clip, (other, share)) in mixed {
        for columns in heads.columns() {
            let of = |clip: usize| &plain[clip * width..][columns.clone()];
            let known = |target: &[f64]| target.iter().sum::<f64>() > 0.0;
            let both = known(of(clip)) && known(of(other));
            let mix = |(own, other): (&f64, &f64)| if both { share * own + (1.0 - share) * other } else { 0.0 };
            let mixed = of(clip).iter().zip(of(other)).map(mix);
            all[clip * width..][columns.clone()].iter_mut().zip(mixed).for_each(|(target, mixed)| *target = mixed);
        }
    }
    all
}

/// The clip with its sound changed and turned around.
fn heard(take: &Take, data: &Data, images: &[Image]) -> Result<Image, LearnError> {
    let image = match &data.extras.altered {
        Some(altered) if take.change != Change::NONE => altered.image(take.row, &take.change)?,
        _ => data.image(images, take.row),
    };
    let frames = image.dim().2;
    let shift = usize::try_from(take.shift.rem_euclid(frames as i64)).unwrap_or_default();
    if shift == 0 {
        return Ok(image);
    }
    let (front, back) = image.view().split_at(Axis(2), frames - shift);
    one_after_the_other(&back, &front)
}

/// Up to `frames` frames from where the share of the way says.
fn window(image: &Image, start: f64, frames: usize) -> Range<usize> {
    let all = image.dim().2;
    let seen = all.min(frames);
    let first = ((all - seen + 1) as f64 * start) as usize;
    first..first + seen
}

/// Two clips in one window: each has at least half of it where it is long enough.
fn joined(
    (own, take): (&Image, &Take),
    (other, with): (&Image, &Take),
    other_first: bool,
    frames: usize,
) -> Result<Image, LearnError> {
    let room =
        |mine: &Image, theirs: &Image| (frames - theirs.dim().2.min(frames)).max(frames / 2).max(1).min(mine.dim().2);
    let (mine, theirs) = (room(own, other), room(other, own));
    let theirs = theirs.min(frames.saturating_sub(mine));
    if theirs == 0 {
        return Ok(own.slice(s![.., .., window(own, take.start, frames)]).to_shared());
    }
    let own = own.slice(s![.., .., window(own, take.start, mine)]);
    let other = other.slice(s![.., .., window(other, with.start, theirs)]);
    if other_first { one_after_the_other(&other, &own) } else { one_after_the_other(&own, &other) }
}

fn one_after_the_other(
    first: &ndarray::ArrayView3<'_, f32>,
    second: &ndarray::ArrayView3<'_, f32>,
) -> Result<Image, LearnError> {
    let both = concatenate(Axis(2), &[first.view(), second.view()]);
    Ok(both.map_err(|why| LearnError::Failed(format!("images of different shapes: {why}")))?.into_shared())
}

/// The own window with the other one under it, for as long as the own one lasts.
fn mixed(
    (own, seen): &(Image, Range<usize>),
    (other, theirs): &(Image, Range<usize>),
    share: f32,
) -> (Image, Range<usize>) {
    let mut image: Array3<f32> = own.slice(s![.., .., seen.clone()]).to_owned();
    image.mapv_inplace(|value| share * value);
    let both = seen.len().min(theirs.len());
    let other = other.slice(s![.., .., theirs.start..theirs.start + both]);
    image.slice_mut(s![.., .., ..both]).zip_mut_with(&other, |sum, value| *sum += (1.0 - share) * value);
    (image.into_shared(), 0..seen.len())
}

/// A stretch of `from..from + len`.
fn mask_of((size, place): (f64, f64), from: usize, len: usize) -> Range<usize> {
    let size = (size * len as f64).round() as usize;
    let first = from + ((len - size.min(len) + 1) as f64 * place) as usize;
    first..first + size.min(len)
}

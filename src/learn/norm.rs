//! Scaling fitted on training clips and kept with the model.
//!
//! A column is a column of rows, or one channel and band of images (over all frames). Deliberately absent: anything
//! that looks at labels, and any statistic of a test clip that is not its own group's.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array1, Array2, Axis, Zip};
use rayon::prelude::*;

use super::{Alter, Altered, Inputs, LearnError, Norm, Weights};
use crate::features::alter::Change;
use crate::features::{Image, Kind};

/// Smallest deviation, as a part of the mean, that is more than f32 rounding.
const ROUNDING: f64 = 1e-7;

/// Mean and deviation of each column, kept as f32 so that a scaler read back is the same scaler.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    mean: Array1<f32>,
    /// Population deviation; 1 for a column that does not vary.
    scale: Array1<f32>,
    varies: Vec<bool>,
}

impl Scaler {
    /// Mean and population deviation of each column over all of `inputs`; a column that does not vary beyond f32
    /// rounding gets scale 1.
    #[must_use]
    pub fn fit(inputs: &Inputs) -> Scaler {
        let moments = match inputs {
            Inputs::Rows(rows) => column_moments(rows),
            Inputs::Images(images) => image_moments(images),
        };
        let varies: Vec<bool> = moments.iter().map(Moments::varies).collect();
        let scale = |moments: &Moments| if moments.varies() { moments.deviation() as f32 } else { 1.0 };
        Scaler {
            mean: moments.iter().map(|moments| moments.mean as f32).collect(),
            scale: moments.iter().map(scale).collect(),
            varies,
        }
    }

    /// (x - mean) / scale of each column, in parallel over clips. Panics when the columns are not those of the fit;
    /// [`Prep`] checks that.
    #[must_use]
    pub fn apply(&self, inputs: &Inputs) -> Inputs {
        match inputs {
            Inputs::Rows(rows) => Inputs::Rows(self.rows(rows)),
            Inputs::Images(images) => Inputs::Images(images.par_iter().map(|image| self.image(image)).collect()),
        }
    }

    /// Numbers of the columns that varied in the fit.
    #[must_use]
    pub fn varying(&self) -> Vec<usize> {
        (0..self.varies.len()).filter(|&column| self.varies[column]).collect()
    }

    fn rows(&self, rows: &Array2<f64>) -> Array2<f64> {
        (rows - &self.mean.mapv(f64::from)) / self.scale.mapv(f64::from)
    }

    fn image(&self, image: &Image) -> Image {
        let bands = image.len_of(Axis(1));
        let mut scaled = image.clone();
        for (channel, mut picture) in scaled.outer_iter_mut().enumerate() {
            for (band, mut line) in picture.outer_iter_mut().enumerate() {
                let column = channel * bands + band;
                let (mean, scale) = (self.mean[column], self.scale[column]);
                line.mapv_inplace(|value| (value - mean) / scale);
            }
        }
        scaled
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("mean", &self.mean);
        weights.put("scale", &self.scale);
        weights
    }

    fn load(weights: &Weights, columns: usize) -> Result<Scaler, LearnError> {
        let (mean, scale): (Array1<f32>, Array1<f32>) = (weights.get("mean")?, weights.get("scale")?);
        if mean.len() != columns || scale.len() != columns || scale.iter().any(|&scale| scale <= 0.0) {
            return Err(LearnError::BadModel(format!("the scaling does not fit {columns} columns")));
        }
        Ok(Scaler { mean, scale, varies: vec![true; columns] })
    }
}

/// What scales each of some images as it is read.
#[derive(Debug, Clone)]
pub struct Scalers(Vec<Arc<Scaler>>);

impl Scalers {
    /// The image of a row, scaled. Panics when the row is out of range.
    #[must_use]
    pub fn image(&self, row: usize, image: &Image) -> Image {
        self.0[row].image(image)
    }

    /// Those of the images at `rows`, in that order. Panics when a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Scalers {
        Scalers(rows.iter().map(|&row| Arc::clone(&self.0[row])).collect())
    }
}

/// Everything done to inputs before a classifier sees them, fitted on training clips.
///
/// | norm | images | rows |
/// |---|---|---|
/// | `None` | as they are | constant columns dropped |
/// | `Train` | scaled by the training clips | constant columns dropped, scaled by the training clips |
/// | `Speaker` | scaled within each group | scaled within each group; then as `Train` |
///
/// A group of one row has no deviation of its own: it is scaled by the raw training clips instead. A group of one
/// image has many frames and is scaled by itself. A column that is constant within a group becomes 0 there.
#[derive(Debug, Clone, PartialEq)]
pub struct Prep {
    norm: Norm,
    kind: Kind,
    /// Channels and bands of images; 1 and d for rows.
    shape: (usize, usize),
    /// For rows under `Speaker`: how to scale a group of one.
    alone: Option<Scaler>,
    /// For rows: the columns that are not constant.
    kept: Vec<usize>,
    /// What remains is scaled by this.
    last: Option<Scaler>,
}

impl Prep {
    /// Fits on training clips and returns them prepared; images come as they are, with what scales each as it is read: they are
    /// many, and a second copy of all of them would lie in memory for as long as they are learnt from.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when images differ in shape or no column of rows varies.
    pub fn fit(norm: Norm, inputs: &Inputs, groups: &[usize]) -> Result<(Prep, Inputs, Option<Scalers>), LearnError> {
        let (kind, shape) = (inputs.kind(), shape(inputs)?);
        let mut prep = Prep { norm, kind, shape, alone: None, kept: Vec::new(), last: None };
        if kind == Kind::Image {
            prep.last = (norm == Norm::Train).then(|| Scaler::fit(inputs));
            let scalers = prep.scalers(inputs, groups);
            return Ok((prep, inputs.clone(), scalers));
        }
        let grouped = norm == Norm::Speaker;
        prep.alone = grouped.then(|| Scaler::fit(inputs));
        let mut ready = if grouped { Cow::Owned(prep.within_groups(inputs, groups)) } else { Cow::Borrowed(inputs) };
        let mut known = None;
        if let Inputs::Rows(rows) = ready.as_ref() {
            let scaler = Scaler::fit(&ready);
            prep.kept = scaler.varying();
            if prep.kept.is_empty() {
                return Err(LearnError::WrongInput("no column varies: there is nothing to learn from".into()));
            }
            if prep.kept.len() < rows.ncols() {
                ready = Cow::Owned(Inputs::Rows(rows.select(Axis(1), &prep.kept)));
            } else {
                known = Some(scaler);
            }
        }
        prep.last = (norm != Norm::None).then(|| known.unwrap_or_else(|| Scaler::fit(&ready)));
        let ready = prep.last.as_ref().map_or_else(|| ready.clone().into_owned(), |last| last.apply(&ready));
        Ok((prep, ready, None))
    }

    /// What scales each of these images; `None` where they stay as they are.
    fn scalers(&self, inputs: &Inputs, groups: &[usize]) -> Option<Scalers> {
        match self.norm {
            Norm::None => None,
            Norm::Train => {
                let last = Arc::new(self.last.clone()?);
                Some(Scalers(vec![last; inputs.len()]))
            }
            Norm::Speaker => {
                let of_group = |clips: Vec<usize>| (Arc::new(Scaler::fit(&inputs.select(&clips))), clips);
                let fitted: Vec<(Arc<Scaler>, Vec<usize>)> = members(groups).into_par_iter().map(of_group).collect();
                let mut all: Vec<(usize, Arc<Scaler>)> = fitted
                    .into_iter()
                    .flat_map(|(scaler, clips)| clips.into_iter().map(move |clip| (clip, Arc::clone(&scaler))))
                    .collect();
                all.sort_unstable_by_key(|(clip, _)| *clip);
                Some(Scalers(all.into_iter().map(|(_, scaler)| scaler).collect()))
            }
        }
    }

    /// Prepares other clips in the same way; `groups` says which of them belong together (one number per clip).
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when the clips do not have the columns of the fit.
    pub fn apply(&self, inputs: &Inputs, groups: &[usize]) -> Result<Inputs, LearnError> {
        self.check(inputs)?;
        let grouped = self.norm == Norm::Speaker;
        let mut ready = if grouped { Cow::Owned(self.within_groups(inputs, groups)) } else { Cow::Borrowed(inputs) };
        if let Inputs::Rows(rows) = ready.as_ref()
            && self.kept.len() < rows.ncols()
        {
            ready = Cow::Owned(Inputs::Rows(rows.select(Axis(1), &self.kept)));
        }
        Ok(match &self.last {
            Some(last) => last.apply(&ready),
            None => ready.into_owned(),
        })
    }

    /// Makers of training clips with another sound, scaled as the clips themselves are: `scalers` are those of the fit. A change
    /// of sound does not change what a clip is scaled by.
    #[must_use]
    pub fn altered(&self, clips: Altered, scalers: Option<Scalers>) -> Altered {
        let len = clips.len();
        let scaled: Arc<dyn Alter> = Arc::new(Scaled { clips, scalers, shape: self.shape });
        Altered::new(&scaled, len)
    }

    /// Everything needed to prepare again.
    ///
    /// # Errors
    /// As [`Weights::put_json`].
    pub fn weights(&self) -> Result<Weights, LearnError> {
        let mut weights = Weights::default();
        weights.put_json("plan", &(self.norm, self.kind == Kind::Image, self.shape, &self.kept))?;
        for (room, scaler) in [("alone", &self.alone), ("last", &self.last)] {
            if let Some(scaler) = scaler {
                weights.nest(room, scaler.weights());
            }
        }
        Ok(weights)
    }

    /// From what [`Prep::weights`] gave.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    pub fn load(weights: &Weights) -> Result<Prep, LearnError> {
        let (norm, images, shape, kept): (Norm, bool, (usize, usize), Vec<usize>) = weights.get_json("plan")?;
        let kind = if images { Kind::Image } else { Kind::Row };
        let columns = shape.0.saturating_mul(shape.1);
        if kept.iter().any(|&column| column >= columns) {
            return Err(LearnError::BadModel("a kept column is beyond the last one".into()));
        }
        let scaler = |room: &str, wanted: bool, columns: usize| {
            wanted.then(|| Scaler::load(&weights.room(room), columns)).transpose()
        };
        let (rows, grouped) = (kind == Kind::Row, norm == Norm::Speaker);
        let alone = scaler("alone", rows && grouped, columns)?;
        let last = scaler("last", norm == Norm::Train || (rows && grouped), if rows { kept.len() } else { columns })?;
        Ok(Prep { norm, kind, shape, alone, kept, last })
    }

    fn check(&self, inputs: &Inputs) -> Result<(), LearnError> {
        if inputs.kind() != self.kind {
            let (got, wanted) = (said(inputs.kind()), said(self.kind));
            return Err(LearnError::WrongInput(format!("{got} given, the model was trained on {wanted}")));
        }
        if !inputs.is_empty() && shape(inputs)? != self.shape {
            let (got, wanted) = (shape(inputs)?, self.shape);
            let text = format!("{} x {} columns, the model was trained on {} x {}", got.0, got.1, wanted.0, wanted.1);
            return Err(LearnError::WrongInput(text));
        }
        Ok(())
    }

    fn within_groups(&self, inputs: &Inputs, groups: &[usize]) -> Inputs {
        let scaled: Vec<(Vec<usize>, Inputs)> = members(groups)
            .into_par_iter()
            .map(|clips| {
                let own = inputs.select(&clips);
                let scaled = match &self.alone {
                    Some(alone) if clips.len() == 1 => alone.apply(&own),
                    _ => Scaler::fit(&own).apply(&own),
                };
                (clips, scaled)
            })
            .collect();
        let mut all = inputs.clone();
        for (clips, scaled) in scaled {
            put_back(&mut all, &clips, scaled);
        }
        all
    }
}

/// Changed clips, each scaled by its own.
struct Scaled {
    clips: Altered,
    scalers: Option<Scalers>,
    shape: (usize, usize),
}

impl Alter for Scaled {
    fn image(&self, row: usize, change: &Change) -> Result<Image, LearnError> {
        let image = self.clips.image(row, change)?;
        let (channels, bands, frames) = image.dim();
        if (channels, bands) != self.shape || frames == 0 || image.iter().any(|value| !value.is_finite()) {
            return Err(LearnError::Failed(format!("clip {row}, changed: no image like its own")));
        }
        Ok(self.scalers.as_ref().map_or(image.clone(), |scalers| scalers.image(row, &image)))
    }
}

/// Channels and bands that all images share, or 1 and d.
fn shape(inputs: &Inputs) -> Result<(usize, usize), LearnError> {
    let images = match inputs {
        Inputs::Rows(rows) => return Ok((1, rows.ncols())),
        Inputs::Images(images) => images,
    };
    let first = images.first().map_or((0, 0), |image| (image.len_of(Axis(0)), image.len_of(Axis(1))));
    for (clip, image) in images.iter().enumerate() {
        let (channels, bands, frames) = image.dim();
        if (channels, bands) != first || frames == 0 {
            let text =
                format!("clip {clip}: an image of {channels} x {bands} x {frames}, beside {} x {}", first.0, first.1);
            return Err(LearnError::WrongInput(text));
        }
    }
    Ok(first)
}

fn said(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "images",
        Kind::Row => "rows of numbers",
    }
}

/// Clips of each group, groups in ascending order.
fn members(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut by = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    groups.iter().enumerate().for_each(|(clip, &group)| by.entry(group).or_default().push(clip));
    by.into_values().collect()
}

fn put_back(all: &mut Inputs, clips: &[usize], part: Inputs) {
    match (all, part) {
        (Inputs::Rows(all), Inputs::Rows(part)) => {
            clips.iter().zip(part.rows()).for_each(|(&clip, row)| all.row_mut(clip).assign(&row));
        }
        (Inputs::Images(all), Inputs::Images(part)) => {
            clips.iter().zip(part).for_each(|(&clip, image)| all[clip] = image);
        }
        // `part` is a selection of `all`, so the kinds agree.
        _ => {}
    }
}

/// Count, mean and sum of squared deviations, merged without cancellation (Chan, Golub & LeVeque 1983).
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Moments {
        let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        let mean = if count > 0.0 { sum / count } else { 0.0 };
        Moments { count, mean, squares: values.map(|value| (value - mean).powi(2)).sum() }
    }

    fn merge(&mut self, other: &Moments) {
        let count = self.count + other.count;
        if count > 0.0 {
            let gap = other.mean - self.mean;
            self.squares += other.squares + gap * gap * self.count * other.count / count;
            self.mean += gap * other.count / count;
            self.count = count;
        }
    }

    fn deviation(&self) -> f64 {
        if self.count > 0.0 { (self.squares / self.count).sqrt() } else { 0.0 }
    }

    fn varies(&self) -> bool {
        let deviation = self.deviation();
        deviation > ROUNDING * self.mean.abs() && deviation > f64::from(f32::MIN_POSITIVE)
    }
}

/// Moments per column, row by row as the numbers lie in memory.
fn column_moments(rows: &Array2<f64>) -> Vec<Moments> {
    let count = rows.nrows() as f64;
    let mut means = vec![0.0; rows.ncols()];
    for row in rows.rows() {
        means.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    means.iter_mut().for_each(|sum| *sum = if count > 0.0 { *sum / count } else { 0.0 });
    let mut squares = vec![0.0; rows.ncols()];
    for row in rows.rows() {
        for (square, (value, mean)) in squares.iter_mut().zip(row.iter().zip(&means)) {
            *square += (value - mean).powi(2);
        }
    }
    means.into_iter().zip(squares).map(|(mean, squares)| Moments { count, mean, squares }).collect()
}

/// Moments per channel and band; each image in parallel, merged in order, so the bits do not depend on threads.
fn image_moments(images: &[Image]) -> Vec<Moments> {
    let of = |image: &Image| -> Vec<Moments> {
        let lines = image.lanes(Axis(2)).into_iter();
        lines.map(|line| Moments::of(line.iter().map(|&value| f64::from(value)))).collect()
    };
    let parts: Vec<Vec<Moments>> = images.par_iter().map(of).collect();
    let mut all = vec![Moments::default(); parts.first().map_or(0, Vec::len)];
    for part in &parts {
        Zip::from(&mut all[..]).and(&part[..]).for_each(|sum, more| sum.merge(more));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array, s};

    fn rows(inputs: &Inputs) -> &Array2<f64> {
        inputs.rows().unwrap()
    }

    fn near(found: &Array2<f64>, wanted: &Array2<f64>) -> bool {
        found.dim() == wanted.dim() && found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    /// The fit, and all its clips as a classifier reads them.
    fn fitted(norm: Norm, inputs: &Inputs, groups: &[usize]) -> (Prep, Inputs) {
        let (prep, ready, scalers) = Prep::fit(norm, inputs, groups).unwrap();
        let ready = match (ready, scalers) {
            (Inputs::Images(images), Some(scalers)) => {
                let scaled = images.iter().enumerate().map(|(row, image)| scalers.image(row, image));
                Inputs::Images(scaled.collect())
            }
            (ready, _) => ready,
        };
        (prep, ready)
    }

    #[test]
    fn images_are_read_as_they_are_applied() {
        for (norm, groups) in [(Norm::None, [0, 0, 1]), (Norm::Train, [0, 0, 1]), (Norm::Speaker, [1, 0, 1])] {
            let (prep, read) = fitted(norm, &images(), &groups);
            let (Inputs::Images(read), Inputs::Images(applied)) = (read, prep.apply(&images(), &groups).unwrap())
            else {
                panic!("images stay images")
            };
            assert_eq!(read, applied, "{norm}");
        }
    }

    #[test]
    fn train_scales_by_training_rows_and_drops_constants() {
        let train = Inputs::Rows(array![[1.0, 5.0, 0.0], [3.0, 5.0, 4.0]]);
        let (prep, ready) = fitted(Norm::Train, &train, &[0, 1]);
        assert!(near(rows(&ready), &array![[-1.0, -1.0], [1.0, 1.0]]), "{ready:?}");
        let test = prep.apply(&Inputs::Rows(array![[2.0, 9.0, 8.0]]), &[7]).unwrap();
        assert!(near(rows(&test), &array![[0.0, 3.0]]), "{test:?}");
    }

    #[test]
    fn none_leaves_numbers_alone() {
        let (_, ready) = fitted(Norm::None, &Inputs::Rows(array![[1.0, 5.0], [3.0, 5.0]]), &[0, 1]);
        assert_eq!(rows(&ready), array![[1.0], [3.0]]);
    }

    #[test]
    fn speaker_removes_what_tells_groups_apart() {
        let train = Inputs::Rows(array![[1.0, 0.0], [103.0, 2.0], [3.0, 4.0], [101.0, 6.0]]);
        let (_, ready) = fitted(Norm::Speaker, &train, &[0, 1, 0, 1]);
        assert!(near(rows(&ready), &array![[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]), "{ready:?}");
    }

    #[test]
    fn a_group_of_one_row_is_scaled_by_the_training_rows() {
        let train = Inputs::Rows(array![[0.0], [2.0], [0.0], [2.0]]);
        let (prep, _) = fitted(Norm::Speaker, &train, &[0, 0, 1, 1]);
        let alone = prep.apply(&Inputs::Rows(array![[3.0]]), &[5]).unwrap();
        assert!(near(rows(&alone), &array![[2.0]]), "{alone:?}");
    }

    #[test]
    fn constant_everywhere_is_an_error_and_no_nan() {
        let flat = Inputs::Rows(array![[0.1, 1e9], [0.1, 1e9], [0.1, 1e9]]);
        for norm in [Norm::None, Norm::Train, Norm::Speaker] {
            let why = Prep::fit(norm, &flat, &[0, 0, 1]).map(drop).unwrap_err().to_string();
            assert!(why.contains("no column varies"), "{why}");
        }
    }

    fn images() -> Inputs {
        let image = |seed: usize, frames: usize| {
            Array3::from_shape_fn((2, 3, frames), |(c, b, f)| (c * 7 + b) as f32 + (f * (b + 1) + seed) as f32 * 0.5)
                .into_shared()
        };
        Inputs::Images(vec![image(0, 4), image(9, 6), image(2, 3)])
    }

    #[test]
    fn images_are_scaled_per_channel_and_band_over_all_frames() {
        let (_, Inputs::Images(scaled)) = fitted(Norm::Train, &images(), &[0, 0, 1]) else {
            panic!("images stay images")
        };
        for (channel, band) in [(0, 0), (1, 2)] {
            let line: Vec<f64> =
                scaled.iter().flat_map(|image| image.slice(s![channel, band, ..]).to_vec()).map(f64::from).collect();
            let moments = Moments::of(line.iter().copied());
            assert!(moments.mean.abs() < 1e-6 && (moments.deviation() - 1.0).abs() < 1e-6, "{moments:?}");
        }
    }

    #[test]
    fn one_image_alone_is_scaled_by_its_own_frames() {
        let (prep, _) = fitted(Norm::Speaker, &images(), &[0, 0, 1]);
        let Inputs::Images(alone) = prep.apply(&images().select(&[1]), &[3]).unwrap() else { panic!("images") };
        assert!(alone[0].mean().unwrap().abs() < 1e-6);
    }

    #[test]
    fn a_constant_band_becomes_zero() {
        let flat = Inputs::Images(vec![Array3::from_elem((1, 2, 5), 3.5f32).into_shared()]);
        let (_, ready) = fitted(Norm::Train, &flat, &[0]);
        let Inputs::Images(ready) = ready else { panic!("images") };
        assert!(ready[0].iter().all(|&value| value == 0.0));
    }

    #[test]
    fn other_shapes_are_refused_with_a_reason() {
        let (prep, _) = fitted(Norm::Train, &images(), &[0, 0, 1]);
        let text = |inputs: Inputs| prep.apply(&inputs, &vec![0; inputs.len()]).unwrap_err().to_string();
        assert_eq!(text(Inputs::Rows(array![[1.0]])), "rows of numbers given, the model was trained on images");
        let other = Inputs::Images(vec![Array3::zeros((1, 3, 4)).into_shared()]);
        assert_eq!(text(other), "1 x 3 columns, the model was trained on 2 x 3");
        let empty = Inputs::Images(vec![Array3::zeros((2, 3, 0)).into_shared()]);
        assert!(text(empty).contains("2 x 3 x 0"));
    }

    #[test]
    fn what_is_saved_prepares_in_the_same_way() {
        let train = Inputs::Rows(array![[1.0, 5.0, 0.1], [3.0, 5.0, 0.7], [2.0, 5.0, 0.2]]);
        for norm in [Norm::None, Norm::Train, Norm::Speaker] {
            let groups = [0, 0, 1];
            let (prep, ready) = fitted(norm, &train, &groups);
            let again = Prep::load(&prep.weights().unwrap()).unwrap();
            assert_eq!(rows(&again.apply(&train, &groups).unwrap()), rows(&ready));
        }
    }
}

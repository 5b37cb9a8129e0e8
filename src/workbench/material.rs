//! What classifiers are fitted on: features of clips from the cache or their files, and the names that choose them.
//!
//! Deliberately absent: folds and fits (see `experiment`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use ndarray::Array2;
use rayon::prelude::*;

use super::experiment::News;
use crate::audio::{Wave, decode};
use crate::corpus::{Clip, Corpus, Task};
use crate::features::cache::Cache;
use crate::features::{Chosen, FEATURE_SETS, FeatureSet, Features, Kind, Preparation, feature_set};
use crate::job::{Watch, panic_text};
use crate::learn::{Classifier, Data, Extras, Inputs, classifier};

/// Where features come from: the cache, and what happens to a clip before they are computed.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// Features of earlier runs.
    pub cache: &'a Cache,
    /// Rate, mono, trimming, intensity, length, pre-emphasis.
    pub preparation: Preparation,
}

impl Listener<'_> {
    /// Features of one clip, from the cache or from its file.
    ///
    /// # Errors
    /// The file cannot be decoded or holds nothing to compute from, or the set panicked on it; the text names the file.
    pub fn features(&self, clip: &Clip, set: &dyn FeatureSet) -> Result<Features> {
        let wave = || -> Result<Wave> { Ok(self.preparation.apply(decode(&clip.path)?)?) };
        // One odd clip must not take a job of a hundred thousand with it.
        let features =
            catch_unwind(AssertUnwindSafe(|| self.cache.features(&clip.audio.hash, &self.preparation, set, wave)));
        let features = features.unwrap_or_else(|panic| Err(anyhow!("internal error: {}", panic_text(panic.as_ref()))));
        features.with_context(|| clip.path.display().to_string())
    }

    /// Features of many clips in their order, in parallel; all of them or the first error.
    ///
    /// # Errors
    /// As [`Listener::features`], and cancelling.
    pub fn inputs(&self, clips: &[&Clip], set: &dyn FeatureSet, watch: &dyn Watch<News>) -> Result<Inputs> {
        let (done, total) = (AtomicUsize::new(0), clips.len());
        let all: Vec<Features> = clips
            .par_iter()
            .map(|clip| {
                watch.check()?;
                let features = self.features(clip, set)?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                watch.tell(News::Reading { set: set.name().to_owned(), done, total });
                Ok(features)
            })
            .collect::<Result<_>>()?;
        gather(all)
    }
}

/// One input from the features of many clips; all must be of one kind and width.
///
/// # Errors
/// Mixed kinds or widths: cannot come from one feature set.
pub fn gather(all: Vec<Features>) -> Result<Inputs> {
    let width = match all.first() {
        None => bail!("no clips"),
        Some(Features::Row(row)) => Some(row.len()),
        Some(Features::Image(_)) => None,
    };
    let (rows, mut images, mut numbers) = (all.len(), Vec::new(), Vec::new());
    for features in all {
        match (features, width) {
            (Features::Image(image), None) => images.push(image),
            (Features::Row(row), Some(width)) if row.len() == width => numbers.extend(row.into_iter().map(f64::from)),
            _ => bail!("features of one set differ in shape"),
        }
    }
    Ok(match width {
        Some(width) => Inputs::Rows(Array2::from_shape_vec((rows, width), numbers)?),
        None => Inputs::Images(images),
    })
}

/// The feature set that a classifier of this kind reads when `asked` for.
///
/// # Errors
/// An unknown name.
pub fn set_for(kind: Kind, asked: Option<&str>) -> Result<Chosen> {
    if let Some(name) = asked {
        let set = feature_set(name)?;
        if set.kind() == kind {
            return Ok(set);
        }
    }
    let default = FEATURE_SETS.iter().copied().find(|set| set.kind() == kind).context("no feature set of this kind")?;
    Ok(std::sync::Arc::new(default))
}

/// Training data of a task: every clip of it, in its order.
///
/// # Errors
/// As [`Listener::inputs`].
pub fn data(
    corpus: &Corpus,
    task: &Task,
    set: &dyn FeatureSet,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Data> {
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    Ok(Data {
        inputs: listener.inputs(&clips, set, watch)?,
        labels: task.labels.clone(),
        groups: task.groups.clone(),
        classes: task.classes.len(),
        extras: Extras::default(),
    })
}

/// The classifiers of these names, in that order.
///
/// # Errors
/// An unknown or repeated name, or none.
pub fn classifiers(names: &[String]) -> Result<Vec<&'static dyn Classifier>> {
    let known = || crate::learn::CLASSIFIERS.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        bail!("no classifier chosen; there are {}", known());
    }
    let mut kinds: Vec<&'static dyn Classifier> = Vec::new();
    for name in names {
        let kind = classifier(name).with_context(|| format!("no classifier `{name}`; there are {}", known()))?;
        if kinds.iter().any(|other| other.name() == kind.name()) {
            bail!("classifier `{name}` is named twice");
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// Checks that some classifier reads the feature set asked for.
///
/// # Errors
/// None of `kinds` can read it, or there is no such set.
pub fn check_features(kinds: &[&'static dyn Classifier], asked: Option<&str>) -> Result<()> {
    let Some(name) = asked else { return Ok(()) };
    for kind in kinds {
        if set_for(kind.kind(), asked)?.name() == name {
            return Ok(());
        }
    }
    bail!("none of the chosen classifiers reads `{name}` (see docs/catalogue.md for who reads images and who rows)")
}

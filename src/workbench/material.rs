//! What classifiers are fitted on: features of clips from the cache or their files, and the names that choose them.
//!
//! Deliberately absent: folds and fits (see `experiment`).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use ndarray::Array2;
use rayon::prelude::*;

use super::altered::AlteredClips;
use super::experiment::{Nets, News, Request};
use super::pretrain::starts;
use crate::audio::Wave;
use crate::corpus::{Clip, Corpus, Target, Task};
use crate::features::cache::Cache;
use crate::features::{Chosen, FEATURE_SETS, FeatureSet, Features, Kind, Preparation, feature_set};
use crate::job::{Watch, panic_text};
use crate::learn::committee::{FUSIONS, Sets};
use crate::learn::{Alter, Altered, CLASSIFIERS, Classifier, Data, Extras, Inputs, Second, classifier};

/// The class of speech without emotion, as corpora call it.
const NEUTRAL: &str = "neutral";

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
        let wave = || -> Result<Wave> { Ok(self.preparation.apply(clip.sound()?)?) };
        let hash = clip.audio.hash.to_string();
        // One odd clip must not take a job of a hundred thousand with it.
        let features = catch_unwind(AssertUnwindSafe(|| self.cache.features(&hash, &self.preparation, set, wave)));
        let features = features.unwrap_or_else(|panic| Err(anyhow!("internal error: {}", panic_text(panic.as_ref()))));
        features.with_context(|| clip.path().display().to_string())
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
        self.cache.close_maps();
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

/// The feature set that a classifier of this kind reads: what is `asked` for if it can read that, else its `own`, else
/// the first of its kind.
///
/// # Errors
/// An unknown name.
pub fn set_for(kind: Kind, asked: Option<&str>, own: Option<&str>) -> Result<Chosen> {
    for name in [asked, own].into_iter().flatten() {
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
    set: &Chosen,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Data> {
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    let altered = (set.kind() == Kind::Image).then(|| {
        let maker: Arc<dyn Alter> = Arc::new(AlteredClips::new(&clips, Arc::clone(set), listener.preparation));
        Altered::new(&maker, clips.len())
    });
    let neutral = task.classes.iter().position(|class| class == NEUTRAL);
    Ok(Data {
        inputs: listener.inputs(&clips, set.as_ref(), watch)?,
        labels: task.labels.clone(),
        groups: task.groups.clone(),
        classes: task.classes.len(),
        extras: Extras { altered, neutral, shares: shares(corpus, task), ..Extras::default() },
    })
}

/// Soft labels of the task's clips, where its classes are theirs: n x classes.
fn shares(corpus: &Corpus, task: &Task) -> Option<Array2<f32>> {
    let place = |class: &String| corpus.classes.iter().position(|known| known == class);
    let places: Vec<usize> = task.classes.iter().filter_map(place).collect();
    let all: Option<Vec<&[f32]>> = task.rows.iter().map(|&clip| corpus.shares(clip)).collect();
    let all = all.filter(|_| task.target == Target::Emotion && places.len() == task.classes.len())?;
    Some(Array2::from_shape_fn((all.len(), places.len()), |(row, class)| all[row][places[class]]))
}

/// Training data of a task in every feature set that the contenders read: every clip of it, in its order.
///
/// # Errors
/// As [`Listener::inputs`]; an unknown set; a second target that no two classes are known of.
pub fn sets(
    corpus: &Corpus,
    task: &Task,
    (contenders, request): (&[Contender], &Request),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Sets> {
    let read = contenders.iter().map(|one| one.sets(request.features.as_deref(), &request.nets));
    let read: Vec<Chosen> = read.collect::<Result<Vec<_>>>()?.concat();
    named_sets(corpus, task, (read.iter().map(|set| set.name()), request.effort.also), listener, watch)
}

/// The same for feature sets of these names, with the labels of a second target, if any.
///
/// # Errors
/// As [`sets`].
pub fn named_sets<'a>(
    corpus: &Corpus,
    task: &Task,
    (names, also): (impl Iterator<Item = &'a str>, Option<Target>),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Sets> {
    let second = also.map(|also| second(corpus, task, also)).transpose()?;
    let mut all = Sets::new();
    for name in names {
        if !all.contains_key(name) {
            let mut data = data(corpus, task, &feature_set(name)?, listener, watch)?;
            data.extras.second.clone_from(&second);
            all.insert(name.to_owned(), data);
        }
    }
    Ok(all)
}

/// What a corpus knows of a second target of the task's clips.
fn second(corpus: &Corpus, task: &Task, also: Target) -> Result<Second> {
    if also == task.target {
        bail!("`{also}` is the target itself; there is nothing to learn beside it");
    }
    let named: Vec<Option<String>> = task.rows.iter().map(|&row| also.class_of(&corpus.clips[row])).collect();
    let classes: BTreeSet<&String> = named.iter().flatten().collect();
    if classes.len() < 2 {
        bail!("{}: fewer than two classes of the second target `{also}` are known", corpus.name);
    }
    let number = |name: &String| classes.iter().position(|class| *class == name);
    let labels = named.iter().map(|name| name.as_ref().and_then(number)).collect();
    Ok(Second { labels, classes: classes.len() })
}

/// What a name after `--models` stands for: a classifier, or several that decide together.
#[derive(Clone)]
pub struct Contender {
    /// As typed.
    pub name: &'static str,
    /// Its classifiers, each with the feature set that it reads unless asked otherwise; `None` = the usual one of its kind.
    pub members: Vec<(&'static dyn Classifier, Option<&'static str>)>,
}

impl Contender {
    fn named(name: &str) -> Result<Contender> {
        if let Some(kind) = classifier(name) {
            return Ok(Contender { name: kind.name(), members: vec![(kind, None)] });
        }
        let known = || CLASSIFIERS.iter().map(|kind| kind.name()).chain(FUSIONS.iter().map(|fusion| fusion.name));
        let fusion = FUSIONS.iter().find(|fusion| fusion.name == name);
        let fusion = fusion
            .with_context(|| format!("no classifier `{name}`; there are {}", known().collect::<Vec<_>>().join(", ")))?;
        let member = |&(name, set): &(&str, _)| Ok((classifier(name).context("no such member")?, set));
        Ok(Contender { name: fusion.name, members: fusion.members.iter().map(member).collect::<Result<_>>()? })
    }

    /// The feature set of each member: the one `asked` for where the member reads that kind, else its own, else that of
    /// its net (of `nets` where the user gave one).
    ///
    /// # Errors
    /// An unknown name.
    pub fn sets(&self, asked: Option<&str>, nets: &Nets) -> Result<Vec<Chosen>> {
        let of = |(kind, own): &(&'static dyn Classifier, Option<&str>)| {
            let net = nets.get(kind.name()).cloned().map(Ok).or_else(|| kind.settings()).transpose()?;
            set_for(kind.kind(), asked, own.or(net.as_ref().and_then(|net| net.features.as_deref())))
        };
        self.members.iter().map(of).collect()
    }

    /// True when one of its members reads images, and so uses all cores inside one fit.
    pub fn reads_images(&self) -> bool {
        self.members.iter().any(|(kind, _)| kind.kind() == Kind::Image)
    }

    /// True when one of its members can go on from a pre-trained net.
    pub fn can_start(&self) -> bool {
        self.members.iter().any(|(kind, _)| starts(kind.name()))
    }

    /// True when one of its members is a net.
    pub fn has_net(&self) -> bool {
        self.members.iter().any(|(kind, _)| kind.settings().is_some())
    }
}

/// The contenders of these names, in that order.
///
/// # Errors
/// An unknown or repeated name, or none.
pub fn contenders(names: &[String]) -> Result<Vec<Contender>> {
    if names.is_empty() {
        bail!(
            "no classifier chosen; there are {}",
            CLASSIFIERS.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
        );
    }
    let mut all: Vec<Contender> = Vec::new();
    for name in names {
        if all.iter().any(|other| other.name == name) {
            bail!("classifier `{name}` is named twice");
        }
        all.push(Contender::named(name)?);
    }
    Ok(all)
}

/// Checks that some contender can be pre-trained on these corpora.
///
/// # Errors
/// None of them can.
pub fn check_pretrain(contenders: &[Contender], corpora: &[PathBuf]) -> Result<()> {
    if corpora.is_empty() || contenders.iter().any(Contender::can_start) {
        return Ok(());
    }
    bail!("none of the chosen classifiers can be pre-trained; nets on images can (cnn, fusion)")
}

/// Checks that some contender can do what is asked for: read that feature set, learn a second target.
///
/// # Errors
/// None of them can, or there is no such set.
pub fn check_asked(contenders: &[Contender], (features, also): (Option<&str>, Option<Target>)) -> Result<()> {
    if let Some(also) = also.filter(|_| !contenders.iter().any(Contender::has_net)) {
        bail!("none of the chosen classifiers can learn `{also}` besides; nets can (cnn, mlp, fusion)");
    }
    let Some(name) = features else { return Ok(()) };
    for one in contenders {
        if one.sets(features, &Nets::new())?.iter().any(|set| set.name() == name) {
            return Ok(());
        }
    }
    bail!("none of the chosen classifiers reads `{name}` (see docs/catalogue.md for who reads images and who rows)")
}

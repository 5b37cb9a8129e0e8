//! Pre-training on other corpora that the user has (`--pretrain`), before a net is fitted to the target's clips.
//!
//! Clips of the others count where their class, by emolab's own name of it, is one of the target's. No clip counts whose
//! audio is in the target corpus, nor one of a speaker of the target's under the same description: a fold's test clips and
//! voices stay unheard. The nets are fitted once and start every fold and seed.
//! Deliberately absent: nets on rows (columns that are constant in one corpus are dropped there, and so mean something else in
//! the other), checkpoints (after a kill it is done again, to the same bits), curves.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use arcstr::ArcStr;

use super::experiment::{Effort, News, Request};
use super::material::{Contender, Listener, named_sets};
use crate::audio::AudioHash;
use crate::corpus::{Clip, Corpus, Scanned, Target, Task, scan, task};
use crate::features::Kind;
use crate::job::{Mapped, Watch};
use crate::learn::committee::Sets;
use crate::learn::{Recipe, Start, classifier, fit};

/// Puts pre-trained nets into `all`, for the nets among `contenders` that read images; tells what was learnt from, a sentence
/// per corpus. Without `--pretrain` nothing.
///
/// # Errors
/// A corpus that cannot be read or shares fewer than two classes with the target; a failed fit; cancelling.
pub(super) fn pretrain(
    (corpus, task_): (&Corpus, &Task),
    (contenders, request): (&[Contender], &Request),
    all: &mut Sets,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Vec<String>> {
    let alone = Request { effort: Effort::default(), ..request.clone() };
    let recipes = contenders.iter().map(|who| Ok(alone.recipe(who)?.0)).collect::<Result<Vec<Recipe>>>()?;
    let leaves: Vec<&Recipe> = recipes.iter().flat_map(Recipe::leaves).collect();
    begin((corpus, task_), (&leaves, &request.effort.pretrain), all, listener, watch)
}

/// The same for recipes of single fits.
///
/// # Errors
/// As [`pretrain`].
pub(super) fn begin(
    (corpus, task_): (&Corpus, &Task),
    (leaves, paths): (&[&Recipe], &[PathBuf]),
    all: &mut Sets,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let (others, told) = others(corpus, task_, paths, watch)?;
    let learnt = task(&others, task_.target).context("pre-training")?;
    let nets: Vec<&Recipe> = leaves.iter().copied().filter(|leaf| starts(&leaf.classifier)).collect();
    let names = nets.iter().map(|leaf| leaf.features.as_str());
    let material = named_sets(&others, &learnt, (names, None), listener, watch)?;
    let place = |class: &String| task_.classes.iter().position(|own| own == class);
    let classes: Vec<usize> = learnt.classes.iter().filter_map(place).collect();
    for recipe in nets {
        let name = &recipe.classifier;
        let Some(own) = all.get_mut(&recipe.features) else { continue };
        if own.extras.starts.contains_key(name) {
            continue;
        }
        watch.tell(News::Trouble(format!("{name}: pre-training on {} clips", learnt.rows.len())));
        let fitted = fit(recipe, &material[&recipe.features], &Mapped::new(watch, |_| None));
        let weights = fitted.with_context(|| format!("pre-training {name}"))?.weights()?.room("model");
        own.extras.starts.insert(name.clone(), Start { weights, classes: classes.clone() }.into());
    }
    Ok(told)
}

/// True for nets that read images.
pub(super) fn starts(name: &str) -> bool {
    classifier(name).is_some_and(|kind| kind.kind() == Kind::Image && kind.settings().is_some())
}

/// The clips of all other corpora that count, as one corpus with the target's classes; and a sentence on each.
fn others(corpus: &Corpus, task: &Task, paths: &[PathBuf], watch: &dyn Watch<News>) -> Result<(Corpus, Vec<String>)> {
    let mut heard: HashSet<AudioHash> = corpus.clips.iter().map(|clip| clip.audio.hash).collect();
    let voices: BTreeSet<&ArcStr> = corpus.clips.iter().filter_map(|clip| clip.speaker.as_ref()).collect();
    let mut all =
        Corpus { classes: corpus.classes.clone(), name: "pre-training".to_owned(), ..Corpus::empty(&corpus.root) };
    let mut told = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let reading = |Scanned { done, total }| Some(News::Reading { set: "pre-training".to_owned(), done, total });
        let other = scan(path, None, &Mapped::new(watch, reading))?;
        let (counted, left_out): (Vec<Clip>, Vec<Clip>) = of_classes(&other, task).into_iter().partition(|clip| {
            let known = other.name == corpus.name && clip.speaker.as_ref().is_some_and(|name| voices.contains(name));
            !known && heard.insert(clip.audio.hash)
        });
        if counted.is_empty() {
            bail!(
                "{}: no clip to pre-train on: none of the target's classes, or all of its clips or speakers",
                path.display()
            );
        }
        let speakers: BTreeSet<&Option<ArcStr>> = counted.iter().map(|clip| &clip.speaker).collect();
        let hash = hash(&counted, task.target);
        told.push(format!(
            "pre-trained on {}: {} clips of {} speakers (hash {hash}); {} left out: the target's own clips or speakers",
            other.name,
            counted.len(),
            speakers.len(),
            left_out.len()
        ));
        all.clips.extend(
            counted
                .into_iter()
                .map(|clip| Clip { speaker: clip.speaker.map(|name| format!("{number}/{name}").into()), ..clip }),
        );
    }
    Ok((all, told))
}

/// The clips whose class is one of the target's.
fn of_classes(other: &Corpus, task: &Task) -> Vec<Clip> {
    let known = |clip: &&Clip| task.target.class_of(clip).is_some_and(|class| task.classes.contains(&class));
    other.clips.iter().filter(known).cloned().collect()
}

fn hash(clips: &[Clip], target: Target) -> String {
    let mut hasher = blake3::Hasher::new();
    for clip in clips {
        hasher.update(format!("{} {:?} {:?}\n", clip.audio.hash, target.class_of(clip), clip.speaker).as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

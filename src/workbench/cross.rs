//! Across corpora: every recipe learns on one corpus (or on all but one) and is judged on another, over the classes that all
//! of them share; the diagonal is judged within a corpus, with speakers kept apart.
//!
//! Classes are matched by emolab's own names for them, as in `pretrain`. A voice is the same where a corpus that has a name (emodb, not
//! a table) and its speaker are, a recording where its audio or fingerprint is: what training and test corpora share of either is a leak as anywhere
//! (see `corpus::guard`). Scaling is fitted on the training corpora alone, or within each speaker. Every cell is a run, filed
//! under the corpus that is tested, so that its clips can be heard. Deliberately absent: classes that only some corpora have,
//! mapping class names onto each other, and learning on part of the tested corpus.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use arcstr::ArcStr;

use super::checkpoints::Shelf;
use super::copies::copies;
use super::corpus_key;
use super::experiment::{
    Agenda, Failure, Judged, Material, News, Request, Series, data_facts, finish, hearings, run, source,
};
use super::folds::Planned;
use super::material::{Contender, Listener, check_asked, contenders, sets};
use crate::corpus::guard::leaks;
use crate::corpus::plan::{Layout, Plan, Split};
use crate::corpus::{Clip, ClipId, Corpus, Target, Task, descriptions, task};
use crate::job::{Watch, is_cancelled};
use crate::store::{CrossFacts, Prediction, Run, RunId, Source};

/// What crossing corpora brings.
#[derive(Debug)]
pub struct Crossing {
    /// Names of the corpora: rows and columns of the matrix.
    pub corpora: Vec<String>,
    /// Classes that all of them have.
    pub classes: Vec<String>,
    /// What was judged, classifier by classifier.
    pub cells: Vec<Cell>,
    /// Classifiers that failed on a cell.
    pub failed: Vec<Failure>,
    /// Cells that cannot be, with the reason.
    pub missing: Vec<String>,
    shelves: Vec<Shelf>,
}

impl Crossing {
    /// Removes the checkpoints: nothing is left to resume. For when the results are safe.
    pub fn clear_checkpoints(&self) {
        self.shelves.iter().for_each(Shelf::clear);
    }
}

/// One training set, one tested corpus, one classifier.
#[derive(Debug)]
pub struct Cell {
    /// What was learnt from and tested.
    pub place: Place,
    /// The run.
    pub judged: Arc<Judged>,
}

/// Where a cell stands in the matrix; corpora by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The corpora learnt from: one; all but the tested one; or the tested one, other speakers of it.
    pub trained_on: Vec<usize>,
    /// The corpus tested.
    pub tested_on: usize,
}

/// Cells of the matrix with their folds.
type Cells = Vec<(Place, Planned)>;

impl Place {
    /// True on the diagonal: judged within a corpus.
    pub fn is_within(&self) -> bool {
        self.trained_on == [self.tested_on]
    }
}

/// Runs every classifier of `request` on every cell; its plan is not used. Finished runs are given to `keep` and told at once.
///
/// # Errors
/// Fewer than 2 corpora or shared classes; [`super::gate::GateFailed`] for a leak; an unreadable clip; no cell that
/// succeeded; cancelling.
pub fn cross(
    corpora: &[Corpus],
    request: &Request,
    listener: &Listener<'_>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Crossing> {
    let all = contenders(&request.models)?;
    check_asked(&all, (request.features.as_deref(), request.effort.also))?;
    ensure!(request.effort.pretrain.is_empty(), "crossing corpora does not pre-train; compare and train do");
    let union = Union::of(corpora, request.target)?;
    let copies = copies(&union.merged, &union.task, listener.cache, watch)?;
    let (planned, missing) = union.planned(request, &copies)?;
    let sets = sets(&union.merged, &union.task, (&all, request), listener, watch)?;
    let hearings = hearings(&union.merged, &union.task, (&all, request), listener, watch)?;
    let (corpus, task, preparation) = (&union.merged, &union.task, listener.preparation);
    let material = Material { corpus, task, preparation, sets, pretrained: Vec::new(), hearings };
    watch.tell(News::Start(Arc::new(union.agenda(request, &all, &planned)?)));
    let of = planned.len() * all.len();
    let mut crossing = union.crossing(missing);
    let series = all.iter().flat_map(|who| planned.iter().map(move |cell| (who, cell)));
    for (index, (who, (place, planned))) in series.enumerate() {
        let (model, plan) = (request.recipe(who)?.0.title(), union.told(place));
        watch.tell(News::Model { model: model.clone(), plan: plan.clone(), index, of, folds: planned.splits().len() });
        let shelf = material.shelf(request, who, (&plan, planned.splits()))?;
        match run(who, (&material, shelf.as_ref()), request, planned, watch) {
            Ok(run) => {
                let judged = finish(union.filed(run, place, planned), shelf.as_ref(), keep, watch)?;
                watch.tell(News::Run(Arc::clone(&judged)));
                crossing.cells.push(Cell { place: place.clone(), judged });
            }
            Err(error) if is_cancelled(&error) => return Err(error),
            Err(error) => {
                let reason = format!("{error:#}");
                watch.tell(News::Trouble(format!("{model} on {plan}: {reason}")));
                crossing.failed.push(Failure { model, plan, reason });
            }
        }
        crossing.shelves.extend(shelf);
    }
    match crossing.failed.first() {
        Some(first) if crossing.cells.is_empty() => bail!("{} on {}: {}", first.model, first.plan, first.reason),
        _ => Ok(crossing),
    }
}

/// All corpora as one, and where each row comes from.
struct Union<'a> {
    corpora: &'a [Corpus],
    names: Vec<String>,
    merged: Corpus,
    task: Task,
    /// Rows of the task by corpus.
    rows: Vec<Vec<usize>>,
}

impl<'a> Union<'a> {
    fn of(corpora: &'a [Corpus], target: Target) -> Result<Union<'a>> {
        ensure!(corpora.len() >= 2, "name at least 2 corpora to cross");
        let names = names(corpora);
        let classes = shared(corpora, &names, target)?;
        let mut homed: Vec<(usize, Clip)> = Vec::new();
        for (number, corpus) in corpora.iter().enumerate() {
            let counts = |clip: &&Clip| target.class_of(clip).is_some_and(|class| classes.contains(&class));
            homed
                .extend(corpus.clips.iter().filter(counts).map(|clip| (number, renamed(clip, &names[number], corpus))));
        }
        homed.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
        let (home, clips): (Vec<usize>, Vec<Clip>) = homed.into_iter().unzip();
        let mut merged = Corpus { name: names.join(" + "), clips, ..Corpus::empty(&corpora[0].root) };
        merged.classes.clone_from(&corpora[0].classes);
        merged.synthetic = corpora.iter().any(|corpus| corpus.synthetic);
        let task = task(&merged, target)?;
        let of = |number: usize| (0..task.rows.len()).filter(|row| home[task.rows[*row]] == number).collect();
        let rows: Vec<Vec<usize>> = (0..corpora.len()).map(of).collect();
        for (name, rows) in names.iter().zip(&rows) {
            ensure!(!rows.is_empty(), "{name}: all of its clips have the same audio as clips of another corpus");
        }
        Ok(Union { corpora, names, merged, task, rows })
    }

    fn crossing(&self, missing: Vec<String>) -> Crossing {
        let (corpora, classes) = (self.names.clone(), self.task.classes.clone());
        Crossing { corpora, classes, cells: Vec::new(), failed: Vec::new(), missing, shelves: Vec::new() }
    }

    /// Training sets by row: each corpus, and with three or more also all but one.
    fn places(&self) -> Vec<Place> {
        let all = 0..self.names.len();
        let pairs = all.clone().flat_map(|from| all.clone().map(move |to| (vec![from], to)));
        let others = all.clone().map(|to| (all.clone().filter(|from| *from != to).collect(), to));
        let others = others.filter(|_| self.names.len() > 2);
        pairs.chain(others).map(|(trained_on, tested_on)| Place { trained_on, tested_on }).collect()
    }

    /// Every cell with its folds, all held before the first fit.
    fn planned(&self, request: &Request, copies: &[(usize, usize)]) -> Result<(Cells, Vec<String>)> {
        let (mut planned, mut missing) = (Vec::new(), Vec::new());
        for place in self.places() {
            let (plan, layout) = match place.is_within() {
                false => (Plan::Given("corpus".to_owned()), Ok(self.across(&place))),
                true => self.within(place.tested_on, request.seed),
            };
            match layout {
                Ok(layout) => {
                    let how = (layout.promise, &request.allow);
                    let leaks = leaks(&self.task, &layout.splits, copies, how);
                    let one = Planned { layout, leaks, seed: request.seed, ..Planned::unplanned(plan, Vec::new()) };
                    one.hold().with_context(|| self.told(&place))?;
                    planned.push((place, one));
                }
                Err(reason) => missing.push(format!("{}: {reason:#}", self.told(&place))),
            }
        }
        Ok((planned, missing))
    }

    fn across(&self, place: &Place) -> Layout {
        let mut train: Vec<usize> = place.trained_on.iter().flat_map(|from| self.rows[*from].iter().copied()).collect();
        train.sort_unstable();
        let test = self.rows[place.tested_on].clone();
        let name = self.told(place);
        let note = format!(
            "{name}: {} clips learnt from, {} tested; over the classes that all of {} share",
            train.len(),
            test.len(),
            self.names.join(", ")
        );
        let promise = Plan::Given(String::new()).promise();
        Layout { splits: vec![Split { name, train, test }], notes: vec![note], promise }
    }

    fn within(&self, number: usize, seed: u64) -> (Plan, Result<Layout>) {
        let rows = &self.rows[number];
        let part = self.task.part(rows);
        let plan = Plan::Random(5).twin(part.known_speakers());
        let back = |places: Vec<usize>| places.into_iter().map(|place| rows[place]).collect();
        let layout = part.lay(&plan, seed).map(|mut layout| {
            let splits = layout.splits.into_iter();
            layout.splits = splits.map(|s| Split { train: back(s.train), test: back(s.test), ..s }).collect();
            layout
        });
        (plan, layout.map_err(Into::into))
    }

    /// What a cell is, in words.
    fn told(&self, place: &Place) -> String {
        match place.is_within() {
            true => format!("within {}", self.names[place.tested_on]),
            false => format!("{} to {}", self.trained_on(place).join("+"), self.names[place.tested_on]),
        }
    }

    fn trained_on(&self, place: &Place) -> Vec<String> {
        place.trained_on.iter().map(|number| self.names[*number].clone()).collect()
    }

    fn agenda(&self, request: &Request, all: &[Contender], planned: &[(Place, Planned)]) -> Result<Agenda> {
        let mut series = Vec::new();
        for who in all {
            let model = request.recipe(who)?.0.title();
            series.extend(planned.iter().map(|(place, planned)| {
                let folds = planned.splits().iter().map(|split| split.name.clone()).collect();
                Series { model: model.clone(), plan: self.told(place), folds }
            }));
        }
        Ok(Agenda { series, ..Agenda::of(&self.merged, &self.task) })
    }

    /// Predictions in the tested corpus' own names.
    fn bare(&self, predictions: &mut [Prediction], tested_on: usize) {
        let owner = owner(&self.corpora[tested_on], &self.names[tested_on]);
        for one in predictions {
            one.clip = ClipId(bare(&one.clip.0, &self.names[tested_on]).into());
            one.speaker = bare(&one.speaker, owner);
        }
    }

    /// Hash of all that is learnt from or tested.
    fn data_hash(&self, splits: &[Split]) -> String {
        let used: BTreeSet<usize> =
            splits.iter().flat_map(|split| split.train.iter().chain(&split.test)).copied().collect();
        data_facts(&self.merged, &self.task.part(&used.into_iter().collect::<Vec<_>>())).data_hash
    }

    /// The run as one on the tested corpus, in that corpus' own names.
    fn filed(&self, mut run: Run, place: &Place, planned: &Planned) -> Run {
        let corpus = &self.corpora[place.tested_on];
        let owner = owner(corpus, &self.names[place.tested_on]);
        self.bare(&mut run.predictions, place.tested_on);
        let tested = data_facts(&self.merged, &self.task.part(&self.rows[place.tested_on]));
        let data = &mut run.protocol.data;
        (data.clips, data.speakers) = (tested.clips, tested.speakers);
        data.data_hash = self.data_hash(planned.splits());
        data.sexes = tested.sexes.into_iter().map(|(name, sex)| (bare(&name, owner), sex)).collect();
        (data.corpus, data.corpus_key) = (corpus.name.clone(), corpus_key(corpus));
        let crossed = self.corpora.iter().map(source).collect();
        run.protocol.source = Source { crossed, ..source(corpus) };
        let facts = CrossFacts { trained_on: self.trained_on(place), tested_on: self.names[place.tested_on].clone() };
        if !place.is_within() {
            run.protocol.plan.plan = format!("cross:{}", facts.trained_on.join("+"));
        }
        run.protocol.plan.cross = Some(facts);
        run
    }
}

/// A cell that was kept, laid out again on the corpora as they are now.
pub(super) struct Recrossed<'a> {
    union: Union<'a>,
    tested_on: usize,
    /// The folds.
    pub splits: Vec<Split>,
    /// Hash of all that they learn from or test.
    pub data_hash: String,
}

impl<'a> Recrossed<'a> {
    /// The cell of `run` on the corpora of its matrix, in its order.
    ///
    /// # Errors
    /// Corpora that share too little, a cell that is not there any more, a fold that cannot be laid out.
    pub fn of(run: &Run, corpora: &'a [Corpus]) -> Result<Recrossed<'a>> {
        let facts = run.protocol.plan.cross.as_ref().context("the run is no part of a matrix of corpora")?;
        let union = Union::of(corpora, run.protocol.data.target)?;
        let is_it = |place: &Place| {
            union.trained_on(place) == facts.trained_on && union.names[place.tested_on] == facts.tested_on
        };
        let names = || format!("{} to {}", facts.trained_on.join("+"), facts.tested_on);
        let place = union.places().into_iter().find(is_it);
        let place = place.with_context(|| format!("{}: not among {}", names(), union.names.join(", ")))?;
        let layout = match place.is_within() {
            true => union.within(place.tested_on, run.protocol.training.seed).1?,
            false => union.across(&place),
        };
        let (splits, tested_on) = (layout.splits, place.tested_on);
        Ok(Recrossed { data_hash: union.data_hash(&splits), union, tested_on, splits })
    }

    /// All corpora as one, and what is told apart in it.
    pub fn material(&self) -> (&Corpus, &Task) {
        (&self.union.merged, &self.union.task)
    }

    /// Predictions as the run has them: in the tested corpus' own names.
    pub fn filed(&self, mut predictions: Vec<Prediction>) -> Vec<Prediction> {
        self.union.bare(&mut predictions, self.tested_on);
        predictions
    }
}

/// A name without its owner's.
fn bare(text: &str, owner: &str) -> String {
    text.strip_prefix(&format!("{owner}/")).unwrap_or(text).to_owned()
}

/// True for a description that names a corpus, whose speakers' names mean the same voices wherever it lies; a table or a
/// tree of folders may be anybody's.
fn is_named(corpus: &Corpus) -> bool {
    descriptions().iter().any(|one| one.name == corpus.name && one.layout.pattern.is_some())
}

/// Names that tell the corpora apart: the description's, or the folder's where that names no corpus; with a number where it
/// is there twice.
fn names(corpora: &[Corpus]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for corpus in corpora {
        let folder = corpus.root.file_name().map(|name| name.to_string_lossy().into_owned());
        let own = folder.filter(|_| !is_named(corpus)).unwrap_or_else(|| corpus.name.clone());
        let numbered = (2..).map(|number| format!("{own}-{number}"));
        let mut free = std::iter::once(own.clone()).chain(numbered).filter(|name| !names.contains(name));
        names.extend(free.next());
    }
    names
}

/// Whose the names of a corpus' speakers and sentences are.
fn owner<'a>(corpus: &'a Corpus, name: &'a str) -> &'a str {
    if is_named(corpus) { &corpus.name } else { name }
}

/// Classes that every corpus has, in the order of the first.
fn shared(corpora: &[Corpus], names: &[String], target: Target) -> Result<BTreeSet<String>> {
    let of = |corpus: &Corpus| corpus.clips.iter().filter_map(|clip| target.class_of(clip)).collect::<BTreeSet<_>>();
    let all: Vec<BTreeSet<String>> = corpora.iter().map(of).collect();
    let mut shared = all[0].clone();
    shared.retain(|class| all.iter().all(|have| have.contains(class)));
    if shared.len() < 2 {
        let told = names.iter().zip(&all);
        let told = told.map(|(name, have)| format!("{name}: {}", have.iter().cloned().collect::<Vec<_>>().join(", ")));
        bail!("the corpora share fewer than 2 classes ({})", told.collect::<Vec<_>>().join("; "));
    }
    Ok(shared)
}

/// A clip under names that no other corpus has; voices and sentences keep those of their description.
fn renamed(clip: &Clip, name: &str, corpus: &Corpus) -> Clip {
    let owner = owner(corpus, name);
    let owned = |text: &Option<ArcStr>| text.as_ref().map(|text| ArcStr::from(format!("{owner}/{text}")));
    let mut other = clip.other.clone();
    if let Some(session) = Arc::make_mut(&mut other).get_mut("session") {
        *session = format!("{owner}/{session}");
    }
    let id = ClipId(format!("{name}/{}", clip.id.0).into());
    Clip {
        place: crate::corpus::Place::of(&clip.path(), &id),
        id,
        speaker: owned(&clip.speaker),
        text: owned(&clip.text),
        other,
        ..clip.clone()
    }
}

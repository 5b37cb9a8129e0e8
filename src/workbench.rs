//! Every verb of the program, without a terminal: corpus, labels, sound, training, runs.
//!
//! The UI thread owns the [`Workbench`]; jobs report through [`Update`]s, which the owner hands back to
//! [`Workbench::apply`]. Results live here, so leaving a screen loses nothing. Deliberately absent: keys, cells, and text
//! for the command line. Verbs delegate; the work is in the rooms below.

pub mod agree;
mod ahead;
mod altered;
pub mod assign;
pub mod baseline;
pub mod checkpoints;
pub mod columns;
pub mod config;
pub mod copies;
pub mod cost;
pub mod cross;
pub mod curve;
mod cutting;
pub mod differ;
pub mod doubts;
pub mod eta;
mod example;
pub mod experiment;
pub mod extract;
pub mod filter;
pub mod folds;
pub mod gate;
pub mod human;
pub mod kept;
mod labels;
pub mod listening;
pub mod live;
pub mod log;
pub mod logbook;
pub mod lost;
pub mod material;
pub mod models;
pub mod net;
pub mod next;
pub mod opinion;
pub mod picture;
pub mod places;
mod pretrain;
pub mod quantize;
mod raters;
pub mod repeats;
pub mod report;
pub mod safe;
pub mod search;
pub mod segments;
pub mod shelf;
pub mod standing;
pub mod summary;
mod training;
pub mod truth;
mod tune;
pub mod verify;
pub mod versus;
pub mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::audio::{Ladder, Playback, PlaybackNews, Player, Sound, Wish};
use crate::corpus::{ClipId, Corpus, Facts, Scanned, rescan};
use crate::features::Preparation;
use crate::job::{Job, Report, Watch, yield_to_others};
use crate::label::{Annotator, Quality, Scheme};
use crate::store::Batch;

use agree::{Studies, Study};
use ahead::Ahead;
use columns::{Inquiry, Progress, Ranked, Ranking, Rankings};
use curve::Spending;
use cutting::Cuttings;
pub use cutting::{Brought, Cutting};
use example::Examples;
use experiment::{Compared, Judged, News, Request};
use labels::Labels;
use listening::Tracker;
use opinion::{Adviser, Ask, Opinions, Places, Word};
use picture::{Picture, Pictures};
use raters::Watched;
use safe::Safe;
use standing::{Place, Tested, Tests};
pub use training::{Keeper, Training};
use training::{Sieve, compare_and_keep, load_crossed, load_runs};
use truth::Wanted;
use versus::Versus;
use view::View;

/// What the user asked for on the command line, already merged with the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or file of the corpus description; `None` = recognise it.
    pub corpus: Option<String>,
    /// Name or file of the labelling scheme; `None` = the corpus' classes.
    pub scheme: Option<String>,
    /// Who labels.
    pub annotator: String,
    /// The SQLite file.
    pub store: PathBuf,
    /// Folder of what waits while the store cannot take it.
    pub journal: PathBuf,
    /// Folder of computed features.
    pub cache: PathBuf,
    /// What happens to a clip before its features are computed; pictures take its rate alone.
    pub preparation: Preparation,
    /// Where sound goes.
    pub audio: Wish,
    /// The clip to begin with.
    pub begin: Option<ClipId>,
}

/// A report of a job or of the player, for [`Workbench::apply`].
#[derive(Debug)]
pub enum Update {
    /// The scan of the corpus.
    Scan(Report<Scanned, Opened>),
    /// The picture of a clip.
    Picture(usize, Report<(), Arc<Picture>>),
    /// The comparison with this number.
    Training(u64, Report<News, Compared>),
    /// The ranking of feature columns with this number.
    Columns(u64, Report<Progress, Ranked>),
    /// The model with this number.
    Opinion(u64, Report<Word, ()>),
    /// The choice of the next clips with this number.
    Ahead(u64, Report<News, Option<Batch>>),
    /// The tests between runs with this number.
    Tests(u64, Report<(), Tested>),
    /// The figures of raters, watched for with this number.
    Raters(u64, Report<Vec<Quality>, ()>),
    /// The example with this number.
    Example(u64, Report<(), Arc<Sound>>),
    /// The agreement of people, asked for with this number.
    Agreement(u64, Report<(), Vec<Study>>),
    /// The recording that is cut, with this number.
    Cutting(u64, Report<f64, Brought>),
    /// The player found its sink, or a sound came to its end.
    Sound(PlaybackNews),
    /// Time to try the store again.
    Retry,
}

/// What a scan brings back.
#[derive(Debug)]
pub struct Opened {
    /// What the corpus was before, where it is read anew.
    before: Option<Arc<Corpus>>,
    corpus: Arc<Corpus>,
    runs: Vec<Arc<Judged>>,
    crossed: Vec<Arc<Judged>>,
    run_problems: Vec<String>,
}

/// How far the opening of the corpus is.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// Files are being read.
    Scanning(Scanned),
    /// The corpus is there.
    Open,
    /// It could not be opened; the reason.
    Failed(String),
}

/// The corpus, its labels, the player, the running comparison and all runs.
pub struct Workbench {
    root: PathBuf,
    settings: Settings,
    send: Sender<Update>,
    opening: Opening,
    corpus: Arc<Corpus>,
    safe: Safe,
    /// True while an [`Update::Retry`] is on its way.
    retrying: bool,
    labels: Labels,
    pictures: Pictures,
    sound: Playing,
    scanning: Option<Job>,
    training: Option<Training>,
    rankings: Rankings,
    ahead: Ahead,
    watched: Watched,
    opinions: Opinions,
    runs: Vec<Arc<Judged>>,
    crossed: Vec<Arc<Judged>>,
    run_problems: Vec<String>,
    tests: Tests,
    studies: Studies,
    cuttings: Cuttings,
}

struct Playing {
    player: Player,
    /// Every clip as loud as the others.
    even: bool,
    hearing: Tracker,
    examples: Examples,
    /// Of the tracker's times.
    since: Instant,
    clip: Option<usize>,
    /// Plays as soon as it is decoded.
    on_arrival: Option<usize>,
    /// What the player was told will be played next.
    expected: Vec<Arc<Sound>>,
}

/// Opening and looking.
impl Workbench {
    /// Opens the store and starts to read the corpus at `root`; reports come through `send`.
    ///
    /// A store that cannot be opened is no error: browsing works, labelling says why it does not.
    ///
    /// # Errors
    /// An unknown or broken scheme; no thread for the scan.
    pub fn open(root: &Path, settings: Settings, send: Sender<Update>) -> Result<Workbench> {
        let safe = Safe::open(&settings.store, &settings.journal);
        let scheme = match &settings.scheme {
            Some(name) => Scheme::load(name)?,
            None => Scheme::of_classes("corpus", &[]),
        };
        let annotator = Annotator::Human(settings.annotator.clone());
        let player = player(&settings, send.clone())?;
        let mut workbench = Workbench {
            root: root.to_owned(),
            opening: Opening::Scanning(Scanned::default()),
            corpus: Arc::new(Corpus::empty(root)),
            safe,
            retrying: false,
            labels: Labels::new(scheme, annotator),
            pictures: Pictures::default(),
            sound: Playing::new(player),
            scanning: None,
            training: None,
            rankings: Rankings::default(),
            ahead: Ahead::default(),
            watched: Watched::default(),
            opinions: Opinions::default(),
            runs: Vec::new(),
            crossed: Vec::new(),
            run_problems: Vec::new(),
            tests: Tests::default(),
            studies: Studies::default(),
            cuttings: Cuttings::default(),
            settings,
            send,
        };
        workbench.scan(None)?;
        workbench.retry_later();
        Ok(workbench)
    }

    fn scan(&mut self, before: Option<Arc<Corpus>>) -> Result<()> {
        let (root, settings, send) = (self.root.clone(), self.settings.clone(), self.send.clone());
        let report = move |report| drop(send.send(Update::Scan(report)));
        let job = Job::spawn("scan", report, move |watch| {
            let facts = Facts::of(&settings.cache.join("facts"), &root);
            let cuts = segments::cuts(&settings.store, &root);
            let corpus = rescan(&root, settings.corpus.as_deref(), facts, &cuts, watch)?;
            let (runs, run_problems) = load_runs(&settings.store, &corpus);
            let crossed = load_crossed(&settings.store);
            Ok(Opened { before, corpus: Arc::new(corpus), runs, crossed, run_problems })
        })?;
        self.scanning = Some(job);
        Ok(())
    }

    /// Reads the corpus anew. Until it is there nothing is: a place in the old one would mean another clip in the new one.
    fn reread(&mut self) {
        let before = std::mem::replace(&mut self.corpus, Arc::new(Corpus::empty(&self.root)));
        self.opening = Opening::Scanning(Scanned::default());
        self.cuttings.readings += 1;
        self.pictures.forget();
        self.rankings = Rankings::default();
        if let Err(error) = self.scan(Some(before)) {
            self.opening = Opening::Failed(error.to_string());
        }
    }

    /// Takes in a report; true when something that screens show has changed.
    pub fn apply(&mut self, update: Update) -> bool {
        match update {
            Update::Scan(report) => self.scanned(report),
            Update::Picture(clip, report) => self.pictured(clip, report),
            Update::Training(number, report) => self.trained(number, report),
            Update::Columns(number, report) => self.rankings.take(number, report),
            Update::Opinion(number, report) => self.opinions.take(number, report),
            Update::Ahead(number, report) => self.looked_ahead(number, report),
            Update::Tests(number, report) => self.tests.take(number, report),
            Update::Raters(number, report) => self.rated(number, report),
            Update::Example(number, report) => self.exemplified(number, report),
            Update::Agreement(number, report) => self.studies.take(number, report),
            Update::Cutting(number, report) => self.brought(number, report),
            Update::Sound(news) => self.heard_out(&news),
            Update::Retry => self.retry(),
        }
    }

    /// The clips and problems; empty while the corpus is being read.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// How far the opening of the corpus is.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Why nothing can be done with the corpus now.
    fn not_open(&self) -> String {
        match &self.opening {
            Opening::Failed(reason) => reason.clone(),
            _ => "the corpus is not open yet; in a moment".to_owned(),
        }
    }

    /// The picture of a clip: `None` until its job is done (see [`Workbench::want`]), an error when it cannot be decoded.
    pub fn picture(&self, clip: usize) -> Option<Result<&Picture, &str>> {
        self.pictures.get(clip).map(|picture| picture.as_deref().map_err(String::as_str))
    }

    /// Has the picture of `clip` made if it is not there.
    pub fn want(&mut self, clip: usize) {
        self.pictures.want(clip, &self.corpus, (self.settings.preparation.rate, &self.send));
    }

    /// How clips are shown.
    pub fn view(&self) -> &View {
        &self.pictures.view
    }

    /// How clips are shown, to change it.
    pub fn view_mut(&mut self) -> &mut View {
        &mut self.pictures.view
    }

    fn scanned(&mut self, report: Report<Scanned, Opened>) -> bool {
        match report {
            Report::News(scanned) => self.opening = Opening::Scanning(scanned),
            Report::Done(opened) => {
                self.opening = Opening::Open;
                self.corpus = opened.corpus;
                if let Some(before) = opened.before {
                    self.opinions.moved(&before, &self.corpus);
                }
                (self.runs, self.crossed, self.run_problems) = (opened.runs, opened.crossed, opened.run_problems);
                self.reload_labels();
            }
            Report::Cancelled => self.opening = Opening::Failed("stopped".to_owned()),
            Report::Failed(reason) => self.opening = Opening::Failed(reason),
        }
        true
    }

    fn pictured(&mut self, clip: usize, report: Report<(), Arc<Picture>>) -> bool {
        let changed = self.pictures.take(clip, report, &self.corpus, (self.settings.preparation.rate, &self.send));
        if changed && self.sound.on_arrival == Some(clip) {
            self.play(clip);
        }
        changed
    }
}

/// Sound.
impl Workbench {
    /// Plays a clip from its start, now or as soon as it is decoded.
    pub fn play(&mut self, clip: usize) {
        let picture = match self.pictures.get(clip) {
            Some(Ok(picture)) => Arc::clone(picture),
            Some(Err(_)) => return self.sound.on_arrival = None,
            None => {
                self.sound.on_arrival = Some(clip);
                return self.want(clip);
            }
        };
        self.listen(false);
        self.forget_example();
        self.sound.play(clip, &picture);
    }

    /// Plays `clip` from `seconds` on; it must have its picture.
    pub fn play_at(&mut self, clip: usize, seconds: f64) {
        if self.playing() != Some(clip) {
            self.play(clip);
        }
        self.sound.player.seek_to(seconds);
        self.sound.player.resume();
    }

    /// Stops the sound and forgets a clip that was to be played on arrival, and the recording that was cut: its screen is left.
    pub fn stop(&mut self) {
        self.cut_close();
        self.look_away();
        self.forget_example();
        (self.sound.clip, self.sound.on_arrival) = (None, None);
        self.sound.player.stop();
    }

    /// Pause, seek, speed, volume, loop.
    pub fn player(&self) -> &Player {
        &self.sound.player
    }

    /// What is being played, where, by what.
    pub fn playback(&self) -> Playback {
        self.sound.player.state()
    }

    /// How much of `clip` was heard, 0..1; `None` unless it was played last.
    pub fn heard(&self, clip: usize) -> Option<f64> {
        let playback = self.playback();
        (self.sound.clip == Some(clip) && playback.seconds > 0.0).then(|| playback.position / playback.seconds)
    }

    /// The clip that was played last, until [`Workbench::stop`].
    pub fn playing(&self) -> Option<usize> {
        self.sound.clip
    }
}

/// Training and runs.
impl Workbench {
    /// Starts a comparison, on the corpus' labels or on those that people gave (`truth`); one runs at a time.
    ///
    /// # Errors
    /// One is running, or the corpus is not open; everything else is reported by the job.
    pub fn compare(&mut self, request: Request, truth: Option<Wanted>) -> Result<()> {
        self.train((request, truth), None)
    }

    /// Starts to draw learning curves of the classifiers of `request`; it is watched and cancelled as a comparison is.
    ///
    /// # Errors
    /// As [`Workbench::compare`].
    pub fn curve(&mut self, request: Request, truth: Option<Wanted>, spending: Spending) -> Result<()> {
        self.train((request, truth), Some(spending))
    }

    fn train(&mut self, (request, truth): (Request, Option<Wanted>), spending: Option<Spending>) -> Result<()> {
        if self.opening != Opening::Open {
            bail!(self.not_open());
        }
        if self.training.as_ref().is_some_and(Training::is_running) {
            bail!("a comparison is running; cancel it first");
        }
        if self.rankings.is_running() {
            bail!("features are being ranked; cancel that first, or wait");
        }
        let number = self.training.as_ref().map_or(0, |last| last.number + 1);
        let (send, asked) = (self.send.clone(), (request.clone(), truth));
        let (corpus, settings) = (Arc::clone(&self.corpus), self.settings.clone());
        let sieve = Sieve::new();
        let report = move |report| {
            if sieve.lets(&report) {
                drop(send.send(Update::Training(number, report)));
            }
        };
        let work = move |watch: &dyn Watch<News>| {
            yield_to_others();
            compare_and_keep(&corpus, (&asked.0, asked.1.as_ref(), spending), &settings, watch)
        };
        ::log::info!("training {number}: {}", request.models.join(", "));
        let job = Job::spawn("compare", report, work)?;
        self.training = Some(Training::new(number, request, job));
        Ok(())
    }

    /// Asks the running comparison to stop; what it has finished stays.
    pub fn cancel(&mut self) {
        if let Some(training) = &self.training {
            training.cancel();
        }
    }

    /// The running comparison, or the last one.
    pub fn training(&self) -> Option<&Training> {
        self.training.as_ref()
    }

    /// All runs on this corpus, newest first.
    pub fn runs(&self) -> &[Arc<Judged>] {
        &self.runs
    }

    /// Runs that are cells of a matrix of corpora, whichever corpus they were tested on; as the store had them at the opening.
    pub fn crossed(&self) -> &[Arc<Judged>] {
        &self.crossed
    }

    /// Runs in the store that cannot be read, with the reason.
    pub fn run_problems(&self) -> &[String] {
        &self.run_problems
    }

    /// Has the best run of each task and plan, and those that tie with it, worked out if the runs are others than before.
    pub fn stand(&mut self) {
        // Without a thread for it no run is marked; nothing else depends on it.
        let _ = self.tests.stand(&self.runs, &self.send);
    }

    /// Where a run stands among those of its task and plan, as far as it is known.
    pub fn place(&self, run: &Arc<Judged>) -> Option<Place> {
        self.tests.standing().and_then(|standing| standing.place(run))
    }

    /// Has every pair of some runs tested.
    ///
    /// # Errors
    /// No thread for it.
    pub fn test(&mut self, runs: &[Arc<Judged>]) -> Result<()> {
        self.tests.between(runs, &self.send)
    }

    /// Every pair of just these runs: `None` until its job is done, an error where they do not compare.
    pub fn pairs(&self, runs: &[Arc<Judged>]) -> Option<Result<&Versus, &str>> {
        self.tests.pairs(runs)
    }

    fn trained(&mut self, number: u64, report: Report<News, Compared>) -> bool {
        let Some(training) = self.training.as_mut().filter(|training| training.number == number) else { return false };
        if let Report::News(News::Run(judged)) = &report {
            self.runs.insert(0, Arc::clone(judged));
        }
        training.apply(report);
        true
    }
}

/// Opinions of a model.
impl Workbench {
    /// Has the model of that name (see [`shelf::model`]) asked from now on; whether it can be opened is reported by its job.
    ///
    /// # Errors
    /// The corpus is not open.
    pub fn consult(&mut self, name: &str) -> Result<()> {
        if self.opening != Opening::Open {
            bail!(self.not_open());
        }
        self.opinions.consult(name, &self.corpus, (&self.settings, &self.send))
    }

    /// The model that is asked.
    pub fn adviser(&self) -> Option<&Adviser> {
        self.opinions.adviser.as_ref()
    }

    /// Where its answers are shown.
    pub fn opinion_places(&self) -> Places {
        self.opinions.places
    }

    /// Where its answers are shown, to change it.
    pub fn opinion_places_mut(&mut self) -> &mut Places {
        &mut self.opinions.places
    }

    /// Asks the model, unless the answer is known or on its way.
    pub fn ask(&mut self, ask: Ask) {
        self.opinions.ask(ask);
    }

    /// Remembers that what the model says of a clip, if it is known, is on the screen: labels given from now on are not
    /// blind.
    pub fn see_opinion(&mut self, clip: usize) {
        self.opinions.see(clip);
    }

    /// Remembers that what a run (in words) says of these clips is on the screen: labels given to them from now on are not
    /// blind.
    pub fn see_run(&mut self, clips: &[usize], run: &str) {
        self.opinions.see_run(clips, run);
    }

    /// Remembers that name, speaker and label of these clips are on the screen: labels given to them from now on are not
    /// blind.
    pub fn see_corpus(&mut self, clips: &[usize]) {
        self.opinions.see_corpus(clips);
    }
}

/// Features, looked at.
impl Workbench {
    /// Starts to rank the columns of a feature set; one CPU-heavy job runs at a time.
    ///
    /// # Errors
    /// One is running, or the corpus is not open; everything else is reported by the job.
    pub fn rank(&mut self, inquiry: Inquiry) -> Result<()> {
        if self.opening != Opening::Open {
            bail!(self.not_open());
        }
        if self.training.as_ref().is_some_and(Training::is_running) {
            bail!("a training is running and needs the processor; cancel it first, or wait");
        }
        if self.rankings.is_running() {
            bail!("features are being ranked; cancel that first, or wait");
        }
        self.rankings.start(inquiry, &self.corpus, (&self.settings, &self.send))
    }

    /// Asks the running ranking to stop; features that are computed stay in the cache.
    pub fn stop_ranking(&mut self) {
        self.rankings.cancel();
    }

    /// The running ranking, or the last one.
    pub fn ranking(&self) -> Option<&Ranking> {
        self.rankings.running.as_ref()
    }

    /// The last answer.
    pub fn ranked(&self) -> Option<&Arc<Ranked>> {
        self.rankings.ranked.as_ref()
    }
}

fn player(settings: &Settings, send: Sender<Update>) -> std::io::Result<Player> {
    let notify = move |news| drop(send.send(Update::Sound(news)));
    let wish = settings.audio.clone();
    Player::new(move || Box::new(Ladder::open(&wish)), notify)
}

/// Names a corpus in the store.
pub fn corpus_key(corpus: &Corpus) -> String {
    key_of(&corpus.root)
}

/// Names the corpus at `path` in the store: its folder (that of the table, if `path` is one) with all links resolved,
/// the same from every working directory.
pub fn key_of(path: &Path) -> String {
    let root = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    // The folder of a bare file name is the empty path.
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    root.canonicalize().unwrap_or_else(|_| root.to_owned()).display().to_string()
}

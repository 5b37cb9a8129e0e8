//! `emolab export` and `emolab import`: what was said about the clips of a corpus, as files of many formats.
//!
//! Deliberately absent: the formats (see `label::exchange`), and merging two stores.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::progress::Progress;
use super::which::Which;
use super::{Files, Place, login_name, say};
use crate::corpus::{ClipId, Corpus, Cut, Span};
use crate::label::exchange::{
    self, EXCHANGES, Exchange, Folder, Import, Rater, Sheet, Wishes, named, plan, recognised, segments,
};
use crate::label::gold::{How, METHODS, Method, labels, method};
use crate::label::{Annotation, Annotator, Asked, BUILT_IN, Scheme, SchemeId, Timestamp};
use crate::store::{CutAct, Recut, Store};
use crate::workbench::{self, corpus_key, key_of, places};

/// How many names a message lists.
const NAMES: usize = 10;

/// Arguments of `emolab export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    /// How the files are written.
    #[arg(long, default_value = "csv", value_parser = written())]
    format: String,
    /// The file, or the folder where the format is one of several files. `csv` and `jsonl` write the votes beside it, with `.clips`
    /// before the ending.
    #[arg(long, short, value_name = "PATH")]
    out: PathBuf,
    /// Only what was said in this scheme.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Only what this annotator said.
    #[arg(long, value_name = "NAME")]
    annotator: Option<String>,
    /// Add gold labels by this method, as one more rater (`vote:METHOD`); formats with room for one answer write these.
    #[arg(long, value_name = "METHOD", value_parser = gold_method)]
    gold: Option<&'static Method>,
    #[command(flatten)]
    which: Which,
    /// SQLite file of labels and runs [default: emolab/emolab.db in the XDG data directory].
    #[arg(long, value_name = "FILE", env = "EMOLAB_STORE")]
    store: Option<PathBuf>,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Arguments of `emolab import`.
#[derive(Debug, Args)]
pub struct ImportVerb {
    #[command(flatten)]
    place: Place,
    /// File or folder of labels.
    from: PathBuf,
    /// How the files are read; recognised by itself if not given.
    #[arg(long, value_parser = read())]
    format: Option<String>,
    /// Who said what the file gives to nobody; `machine:NAME`, `vote:NAME`, `truth:NAME` for what is no person.
    #[arg(long, value_name = "NAME")]
    annotator: Option<String>,
    /// The scheme of all that is imported, `NAME` or `NAME@VERSION`; the file's own if not given.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Another name for a class of the file; may be given several times.
    #[arg(long, value_name = "OLD=NEW")]
    map: Vec<String>,
    /// Cut recordings where the file speaks of a part that is no clip yet.
    #[arg(long)]
    segments: bool,
    /// Say what would be imported, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    files: Files,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

impl Export {
    /// Reads the store, writes the files, says what they cannot hold.
    pub fn run(self) -> Result<()> {
        let path = &self.place.path;
        path.metadata().with_context(|| path.display().to_string())?;
        let format = named(&self.format).with_context(|| format!("no format `{}`", self.format))?;
        let store = match &self.store {
            Some(store) => store.clone(),
            None => places::store()?,
        };
        if !store.exists() {
            bail!("{}: nothing has been labelled yet", store.display());
        }
        let mut annotations = self.wanted(Store::open(&store)?.annotations(&key_of(path), None)?);
        let corpus = match format.describes_clips() || !self.which.is_all() {
            true => self.which.keep(scanned(&self.place, &store, self.quiet)?)?,
            false => Corpus::empty(path),
        };
        // What was said of clips that have left the corpus is kept, unless clips were chosen.
        annotations.retain(|one| self.which.is_all() || corpus.index_of(&one.clip).is_some());
        if annotations.is_empty() {
            bail!("{}: no such annotations of {}", store.display(), path.display());
        }
        let schemes = schemes(self.scheme.as_deref(), &corpus)?;
        let mut sheet = Sheet::of(&corpus.name, &corpus.clips, &schemes, &annotations);
        if let Some(method) = self.gold {
            add_gold(&mut sheet, method, &schemes, &annotations)?;
        }
        self.write(format, &sheet)
    }

    fn wanted(&self, mut annotations: Vec<Annotation>) -> Vec<Annotation> {
        if let Some(scheme) = &self.scheme {
            let id: Option<SchemeId> = scheme.parse().ok();
            let name = id.map_or_else(|| Scheme::load(scheme).map_or(scheme.clone(), |known| known.name), |id| id.name);
            annotations.retain(|one| one.scheme.name == name);
        }
        if let Some(annotator) = &self.annotator {
            let who = Rater::parse(annotator).annotator();
            annotations.retain(|one| one.annotator == who);
        }
        annotations
    }

    fn write(&self, format: &dyn Exchange, sheet: &Sheet) -> Result<()> {
        for lost in sheet.lost(format.keeps()) {
            say(&format!("{} does not hold: {lost}", format.name()));
        }
        let kept = sheet.kept(format.keeps());
        let written = exchange::write(format, &kept, &self.out)?;
        match written.as_slice() {
            [only] => say(&format!("{}: {} annotations", only.display(), kept.said.len())),
            several => {
                say(&format!("{}: {} annotations", self.out.display(), kept.said.len()));
                several.iter().take(NAMES).for_each(|file| say(&format!("  {}", file.display())));
                if several.len() > NAMES {
                    say(&format!("  … and {} files more", several.len() - NAMES));
                }
            }
        }
        Ok(())
    }
}

/// Adds the gold labels of every question that the method fits.
fn add_gold(sheet: &mut Sheet, method: &'static Method, schemes: &[Scheme], all: &[Annotation]) -> Result<()> {
    let (mut made, now) = (0, Timestamp::now());
    let questions: BTreeSet<(String, String)> =
        sheet.asked.iter().map(|asked| (asked.scheme.name.clone(), asked.question.clone())).collect();
    for (scheme, question) in &questions {
        let defined = schemes.iter().find(|one| one.name == *scheme).and_then(|one| one.question(question));
        let asked = Asked { scheme, question, answers: defined.map(|question| &question.answers), raters: &[] };
        match labels(all, &asked, How::plain(method)) {
            Ok(gold) => {
                sheet.add_gold(&gold, now);
                made += 1;
            }
            Err(reason) => say(&format!("{scheme} {question}: no gold labels: {reason}")),
        }
    }
    if made == 0 { bail!("{} fits none of the questions", method.name) } else { Ok(()) }
}

fn gold_method(text: &str) -> Result<&'static Method> {
    let all = || METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(", ");
    method(text).with_context(|| format!("there are {}", all()))
}

impl ImportVerb {
    /// Reads the files, finds their clips, appends what is new in one transaction, says what came of it.
    pub fn run(self) -> Result<()> {
        let wishes = self.wishes()?;
        let path = self.files.store()?;
        let mut corpus = scanned(&self.place, &path, self.quiet)?;
        let files = Folder::open(&self.from)?;
        let format = match &self.format {
            Some(name) => named(name).with_context(|| format!("no format `{name}`"))?,
            None => recognised(&files).ok_or_else(|| {
                let known: Vec<&str> = EXCHANGES.iter().map(|one| one.name()).collect();
                anyhow!("{}: no format is recognised; --format {}", self.from.display(), known.join("|"))
            })?,
        };
        let sheet = format.read(&files, &corpus)?;
        for problem in &sheet.problems {
            say(&problem.to_string());
        }
        let key = corpus_key(&corpus);
        if self.segments && self.cut(&sheet, &corpus, &path)? {
            corpus = scanned(&self.place, &path, self.quiet)?;
        }
        let stored = match self.dry_run && !path.exists() {
            true => Vec::new(),
            false => Store::open(&path)?.annotations(&key, None)?,
        };
        let import =
            plan(&sheet, &corpus, &stored, &wishes).map_err(|reason| anyhow!("{}: {reason}", self.from.display()))?;
        if !self.dry_run && !import.new.is_empty() {
            Store::open(&path)?.append_all(&key, &import.new)?;
        }
        tell(&import, format.name(), self.dry_run);
        if import.new.is_empty() && import.known == 0 {
            bail!("{}: nothing in it could be imported", self.from.display());
        }
        Ok(())
    }

    /// Cuts the parts that are no clips yet; true when the corpus is another now.
    fn cut(&self, sheet: &Sheet, corpus: &Corpus, store: &Path) -> Result<bool> {
        let missing = segments(sheet, corpus);
        let audio = |file: &ClipId| corpus.index_of(file).map(|place| corpus.clips[place].audio.hash);
        let change = |(file, span): &(ClipId, Span)| Recut {
            file: file.clone(),
            cut: Cut { span: *span, audio: audio(file) },
            act: CutAct::Cut,
        };
        let changes: Vec<Recut> = missing.iter().map(change).collect();
        if !self.dry_run && !changes.is_empty() {
            Store::open(store)?.recut(&corpus_key(corpus), &Annotator::Human(login_name()), &changes)?;
        }
        say(&format!("{} segments {}", changes.len(), if self.dry_run { "would be cut" } else { "cut" }));
        Ok(!self.dry_run && !changes.is_empty())
    }

    fn wishes(&self) -> Result<Wishes> {
        let scheme = self.scheme.as_ref().map(|text| match (text.parse::<SchemeId>(), Scheme::load(text)) {
            (_, Ok(known)) => Ok(known.id()),
            (Ok(id), _) => Ok(id),
            _ if !text.is_empty() && !text.contains(['@', '/', ' ']) => Ok(SchemeId { name: text.clone(), version: 1 }),
            (Err(reason), _) => Err(anyhow!(reason)),
        });
        let pair = |text: &String| {
            let (old, new) = text.split_once('=').with_context(|| format!("--map {text}: write OLD=NEW"))?;
            Ok((old.to_owned(), new.to_owned()))
        };
        Ok(Wishes {
            annotator: self.annotator.as_deref().map(Rater::parse),
            scheme: scheme.transpose()?,
            map: self.map.iter().map(pair).collect::<Result<BTreeMap<_, _>>>()?,
            now: Timestamp::now(),
        })
    }
}

fn tell(import: &Import, format: &str, dry_run: bool) {
    let names =
        |(file, (count, why)): (&String, &(usize, &str))| format!("{file}: {why} ({count} annotations left out)");
    import.unmatched.iter().take(NAMES).map(names).for_each(|line| say(&line));
    if import.unmatched.len() > NAMES {
        say(&format!("… and {} names more without a clip", import.unmatched.len() - NAMES));
    }
    if import.dangling > 0 {
        say(&format!("{} undos and redos of something that is not in the file are left out", import.dangling));
    }
    let (new, known, lost) =
        (import.new.len(), import.known, import.unmatched.values().map(|(count, _)| count).sum::<usize>());
    let done = if dry_run { "would be new" } else { "new" };
    say(&format!("{format}: {new} {done}, {known} known already, {lost} without a clip"));
}

/// The schemes that may have been asked: the one that is named, the built-in ones, the corpus' own classes.
fn schemes(named: Option<&str>, corpus: &Corpus) -> Result<Vec<Scheme>> {
    let mut all = Vec::new();
    if let Some(name) = named.filter(|name| Path::new(name).is_file()) {
        all.push(Scheme::load(name)?);
    }
    for (name, _) in BUILT_IN {
        all.push(Scheme::load(name)?);
    }
    all.push(Scheme::of_classes(&corpus.name, &corpus.classes));
    Ok(all)
}

fn scanned(place: &Place, store: &Path, quiet: bool) -> Result<Corpus> {
    let progress = Progress::new(quiet)?;
    let corpus = workbench::segments::scan(&place.path, place.corpus().as_deref(), store, &progress)?;
    progress.end();
    Ok(corpus)
}

/// The formats that are written.
fn written() -> clap::builder::PossibleValuesParser {
    values(|one| !one.import_only())
}

fn read() -> clap::builder::PossibleValuesParser {
    values(|_| true)
}

fn values(wanted: impl Fn(&dyn Exchange) -> bool) -> clap::builder::PossibleValuesParser {
    let all = EXCHANGES.iter().filter(|one| wanted(**one));
    all.map(|one| clap::builder::PossibleValue::new(one.name()).help(one.about())).collect::<Vec<_>>().into()
}

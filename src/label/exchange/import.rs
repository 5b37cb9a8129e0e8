//! From a sheet to what a store has to append: whose clips, which of it is new.
//!
//! Clips are found by their path relative to the root, else by the longest end of the path that only one clip has, else by the name
//! without its ending. Deliberately absent: writing (see `Store::append_all`), and judging answers: a class that a scheme does not
//! have is kept as it was said.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::{Item, Rater, Said, Sheet};
use crate::corpus::{Clip, ClipId, Corpus, Span};
use crate::label::{Act, Annotation, AnnotationId, Annotator, NewAnnotation, Occasion, SchemeId, Timestamp};

/// What whoever imports says beside the file.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Who said what the file gives to nobody.
    pub annotator: Option<Rater>,
    /// The scheme of all that is imported; `None` = the file's.
    pub scheme: Option<SchemeId>,
    /// New names of classes.
    pub map: BTreeMap<String, String>,
    /// When it was said, where the file does not tell.
    pub now: Timestamp,
}

/// What an import comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    /// To be appended, in this order. An undo or redo of something in this list refers to it by [`AnnotationId::in_batch`].
    pub new: Vec<NewAnnotation>,
    /// How many are in the store already.
    pub known: usize,
    /// Items without a clip, with how many annotations and why, in order of name.
    pub unmatched: BTreeMap<String, (usize, &'static str)>,
    /// Undos and redos of something that is not there.
    pub dangling: usize,
}

/// What of `sheet` is to be appended to the annotations `stored` of this corpus.
///
/// # Errors
/// In words: the file names no rater or no scheme, and `wishes` does not either.
pub fn plan(sheet: &Sheet, corpus: &Corpus, stored: &[Annotation], wishes: &Wishes) -> Result<Import, String> {
    let finder = Finder::of(corpus);
    let clips: Vec<Result<&Clip, &'static str>> = sheet.items.iter().map(|item| finder.clip(item)).collect();
    let mut known = Known::of(stored, clips.iter().flatten().map(|clip| &clip.id).collect());
    let mut import = Import::default();
    let mut ids: HashMap<AnnotationId, AnnotationId> = HashMap::new();
    for said in &sheet.said {
        let clip = match clips[said.item] {
            Ok(clip) => clip,
            Err(reason) => {
                import.unmatched.entry(sheet.items[said.item].file.clone()).or_insert((0, reason)).0 += 1;
                continue;
            }
        };
        let mut new = annotation(said, clip, wishes)?;
        if let Some(target) = new.act.refers_to() {
            let Some(found) = ids.get(&target) else {
                import.dangling += 1;
                continue;
            };
            new.act = new.act.referring_to(*found);
        }
        let id = match known.find(&new, said.at) {
            Some(id) => {
                import.known += 1;
                id
            }
            None => {
                let id = AnnotationId::in_batch(import.new.len());
                known.add(&new, id);
                import.new.push(new);
                id
            }
        };
        if let Some(old) = said.id {
            ids.insert(old, id);
        }
    }
    Ok(import)
}

const NO_SEGMENT: &str = "a part of a file, which is no clip here; --segments makes it one";

/// The parts of files that the sheet speaks of and that are no clips yet, each once, by file and time.
pub fn segments(sheet: &Sheet, corpus: &Corpus) -> BTreeSet<(ClipId, Span)> {
    let finder = Finder::of(corpus);
    let said = sheet.said.iter().map(|said| &sheet.items[said.item]);
    let missing = said.filter_map(|item| {
        let clip = finder.find(&item.file).ok()?;
        let (start, end) = partial(item, clip)?;
        let span = Span::seconds(start, end.min(clip.audio.seconds))?;
        finder.part(clip, start, end).is_none().then(|| (clip.id.clone(), span))
    });
    missing.collect()
}

/// Start and end of an item that is only a part of its clip.
fn partial(item: &Item, clip: &Clip) -> Option<(f64, f64)> {
    item.span.filter(|(start, end)| *start > SLACK || *end < clip.audio.seconds - SLACK)
}

/// Seconds by which a part may miss the ends of its file and still be the whole.
const SLACK: f64 = 0.02;

fn annotation(said: &Said, clip: &Clip, wishes: &Wishes) -> Result<NewAnnotation, String> {
    let rater = said.rater.as_ref().or(wishes.annotator.as_ref());
    let rater = rater.ok_or("the file does not say who rated: --annotator NAME")?;
    let scheme = wishes.scheme.as_ref().or(said.scheme.as_ref());
    let scheme = scheme.ok_or("the file does not say what was asked: --scheme NAME")?;
    let mut act = said.act.clone();
    if let Act::Answer { value, .. } = &mut act
        && !wishes.map.is_empty()
    {
        let renamed = |class: &str| wishes.map.get(class).cloned().unwrap_or_else(|| class.to_owned());
        *value = wishes
            .map
            .get(value.as_str())
            .cloned()
            .unwrap_or_else(|| value.split(';').map(renamed).collect::<Vec<_>>().join(";"));
    }
    Ok(NewAnnotation {
        clip: clip.id.clone(),
        audio: said.audio.clone().unwrap_or_else(|| clip.audio.hash.to_string()),
        annotator: rater.annotator(),
        scheme: scheme.clone(),
        act,
        confidence: said.confidence,
        exposure: said.exposure.clone(),
        at: said.at.unwrap_or(wishes.now),
        occasion: said.occasion,
        listening: said.listening.clone(),
    })
}

/// Clips by every end of their paths.
struct Finder<'a> {
    root: String,
    clips: HashMap<&'a str, &'a Clip>,
    /// By file name, and by file name without its ending.
    names: HashMap<&'a str, Vec<&'a Clip>>,
}

impl<'a> Finder<'a> {
    fn of(corpus: &'a Corpus) -> Finder<'a> {
        let mut names: HashMap<&str, Vec<&Clip>> = HashMap::new();
        // Parts are found by their file and their span.
        for clip in corpus.clips.iter().filter(|clip| clip.recording().is_none()) {
            let name = last(&clip.id.0);
            names.entry(name).or_default().push(clip);
            if stem(name) != name {
                names.entry(stem(name)).or_default().push(clip);
            }
        }
        let clips = corpus.clips.iter().map(|clip| (clip.id.0.as_str(), clip)).collect();
        Finder { root: corpus.root.display().to_string(), clips, names }
    }

    /// The clip of a whole file, of a part that is as long as the file, or of a part that is a clip.
    fn clip(&self, item: &Item) -> Result<&'a Clip, &'static str> {
        let clip = self.find(&item.file)?;
        match partial(item, clip) {
            None => Ok(clip),
            Some((start, end)) => self.part(clip, start, end).ok_or(NO_SEGMENT),
        }
    }

    /// The part of that span, or the nearest one that begins and ends a millisecond off at most: other programs round.
    fn part(&self, clip: &Clip, start: f64, end: f64) -> Option<&'a Clip> {
        let millis = |seconds: f64| (seconds * 1000.0).round() as i64;
        let near = |at: i64| [0, -1, 1].map(|off| u32::try_from(at + off).ok());
        let all = near(millis(start)).into_iter().flat_map(|start| near(millis(end)).map(|end| (start, end)));
        let mut spans = all.filter_map(|(start, end)| Span::millis(start?, end?));
        spans.find_map(|span| self.clips.get(clip.id.part(span).0.as_str()).copied())
    }

    fn find(&self, file: &str) -> Result<&'a Clip, &'static str> {
        let file = file.replace('\\', "/");
        let file = file.trim_start_matches("./");
        let inside = Path::new(file).strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or(file);
        if let Some(clip) = self.clips.get(inside) {
            return Ok(clip);
        }
        let name = last(inside);
        let all = match self.names.get(name) {
            Some(all) => all,
            // A copy in another format, or a name that is an identifier.
            None => self.names.get(stem(name)).ok_or("no such clip")?,
        };
        let shared = |clip: &Clip| {
            let (ours, theirs) = (clip.id.0.rsplit('/').skip(1), inside.rsplit('/').skip(1));
            ours.zip(theirs).take_while(|(a, b)| a == b).count()
        };
        let best = all.iter().map(|clip| shared(clip)).max().unwrap_or_default();
        let mut best = all.iter().filter(|clip| shared(clip) == best);
        match (best.next(), best.next()) {
            (Some(clip), None) => Ok(clip),
            _ => Err("several clips are called so"),
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// All of an annotation but its time, ids of what it refers to among it.
type Key = (ClipId, Annotator, SchemeId, Occasion, Act);

/// What the store has about the clips of a sheet.
struct Known(HashMap<Key, Vec<(Timestamp, AnnotationId)>>);

impl Known {
    fn of(stored: &[Annotation], clips: HashSet<&ClipId>) -> Known {
        let mut known = Known(HashMap::new());
        for one in stored.iter().filter(|one| clips.contains(&one.clip)) {
            known.add(&one.said, one.id);
        }
        known
    }

    fn add(&mut self, new: &NewAnnotation, id: AnnotationId) {
        self.0.entry(key(new)).or_default().push((new.at, id));
    }

    /// One that says the same, at the same time where that is known.
    fn find(&self, new: &NewAnnotation, at: Option<Timestamp>) -> Option<AnnotationId> {
        let all = self.0.get(&key(new))?;
        all.iter().find(|(moment, _)| at.is_none_or(|at| at == *moment)).map(|(_, id)| *id)
    }
}

fn key(new: &NewAnnotation) -> Key {
    let (clip, who, scheme) = (new.clip.clone(), new.annotator.clone(), new.scheme.clone());
    (clip, who, scheme, new.occasion, new.act.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Part;
    use super::super::tests::{nothing, session, sheet};
    use super::*;
    use crate::audio::AudioHash;
    use crate::corpus::Place;

    fn clip(id: &str) -> Clip {
        Clip {
            id: ClipId(id.into()),
            place: Place::of(id.as_ref(), &ClipId(id.into())),
            extent: Default::default(),
            speaker: None,
            sex: None,
            label: None,
            text: None,
            words: None,
            intensity: None,
            language: None,
            other: Default::default(),
            audio: crate::audio::AudioFacts {
                rate: 16_000,
                channels: 1,
                seconds: 2.5,
                peak: 0.5,
                rms: 0.1,
                hash: AudioHash([0; 32]),
            },
        }
    }

    fn wishes() -> Wishes {
        let now = Timestamp::from_millis(1_800_000_000_000).unwrap();
        Wishes { annotator: None, scheme: None, map: BTreeMap::new(), now }
    }

    #[test]
    fn an_import_appends_what_is_new_and_nothing_twice() {
        let mut corpus = nothing();
        corpus.clips = ["wav/a 1.wav", "wav/b.wav", "wav/c.wav"].map(clip).into();
        let session = session();
        let sheet = sheet();
        let all = plan(&sheet, &corpus, &[], &wishes()).unwrap();
        assert_eq!((all.new.len(), all.known, all.dangling), (session.len(), 0, 0));
        let undo = all.new.iter().find_map(|new| new.act.refers_to()).unwrap();
        let undone = undo.place_in_batch().unwrap();
        assert_eq!(all.new[undone].act, Act::label("joy"));
        let again = plan(&sheet, &corpus, &session, &wishes()).unwrap();
        assert_eq!((again.new.len(), again.known), (0, session.len()));
        let half = plan(&sheet, &corpus, &session[..session.len() / 2], &wishes()).unwrap();
        assert_eq!(half.new.len() + half.known, session.len());
        // Without times the same answer counts as known, whenever it was given.
        let timeless = sheet.kept(&[Part::Rater, Part::Scheme, Part::Question]);
        let known = plan(&timeless, &corpus, &session, &wishes()).unwrap();
        assert_eq!((known.new.len(), known.known), (1, timeless.said.len() - 1), "the decision became a truth");
    }

    #[test]
    fn clips_are_found_by_path_then_by_name_and_others_are_told() {
        let mut corpus = nothing();
        corpus.clips = ["a/x.wav", "b/x.wav", "b/y.wav"].map(clip).into();
        let files = ["/c/a/x.wav", "set\\b\\x.wav", "y.flac", "y", "x.wav", "z.wav", "b/y.wav", "b/y.wav"];
        let mut sheet = Sheet::default();
        for (at, file) in files.into_iter().enumerate() {
            sheet.items.push(Item::of(file));
            sheet.said.push(Said::answer(at, Some(Rater::human(format!("r{at}"))), "k;old"));
        }
        sheet.items[6].span = Some((0.0, 2.49));
        sheet.items[7].span = Some((1.0, 2.49));
        let no_scheme = plan(&sheet, &corpus, &[], &wishes()).unwrap_err();
        assert!(no_scheme.contains("--scheme"));
        let map = BTreeMap::from([("old".to_owned(), "new".to_owned())]);
        let wishes = Wishes { scheme: Some("s@2".parse().unwrap()), map, ..wishes() };
        let import = plan(&sheet, &corpus, &[], &wishes).unwrap();
        let found: Vec<&str> = import.new.iter().map(|new| new.clip.0.as_str()).collect();
        assert_eq!(found, ["a/x.wav", "b/x.wav", "b/y.wav", "b/y.wav", "b/y.wav"]);
        assert!(import.new.iter().all(|new: &NewAnnotation| new.act == Act::label("k;new") && new.scheme.version == 2));
        let told: Vec<(&str, &str)> = import.unmatched.iter().map(|(file, (_, why))| (file.as_str(), *why)).collect();
        let part = NO_SEGMENT;
        assert_eq!(told, [("b/y.wav", part), ("x.wav", "several clips are called so"), ("z.wav", "no such clip")]);
        sheet.said[0].rater = None;
        assert!(plan(&sheet, &corpus, &[], &wishes).unwrap_err().contains("--annotator"));
    }
}

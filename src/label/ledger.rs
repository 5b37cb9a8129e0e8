//! What one annotator's events add up to: the answers, flag and note that now hold, and what undo and redo would do.
//!
//! A pure fold: the same events in the same order give the same ledger. Deliberately absent: who annotates (the caller
//! picks the events; see [`Ledger::of`]), storage, and making undo events.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;

use super::{Act, Annotation, AnnotationId, Annotator, Occasion};
use crate::corpus::ClipId;

/// A clip as it was met: for the work itself, as a hidden repeat, in training. Each is answered by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'a> {
    /// Which clip.
    pub clip: &'a ClipId,
    /// What for.
    pub occasion: Occasion,
}

impl<'a> From<&'a ClipId> for At<'a> {
    fn from(clip: &'a ClipId) -> At<'a> {
        At { clip, occasion: Occasion::Main }
    }
}

/// The state after some events of one annotator in one scheme. Each event costs constant amortised time; only undoing
/// something that is not the last of its clip searches that clip's own history. About 110 bytes a clip labelled once, where its id is
/// shared with the corpus: texts are kept once, and events refer to each other by their places.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    clips: Vec<ClipState>,
    /// By hash of clip and occasion; a place taken by another clip sends on to the next number.
    index: HashMap<u64, u32>,
    /// In order of arrival.
    events: Vec<Event>,
    /// Places of events whose numbers rise, as nearly all do.
    rising: Vec<u32>,
    /// Places of the others: what came from another store.
    late: HashMap<AnnotationId, u32>,
    done: Vec<u32>,
    undone: Vec<u32>,
    /// Names of the questions met or asked; answers point here.
    questions: Vec<String>,
    /// Those a clip needs an answer to, by place in `questions`; empty: the unnamed one.
    asked: Vec<u16>,
    texts: Texts,
    labelled: usize,
}

impl Ledger {
    /// An empty ledger of a scheme whose clips need an answer to each of these questions.
    pub fn asking<'a>(questions: impl IntoIterator<Item = &'a str>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.asked = questions.into_iter().map(|question| ledger.question(question)).collect();
        ledger
    }

    /// The ledger of those `annotations` (in the order of the store) that `annotator` made in the scheme of that name, whatever its
    /// version, as the work itself: hidden repeats, training and adjudication are others' business.
    pub fn of<'a>(
        annotations: impl IntoIterator<Item = &'a Annotation>,
        annotator: &Annotator,
        scheme: &str,
    ) -> Ledger {
        let work = annotations.into_iter().filter(|event| event.occasion == Occasion::Main);
        Ledger::default().and(work, annotator, scheme)
    }

    /// With those of `annotations` (in the order of the store) that `annotator` made in the scheme of that name, for whatever occasion.
    #[must_use]
    pub fn and<'a>(
        mut self,
        annotations: impl IntoIterator<Item = &'a Annotation>,
        annotator: &Annotator,
        scheme: &str,
    ) -> Ledger {
        let mine = |event: &&Annotation| event.annotator == *annotator && event.scheme.name == scheme;
        annotations.into_iter().filter(mine).for_each(|event| self.apply(event));
        self
    }

    /// Takes in the next event. An event already taken in, an undo of what is not done and a redo of what is not undone
    /// change nothing (two windows of one annotator may both undo).
    pub fn apply(&mut self, event: &Annotation) {
        if self.place_of(event.id).is_some() {
            return;
        }
        let place = self.events.len() as u32;
        self.expose(event);
        match &event.act {
            Act::Undo(target) => self.toggle(event.id, *target, Ledger::turn_off),
            Act::Redo(target) => self.toggle(event.id, *target, Ledger::turn_on),
            act => {
                let (clip, said) = (self.place(event), self.said(act));
                self.events.push(Event { id: event.id, clip, said, toggled_by: None, before: None });
                self.undone.clear();
                self.put(place);
            }
        }
        match self.rising.last() {
            Some(&last) if self.events[last as usize].id >= event.id => drop(self.late.insert(event.id, place)),
            _ => self.rising.push(place),
        }
    }

    /// The answer that holds for a clip: to the unnamed question, or the first of those asked. `None` without one, and for
    /// "cannot judge".
    pub fn label<'a>(&self, at: impl Into<At<'a>>) -> Option<&str> {
        let question = self.asked.first().map_or("", |&first| &self.questions[usize::from(first)]);
        self.answer(at, question).filter(|value| !value.is_empty())
    }

    /// What was answered to a question; empty for "cannot judge".
    pub fn answer<'a>(&self, at: impl Into<At<'a>>, question: &str) -> Option<&str> {
        let question = self.questions.iter().position(|known| known == question)?;
        self.last(self.clip(at)?, |said| said.answer(question)).map(|(_, value)| self.texts.get(value))
    }

    /// Names of the questions that were asked or answered.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        self.questions.iter().map(String::as_str)
    }

    /// True when every question that is asked has its answer.
    pub fn is_done<'a>(&self, at: impl Into<At<'a>>) -> bool {
        self.clip(at).is_some_and(|state| self.all_answered(state))
    }

    /// True when the clip was skipped and is not done.
    pub fn skipped<'a>(&self, at: impl Into<At<'a>>) -> bool {
        self.clip(at).is_some_and(|state| !self.all_answered(state) && self.last(state, Said::skip).is_some())
    }

    /// True when the clip is flagged.
    pub fn flagged<'a>(&self, at: impl Into<At<'a>>) -> bool {
        self.clip(at).and_then(|state| self.last(state, Said::flag)).is_some_and(|(_, on)| on)
    }

    /// The remark that holds for a clip.
    pub fn note<'a>(&self, at: impl Into<At<'a>>) -> Option<&str> {
        let (_, text) = self.last(self.clip(at)?, Said::note)?;
        Some(self.texts.get(text)).filter(|text| !text.is_empty())
    }

    /// The model whose view of a clip was seen last, before or after something that was said about it, undone or not.
    pub fn exposed<'a>(&self, at: impl Into<At<'a>>) -> Option<&str> {
        self.clip(at)?.seen.map(|model| self.texts.get(model.place()))
    }

    /// What undo would take back: the last act that holds, on whatever clip.
    pub fn undo_target(&self) -> Option<(AnnotationId, At<'_>)> {
        self.done.last().map(|&event| self.with_clip(event))
    }

    /// What redo would bring back: the last act undone, unless something new was said since.
    pub fn redo_target(&self) -> Option<(AnnotationId, At<'_>)> {
        self.undone.last().map(|&event| self.with_clip(event))
    }

    /// Number of clips that are done, as the work itself.
    pub fn labelled_count(&self) -> usize {
        self.labelled
    }

    /// The clips of all events of the work itself, in order of first mention.
    pub fn clips(&self) -> impl Iterator<Item = &ClipId> {
        self.met(Occasion::Main)
    }

    /// The clips of all events of that occasion, in order of first mention.
    pub fn met(&self, occasion: Occasion) -> impl Iterator<Item = &ClipId> {
        self.clips.iter().filter(move |state| state.occasion == occasion).map(|state| &state.id)
    }

    /// False for an annotation that no longer counts: undone, or replaced by a later one. An undo or redo counts while it
    /// is the last word on what it refers to.
    pub fn holds(&self, id: AnnotationId) -> bool {
        let Some(place) = self.place_of(id) else { return false };
        let event = &self.events[place as usize];
        // Before any clip was met there can be nothing but undos of what is not known.
        let Some(state) = self.clips.get(event.clip as usize) else { return false };
        let last = match event.said {
            Said::Answer { question, .. } => {
                self.last(state, |said| said.answer(usize::from(question))).map(|(last, _)| last)
            }
            Said::Skip if self.all_answered(state) => None,
            Said::Skip => self.last(state, Said::skip).map(|(last, ())| last),
            Said::Flag(_) => self.last(state, Said::flag).map(|(last, _)| last),
            Said::Note(_) => self.last(state, Said::note).map(|(last, _)| last),
            Said::Toggle(target) => return self.events[target as usize].toggled_by == Some(Link::to(place)),
            Said::Nothing => None,
        };
        last == Some(place)
    }

    fn said(&mut self, act: &Act) -> Said {
        match act {
            Act::Answer { question, value } => {
                Said::Answer { question: self.question(question), value: self.texts.keep(value) }
            }
            Act::Skip => Said::Skip,
            Act::Flag(on) => Said::Flag(*on),
            Act::Note(text) => Said::Note(self.texts.keep(text)),
            Act::Undo(_) | Act::Redo(_) => Said::Nothing,
        }
    }

    /// An undo or redo of `target`.
    fn toggle(&mut self, id: AnnotationId, target: AnnotationId, turn: fn(&mut Ledger, u32) -> bool) {
        let place = self.events.len() as u32;
        let Some(target) = self.place_of(target) else {
            return self.events.push(Event { id, clip: 0, said: Said::Nothing, toggled_by: None, before: None });
        };
        let clip = self.events[target as usize].clip;
        self.events.push(Event { id, clip, said: Said::Toggle(target), toggled_by: None, before: None });
        if turn(self, target) {
            self.events[target as usize].toggled_by = Some(Link::to(place));
        }
    }

    /// What was seen stays seen.
    fn expose(&mut self, event: &Annotation) {
        if let Some(exposure) = &event.exposure {
            let (clip, model) = (self.place(event), self.texts.keep(exposure.model()));
            self.clips[clip as usize].seen = Some(Link::to(model));
        }
    }

    /// Makes a known act hold.
    fn put(&mut self, event: u32) {
        let clip = self.events[event as usize].clip as usize;
        let was_done = self.all_answered(&self.clips[clip]);
        // By arrival, not by number: what comes from another store has late numbers.
        let later = self.acts(self.clips[clip].last).take_while(|&other| other > event).last();
        let before = later.map_or(self.clips[clip].last, |later| self.events[later as usize].before);
        self.events[event as usize].before = before;
        *self.link(clip, later) = Some(Link::to(event));
        let state = &self.clips[clip];
        self.labelled += usize::from(state.occasion == Occasion::Main && !was_done && self.all_answered(state));
        self.done.push(event);
    }

    fn turn_off(&mut self, event: u32) -> bool {
        if !take(&mut self.done, event) {
            return false;
        }
        let clip = self.events[event as usize].clip as usize;
        let was_done = self.all_answered(&self.clips[clip]);
        let later = self.acts(self.clips[clip].last).take_while(|&other| other != event).last();
        *self.link(clip, later) = self.events[event as usize].before;
        let state = &self.clips[clip];
        self.labelled -= usize::from(state.occasion == Occasion::Main && was_done && !self.all_answered(state));
        self.undone.push(event);
        true
    }

    fn turn_on(&mut self, event: u32) -> bool {
        let undone = take(&mut self.undone, event);
        if undone {
            self.put(event);
        }
        undone
    }

    /// The last act on a clip that holds and that `pick` picks.
    fn last<T>(&self, state: &ClipState, pick: impl Fn(Said) -> Option<T>) -> Option<(u32, T)> {
        self.acts(state.last).find_map(|event| Some((event, pick(self.events[event as usize].said)?)))
    }

    /// The acts of a clip that hold, from the one that is linked to back to the first.
    fn acts(&self, last: Option<Link>) -> impl Iterator<Item = u32> {
        let next = |link: Option<Link>| link.map(Link::place);
        std::iter::successors(next(last), move |&event| next(self.events[event as usize].before))
    }

    /// What links to the act before `later`, or to the last one of the clip.
    fn link(&mut self, clip: usize, later: Option<u32>) -> &mut Option<Link> {
        match later {
            Some(later) => &mut self.events[later as usize].before,
            None => &mut self.clips[clip].last,
        }
    }

    fn place_of(&self, id: AnnotationId) -> Option<u32> {
        let found = self.rising.binary_search_by_key(&id, |&place| self.events[place as usize].id);
        found.ok().map(|at| self.rising[at]).or_else(|| self.late.get(&id).copied())
    }

    fn place(&mut self, event: &Annotation) -> u32 {
        let at = At { clip: &event.clip, occasion: event.occasion };
        match self.find(at) {
            Ok(clip) => clip,
            Err(free) => {
                let clip = self.clips.len() as u32;
                self.index.insert(free, clip);
                let (id, occasion) = (event.clip.clone(), event.occasion);
                self.clips.push(ClipState { id, occasion, last: None, seen: None });
                clip
            }
        }
    }

    /// The place of a clip, or the number under which it can be put into the index.
    fn find(&self, at: At<'_>) -> Result<u32, u64> {
        let mut hasher = DefaultHasher::new();
        (at.clip, at.occasion).hash(&mut hasher);
        let mut number = hasher.finish();
        while let Some(&clip) = self.index.get(&number) {
            let state = &self.clips[clip as usize];
            if state.id == *at.clip && state.occasion == at.occasion {
                return Ok(clip);
            }
            number = number.wrapping_add(1);
        }
        Err(number)
    }

    /// The place of a question's name, which is added when new.
    fn question(&mut self, name: &str) -> u16 {
        let known = self.questions.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.questions.push(name.to_owned());
            self.questions.len() - 1
        });
        // A form of 65,536 questions is refused by `Scheme`; in a made-up file the last ones count as one.
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn all_answered(&self, state: &ClipState) -> bool {
        let answered = |question: usize| self.last(state, |said| said.answer(question)).is_some();
        match &self.asked[..] {
            [] => self.questions.iter().position(String::is_empty).is_some_and(answered),
            asked => asked.iter().all(|&question| answered(usize::from(question))),
        }
    }

    fn clip<'a>(&self, at: impl Into<At<'a>>) -> Option<&ClipState> {
        self.find(at.into()).ok().map(|clip| &self.clips[clip as usize])
    }

    fn with_clip(&self, event: u32) -> (AnnotationId, At<'_>) {
        let event = &self.events[event as usize];
        let state = &self.clips[event.clip as usize];
        (event.id, At { clip: &state.id, occasion: state.occasion })
    }
}

/// What holds for one clip.
#[derive(Debug, Clone)]
struct ClipState {
    id: ClipId,
    occasion: Occasion,
    /// To the last of its acts that are not undone; the last of its kind counts.
    last: Option<Link>,
    /// To the text that names the model whose view was seen last.
    seen: Option<Link>,
}

/// To a place in a list, such that an optional one takes no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link(NonZeroU32);

impl Link {
    fn to(place: u32) -> Link {
        Link(NonZeroU32::MIN.saturating_add(place))
    }

    fn place(self) -> u32 {
        self.0.get() - 1
    }
}

#[derive(Debug, Clone)]
struct Event {
    id: AnnotationId,
    clip: u32,
    said: Said,
    /// The undo or redo that was the last to change something about it.
    toggled_by: Option<Link>,
    /// To the act before it on the same clip, while it holds.
    before: Option<Link>,
}

/// An act, its texts by their places.
#[derive(Debug, Clone, Copy)]
enum Said {
    Answer {
        question: u16,
        value: u32,
    },
    Skip,
    Flag(bool),
    Note(u32),
    Toggle(u32),
    /// An undo or redo of what is not known.
    Nothing,
}

impl Said {
    fn answer(self, to: usize) -> Option<u32> {
        match self {
            Said::Answer { question, value } if usize::from(question) == to => Some(value),
            _ => None,
        }
    }

    fn skip(self) -> Option<()> {
        matches!(self, Said::Skip).then_some(())
    }

    fn flag(self) -> Option<bool> {
        if let Said::Flag(on) = self { Some(on) } else { None }
    }

    fn note(self) -> Option<u32> {
        if let Said::Note(text) = self { Some(text) } else { None }
    }
}

/// Texts, each kept once.
#[derive(Debug, Clone, Default)]
struct Texts {
    all: Vec<String>,
    places: HashMap<String, u32>,
}

impl Texts {
    fn keep(&mut self, text: &str) -> u32 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.all.len() as u32;
        self.places.insert(text.to_owned(), place);
        self.all.push(text.to_owned());
        place
    }

    fn get(&self, place: u32) -> &str {
        &self.all[place as usize]
    }
}

/// Removes `event`, searching from the end, where it nearly always is.
fn take(events: &mut Vec<u32>, event: u32) -> bool {
    let at = events.iter().rposition(|&other| other == event);
    at.map(|at| events.remove(at)).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::test_events::Events;
    use super::*;
    use proptest::prelude::*;

    fn label(class: &str) -> Act {
        Act::label(class)
    }

    fn clip(name: &str) -> ClipId {
        ClipId(name.into())
    }

    /// Plays a list of acts on clips and keeps the events.
    #[derive(Default)]
    struct Session {
        events: Events,
        said: Vec<Annotation>,
        ledger: Ledger,
    }

    impl Session {
        fn say(&mut self, clip: &str, act: Act) -> AnnotationId {
            let event = self.events.say(clip, act);
            self.ledger.apply(&event);
            self.said.push(event.clone());
            event.id
        }

        fn undo(&mut self) {
            if let Some((id, clip)) = self.ledger.undo_target().map(|(id, at)| (id, at.clip.0.clone())) {
                self.say(&clip, Act::Undo(id));
            }
        }

        fn redo(&mut self) {
            if let Some((id, clip)) = self.ledger.redo_target().map(|(id, at)| (id, at.clip.0.clone())) {
                self.say(&clip, Act::Redo(id));
            }
        }
    }

    #[test]
    fn what_a_model_showed_stays_known_though_the_act_is_undone() {
        let mut s = Session::default();
        let mut event = s.events.say("a", label("fear"));
        event.said.exposure = Some(crate::label::Exposure::After("cnn".to_owned()));
        s.ledger.apply(&event);
        s.say("b", label("fear"));
        assert_eq!((s.ledger.exposed(&clip("a")), s.ledger.exposed(&clip("b"))), (Some("cnn"), None));
        s.say("a", Act::Undo(event.id));
        assert_eq!((s.ledger.label(&clip("a")), s.ledger.exposed(&clip("a"))), (None, Some("cnn")));
    }

    #[test]
    fn undo_walks_back_across_clips_and_redo_forward() {
        let mut s = Session::default();
        s.say("a", label("fear"));
        s.say("b", label("anger"));
        s.say("a", label("anger"));
        s.undo();
        assert_eq!(s.ledger.label(&clip("a")), Some("fear"));
        s.undo();
        assert_eq!(s.ledger.label(&clip("b")), None);
        assert_eq!(s.ledger.labelled_count(), 1);
        assert_eq!(s.ledger.undo_target(), Some((AnnotationId(1), At::from(&clip("a")))));
        s.redo();
        s.redo();
        s.redo();
        assert_eq!((s.ledger.label(&clip("a")), s.ledger.label(&clip("b"))), (Some("anger"), Some("anger")));
        assert_eq!(s.ledger.redo_target(), None);
    }

    #[test]
    fn something_new_ends_redo() {
        let mut s = Session::default();
        s.say("a", label("fear"));
        s.undo();
        s.say("b", Act::Flag(true));
        assert_eq!(s.ledger.redo_target(), None);
        let stale = s.say("a", Act::Redo(AnnotationId(1)));
        assert_eq!(s.ledger.label(&clip("a")), None);
        assert!(!s.ledger.holds(stale));
    }

    #[test]
    fn a_skip_takes_no_label_away_and_a_label_ends_the_skip() {
        let mut s = Session::default();
        let skip = s.say("a", Act::Skip);
        assert!(s.ledger.skipped(&clip("a")) && s.ledger.holds(skip));
        let first = s.say("a", label("fear"));
        s.say("a", Act::Skip);
        assert!(!s.ledger.skipped(&clip("a")));
        assert_eq!(s.ledger.label(&clip("a")), Some("fear"));
        s.say("a", Act::Undo(first));
        assert!(s.ledger.skipped(&clip("a")));
    }

    #[test]
    fn flags_and_notes_have_a_last_word() {
        let mut s = Session::default();
        let flag = s.say("a", Act::Flag(true));
        s.say("a", Act::Note("noise".to_owned()));
        assert!(s.ledger.flagged(&clip("a")));
        assert_eq!(s.ledger.note(&clip("a")), Some("noise"));
        s.say("a", Act::Note(String::new()));
        let unflag = s.say("a", Act::Flag(false));
        assert!(!s.ledger.flagged(&clip("a")));
        assert_eq!(s.ledger.note(&clip("a")), None);
        assert!(!s.ledger.holds(flag) && s.ledger.holds(unflag));
    }

    #[test]
    fn another_window_may_undo_the_same_thing() {
        let mut s = Session::default();
        let one = s.say("a", label("fear"));
        let two = s.say("a", label("anger"));
        let first = s.say("a", Act::Undo(one));
        let again = s.say("a", Act::Undo(one));
        assert_eq!(s.ledger.label(&clip("a")), Some("anger"));
        assert!(s.ledger.holds(two) && s.ledger.holds(first) && !s.ledger.holds(again) && !s.ledger.holds(one));
        s.say("a", Act::Redo(one));
        assert_eq!(s.ledger.label(&clip("a")), Some("anger"), "what was said later counts");
    }

    #[test]
    fn a_clip_is_done_when_every_question_has_its_answer() {
        let mut s = Session { ledger: Ledger::asking(["valence", "arousal"]), ..Session::default() };
        s.say("a", label("6").asked("valence"));
        s.say("a", Act::Skip);
        assert!(!s.ledger.is_done(&clip("a")) && s.ledger.skipped(&clip("a")));
        s.say("a", label("a remark of its own").asked("why"));
        let arousal = s.say("a", label("").asked("arousal"));
        assert!(s.ledger.is_done(&clip("a")) && !s.ledger.skipped(&clip("a")), "cannot judge is an answer");
        assert_eq!((s.ledger.label(&clip("a")), s.ledger.answer(&clip("a"), "arousal")), (Some("6"), Some("")));
        let louder = s.say("a", label("9").asked("arousal"));
        assert!(s.ledger.holds(louder) && !s.ledger.holds(arousal));
        s.undo();
        assert!(s.ledger.holds(arousal) && s.ledger.labelled_count() == 1);
        s.undo();
        assert_eq!((s.ledger.labelled_count(), s.ledger.label(&clip("a"))), (0, Some("6")));
    }

    #[test]
    fn repeats_training_and_adjudication_are_not_the_work() {
        let mut events = Events::default();
        let said = [Occasion::Main, Occasion::Repeat, Occasion::Training, Occasion::Adjudication].map(|occasion| {
            let mut event = events.say(occasion.word(), label("fear"));
            event.said.occasion = occasion;
            event
        });
        let ledger = Ledger::of(&said, &Annotator::Human("anna".to_owned()), "s");
        assert_eq!(ledger.clips().collect::<Vec<_>>(), [&clip("main")]);
        let all = Ledger::default().and(&said, &Annotator::Human("anna".to_owned()), "s");
        assert_eq!((all.labelled_count(), all.clips().count(), all.met(Occasion::Repeat).count()), (1, 1, 1));
        let (repeat, other) = (clip("repeat"), Occasion::Repeat);
        assert!(!all.is_done(&repeat) && all.is_done(At { clip: &repeat, occasion: other }));
        assert_eq!(all.undo_target().map(|(id, at)| (id, at.occasion)), Some((said[3].id, Occasion::Adjudication)));
    }

    #[test]
    fn a_ledger_is_of_one_annotator_and_one_scheme() {
        let mut events = Events::default();
        let mine = events.say("a", label("fear"));
        let theirs = events.by(Annotator::Human("ben".to_owned()), "b", label("anger"));
        let mut other = events.say("c", label("low"));
        other.said.scheme.name = "arousal".to_owned();
        let mut newer = events.say("d", label("fear"));
        newer.said.scheme.version = 2;
        let ledger = Ledger::of(&[mine, theirs, other, newer], &Annotator::Human("anna".to_owned()), "s");
        assert_eq!(ledger.clips().collect::<Vec<_>>(), [&clip("a"), &clip("d")]);
    }

    /// The same rules, told the slow way: replay everything from the start.
    #[derive(Default)]
    struct Naive {
        done: Vec<Annotation>,
        undone: Vec<Annotation>,
    }

    impl Naive {
        fn of(events: &[Annotation]) -> Naive {
            let mut naive = Naive::default();
            for event in events {
                match event.act {
                    Act::Undo(id) => shift(&mut naive.done, &mut naive.undone, id),
                    Act::Redo(id) => shift(&mut naive.undone, &mut naive.done, id),
                    _ => {
                        naive.undone.clear();
                        naive.done.push(event.clone());
                    }
                }
            }
            naive
        }

        fn last<T>(&self, clip: &ClipId, pick: impl Fn(&Act) -> Option<T>) -> Option<T> {
            let of_clip = self.done.iter().filter(|event| event.clip == *clip);
            of_clip.filter_map(|event| Some((event.id, pick(&event.act)?))).max_by_key(|(id, _)| *id).map(|(_, v)| v)
        }

        fn label(&self, clip: &ClipId) -> Option<String> {
            self.last(clip, |act| matches!(act, Act::Answer { .. }).then(|| act.value().map(str::to_owned)).flatten())
        }
    }

    fn shift(from: &mut Vec<Annotation>, to: &mut Vec<Annotation>, id: AnnotationId) {
        if let Some(at) = from.iter().position(|event| event.id == id) {
            to.push(from.remove(at));
        }
    }

    fn any_act() -> impl Strategy<Value = (usize, u8, i64)> {
        (0_usize..4, 0_u8..12, 1_i64..40)
    }

    fn act(kind: u8, id: i64, session: &Session) -> Act {
        let target = |target: Option<(AnnotationId, At<'_>)>| target.map_or(AnnotationId(id), |(id, _)| id);
        match kind {
            0..4 => label(["fear", "anger"][usize::from(kind % 2)]),
            4 => Act::Skip,
            5 => Act::Flag(id % 2 == 0),
            6 => Act::Note(if id % 2 == 0 { String::new() } else { format!("note {id}") }),
            7 => Act::Undo(AnnotationId(id)),
            8 => Act::Redo(AnnotationId(id)),
            9 | 10 => Act::Undo(target(session.ledger.undo_target())),
            _ => Act::Redo(target(session.ledger.redo_target())),
        }
    }

    proptest! {
        #[test]
        fn the_fold_equals_a_naive_replay(acts in proptest::collection::vec(any_act(), 0..60)) {
            let mut s = Session::default();
            for (place, kind, id) in acts {
                let act = act(kind, id, &s);
                s.say(["a", "b", "c", "d"][place], act);
                let naive = Naive::of(&s.said);
                for name in ["a", "b", "c", "d"] {
                    let id = clip(name);
                    let label = naive.label(&id);
                    prop_assert_eq!(s.ledger.label(&id), label.as_deref());
                    let skip = naive.last(&id, |act| (*act == Act::Skip).then_some(())).is_some();
                    prop_assert_eq!(s.ledger.skipped(&id), skip && label.is_none());
                    let flag = naive.last(&id, |act| if let Act::Flag(on) = act { Some(*on) } else { None });
                    prop_assert_eq!(s.ledger.flagged(&id), flag.unwrap_or(false));
                    let note = naive.last(&id, |act| if let Act::Note(text) = act { Some(text.clone()) } else { None });
                    prop_assert_eq!(s.ledger.note(&id), note.as_deref().filter(|text| !text.is_empty()));
                }
                let top = |stack: &[Annotation]| stack.last().map(|event| (event.id, event.clip.clone()));
                prop_assert_eq!(s.ledger.undo_target().map(|(id, at)| (id, at.clip.clone())), top(&naive.done));
                prop_assert_eq!(s.ledger.redo_target().map(|(id, at)| (id, at.clip.clone())), top(&naive.undone));
                let labelled = ["a", "b", "c", "d"].iter().filter(|name| naive.label(&clip(name)).is_some()).count();
                prop_assert_eq!(s.ledger.labelled_count(), labelled);
            }
        }
    }
}

//! What one annotator's events add up to: the answers, flag and note that now hold, and what undo and redo would do.
//!
//! A pure fold: the same events in the same order give the same ledger. Deliberately absent: who annotates (the caller
//! picks the events; see [`Ledger::of`]), storage, and making undo events.

use std::collections::HashMap;

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
/// something that is not the last of its clip searches that clip's own history.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    clips: Vec<ClipState>,
    /// By occasion.
    index: [HashMap<ClipId, usize>; 4],
    events: HashMap<AnnotationId, Event>,
    done: Vec<AnnotationId>,
    undone: Vec<AnnotationId>,
    /// Names of the questions met or asked; answers point here.
    questions: Vec<String>,
    /// Those a clip needs an answer to, by place in `questions`; empty: the unnamed one.
    asked: Vec<u16>,
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
        if self.events.contains_key(&event.id) {
            return;
        }
        let (target, undo) = match &event.act {
            Act::Undo(target) => (*target, true),
            Act::Redo(target) => (*target, false),
            act => return self.act(event, act),
        };
        self.expose(event);
        let turned = if undo { self.turn_off(target) } else { self.turn_on(target) };
        let toggler = Event::Toggle { target };
        self.events.insert(event.id, toggler);
        if let Some(Event::Act { toggled_by, .. }) = self.events.get_mut(&target).filter(|_| turned) {
            *toggled_by = Some(event.id);
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
        self.clip(at)?.answer(question).map(|(_, value)| value.as_str())
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
        self.clip(at).is_some_and(|state| !self.all_answered(state) && !state.skips.is_empty())
    }

    /// True when the clip is flagged.
    pub fn flagged<'a>(&self, at: impl Into<At<'a>>) -> bool {
        self.clip(at).and_then(|state| state.flags.last()).is_some_and(|(_, on)| *on)
    }

    /// The remark that holds for a clip.
    pub fn note<'a>(&self, at: impl Into<At<'a>>) -> Option<&str> {
        self.clip(at)?.notes.last().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// The model whose view of a clip was seen last, before or after something that was said about it, undone or not.
    pub fn exposed<'a>(&self, at: impl Into<At<'a>>) -> Option<&str> {
        self.clip(at)?.seen.as_deref()
    }

    /// What undo would take back: the last act that holds, on whatever clip.
    pub fn undo_target(&self) -> Option<(AnnotationId, At<'_>)> {
        self.with_clip(*self.done.last()?)
    }

    /// What redo would bring back: the last act undone, unless something new was said since.
    pub fn redo_target(&self) -> Option<(AnnotationId, At<'_>)> {
        self.with_clip(*self.undone.last()?)
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
        match self.events.get(&id) {
            Some(Event::Act { clip, field, .. }) => self.is_last_word(&self.clips[*clip], *field, id),
            Some(Event::Toggle { target }) => {
                matches!(self.events.get(target), Some(Event::Act { toggled_by, .. }) if *toggled_by == Some(id))
            }
            None => false,
        }
    }

    fn act(&mut self, event: &Annotation, act: &Act) {
        let clip = self.place(event);
        let field = match act {
            Act::Answer { question, .. } => Field::Answer(self.question(question)),
            Act::Skip => Field::Skip,
            Act::Flag(_) => Field::Flag,
            _ => Field::Note,
        };
        let order = self.events.len();
        self.events.insert(event.id, Event::Act { order, clip, field, act: act.clone(), toggled_by: None });
        self.expose(event);
        self.undone.clear();
        self.put(event.id);
    }

    /// What was seen stays seen.
    fn expose(&mut self, event: &Annotation) {
        if let Some(exposure) = &event.exposure {
            let clip = self.place(event);
            self.clips[clip].seen = Some(exposure.model().to_owned());
        }
    }

    /// Makes a known act hold. True when it did not before.
    fn put(&mut self, id: AnnotationId) -> bool {
        let Some(Event::Act { clip, field, act, order, .. }) = self.events.get(&id) else { return false };
        let (clip, was_done) = (*clip, self.all_answered(&self.clips[*clip]));
        let events = &self.events;
        let earlier = |other| matches!(events.get(&other), Some(Event::Act { order: its, .. }) if its < order);
        let state = &mut self.clips[clip];
        match (act, field) {
            (Act::Answer { value, .. }, Field::Answer(question)) => {
                insert(&mut state.answers, (id, (*question, value.clone())), earlier);
            }
            (Act::Skip, _) => insert(&mut state.skips, (id, ()), earlier),
            (Act::Flag(on), _) => insert(&mut state.flags, (id, *on), earlier),
            (Act::Note(text), _) => insert(&mut state.notes, (id, text.clone()), earlier),
            _ => return false,
        }
        let state = &self.clips[clip];
        self.labelled += usize::from(state.occasion == Occasion::Main && !was_done && self.all_answered(state));
        self.done.push(id);
        true
    }

    fn turn_off(&mut self, id: AnnotationId) -> bool {
        if !take(&mut self.done, id) {
            return false;
        }
        if let Some(Event::Act { clip, field, .. }) = self.events.get(&id) {
            let (clip, field) = (*clip, *field);
            let was_done = self.all_answered(&self.clips[clip]);
            self.clips[clip].remove(field, id);
            let state = &self.clips[clip];
            self.labelled -= usize::from(state.occasion == Occasion::Main && was_done && !self.all_answered(state));
        }
        self.undone.push(id);
        true
    }

    fn turn_on(&mut self, id: AnnotationId) -> bool {
        take(&mut self.undone, id) && self.put(id)
    }

    fn place(&mut self, event: &Annotation) -> usize {
        let index = &mut self.index[event.occasion as usize];
        if let Some(&place) = index.get(&event.clip) {
            return place;
        }
        index.insert(event.clip.clone(), self.clips.len());
        self.clips.push(ClipState::new(event.clip.clone(), event.occasion));
        self.clips.len() - 1
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
        match &self.asked[..] {
            [] => self.questions.iter().position(String::is_empty).is_some_and(|one| state.answer(one).is_some()),
            asked => asked.iter().all(|&question| state.answer(usize::from(question)).is_some()),
        }
    }

    fn is_last_word(&self, state: &ClipState, field: Field, id: AnnotationId) -> bool {
        let last = match field {
            Field::Answer(question) => state.answer(usize::from(question)).map(|(id, _)| id),
            Field::Skip if self.all_answered(state) => None,
            Field::Skip => state.skips.last().map(|(id, ())| *id),
            Field::Flag => state.flags.last().map(|(id, _)| *id),
            Field::Note => state.notes.last().map(|(id, _)| *id),
        };
        last == Some(id)
    }

    fn clip<'a>(&self, at: impl Into<At<'a>>) -> Option<&ClipState> {
        let at = at.into();
        self.clips.get(*self.index[at.occasion as usize].get(at.clip)?)
    }

    fn with_clip(&self, id: AnnotationId) -> Option<(AnnotationId, At<'_>)> {
        match self.events.get(&id)? {
            Event::Act { clip, .. } => {
                let state = &self.clips[*clip];
                Some((id, At { clip: &state.id, occasion: state.occasion }))
            }
            Event::Toggle { .. } => None,
        }
    }
}

/// What holds for one clip: per field the acts not undone, oldest first; the last one counts.
#[derive(Debug, Clone)]
struct ClipState {
    id: ClipId,
    occasion: Occasion,
    answers: Vec<(AnnotationId, (u16, String))>,
    skips: Vec<(AnnotationId, ())>,
    flags: Vec<(AnnotationId, bool)>,
    notes: Vec<(AnnotationId, String)>,
    /// The model whose view was seen last.
    seen: Option<String>,
}

#[derive(Debug, Clone)]
enum Event {
    /// `order`: events that came before it.
    Act {
        order: usize,
        clip: usize,
        field: Field,
        act: Act,
        toggled_by: Option<AnnotationId>,
    },
    Toggle {
        target: AnnotationId,
    },
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Answer(u16),
    Skip,
    Flag,
    Note,
}

impl ClipState {
    fn new(id: ClipId, occasion: Occasion) -> ClipState {
        let (answers, skips, flags, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        ClipState { id, occasion, answers, skips, flags, notes, seen: None }
    }

    /// The last answer to a question, by the question's place.
    fn answer(&self, question: usize) -> Option<(AnnotationId, &String)> {
        let mut latest = self.answers.iter().rev();
        latest.find(|(_, (asked, _))| usize::from(*asked) == question).map(|(id, (_, value))| (*id, value))
    }

    fn remove(&mut self, field: Field, id: AnnotationId) {
        match field {
            Field::Answer(_) => remove(&mut self.answers, id),
            Field::Skip => remove(&mut self.skips, id),
            Field::Flag => remove(&mut self.flags, id),
            Field::Note => remove(&mut self.notes, id),
        }
    }
}

/// Puts an act behind those that came `earlier`: by arrival, not by number, for what comes from another store has late numbers.
fn insert<T>(acts: &mut Vec<(AnnotationId, T)>, act: (AnnotationId, T), earlier: impl Fn(AnnotationId) -> bool) {
    // Nearly always at the end: only a redo after events of another window goes elsewhere.
    let at = acts.iter().rposition(|(other, _)| earlier(*other)).map_or(0, |last| last + 1);
    acts.insert(at, act);
}

fn remove<T>(acts: &mut Vec<(AnnotationId, T)>, id: AnnotationId) {
    if let Some(at) = acts.iter().rposition(|(other, _)| *other == id) {
        acts.remove(at);
    }
}

/// Removes `id`, searching from the end, where it nearly always is.
fn take(stack: &mut Vec<AnnotationId>, id: AnnotationId) -> bool {
    match stack.iter().rposition(|&other| other == id) {
        Some(at) => {
            stack.remove(at);
            true
        }
        None => false,
    }
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
        ClipId(name.to_owned())
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

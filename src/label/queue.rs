//! The order in which one annotator meets the clips: blind (it follows from a seed, not from names or labels) and the
//! same each time.
//!
//! Training comes first, then the clips of the work with hidden repeats between them. Two clips of one speaker come in a row only
//! where no other speaker is left. Deliberately absent: who gets which clips (see [`Round::assigns`]), and the answers themselves:
//! the queue keeps only what is open, told by [`Queue::settle`].

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use super::round::lot;
use super::{Annotator, At, Ledger, Occasion, Round};
use crate::corpus::ClipId;

/// A hidden repeat comes so many turns after the clip itself at least, and up to twice as many.
const APART: usize = 20;

/// One thing to do: a clip, by its place in the list the queue was made of, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Turn {
    /// Place of the clip.
    pub clip: usize,
    /// [`Occasion::Training`], [`Occasion::Main`] or [`Occasion::Repeat`].
    pub occasion: Occasion,
}

impl Turn {
    /// The work itself.
    pub fn main(clip: usize) -> Turn {
        Turn { clip, occasion: Occasion::Main }
    }
}

/// All turns of one annotator, in order, and which of them are open.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    turns: Vec<Turn>,
    /// A number per turn; turns whose speaker is not known have one each.
    speakers: Vec<u32>,
    places: Places,
    open: BTreeSet<u32>,
    skipped: BTreeSet<u32>,
    done: BTreeSet<u32>,
}

/// Where each turn stands; for the work itself, which is nearly all, without a map.
#[derive(Debug, Clone, Default)]
struct Places {
    /// By clip; [`Places::NOWHERE`] for those that are somebody else's.
    main: Vec<u32>,
    others: HashMap<Turn, u32>,
}

impl Places {
    const NOWHERE: u32 = u32::MAX;

    fn of(turns: &[Turn], clips: usize) -> Places {
        let mut places = Places { main: vec![Places::NOWHERE; clips], others: HashMap::new() };
        for (place, turn) in turns.iter().enumerate() {
            match turn.occasion {
                Occasion::Main => places.main[turn.clip] = place as u32,
                _ => drop(places.others.insert(*turn, place as u32)),
            }
        }
        places
    }

    fn get(&self, turn: Turn) -> Option<u32> {
        match turn.occasion {
            Occasion::Main => self.main.get(turn.clip).copied().filter(|&place| place != Places::NOWHERE),
            _ => self.others.get(&turn).copied(),
        }
    }
}

/// How far an annotator is with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Turns that are done: every question that is asked has its answer.
    pub labelled: usize,
    /// Turns put off.
    pub skipped: usize,
    /// Turns of the queue.
    pub total: usize,
}

impl Queue {
    /// Orders those of `clips` (id and speaker, ids unique) that `annotator` is to hear. The place of a clip depends on seed, annotator and its own id, and
    /// moves only as far as it must to keep speakers apart: clips that join or leave the corpus hardly move the others; `first`, in that order, come before the rest.
    /// Everything is open.
    pub fn new(clips: &[(&ClipId, Option<&str>)], annotator: &Annotator, round: &Round, first: &[ClipId]) -> Queue {
        let order = order(clips, annotator, round, first);
        let mut speakers: HashMap<&str, u32> = HashMap::new();
        let mut unknown = u32::MAX;
        let mut speaker = |turn: &Turn| match clips[turn.clip].1 {
            Some(name) => {
                let next = speakers.len() as u32;
                *speakers.entry(name).or_insert(next)
            }
            None => {
                unknown -= 1;
                unknown
            }
        };
        let speakers = order.iter().map(&mut speaker).collect();
        let places = Places::of(&order, clips.len());
        // Nothing is answered yet, so no repeat is due.
        let due = |(place, turn): (usize, &Turn)| (turn.occasion != Occasion::Repeat).then_some(place as u32);
        let open = order.iter().enumerate().filter_map(due).collect();
        Queue { turns: order, speakers, places, open, skipped: BTreeSet::new(), done: BTreeSet::new() }
    }

    /// The same where the clips of its list lie at these ascending places of another: that of all clips, also those that nobody
    /// is to hear.
    #[must_use]
    pub fn placed(mut self, places: &[usize]) -> Queue {
        if places.iter().enumerate().any(|(clip, place)| clip != *place) {
            self.turns.iter_mut().for_each(|turn| turn.clip = places[turn.clip]);
            self.places = Places::of(&self.turns, places.last().map_or(0, |last| last + 1));
        }
        self
    }

    /// The turns in order.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// The turn's place in the order, from 0.
    pub fn place(&self, turn: Turn) -> Option<usize> {
        self.places.get(turn).map(|place| place as usize)
    }

    /// Takes in what the ledger now says of one clip: to be called after each event on it, and for every clip at the start.
    pub fn settle(&mut self, clip: usize, id: &ClipId, ledger: &Ledger) {
        for occasion in [Occasion::Training, Occasion::Main, Occasion::Repeat] {
            let Some(place) = self.places.get(Turn { clip, occasion }) else { continue };
            for set in [&mut self.open, &mut self.skipped, &mut self.done] {
                set.remove(&place);
            }
            let at = At { clip: id, occasion };
            let due = occasion != Occasion::Repeat || ledger.is_done(id);
            let set = match (ledger.is_done(at), ledger.skipped(at)) {
                (true, _) => &mut self.done,
                (false, true) => &mut self.skipped,
                (false, false) if due => &mut self.open,
                (false, false) => continue,
            };
            set.insert(place);
        }
    }

    /// Where to go on: the first open turn, else the first skipped one.
    pub fn resume(&self) -> Option<Turn> {
        self.next_after(None)
    }

    /// The turn after `current`: the first open one by another speaker, else the first open one, else one that was skipped, in the
    /// same way, `current` itself last. `None` when everything is done. A turn that is not of this queue counts as none.
    pub fn next_after(&self, current: Option<Turn>) -> Option<Turn> {
        self.after(current, &[])
    }

    /// The turns that follow `current` if each is answered in its turn, at most so many.
    pub fn coming(&self, current: Option<Turn>, most: usize) -> Vec<Turn> {
        let mut met = Vec::from_iter(current);
        let before = met.len();
        while met.len() < most + before
            && let Some(next) = self.after(met.last().copied(), &met)
        {
            met.push(next);
        }
        met.split_off(before)
    }

    /// [`Queue::next_after`] once those of `answered` are done.
    fn after(&self, current: Option<Turn>, answered: &[Turn]) -> Option<Turn> {
        let here = current.and_then(|turn| self.places.get(turn));
        let speaker = here.map(|place| self.speakers[place as usize]);
        let of = |set: &BTreeSet<u32>| {
            let mut left = set.iter().filter(|&&place| !answered.contains(&self.turns[place as usize]));
            let mut others = left.clone();
            let other = others.clone().find(|&&place| Some(self.speakers[place as usize]) != speaker);
            other.or_else(|| others.find(|&&place| Some(place) != here)).or_else(|| left.next()).copied()
        };
        of(&self.open).or_else(|| of(&self.skipped)).map(|place| self.turns[place as usize])
    }

    /// How far the annotator is.
    pub fn progress(&self) -> Progress {
        Progress { labelled: self.done.len(), skipped: self.skipped.len(), total: self.turns.len() }
    }
}

/// Training, then the work by lot with repeats between.
fn order(clips: &[(&ClipId, Option<&str>)], annotator: &Annotator, round: &Round, first: &[ClipId]) -> Vec<Turn> {
    let own = |purpose: &str, id: &ClipId| lot(round.seed, &[purpose, annotator.kind(), annotator.name(), &id.0]);
    let by_lot = |purpose: &str, keep: &dyn Fn(&ClipId) -> bool| -> Vec<usize> {
        let kept = clips.iter().enumerate().filter(|(_, (id, _))| keep(id));
        let mut drawn: Vec<([u8; 32], usize)> = kept.map(|(at, (id, _))| (own(purpose, id), at)).collect();
        drawn.sort_unstable();
        drawn.into_iter().map(|(_, at)| at).collect()
    };
    let rank: HashMap<&ClipId, usize> = first.iter().enumerate().map(|(rank, id)| (id, rank)).collect();
    let mut main = by_lot("main", &|id| round.assigns(id, annotator) && !round.training.contains_key(id));
    // Stable: the rest stays by lot.
    main.sort_by_key(|&at| rank.get(clips[at].0).copied().unwrap_or(usize::MAX));
    let main = spread(&main, |at| clips[at].1);
    let mut turns: Vec<(usize, Turn)> =
        main.iter().enumerate().map(|(place, &clip)| (2 * place, Turn { clip, occasion: Occasion::Main })).collect();
    for (place, &clip) in main.iter().enumerate() {
        let drawn = own("repeat", clips[clip].0);
        let share = f64::from(u16::from_le_bytes([drawn[0], drawn[1]])) / 65_536.0;
        if share < round.repeats {
            let later = place + APART + usize::from(drawn[2]) % APART;
            turns.push((2 * later + 1, Turn { clip, occasion: Occasion::Repeat }));
        }
    }
    turns.sort_by_key(|(place, _)| *place);
    let training = by_lot("training", &|id| round.training.contains_key(id));
    let training = training.into_iter().map(|clip| Turn { clip, occasion: Occasion::Training });
    training.chain(turns.into_iter().map(|(_, turn)| turn)).collect()
}

/// The clips as near to their order as can be without two of one speaker in a row; clips without a speaker go anywhere.
fn spread<'a>(order: &[usize], speaker: impl Fn(usize) -> Option<&'a str>) -> Vec<usize> {
    let mut waiting: HashMap<&str, VecDeque<usize>> = HashMap::new();
    // The first place of each speaker that waits, and all of the unknown, the next one on top.
    let mut heads: BinaryHeap<Reverse<(usize, Option<&str>)>> = BinaryHeap::new();
    for (place, &at) in order.iter().enumerate() {
        match speaker(at).map(|name| (name, waiting.entry(name).or_default())) {
            Some((_, places)) if !places.is_empty() => places.push_back(place),
            Some((name, places)) => {
                places.push_back(place);
                heads.push(Reverse((place, Some(name))));
            }
            None => heads.push(Reverse((place, None))),
        }
    }
    let (mut spread, mut last) = (Vec::with_capacity(order.len()), None);
    while let Some(Reverse(mut head)) = heads.pop() {
        if head.1.is_some()
            && head.1 == last
            && let Some(Reverse(other)) = heads.pop()
        {
            heads.push(Reverse(head));
            head = other;
        }
        let (place, name) = head;
        spread.push(order[place]);
        last = name;
        if let Some((name, places)) = name.and_then(|name| Some((name, waiting.get_mut(name)?))) {
            places.pop_front();
            heads.extend(places.front().map(|&next| Reverse((next, Some(name)))));
        }
    }
    spread
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Act;
    use super::super::test_events::Events;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A queue, its clips, and what anna says.
    struct Sitting {
        clips: Vec<(ClipId, Option<String>)>,
        queue: Queue,
        ledger: Ledger,
        events: Events,
    }

    impl Sitting {
        /// `speakers[i]` speaks clip i; an empty name is unknown.
        fn new(speakers: &[&str], round: &Round) -> Sitting {
            let speaker = |name: &&str| (!name.is_empty()).then(|| (*name).to_owned());
            let clips = (0..).map(id).zip(speakers.iter().map(speaker)).collect();
            let mut s =
                Sitting { clips, queue: Queue::default(), ledger: Ledger::default(), events: Events::default() };
            s.queue = s.of("anna", round, &[]);
            s
        }

        fn of(&self, who: &str, round: &Round, first: &[ClipId]) -> Queue {
            let clips: Vec<_> = self.clips.iter().map(|(id, speaker)| (id, speaker.as_deref())).collect();
            Queue::new(&clips, &Annotator::Human(who.to_owned()), round, first)
        }

        fn say(&mut self, turn: Turn, act: Act) {
            let mut event = self.events.say(&self.clips[turn.clip].0.0, act);
            event.said.occasion = turn.occasion;
            self.ledger.apply(&event);
            self.queue.settle(turn.clip, &self.clips[turn.clip].0, &self.ledger);
        }

        fn label(&mut self, turn: Turn) {
            self.say(turn, Act::label("a"));
        }

        /// Labels whatever comes next until nothing does.
        fn walk(&mut self) -> Vec<Turn> {
            let mut met = Vec::new();
            while let Some(turn) = self.queue.next_after(met.last().copied()) {
                self.label(turn);
                met.push(turn);
            }
            met
        }
    }

    fn id(i: usize) -> ClipId {
        ClipId(format!("clip{i:03}.wav").into())
    }

    fn ids(queue: &Queue) -> Vec<ClipId> {
        queue.turns().iter().map(|turn| id(turn.clip)).collect()
    }

    fn known(clips: &[usize]) -> crate::label::Known {
        clips.iter().map(|&clip| (id(clip), BTreeMap::new())).collect()
    }

    #[test]
    fn the_order_is_the_annotators_own_and_stays() {
        let (s, round) = (Sitting::new(&[""; 50], &Round::default()), Round::default());
        assert_eq!(s.queue.turns(), s.of("anna", &round, &[]).turns());
        for other in [s.of("ben", &round, &[]), s.of("anna", &Round { seed: 2, ..round.clone() }, &[])] {
            assert_ne!(ids(&s.queue), ids(&other));
        }
        let sorted: Vec<ClipId> = (0..50).map(id).collect();
        assert_ne!(ids(&s.queue), sorted, "blind: not by name");
        let fewer = Sitting::new(&[""; 40], &round);
        let rest: Vec<ClipId> = ids(&s.queue).into_iter().filter(|one| *one < id(40)).collect();
        assert_eq!(rest, ids(&fewer.queue), "clips that join do not shuffle the others");
        let first = [id(7), id(3), id(99)];
        assert_eq!(ids(&s.of("anna", &round, &first))[..2], first[..2]);
    }

    #[test]
    fn skipped_clips_come_back_at_the_end() {
        let mut s = Sitting::new(&[""; 3], &Round::default());
        let turns = s.queue.turns().to_vec();
        s.say(turns[0], Act::Skip);
        assert_eq!(s.queue.next_after(Some(turns[0])), Some(turns[1]));
        assert_eq!(s.queue.coming(Some(turns[0]), 1), [turns[1]]);
        assert_eq!(s.queue.coming(Some(turns[0]), 9), [turns[1], turns[2]]);
        s.label(turns[1]);
        assert_eq!(s.queue.resume(), Some(turns[2]));
        s.label(turns[2]);
        assert_eq!(s.queue.next_after(Some(turns[2])), Some(turns[0]));
        assert_eq!(s.queue.next_after(Some(turns[0])), Some(turns[0]), "still open");
        assert_eq!(s.queue.progress(), Progress { labelled: 2, skipped: 1, total: 3 });
        s.label(turns[0]);
        assert_eq!((s.queue.next_after(Some(turns[0])), s.queue.resume()), (None, None));
    }

    #[test]
    fn an_empty_queue_and_a_foreign_turn_are_no_trouble() {
        assert_eq!(Queue::default().resume(), None);
        let queue = Sitting::new(&[""; 2], &Round::default()).queue;
        let foreign = Turn { clip: 77, occasion: Occasion::Main };
        assert_eq!(queue.next_after(Some(foreign)), queue.turns().first().copied());
    }

    #[test]
    fn repeats_come_later_once_the_clip_is_done_and_training_first() {
        let round = Round { repeats: 0.3, training: known(&[5, 6]), ..Round::default() };
        let mut s = Sitting::new(&[""; 100], &round);
        let met = s.walk();
        assert!(met[..2].iter().all(|turn| turn.occasion == Occasion::Training && [5, 6].contains(&turn.clip)));
        let repeats: Vec<usize> = (0..met.len()).filter(|&at| met[at].occasion == Occasion::Repeat).collect();
        assert!((20..=40).contains(&repeats.len()), "{}", repeats.len());
        for &at in &repeats {
            let first = met.iter().position(|turn| turn.clip == met[at].clip).unwrap();
            assert!(met[first].occasion == Occasion::Main && at > first);
            assert!(at - first >= APART || at > 98, "{first} {at}");
        }
        assert_eq!(s.queue.progress().labelled, 2 + 98 + repeats.len());
        let open = Turn { occasion: Occasion::Main, ..met[repeats[0]] };
        let target = s.ledger.answer(&id(open.clip), "").map(str::to_owned);
        assert_eq!(target.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_undone_is_open_again() {
        let mut s = Sitting::new(&[""; 4], &Round::default());
        let first = s.queue.resume().unwrap();
        s.label(first);
        let (target, _) = s.ledger.undo_target().unwrap();
        s.say(first, Act::Undo(target));
        assert_eq!((s.queue.resume(), s.queue.progress().labelled), (Some(first), 0));
    }

    proptest! {
        #[test]
        fn every_clip_is_met_once_and_no_speaker_twice_in_a_row(speakers in proptest::collection::vec(0_usize..4, 0..40)) {
            let names: Vec<&str> = speakers.iter().map(|&speaker| ["a", "b", "c", "d"][speaker]).collect();
            let mut s = Sitting::new(&names, &Round::default());
            let order = s.queue.turns().to_vec();
            let met = s.walk();
            prop_assert_eq!(&met, &order);
            let mut clips: Vec<usize> = met.iter().map(|turn| turn.clip).collect();
            for at in 1..met.len() {
                let same = names[met[at].clip] == names[met[at - 1].clip];
                let others = met[at..].iter().any(|turn| names[turn.clip] != names[met[at - 1].clip]);
                prop_assert!(!(same && others), "only where no other speaker is left");
            }
            clips.sort_unstable();
            prop_assert_eq!(clips, (0..speakers.len()).collect::<Vec<_>>());
        }
    }
}

//! What the server's end sends, and in which order: what was asked for now, the sound it needs, then the sounds that come next.
//!
//! Runs on a thread of its own, which alone writes to the connection and packs sounds. Sounds go in small chunks, never more of
//! them under way than [`Flow`] allows, so that a "stop" is never behind a whole clip. Deliberately absent: reading.

use std::sync::Arc;
use std::time::Duration;

use super::companion::{Order, Shared, State};
use super::flow::{Flow, Leave};
use super::packing::{fitting, pack};
use super::stream::Stream;
use super::wire::{self, Far, Header, WireError};
use crate::audio::{AudioHash, Sound};

/// Sounds announced and not yet there, at most: each is held as bytes.
const OPEN: usize = 3;

/// The sounds on their way, and what they are for.
pub(super) struct Sending {
    flow: Flow,
    parcels: Vec<Parcel>,
    /// What was ordered last, and what was ordered before it: one goes back often.
    wanted: [Option<Arc<Sound>>; 2],
    ahead: Vec<Arc<Sound>>,
}

struct Parcel {
    sound: Arc<Sound>,
    header: Header,
    bytes: Vec<u8>,
    sent: usize,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Announced; no answer yet.
    Asked,
    Needed,
    There,
}

/// What to do next.
enum Next {
    Announce(Arc<Sound>),
    /// So many bytes of that parcel.
    Chunk(usize, usize),
    /// Nothing, for so long or until there is a word.
    Wait(Option<Duration>),
}

impl Sending {
    /// For a companion that wants at most so many bytes of sound a second; 0 = any.
    pub(super) fn new(limit: u32) -> Sending {
        Sending { flow: Flow::new(limit), parcels: Vec::new(), wanted: [None, None], ahead: Vec::new() }
    }

    /// Sends until the connection is over.
    pub(super) fn run(&mut self, shared: &Shared, to: &mut Stream) -> Result<(), WireError> {
        let mut state = shared.lock();
        loop {
            let now = shared.now();
            state.look_for_life(now);
            if state.is_over() {
                return Ok(());
            }
            let dropped = self.take_in(&mut state);
            state.sending = self.parcels.iter().any(|parcel| parcel.standing == Standing::Needed);
            let order = state.urgent.pop_front();
            let next = if order.is_some() { Next::Wait(None) } else { self.next(now) };
            if let (Next::Wait(most), None, true) = (&next, &order, dropped.is_empty()) {
                state = shared.wait(state, *most);
                continue;
            }
            drop(state);
            for hash in dropped {
                wire::write(to, &Far::Forget(hash))?;
            }
            match order {
                Some(order) => {
                    let take = order.take();
                    self.obey(order, to)?;
                    take.into_iter().for_each(|take| shared.wrote(take));
                }
                None => self.go_on(next, to, now)?,
            }
            state = shared.lock();
        }
    }

    /// Takes in what the other threads left; returns sounds that will not follow after all.
    fn take_in(&mut self, state: &mut State) -> Vec<AudioHash> {
        if let Some((bytes, when)) = state.got.take() {
            self.flow.got(bytes, when);
        }
        for (hash, needed) in state.answers.drain(..) {
            let asked = |parcel: &&mut Parcel| parcel.header.hash == hash && parcel.standing == Standing::Asked;
            if let Some(parcel) = self.parcels.iter_mut().find(asked) {
                parcel.standing = if needed { Standing::Needed } else { Standing::There };
            }
        }
        // What is ordered now was to come next before: it must not be let go of in between.
        match state.ahead.take_if(|_| state.urgent.is_empty()) {
            Some(ahead) => {
                self.ahead = ahead;
                self.tidy()
            }
            None => Vec::new(),
        }
    }

    /// Lets go of what is no longer for anything.
    fn tidy(&mut self) -> Vec<AudioHash> {
        let for_something = self.wanted.iter().flatten().chain(&self.ahead);
        let of_use: Vec<_> = for_something.map(Arc::clone).collect();
        let useful = |parcel: &Parcel| of_use.iter().any(|sound| Arc::ptr_eq(sound, &parcel.sound));
        let gone = self.parcels.iter().filter(|parcel| !useful(parcel) && parcel.standing != Standing::There);
        let gone = gone.map(|parcel| parcel.header.hash).collect();
        self.parcels.retain(useful);
        gone
    }

    /// Announcements go first: their answers are under way while the sounds before them are sent.
    fn next(&self, now: Duration) -> Next {
        let (mut open, mut chunk) = (0, None);
        for sound in self.wanted[0].iter().chain(&self.ahead) {
            match self.parcels.iter().position(|parcel| Arc::ptr_eq(&parcel.sound, sound)) {
                None if open < OPEN => return Next::Announce(Arc::clone(sound)),
                None => break,
                Some(at) => {
                    let standing = self.parcels[at].standing;
                    open += usize::from(standing != Standing::There);
                    chunk = chunk.or((standing == Standing::Needed).then_some(at));
                }
            }
        }
        match (chunk, self.flow.leave(now)) {
            (Some(at), Leave::Send(bytes)) => Next::Chunk(at, bytes),
            (Some(_), Leave::Wait(until)) => Next::Wait(Some(until.saturating_sub(now))),
            (Some(_), Leave::Full) | (None, _) => Next::Wait(None),
        }
    }

    fn obey(&mut self, order: Order, to: &mut Stream) -> Result<(), WireError> {
        match order {
            Order::Tell(message) => Ok(wire::write(to, &message)?),
            Order::Play { take, sound, from, tuning } => {
                if !self.wanted[0].as_ref().is_some_and(|wanted| Arc::ptr_eq(wanted, &sound)) {
                    let [wanted, _] = std::mem::take(&mut self.wanted);
                    self.wanted = [Some(Arc::clone(&sound)), wanted];
                    for hash in self.tidy() {
                        wire::write(to, &Far::Forget(hash))?;
                    }
                }
                let hash = self.announce(&sound, to)?;
                Ok(wire::write(to, &Far::Play { take, hash, from, tuning })?)
            }
        }
    }

    fn go_on(&mut self, next: Next, to: &mut Stream, now: Duration) -> Result<(), WireError> {
        match next {
            Next::Wait(_) => Ok(()),
            Next::Announce(sound) => self.announce(&sound, to).map(drop),
            Next::Chunk(at, most) => {
                let parcel = &mut self.parcels[at];
                let end = parcel.bytes.len().min(parcel.sent + most);
                let data = parcel.bytes[parcel.sent..end].to_vec();
                let bytes = data.len();
                wire::write(to, &Far::Chunk { hash: parcel.header.hash, at: parcel.sent as u64, data })?;
                parcel.sent = end;
                if end == parcel.bytes.len() {
                    parcel.standing = Standing::There;
                }
                self.flow.sent(bytes, now);
                Ok(())
            }
        }
    }

    /// Announces a sound, unless it is on its way; also one that was there once: the laptop may have thrown it away.
    fn announce(&mut self, sound: &Arc<Sound>, to: &mut Stream) -> Result<AudioHash, WireError> {
        let known = self.parcels.iter_mut().find(|parcel| Arc::ptr_eq(&parcel.sound, sound));
        let header = match known {
            Some(parcel) if parcel.standing != Standing::There => return Ok(parcel.header.hash),
            Some(parcel) => {
                (parcel.standing, parcel.sent) = (Standing::Asked, 0);
                parcel.header
            }
            None => {
                let (header, bytes) = pack(&fitting(sound));
                // The same sound, decoded twice: its second announcement begins it anew.
                self.parcels.retain(|parcel| parcel.header.hash != header.hash);
                let sound = Arc::clone(sound);
                self.parcels.push(Parcel { sound, header, bytes, sent: 0, standing: Standing::Asked });
                header
            }
        };
        wire::write(to, &Far::Sound(header))?;
        Ok(header.hash)
    }
}

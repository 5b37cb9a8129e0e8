//! How the clip at hand was listened to, and how long this sitting has lasted: what an annotation tells of it, and when a break
//! is due.
//!
//! The rule of time: it counts while a sound plays, and for up to 30 s after each key; of longer silence the first 30 s count. A
//! sound that is played again and again counts once. Time on another screen does not count. Deliberately absent: the player and
//! the keys; they are told, with the time, so that nothing here needs a clock.

use std::time::{Duration, Instant};

use super::example::Examples;
use super::picture::Picture;
use super::view::Panel;
use super::{Playing, Workbench};
use crate::audio::{Playback, Player, SinkName};
use crate::label::{Listening, Turn};

/// Silence that still counts as work.
const IDLE: Duration = Duration::from_secs(30);
/// Silence that counts as a break.
const BREAK: Duration = Duration::from_secs(5 * 60);
/// A clip is cut into so many parts, each heard or not.
const PARTS: u32 = 100;
/// The cursor may run so many seconds ahead of the clock before it counts as moved by hand.
const SLACK: f64 = 0.25;

/// The sitting, and the clip at hand.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    sitting: Sitting,
    hearing: Option<Hearing>,
    /// The last key or moment of sound.
    sign: Duration,
    /// Up to when time is counted.
    counted: Duration,
    /// Another screen is at the front.
    away: bool,
}

/// What this sitting comes to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sitting {
    /// Time at work, without idle time, in seconds.
    pub seconds: f64,
    /// The same since the last break of five minutes or more.
    pub since_break: f64,
    /// Clips that became done.
    pub clips: usize,
}

impl Workbench {
    /// A clip comes on the Label screen, or is still there: from now on it is told how it is listened to.
    pub fn attend(&mut self, turn: Turn) {
        let now = self.sound.since.elapsed();
        self.sound.hearing.attend(turn, now);
        self.sound.hearing.shown(self.pictures.view.label);
        self.listen(false);
    }

    /// Looks how far the sound of the clip at hand has come; `key`: because a key was pressed.
    pub fn listen(&mut self, key: bool) {
        let now = self.sound.since.elapsed();
        let sound = self.sound.of_hearing();
        self.sound.hearing.notice(now, sound.as_ref(), key);
    }

    /// The clip at hand is no longer on the screen.
    pub(super) fn look_away(&mut self) {
        let (now, sound) = (self.sound.since.elapsed(), self.sound.of_hearing());
        self.sound.hearing.away(now, sound.as_ref());
    }

    /// How the clip at hand was listened to so far; `None` for another turn.
    pub fn listening(&self, turn: Turn) -> Option<Listening> {
        self.sound.hearing.listening(turn, &self.playback())
    }

    /// What this sitting comes to so far.
    pub fn sitting(&self) -> Sitting {
        self.sound.hearing.sitting()
    }

    /// Whether every clip is played equally loud: -23 LUFS (EBU R 128), as far as its peak allows.
    pub fn is_even(&self) -> bool {
        self.sound.even
    }

    /// Plays every clip equally loud, or as it is on disk; also the one that is being played.
    pub fn set_even(&mut self, even: bool) {
        self.sound.even = even;
        let picture =
            self.sound.clip.and_then(|clip| self.pictures.get(clip)).and_then(|picture| picture.as_ref().ok());
        let gain = picture.map_or(1.0, |picture| self.sound.gain(picture));
        self.sound.player.set_gain(gain);
    }
}

impl Playing {
    pub(super) fn new(player: Player) -> Playing {
        let (hearing, examples, since) = (Tracker::default(), Examples::default(), Instant::now());
        Playing { player, even: true, hearing, examples, since, clip: None, on_arrival: None }
    }

    /// Plays a clip from its start.
    pub(super) fn play(&mut self, clip: usize, picture: &Picture) {
        self.player.play(picture.sound.clone(), 0.0, self.gain(picture));
        (self.clip, self.on_arrival) = (Some(clip), None);
        self.hearing.started(clip, self.player.state());
    }

    fn gain(&self, picture: &Picture) -> f32 {
        if self.even { picture.gain } else { 1.0 }
    }

    /// The sound of the clip that is listened to, if that is what plays.
    fn of_hearing(&self) -> Option<Playback> {
        let turn = self.hearing.hearing.as_ref()?.turn;
        (self.clip == Some(turn.clip)).then(|| self.player.state())
    }
}

impl Sitting {
    /// Clips per minute at work; `None` in the first half minute, which says nothing.
    pub fn rate(&self) -> Option<f64> {
        (self.seconds >= 30.0).then(|| 60.0 * self.clips as f64 / self.seconds)
    }
}

/// One clip, from its arrival on.
#[derive(Debug)]
struct Hearing {
    turn: Turn,
    plays: u32,
    /// A bit per part.
    heard: u128,
    panel: Panel,
    seconds: f64,
    /// Its sound as it was seen last.
    sound: Option<Playback>,
}

impl Tracker {
    /// A clip comes on the screen; nothing changes if it is the one at hand.
    pub(super) fn attend(&mut self, turn: Turn, now: Duration) {
        if std::mem::take(&mut self.away) {
            self.rest(now);
            (self.sign, self.counted) = (now, now);
        }
        if self.hearing.as_ref().is_none_or(|hearing| hearing.turn != turn) {
            self.notice(now, None, true);
            let (sound, panel) = (None, Panel::Nothing);
            self.hearing = Some(Hearing { turn, plays: 0, heard: 0, panel, seconds: 0.0, sound });
        }
    }

    /// The clip's sound was started.
    pub(super) fn started(&mut self, clip: usize, sound: Playback) {
        if let Some(hearing) = self.hearing.as_mut().filter(|hearing| hearing.turn.clip == clip && !self.away) {
            hearing.plays += 1;
            hearing.sound = Some(sound);
        }
    }

    /// Another screen comes to the front.
    pub(super) fn away(&mut self, now: Duration, sound: Option<&Playback>) {
        self.notice(now, sound, true);
        self.away = true;
    }

    /// What is drawn of the clip at hand.
    pub(super) fn shown(&mut self, panel: Panel) {
        if let Some(hearing) = &mut self.hearing {
            hearing.panel = [hearing.panel, panel].into_iter().max_by_key(|panel| richness(*panel)).unwrap_or(panel);
        }
    }

    /// A clip became done, or is no longer.
    pub(super) fn count(&mut self, was_done: bool, is_done: bool) {
        self.sitting.clips = (self.sitting.clips + usize::from(is_done)).saturating_sub(usize::from(was_done));
    }

    /// Takes in how far the sound of the clip at hand has come (`None`: it is not what plays), and whether a key was pressed.
    pub(super) fn notice(&mut self, now: Duration, sound: Option<&Playback>, key: bool) {
        if self.away {
            return;
        }
        let before = self.hearing.as_ref().and_then(|hearing| hearing.sound.as_ref());
        let sounding = before.is_some_and(|before| before.playing && !before.looping);
        // A clock that went on while the machine slept: no sound plays beyond its end.
        let left =
            before.map_or(0.0, |before| (before.seconds - before.position).max(0.0) / f64::from(before.speed.max(0.1)));
        let ended = self.counted + Duration::from_secs_f64(left);
        let until = now.min(if sounding { ended + IDLE } else { self.sign + IDLE });
        let worked = until.saturating_sub(self.counted).as_secs_f64();
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.sitting.seconds += worked;
        self.sitting.since_break += worked;
        if sounding {
            self.sign = now.min(ended);
            self.rest(now);
        }
        if key {
            self.rest(now);
            self.sign = now;
        }
        self.counted = self.counted.max(now);
        if let Some(hearing) = &mut self.hearing {
            hearing.seconds += worked;
            hearing.hear(sound, passed);
        }
    }

    fn rest(&mut self, now: Duration) {
        if now.saturating_sub(self.sign) >= BREAK {
            self.sitting.since_break = 0.0;
        }
    }

    /// What an annotation of the clip at hand tells; `None` for another.
    pub(super) fn listening(&self, turn: Turn, playback: &Playback) -> Option<Listening> {
        let hearing = self.hearing.as_ref().filter(|hearing| hearing.turn == turn)?;
        let played = hearing.sound.as_ref().unwrap_or(playback);
        Some(Listening {
            plays: hearing.plays,
            heard: f64::from(hearing.heard.count_ones()) / f64::from(PARTS),
            sink: sink(&playback.sink).to_owned(),
            gain_db: rounded(played.decibels(), 10.0),
            picture: picture(hearing.panel).to_owned(),
            seconds: rounded(hearing.seconds, 1000.0),
        })
    }

    pub(super) fn sitting(&self) -> Sitting {
        self.sitting
    }
}

impl Hearing {
    /// Marks what was heard since the last look, `passed` seconds ago.
    fn hear(&mut self, sound: Option<&Playback>, passed: f64) {
        let Some(now) = sound else {
            self.sound = None;
            return;
        };
        if let Some(before) = self.sound.replace(now.clone()).filter(|before| before.take == now.take) {
            let could = passed * f64::from(before.speed.max(now.speed)) + SLACK;
            let (start, end) = before.bounds();
            if before.playing && now.position >= before.position {
                // A cursor that ran further was moved by hand.
                if now.position - before.position <= could {
                    self.mark(before.position, now.position, now.seconds);
                }
            } else if before.playing && before.looping && end - before.position + now.position - start <= could {
                // Rounds of a region are not plays of the clip.
                self.plays += u32::from(before.region.is_none());
                self.mark(before.position, end, now.seconds);
                self.mark(start, now.position, now.seconds);
            } else if !before.playing && now.playing && before.position >= end {
                self.plays += 1;
            }
        }
    }

    fn mark(&mut self, from: f64, to: f64, seconds: f64) {
        let part = |second: f64| ((second / seconds * f64::from(PARTS)) as u32).min(PARTS);
        if seconds > 0.0 {
            (part(from)..part(to)).for_each(|part| self.heard |= 1 << part);
        }
    }
}

fn richness(panel: Panel) -> usize {
    [Panel::Nothing, Panel::Waveform, Panel::Spectrogram, Panel::Curves]
        .iter()
        .position(|one| *one == panel)
        .unwrap_or(0)
}

fn picture(panel: Panel) -> &'static str {
    match panel {
        Panel::Nothing => "none",
        Panel::Waveform => "waveform",
        Panel::Spectrogram => "waveform+spectrogram",
        Panel::Curves => "waveform+spectrogram+curves",
    }
}

fn sink(name: &SinkName) -> &'static str {
    match name {
        SinkName::Unopened => "none",
        SinkName::Device => "device",
        SinkName::Pulse => "pulse",
        SinkName::Companion(_) => "companion",
        SinkName::Browser(_) => "browser",
        SinkName::Silent(_) => "silent",
    }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Turn = Turn { clip: 3, occasion: crate::label::Occasion::Main };

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A clip of two seconds at that position.
    fn sound(position: f64, playing: bool) -> Playback {
        Playback { take: 1, playing, position, seconds: 2.0, ..Playback::default() }
    }

    fn tracker(start: f64) -> Tracker {
        let mut tracker = Tracker { away: true, ..Tracker::default() };
        tracker.attend(TURN, at(start));
        tracker
    }

    fn told(tracker: &Tracker) -> Option<Listening> {
        tracker.listening(TURN, &Playback::default())
    }

    fn heard(tracker: &Tracker) -> (u32, f64) {
        told(tracker).map_or((0, -1.0), |told| (told.plays, told.heard))
    }

    #[test]
    fn what_was_played_is_heard_and_what_was_skipped_is_not() {
        let mut tracker = tracker(100.0);
        tracker.started(3, sound(0.0, true));
        tracker.notice(at(100.5), Some(&sound(0.5, true)), true);
        assert_eq!(heard(&tracker), (1, 0.25));
        // Half a second forward by a key: the cursor jumps, the clock does not.
        tracker.notice(at(100.5), Some(&sound(1.0, true)), true);
        tracker.notice(at(101.5), Some(&sound(2.0, false)), false);
        assert_eq!(heard(&tracker), (1, 0.75));
        // Played again to its end.
        tracker.notice(at(102.0), Some(&sound(0.0, true)), true);
        tracker.notice(at(104.0), Some(&sound(2.0, false)), false);
        assert_eq!(heard(&tracker), (2, 1.0));
        assert_eq!(told(&tracker).map(|told| told.seconds), Some(4.0));
    }

    #[test]
    fn another_clips_sound_is_not_heard_as_this_one() {
        let mut tracker = tracker(0.0);
        tracker.started(4, sound(0.0, true));
        tracker.notice(at(2.0), None, true);
        assert_eq!(heard(&tracker), (0, 0.0));
        tracker.attend(Turn::main(4), at(3.0));
        assert_eq!(told(&tracker), None);
    }

    #[test]
    fn long_silence_is_no_work_and_five_minutes_are_a_break() {
        let mut tracker = tracker(0.0);
        tracker.notice(at(20.0), None, true);
        tracker.notice(at(120.0), None, false);
        tracker.notice(at(140.0), None, true);
        assert_eq!(told(&tracker).map(|told| told.seconds), Some(50.0));
        tracker.notice(at(141.0), None, true);
        assert_eq!((tracker.sitting().seconds, tracker.sitting().since_break), (51.0, 51.0));
        tracker.notice(at(500.0), None, true);
        tracker.notice(at(510.0), None, true);
        assert_eq!((tracker.sitting().seconds, tracker.sitting().since_break), (91.0, 10.0));
    }

    #[test]
    fn a_laptop_that_slept_while_a_clip_played_was_not_at_work() {
        let mut tracker = tracker(0.0);
        tracker.started(3, sound(0.0, true));
        tracker.notice(at(1.0), Some(&sound(1.0, true)), false);
        // Eight hours later, by a clock that counts them; the player has not moved.
        tracker.notice(at(28_800.0), Some(&sound(1.0, true)), false);
        assert_eq!(told(&tracker).map(|told| told.seconds), Some(32.0));
        tracker.notice(at(28_801.0), Some(&sound(2.0, false)), true);
        assert_eq!(heard(&tracker), (1, 1.0));
        // A break, for whoever counts them.
        assert!(tracker.sitting().since_break <= 1.0, "{:?}", tracker.sitting());
    }

    #[test]
    fn a_clip_that_is_undone_is_no_longer_counted() {
        let mut tracker = tracker(0.0);
        for (was, is) in [(false, true), (true, true), (false, false), (false, true), (true, false)] {
            tracker.count(was, is);
        }
        assert_eq!(tracker.sitting().clips, 1);
    }

    #[test]
    fn another_screen_is_no_work() {
        let mut tracker = tracker(0.0);
        tracker.away(at(10.0), None);
        tracker.attend(TURN, at(25.0));
        tracker.notice(at(30.0), None, true);
        assert_eq!(told(&tracker).map(|told| told.seconds), Some(15.0));
    }

    #[test]
    fn a_loop_counts_its_rounds_but_keeps_nobody_at_work() {
        let mut tracker = tracker(0.0);
        let round = |position| Playback { looping: true, ..sound(position, true) };
        tracker.started(3, round(0.0));
        for second in 1..=600 {
            tracker.notice(at(f64::from(second)), Some(&round(f64::from(second % 2))), false);
        }
        let told = told(&tracker);
        assert_eq!(told.map(|told| (told.plays, told.heard, told.seconds)), Some((301, 1.0, 30.0)));
    }

    #[test]
    fn a_looped_region_is_heard_but_is_no_play_of_the_clip() {
        let mut tracker = tracker(0.0);
        let round = |position| Playback { looping: true, region: Some((0.5, 1.0)), ..sound(position, true) };
        tracker.started(3, round(0.5));
        for half in 1..=20_u32 {
            let position = if half % 2 == 1 { 0.75 } else { 0.5 };
            tracker.notice(at(f64::from(half) / 4.0), Some(&round(position)), false);
        }
        assert_eq!(heard(&tracker), (1, 0.25));
    }

    #[test]
    fn the_richest_picture_counts_and_the_gain_of_the_sound() {
        let mut tracker = tracker(0.0);
        tracker.shown(Panel::Spectrogram);
        tracker.shown(Panel::Nothing);
        tracker.started(3, Playback { gain: 2.0, sink: SinkName::Device, ..sound(0.0, true) });
        let told = tracker.listening(TURN, &Playback { sink: SinkName::Device, ..Playback::default() });
        let told = told.map(|told| (told.picture, told.gain_db, told.sink));
        assert_eq!(told, Some(("waveform+spectrogram".to_owned(), 6.0, "device".to_owned())));
    }

    #[test]
    fn the_rate_needs_half_a_minute() {
        let sitting = Sitting { seconds: 20.0, since_break: 20.0, clips: 5 };
        assert_eq!(sitting.rate(), None);
        assert_eq!(Sitting { seconds: 40.0, ..sitting }.rate(), Some(7.5));
    }
}

//! A sound on its way out: frame after frame at the tuning asked for, with loop, region and fades.
//!
//! Runs on the thread of a device: allocates nothing after its creation and waits for nothing. No change clicks: gain moves over
//! 5 ms, a start or end inside the sound is faded, and so is the seam of a looped region. What begins or ends at the sound's own
//! end loses nothing: where its first or last sample is not silence, 5 ms are added that lead there. The seam of a sound looped
//! whole is left as it is. Deliberately absent: several sounds at a time, and what is heard when (both `mixer`).

use std::sync::Arc;

use super::Sound;
use super::sink::Tuning;
use super::stretch::{Place, Reel, Stretch, fade};

/// Length of every fade, in seconds.
const FADE: f64 = 0.005;
/// Samples below -60 dB need no lead.
const AUDIBLE: f32 = 0.001;

/// A sound with one or two channels at the device's rate, being played.
#[derive(Debug)]
pub(super) struct Tape {
    /// The number of the start that it belongs to.
    pub take: u64,
    cut: Cut,
    stretch: Stretch,
    place: Place,
    speed: f64,
    block: Vec<[f32; 2]>,
    /// Frames of the block that are given out, and that there are.
    used: usize,
    filled: usize,
    /// What would have followed by the rules before the last change: faded into what does.
    carry: Vec<[f32; 2]>,
    carried: bool,
    gain: Gain,
}

/// What of the sound is read.
#[derive(Debug)]
struct Cut {
    sound: Arc<Sound>,
    start: i64,
    end: i64,
    looping: bool,
    /// Frames of a fade.
    fade: i64,
}

/// The factor on the samples, on its way to the one wanted.
#[derive(Debug)]
struct Gain {
    now: f32,
    wanted: f32,
    step: f32,
    stopped: bool,
}

impl Tape {
    /// `sound` has one or two channels; `from` in seconds.
    pub(super) fn new(take: u64, sound: Arc<Sound>, from: f64, tuning: Tuning) -> Tape {
        let stretch = Stretch::new(sound.rate);
        let first = (from * f64::from(sound.rate)).round() as i64;
        let cut = Cut::new(sound, tuning);
        let lead = if first == 0 { cut.lead() } else { 0 };
        // From the first frame on nothing may be lost; in the middle of a sound a sudden start would click.
        let sudden = first == 0 && (lead > 0 || !audible(cut.raw(0)));
        let gain = Gain::new(if sudden { tuning.volume } else { 0.0 }, tuning.volume, cut.fade);
        let silence = vec![[0.0; 2]; stretch.hop()];
        let (block, carry) = (silence.clone(), silence);
        let (place, speed) = (Place::new(first - lead), f64::from(tuning.speed));
        Tape { take, cut, stretch, place, speed, block, used: 0, filled: 0, carry, carried: false, gain }
    }

    /// Plays on by other rules.
    pub(super) fn tune(&mut self, tuning: Tuning) {
        self.speed = f64::from(tuning.speed);
        if !self.gain.stopped {
            self.gain.turn(tuning.volume, self.cut.fade);
        }
        let cut = Cut::new(Arc::clone(&self.cut.sound), tuning);
        if (cut.start, cut.end, cut.looping) == (self.cut.start, self.cut.end, self.cut.looping) {
            return;
        }
        if !self.carried {
            for (frame, number) in self.carry.iter_mut().zip(self.place.next..) {
                *frame = self.cut.frame(number);
            }
            self.carried = true;
        }
        self.turn_back();
        self.cut = cut;
    }

    /// Fades out, then ends.
    pub(super) fn stop(&mut self) {
        self.gain.turn(0.0, self.cut.fade);
        self.gain.stopped = true;
    }

    /// Whether it was told to stop: its end is not the sound's.
    pub(super) fn is_stopped(&self) -> bool {
        self.gain.stopped
    }

    /// At the start of a block: seconds into the sound of the frame that comes next, and seconds of sound per second from there.
    pub(super) fn mark(&self) -> Option<(f64, f64)> {
        let (at, end, length) = (self.place.at, self.cut.end as f64, self.cut.length() as f64);
        let at = if self.cut.loops() && at >= end { at - length } else { at.clamp(0.0, end.max(0.0)) };
        (self.used == self.filled).then(|| (at / f64::from(self.cut.sound.rate.max(1)), self.speed))
    }

    /// The next frame; `None` at the end of what is played, or once it has faded out.
    pub(super) fn next(&mut self) -> Option<[f32; 2]> {
        let gain = self.gain.next()?;
        if self.used == self.filled && !self.wind() {
            return None;
        }
        self.used += 1;
        self.block.get(self.used - 1).map(|frame| frame.map(|sample| gain * sample))
    }

    /// Reads the next block; false at the end.
    fn wind(&mut self) -> bool {
        if self.speed == 1.0 {
            self.place.at = self.place.next as f64;
        }
        self.turn_back();
        let (last, hop) = (self.cut.last(), self.stretch.hop());
        let left = last as f64 - self.place.at;
        // What the clock has passed may be some milliseconds ahead of what was heard.
        let rest = if self.cut.loops() { 0 } else { (last - self.place.next).clamp(0, hop as i64) };
        let wound = left > 0.0 && self.cut.length() > 0;
        let frames = match (wound, rest > 0 && self.cut.ends_whole()) {
            (true, _) => (left / self.speed).ceil() as usize,
            (false, true) => rest as usize,
            (false, false) => return false,
        };
        let speed = if wound { self.speed } else { 1.0 };
        self.stretch.fill(&self.cut, speed, &mut self.place, &mut self.block);
        (self.used, self.filled) = (0, hop);
        if !self.cut.loops() {
            let moved = speed != 1.0 && self.cut.ends_whole();
            self.filled = if moved { hop } else { frames.min(hop) };
            self.close(frames);
        }
        if std::mem::take(&mut self.carried) {
            blend(&self.carry, &mut self.block);
        }
        true
    }

    /// Begins the next round of a loop.
    fn turn_back(&mut self) {
        while self.cut.loops() && self.place.at >= self.cut.end as f64 {
            self.place.at -= self.cut.length() as f64;
            self.place.next -= self.cut.length();
        }
    }

    /// Fades the last of `left` frames out if they end inside the sound.
    fn close(&mut self, left: usize) {
        let fade_frames = self.cut.fade as usize;
        if !self.cut.ends_whole() && left < self.filled + fade_frames {
            for (index, frame) in self.block[..self.filled].iter_mut().enumerate() {
                let part = fade((left - index) as f32 / (fade_frames + 1) as f32);
                *frame = frame.map(|sample| part * sample);
            }
        }
    }
}

impl Cut {
    fn new(sound: Arc<Sound>, tuning: Tuning) -> Cut {
        let rate = f64::from(sound.rate);
        let (from, to) = tuning.bounds(sound.seconds());
        let (start, end) = ((from * rate).round() as i64, ((to * rate).round() as i64).min(sound.frames() as i64));
        let fade = ((rate * FADE) as i64).max(1);
        Cut { sound, start, end, looping: tuning.looping, fade }
    }

    fn length(&self) -> i64 {
        (self.end - self.start).max(0)
    }

    fn loops(&self) -> bool {
        self.looping && self.length() > 0
    }

    fn ends_whole(&self) -> bool {
        self.end >= self.sound.frames() as i64
    }

    /// Frames before the first that lead to it.
    fn lead(&self) -> i64 {
        if self.loops() || !audible(self.raw(0)) { 0 } else { self.fade }
    }

    /// The end, with the frames that lead from the sound's last sample to silence.
    fn last(&self) -> i64 {
        let tail = self.ends_whole() && !self.loops() && audible(self.raw(self.end - 1));
        if tail { self.end + self.fade } else { self.end }
    }

    /// The frame with this number; next to the sound, what leads to it.
    fn raw(&self, number: i64) -> [f32; 2] {
        let frames = self.sound.frames() as i64;
        let beside = (-number).max(number - frames + 1).max(0);
        if beside > self.fade || frames == 0 {
            return [0.0; 2];
        }
        let part = if beside == 0 { 1.0 } else { fade(1.0 - beside as f32 / (self.fade + 1) as f32) };
        let width = usize::from(self.sound.channels.max(1));
        let first = number.clamp(0, frames - 1) as usize * width;
        match self.sound.samples.get(first..first + width) {
            Some([left, right]) => [part * left, part * right],
            Some([one]) => [part * one; 2],
            _ => [0.0; 2],
        }
    }
}

impl Reel for Cut {
    fn frame(&self, number: i64) -> [f32; 2] {
        if !self.loops() {
            return self.raw(number);
        }
        let number = self.start + (number - self.start).rem_euclid(self.length());
        let this = self.raw(number);
        let whole = self.start == 0 && self.ends_whole();
        let fade_frames = self.fade.min(self.length() / 2);
        if whole || number < self.end - fade_frames {
            return this;
        }
        // What leads to the start of the region is faded in over its end: the loop keeps its length.
        let part = fade(((number - self.end + fade_frames) as f32 + 0.5) / fade_frames as f32);
        mix(this, self.raw(number - self.length()), part)
    }
}

impl Gain {
    fn new(now: f32, wanted: f32, fade: i64) -> Gain {
        let mut gain = Gain { now, wanted, step: 0.0, stopped: false };
        gain.turn(wanted, fade);
        gain
    }

    fn turn(&mut self, wanted: f32, fade: i64) {
        self.step = (wanted - self.now).abs() / fade as f32;
        self.wanted = wanted;
    }

    /// `None` once a stopped tape is silent.
    fn next(&mut self) -> Option<f32> {
        let left = self.wanted - self.now;
        self.now = if left.abs() <= self.step { self.wanted } else { self.now + self.step.copysign(left) };
        (!self.stopped || self.now != 0.0).then_some(self.now)
    }
}

fn audible(frame: [f32; 2]) -> bool {
    frame.iter().any(|sample| sample.abs() > AUDIBLE)
}

fn mix(old: [f32; 2], new: [f32; 2], part: f32) -> [f32; 2] {
    [old[0] + part * (new[0] - old[0]), old[1] + part * (new[1] - old[1])]
}

/// Fades from `old` into `new`.
fn blend(old: &[[f32; 2]], new: &mut [[f32; 2]]) {
    let length = new.len() as f32;
    for (index, (frame, old)) in new.iter_mut().zip(old).enumerate() {
        *frame = mix(*old, *frame, fade((index as f32 + 0.5) / length));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// 1000 Hz at 8 kHz, 0.5 s, full scale: no sample-to-sample step above 0.7654.
    const STEP: f32 = 0.7654;

    fn sine() -> Arc<Sound> {
        let samples = (0..4_000).map(|n| (std::f32::consts::TAU * n as f32 / 8.0).sin()).collect();
        Arc::new(Sound { samples, channels: 1, rate: 8_000 })
    }

    fn ramp(frames: usize, channels: u16) -> Arc<Sound> {
        let samples = (0..frames * usize::from(channels)).map(|n| n as f32).collect();
        Arc::new(Sound { samples, channels, rate: 1_000 })
    }

    fn looped(region: Option<(f64, f64)>) -> Tuning {
        Tuning { looping: true, region, ..Tuning::default() }
    }

    fn left(tape: &mut Tape, frames: usize) -> Vec<f32> {
        (0..frames).map_while(|_| tape.next()).map(|frame| frame[0]).collect()
    }

    fn largest_step(heard: &[f32]) -> f32 {
        heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn at_speed_one_every_sample_is_played_and_the_last_leads_to_silence() {
        let mut tape = Tape::new(1, ramp(50, 2), 0.0, Tuning { volume: 0.5, ..Tuning::default() });
        let heard: Vec<[f32; 2]> = std::iter::from_fn(|| tape.next()).collect();
        // The first frame is (0, 1): 5 frames lead to it.
        assert_eq!(heard.len(), 5 + 50 + 5);
        let exact: Vec<[f32; 2]> = (0..50).map(|n| [n as f32, n as f32 + 0.5]).collect();
        assert_eq!(heard[5..55], exact);
        assert!(heard[55..].windows(2).all(|pair| pair[1][0] < pair[0][0]), "{heard:?}");
        assert!(heard[4][1] < 0.5 && heard[59][0] < 5.0);
        assert_eq!(tape.mark(), Some((0.05, 1.0)));
    }

    #[test]
    fn a_whole_loop_turns_back_at_the_exact_frame() {
        let mut tape = Tape::new(1, ramp(25, 1), 0.0, looped(None));
        let heard = left(&mut tape, 60);
        assert_eq!(heard, (0..60).map(|n| (n % 25) as f32).collect::<Vec<_>>());
        tape.tune(Tuning::default());
        assert_eq!(left(&mut tape, 100).len(), 15 + 5, "the round is played to its end");
    }

    #[test]
    fn a_looped_region_keeps_its_length_and_does_not_click() {
        // 11 ms are 11 periods; 10.3 ms end in the middle of one.
        for (to, exact) in [(0.111, true), (0.1103, false)] {
            let mut tape = Tape::new(1, sine(), 0.1, looped(Some((0.1, to))));
            let heard = left(&mut tape, 4_000);
            assert!(largest_step(&heard[40..]) < STEP * 1.2, "{to}: {}", largest_step(&heard));
            let length = ((to - 0.1) * 8_000.0).round() as usize;
            assert!((200..300).all(|n| (heard[n] - heard[n + length]).abs() < 1e-6));
            assert!(!exact || (40..4_000).all(|n| (heard[n] - sine().samples[n]).abs() < 1e-3));
        }
    }

    #[test]
    fn no_action_clicks() {
        let tunings = [
            Tuning { volume: 0.2, ..Tuning::default() },
            Tuning { speed: 1.5, ..Tuning::default() },
            Tuning { speed: 0.5, volume: 0.0, ..Tuning::default() },
            looped(Some((0.0113, 0.2207))),
            Tuning { speed: 2.0, ..looped(Some((0.05, 0.1021))) },
            looped(None),
            Tuning { region: Some((0.0, 0.3004)), ..Tuning::default() },
        ];
        for from in [0.0, 0.010_06] {
            let mut tape = Tape::new(1, sine(), from, Tuning::default());
            let mut heard = vec![0.0];
            for (round, tuning) in tunings.into_iter().enumerate() {
                heard.extend(left(&mut tape, 331 + 17 * round));
                tape.tune(tuning);
            }
            heard.extend(left(&mut tape, 10_000));
            heard.push(0.0);
            assert!(largest_step(&heard) < STEP * 1.2, "from {from}: {}", largest_step(&heard));
            assert!(heard.len() < 9_000, "it ends");
        }
    }

    #[test]
    fn a_stop_fades_out_and_ends() {
        let mut tape = Tape::new(1, sine(), 0.2, Tuning::default());
        let mut heard = left(&mut tape, 101);
        tape.stop();
        tape.tune(Tuning::default());
        let tail = left(&mut tape, 1_000);
        assert!((39..=40).contains(&tail.len()), "5 ms: {}", tail.len());
        heard.extend(tail);
        heard.extend([0.0]);
        assert!(largest_step(&heard) < STEP && tape.is_stopped());
    }

    #[test]
    fn a_changed_speed_keeps_the_place_within_20_ms() {
        let mut tape = Tape::new(1, sine(), 0.0, Tuning::default());
        let mut told = 0.0;
        let (mut clock, mut speed) = (0.0, 1.0);
        for frame in 0..3_000 {
            if let Some((at, now)) = tape.mark() {
                let jump: f64 = at - told;
                assert!(jump.abs() < 0.020, "at {frame}: {jump}");
                (told, speed) = (at, now);
            }
            clock += speed / 8_000.0;
            told += speed / 8_000.0;
            if frame % 700 == 600 {
                tape.tune(Tuning { speed: [1.7, 1.0, 0.6, 1.0][frame / 700 % 4], ..Tuning::default() });
            }
            if tape.next().is_none() {
                break;
            }
        }
        assert!((clock - told).abs() < 0.030, "{clock} {told}");
    }

    #[test]
    fn the_end_comes_when_the_speed_says() {
        for speed in [0.5, 0.75, 1.25, 2.0] {
            let mut tape = Tape::new(1, sine(), 0.0, Tuning { speed, ..Tuning::default() });
            let heard = left(&mut tape, 20_000);
            let seconds = heard.len() as f32 / 8_000.0;
            assert!((seconds - 0.5 / speed).abs() < 0.025, "{speed}: {seconds} s");
            assert!(largest_step(&heard) < STEP * 1.2 && heard.last().unwrap().abs() < 0.1, "{speed}");
        }
    }

    #[test]
    fn nothing_and_next_to_nothing_end_at_once() {
        for frames in [0, 1, 2] {
            let sound = Arc::new(Sound { samples: vec![0.5; frames], channels: 1, rate: 8_000 });
            for tuning in [Tuning::default(), Tuning { speed: 2.0, ..Tuning::default() }] {
                let mut tape = Tape::new(1, Arc::clone(&sound), 0.0, tuning);
                assert!(left(&mut tape, 10_000).len() < 300);
            }
        }
    }
}

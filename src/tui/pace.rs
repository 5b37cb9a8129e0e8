//! When the next frame is due: at once after a key, in a measured step for all else.
//!
//! A key never waits for the frame of a report. Frames that no key has asked for take at most a quarter of the time, however long
//! one takes, and over SSH a part of the line. Deliberately absent: a clock; the loop tells the time.

use std::time::{Duration, Instant};

/// Bytes a second that frames may take which no key has asked for, where they are sent through the network: on a large terminal a
/// cursor over the picture alone would take more.
const LINE: f64 = 19e3;
/// However many bytes they take, they come so often.
const SELDOM: Duration = Duration::from_millis(250);

/// What a frame would show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// What is there already.
    Nothing,
    /// What a job has reported, or a sound that goes on.
    Report,
    /// What the user has done.
    Input,
}

/// The frames so far.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two frames of one kind.
    frame: Duration,
    /// The end of the last frame.
    drawn: Option<Instant>,
    /// The end of the last one that answered the user.
    answered: Option<Instant>,
    /// What the last one took.
    took: Duration,
    /// How long the line has for the last one that answered nobody; nothing where there is no line.
    sends: Option<Duration>,
}

impl Pace {
    /// Frames of one kind at least so far apart; `remote`: sent through the network.
    pub(super) fn new(frame: Duration, remote: bool) -> Pace {
        let sends = remote.then_some(Duration::ZERO);
        Pace { frame, drawn: None, answered: None, took: Duration::ZERO, sends }
    }

    /// How long to wait before what is due is drawn.
    pub(super) fn wait(&self, due: Due, now: Instant) -> Duration {
        let (last, apart) = match due {
            Due::Input => (self.answered, self.frame),
            Due::Report | Due::Nothing => {
                (self.drawn, self.frame.max(3 * self.took).max(self.sends.unwrap_or_default()))
            }
        };
        last.map_or(Duration::ZERO, |last| apart.saturating_sub(now.saturating_duration_since(last)))
    }

    /// How long to wait, when nothing is due, before a screen that changes by itself every `tick` is drawn.
    pub(super) fn tick(&self, tick: Duration, now: Instant) -> Duration {
        let since = self.drawn.map_or(tick, |drawn| now.saturating_duration_since(drawn));
        tick.saturating_sub(since).max(self.wait(Due::Report, now))
    }

    /// A frame of so many bytes was drawn from `began` to `now`.
    pub(super) fn drew(&mut self, due: Due, bytes: usize, (began, now): (Instant, Instant)) {
        (self.drawn, self.took) = (Some(now), now.saturating_duration_since(began));
        if due == Due::Input {
            self.answered = Some(now);
        } else if let Some(sends) = &mut self.sends {
            *sends = Duration::from_secs_f64(bytes as f64 / LINE).min(SELDOM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_key_does_not_wait_for_a_report_but_a_key_held_down_keeps_the_pace() {
        let (mut pace, start) = (Pace::new(16 * MS, false), Instant::now());
        assert_eq!(pace.wait(Due::Report, start), Duration::ZERO);
        pace.drew(Due::Report, 500, (start, start + 2 * MS));
        assert_eq!(pace.wait(Due::Report, start + 3 * MS), 15 * MS);
        assert_eq!(pace.wait(Due::Input, start + 3 * MS), Duration::ZERO);
        pace.drew(Due::Input, 500, (start + 3 * MS, start + 5 * MS));
        assert_eq!(pace.wait(Due::Input, start + 6 * MS), 15 * MS);
        assert_eq!(pace.wait(Due::Input, start + 21 * MS), Duration::ZERO);
    }

    #[test]
    fn slow_frames_leave_three_quarters_of_the_time_to_keys() {
        let (mut pace, start) = (Pace::new(16 * MS, false), Instant::now());
        pace.drew(Due::Report, 500, (start, start + 40 * MS));
        assert_eq!(pace.wait(Due::Report, start + 40 * MS), 120 * MS);
        assert_eq!(pace.tick(33 * MS, start + 40 * MS), 120 * MS);
        assert_eq!(pace.wait(Due::Input, start + 40 * MS), Duration::ZERO);
    }

    #[test]
    fn over_ssh_a_sound_is_drawn_ten_times_a_second() {
        let (mut pace, start) = (Pace::new(100 * MS, true), Instant::now());
        assert_eq!(pace.tick(33 * MS, start), Duration::ZERO);
        pace.drew(Due::Report, 500, (start, start + MS));
        assert_eq!(pace.tick(33 * MS, start + MS), 100 * MS);
    }

    #[test]
    fn over_ssh_large_frames_that_nobody_asked_for_come_less_often() {
        let (mut pace, start) = (Pace::new(100 * MS, true), Instant::now());
        pace.drew(Due::Input, 15_000, (start, start));
        assert_eq!(pace.wait(Due::Report, start), 100 * MS, "the answer to a key is what the line is for");
        pace.drew(Due::Report, 3_800, (start, start));
        assert_eq!(pace.wait(Due::Report, start), 200 * MS);
        pace.drew(Due::Report, 50_000, (start, start));
        assert_eq!(
            (pace.wait(Due::Report, start), pace.wait(Due::Input, start + 100 * MS)),
            (250 * MS, Duration::ZERO)
        );
        let mut near = Pace::new(16 * MS, false);
        near.drew(Due::Report, 50_000, (start, start));
        assert_eq!(near.wait(Due::Report, start), 16 * MS);
    }
}

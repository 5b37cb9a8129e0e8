//! When the next frame is due: at once after a key, in a measured step for all else.
//!
//! A key never waits for the frame of a report. Frames that no key has asked for take at most a quarter of the time, however long
//! one takes. Deliberately absent: a clock; the loop tells the time.

use std::time::{Duration, Instant};

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
}

impl Pace {
    /// Frames of one kind at least so far apart.
    pub(super) fn new(frame: Duration) -> Pace {
        Pace { frame, drawn: None, answered: None, took: Duration::ZERO }
    }

    /// How long to wait before what is due is drawn.
    pub(super) fn wait(&self, due: Due, now: Instant) -> Duration {
        let (last, apart) = match due {
            Due::Input => (self.answered, self.frame),
            Due::Report | Due::Nothing => (self.drawn, self.frame.max(3 * self.took)),
        };
        last.map_or(Duration::ZERO, |last| apart.saturating_sub(now.saturating_duration_since(last)))
    }

    /// How long to wait, when nothing is due, before a screen that changes by itself every `tick` is drawn.
    pub(super) fn tick(&self, tick: Duration, now: Instant) -> Duration {
        let since = self.drawn.map_or(tick, |drawn| now.saturating_duration_since(drawn));
        tick.saturating_sub(since).max(self.wait(Due::Report, now))
    }

    /// A frame was drawn from `began` to `now`.
    pub(super) fn drew(&mut self, due: Due, began: Instant, now: Instant) {
        (self.drawn, self.took) = (Some(now), now.saturating_duration_since(began));
        if due == Due::Input {
            self.answered = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_key_does_not_wait_for_a_report_but_a_key_held_down_keeps_the_pace() {
        let (mut pace, start) = (Pace::new(16 * MS), Instant::now());
        assert_eq!(pace.wait(Due::Report, start), Duration::ZERO);
        pace.drew(Due::Report, start, start + 2 * MS);
        assert_eq!(pace.wait(Due::Report, start + 3 * MS), 15 * MS);
        assert_eq!(pace.wait(Due::Input, start + 3 * MS), Duration::ZERO);
        pace.drew(Due::Input, start + 3 * MS, start + 5 * MS);
        assert_eq!(pace.wait(Due::Input, start + 6 * MS), 15 * MS);
        assert_eq!(pace.wait(Due::Input, start + 21 * MS), Duration::ZERO);
    }

    #[test]
    fn slow_frames_leave_three_quarters_of_the_time_to_keys() {
        let (mut pace, start) = (Pace::new(16 * MS), Instant::now());
        pace.drew(Due::Report, start, start + 40 * MS);
        assert_eq!(pace.wait(Due::Report, start + 40 * MS), 120 * MS);
        assert_eq!(pace.tick(33 * MS, start + 40 * MS), 120 * MS);
        assert_eq!(pace.wait(Due::Input, start + 40 * MS), Duration::ZERO);
    }

    #[test]
    fn over_ssh_a_sound_is_drawn_ten_times_a_second() {
        let (mut pace, start) = (Pace::new(100 * MS), Instant::now());
        assert_eq!(pace.tick(33 * MS, start), Duration::ZERO);
        pace.drew(Due::Report, start, start + MS);
        assert_eq!(pace.tick(33 * MS, start + MS), 100 * MS);
    }
}

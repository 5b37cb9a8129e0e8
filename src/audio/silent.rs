//! The sink that makes no sound: time passes, the cursor moves, the sound ends.
//!
//! Deliberately absent: a thread or a timer; the position is worked out from a clock when asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::sink::{Progress, Sink, SinkName, Tuning};

/// Time since some fixed moment; never goes back.
pub type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// Plays into nothing.
pub struct Silent {
    reason: Arc<str>,
    clock: Clock,
    playing: Option<Run>,
}

/// A stretch of playing at one tuning.
struct Run {
    since: Duration,
    from: f64,
    seconds: f64,
    tuning: Tuning,
}

impl Silent {
    /// Silence for `reason`, by the system's clock.
    pub fn new(reason: &str) -> Silent {
        let start = Instant::now();
        Silent::with_clock(reason, Box::new(move || start.elapsed()))
    }

    /// Silence by a clock of one's own, so that tests need not wait.
    pub fn with_clock(reason: &str, clock: Clock) -> Silent {
        Silent { reason: reason.into(), clock, playing: None }
    }

    /// Seconds into the sound; `None` once it has ended.
    fn position(&self, run: &Run) -> Option<f64> {
        let passed = (self.clock)().saturating_sub(run.since).as_secs_f64();
        run.tuning.after(run.from, passed, run.seconds)
    }
}

impl Sink for Silent {
    fn name(&self) -> SinkName {
        SinkName::Silent(Arc::clone(&self.reason))
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        let since = (self.clock)();
        self.playing = Some(Run { since, from, seconds: sound.seconds(), tuning });
    }

    fn tune(&mut self, tuning: Tuning) {
        if let Some(run) = self.playing.take() {
            let since = (self.clock)();
            self.playing = self.position(&run).map(|from| Run { since, from, tuning, ..run });
        }
    }

    fn stop(&mut self) {
        self.playing = None;
    }

    fn progress(&self) -> Progress {
        self.playing.as_ref().and_then(|run| self.position(run)).map_or(Progress::Finished, Progress::At)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Silence and the milliseconds of its clock.
    fn silent() -> (Silent, Arc<AtomicU64>) {
        let now = Arc::new(AtomicU64::new(5_000));
        let clock = Arc::clone(&now);
        let clock = move || Duration::from_millis(clock.load(Ordering::Relaxed));
        (Silent::with_clock("test", Box::new(clock)), now)
    }

    fn two_seconds() -> Arc<Sound> {
        Arc::new(Sound { samples: vec![0.0; 4_000], channels: 2, rate: 1_000 })
    }

    #[test]
    fn position_follows_the_clock_and_the_speed() {
        let (mut sink, now) = silent();
        sink.start(&two_seconds(), 0.5, Tuning::default());
        now.fetch_add(250, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(0.75));
        sink.tune(Tuning { speed: 2.0, ..Tuning::default() });
        now.fetch_add(500, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(1.75));
        now.fetch_add(125, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::Finished);
        assert_eq!(sink.name(), SinkName::Silent("test".into()));
    }

    #[test]
    fn a_region_ends_the_sound_or_turns_it_back() {
        let (mut sink, now) = silent();
        let region = Some((0.5, 1.0));
        sink.start(&two_seconds(), 0.75, Tuning { looping: true, region, ..Tuning::default() });
        now.fetch_add(500, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(0.75));
        now.fetch_add(5_250, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(0.5));
        sink.tune(Tuning { region, ..Tuning::default() });
        now.fetch_add(499, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(0.999));
        now.fetch_add(1, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::Finished);
    }
}

//! The sink that makes no sound: time passes, the cursor moves, the sound ends.
//!
//! Deliberately absent: a thread or a timer; the position is worked out from a clock when asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::sink::{Progress, Sink, SinkName, Tuning};

/// Time since some fixed moment; never goes back.
pub type Clock = Box<dyn Fn() -> Duration + Send>;

/// Plays into nothing.
pub struct Silent {
    reason: Arc<str>,
    clock: Clock,
    playing: Option<Run>,
}

/// A stretch of playing at one speed.
struct Run {
    since: Duration,
    from: f64,
    seconds: f64,
    speed: f32,
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

    fn position(&self, run: &Run) -> f64 {
        run.from + (self.clock)().saturating_sub(run.since).as_secs_f64() * f64::from(run.speed)
    }
}

impl Sink for Silent {
    fn name(&self) -> SinkName {
        SinkName::Silent(Arc::clone(&self.reason))
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        let since = (self.clock)();
        self.playing = Some(Run { since, from, seconds: sound.seconds(), speed: tuning.speed });
    }

    fn tune(&mut self, tuning: Tuning) {
        if let Some(run) = self.playing.take() {
            let (since, from) = ((self.clock)(), self.position(&run));
            self.playing = Some(Run { since, from, speed: tuning.speed, ..run });
        }
    }

    fn stop(&mut self) {
        self.playing = None;
    }

    fn progress(&self) -> Progress {
        match self.playing.as_ref().map(|run| (self.position(run), run.seconds)) {
            Some((position, seconds)) if position < seconds => Progress::At(position),
            _ => Progress::Finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn position_follows_the_clock_and_the_speed() {
        let now = Arc::new(AtomicU64::new(5_000));
        let clock = Arc::clone(&now);
        let mut sink =
            Silent::with_clock("test", Box::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))));
        let sound = Arc::new(Sound { samples: vec![0.0; 4_000], channels: 2, rate: 1_000 });
        sink.start(&sound, 0.5, Tuning { speed: 1.0, volume: 1.0 });
        now.fetch_add(250, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(0.75));
        sink.tune(Tuning { speed: 2.0, volume: 1.0 });
        now.fetch_add(500, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::At(1.75));
        now.fetch_add(125, Ordering::Relaxed);
        assert_eq!(sink.progress(), Progress::Finished);
        assert_eq!(sink.name(), SinkName::Silent("test".into()));
    }
}

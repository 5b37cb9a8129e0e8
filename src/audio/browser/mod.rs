//! Sound through a page in a browser: for a server without a device that is reached by SSH or from an editor.
//!
//! The page is asked for at 127.0.0.1, through `ssh -L` or an editor's own forwarding where the browser runs elsewhere, and then
//! plays whatever is played here. Times are the page's own, less what a message takes. As long as no page is open, time passes
//! as in silence, and the name of the sink says so. Deliberately absent: starting a browser, and more than one page at a time.

mod http;
mod server;
mod wav;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::sink::{Progress, Sink, SinkName, Tuning};
use server::{Order, Server, State};

/// A page that has not begun after so long does not play: time passes without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Sounds that the page fetches before they are asked for.
const AHEAD: usize = 4;

/// A page, or the place where one may be.
pub struct Browser {
    server: Server,
    /// Orders given, and starts among them.
    serial: u64,
    take: u64,
    ahead: Vec<u64>,
    run: Option<Run>,
}

/// What plays.
struct Run {
    sound: Arc<Sound>,
    since: Instant,
    from: f64,
    tuning: Tuning,
}

impl Browser {
    /// Waits for a page on that port of 127.0.0.1; on any free one for `None`.
    ///
    /// # Errors
    /// One short line for the status bar.
    pub fn open(port: Option<u16>) -> Result<Browser, String> {
        Ok(Browser { server: Server::open(port)?, serial: 0, take: 0, ahead: Vec::new(), run: None })
    }

    /// The address of the page, with its secret.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Whether a page is open that may play.
    pub fn has_page(&self) -> bool {
        self.server.has_page()
    }

    fn order(&mut self) {
        self.serial += 1;
        let (serial, take, ahead) = (self.serial, self.take, self.ahead.clone());
        let stopped = Order { serial, take, ahead, ..Order::default() };
        self.server.order(match &self.run {
            None => stopped,
            Some(Run { sound, from, tuning, .. }) => {
                let seconds = sound.seconds();
                let (start, end) = tuning.bounds(seconds);
                let Tuning { speed, volume, looping, .. } = *tuning;
                let (sound, from) = (self.server.number(sound), *from);
                Order { playing: true, sound, seconds, from, start, end, speed, volume, looping, ..stopped }
            }
        });
    }

    /// Seconds into the sound; `None` at its end.
    fn position(&self, run: &Run) -> Option<f64> {
        let seconds = run.sound.seconds();
        let (_, end) = run.tuning.bounds(seconds);
        let report = self.server.report().filter(|report| report.take == self.take && report.state != State::Failed);
        match report {
            Some(report) if report.state == State::Finished && !run.tuning.looping => None,
            Some(report) => {
                let passed = report.when.elapsed();
                let late =
                    passed.as_secs_f64() * f64::from(run.tuning.speed) > end - report.at + PATIENCE.as_secs_f64();
                let at = run.tuning.after(report.at, passed.as_secs_f64(), seconds);
                // The page has the last word on the end, unless it is gone.
                at.or((!late).then_some(end))
            }
            None if self.has_page() && run.since.elapsed() < PATIENCE => Some(run.from),
            None => run.tuning.after(run.from, run.since.elapsed().as_secs_f64(), seconds),
        }
    }
}

impl Sink for Browser {
    fn name(&self) -> SinkName {
        let url = self.url();
        if self.has_page() {
            SinkName::Browser(url.into())
        } else {
            SinkName::Silent(format!("to hear, open {url}").into())
        }
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        self.take += 1;
        self.run = Some(Run { sound: Arc::clone(sound), since: Instant::now(), from, tuning });
        self.order();
    }

    fn tune(&mut self, tuning: Tuning) {
        let Some(run) = &self.run else { return };
        let only_volume = Tuning { volume: tuning.volume, ..run.tuning } == tuning;
        let position = self.position(run);
        let Some(run) = &mut self.run else { return };
        run.tuning = tuning;
        match position {
            _ if only_volume => self.order(),
            Some(from) => {
                let sound = Arc::clone(&run.sound);
                self.start(&sound, from, tuning);
            }
            None => {}
        }
    }

    fn stop(&mut self) {
        self.run = None;
        self.order();
    }

    fn progress(&self) -> Progress {
        self.run.as_ref().and_then(|run| self.position(run)).map_or(Progress::Finished, Progress::At)
    }

    fn ahead(&mut self, sounds: &[Arc<Sound>]) {
        self.ahead = sounds.iter().take(AHEAD).map(|sound| self.server.number(sound)).collect();
        self.order();
    }
}

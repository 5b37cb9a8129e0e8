//! Progress of a verb on stderr: a bar on a terminal, a plain line now and then elsewhere; Ctrl-C cancels.
//!
//! Deliberately absent: a screen. The first Ctrl-C asks the work to stop, the second ends the process.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;
use super::table::percent;
use crate::corpus::Scanned;
use crate::job::{Cancelled, Watch};
use crate::workbench::experiment::News;

/// A plain line is said at most this often.
const PAUSE: Duration = Duration::from_secs(2);
/// Shares of the old and the new rate in what is told: one slow clip should not throw the time left about.
const SMOOTH: f64 = 0.7;

/// A [`Watch`] that shows progress on stderr.
pub struct Progress {
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
    quiet: bool,
}

/// What the last plain line said.
struct Plain {
    what: String,
    at: Instant,
    done: usize,
    /// Per second, smoothed.
    rate: Option<f64>,
}

impl Plain {
    /// The next line, unless it is too early for one.
    fn line(&mut self, what: &str, done: usize, total: usize) -> Option<String> {
        let seconds = self.at.elapsed().as_secs_f64();
        if done != total && seconds < PAUSE.as_secs_f64() {
            return None;
        }
        if self.what != what || done < self.done {
            *self = Plain { what: what.to_owned(), done: 0, rate: None, ..*self };
        }
        let now = (done - self.done) as f64 / seconds.max(1e-3);
        let rate = self.rate.map_or(now, |rate| SMOOTH * rate + (1.0 - SMOOTH) * now);
        (self.at, self.done, self.rate) = (Instant::now(), done, Some(rate));
        let left = (total.saturating_sub(done)) as f64 / rate;
        let pace = if done < total && left.is_finite() {
            let left = Duration::from_secs_f64(left.min(1e9));
            format!(", {rate:.1}/s, {} left", HumanDuration(left))
        } else {
            String::new()
        };
        Some(format!("{what} {done}/{total}{pace}"))
    }
}

impl Progress {
    /// Watches for Ctrl-C from now on. `quiet` shows nothing.
    ///
    /// # Errors
    /// The signal handler cannot be installed.
    pub fn new(quiet: bool) -> std::io::Result<Progress> {
        let stop = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGINT, SIGTERM};
            for signal in [SIGINT, SIGTERM] {
                // In this order: the second signal finds the flag set and ends the process.
                signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
                signal_hook::flag::register(signal, Arc::clone(&stop))?;
            }
        }
        let tty = stderr().is_terminal();
        let target = if tty && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let plain = (!tty && !quiet)
            .then(|| Mutex::new(Plain { what: String::new(), at: Instant::now(), done: 0, rate: None }));
        Ok(Progress { stop, bar, plain, quiet })
    }

    /// Takes the bar off the screen.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&self, what: &str, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(what.to_owned());
        if let Some(last) = &self.plain {
            let line = last.lock().unwrap_or_else(PoisonError::into_inner).line(what, done, total);
            line.iter().for_each(|line| say(line));
        }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| say(text));
        }
    }

    fn ask(&self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}

impl Watch<Scanned> for Progress {
    fn check(&self) -> Result<(), Cancelled> {
        self.ask()
    }
    fn tell(&self, news: Scanned) {
        self.step("reading clips", news.done, news.total);
    }
}

impl Watch<News> for Progress {
    fn check(&self) -> Result<(), Cancelled> {
        self.ask()
    }
    fn tell(&self, news: News) {
        match news {
            News::Reading { set, done, total } => self.step(&set, done, total),
            News::Model { model, plan, index, of, folds } => {
                self.line(&format!("{model}, {plan}: {folds} fold(s) ({} of {of})", index + 1));
                self.step(&model, 0, folds);
            }
            News::Epoch { fold, epoch } => {
                let uar = percent(epoch.dev_uar);
                let text = format!("fold {} loss {:.3} inner UAR {uar} epoch", fold + 1, epoch.train_loss);
                self.step(&text, epoch.epoch, epoch.epochs);
            }
            News::Fold { done, folds } => self.step("folds", done, folds),
            News::Trial { told, done, total } => self.step(&told, done, total),
            News::Run(judged) => {
                let (run, uar) = (&judged.run, percent(judged.summary.uar));
                self.line(&format!("{}, {}: UAR {uar}", run.recipe.classifier, run.protocol.plan.plan));
            }
            News::Trouble(reason) => self.line(&reason),
        }
    }
}

//! Progress of a verb on stderr: bars and figures on a terminal, a plain line now and then elsewhere; Ctrl-C cancels.
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
use crate::learn::Epoch;
use crate::workbench::experiment::News;
use crate::workbench::live::{Live, uar};

/// A plain line is said at most this often.
const PAUSE: Duration = Duration::from_secs(2);
/// Shares of the old and the new rate in what is told: one slow clip should not throw the time left about.
const SMOOTH: f64 = 0.7;

/// Of work that is counted, and of epochs, whose figures have a line of their own.
const STYLES: [&str; 2] =
    ["{msg} {wide_bar} {pos}/{len} {per_sec} {eta} left", "{prefix}\n{msg} {wide_bar} {pos}/{len}"];

/// A [`Watch`] that shows progress on stderr.
pub struct Progress {
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
    quiet: bool,
    started: Instant,
    live: Mutex<Live>,
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
    /// True where it is time for another line, which is then taken as said.
    fn is_due(&mut self) -> bool {
        let due = self.at.elapsed() >= PAUSE;
        if due {
            self.at = Instant::now();
        }
        due
    }

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
        bar.set_style(style(0));
        let plain = (!tty && !quiet)
            .then(|| Mutex::new(Plain { what: String::new(), at: Instant::now(), done: 0, rate: None }));
        Ok(Progress { stop, bar, plain, quiet, started: Instant::now(), live: Mutex::default() })
    }

    /// Takes the bar off the screen.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&self, what: &str, done: usize, total: usize) {
        self.bar.set_style(style(0));
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

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
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
        let now = self.started.elapsed().as_secs_f64();
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.hear(&news, now);
        match news {
            News::Start(_) => {}
            News::Reading { set, done, total } => self.step(&set, done, total),
            News::Model { model, plan, index, of, folds } => {
                self.line(&format!("{model}, {plan}: {folds} fold(s) ({} of {of})", index + 1));
                self.step(&model, 0, folds);
            }
            News::Epoch { fold, epoch } => self.epoch(&live, now, (fold, &epoch)),
            News::Fold { fold, confusion, done, folds, .. } => {
                // Folds without epochs are quick and many.
                if live.last_epoch(fold).is_none() {
                    return self.step("folds", done, folds);
                }
                let (name, uar) = (fold_named(&live, fold), percent(uar(&confusion)));
                let so_far = percent(live.so_far().and_then(|so_far| so_far.uar()));
                let left = live.left(now).map_or_else(String::new, |left| format!("; {left}"));
                self.line(&format!("{name}: UAR {uar}; {done} of {folds} folds pooled {so_far}{left}"));
            }
            News::Trial { told, done, total } => self.step(&told, done, total),
            News::Run(judged) => {
                let (run, uar) = (&judged.run, percent(judged.summary.uar));
                self.line(&format!("{}, {}: UAR {uar}", run.recipe.title(), run.protocol.plan.plan));
            }
            News::Trouble(reason) => self.line(&reason),
        }
    }
}

impl Progress {
    /// Two lines on a terminal; elsewhere one now and then.
    fn epoch(&self, live: &Live, now: f64, (fold, epoch): (usize, &Epoch)) {
        let left = |left: Option<_>, what| left.map_or_else(String::new, |left| format!(", {what}{left}"));
        let (fit, all) =
            (live.fit_left(now, fold), live.left(now).filter(|_| live.folds.1 > 1 || live.agenda.series.len() > 1));
        let where_ = format!("{}, epoch {} of {}", fold_named(live, fold), epoch.epoch, epoch.epochs);
        self.bar.set_style(style(1));
        self.bar.set_length(epoch.epochs as u64);
        self.bar.set_position(epoch.epoch as u64);
        self.bar.set_prefix(format!("{where_}{}{}", left(fit, ""), left(all, "in all ")));
        self.bar.set_message(figures(epoch));
        if let Some(last) = &self.plain
            && last.lock().unwrap_or_else(PoisonError::into_inner).is_due()
        {
            let left = if all.is_some() { left(all, "") } else { left(fit, "") };
            say(&format!("{where_}, {}{left}", figures(epoch)));
        }
    }
}

/// `fold 7 of 10 (speaker 12)`; `fit` where there is but one.
fn fold_named(live: &Live, fold: usize) -> String {
    let (_, folds) = live.folds;
    let name = live.fold_name(fold).map_or_else(String::new, |name| format!(" ({name})"));
    if folds > 1 { format!("fold {} of {folds}{name}", fold + 1) } else { "fit".to_owned() }
}

/// `loss 0.512 dev 0.780, UAR 88.1 dev 70.2, rate 0.0021, 310 clips/s`.
fn figures(epoch: &Epoch) -> String {
    let dev = |value: Option<String>| value.map_or_else(String::new, |value| format!(" dev {value}"));
    let loss = dev(epoch.dev_loss.map(|loss| format!("{loss:.3}")));
    let dev_uar = dev(epoch.dev_uar.map(|uar| percent(Some(uar))));
    let (train, rate, pace) = (percent(epoch.train_uar), epoch.rate, epoch.pace.clips_per_second);
    format!("loss {:.3}{loss}, UAR {train}{dev_uar}, rate {rate:.2e}, {pace:.0} clips/s", epoch.train_loss)
}

fn style(number: usize) -> ProgressStyle {
    ProgressStyle::with_template(STYLES[number]).unwrap_or_else(|_| ProgressStyle::default_bar())
}

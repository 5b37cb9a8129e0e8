//! A job: one thread, one cancel flag, one way to report.
//!
//! Deliberately absent: an executor, priorities, a job queue (the Workbench lets one CPU-heavy job run at a time),
//! and killing: a job ends when its work asks [`Watch::check`] and returns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Niceness of long work: at 10 a thread gets about a tenth of what one at 0 gets beside it.
#[cfg(target_os = "linux")]
const GENTLE: i32 = 10;

/// The work was asked to stop and did. Travels as an error so that `?` unwinds the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// What long work is given: a way to ask "go on?" and a way to tell how far it is.
pub trait Watch<N>: Sync {
    /// `Err(Cancelled)` once the work should stop. Cheap; call it between clips or batches.
    fn check(&self) -> Result<(), Cancelled>;
    /// Reports progress. Never blocks for long, never fails.
    fn tell(&self, news: N);
}

/// A watch that never cancels and drops all news: for tests and for callers that wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl<N> Watch<N> for Unwatched {
    fn check(&self) -> Result<(), Cancelled> {
        Ok(())
    }
    fn tell(&self, _news: N) {}
}

/// A watch that forwards to another one, translating the news on the way; cancelling passes through.
pub struct Mapped<'a, M, F> {
    outer: &'a dyn Watch<M>,
    map: F,
}

impl<'a, M, F> Mapped<'a, M, F> {
    /// `map` turns the inner news into the outer watch's news; `None` drops it.
    pub fn new(outer: &'a dyn Watch<M>, map: F) -> Self {
        Mapped { outer, map }
    }
}

impl<N, M, F: Fn(N) -> Option<M> + Sync> Watch<N> for Mapped<'_, M, F> {
    fn check(&self) -> Result<(), Cancelled> {
        self.outer.check()
    }
    fn tell(&self, news: N) {
        if let Some(news) = (self.map)(news) {
            self.outer.tell(news);
        }
    }
}

/// What a job sends: any number of `News`, then exactly one of the other three.
#[derive(Debug)]
pub enum Report<N, T> {
    /// Progress.
    News(N),
    /// The result.
    Done(T),
    /// The job stopped because it was asked to.
    Cancelled,
    /// The job failed; the text is the whole error chain. A panic ends here too.
    Failed(String),
}

/// A running job. Dropping it cancels the work without waiting for it.
#[derive(Debug)]
pub struct Job {
    cancel: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Flagged<S> {
    cancel: Arc<AtomicBool>,
    send: S,
}

impl<N, S: Fn(N) + Sync> Watch<N> for Flagged<S> {
    fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: N) {
        (self.send)(news);
    }
}

impl Job {
    /// Runs `work` on its own thread (16 MiB of stack: some classifiers recurse) and reports through `send`.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn spawn<N, T>(
        name: &str,
        send: impl Fn(Report<N, T>) + Send + Sync + 'static,
        work: impl FnOnce(&dyn Watch<N>) -> anyhow::Result<T> + Send + 'static,
    ) -> std::io::Result<Job>
    where
        N: 'static,
        T: 'static,
    {
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancel);
        let told = name.to_owned();
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(16 << 20).spawn(move || {
            log::debug!("{told}: starts");
            let since = Instant::now();
            let watch = Flagged { cancel: flag, send: |news| send(Report::News(news)) };
            let end = catch_unwind(AssertUnwindSafe(|| work(&watch)));
            let report = match end {
                Ok(Ok(value)) => Report::Done(value),
                Ok(Err(error)) if is_cancelled(&error) => Report::Cancelled,
                Ok(Err(error)) => Report::Failed(format!("{error:#}")),
                Err(panic) => Report::Failed(format!("internal error: {}", panic_text(panic.as_ref()))),
            };
            log_end(&told, &report, since.elapsed());
            send(report);
        })?;
        Ok(Job { cancel, thread: Some(thread) })
    }

    /// Asks the work to stop; returns at once.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Waits until the work has ended and its last report is sent.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the work was already caught and reported.
            let _ = thread.join();
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Has this thread and those it starts give way to others that want the processor: for long work, so that whoever looks at a
/// screen meanwhile need not wait for it. Alone on the machine, it is as fast as before.
pub fn yield_to_others() {
    // Linux lowers the one thread; elsewhere it would be the whole process, screen and all.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, GENTLE) {
        log::debug!("priority: {error}");
    }
}

/// Has the threads that share rayon's work do the same, from their start on; to be called before any work is shared. Beside a
/// screen, what is shared is always long work.
///
/// # Errors
/// Work was shared already.
pub fn yield_in_pool() -> Result<(), rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().start_handler(|_| yield_to_others()).build_global()
}

/// Short work that went well is not worth a line.
fn log_end<N, T>(name: &str, report: &Report<N, T>, took: Duration) {
    let seconds = took.as_secs_f64();
    match report {
        Report::Failed(reason) => log::warn!("{name}: failed after {seconds:.1} s: {reason}"),
        Report::Cancelled => log::info!("{name}: cancelled after {seconds:.1} s"),
        _ if seconds >= 1.0 => log::info!("{name}: done in {seconds:.1} s"),
        _ => log::debug!("{name}: done in {seconds:.3} s"),
    }
}

/// True when some error of the chain is [`Cancelled`].
pub fn is_cancelled(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Cancelled>())
}

/// The message of a caught panic, or "no message".
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn reports(work: impl FnOnce(&dyn Watch<u32>) -> anyhow::Result<u32> + Send + 'static) -> Vec<Report<u32, u32>> {
        let (send, receive) = mpsc::channel();
        Job::spawn("test", move |r| drop(send.send(r)), work).unwrap().join();
        receive.into_iter().collect()
    }

    #[test]
    fn done_comes_last_and_once() {
        let all = reports(|w| {
            w.tell(1);
            w.tell(2);
            Ok(7)
        });
        assert!(matches!(all[..], [Report::News(1), Report::News(2), Report::Done(7)]), "{all:?}");
    }

    #[test]
    fn a_panic_becomes_failed_with_its_message() {
        let all = reports(|_| panic!("boom {}", 3));
        assert!(matches!(&all[..], [Report::Failed(text)] if text.contains("boom 3")), "{all:?}");
    }

    #[test]
    fn cancelling_stops_the_work_at_its_next_check() {
        let (send, receive) = mpsc::channel();
        let job = Job::spawn(
            "test",
            move |r: Report<u32, ()>| drop(send.send(r)),
            |w| {
                w.tell(0);
                loop {
                    w.check()?;
                    std::thread::yield_now();
                }
            },
        )
        .unwrap();
        assert!(matches!(receive.recv().unwrap(), Report::News(0)));
        job.cancel();
        assert!(matches!(receive.recv().unwrap(), Report::Cancelled));
        job.join();
    }
}

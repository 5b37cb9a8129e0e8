//! Running code of other crates so that it can neither hang the caller nor print on the user's screen.
//!
//! Two tools: [`guarded`] turns a panic into an error, silently; [`on_own_thread`] runs work that never asks whether
//! it should stop, and stops waiting for it instead. Deliberately absent: killing a thread (Rust cannot), and any
//! defence against an abort or a stack overflow; `fit` refuses the inputs known to cause them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Once};
use std::time::Duration;

use super::{Epoch, LearnError};
use crate::job::{Cancelled, Watch, panic_text};

/// How long the caller may be deaf to its watch.
const POLL: Duration = Duration::from_millis(20);

/// Some classifiers recurse over a tree; the pages are only taken when touched.
const STACK: usize = 64 << 20;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it on this thread becomes [`LearnError::Failed`] and prints nothing.
///
/// Panics print through one hook per process, which other threads need: so the first call puts a hook in front that
/// stays silent only on threads that are inside `guarded`, and hands everything else to the hook it found.
/// A closure given to rayon runs on another thread: guard inside the closure, too.
pub(super) fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, LearnError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A thread whose locals are gone is ending; it is not in `guarded`.
            if !QUIET.try_with(Cell::get).unwrap_or(false) {
                before(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let end = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    end.map_err(|panic| LearnError::Failed(format!("{what} failed inside: {}", panic_text(panic.as_ref()))))
}

enum Said<T> {
    News(Epoch),
    End(Result<T, LearnError>),
}

struct Relay<T> {
    cancel: Arc<AtomicBool>,
    send: Sender<Said<T>>,
}

impl<T: Send> Watch<Epoch> for Relay<T> {
    fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: Epoch) {
        // Nobody listens after a cancel; the work learns of it by `check`.
        let _ = self.send.send(Said::News(news));
    }
}

/// Runs `work` on a thread of its own with a large stack and waits for it, passing news on to `watch`.
///
/// Returns `Cancelled` within 20 ms of the watch saying so. Work that asks its own watch then ends by itself; work
/// inside a library runs on, unheard, until that library returns, and its result is dropped.
///
/// # Errors
/// What `work` returns, `Cancelled`, or `Failed` when it panicked or no thread could be had.
pub(super) fn on_own_thread<T: Send + 'static>(
    name: &str,
    watch: &dyn Watch<Epoch>,
    work: impl FnOnce(&dyn Watch<Epoch>) -> Result<T, LearnError> + Send + 'static,
) -> Result<T, LearnError> {
    let (send, receive) = channel();
    let cancel = Arc::new(AtomicBool::new(false));
    let relay = Relay { cancel: Arc::clone(&cancel), send: send.clone() };
    let what = name.to_owned();
    let thread = std::thread::Builder::new().name(format!("fit {name}")).stack_size(STACK);
    let started = thread.spawn(move || {
        let end = guarded(&what, || work(&relay)).and_then(|result| result);
        let _ = send.send(Said::End(end));
    });
    started.map_err(|why| LearnError::Failed(format!("no thread for {name}: {why}")))?;
    loop {
        if watch.check().is_err() {
            cancel.store(true, Ordering::Relaxed);
            return Err(Cancelled.into());
        }
        // A caller that is itself a rayon worker must go on serving the pool, or the work may wait for it for ever.
        let served = matches!(rayon::yield_now(), Some(rayon::Yield::Executed));
        match receive.recv_timeout(if served { Duration::ZERO } else { POLL }) {
            Ok(Said::News(news)) => watch.tell(news),
            Ok(Said::End(end)) => return end,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(LearnError::Failed(format!("{name} ended without a result")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use std::sync::Mutex;

    #[test]
    fn a_guarded_panic_is_an_error_and_nested_guards_stay_quiet() {
        let end = guarded("outer", || {
            let inner = guarded("inner", || panic!("boom {}", 1));
            assert!(QUIET.get(), "still inside the outer guard");
            inner
        });
        let text = end.unwrap().unwrap_err().to_string();
        assert_eq!(text, "inner failed inside: boom 1");
        assert!(!QUIET.get());
    }

    #[test]
    fn a_panic_on_the_worker_is_failed() {
        let end: Result<(), _> = on_own_thread("test", &Unwatched, |_| panic!("deep"));
        assert_eq!(end.unwrap_err(), LearnError::Failed("test failed inside: deep".into()));
    }

    #[test]
    fn news_arrive_in_order_before_the_result() {
        struct Heard(Mutex<Vec<usize>>);
        impl Watch<Epoch> for Heard {
            fn check(&self) -> Result<(), Cancelled> {
                Ok(())
            }
            fn tell(&self, news: Epoch) {
                self.0.lock().unwrap().push(news.epoch);
            }
        }
        let heard = Heard(Mutex::default());
        let end = on_own_thread("test", &heard, |watch| {
            for epoch in 1..=3 {
                watch.tell(Epoch { epoch, epochs: 3, ..Epoch::default() });
            }
            Ok(7)
        });
        assert_eq!(end, Ok(7));
        assert_eq!(*heard.0.lock().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn callers_in_a_small_pool_do_not_starve_their_own_work() {
        use rayon::prelude::*;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let sums: Vec<u64> = pool.install(|| {
            (0..4u64)
                .into_par_iter()
                .map(|k| {
                    let own = rayon::current_thread_index().is_some();
                    assert!(own);
                    // The work needs the pool that its caller sits in.
                    let (send, receive) = channel();
                    rayon::spawn(move || send.send(k).unwrap());
                    on_own_thread("test", &Unwatched, move |_| Ok(receive.recv().unwrap())).unwrap()
                })
                .collect()
        });
        assert_eq!(sums, [0, 1, 2, 3]);
    }
}

//! While ssh runs for this process: what asks this process to end asks ssh, so that both sides end in order.
//!
//! Deliberately absent: SIGKILL, which nobody hears of; what it leaves is swept by the next connection (see `tidy`).

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::job::Cancelled;

/// Listens for signals until it is dropped.
pub(super) struct Watchman {
    standing: Arc<Mutex<Standing>>,
    handle: Handle,
}

#[derive(Default)]
struct Standing {
    /// The ssh that runs.
    child: Option<Pid>,
    /// This process was asked to end.
    asked: bool,
}

impl Watchman {
    /// Starts to listen.
    pub(super) fn new() -> Result<Watchman> {
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
        let (handle, standing) = (signals.handle(), Arc::<Mutex<Standing>>::default());
        let seen = Arc::clone(&standing);
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                let mut standing = lock(&seen);
                standing.asked = true;
                // One that has ended already is as good.
                let _ = standing.child.map(|child| kill_process(child, Signal::TERM));
            }
        })?;
        Ok(Watchman { standing, handle })
    }

    /// Waits for the end of `child`, in the way given.
    ///
    /// # Errors
    /// This process was asked to end; what the waiting returns.
    pub(super) fn mind<T>(&self, child: Child, wait: impl FnOnce(Child) -> std::io::Result<T>) -> Result<T> {
        let pid = Pid::from_child(&child);
        let asked = {
            let mut standing = lock(&self.standing);
            standing.child = Some(pid);
            standing.asked
        };
        if asked {
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = wait(child);
        let mut standing = lock(&self.standing);
        standing.child = None;
        ensure!(!standing.asked, Cancelled);
        Ok(end?)
    }
}

impl Drop for Watchman {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

//! How many bytes of sound may be under way at once: so many that the line is busy, so few that they do not queue on it.
//!
//! On a slow line whatever is under way stands between a key and its echo, and between "play" and the sound. So the window grows
//! while bytes are acknowledged as fast as they ever were, and shrinks once they take [`TARGET`] longer (as LEDBAT, RFC 6817,
//! does). Deliberately absent: the bytes, and the clock; both are told.

use std::collections::VecDeque;
use std::time::Duration;

use super::wire::CHUNK;

/// What sound may add to the delay of everything else.
const TARGET: f64 = 0.04;
/// The window at first, at least and at most, in bytes.
const FIRST: f64 = 8_192.0;
const LEAST: f64 = 2_048.0;
const MOST: f64 = 1_048_576.0;
/// Bytes of a chunk, at least: a message and ssh around it take some 150.
const SMALLEST: usize = 512;

/// The bytes under way on one connection.
#[derive(Debug)]
pub(super) struct Flow {
    sent: u64,
    got: u64,
    /// When the count of sent bytes came to a number.
    marks: VecDeque<(u64, Duration)>,
    window: f64,
    /// The shortest time from a chunk to its acknowledgement.
    shortest: f64,
    /// No queue was seen yet: the window doubles.
    growing: bool,
    /// Bytes a second, at most; 0 = any.
    limit: u32,
    /// When the limit allows the next chunk.
    next: Duration,
}

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// A chunk of at most so many bytes.
    Send(usize),
    /// Nothing before that time.
    Wait(Duration),
    /// Nothing before more has arrived.
    Full,
}

impl Flow {
    pub(super) fn new(limit: u32) -> Flow {
        Flow {
            sent: 0,
            got: 0,
            marks: VecDeque::new(),
            window: FIRST,
            shortest: f64::MAX,
            growing: true,
            limit,
            next: Duration::ZERO,
        }
    }

    /// Whether a chunk may go.
    pub(super) fn leave(&self, now: Duration) -> Leave {
        // A chunk is what an urgent message waits for: an eighth of what is under way anyway.
        let chunk = ((self.window / 8.0) as usize).clamp(SMALLEST, CHUNK);
        if (self.sent - self.got) as f64 + chunk as f64 > self.window {
            Leave::Full
        } else if now < self.next {
            Leave::Wait(self.next)
        } else {
            Leave::Send(chunk)
        }
    }

    /// A chunk went.
    pub(super) fn sent(&mut self, bytes: usize, now: Duration) {
        self.sent += bytes as u64;
        self.marks.push_back((self.sent, now));
        if self.limit > 0 {
            self.next = self.next.max(now) + Duration::from_secs_f64(bytes as f64 / f64::from(self.limit));
        }
    }

    /// So many bytes have arrived since the beginning, the other end says.
    pub(super) fn got(&mut self, bytes: u64, now: Duration) {
        // Whatever it says, no more has arrived than was sent.
        let arrived = bytes.clamp(self.got, self.sent);
        let fresh = (arrived - self.got) as f64;
        self.got = arrived;
        while let Some(&(mark, went)) = self.marks.front()
            && mark <= arrived
        {
            self.marks.pop_front();
            let took = now.saturating_sub(went).as_secs_f64();
            self.shortest = self.shortest.min(took);
            self.adapt(took - self.shortest, fresh);
        }
    }

    fn adapt(&mut self, queued: f64, fresh: f64) {
        let room = ((TARGET - queued) / TARGET).clamp(-1.0, 1.0);
        self.growing &= room > 0.5;
        let grown = if self.growing { fresh } else { room * fresh * CHUNK as f64 / self.window };
        self.window = (self.window + grown).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that takes `rate` bytes a second and as long as `delay` there and back: seconds in which `total` bytes arrive, and
    /// the longest queue in seconds.
    fn line(rate: f64, delay: f64, limit: u32, total: u64) -> (f64, f64) {
        let (mut flow, mut now, mut free, mut queue) = (Flow::new(limit), 0.0_f64, 0.0_f64, 0.0_f64);
        let mut under_way: VecDeque<(f64, u64)> = VecDeque::new();
        while flow.got < total {
            let time = Duration::from_secs_f64(now);
            match flow.leave(time) {
                Leave::Send(bytes) => {
                    free = free.max(now) + bytes as f64 / rate;
                    // The first second may overshoot: nothing is known of the line yet.
                    queue = if now > 1.0 { queue.max(free - now) } else { queue };
                    flow.sent(bytes, time);
                    under_way.push_back((free + delay, flow.sent));
                }
                Leave::Wait(until) => now = until.as_secs_f64(),
                Leave::Full => {
                    let (when, bytes) = under_way.pop_front().unwrap();
                    now = now.max(when);
                    flow.got(bytes, Duration::from_secs_f64(now));
                }
            }
            while let Some(&(when, bytes)) = under_way.front()
                && when <= now
            {
                under_way.pop_front();
                flow.got(bytes, Duration::from_secs_f64(now.max(when)));
            }
        }
        (now, queue)
    }

    #[test]
    fn a_slow_line_is_busy_and_its_queue_short() {
        let (seconds, queue) = line(32_000.0, 0.2, 0, 640_000);
        assert!(seconds < 30.0, "20 s of bytes took {seconds}");
        assert!(queue < 0.2, "{queue}");
    }

    #[test]
    fn a_fast_line_is_used() {
        let (seconds, _) = line(12_500_000.0, 0.02, 0, 12_500_000);
        assert!(seconds < 2.0, "1 s of bytes took {seconds}");
    }

    #[test]
    fn the_limit_holds() {
        let (seconds, _) = line(12_500_000.0, 0.02, 100_000, 500_000);
        assert!((4.9..6.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn acknowledgements_of_what_was_never_sent_do_no_harm() {
        let mut flow = Flow::new(0);
        flow.got(u64::MAX, Duration::ZERO);
        flow.sent(1_000, Duration::ZERO);
        flow.got(0, Duration::ZERO);
        assert_eq!((flow.sent, flow.got), (1_000, 0));
        flow.got(u64::MAX, Duration::from_secs(1));
        assert_eq!(flow.got, 1_000);
    }
}

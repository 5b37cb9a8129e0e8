//! How many bytes of sound may be under way at once: so many that the line is busy, so few that they do not queue on it.
//!
//! On a slow line whatever is under way stands between a key and its echo, and between "play" and the sound. So there is never
//! more than the line takes in one round trip and [`QUEUE`]: by the highest rate at which bytes arrived lately and the shortest
//! round trip (as BBR does, draft-ietf-ccwg-bbr). Delays alone would not do: the screen's own frames queue on the same line, and
//! whoever yields to them sends next to nothing. Deliberately absent: the bytes, and the clock; both are told.

use std::collections::VecDeque;
use std::time::Duration;

use super::wire::CHUNK;

/// What sound may add to the delay of everything else, in seconds.
const QUEUE: f64 = 0.05;
/// The window at first, at least and at most, in bytes.
const FIRST: f64 = 8_192.0;
const LEAST: f64 = 3_072.0;
const MOST: f64 = 1_048_576.0;
/// Bytes of a chunk, at least: a message and ssh around it take some 150.
const SMALLEST: usize = 1_024;
/// Chunks that a window holds, if they are not the smallest.
const CHUNKS: f64 = 6.0;
/// A rate is that of so many seconds, or of a round trip if that is longer.
const SPAN: f64 = 0.25;
/// The highest rate is forgotten over so many seconds.
const MEMORY: f64 = 3.0;

/// The bytes under way on one connection.
#[derive(Debug)]
pub(super) struct Flow {
    sent: u64,
    got: u64,
    /// When the count of sent bytes came to a number, of what is under way.
    marks: VecDeque<(u64, Duration)>,
    /// When the count of arrived bytes came to a number, over the last [`SPAN`].
    arrivals: VecDeque<(u64, Duration)>,
    window: f64,
    /// The shortest time from a chunk to its acknowledgement.
    shortest: f64,
    /// The highest rate of late, in bytes a second.
    rate: f64,
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
            arrivals: VecDeque::new(),
            window: FIRST,
            shortest: f64::MAX,
            rate: 0.0,
            limit,
            next: Duration::ZERO,
        }
    }

    /// Whether a chunk may go.
    pub(super) fn leave(&self, now: Duration) -> Leave {
        // A chunk is what an urgent message waits for: a part of what is under way anyway.
        let chunk = ((self.window / CHUNKS) as usize).clamp(SMALLEST, CHUNK);
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
            self.shortest = self.shortest.min(now.saturating_sub(went).as_secs_f64());
        }
        if fresh > 0.0 {
            self.adapt(fresh, now);
        }
    }

    /// So many bytes arrived just now.
    fn adapt(&mut self, fresh: f64, now: Duration) {
        self.arrivals.push_back((self.got, now));
        let span = SPAN.max(self.shortest);
        let since = |when: Duration| now.saturating_sub(when).as_secs_f64();
        while self.arrivals.get(1).is_some_and(|(_, when)| since(*when) >= span) {
            self.arrivals.pop_front();
        }
        let Some(&(before, when)) = self.arrivals.front() else { return };
        // Less than a span is known at first: then too low a rate is the safer one.
        let rate = (self.got - before) as f64 / since(when).max(span);
        let kept = 1.0 - (fresh / (self.rate.max(1.0) * MEMORY)).min(1.0);
        self.rate = rate.max(self.rate * kept);
        self.window = (self.rate * (self.shortest + QUEUE)).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that takes `rate` bytes a second and as long as `delay` there and back, on which also the frames of a screen travel
    /// if `screen`: seconds in which `total` bytes of sound arrive, and the queue in seconds that 19 of 20 chunks found at most.
    fn line((rate, delay): (f64, f64), screen: bool, limit: u32, total: u64) -> (f64, f64) {
        let (mut flow, mut now, mut free, mut queues) = (Flow::new(limit), 0.0_f64, 0.0_f64, Vec::new());
        let (mut frames, mut under_way): (u32, VecDeque<(f64, u64)>) = (0, VecDeque::new());
        while flow.got < total {
            while screen && f64::from(frames) * 0.1 <= now {
                // Ten a second; every third second another clip is drawn.
                let bytes = if frames % 30 == 0 { 7_000.0 } else { 700.0 };
                free = free.max(f64::from(frames) * 0.1) + bytes / rate;
                frames += 1;
            }
            let time = Duration::from_secs_f64(now);
            match flow.leave(time) {
                Leave::Send(bytes) => {
                    free = free.max(now) + (bytes + 150) as f64 / rate;
                    queues.push(free - now);
                    flow.sent(bytes, time);
                    under_way.push_back((free + delay, flow.sent));
                }
                Leave::Wait(until) => now = until.as_secs_f64(),
                Leave::Full => now = now.max(under_way[0].0),
            }
            while let Some(&(when, bytes)) = under_way.front()
                && when <= now
            {
                under_way.pop_front();
                flow.got(bytes, Duration::from_secs_f64(when));
            }
        }
        queues.sort_by(f64::total_cmp);
        (now, queues[queues.len() * 19 / 20])
    }

    #[test]
    fn a_slow_line_is_busy_and_its_queue_short() {
        for delay in [0.02, 0.2] {
            let (seconds, queue) = line((32_000.0, delay), false, 0, 640_000);
            assert!(seconds < 26.0, "20 s of bytes took {seconds}");
            assert!(queue < 0.12, "{queue}");
        }
    }

    #[test]
    fn beside_a_screen_that_draws_the_rest_of_the_line_is_used() {
        // 9 of 32 kB a second are the screen's; of the rest an eighth is around the chunks.
        for delay in [0.02, 0.2] {
            let (seconds, queue) = line((32_000.0, delay), true, 0, 400_000);
            assert!(seconds < 23.0, "20 s of bytes took {seconds}");
            assert!(queue < 0.5, "a frame of 0.22 s, and what waits behind it: {queue}");
        }
    }

    #[test]
    fn a_fast_line_is_used() {
        let (seconds, _) = line((12_500_000.0, 0.02), false, 0, 12_500_000);
        assert!(seconds < 2.0, "1 s of bytes took {seconds}");
    }

    #[test]
    fn the_limit_holds() {
        let (seconds, _) = line((12_500_000.0, 0.02), false, 100_000, 500_000);
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

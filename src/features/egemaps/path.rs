//! The likeliest path through pitch candidates: dynamic programming (Viterbi) over a whole clip.
//!
//! A path pays for other candidates than the strongest, for voiced frames whose candidate is weak and unvoiced ones whose
//! candidate is strong, for starting and ending voice, for jumps in pitch and for changes of their size. Form and costs
//! were fitted to what openSMILE answers on five speakers of EmoDB. Deliberately absent: where candidates come from
//! (`pitch`).

/// Candidates kept per frame; openSMILE's answers never needed more.
pub const CANDIDATES: usize = 3;
/// Strength above which a candidate counts as voiced.
pub const VOICED: f32 = 0.7;

/// One guess at a frame's pitch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Candidate {
    /// Frequency in Hz; 0 where a frame has fewer candidates.
    pub hz: f32,
    /// At most 1; a clean voice has 0.75 to 0.9.
    pub strength: f32,
}

/// A frame's candidates, strongest first.
pub type Frame = [Candidate; CANDIDATES];

/// Cost of a candidate that is not its frame's strongest.
const OTHER: f32 = 4.7;
/// Frequency in Hz above which a candidate costs more, and by how much for each multiple.
const HIGH_HZ: f32 = 300.0;
const HIGH: f32 = 0.65;
/// Cost of a voiced frame whose candidate is below [`VOICED`].
const WEAK: f32 = 8.6;
/// Cost of an unvoiced frame that has a candidate above [`VOICED`]: three in a row outweigh two switches, two do not.
const MISSED: f32 = 7.9;
/// Cost of going from voiced to unvoiced, or back.
const SWITCH: f32 = 10.0;
/// Cost of a jump by an octave.
const OCTAVE: f32 = 7.1;
/// Cost of an octave's difference in size between a jump and the one before.
const CHANGE: f32 = 4.4;

const STATES: usize = CANDIDATES + 1;
/// The last state of a frame: no pitch.
const UNVOICED: usize = CANDIDATES;
/// Cost of what is not there: more than any path's.
const NEVER: f32 = 1e9;

/// The cheapest way to a state.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    from: u8,
    cost: f32,
    /// Size of its last jump in octaves.
    jump: f32,
}

/// Which candidate of each frame is on the cheapest path; `None` is unvoiced.
pub fn cheapest(frames: &[Frame]) -> Vec<Option<usize>> {
    let mut from = vec![[0u8; STATES]; frames.len()];
    let mut ways = [Way::default(); STATES];
    for (t, frame) in frames.iter().enumerate() {
        let mut next = [Way::default(); STATES];
        for (state, (next, local)) in next.iter_mut().zip(local(frame)).enumerate() {
            if t > 0 {
                *next = entry(&frames[t - 1], frame, &ways, state);
            }
            next.cost += local;
        }
        from[t] = next.map(|way| way.from);
        // Only differences matter; small numbers keep their digits.
        let least = next.iter().map(|way| way.cost).fold(f32::INFINITY, f32::min);
        ways = next.map(|way| Way { cost: way.cost - least, ..way });
    }
    backwards(&from, &ways)
}

/// Cost of each state of a frame by itself.
fn local(frame: &Frame) -> [f32; STATES] {
    let mut cost = [NEVER; STATES];
    let there = frame.iter().take_while(|candidate| candidate.hz > 0.0);
    for (rank, (cost, candidate)) in cost.iter_mut().zip(there).enumerate() {
        let weak = if candidate.strength < VOICED { WEAK } else { 0.0 };
        let other = if rank > 0 { OTHER } else { 0.0 };
        *cost = weak + other + HIGH * (candidate.hz / HIGH_HZ - 1.0).max(0.0);
    }
    cost[UNVOICED] = if frame[0].hz > 0.0 && frame[0].strength >= VOICED { MISSED } else { 0.0 };
    cost
}

/// The cheapest way from the frame before to a state of this one, without the state's own cost.
fn entry(before: &Frame, now: &Frame, ways: &[Way; STATES], state: usize) -> Way {
    let step = |(from, way): (usize, &Way)| {
        let (cost, jump) = match (from == UNVOICED, state == UNVOICED) {
            (true, true) => (0.0, 0.0),
            (false, false) if before[from].hz > 0.0 && now[state].hz > 0.0 => {
                let jump = (now[state].hz / before[from].hz).log2().abs();
                (OCTAVE * jump + CHANGE * (jump - way.jump).abs(), jump)
            }
            (false, false) => (NEVER, 0.0),
            _ => (SWITCH, 0.0),
        };
        Way { from: from as u8, cost: way.cost + cost, jump }
    };
    ways.iter().enumerate().map(step).min_by(|a, b| a.cost.total_cmp(&b.cost)).unwrap_or_default()
}

/// Follows the way back from the cheapest end.
fn backwards(from: &[[u8; STATES]], ways: &[Way; STATES]) -> Vec<Option<usize>> {
    let mut state = (0..STATES).min_by(|&a, &b| ways[a].cost.total_cmp(&ways[b].cost)).unwrap_or(UNVOICED);
    let mut path = vec![None; from.len()];
    for (chosen, from) in path.iter_mut().zip(from).rev() {
        *chosen = (state != UNVOICED).then_some(state);
        state = usize::from(from[state]);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(candidates: &[(f32, f32)]) -> Frame {
        let mut frame = Frame::default();
        for (place, &(hz, strength)) in frame.iter_mut().zip(candidates) {
            *place = Candidate { hz, strength };
        }
        frame
    }

    #[test]
    fn an_octave_error_is_passed_over() {
        let good = frame(&[(200.0, 0.85), (100.0, 0.8)]);
        let halved = frame(&[(100.0, 0.82), (200.0, 0.80)]);
        let path = cheapest(&[good, good, halved, good, good]);
        assert_eq!(path, [Some(0), Some(0), Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn one_weak_frame_inside_voice_stays_voiced_and_a_lone_strong_one_does_not() {
        let voice = frame(&[(200.0, 0.85)]);
        let weak = frame(&[(200.0, 0.65)]);
        let path = cheapest(&[voice, voice, voice, weak, voice, voice, voice]);
        assert!(path.iter().all(Option::is_some), "{path:?}");
        let path = cheapest(&[weak, weak, voice, weak, weak]);
        assert!(path.iter().all(Option::is_none), "{path:?}");
    }

    #[test]
    fn frames_without_candidates_are_unvoiced() {
        assert_eq!(cheapest(&[Frame::default(); 3]), [None; 3]);
        assert!(cheapest(&[]).is_empty());
    }
}

//! Playing faster or slower: a windowed sinc at as many phases as the speed has denominators, so that every output
//! sample is computed at exactly its place.
//!
//! Deliberately absent: rates of files (`audio::Wave::resample`, exact for whole rates; here it is quick to plan).

use std::cell::RefCell;
use std::collections::HashMap;
use std::f64::consts::PI;
use std::rc::Rc;

use super::dot;
use crate::features::dsp::{Kernel, wide};

/// Phases between two samples; speeds are multiples of one over this.
const PHASES: usize = 128;
/// Zero crossings on each side.
const REACH: f64 = 24.0;

thread_local! {
    /// By step: a table costs half as much as walking a clip, and there are few speeds.
    static TABLES: RefCell<HashMap<usize, Rc<[f32]>>> = RefCell::new(HashMap::new());
}

/// The nearest speed that can be had.
pub fn rounded(speed: f64) -> f64 {
    (speed * PHASES as f64).round() / PHASES as f64
}

/// The samples `speed` times as fast, band-limited to half the rate of what comes out (Blackman window, -74 dB); length
/// round(n / speed), at least 1 of 1.
pub fn faster(samples: Vec<f32>, speed: f64) -> Vec<f32> {
    let step = (speed * PHASES as f64).round().max(1.0) as usize;
    if step == PHASES || samples.is_empty() {
        return samples;
    }
    let len = ((samples.len() * PHASES) as f64 / step as f64).round().max(1.0) as usize;
    let cutoff = (PHASES as f64 / step as f64).min(1.0);
    let half = ((REACH / cutoff).ceil() as usize).next_multiple_of(4);
    let mut padded = vec![0.0; half - 1];
    padded.extend(&samples);
    padded.resize(padded.len() + half + step.div_ceil(PHASES), 0.0);
    let mut into = vec![0.0; len];
    let made = || table(cutoff, half).into();
    let table = TABLES.with_borrow_mut(|tables| Rc::clone(tables.entry(step).or_insert_with(made)));
    wide(Walk { padded: &padded, table: &table, taps: 2 * half, step, into: &mut into });
    into
}

/// One filter per phase, 2 x `half` weights each.
fn table(cutoff: f64, half: usize) -> Vec<f32> {
    let mut table = Vec::with_capacity(PHASES * 2 * half);
    for phase in 0..PHASES {
        let first = table.len();
        let at = |tap: usize| tap as f64 - (half as f64 - 1.0) - phase as f64 / PHASES as f64;
        table.extend((0..2 * half).map(|tap| weight(at(tap), cutoff, half as f64) as f32));
        // A constant stays that constant at every phase.
        let sum: f32 = table[first..].iter().sum();
        table[first..].iter_mut().for_each(|weight| *weight /= sum);
    }
    table
}

/// Blackman-windowed sinc.
fn weight(at: f64, cutoff: f64, half: f64) -> f64 {
    let sinc = if at == 0.0 { 1.0 } else { (PI * cutoff * at).sin() / (PI * cutoff * at) };
    let turn = (PI * at / half).cos();
    sinc * (0.42 + 0.5 * turn + 0.08 * (2.0 * turn * turn - 1.0)).max(0.0)
}

struct Walk<'a> {
    padded: &'a [f32],
    table: &'a [f32],
    taps: usize,
    step: usize,
    into: &'a mut [f32],
}

impl Kernel for Walk<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (i, out) in self.into.iter_mut().enumerate() {
            let (place, phase) = (i * self.step / PHASES, i * self.step % PHASES);
            *out = dot(&self.padded[place..place + self.taps], &self.table[phase * self.taps..][..self.taps]);
        }
    }
}

//! How the voice swings: its pitch, and how far one period differs from the next.
//!
//! Periods are the distances of waveform peaks, each searched within 20 % of where pitch expects it. Deliberately absent:
//! pitch itself (`descriptors::pitches`).

/// Frame by frame; the three measures of change are 0 where unvoiced.
pub struct Voice {
    /// Mean change from period to period over the mean period (jitter, local).
    pub jitter: Vec<f32>,
    /// Mean change of that change over the mean period (jitter, DDP).
    pub jitter_ddp: Vec<f32>,
    /// Mean change of the peak from period to period over the mean peak (shimmer, local).
    pub shimmer: Vec<f32>,
}

/// Reach of a frame's periods on each side, in seconds.
const REACH: f64 = 0.03;
/// A period differs from pitch's by at most this part.
const TOLERANCE: f64 = 0.2;

/// A waveform peak: sample number with its fraction, and height.
#[derive(Clone, Copy)]
struct Mark {
    at: f64,
    height: f64,
}

impl Voice {
    /// Of a wave whose frame `t` is centred on sample `t * hop`, with pitch in Hz.
    pub fn of(samples: &[f32], rate: u32, hop: usize, pitch: &[Option<f32>]) -> Voice {
        let frames = pitch.len();
        let mut voice = Voice { jitter: vec![0.0; frames], jitter_ddp: vec![0.0; frames], shimmer: vec![0.0; frames] };
        let reach = REACH * f64::from(rate);
        let mut start = 0;
        for run in pitch.chunk_by(|a, b| a.is_some() == b.is_some()) {
            let end = start + run.len();
            if run[0].is_some() {
                let periods: Vec<f64> = run.iter().flatten().map(|&hz| f64::from(rate) / f64::from(hz)).collect();
                let marks = marks(samples, start * hop, hop, &periods);
                (start..end).for_each(|t| voice.measure(t, around(&marks, (t * hop) as f64, reach)));
            }
            start = end;
        }
        voice
    }

    fn measure(&mut self, t: usize, marks: &[Mark]) {
        let periods = marks.windows(2).map(|pair| pair[1].at - pair[0].at);
        let changes = periods.clone().zip(periods.clone().skip(1)).map(|(a, b)| b - a);
        let bends = changes.clone().zip(changes.clone().skip(1)).map(|(a, b)| b - a);
        let heights = marks.iter().map(|mark| mark.height);
        let steps = heights.clone().zip(heights.clone().skip(1)).map(|(a, b)| b - a);
        self.jitter[t] = ratio(changes, periods.clone());
        self.jitter_ddp[t] = ratio(bends, periods);
        self.shimmer[t] = ratio(steps, heights);
    }
}

/// Mean magnitude of one over the mean of the other, at most 1; 0 without either.
fn ratio(changes: impl Iterator<Item = f64>, values: impl Iterator<Item = f64>) -> f32 {
    let mean = |(sum, count): (f64, usize)| if count > 0 { sum / count as f64 } else { 0.0 };
    let change = mean(changes.fold((0.0, 0), |(sum, count), change| (sum + change.abs(), count + 1)));
    let value = mean(values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1)));
    if value > 0.0 { (change / value).min(1.0) as f32 } else { 0.0 }
}

/// Marks within `reach` samples of `centre`.
fn around(marks: &[Mark], centre: f64, reach: f64) -> &[Mark] {
    let first = marks.partition_point(|mark| mark.at < centre - reach);
    let end = marks.partition_point(|mark| mark.at <= centre + reach);
    &marks[first..end]
}

/// Peaks of a voiced stretch from sample `start`, one period (in samples, one per frame) after the other.
fn marks(samples: &[f32], start: usize, hop: usize, periods: &[f64]) -> Vec<Mark> {
    let end = (start + periods.len() * hop).min(samples.len());
    let Some(stretch) = samples.get(start..end) else { return vec![] };
    let (low, high) = stretch.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
    // The glottal pulses stand out on one side, which depends on the microphone.
    let sign = if -low > high { -1.0 } else { 1.0 };
    let mut marks = Vec::new();
    let mut window = 0..periods[0].round() as usize;
    while window.end < stretch.len() {
        let Some(at) = highest(stretch, sign, window) else { break };
        let mark = refined(stretch, sign, at);
        let period = periods[(at / hop).min(periods.len() - 1)];
        marks.push(Mark { at: start as f64 + mark.at, height: mark.height });
        let reach = |part: f64| (mark.at + period * part).round().max(0.0) as usize;
        window = reach(1.0 - TOLERANCE).max(at + 1)..reach(1.0 + TOLERANCE) + 1;
    }
    marks
}

fn highest(samples: &[f32], sign: f32, window: std::ops::Range<usize>) -> Option<usize> {
    window.max_by(|&a, &b| (sign * samples[a]).total_cmp(&(sign * samples[b])).then(b.cmp(&a)))
}

/// Vertex of the parabola through a sample and its neighbours.
fn refined(samples: &[f32], sign: f32, at: usize) -> Mark {
    let value = |i: usize| f64::from(sign * samples[i]);
    if at == 0 || at + 1 >= samples.len() {
        return Mark { at: at as f64, height: value(at) };
    }
    let (before, here, after) = (value(at - 1), value(at), value(at + 1));
    let (bend, slope) = (before + after - 2.0 * here, (after - before) / 2.0);
    if bend >= 0.0 || slope.abs() >= -bend {
        return Mark { at: at as f64, height: here };
    }
    let shift = -slope / bend;
    Mark { at: at as f64 + shift, height: here + slope * shift / 2.0 }
}

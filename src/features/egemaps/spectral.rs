//! How energy lies over frequency: alpha ratio, Hammarberg index, two slopes and flux of one spectrum after another.
//!
//! Deliberately absent: bands as the ear hears them (`bands`) and spectra relative to pitch (`harmonics`).

/// Powers below this count as this, in dB: -140.
const FLOOR: f32 = 1e-14;
/// Upper end of what is looked at, in Hz.
const TOP_HZ: f64 = 5000.0;

/// Of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Power from 1 to 5 kHz over power below 1 kHz, in dB; 0 without either.
    pub alpha: f32,
    /// Highest peak below 2 kHz over highest from 2 to 5 kHz, in dB; 0 without either.
    pub hammarberg: f32,
    /// Slope of the dB spectrum below 500 Hz and from 500 to 1500 Hz, in dB per Hz.
    pub slopes: [f32; 2],
    /// Root mean square change of magnitude below 5 kHz since the frame before; 0 for the first frame.
    pub flux: f32,
}

/// Measures spectra one after another, and remembers the last for the flux.
pub struct Shapes {
    resolution: f64,
    slopes: [Slope; 2],
    before: Vec<f32>,
    decibels: Vec<f32>,
}

impl Shapes {
    /// For spectra of the given number of bins, `resolution` Hz apart.
    pub fn new(bins: usize, resolution: f64) -> Shapes {
        let slope = |low, high| Slope::new(low, high, bins, resolution);
        let slopes = [slope(0.0, 500.0), slope(500.0, 1500.0)];
        let top = slopes.iter().map(|slope| slope.first + slope.weights.len()).max().unwrap_or(0);
        Shapes { resolution, slopes, before: Vec::new(), decibels: vec![0.0; top] }
    }

    /// The next frame, as power and as magnitude.
    pub fn next(&mut self, power: &[f32], magnitude: &[f32]) -> Shape {
        let at = |hz: f64| ((hz / self.resolution).ceil() as usize).min(power.len());
        let (one, two, top) = (at(1000.0), at(2000.0), at(TOP_HZ));
        let last = (top + 1).min(power.len());
        let peak = |bins: &[f32]| bins.iter().copied().fold(0.0, f32::max);
        let flux = self.flux(&magnitude[..top]);
        for (decibel, power) in self.decibels.iter_mut().zip(power) {
            *decibel = decibels(power.max(FLOOR));
        }
        Shape {
            alpha: ratio(sum(&power[one..last]), sum(&power[..one])),
            hammarberg: ratio(peak(&power[..two]), peak(&power[two..last])),
            slopes: [0, 1].map(|i| self.slopes[i].of(&self.decibels)),
            flux,
        }
    }

    fn flux(&mut self, magnitude: &[f32]) -> f32 {
        let change: f32 = self.before.iter().zip(magnitude).map(|(a, b)| (a - b) * (a - b)).sum();
        let flux = if self.before.is_empty() { 0.0 } else { (change / magnitude.len() as f32).sqrt() };
        self.before.clear();
        self.before.extend_from_slice(magnitude);
        flux
    }
}

fn sum(bins: &[f32]) -> f32 {
    bins.iter().sum()
}

fn decibels(power: f32) -> f32 {
    10.0 * power.log10()
}

/// In dB; 0 when one of the two is 0.
fn ratio(over: f32, under: f32) -> f32 {
    if over > 0.0 && under > 0.0 { decibels(over) - decibels(under) } else { 0.0 }
}

/// The line through a stretch of the spectrum.
struct Slope {
    first: usize,
    weights: Vec<f32>,
}

impl Slope {
    /// Regression over the bins from `low` to `high` Hz, both included, but with their number counted one too low:
    /// so openSMILE has it, whose slope then depends on the level. Agreement matters more here than the textbook.
    fn new(low: f64, high: f64, bins: usize, resolution: f64) -> Slope {
        let bin = |hz: f64| ((hz / resolution).round() as usize).min(bins - 1);
        let (first, last) = (bin(low), bin(high));
        let count = (last - first).max(1) as f64;
        let places = || (first..=last).map(|bin| bin as f64 * resolution);
        let (sum, squares) = (places().sum::<f64>(), places().map(|hz| hz * hz).sum::<f64>());
        let spread = count * squares - sum * sum;
        let weight = |hz: f64| if spread > 0.0 { ((count * hz - sum) / spread) as f32 } else { 0.0 };
        Slope { first, weights: places().map(weight).collect() }
    }

    fn of(&self, decibels: &[f32]) -> f32 {
        self.weights.iter().zip(&decibels[self.first..]).map(|(weight, value)| weight * value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_frame_has_opensmiles_slopes_and_nothing_else() {
        let shape = Shapes::new(257, 31.25).next(&[0.0; 257], &[0.0; 257]);
        assert_eq!((shape.alpha, shape.hammarberg, shape.flux), (0.0, 0.0, 0.0));
        assert!((shape.slopes[0] - 0.112).abs() < 1e-5, "{shape:?}");
        assert!((shape.slopes[1] - 0.076_363_6).abs() < 1e-5, "{shape:?}");
    }

    #[test]
    fn a_step_at_one_kilohertz_shows_in_the_alpha_ratio() {
        let power: Vec<f32> = (0..257).map(|bin| if bin < 32 { 1.0 } else { 0.01 }).collect();
        let shape = Shapes::new(257, 31.25).next(&power, &power);
        assert!((shape.alpha - decibels(1.29 / 32.0)).abs() < 1e-4, "{shape:?}");
        assert!((shape.hammarberg - 20.0).abs() < 1e-4, "{shape:?}");
    }

    #[test]
    fn flux_is_the_change_since_the_last_frame() {
        let mut shapes = Shapes::new(257, 31.25);
        assert_eq!(shapes.next(&[1.0; 257], &[1.0; 257]).flux, 0.0);
        assert!((shapes.next(&[9.0; 257], &[3.0; 257]).flux - 2.0).abs() < 1e-6);
    }
}

//! Linear prediction: the all-pole filter whose spectrum follows that of a frame, and the zeros of its polynomial.
//!
//! Deliberately absent: what the zeros mean (`formants`) and how the autocorrelation came about.

/// Order of the predictor: five pairs of poles below 5.5 kHz and one real one.
pub const ORDER: usize = 11;

/// Zeros closer to each other than this, relative to the unit circle, have been found.
const PRECISION: f64 = 1e-9;
/// Sweeps after which a polynomial that still moves is taken as it is.
const SWEEPS: usize = 60;

/// Coefficients a₁ … a₁₁ of 1 + Σ aₖ z⁻ᵏ from the autocorrelation at lags 0 … 11, by Levinson's recursion (Makhoul,
/// "Linear prediction: a tutorial review", 1975); `None` without energy.
pub fn predictor(autocorrelation: &[f64; ORDER + 1]) -> Option<[f64; ORDER]> {
    let mut error = autocorrelation[0];
    let mut a = [0.0; ORDER];
    for order in 0..ORDER {
        if !(error > 0.0) {
            return None;
        }
        let ahead: f64 = (0..order).map(|k| a[k] * autocorrelation[order - k]).sum();
        let reflection = -(autocorrelation[order + 1] + ahead) / error;
        let before = a;
        for k in 0..order {
            a[k] += reflection * before[order - 1 - k];
        }
        a[order] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    a.iter().all(|value| value.is_finite()).then_some(a)
}

/// A complex number; realfft's is the room's to transform with, and this file needs four operations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zero {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Zero {
    fn minus(self, other: Zero) -> Zero {
        Zero { re: self.re - other.re, im: self.im - other.im }
    }

    fn times(self, other: Zero) -> Zero {
        Zero { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn over(self, other: Zero) -> Zero {
        let scale = 1.0 / other.square();
        let quotient = self.times(Zero { re: other.re, im: -other.im });
        Zero { re: quotient.re * scale, im: quotient.im * scale }
    }

    fn square(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    /// Distance from the origin.
    pub fn radius(self) -> f64 {
        self.square().sqrt()
    }
}

/// The zeros of z¹¹ + Σ aₖ z¹¹⁻ᵏ, all at once (Aberth, "Iteration methods for finding all zeros of a polynomial
/// simultaneously", 1973), starting from `near`, e.g. the zeros of the frame before.
pub fn zeros(a: &[f64; ORDER], near: &mut [Zero; ORDER]) {
    for _ in 0..SWEEPS {
        let mut moved = 0.0_f64;
        for i in 0..ORDER {
            let (value, slope) = evaluate(a, near[i]);
            if value.square() == 0.0 {
                continue;
            }
            let newton = value.over(slope);
            let mut repulsion = Zero { re: 0.0, im: 0.0 };
            for (j, other) in near.iter().enumerate() {
                if j != i {
                    let away = Zero { re: 1.0, im: 0.0 }.over(near[i].minus(*other));
                    repulsion = Zero { re: repulsion.re + away.re, im: repulsion.im + away.im };
                }
            }
            let step = newton.over(Zero { re: 1.0, im: 0.0 }.minus(newton.times(repulsion)));
            if step.re.is_finite() && step.im.is_finite() {
                near[i] = near[i].minus(step);
                moved = moved.max(step.square());
            }
        }
        if moved < PRECISION * PRECISION {
            break;
        }
    }
}

/// Where the search begins when nothing better is known: spread over a circle, not in conjugate pairs.
pub fn start() -> [Zero; ORDER] {
    std::array::from_fn(|i| {
        let angle = std::f64::consts::TAU * (i as f64 + 0.25) / ORDER as f64;
        Zero { re: 0.8 * angle.cos(), im: 0.8 * angle.sin() }
    })
}

/// Value and derivative of the polynomial at `z`, by Horner's rule.
fn evaluate(a: &[f64; ORDER], z: Zero) -> (Zero, Zero) {
    let mut value = Zero { re: 1.0, im: 0.0 };
    let mut slope = Zero { re: 0.0, im: 0.0 };
    for &coefficient in a {
        let next = slope.times(z);
        slope = Zero { re: next.re + value.re, im: next.im + value.im };
        value = value.times(z);
        value.re += coefficient;
    }
    (value, slope)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_predictor_of_a_decaying_pole_is_that_pole() {
        let lags = std::array::from_fn(|k| 0.9_f64.powi(k as i32));
        let a = predictor(&lags).unwrap();
        assert!((a[0] + 0.9).abs() < 1e-12, "{a:?}");
        assert!(a[1..].iter().all(|v| v.abs() < 1e-12), "{a:?}");
        assert_eq!(predictor(&[0.0; ORDER + 1]), None);
    }

    #[test]
    fn zeros_are_where_they_were_put() {
        let put: Vec<Zero> = (0..5)
            .map(|i| Zero { re: 0.9 * (0.5 * f64::from(i) + 0.3).cos(), im: 0.9 * (0.5 * f64::from(i) + 0.3).sin() })
            .collect();
        // z - 0.5 times the five pairs z² - 2 re z + r²
        let mut polynomial = vec![1.0, -0.5];
        for zero in &put {
            let factor = [1.0, -2.0 * zero.re, zero.square()];
            let mut product = vec![0.0; polynomial.len() + 2];
            for (i, p) in polynomial.iter().enumerate() {
                for (j, f) in factor.iter().enumerate() {
                    product[i + j] += p * f;
                }
            }
            polynomial = product;
        }
        let mut found = start();
        zeros(polynomial[1..].try_into().unwrap(), &mut found);
        for zero in put {
            assert!(found.iter().any(|f| f.minus(zero).radius() < 1e-6), "{zero:?} not in {found:?}");
        }
    }
}

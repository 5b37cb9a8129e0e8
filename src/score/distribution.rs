//! Distributions that tests ask: normal, Student's t, F, chi-squared, studentised range.
//!
//! Tails are computed as tails, so that a p of 1e-12 is one and not a rounding error of 1. Checked against scipy
//! (`tests/golden/statistics.py`) to 1e-9. Deliberately absent: densities, random numbers, non-central kinds, and the
//! studentised range with few degrees of freedom (Nemenyi's test takes infinitely many).

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Iterations after which a continued fraction or series has converged for any argument met here.
const ITERATIONS: usize = 10_000;
/// Relative change below which they stop.
const PRECISION: f64 = 4e-16;
/// In place of a zero in Lentz's algorithm.
const TINY: f64 = 1e-300;

/// ψ(x), the derivative of ln Γ, for x > 0: the recurrence up to 10, then the asymptotic series (Abramowitz & Stegun 6.3.5, 6.3.18).
#[must_use]
pub fn digamma(x: f64) -> f64 {
    let (mut x, mut steps) = (x, 0.0);
    while x < 10.0 {
        steps += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    // Bernoulli numbers B_2k / 2k.
    let terms = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];
    let series = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * square);
    x.ln() - 0.5 / x - series - steps
}

/// P(Z ≤ z) of the standard normal distribution.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The z with P(Z ≤ z) = `p`; infinite at 0 and 1.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    inverse(p, normal_cdf)
}

/// P(T ≤ t) of Student's t with `df` degrees of freedom.
#[must_use]
pub fn student_cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * student_two_sided(t, df);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// P(|T| ≥ |t|).
#[must_use]
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    let square = t * t;
    // Of two shares that make 1, the smaller one is known to more digits.
    if square < df {
        1.0 - beta_share(square / (df + square), 0.5, df / 2.0)
    } else {
        beta_share(df / (df + square), df / 2.0, 0.5)
    }
}

/// The t with P(T ≤ t) = `p`.
#[must_use]
pub fn student_quantile(p: f64, df: f64) -> f64 {
    inverse(p, |t| student_cdf(t, df))
}

/// P(F ≥ f) with `above` and `below` degrees of freedom.
#[must_use]
pub fn f_tail(f: f64, above: f64, below: f64) -> f64 {
    if f <= 0.0 { 1.0 } else { beta_share(below / (below + above * f), below / 2.0, above / 2.0) }
}

/// P(X ≥ x) of chi-squared with `df` degrees of freedom.
#[must_use]
pub fn chi_squared_tail(x: f64, df: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_tail(df / 2.0, x / 2.0) }
}

/// P(Q ≥ q) of the range of `k` independent standard normal values: the studentised range with infinitely many degrees
/// of freedom.
///
/// 1 - k ∫ φ(z) [Φ(z) - Φ(z - q)]^(k-1) dz by the trapezoid rule, which for so smooth a function over the whole line is
/// exact to rounding.
#[must_use]
pub fn range_tail(q: f64, k: usize) -> f64 {
    const STEP: f64 = 0.02;
    if q <= 0.0 {
        return 1.0;
    }
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    let part = |i: i32| {
        let z = f64::from(i) * STEP;
        density(z) * (normal_cdf(z) - normal_cdf(z - q)).powi(k as i32 - 1)
    };
    let inside = k as f64 * STEP * (-450..=450).map(part).sum::<f64>();
    (1.0 - inside).clamp(0.0, 1.0)
}

/// The q that is exceeded with probability `alpha`.
#[must_use]
pub fn range_critical(alpha: f64, k: usize) -> f64 {
    inverse(1.0 - alpha, |q| 1.0 - range_tail(q, k))
}

/// The x at which the rising function `cdf` takes the value `p`, by bisection to the last bit.
fn inverse(p: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let (mut low, mut high) = (-1.0, 1.0);
    while cdf(low) > p {
        low *= 2.0;
    }
    while cdf(high) < p {
        high *= 2.0;
    }
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return middle;
        }
        if cdf(middle) < p { low = middle } else { high = middle }
    }
}

/// Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).
fn beta_share(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_share_low(1.0 - x, b, a);
    }
    beta_share_low(x, a, b)
}

/// The same where the fraction converges fast.
fn beta_share_low(x: f64, a: f64, b: f64) -> f64 {
    let front = a * x.ln() + b * (-x).ln_1p() + libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let numerator = |i: usize| {
        let m = (i / 2) as f64;
        if i.is_multiple_of(2) {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    };
    front.exp() / a * fraction((1..ITERATIONS).map(|i| (numerator(i), 1.0)), 1.0)
}

/// Regularised upper incomplete gamma function Q(a, x).
fn gamma_tail(a: f64, x: f64) -> f64 {
    let front = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x >= a + 1.0 {
        // DLMF 8.9.2 in its even part.
        let terms = (1..ITERATIONS).map(|i| {
            let i = i as f64;
            (-i * (i - a), x + 2.0 * i + 1.0 - a)
        });
        return front * fraction(terms, x + 1.0 - a);
    }
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for i in 1..ITERATIONS {
        term *= x / (a + i as f64);
        sum += term;
        if term < sum * PRECISION {
            break;
        }
    }
    1.0 - front * sum
}

/// 1 / (first + a1 / (b1 + a2 / (b2 + …))) by the modified Lentz algorithm; `terms` are (a, b).
fn fraction(terms: impl Iterator<Item = (f64, f64)>, first: f64) -> f64 {
    let solid = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0 / TINY, 1.0 / solid(first));
    let mut value = d;
    for (a, b) in terms {
        d = 1.0 / solid(b + a * d);
        c = solid(b + a / c);
        value *= c * d;
        if (c * d - 1.0).abs() < PRECISION {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-12 * wanted.abs().max(1.0), "{found} is not {wanted}");
    }

    #[test]
    fn closed_forms_hold() {
        near(normal_quantile(0.5), 0.0);
        // One degree of freedom is Cauchy's, two have an algebraic form.
        near(student_cdf(1.0, 1.0), 0.75);
        near(student_cdf(2.0, 2.0), 0.5 + 2.0 / (2.0 * 6.0_f64.sqrt()));
        near(chi_squared_tail(3.0, 2.0), (-1.5_f64).exp());
        near(f_tail(3.0, 2.0, 4.0), (1.0 + 2.0 * 3.0 / 4.0_f64).powi(-2));
        // The range of two normal values is |x - y|: a normal with variance 2.
        near(range_tail(2.0, 2), 2.0 * normal_cdf(-2.0 * FRAC_1_SQRT_2));
    }

    #[test]
    fn ends_are_ends() {
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((chi_squared_tail(0.0, 3.0), f_tail(-1.0, 2.0, 2.0), range_tail(0.0, 5)), (1.0, 1.0, 1.0));
        assert_eq!(student_two_sided(0.0, 5.0), 1.0);
        assert_eq!(student_two_sided(f64::INFINITY, 5.0), 0.0);
    }

    proptest! {
        #[test]
        fn quantiles_undo_distributions(p in 0.0005..0.9995, df in 1.0..200.0) {
            prop_assert!((student_cdf(student_quantile(p, df), df) - p).abs() < 1e-12);
            prop_assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-12);
        }
    }
}

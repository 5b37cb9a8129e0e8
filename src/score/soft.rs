//! How near predicted probabilities come to the shares of what people said.
//!
//! Deliberately absent: making the shares (see `label::gold`).

/// Means over clips; the lower the nearer.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct SoftFit {
    /// Clips compared.
    pub clips: usize,
    /// Cross-entropy of the probabilities against the shares, in nats; a probability of 0 counts as 1e-12.
    pub cross_entropy: f64,
    /// Cross-entropy of the shares against themselves: what no prediction can be below.
    pub floor: f64,
    /// Jensen-Shannon divergence in bits, 0 (equal) to 1 (Lin 1991).
    pub jensen_shannon: f64,
}

impl SoftFit {
    /// Of pairs of probabilities and shares, each over the same classes and summing to 1; `None` without any.
    pub fn of<'a>(clips: impl Iterator<Item = (&'a [f32], Vec<f64>)>) -> Option<SoftFit> {
        let mut sums = (0_usize, [0.0; 3]);
        for (p, shares) in clips {
            let p: Vec<f64> = p.iter().map(|&p| f64::from(p)).collect();
            let middle: Vec<f64> = p.iter().zip(&shares).map(|(p, share)| (p + share) / 2.0).collect();
            let apart = (divergence(&p, &middle) + divergence(&shares, &middle)) / 2.0;
            let of_clip = [cross(&shares, &p), cross(&shares, &shares), apart / std::f64::consts::LN_2];
            sums.0 += 1;
            sums.1.iter_mut().zip(of_clip).for_each(|(sum, value)| *sum += value);
        }
        let (clips, [cross_entropy, floor, jensen_shannon]) = (sums.0, sums.1.map(|sum| sum / sums.0.max(1) as f64));
        (clips > 0).then_some(SoftFit { clips, cross_entropy, floor, jensen_shannon })
    }
}

/// Cross-entropy of `q` against `p`, in nats.
fn cross(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| -p * q.max(1e-12).ln()).sum()
}

/// Kullback-Leibler divergence of `p` from `q`, in nats.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    cross(p, q) - cross(p, p)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// scipy 1.15: entropy([.5, .5]) = 0.6931471805599453; -0.5 ln 0.8 - 0.5 ln 0.2 = 0.916290731874155;
    /// jensenshannon([.8, .2], [.5, .5], base=2) ** 2 = 0.0731040079318099.
    #[test]
    fn agrees_with_scipy() {
        let one = SoftFit::of([(&[0.8_f32, 0.2][..], vec![0.5, 0.5])].into_iter()).unwrap();
        assert!((one.cross_entropy - 0.916_290_731_874_155).abs() < 1e-7);
        assert!((one.floor - std::f64::consts::LN_2).abs() < 1e-12);
        assert!((one.jensen_shannon - JS).abs() < 1e-7, "{}", one.jensen_shannon);
        let same = SoftFit::of([(&[0.25_f32, 0.75][..], vec![0.25, 0.75])].into_iter()).unwrap();
        assert!(same.jensen_shannon.abs() < 1e-12 && (same.cross_entropy - same.floor).abs() < 1e-12);
        let apart = SoftFit::of([(&[1.0_f32, 0.0][..], vec![0.0, 1.0])].into_iter()).unwrap();
        assert!((apart.jensen_shannon - 1.0).abs() < 1e-12);
        assert_eq!(SoftFit::of(std::iter::empty()), None);
    }

    const JS: f64 = 0.0731040079318099;
}

//! Steps down the gradient over one flat vector: Adam (Kingma & Ba 2015, arXiv:1412.6980), AdamW (Loshchilov & Hutter
//! 2019, arXiv:1711.05101) and stochastic gradient descent with momentum, in PyTorch's forms; and clipping.

use serde::{Deserialize, Serialize};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Which way to step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Method {
    /// Adam with PyTorch's defaults.
    Adam,
    /// The same, and each step shrinks all parameters by rate x `decay`.
    AdamW {
        /// PyTorch's default is 0.01.
        decay: f32,
    },
    /// The gradient, with so much of the last step.
    Sgd {
        /// Usually 0.9.
        momentum: f32,
        /// Times the parameters is added to the gradient.
        #[serde(default)]
        decay: f32,
    },
}

/// A method with what it remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimiser {
    method: Method,
    /// Running mean of the gradient, or the last step.
    pub(super) first: Vec<f32>,
    /// Running mean of its square; empty without.
    pub(super) second: Vec<f32>,
    pub(super) steps: i32,
}

impl Optimiser {
    /// For `len` parameters.
    pub fn new(method: Method, len: usize) -> Self {
        let squares = if matches!(method, Method::Sgd { .. }) { 0 } else { len };
        Optimiser { method, first: vec![0.0; len], second: vec![0.0; squares], steps: 0 }
    }

    /// One step down the gradient at the given learning rate.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f64) {
        self.steps = self.steps.saturating_add(1);
        match self.method {
            Method::Adam => self.adam(parameters, gradient, rate),
            Method::AdamW { decay } => {
                let kept = (1.0 - rate * f64::from(decay)) as f32;
                parameters.iter_mut().for_each(|p| *p *= kept);
                self.adam(parameters, gradient, rate);
            }
            Method::Sgd { momentum, decay } => {
                for ((p, &g), last) in parameters.iter_mut().zip(gradient).zip(&mut self.first) {
                    *last = *last * momentum + (g + decay * *p);
                    *p -= rate as f32 * *last;
                }
            }
        }
    }

    fn adam(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f64) {
        let unbias1 = 1.0 - f64::from(BETA1).powi(self.steps);
        let unbias2 = (1.0 - f64::from(BETA2).powi(self.steps)).sqrt() as f32;
        let rate = (rate / unbias1) as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((p, &g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *m += (g - *m) * (1.0 - BETA1);
            *v = *v * BETA2 + g * g * (1.0 - BETA2);
            *p -= rate * *m / (v.sqrt() / unbias2 + EPSILON);
        }
    }
}

/// Shrinks a gradient whose Euclidean length is above `most` to that length (Pascanu et al. 2013, arXiv:1211.5063); returns
/// the length it had.
pub fn clip(gradient: &mut [f32], most: f64) -> f64 {
    let length = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
    let factor = most / (length + 1e-6);
    if factor < 1.0 {
        gradient.iter_mut().for_each(|g| *g *= factor as f32);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_descends_a_bowl() {
        let sgd = Method::Sgd { momentum: 0.5, decay: 0.0 };
        for method in [Method::Adam, Method::AdamW { decay: 0.01 }, sgd] {
            let mut optimiser = Optimiser::new(method, 2);
            let mut at = vec![3.0, -2.0];
            for _ in 0..500 {
                let gradient: Vec<f32> = at.iter().map(|x| 2.0 * x).collect();
                optimiser.step(&mut at, &gradient, 0.1);
            }
            assert!(at.iter().all(|x| x.abs() < 1e-2), "{method:?}: {at:?}");
        }
    }

    #[test]
    fn clipping_keeps_the_direction_and_leaves_short_ones_alone() {
        let mut long = vec![3.0, -4.0];
        assert_eq!(clip(&mut long, 1.0), 5.0);
        assert!((long[0] - 0.6).abs() < 1e-6 && (long[1] + 0.8).abs() < 1e-6);
        let mut short = vec![0.3, 0.4];
        clip(&mut short, 1.0);
        assert_eq!(short, [0.3, 0.4]);
    }
}

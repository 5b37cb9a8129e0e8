//! Adam (Kingma & Ba 2015, arXiv:1412.6980) over one flat vector, with PyTorch's defaults.

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Running moments of the gradient.
#[derive(Debug, Clone)]
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    /// For `len` parameters.
    pub fn new(len: usize) -> Self {
        Adam { first: vec![0.0; len], second: vec![0.0; len], steps: 0 }
    }

    /// One step down the gradient at the given learning rate.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f64) {
        self.steps = self.steps.saturating_add(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_sign_and_a_bowl_is_descended() {
        let mut adam = Adam::new(2);
        let mut at = vec![3.0, -2.0];
        adam.step(&mut at, &[6.0, -4.0], 0.1);
        assert!((at[0] - 2.9).abs() < 1e-6 && (at[1] + 1.9).abs() < 1e-6, "{at:?}");
        for _ in 0..500 {
            let gradient: Vec<f32> = at.iter().map(|x| 2.0 * x).collect();
            adam.step(&mut at, &gradient, 0.1);
        }
        assert!(at.iter().all(|x| x.abs() < 1e-2), "{at:?}");
    }
}

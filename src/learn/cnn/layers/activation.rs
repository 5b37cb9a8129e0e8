//! ReLU, and SiLU = x * sigmoid(x) (Elfwing et al. 2018, arXiv:1702.03118).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// No settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

/// No settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silu {}

impl<F: Real> Kind<F> for Relu {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        Ok(input)
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Kind<F> for Silu {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        Ok(input)
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Layer<F> for Relu {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        // Not `max`: that would turn NaN into 0 and hide it.
        map(x, y, |v| if v < F::ZERO { F::ZERO } else { v });
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        seen: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        back(seen, dx, |v, d| if v > F::ZERO { d } else { F::ZERO });
        Ok(())
    }
}

impl<F: Real> Layer<F> for Silu {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        map(x, y, |v| v * sigmoid(v));
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        seen: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        back(seen, dx, |v, d| {
            let s = sigmoid(v);
            d * s * (F::ONE + v * (F::ONE - s))
        });
        Ok(())
    }
}

/// 1 / (1 + exp(-x)); far below zero it is 0, never NaN.
pub fn sigmoid<F: Real>(x: F) -> F {
    F::ONE / (F::ONE + (-x).exp())
}

fn map<F: Real>(x: &Batch<F>, y: &mut Batch<F>, of: impl Fn(F) -> F + Sync) {
    y.shape_after(x, x.plane, 1);
    y.each_mut().zip(x.each()).for_each(|(y, x)| y.iter_mut().zip(x).for_each(|(y, &x)| *y = of(x)));
}

fn back<F: Real>(Seen { x, dy, .. }: Seen<'_, F>, dx: Option<&mut Batch<F>>, of: impl Fn(F, F) -> F + Sync) {
    let Some(dx) = dx else { return };
    dx.each_mut().zip(x.each().zip(dy.each())).for_each(|(dx, (x, dy))| {
        dx.iter_mut().zip(x).zip(dy).for_each(|((dx, &x), &d)| *dx = of(x, d));
    });
}

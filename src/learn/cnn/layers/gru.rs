//! Gated recurrent units (Cho et al. 2014, arXiv:1406.1078) over a sequence, in PyTorch's form, one way or both ways.
//!
//! `r, z = sigmoid(x w + b + h u + c)`, `n = tanh(x w + b + r (h u + c))`, `h' = (1 - z) n + z h`. The way back starts at
//! the last frame that belongs to the clip; frames behind it give zeros. Deliberately absent: stacks of them (list the
//! layer twice).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::{Batch, Group, Groups};
use super::super::kernel::{Matrix, Real, Work, Write, multiply, widest};
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use super::activation::sigmoid;
use crate::learn::LearnError;

/// Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gru {
    /// Numbers of its memory; it makes as many channels, or twice as many both ways.
    pub hidden: usize,
    /// Reads the sequence from its end, too.
    #[serde(default = "yes")]
    pub both_ways: bool,
}

fn yes() -> bool {
    true
}

impl Gru {
    fn ways(&self) -> usize {
        if self.both_ways { 2 } else { 1 }
    }
}

impl<F: Real> Kind<F> for Gru {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if input.height != 1 {
            return Err(format!("it reads images of height 1, not {}; `fold` makes them", input.height));
        }
        if !(1..=4096).contains(&self.hidden) {
            return Err("hidden must be 1 to 4096".to_owned());
        }
        Ok(input.with_channels(self.ways() * self.hidden))
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let (hidden, start) = (self.hidden, Start::Small(self.hidden));
        let way = |way: &str| {
            let tensor = |name: &str, shape: &[usize]| Tensor::new(&format!("{way}.{name}"), shape, start);
            [
                tensor("input", &[input.channels, 3 * hidden]),
                tensor("memory", &[hidden, 3 * hidden]),
                tensor("input_bias", &[3 * hidden]),
                tensor("memory_bias", &[3 * hidden]),
            ]
        };
        ["there", "back"][..self.ways()].iter().flat_map(|name| way(name)).collect()
    }

    fn macs(&self, input: Plane) -> u64 {
        (input.width * self.ways() * 3 * self.hidden * (input.channels + self.hidden)) as u64
    }

    fn build(&self, input: Plane) -> Box<dyn Layer<F>> {
        let ways = vec![Vec::new(); self.ways()];
        let size = Size { inputs: input.channels, hidden: self.hidden, ways: self.ways() };
        Box::new(Layered { size, notes: Vec::new(), turned: ways, groups: Groups::default() })
    }
}

#[derive(Clone, Copy)]
struct Size {
    inputs: usize,
    hidden: usize,
    ways: usize,
}

struct Layered<F> {
    size: Size,
    /// Per clip, way and frame: r, z, n and the memory's part of n, `h u + c`.
    notes: Vec<F>,
    /// Each way's `u` with rows and columns exchanged.
    turned: Vec<Vec<F>>,
    groups: Groups<F>,
}

/// One way's tensors.
struct Way<'a, F> {
    input: &'a [F],
    memory: &'a [F],
    input_bias: &'a [F],
    memory_bias: &'a [F],
}

impl Size {
    /// Numbers of one way's tensors.
    fn of_way(self) -> usize {
        3 * self.hidden * (self.inputs + self.hidden + 2)
    }

    fn way<F>(self, way: usize, parameters: &[F]) -> Way<'_, F> {
        let all = &parameters[way * self.of_way()..][..self.of_way()];
        let (input, rest) = all.split_at(3 * self.hidden * self.inputs);
        let (memory, rest) = rest.split_at(3 * self.hidden * self.hidden);
        let (input_bias, memory_bias) = rest.split_at(3 * self.hidden);
        Way { input, memory, input_bias, memory_bias }
    }

    /// The frame read at a step, and the one read before it.
    fn frames(self, way: usize, step: usize, valid: usize) -> (usize, Option<usize>) {
        if way == 0 {
            return (step, step.checked_sub(1));
        }
        let frame = valid - 1 - step;
        (frame, (step > 0).then_some(frame + 1))
    }

    /// Where a way's numbers of a frame are in the output.
    fn made(self, way: usize, frame: usize) -> std::ops::Range<usize> {
        let first = (frame * self.ways + way) * self.hidden;
        first..first + self.hidden
    }
}

impl<F: Real> Layer<F> for Layered<F> {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let (size, width) = (self.size, x.plane.width);
        y.shape_after(x, x.plane.with_channels(size.ways * size.hidden), 1);
        let noted = size.ways * width * 4 * size.hidden;
        self.notes.resize(x.clips() * noted, F::ZERO);
        let images = y.each_mut().zip(x.each()).zip(self.notes.par_chunks_exact_mut(noted)).zip(&x.valid);
        images.for_each(|(((y, x), notes), &valid)| {
            y.fill(F::ZERO);
            for (number, notes) in notes.chunks_exact_mut(width * 4 * size.hidden).enumerate() {
                let way = size.way(number, with.parameters);
                let mut gates = way.input_bias.repeat(valid);
                let weight = Matrix::new(way.input, size.inputs, 3 * size.hidden, 3 * size.hidden);
                multiply(&mut gates, Matrix::new(x, valid, size.inputs, size.inputs), weight, Write::Add);
                widest(There { size, number, way: &way, gates: &gates, notes, y });
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, F>,
        Seen { x, y, dy }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let (size, width) = (self.size, x.plane.width);
        let ways: Vec<Way<'_, F>> = (0..size.ways).map(|number| size.way(number, with.parameters)).collect();
        for (turned, way) in self.turned.iter_mut().zip(&ways) {
            transpose(way.memory, size.hidden, turned);
        }
        let (notes, turned, noted) = (&self.notes, &self.turned, width * 4 * size.hidden);
        self.groups.run(x.clips(), with.gradient, dx, |clip, group, dx| {
            dx.fill(F::ZERO);
            for number in 0..size.ways {
                let notes = &notes[(clip * size.ways + number) * noted..][..noted];
                let back = Back { size, number, valid: x.valid[clip], notes, y: y.clip(clip) };
                back.run(dy.clip(clip), &turned[number], &mut group.work);
                back.add_gradient(x.clip(clip), group);
                if !dx.is_empty() {
                    let (wide, valid) = (3 * size.hidden, back.valid);
                    let d = Matrix::new(&group.work, valid, wide, 2 * wide);
                    let weight = Matrix::new(ways[number].input, size.inputs, wide, wide).transposed();
                    multiply(&mut dx[..valid * size.inputs], d, weight, Write::Add);
                }
            }
        });
        Ok(())
    }
}

/// All steps of one way.
struct There<'a, F> {
    size: Size,
    number: usize,
    way: &'a Way<'a, F>,
    /// The input's part of the gates, a row per frame.
    gates: &'a [F],
    notes: &'a mut [F],
    y: &'a mut [F],
}

impl<F: Real> Work for There<'_, F> {
    #[inline(always)]
    fn run(self) {
        let There { size, number, way, gates, notes, y } = self;
        let hidden = size.hidden;
        let valid = gates.len() / (3 * hidden);
        let (mut before, mut of_memory) = (vec![F::ZERO; hidden], vec![F::ZERO; 3 * hidden]);
        for step in 0..valid {
            let (frame, _) = size.frames(number, step, valid);
            of_memory.copy_from_slice(way.memory_bias);
            add_product(&before, way.memory, &mut of_memory);
            let gates = &gates[frame * 3 * hidden..][..3 * hidden];
            let notes = &mut notes[frame * 4 * hidden..][..4 * hidden];
            for i in 0..hidden {
                let r = sigmoid(gates[i] + of_memory[i]);
                let z = sigmoid(gates[hidden + i] + of_memory[hidden + i]);
                let inner = of_memory[2 * hidden + i];
                let n = (gates[2 * hidden + i] + r * inner).tanh();
                before[i] = (F::ONE - z) * n + z * before[i];
                (notes[i], notes[hidden + i]) = (r, z);
                (notes[2 * hidden + i], notes[3 * hidden + i]) = (n, inner);
            }
            y[size.made(number, frame)].copy_from_slice(&before);
        }
    }
}

/// One way of one clip on its way back.
struct Back<'a, F> {
    size: Size,
    number: usize,
    valid: usize,
    notes: &'a [F],
    y: &'a [F],
}

impl<F: Real> Back<'_, F> {
    /// Writes `work`: per frame the gradients of the input's part of the gates, then of the memory's part.
    fn run(&self, dy: &[F], turned: &[F], work: &mut Vec<F>) {
        work.clear();
        work.resize(self.valid * 6 * self.size.hidden, F::ZERO);
        widest(BackSteps { back: self, dy, turned, work });
    }

    /// `d_memory` is the gradient of the memory behind the frame, and then the direct part of that before it.
    #[inline(always)]
    fn step(&self, frame: usize, earlier: Option<usize>, dy: &[F], (d_memory, d): (&mut [F], &mut [F])) {
        let hidden = self.size.hidden;
        let notes = &self.notes[frame * 4 * hidden..][..4 * hidden];
        let before = earlier.map(|earlier| &self.y[self.size.made(self.number, earlier)]);
        for i in 0..hidden {
            let (r, z, n, inner) = (notes[i], notes[hidden + i], notes[2 * hidden + i], notes[3 * hidden + i]);
            let before = before.map_or(F::ZERO, |before| before[i]);
            let total = dy[i] + d_memory[i];
            let d_n = total * (F::ONE - z) * (F::ONE - n * n);
            let d_z = total * (before - n) * z * (F::ONE - z);
            let d_r = d_n * inner * r * (F::ONE - r);
            (d[i], d[hidden + i], d[2 * hidden + i]) = (d_r, d_z, d_n);
            (d[3 * hidden + i], d[4 * hidden + i], d[5 * hidden + i]) = (d_r, d_z, d_n * r);
            d_memory[i] = total * z;
        }
    }

    fn add_gradient(&self, x: &[F], group: &mut Group<F>) {
        let Back { size, number, valid, .. } = *self;
        let (hidden, wide, inputs) = (size.hidden, 3 * size.hidden, size.inputs);
        let gradient = &mut group.gradient[number * size.of_way()..][..size.of_way()];
        let (for_input, rest) = gradient.split_at_mut(wide * inputs);
        let (for_memory, biases) = rest.split_at_mut(wide * hidden);
        let work = &group.work;
        let d = Matrix::new(work, valid, wide, 2 * wide);
        multiply(for_input, Matrix::new(x, valid, inputs, inputs).transposed(), d, Write::Add);
        // The memory before a frame is what was made of the frame read before it.
        if valid > 1 {
            let step = size.ways * hidden;
            let (first, d_first) = if number == 0 { (0, 1) } else { (1, 0) };
            let memory = Matrix::new(&self.y[first * step + number * hidden..], valid - 1, hidden, step);
            let d = Matrix::new(&work[d_first * 2 * wide + wide..], valid - 1, wide, 2 * wide);
            multiply(for_memory, memory.transposed(), d, Write::Add);
        }
        for d in work.chunks_exact(2 * wide) {
            biases.iter_mut().zip(d).for_each(|(sum, &d)| *sum += d);
        }
    }
}

/// All steps of one way back.
struct BackSteps<'a, F> {
    back: &'a Back<'a, F>,
    dy: &'a [F],
    /// The way's `u`, turned.
    turned: &'a [F],
    /// See [`Back::run`].
    work: &'a mut [F],
}

impl<F: Real> Work for BackSteps<'_, F> {
    #[inline(always)]
    fn run(self) {
        let BackSteps { back, dy, turned, work } = self;
        let Back { size, number, valid, .. } = *back;
        let mut d_memory = vec![F::ZERO; size.hidden];
        for step in (0..valid).rev() {
            let (frame, earlier) = size.frames(number, step, valid);
            let d = &mut work[frame * 6 * size.hidden..][..6 * size.hidden];
            back.step(frame, earlier, &dy[size.made(number, frame)], (&mut d_memory, d));
            add_product(&d[3 * size.hidden..], turned, &mut d_memory);
        }
    }
}

/// `y += x w`, for a single row; the processor's registers take whole stretches of `y` at a time.
#[inline(always)]
fn add_product<F: Real>(x: &[F], w: &[F], y: &mut [F]) {
    let n = y.len();
    let (fours, rest) = (x.chunks_exact(4), x.len() / 4 * 4);
    let tail = fours.remainder();
    for (x, w) in fours.zip(w.chunks_exact(4 * n)) {
        let ((a, b), (c, d)) = {
            let (l, r) = w.split_at(2 * n);
            (l.split_at(n), r.split_at(n))
        };
        for ((((y, &a), &b), &c), &d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *y += (x[0] * a + x[1] * b) + (x[2] * c + x[3] * d);
        }
    }
    for (&x, w) in tail.iter().zip(w[rest * n..].chunks_exact(n)) {
        y.iter_mut().zip(w).for_each(|(y, &w)| *y += x * w);
    }
}

fn transpose<F: Real>(memory: &[F], hidden: usize, turned: &mut Vec<F>) {
    turned.clear();
    for column in 0..3 * hidden {
        turned.extend(memory.iter().skip(column).step_by(3 * hidden).copied());
    }
}

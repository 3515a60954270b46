//! Samples as the network sees them, and minibatches of them.
use crate::demonstration::Example;
use crate::policy::Normalisation;
use crate::robot::JOINTS;
use rand::{Rng, RngExt};

/// Normalised inputs and labels, in rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    width: usize,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

impl Samples {
    /// The examples in the units of the network.
    pub(super) fn new(examples: &[Example], units: &Normalisation) -> Self {
        let mut samples = Self::with_room(examples.len(), units.inputs());
        let (mut input, mut output) = (vec![0.0; units.inputs()], [0.0; JOINTS]);
        for example in examples {
            units.normalise_input(example.O_p_EE.as_slice(), &mut input);
            units.normalise_output(&example.q, &mut output);
            samples.inputs.extend_from_slice(&input);
            samples.outputs.extend_from_slice(&output);
        }
        samples
    }

    /// None yet, and room for `count`.
    pub(super) fn with_room(count: usize, width: usize) -> Self {
        Self { width, inputs: Vec::with_capacity(count * width), outputs: Vec::with_capacity(count * JOINTS) }
    }

    pub(super) fn len(&self) -> usize {
        self.outputs.len() / JOINTS
    }

    pub(super) fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    pub(super) fn output(&self, sample: usize) -> &[f32] {
        &self.outputs[sample * JOINTS..(sample + 1) * JOINTS]
    }

    pub(super) fn clear(&mut self) {
        self.inputs.clear();
        self.outputs.clear();
    }

    /// Copies one sample of another set behind the last; inside the room, so without allocation.
    pub(super) fn take(&mut self, from: &Self, sample: usize) {
        self.inputs.extend_from_slice(&from.inputs[sample * from.width..(sample + 1) * from.width]);
        self.outputs.extend_from_slice(from.output(sample));
    }
}

/// Visits every index once, in random order, then again in another.
#[derive(Clone, Debug)]
pub(super) struct Shuffle {
    order: Vec<usize>,
    at: usize,
}

impl Shuffle {
    pub(super) fn new(count: usize) -> Self {
        Self { order: (0..count).collect(), at: 0 }
    }

    /// The next index; each pass is shuffled as it is walked (Fisher–Yates), so no step stands still for it.
    pub(super) fn next<R: Rng>(&mut self, random: &mut R) -> usize {
        if self.at == self.order.len() {
            self.at = 0;
        }
        let other = random.random_range(self.at..self.order.len());
        self.order.swap(self.at, other);
        self.at += 1;
        self.order[self.at - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn every_pass_visits_every_sample_once() {
        let (mut random, mut shuffle) = (StdRng::seed_from_u64(1), Shuffle::new(50));
        let mut passes = Vec::new();
        for _ in 0..3 {
            let pass: Vec<usize> = (0..50).map(|_| shuffle.next(&mut random)).collect();
            let mut sorted = pass.clone();
            sorted.sort();
            assert_eq!(sorted, (0..50).collect::<Vec<_>>());
            passes.push(pass);
        }
        assert_ne!(passes[0], passes[1]);
    }
}

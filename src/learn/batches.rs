//! Samples as the network sees them, and minibatches of them.
use crate::demonstration::Example;
use crate::kinematics::{Pose, forward};
use crate::policy::{Input, Normalisation};
use crate::robot::JOINTS;
use rand::{Rng, RngExt};

/// What examples are to a policy: the pose of an example is its position, and the orientation of its joints.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) input: Input,
    pub(super) F_T_EE: Pose,
}

impl View {
    /// The pose of the end effector that an example shows.
    pub(super) fn pose(&self, example: &Example) -> Pose {
        Pose::from_parts(example.O_p_EE.into(), forward(&example.q, &self.F_T_EE).rotation)
    }

    /// The inputs of examples, in rows.
    pub(super) fn rows<'a>(&self, examples: impl Iterator<Item = &'a Example>) -> Vec<f64> {
        let mut rows = Vec::with_capacity(self.input.width() * examples.size_hint().0);
        examples.for_each(|example| match self.input {
            Input::Position => rows.extend_from_slice(example.O_p_EE.as_slice()),
            Input::Pose => rows.extend_from_slice(&self.input.numbers(&self.pose(example))),
        });
        rows
    }
}

/// Normalised inputs and labels, in rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    width: usize,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    /// Where each sample's joints should put the end effector, for the loss that asks for it.
    goals: Vec<Pose>,
}

impl Samples {
    /// The examples in the units of the network; with their poses, if wanted.
    pub(super) fn new(examples: &[Example], view: &View, units: &Normalisation, with_goals: bool) -> Self {
        let mut samples = Self::with_room(examples.len(), units.inputs());
        let (mut input, mut output) = (vec![0.0; units.inputs()], [0.0; JOINTS]);
        for (example, row) in examples.iter().zip(view.rows(examples.iter()).chunks_exact(view.input.width()))
        {
            units.normalise_input(row, &mut input);
            units.normalise_output(&example.q, &mut output);
            samples.inputs.extend_from_slice(&input);
            samples.outputs.extend_from_slice(&output);
        }
        if with_goals {
            samples.goals = examples.iter().map(|example| view.pose(example)).collect();
        }
        samples
    }

    /// None yet, and room for `count`.
    pub(super) fn with_room(count: usize, width: usize) -> Self {
        Self {
            width,
            inputs: Vec::with_capacity(count * width),
            outputs: Vec::with_capacity(count * JOINTS),
            goals: Vec::new(),
        }
    }

    /// [`Self::with_room`], with poses.
    pub(super) fn with_room_for_goals(count: usize, width: usize) -> Self {
        Self { goals: Vec::with_capacity(count), ..Self::with_room(count, width) }
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

    /// Of the sample that is `from_end` samples before the last; none where there are no poses.
    pub(super) fn goal(&self, from_end: usize) -> Option<&Pose> {
        self.goals.get(self.goals.len().checked_sub(from_end + 1)?)
    }

    pub(super) fn clear(&mut self) {
        self.inputs.clear();
        self.outputs.clear();
        self.goals.clear();
    }

    /// Copies one sample of another set behind the last; inside the room, so without allocation.
    pub(super) fn take(&mut self, from: &Self, sample: usize) {
        self.inputs.extend_from_slice(&from.inputs[sample * from.width..(sample + 1) * from.width]);
        self.outputs.extend_from_slice(from.output(sample));
        self.goals.extend(from.goals.get(sample));
    }
}

/// Visits every index once, in random order, then again in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shuffle {
    order: Vec<u32>,
    at: usize,
}

impl Shuffle {
    pub(super) fn new(count: usize) -> Self {
        Self { order: (0..count as u32).collect(), at: 0 }
    }

    /// Goes on where another stood: its order and how far it was walked; none if that is no order.
    pub(super) fn resumed(order: Vec<u32>, at: usize) -> Option<Self> {
        let mut seen = vec![false; order.len()];
        let is_order = order
            .iter()
            .all(|i| seen.get_mut(*i as usize).is_some_and(|seen| !std::mem::replace(seen, true)));
        (is_order && at <= order.len()).then_some(Self { order, at })
    }

    /// The present order, and how far it was walked.
    pub(super) fn state(&self) -> (&[u32], usize) {
        (&self.order, self.at)
    }

    /// The next index; each pass is shuffled as it is walked (Fisher–Yates), so no step stands still for it.
    pub(super) fn next<R: Rng>(&mut self, random: &mut R) -> usize {
        if self.at == self.order.len() {
            self.at = 0;
        }
        let other = random.random_range(self.at..self.order.len());
        self.order.swap(self.at, other);
        self.at += 1;
        self.order[self.at - 1] as usize
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

    #[test]
    fn a_shuffle_goes_on_where_it_stood_and_nowhere_else() {
        let (mut random, mut shuffle) = (StdRng::seed_from_u64(1), Shuffle::new(50));
        (0..70).for_each(|_| _ = shuffle.next(&mut random));
        let (order, at) = shuffle.state();
        assert_eq!(Shuffle::resumed(order.to_vec(), at).as_ref(), Some(&shuffle));
        assert_eq!(Shuffle::resumed(vec![0, 2, 2], 1), None);
        assert_eq!(Shuffle::resumed(vec![0, 3, 1], 1), None);
        assert_eq!(Shuffle::resumed(vec![0, 1], 3), None);
    }
}

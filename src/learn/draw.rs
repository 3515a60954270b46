//! What is trained on and what is judged on; perturbed targets, balanced over the demonstrations.
use super::batches::Shuffle;
use crate::demonstration::Example;
use crate::sde::Form;
use rand::{Rng, RngExt};

/// Perturbed targets: the loss on them, its weight λ, and what draws and labels one about a demonstration.
pub struct Perturbed<'a> {
    /// λ.
    pub lambda: f64,
    /// L.
    pub form: Form,
    /// How many of the examples belong to each demonstration, in the order of the data; none says that all are
    /// one. Each demonstration gets the same number of targets, however slowly it was recorded.
    pub demonstrations: Vec<usize>,
    /// X_t about the example and the expert's joints there; `None` where the expert has no answer.
    pub draw: &'a mut dyn FnMut(&Example) -> Option<Example>,
}

/// Examples that are trained on, by demonstration, and those held out.
pub(super) struct Split {
    pub(super) kept: Vec<Example>,
    /// How many of `kept` each demonstration has.
    lengths: Vec<usize>,
    pub(super) held_out: Vec<Example>,
}

/// Holds out a share of the examples; `demonstrations` as in [`Perturbed`].
pub(super) fn split<R: Rng>(
    examples: &[Example],
    demonstrations: &[usize],
    share: f64,
    random: &mut R,
) -> Split {
    let mut split = Split { kept: Vec::with_capacity(examples.len()), lengths: vec![], held_out: vec![] };
    let mut rest = examples;
    for &length in demonstrations.iter().chain([&usize::MAX]) {
        let (these, others) = rest.split_at(length.min(rest.len()));
        rest = others;
        let before = split.kept.len();
        for example in these {
            let held_out = share > 0.0 && random.random::<f64>() < share;
            if held_out { &mut split.held_out } else { &mut split.kept }.push(*example);
        }
        split.lengths.push(split.kept.len() - before);
    }
    split.lengths.retain(|length| *length > 0);
    split
}

/// `count` targets in turn about every demonstration, less those the expert cannot label, and how many those are.
pub(super) fn draw<R: Rng>(
    perturbed: &mut Perturbed,
    split: &Split,
    count: usize,
    random: &mut R,
) -> (Vec<Example>, usize) {
    let mut starts = vec![0];
    starts.extend(split.lengths.iter().scan(0, |start, length| {
        *start += length;
        Some(*start)
    }));
    let mut shuffles: Vec<Shuffle> = split.lengths.iter().map(|length| Shuffle::new(*length)).collect();
    let mut targets = Vec::with_capacity(count);
    for i in 0..count {
        let demonstration = i % shuffles.len().max(1);
        let Some(shuffle) = shuffles.get_mut(demonstration) else { break };
        let example = &split.kept[starts[demonstration] + shuffle.next(random)];
        targets.extend((perturbed.draw)(example));
    }
    let rejected = count - targets.len();
    (targets, rejected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::Point;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_slow_demonstration_gets_no_more_targets_than_a_quick_one() {
        let at = |x: f64| Example { O_p_EE: Point::new(x, 0.0, 0.0), q: [0.0; 7] };
        let examples: Vec<Example> = (0..900).map(|_| at(1.0)).chain((0..100).map(|_| at(2.0))).collect();
        let mut random = StdRng::seed_from_u64(1);
        let split = split(&examples, &[900, 100], 0.1, &mut random);
        assert_eq!(split.kept.len() + split.held_out.len(), 1000);
        let mut refused = 0;
        let mut same = |example: &Example| {
            refused += 1;
            (refused % 4 != 0).then_some(*example)
        };
        let mut perturbed =
            Perturbed { lambda: 1.0, form: Form::Target, demonstrations: vec![], draw: &mut same };
        let (targets, rejected) = draw(&mut perturbed, &split, 400, &mut random);
        assert_eq!((targets.len(), rejected), (300, 100));
        let slow = targets.iter().filter(|target| target.O_p_EE.x == 1.0).count();
        assert!((100..=200).contains(&slow), "{slow} of 300 about the slow one");
    }
}

//! The same network in other units.
use super::layout::Layout;
use super::normalisation::Normalisation;
use crate::robot::JOINTS;

/// Rewrites `parameters`, laid out as `layout` says, so that with the units `to` they make the joints of a pose that they
/// made with `from`.
///
/// The first layer takes x = (x' s' + m' − m) / s for x, the last gives y' = (y s + m − m') / s'. Nothing changes when the
/// units have another number of inputs than the network.
pub fn convert(layout: &Layout, parameters: &mut [f32], from: &Normalisation, to: &Normalisation) {
    let fits = |units: &Normalisation| units.inputs() == layout.inputs();
    let (Some(first), Some(last)) = (layout.layers().first(), layout.layers().last()) else { return };
    if parameters.len() != layout.len() || !fits(from) || !fits(to) {
        return;
    }
    for output in 0..first.outputs {
        let mut moved = 0.0;
        for input in 0..first.inputs {
            let weight = &mut parameters[first.weight().start + input * first.stride + output];
            let scale = from.input_scale()[input];
            moved += f64::from(*weight) * (to.input_mean()[input] - from.input_mean()[input]) / scale;
            *weight = (f64::from(*weight) * to.input_scale()[input] / scale) as f32;
        }
        parameters[first.bias().start + output] += moved as f32;
    }
    for joint in 0..JOINTS {
        let scale = to.output_scale()[joint];
        let ratio = from.output_scale()[joint] / scale;
        for input in 0..last.inputs {
            let weight = &mut parameters[last.weight().start + input * last.stride + joint];
            *weight = (f64::from(*weight) * ratio) as f32;
        }
        let bias = &mut parameters[last.bias().start + joint];
        let moved = (from.output_mean()[joint] - to.output_mean()[joint]) / scale;
        *bias = (f64::from(*bias) * ratio + moved) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Activation, Card, Network, Policy};

    #[test]
    fn a_policy_in_other_units_gives_the_joints_it_gave_before() {
        for hidden in [&[24, 40][..], &[16]] {
            let from = Normalisation::new(&[0.4, 0.0, 0.3], &[0.05, 0.2, 1.0], [0.5; 7], [0.3; 7]).unwrap();
            let to = Normalisation::new(&[0.5, 0.1, 0.35], &[0.1, 0.03, 0.02], [0.1; 7], [0.8; 7]).unwrap();
            let network = Network::random(Layout::new(3, hidden), Activation::Silu, 7);
            let mut converted = network.clone();
            convert(network.layout(), converted.parameters_mut(), &from, &to);
            let mut before = Policy::new(network, from, Card::default()).unwrap();
            let mut after = Policy::new(converted, to, Card::default()).unwrap();
            for x in [[0.4, 0.0, 0.3], [0.52, -0.1, 0.36], [0.3, 0.2, 0.31]] {
                let (q, q_after) = (before.evaluate(&x), after.evaluate(&x));
                let apart = q.iter().zip(&q_after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(apart < 2e-6, "{apart} rad at {x:?}");
            }
        }
    }
}

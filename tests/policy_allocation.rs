//! Once warm, neither asking a policy nor training it allocates; this binary owns the allocator to count.
use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use franka_imit::policy::{Adam, Card, Layout, Network, Normalisation, Options, Policy, Workspace};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

fn network(options: &Options) -> Network {
    Network::random(Layout::new(3, &options.hidden), options.activation, 1)
}

#[test]
fn asking_a_policy_does_not_allocate() {
    for options in [Options::default(), Options::original()] {
        let (first, second) = (network(&options), network(&options));
        let mut policy = Policy::new(first, Normalisation::identity(3), Card::default()).unwrap();
        let warm = policy.evaluate(&[0.3, 0.0, 0.5]);
        let again = assert_no_alloc(|| {
            assert!(policy.take_parameters(&second));
            policy.evaluate(&[0.3, 0.0, 0.5])
        });
        assert_eq!(warm, again);
    }
}

#[test]
fn a_training_step_does_not_allocate() {
    for options in [Options::default(), Options::original()] {
        let mut network = network(&options);
        let layout = network.layout().clone();
        let (mut workspace, mut adam) = (Workspace::new(&layout, 128), Adam::new(layout.len()));
        let inputs = vec![0.1; 3 * 300];
        let mut step = || {
            workspace.gradient_of(&network, &inputs, |_, output| output.map(|y| y - 1.0));
            adam.step(network.isa(), network.parameters_mut(), workspace.gradient(), 1e-3);
        };
        step();
        assert_no_alloc(step);
    }
}

use super::*;
use crate::robot::limits::Q_READY;

fn raised(errors: Errors) -> Vec<usize> {
    (0..41).filter(|i| errors.0 >> i & 1 == 1).collect()
}

fn still() -> Desired {
    Desired::at(Q_READY)
}

#[test]
fn holding_still_breaks_nothing() {
    assert_eq!(joint_position(&still(), &Q_READY), (still(), Errors::default()));
    assert_eq!(joint_velocity(&still(), &[0.0; JOINTS]), (still(), Errors::default()));
}

#[test]
fn each_limit_is_met_exactly_and_no_further() {
    for i in 0..JOINTS {
        let mut dq = [0.0; JOINTS];
        dq[i] = DDDQ_MAX[i] * CYCLE_S * CYCLE_S;
        assert_eq!(raised(joint_velocity(&still(), &dq).1), [0_usize; 0], "joint {i} at its jerk");
        dq[i] *= 1.001;
        assert_eq!(raised(joint_velocity(&still(), &dq).1), [15], "joint {i} beyond its jerk");

        let mut last = still();
        last.dq[i] = 0.5;
        last.ddq[i] = DDQ_MAX[i];
        dq[i] = 0.5 + DDQ_MAX[i] * CYCLE_S;
        assert_eq!(raised(joint_velocity(&last, &dq).1), [0_usize; 0], "joint {i} at its acceleration");
        dq[i] = 0.5 + DDQ_MAX[i] * CYCLE_S * 1.001;
        assert_eq!(raised(joint_velocity(&last, &dq).1), [14], "joint {i} beyond its acceleration");

        last.dq[i] = DQ_MAX[i];
        last.ddq[i] = 0.0;
        dq[i] = DQ_MAX[i];
        assert_eq!(raised(joint_velocity(&last, &dq).1), [0_usize; 0], "joint {i} at its velocity");
        dq[i] = DQ_MAX[i] * 1.0001;
        assert_eq!(raised(joint_velocity(&last, &dq).1), [13], "joint {i} beyond its velocity");
    }
}

#[test]
fn a_position_outside_the_range_is_named() {
    let mut last = still();
    last.q[3] = Q_MAX[3];
    let mut q_c = last.q;
    assert!(joint_position(&last, &q_c).1.is_empty());
    q_c[3] += 1e-9;
    assert_eq!(raised(joint_position(&last, &q_c).1), [12]);
}

#[test]
fn no_bits_of_a_command_pass_as_a_number_they_are_not() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        for joint in 0..JOINTS {
            let mut command = Q_READY;
            command[joint] = value;
            assert!(!joint_position(&still(), &command).1.is_empty());
            assert!(!start_pose(&still(), &command, 0.1).is_empty());
            let mut dq = [0.0; JOINTS];
            dq[joint] = value;
            assert!(!joint_velocity(&still(), &dq).1.is_empty());
        }
    }
}

#[test]
fn names_counted_from_the_interface_call_a_step_of_a_velocity_by_its_jerk_alone() {
    use MotionGeneratorMode::{CartesianPosition, CartesianVelocity, JointPosition, JointVelocity};
    let cases: [(&[usize], _, &[usize]); 8] = [
        (&[13, 14, 15], JointVelocity, &[15]),
        (&[14], JointVelocity, &[15]),
        (&[13], JointVelocity, &[13]),
        (&[13, 14, 15], JointPosition, &[14, 15]),
        (&[12, 13], JointPosition, &[12, 13]),
        (&[18, 19, 20], CartesianVelocity, &[20]),
        (&[18, 19, 20, 17], CartesianPosition, &[17, 19, 20]),
        (&[27, 28, 29, 30], CartesianVelocity, &[27, 28, 29, 30]),
    ];
    for (broken, generator, expected) in cases {
        let errors = Errors(broken.iter().map(|index| 1 << index).sum());
        assert_eq!(raised(named(errors, generator, ErrorNames::Interface)), expected, "{generator:?}");
        assert_eq!(named(errors, generator, ErrorNames::Every), errors);
    }
}

#[test]
fn extrapolation_keeps_the_acceleration_and_its_own_differences() {
    let last = Desired { q: Q_READY, dq: [0.1; JOINTS], ddq: [2.0; JOINTS] };
    let (next, errors) = extrapolate(&last);
    assert!(errors.is_empty());
    assert_eq!(next.ddq, last.ddq);
    let (again, _) = joint_position(&last, &next.q);
    for i in 0..JOINTS {
        assert!((again.dq[i] - next.dq[i]).abs() < 1e-12 && (again.ddq[i] - next.ddq[i]).abs() < 1e-9);
    }
}

#[test]
fn the_brake_comes_to_rest_inside_the_range_within_the_acceleration_limit() {
    let mut desired = Desired { q: Q_READY, dq: DQ_MAX, ddq: [0.0; JOINTS] };
    desired.q[1] = Q_MAX[1] - 1e-4;
    for cycle in 0.. {
        assert!(cycle < 400, "still moving: {desired:?}");
        let next = brake(&desired);
        for i in 0..JOINTS {
            assert!((Q_MIN[i]..=Q_MAX[i]).contains(&next.q[i]));
            assert!(next.ddq[i].abs() <= DDQ_MAX[i] * (1.0 + 1e-9) || i == 1, "joint {i}");
        }
        desired = next;
        if desired.at_rest() {
            return;
        }
    }
}

#[test]
fn the_success_rate_is_that_of_the_last_hundred_slots() {
    let mut rate = SuccessRate::default();
    assert_eq!(rate.rate(), 0.0);
    rate.count(true);
    assert_eq!(rate.rate(), 1.0);
    for i in 0..500 {
        rate.count(i % 20 != 0);
    }
    assert!((rate.rate() - 0.95).abs() < 1e-12);
    for _ in 0..100 {
        rate.count(false);
    }
    assert_eq!(rate.rate(), 0.0);
}

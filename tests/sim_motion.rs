//! The simulated Panda moved by libfranka-rs.
mod sim_client;

use franka::{JointPositions, MotionFinished, Robot, RobotState};
use franka_imit::sim::{Options, Pace};
use sim_client::{connect, deadline, sim_at, swing};

#[test]
fn a_joint_position_motion_ends_with_success() {
    let sim = sim_at([127, 0, 1, 1], Options { pace: Pace::Lockstep, ..Options::default() });
    deadline(10, move || {
        let mut robot = connect(&sim);
        swing(&mut robot, 3, 0.2, 1.0).expect("the motion ends with success");
        let state = robot.read_once().expect("states go on");
        assert!((state.q[3] - state.q_d[3]).abs() < 1e-3);
    });
}

"""Drives `franka-imit sim` with panda-python's C++ libfranka 0.9.2; prints what passed, fails when anything did not.

Usage: check_panda_python.py PATH_TO_FRANKA_IMIT [LOOPBACK_ADDRESS]
"""

import faulthandler
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import panda_py
from panda_py import controllers, libfranka

READY = [0.0, -math.pi / 4, 0.0, -3 * math.pi / 4, 0.0, math.pi / 2, math.pi / 4]
IDENTITY = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
CHECKS = []
ORDERS = []


def order(line):
    """Tells the simulator, as a person beside the arm would act."""
    ORDERS[0].write(line + "\n")
    ORDERS[0].flush()
    time.sleep(0.1)  # it looks every 50 ms
    return True


def check(function):
    """A check takes the robot; whatever it raises is its failure."""
    CHECKS.append(function)
    return function


def close(a, b, tolerance):
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def smooth(s):
    s = min(max(s, 0.0), 1.0)
    return s**4 * (35 - 84 * s + 70 * s**2 - 20 * s**3)


def swing(robot, joint, amplitude, duration_s, **options):
    """A joint position motion at rest at both ends, unfiltered and unlimited unless `options` say otherwise."""
    start, now = [], [0.0]

    def callback(state, step):
        if not start:
            start.extend(state.q_d)
        now[0] += step.to_sec()
        q = list(start)
        q[joint] += amplitude * smooth(now[0] / duration_s)
        command = libfranka.JointPositions(q)
        return libfranka.motion_finished(command) if now[0] >= duration_s else command

    options = {"limit_rate": False, "cutoff_frequency": 1000.0, **options}
    robot.control_joint_position(callback, libfranka.ControllerMode.kJointImpedance, **options)
    return start


def reflex_of(action):
    """What libfranka says when `action` ends in a reflex."""
    try:
        action()
    except Exception as error:  # libfranka's exceptions arrive as plain RuntimeErrors
        return str(error)
    raise AssertionError("no reflex")


@check
def states_are_read(robot):
    state = robot.read_once()
    assert close(state.q, READY, 1e-4) and close(state.q_d, READY, 1e-9), state.q  # measured joints have noise
    assert close(state.O_T_EE[12:15], [0.3069, 0.0, 0.4869], 1e-3), state.O_T_EE
    assert state.robot_mode == libfranka.RobotMode.kIdle and robot.server_version() == 5


@check
def a_hundred_states_follow_each_other_by_a_millisecond(robot):
    times = []

    def callback(state):
        times.append(state.time.to_msec())
        return len(times) < 100

    robot.read(callback)
    steps = [b - a for a, b in zip(times, times[1:])]
    assert min(steps) >= 1, steps
    assert sum(steps) <= 2 * len(steps), steps  # a busy machine may make the client skip some


@check
def setters_take_effect(robot):
    tool = IDENTITY[:14] + [0.05, 1.0]
    robot.set_collision_behavior([20.0] * 7, [30.0] * 7, [20.0] * 6, [30.0] * 6)
    robot.set_joint_impedance([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0])
    robot.set_cartesian_impedance([3000.0] * 3 + [300.0] * 3)
    robot.set_guiding_mode([True] * 6, True)
    robot.set_load(0.3, [0.0, 0.0, 0.05], [1e-3, 0, 0, 0, 1e-3, 0, 0, 0, 1e-3])
    robot.set_k(tool)
    robot.set_ee(tool)
    state = robot.read_once()
    assert close(state.EE_T_K, tool, 0) and close([state.m_load], [0.3], 0)
    assert close([state.F_T_EE[14]], [0.1534], 1e-12)
    robot.set_ee(IDENTITY)
    robot.set_load(0.0, [0.0] * 3, [0.0] * 9)
    assert "argument" in reflex_of(lambda: robot.set_joint_impedance([20000.0] * 7))


@check
def a_joint_position_motion_ends_with_success(robot):
    start = swing(robot, 3, 0.2, 2.0)
    state = robot.read_once()
    assert abs(state.q_d[3] - start[3] - 0.2) < 1e-9 and abs(state.q[3] - state.q_d[3]) < 2e-3


@check
def a_joint_position_motion_with_libfrankas_filter_and_limiter_ends_with_success(robot):
    # The filter lags: the motion has to rest before it is finished.
    start, now = [], [0.0]

    def callback(state, step):
        if not start:
            start.extend(state.q_d)
        now[0] += step.to_sec()
        q = list(start)
        q[3] -= 0.2 * smooth(now[0] / 2.0)
        command = libfranka.JointPositions(q)
        return libfranka.motion_finished(command) if now[0] >= 2.5 else command

    robot.control_joint_position(callback)
    assert robot.read_once().robot_mode == libfranka.RobotMode.kIdle


@check
def a_joint_velocity_motion_ends_with_success(robot):
    start, now = robot.read_once().q_d, [0.0]

    def callback(_, step):
        now[0] += step.to_sec()
        velocity = 0.2 * math.sin(math.pi * min(now[0] / 2.0, 1.0)) ** 2
        command = libfranka.JointVelocities([0, 0, 0, 0, 0, 0, velocity])
        return libfranka.motion_finished(command) if now[0] >= 2.0 else command

    robot.control_joint_velocity(
        callback, libfranka.ControllerMode.kJointImpedance, limit_rate=False, cutoff_frequency=1000.0
    )
    assert abs(robot.read_once().q_d[6] - start[6] - 0.2) < 2e-3


@check
def a_callback_that_raises_cancels_its_motion(robot):
    def callback(state, _):
        raise ValueError("the caller's own fault")

    assert "own fault" in reflex_of(lambda: robot.control_joint_position(callback))
    swing(robot, 0, 0.05, 1.0)


@check
def a_broken_limit_is_a_reflex_with_its_name_and_recovery_mends_it(robot):
    count = [0]

    def jump(state, _):
        count[0] += 1
        q = list(state.q_d)
        q[0] += 0.05 if count[0] == 100 else 0.0
        return libfranka.JointPositions(q)

    said = reflex_of(
        lambda: robot.control_joint_position(
            jump, libfranka.ControllerMode.kJointImpedance, limit_rate=False, cutoff_frequency=1000.0
        )
    )
    assert "joint_motion_generator_velocity_discontinuity" in said, said
    assert "joint_motion_generator_acceleration_discontinuity" in said, said
    assert robot.read_once().robot_mode == libfranka.RobotMode.kReflex
    assert "not possible" in reflex_of(lambda: swing(robot, 0, 0.05, 1.0))
    robot.automatic_error_recovery()
    assert robot.read_once().robot_mode == libfranka.RobotMode.kIdle
    swing(robot, 0, 0.05, 1.0)


@check
def a_callback_that_sleeps_is_a_communication_error(robot):
    # libfranka answers the newest state after the pause; the robot has missed more than twenty by then.
    def callback(state, _):
        time.sleep(0.05 if count[0] == 50 else 0.0)
        count[0] += 1
        return libfranka.JointPositions(state.q_d)

    count = [0]
    said = reflex_of(
        lambda: robot.control_joint_position(
            callback, libfranka.ControllerMode.kJointImpedance, limit_rate=False, cutoff_frequency=1000.0
        )
    )
    assert "communication_constraints_violation" in said, said
    robot.automatic_error_recovery()


@check
def stop_without_a_motion_succeeds(robot):
    robot.stop()
    robot.automatic_error_recovery()


def pulse(now, duration_s):
    return math.sin(math.pi * min(now / duration_s, 1.0)) ** 2


class Clock:
    """Adds up the steps of a motion; counts the calls of both callbacks of a combined motion once."""

    def __init__(self):
        self.now = 0.0

    def tick(self, step):
        self.now += step.to_sec()
        return self.now


def pose_motion(clock, duration_s, shift):
    start = []

    def callback(state, step):
        start.extend([] if start else state.O_T_EE_c)
        pose = list(start)
        for i in range(3):
            pose[12 + i] += shift[i] * smooth(clock.tick(step if i == 0 else libfranka.Duration(0)) / duration_s)
        command = libfranka.CartesianPose(pose)
        return libfranka.motion_finished(command) if clock.now >= duration_s else command

    return callback


def twist_motion(clock, duration_s, speed):
    def callback(_, step):
        command = libfranka.CartesianVelocities([0, 0, speed * pulse(clock.tick(step), duration_s), 0, 0, 0])
        return libfranka.motion_finished(command) if clock.now >= duration_s else command

    return callback


def joint_motion(clock, duration_s, amplitude):
    start = []

    def callback(state, step):
        start.extend([] if start else state.q_d)
        q = list(start)
        q[3] += amplitude * smooth(clock.tick(step) / duration_s)
        command = libfranka.JointPositions(q)
        return libfranka.motion_finished(command) if clock.now >= duration_s else command

    return callback


def joint_pulse(clock, duration_s, speed):
    def callback(_, step):
        command = libfranka.JointVelocities([0, 0, 0, 0, 0, 0, speed * pulse(clock.tick(step), duration_s)])
        return libfranka.motion_finished(command) if clock.now >= duration_s else command

    return callback


STIFFNESS = [600, 600, 600, 600, 250, 150, 50]
DAMPING = [50, 50, 50, 20, 20, 20, 10]


def spring(state, _):
    """A client's own joint impedance law."""
    return libfranka.Torques([
        k * (q_d - q) + d * (dq_d - dq)
        for k, d, q_d, q, dq_d, dq in zip(STIFFNESS, DAMPING, state.q_d, state.q, state.dq_d, state.dq)
    ])


RAW = {"limit_rate": False, "cutoff_frequency": 1000.0}


@check
def the_model_agrees_with_the_state(robot):
    model, state = robot.load_model(), robot.read_once()
    pose = np.array(model.pose(libfranka.Frame.kEndEffector, state)).flatten(order="F")
    assert min(np.abs(pose - state.O_T_EE).max(), np.abs(pose.reshape(4, 4).T.flatten() - state.O_T_EE).max()) < 1e-12
    held = np.abs(np.array(model.gravity(state)).flatten() - state.tau_J).max()
    assert held < 0.5, f"{held} Nm between the model's gravity and the measured torque: the arm is not quite the model"
    mass = np.array(model.mass(state)).reshape(7, 7)
    assert np.abs(mass - mass.T).max() < 1e-12 and np.linalg.eigvalsh(mass).min() > 1e-3
    J = np.array(model.zero_jacobian(libfranka.Frame.kEndEffector, state)).reshape(-1)
    assert J.size == 42 and np.abs(J).max() < 1.5
    assert np.abs(np.array(model.coriolis(state))).max() < 0.1
    assert np.array(model.body_jacobian(libfranka.Frame.kFlange, state)).size == 42


@check
def a_cartesian_pose_motion_under_each_controller_ends_at_its_goal(robot):
    for mode in (libfranka.ControllerMode.kJointImpedance, libfranka.ControllerMode.kCartesianImpedance):
        before = robot.read_once().O_T_EE
        robot.control_cartesian_pose(pose_motion(Clock(), 1.5, [0.03, 0.0, -0.03]), mode, **RAW)
        after = robot.read_once().O_T_EE
        assert abs(after[12] - before[12] - 0.03) < 3e-3 and abs(after[14] - before[14] + 0.03) < 3e-3, after[12:15]


@check
def a_cartesian_velocity_motion_ends_at_its_goal(robot):
    before = robot.read_once().O_T_EE
    mode = libfranka.ControllerMode.kJointImpedance
    robot.control_cartesian_velocity(twist_motion(Clock(), 1.0, 0.1), mode, **RAW)
    assert abs(robot.read_once().O_T_EE[14] - before[14] - 0.05) < 3e-3


@check
def zero_torque_lets_the_arm_float(robot):
    clock, before = Clock(), robot.read_once().q

    def callback(_, step):
        torques = libfranka.Torques([0.0] * 7)
        return libfranka.motion_finished(torques) if clock.tick(step) >= 1.0 else torques

    robot.control(callback, **RAW)
    assert close(robot.read_once().q, before, 0.05)


@check
def a_torque_law_with_each_generator_ends_with_success(robot):
    before = robot.read_once().q
    robot.control_torque_joint_position(spring, joint_motion(Clock(), 1.0, 0.1), **RAW)
    robot.control_torque_joint_velocity(spring, joint_pulse(Clock(), 1.0, 0.2), **RAW)
    state = robot.read_once()
    assert abs(state.q[3] - before[3] - 0.1) < 0.02 and abs(state.q[6] - before[6] - 0.1) < 0.03, state.q
    robot.control_torque_cartesian_pose(spring, pose_motion(Clock(), 1.5, [0.0, 0.0, -0.03]), **RAW)
    robot.control_torque_cartesian_velocity(spring, twist_motion(Clock(), 1.0, 0.1), **RAW)
    assert robot.read_once().robot_mode == libfranka.RobotMode.kIdle


@check
def a_push_is_felt_and_a_hard_one_is_a_reflex(robot):
    robot.set_collision_behavior([20.0] * 7, [20.0] * 7, [20.0] * 6, [20.0] * 6)
    order("push 0 10 0 0.5")
    felt = []
    robot.read(lambda state: felt.append(state.O_F_ext_hat_K[1]) or len(felt) < 600)
    assert min(felt) < -8.0, f"the environment pushes by +10 N, so the robot pushes by -10 N: {min(felt)}"

    def hold(state, _):
        if not pushed:
            pushed.append(order("push 0 60 0 0.3"))
        return libfranka.JointPositions(state.q_d)

    pushed = []
    mode = libfranka.ControllerMode.kJointImpedance
    said = reflex_of(lambda: robot.control_joint_position(hold, mode, **RAW))
    assert "cartesian_reflex" in said, said
    time.sleep(0.5)
    robot.automatic_error_recovery()
    swing(robot, 0, 0.05, 1.0)


@check
def a_user_stopped_arm_is_guided_by_its_buttons(robot):
    order("user-stop on")
    order("guiding on")
    before = robot.read_once().O_T_EE[13]
    order("push 0 15 0 0.5")
    count = []
    robot.read(lambda state: count.append(state) or len(count) < 1000)
    assert count[-1].robot_mode == libfranka.RobotMode.kGuiding
    assert count[-1].O_T_EE[13] - before > 0.02
    order("guiding off")
    order("user-stop off")
    time.sleep(0.5)
    assert robot.read_once().robot_mode == libfranka.RobotMode.kIdle
    swing(robot, 0, 0.05, 1.0)


def panda_py_moves_controls_and_teaches(address):
    """panda-py's own class: trajectories, torque controllers, teaching."""
    panda = panda_py.Panda(address)
    panda.set_default_behavior()
    assert panda.move_to_joint_position(np.array(panda.q) + [0.1, 0, 0, 0, 0, 0, 0.1])
    assert panda.move_to_start()
    pose = panda.get_pose()
    pose[2, 3] -= 0.05
    assert panda.move_to_pose(pose)
    assert abs(panda.get_position()[2] - pose[2, 3]) < 0.02
    velocity = controllers.IntegratedVelocity()
    panda.start_controller(velocity)
    before = panda.q[6]
    with panda.create_context(frequency=100, max_runtime=1) as context:
        while context.ok():
            velocity.set_control([0, 0, 0, 0, 0, 0, 0.2])
    panda.stop_controller()
    assert panda.q[6] - before > 0.1, panda.q[6] - before
    panda.teaching_mode(True, [10, 10, 10, 10, 2, 2, 2])
    time.sleep(0.5)  # it starts on a thread of its own, and a push before that meets a stiff arm: a reflex
    before = panda.get_position()[1]
    order("push 0 8 0 0.5")
    time.sleep(1.2)
    panda.teaching_mode(False)
    assert panda.get_position()[1] - before > 0.02, "the hand moves the arm while teaching"
    panda.recover()
    assert panda.move_to_start()
    panda.stop_controller()
    # panda-py's own state is the last that its control thread has seen: that of a motion, when it was quick to end.
    assert panda.get_robot().read_once().robot_mode == libfranka.RobotMode.kIdle


def the_hand_is_homed_and_moves(gripper):
    assert gripper.server_version() == 3
    assert gripper.homing()
    state = gripper.read_once()
    assert abs(state.max_width - 0.08) < 1e-9 and abs(state.width - 0.08) < 1e-9 and not state.is_grasped, state
    for width in (0.03, 0.0, 0.06):
        assert gripper.move(width, 0.1)
        state = gripper.read_once()
        assert abs(state.width - width) < 0.005, state.width
    assert "failed" in reflex_of(lambda: gripper.move(0.2, 0.1))
    first, second = gripper.read_once().time.to_msec(), gripper.read_once().time.to_msec()
    assert second > first


def the_hand_grasps_what_is_there_and_nothing_else(gripper):
    order("object none")
    assert not gripper.grasp(0.03, 0.1, 40.0, 0.005, 0.005), "thin air"
    assert not gripper.read_once().is_grasped
    order("object 0.032")
    assert gripper.grasp(0.03, 0.1, 40.0, 0.005, 0.005)
    state = gripper.read_once()
    assert state.is_grasped and abs(state.width - 0.032) < 1e-6, state.width
    assert not gripper.grasp(0.02, 0.1, 40.0, 0.005, 0.005), "another width"
    assert gripper.move(0.07, 0.1)
    assert not gripper.read_once().is_grasped
    assert gripper.grasp(0.03, 0.1, 40.0, 0.005, 0.005)
    order("object none")
    time.sleep(1.0)
    assert not gripper.read_once().is_grasped, "taken away"


def a_stop_from_another_thread_aborts_a_move(gripper):
    assert gripper.move(0.08, 0.1)
    said = []
    mover = threading.Thread(target=lambda: said.append(reflex_of(lambda: gripper.move(0.0, 0.01))), daemon=True)
    mover.start()
    time.sleep(0.5)
    assert gripper.stop()
    mover.join(timeout=5)
    assert len(said) == 1 and "aborted" in said[0], said
    width = gripper.read_once().width
    assert 0.0 < width < 0.08 and gripper.read_once().width == width, f"at rest on the way, not at {width} m"
    assert gripper.move(0.04, 0.1), "and obeys again"


HAND_CHECKS = [
    the_hand_is_homed_and_moves,
    the_hand_grasps_what_is_there_and_nothing_else,
    a_stop_from_another_thread_aborts_a_move,
]


def wait_until_it_listens(address):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection((address, 1337), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on {address}:1337")


def passes(function, subject):
    """Whether the check ends without an exception; says so by its name."""
    name = function.__name__.replace("_", " ").replace("panda py", "panda-py")
    try:
        function(subject)
    except Exception as error:
        print(f"FAILED: {name}: {type(error).__name__} {error}", flush=True)
        return False
    print(f"passed: {name}", flush=True)
    return True


def main():
    binary = sys.argv[1]
    address = sys.argv[2] if len(sys.argv) > 2 else "127.0.3.1"
    faulthandler.dump_traceback_later(240, exit=True)  # a client that hangs fails
    command = [binary, "sim", "--bind", address, "--recovery-delay-s", "0.2"]
    sim = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    ORDERS.append(sim.stdin)
    failed = 0
    try:
        wait_until_it_listens(address)
        robot = libfranka.Robot(address, libfranka.RealtimeConfig.kIgnore)
        for function in CHECKS:
            if not passes(function, robot):
                failed += 1
                try:
                    robot.automatic_error_recovery()
                except Exception as again:
                    print(f"        and no recovery: {again}", flush=True)
        del robot
        time.sleep(0.5)
        failed += not passes(panda_py_moves_controls_and_teaches, address)
        # A motion leaves its thread at SCHED_FIFO where that is allowed. There libfranka's waiting move lets go of its
        # lock too briefly for a stop of another thread, which then takes seconds.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        gripper = libfranka.Gripper(address)
        failed += sum(not passes(function, gripper) for function in HAND_CHECKS)
        del gripper
    finally:
        sim.send_signal(signal.SIGINT)
        code = sim.wait(timeout=10)
    count = len(CHECKS) + 1 + len(HAND_CHECKS)
    print(f"{count - failed} of {count} passed; the simulator ended with code {code}")
    sys.exit(1 if failed or code != 0 else 0)


if __name__ == "__main__":
    main()

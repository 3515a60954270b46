//! Before the arm moves: the simulated robot, the greeting, the checks, the question.
use super::super::arm;
use super::super::prepare::Prepared;
use super::Args;
use crate::config::Config;
use crate::control::Session;
use crate::robot::{State, limits, realtime};
use crate::safety;
use crate::sim::{self, Sim};

/// Loopback addresses tried for a simulated robot: others may be running.
const ADDRESSES: std::ops::RangeInclusive<u8> = 1..=100;

/// In lockstep the robot waits at least so long for a command, s: a busy machine that holds our trainer up must
/// not cost one, or the run would not repeat.
const LOCKSTEP_PATIENCE_S: f64 = 2.0;

/// Starts the simulated robot of `--sim` on the first free loopback address.
pub(super) fn start_sim(args: &Args, config: &Config) -> anyhow::Result<Option<Sim>> {
    if !args.sim {
        return Ok(None);
    }
    let options = sim::Options {
        pace: args.pace.into(),
        wire_log: args.wire_log.clone(),
        truth: args.truth.clone(),
        ..config.sim.clone()
    };
    start_on_loopback(options, config).map(Some)
}

/// Starts a simulated robot on the first free loopback address, its thread beside the control thread's.
pub(in super::super) fn start_on_loopback(options: sim::Options, config: &Config) -> anyhow::Result<Sim> {
    let options =
        sim::Options { lockstep_timeout_s: options.lockstep_timeout_s.max(LOCKSTEP_PATIENCE_S), ..options };
    let beside = || {
        let realtime = config.realtime.clone();
        move || realtime::enter_as_peer(&realtime)
    };
    match Sim::start_on([127, 0, 0], ADDRESSES, &options, beside) {
        Ok(sim) => Ok(sim),
        Err(error @ sim::Error::Bind { .. }) => {
            Err(anyhow::anyhow!("no loopback address is free for a simulated robot: {error}"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The address to connect to.
pub(super) fn name(args: &Args, sim: Option<&Sim>) -> String {
    sim.map(|sim| sim.ip().to_string()).or_else(|| args.robot_ip.clone()).unwrap_or_default()
}

/// Says what is connected and what the kernel refused.
pub(in super::super) fn greet(session: &Session, simulated: bool, granted: &realtime::Granted) {
    let what = if simulated { "a simulated Panda" } else { "Panda" };
    say!("robot    {what} at {}", session.address());
    say!("machine  control thread on {}", granted.words());
    granted.refused.iter().for_each(|refusal| say!("note     {refusal}"));
}

/// Says what is about to happen to a real arm, and asks.
pub(super) fn confirm(
    args: &Args,
    config: &Config,
    prepared: &Prepared,
    state: &State,
    speed: f64,
) -> anyhow::Result<bool> {
    let [low, high] = prepared.figures.extent_m;
    let start = prepared.timed.at(0.0).0;
    let now = [state.O_T_EE[12], state.O_T_EE[13], state.O_T_EE[14]];
    say!(
        "start    from ({:.3}, {:.3}, {:.3}) m to ({:.3}, {:.3}, {:.3}) m, in a straight line in joint space",
        now[0],
        now[1],
        now[2],
        start.x,
        start.y,
        start.z
    );
    say!(
        "extent   x {:.3} to {:.3}, y {:.3} to {:.3}, z {:.3} to {:.3} m",
        low[0],
        high[0],
        low[1],
        high[1],
        low[2],
        high[2]
    );
    say!(
        "speed    {:.0} % of the plan: up to {:.3} m/s, one lap {:.0} s",
        100.0 * speed,
        speed * prepared.timed.top_speed_m_s(),
        prepared.timed.lap_s() / speed
    );
    say!(
        "limits   joints within {} rad of the robot's own, velocity {:.0} %, acceleration {:.0} %, jerk {:.0} %",
        config.safety.position_margin_rad,
        100.0 * config.safety.velocity_share,
        100.0 * config.safety.acceleration_share,
        100.0 * config.safety.jerk_share
    );
    let fastest = limits::DQ_MAX.map(|v| (1e3 * config.safety.velocity_share * v).round() / 1e3);
    say!("         joint velocity at most {fastest:?} rad/s");
    say_safety(&config.safety);
    say!(
        "reflex   above {:?} Nm at the joints, {:?} N and {:?} Nm at the end effector",
        config.robot.collision_torque_nm,
        config.robot.collision_force_n,
        config.robot.collision_moment_nm
    );
    say!(
        "load     {} kg; stiffness {:?} Nm/rad",
        config.robot.load_mass_kg,
        config.robot.joint_stiffness_nm_rad
    );
    arm::ask("Is the space clear and the user stop in somebody's hand?", args.yes)
}

/// What the safety layer holds besides the joints.
fn say_safety(safety: &safety::Options) {
    say!(
        "         end effector at most {} m/s and {} rad/s, inside {:?} to {:?} m",
        safety.tool_speed_m_s,
        safety.tool_turn_rad_s,
        safety.box_min_m,
        safety.box_max_m
    );
    say!(
        "         table at z = {} m, {} more walls; {} m between the arm's links, {} the hand, and to these",
        safety.table_z_m,
        safety.walls.len(),
        safety.clearance_m,
        if safety.hand { "with" } else { "without" }
    );
    say!(
        "watch    a joint off its command by {} rad for {} s, external torque above {:?} Nm for {} s",
        safety.tracking_error_rad,
        safety.tracking_s,
        safety.external_torque_nm,
        safety.external_torque_s
    );
}

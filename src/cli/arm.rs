//! What every command that has to do with a robot does first: take it, connect, look whether it can move.
use super::exit::usage;
use crate::config::Config;
use crate::control::{Pulse, Purpose, Session};
use crate::kinematics::{Pose, from_column_major};
use crate::robot::{Fault, Mode, State, panda, realtime};
use crate::safety::{self, Workspace};
use crate::telemetry::{Claim, claim};
use std::io::{BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Speed of a motion on a real robot unless the user says otherwise, as a factor of its own.
pub(super) const FIRST_SPEED: f64 = 0.1;

/// How long a robot may take to be ready for a client again.
const RECONNECT_LIMIT: Duration = Duration::from_secs(6);

/// A robot that this process holds and is connected to.
pub(super) struct Arm {
    pub(super) claim: Claim,
    pub(super) session: Session,
    pub(super) state: State,
    pub(super) granted: realtime::Granted,
    pub(super) address: IpAddr,
}

/// Takes the robot called `name` for `command`, and connects.
pub(super) fn connect(
    name: &str,
    command: &str,
    config: &Config,
    pulse: &Arc<Pulse>,
    purpose: Purpose,
) -> anyhow::Result<Arm> {
    let address = panda::resolve(name)?;
    let claim = Claim::take(&claim::folder(), address, command)?;
    let (session, state, granted) =
        Session::connect(address, &config.robot, &config.realtime, Arc::clone(pulse), purpose)?;
    Ok(Arm { claim, session, state, granted, address })
}

/// Connects again to a robot that is still ours, once the connection before has ended.
pub(super) fn reconnect(
    address: IpAddr,
    config: &Config,
    pulse: &Arc<Pulse>,
) -> Result<(Session, State), Fault> {
    let again =
        Session::reconnect(address, &config.robot, &config.realtime, Arc::clone(pulse), RECONNECT_LIMIT);
    again.map(|(session, state, _)| (session, state))
}

/// Refuses a robot whose mode lets nothing move.
pub(super) fn check_mode(state: &State) -> Result<(), Fault> {
    let mend = match state.mode {
        Mode::Idle => return Ok(()),
        Mode::Reflex => "Clear the error with 'franka-imit recover' or in Desk, then start again",
        Mode::UserStopped => "Release the user stop, then start again",
        Mode::Guiding => "Let go of the guiding buttons, then start again",
        Mode::Other => "Unlock the brakes in Desk, then start again",
        Mode::Move | Mode::AutomaticErrorRecovery => "Wait until the robot is idle, then start again",
    };
    Err(Fault::NotReady { mode: state.mode, errors: state.errors.names().collect(), mend })
}

/// Refuses a robot that cannot move, or that is not where it believes to be.
pub(super) fn check_ready(state: &State, safety: &safety::Options) -> anyhow::Result<()> {
    check_mode(state)?;
    let workspace = Workspace::new(safety, &tool(state)?);
    safety::start::check(&state.q, &state.q_d, safety, &workspace).map_err(usage)
}

/// The tool the robot reports, `F_T_EE`.
pub(super) fn tool(state: &State) -> anyhow::Result<Pose> {
    from_column_major(&state.F_T_EE)
        .map_err(|e| anyhow::anyhow!("the robot reports a tool F_T_EE that is none: {e}"))
}

/// Asks at the terminal; without one only `yes` counts.
pub(super) fn ask(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(usage("nobody is at the terminal to confirm; add --yes to move the arm without asking"));
    }
    print!("{question} Type yes to move: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "yes" | "y"))
}

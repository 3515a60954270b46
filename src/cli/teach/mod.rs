//! `teach`: guide the arm by hand, and keep what it did as episodes.
mod args;
mod class;
mod desk;
mod diary;
mod episodes;
mod live;
mod script;
mod then_run;
mod view;

pub(super) use args::Args;

use super::arm::{self, Arm};
use super::common::stop_flag;
use super::exit::usage;
use super::run::{Watched, robot};
use crate::config::Config;
use crate::control::links::{self, ControlEnds, OperatorEnds};
use crate::control::{Pulse, Purpose};
use crate::demonstration::expert::Expert;
use crate::learn::{Apprentice, apprentice};
use crate::robot::gripper::Gripper;
use crate::robot::{State, realtime};
use crate::sim::virtual_hand::Plan;
use crate::sim::{self, Sim};
use crate::teach::{Dialogue, Lesson};
use crate::web::About;
use anyhow::Context;
use class::Class;
use desk::{Desk, HELP};
use episodes::Episodes;
use script::Script;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use view::View;

pub(super) fn run(args: &Args, started: Instant) -> anyhow::Result<()> {
    let config = args.configuration()?;
    let plan = args.plan(&config)?;
    let desk = Desk::open();
    let is_served = args.serve.serve.is_some();
    if plan.is_none() && !args.hands_free && !desk.has_keys() && !is_served {
        return Err(usage(
            "nobody is at the terminal to press keys; add --serve (a page with buttons), --hands-free (motion begins an \
             episode, rest ends it), or, with --sim, --hand PATH",
        ));
    }
    episodes::check_folder(&args.out)?;
    let stop = stop_flag()?;
    let sim = start_sim(args, &config, plan.as_ref())?; // lives as long as it is needed: until the end
    let pulse = Arc::new(Pulse::new(started));
    let name =
        sim.as_ref().map(|sim| sim.ip().to_string()).or_else(|| args.robot_ip.clone()).unwrap_or_default();
    let purpose = if args.passive { Purpose::Read } else { Purpose::Move };
    let Arm { claim, session, state, granted, address } =
        arm::connect(&name, "teach", &config, &pulse, purpose)?;
    robot::greet(&session, sim.is_some(), &granted);
    if args.passive {
        say!(
            "passive  nothing is set in the robot and nothing moves it: press its user stop, then guide it by the buttons at \
              its wrist"
        );
    } else {
        arm::check_ready(&state, &config.safety)?;
        if sim.is_none() && !confirm(args, &config)? {
            return Err(usage("not confirmed: nothing was moved"));
        }
    }
    if desk.has_keys() {
        say!("keys     {HELP}{}", if args.gripper { " · g/o gripper" } else { "" });
    }
    stop.store(false, Relaxed);
    let gripper =
        args.gripper.then(|| Gripper::connect(address, &config.gripper)).transpose().map_err(usage)?;
    let set = if args.passive { config.robot.clone() } else { config.guidance.robot(&config.robot) };
    let episodes = Episodes::new(args, &name, &state, &set, &pulse, granted.core)?;
    let dialogue = Dialogue::new(episodes.first(), args.wanted(), args.hands_free);
    let lesson = Lesson::new(dialogue, &config.teach, episodes);
    let about = About {
        robot: name.clone(),
        simulated: args.sim,
        F_T_EE: arm::tool(&state)?,
        drawing: config.drawing.clone(),
        expert: config.expert,
        safety: config.safety.clone(),
        velocity_share: config.motion.joint_velocity_share,
    };
    let page = args.serve.open(&config, &about, realtime::cores_but(granted.core))?;
    let watched = page.as_ref().map(Watched::new);
    // At a page somebody presses; without one the virtual hand comes with keys pressed in time.
    let script = plan.filter(|_| !is_served).map(Script::new);
    let class = Class::new(lesson, desk, script, gripper, watched.map(View::new));
    let apprentice = learning(args, &config, &state, granted.core)?;
    let (class, outcome) = class.hold(session, apprentice, args, &config, &stop);
    if let Some(sim) = &sim {
        sim.guide(None); // the lesson is over, and the virtual hand goes
    }
    // From here on nothing moves, and a signal ends the process at once; what was asked before holds.
    let is_stopped = stop.swap(true, Relaxed) || watched.is_some_and(|watched| watched.rest().is_some());
    if let Some(page) = &page {
        page.close();
    }
    let taught = class.conclude(outcome, args, name.clone(), pulse.now_ns())?;
    if !args.then_run || is_stopped || !taught.is_complete {
        return Ok(());
    }
    let place = then_run::Place { claim, name, address, granted, stop, watched };
    then_run::drive(args, config, taught, place, started)
}

/// Who learns while the arm is guided; a robot that is only read teaches nobody.
fn learning(
    args: &Args,
    config: &Config,
    state: &State,
    control_core: Option<usize>,
) -> anyhow::Result<(ControlEnds, OperatorEnds, Option<Apprentice>)> {
    let (control, trainer, operator) = links::link(!args.passive, args.pace.is_lockstep());
    let plan = apprentice::Plan {
        options: config.apprentice.clone(),
        shape: config.network.clone(),
        sde: config.sde.clone(),
        expert: Expert::new(config.expert, arm::tool(state)?),
        seed: config.training.seed,
    };
    let spawn = |ends| Apprentice::spawn(&plan, ends, realtime::cores_but(control_core));
    let apprentice = trainer.map(spawn).transpose().context("the trainer thread cannot be started")?;
    Ok((control, operator, apprentice))
}

/// Starts the simulated robot of `--sim`, with the virtual hand.
fn start_sim(args: &Args, config: &Config, plan: Option<&Plan>) -> anyhow::Result<Option<Sim>> {
    if !args.sim {
        return Ok(None);
    }
    let options = sim::Options {
        pace: args.pace.into(),
        virtual_hand: plan.cloned(),
        wire_log: args.wire_log.clone(),
        ..config.sim.clone()
    };
    robot::start_on_loopback(options, config).map(Some)
}

/// Says what is about to happen to a real arm, and asks.
fn confirm(args: &Args, config: &Config) -> anyhow::Result<bool> {
    let guidance = &config.guidance;
    say!(
        "guiding  the arm is let go when a hand pulls with {} N, and held where it is left",
        guidance.grip_force_n
    );
    say!(
        "load     {} kg declared; refused when it seems wrong by {} kg",
        config.robot.load_mass_kg,
        guidance.load_error_kg
    );
    say!(
        "reflex   above {:?} Nm at the joints, {:?} N and {:?} Nm at the end effector; the usual ones again afterwards",
        guidance.collision_torque_nm,
        guidance.collision_force_n,
        guidance.collision_moment_nm
    );
    say!(
        "speed    dragged above {} m/s; soft before the ends of the joints and {} m before the walls",
        guidance.speed_m_s,
        guidance.wall_margin_m
    );
    if args.then_run {
        say!(
            "then     as soon as the hand has let go, the arm goes to the start of what it was taught and follows it by itself, \
             at {:.0} % of the taught pace",
            100.0 * args.speed()
        );
    }
    arm::ask("Does nothing touch the arm, is the space clear and the user stop in somebody's hand?", args.yes)
}

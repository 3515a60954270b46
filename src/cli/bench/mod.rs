//! `bench`: what this machine does, in the figures that README speaks of.
mod learning;
mod measure;

use super::common::Common;
use super::exit::usage;
use crate::config::Config;
use crate::control::{Controller, Settings};
use crate::demonstration::expert::Expert;
use crate::demonstration::{BOX_MAX_M, BOX_MIN_M, Dataset, shapes, time_law};
use crate::kinematics::{Point, forward, hand_tool, to_column_major};
use crate::policy::kernel::Isa;
use crate::policy::{self, Card, Layout, Network, Normalisation, Policy};
use crate::robot::limits::Q_READY;
use crate::robot::{Command, Errors, JOINTS, Mode, State};
use crate::safety::{Limiter, Motion};
use crate::sim;
use crate::telemetry::{Ending, Report};
use anyhow::Context;
use measure::{Figures, Flush, Spread, time_us};
use serde::Serialize;
use std::hint::black_box;
use std::sync::Arc;

/// Measure what this machine does: one answer of the network, training, kinematics, a tick, the simulated arm.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Times in µs, rates in 10⁹ floating-point operations a second (a multiply and an add are two).
#[derive(Serialize)]
struct Measured {
    isa: &'static str,
    cores: usize,
    /// One answer of the original's network, 3-128-256-128-7 ReLU.
    forward_us: Figures,
    /// One answer of the network of `[network]`.
    forward_default_us: Figures,
    /// An update of the original's network with 1894 samples, by threads; a slow one has a low rate.
    train_gflops: ByThreads,
    /// A product of two square matrices of 512 rows (crate `matrixmultiply`), by threads: what a library reaches.
    sgemm_gflops: ByThreads,
    /// Joint labels for a position, analytically.
    ik_us: Figures,
    /// A tick of the control loop on the path: reference, process, network, generator, safety.
    tick_us: Figures,
    /// The safety layer alone.
    limiter_us: Figures,
    /// A millisecond of the simulated arm.
    plant_step_us: Figures,
}

/// A rate with one thread and with two; none where the machine has one core.
#[derive(Serialize)]
struct ByThreads {
    threads_1: Figures,
    threads_2: Option<Figures>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.load()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let flush = &mut Flush::new();
    let isa = Isa::detect().name();
    say!("machine  {cores} cores, {isa}; median and p99, warm and cold (caches flushed before each call)");
    let forward_us = forward_us(&policy::Options::original(), flush)?;
    row("forward", "us", "one answer, 3-128-256-128-7 ReLU", &forward_us);
    let forward_default_us = self::forward_us(&config.network, flush)?;
    row("", "us", "one answer of the configured network", &forward_default_us);
    let train_gflops = by_threads(cores, |threads| learning::train_gflops(threads, flush));
    rows("train", "an update, 1894 samples", &train_gflops);
    let sgemm_gflops = by_threads(cores, |threads| learning::sgemm_gflops(threads, flush));
    rows("sgemm", "512×512 matrices, crate matrixmultiply", &sgemm_gflops);
    let ik_us = ik_us(&config, flush)?;
    row("ik", "us", "joint labels for a position", &ik_us);
    let tick_us = tick_us(&config, flush)?;
    row("tick", "us", "a tick of the control loop", &tick_us);
    let limiter_us = limiter_us(&config, flush);
    row("limiter", "us", "the safety layer alone", &limiter_us);
    let mut arm = sim::Exercise::new(&config.sim);
    let plant_step_us = time_us(flush, || arm.step());
    row("plant", "us", "a millisecond of the simulated arm", &plant_step_us);
    let measured = Measured {
        isa,
        cores,
        forward_us,
        forward_default_us,
        train_gflops,
        sgemm_gflops,
        ik_us,
        tick_us,
        limiter_us,
        plant_step_us,
    };
    args.common.write(&Report::new("bench", Ending::Done, Vec::new(), measured))
}

fn row(name: &str, unit: &str, what: &str, figures: &Figures) {
    let Figures { warm: Spread { median, p99 }, cold } = figures;
    say!("{name:<8} {median:>8.2} {p99:>8.2} {unit:<7} cold {:>8.2} {:>8.2}   {what}", cold.median, cold.p99);
}

fn rows(name: &str, what: &str, figures: &ByThreads) {
    row(name, "GFLOP/s", &format!("{what}, one thread"), &figures.threads_1);
    if let Some(two) = &figures.threads_2 {
        row("", "GFLOP/s", &format!("{what}, two threads"), two);
    }
}

fn by_threads(cores: usize, mut measure: impl FnMut(usize) -> Figures) -> ByThreads {
    ByThreads { threads_1: measure(1), threads_2: (cores > 1).then(|| measure(2)) }
}

fn forward_us(shape: &policy::Options, flush: &mut Flush) -> anyhow::Result<Figures> {
    let width = shape.input.width();
    let network = Network::random(Layout::new(width, &shape.hidden), shape.activation, 1);
    let mut policy = Policy::new(network, Normalisation::identity(width), Card::default())
        .context("a network and units of one width belong together")?;
    let input = vec![0.3; width];
    Ok(time_us(flush, || {
        black_box(policy.evaluate(black_box(&input)));
    }))
}

fn ik_us(config: &Config, flush: &mut Flush) -> anyhow::Result<Figures> {
    let expert = Expert::new(config.expert, hand_tool());
    let (min, max) = (Point::from(BOX_MIN_M), Point::from(BOX_MAX_M));
    let points = Dataset::box_of_workspace(&expert, &min, &max, 256, 1).map_err(usage)?.examples;
    let mut next = points.iter().cycle();
    Ok(time_us(flush, || {
        black_box(next.next().map(|example| expert.label(black_box(&example.O_p_EE))));
    }))
}

/// An arm that does what it is told, driven round the circle by a policy trained for it.
fn tick_us(config: &Config, flush: &mut Flush) -> anyhow::Result<Figures> {
    let expert = Expert::new(config.expert, hand_tool());
    let path = shapes::load("circle", &config.drawing).map_err(usage)?.path;
    let timed = time_law::plan(&path, &mut |x| expert.label_pose(x), &config.motion).map_err(usage)?;
    let data = Dataset::from_points(&expert, path.points(), "circle").map_err(usage)?;
    let policy = Box::new(super::train::learn(config, &data, &expert, &mut |_| {})?.policy);
    let settings = Settings {
        options: config.control.clone(),
        generator: config.generator.clone(),
        push: config.push.clone(),
        sde: config.sde.clone(),
        safety: config.safety.clone(),
        speed: 1.0,
        laps: None,
    };
    let mut controller = Controller::new(Arc::new(timed), policy, hand_tool(), settings);
    let mut state = ready();
    let mut tick = || {
        let (Command::Position(q) | Command::Finish(q)) = controller.tick(black_box(&state)).0;
        let next = Motion::of(&state).after(&q);
        state.time_ms += 1;
        (state.q_d, state.dq_d, state.ddq_d) = (next.q, next.dq, next.ddq);
        (state.q, state.dq) = (next.q, next.dq);
        state.O_T_EE = to_column_major(&forward(&state.q, &hand_tool()));
    };
    // Past the approach.
    (0..5000).for_each(|_| tick());
    let with_arm = time_us(flush, tick);
    Ok(with_arm)
}

fn limiter_us(config: &Config, flush: &mut Flush) -> Figures {
    let limiter = Limiter::new(&config.safety);
    let base = Motion { q: Q_READY, dq: [0.1; JOINTS], ddq: [0.2; JOINTS] };
    let proposal = base.q.map(|q| q + 1.05e-4);
    time_us(flush, || {
        black_box(limiter.limit(black_box(&base), black_box(&proposal)));
    })
}

fn ready() -> State {
    State {
        time_ms: 1000,
        q: Q_READY,
        dq: [0.0; JOINTS],
        q_d: Q_READY,
        dq_d: [0.0; JOINTS],
        ddq_d: [0.0; JOINTS],
        tau_J: [0.0; JOINTS],
        tau_J_d: [0.0; JOINTS],
        tau_ext_hat_filtered: [0.0; JOINTS],
        O_T_EE: to_column_major(&forward(&Q_READY, &hand_tool())),
        F_T_EE: to_column_major(&hand_tool()),
        O_F_ext_hat_K: [0.0; 6],
        mode: Mode::Move,
        errors: Errors::default(),
        control_command_success_rate: 1.0,
    }
}

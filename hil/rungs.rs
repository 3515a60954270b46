//! The rungs, lowest first.
use super::guide::guide;
use super::result::{Results, RungResult, begun};
use anyhow::{Context, bail, ensure};
use franka_imit::control::links::{self};
use franka_imit::control::{Phase, Pilot, Pulse, Session, Way};
use franka_imit::demonstration::sample::Sample;
use franka_imit::kinematics::{Pose, from_column_major};
use franka_imit::robot::panda::{self, Panda};
use franka_imit::robot::{Command, JOINTS, Joints, Mode, State, realtime};
use franka_imit::safety::{Guard, Limiter, Motion, Options, Verdict};
use franka_imit::sim::Sim;
use franka_imit::timing::Histogram;
use std::io::Write;
use std::net::IpAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a rung is climbed, and for how long.
pub(crate) struct Place<'a> {
    pub(crate) ip: IpAddr,
    pub(crate) sim: Option<&'a Sim>,
}

impl<'a> Place<'a> {
    pub(crate) fn simulator(sim: &'a Sim) -> Place<'a> {
        Place { ip: sim.ip(), sim: Some(sim) }
    }

    pub(crate) fn robot(ip: IpAddr) -> Place<'a> {
        Place { ip, sim: None }
    }

    /// The simulator need not be watched for as long as a robot.
    fn seconds(&self, on_robot_s: f64) -> f64 {
        if self.sim.is_some() { on_robot_s.min(2.0) } else { on_robot_s }
    }

    /// Asks the person with the user stop; nobody is at the simulator.
    fn ask(&self, what: &str) -> anyhow::Result<()> {
        if self.sim.is_some() {
            return Ok(());
        }
        print!("hil: {what} User stop in hand, nobody in reach? Type yes to begin: ");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        ensure!(answer.trim() == "yes", "not confirmed: nothing was moved");
        Ok(())
    }
}

/// One rung.
pub(crate) struct Rung {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    climb: fn(&Place, &mut RungResult) -> anyhow::Result<()>,
}

pub(crate) const LADDER: [Rung; 6] = [
    Rung { name: "read", what: "states are read for 10 s; nothing moves", climb: read },
    Rung { name: "hold", what: "the arm is commanded to stay where it is for 10 s", climb: hold },
    Rung { name: "sine", what: "joint 7 swings by 0.05 rad for 10 s", climb: sine },
    Rung { name: "follow", what: "the circle is learnt and followed once at 10 % speed", climb: follow },
    Rung {
        name: "guide",
        what: "a person guides the arm by its buttons; it is kept as an episode",
        climb: guide,
    },
    Rung { name: "hour", what: "an hour of following at 10 % speed", climb: hour },
];

impl Rung {
    /// Climbs the rung, if the one below has passed on this robot; writes what it found, passed or not.
    pub(crate) fn climb(&self, place: &Place, results: &Results) -> anyhow::Result<RungResult> {
        let number = LADDER.iter().position(|rung| rung.name == self.name).context("a rung of the ladder")?;
        if let Some(below) = number.checked_sub(1).map(|below| &LADDER[below])
            && !results.has_passed(below)
        {
            bail!("rung {} has not passed on {}: climb it first", below.name, results.robot);
        }
        let mut result = begun(self.name, &results.robot);
        let begun = Instant::now();
        let climbed = (self.climb)(place, &mut result);
        result.duration_s = begun.elapsed().as_secs_f64();
        result.passed = climbed.is_ok();
        result.notes.extend(climbed.as_ref().err().map(|error| format!("failed: {error:#}")));
        results.write(&result)?;
        climbed.map(|()| result)
    }
}

/// Reads states for a while; `see` gets each.
fn watch(
    place: &Place,
    seconds: f64,
    result: &mut RungResult,
    mut see: impl FnMut(&State, Duration),
) -> anyhow::Result<()> {
    let mut robot = reach(place.ip, Panda::connect)?;
    let mut between = Histogram::new();
    let (begun, mut last, mut last_ms) = (Instant::now(), None::<Instant>, None::<u64>);
    while begun.elapsed().as_secs_f64() < seconds {
        let state = robot.read()?;
        let now = Instant::now();
        if let Some(last) = last {
            between.record((now - last).as_nanos() as u64);
        }
        result.missed += last_ms.map_or(0, |ms| state.time_ms.saturating_sub(ms).saturating_sub(1));
        result.cycles += 1;
        (last, last_ms) = (Some(now), Some(state.time_ms));
        see(&state, begun.elapsed());
    }
    result.histogram_us = between.quantiles_us().into();
    result.success_rate_mean = result.cycles as f64 / (result.cycles + result.missed).max(1) as f64;
    ensure!(result.cycles as f64 > 900.0 * seconds, "{} states in {seconds:.0} s: not 1 kHz", result.cycles);
    Ok(())
}

/// Tries until the robot takes a client: it may still be letting go of the one before.
fn reach<T>(
    ip: IpAddr,
    connect: impl Fn(IpAddr) -> Result<T, franka_imit::robot::Fault>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        match panda::probe(ip, Duration::from_secs(2)).and_then(|()| connect(ip)) {
            Err(_) if begun.elapsed() < Duration::from_secs(6) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            result => return Ok(result?),
        }
    }
}

fn read(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    let mut mode = Mode::Other;
    watch(place, place.seconds(10.0), result, |state, _| mode = state.mode)?;
    result.notes.push(format!("mode {mode:?}"));
    ensure!(mode == Mode::Idle, "the robot is not ready to move: its mode is {mode:?}");
    Ok(())
}

fn hold(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    place.ask("The arm will be held where it is.")?;
    swing(place, 0.0, place.seconds(10.0), result)
}

fn sine(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    place.ask("Joint 7 will swing by 0.05 rad.")?;
    swing(place, 0.05, place.seconds(10.0), result)
}

/// Swings joint 7 by `amplitude` rad, twice in the time, and judges how well the arm obeyed.
fn swing(place: &Place, amplitude: f64, seconds: f64, result: &mut RungResult) -> anyhow::Result<()> {
    let robot = panda::Options::default();
    let pulse = Arc::new(Pulse::new(Instant::now()));
    let within = Duration::from_secs(6);
    let (session, state, granted) =
        Session::reconnect(place.ip, &robot, &realtime::Options::default(), pulse, within)?;
    result.notes.extend(granted.refused);
    let tool = from_column_major(&state.F_T_EE)?;
    let (control, _, operator) = links::link(false, false);
    let (mut limited, mut off, mut success) = (0, 0.0f64, 0.0);
    let mut take = |(sample, _): (Sample, _)| {
        limited += u64::from(!sample.verdict.is_clear());
        off =
            off.max((0..JOINTS).map(|k| (sample.state.q[k] - sample.state.q_d[k]).abs()).fold(0.0, f64::max));
        success += sample.state.control_command_success_rate;
        result.cycles += 1;
        result.missed += u64::from(sample.lost);
    };
    let sine = Box::new(Sine::new(&state.q_d, amplitude, seconds, tool));
    let outcome = session.go(sine, control, |_, _| operator.samples.try_iter().for_each(&mut take))?;
    operator.samples.try_iter().for_each(&mut take);
    outcome.result?;
    result.histogram_us = outcome.tick_ns.quantiles_us().into();
    result.success_rate_mean = success / result.cycles.max(1) as f64;
    result.notes.push(format!("joints at most {off:.4} rad from where they should be"));
    ensure!(
        limited == 0,
        "the safety layer changed {limited} commands of a motion that is far inside the limits"
    );
    ensure!(off < 0.02, "a joint was {off:.3} rad from where it should be");
    ensure!(result.success_rate_mean > 0.9, "{:.1} % of commands arrived", 100.0 * result.success_rate_mean);
    Ok(())
}

/// Joint 7 as 0.5 a (1 − cos): from rest to rest, twice.
struct Sine {
    from: Joints,
    amplitude: f64,
    seconds: f64,
    elapsed_s: f64,
    tool: Pose,
    guard: Guard,
    way: Way,
    phase: Phase,
    last_ms: Option<u64>,
}

impl Sine {
    fn new(from: &Joints, amplitude: f64, seconds: f64, tool: Pose) -> Sine {
        // The way stands for what a motion has besides its shape: a sample of every tick, and the end.
        let way = Way::new(from, 0.05, &Options::default(), &tool, &Default::default());
        Sine {
            from: *from,
            amplitude,
            seconds,
            elapsed_s: 0.0,
            tool,
            guard: Guard::new(&Options::default(), &tool),
            way,
            phase: Phase::Follow,
            last_ms: None,
        }
    }
}

impl Pilot for Sine {
    fn tick(&mut self, state: &State) -> (Command, Sample) {
        let dt_ms = self.last_ms.map_or(0, |last| state.time_ms.saturating_sub(last)).min(20);
        self.last_ms = Some(state.time_ms);
        self.elapsed_s += dt_ms as f64 * 1e-3;
        if self.phase == Phase::Follow && self.elapsed_s >= self.seconds {
            self.stop();
        }
        let (command, sample) = self.way.tick(state);
        if self.phase != Phase::Follow {
            self.phase = if self.way.phase() == Phase::Done { Phase::Done } else { Phase::Brake };
            return (command, sample);
        }
        // Eased in and out: the sine itself begins with an acceleration.
        let share = (self.elapsed_s / self.seconds).clamp(0.0, 1.0);
        let eased = share * share * share * (10.0 - 15.0 * share + 6.0 * share * share);
        let mut q_ref = self.from;
        q_ref[JOINTS - 1] += 0.5 * self.amplitude * (1.0 - (2.0 * std::f64::consts::TAU * eased).cos());
        let judged = self.guard.judge(&Motion::of(state), &q_ref);
        (
            Command::Position(judged.q_c),
            Sample {
                q_ref,
                q_c: judged.q_c,
                verdict: judged.verdict,
                margin: judged.margin,
                lost: dt_ms.saturating_sub(1) as u32,
                ..sample
            },
        )
    }

    fn stop(&mut self) {
        self.phase = Phase::Brake;
        self.way = Way::new(&self.from, 0.05, &Options::default(), &self.tool, &Default::default());
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn stopped_by(&self) -> Verdict {
        Verdict::default()
    }

    fn limiter(&self) -> &Limiter {
        self.guard.limiter()
    }
}

fn follow(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    drive(place, "--laps 1", result)
}

fn hour(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    let seconds = place.seconds(3600.0);
    drive(place, &format!("--duration-s {seconds}"), result)
}

/// Follows the circle with the program itself, which asks before it moves a robot.
fn drive(place: &Place, how_long: &str, result: &mut RungResult) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    // The simulator need not go slowly.
    let speed = if place.sim.is_some() { "1 --yes" } else { "0.1" };
    let line = format!("run --robot-ip {} --speed {speed} {how_long}", place.ip);
    wait_until_free(place)?;
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_franka-imit"))
        .args(line.split_whitespace())
        .arg("--report")
        .arg(&report)
        .stdout(if place.sim.is_some() { Stdio::null() } else { Stdio::inherit() })
        .status()?;
    ensure!(status.success(), "`franka-imit {line}` ended with {status}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    let number = |key: &str| report.pointer(key).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
    result.cycles = number("/cycles") as u64;
    result.missed = number("/missed_commands") as u64;
    result.success_rate_mean = number("/success_rate_mean");
    result.histogram_us = super::result::Histogram {
        p50: number("/tick_us/p50"),
        p99: number("/tick_us/p99"),
        p999: number("/tick_us/p999"),
        max: number("/tick_us/max"),
    };
    let error_mm = number("/contour_error_mm/max");
    result.notes.push(format!("at most {error_mm:.2} mm from the circle"));
    ensure!(error_mm < 5.0, "{error_mm:.1} mm from the circle");
    ensure!(number("/limiter_active_ticks") == 0.0, "the safety layer changed commands");
    Ok(())
}

/// A robot lets go of its client before, and takes the next.
pub(crate) fn wait_until_free(place: &Place) -> anyhow::Result<()> {
    reach(place.ip, |_| Ok(()))?;
    let Some(sim) = place.sim else { return Ok(()) };
    let begun = Instant::now();
    while sim.status().client.is_some() {
        ensure!(begun.elapsed() < Duration::from_secs(6), "the simulator keeps its client");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

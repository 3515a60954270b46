//! The rung on which a person guides the arm.
use super::result::RungResult;
use super::rungs::{Place, wait_until_free};
use anyhow::ensure;
use franka_imit::demonstration::episode::{self, Tick};
use franka_imit::demonstration::store;
use franka_imit::kinematics::Point;
use franka_imit::robot::Mode;
use franka_imit::sim::virtual_hand::{self, Plan};
use franka_imit::sim::{Sim, Status};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The safest way to guide: by the buttons at the wrist, while the program reads states and keeps them as an episode.
pub(crate) fn guide(place: &Place, result: &mut RungResult) -> anyhow::Result<()> {
    wait_until_free(place)?;
    let folder = tempfile::tempdir()?;
    let line = format!("teach --robot-ip {} --passive --hands-free --out demos --report r.json", place.ip);
    if place.sim.is_none() {
        println!(
            "hil: user stop pressed, hold both buttons at the wrist, move the hand about, let it stand; 30 s from now on"
        );
    }
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_franka-imit"))
        .args(line.split_whitespace())
        .current_dir(folder.path())
        .stdout(if place.sim.is_some() { Stdio::null() } else { Stdio::inherit() })
        .spawn()?;
    match place.sim {
        Some(sim) => guide_simulator(sim)?,
        None => std::thread::sleep(Duration::from_secs(30)),
    }
    // What runs, or waits for a decision, is kept.
    let sent = std::process::Command::new("kill").args(["-INT", &program.id().to_string()]).status()?;
    let status = program.wait()?;
    ensure!(sent.success() && status.success(), "`franka-imit {line}` ended with {status}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json"))?)?;
    let files = store::files(&folder.path().join("demos"))?;
    ensure!(!files.is_empty(), "no motion was seen: the arm was not moved, or not by enough");
    let number = |key: &str| report[key].as_u64().unwrap_or_default();
    (result.cycles, result.missed) = (number("cycles"), number("lost_states"));
    result.success_rate_mean = result.cycles as f64 / (result.cycles + result.missed).max(1) as f64;
    let (mut farthest_m, mut guided) = (0.0f64, 0);
    for file in &files {
        let reading = episode::read(file)?;
        ensure!(reading.damage.is_empty(), "{}: damaged: {:?}", file.display(), reading.damage);
        let ticks = &reading.episode.ticks;
        let place = |tick: &Tick| Point::new(tick.O_T_EE[12], tick.O_T_EE[13], tick.O_T_EE[14]);
        let from = ticks.first().map(place).unwrap_or_default();
        guided += ticks.iter().filter(|tick| tick.mode == Mode::Guiding).count();
        farthest_m = ticks.iter().fold(farthest_m, |far, tick| far.max((place(tick) - from).norm()));
    }
    result
        .notes
        .push(format!("{} episodes, guided for {guided} states, up to {farthest_m:.3} m away", files.len()));
    ensure!(guided > 0, "the robot was never in guiding mode");
    ensure!(farthest_m > 0.01, "the arm was hardly moved: {farthest_m:.3} m");
    Ok(())
}

/// The person at the simulator: the buttons, and a hand that goes to and fro.
fn guide_simulator(sim: &Sim) -> anyhow::Result<()> {
    let wait = |what: &str, is_so: &dyn Fn(&Status) -> bool| {
        let begun = Instant::now();
        while !is_so(&sim.status()) {
            ensure!(begun.elapsed() < Duration::from_secs(20), "at the simulator: {what}: still not so");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    };
    sim.press_user_stop(true);
    sim.press_guiding(true);
    let before = sim.status().states_sent;
    wait("a client reads", &|s| s.client.is_some() && s.states_sent > before + 300)?;
    sim.guide(Some(Plan {
        path_m: vec![[0.4, 0.0, 0.45], [0.4, 0.15, 0.45]],
        gap_s: 0.1,
        reach_s: 1.0,
        rest_s: 0.2,
        speed_m_s: 0.2,
        ..Plan::default()
    }));
    wait("the hand has come", &|s| s.virtual_hand != virtual_hand::Phase::Away)?;
    wait("the hand has gone", &|s| s.virtual_hand == virtual_hand::Phase::Away)?;
    let rests_ms = sim.status().time_ms + 1500;
    wait("rest", &|s| s.time_ms > rests_ms)?;
    sim.press_guiding(false);
    sim.press_user_stop(false);
    Ok(())
}

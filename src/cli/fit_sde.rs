//! `train --fit-sde`: the process of the deviations that a recorded run shows.
use super::exit::usage;
use crate::config::Config;
use crate::kinematics::{Pose, flange, from_column_major};
use crate::robot::{JOINTS, Joints};
use crate::sde::{self, Fit, deviation};
use serde::Serialize;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The deviations are looked at this often, ms: at a millisecond they show the robot's inner loop and the noise of
/// its encoders, not what carries the arm away.
const INTERVAL_MS: u64 = 10;

/// What the run shows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fitted {
    source: String,
    /// Of the position, m.
    position: Fit,
    /// Of the orientation, rad.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<Fit>,
}

/// Puts θ and σ into `config` from the states of a wire log (`run --sim --wire-log`, `sim --wire-log`): where the end
/// effector was measured against where the robot's desired joints would have had it.
pub(super) fn fit_sde(config: &mut Config, file: &Path) -> anyhow::Result<Fitted> {
    let source = file.display().to_string();
    let states = states(file).map_err(|why| usage(format!("--fit-sde {source}: {why}")))?;
    let mut positions = Vec::with_capacity(states.len());
    let mut rotations = Vec::with_capacity(states.len());
    for (q_d, q, O_T_EE) in &states {
        let F_T_EE = flange(q).inverse() * O_T_EE;
        let [x, y, z, rx, ry, rz] = deviation(&(flange(q_d) * F_T_EE), O_T_EE);
        positions.push([x, y, z]);
        rotations.push([rx, ry, rz]);
    }
    let dt_s = 1e-3 * INTERVAL_MS as f64;
    let position = sde::fit(&positions, dt_s).map_err(|why| usage(format!("--fit-sde {source}: {why}")))?;
    let rotation = sde::fit(&rotations, dt_s).ok();
    let (theta, sigma) = (position.theta_1_s, position.sigma);
    say!(
        "process  {source}: theta {:.3} 1/s ({:.3} to {:.3}), sigma {:.5} m/sqrt(s) ({:.5} to {:.5}), a tube of {:.2} mm",
        theta.value,
        theta.low,
        theta.high,
        sigma.value,
        sigma.low,
        sigma.high,
        1e3 * position.std
    );
    config.sde = config.sde.fitted(&position, rotation.as_ref());
    match config.sde.validate().first() {
        None => Ok(Fitted { source, position, rotation }),
        Some(violation) => Err(usage(format!(
            "--fit-sde {source}: the run's process is outside what is allowed: {violation}"
        ))),
    }
}

/// q_d, q and O_T_EE every [`INTERVAL_MS`] of the first motion in a wire log.
fn states(file: &Path) -> Result<Vec<(Joints, Joints, Pose)>, String> {
    let lines = BufReader::new(File::open(file).map_err(|e| e.to_string())?).lines();
    let (mut found, mut next_ms) = (Vec::new(), None);
    for (number, line) in lines.enumerate() {
        let line = line.map_err(|e| format!("line {}: {e}", number + 1))?;
        let value: Value = serde_json::from_str(&line)
            .map_err(|e| format!("line {}: {e}; allowed: a wire log, JSON lines", number + 1))?;
        if number == 0 && value["kind"] != "franka-imit wire log" {
            return Err(
                "not a wire log: its first line does not say so; record one with --wire-log".to_owned()
            );
        }
        let Some(time_ms) = value["t_ms"].as_u64().filter(|_| value["mode"] == "Move") else { continue };
        if time_ms < next_ms.unwrap_or(time_ms) {
            continue;
        }
        next_ms = Some(time_ms + INTERVAL_MS);
        let wrong = |key: &str| format!("line {}: `{key}` is no list of finite numbers", number + 1);
        let joints = |key: &str| numbers::<JOINTS>(&value[key]).ok_or_else(|| wrong(key));
        let pose = numbers::<16>(&value["O_T_EE"]).ok_or_else(|| wrong("O_T_EE"))?;
        let pose = from_column_major(&pose).map_err(|e| format!("line {}: O_T_EE: {e}", number + 1))?;
        found.push((joints("q_d")?, joints("q")?, pose));
    }
    Ok(found)
}

fn numbers<const N: usize>(value: &Value) -> Option<[f64; N]> {
    let list: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
    list?.try_into().ok()
}

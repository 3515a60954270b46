//! `eval`: judge a policy along a trajectory, without a robot.
use super::common::{Common, check_writable};
use super::exit::usage;
use super::prepare;
use crate::demonstration::expert::Expert;
use crate::demonstration::{shapes, time_law};
use crate::kinematics::from_column_major;
use crate::learn::judge::Judgement;
use crate::policy;
use crate::telemetry::{Ending, Report};
use serde::Serialize;
use std::path::PathBuf;

/// Points of a probe file.
const PROBES: usize = 32;

/// Judge a policy along a trajectory: where its joints put the end effector, against where it was asked to be.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy.
    #[arg(long, value_name = "FILE.safetensors")]
    policy: PathBuf,
    /// circle, square, figure-eight, a CSV file, or the original's JSON.
    #[arg(long, value_name = "SHAPE|FILE")]
    trajectory: String,
    /// Write inputs along the trajectory and the policy's answers, for another program to compare with
    /// (scripts/check_policy.py).
    #[arg(long, value_name = "FILE.json")]
    probe: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Figures {
    policy: String,
    trajectory: String,
    #[serde(flatten)]
    network: Judgement,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.load()?;
    check_writable("--probe", args.probe.as_deref())?;
    let mut policy = prepare::load_policy(&args.policy)?;
    let F_T_EE = from_column_major(&policy.card().F_T_EE).map_err(usage)?;
    let expert = Expert::new(config.expert, F_T_EE);
    let path = shapes::load(&args.trajectory, &config.drawing).map_err(usage)?.path;
    let timed = time_law::plan(&path, &mut |p| expert.label(p), &config.motion).map_err(usage)?;
    prepare::check_region(&policy, &timed).map_err(usage)?;
    let network = prepare::judge_along(&mut policy, &timed, &expert);
    say!(
        "{} along {}: error mean {:.3} mm, p95 {:.3} mm, max {:.3} mm; tilt mean {:.2} mrad, max {:.2} mrad",
        args.policy.display(),
        args.trajectory,
        network.error_mm.mean,
        network.error_mm.p95,
        network.error_mm.max,
        network.tilt_mrad.mean,
        network.tilt_mrad.max
    );
    if let Some(file) = &args.probe {
        let points: Vec<Vec<f64>> = (0..PROBES)
            .map(|k| path.point(path.length_m() * k as f64 / PROBES as f64).as_slice().to_vec())
            .collect();
        let probe = policy::probe(&mut policy, &points);
        crate::atomic_file::write(file, serde_json::to_string_pretty(&probe)?.as_bytes())?;
        say!("probe    {}", file.display());
    }
    let figures =
        Figures { policy: args.policy.display().to_string(), trajectory: args.trajectory.clone(), network };
    args.common.write(&Report::new("eval", Ending::Done, Vec::new(), figures))
}

//! `status`: what the daemons on this machine are doing.
use crate::telemetry::claim;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// Say which robots are held on this machine, by whom, and what they are doing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the robot at this address.
    #[arg(long, value_name = "ADDRESS")]
    robot_ip: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut all = claim::all(&claim::folder());
    all.retain(|(holder, _)| args.robot_ip.as_ref().is_none_or(|ip| *ip == holder.robot));
    if args.json {
        let list: Vec<Value> = all
            .iter()
            .map(|(holder, status)| serde_json::json!({ "holder": holder, "status": status }))
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
    }
    if all.is_empty() {
        anyhow::bail!("no daemon holds {}", args.robot_ip.as_deref().unwrap_or("a robot on this machine"));
    }
    if !args.json {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        for (holder, status) in &all {
            let for_s = now_s.saturating_sub(holder.since_s);
            say!(
                "{:<15}  franka-imit {}, process {}, for {for_s} s",
                holder.robot,
                holder.command,
                holder.pid
            );
            match status {
                Some(status) => say!("{:<15}  {}", "", line(status)),
                None => say!("{:<15}  nothing moves yet", ""),
            }
        }
    }
    Ok(())
}

fn line(status: &Value) -> String {
    let text = |key: &str| status[key].as_str().unwrap_or("?").to_string();
    let number = |key: &str| status[key].as_f64().unwrap_or(f64::NAN);
    let fault = status["fault"].as_str().map_or(String::new(), |why| format!(": {why}"));
    let contour =
        status["contour_error_mean_mm"].as_f64().map_or(String::new(), |mm| format!(", {mm:.2} mm off"));
    format!(
        "{}{fault}; {}{contour}; {} cycles, {} missed, {:.0} % of commands arrive; {} policies taken over",
        text("mode"),
        text("trajectory"),
        number("cycles"),
        number("missed_commands"),
        100.0 * number("success_rate"),
        number("policies_taken_over")
    )
}

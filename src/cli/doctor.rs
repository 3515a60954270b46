//! `doctor`: is this machine fit to drive a robot?
use super::common::Common;
use crate::doctor::{self, Finding, Here, Machine, Purpose, Verdict};
use crate::robot::panda;
use crate::telemetry::{Ending, Report};
use serde::Serialize;
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Width of the verdicts.
const VERDICT: usize = 11;
/// What was found takes no more room than this, but for a line that needs it.
const WIDEST: usize = 56;

/// Look at this machine, and at the robot: what was found, what is wanted, and the command that mends it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Examine the way to the robot at this address, too: its ports, its version, its states. The arm is not moved.
    #[arg(long, value_name = "ADDRESS")]
    robot_ip: Option<String>,
    /// Where recordings are to go.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    recordings: PathBuf,
    /// Print the report (JSON) in place of the table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Something is not fit; the table says what.
#[derive(Debug, thiserror::Error)]
#[error("not fit to drive a robot: {}", .0.join(", "))]
struct Unfit(Vec<&'static str>);

#[derive(Serialize)]
struct Figures {
    robot: Option<Ipv4Addr>,
    /// Whether no check has failed.
    fit: bool,
    checks: Vec<Finding>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.load()?;
    let robot = args.robot_ip.as_deref().map(panda::resolve).transpose()?;
    let robot = robot.and_then(|address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None, // a robot has none
    });
    let purpose = Purpose { realtime: &config.realtime, recordings: &args.recordings, robot };
    let mut checks = doctor::examine(&Machine::here(), &Here, &purpose);
    if let Some(robot) = robot {
        checks.extend(doctor::examine_robot(robot, &config.robot, &config.realtime));
    }
    let failed: Vec<&str> = checks.iter().filter(|c| c.verdict == Verdict::Fail).map(|c| c.check).collect();
    let (ending, faults) = match failed.is_empty() {
        true => (Ending::Done, Vec::new()),
        false => (Ending::Failed, failed.iter().map(ToString::to_string).collect()),
    };
    let report = Report::new("doctor", ending, faults, Figures { robot, fit: failed.is_empty(), checks });
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
        if let Some(path) = &args.common.report {
            report.write(path)?;
        }
    } else {
        table(&report.figures.checks, std::io::stdout().is_terminal());
        args.common.write(&report)?;
    }
    if failed.is_empty() { Ok(()) } else { Err(Unfit(failed).into()) }
}

/// The findings in columns, the mends below; in colours on a terminal.
fn table(checks: &[Finding], coloured: bool) {
    let width =
        |text: fn(&Finding) -> &str| checks.iter().map(|c| text(c).chars().count()).max().unwrap_or(0);
    let (name, found) = (width(|c| c.check), width(|c| &c.found).min(WIDEST));
    say!("  {:<VERDICT$}  {:<name$}  {:<found$}  wanted", "", "checked", "found");
    let mut part = "";
    for check in checks {
        if check.part != part {
            part = check.part;
            say!("{}", painted(part, "1", coloured));
        }
        let verdict = verdict(check, coloured);
        say!("  {verdict}  {:<name$}  {:<found$}  {}", check.check, check.found, check.wanted);
    }
    if checks.iter().any(|check| check.mend.is_some()) {
        say!("\n{}", painted("what to do", "1", coloured));
    }
    for (at, check) in checks.iter().enumerate() {
        let Some(mend) = &check.mend else { continue };
        let before = checks.iter().take(at).find(|earlier| earlier.mend == check.mend);
        let mend = before.map_or(mend.clone(), |earlier| format!("as for {}", earlier.check));
        say!("  {}  {:<name$}  {mend}", verdict(check, coloured), check.check);
    }
    let count = |verdict| checks.iter().filter(|c| c.verdict == verdict).count();
    say!(
        "\n{} as wanted, {} to be bettered, {} to be mended first, {} not to be read",
        count(Verdict::Pass),
        count(Verdict::Warn),
        count(Verdict::Fail),
        count(Verdict::CannotRead)
    );
}

/// The verdict in its column; colours by the codes of ECMA-48: green, yellow, red, grey.
fn verdict(check: &Finding, coloured: bool) -> String {
    let (word, colour) = match check.verdict {
        Verdict::Pass => ("pass", "32"),
        Verdict::Warn => ("warn", "33"),
        Verdict::Fail => ("FAIL", "31;1"),
        Verdict::CannotRead => ("cannot read", "90"),
    };
    painted(&format!("{word:<VERDICT$}"), colour, coloured)
}

fn painted(words: &str, code: &str, coloured: bool) -> String {
    if coloured { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_string() }
}

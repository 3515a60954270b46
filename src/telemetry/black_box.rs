//! The last seconds before an abort, and whose fault it was.
use super::culprit::{self, Culprit};
use crate::atomic_file;
use crate::demonstration::sample::Sample;
use crate::robot::Fault;
use crate::timing::Cycle;
use serde::Serialize;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ticks kept: three seconds.
const TICKS: usize = 3000;
/// Files kept in a folder; older ones are removed.
const FILES: usize = 50;
const PREFIX: &str = "black-box-";
/// Raised when a key or column changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Collects ticks, and the moments in which the whole machine stood still.
pub struct BlackBox {
    ticks: VecDeque<(Sample, Cycle)>,
    /// When the supervisor looked up, and how long after the time before, ns.
    looks: VecDeque<(u64, u64)>,
    /// When it was first seen that something is wrong, ns.
    failed_ns: Option<u64>,
}

/// Why a motion ended early.
#[derive(Clone, Debug)]
pub enum Abort<'a> {
    /// The robot, its driver, the network or our own step.
    Fault(&'a Fault),
    /// Our own safety layer, in its words.
    Ours(String),
}

/// What a black box says at an abort.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Whose fault it was.
    pub culprit: Culprit,
    /// Why we think so, with the figures.
    pub because: String,
    /// From our last answer to the moment in which the fault was seen, ms.
    pub named_after_ms: Option<f64>,
    /// From our last answer to the moment in which the operator had the program back, ms.
    pub back_after_ms: Option<f64>,
    /// The file with the last seconds.
    pub file: Option<PathBuf>,
}

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    robot: &'a str,
    fault: String,
    culprit: Culprit,
    because: &'a str,
    columns: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Default for BlackBox {
    fn default() -> Self {
        BlackBox {
            ticks: VecDeque::with_capacity(TICKS),
            looks: VecDeque::with_capacity(TICKS),
            failed_ns: None,
        }
    }
}

impl BlackBox {
    /// Adds a tick.
    pub fn add(&mut self, sample: &Sample, cycle: Cycle) {
        if self.ticks.len() == TICKS {
            self.ticks.pop_front();
        }
        self.ticks.push_back((*sample, cycle));
    }

    /// The supervisor looks up, `now_ns` after the start of the program, and sees whether something has failed. That it
    /// is late is a witness of a machine that stood still.
    pub fn look(&mut self, now_ns: u64, failed: bool) {
        if failed {
            self.failed_ns.get_or_insert(now_ns);
        } else {
            self.failed_ns = None;
        }
        if self.looks.len() == TICKS {
            self.looks.pop_front();
        }
        let before_ns = self.looks.back().map_or(now_ns, |(then_ns, _)| *then_ns);
        self.looks.push_back((now_ns, now_ns - before_ns));
    }

    /// Whose fault the abort was, which the operator learns `now_ns` after the start of the program; the last seconds are
    /// saved in `folder`.
    pub fn conclude(&self, abort: &Abort, now_ns: u64, robot: &str, folder: &Path) -> Finding {
        let (culprit, because) = match abort {
            Abort::Fault(fault) => culprit::find(fault, &self.ticks, &self.looks),
            Abort::Ours(_) => (Culprit::Us, "our own safety layer stopped the arm".to_string()),
        };
        let contents = File {
            schema: SCHEMA,
            robot,
            fault: match abort {
                Abort::Fault(fault) => fault.to_string(),
                Abort::Ours(why) => why.clone(),
            },
            culprit,
            because: &because,
            columns: columns(),
            rows: self.ticks.iter().map(|(sample, cycle)| row(sample, *cycle)).collect(),
        };
        let file = save(&contents, folder)
            .inspect_err(|error| {
                log::error!("the black box cannot be saved in {}: {error}", folder.display())
            })
            .ok();
        let last_ns = self.ticks.back().map(|(_, cycle)| cycle.answered_ns);
        let after_ms = |at_ns: u64| Some(at_ns.saturating_sub(last_ns?) as f64 * 1e-6);
        let named_after_ms = after_ms(self.failed_ns.unwrap_or(now_ns));
        Finding { culprit, because, named_after_ms, back_after_ms: after_ms(now_ns), file }
    }
}

/// Where black boxes are kept unless somebody says otherwise: the user's folder for state.
pub fn default_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    state.unwrap_or_else(std::env::temp_dir).join("franka-imit")
}

fn save(contents: &File, folder: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ");
    let robot = contents.robot.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_");
    let file = folder.join(format!("{PREFIX}{robot}-{now}.json"));
    atomic_file::write(&file, &serde_json::to_vec(contents)?)?;
    prune(folder, &robot);
    Ok(file)
}

/// Removes the oldest files of a robot: their names begin with the time.
fn prune(folder: &Path, robot: &str) {
    let mut files = files(folder, robot);
    let surplus = files.len().saturating_sub(FILES);
    for file in files.drain(..surplus) {
        let _ = std::fs::remove_file(file); // somebody else may have
    }
}

/// The black boxes of `robot` in `folder`, oldest first.
fn files(folder: &Path, robot: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let start = format!("{PREFIX}{robot}-");
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(&start) && name.ends_with(".json")
        })
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(ours).collect();
    files.sort();
    files
}

/// The way back along the last seconds of a robot's newest black box: desired joints, rad, newest first.
pub fn way_back(folder: &Path, robot: &str) -> Option<(Duration, Vec<[f64; 7]>)> {
    let file = files(folder, robot).pop()?;
    let age = file.metadata().ok()?.modified().ok()?.elapsed().ok()?;
    let contents: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let names = contents["columns"].as_array()?;
    let first = names.iter().position(|name| name == "q_d_1_rad")?;
    let rows = contents["rows"].as_array()?.iter().rev();
    let joints = |row: &serde_json::Value| -> Option<[f64; 7]> {
        let mut q = [0.0; 7];
        for (k, q) in q.iter_mut().enumerate() {
            *q = row.get(first + k)?.as_f64()?;
        }
        Some(q)
    };
    Some((age, rows.map(joints).collect::<Option<Vec<_>>>()?))
}

fn columns() -> Vec<String> {
    let mut names: Vec<String> =
        ["time_ms", "received_us", "compute_us", "lost", "tau_s", "success_rate", "verdict", "edition"]
            .map(String::from)
            .to_vec();
    for (name, unit) in
        [("q", "rad"), ("dq", "rad_s"), ("q_d", "rad"), ("q_c", "rad"), ("q_ref", "rad"), ("tau_ext", "nm")]
    {
        names.extend((1..=7).map(|joint| format!("{name}_{joint}_{unit}")));
    }
    for name in ["O_p_EE", "x_ref", "X"] {
        names.extend(["x", "y", "z"].map(|axis| format!("{name}_{axis}_m")));
    }
    for name in ["x_ref", "X"] {
        names.extend(["qx", "qy", "qz", "qw"].map(|number| format!("{name}_{number}")));
    }
    names
}

fn row(sample: &Sample, cycle: Cycle) -> Vec<f64> {
    let s = &sample.state;
    let mut row = vec![
        s.time_ms as f64,
        cycle.received_ns as f64 * 1e-3,
        cycle.answered_ns.saturating_sub(cycle.received_ns) as f64 * 1e-3,
        f64::from(sample.lost),
        sample.tau_s,
        s.control_command_success_rate,
        f64::from(sample.verdict.0),
        f64::from(sample.edition),
    ];
    for joints in [&s.q, &s.dq, &s.q_d, &sample.q_c, &sample.q_ref, &s.tau_ext_hat_filtered] {
        row.extend(joints);
    }
    for point in [&sample.O_p_EE, &sample.x_ref.translation.vector, &sample.X.translation.vector] {
        row.extend(point.iter());
    }
    for pose in [&sample.x_ref, &sample.X] {
        row.extend(pose.rotation.coords.iter());
    }
    row
}

//! What a rung leaves behind: a TOML file a robot and rung.
use super::rungs::Rung;
use franka_imit::timing::Quantiles;
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A rung's result; units in the names.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RungResult {
    pub(crate) rung: String,
    pub(crate) robot: String,
    pub(crate) passed: bool,
    /// Seconds since 1970.
    pub(crate) at_s: u64,
    pub(crate) version: String,
    /// Version of the research interface that the driver and the robot agreed on.
    pub(crate) interface_version: u16,
    pub(crate) kernel: String,
    pub(crate) duration_s: f64,
    pub(crate) cycles: u64,
    pub(crate) missed: u64,
    pub(crate) success_rate_mean: f64,
    pub(crate) notes: Vec<String>,
    /// Between two states, or from a state to its answer where the rung commands.
    pub(crate) histogram_us: Histogram,
}

/// Quantiles, µs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Histogram {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl From<Quantiles> for Histogram {
    fn from(q: Quantiles) -> Self {
        Histogram { p50: q.p50, p99: q.p99, p999: q.p999, max: q.max }
    }
}

impl RungResult {
    pub(crate) fn summary(&self) -> String {
        let Histogram { p50, p99, max, .. } = self.histogram_us;
        format!(
            "{:.0} s, {} cycles, {} missed, {:.1} % arrived; p50 {p50:.0}, p99 {p99:.0}, max {max:.0} µs{}",
            self.duration_s,
            self.cycles,
            self.missed,
            100.0 * self.success_rate_mean,
            self.notes.iter().map(|note| format!("; {note}")).collect::<String>()
        )
    }
}

/// The results of one robot.
pub(crate) struct Results {
    folder: PathBuf,
    pub(crate) robot: String,
}

impl Results {
    pub(crate) fn new(folder: &Path, robot: &str) -> Results {
        Results { folder: folder.to_path_buf(), robot: robot.to_string() }
    }

    /// Kept beside the checklist, a folder a robot.
    pub(crate) fn of_robot(ip: IpAddr) -> Results {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil/results").join(ip.to_string());
        Results { folder, robot: ip.to_string() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn has_passed(&self, rung: &Rung) -> bool {
        let text = fs::read_to_string(self.folder.join(format!("{}.toml", rung.name)));
        let result = text.ok().and_then(|text| toml::from_str::<RungResult>(&text).ok());
        result.is_some_and(|result| result.passed && result.rung == rung.name && result.robot == self.robot)
    }

    pub(crate) fn write(&self, result: &RungResult) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join(format!("{}.toml", result.rung)), toml::to_string_pretty(result)?)?;
        Ok(())
    }
}

/// What a result says of the machine and the moment.
pub(crate) fn begun(rung: &str, robot: &str) -> RungResult {
    let kernel = ["/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/version"]
        .map(|file| fs::read_to_string(file).unwrap_or_default().trim().to_string());
    RungResult {
        rung: rung.to_string(),
        robot: robot.to_string(),
        passed: false,
        at_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        interface_version: 5,
        kernel: kernel.join(" "),
        duration_s: 0.0,
        cycles: 0,
        missed: 0,
        success_rate_mean: 1.0,
        notes: Vec::new(),
        histogram_us: Histogram::default(),
    }
}

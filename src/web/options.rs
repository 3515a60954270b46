//! What the page may do, and how often.
use crate::range::{Violation, check_count, check_range};
use serde::{Deserialize, Serialize};

/// The page that the program serves with `--serve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Port of the page, where `--serve` names none.
    pub port: usize,
    /// Updates a second.
    pub updates_hz: f64,
    /// After so long without a sign of life the operator has left, s: what the page has started comes to rest.
    pub lease_s: f64,
    /// Names by which a browser may call the machine, besides its addresses and localhost.
    pub names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { port: 8707, updates_hz: 30.0, lease_s: 2.0, names: Vec::new() }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "port", self.port, 1..=usize::from(u16::MAX), "");
        check_range(&mut out, "updates_hz", self.updates_hz, 1.0..=60.0, "1/s");
        check_range(&mut out, "lease_s", self.lease_s, 1.0..=10.0, "s");
        out
    }
}

//! Room for recordings.
use super::finding::{Check, Finding};
use super::trials::Trials;
use std::path::Path;

const WANTED_BYTES: u64 = 10_000_000_000;
const LEAST_BYTES: u64 = 500_000_000;

pub(super) fn examine(trials: &dyn Trials, recordings: &Path) -> Vec<Finding> {
    let check = Check::new("disk", "free for recordings", "10 GB or more");
    let mend = format!("df -h {0}; du -sh {0}/*   (and remove what is not needed)", recordings.display());
    vec![match trials.free_bytes(recordings) {
        Ok(bytes) => {
            let found = format!("{:.1} GB in {}", bytes as f64 * 1e-9, recordings.display());
            if bytes < LEAST_BYTES {
                check.fail(found, mend)
            } else {
                check.pass_or_warn(bytes >= WANTED_BYTES, found, mend)
            }
        }
        Err(why) => check.cannot_read(why, None),
    }]
}

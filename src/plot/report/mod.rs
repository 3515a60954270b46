//! Panels of what a command reported.
mod eval;
mod home;
mod policies;
mod replay;
mod run;
mod teach;
mod timeline;
mod train;

use super::{Error, Page};
use crate::telemetry::SCHEMA;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// The commands whose reports are drawn.
pub(super) const DRAWN: &str = "run, train, eval, replay, home and teach";

/// What every report says.
#[derive(Deserialize)]
struct Head {
    schema: u64,
    command: String,
    version: String,
    ending: String,
    #[serde(default)]
    faults: Vec<String>,
}

/// The page of the report that `text` is; `file` is for messages and the title.
///
/// # Errors
/// [`Error`] where it is no report, one of a newer schema, or one that holds nothing to draw.
pub fn of_report(text: &str, file: &Path) -> Result<Page, Error> {
    let foreign = |why: String| Error::Foreign { file: file.to_owned(), why };
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| foreign(format!("not JSON: {e}")))?;
    let head: Head = serde_json::from_value(value).map_err(|e| foreign(e.to_string()))?;
    if head.schema > u64::from(SCHEMA) {
        return Err(Error::Newer { file: file.to_owned(), schema: head.schema });
    }
    let (lines, charts) = match head.command.as_str() {
        "run" => run::panels(&parsed(text, file, &head)?),
        "train" => train::panels(&parsed(text, file, &head)?),
        "eval" => eval::panels(&parsed(text, file, &head)?),
        "replay" => replay::panels(&parsed(text, file, &head)?),
        "home" => home::panels(&parsed(text, file, &head)?),
        "teach" => teach::panels(&parsed(text, file, &head)?),
        _ => (Vec::new(), Vec::new()),
    };
    if charts.is_empty() {
        let why = match head.faults.first() {
            Some(fault) => format!(": it ended with: {fault}"),
            None => holds(&head.command).to_owned(),
        };
        return Err(Error::Nothing { file: file.to_owned(), command: head.command, why });
    }
    let faults = head.faults.iter().map(|fault| format!("ended by: {fault}"));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(Page {
        title: format!("franka-imit {}: {name}", head.command),
        lines: lines
            .into_iter()
            .chain(faults)
            .chain([format!("{}; franka-imit {}", head.ending, head.version)])
            .collect(),
        charts,
    })
}

/// What a report without a picture holds, and what to draw instead.
fn holds(command: &str) -> &'static str {
    match command {
        "expert" => {
            ": it counts labels, and the labels are in the file it names as out; draw the drive along them"
        }
        "doctor" | "bench" => ": it holds figures of a machine, of no motion",
        "eval" => ": it judged the network alone (--network-only), and nothing drove",
        "home" | "teach" => {
            ": an earlier version wrote it, without times; of what was taught draw the episodes"
        }
        _ => "",
    }
}

/// A report's own keys; from the text, so that a mistake has a line.
fn parsed<T: DeserializeOwned>(text: &str, file: &Path, head: &Head) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|e| Error::Shape {
        file: file.to_owned(),
        command: head.command.clone(),
        why: e.to_string(),
    })
}

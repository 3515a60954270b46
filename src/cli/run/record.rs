//! The record of a drive: `--record`.
use super::super::exit::usage;
use super::Run;
use crate::control::{Outcome, Pulse};
use crate::demonstration::episode::{EXTENSION, Meta, Options, RobotMeta};
use crate::demonstration::store;
use crate::robot::{Fault, realtime};
use crate::telemetry::{Recorder, Saved, recorder};
use std::path::Path;

/// Refuses a place where nothing could be recorded, before anything is done for it.
pub(super) fn check(place: &Path) -> anyhow::Result<()> {
    let is_file = place.extension().is_some_and(|e| e == EXTENSION);
    let folder = if is_file { store::folder_of(place.parent().unwrap_or(place)) } else { place };
    if place.is_dir() == is_file || !folder.is_dir() {
        return Err(usage(format!(
            "--record {}: allowed: a folder that exists, or a new file NAME.{EXTENSION} in one",
            place.display()
        )));
    }
    if let (true, Some(name)) = (is_file, place.file_stem()) {
        store::check_name(&name.to_string_lossy()).map_err(|e| usage(format!("--record: {e}")))?;
    }
    for taken in [place.to_owned(), recorder::part_of(place)].iter().filter(|_| is_file) {
        if taken.exists() {
            return Err(usage(format!(
                "--record {}: {} is there and is never overwritten: choose another name{}",
                place.display(),
                taken.display(),
                if taken == place { "" } else { ", or save it with 'franka-imit demos repair'" }
            )));
        }
    }
    Ok(())
}

/// Begins the record, if one is wanted.
pub(super) fn begin(
    run: &Run,
    pulse: &Pulse,
    control_core: Option<usize>,
) -> anyhow::Result<Option<Recorder>> {
    let Some(place) = &run.args.record else { return Ok(None) };
    let file = recorder::file_in(place, "run");
    let address = run.args.robot_ip.as_deref().unwrap_or("simulated");
    let meta = Meta {
        task: format!("follow {}", run.prepared.figures.name),
        note: run.args.note.clone(),
        source: "run".to_string(),
        began: jiff::Timestamp::now().to_string(),
        realtime_ns: recorder::realtime_ns(pulse.now_ns()),
        robot: RobotMeta::new(address, &run.state.F_T_EE, &run.config.robot),
        ..Meta::default()
    };
    let options = Options { is_packed: !run.args.record_exact };
    let recorder = Recorder::begin(&file, meta, options, &realtime::cores_but(control_core))?;
    Ok(Some(recorder))
}

/// Ends it and says what is in it.
pub(super) fn keep(
    recorder: Recorder,
    outcome: &Result<Outcome, Fault>,
    asked: bool,
) -> anyhow::Result<Saved> {
    let (because, dropped) = match outcome {
        Ok(Outcome { result: Err(fault), samples, .. }) => (fault.to_string(), samples.dropped_by_recorder),
        Ok(outcome) if !outcome.stopped_by.is_clear() => {
            ("our own safety layer stopped it".to_string(), outcome.samples.dropped_by_recorder)
        }
        Ok(outcome) => {
            (if asked { "stopped as asked" } else { "done" }.to_string(), outcome.samples.dropped_by_recorder)
        }
        Err(fault) => (fault.to_string(), 0),
    };
    let saved = recorder.keep(&because, dropped)?;
    say!(
        "saved    {}: {} ticks, {} dropped, {:.1} MB",
        saved.file.display(),
        saved.ticks,
        saved.dropped,
        saved.bytes as f64 * 1e-6
    );
    if let Some(words) = &saved.cut_short {
        say!("note     {words}");
    }
    Ok(saved)
}

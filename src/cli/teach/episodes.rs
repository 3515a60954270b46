//! A session's episodes: a file each, by a recorder of its own; what is thrown away goes to the trash.
use super::super::exit::usage;
use super::Args;
use crate::control::Pulse;
use crate::demonstration::episode::{EXTENSION, Gripper, Meta, Options, RobotMeta, Tick};
use crate::demonstration::sample::Sample;
use crate::demonstration::store;
use crate::robot::gripper::Reading;
use crate::robot::{State, panda, realtime};
use crate::teach::{Because, Mark, Sink};
use crate::telemetry::{Recorder, Saved, recorder};
use crate::timing::Cycle;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a tick may wait for the recorder: we are not the control thread. Later it is dropped, and counted.
const PATIENCE: Duration = Duration::from_millis(500);

/// An episode that was kept, for the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Kept {
    number: u64,
    label: String,
    success: Option<bool>,
    #[serde(flatten)]
    saved: Saved,
}

impl Kept {
    pub(super) fn file(&self) -> &Path {
        &self.saved.file
    }
}

/// An episode that is recorded, or waits for a decision.
struct Open {
    recorder: Recorder,
    because: String,
    dropped: u64,
    is_empty: bool,
}

pub(super) struct Episodes {
    folder: PathBuf,
    stem: String,
    meta: Meta,
    cores: Vec<usize>,
    first: u64,
    open: Option<Open>,
    gripper: Option<Gripper>,
    kept: Vec<Kept>,
}

/// Makes the folder of `--out` where there is none.
pub(super) fn check_folder(folder: &Path) -> anyhow::Result<()> {
    if !folder.is_dir() {
        std::fs::create_dir(folder).map_err(|e| {
            usage(format!(
                "--out {}: {e}; allowed: a folder, or a new one in one that exists",
                folder.display()
            ))
        })?;
    }
    Ok(())
}

impl Episodes {
    pub(super) fn new(
        args: &Args,
        robot: &str,
        state: &State,
        set: &panda::Options,
        pulse: &Pulse,
        control_core: Option<usize>,
    ) -> anyhow::Result<Episodes> {
        let meta = Meta {
            task: args.task.clone(),
            source: "teach".to_owned(),
            realtime_ns: recorder::realtime_ns(pulse.now_ns()),
            robot: RobotMeta::new(if args.sim { "simulated" } else { robot }, &state.F_T_EE, set),
            ..Meta::default()
        };
        let stem = stem(&args.task);
        let files = store::files(&args.out).map_err(usage)?;
        let number =
            |file: &PathBuf| store::name_of(file)?.strip_prefix(&stem)?.strip_prefix('-')?.parse().ok();
        let last: u64 = files.iter().filter_map(number).max().unwrap_or(0);
        Ok(Episodes {
            folder: args.out.clone(),
            stem,
            meta,
            cores: realtime::cores_but(control_core),
            first: last + 1,
            open: None,
            gripper: None,
            kept: Vec::new(),
        })
    }

    /// The number of the next episode in the folder: none is overwritten.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// What the gripper says from now on.
    pub(super) fn set_gripper(&mut self, reading: Option<Reading>) {
        let of = |Reading { width_m, is_grasped }| Gripper { width_m, is_grasped };
        self.gripper = reading.map(of);
    }

    /// Why the episode that runs is no longer written, if so: a full disk, for example.
    pub(super) fn trouble(&self) -> Option<String> {
        self.open.as_ref().and_then(|open| open.recorder.failed())
    }

    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Closes the file of the episode that has ended.
    fn close(&mut self, number: u64) -> Result<Kept, String> {
        let open = self.open.take().ok_or_else(|| format!("episode {number} was not recorded"))?;
        let Meta { label, success, .. } = open.recorder.meta().clone();
        let saved = open.recorder.keep(&open.because, open.dropped).map_err(|e| e.to_string())?;
        Ok(Kept { number, label, success, saved })
    }
}

impl Sink for Episodes {
    fn begin(&mut self, number: u64) -> Result<(), String> {
        let file = self.folder.join(format!("{}-{number:04}.{EXTENSION}", self.stem));
        let meta = Meta { began: jiff::Timestamp::now().to_string(), ..self.meta.clone() };
        let recorder =
            Recorder::begin(&file, meta, Options::default(), &self.cores).map_err(|e| e.to_string())?;
        self.open = Some(Open { recorder, because: String::new(), dropped: 0, is_empty: true });
        Ok(())
    }

    fn add(&mut self, sample: &Sample, cycle: Cycle) {
        if let Some(open) = &mut self.open {
            let tick = Tick::of(sample, cycle, self.gripper);
            open.is_empty = false;
            open.dropped += u64::from(open.recorder.feed().send_timeout(tick, PATIENCE).is_err());
        }
    }

    fn mark(&mut self, _: u64, mark: &Mark) {
        if let Some(open) = &mut self.open {
            let meta = open.recorder.meta_mut();
            match mark {
                Mark::Success(success) => meta.success = Some(*success),
                Mark::Label(label) => meta.label.clone_from(label),
                Mark::Note(note) => meta.note.clone_from(note),
            }
        }
    }

    fn end(&mut self, _: u64, because: &Because) {
        if let Some(open) = &mut self.open {
            open.because = match because {
                Because::Done => "done".to_owned(),
                Because::Quit => "the session ended".to_owned(),
                Because::Fault(why) => why.clone(),
            };
        }
    }

    fn keep(&mut self, number: u64) -> Result<String, String> {
        let kept = self.close(number)?;
        let Saved { file, ticks, dropped, bytes, cut_short } = kept.saved.clone();
        self.kept.push(kept);
        let megabytes = bytes as f64 * 1e-6;
        let line = format!("{}: {ticks} ticks, {dropped} dropped, {megabytes:.1} MB", file.display());
        match cut_short {
            None => Ok(format!("saved    {number}: {line}")),
            Some(why) => Err(format!("episode {number} is cut short, {line}: {why}")),
        }
    }

    fn discard(&mut self, number: u64) -> Result<(), String> {
        if let Some(open) = self.open.take_if(|open| open.is_empty) {
            return open.recorder.discard().map_err(|e| e.to_string());
        }
        let file = match self.kept.iter().position(|kept| kept.number == number) {
            Some(place) => self.kept.remove(place).saved.file,
            None => self.close(number)?.saved.file,
        };
        store::throw_away(&file).map(|_| ()).map_err(|e| e.to_string())
    }
}

/// The beginning of the files' names: the task, as far as a name can say it.
fn stem(task: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = task.chars().map(fits).take(60).collect();
    let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    if words.is_empty() { "episode".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_the_task_as_far_as_a_name_can_say_it() {
        for (task, name) in
            [("Draw a circle!", "draw-a-circle"), ("../..", "episode"), ("", "episode"), ("ä 1", "1")]
        {
            assert_eq!(stem(task), name, "{task}");
            assert!(store::check_name(&stem(task)).is_ok());
        }
    }
}

//! LeRobot data sets, version 3.0, as lerobot 0.6 reads them.
use super::Error;
use super::frames::{Frame, frames};
use super::stats::Stats;
use super::tables::{Column, integers, numbers, statistics, table, tasks, texts, vectors};
use crate::atomic_file;
use crate::demonstration::episode::Episode;
use crate::demonstration::store::{folder_of, rename_new};
use crate::range::{Violation, check_count};
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The one file of every table. LeRobot itself begins another at a hundred megabytes (three hours of 50 Hz), and reads
/// a larger one all the same.
const FILE: &str = "chunk-000/file-000.parquet";

/// How a data set is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Frames a second; 1000 for every tick.
    pub fps: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { fps: 50 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "fps", self.fps as usize, 1..=1000, "1/s");
        out
    }
}

/// A data set that is being written: episodes one by one, into a folder that gets its name when it is finished.
pub struct LeRobot {
    place: PathBuf,
    part: PathBuf,
    fps: u32,
    writer: Option<ArrowWriter<File>>,
    has_gripper: Option<bool>,
    tasks: Vec<String>,
    episodes: Vec<Row>,
    frames: i64,
    all: Vec<Vec<f32>>,
}

/// What is known of an episode that has been written.
struct Row {
    task: usize,
    from: i64,
    length: i64,
    stats: Vec<Stats>,
}

/// A feature: name, width, and where it stands in a frame; the widths of the last five are 1 and their numbers made here.
type Feature = (&'static str, fn(&Frame) -> &[f32]);

const FEATURES: [Feature; 6] = [
    ("observation.state", |frame| &frame.state),
    ("observation.velocity", |frame| &frame.velocity),
    ("observation.effort", |frame| &frame.effort),
    ("observation.ee_pose", |frame| &frame.ee_pose),
    ("observation.environment_state", |frame| &frame.wrench),
    ("action", |frame| &frame.action),
];
const DEFAULTS: [&str; 5] = ["timestamp", "frame_index", "episode_index", "index", "task_index"];

impl LeRobot {
    /// Begins a data set in `place`, a folder that must not be there.
    ///
    /// # Errors
    /// [`Error::Exists`], or what the system says.
    pub fn begin(place: &Path, options: &Options) -> Result<LeRobot, Error> {
        if place.exists() {
            return Err(Error::Exists { place: place.to_owned() });
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = folder_of(place.parent().unwrap_or(Path::new("")));
        let part = folder.join(format!(".{name}.{}.part", std::process::id()));
        for inside in ["data/chunk-000", "meta/episodes/chunk-000"] {
            let folder = part.join(inside);
            std::fs::create_dir_all(&folder).map_err(|source| Error::Io { place: folder, source })?;
        }
        Ok(LeRobot {
            place: place.to_owned(),
            part,
            fps: options.fps,
            writer: None,
            has_gripper: None,
            tasks: Vec::new(),
            episodes: Vec::new(),
            frames: 0,
            all: vec![Vec::new(); FEATURES.len() + DEFAULTS.len()],
        })
    }

    /// Adds an episode; a row group of its own, as LeRobot wants it.
    ///
    /// # Errors
    /// [`Error::Pose`], [`Error::Gripper`] when it has one and the others have none, or what the system says.
    pub fn add(&mut self, name: &str, episode: &Episode) -> Result<(), Error> {
        let frames = frames(name, episode, self.fps)?;
        let Some(first) = frames.first() else { return Ok(()) };
        let words = |has: bool| if has { "with a" } else { "without a" };
        let has_gripper = first.state.len() > 7;
        match self.has_gripper.replace(has_gripper) {
            Some(before) if before != has_gripper => {
                let (found, expected) = (words(has_gripper), words(before));
                return Err(Error::Gripper { episode: name.to_string(), found, expected });
            }
            _ => {}
        }
        let task = if episode.meta.task.is_empty() { "unnamed" } else { &episode.meta.task };
        let task = self.tasks.iter().position(|known| known == task).unwrap_or_else(|| {
            self.tasks.push(task.to_string());
            self.tasks.len() - 1
        });
        let (index, length) = (self.episodes.len() as i64, frames.len() as i64);
        let mut columns = Vec::new();
        let mut stats = Vec::new();
        for (i, (feature, of)) in FEATURES.iter().enumerate() {
            let rows: Vec<f32> = frames.iter().flat_map(|frame| of(frame).iter().copied()).collect();
            columns.push(vectors(feature, of(first).len(), &rows));
            stats.push(Stats::of(of(first).len(), &rows));
            self.all[i].extend(&rows);
        }
        let times: Vec<f32> = (0..length).map(|k| (k as f64 / f64::from(self.fps)) as f32).collect();
        let counters: [Vec<i64>; 4] = [
            (0..length).collect(),
            vec![index; frames.len()],
            (self.frames..self.frames + length).collect(),
            vec![task as i64; frames.len()],
        ];
        for (i, name) in DEFAULTS.iter().enumerate() {
            let rows = match i {
                0 => times.clone(),
                _ => counters[i - 1].iter().map(|x| *x as f32).collect(),
            };
            columns.push(if i == 0 {
                numbers(name, times.clone())
            } else {
                integers(name, counters[i - 1].clone())
            });
            stats.push(Stats::of(1, &rows));
            self.all[FEATURES.len() + i].extend(rows);
        }
        self.write(columns)?;
        self.episodes.push(Row { task, from: self.frames, length, stats });
        self.frames += length;
        Ok(())
    }

    fn write(&mut self, columns: Vec<Column>) -> Result<(), Error> {
        let place = self.part.join("data").join(FILE);
        let failed = |source| Error::Parquet { place: place.clone(), source };
        let batch =
            table(columns, HashMap::new()).map_err(|source| Error::Arrow { place: place.clone(), source })?;
        if self.writer.is_none() {
            let file = File::create(&place).map_err(|source| Error::Io { place: place.clone(), source })?;
            self.writer =
                Some(ArrowWriter::try_new(file, batch.schema(), Some(properties())).map_err(failed)?);
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(&batch).and_then(|()| writer.flush()).map_err(failed)
    }

    /// Writes what describes the frames, and gives the folder its name; frames and episodes in it.
    ///
    /// # Errors
    /// [`Error::Nothing`] without an episode, or what the system says.
    pub fn finish(mut self) -> Result<(i64, usize), Error> {
        let Some(writer) = self.writer.take() else { return Err(Error::Nothing) };
        let data = self.part.join("data").join(FILE);
        writer.close().map_err(|source| Error::Parquet { place: data, source })?;
        let meta = self.part.join("meta");
        save(&meta.join("episodes").join(FILE), self.episodes_table())?;
        save(&meta.join("tasks.parquet"), tasks(&self.tasks))?;
        for (name, value) in [("stats.json", self.stats()), ("info.json", self.info())] {
            let place = meta.join(name);
            let text = serde_json::to_vec_pretty(&value).unwrap_or_default();
            atomic_file::write(&place, &text).map_err(|source| Error::Io { place, source })?;
        }
        rename_new(&self.part, &self.place)
            .map_err(|source| Error::Io { place: self.place.clone(), source })?;
        Ok((self.frames, self.episodes.len()))
    }

    fn names() -> impl Iterator<Item = &'static str> {
        FEATURES.iter().map(|(name, _)| *name).chain(DEFAULTS)
    }

    fn episodes_table(&self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let rows = &self.episodes;
        let of =
            |value: fn(usize, &Row) -> i64| rows.iter().enumerate().map(|(i, row)| value(i, row)).collect();
        let tasks: Vec<Vec<String>> = rows.iter().map(|row| vec![self.tasks[row.task].clone()]).collect();
        let mut columns = vec![
            integers("episode_index", of(|i, _| i as i64)),
            texts("tasks", &tasks),
            integers("length", of(|_, row| row.length)),
            integers("data/chunk_index", of(|_, _| 0)),
            integers("data/file_index", of(|_, _| 0)),
            integers("dataset_from_index", of(|_, row| row.from)),
            integers("dataset_to_index", of(|_, row| row.from + row.length)),
        ];
        for (i, name) in Self::names().enumerate() {
            let stats: Vec<&Stats> = rows.iter().map(|row| &row.stats[i]).collect();
            columns.extend(statistics(name, &stats));
        }
        columns.push(integers("meta/episodes/chunk_index", of(|_, _| 0)));
        columns.push(integers("meta/episodes/file_index", of(|_, _| 0)));
        table(columns, HashMap::new())
    }

    fn stats(&self) -> Value {
        let width = |i: usize| (self.all[i].len() / self.frames.max(1) as usize).max(1);
        let of = |(i, name): (usize, &str)| (name.to_string(), json!(Stats::of(width(i), &self.all[i])));
        Value::Object(Self::names().enumerate().map(of).collect())
    }

    fn info(&self) -> Value {
        let joints: Vec<String> = (1..=7).map(|j| format!("joint_{j}.pos")).collect();
        let with_gripper: Vec<String> = joints
            .iter()
            .cloned()
            .chain(self.has_gripper.unwrap_or(false).then(|| "gripper.pos".to_string()))
            .collect();
        let names = |name: &str| match name {
            "observation.state" | "action" => json!(with_gripper),
            "observation.velocity" => json!((1..=7).map(|j| format!("joint_{j}.vel")).collect::<Vec<_>>()),
            "observation.effort" => json!((1..=7).map(|j| format!("joint_{j}.effort")).collect::<Vec<_>>()),
            "observation.ee_pose" => json!(["x", "y", "z", "qx", "qy", "qz", "qw"]),
            _ => json!(["fx", "fy", "fz", "mx", "my", "mz"]),
        };
        let mut features = Map::new();
        for (i, (name, _)) in FEATURES.iter().enumerate() {
            let width = self.all[i].len() / self.frames.max(1) as usize;
            features.insert(
                name.to_string(),
                json!({ "dtype": "float32", "shape": [width], "names": names(name) }),
            );
        }
        for (i, name) in DEFAULTS.iter().enumerate() {
            let dtype = if i == 0 { "float32" } else { "int64" };
            features.insert(name.to_string(), json!({ "dtype": dtype, "shape": [1], "names": null }));
        }
        json!({
            "codebase_version": "v3.0",
            "robot_type": "panda",
            "total_episodes": self.episodes.len(),
            "total_frames": self.frames,
            "total_tasks": self.tasks.len(),
            "chunks_size": 1000,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self.fps,
            "splits": { "train": format!("0:{}", self.episodes.len()) },
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": null,
            "features": features,
        })
    }
}

impl Drop for LeRobot {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.part); // only our own leftover; it is gone when finished
    }
}

fn properties() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::SNAPPY).build()
}

fn save(place: &Path, batch: Result<RecordBatch, arrow_schema::ArrowError>) -> Result<(), Error> {
    let failed = |source| Error::Parquet { place: place.to_owned(), source };
    let batch = batch.map_err(|source| Error::Arrow { place: place.to_owned(), source })?;
    let file = File::create(place).map_err(|source| Error::Io { place: place.to_owned(), source })?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties())).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.close().map(|_| ()).map_err(failed)
}

//! What was drawn on the page, kept: its points before they are learnt, and an episode of them.
use super::super::exit::usage;
use crate::atomic_file;
use crate::config::Config;
use crate::demonstration::csv::Rows;
use crate::demonstration::episode::{EXTENSION, Meta, Options};
use crate::demonstration::expert::Expert;
use crate::demonstration::foreign::{self, Conditions, Recording};
use crate::demonstration::store;
use crate::kinematics::Pose;
use crate::telemetry::{black_box, recorder};
use anyhow::Context;
use std::path::{Path, PathBuf};

/// A drawing whose points are kept.
pub(super) struct Drawn {
    recording: Recording,
    points: PathBuf,
    began: jiff::Timestamp,
}

impl Drawn {
    /// Keeps its points, as a file that `demos import` and `--trajectory` read; without a folder, where the program keeps its
    /// state.
    pub(super) fn keep(rows: Rows, folder: Option<&Path>) -> anyhow::Result<Drawn> {
        let usual = || black_box::default_folder().join("drawings");
        let folder = folder.map_or_else(usual, Path::to_owned);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let points = recorder::file_in(&folder, "drawing").with_extension("csv");
        atomic_file::write(&points, rows.to_csv().as_bytes())
            .with_context(|| points.display().to_string())?;
        Ok(Drawn { recording: rows.into(), points, began: jiff::Timestamp::now() })
    }

    /// Where its points are.
    pub(super) fn points(&self) -> &Path {
        &self.points
    }

    /// Keeps it as an episode too: in its own time, or as fast as `config` has it followed; not slowed where the arm is not
    /// as fast.
    ///
    /// # Errors
    /// A place that cannot be reached; a disk that is full.
    pub(super) fn episode(&self, config: &Config, F_T_EE: Pose) -> anyhow::Result<PathBuf> {
        let file = self.points.with_extension(EXTENSION);
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let meta = Meta {
            task: "drawing".to_owned(),
            source: "drawn on the page".to_owned(),
            began: self.began.to_string(),
            ..Meta::default()
        };
        let expert = Expert::new(config.expert, F_T_EE);
        let with = Conditions { expert: &expert, drawing: &config.drawing, motion: &config.motion };
        let episode = foreign::episode(&name, &self.recording, &meta, &with).map_err(usage)?;
        store::save(&file, &episode, Options::default()).map_err(usage)?;
        Ok(file)
    }
}

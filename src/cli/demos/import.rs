//! `demos import`.
use super::super::exit::usage;
use crate::config::Config;
use crate::demonstration::episode::{Meta, Options};
use crate::demonstration::expert::Expert;
use crate::demonstration::foreign::{self, Conditions, Error, Map, Source};
use crate::demonstration::store;
use crate::kinematics::hand_tool;
use crate::range::{check_each, check_range};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A CSV file of positions (t_s,x_m,y_m,z_m) or joints (t_s,q1_rad to q7_rad), a LAIR drawing (demo,k,x,y in
    /// pixels), the Panda symbols (recording,k,x,y,z,...), or the original's JSON.
    file: PathBuf,
    /// The episode's name; several recordings of a file are numbered. [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// What is done in it.
    #[arg(long, default_value = "imported")]
    task: String,
    /// Metres for a pixel of a drawing.
    #[arg(long, value_name = "M", conflicts_with = "scale", allow_negative_numbers = true)]
    metres_per_pixel: Option<f64>,
    /// Scale of positions about their middle.
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    scale: Option<f64>,
    /// Turn positions about the vertical through their middle, rad.
    #[arg(long, value_name = "RAD", default_value_t = 0.0, allow_negative_numbers = true)]
    turn_rad: f64,
    /// Move the middle of the positions there, base frame, m.
    #[arg(long, value_name = "X,Y,Z", value_parser = point, allow_hyphen_values = true)]
    centre_m: Option<[f64; 3]>,
    /// Speed along a path without times, m/s. [default: motion.speed_m_s]
    #[arg(long, value_name = "M/S", allow_negative_numbers = true)]
    speed_m_s: Option<f64>,
    /// Configuration file or preset; may be given several times, later wins.
    #[arg(long, value_name = "FILE")]
    config: Vec<String>,
}

/// Three numbers with commas between.
fn point(text: &str) -> Result<[f64; 3], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|x| x.trim().parse()).collect();
    let numbers = numbers.map_err(|e| e.to_string())?;
    numbers.try_into().map_err(|n: Vec<f64>| format!("{} numbers, allowed 3: X,Y,Z", n.len()))
}

impl Args {
    fn map(&self, source: Source) -> anyhow::Result<Map> {
        let mut wrong = Vec::new();
        for (key, value) in [("metres-per-pixel", self.metres_per_pixel), ("scale", self.scale)] {
            check_range(&mut wrong, key, value.unwrap_or(1.0), 1e-6..=1e3, "");
        }
        check_range(&mut wrong, "turn-rad", self.turn_rad, -6.3..=6.3, "rad");
        check_each(&mut wrong, "centre-m", self.centre_m.as_slice().as_flattened(), -1.5..=1.5, "m");
        if let Some(wrong) = wrong.first() {
            return Err(usage(format!("--{wrong}")));
        }
        let centre_m = self.centre_m;
        if source == Source::Lair && (self.metres_per_pixel.is_none() || centre_m.is_none()) {
            return Err(usage(Error::Pixels { file: self.file.clone() }));
        }
        let scale = self.metres_per_pixel.or(self.scale).unwrap_or(1.0);
        Ok(Map { scale, turn_rad: self.turn_rad, centre_m })
    }
}

pub(super) fn run(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let mut config = Config::load(&args.config)?;
    if let Some(speed_m_s) = args.speed_m_s {
        config.motion.speed_m_s = speed_m_s;
    }
    if let Some(wrong) = config.motion.validate().first() {
        return Err(usage(format!("--speed-m-s: {wrong}")));
    }
    let (source, mut recordings) = foreign::read(&args.file).map_err(usage)?;
    args.map(source)?.apply(&mut recordings);
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = args.name.clone().unwrap_or(stem);
    let names: Vec<String> = match recordings.as_slice() {
        [_] => vec![name],
        several => several.iter().map(|r| format!("{name}-{}", r.number.unwrap_or_default())).collect(),
    };
    std::fs::create_dir_all(dir).map_err(|e| usage(format!("--dir {}: {e}", dir.display())))?;
    // All is known to be possible before anything is written.
    let expert = Expert::new(config.expert, hand_tool());
    let with = Conditions { expert: &expert, drawing: &config.drawing, motion: &config.motion };
    let meta = Meta {
        task: args.task.clone(),
        source: format!("import {}", args.file.display()),
        began: jiff::Timestamp::now().to_string(),
        ..Meta::default()
    };
    let mut episodes = Vec::new();
    for (name, recording) in names.iter().zip(&recordings) {
        let file = store::file_for(dir, name).map_err(usage)?;
        if file.exists() {
            return Err(usage(store::Error::Exists { file }));
        }
        episodes.push((file, foreign::episode(name, recording, &meta, &with).map_err(usage)?));
    }
    for (file, episode) in episodes {
        store::save(&file, &episode, Options::default()).map_err(usage)?;
        say!("imported {}: {:.2} s", file.display(), episode.length_s());
    }
    Ok(())
}

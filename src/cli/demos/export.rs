//! `demos export`.
use super::super::exit::usage;
use super::find;
use crate::demonstration::episode::{self, Episode, Reading};
use crate::demonstration::export::{self, LeRobot, Options};
use crate::demonstration::store;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of episodes, or their files. [default: all in the folder]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// A LeRobot data set (a new folder); or in a folder, a file an episode: what --trajectory reads, or every tick as
    /// .csv or .npz.
    #[arg(long, value_enum)]
    format: Format,
    /// Where to; nothing is overwritten.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Frames a second of a LeRobot data set or a trajectory.
    #[arg(long, value_name = "1/S", default_value_t = 50)]
    fps: u32,
    /// Leave out episodes that were not marked as successful.
    #[arg(long)]
    only_successful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Lerobot,
    Trajectory,
    Csv,
    Npz,
}

pub(super) fn run(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let options = Options { fps: args.fps };
    if let Some(wrong) = options.validate().first() {
        return Err(usage(format!("--{wrong}")));
    }
    let files: Vec<PathBuf> = match args.names.is_empty() {
        true => store::files(dir).map_err(usage)?,
        false => args.names.iter().map(|name| find(dir, name)).collect::<anyhow::Result<_>>()?,
    };
    let mut data = match args.format {
        Format::Lerobot => Some(LeRobot::begin(&args.out, &options).map_err(words)?),
        _ => {
            std::fs::create_dir_all(&args.out)
                .map_err(|e| usage(format!("--out {}: {e}", args.out.display())))?;
            None
        }
    };
    let mut count = 0;
    for file in &files {
        let name = store::name_of(file).unwrap_or_default();
        let episode = whole(file)?;
        if args.only_successful && episode.meta.success != Some(true) {
            say!("left out {name}: not marked as successful");
            continue;
        }
        count += 1;
        match &mut data {
            Some(data) => data.add(&name, &episode).map_err(words)?,
            None => {
                let ending = if args.format == Format::Npz { "npz" } else { "csv" };
                let to = args.out.join(format!("{name}.{ending}"));
                match args.format {
                    Format::Trajectory => export::trajectory(&to, &name, &episode, args.fps),
                    Format::Csv => export::csv(&to, &episode),
                    _ => export::npz(&to, &episode),
                }
                .map_err(words)?;
                say!("exported {}", to.display());
            }
        }
    }
    if count == 0 {
        return Err(usage("no episode to export"));
    }
    if let Some(data) = data {
        let (frames, episodes) = data.finish().map_err(words)?;
        say!("exported {}: {frames} frames of {episodes} episodes at {} Hz", args.out.display(), args.fps);
    }
    Ok(())
}

/// An episode without damage: half of one must not be learnt from unseen.
fn whole(file: &Path) -> anyhow::Result<Episode> {
    let Reading { episode, damage, .. } = episode::read(file).map_err(usage)?;
    match damage.is_empty() {
        true => Ok(episode),
        false => Err(usage(store::Error::Damaged { file: file.to_owned(), damage })),
    }
}

fn words(error: export::Error) -> anyhow::Error {
    match error {
        export::Error::Io { .. } | export::Error::Parquet { .. } | export::Error::Arrow { .. } => {
            error.into()
        }
        _ => usage(error),
    }
}

//! `demos`: look after a folder of episodes.
mod export;
mod import;
mod keep;
mod ls;
mod plot;
mod show;

use crate::demonstration::store;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Look after demonstrations: list, show, remove, trim, repair. Nothing is ever overwritten; what is removed goes to a trash.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the episodes.
    #[arg(long, value_name = "FOLDER", default_value = "demos", global = true)]
    dir: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the episodes, with what a person wants to know before anything is learnt from them.
    Ls(ls::Args),
    /// Draw an episode and say all that is known of it.
    Show(show::Args),
    /// Move episodes to the trash inside the folder.
    Rm(keep::Names),
    /// Take episodes out of the trash again.
    Restore(keep::Names),
    /// Cut off the ends in which the arm does not move; the longer episode goes to the trash.
    Trim(keep::Names),
    /// Save what can be saved of episodes that were cut off or damaged; the damaged file goes to the trash.
    Repair(keep::Some),
    /// Make episodes of other programs' recordings.
    Import(import::Args),
    /// Write episodes for other programs: LeRobot, CSV, NumPy.
    Export(export::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let dir = args.dir.as_path();
    match &args.what {
        What::Ls(args) => ls::run(args, dir),
        What::Show(args) => show::run(args, dir),
        What::Rm(names) => keep::rm(names, dir),
        What::Restore(names) => keep::restore(names, dir),
        What::Trim(names) => keep::trim(names, dir),
        What::Import(args) => import::run(args, dir),
        What::Export(args) => export::run(args, dir),
        What::Repair(some) => keep::repair(some, dir),
    }
}

/// The file of an episode; a name that is not there is the user's to mend.
fn find(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    store::find(dir, name).map_err(super::exit::usage)
}

//! A demonstration by its name: an episode read whole, or refused, as a path to follow.
use super::drawing;
use super::episode::{self, Damage, Episode, Tick};
use super::path::Path;
use super::store;
use super::taught::{self, Motion};
use crate::kinematics::{NotRigid, Pose, from_column_major};
use crate::robot::gripper::Wish;
use serde::Serialize;
use std::fmt::Display;
use std::path::{Path as FilePath, PathBuf};

/// What stands before the name of a demonstration where a trajectory may be given.
pub const PREFIX: &str = "demo:";
/// Where episodes are kept, unless another folder is named.
pub const FOLDER: &str = "demos";

/// The fingers move when their distance changes by more than this, m.
const FINGERS_M: f64 = 0.002;

/// Why there is no such demonstration.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("{}: {source}", file.display())]
    Motion { file: PathBuf, source: taught::Error },
    #[error("{}: the tool it was taught with is none: {why}", file.display())]
    Tool { file: PathBuf, why: NotRigid },
    #[error("{}: no episode to learn from; 'franka-imit teach --out {}' makes some", folder.display(), folder.display())]
    NoEpisodes { folder: PathBuf },
}

/// What is worth knowing of a demonstration that was taken.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Note {
    /// States that are missing where the arm stood.
    Lost { file: PathBuf, places: usize, missing: u64 },
}

impl Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { file, places, missing } => write!(
                f,
                "{}: {missing} ms are missing at {places} places, where the arm hardly moved: crossed in a straight line",
                file.display()
            ),
        }
    }
}

/// The fingers are opened or closed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grip {
    /// When, s after the motion's start.
    pub at_s: f64,
    /// What is done.
    pub wish: Wish,
}

/// A taught motion and what it was taught with.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The motion.
    pub path: Path,
    /// The end effector whose poses these are, in the flange frame.
    pub F_T_EE: Pose,
    /// Where in the episode it lies.
    pub motion: Motion,
    /// What the gripper did, in order; what it did before the motion counts as at its start.
    pub grips: Vec<Grip>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// The demonstration `name` of the folder [`FOLDER`], or in the file of that name.
///
/// # Errors
/// [`Error`] naming the file, what is wrong with it, and the mend.
pub fn load(name: &str, options: &drawing::Options) -> Result<Demo, Error> {
    of_file(&store::find(FilePath::new(FOLDER), name)?, options)
}

/// The demonstration in a file.
///
/// # Errors
/// As [`load`].
pub fn of_file(file: &FilePath, options: &drawing::Options) -> Result<Demo, Error> {
    let Episode { meta, ticks, .. } = whole(file)?;
    let motion = taught::motion(&ticks, options);
    let (path, motion) = motion.map_err(|source| Error::Motion { file: file.to_owned(), source })?;
    let F_T_EE =
        from_column_major(&meta.robot.F_T_EE).map_err(|why| Error::Tool { file: file.to_owned(), why })?;
    let (places, missing) = episode::gaps(&ticks).fold((0, 0), |(n, sum), gap| (n + 1, sum + gap.missing));
    let lost = Note::Lost { file: file.to_owned(), places, missing };
    Ok(Demo {
        grips: grips(&ticks, &motion),
        path,
        F_T_EE,
        motion,
        notes: if places > 0 { vec![lost] } else { Vec::new() },
    })
}

/// The episode in a file, of which nothing is missing.
///
/// # Errors
/// [`Error::Store`]: a file that is damaged must be repaired first, and one without an end was not ended.
pub fn whole(file: &FilePath) -> Result<Episode, Error> {
    let reading = episode::read(file).map_err(store::Error::Episode)?;
    let damage: Vec<Damage> = reading.damage;
    if damage.is_empty() {
        Ok(reading.episode)
    } else {
        Err(store::Error::Damaged { file: file.to_owned(), damage }.into())
    }
}

/// The episodes of a folder, none passed over.
///
/// # Errors
/// [`Error::NoEpisodes`], or the folder's.
pub fn files(folder: &FilePath) -> Result<Vec<PathBuf>, Error> {
    match store::files(folder)? {
        files if files.is_empty() => Err(Error::NoEpisodes { folder: folder.to_owned() }),
        files => Ok(files),
    }
}

/// When the fingers begin to close, or take hold, and when they begin to open.
fn grips(ticks: &[Tick], motion: &Motion) -> Vec<Grip> {
    let Some(first) = ticks.first() else { return Vec::new() };
    let mut grips: Vec<Grip> = Vec::new();
    // The widest since they last opened, the narrowest since they last closed, and whether they held something.
    let mut before: Option<(f64, bool)> = None;
    for tick in ticks {
        let Some(hand) = tick.gripper else { continue };
        let (width_m, was_grasped) = *before.get_or_insert((hand.width_m, hand.is_grasped));
        let last = grips.last().map(|grip| grip.wish);
        let wish = if hand.width_m < width_m - FINGERS_M || (hand.is_grasped && !was_grasped) {
            Wish::Close
        } else if hand.width_m > width_m + FINGERS_M {
            Wish::Open
        } else {
            let extreme_m = match last {
                Some(Wish::Close) => hand.width_m.min(width_m),
                Some(Wish::Open) => hand.width_m.max(width_m),
                None => width_m,
            };
            before = Some((extreme_m, hand.is_grasped));
            continue;
        };
        before = Some((hand.width_m, hand.is_grasped));
        if Some(wish) != last {
            let at_s = tick.robot_time_ms.saturating_sub(first.robot_time_ms) as f64 * 1e-3;
            grips.push(Grip { at_s: (at_s - motion.start_s).max(0.0), wish });
        }
    }
    grips
}

//! A demonstration by its name: an episode read whole, or refused, as a path to follow.
use super::drawing;
use super::episode::{self, Damage, Episode, Tick};
use super::mean;
use super::path::Path;
use super::store;
use super::taught::{self, Motion};
use crate::kinematics::{Apart, NotRigid, Pose, from_column_major};
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
    #[error("{name}: {source}")]
    Mean { name: String, source: mean::Error },
    #[error(
        "{name}: demonstration {number} was taught with another tool than the first; take those of one tool together"
    )]
    Tools { name: String, number: usize },
}

/// What is worth knowing of a demonstration that was taken.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Note {
    /// States that are missing where the arm stood.
    Lost { file: PathBuf, places: usize, missing: u64 },
    /// Grippers that did not do the same.
    Grips { name: String },
}

impl Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { file, places, missing } => write!(
                f,
                "{}: {missing} ms are missing at {places} places, where the arm hardly moved: crossed in a straight line",
                file.display()
            ),
            Self::Grips { name } => {
                write!(f, "{name}: the gripper did not do the same in each, so that it does nothing here")
            }
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
    /// Where in the episode it lies; of a mean, in the first.
    pub motion: Motion,
    /// What the gripper did, in order; what it did before the motion counts as at its start.
    pub grips: Vec<Grip>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// The demonstration `name`: an episode of the folder [`FOLDER`], or an episode's file; of several, with commas between,
/// or of a folder of them, their mean.
///
/// # Errors
/// [`Error`] naming the file, what is wrong with it, and the mend.
pub fn load(name: &str, options: &drawing::Options) -> Result<Demo, Error> {
    let files = match FilePath::new(name) {
        folder if folder.is_dir() => files(folder)?,
        _ => name
            .split(',')
            .map(|name| store::find(FilePath::new(FOLDER), name))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let demos = files.iter().map(|file| of_file(file, options)).collect::<Result<Vec<_>, _>>()?;
    match demos.as_slice() {
        [demo] => Ok(demo.clone()),
        several => mean_of(name, several, options),
    }
}

fn mean_of(name: &str, demos: &[Demo], options: &drawing::Options) -> Result<Demo, Error> {
    let failed = |source| Error::Mean { name: name.to_owned(), source };
    let Some(first) = demos.first() else { return Err(failed(drawing::Error::Empty.into())) };
    let is_other = |demo: &Demo| !Apart::of(&demo.F_T_EE, &first.F_T_EE).is_within(&Apart::SAME_TOOL);
    if let Some(k) = demos.iter().position(is_other) {
        return Err(Error::Tools { name: name.to_owned(), number: k + 1 });
    }
    let paths: Vec<Path> = demos.iter().map(|demo| demo.path.clone()).collect();
    let path = mean::mean(&paths, options).map_err(failed)?;
    let mut notes: Vec<Note> = demos.iter().flat_map(|demo| demo.notes.clone()).collect();
    let whole_s = |path: &Path| mean::duration_s(path).unwrap_or(0.0);
    let same =
        |demo: &Demo| demo.grips.iter().map(|grip| grip.wish).eq(first.grips.iter().map(|grip| grip.wish));
    let grips = if demos.iter().all(same) {
        // At the mean of their shares of the time.
        let share = |k: usize| {
            demos.iter().map(|demo| demo.grips[k].at_s / whole_s(&demo.path)).sum::<f64>()
                / demos.len() as f64
        };
        let at = |(k, grip): (usize, &Grip)| Grip { at_s: share(k) * whole_s(&path), ..*grip };
        first.grips.iter().enumerate().map(at).collect()
    } else {
        notes.push(Note::Grips { name: name.to_owned() });
        Vec::new()
    };
    Ok(Demo { path, F_T_EE: first.F_T_EE, motion: first.motion, grips, notes })
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

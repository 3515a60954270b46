//! Cutting off the ends of an episode in which the arm does not move.
use super::quality::{IDLE_RAD_S, moving};
use super::{Error, throw_away};
use crate::demonstration::episode::{self, End, Episode};
use std::path::{Path, PathBuf};

/// Ticks kept before the motion and after it.
const KEEP: usize = 100;

/// What became of an episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Trimmed {
    /// Where the whole one is now.
    pub old: PathBuf,
    /// Ticks cut off at the beginning.
    pub start: usize,
    /// Ticks cut off at the end.
    pub end: usize,
}

/// Cuts off the idle ends but for a tenth of a second each, and puts the longer episode in the trash; none when there
/// is nothing to cut.
///
/// # Errors
/// [`Error::Still`] when the arm never moves; a damaged file, which must be repaired first; the system's. The file is
/// then as it was.
pub fn trim(file: &Path) -> Result<Option<Trimmed>, Error> {
    let name = super::name_of(file).unwrap_or_default();
    let episode::Reading { episode, damage, options } = episode::read(file)?;
    if !damage.is_empty() {
        return Err(Error::Damaged { file: file.to_owned(), damage });
    }
    let Some((first, last)) = moving(&episode.ticks) else {
        return Err(Error::Still { name, speed_rad_s: IDLE_RAD_S });
    };
    let (from, to) = (first.saturating_sub(KEEP), (last + KEEP + 1).min(episode.ticks.len()));
    let (start, end) = (from, episode.ticks.len() - to);
    if start == 0 && end == 0 {
        return Ok(None);
    }
    let ending = episode.end.clone().unwrap_or_default();
    let because = format!("{}; trimmed by {start} and {end} ticks", ending.because);
    let trimmed = Episode {
        ticks: episode.ticks[from..to].to_vec(),
        end: Some(End { because, ..ending }),
        meta: episode.meta,
    };
    let new = file.with_file_name(format!(".{name}.trimmed-{}.{}", std::process::id(), episode::EXTENSION));
    super::save(&new, &trimmed, options)?;
    let old = throw_away(file)?;
    super::rename_new(&new, file).map_err(|source| Error::Io { file: file.to_owned(), source })?;
    Ok(Some(Trimmed { old, start, end }))
}

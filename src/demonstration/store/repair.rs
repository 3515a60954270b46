//! Saving what can be saved of a file that was cut off or damaged.
use super::{Error, file_for, folder_of, name_of, rename_new, save, throw_away};
use crate::demonstration::episode::{self, Damage, End, Episode, Reading};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// What became of a damaged episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The whole file.
    pub file: PathBuf,
    /// Where the damaged one is now.
    pub old: PathBuf,
    /// Ticks saved.
    pub ticks: usize,
    /// What was wrong.
    pub damage: Vec<Damage>,
}

/// Writes what can be read of `file` to a whole one of the same name, and puts the damaged one in the trash; none when
/// nothing is wrong with it.
///
/// # Errors
/// When nothing can be read, when it is still being recorded, when another episode has the name: the file is then as
/// it was.
pub fn repair(file: &Path) -> Result<Option<Repaired>, Error> {
    let failed = |source| Error::Io { file: file.to_owned(), source };
    match File::open(file).map_err(failed)?.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(Error::InUse { file: file.to_owned() }),
        // A file system without locks: whoever records there is not seen.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    let folder = folder_of(file.parent().unwrap_or(Path::new(""))).to_owned();
    let name = name_of(file).unwrap_or_default();
    let whole = file_for(&folder, &name)?;
    let is_part = whole != file && whole.file_name() != file.file_name();
    if is_part && whole.exists() {
        return Err(Error::Exists { file: whole });
    }
    let Reading { episode, damage, options } = episode::read(file)?;
    if damage.is_empty() {
        // Closed, and ended before it got its name.
        if is_part {
            rename_new(file, &whole).map_err(failed)?;
            return Ok(Some(Repaired {
                old: whole.clone(),
                file: whole,
                ticks: episode.ticks.len(),
                damage,
            }));
        }
        return Ok(None);
    }
    let ticks = episode.ticks.len();
    let words: Vec<String> = damage.iter().map(ToString::to_string).collect();
    let before = episode.end.clone().unwrap_or_else(|| End { because: "cut off".into(), ..End::default() });
    let end = End { because: format!("{}; repaired: {}", before.because, words.join("; ")), ..before };
    let episode = Episode { end: Some(end), ..episode };
    // First the new one, under another name: at no moment is there none.
    let new = folder.join(format!(".{name}.repaired-{}.{}", std::process::id(), episode::EXTENSION));
    save(&new, &episode, options)?;
    let old = throw_away(file)?;
    rename_new(&new, &whole).map_err(failed)?;
    Ok(Some(Repaired { file: whole, old, ticks, damage }))
}

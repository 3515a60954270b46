//! A folder of episodes: names, trash, repair. Nothing in it is ever overwritten.
mod quality;
mod repair;
mod trash;
mod trim;

pub(super) use quality::{IDLE_RAD_S, moving};
pub use quality::{Idle, Margin, Quality};
pub use repair::{Repaired, repair};
pub use trash::{FOLDER as TRASH, put_back, throw_away, thrown_away};
pub use trim::{Trimmed, trim};

use super::episode::{self, EXTENSION, End, Episode, Options, PART, Reading, Writer};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Longest name, bytes.
const NAME_MAX: usize = 128;

/// Why something cannot be done in a folder of episodes.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: no folder of episodes: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error(
        "{name:?} is no name of an episode: allowed 1 to {NAME_MAX} letters, digits, '-', '_' and '.', not a '.' first"
    )]
    Name { name: String },
    #[error("no episode {name:?} in {}{}", folder.display(), nearest.as_ref().map_or(String::new(), |n| format!("; did you mean {n:?}?")))]
    Unknown { name: String, folder: PathBuf, nearest: Option<String> },
    #[error("{}: there is already an episode of that name, which is never overwritten: choose another, or move it away", file.display())]
    Exists { file: PathBuf },
    #[error("{}: still being recorded: try again when the recording has ended", file.display())]
    InUse { file: PathBuf },
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{}: damaged ({}): 'franka-imit demos repair' first", file.display(), damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Damaged { file: PathBuf, damage: Vec<episode::Damage> },
    #[error(transparent)]
    Episode(#[from] episode::Error),
    #[error("{name}: nothing would be left: the arm never moves faster than {speed_rad_s} rad/s")]
    Still { name: String, speed_rad_s: f64 },
}

/// One file in a folder of episodes.
#[derive(Debug)]
pub struct Entry {
    /// The episode's name: the file's without its endings.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Whether the recording never came to its end: the file still has its temporary name.
    pub is_part: bool,
    /// The episode, and what is wrong with it.
    pub reading: Result<Reading, episode::Error>,
}

/// Every episode in `folder`, whole, damaged or unreadable, by name: none is passed over in silence.
///
/// # Errors
/// [`Error::Folder`].
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Folder { folder: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if name_of(&file).is_some() && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one of them.
pub fn entry(file: &Path) -> Entry {
    Entry {
        name: name_of(file).unwrap_or_else(|| file.display().to_string()),
        is_part: is_part(file),
        reading: episode::read(file),
        file: file.to_owned(),
    }
}

fn is_part(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == PART)
}

/// The name of the episode in `file`; none for files of another kind.
pub fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let name = name.strip_suffix(&format!(".{PART}")).unwrap_or(name);
    let name = name.strip_suffix(&format!(".{EXTENSION}"))?;
    (!name.starts_with('.')).then(|| name.to_owned())
}

/// Refuses a name that would be another file, or none.
///
/// # Errors
/// [`Error::Name`].
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && name.len() <= NAME_MAX && !name.starts_with('.') && name.chars().all(is_fine) {
        true => Ok(()),
        false => Err(Error::Name { name: name.to_owned() }),
    }
}

/// The file of the episode `name` in `folder`, finished or not; a path to a file is taken as it is.
///
/// # Errors
/// [`Error::Unknown`] with the nearest name there is.
pub fn find(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    if name.contains('/') || name.ends_with(&format!(".{EXTENSION}")) || name.ends_with(&format!(".{PART}")) {
        let file = if name.contains('/') { PathBuf::from(name) } else { folder.join(name) };
        return match [file, PathBuf::from(name)].into_iter().find(|file| file.is_file()) {
            Some(file) => Ok(file),
            None => Err(Error::Unknown { name: name.to_owned(), folder: folder.to_owned(), nearest: None }),
        };
    }
    check_name(name)?;
    let all = files(folder)?;
    // A finished one first: `a.mcap` is sorted before `a.mcap.part`.
    if let Some(file) = all.iter().find(|file| name_of(file).as_deref() == Some(name)) {
        return Ok(file.clone());
    }
    let names = all.iter().filter_map(|file| name_of(file));
    let nearest = names.min_by_key(|other| crate::spelling::distance(name, other));
    Err(Error::Unknown { name: name.to_owned(), folder: folder.to_owned(), nearest })
}

/// The file that an episode `name` has in `folder`.
///
/// # Errors
/// [`Error::Name`].
pub fn file_for(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    check_name(name)?;
    Ok(folder.join(format!("{name}.{EXTENSION}")))
}

/// Writes an episode to a new file, whole or not at all.
///
/// # Errors
/// [`Error::Exists`], or what the system says.
pub fn save(file: &Path, episode: &Episode, options: Options) -> Result<(), Error> {
    let failed = |source| Error::Io { file: file.to_owned(), source };
    if file.exists() {
        return Err(Error::Exists { file: file.to_owned() });
    }
    let part = folder_of(file.parent().unwrap_or(Path::new(""))).join(format!(
        ".{}.{}.{PART}",
        file.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let written = (|| {
        let mut writer = Writer::begin(File::create(&part)?, &episode.meta, options)?;
        for (k, tick) in episode.ticks.iter().enumerate() {
            writer.add(tick)?;
            if k % 250 == 249 {
                writer.flush()?;
            }
        }
        let end = episode.end.clone().unwrap_or_default();
        let end = End { ticks: episode.ticks.len() as u64, ..end };
        writer.finish(&episode.meta, &end)?.sync_all()?;
        rename_new(&part, file)
    })();
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part); // only our own leftover; it may never have been made
        match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { file: file.to_owned() },
            _ => failed(error),
        }
    })
}

/// Renames a file to a name that nobody has, for good.
///
/// # Errors
/// `AlreadyExists`, or what the system says.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise it; then a look before must do.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !to.exists() => {
            std::fs::rename(from, to)?
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        result => result?,
    }
    // The name itself lives in the folder.
    File::open(folder_of(to.parent().unwrap_or(Path::new(""))))?.sync_all()
}

/// The folder as it can be opened: an empty path is the present one.
pub fn folder_of(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

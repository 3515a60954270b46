//! The trash: what is removed can be put back.
use super::{Error, check_name, file_for, folder_of, name_of, rename_new};
use crate::demonstration::episode::EXTENSION;
use std::io;
use std::path::{Path, PathBuf};

/// The trash's folder, inside the episodes'.
pub const FOLDER: &str = ".trash";

/// Moves an episode's file into the trash of its folder; says where it is now.
///
/// # Errors
/// What the system says; the file is then where it was.
pub fn throw_away(file: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Io { file: file.to_owned(), source };
    let trash = folder_of(file.parent().unwrap_or(Path::new(""))).join(FOLDER);
    std::fs::create_dir_all(&trash).map_err(failed)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name_of(file).unwrap_or_else(|| name.clone());
    let ending = name.strip_prefix(&stem).unwrap_or_default().to_owned();
    // The oldest of a name keeps it; the newest has the highest number.
    for number in 0.. {
        let to = match number {
            0 => trash.join(&name),
            _ => trash.join(format!("{stem}~{number}{ending}")),
        };
        match rename_new(file, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| to).map_err(failed),
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

/// The files in the trash of `folder` that were called `name`, the one thrown away last first; of every name for none.
pub fn thrown_away(folder: &Path, name: Option<&str>) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join(FOLDER)) else { return Vec::new() };
    let mut found: Vec<(String, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let file = entry.path();
            let (stem, number) = numbered(&name_of(&file)?);
            name.is_none_or(|name| name == stem).then_some((stem, number, file))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    found.into_iter().map(|(_, _, file)| file).collect()
}

/// `a~2` is the third `a`.
fn numbered(stem: &str) -> (String, u64) {
    match stem.rsplit_once('~').and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?))) {
        Some(numbered) => numbered,
        None => (stem.to_owned(), 0),
    }
}

/// Puts the episode `name` that was thrown away last back into `folder`; says where it is now.
///
/// # Errors
/// [`Error::Unknown`] when the trash has none, [`Error::Exists`] when the folder has one again.
pub fn put_back(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    check_name(name)?;
    let trash = folder.join(FOLDER);
    let Some(file) = thrown_away(folder, Some(name)).into_iter().next() else {
        return Err(Error::Unknown { name: name.to_owned(), folder: trash, nearest: None });
    };
    let whole = file_for(folder, name)?;
    let was_whole = file.extension().is_some_and(|e| e == EXTENSION);
    let to = if was_whole { whole } else { whole.with_extension(format!("{EXTENSION}.part")) };
    rename_new(&file, &to).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { file: to.clone() },
        _ => Error::Io { file: to.clone(), source },
    })?;
    Ok(to)
}

//! Files that are there whole or not at all.
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` so that `path` holds either the old file or the whole new one, whatever happens.
///
/// # Errors
/// What the system says; the old file, if any, is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// [`write()`] for what is of no use after a loss of power: whole or not at all, and not waited for.
///
/// The folder may be one that others write to as well: a link that somebody has put there is not followed.
///
/// # Errors
/// As [`write()`].
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = part(path)?;
    let _ = fs::remove_file(&part); // of an earlier process with our number; mostly there is none
    let written = File::create_new(&part).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&part, path))
}

/// The neighbour that is written first. Hidden, and one a process: two that write the same file do not write into each
/// other's.
fn part(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id())))
}

/// [`write()`] for what is made piece by piece: into a neighbour, synced, then renamed.
///
/// # Errors
/// As [`write()`].
pub fn write_with(
    path: &Path,
    pieces: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let part = part(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = File::create(&part).and_then(|file| {
        let mut file = BufWriter::new(file);
        pieces(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&part); // only our own leftover; it may never have been made
    }
    renamed?;
    // The rename itself lives in the folder.
    File::open(folder).and_then(|folder| folder.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_new_file_takes_the_place_of_the_old_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        for text in ["old", "new"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_write_that_fails_midway_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_path_that_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), b"").is_err());
        assert!(write(&folder.path().join("nowhere/report.json"), b"").is_err());
        assert!(write(Path::new("/"), b"").is_err());
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

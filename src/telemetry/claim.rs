//! One daemon a robot: a lock that names its holder, and beside it what the holder is doing.
//!
//! Both are small files in the folder for temporary files, or in `FRANKA_IMIT_RUN_DIR`. The lock is the kernel's: it
//! goes with the process, however that ends.
use crate::atomic_file;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The environment's word for the folder of claims.
pub const FOLDER_VARIABLE: &str = "FRANKA_IMIT_RUN_DIR";
const PREFIX: &str = "franka-imit-";

/// Who holds a robot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its command, `run` for example.
    pub command: String,
    /// The robot's address.
    pub robot: String,
    /// When it took the robot, seconds since 1970.
    pub since_s: u64,
}

/// Why a robot could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("the robot at {robot} is held by {}; end it first", holder.as_ref().map_or("another user's process".to_string(), describe))]
    Held {
        /// The robot's address.
        robot: IpAddr,
        /// Who; none when that cannot be read.
        holder: Option<Holder>,
    },
    /// The lock's file cannot be used.
    #[error("the lock {} cannot be used: {source}. Set {FOLDER_VARIABLE} to a folder you may write to", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn describe(holder: &Holder) -> String {
    format!("process {} (franka-imit {})", holder.pid, holder.command)
}

/// A robot that this process holds; dropping it lets it go.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
    path: PathBuf,
    status: PathBuf,
}

/// Where claims are.
pub fn folder() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).map_or_else(std::env::temp_dir, PathBuf::from)
}

impl Claim {
    /// Takes the robot at `robot` for this process, which runs `command`; `folder` as [`folder()`] gives it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn take(folder: &Path, robot: IpAddr, command: &str) -> Result<Claim, Error> {
        let path = folder.join(format!("{PREFIX}{robot}.lock"));
        let failed = |source| Error::File { path: path.clone(), source };
        let mut lock = loop {
            let lock = open(&path).map_err(failed)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Held { robot, holder: holder(&path) });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // Whoever held it before may have removed the file between our opening and locking it.
            let ours = lock.metadata().map_err(failed)?.ino();
            if fs::metadata(&path).is_ok_and(|there| there.ino() == ours) {
                break lock;
            }
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let holder = Holder {
            pid: std::process::id(),
            command: command.to_string(),
            robot: robot.to_string(),
            since_s: now.as_secs(),
        };
        // The lock holds whether or not its file says for whom: another user's file cannot be written.
        let _ = lock.set_len(0).and_then(|()| {
            lock.write_all(serde_json::to_string(&holder).map_err(io::Error::other)?.as_bytes())
        });
        let status = path.with_extension("status.json");
        Ok(Claim { _lock: lock, path, status })
    }

    /// Tells whoever asks what is being done; a full disk must not stop the arm, so failing is only logged.
    pub fn publish(&self, status: &impl Serialize) {
        let written = serde_json::to_vec(status)
            .map_err(io::Error::other)
            .and_then(|bytes| atomic_file::replace(&self.status, &bytes));
        if let Err(error) = written {
            log::debug!("the status {} cannot be written: {error}", self.status.display());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While the lock is still held, so that nobody's new file goes.
        let _ = fs::remove_file(&self.status);
        let _ = fs::remove_file(&self.path);
    }
}

/// A file that nobody else can have put a link in the place of.
fn open(path: &Path) -> io::Result<File> {
    let no_links = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut ours = OpenOptions::new();
    ours.read(true).write(true).create(true).truncate(false).mode(0o644).custom_flags(no_links);
    match ours.open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            OpenOptions::new().read(true).custom_flags(no_links).open(path)
        }
        opened => opened,
    }
}

fn holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Every robot that a live process holds, with what it last told of itself.
pub fn all(folder: &Path) -> Vec<(Holder, Option<serde_json::Value>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(".lock")
        })
        .filter_map(|entry| {
            let path = entry.path();
            let lock = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path).ok()?;
            // A lock that we could share is held by nobody: its process died and left the file.
            let held = matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock));
            let holder = held.then(|| holder(&path)).flatten()?;
            let status = fs::read(path.with_extension("status.json")).ok();
            Some((holder, status.and_then(|bytes| serde_json::from_slice(&bytes).ok())))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.robot.cmp(&b.robot));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBOT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 38, 0, 9));

    #[test]
    fn a_robot_is_held_by_one_and_the_second_is_told_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::take(folder.path(), ROBOT, "run").unwrap();
        let refused = Claim::take(folder.path(), ROBOT, "home").unwrap_err().to_string();
        let expected = format!("127.38.0.9 is held by process {} (franka-imit run)", std::process::id());
        assert!(refused.contains(&expected), "{refused}");
        drop(first);
        Claim::take(folder.path(), ROBOT, "home").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn only_live_holders_are_listed_with_what_they_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("franka-imit-10.0.0.1.lock"), r#"{"pid":1,"command":"run"}"#).unwrap();
        let claim = Claim::take(folder.path(), ROBOT, "run").unwrap();
        claim.publish(&serde_json::json!({ "mode": "following" }));
        let [(holder, Some(status))] = &all(folder.path())[..] else { panic!("one is listed") };
        assert_eq!((holder.robot.as_str(), holder.pid), ("127.38.0.9", std::process::id()));
        assert_eq!(status["mode"], "following");
    }
}

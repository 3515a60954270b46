//! What the kernel says of a machine in files, read under a root, so that a recorded tree can stand for a machine.
use crate::robot::realtime::core_list;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A machine: the folder below which its `proc`, `sys` and `etc` lie.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

/// Why something is not known of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is no such file.
    Missing,
    /// The file is there and was not read, or says what nobody understands.
    Refused(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Missing => f.write_str("not told by this kernel"),
            Unread::Refused(why) => f.write_str(why),
        }
    }
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        Machine::recorded("/")
    }

    /// A machine recorded in a folder.
    pub fn recorded(root: impl Into<PathBuf>) -> Machine {
        Machine { root: root.into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text without the white space around it.
    pub fn text(&self, path: &str) -> Result<String, Unread> {
        match std::fs::read_to_string(self.path(path)) {
            Ok(text) => Ok(text.trim().to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Unread::Missing),
            Err(error) => Err(Unread::Refused(format!("{path}: {error}"))),
        }
    }

    /// A file's one number.
    pub fn number<T: FromStr>(&self, path: &str) -> Result<T, Unread> {
        let text = self.text(path)?;
        text.parse().map_err(|_| Unread::Refused(format!("{path} says {text:?}")))
    }

    /// The names in a folder, in the order of their numbers; none where there is no folder.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort_by_key(|name| {
            (name.trim_start_matches(char::is_alphabetic).parse::<u64>().ok(), name.clone())
        });
        names
    }

    /// Whether a file or folder is there.
    pub fn has(&self, path: &str) -> bool {
        Path::exists(&self.path(path))
    }

    /// The cores that are switched on, ascending.
    pub fn cores(&self) -> Vec<usize> {
        self.text("sys/devices/system/cpu/online").map(|list| core_list(&list)).unwrap_or_default()
    }

    /// The soft limit of the process whose line in `proc/self/limits` begins with `name`; `None` is unlimited.
    pub fn limit(&self, name: &str) -> Result<Option<u64>, Unread> {
        let path = "proc/self/limits";
        let text = self.text(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or(Unread::Missing)?;
        match line.split_whitespace().next() {
            Some("unlimited") => Ok(None),
            Some(number) => {
                number.parse().map(Some).map_err(|_| Unread::Refused(format!("{path}: {name} is {number:?}")))
            }
            None => Err(Unread::Missing),
        }
    }

    /// Whether the process has a capability in force (its number in `linux/capability.h`).
    pub fn is_capable(&self, capability: u32) -> bool {
        let status = self.text("proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let bits = line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
        bits >> capability & 1 == 1
    }
}

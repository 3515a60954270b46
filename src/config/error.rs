//! What is wrong with a configuration, said so that the operator can mend it.
use std::fmt;

/// Why no configuration came of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Everything that is wrong, by file and line; one line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
    /// A section cannot be written as TOML: a fault of this program, not of the file.
    #[error("the default configuration cannot be written as TOML: {0}")]
    Schema(#[from] toml::ser::Error),
}

impl Error {
    /// The problems of the files, empty for the program's own faults.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Schema(_) => &[],
        }
    }
}

/// One thing that is wrong in one place.
///
/// Reads as `config/x.toml:12: safety.position_margin_rad = 5: allowed 0 to 0.5 rad`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named, or `preset NAME`.
    pub file: String,
    /// Line from 1; 0 when the problem is not in one line (a file that cannot be read, a default).
    pub line: usize,
    /// Column from 1, in characters, where it helps: a misspelt key, a wrong type, bad syntax; else 0.
    pub column: usize,
    /// Dotted key, `section.key`; empty where the text is not TOML.
    pub key: String,
    /// What was found, what is allowed, and the mend.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.line > 0 && self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        if self.key.is_empty() {
            write!(f, ": {}", self.message)
        } else if self.message.starts_with("= ") {
            write!(f, ": {} {}", self.key, self.message)
        } else {
            write!(f, ": {}: {}", self.key, self.message)
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

//! One line of the examination.
use super::machine::Unread;
use serde::Serialize;

/// What is said of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As wanted.
    Pass,
    /// The arm can be driven; expect lost commands, or less than is possible.
    Warn,
    /// Do not drive a robot from here before it is mended.
    Fail,
    /// Not known, which is no failure: a virtual machine, a kernel or a driver that does not say, no permission.
    CannotRead,
}

/// What was looked at, what was found, what is wanted and how to get there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What the check is about: kernel, scheduling, memory, cores, network, disk, robot.
    pub part: &'static str,
    /// What was looked at.
    pub check: &'static str,
    /// What was found, or why nothing was.
    pub found: String,
    /// What is wanted.
    pub wanted: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// The command that mends it.
    pub mend: Option<String>,
}

/// A check before its verdict.
#[derive(Clone, Debug)]
pub(super) struct Check {
    part: &'static str,
    check: &'static str,
    wanted: String,
}

impl Check {
    pub(super) fn new(part: &'static str, check: &'static str, wanted: impl Into<String>) -> Check {
        Check { part, check, wanted: wanted.into() }
    }

    fn end(self, found: impl Into<String>, verdict: Verdict, mend: Option<String>) -> Finding {
        Finding {
            part: self.part,
            check: self.check,
            found: found.into(),
            wanted: self.wanted,
            verdict,
            mend,
        }
    }

    pub(super) fn pass(self, found: impl Into<String>) -> Finding {
        self.end(found, Verdict::Pass, None)
    }

    pub(super) fn warn(self, found: impl Into<String>, mend: impl Into<String>) -> Finding {
        self.end(found, Verdict::Warn, Some(mend.into()))
    }

    pub(super) fn fail(self, found: impl Into<String>, mend: impl Into<String>) -> Finding {
        self.end(found, Verdict::Fail, Some(mend.into()))
    }

    /// Passes when `holds`, else warns.
    pub(super) fn pass_or_warn(
        self,
        holds: bool,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        if holds { self.pass(found) } else { self.warn(found, mend) }
    }

    pub(super) fn unread(self, why: &Unread) -> Finding {
        self.cannot_read(why.to_string(), None)
    }

    pub(super) fn cannot_read(self, why: impl Into<String>, mend: Option<String>) -> Finding {
        self.end(why, Verdict::CannotRead, mend)
    }
}

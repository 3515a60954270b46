//! How often each fault has happened.
use super::kinds::{KINDS, Kind, TARGETS, Target};

/// How often each kind of fault has happened, and to what; exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected([[u64; TARGETS.len() + 1]; KINDS.len()]);

impl Injected {
    pub(super) fn count(&mut self, kind: Kind, target: Option<Target>) {
        self.0[kind as usize][column(target)] += 1;
    }

    /// How often `kind` has happened to `target`; to `None`, what has no target. A mute counts itself there, and
    /// the states and commands it has swallowed at theirs.
    pub fn of(&self, kind: Kind, target: Option<Target>) -> u64 {
        self.0[kind as usize][column(target)]
    }

    /// All that has happened, as `("drop:state", 12)`.
    pub fn all(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        let cells = KINDS.iter().flat_map(|entry| {
            let targets = std::iter::once(None).chain(TARGETS.iter().map(|(target, _)| Some(*target)));
            targets.map(move |target| (entry.kind, target))
        });
        cells.filter(|(kind, target)| self.of(*kind, *target) > 0).map(|(kind, target)| {
            let name = match target {
                Some(target) => format!("{}:{}", kind.name(), target.name()),
                None => kind.name().to_owned(),
            };
            (name, self.of(kind, target))
        })
    }
}

fn column(target: Option<Target>) -> usize {
    target.map_or(0, |target| target as usize + 1)
}

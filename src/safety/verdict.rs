//! Why a command is not what was proposed.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
/// Why a command is not what was proposed: a set of named reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict(pub u32);

impl Verdict {
    /// The proposal was NaN or infinite.
    pub const NOT_FINITE: Verdict = Verdict(1);
    /// A joint could not have stopped before its limit.
    pub const POSITION: Verdict = Verdict(1 << 1);
    /// A joint would have been too fast, lost commands included.
    pub const VELOCITY: Verdict = Verdict(1 << 2);
    /// A joint would have accelerated too much.
    pub const ACCELERATION: Verdict = Verdict(1 << 3);
    /// The acceleration of a joint would have jumped.
    pub const JERK: Verdict = Verdict(1 << 4);
    /// The network was asked outside the region it was trained in.
    pub const REGION: Verdict = Verdict(1 << 5);
    /// The robot's state made no sense (not finite, outside the joint limits, time not moving on).
    pub const STATE: Verdict = Verdict(1 << 6);
    /// The policy's joints would put the end effector far from where the policy was asked.
    pub const WISH: Verdict = Verdict(1 << 7);
    /// The end effector would have been too fast.
    pub const TOOL_SPEED: Verdict = Verdict(1 << 8);
    /// The end effector could not have stopped inside its box.
    pub const BOX: Verdict = Verdict(1 << 9);
    /// A part of the arm could not have stopped before the table or a wall.
    pub const WALL: Verdict = Verdict(1 << 10);
    /// Two parts of the arm could not have stopped before they met.
    pub const OWN: Verdict = Verdict(1 << 11);
    /// The arm is not where it has been told to be.
    pub const TRACKING: Verdict = Verdict(1 << 12);
    /// Something pushes or pulls the arm.
    pub const TORQUE: Verdict = Verdict(1 << 13);
    /// The robot's measurements stand still while the arm moves.
    pub const STALE_STATE: Verdict = Verdict(1 << 14);
    /// The policy's answer stands still while the question moves.
    pub const STALE_POLICY: Verdict = Verdict(1 << 15);
    /// Any of the places where the arm may not be.
    pub const PLACES: Verdict = Verdict(Self::BOX.0 | Self::WALL.0 | Self::OWN.0);

    const NAMES: [(Verdict, &'static str); 16] = [
        (Verdict::NOT_FINITE, "proposal not finite"),
        (Verdict::POSITION, "joint position"),
        (Verdict::VELOCITY, "joint velocity"),
        (Verdict::ACCELERATION, "joint acceleration"),
        (Verdict::JERK, "joint jerk"),
        (Verdict::REGION, "outside the trained region"),
        (Verdict::STATE, "robot state makes no sense"),
        (Verdict::WISH, "the policy points elsewhere"),
        (Verdict::TOOL_SPEED, "end effector too fast"),
        (Verdict::BOX, "end effector would leave its box"),
        (Verdict::WALL, "the arm would meet the table or a wall"),
        (Verdict::OWN, "the arm would meet itself"),
        (Verdict::TRACKING, "the arm does not follow its commands"),
        (Verdict::TORQUE, "external torque"),
        (Verdict::STALE_STATE, "the robot's measurements stand still"),
        (Verdict::STALE_POLICY, "the policy's answer stands still"),
    ];

    /// Whether the proposal passed unchanged.
    pub fn is_clear(self) -> bool {
        self.0 == 0
    }

    /// Whether any of `other`'s reasons is among these.
    pub fn has(self, other: Verdict) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets of reasons.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        Verdict(self.0 | other.0)
    }

    /// The reasons in words.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}

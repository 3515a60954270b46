//! What is written in TOML, and what it means (all errors at once).
//!
//! The default configuration, serialised, *is* the schema: a key that is not in it is refused with the
//! nearest one that is, so what a program reads and what a file may say cannot part ways. To add a section,
//! add a line to [`Config`].
//!
//! An `Option` field has no place in a section: absent from the default, it could never be set. Write a
//! choice as an enum, and "off" as a value that the documentation of the key names.
mod error;
mod place;
mod preset;
mod schema;
mod suggest;
mod value;

pub use error::{Error, Problem};
pub use preset::{PRESETS, Source};
pub use schema::{Contradiction, Sections, load_sources};

use serde::{Deserialize, Serialize};

/// Declares the sections once: the struct, its serde form and the collection of what each finds wrong.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $options:ty,)+) => {
        /// Everything a file may say; each section is its module's own `Options`.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config { $($(#[$doc])* pub $name: $options,)+ }

        impl Sections for Config {
            fn violations(&self) -> Vec<(&'static str, crate::range::Violation)> {
                let mut out = Vec::new();
                $(out.extend(self.$name.validate().into_iter().map(|v| (stringify!($name), v)));)+
                out
            }

            fn contradictions(&self) -> Vec<Contradiction> {
                contradictions(self)
            }
        }
    };
}

sections! {
    /// Sizes and activation of the network.
    network: crate::policy::Options,
    /// Training before the drive.
    training: crate::learn::train::Options,
    /// The labeller.
    expert: crate::demonstration::expert::Options,
    /// The time law of a path.
    motion: crate::demonstration::time_law::Options,
    /// How a drawing becomes a path.
    drawing: crate::demonstration::drawing::Options,
    /// Start, stop and swap of a motion.
    control: crate::control::Options,
    /// How the policy's wish is followed.
    generator: crate::control::generator::Options,
    /// Our own control law, for an arm that gives way.
    impedance: crate::control::impedance::Options,
    /// When a hand means to correct a compliant arm.
    push: crate::control::push::Options,
    /// Guiding by hand.
    guidance: crate::control::guidance::Options,
    /// Where an episode begins and ends when no key says so.
    teach: crate::teach::Options,
    /// How close to the robot's limits a command may come.
    safety: crate::safety::Options,
    /// What is set in the robot before it moves.
    robot: crate::robot::panda::Options,
    /// How the gripper is moved.
    gripper: crate::robot::gripper::Options,
    /// What the control thread asks of the kernel.
    realtime: crate::robot::realtime::Options,
    /// Learning while a person guides the arm.
    apprentice: crate::learn::apprentice::Options,
    /// Learning while the arm drives.
    fine_tuning: crate::learn::trainer::Options,
    /// Which driven samples teach.
    experience: crate::learn::experience::Options,
    /// What a new policy must show before it drives.
    gate: crate::learn::gate::Options,
    /// How pushes become a path.
    correction: crate::learn::correction::Options,
    /// What a new policy must show once it drives.
    watch: crate::learn::watch::Options,
    /// The simulated robot.
    sim: crate::sim::Options,
    /// The page that shows what the arm does.
    web: crate::web::Options,
    /// What a policy is put through when it is judged.
    eval: crate::eval::Options,
    /// The process that perturbs demonstrations, and the return to them at run time.
    sde: crate::sde::Options,
}

/// What two sections say that cannot both hold.
fn contradictions(config: &Config) -> Vec<Contradiction> {
    let Config { training, sde, experience, gate, motion, safety, .. } = config;
    let mut out = Vec::new();
    let mut say = |keys, message| out.push(Contradiction { keys, message });
    if training.targets == 0 && sde.lambda > 0.0 {
        say(
            vec!["training.targets", "sde.lambda"],
            format!(
                "perturbed targets weigh sde.lambda = {}, and there are none: set training.targets above 0, or \
                 sde.lambda = 0",
                sde.lambda
            ),
        );
    }
    if gate.held_out_min > experience.held_out_samples {
        say(
            vec!["gate.held_out_min", "experience.held_out_samples"],
            format!(
                "no candidate would ever be judged: gate.held_out_min = {} asks for more than the {} of \
                 experience.held_out_samples",
                gate.held_out_min, experience.held_out_samples
            ),
        );
    }
    for (planned, share, kept, limit) in [
        (
            "motion.joint_velocity_share",
            motion.joint_velocity_share,
            "safety.velocity_share",
            safety.velocity_share,
        ),
        (
            "motion.joint_acceleration_share",
            motion.joint_acceleration_share,
            "safety.acceleration_share",
            safety.acceleration_share,
        ),
        (
            "motion.joint_acceleration_share",
            motion.joint_acceleration_share,
            "safety.jerk_share",
            safety.jerk_share,
        ),
    ] {
        if share > limit {
            say(
                vec![planned, kept],
                format!(
                    "a path may be planned with {share} of a limit of which {kept} lets only {limit} pass: lower \
                     {planned}"
                ),
            );
        }
    }
    out
}

impl Config {
    /// Reads files or presets in order over the defaults; where two set the same key, the later wins.
    ///
    /// Each name is a preset (`original`) or a path (`config/original.toml`). No name gives the defaults.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of every file, in order of file and line.
    pub fn load<S: AsRef<str>>(names: &[S]) -> Result<Self, Error> {
        let mut sources = Vec::new();
        let mut problems = Vec::new();
        for name in names {
            match Source::open(name.as_ref()) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        match load_sources(&sources) {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(Error::Invalid(problems)),
            Err(Error::Invalid(more)) => {
                problems.extend(more);
                Err(Error::Invalid(problems))
            }
            Err(other) => Err(other),
        }
    }

    /// The whole configuration as TOML, for reports and for `--print-config`.
    ///
    /// # Errors
    /// [`Error::Schema`] when a section cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        Ok(toml::to_string(self)?)
    }
}

//! The directions and fences of the house, held on every build.
//!
//! A message names the file and line, the rule, and why the rule is there. To bend a rule, change its line
//! here and say why.
mod source;

use source::File;
use std::path::Path;

/// Bottom to top: a module names modules of its own layer or of a lower one.
const LAYERS: [&[&str]; 8] = [
    &["range", "atomic_file", "spelling"],
    &["robot", "kinematics", "sde", "policy", "timing"],
    &["dynamics", "safety", "demonstration"],
    &["control", "learn"],
    &["teach", "sim", "telemetry", "web", "doctor", "plot"],
    &["eval"],
    &["config"],
    &["cli"],
];
const WHY_LAYERS: &str = "lower layers must build, be tested and be read without the higher ones";

/// (module, who may name it, why)
const NAMED_ONLY_BY: [(&str, &[&str], &str); 4] = [
    (
        "sim",
        &["sim", "eval", "config", "cli"],
        "what drives a robot must not be able to tell the simulator from one",
    ),
    ("web", &["web", "config", "cli"], "a page looks on: whatever moves the arm works without one"),
    ("config", &["config", "cli"], "a module owns its options; it must work without any file"),
    ("cli", &["cli", "main"], "the command line is glue: nothing may depend on it"),
];

const WHY_SLEEP: &str =
    "who polls without sleeping for longer than microseconds takes the core from who sends";

/// (word, or name after `head::`; the only files; why)
const FENCES: [(&str, &str, &[&str], &str); 7] = [
    (
        "franka",
        "",
        &["robot/gripper.rs", "robot/panda.rs"],
        "two files know the driver, one a device: it can be replaced",
    ),
    (
        "",
        "unsafe",
        &[
            "robot/allocation.rs",
            "robot/realtime.rs",
            "robot/sockets.rs",
            "policy/kernel.rs",
            "sim/model_library/exported.rs",
            "doctor/ethtool.rs",
        ],
        "unsafe code stays where it is reviewed and tested",
    ),
    (
        "",
        "SystemTime",
        &["telemetry/claim.rs", "telemetry/recorder.rs", "cli/status.rs"],
        "the wall clock may jump: time in control is the robot's, or monotonic",
    ),
    ("crossbeam_channel", "bounded", &["control/links.rs"], "the threads' picture is drawn in one place"),
    ("", "spin_loop", &["learn/crew.rs", "sim/server.rs"], WHY_SLEEP),
    ("", "yield_now", &["learn/crew.rs"], WHY_SLEEP),
    ("crossbeam_channel", "unbounded", &[], "an unbounded queue hides a consumer that is too slow"),
];

/// Files of the 1 kHz path. A `mod.rs` speaks for its whole folder: lint attributes are inherited.
const REAL_TIME: [&str; 30] = [
    "kinematics/mod.rs",
    "sde/deviation.rs",
    "sde/track.rs",
    "policy/network.rs",
    "policy/activation.rs",
    "policy/normalisation.rs",
    "policy/kernel.rs",
    "safety/guard.rs",
    "safety/limiter.rs",
    "safety/margin.rs",
    "safety/stop.rs",
    "safety/verdict.rs",
    "safety/watchdog.rs",
    "safety/workspace.rs",
    "demonstration/path.rs",
    "demonstration/playback.rs",
    "demonstration/timed_path.rs",
    "demonstration/turning.rs",
    "control/approach.rs",
    "control/clock.rs",
    "control/generator.rs",
    "control/grip.rs",
    "control/guidance.rs",
    "control/guide.rs",
    "control/impedance.rs",
    "control/reading.rs",
    "control/residual.rs",
    "control/shelf.rs",
    "control/tick.rs",
    "control/way.rs",
];
const REAL_TIME_LINTS: [&str; 8] = [
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
    "clippy::unreachable",
    "clippy::disallowed_methods",
    "clippy::disallowed_types",
    "clippy::disallowed_macros",
];

const LINES_MAX: usize = 400;

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Every breach in `file`, as `src/…:line: what: why`.
fn breaches(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |line: usize, what: String| found.push(format!("src/{}:{line}: {what}", file.path));
    let module = file.module();
    let is_root = ["lib", "main"].contains(&module);
    if layer(module).is_none() && !is_root {
        say(1, format!("module `{module}` has no layer: give it one in tests/architecture ({WHY_LAYERS})"));
    }
    for (line, target) in file.imports() {
        let fence = NAMED_ONLY_BY.iter().find(|(name, by, _)| *name == target && !by.contains(&module));
        let upward = layer(target) > layer(module) && !is_root;
        if let Some((_, by, why)) = fence {
            say(line, format!("`{module}` names `{target}`, which only {} may: {why}", by.join(", ")));
        } else if upward {
            say(line, format!("`{module}` names `{target}` of a higher layer: {WHY_LAYERS}"));
        }
    }
    for (head, word, files, why) in FENCES {
        let uses: Vec<(usize, &str)> = match (head, word) {
            ("", word) => file.words().into_iter().filter(|(_, w)| *w == word).collect(),
            (head, "") => file.after(head),
            (head, word) => file.after(head).into_iter().filter(|(_, w)| [word, "*"].contains(w)).collect(),
        };
        if !files.contains(&file.path.as_str()) {
            for (line, name) in uses {
                let path = if head.is_empty() { name.to_owned() } else { format!("{head}::{name}") };
                let where_ = if files.is_empty() { "nowhere".to_owned() } else { files.join(", ") };
                say(line, format!("`{path}` is allowed only in: {where_} ({why})"));
            }
        }
    }
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        say(lines, format!("{lines} lines: above {LINES_MAX} a file wants to be two"));
    }
    if REAL_TIME.contains(&file.path.as_str()) {
        let denied = file.denied();
        let missing: Vec<&str> =
            REAL_TIME_LINTS.into_iter().filter(|lint| !denied.iter().any(|d| d == lint)).collect();
        if !missing.is_empty() {
            let lints = missing.join(", ");
            say(
                1,
                format!(
                    "real-time code without #![deny({lints})]: what blocks, allocates or panics stops the arm"
                ),
            );
        }
    }
    found
}

fn breaches_of(path: &str, text: &str) -> Vec<String> {
    breaches(&File::new(path, text))
}

#[test]
fn the_source_keeps_its_directions_and_fences() {
    let files = source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 10, "the source was not found");
    let found: Vec<String> = files.iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    for path in REAL_TIME {
        assert!(
            files.iter().any(|file| file.path == path),
            "src/{path} is listed as real-time and is not there"
        );
    }
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    for text in [
        "use crate::control::Generator;",
        "use crate::{robot::State, control::{self, Generator}};",
        "use crate::{\n    robot,\n    control,\n};",
        "fn f(g: &crate::control::Generator) {}",
        "use super::super::control::Generator;",
        "pub(crate) use franka_imit::control;",
    ] {
        let found = breaches_of("sde/process.rs", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains("`sde` names `control` of a higher layer"), "{found:?}");
    }
}

#[test]
fn a_breach_names_its_file_its_line_and_the_reason() {
    let found = breaches_of("learn/trainer.rs", "//! Doc.\n\nuse crate::sim::Plant;\n");
    assert_eq!(
        found,
        ["src/learn/trainer.rs:3: `learn` names `sim`, which only sim, eval, config, cli may: \
          what drives a robot must not be able to tell the simulator from one"]
    );
}

#[test]
fn imports_of_the_same_layer_or_a_lower_one_are_fine() {
    let text = "use crate::{range::Violation, kinematics::Point, sde::Options};\nuse super::Kind;\n\
                use crate::robot::{Joints, limits};";
    assert_eq!(breaches_of("sde/perturb.rs", text), [""; 0]);
    assert_eq!(breaches_of("sde/mod.rs", "mod a; pub use super::robot::Joints;"), [""; 0]);
    assert_eq!(breaches_of("main.rs", "fn main() { franka_imit::cli::main() }"), [""; 0]);
}

#[test]
fn comments_texts_and_tests_are_not_code() {
    let text = r####"
//! crate::cli::run and unsafe
/* crate::cli /* nested */ unsafe */
const A: &str = "crate::cli \" unsafe";
const B: &str = r#"crate::cli " unsafe"#;
const C: (char, u8, char) = ('"', b'\'', '\\');
fn life<'a>(x: &'a str) -> &'a str { x }
#[cfg(test)]
use crate::cli;
#[cfg(test)]
mod tests {
    use crate::cli::{self};
    fn f() { unsafe { g([0; 3]) } }
}
"####;
    assert_eq!(breaches_of("sde/process.rs", text), [""; 0]);
    let after = format!("{text}\nfn f() {{ crate::cli::main() }}");
    assert_eq!(breaches_of("sde/process.rs", &after).len(), 1);
}

#[test]
fn files_that_only_tests_compile_are_left_out() {
    let text = "#[cfg(test)]\n#[path = \"limiter_tests.rs\"]\nmod tests;\nmod other;";
    assert_eq!(File::new("safety/limiter.rs", text).test_files(), ["safety/limiter_tests.rs"]);
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod inline { }";
    assert_eq!(File::new("sim/mod.rs", text).test_files(), ["sim/tests.rs", "sim/tests/mod.rs"]);
    assert_eq!(File::new("sim/wire.rs", text).test_files(), ["sim/wire/tests.rs", "sim/wire/tests/mod.rs"]);
}

#[test]
fn each_fence_is_closed() {
    let cases = [
        (
            "learn/trainer.rs",
            "use franka::Robot;",
            "`franka::Robot` is allowed only in: robot/gripper.rs, robot/panda.rs",
        ),
        ("learn/trainer.rs", "fn f() { unsafe { g() } }", "`unsafe` is allowed only in"),
        ("learn/trainer.rs", "use crossbeam_channel::{Sender, bounded};", "`crossbeam_channel::bounded`"),
        ("learn/trainer.rs", "let x = crossbeam_channel::bounded(1);", "only in: control/links.rs"),
        ("control/links.rs", "use crossbeam_channel::unbounded;", "only in: nowhere"),
        ("learn/trainer.rs", "use crate::config::Config;", "which only config, cli may"),
        ("control/thread.rs", "fn f() { std::hint::spin_loop() }", "`spin_loop` is allowed only in"),
        ("magic/mod.rs", "", "module `magic` has no layer"),
    ];
    for (path, text, message) in cases {
        let found = breaches_of(path, text);
        assert!(found.len() == 1 && found[0].contains(message), "{path} {text}: {found:?}");
    }
    assert_eq!(breaches_of("robot/panda.rs", "use franka::Robot;"), [""; 0]);
    assert_eq!(breaches_of("control/links.rs", "use crossbeam_channel::{Receiver, bounded};"), [""; 0]);
    assert_eq!(
        breaches_of("learn/trainer.rs", "fn bounded(x: f64) -> f64 { x } use crossbeam_channel::Sender;"),
        [""; 0]
    );
}

#[test]
fn real_time_code_denies_every_lint_of_the_list() {
    let all: Vec<&str> = REAL_TIME_LINTS.to_vec();
    let split = format!("#![deny({},\n)]\n#![deny({})]", all[..3].join(",\n"), all[3..].join(", "));
    assert_eq!(breaches_of("sde/deviation.rs", &split), [""; 0]);
    let without_last = format!("#![deny({})]", all[..7].join(", "));
    let found = breaches_of("sde/deviation.rs", &without_last);
    assert!(found.len() == 1 && found[0].contains("clippy::disallowed_macros"), "{found:?}");
}

#[test]
fn a_file_above_the_limit_wants_to_be_two() {
    assert_eq!(breaches_of("sde/a.rs", &"\n".repeat(LINES_MAX)).len(), 0);
    assert_eq!(breaches_of("sde/a.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
}

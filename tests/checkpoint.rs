//! A training that is stopped, killed or moved goes on from its checkpoint as if nothing had happened.
mod cli;

use cli::Folder;
use std::path::Path;
use std::time::{Duration, Instant};

const DATA: &str = "train --data circle --config slow.toml --seed 3";
const DEADLINE: Duration = Duration::from_secs(60);

/// A training long enough to be stopped in the middle, in which everything that must be kept is in use: minibatches,
/// perturbed targets, a schedule.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write(
        "slow.toml",
        "[network]\nhidden = [32, 32]\n[training]\nsteps = 6000\nbatch = 64\ntargets = 500\n",
    );
    folder
}

fn wait_for(file: &Path) {
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < DEADLINE, "{} does not come", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_training_killed_half_way_and_resumed_gives_the_same_bits() {
    let folder = folder();
    folder.run(&format!("{DATA} --out whole.safetensors")).says(0, &[]);
    let killed = folder.start(&format!("{DATA} --out a.safetensors --checkpoint c --checkpoint-steps 500"));
    wait_for(&folder.path("c"));
    killed.signal("KILL");
    assert_eq!(killed.wait().code, None);
    assert!(!folder.path("a.safetensors").exists(), "it was to be killed before its end");
    folder.run(&format!("{DATA} --out a.safetensors --resume c")).says(0, &[]);
    assert!(folder.read("a.safetensors") == folder.read("whole.safetensors"), "the bits differ");
    // The number of threads is no part of what must be kept.
    folder.run(&format!("{DATA} --out b.safetensors --resume c --threads 2")).says(0, &[]);
    assert!(
        folder.read("b.safetensors") == folder.read("whole.safetensors"),
        "the bits differ with two threads"
    );
}

#[test]
fn a_signal_keeps_the_training_and_says_how_to_go_on() {
    let folder = folder();
    let stopped = folder.start(&format!("{DATA} --checkpoint c --checkpoint-steps 500"));
    wait_for(&folder.path("c"));
    stopped.signal("TERM");
    stopped.wait().says(1, &["was stopped after", "of 6000 steps", "--resume c"]);
    let whole = folder.run(&format!("{DATA} --out whole.safetensors --report whole.json"));
    whole.says(0, &[]);
    folder.run(&format!("{DATA} --out a.safetensors --resume c --report a.json")).says(0, &[]);
    assert!(folder.read("a.safetensors") == folder.read("whole.safetensors"), "the bits differ");
    let losses = |report: &str| folder.json(report)["loss_mse_rad2_at"].clone();
    assert_eq!(losses("a.json"), losses("whole.json"));
    let left: Vec<_> = std::fs::read_dir(folder.path("."))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("part"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn a_checkpoint_of_another_training_is_refused_by_what_differs() {
    let folder = folder();
    folder.write("short.toml", "[network]\nhidden = [32, 32]\n[training]\nsteps = 40\ntargets = 50\n");
    let train = "train --data circle --config short.toml --seed 3";
    folder.run(&format!("{train} --checkpoint c --checkpoint-steps 20")).says(0, &[]);
    folder.write("wide.toml", "[network]\nhidden = [48, 32]\n[training]\nsteps = 40\ntargets = 50\n");
    folder
        .run("train --data circle --config wide.toml --seed 3 --resume c")
        .refused(2, &["another training", "3-32-32-7", "3-48-32-7"]);
    folder.write(
        "fast.toml",
        "[network]\nhidden = [32, 32]\n[training]\nsteps = 40\ntargets = 50\nlearning_rate = 0.02\n",
    );
    folder
        .run("train --data circle --config fast.toml --seed 3 --resume c")
        .refused(2, &["training.learning_rate", "0.02"]);
    folder.run(&format!("{train} --lambda 0.5 --resume c")).refused(2, &["sde.lambda", "0.5"]);
    folder
        .run("train --data square --config short.toml --seed 3 --resume c")
        .refused(2, &["another training", "fingerprint"]);
    let whole = folder.read("c");
    for (at, what) in [(whole.len() - 3, "a flipped bit"), (200, "a flipped bit in the header")] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        folder.write("d", &damaged);
        let ended = folder.run(&format!("{train} --resume d"));
        assert!(ended.code == Some(2) && ended.err.contains("checkpoint d is damaged"), "{what}: {ended}");
    }
    folder.write("d", &whole[..whole.len() / 2]);
    folder.run(&format!("{train} --resume d")).refused(2, &["d is damaged or none"]);
    folder.run(&format!("{train} --resume nowhere")).refused(2, &["nowhere", "cannot be read"]);
    folder
        .run(&format!("{train} --checkpoint no/such/folder"))
        .refused(2, &["--checkpoint", "a folder that exists"]);
}

//! Builds the model library that the simulated robot hands to its clients, with the compiler at work anyway.
use std::env::var;
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = "src/sim/model_library/exported.rs";
const SHARED: [&str; 2] = ["src/dynamics/rigid_body.rs", "src/dynamics/panda.rs"];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(model_library)");
    for file in [SOURCE, SHARED[0], SHARED[1], "build.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    let of_target = |key: &str| var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    // What libfranka's clients load it on; other C libraries have another libm.
    if [of_target("ARCH"), of_target("OS"), of_target("ENV")] == ["x86_64", "linux", "gnu"] {
        compile();
        println!("cargo::rustc-cfg=model_library");
    }
}

/// Free of the caller's flags (`target-cpu=native`): the library runs on the client's machine.
fn compile() {
    let set = |key: &str| var(key).unwrap_or_else(|_| panic!("cargo sets {key}"));
    let out = PathBuf::from(set("OUT_DIR")).join("model_library.so");
    let mut rustc = Command::new(set("RUSTC"));
    rustc.args(["--crate-name", "model_library", "--crate-type", "cdylib", "--edition", "2024"]);
    rustc.args(["--target", &set("TARGET"), "-D", "warnings"]);
    for option in ["opt-level=s", "panic=abort", "codegen-units=1", "debuginfo=0", "strip=symbols"] {
        rustc.args(["-C", option]);
    }
    if let Ok(linker) = var("RUSTC_LINKER") {
        rustc.args(["-C", &format!("linker={linker}")]);
    }
    rustc.arg("-o").arg(&out).arg(SOURCE);
    rustc.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = rustc.status().unwrap_or_else(|error| panic!("{rustc:?}: {error}"));
    assert!(status.success(), "the model library was not built: {rustc:?}");
}

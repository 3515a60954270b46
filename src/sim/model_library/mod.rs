//! The model library: what `LoadModelLibrary` gives a client to compute poses, Jacobians and torques with.
use crate::sim::wire::Response;
use crate::sim::wire::commands::LoadModelLibrary;

/// The shared object that `build.rs` makes of `exported.rs`; none where the build is not for x86-64 Linux (GNU).
#[cfg(model_library)]
const LIBRARY: Option<&[u8]> = Some(include_bytes!(concat!(env!("OUT_DIR"), "/model_library.so")));
#[cfg(not(model_library))]
const LIBRARY: Option<&[u8]> = None;

/// libfranka-rs 0.9.0 looks at 70 000 bytes of an answer at most, and waits for ever for a longer one.
#[cfg(model_library)]
const _: () = assert!(include_bytes!(concat!(env!("OUT_DIR"), "/model_library.so")).len() < 69_000);

/// The library for x86-64 Linux, a refusal for everything else.
pub(super) fn answer(request: &LoadModelLibrary) -> Response {
    match (request, LIBRARY) {
        (LoadModelLibrary { architecture: 0, system: 0 }, Some(library)) => Response::ModelLibrary(library),
        _ => Response::NoModelLibrary,
    }
}

//! What follows the lesson: the arm drives what it was taught, by what was learnt while it was guided.
use super::super::arm;
use super::super::exit::usage;
use super::super::prepare::{self, Start};
use super::super::run::{self, Service, Task, Watched};
use super::Args;
use super::class::Taught;
use crate::config::Config;
use crate::control::Pulse;
use crate::demonstration::{demo, shapes};
use crate::learn::apprentice::Report;
use crate::robot::realtime::Granted;
use crate::telemetry::Claim;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The arm that was guided, still ours.
pub(super) struct Place<'a> {
    pub(super) claim: Claim,
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) granted: Granted,
    pub(super) stop: Arc<AtomicBool>,
    /// The page that the lesson was shown on, if there is one.
    pub(super) watched: Option<Watched<'a>>,
}

/// Says what was learnt while the arm was guided.
pub(super) fn say(report: &Report) {
    match &report.held_out {
        Some(judged) => say!(
            "learnt   while guided, from {} poses and {} perturbed targets in {} steps: error on poses held out mean {:.2} mm, \
             max {:.2} mm",
            report.taken,
            report.targets,
            report.steps,
            judged.error_mm.mean,
            judged.error_mm.max
        ),
        None => say!("learnt   nothing: the arm was hardly guided"),
    }
}

/// Drives what was taught, from what was learnt, on the arm that was guided.
pub(super) fn drive(
    args: &Args,
    mut config: Config,
    taught: Taught,
    place: Place<'_>,
    started: Instant,
) -> anyhow::Result<()> {
    let Place { claim, name, address, granted, stop, watched } = place;
    let files: Vec<String> = taught.files.iter().map(|file| file.display().to_string()).collect();
    let run_args = args.drive_of(format!("{}{}", demo::PREFIX, files.join(",")));
    let pulse = Arc::new(Pulse::new(started));
    let (session, state) = arm::reconnect(address, &config, &pulse)?;
    let loaded = shapes::load(run_args.trajectory(), &config.drawing).map_err(usage)?;
    loaded.warnings.iter().for_each(|warning| say!("note     {warning}"));
    prepare::choose_input(&mut config, &loaded.path);
    run::follow(Task {
        args: &run_args,
        config: &config,
        loaded,
        start: taught.policy.map_or(Start::Nothing, Start::Apprentice),
        claim: &claim,
        session,
        state,
        granted,
        address,
        name,
        pulse,
        stop,
        service: Service::new(),
        released_ns: taught.released_ns,
        watched,
    })
}

//! `run --serve`: the arm follows one drawing after another, as the page says.
use super::super::arm::{self, Arm};
use super::super::common::stop_flag;
use super::super::exit::{self, usage};
use super::super::prepare::Start;
use super::{Args, Service, Task, Watched, follow, robot, view};
use crate::config::Config;
use crate::control::{Pulse, Purpose, Session};
use crate::demonstration::drawing;
use crate::demonstration::shapes::Loaded;
use crate::kinematics::Point;
use crate::robot::realtime::{self, Granted};
use crate::robot::{Fault, State};
use crate::telemetry::Claim;
use crate::web::{About, Now, Order, Page, Stage};
use anyhow::Context;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Between two looks at the page and at the arm while nothing moves.
const LOOK: Duration = Duration::from_millis(10);
/// What a drawing is called.
const DRAWING: &str = "drawing";

/// A motion to be followed, and what was typed for it.
struct Job<'a> {
    args: Args,
    config: Config,
    loaded: Loaded,
    start: Start,
    watched: Watched<'a>,
}

/// A robot that is connected, and does not move.
struct Held {
    session: Session,
    state: State,
    pulse: Arc<Pulse>,
}

/// What stays from drive to drive.
struct Daemon<'a> {
    args: &'a Args,
    config: &'a Config,
    page: &'a Page,
    claim: Claim,
    name: String,
    address: IpAddr,
    granted: Granted,
    stop: Arc<AtomicBool>,
    /// Whether a signal has asked the program to end.
    ended: Arc<AtomicBool>,
    started: Instant,
}

pub(super) fn serve(args: &Args, started: Instant) -> anyhow::Result<()> {
    let mut config = args.configuration()?;
    if args.record.as_ref().is_some_and(|place| !place.is_dir()) {
        return Err(usage(
            "--record with --serve: allowed: a folder that exists; each drive is a new file in it",
        ));
    }
    let typed = match &args.trajectory {
        None => None,
        Some(_) => Some(super::load(args, &mut config)?),
    };
    let stop = stop_flag()?;
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended))?;
    }
    Service::new().say("connecting to the robot");
    let sim = robot::start_sim(args, &config)?;
    let pulse = Arc::new(Pulse::new(started));
    let name = robot::name(args, sim.as_ref());
    let Arm { claim, session, state, granted, address } =
        arm::connect(&name, "run", &config, &pulse, Purpose::Move)?;
    robot::greet(&session, sim.is_some(), &granted);
    let about = About { robot: name.clone(), simulated: args.sim, F_T_EE: arm::tool(&state)? };
    let page = args.serve.open(&config, &about, realtime::cores_but(granted.core))?;
    let page = &page.context("--serve was given")?;
    let typed = typed.map(|(loaded, start)| Job {
        args: args.clone(),
        config: config.clone(),
        loaded,
        start,
        watched: Watched::new(page),
    });
    let daemon = Daemon { args, config: &config, page, claim, name, address, granted, stop, ended, started };
    daemon.run(typed, Held { session, state, pulse });
    Service::new().say("ended");
    Ok(())
}

impl Daemon<'_> {
    fn run<'a>(&'a self, mut typed: Option<Job<'a>>, first: Held) {
        let mut held = Some(first);
        let mut drives = 0;
        while !self.ended.load(Relaxed) {
            let Some(mut now) = held.take().or_else(|| self.reconnect()) else { continue };
            let job = match typed.take() {
                Some(job) => job,
                None => match self.wait(&mut now) {
                    Ok(Some(job)) => job,
                    Ok(None) => continue,
                    Err(fault) => {
                        self.complain(&fault.into());
                        continue;
                    }
                },
            };
            drives += 1;
            if let Err(error) = self.follow(job, now, drives) {
                self.complain(&error);
            }
            self.page.close();
        }
    }

    /// Waits for a drawing, and shows the arm; none when the program shall end.
    fn wait(&self, held: &mut Held) -> Result<Option<Job<'_>>, Fault> {
        Service::new().say("waiting for a drawing");
        self.stop.store(false, Relaxed);
        while !self.ended.load(Relaxed) {
            if let Some(order) = self.page.next() {
                match self.job(order) {
                    Ok(job) => return Ok(Some(job)),
                    Err(error) => self.complain(&error),
                }
            }
            if let Some(state) = held.session.look()? {
                held.state = state;
            }
            self.show(Stage::Waiting, &held.state);
            std::thread::sleep(LOOK);
        }
        Ok(None)
    }

    fn show(&self, stage: Stage, state: &State) {
        let mut now = Now { stage, ..Now::default() };
        view::at(&mut now, state, state.q_d);
        self.page.show(&now);
    }

    /// What a drawing asks for.
    fn job(&self, order: Order) -> anyhow::Result<Job<'_>> {
        let Order { drawing: drawn, since } = order;
        let mut config = self.config.clone();
        config.drawing.closed = drawn.closed;
        if let Some(speed_m_s) = drawn.speed_m_s {
            config.motion.speed_m_s = speed_m_s;
        }
        let points: Vec<Point> = drawn.points_m.into_iter().map(Point::from).collect();
        let path = drawing::path(&points, None, &config.drawing).map_err(usage)?;
        let args = self.args.follows(DRAWING, drawn.laps);
        let loaded = Loaded { path, warnings: Vec::new(), taught: None };
        Ok(Job { args, config, loaded, start: Start::Nothing, watched: Watched { page: self.page, since } })
    }

    fn follow(&self, job: Job, held: Held, number: usize) -> anyhow::Result<()> {
        let Job { mut args, config, loaded, start, watched } = job;
        for file in [&mut args.save_policy, &mut args.common.report].into_iter().flatten() {
            *file = numbered(file, number);
        }
        self.show(Stage::Learning, &held.state);
        // Nothing moves yet: a signal ends the process at once.
        self.stop.store(true, Relaxed);
        let Held { session, state, pulse } = held;
        follow(Task {
            args: &args,
            config: &config,
            loaded,
            start,
            claim: &self.claim,
            session,
            state,
            granted: self.granted.clone(),
            address: self.address,
            name: self.name.clone(),
            pulse,
            stop: Arc::clone(&self.stop),
            service: Service::new(),
            released_ns: None,
            watched: Some(watched),
        })
    }

    fn reconnect(&self) -> Option<Held> {
        let pulse = Arc::new(Pulse::new(self.started));
        match arm::reconnect(self.address, self.config, &pulse) {
            Ok((session, state)) => Some(Held { session, state, pulse }),
            Err(fault) => {
                self.page.show(&Now { stage: Stage::Lost, ..Now::default() });
                self.complain(&fault.into());
                None
            }
        }
    }

    fn complain(&self, error: &anyhow::Error) {
        let words = exit::words(error);
        self.page.say(true, &words);
        eprintln!("error: {words}");
    }
}

/// The file of a drive: the first has the name that was typed, the later ones a number in it.
fn numbered(file: &Path, number: usize) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    match (number, file.extension()) {
        (1, _) => file.to_owned(),
        (_, Some(kind)) => file.with_file_name(format!("{stem}-{number}.{}", kind.to_string_lossy())),
        (_, None) => file.with_file_name(format!("{stem}-{number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_drive_overwrites_the_files_of_another() {
        let file = |number| numbered(Path::new("a/report.json"), number);
        assert_eq!(file(1), Path::new("a/report.json"));
        assert_eq!(file(3), Path::new("a/report-3.json"));
        assert_eq!(numbered(Path::new("policy"), 2), Path::new("policy-2"));
    }
}

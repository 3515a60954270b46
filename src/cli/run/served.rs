//! `run --serve`: the arm follows one drawing after another, as the page says.
use super::super::arm::{self, Arm};
use super::super::common::stop_flag;
use super::super::exit::{self, usage};
use super::super::prepare::{self, Start};
use super::super::{home, motion};
use super::drawn::Drawn;
use super::{Args, Service, Task, Watched, follow, robot, view};
use crate::config::Config;
use crate::control::{Pulse, Purpose, Session};
use crate::demonstration::sample::Sample;
use crate::demonstration::shapes::Loaded;
use crate::kinematics::Pose;
use crate::robot::realtime::{self, Granted};
use crate::robot::{self as panda, Fault, State, limits};
use crate::telemetry::Claim;
use crate::web::{About, Drawing, Errand, Now, Order, Page, Plan, Since, Stage};
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
    /// The drawing, if it is one.
    drawn: Option<Drawn>,
}

/// What the arm is to do next.
enum Todo<'a> {
    Follow(Box<Job<'a>>),
    Home(Since),
    Recover,
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
    let about = About {
        robot: name.clone(),
        simulated: args.sim,
        F_T_EE: arm::tool(&state)?,
        drawing: config.drawing.clone(),
        expert: config.expert,
        safety: config.safety.clone(),
        velocity_share: config.motion.joint_velocity_share,
    };
    let page = args.serve.open(&config, &about, realtime::cores_but(granted.core))?;
    let page = &page.context("--serve was given")?;
    let typed = typed.map(|(loaded, start)| Job {
        args: args.clone(),
        config: config.clone(),
        loaded,
        start,
        watched: Watched::new(page),
        drawn: None,
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
            let todo = match typed.take() {
                Some(job) => Todo::Follow(Box::new(job)),
                None => match self.wait(&mut now) {
                    Ok(Some(todo)) => todo,
                    Ok(None) => continue,
                    Err(fault) => {
                        self.complain(&fault.into());
                        continue;
                    }
                },
            };
            let done = match todo {
                Todo::Follow(job) => {
                    drives += 1;
                    self.follow(*job, now, drives)
                }
                Todo::Home(since) => self.home(now, since),
                Todo::Recover => self.recover(now),
            };
            if let Err(error) = done {
                self.complain(&error);
            }
            self.page.close();
        }
    }

    /// Waits for something to do, and shows the arm; none when the program shall end.
    fn wait(&self, held: &mut Held) -> Result<Option<Todo<'_>>, Fault> {
        Service::new().say("waiting for a drawing");
        self.stop.store(false, Relaxed);
        while !self.ended.load(Relaxed) {
            if let Some(Order { errand, since }) = self.page.next() {
                match errand {
                    Errand::Home => return Ok(Some(Todo::Home(since))),
                    Errand::Recover => return Ok(Some(Todo::Recover)),
                    Errand::Imitate(drawing) => match self.job(&drawing, since) {
                        Ok(job) => return Ok(Some(Todo::Follow(Box::new(job)))),
                        Err(error) => self.complain(&error),
                    },
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
    fn job(&self, drawn: &Drawing, since: Since) -> anyhow::Result<Job<'_>> {
        let mut config = self.config.clone();
        config.drawing = drawn.options(&config.drawing);
        if let Some(speed_m_s) = drawn.speed_m_s {
            config.motion.speed_m_s = speed_m_s;
        }
        let (rows, warnings) = drawn.rows(&config.drawing, config.motion.speed_m_s).map_err(usage)?;
        let path = Drawing::path(&rows, &config.drawing).map_err(usage)?;
        prepare::choose_input(&mut config, &path);
        for words in warnings.iter().map(ToString::to_string) {
            say!("note     {words}");
            self.page.say(false, &words);
        }
        let kept = match Drawn::keep(rows, self.args.record.as_deref()) {
            Ok(kept) => {
                say!("saved    {}", kept.points().display());
                Some(kept)
            }
            // Whoever asked for records wants them.
            Err(error) if self.args.record.is_some() => return Err(error),
            Err(error) => {
                self.complain(&error.context("the drawing is not kept"));
                None
            }
        };
        let args = self.args.follows(DRAWING, drawn.laps.unwrap_or(1));
        let loaded = Loaded { path, warnings, taught: None };
        let watched = Watched { page: self.page, since };
        Ok(Job { args, config, loaded, start: Start::Nothing, watched, drawn: kept })
    }

    fn follow(&self, job: Job, held: Held, number: usize) -> anyhow::Result<()> {
        let Job { mut args, config, loaded, start, watched, drawn } = job;
        for file in [&mut args.save_policy, &mut args.common.report].into_iter().flatten() {
            *file = numbered(file, number);
        }
        view::learning(self.page, &held.state, None);
        // Nothing moves yet: a signal ends the process at once.
        self.stop.store(true, Relaxed);
        let Held { session, state, pulse } = held;
        let tool = arm::tool(&state)?;
        std::thread::scope(|beside| {
            if let Some(drawn) = &drawn {
                beside.spawn(|| self.keep(drawn, &config, tool));
            }
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
        })
    }

    /// Makes an episode of a drawing, while it is learnt.
    fn keep(&self, drawn: &Drawn, config: &Config, tool: Pose) {
        match drawn.episode(config, tool) {
            Ok(file) => {
                say!("saved    {}", file.display());
                self.page.say(false, &format!("the drawing is kept: {}", file.display()));
            }
            Err(error) => self.complain(&error.context("the drawing is kept as points only")),
        }
    }

    /// To the ready pose, as the command `home` does it.
    fn home(&self, held: Held, since: Since) -> anyhow::Result<()> {
        let Held { session, state, pulse } = held;
        arm::check_ready(&state, &self.config.safety)?;
        let share = home::usual_share(self.config);
        home::check(self.config, &state, share)?;
        if !arm::ask(
            "Is the way clear and the user stop in somebody's hand?",
            self.args.yes || self.args.sim,
        )? {
            return Err(usage("not confirmed: nothing was moved"));
        }
        if self.page.rest(since).is_some() {
            return Err(usage("stopped before the arm has moved"));
        }
        // What was followed before is not shown with this, and wishes for it are no wishes for this.
        self.page.plan(Plan::default());
        let rest = || {
            let (by_page, by_signal) = (self.page.rest(since), motion::by_signal(&self.ended));
            if by_signal > by_page { by_signal } else { by_page }
        };
        let look = |sample: &Sample| self.show(Stage::Homing, &sample.state);
        let (config, to) = (self.config, &limits::Q_READY);
        let folder = self.args.black_box_folder();
        match home::go_until(session, config, to, share, &state, &pulse, &folder, rest, look)? {
            (_, Some(early)) => Err(early.into()),
            (figures, None) => {
                self.page.say(false, &figures.words());
                Ok(())
            }
        }
    }

    /// Has the robot clear its errors, as the command `recover` does it; nothing moves.
    fn recover(&self, held: Held) -> anyhow::Result<()> {
        let Held { session, state, .. } = held;
        match state.mode {
            panda::Mode::Idle if state.errors.names().next().is_none() => {
                self.page.say(false, "nothing to recover: the robot can move");
                return Ok(());
            }
            panda::Mode::Idle | panda::Mode::Reflex => {}
            _ => arm::check_mode(&state)?,
        }
        self.show(Stage::Recovering, &state);
        let begun = Instant::now();
        session.recover(|_, _| {})?.result?;
        let words = format!("recovered in {:.1} s", begun.elapsed().as_secs_f64());
        say!("{words}");
        self.page.say(false, &words);
        Ok(())
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

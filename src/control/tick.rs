//! One millisecond: reference → X → policy → generator → safety → command. Pure: no clock, no channel, no
//! allocation, no panic.
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
use super::approach::Approach;
use super::clock::Clock;
use super::course::Courses;
use super::generator::Generator;
use super::links::Tempo;
use super::push::{Push, Seen, displaced};
use super::reading::{self, Reader, Reading};
use super::shelf::Shelf;
use super::{Law, Phase, Pilot, Settings, StandIn};
use crate::demonstration::sample::{Hand, Kind, Sample};
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Point, Pose, forward};
use crate::policy::{Input, Policy};
use crate::robot::{Command, Joints, State};
use crate::safety::{Guard, Judged, Limiter, Margin, Motion, Verdict, Watchdog};
use crate::sde::Follower;
use std::sync::Arc;

/// Rest before a motion is ended, s: the robot's own controller settles.
pub(super) const SETTLE_S: f64 = 0.1;

/// All state of the control thread's ticks.
pub struct Controller {
    pub(super) courses: Courses,
    pub(super) shelf: Shelf,
    stand_in: Option<Box<dyn StandIn>>,
    F_T_EE: Pose,
    pub(super) clock: Clock,
    follower: Follower,
    /// None under a law that does not give way.
    pub(super) push: Option<Push>,
    generator: Generator,
    guard: Guard,
    watchdog: Watchdog,
    pub(super) settings: Settings,
    law: Law,
    pub(super) phase: Phase,
    approach: Option<Approach>,
    /// Real time in the current phase, s.
    elapsed_s: f64,
    reader: Reader,
    ticks: u64,
    stopped_by: Verdict,
    stopped_at: Option<Margin>,
}

/// What a tick is after, before the generator and the safety layer.
struct Aim {
    x_ref: Pose,
    X: Pose,
    q_ref: Joints,
    verdict: Verdict,
}

impl Controller {
    /// A controller that will approach the start of `timed` and follow it with `policy`.
    pub fn new(timed: Arc<TimedPath>, policy: Box<Policy>, F_T_EE: Pose, settings: Settings) -> Controller {
        let end_s = settings.laps.map_or(f64::INFINITY, |laps| laps * timed.lap_s());
        let start = timed.pose(0.0);
        let follower = match policy.card().input {
            Input::Position => Follower::of_positions(&settings.sde, &start),
            Input::Pose => Follower::of_poses(&settings.sde, &start),
        };
        let mut clock = Clock::new(settings.options.ramp_s, end_s);
        clock.advance(0.0);
        Controller {
            clock,
            follower,
            push: None,
            generator: Generator::new(&settings.generator),
            guard: Guard::new(&settings.safety, &F_T_EE),
            watchdog: Watchdog::new(&settings.safety),
            courses: Courses::new(timed, settings.options.course_s),
            shelf: Shelf::new(policy, settings.options.swap_s),
            stand_in: None,
            F_T_EE,
            settings,
            law: Law::default(),
            phase: Phase::Approach,
            approach: None,
            elapsed_s: 0.0,
            reader: Reader::default(),
            ticks: 0,
            stopped_by: Verdict::default(),
            stopped_at: None,
        }
    }

    /// The same with somebody else in the policy's place, who is asked instead of it.
    #[must_use]
    pub fn driven_by(mut self, stand_in: Box<dyn StandIn>) -> Controller {
        self.stand_in = Some(stand_in);
        self
    }

    /// The same by another control law.
    #[must_use]
    pub fn by(mut self, law: Law) -> Controller {
        let gives_way = matches!(law, Law::Impedance(_));
        self.push = gives_way.then(|| Push::new(&self.settings.push, &self.settings.safety));
        self.law = law;
        self
    }

    /// What the arm is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why our own safety layer ended the motion, if it did.
    pub fn stopped_by(&self) -> Verdict {
        self.stopped_by
    }

    /// One tick: the command that answers `state`.
    pub fn tick(&mut self, state: &State) -> (Command, Sample) {
        let reading = self.reader.read(state);
        let Reading { base, verdict: sense, .. } = reading;
        let dt_s = reading.dt_s();
        self.elapsed_s += dt_s;
        if !sense.is_clear() {
            self.end_by(sense);
        }
        let (watched, watched_margin) =
            if sense.is_clear() { self.watchdog.look(state, dt_s) } else { self.watchdog.blind() };
        if !watched.is_clear() {
            self.end_at(watched, watched_margin);
        }
        let measured = reading::O_p_EE(state);
        let aim = match self.phase {
            Phase::Approach => self.approach(&base),
            Phase::Follow | Phase::Rest => self.follow(state, &base, dt_s),
            Phase::Brake | Phase::Done => self.hold(&base),
        };
        let verdict = sense.and(watched).and(aim.verdict);
        let braking = matches!(self.phase, Phase::Brake | Phase::Done);
        let Judged { q_c, verdict: limited, margin } = if braking {
            self.guard.brake(&base)
        } else {
            let proposal = self.generator.step(&base, &aim.q_ref, dt_s);
            self.guard.judge(&base, &proposal)
        };
        if limited.has(Verdict::PLACES) {
            self.end_at(limited, margin);
        }
        if braking && base.is_at_rest() {
            self.enter(Phase::Done);
        }
        // One place for long would crowd out what the path has taught.
        let is_driven = self.phase == Phase::Follow && verdict.is_clear() && !self.clock.stands();
        let kind = match self.hand() {
            _ if !is_driven => Kind::None,
            Hand::Pushing => Kind::Correction,
            Hand::Away | Hand::Touching | Hand::Load => Kind::Driven,
        };
        let (swaps, rollbacks) = self.shelf.counts();
        let sample = Sample {
            tick: self.ticks,
            lost: reading.lost(),
            kind,
            tau_s: self.clock.tau_s(),
            state: *state,
            O_p_EE: measured,
            x_ref: aim.x_ref,
            X: aim.X,
            q_ref: aim.q_ref,
            q_c,
            verdict: verdict.and(limited),
            margin: margin.tighter(watched_margin),
            swaps,
            rollbacks,
            edition: self.edition(),
            course: self.courses.number(),
            hand: self.hand(),
            pull_n: self.push.as_ref().map_or_else(Point::zeros, Push::pull_n),
        };
        self.ticks += 1;
        self.reader.answered(state, &reading, &q_c);
        let command = if self.phase == Phase::Done { Command::Finish(q_c) } else { Command::Position(q_c) };
        (command, sample)
    }

    /// No aim but to stay: for a brake, and for what comes before or after a motion.
    fn hold(&self, base: &Motion) -> Aim {
        let x_ref = self.courses.pose(self.clock.tau_s());
        Aim { x_ref, X: x_ref, q_ref: base.q, verdict: Verdict::default() }
    }

    /// On the way to where the policy wants to begin; the first call plans it, or ends the motion.
    fn approach(&mut self, base: &Motion) -> Aim {
        let aim = self.hold(base);
        if self.approach.is_none() {
            let to = match &mut self.stand_in {
                Some(stand_in) => stand_in.evaluate(&aim.X),
                None => self.shelf.running_policy().ask(&aim.X),
            };
            let mut why = self.judge_wish(&to, &aim.X);
            if why.is_clear() {
                self.approach = self.plan_approach(base, &to);
                why = if self.approach.is_some() { why } else { Verdict::POSITION };
            }
            if !why.is_clear() {
                self.end_by(why);
                return Aim { verdict: why, ..aim };
            }
        }
        let Some(approach) = self.approach else { return aim };
        let q_ref = approach.at(self.elapsed_s);
        // The safety layer may have slowed it.
        if self.elapsed_s >= approach.duration_s + SETTLE_S && approach.is_done_at(&base.q) {
            self.clock.run_at(self.settings.speed);
            self.enter(Phase::Follow);
        }
        Aim { q_ref, ..aim }
    }

    /// Along the path; asks the policy only where it was trained, and believes only an answer that points there.
    fn follow(&mut self, state: &State, base: &Motion, dt_s: f64) -> Aim {
        let tau_s = self.clock.advance(dt_s);
        self.courses.advance(dt_s);
        let x_ref = self.courses.pose(tau_s);
        let desired = forward(&base.q, &self.F_T_EE);
        let measured = reading::seen(state, self.policy().card().input, &desired);
        let gives_way = self.look_for_push(state, &x_ref, &desired, tau_s, dt_s);
        let [told, seen] = [&desired, &measured].map(|pose| displaced(pose, &-gives_way));
        // A push that is meant is given way to, and not returned from.
        let seen = if self.hand() == Hand::Pushing { told } else { seen };
        let mut X = self.follower.step(&x_ref, &seen, &told, dt_s);
        let mut follower = self.follower;
        let (q_ref, verdict) = match follower.keep_to(&x_ref, |x| self.knows(x)) {
            Some(known) => {
                (self.follower, X) = (follower, self.give_way(&known));
                let q_ref = match &mut self.stand_in {
                    Some(stand_in) => stand_in.evaluate(&X),
                    None => self.shelf.wish(&X, dt_s),
                };
                (
                    q_ref,
                    self.judge_wish(&q_ref, &X).and(self.watchdog.answer(
                        &X.translation.vector,
                        &q_ref,
                        dt_s,
                    )),
                )
            }
            None => (base.q, Verdict::REGION),
        };
        if !verdict.is_clear() {
            self.end_by(verdict);
        } else if self.phase == Phase::Follow && self.clock.is_stopped() {
            self.enter(Phase::Rest);
        } else if self.phase == Phase::Rest && self.elapsed_s > SETTLE_S {
            self.enter(Phase::Brake);
        }
        Aim { x_ref, X, q_ref, verdict }
    }

    /// How far the arm gives way to a hand, m.
    fn look_for_push(&mut self, state: &State, x_ref: &Pose, desired: &Pose, tau_s: f64, dt_s: f64) -> Point {
        let Some(push) = &mut self.push else { return Point::zeros() };
        let [x, y, z, ..] = state.O_F_ext_hat_K;
        push.look(&Seen {
            force_n: Point::new(x, y, z),
            p: reading::O_p_EE(state),
            p_d: desired.translation.vector,
            p_ref: x_ref.translation.vector,
            along: self.courses.velocity(tau_s),
            laps: tau_s / self.courses.lap_s().max(1e-3),
            place: self.courses.place(tau_s),
            dt_s,
        });
        push.way()
    }

    /// X displaced to where a hand wants the arm, as far as the policy knows.
    fn give_way(&mut self, X: &Pose) -> Pose {
        let Some(way) = self.push.as_ref().map(Push::way).filter(|way| *way != Point::zeros()) else {
            return *X;
        };
        let mut share = 1.0;
        for _ in 0..20 {
            let there = displaced(X, &(way * share));
            if self.knows(&there) {
                if let Some(push) = self.push.as_mut().filter(|_| share < 1.0) {
                    push.shorten(share);
                }
                return there;
            }
            share *= 0.9;
        }
        *X
    }

    /// Whether X lies where the policy was trained; a policy that does not say where knows nothing.
    fn knows(&self, X: &Pose) -> bool {
        let margin_m = self.settings.safety.region_margin_m;
        match &self.stand_in {
            Some(stand_in) => stand_in.knows(X, margin_m),
            None => self.policy().knows(X, margin_m),
        }
    }

    /// Whether the joints `q_ref` are an answer to "where should the joints be for the end effector at X".
    fn judge_wish(&self, q_ref: &Joints, X: &Pose) -> Verdict {
        if !q_ref.iter().all(|q| q.is_finite()) {
            return Verdict::NOT_FINITE;
        }
        let safety = &self.settings.safety;
        let there = forward(q_ref, &self.F_T_EE);
        let is_near = (there.translation.vector - X.translation.vector).norm() <= safety.wish_error_m;
        let is_turned = self.policy().card().input == Input::Position
            || there.rotation.angle_to(&X.rotation) <= safety.wish_error_rad;
        if is_near && is_turned { Verdict::default() } else { Verdict::WISH }
    }

    fn plan_approach(&self, base: &Motion, to: &Joints) -> Option<Approach> {
        let way = self.settings.approach(&base.q, to);
        (way.duration_s.is_finite() && self.guard.limiter().outside(to).is_none()).then_some(way)
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        if phase == Phase::Brake {
            self.generator.reset();
        }
        self.phase = phase;
        self.elapsed_s = 0.0;
    }

    /// The same with by how much a limit was broken.
    fn end_at(&mut self, verdict: Verdict, margin: Margin) {
        if self.stopped_by.is_clear() && !margin.holds() {
            self.stopped_at = Some(margin);
        }
        self.end_by(verdict);
    }

    /// Our own safety layer ends the motion: brake to rest, keep the first reason.
    fn end_by(&mut self, verdict: Verdict) {
        if self.stopped_by.is_clear() {
            self.stopped_by = verdict;
        }
        if !matches!(self.phase, Phase::Brake | Phase::Done) {
            self.enter(Phase::Brake);
        }
    }
}

impl Pilot for Controller {
    fn tick(&mut self, state: &State) -> (Command, Sample) {
        self.tick(state)
    }

    fn stop(&mut self) {
        self.stop();
    }

    fn halt(&mut self) {
        self.halt();
    }

    fn set_tempo(&mut self, tempo: &Tempo) {
        self.take_tempo(tempo);
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn stopped_by(&self) -> Verdict {
        self.stopped_by
    }

    fn stopped_at(&self) -> Option<Margin> {
        self.stopped_at
    }

    fn limiter(&self) -> &Limiter {
        self.guard.limiter()
    }

    fn law(&self) -> &Law {
        &self.law
    }
}

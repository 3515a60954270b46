//! Panels of an episode.
use super::Page;
use super::canvas::Pen;
use super::chart::{Axis, Chart, Mark};
use super::geometry::{Paths, extent};
use super::rows::{self, Row};
use super::scale::{Scale, words};
use super::theme::Ink;
use crate::demonstration::episode::{Episode, Reading, Tick};
use crate::demonstration::sample::Kind;
use crate::robot::limits::{DQ_MAX, Q_MAX, Q_MIN};
use crate::robot::{JOINTS, Mode};

/// Shares of a joint's range, at both ends, that are shaded.
const NEAR_LIMIT_PERCENT: f64 = 5.0;
const RATE: &str = "1 kHz";

/// The page of an episode; of a damaged file, as far as it reads, and it says so. `name` is the title's.
pub fn of_episode(reading: &Reading, name: &str) -> Page {
    let Reading { episode, damage, .. } = reading;
    let meta = &episode.meta;
    let missing: u64 = episode.gaps().map(|gap| gap.missing).sum();
    let mut lines = vec![format!(
        "{}; made by {}; {:.2} s, {} ticks, {missing} missing",
        if meta.task.is_empty() { "no task named" } else { &meta.task },
        if meta.source.is_empty() { "unknown" } else { &meta.source },
        episode.length_s(),
        episode.ticks.len(),
    )];
    if let Some(first) = damage.first() {
        let more = match damage.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        lines.push(format!("damaged file, drawn as far as it reads: {first}{more}"));
    }
    let mut charts = path(episode);
    let drawing = Drawing { episode };
    charts.push(drawing.doing());
    charts.push(drawing.joints());
    charts.push(drawing.speeds());
    charts.push(drawing.following());
    charts.extend(drawing.force());
    Page { title: name.to_string(), lines, charts }
}

fn path(episode: &Episode) -> Vec<Chart> {
    let measured: Vec<[f64; 3]> = episode.ticks.iter().map(Tick::O_p_EE).collect();
    // A tick that is not driven has no reference.
    let reference: Vec<[f64; 3]> =
        episode.ticks.iter().filter(|tick| tick.kind == Kind::Driven).map(|tick| tick.x_ref).collect();
    let note = format!("base frame, {RATE}");
    Paths { reference_m: &reference, measured_m: &measured, tube_m: None, note }.charts()
}

struct Drawing<'a> {
    episode: &'a Episode,
}

impl Drawing<'_> {
    fn time_s(&self, tick: &Tick) -> f64 {
        let start = self.episode.ticks.first().map_or(0, |first| first.robot_time_ms);
        tick.robot_time_ms.saturating_sub(start) as f64 * 1e-3
    }

    fn time_axis(&self) -> Axis {
        Axis::new("robot time since the first tick, s", Scale::linear(0.0, self.episode.length_s().max(1e-3)))
    }

    /// A quantity over time, with a gap where ticks are missing.
    fn points(&self, of: impl Fn(&Tick) -> f64) -> Vec<[f64; 2]> {
        let mut points = Vec::with_capacity(self.episode.ticks.len());
        let mut last: Option<u64> = None;
        for tick in &self.episode.ticks {
            if last.is_some_and(|last| tick.robot_time_ms > last + 1) {
                points.push([self.time_s(tick), f64::NAN]);
            }
            last = Some(tick.robot_time_ms);
            points.push([self.time_s(tick), of(tick)]);
        }
        points
    }

    /// From when to when something holds, s.
    fn spans(&self, holds: impl Fn(&Tick) -> bool) -> Vec<[f64; 2]> {
        let mut spans = Vec::new();
        for group in self
            .episode
            .ticks
            .chunk_by(|a, b| holds(a) == holds(b) && b.robot_time_ms <= a.robot_time_ms.saturating_add(1))
        {
            if let (Some(first), Some(last)) = (group.first().filter(|tick| holds(tick)), group.last()) {
                spans.push([self.time_s(first), self.time_s(last) + 1e-3]);
            }
        }
        spans
    }

    /// What the robot and the program were doing, and what is missing.
    fn doing(&self) -> Chart {
        let ticks = &self.episode.ticks;
        let mode = |mode: Mode| move |tick: &Tick| tick.mode == mode;
        let kind = |kind: Kind| move |tick: &Tick| tick.kind == kind;
        let gaps = self
            .episode
            .gaps()
            .map(|gap| [self.time_s(&ticks[gap.index - 1]), self.time_s(&ticks[gap.index])]);
        let rows = vec![
            Row::new("robot: move", Ink::MEASURED, self.spans(mode(Mode::Move))),
            Row::new("robot: guiding", Ink::GOOD, self.spans(mode(Mode::Guiding))),
            Row::new("robot: reflex", Ink::BAD, self.spans(mode(Mode::Reflex))),
            Row::new("robot: user stop", Ink::BAD, self.spans(mode(Mode::UserStopped))),
            Row::new("demonstration", Ink::GOOD, self.spans(kind(Kind::Demonstration))),
            Row::new("correction", Ink::OTHER, self.spans(kind(Kind::Correction))),
            Row::new("driven", Ink::MEASURED, self.spans(kind(Kind::Driven))),
            Row::new(
                "gripper holds",
                Ink::Series(4),
                self.spans(|t| t.gripper.is_some_and(|g| g.is_grasped)),
            ),
            Row::new("limiter active", Ink::OTHER, self.spans(|t| !t.verdict.is_clear())),
            Row::new("ticks missing", Ink::BAD, gaps.collect()),
        ];
        rows::chart("doing", "What was going on", RATE, self.time_axis(), rows)
    }

    /// Joints as shares of their ranges: one picture for seven ranges.
    fn joints(&self) -> Chart {
        let y = Axis::new("% of the joint's range", Scale::linear(0.0, 100.0));
        let mut chart = Chart::new("joints", "Joints, and how near their limits", RATE, self.time_axis(), y);
        let end_s = self.episode.length_s();
        for [low, high] in [[0.0, NEAR_LIMIT_PERCENT], [100.0 - NEAR_LIMIT_PERCENT, 100.0]] {
            chart.marks.push(Mark::Box { from: [0.0, low], to: [end_s, high], paint: Ink::BAD.thin(0.15) });
        }
        for j in 0..JOINTS {
            let [low, high] = extent(self.episode.ticks.iter().map(|tick| tick.q[j]));
            let label = format!("q{} {} … {} rad", j + 1, words(low, 2), words(high, 2));
            let points = self.points(|tick| 100.0 * (tick.q[j] - Q_MIN[j]) / (Q_MAX[j] - Q_MIN[j]));
            chart.marks.push(Mark::Line { points, pen: Pen::new(Ink::Series(j), 1.4), label });
        }
        chart
    }

    fn speeds(&self) -> Chart {
        let share = |j: usize| move |tick: &Tick| 100.0 * tick.dq[j].abs() / DQ_MAX[j];
        let fastest: Vec<f64> =
            (0..JOINTS).map(|j| extent(self.episode.ticks.iter().map(share(j)))[1]).collect();
        let top = extent(fastest.iter().copied())[1];
        let y = Axis::new("% of the joint's velocity limit", Scale::linear(0.0, (1.1 * top).max(1.0)));
        let mut chart = Chart::new("speeds", "Speeds of the joints", RATE, self.time_axis(), y);
        if top > 90.0 {
            let pen = Pen::new(Ink::BAD, 1.0).dashed();
            chart.marks.push(Mark::Level { y: 100.0, pen, label: "limit".into() });
        }
        for (j, fastest) in fastest.iter().enumerate() {
            let label = format!("dq{} ≤ {fastest:.0} %", j + 1);
            chart.marks.push(Mark::Line {
                points: self.points(share(j)),
                pen: Pen::new(Ink::Series(j), 1.2),
                label,
            });
        }
        chart
    }

    /// Commanded against measured joints.
    fn following(&self) -> Chart {
        let lag = |j: usize| move |tick: &Tick| 1e3 * (tick.q_d[j] - tick.q[j]);
        let ticks = &self.episode.ticks;
        let all = extent((0..JOINTS).flat_map(|j| ticks.iter().map(lag(j))));
        let margin = 0.06 * (all[1] - all[0]).max(1e-3);
        let y = Axis::new("q_d − q, mrad", Scale::linear(all[0] - margin, all[1] + margin));
        let mut chart = Chart::new("following", "Desired against measured joints", RATE, self.time_axis(), y);
        for j in 0..JOINTS {
            let pen = Pen::new(Ink::Series(j), 1.2);
            chart.marks.push(Mark::Line {
                points: self.points(lag(j)),
                pen,
                label: format!("joint {}", j + 1),
            });
        }
        chart
    }

    /// What acts on the arm from outside; none where nothing was measured.
    fn force(&self) -> Option<Chart> {
        let ticks = &self.episode.ticks;
        let all = extent((0..3).flat_map(|k| ticks.iter().map(move |tick| tick.O_F_ext_hat_K[k])));
        if all == [0.0, 0.0] {
            return None;
        }
        let margin = 0.06 * (all[1] - all[0]).max(0.5);
        let y = Axis::new("N, base frame", Scale::linear(all[0] - margin, all[1] + margin));
        let mut chart = Chart::new("force", "External force, as estimated", RATE, self.time_axis(), y);
        let reflex_n = self.episode.meta.robot.collision_force_n;
        for (k, axis) in ["x", "y", "z"].into_iter().enumerate() {
            let points = self.points(|tick| tick.O_F_ext_hat_K[k]);
            let label = format!("F{axis} (reflex ±{:.0})", reflex_n[k]);
            chart.marks.push(Mark::Line { points, pen: Pen::new(Ink::Series(k), 1.2), label });
        }
        Some(chart)
    }
}

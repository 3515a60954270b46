//! `demos show`.
use super::super::exit::usage;
use super::find;
use super::plot::{Plot, extent};
use crate::demonstration::episode::{self, Episode, Reading};
use crate::demonstration::store::Quality;
use std::path::Path;

/// Size of the curves over time, characters.
const CURVE: (usize, usize) = (64, 3);
/// Size of the path seen along an axis, characters; a character is about twice as high as wide.
const PATH: (usize, usize) = (40, 20);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The episode's name, or its file.
    name: String,
}

pub(super) fn run(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let file = find(dir, &args.name)?;
    let Reading { episode, damage, .. } = episode::read(&file).map_err(usage)?;
    say!("file     {}", file.display());
    damage.iter().for_each(|damage| say!("damage   {damage}"));
    describe(&episode);
    curves(&episode);
    path(&episode);
    Ok(())
}

fn describe(episode: &Episode) {
    let (meta, q) = (&episode.meta, Quality::of(episode));
    let success = meta.success.map_or("not said", |done| if done { "yes" } else { "no" });
    say!("task     {}; label {:?}; success: {success}", meta.task, meta.label);
    if !meta.note.is_empty() {
        say!("note     {}", meta.note);
    }
    say!("made by  {} ({}), {}", meta.source, meta.software, meta.began);
    let r = &meta.robot;
    say!(
        "robot    {}; load {} kg; reflex above {:?} Nm, {:?} N, {:?} Nm",
        if r.address.is_empty() { "none" } else { &r.address },
        r.load_mass_kg,
        r.collision_torque_nm,
        r.collision_force_n,
        r.collision_moment_nm
    );
    say!(
        "length   {:.3} s, {} ticks, {:.1} Hz; {} missing in {} gaps; way {:.3} m",
        q.length_s,
        q.ticks,
        q.rate_hz,
        q.missing,
        q.gaps,
        q.way_m
    );
    match q.idle {
        Some(idle) => say!("rest     {:.2} s at the beginning, {:.2} s at the end", idle.start_s, idle.end_s),
        None => say!("rest     the arm never moves"),
    }
    say!(
        "limits   joint {} comes within {:.3} rad of its end; fastest joint at {:.0} % of its limit",
        q.margin.joint,
        q.margin.rad,
        100.0 * q.velocity_share
    );
    if let Some(end) = &episode.end {
        say!("end      {}; {} ticks dropped while recording", end.because, end.dropped);
    }
}

/// Position of the end effector over time.
fn curves(episode: &Episode) {
    let t = |k: usize| episode.ticks[k].robot_time_ms as f64;
    let times = extent((0..episode.ticks.len()).map(t));
    for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
        let p = |k: usize| episode.ticks[k].O_p_EE()[axis];
        let range = extent((0..episode.ticks.len()).map(p));
        let mut plot = Plot::new(CURVE.0, CURVE.1);
        plot.points((0..episode.ticks.len()).map(|k| (t(k), p(k))), times, range);
        for (row, text) in plot.rows().enumerate() {
            let label = match row {
                0 => format!("{name} {:>7.3} m", range[1]),
                row if row + 1 == CURVE.1 => format!("  {:>7.3} m", range[0]),
                _ => String::new(),
            };
            say!("{label:>11} {text}");
        }
    }
    say!("{:>11} 0 s{:>width$.2} s", "", episode.length_s(), width = CURVE.0 - 5);
}

/// The path in the plane in which it is largest, true to scale.
fn path(episode: &Episode) {
    let points = || episode.ticks.iter().map(|tick| tick.O_p_EE());
    let ranges: Vec<[f64; 2]> = (0..3).map(|axis| extent(points().map(|p| p[axis]))).collect();
    let size = |axis: usize| ranges[axis][1] - ranges[axis][0];
    let flat = (0..3).min_by(|a, b| size(*a).total_cmp(&size(*b))).unwrap_or(2);
    let (across, up) = [(1, 2), (0, 2), (0, 1)][flat];
    let half = 0.5 * size(across).max(size(up)).max(1e-3);
    let around = |axis: usize| {
        let middle = 0.5 * (ranges[axis][0] + ranges[axis][1]);
        [middle - half, middle + half]
    };
    let mut plot = Plot::new(PATH.0, PATH.1);
    plot.points(points().map(|p| (p[across], p[up])), around(across), around(up));
    let name = |axis: usize| ["x", "y", "z"][axis];
    say!("path     {} across, {} up; the picture is {:.3} m wide", name(across), name(up), 2.0 * half);
    plot.rows().for_each(|row| say!("  {row}"));
}

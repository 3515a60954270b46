//! How the arm comes back from a push.
use super::drive::Tick;
use super::scenario::AFTER_PUSH_S;
use crate::demonstration::path::Path;
use crate::sim::Push;
use nalgebra::Vector3;
use serde::Serialize;

/// Where on the path the arm can be, ahead of or behind the reference, m.
const WINDOW_M: f64 = 0.1;

/// What one push did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recovery {
    /// Greatest distance from the path, from the push's start on, mm.
    pub peak_mm: f64,
    /// From the end of the push until the arm is within the bound of the path for good, s; none if it is not
    /// before the next push, the end of the path, or 2.5 s.
    pub return_s: Option<f64>,
    /// How far the arm swings beyond the path, against the push, after its end, mm.
    pub overshoot_mm: f64,
    /// Ticks in which the safety layer changed a proposal.
    pub limiter_active_ticks: u64,
}

/// What each of `pushes` did to an arm that should follow `path`; `bound_mm` is what counts as back.
///
/// A push that came when the path was no longer followed has no recovery.
pub fn recoveries(ticks: &[Tick], pushes: &[Push], path: &Path, bound_mm: f64) -> Vec<Option<Recovery>> {
    pushes
        .iter()
        .enumerate()
        .map(|(k, push)| {
            let ms = |s: f64| (1e3 * s).round() as u64;
            let (start, end) = (ms(push.after_s), ms(push.after_s + push.duration_s));
            let next = pushes.get(k + 1).map_or(u64::MAX, |next| ms(next.after_s));
            let until = next.min(end + ms(AFTER_PUSH_S));
            let seen: Vec<&Tick> =
                ticks.iter().filter(|tick| (start..until).contains(&tick.ms) && tick.follows).collect();
            recovery(&seen, end, &Vector3::from(push.force_n), path, bound_mm)
        })
        .collect()
}

fn recovery(ticks: &[&Tick], end: u64, force: &Vector3<f64>, path: &Path, bound_mm: f64) -> Option<Recovery> {
    let last = ticks.last()?;
    if last.ms <= end {
        return None;
    }
    let direction = force.try_normalize(1e-9)?;
    let (mut peak_mm, mut overshoot_mm, mut outside) = (0.0_f64, 0.0_f64, end);
    for tick in ticks {
        let nearest = path.nearest_around(&tick.O_p_EE, tick.arc_m, WINDOW_M);
        let away_mm = 1e3 * nearest.distance_m;
        peak_mm = peak_mm.max(away_mm);
        if away_mm > bound_mm || away_mm.is_nan() {
            outside = outside.max(tick.ms + 1);
        }
        if tick.ms >= end {
            let beyond = (path.point(nearest.arc_m) - tick.O_p_EE).dot(&direction);
            overshoot_mm = overshoot_mm.max(1e3 * beyond);
        }
    }
    Some(Recovery {
        peak_mm,
        return_s: (outside <= last.ms).then(|| 1e-3 * (outside - end) as f64),
        overshoot_mm,
        limiter_active_ticks: ticks.iter().map(|tick| u64::from(tick.limited)).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demonstration::drawing;
    use crate::kinematics::Point;

    /// A straight path along y, and an arm on it that is off by `z_mm` of the time since the push's end, s.
    fn pushed(off_mm: impl Fn(f64) -> f64) -> (Vec<Tick>, Path, Push) {
        let points: Vec<Point> =
            (0..=100).map(|k| Point::new(0.5, 0.005 * f64::from(k) - 0.25, 0.4)).collect();
        let options = drawing::Options::exact(Some(false));
        let path = drawing::path(&points, None, &options).unwrap();
        let push = Push { after_s: 1.0, force_n: [0.0, 0.0, 30.0], duration_s: 0.3 };
        let ticks = (0..4000)
            .map(|ms| {
                let x_ref = Point::new(0.5, 1e-4 * ms as f64 - 0.2, 0.4);
                let off = Point::new(0.0, 0.0, 1e-3 * off_mm(1e-3 * ms as f64 - 1.3));
                Tick {
                    ms,
                    follows: true,
                    O_p_EE: x_ref + off,
                    x_ref,
                    X: x_ref,
                    arc_m: x_ref.y + 0.25,
                    q_c: [0.0; 7],
                    limited: false,
                }
            })
            .collect();
        (ticks, path, push)
    }

    #[test]
    fn a_decay_crosses_the_bound_when_its_formula_does() {
        // Pushed out to 20 mm, then e^(−4 t): within 2 mm after ln(10) / 4 s.
        let decay =
            |t: f64| if t < 0.0 { (20.0 * (t + 0.3) / 0.3).max(0.0) } else { 20.0 * (-4.0 * t).exp() };
        let (ticks, path, push) = pushed(decay);
        let recovery = recoveries(&ticks, &[push], &path, 2.0)[0].unwrap();
        assert!((recovery.peak_mm - 20.0).abs() < 0.1, "{recovery:?}");
        assert!((recovery.return_s.unwrap() - 10f64.ln() / 4.0).abs() < 2e-3, "{recovery:?}");
        assert!(recovery.overshoot_mm < 1e-6, "{recovery:?}");
    }

    #[test]
    fn an_oscillation_is_back_only_when_it_stays_and_overshoots_against_the_push() {
        let swing = |t: f64| if t < 0.0 { 0.0 } else { 10.0 * (-2.0 * t).exp() * (20.0 * t).cos() };
        let (ticks, path, push) = pushed(swing);
        let recovery = recoveries(&ticks, &[push], &path, 2.0)[0].unwrap();
        let last_outside = (0..2500).rfind(|ms| swing(1e-3 * f64::from(*ms)).abs() > 2.0).unwrap();
        assert!((recovery.return_s.unwrap() - 1e-3 * f64::from(last_outside)).abs() < 2e-3, "{recovery:?}");
        let lowest = (0..2500).map(|ms| -swing(1e-3 * f64::from(ms))).fold(0.0, f64::max);
        assert!((recovery.overshoot_mm - lowest).abs() < 1e-3, "{recovery:?}");
    }

    #[test]
    fn an_arm_that_stays_away_has_no_time_of_return_and_a_push_after_the_end_is_none() {
        let (ticks, path, push) = pushed(|t| if t < 0.0 { 0.0 } else { 3.0 });
        assert_eq!(recoveries(&ticks, &[push], &path, 2.0)[0].unwrap().return_s, None);
        assert_eq!(recoveries(&ticks, &[Push { after_s: 9.0, ..push }], &path, 2.0), [None]);
    }
}

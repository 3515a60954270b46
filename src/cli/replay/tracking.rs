//! How well a played episode was followed.
use crate::demonstration::episode::Tick;
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, forward, from_column_major};
use crate::learn::judge::Errors;
use crate::robot::JOINTS;
use crate::robot::limits::CYCLE_S;
use crate::telemetry::Spread;
use serde::Serialize;

/// The nearest place of the taught path is looked for so far around the present one, ticks: blind to other strands.
const WINDOW: usize = 200;

/// Collects the samples of a replay.
pub(super) struct Tracking {
    /// Where the end effector of this robot was when the episode was taught.
    taught: Vec<Pose>,
    joints_mrad: [Spread; JOINTS],
    tracking_mm: Spread,
    contour_mm: Spread,
    orientation_mrad: Spread,
}

/// What a replay reports of it; none where nothing was played.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TrackingFigures {
    /// Measured joints against those of the same moment, joint by joint from the base, mrad.
    joint_error_mrad: Option<[Errors; JOINTS]>,
    /// Measured position of the end effector against that of the same moment, mm.
    tracking_error_mm: Option<Errors>,
    /// Measured position against the nearest place of the path as it was taught, mm.
    contour_error_mm: Option<Errors>,
    /// Measured orientation against that there, mrad.
    orientation_error_mrad: Option<Errors>,
}

impl Tracking {
    /// For `ticks` that are played on a robot with the tool `F_T_EE`.
    pub(super) fn new(ticks: &[Tick], F_T_EE: &Pose) -> Tracking {
        Tracking {
            taught: ticks.iter().map(|tick| forward(&tick.q, F_T_EE)).collect(),
            joints_mrad: std::array::from_fn(|_| Spread::new()),
            tracking_mm: Spread::new(),
            contour_mm: Spread::new(),
            orientation_mrad: Spread::new(),
        }
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        if sample.kind != Kind::Driven {
            return;
        }
        for (spread, (q, q_ref)) in self.joints_mrad.iter_mut().zip(sample.state.q.iter().zip(&sample.q_ref))
        {
            spread.add(1e3 * (q - q_ref).abs());
        }
        self.tracking_mm.add(1e3 * (sample.O_p_EE - sample.x_ref.translation.vector).norm());
        let here = ((sample.tau_s / CYCLE_S) as usize).min(self.taught.len().saturating_sub(1));
        let window = here.saturating_sub(WINDOW)..(here + WINDOW + 1).min(self.taught.len());
        let way_m = |pose: &&Pose| (pose.translation.vector - sample.O_p_EE).norm();
        let nearest = self.taught[window].iter().min_by(|a, b| way_m(a).total_cmp(&way_m(b)));
        let Some(nearest) = nearest else { return };
        self.contour_mm.add(1e3 * way_m(&nearest));
        if let Ok(is) = from_column_major(&sample.state.O_T_EE) {
            self.orientation_mrad.add(1e3 * is.rotation.angle_to(&nearest.rotation));
        }
    }

    pub(super) fn figures(&self) -> TrackingFigures {
        let joints: Option<Vec<Errors>> = self.joints_mrad.iter().map(Spread::figures).collect();
        TrackingFigures {
            joint_error_mrad: joints.and_then(|joints| joints.try_into().ok()),
            tracking_error_mm: self.tracking_mm.figures(),
            contour_error_mm: self.contour_mm.figures(),
            orientation_error_mrad: self.orientation_mrad.figures(),
        }
    }
}

impl TrackingFigures {
    pub(super) fn say(&self) {
        let (Some(joints), Some(tracking), Some(contour), Some(turn)) = (
            self.joint_error_mrad,
            self.tracking_error_mm,
            self.contour_error_mm,
            self.orientation_error_mrad,
        ) else {
            say!("error    none measured: the start was not reached");
            return;
        };
        let (joint, worst) = joints.iter().enumerate().fold((1, 0.0), |worst: (usize, f64), (j, errors)| {
            if errors.max > worst.1 { (j + 1, errors.max) } else { worst }
        });
        say!(
            "error    from the taught path mean {:.2} mm, max {:.2} mm; from where it was at that moment mean {:.2} mm, max \
             {:.2} mm",
            contour.mean,
            contour.max,
            tracking.mean,
            tracking.max
        );
        say!(
            "         orientation from the taught mean {:.1} mrad, max {:.1} mrad; joint {joint} off by {worst:.1} mrad at most",
            turn.mean,
            turn.max
        );
    }
}

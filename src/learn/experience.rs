//! What driving teaches: pairs (measured position, joints that had to be asked for to get there), in rings of
//! fixed size.
//!
//! The arm lags behind its desired joints by a few milliseconds, so at speed the pair of the same instant is
//! wrong: it would teach the network to lead, at this one speed. The lag is estimated from the samples
//! themselves and taken out; what remains between desired and measured is what driving should teach: sag,
//! friction, soft gains.
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::Point;
use crate::range::{Violation, check_count, check_range};
use crate::robot::{JOINTS, Joints};
use serde::{Deserialize, Serialize};

/// Longest lag believed of a robot's inner loop, s.
const LAG_MAX_S: f64 = 0.08;
/// Share by which one sample changes the lag estimate: memory of two seconds.
const LAG_FORGETTING: f64 = 1.0 / 2000.0;
/// Of this many blocks of kept samples, the last is held out.
const BLOCKS: usize = 8;

/// Which samples teach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Samples kept for training.
    pub memory_samples: usize,
    /// Samples kept apart, never trained on, that judge a candidate.
    pub held_out_samples: usize,
    /// One sample in this many ticks is kept.
    pub every_ticks: usize,
    /// A block of this many kept samples in every eight is held out, so that neighbours of held-out samples
    /// are not all trained on.
    pub block_samples: usize,
    /// Joint acceleration above which a sample is not quasi-static, rad/s².
    pub quasi_static_rad_s2: f64,
    /// External torque on any joint above which the arm is in contact, Nm.
    pub contact_nm: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory_samples: 4096,
            held_out_samples: 512,
            every_ticks: 4,
            block_samples: 4,
            quasi_static_rad_s2: 2.0,
            contact_nm: 8.0,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "memory_samples", self.memory_samples, 64..=1_000_000, "samples");
        check_count(&mut out, "held_out_samples", self.held_out_samples, 32..=100_000, "samples");
        check_count(&mut out, "every_ticks", self.every_ticks, 1..=1000, "ticks");
        check_count(&mut out, "block_samples", self.block_samples, 1..=1000, "samples");
        check_range(&mut out, "quasi_static_rad_s2", self.quasi_static_rad_s2, 0.01..=20.0, "rad/s²");
        check_range(&mut out, "contact_nm", self.contact_nm, 0.5..=80.0, "Nm");
        out
    }
}

/// A ring of pairs that forgets the oldest; never allocates after `new`.
pub struct Ring {
    pairs: Vec<(Point, Joints)>,
    next: usize,
}

impl Ring {
    fn new(capacity: usize) -> Ring {
        Ring { pairs: Vec::with_capacity(capacity), next: 0 }
    }

    fn add(&mut self, pair: (Point, Joints)) {
        if self.pairs.len() < self.pairs.capacity() {
            self.pairs.push(pair);
        } else {
            self.pairs[self.next] = pair;
            self.next = (self.next + 1) % self.pairs.len();
        }
    }

    /// The pairs (O_p_EE in m, joints in rad), in no particular order.
    pub fn pairs(&self) -> &[(Point, Joints)] {
        &self.pairs
    }
}

/// Collects what driving teaches: pairs to train on and pairs to judge by, and the lag they are freed of.
pub struct Experience {
    options: Options,
    /// Pairs to train on.
    pub memory: Ring,
    /// Pairs that only judge.
    pub held_out: Ring,
    ticks: usize,
    kept: usize,
    lag_top: f64,
    lag_bottom: f64,
}

impl Experience {
    /// Empty, with all its memory.
    pub fn new(options: &Options) -> Experience {
        Experience {
            memory: Ring::new(options.memory_samples),
            held_out: Ring::new(options.held_out_samples),
            options: options.clone(),
            ticks: 0,
            kept: 0,
            lag_top: 0.0,
            lag_bottom: 0.0,
        }
    }

    /// Estimated time by which the measured joints follow the desired ones, s.
    pub fn lag_s(&self) -> f64 {
        if self.lag_bottom > 0.0 { (self.lag_top / self.lag_bottom).clamp(0.0, LAG_MAX_S) } else { 0.0 }
    }

    /// Takes one tick's sample, if it teaches something.
    pub fn add(&mut self, sample: &Sample) {
        let s = &sample.state;
        let teaches = sample.kind != Kind::None
            && s.tau_ext_hat_filtered.iter().all(|tau| tau.abs() <= self.options.contact_nm)
            && s.ddq_d.iter().all(|a| a.abs() <= self.options.quasi_static_rad_s2);
        if !teaches {
            return;
        }
        self.learn_lag(sample);
        self.ticks += 1;
        if !self.ticks.is_multiple_of(self.options.every_ticks) {
            return;
        }
        let label = match sample.kind {
            Kind::Driven => {
                let lag_s = self.lag_s();
                std::array::from_fn(|i| s.q_d[i] - lag_s * s.dq_d[i])
            }
            Kind::Demonstration | Kind::Correction | Kind::None => s.q,
        };
        let held_out = (self.kept / self.options.block_samples) % BLOCKS == BLOCKS - 1;
        self.kept += 1;
        if held_out { &mut self.held_out } else { &mut self.memory }.add((sample.O_p_EE, label));
    }

    /// Least squares of q_d − q = lag · dq_d with a fading memory. A constant offset such as sag stays out of
    /// it as the velocity changes sign.
    fn learn_lag(&mut self, sample: &Sample) {
        let s = &sample.state;
        let (mut top, mut bottom) = (0.0, 0.0);
        for i in 0..JOINTS {
            top += s.dq_d[i] * (s.q_d[i] - s.q[i]);
            bottom += s.dq_d[i] * s.dq_d[i];
        }
        self.lag_top += LAG_FORGETTING * (top - self.lag_top);
        self.lag_bottom += LAG_FORGETTING * (bottom - self.lag_bottom);
    }
}

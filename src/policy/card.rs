//! What a policy says of itself: tool, place, data.
use super::file::Error;
use super::input::Input;
use crate::kinematics::{Pose, hand_tool, to_column_major};

/// Largest difference between a policy's tool and the robot's: 1e-4 m, and 1e-4 in each element of the rotation.
const TOOL_TOLERANCE: f64 = 1e-4;

/// A box in the inputs' space, base frame: where a policy was trained. Positions in m; the numbers of an
/// orientation, if the input has them, without unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Smallest value of each input.
    pub min: Vec<f64>,
    /// Largest value of each input.
    pub max: Vec<f64>,
}

impl Region {
    /// The smallest box around `points` of `width` numbers; `None` without points.
    pub fn around<'a>(width: usize, points: impl Iterator<Item = &'a [f64]>) -> Option<Self> {
        let mut region = Self { min: vec![f64::INFINITY; width], max: vec![f64::NEG_INFINITY; width] };
        let mut some = false;
        for point in points {
            some = true;
            for (i, x) in point.iter().enumerate().take(width) {
                region.min[i] = region.min[i].min(*x);
                region.max[i] = region.max[i].max(*x);
            }
        }
        some.then_some(region)
    }

    /// Whether the numbers that `input` makes of a pose lie inside or not farther than `margin_m` outside, those of an
    /// orientation by so much without unit; of a region of poses, positions may be asked for alone. No allocation.
    pub fn contains_pose(&self, input: Input, O_T_EE: &Pose, margin_m: f64) -> bool {
        let (numbers, width) = (input.numbers(O_T_EE), input.width());
        let bounds = self.min.iter().zip(&self.max).take(width);
        self.min.len() >= width
            && numbers.iter().zip(bounds).all(|(x, (min, max))| *x >= min - margin_m && *x <= max + margin_m)
    }

    /// A pose anywhere in the region, made of numbers in it that `share` (0 to 1) gives one by one; orientations are
    /// the rotations nearest to such numbers. `None` where they are none.
    pub fn pose(&self, input: Input, mut share: impl FnMut() -> f64) -> Option<Pose> {
        let mut numbers = [0.0; Input::WIDTH_MAX];
        for (number, (min, max)) in numbers.iter_mut().zip(self.min.iter().zip(&self.max)) {
            *number = min + (max - min) * share();
        }
        input.pose(&numbers)
    }

    /// Whether `point`, m, lies inside or not farther than `margin_m` outside; never for NaN. No allocation.
    pub fn contains(&self, point: &[f64], margin_m: f64) -> bool {
        point.len() == self.min.len()
            && point
                .iter()
                .zip(self.min.iter().zip(&self.max))
                .all(|(x, (min, max))| *x >= min - margin_m && *x <= max + margin_m)
    }
}

/// The card of a policy, kept in its file's metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is asked with.
    pub input: Input,
    /// End effector in the flange frame, column-major, that the labels were made for.
    pub F_T_EE: [f64; 16],
    /// Where it was trained.
    pub region: Option<Region>,
    /// Fingerprint of the training data.
    pub data_hash: String,
    /// The version of this software that wrote it.
    pub software_version: String,
}

impl Default for Card {
    fn default() -> Self {
        Self::new(&hand_tool())
    }
}

impl Card {
    /// A card for a tool, not yet trained.
    pub fn new(F_T_EE: &Pose) -> Self {
        Self {
            input: Input::default(),
            F_T_EE: to_column_major(F_T_EE),
            region: None,
            data_hash: String::new(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Whether the robot carries the tool this policy was trained for; `F_T_EE` column-major.
    ///
    /// # Errors
    /// [`Error::OtherTool`] with the largest difference: with another tool the same joints put the end
    /// effector elsewhere.
    pub fn check_tool(&self, F_T_EE: &[f64; 16]) -> Result<(), Error> {
        let differences = self.F_T_EE.iter().zip(F_T_EE).map(|(ours, robots)| (ours - robots).abs());
        // Not `fold(max)`: that forgets NaN.
        if differences.clone().all(|difference| difference <= TOOL_TOLERANCE) {
            return Ok(());
        }
        let largest = differences.fold(0.0, f64::max);
        Err(Error::OtherTool { policy: Box::new(self.F_T_EE), robot: Box::new(*F_T_EE), largest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_of_training_is_accepted_and_another_named() {
        let card = Card::default();
        assert!(card.check_tool(&card.F_T_EE).is_ok());
        let mut longer = card.F_T_EE;
        longer[14] += 0.01;
        let error = card.check_tool(&longer).unwrap_err().to_string();
        assert!(error.contains("F_T_EE") && error.contains("0.1134") && error.contains("train"), "{error}");
        longer[14] = f64::NAN;
        assert!(card.check_tool(&longer).is_err());
    }

    #[test]
    fn a_region_knows_inside_margin_and_outside() {
        let points = [[0.25, -0.05, 0.5], [0.35, 0.05, 0.5]];
        let region = Region::around(3, points.iter().map(|p| p.as_slice())).unwrap();
        assert!(region.contains(&[0.3, 0.0, 0.5], 0.0));
        assert!(!region.contains(&[0.3, 0.0, 0.51], 0.0));
        assert!(region.contains(&[0.3, 0.0, 0.51], 0.02));
        assert!(!region.contains(&[0.3, f64::NAN, 0.5], 1.0));
        assert!(!region.contains(&[0.3, 0.0], 1.0));
        assert_eq!(Region::around(3, std::iter::empty()), None);
    }
}

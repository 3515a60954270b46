//! A baseline: joints as polynomials of the position, fitted by least squares.
use crate::demonstration::Example;
use crate::kinematics::Point;
use crate::robot::{JOINTS, Joints};
use nalgebra::{DMatrix, Vector3};

/// Joints as polynomials of the end effector's position, in monomials of the position scaled to ±1.
#[derive(Clone, Debug)]
pub struct Polynomial {
    middle: Point,
    /// Half the extent of each coordinate, m; 1 where the data has none.
    half: Point,
    /// Powers of x, y and z of each monomial.
    powers: Vec<[usize; 3]>,
    coefficients: Vec<Joints>,
}

/// Powers of a coordinate up to 8.
const POWERS: usize = 9;
/// Singular values below this share of the largest are directions that the data does not show.
const RANK: f64 = 1e-10;

impl Polynomial {
    /// Least squares of total degree `degree` (at most 8) on `examples`; `None` without examples.
    ///
    /// Where the data leaves a coefficient open (a plane says nothing of the height), the smallest is taken.
    pub fn fit(examples: &[Example], degree: usize) -> Option<Self> {
        let degree = degree.min(POWERS - 1);
        let first = examples.first()?.O_p_EE;
        let (low, high) =
            examples.iter().fold((first, first), |(low, high), e| (low.inf(&e.O_p_EE), high.sup(&e.O_p_EE)));
        let half = (0.5 * (high - low)).map(|half| if half > 1e-9 { half } else { 1.0 });
        let mut powers = Vec::new();
        for i in 0..=degree {
            for j in 0..=degree - i {
                powers.extend((0..=degree - i - j).map(|k| [i, j, k]));
            }
        }
        let mut fit = Self { middle: 0.5 * (low + high), half, powers, coefficients: Vec::new() };
        // The normal equations: 8,000 rows of 56 monomials would take an SVD half a second.
        let n = fit.powers.len();
        let (mut A, mut B) = (DMatrix::zeros(n, n), DMatrix::zeros(n, JOINTS));
        for example in examples {
            let at = fit.tables(&example.O_p_EE);
            let row: Vec<f64> = fit.powers.iter().map(|powers| monomial(&at, powers)).collect();
            for (i, a) in row.iter().enumerate() {
                (0..=i).for_each(|j| A[(i, j)] += a * row[j]);
                (0..JOINTS).for_each(|j| B[(i, j)] += a * example.q[j]);
            }
        }
        A.fill_upper_triangle_with_lower_triangle();
        let svd = A.svd(true, true);
        let solution = svd.solve(&B, RANK * svd.singular_values.max()).ok()?;
        fit.coefficients = solution.row_iter().map(|row| std::array::from_fn(|j| row[j])).collect();
        Some(fit)
    }

    /// The joints at `X`, rad. No allocation.
    pub fn evaluate(&self, X: &Point) -> Joints {
        let at = self.tables(X);
        let mut q = [0.0; JOINTS];
        for (powers, coefficients) in self.powers.iter().zip(&self.coefficients) {
            let m = monomial(&at, powers);
            q.iter_mut().zip(coefficients).for_each(|(q, c)| *q += m * c);
        }
        q
    }

    /// All powers of the three scaled coordinates.
    fn tables(&self, X: &Point) -> [[f64; POWERS]; 3] {
        let u: Vector3<f64> = (X - self.middle).component_div(&self.half);
        [u.x, u.y, u.z].map(|u| {
            let mut powers = [1.0; POWERS];
            (1..POWERS).for_each(|k| powers[k] = powers[k - 1] * u);
            powers
        })
    }
}

fn monomial(at: &[[f64; POWERS]; 3], powers: &[usize; 3]) -> f64 {
    at.iter().zip(powers).map(|(powers_of, power)| powers_of[*power]).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_is_found_again_and_a_plane_does_not_spoil_it() {
        let truth = |p: &Point| [1.0 + p.x, p.y * p.z, p.x.powi(2) - p.z, p.x * p.y, 0.5, p.z.powi(3), -p.y];
        for depth in [0.1, 0.0] {
            let points = (0..300).map(f64::from).map(|k| {
                Point::new(0.5 + depth * (0.7 * k).sin(), 0.2 * (1.3 * k).cos(), 0.4 + 0.1 * (2.1 * k).sin())
            });
            let examples: Vec<Example> = points.map(|p| Example { O_p_EE: p, q: truth(&p) }).collect();
            let fit = Polynomial::fit(&examples, 4).unwrap();
            for example in &examples {
                let q = fit.evaluate(&example.O_p_EE);
                assert!(
                    q.iter().zip(&example.q).all(|(a, b)| (a - b).abs() < 1e-6),
                    "{q:?}, {:?}",
                    example.q
                );
            }
        }
        assert!(Polynomial::fit(&[], 3).is_none());
    }
}

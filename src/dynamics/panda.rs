//! The Panda's masses and where they sit.
use super::{Arm, Body, Frame};

/// The hand as Desk describes it: 0.73 kg (Franka Hand product manual), centre of mass and inertia in the flange
/// frame (Desk's default end effector).
pub const HAND: Body =
    Body { m: 0.73, x_C: [-0.01, 0.0, 0.03], I: [[0.001, 0.0, 0.0], [0.0, 0.0025, 0.0], [0.0, 0.0, 0.0017]] };

/// Earth's pull as the robot reports it (`O_ddP_O`), m/s².
pub const G_EARTH: [f64; 3] = [0.0, 0.0, -9.81];

/// Identified, physically feasible parameters of links 1 to 7: mass, centre of mass, and xx, yy, zz, xy, xz, yz of
/// the inertia about it, in the joint's frame.
///
/// Source: Gaz, Cognetti, Oliva, Robuffo Giordano, De Luca, "Dynamic Identification of the Franka Emika Panda
/// Robot With Retrieval of Feasible Parameters Using Penalty-Based Optimization", IEEE RA-L 4 (2019) 4147, as in
/// franka_description's `inertial.yaml`.
const LINKS: [(f64, [f64; 3], [f64; 6]); 7] = [
    (
        4.970684,
        [3.875e-3, 2.081e-3, -4.762e-2],
        [7.0337e-1, 7.0661e-1, 9.117e-3, -1.39e-4, 6.772e-3, 1.9169e-2],
    ),
    (
        0.646926,
        [-3.141e-3, -2.872e-2, 3.495e-3],
        [7.962e-3, 2.811e-2, 2.5995e-2, -3.925e-3, 1.0254e-2, 7.04e-4],
    ),
    (
        3.228604,
        [2.7518e-2, 3.9252e-2, -6.6502e-2],
        [3.7242e-2, 3.6155e-2, 1.083e-2, -4.761e-3, -1.1396e-2, -1.2805e-2],
    ),
    (
        3.587895,
        [-5.317e-2, 1.04419e-1, 2.7454e-2],
        [2.5853e-2, 1.9552e-2, 2.8323e-2, 7.796e-3, -1.332e-3, 8.641e-3],
    ),
    (
        1.225946,
        [-1.1953e-2, 4.1065e-2, -3.8437e-2],
        [3.5549e-2, 2.9474e-2, 8.627e-3, -2.117e-3, -4.037e-3, 2.29e-4],
    ),
    (
        1.666555,
        [6.0149e-2, -1.4117e-2, -1.0517e-2],
        [1.964e-3, 4.354e-3, 5.433e-3, 1.09e-4, -1.158e-3, 3.41e-4],
    ),
    (
        0.735522,
        [1.0517e-2, -4.252e-3, 6.1597e-2],
        [1.2516e-2, 1.0027e-2, 4.815e-3, -4.28e-4, -1.196e-3, -7.41e-4],
    ),
];

/// Frames along the chain at zero angles (Craig's convention: turn by α about x, move by a along it, by d along
/// the new z); as `kinematics::dh`, whose source they share: Franka FCI documentation, "Denavit–Hartenberg
/// parameters".
const CHAIN: [(f64, f64, i8); 8] = [
    (0.0, 0.333, 0),
    (0.0, 0.0, -1),
    (0.0, 0.316, 1),
    (0.0825, 0.0, 1),
    (-0.0825, 0.384, -1),
    (0.0, 0.0, 1),
    (0.088, 0.0, 1),
    (0.0, 0.107, 0),
];

impl Arm {
    /// The nominal Panda with nothing on its flange.
    pub fn panda() -> Self {
        Self {
            frames: CHAIN.map(|(a, d, quarter_turns)| {
                let s = f64::from(quarter_turns);
                let c = 1.0 - s * s;
                Frame { R: [[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]], p: [a, -s * d, c * d] }
            }),
            links: LINKS.map(|(m, x_C, [xx, yy, zz, xy, xz, yz])| Body {
                m,
                x_C,
                I: [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]],
            }),
            tool: Body::NOTHING,
        }
    }

    /// The nominal Panda with `tool` on its flange.
    pub fn panda_with(tool: Body) -> Self {
        Self { tool, ..Self::panda() }
    }
}

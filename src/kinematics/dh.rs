//! The lengths and twists of the arm, in the modified (Craig) convention of Denavit and Hartenberg.
//!
//! Link i is `Rx(alpha) · Tx(a) · Rz(q) · Tz(d)` behind link i−1. Source: Franka FCI documentation, "Robot
//! and interface specifications", "Denavit–Hartenberg parameters", Panda.

/// Base to the shoulder, along z, m.
pub(super) const D1: f64 = 0.333;
/// Shoulder to the elbow, m.
pub(super) const D3: f64 = 0.316;
/// Elbow to the wrist, m.
pub(super) const D5: f64 = 0.384;
/// Joint 7 to the flange, m.
pub(super) const D_FLANGE: f64 = 0.107;
/// Sideways offset of the elbow: `a` of joint 4, and of joint 5 with the sign turned, m.
pub(super) const A4: f64 = 0.0825;
/// Offset between the axes of joints 6 and 7, m.
pub(super) const A7: f64 = 0.088;

/// The quarter turn about x that stands before a joint: every alpha of the Panda is one of three.
#[derive(Clone, Copy)]
pub(super) enum Twist {
    /// alpha = 0.
    None,
    /// alpha = +π/2 rad.
    Plus,
    /// alpha = −π/2 rad.
    Minus,
}

/// What stands before one joint.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) a: f64,
    pub(super) d: f64,
    pub(super) alpha: Twist,
}

/// The seven links, base to flange.
pub(super) const LINKS: [Link; 7] = [
    Link { a: 0.0, d: D1, alpha: Twist::None },
    Link { a: 0.0, d: 0.0, alpha: Twist::Minus },
    Link { a: 0.0, d: D3, alpha: Twist::Plus },
    Link { a: A4, d: 0.0, alpha: Twist::Plus },
    Link { a: -A4, d: D5, alpha: Twist::Minus },
    Link { a: 0.0, d: 0.0, alpha: Twist::Plus },
    Link { a: A7, d: 0.0, alpha: Twist::Plus },
];

/// The arm as a table, for whoever draws it: `a` and `d`, m, and alpha, rad, of each joint, then of the flange.
pub fn table() -> [[f64; 3]; 8] {
    let quarter = |twist| match twist {
        Twist::None => 0.0,
        Twist::Plus => std::f64::consts::FRAC_PI_2,
        Twist::Minus => -std::f64::consts::FRAC_PI_2,
    };
    let [l1, l2, l3, l4, l5, l6, l7] = LINKS.map(|link| [link.a, link.d, quarter(link.alpha)]);
    [l1, l2, l3, l4, l5, l6, l7, [0.0, D_FLANGE, 0.0]]
}

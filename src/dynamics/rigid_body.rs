//! The equations of motion of a seven-joint arm: arrays and arithmetic, nothing else.
//!
//! `core` only, no trigonometry, no square root: the model library is compiled from this file too. Everything is
//! written in the base frame with spatial vectors about its origin (Featherstone 2008, "Rigid Body Dynamics
//! Algorithms", chapters 5 and 6): no transform is carried from link to link.

/// Three numbers: a point (m), an axis, a force (N) or a moment (Nm).
pub type Vector = [f64; 3];
/// The axes of a frame in another one: column after column.
pub type Rotation = [Vector; 3];
/// Seven numbers, one a joint.
pub type PerJoint = [f64; 7];
/// Row after row; symmetric here.
pub type Matrix7 = [PerJoint; 7];
/// Sine and cosine of a joint's angle.
pub type SinCos = (f64, f64);

/// A rigid body in the frame it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Mass, kg.
    pub m: f64,
    /// Centre of mass, m.
    pub x_C: Vector,
    /// Inertia about the centre of mass, kg m²; symmetric.
    pub I: [Vector; 3],
}

/// A frame in another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Axes.
    pub R: Rotation,
    /// Origin, m.
    pub p: Vector,
}

/// What moves and how it hangs together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Frame of each joint at zero angle in the frame before it; the eighth is the flange behind joint 7.
    pub frames: [Frame; 8],
    /// Each link in its joint's frame.
    pub links: [Body; 7],
    /// Whatever hangs on the flange, in the flange frame.
    pub tool: Body,
}

/// The terms of `M(q) ddq + C(q, dq) dq + g(q) = tau`, and one more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Mass matrix, kg m².
    pub M: Matrix7,
    /// `C dq`, Nm.
    pub coriolis: PerJoint,
    /// `g`, Nm: the torque that holds the arm.
    pub gravity: PerJoint,
    /// `Cᵀ dq`, Nm: with it the momentum `M dq` changes by `tau + Cᵀ dq − g`.
    pub coriolis_transpose: PerJoint,
}

/// A spatial vector about the base's origin: a twist or a wrench.
#[derive(Clone, Copy)]
struct Spatial {
    angular: Vector,
    linear: Vector,
}

/// A body's inertia about the base's origin: mass, first moment, second moment (xx, yy, zz, xy, xz, yz).
#[derive(Clone, Copy)]
struct Inertia {
    m: f64,
    h: Vector,
    I: [f64; 6],
}

/// a × b.
pub fn cross(a: &Vector, b: &Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// a · b.
pub fn dot(a: &Vector, b: &Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn add(a: &Vector, b: &Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn sub(a: &Vector, b: &Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn scaled(a: &Vector, s: f64) -> Vector {
    [a[0] * s, a[1] * s, a[2] * s]
}

/// R v.
pub fn rotate(R: &Rotation, v: &Vector) -> Vector {
    [
        R[0][0] * v[0] + R[1][0] * v[1] + R[2][0] * v[2],
        R[0][1] * v[0] + R[1][1] * v[1] + R[2][1] * v[2],
        R[0][2] * v[0] + R[1][2] * v[1] + R[2][2] * v[2],
    ]
}

/// Rᵀ v.
pub fn rotate_back(R: &Rotation, v: &Vector) -> Vector {
    [dot(&R[0], v), dot(&R[1], v), dot(&R[2], v)]
}

impl Frame {
    /// The frame itself.
    pub const IDENTITY: Self = Self { R: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], p: [0.0; 3] };

    /// `next`, given in this frame, in the frame this one is given in.
    pub fn then(&self, next: &Self) -> Self {
        Self {
            R: [rotate(&self.R, &next.R[0]), rotate(&self.R, &next.R[1]), rotate(&self.R, &next.R[2])],
            p: add(&self.p, &rotate(&self.R, &next.p)),
        }
    }

    /// This frame turned about its own z axis.
    fn turned(&self, (s, c): SinCos) -> Self {
        let [x, y, z] = self.R;
        Self { R: [add(&scaled(&x, c), &scaled(&y, s)), sub(&scaled(&y, c), &scaled(&x, s)), z], p: self.p }
    }

    /// From sixteen numbers, column-major.
    pub fn from_column_major(T: &[f64; 16]) -> Self {
        Self { R: [[T[0], T[1], T[2]], [T[4], T[5], T[6]], [T[8], T[9], T[10]]], p: [T[12], T[13], T[14]] }
    }

    /// Sixteen numbers, column-major.
    pub fn to_column_major(&self) -> [f64; 16] {
        let ([x, y, z], p) = (self.R, self.p);
        [x[0], x[1], x[2], 0.0, y[0], y[1], y[2], 0.0, z[0], z[1], z[2], 0.0, p[0], p[1], p[2], 1.0]
    }
}

impl Body {
    /// Nothing at all.
    pub const NOTHING: Self = Self { m: 0.0, x_C: [0.0; 3], I: [[0.0; 3]; 3] };

    /// Both bodies as one; given in the same frame.
    pub fn with(&self, other: &Self) -> Self {
        let m = self.m + other.m;
        if m <= 0.0 {
            return Self::NOTHING;
        }
        let x_C = scaled(&add(&scaled(&self.x_C, self.m), &scaled(&other.x_C, other.m)), 1.0 / m);
        let mut I = [[0.0; 3]; 3];
        for body in [self, other] {
            let d = sub(&body.x_C, &x_C);
            let d2 = dot(&d, &d);
            for (r, row) in I.iter_mut().enumerate() {
                for (c, value) in row.iter_mut().enumerate() {
                    let shift = if r == c { d2 } else { 0.0 } - d[r] * d[c];
                    *value += body.I[r][c] + body.m * shift;
                }
            }
        }
        Self { m, x_C, I }
    }

    /// About the base's origin, the body's frame being `at` there.
    fn in_base(&self, at: &Frame) -> Inertia {
        let c = add(&at.p, &rotate(&at.R, &self.x_C));
        // R I Rᵀ, column by column of R I.
        let [x, y, z] = at.R;
        let I = &self.I;
        let column = |k: usize| add(&add(&scaled(&x, I[0][k]), &scaled(&y, I[1][k])), &scaled(&z, I[2][k]));
        let (a, b, d) = (column(0), column(1), column(2));
        let entry = |i: usize, j: usize| a[i] * x[j] + b[i] * y[j] + d[i] * z[j];
        let (h, m) = (scaled(&c, self.m), self.m);
        Inertia {
            m,
            h,
            I: [
                entry(0, 0) + h[1] * c[1] + h[2] * c[2],
                entry(1, 1) + h[0] * c[0] + h[2] * c[2],
                entry(2, 2) + h[0] * c[0] + h[1] * c[1],
                entry(0, 1) - h[0] * c[1],
                entry(0, 2) - h[0] * c[2],
                entry(1, 2) - h[1] * c[2],
            ],
        }
    }
}

impl Inertia {
    /// The momentum of a twist, or the force of an acceleration.
    fn times(&self, v: &Spatial) -> Spatial {
        let (w, [xx, yy, zz, xy, xz, yz]) = (&v.angular, self.I);
        let turned = [
            xx * w[0] + xy * w[1] + xz * w[2],
            xy * w[0] + yy * w[1] + yz * w[2],
            xz * w[0] + yz * w[1] + zz * w[2],
        ];
        Spatial {
            angular: add(&turned, &cross(&self.h, &v.linear)),
            linear: sub(&scaled(&v.linear, self.m), &cross(&self.h, w)),
        }
    }

    fn plus(&self, other: &Self) -> Self {
        let mut I = self.I;
        for (value, more) in I.iter_mut().zip(&other.I) {
            *value += more;
        }
        Self { m: self.m + other.m, h: add(&self.h, &other.h), I }
    }
}

impl Spatial {
    const ZERO: Self = Self { angular: [0.0; 3], linear: [0.0; 3] };

    fn plus(&self, other: &Self) -> Self {
        Self { angular: add(&self.angular, &other.angular), linear: add(&self.linear, &other.linear) }
    }

    fn scaled(&self, s: f64) -> Self {
        Self { angular: scaled(&self.angular, s), linear: scaled(&self.linear, s) }
    }

    fn dot(&self, other: &Self) -> f64 {
        dot(&self.angular, &other.angular) + dot(&self.linear, &other.linear)
    }

    /// How this twist turns the twist `other`.
    fn cross_motion(&self, other: &Self) -> Self {
        Self {
            angular: cross(&self.angular, &other.angular),
            linear: add(&cross(&self.angular, &other.linear), &cross(&self.linear, &other.angular)),
        }
    }

    /// How this twist turns the wrench `other`.
    fn cross_force(&self, other: &Self) -> Self {
        Self {
            angular: add(&cross(&self.angular, &other.angular), &cross(&self.linear, &other.linear)),
            linear: cross(&self.angular, &other.linear),
        }
    }
}

impl Arm {
    /// The frames of the seven joints and of the flange, in the base frame.
    pub fn frames_at(&self, angles: &[SinCos; 7]) -> [Frame; 8] {
        let mut frames = [Frame::IDENTITY; 8];
        let mut last = Frame::IDENTITY;
        for (i, frame) in frames.iter_mut().enumerate() {
            last = last.then(&self.frames[i]);
            if let Some(angle) = angles.get(i) {
                last = last.turned(*angle);
            }
            *frame = last;
        }
        frames
    }

    /// All terms of the equations of motion; `dq` in rad/s, `g_earth` in m/s².
    pub fn terms(&self, angles: &[SinCos; 7], dq: &PerJoint, g_earth: &Vector) -> Terms {
        self.terms_at(&self.frames_at(angles), dq, g_earth)
    }

    /// [`Self::terms`] where the frames are known already.
    pub fn terms_at(&self, frames: &[Frame; 8], dq: &PerJoint, g_earth: &Vector) -> Terms {
        let mut S = [Spatial::ZERO; 7];
        let mut V = [Spatial::ZERO; 7];
        let mut turn = [Spatial::ZERO; 7];
        let mut force = [Spatial::ZERO; 7];
        let mut momentum = [Spatial::ZERO; 7];
        let mut composite = [Inertia { m: 0.0, h: [0.0; 3], I: [0.0; 6] }; 7];
        let (mut v, mut a) = (Spatial::ZERO, Spatial::ZERO);
        for i in 0..7 {
            let z = frames[i].R[2];
            S[i] = Spatial { angular: z, linear: cross(&frames[i].p, &z) };
            v = v.plus(&S[i].scaled(dq[i]));
            turn[i] = v.cross_motion(&S[i]);
            a = a.plus(&turn[i].scaled(dq[i]));
            V[i] = v;
            let mut inertia = self.links[i].in_base(&frames[i]);
            if i == 6 {
                inertia = inertia.plus(&self.tool.in_base(&frames[7]));
            }
            momentum[i] = inertia.times(&v);
            force[i] = inertia.times(&a).plus(&v.cross_force(&momentum[i]));
            composite[i] = inertia;
        }
        for i in (0..6).rev() {
            composite[i] = composite[i].plus(&composite[i + 1]);
            force[i] = force[i].plus(&force[i + 1]);
            momentum[i] = momentum[i].plus(&momentum[i + 1]);
        }
        let mut terms =
            Terms { M: [[0.0; 7]; 7], coriolis: [0.0; 7], gravity: [0.0; 7], coriolis_transpose: [0.0; 7] };
        for i in 0..7 {
            let weight =
                Spatial { angular: cross(&composite[i].h, g_earth), linear: scaled(g_earth, composite[i].m) };
            terms.coriolis[i] = S[i].dot(&force[i]);
            terms.gravity[i] = -S[i].dot(&weight);
            // ∂T/∂q of the kinetic energy T: joint i leaves the twists before it where they are.
            terms.coriolis_transpose[i] = turn[i].dot(&momentum[i]);
            let push = composite[i].times(&S[i]);
            for j in 0..=i {
                terms.M[i][j] = S[j].dot(&push);
                terms.M[j][i] = terms.M[i][j];
            }
        }
        terms
    }

    /// `g`, Nm: the torque that holds the arm.
    pub fn gravity_at(&self, angles: &[SinCos; 7], g_earth: &Vector) -> PerJoint {
        let frames = self.frames_at(angles);
        let (mut m, mut h) = (0.0, [0.0; 3]);
        let mut carry = |body: &Body, at: &Frame| {
            h = add(&h, &scaled(&add(&at.p, &rotate(&at.R, &body.x_C)), body.m));
            m += body.m;
            (m, h)
        };
        carry(&self.tool, &frames[7]);
        let mut gravity = [0.0; 7];
        for i in (0..7).rev() {
            let (m, h) = carry(&self.links[i], &frames[i]);
            // Moment of the weight behind joint i about that joint's axis.
            let lever = sub(&h, &scaled(&frames[i].p, m));
            gravity[i] = -dot(&frames[i].R[2], &cross(&lever, g_earth));
        }
        gravity
    }
}

/// The Jacobian of a point carried by the first `joints` joints: a column a joint, linear rows first, base frame.
pub fn jacobian(frames: &[Frame; 8], joints: usize, point: &Vector) -> [[f64; 6]; 7] {
    let mut J = [[0.0; 6]; 7];
    for (column, frame) in J.iter_mut().zip(frames).take(joints) {
        let z = frame.R[2];
        let linear = cross(&z, &sub(point, &frame.p));
        *column = [linear[0], linear[1], linear[2], z[0], z[1], z[2]];
    }
    J
}

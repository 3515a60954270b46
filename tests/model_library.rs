//! The model library as a client gets and uses it.
#![cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#![allow(non_snake_case, unsafe_code)] // Franka's symbols; a shared object's functions are called

mod sim_client;

use std::ffi::{CString, c_void};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use franka_imit::dynamics::rigid_body::{jacobian, rotate_back};
use franka_imit::dynamics::{Arm, Body, Frame, HAND, angles};
use franka_imit::kinematics;
use franka_imit::robot::Joints;
use franka_imit::robot::limits::{Q_MAX, Q_MIN};
use franka_imit::sim::wire::commands::LoadModelLibrary;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sim_client::raw::Raw;
use sim_client::{lockstep, sim_at};

type Pose = [f64; 16];
type Jacobian = [f64; 42];
type OfFrame<T> = extern "C" fn(&Joints, &mut T);
type OfEndEffector<T> = extern "C" fn(&Joints, &Pose, &mut T);
type Constant = extern "C" fn(&mut Jacobian);
type MassMatrix = extern "C" fn(&Joints, &[f64; 9], f64, &[f64; 3], &mut [f64; 49]);
type Coriolis = extern "C" fn(&Joints, &Joints, &[f64; 9], f64, &[f64; 3], &mut Joints);
type Gravity = extern "C" fn(&Joints, &[f64; 3], f64, &[f64; 3], &mut Joints);

/// A shared object, open until the process ends.
struct Library(*mut c_void);

impl Library {
    /// Loads the file alone, every symbol at once.
    fn open(bytes: &[u8]) -> Self {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        let path = CString::new(file.path().as_os_str().as_bytes()).expect("a path");
        // SAFETY: the path ends with a zero; the object has no initialisers of its own.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "the library does not load");
        Self(handle)
    }

    /// The function `name`, of type `F`.
    fn function<F: Copy>(&self, name: &str) -> F {
        assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
        let c_name = CString::new(name).expect("a name");
        // SAFETY: the handle is open and the name ends with a zero.
        let symbol = unsafe { libc::dlsym(self.0, c_name.as_ptr()) };
        assert!(!symbol.is_null(), "{name} is missing");
        // SAFETY: a function pointer of the same size, which is not null; `F` is the type FCI gives that name.
        unsafe { std::mem::transmute_copy(&symbol) }
    }
}

/// What the robot at `address` answers to a request for `architecture` and `system`.
fn requested(address: [u8; 4], architecture: u8, system: u8) -> Vec<u8> {
    let sim = sim_at(address, lockstep());
    let mut client = Raw::connect(&sim);
    let id = client.request(13, &LoadModelLibrary { architecture, system }.encode());
    let (command, answered, payload) = client.answer();
    assert_eq!((command, answered), (13, id));
    payload
}

fn close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-12, "{what}: {got} is not {expected}");
    }
}

/// Any joint positions in their limits.
fn any_q(rng: &mut StdRng) -> Joints {
    std::array::from_fn(|i| rng.random_range(Q_MIN[i]..Q_MAX[i]))
}

/// A tool point and a body behind the flange.
fn any_tool(rng: &mut StdRng) -> (Pose, Body) {
    let turn = kinematics::Pose::rotation(nalgebra::Vector3::from_fn(|_, _| rng.random_range(-2.0..2.0)));
    let shift = kinematics::Pose::translation(rng.random(), rng.random(), rng.random());
    let load = Body {
        m: rng.random_range(0.0..3.0),
        x_C: std::array::from_fn(|_| rng.random_range(-0.1..0.1)),
        I: [[0.004, 0.0005, -0.0003], [0.0005, 0.003, 0.0002], [-0.0003, 0.0002, 0.002]],
    };
    (kinematics::to_column_major(&(shift * turn)), HAND.with(&load))
}

/// Zero and body Jacobian of the origin of `at`.
fn jacobians(frames: &[Frame; 8], joints: usize, at: &Frame) -> [Vec<f64>; 2] {
    let zero = jacobian(frames, joints, &at.p);
    let turned = |v: &[f64]| rotate_back(&at.R, &[v[0], v[1], v[2]]);
    let body = zero.map(|column| [turned(&column[..3]), turned(&column[3..])].concat());
    [zero.concat(), body.concat()]
}

#[test]
fn the_library_computes_what_the_robot_computes() {
    let payload = requested([127, 0, 20, 1], 0, 0);
    assert_eq!(payload[0], 0, "the robot refuses");
    let library = Library::open(&payload[1..]);
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..50 {
        let q = any_q(&mut rng);
        let dq: Joints = std::array::from_fn(|_| rng.random_range(-2.0..2.0));
        let (F_T_EE, tool) = any_tool(&mut rng);
        let frames = Arm::panda().frames_at(&angles(&q));

        for (k, frame) in frames.iter().enumerate() {
            let (mut pose, mut zero, mut body) = ([f64::NAN; 16], [f64::NAN; 42], [f64::NAN; 42]);
            library.function::<OfFrame<Pose>>(&format!("O_T_J{}", k + 1))(&q, &mut pose);
            let (zero_name, body_name) = (format!("O_J_J{}", k + 1), format!("Ji_J_J{}", k + 1));
            if k == 0 {
                library.function::<Constant>(&zero_name)(&mut zero);
                library.function::<Constant>(&body_name)(&mut body);
            } else {
                library.function::<OfFrame<Jacobian>>(&zero_name)(&q, &mut zero);
                library.function::<OfFrame<Jacobian>>(&body_name)(&q, &mut body);
            }
            let [expected_zero, expected_body] = jacobians(&frames, (k + 1).min(7), frame);
            close("pose", &pose, &frame.to_column_major());
            close(&zero_name, &zero, &expected_zero);
            close(&body_name, &body, &expected_body);
        }

        let (mut pose, mut zero, mut body) = ([f64::NAN; 16], [f64::NAN; 42], [f64::NAN; 42]);
        library.function::<OfEndEffector<Pose>>("O_T_J9")(&q, &F_T_EE, &mut pose);
        library.function::<OfEndEffector<Jacobian>>("O_J_J9")(&q, &F_T_EE, &mut zero);
        library.function::<OfEndEffector<Jacobian>>("Ji_J_J9")(&q, &F_T_EE, &mut body);
        let tool_point = kinematics::from_column_major(&F_T_EE).expect("a pose");
        let (O_T_EE, O_J_EE) = kinematics::forward_and_jacobian(&q, &tool_point);
        let end_effector = frames[7].then(&Frame::from_column_major(&F_T_EE));
        close("O_T_J9", &pose, &kinematics::to_column_major(&O_T_EE));
        close("O_J_J9", &zero, O_J_EE.as_slice());
        close("Ji_J_J9", &body, &jacobians(&frames, 7, &end_effector)[1]);

        let I: [f64; 9] = tool.I.concat().try_into().expect("nine numbers");
        let g_earth = [0.3, -0.2, -9.7];
        let (mut M, mut c, mut g) = ([f64::NAN; 49], [f64::NAN; 7], [f64::NAN; 7]);
        library.function::<MassMatrix>("M_NE")(&q, &I, tool.m, &tool.x_C, &mut M);
        library.function::<Coriolis>("c_NE")(&q, &dq, &I, tool.m, &tool.x_C, &mut c);
        library.function::<Gravity>("g_NE")(&q, &g_earth, tool.m, &tool.x_C, &mut g);
        let terms = Arm::panda_with(tool).dynamics(&q, &dq, &g_earth);
        close("M_NE", &M, &terms.M.concat());
        close("c_NE", &c, &terms.coriolis);
        close("g_NE", &g, &terms.gravity);
    }
}

#[test]
fn the_answer_is_one_that_every_driver_takes() {
    let payload = requested([127, 0, 20, 2], 0, 0);
    // libfranka-rs 0.9.0 looks at 70 000 bytes at most.
    assert!((10_000..69_000).contains(&payload.len()), "{} bytes", payload.len());
    assert_eq!(payload[1..5], *b"\x7fELF");
}

#[test]
fn other_machines_are_refused() {
    for (architecture, system) in [(1, 0), (2, 0), (3, 0), (0, 1), (9, 9)] {
        let payload = requested([127, 0, 20, 3], architecture, system);
        assert_eq!(payload, [1], "architecture {architecture}, system {system}");
    }
}

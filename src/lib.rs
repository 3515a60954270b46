//! Teach a Franka Emika Panda by example: draw a motion, learn it, drive the arm at 1 kHz.
//!
//! ```text
//!  teach ─► demonstration ─► sde ─► learn ──policy box──►┐
//!                                         ◄──spent box───┤        control thread, 1 kHz
//!  robot ──State──► control::tick: reference ─► X ─► policy ─► generator ─► safety ──Command──► robot
//!                         └──Sample (bounded, try_send, drops counted)──► learn, telemetry
//!  supervisor: signals, heartbeat, operator's requests ──(bounded)──► control
//! ```
//!
//! Modules in the order data moves. SI units and `f64` everywhere but inside the network, which is
//! `f32` and dimensionless; `docs/frames-and-units.md` has the frames.
#![allow(non_snake_case)] // Franka's own symbols (O_T_EE, tau_J) are kept verbatim.

pub mod atomic_file;
pub mod range;
pub mod spelling;

pub mod robot;

pub mod kinematics;

pub mod sde;

pub mod policy;

pub mod timing;

pub mod dynamics;

pub mod safety;

pub mod demonstration;

pub mod control;

pub mod learn;

pub mod teach;

pub mod sim;

pub mod telemetry;

pub mod web;

pub mod plot;

pub mod doctor;

pub mod eval;

pub mod config;

pub mod cli;

//! A client made of bytes, for what a driver cannot show.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use franka_imit::sim::Sim;
use franka_imit::sim::wire::commands::{Connect, Header, Move};
use franka_imit::sim::wire::{RobotCommand, RobotState};

/// Both sockets of a session.
pub struct Raw {
    pub tcp: TcpStream,
    pub udp: UdpSocket,
    robot: SocketAddr,
    next_id: u32,
}

impl Raw {
    /// Connects; checks the whole answer.
    pub fn connect(sim: &Sim) -> Self {
        Self::over(sim, TcpStream::connect(sim.address()).expect("the robot listens"))
    }

    /// [`Raw::connect`] over a TCP connection that stands.
    pub fn over(sim: &Sim, tcp: TcpStream) -> Self {
        let udp = UdpSocket::bind("0.0.0.0:0").expect("a port");
        udp.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        tcp.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let mut raw = Self { tcp, udp, robot: sim.address(), next_id: 0 };
        let udp_port = raw.udp.local_addr().expect("bound").port();
        raw.request(0, &Connect { version: 5, udp_port }.encode());
        assert_eq!(raw.answer(), (0, 0, vec![0, 5, 0]));
        raw
    }

    /// The bytes of a request.
    pub fn message(&mut self, command: u32, payload: &[u8]) -> Vec<u8> {
        let size = (Header::LEN + payload.len()) as u32;
        let mut bytes = Header { command, command_id: self.next_id, size }.encode().to_vec();
        bytes.extend_from_slice(payload);
        self.next_id += 1;
        bytes
    }

    /// Sends a request; returns its id.
    pub fn request(&mut self, command: u32, payload: &[u8]) -> u32 {
        let bytes = self.message(command, payload);
        self.tcp.write_all(&bytes).expect("the robot reads");
        self.next_id - 1
    }

    /// The next answer: command, id, payload.
    pub fn answer(&mut self) -> (u32, u32, Vec<u8>) {
        let mut header = [0; Header::LEN];
        self.tcp.read_exact(&mut header).expect("an answer");
        let header = Header::decode(&header).expect("a header");
        let mut payload = vec![0; header.size as usize - Header::LEN];
        self.tcp.read_exact(&mut payload).expect("its payload");
        (header.command, header.command_id, payload)
    }

    /// The next state's bytes.
    pub fn state_bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let (length, from) = self.udp.recv_from(&mut bytes).expect("a state");
        self.robot = from;
        bytes.truncate(length);
        bytes
    }

    /// The next state.
    pub fn state(&mut self) -> RobotState {
        RobotState::decode(&self.state_bytes()).expect("a state of 2373 valid bytes")
    }

    /// Answers a state.
    pub fn command(&self, command: &RobotCommand) {
        self.udp.send_to(&command.encode(), self.robot).expect("sent");
    }

    /// Where commands go.
    pub fn robot_udp(&self) -> SocketAddr {
        self.robot
    }

    /// Asks for a motion.
    pub fn request_move(&mut self, controller_mode: u32, motion_generator_mode: u32) -> u32 {
        let deviation = [10.0, 3.12, std::f64::consts::TAU];
        let request = Move {
            controller_mode,
            motion_generator_mode,
            maximum_path_deviation: deviation,
            maximum_goal_deviation: deviation,
        };
        self.request(1, &request.encode())
    }

    /// Starts a joint position motion; returns its id and the first state that can be answered.
    pub fn start_motion(&mut self) -> (u32, RobotState) {
        let id = self.request_move(0, 0);
        assert_eq!(self.answer(), (1, id, vec![1]));
        while self.state().motion_generator_mode as u8 != 1 {}
        (id, self.state())
    }
}

/// A joint position command that answers `state`.
pub fn joint_positions(state: &RobotState, q_c: [f64; 7]) -> RobotCommand {
    RobotCommand {
        message_id: state.message_id,
        q_c,
        dq_c: [0.0; 7],
        O_T_EE_c: [0.0; 16],
        O_dP_EE_c: [0.0; 6],
        elbow_c: [0.0; 2],
        valid_elbow: false,
        motion_generation_finished: false,
        tau_J_d: [0.0; 7],
    }
}

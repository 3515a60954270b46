//! What a client sends (requests over TCP, commands over UDP) and what the robot answers.
use super::{Malformed, Wire, layout, wire_enum};
use crate::robot::Joints;

layout! {
    /// In front of every TCP message, both ways.
    Header, 12, header {
        /// Which command, 0 to 13.
        command: u32 = 0,
        /// Counts a connection's requests; the answer repeats it.
        command_id: u32 = 4,
        /// Header and payload, bytes.
        size: u32 = 8,
    }
}

layout! {
    /// Opens a session.
    Connect, 4, connect {
        /// Protocol version of the client.
        version: u16 = 0,
        /// Where the client wants its states.
        udp_port: u16 = 2,
    }
}

layout! {
    /// Starts a motion. Modes are kept raw: an unknown one is answered, not a broken frame.
    Move, 56, motion {
        /// 0 joint impedance, 1 Cartesian impedance, 2 external controller.
        controller_mode: u32 = 0,
        /// 0 joint position, 1 joint velocity, 2 Cartesian pose, 3 Cartesian velocity.
        motion_generator_mode: u32 = 4,
        /// Largest path deviation of internal motions: m, rad, rad.
        maximum_path_deviation: [f64; 3] = 8,
        /// Largest goal deviation of internal motions: m, rad, rad.
        maximum_goal_deviation: [f64; 3] = 32,
    }
}

layout! {
    /// Asks for one of the Cartesian limits (virtual walls) set in Desk.
    GetCartesianLimit, 4, cartesian_limit {
        /// Which wall.
        id: i32 = 0,
    }
}

layout! {
    /// Contact (lower) and collision (upper) thresholds, Nm and N, in the acceleration and nominal phases.
    #[allow(missing_docs)]
    SetCollisionBehavior, 416, collision_behavior {
        lower_torque_acceleration: Joints = 0,
        upper_torque_acceleration: Joints = 56,
        lower_torque_nominal: Joints = 112,
        upper_torque_nominal: Joints = 168,
        lower_force_acceleration: [f64; 6] = 224,
        upper_force_acceleration: [f64; 6] = 272,
        lower_force_nominal: [f64; 6] = 320,
        upper_force_nominal: [f64; 6] = 368,
    }
}

layout! {
    /// Stiffness of the internal joint impedance controller.
    SetJointImpedance, 56, joint_impedance {
        /// Nm/rad, 0 to 14250.
        K_theta: Joints = 0,
    }
}

layout! {
    /// Stiffness of the internal Cartesian impedance controller.
    SetCartesianImpedance, 48, cartesian_impedance {
        /// N/m (10 to 3000) three times, Nm/rad (1 to 300) three times.
        K_x: [f64; 6] = 0,
    }
}

layout! {
    /// Which axes a guiding hand may move. Kept raw: a byte that is no bool is answered, not a broken frame.
    SetGuidingMode, 7, guiding_mode {
        /// x, y, z, roll, pitch, yaw; 0 or 1.
        axes: [u8; 6] = 0,
        /// The elbow; 0 or 1.
        nullspace: u8 = 6,
    }
}

layout! {
    /// The stiffness frame in the end-effector frame.
    SetEEToK, 128, ee_to_k {
        /// Column-major.
        EE_T_K: [f64; 16] = 0,
    }
}

layout! {
    /// The end effector in the nominal end-effector frame.
    SetNEToEE, 128, ne_to_ee {
        /// Column-major.
        NE_T_EE: [f64; 16] = 0,
    }
}

layout! {
    /// What the gripper holds.
    SetLoad, 104, load {
        /// kg.
        m_load: f64 = 0,
        /// Centre of mass in the flange frame, m.
        F_x_Cload: [f64; 3] = 8,
        /// Inertia about the centre of mass, kg m².
        I_load: [f64; 9] = 32,
    }
}

layout! {
    /// Cut-off frequencies of the robot's own filters.
    SetFilters, 40, filters {
        /// Joint position, joint velocity, Cartesian position, Cartesian velocity, controller; Hz, 1 to 1000.
        cutoff_hz: [f64; 5] = 0,
    }
}

layout! {
    /// Asks for the shared library with the robot's model.
    LoadModelLibrary, 2, model_library {
        /// 0 x64, 1 x86, 2 ARM, 3 ARM64.
        architecture: u8 = 0,
        /// 0 Linux, 1 Windows.
        system: u8 = 1,
    }
}

layout! {
    /// A client's answer to one state, over UDP. Only the field of the running generator has a meaning.
    RobotCommand, 370, command {
        /// Id of the state it answers.
        message_id: u64 = 0,
        /// Joint positions, rad.
        q_c: Joints = 8,
        /// Joint velocities, rad/s.
        dq_c: Joints = 64,
        /// End-effector pose, column-major.
        O_T_EE_c: [f64; 16] = 120,
        /// End-effector twist, m/s and rad/s.
        O_dP_EE_c: [f64; 6] = 248,
        /// Elbow: q3 and sign.
        elbow_c: [f64; 2] = 296,
        /// Whether the elbow is given.
        valid_elbow: bool = 312,
        /// Whether this is the end of the motion.
        motion_generation_finished: bool = 313,
        /// Torque without gravity, Nm.
        tau_J_d: Joints = 314,
    }
}

/// A request over TCP.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[allow(missing_docs)] // each payload says what it is
pub enum Request {
    Connect(Connect),
    Move(Move),
    StopMove,
    GetCartesianLimit(GetCartesianLimit),
    SetCollisionBehavior(Box<SetCollisionBehavior>), // boxed: four times the size of the next
    SetJointImpedance(SetJointImpedance),
    SetCartesianImpedance(SetCartesianImpedance),
    SetGuidingMode(SetGuidingMode),
    SetEEToK(SetEEToK),
    SetNEToEE(SetNEToEE),
    SetLoad(SetLoad),
    SetFilters(SetFilters),
    AutomaticErrorRecovery,
    LoadModelLibrary(LoadModelLibrary),
}

impl Request {
    /// Reads the payload of `command`.
    ///
    /// # Errors
    /// An unknown command, or a payload of another length.
    pub fn decode(command: u32, payload: &[u8]) -> Result<Self, Malformed> {
        let empty = |request, what| match payload.len() {
            0 => Ok(request),
            got => Err(Malformed::Length { what, expected: 0, got }),
        };
        match command {
            0 => Connect::decode(payload).map(Self::Connect),
            1 => Move::decode(payload).map(Self::Move),
            2 => empty(Self::StopMove, "StopMove"),
            3 => GetCartesianLimit::decode(payload).map(Self::GetCartesianLimit),
            4 => SetCollisionBehavior::decode(payload).map(|set| Self::SetCollisionBehavior(Box::new(set))),
            5 => SetJointImpedance::decode(payload).map(Self::SetJointImpedance),
            6 => SetCartesianImpedance::decode(payload).map(Self::SetCartesianImpedance),
            7 => SetGuidingMode::decode(payload).map(Self::SetGuidingMode),
            8 => SetEEToK::decode(payload).map(Self::SetEEToK),
            9 => SetNEToEE::decode(payload).map(Self::SetNEToEE),
            10 => SetLoad::decode(payload).map(Self::SetLoad),
            11 => SetFilters::decode(payload).map(Self::SetFilters),
            12 => empty(Self::AutomaticErrorRecovery, "AutomaticErrorRecovery"),
            13 => LoadModelLibrary::decode(payload).map(Self::LoadModelLibrary),
            other => Err(Malformed::Command(other)),
        }
    }
}

wire_enum! {
    /// Answer to Connect.
    ConnectStatus {
        /// The session is open.
        Success = 0,
        /// The robot speaks another version.
        IncompatibleLibraryVersion = 1,
    }
}

wire_enum! {
    /// Answer to getters and setters (commands 3 to 11).
    #[allow(missing_docs)]
    SetterStatus { Success = 0, CommandNotPossibleRejected = 1, InvalidArgumentRejected = 2, }
}

wire_enum! {
    /// First and last answer to Move.
    #[allow(missing_docs)]
    MoveStatus {
        Success = 0,
        MotionStarted = 1,
        Preempted = 2,
        CommandNotPossibleRejected = 3,
        StartAtSingularPoseRejected = 4,
        InvalidArgumentRejected = 5,
        ReflexAborted = 6,
        EmergencyAborted = 7,
        InputErrorAborted = 8,
        Aborted = 9,
    }
}

wire_enum! {
    /// Answer to StopMove.
    #[allow(missing_docs)]
    StopMoveStatus {
        Success = 0,
        CommandNotPossibleRejected = 1,
        EmergencyAborted = 2,
        ReflexAborted = 3,
        Aborted = 4,
    }
}

wire_enum! {
    /// Answer to AutomaticErrorRecovery.
    #[allow(missing_docs)]
    RecoveryStatus {
        Success = 0,
        CommandNotPossibleRejected = 1,
        ManualErrorRecoveryRequiredRejected = 2,
        ReflexAborted = 3,
        EmergencyAborted = 4,
        Aborted = 5,
    }
}

/// The robot's answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[allow(missing_docs)] // each status says what it is
pub enum Response {
    Connect {
        status: ConnectStatus,
        version: u16,
    },
    Move(MoveStatus),
    StopMove(StopMoveStatus),
    CartesianLimit {
        status: SetterStatus,
        object_world_size: [f64; 3],
        object_frame: [f64; 16],
        active: bool,
    },
    /// Commands 4 to 11; `command` says which.
    Setter {
        command: u32,
        status: SetterStatus,
    },
    Recovery(RecoveryStatus),
    /// The shared object a client loads.
    #[serde(serialize_with = "length")]
    ModelLibrary(&'static [u8]),
    /// This robot has no such model library to give.
    NoModelLibrary,
}

/// A log names the library's size alone.
fn length<S: serde::Serializer>(library: &&'static [u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(library.len() as u64)
}

impl Response {
    /// The whole message, header first, as the answer to request `command_id`.
    pub fn encode(&self, command_id: u32) -> Vec<u8> {
        fn append(bytes: &mut Vec<u8>, value: &impl Wire) {
            let start = bytes.len();
            bytes.resize(start + wire_len(value), 0);
            value.put(&mut bytes[start..]);
        }
        fn wire_len<T: Wire>(_: &T) -> usize {
            T::LEN
        }
        let mut payload = Vec::new();
        let command = match self {
            Self::Connect { status, version } => {
                append(&mut payload, status);
                append(&mut payload, version);
                0
            }
            Self::Move(status) => {
                append(&mut payload, status);
                1
            }
            Self::StopMove(status) => {
                append(&mut payload, status);
                2
            }
            Self::CartesianLimit { status, object_world_size, object_frame, active } => {
                append(&mut payload, status);
                append(&mut payload, object_world_size);
                append(&mut payload, object_frame);
                append(&mut payload, active);
                3
            }
            Self::Setter { command, status } => {
                append(&mut payload, status);
                *command
            }
            Self::Recovery(status) => {
                append(&mut payload, status);
                12
            }
            Self::ModelLibrary(library) => {
                append(&mut payload, &0_u8);
                payload.extend_from_slice(library);
                13
            }
            Self::NoModelLibrary => {
                append(&mut payload, &1_u8);
                13
            }
        };
        let size = (Header::LEN + payload.len()) as u32;
        let mut bytes = Header { command, command_id, size }.encode().to_vec();
        bytes.append(&mut payload);
        bytes
    }
}

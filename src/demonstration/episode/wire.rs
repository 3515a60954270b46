//! The message of `state.proto`, and the descriptor that tells other programs what it means.
use super::tick::{Gripper, Tick};
use crate::demonstration::sample::Kind;
use crate::robot::{Errors, Mode};
use crate::safety::Verdict;

/// The topic of the ticks.
pub(super) const TOPIC: &str = "/franka/state";
/// The message's full name.
pub(super) const SCHEMA: &str = "franka_imit.State";
/// The `FileDescriptorSet` of `state.proto`, made by `scripts/make_descriptor.sh`.
pub(super) const DESCRIPTOR: &[u8] = include_bytes!("state.desc");

const MODES: [Mode; 7] = [
    Mode::Other,
    Mode::Idle,
    Mode::Move,
    Mode::Guiding,
    Mode::Reflex,
    Mode::UserStopped,
    Mode::AutomaticErrorRecovery,
];
const KINDS: [Kind; 4] = [Kind::None, Kind::Demonstration, Kind::Correction, Kind::Driven];

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GripperMessage {
    #[prost(double, tag = "1")]
    width_m: f64,
    #[prost(bool, tag = "2")]
    is_grasped: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct State {
    #[prost(uint64, tag = "1")]
    robot_time_ms: u64,
    #[prost(uint64, tag = "2")]
    monotonic_ns: u64,
    #[prost(uint64, tag = "3")]
    compute_ns: u64,
    #[prost(uint32, tag = "4")]
    lost: u32,
    #[prost(double, repeated, tag = "5")]
    q: Vec<f64>,
    #[prost(double, repeated, tag = "6")]
    dq: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    q_d: Vec<f64>,
    #[prost(double, repeated, tag = "8")]
    q_c: Vec<f64>,
    #[prost(double, repeated, tag = "9")]
    tau_J: Vec<f64>,
    #[prost(double, repeated, tag = "10")]
    tau_ext_hat_filtered: Vec<f64>,
    #[prost(double, repeated, tag = "11")]
    O_F_ext_hat_K: Vec<f64>,
    #[prost(double, repeated, tag = "12")]
    O_T_EE: Vec<f64>,
    #[prost(message, optional, tag = "13")]
    gripper: Option<GripperMessage>,
    #[prost(int32, tag = "14")]
    mode: i32,
    #[prost(int32, tag = "15")]
    kind: i32,
    #[prost(uint64, tag = "16")]
    errors: u64,
    #[prost(double, tag = "17")]
    control_command_success_rate: f64,
    #[prost(uint32, tag = "18")]
    verdict: u32,
    #[prost(double, tag = "19")]
    tau_s: f64,
    #[prost(double, repeated, tag = "20")]
    x_ref: Vec<f64>,
    #[prost(uint32, tag = "21")]
    edition: u32,
}

fn index_of<T: PartialEq>(all: &[T], one: &T) -> i32 {
    all.iter().position(|other| other == one).map_or(0, |i| i as i32)
}

impl State {
    /// Takes a tick over, in the memory of the one before.
    pub(super) fn set(&mut self, tick: &Tick) {
        let fill = |to: &mut Vec<f64>, from: &[f64]| {
            to.clear();
            to.extend_from_slice(from);
        };
        fill(&mut self.q, &tick.q);
        fill(&mut self.dq, &tick.dq);
        fill(&mut self.q_d, &tick.q_d);
        fill(&mut self.q_c, &tick.q_c);
        fill(&mut self.tau_J, &tick.tau_J);
        fill(&mut self.tau_ext_hat_filtered, &tick.tau_ext_hat_filtered);
        fill(&mut self.O_F_ext_hat_K, &tick.O_F_ext_hat_K);
        fill(&mut self.O_T_EE, &tick.O_T_EE);
        fill(&mut self.x_ref, &tick.x_ref);
        self.robot_time_ms = tick.robot_time_ms;
        self.monotonic_ns = tick.monotonic_ns;
        self.compute_ns = tick.compute_ns;
        self.lost = tick.lost;
        self.gripper = tick.gripper.map(|g| GripperMessage { width_m: g.width_m, is_grasped: g.is_grasped });
        self.mode = index_of(&MODES, &tick.mode);
        self.kind = index_of(&KINDS, &tick.kind);
        self.errors = tick.errors.0;
        self.control_command_success_rate = tick.control_command_success_rate;
        self.verdict = tick.verdict.0;
        self.tau_s = tick.tau_s;
        self.edition = tick.edition;
    }

    /// The tick, or the name of a quantity that has not as many numbers as it should.
    pub(super) fn tick(&self) -> Result<Tick, &'static str> {
        fn all<const N: usize>(name: &'static str, numbers: &[f64]) -> Result<[f64; N], &'static str> {
            numbers.try_into().map_err(|_| name)
        }
        Ok(Tick {
            robot_time_ms: self.robot_time_ms,
            monotonic_ns: self.monotonic_ns,
            compute_ns: self.compute_ns,
            lost: self.lost,
            q: all("q", &self.q)?,
            dq: all("dq", &self.dq)?,
            q_d: all("q_d", &self.q_d)?,
            q_c: all("q_c", &self.q_c)?,
            tau_J: all("tau_J", &self.tau_J)?,
            tau_ext_hat_filtered: all("tau_ext_hat_filtered", &self.tau_ext_hat_filtered)?,
            O_F_ext_hat_K: all("O_F_ext_hat_K", &self.O_F_ext_hat_K)?,
            O_T_EE: all("O_T_EE", &self.O_T_EE)?,
            gripper: self.gripper.as_ref().map(|g| Gripper { width_m: g.width_m, is_grasped: g.is_grasped }),
            mode: MODES.get(self.mode as usize).copied().unwrap_or_default(),
            kind: KINDS.get(self.kind as usize).copied().unwrap_or(Kind::None),
            errors: Errors(self.errors),
            control_command_success_rate: self.control_command_success_rate,
            verdict: Verdict(self.verdict),
            tau_s: self.tau_s,
            x_ref: all("x_ref", &self.x_ref)?,
            edition: self.edition,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
    use prost_types::field_descriptor_proto::Type;

    /// A tick whose every field has something to write.
    fn full() -> State {
        let mut message = State::default();
        let gripper = Some(Gripper { width_m: 0.04, is_grasped: true });
        message.set(&Tick { gripper, mode: Mode::Move, kind: Kind::Driven, ..Tick::ZERO });
        State {
            robot_time_ms: 1,
            monotonic_ns: 2,
            compute_ns: 3,
            lost: 4,
            errors: 5,
            control_command_success_rate: 0.5,
            verdict: 6,
            tau_s: 7.0,
            edition: 8,
            ..message
        }
    }

    #[test]
    fn the_descriptor_describes_every_field_that_is_written() {
        let set = prost_types::FileDescriptorSet::decode(DESCRIPTOR).unwrap();
        let file = &set.file[0];
        let message = file.message_type.iter().find(|m| m.name() == "State").unwrap();
        assert_eq!(format!("{}.{}", file.package(), message.name()), SCHEMA);
        let bytes = full().encode_to_vec();
        let mut rest = &bytes[..];
        let mut written = Vec::new();
        while !rest.is_empty() {
            let (tag, wire) = decode_key(&mut rest).unwrap();
            skip_field(wire, tag, &mut rest, DecodeContext::default()).unwrap();
            written.push((tag, wire));
        }
        let described: Vec<(u32, WireType)> = message
            .field
            .iter()
            .map(|field| {
                let packed = field.label() == prost_types::field_descriptor_proto::Label::Repeated;
                let wire = match field.r#type() {
                    _ if packed => WireType::LengthDelimited,
                    Type::Double => WireType::SixtyFourBit,
                    Type::Message => WireType::LengthDelimited,
                    _ => WireType::Varint,
                };
                (field.number() as u32, wire)
            })
            .collect();
        assert_eq!(written, described);
    }

    #[test]
    fn modes_and_kinds_have_the_numbers_of_the_descriptor() {
        let set = prost_types::FileDescriptorSet::decode(DESCRIPTOR).unwrap();
        let number = |list: &str, name: &str| {
            let list = set.file[0].enum_type.iter().find(|e| e.name() == list).unwrap();
            list.value.iter().find(|v| v.name() == name).map(|v| v.number())
        };
        for (i, mode) in MODES.iter().enumerate() {
            let words = format!("{mode:?}");
            let mut name = String::new();
            for c in words.chars() {
                if c.is_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.extend(c.to_uppercase());
            }
            assert_eq!(number("Mode", &name), Some(i as i32), "{name}");
        }
        for (i, kind) in KINDS.iter().enumerate() {
            assert_eq!(number("Kind", &format!("{kind:?}").to_uppercase()), Some(i as i32));
        }
    }
}

//! Any datagram a robot can send: refused, or a state that writes itself as it came.
#![no_main]
use franka_imit::sim::wire::RobotState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(state) = RobotState::decode(data) {
        assert_eq!(state.encode(), data);
    }
    // Most lengths are refused at once: the same bytes again, as long as a state is, at its modes and errors.
    for start in [0, 2280] {
        let mut bytes = [0; RobotState::LEN];
        bytes[start..].iter_mut().zip(data).for_each(|(byte, value)| *byte = *value);
        if let Ok(state) = RobotState::decode(&bytes) {
            assert_eq!(state.encode(), bytes);
        }
    }
});

//! Any datagram a client can send: refused, or a command that writes itself as it came.
#![no_main]
use franka_imit::sim::wire::RobotCommand;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(command) = RobotCommand::decode(data) {
        assert_eq!(command.encode(), data);
    }
    // Most lengths are refused at once: the same bytes again, as long as a command is.
    let mut bytes = [0; RobotCommand::LEN];
    bytes.iter_mut().zip(data).for_each(|(byte, value)| *byte = *value);
    if let Ok(command) = RobotCommand::decode(&bytes) {
        assert_eq!(command.encode(), bytes);
    }
});

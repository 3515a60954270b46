//! The datagrams: each on its way through the faults, out and in.
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Server;
use crate::sim::Pace;
use crate::sim::faults::{Due, Fate, Hold, Target};
use crate::sim::motion::Receipt;
use crate::sim::wire::RobotCommand;

impl Server {
    /// Sends a state's bytes as they are.
    pub(super) fn send(&mut self, id: u64, bytes: &[u8]) {
        let Some(client) = self.client_udp else { return };
        match self.udp.send_to(bytes, client) {
            Ok(_) => {
                self.status.states_sent += 1;
                self.status.states_overtaken += u64::from(id < self.newest_sent);
                self.newest_sent = self.newest_sent.max(id);
                self.sent |= id == self.robot.message_id;
            }
            Err(error) => log::debug!("state {id} not sent: {error}"),
        }
    }

    pub(super) fn send_through_faults(&mut self, id: u64, mut bytes: Vec<u8>) {
        if !self.faults.swallows(Target::State) {
            let fate = self.faults.meet(Target::State, &mut bytes);
            for _ in 0..fate.copies {
                match self.due(fate) {
                    Some(due) => self.late_states.push(due, (id, bytes.clone())),
                    None => self.send(id, &bytes),
                }
            }
        }
        if self.options.pace == Pace::Realtime {
            self.release_states(id);
        }
    }

    /// Waits for the command that answers the state just sent, and notes how long it took.
    pub(super) fn time_command(&mut self, end: Instant) {
        let (Some(times), Some(left_at)) = (&self.round_trips, self.left_at.take()) else { return };
        if !self.robot.awaits_command() {
            return;
        }
        let rest = end.saturating_duration_since(Instant::now());
        let rest = Timespec { tv_sec: 0, tv_nsec: i64::from(rest.subsec_nanos()) };
        let mut wanted = [PollFd::new(&self.udp, PollFlags::IN)];
        // A command that has not come is missed, and counted as such.
        if poll(&mut wanted, Some(&rest)).is_ok_and(|ready| ready > 0)
            && let Ok(mut times) = times.lock()
        {
            times.record(left_at.elapsed().as_nanos() as u64);
        }
    }

    fn due(&self, fate: Fate) -> Option<Due> {
        fate.hold.map(|hold| match hold {
            Hold::Time(time) => Due::At(Instant::now() + time),
            Hold::Slots(slots) => Due::Slot(self.robot.message_id + slots),
        })
    }

    /// Sends the states that were held back until this slot.
    pub(super) fn release_states(&mut self, slot: u64) {
        while let Some((id, bytes)) = self.late_states.take_slot(slot) {
            self.send(id, &bytes);
        }
    }

    /// Passes on what was held back until now.
    pub(super) fn release_timed(&mut self) {
        let now = Instant::now();
        while let Some((id, bytes)) = self.late_states.take_timed(now) {
            self.send(id, &bytes);
        }
        while let Some(command) = self.late_commands.take_timed(now) {
            self.take(&command);
        }
    }

    /// Takes one datagram; false when there was none in time.
    pub(super) fn receive(&mut self) -> bool {
        let mut bytes = [0; RobotCommand::LEN + 1];
        let (length, from) = match self.udp.recv_from(&mut bytes) {
            Ok(received) => received,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        };
        if Some(from) != self.client_udp {
            self.status.commands_foreign += 1;
            return true;
        }
        if self.faults.touches(Target::Command) {
            self.receive_through_faults(from, bytes[..length].to_vec());
        } else {
            self.read(from, &bytes[..length]);
        }
        true
    }

    fn read(&mut self, from: SocketAddr, bytes: &[u8]) {
        match RobotCommand::decode(bytes) {
            Ok(command) => self.take(&command),
            Err(malformed) => {
                log::debug!("{from}: {malformed}");
                self.status.commands_malformed += 1;
            }
        }
    }

    /// Only what would be accepted can meet a fault: the rest is lost anyway, and must not change what is drawn.
    fn receive_through_faults(&mut self, from: SocketAddr, mut bytes: Vec<u8>) {
        if self.faults.swallows(Target::Command) {
            return;
        }
        let fills = |command: RobotCommand| {
            self.robot.awaits_command()
                && !self.robot.has_command()
                && command.message_id == self.robot.message_id
        };
        let command = match RobotCommand::decode(&bytes) {
            Ok(command) if fills(command) => command,
            _ => return self.read(from, &bytes),
        };
        let fate = self.faults.meet(Target::Command, &mut bytes);
        if fate.copies == 0 {
            self.status.commands_dropped += 1;
            if let Some(log) = &mut self.logs.wire {
                log.command(&command, None);
            }
        }
        for _ in 0..fate.copies {
            match (self.due(fate), RobotCommand::decode(&bytes)) {
                (Some(due), Ok(command)) => self.late_commands.push(due, command),
                _ => self.read(from, &bytes),
            }
        }
        self.dropped = !self.robot.has_command();
    }

    pub(super) fn take(&mut self, command: &RobotCommand) {
        let receipt = self.robot.command(command);
        match receipt {
            Receipt::Accepted => self.status.commands_received += 1,
            Receipt::Duplicate => self.status.commands_duplicate += 1,
            Receipt::Late => self.status.commands_late += 1,
            Receipt::Future | Receipt::Unasked => self.status.commands_unasked += 1,
        }
        if let Some(log) = &mut self.logs.wire {
            log.command(command, Some(receipt));
        }
    }
}

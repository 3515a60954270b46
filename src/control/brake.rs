//! To rest with nothing but the limits, when what moved the arm has broken.
use super::reading::Reader;
use crate::robot::{Command, State};
use crate::safety::Limiter;

/// Brakes an arm from wherever it is to an exact rest.
pub(super) struct Brake {
    limiter: Limiter,
    reader: Reader,
}

impl Brake {
    pub(super) fn new(limiter: &Limiter) -> Brake {
        Brake { limiter: limiter.clone(), reader: Reader::default() }
    }

    /// The next command; the last one when the arm stands still.
    pub(super) fn step(&mut self, state: &State) -> Command {
        let reading = self.reader.read(state);
        let q_c = self.limiter.brake(&reading.base);
        self.reader.answered(state, &reading, &q_c);
        if reading.base.is_at_rest() { Command::Finish(q_c) } else { Command::Position(q_c) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot::limits;
    use crate::safety::{Motion, Options};

    #[test]
    fn a_moving_arm_comes_to_an_exact_rest_even_when_a_state_is_nonsense() {
        let mut brake = Brake::new(&Limiter::new(&Options::default()));
        let mut motion = Motion { q: limits::Q_READY, dq: [0.3; 7], ddq: [0.0; 7] };
        for tick in 0..1000 {
            let mut state =
                State { q_d: motion.q, dq_d: motion.dq, ddq_d: motion.ddq, ..crate::robot::State::ZERO };
            if tick == 20 {
                state.dq_d[3] = f64::NAN;
            }
            match brake.step(&state) {
                Command::Position(q) => motion = motion.after(&q),
                Command::Finish(_) => {
                    assert!(motion.is_at_rest() && tick < 500, "at {tick}");
                    return;
                }
            }
        }
        panic!("it did not come to rest");
    }
}

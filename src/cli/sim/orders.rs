//! What a person or a script may order a running simulator to do: a line of words each.
use crate::robot::ERROR_NAMES;
use crate::sim::Sim;

/// Every order with its meaning.
pub(super) const HELP: &str = "\
status                    one line of JSON: time, mode, errors, client, counts, and what is true of the arm
user-stop on|off          press or release the user stop
guiding on|off            hold or let go of the two buttons at the wrist
recover                   recover from a reflex, as the operator does in Desk
push FX FY FZ [SECONDS]   push the end effector with this force, N in the base frame (1 s)
reflex NAME               stop the arm with this error, for example cartesian_reflex
lose N                    lose the next N commands
loss SHARE                lose this share (0 to 1) of the commands from now on
quit                      end the simulator
An address before an order (127.0.0.2 recover) gives it to that arm alone.";

/// A line, understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Help,
    Status,
    UserStop(bool),
    Guiding(bool),
    Recover,
    Push { force_n: [f64; 3], duration_s: f64 },
    Reflex(usize),
    Lose(u32),
    Loss(f64),
    Quit,
}

/// Longest push, s.
const PUSH_MAX_S: f64 = 60.0;
/// Strongest push, N: a person does not push harder.
const PUSH_MAX_N: f64 = 300.0;

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// What was not understood and what would have been.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str, low: f64, high: f64, what: &str| match word.parse::<f64>() {
            Ok(value) if (low..=high).contains(&value) => Ok(value),
            _ => Err(format!("{what} is `{word}`; allowed: a number from {low} to {high}")),
        };
        let switch = |word: &str| match word {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(format!("`{other}` is neither on nor off")),
        };
        match words[..] {
            ["help" | "?"] => Ok(Self::Help),
            ["status"] => Ok(Self::Status),
            ["quit"] => Ok(Self::Quit),
            ["recover"] => Ok(Self::Recover),
            ["user-stop", word] => switch(word).map(Self::UserStop),
            ["guiding", word] => switch(word).map(Self::Guiding),
            ["push", x, y, z, ref rest @ ..] if rest.len() <= 1 => {
                let force = |word| number(word, -PUSH_MAX_N, PUSH_MAX_N, "a force in N");
                let force_n = [force(x)?, force(y)?, force(z)?];
                let duration_s = match rest {
                    [seconds] => number(seconds, 0.001, PUSH_MAX_S, "the duration in s")?,
                    _ => 1.0,
                };
                Ok(Self::Push { force_n, duration_s })
            }
            ["reflex", name] => {
                ERROR_NAMES.iter().position(|known| *known == name).map(Self::Reflex).ok_or_else(|| {
                    format!(
                        "no error is called `{name}`; the names are those libfranka prints: {}",
                        ERROR_NAMES.join(", ")
                    )
                })
            }
            ["lose", count] => {
                count.parse().map(Self::Lose).map_err(|_| format!("`{count}` is no number of commands"))
            }
            ["loss", share] => number(share, 0.0, 1.0, "the share").map(Self::Loss),
            _ => Err(format!("`{}` is no order; the orders are:\n{HELP}", line.trim())),
        }
    }

    /// Obeys; what there is to say, or nothing. [`Order::Quit`] is for whoever owns the simulator.
    pub(super) fn obey(self, sim: &Sim) -> String {
        match self {
            Self::Help => return HELP.to_owned(),
            Self::Status => return status(sim).to_string(),
            Self::UserStop(pressed) => sim.press_user_stop(pressed),
            Self::Guiding(pressed) => sim.press_guiding(pressed),
            Self::Recover => sim.recover(),
            Self::Push { force_n, duration_s } => sim.push(force_n, duration_s),
            Self::Reflex(index) => sim.trigger_reflex(index),
            Self::Lose(count) => sim.drop_commands(count),
            Self::Loss(share) => sim.set_command_loss(share),
            Self::Quit => {}
        }
        String::new()
    }
}

/// The simulator's status and the truth of its arm as one line of JSON.
fn status(sim: &Sim) -> serde_json::Value {
    let status = sim.status();
    let truth = status.truth;
    serde_json::json!({
        "address": sim.ip().to_string(),
        "time_ms": status.time_ms,
        "mode": format!("{:?}", status.mode),
        "errors": status.errors.names().collect::<Vec<_>>(),
        "client": status.client.map(|client| client.to_string()),
        "motions": status.motions,
        "commands_missed": status.commands_missed,
        "truth": {
            "q_rad": truth.q,
            "dq_rad_s": truth.dq,
            "O_T_EE": truth.O_T_EE,
            "O_F_ext_n": truth.O_F_ext,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_has_a_force_and_may_have_a_duration() {
        let order = Order::parse(" push 1 -2.5 0  0.2\n");
        assert_eq!(order, Ok(Order::Push { force_n: [1.0, -2.5, 0.0], duration_s: 0.2 }));
        assert_eq!(Order::parse("push 0 0 5"), Ok(Order::Push { force_n: [0.0, 0.0, 5.0], duration_s: 1.0 }));
        for bad in ["push 0 0", "push NaN 0 0", "push 0 0 1e9", "push 0 0 5 0", "push 0 0 5 1 1"] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_understood_is_answered_with_what_is() {
        assert!(Order::parse("dance").unwrap_err().contains("user-stop on|off"));
        assert!(Order::parse("guiding maybe").unwrap_err().contains("neither on nor off"));
        assert!(Order::parse("reflex nonsense").unwrap_err().contains("cartesian_reflex"));
        assert_eq!(Order::parse("reflex cartesian_reflex"), Ok(Order::Reflex(7)));
    }
}

//! What a person or a script may order a running simulator to do: a line of words each.
use crate::demonstration::{drawing, shapes};
use crate::robot::ERROR_NAMES;
use crate::sim::virtual_hand::Plan;
use crate::sim::{Fault, Sim, faults, gripper};

/// Every order with its meaning.
pub(super) const HELP: &str = "\
status                    one line of JSON: time, mode, errors, client, counts, and what is true of the arm
user-stop on|off          press or release the user stop
guiding on|off            hold or let go of the two buttons at the wrist
recover                   recover from a reflex, as the operator does in Desk
push FX FY FZ [SECONDS] [at X Y Z]
                          push the end effector with this force, N in the base frame (1 s), at the tool point
                          or at a point beside it, m in the end effector's frame
hand PATH [SPEED]         have a virtual hand guide the end effector along circle, square, figure-eight or a CSV file, at
                          this speed (0.1 m/s); the arm has to be let go: by teach, or by the guiding buttons
hand off                  take it away
object WIDTH|none         put an object of this width (0 to 0.08 m) between the fingers, or take it away
reflex NAME               stop the arm with this error, for example cartesian_reflex
lose N                    lose the next N commands
loss SHARE                lose this share (0 to 1) of the commands from now on
fault SPEC                let something go wrong, for example mute-udp:for=1.3s; `fault help` lists all kinds
fault clear               take every fault back but the loss
quit                      end the simulator
An address before an order (127.0.0.2 recover) gives it to that arm alone.";

/// A line, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    Help,
    Status,
    UserStop(bool),
    Guiding(bool),
    Recover,
    Push { force_n: [f64; 3], duration_s: f64, point_m: [f64; 3] },
    Hand(Option<Plan>),
    Object(Option<f64>),
    Reflex(usize),
    Lose(u32),
    Loss(f64),
    Fault(Fault),
    ClearFaults,
    FaultHelp,
    Quit,
}

/// Longest push, s.
const PUSH_MAX_S: f64 = 60.0;
/// Strongest push, N: a person does not push harder.
const PUSH_MAX_N: f64 = 300.0;
/// Farthest point of a tool that can be pushed, m.
const REACH_MAX_M: f64 = 1.0;

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
            ["push", x, y, z, ref rest @ ..] => {
                let (rest, point) = match rest {
                    [rest @ .., "at", x, y, z] => (rest, [*x, *y, *z]),
                    rest => (rest, ["0"; 3]),
                };
                let [x_m, y_m, z_m] = point
                    .map(|word| number(word, -REACH_MAX_M, REACH_MAX_M, "a coordinate of the point in m"));
                let point_m = [x_m?, y_m?, z_m?];
                let force = |word| number(word, -PUSH_MAX_N, PUSH_MAX_N, "a force in N");
                let force_n = [force(x)?, force(y)?, force(z)?];
                let duration_s = match rest {
                    [] => 1.0,
                    [seconds] => number(seconds, 0.001, PUSH_MAX_S, "the duration in s")?,
                    _ => return Err("usage: push FX FY FZ [SECONDS] [at X Y Z]".to_owned()),
                };
                Ok(Self::Push { force_n, duration_s, point_m })
            }
            ["hand", "off"] => Ok(Self::Hand(None)),
            ["hand", path] => hand(path, Plan::default().speed_m_s).map(|plan| Self::Hand(Some(plan))),
            ["hand", path, speed] => {
                let speed_m_s = number(speed, 0.005, 1.0, "the speed in m/s")?;
                hand(path, speed_m_s).map(|plan| Self::Hand(Some(plan)))
            }
            ["object", "none"] => Ok(Self::Object(None)),
            ["object", width] => {
                number(width, 0.0, gripper::STROKE_M, "the width in m").map(|width| Self::Object(Some(width)))
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
            ["fault", "help"] => Ok(Self::FaultHelp),
            ["fault", "clear"] => Ok(Self::ClearFaults),
            ["fault", ..] if words.len() > 1 => words[1..]
                .join(" ")
                .parse()
                .map(Self::Fault)
                .map_err(|error: faults::SpecError| error.to_string()),
            _ => Err(format!("`{}` is no order; the orders are:\n{HELP}", line.trim())),
        }
    }

    /// Obeys; what there is to say, or nothing. [`Order::Quit`] is for whoever owns the simulator.
    pub(super) fn obey(&self, sim: &Sim) -> String {
        match *self {
            Self::Help => return HELP.to_owned(),
            Self::Status => return status(sim).to_string(),
            Self::UserStop(pressed) => sim.press_user_stop(pressed),
            Self::Guiding(pressed) => sim.press_guiding(pressed),
            Self::Recover => sim.recover(),
            Self::Push { force_n, duration_s, point_m } => sim.push_at(force_n, point_m, duration_s),
            Self::Hand(ref plan) => sim.guide(plan.clone()),
            Self::Object(_) if sim.status().hand.is_none() => return "there is no hand".to_owned(),
            Self::Object(width_m) => sim.set_object_width(width_m),
            Self::Reflex(index) => sim.trigger_reflex(index),
            Self::Lose(count) => sim.drop_commands(count),
            Self::Loss(share) => sim.set_command_loss(share),
            Self::Fault(fault) => sim.inject(fault),
            Self::ClearFaults => sim.clear_faults(),
            Self::FaultHelp => return faults::help(),
            Self::Quit => {}
        }
        String::new()
    }
}

/// A virtual hand for the path called `path`.
fn hand(path: &str, speed_m_s: f64) -> Result<Plan, String> {
    let loaded = shapes::load(path, &drawing::Options::default()).map_err(|e| e.to_string())?;
    let path_m = loaded.path.points().iter().map(|p| [p.x, p.y, p.z]).collect();
    Ok(Plan { path_m, speed_m_s, ..Plan::default() })
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
        "states_sent": status.states_sent,
        "states_overtaken": status.states_overtaken,
        "commands_received": status.commands_received,
        "commands_missed": status.commands_missed,
        "hand": status.hand.map(|hand| serde_json::json!({
            "width_m": hand.width_m,
            "max_width_m": hand.max_width_m,
            "is_grasped": hand.is_grasped,
            "moving": hand.moving,
            "client": hand.client.map(|client| client.to_string()),
        })),
        "virtual_hand": format!("{:?}", status.virtual_hand),
        "commands_late": status.commands_late,
        "commands_duplicate": status.commands_duplicate,
        "commands_unasked": status.commands_unasked,
        "commands_malformed": status.commands_malformed,
        "injected": status.injected.all().map(|(name, count)| (name, count.into())).collect::<serde_json::Map<_, _>>(),
        "truth": {
            "q_rad": truth.q,
            "dq_rad_s": truth.dq,
            "O_T_EE": truth.O_T_EE,
            "O_F_ext_n": truth.O_F_ext,
            "tau_ext_nm": truth.tau_ext,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_has_a_force_and_may_have_a_duration_and_a_point() {
        let push = |force_n, duration_s, point_m| Ok(Order::Push { force_n, duration_s, point_m });
        assert_eq!(Order::parse(" push 1 -2.5 0  0.2\n"), push([1.0, -2.5, 0.0], 0.2, [0.0; 3]));
        assert_eq!(Order::parse("push 0 0 5"), push([0.0, 0.0, 5.0], 1.0, [0.0; 3]));
        assert_eq!(Order::parse("push 0 0 5 at 0 0.1 -.2"), push([0.0, 0.0, 5.0], 1.0, [0.0, 0.1, -0.2]));
        assert_eq!(Order::parse("push 0 0 5 2 at 0 0 1"), push([0.0, 0.0, 5.0], 2.0, [0.0, 0.0, 1.0]));
        for bad in [
            "push 0 0 5 at 0 0",
            "push 0 0 5 at 0 0 9",
            "push 0 0 5 1 at",
            "push 0 0",
            "push NaN 0 0",
            "push 0 0 1e9",
            "push 0 0 5 0",
            "push 0 0 5 1 1",
        ] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_virtual_hand_follows_a_shape_at_a_speed_until_it_is_taken_away() {
        let Ok(Order::Hand(Some(plan))) = Order::parse("hand circle 0.2") else { panic!("an order") };
        assert!(plan.path_m.len() > 100 && plan.speed_m_s == 0.2 && plan.validate().is_empty());
        assert_eq!(Order::parse("hand off"), Ok(Order::Hand(None)));
        assert!(Order::parse("hand cirlce").unwrap_err().contains("circle"));
        assert!(Order::parse("hand circle 9").unwrap_err().contains("0.005 to 1"));
    }

    #[test]
    fn an_object_fits_between_the_fingers_or_is_none() {
        assert_eq!(Order::parse("object 0.03"), Ok(Order::Object(Some(0.03))));
        assert_eq!(Order::parse("object none"), Ok(Order::Object(None)));
        for bad in ["object", "object 0.081", "object -0.01", "object NaN", "object wide"] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_status_tells_of_the_hand_if_there_is_one() {
        use crate::sim::Options;
        let [with, without] = [(true, 20), (false, 21)].map(|(hand, last)| {
            let bind = [127, 0, 24, last].into();
            Sim::start(Options { bind, hand, ..Options::default() }).expect("a robot")
        });
        let hand = serde_json::json!({
            "width_m": 0.08, "max_width_m": 0.08, "is_grasped": false, "moving": false, "client": null,
        });
        assert_eq!(status(&with)["hand"], hand);
        assert_eq!(status(&without)["hand"], serde_json::Value::Null);
        let object = Order::Object(Some(0.02));
        assert_eq!((object.obey(&with).as_str(), object.obey(&without).as_str()), ("", "there is no hand"));
    }

    #[test]
    fn what_is_not_understood_is_answered_with_what_is() {
        assert!(Order::parse("dance").unwrap_err().contains("user-stop on|off"));
        assert!(Order::parse("guiding maybe").unwrap_err().contains("neither on nor off"));
        assert!(Order::parse("reflex nonsense").unwrap_err().contains("cartesian_reflex"));
        assert_eq!(Order::parse("reflex cartesian_reflex"), Ok(Order::Reflex(7)));
        assert_eq!(Order::parse("fault tcp-close @2s"), Ok(Order::Fault("tcp-close@2s".parse().unwrap())));
        assert!(Order::parse("fault tcp-clsoe").unwrap_err().contains("did you mean `tcp-close`?"));
    }
}

//! What the keys of a terminal do: the operator beside the simulated arm.
use super::super::keys::Key;
use super::arms::Arms;
use super::orders::HELP;

/// Every key with its meaning.
const KEYS: &str = "\
u          press or release the user stop
g          hold or let go of the two buttons at the wrist
r          recover from a reflex
arrows     push the end effector: up and down along x, left and right along y; Page Up and Down along z
0 to 9     which arm the keys act on, in the order of --bind; 0 for all
:          type an order, Enter gives it, Escape forgets it
?          this help
q, Ctrl-C  end";
/// How hard a key pushes, N, and for how long, s: moves an arm in guiding, does not trip one that holds.
const PUSH_N: f64 = 10.0;
const PUSH_S: f64 = 0.3;

/// A person at the keys.
#[derive(Debug, Default)]
pub(super) struct Operator {
    user_stop: bool,
    guiding: bool,
    /// Number of the arm the keys act on; 0 for all.
    arm: usize,
    typed: Option<String>,
}

impl Operator {
    /// The order on its way, while one is typed.
    pub(super) fn typed(&self) -> Option<&str> {
        self.typed.as_deref()
    }

    /// Does what a key asks for; what there is to say, if anything.
    pub(super) fn press(&mut self, key: Key, arms: &Arms) -> Option<String> {
        let line = match self.typed.take() {
            Some(typed) => self.type_on(typed, key)?,
            None => match self.order(key, arms)? {
                Ok(line) => line,
                Err(said) => return Some(said),
            },
        };
        let answer = arms.obey(&line).unwrap_or_else(|why| why);
        (!answer.is_empty()).then_some(answer)
    }

    fn type_on(&mut self, mut typed: String, key: Key) -> Option<String> {
        match key {
            Key::Enter if typed.trim().is_empty() => return None,
            Key::Enter => return Some(typed),
            Key::Escape => return None,
            Key::Backspace => drop(typed.pop()),
            Key::Char(letter) => typed.push(letter),
            _ => {}
        }
        self.typed = Some(typed);
        None
    }

    /// The order a key stands for, or words about the keys themselves.
    fn order(&mut self, key: Key, arms: &Arms) -> Option<Result<String, String>> {
        let switch = |on: bool| if on { "on" } else { "off" };
        let push =
            |x: f64, y: f64, z: f64| format!("push {} {} {} {PUSH_S}", x * PUSH_N, y * PUSH_N, z * PUSH_N);
        let order = match key {
            Key::Char('u') => {
                self.user_stop = !self.user_stop;
                format!("user-stop {}", switch(self.user_stop))
            }
            Key::Char('g') => {
                self.guiding = !self.guiding;
                format!("guiding {}", switch(self.guiding))
            }
            Key::Char('r') => "recover".to_owned(),
            Key::Up => push(1.0, 0.0, 0.0),
            Key::Down => push(-1.0, 0.0, 0.0),
            Key::Left => push(0.0, 1.0, 0.0),
            Key::Right => push(0.0, -1.0, 0.0),
            Key::PageUp => push(0.0, 0.0, 1.0),
            Key::PageDown => push(0.0, 0.0, -1.0),
            Key::Char('q') => "quit".to_owned(),
            Key::Char(':') => {
                self.typed = Some(String::new());
                return None;
            }
            Key::Char('?') => return Some(Err(format!("{KEYS}\n\nThe orders:\n{HELP}"))),
            Key::Char(digit @ '0'..='9') => {
                let number = digit as usize - '0' as usize;
                self.arm = if number <= arms.sims().len() { number } else { self.arm };
                let who = self.address(arms).map_or("all arms".to_owned(), |address| address.to_string());
                return Some(Err(format!("the keys act on {who}")));
            }
            _ => return None,
        };
        Some(Ok(match self.address(arms) {
            Some(address) => format!("{address} {order}"),
            None => order,
        }))
    }

    fn address(&self, arms: &Arms) -> Option<std::net::IpAddr> {
        arms.sims().get(self.arm.checked_sub(1)?).map(|sim| sim.ip())
    }
}

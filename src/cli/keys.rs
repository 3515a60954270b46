//! Single keys of a terminal, without Enter.
use std::io::{IsTerminal, Read, stdin};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A key that somebody pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Escape,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
}

/// A terminal that gives every key at once; as it was before when this is dropped.
///
/// Only echo and line editing are off: Ctrl-C stays a signal, and what is printed looks as it always does.
pub(super) struct Keys {
    before: Termios,
    /// Keys read and not yet given.
    pending: Vec<u8>,
    gone: bool,
}

impl Keys {
    /// Takes the terminal; `None` where standard input is none.
    pub(super) fn open() -> Option<Self> {
        let input = stdin();
        let before = input.is_terminal().then(|| tcgetattr(&input).ok()).flatten()?;
        let mut single = before.clone();
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&input, OptionalActions::Now, &single).ok()?;
        Some(Self { before, pending: Vec::new(), gone: false })
    }

    /// The next key, if one comes within `wait`.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Key> {
        if self.pending.is_empty() && !self.gone && ready(wait) {
            let mut bytes = [0; 64];
            match stdin().lock().read(&mut bytes) {
                Ok(0) | Err(_) => self.gone = true, // the terminal has gone
                Ok(read) => self.pending.extend_from_slice(&bytes[..read]),
            }
        } else if self.gone {
            std::thread::sleep(wait);
        }
        let (key, length) = key(&self.pending)?;
        self.pending.drain(..length);
        key
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before); // a terminal that has gone needs none
    }
}

fn ready(wait: Duration) -> bool {
    let input = stdin();
    let mut wanted = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
    poll(&mut wanted, Some(&wait)).is_ok_and(|ready| ready > 0)
}

/// The first key of what a terminal sent, and how many bytes it is; `None` without bytes. Keys nobody uses are
/// passed over whole, so that the rest of their bytes is not taken for others.
fn key(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let key = match bytes {
        [] => return None,
        [0x1b, b'[' | b'O', rest @ ..] => {
            let length =
                rest.iter().position(|byte| (0x40..=0x7e).contains(byte)).map_or(rest.len(), |at| at + 1);
            let key = match &rest[..length] {
                b"A" => Some(Key::Up),
                b"B" => Some(Key::Down),
                b"C" => Some(Key::Right),
                b"D" => Some(Key::Left),
                b"5~" => Some(Key::PageUp),
                b"6~" => Some(Key::PageDown),
                _ => None,
            };
            return Some((key, 2 + length));
        }
        [0x1b, ..] => Key::Escape,
        [b'\r' | b'\n', ..] => Key::Enter,
        [0x7f | 0x08, ..] => Key::Backspace,
        [byte @ 0x20..=0x7e, ..] => Key::Char(char::from(*byte)),
        _ => return Some((None, 1)),
    };
    Some((Some(key), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_unknown_ones_passed_over() {
        let mut bytes: &[u8] = b"u\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[1;5C\xc3\xa4\x7f\r\x1b";
        let mut keys = Vec::new();
        while let Some((key, length)) = key(bytes) {
            keys.extend(key);
            bytes = &bytes[length..];
        }
        let expected = [
            Key::Char('u'),
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Backspace,
            Key::Enter,
            Key::Escape,
        ];
        assert_eq!(keys, expected);
    }
}

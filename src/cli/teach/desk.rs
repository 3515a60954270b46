//! The keys of a session, and the words a person types in it.
use super::super::keys::{Key as Pressed, Keys};
use crate::teach::{Key, Mark};
use std::time::Duration;

/// What the keys do, in a line.
pub(super) const HELP: &str = "space begins and ends · k keep · d throw away · r again · s/f done or failed · l label · \
                               n note · h hands free · q ends";

/// What a person wants.
pub(super) enum Wish {
    /// Of the dialogue.
    Say(Key),
    /// Of the gripper: to close it, or to open it.
    Grip(bool),
    /// To see what the keys do.
    Help,
    /// The end of the session.
    Quit,
}

/// What is being typed.
enum Typing {
    Label,
    Note,
}

pub(super) struct Desk {
    keys: Option<Keys>,
    typing: Option<(Typing, String)>,
}

impl Desk {
    /// Takes the terminal, where there is one.
    pub(super) fn open() -> Desk {
        Desk { keys: Keys::open(), typing: None }
    }

    pub(super) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// The line being typed, if there is one.
    pub(super) fn typing(&self) -> Option<String> {
        self.typing.as_ref().map(|(what, text)| match what {
            Typing::Label => format!("label: {text}"),
            Typing::Note => format!("note: {text}"),
        })
    }

    /// What was wished since the last look.
    pub(super) fn look(&mut self) -> Option<Wish> {
        let key = self.keys.as_mut()?.next(Duration::ZERO)?;
        let Some((what, mut text)) = self.typing.take() else { return self.press(key) };
        match key {
            Pressed::Enter => {
                let text = text.trim().to_owned();
                return Some(Wish::Say(Key::Mark(match what {
                    Typing::Label => Mark::Label(text),
                    Typing::Note => Mark::Note(text),
                })));
            }
            Pressed::Escape => return None,
            Pressed::Char(letter) => text.push(letter),
            Pressed::Backspace => drop(text.pop()),
            _ => {}
        }
        self.typing = Some((what, text));
        None
    }

    fn press(&mut self, key: Pressed) -> Option<Wish> {
        let Pressed::Char(letter) = key else { return None };
        Some(match letter {
            ' ' => Wish::Say(Key::Toggle),
            'k' => Wish::Say(Key::Keep),
            'd' => Wish::Say(Key::Discard),
            'r' => Wish::Say(Key::Redo),
            's' => Wish::Say(Key::Mark(Mark::Success(true))),
            'f' => Wish::Say(Key::Mark(Mark::Success(false))),
            'h' => Wish::Say(Key::HandsFree),
            'g' => Wish::Grip(true),
            'o' => Wish::Grip(false),
            'l' => {
                self.typing = Some((Typing::Label, String::new()));
                return None;
            }
            'n' => {
                self.typing = Some((Typing::Note, String::new()));
                return None;
            }
            '?' => Wish::Help,
            'q' => Wish::Quit,
            _ => return None,
        })
    }
}

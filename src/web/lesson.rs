//! What a session of teaching shows on the page, and what a person presses there.
use serde::{Deserialize, Serialize};

/// The longest label or note, characters.
const TEXT_MAX: usize = 200;

/// What a page shows of a session of teaching at once.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Lesson {
    /// Where the dialogue stands.
    pub state: LessonState,
    /// The episode that is recorded or decided on.
    pub episode: u64,
    /// Episodes that were kept, and how many are wanted; 0 where there is no end.
    pub kept: [u64; 2],
    /// How long the episode is, s.
    pub recorded_s: f64,
    /// Whether motion begins and ends episodes.
    pub hands_free: bool,
    /// Whether a hand guides the arm.
    pub guided: bool,
    /// How fast the end effector is, m/s.
    pub speed_m_s: f64,
    /// States that came in the last second, Hz.
    pub rate_hz: f64,
    /// States that never came.
    pub lost: u64,
    /// How far off what is learnt on the way is, mm.
    pub learnt_mm: Option<f64>,
}

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LessonState {
    #[default]
    Ready,
    Recording,
    Review,
    Over,
}

/// What is pressed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Press {
    /// Begin an episode, or end the running one.
    Toggle,
    /// Keep it.
    Keep,
    /// Throw it away.
    Discard,
    /// Throw it away, and again.
    Redo,
    /// Whether the task was done.
    Success(bool),
    /// A word for it among the others.
    Label(String),
    /// A note.
    Note(String),
    /// Begin and end episodes with the motion itself, or no longer.
    HandsFree,
    /// Close the gripper, or open it.
    Grip(bool),
    /// End the session.
    Quit,
}

impl Press {
    /// What is outside its allowed range, in words.
    pub(super) fn wrong(&self) -> Option<String> {
        let (Press::Label(text) | Press::Note(text)) = self else { return None };
        let length = text.chars().count();
        let is_good = (1..=TEXT_MAX).contains(&length) && !text.chars().any(char::is_control);
        (!is_good)
            .then(|| format!("a label or note of {length} characters: allowed 1 to {TEXT_MAX}, in one line"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_short_line_and_nothing_else_is_a_press() {
        let press = |text: &str| serde_json::from_str::<Press>(text);
        assert_eq!(press("\"toggle\"").unwrap(), Press::Toggle);
        assert_eq!(press("{\"success\":true}").unwrap(), Press::Success(true));
        assert!(press("\"drive\"").is_err() && press("{\"label\":1}").is_err());
        let wrong = |text: String| Press::Label(text).wrong();
        assert_eq!(wrong("a cup".to_owned()), None);
        for bad in [String::new(), "a\nb".to_owned(), "x".repeat(201)] {
            assert!(wrong(bad).is_some_and(|words| words.contains("allowed 1 to 200")));
        }
    }
}

//! The dialogue with who teaches, as a pure state machine.
//!
//! ```text
//!            Toggle, Moves*                 Toggle, Rests*
//!   Ready ─────────────────► Recording ───────────────────► Review
//!     ▲                          │ Keep, Discard, Redo         │
//!     └──────────────────────────┴─────────────────────────────┘  Keep, Discard, Redo; Toggle and Moves* keep it and
//!                                                                  begin the next        (* when hands are free)
//! ```
//!
//! What ends a session, a fault or a person, ends the running episode and keeps it, and the one under review too: only
//! a person's Discard or Redo throws one away, unless there is nothing in it.

/// What a person says with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Begin an episode, or end the running one.
    Toggle,
    /// Keep the episode.
    Keep,
    /// Throw it away.
    Discard,
    /// Throw it away, or the last one that was kept, and do it again: the next takes over its label and its note.
    Redo,
    /// Say something of it.
    Mark(Mark),
    /// Begin and end episodes with the motion itself, from now on or no longer.
    HandsFree,
}

/// What a person says of an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Whether the task was done.
    Success(bool),
    /// A word for it among the others.
    Label(String),
    /// A note.
    Note(String),
}

/// What happens to a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person presses a key.
    Key(Key),
    /// The arm begins to move.
    Moves,
    /// It has come to rest.
    Rests,
    /// The robot is lost, or has stopped: the session is over.
    Lost(String),
    /// The session is over as somebody wished.
    Quit,
}

/// Why an episode has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// A key, or the arm at rest.
    Done,
    /// The session was over.
    Quit,
    /// What went wrong.
    Fault(String),
}

/// What is to be done; numbers name episodes and never come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next sample is the first of an episode.
    Begin(u64),
    /// No more samples for it.
    End(u64, Because),
    /// Keep it, for good.
    Keep(u64),
    /// Throw it away: it has ended, or is the last one that was kept.
    Discard(u64),
    /// Note what was said of it.
    Mark(u64, Mark),
    /// Make a sound.
    Bell,
    /// Say something to the person.
    Say(&'static str),
}

/// Where a dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is recorded.
    Ready,
    /// This episode is recorded.
    Recording(u64),
    /// This one has ended, and nobody has said yet what to do with it.
    Review(u64),
    /// The session is over.
    Over,
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Dialogue {
    state: State,
    next: u64,
    hands_free: bool,
    /// Whether the running episode began with motion, so that rest ends it.
    by_motion: bool,
    /// Whether the episode that runs, or is under review, has no sample.
    is_empty: bool,
    /// The last one kept, while it can still be thrown away.
    last_kept: Option<u64>,
    kept: u64,
    wanted: Option<u64>,
    /// Label and note that the next episode takes over.
    handed_on: Vec<Mark>,
    said: Vec<Mark>,
}

impl Dialogue {
    /// A dialogue whose first episode is number `first`; it is over once `wanted` have been kept.
    pub fn new(first: u64, wanted: Option<u64>, hands_free: bool) -> Dialogue {
        Dialogue {
            state: State::Ready,
            next: first,
            hands_free,
            by_motion: false,
            is_empty: true,
            last_kept: None,
            kept: 0,
            wanted,
            handed_on: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Episodes kept so far.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Whether motion begins and ends episodes.
    pub fn is_hands_free(&self) -> bool {
        self.hands_free
    }

    /// What is to be done, in order.
    #[must_use]
    pub fn take(&mut self, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        match (self.state, input) {
            (State::Over, _) => {}
            (State::Ready, Input::Key(Key::Toggle)) => self.begin(false, &mut out),
            (State::Ready, Input::Moves) if self.hands_free => self.begin(true, &mut out),
            (State::Ready, Input::Key(Key::Redo)) => self.recall(&mut out),
            (State::Ready, Input::Key(Key::Keep | Key::Discard)) => {
                out.push(Action::Say("there is no episode to decide on"));
            }
            (State::Ready, Input::Key(Key::Mark(mark))) => match self.last_kept {
                Some(_) => out.push(Action::Say("the last episode is kept; marks are made before that")),
                None => self.handed_on.push(mark),
            },
            (State::Recording(n), Input::Key(Key::Toggle)) => self.end(n, Because::Done, &mut out),
            (State::Recording(n), Input::Rests) if self.by_motion => self.end(n, Because::Done, &mut out),
            (State::Recording(n), Input::Key(key @ (Key::Keep | Key::Discard | Key::Redo))) => {
                self.end(n, Because::Done, &mut out);
                self.decide(n, &key, &mut out);
            }
            (State::Review(n), Input::Key(key @ (Key::Keep | Key::Discard | Key::Redo))) => {
                self.decide(n, &key, &mut out);
            }
            (State::Review(n), Input::Key(Key::Toggle)) => {
                self.keep(n, &mut out);
                self.begin(false, &mut out);
            }
            (State::Review(n), Input::Moves) if self.hands_free => {
                self.keep(n, &mut out);
                self.begin(true, &mut out);
            }
            (State::Recording(n) | State::Review(n), Input::Key(Key::Mark(mark))) => {
                self.said.push(mark.clone());
                out.push(Action::Mark(n, mark));
            }
            (_, Input::Key(Key::HandsFree)) => {
                self.hands_free = !self.hands_free;
                out.push(Action::Say(if self.hands_free {
                    "hands free: motion begins an episode, rest ends it"
                } else {
                    "keys begin and end episodes"
                }));
            }
            (_, Input::Lost(why)) => self.close(Because::Fault(why), &mut out),
            (_, Input::Quit) => self.close(Because::Quit, &mut out),
            (_, Input::Moves | Input::Rests) => {}
        }
        out
    }

    /// The episode that runs has got a sample.
    pub fn sampled(&mut self) {
        self.is_empty = false;
    }

    /// The episode that was to begin could not: nothing of it exists.
    pub fn could_not_begin(&mut self) {
        if let State::Recording(_) = self.state {
            // Motion would only fail again.
            (self.state, self.hands_free) = (State::Ready, false);
            self.handed_on = std::mem::take(&mut self.said);
        }
    }

    fn begin(&mut self, by_motion: bool, out: &mut Vec<Action>) {
        if self.state == State::Over {
            return;
        }
        let number = self.next;
        self.next += 1;
        (self.state, self.by_motion, self.last_kept) = (State::Recording(number), by_motion, None);
        self.is_empty = true;
        out.extend([Action::Begin(number), Action::Bell]);
        self.said = std::mem::take(&mut self.handed_on);
        out.extend(self.said.iter().map(|mark| Action::Mark(number, mark.clone())));
    }

    fn end(&mut self, number: u64, because: Because, out: &mut Vec<Action>) {
        self.state = State::Review(number);
        out.extend([Action::End(number, because), Action::Bell]);
    }

    fn decide(&mut self, number: u64, key: &Key, out: &mut Vec<Action>) {
        if *key == Key::Keep {
            return self.keep(number, out);
        }
        self.state = State::Ready;
        out.push(Action::Discard(number));
        if *key == Key::Redo {
            self.hand_on();
        }
    }

    fn keep(&mut self, number: u64, out: &mut Vec<Action>) {
        if self.is_empty {
            self.state = State::Ready;
            return out.extend([Action::Discard(number), Action::Say("it had nothing in it")]);
        }
        out.push(Action::Keep(number));
        self.kept += 1;
        self.last_kept = Some(number);
        self.state =
            if self.wanted.is_some_and(|wanted| self.kept >= wanted) { State::Over } else { State::Ready };
    }

    fn recall(&mut self, out: &mut Vec<Action>) {
        let Some(number) = self.last_kept.take() else {
            return out.push(Action::Say("there is no episode to do again"));
        };
        self.kept -= 1;
        out.push(Action::Discard(number));
        self.hand_on();
    }

    /// The label and the note go to the next episode; whether it was done does not.
    fn hand_on(&mut self) {
        self.handed_on = self.said.drain(..).filter(|mark| !matches!(mark, Mark::Success(_))).collect();
    }

    fn close(&mut self, because: Because, out: &mut Vec<Action>) {
        if let State::Recording(number) = self.state {
            self.end(number, because, out);
        }
        if let State::Review(number) = self.state {
            self.keep(number, out);
        }
        self.state = State::Over;
    }
}

//! A session of teaching: every sample into the episode that runs, every episode to where episodes are kept.
use super::Options;
use super::dialogue::{Action, Because, Dialogue, Input, Mark, State};
use super::segment::{Movement, Segmenter};
use crate::demonstration::sample::Sample;
use crate::robot::limits::CYCLE_S;
use crate::timing::Cycle;
use std::collections::VecDeque;

/// Where episodes are kept. Numbers name episodes; at most one is open.
pub trait Sink {
    /// Opens an episode.
    ///
    /// # Errors
    /// Why nothing can be recorded: the lesson goes on without.
    fn begin(&mut self, number: u64) -> Result<(), String>;

    /// Adds a sample to the open episode.
    fn add(&mut self, sample: &Sample, cycle: Cycle);

    /// What was said of an episode that is open or has ended.
    fn mark(&mut self, number: u64, mark: &Mark);

    /// No more samples for the open episode.
    fn end(&mut self, number: u64, because: &Because);

    /// Keeps an episode that has ended, for good; the line that says so.
    ///
    /// # Errors
    /// Why it is not kept as it should be.
    fn keep(&mut self, number: u64) -> Result<String, String>;

    /// Throws away an episode that has ended, or the last one that was kept.
    ///
    /// # Errors
    /// Why it is still there.
    fn discard(&mut self, number: u64) -> Result<(), String>;
}

/// What there is to tell the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A sound.
    Bell,
    /// Words.
    Words(String),
    /// Words on what went wrong.
    Wrong(String),
}

/// The session.
pub struct Lesson<S> {
    dialogue: Dialogue,
    segmenter: Segmenter,
    sink: S,
    /// The samples before now that belong to no episode yet.
    before: VecDeque<(Sample, Cycle)>,
    before_max: usize,
    /// Samples of the episode that runs or is under review.
    samples: u64,
    failed: u64,
}

impl<S: Sink> Lesson<S> {
    /// A session with nothing recorded yet.
    pub fn new(dialogue: Dialogue, options: &Options, sink: S) -> Lesson<S> {
        Lesson {
            dialogue,
            segmenter: Segmenter::new(options),
            sink,
            before: VecDeque::new(),
            before_max: (options.before_s / CYCLE_S).round() as usize,
            samples: 0,
            failed: 0,
        }
    }

    /// The dialogue.
    pub fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }

    /// Samples in the episode that runs or is under review.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Episodes that could not be opened, kept or thrown away.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Where the episodes are.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// Where the episodes are, to tell it what no sample says.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The next sample: the first of a motion is the first of its episode, the last of a rest the last.
    pub fn add(&mut self, sample: &Sample, cycle: Cycle) -> Vec<Told> {
        let movement = self.segmenter.look(sample);
        let mut told = Vec::new();
        if movement == Some(Movement::Moves) {
            told = self.take(Input::Moves);
        }
        if let State::Recording(_) = self.dialogue.state() {
            self.samples += 1;
            self.dialogue.sampled();
            self.sink.add(sample, cycle);
        } else {
            self.before.push_back((*sample, cycle));
            while self.before.len() > self.before_max {
                self.before.pop_front();
            }
        }
        if movement == Some(Movement::Rests) {
            told.extend(self.take(Input::Rests));
        }
        told
    }

    /// Something happens to the dialogue.
    pub fn take(&mut self, input: Input) -> Vec<Told> {
        let by_motion = input == Input::Moves;
        let actions = self.dialogue.take(input);
        let mut told = Vec::new();
        for action in actions {
            let begins = matches!(action, Action::Begin(_));
            self.carry_out(action, by_motion, &mut told);
            if begins && self.dialogue.state() == State::Ready {
                break; // what was to be done with it is not to be done
            }
        }
        told
    }

    fn carry_out(&mut self, action: Action, by_motion: bool, told: &mut Vec<Told>) {
        let result = match action {
            Action::Begin(number) => self.begin(number, by_motion),
            Action::End(number, because) => {
                self.sink.end(number, &because);
                let seconds = self.samples as f64 * CYCLE_S;
                let why = match &because {
                    Because::Done => String::new(),
                    Because::Quit => ", as the session ends".to_owned(),
                    Because::Fault(why) => format!(", cut short: {why}"),
                };
                Ok(Some(format!("episode  {number}: {seconds:.1} s{why}")))
            }
            Action::Keep(number) => self.sink.keep(number).map(Some),
            Action::Discard(number) => {
                self.sink.discard(number).map(|()| Some(format!("episode  {number} thrown away")))
            }
            Action::Mark(number, mark) => {
                self.sink.mark(number, &mark);
                Ok(None)
            }
            Action::Bell => {
                told.push(Told::Bell);
                Ok(None)
            }
            Action::Say(words) => Ok(Some(words.to_owned())),
        };
        match result {
            Ok(words) => told.extend(words.map(Told::Words)),
            Err(why) => {
                self.failed += 1;
                told.push(Told::Wrong(why));
            }
        }
    }

    fn begin(&mut self, number: u64, by_motion: bool) -> Result<Option<String>, String> {
        self.samples = 0;
        if let Err(why) = self.sink.begin(number) {
            self.dialogue.could_not_begin();
            return Err(why);
        }
        // What came before a key was pressed is not meant; what came before a motion was seen is its beginning.
        let before = std::mem::take(&mut self.before);
        if by_motion {
            for (sample, cycle) in &before {
                self.dialogue.sampled();
                self.sink.add(sample, *cycle);
            }
            self.samples = before.len() as u64;
        }
        Ok(Some(format!("episode  {number} is recorded")))
    }
}

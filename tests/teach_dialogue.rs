//! Whatever keys, motions, faults and ends come in whatever order: no episode is merged, split, doubled or lost, and none
//! is thrown away that nobody threw away.
use franka_imit::demonstration::sample::{Kind, Sample};
use franka_imit::kinematics::{Point, Pose};
use franka_imit::robot::State as Arm;
use franka_imit::safety::{Limit, Margin, Verdict};
use franka_imit::teach::{Because, Dialogue, Input, Key, Lesson, Mark, Options, Sink, State, Told};
use franka_imit::timing::Cycle;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn sample(tick: u64, kind: Kind, dq_rad_s: f64) -> Sample {
    Sample {
        tick,
        lost: 0,
        kind,
        tau_s: 0.0,
        state: Arm { time_ms: tick, dq: [dq_rad_s; 7], ..Arm::ZERO },
        O_p_EE: Point::zeros(),
        x_ref: Pose::identity(),
        X: Pose::identity(),
        q_ref: [0.0; 7],
        q_c: [0.0; 7],
        verdict: Verdict::default(),
        margin: Margin::angle(Limit::JointPosition(1), 1.0),
        swaps: 0,
        rollbacks: 0,
        edition: 0,
        course: 0,
        hand: franka_imit::demonstration::sample::Hand::Away,
        pull_n: franka_imit::kinematics::Point::zeros(),
    }
}

/// What became of an episode.
#[derive(Clone, Debug, Default)]
struct Kept {
    ticks: Vec<u64>,
    ended: Vec<Because>,
    kept: u32,
    discarded: u32,
    marks: Vec<Mark>,
}

/// A place for episodes that notices everything that must not happen; it cannot open those whose number it is told.
#[derive(Debug, Default)]
struct Shelf {
    episodes: BTreeMap<u64, Kept>,
    open: Option<u64>,
    full: Vec<u64>,
}

impl Sink for Shelf {
    fn begin(&mut self, number: u64) -> Result<(), String> {
        assert_eq!(self.open, None, "two episodes at a time");
        assert!(self.episodes.keys().all(|before| *before < number), "numbers grow");
        if self.full.contains(&number) {
            return Err("no space left".to_owned());
        }
        self.episodes.insert(number, Kept::default());
        self.open = Some(number);
        Ok(())
    }

    fn add(&mut self, sample: &Sample, _: Cycle) {
        let open = self.open.expect("an open episode");
        self.episodes.get_mut(&open).unwrap().ticks.push(sample.tick);
    }

    fn mark(&mut self, number: u64, mark: &Mark) {
        self.episodes.get_mut(&number).expect("a mark is on an episode").marks.push(mark.clone());
    }

    fn end(&mut self, number: u64, because: &Because) {
        assert_eq!(self.open.take(), Some(number));
        self.episodes.get_mut(&number).unwrap().ended.push(because.clone());
    }

    fn keep(&mut self, number: u64) -> Result<String, String> {
        assert_ne!(self.open, Some(number), "kept while it runs");
        self.episodes.get_mut(&number).unwrap().kept += 1;
        Ok(format!("saved    {number}"))
    }

    fn discard(&mut self, number: u64) -> Result<(), String> {
        assert_ne!(self.open, Some(number), "thrown away while it runs");
        self.episodes.get_mut(&number).unwrap().discarded += 1;
        Ok(())
    }
}

/// What happens in a session.
#[derive(Clone, Debug)]
enum Happens {
    Said(Input),
    Moves(u64),
    Rests(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let mark = prop_oneof![
        any::<bool>().prop_map(Mark::Success),
        "[a-z]{1,4}".prop_map(Mark::Label),
        "[a-z]{1,4}".prop_map(Mark::Note),
    ];
    prop_oneof![
        4 => Just(Happens::Said(Input::Key(Key::Toggle))),
        3 => Just(Happens::Said(Input::Key(Key::Keep))),
        2 => Just(Happens::Said(Input::Key(Key::Discard))),
        2 => Just(Happens::Said(Input::Key(Key::Redo))),
        2 => Just(Happens::Said(Input::Key(Key::HandsFree))),
        2 => mark.prop_map(|mark| Happens::Said(Input::Key(Key::Mark(mark)))),
        1 => Just(Happens::Said(Input::Lost("communication_constraints_violation".to_owned()))),
        1 => Just(Happens::Said(Input::Quit)),
        6 => (1..200u64).prop_map(Happens::Moves),
        6 => (1..200u64).prop_map(Happens::Rests),
    ]
}

fn quick() -> Options {
    Options { moves_s: 0.005, rests_s: 0.05, before_s: 0.02, ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_order_of_keys_faults_and_ends_merges_splits_doubles_or_loses_an_episode(
        story in prop::collection::vec(happens(), 0..60),
        hands_free in any::<bool>(),
        wanted in prop::option::of(1..5u64),
        full in prop::collection::vec(1..6u64, 0..2),
    ) {
        let sink = Shelf { full, ..Shelf::default() };
        let mut lesson = Lesson::new(Dialogue::new(1, wanted, hands_free), &quick(), sink);
        let (mut tick, mut recorded, mut throws) = (0, 0, 0);
        for event in story.into_iter().chain([Happens::Said(Input::Quit)]) {
            match event {
                Happens::Said(input) => {
                    throws += u32::from(matches!(&input, Input::Key(Key::Discard | Key::Redo)));
                    lesson.take(input);
                }
                Happens::Moves(ms) | Happens::Rests(ms) => {
                    let moves = matches!(event, Happens::Moves(_));
                    for _ in 0..ms {
                        tick += 1;
                        let before = lesson.dialogue().state();
                        let (kind, dq) = if moves { (Kind::Demonstration, 0.2) } else { (Kind::None, 0.0) };
                        lesson.add(&sample(tick, kind, dq), Cycle::default());
                        // Whatever is recorded when a sample comes gets it, whatever it ends.
                        if let State::Recording(number) = before {
                            recorded += 1;
                            let last = lesson.sink().episodes[&number].ticks.last();
                            let next = lesson.sink().episodes.get(&(number + 1)).and_then(|e| e.ticks.last());
                            prop_assert!(last == Some(&tick) || next == Some(&tick), "{tick} is lost");
                        }
                    }
                }
            }
        }
        prop_assert_eq!(lesson.dialogue().state(), State::Over);
        let Shelf { episodes, open, .. } = lesson.sink();
        prop_assert_eq!(*open, None, "one is still open");
        let (mut all, mut empty): (Vec<u64>, u32) = (Vec::new(), 0);
        for (number, episode) in episodes {
            prop_assert_eq!(episode.ended.len(), 1, "episode {} ends once", number);
            prop_assert!(episode.kept <= 1 && episode.discarded <= 1, "episode {} is doubled", number);
            prop_assert!(episode.kept + episode.discarded >= 1, "episode {} is lost", number);
            prop_assert!(episode.ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "{} has a gap", number);
            if episode.ticks.is_empty() {
                empty += 1;
                prop_assert_eq!((episode.kept, episode.discarded), (0, 1), "nothing is in {}", number);
            } else if episode.ended[0] != Because::Done {
                prop_assert!(episode.discarded == 0, "nobody threw {} away", number);
            }
            all.extend(&episode.ticks);
        }
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "a sample is in two episodes");
        prop_assert!(all.len() >= recorded, "{} of {} samples", all.len(), recorded);
        prop_assert!(episodes.values().map(|e| e.discarded).sum::<u32>() <= throws + empty);
        let kept = episodes.values().filter(|e| e.kept > e.discarded).count() as u64;
        prop_assert_eq!(kept, lesson.dialogue().kept());
        prop_assert!(wanted.is_none_or(|wanted| kept <= wanted));
    }
}

/// A lesson, and what is told by what happens in it.
struct Story {
    lesson: Lesson<Shelf>,
    tick: u64,
}

impl Story {
    fn new(hands_free: bool) -> Story {
        let lesson = Lesson::new(Dialogue::new(1, None, hands_free), &quick(), Shelf::default());
        Story { lesson, tick: 0 }
    }

    fn key(&mut self, key: Key) -> Vec<Told> {
        self.lesson.take(Input::Key(key))
    }

    fn go(&mut self, ms: u64, dq_rad_s: f64, kind: Kind) -> &mut Story {
        for _ in 0..ms {
            self.tick += 1;
            self.lesson.add(&sample(self.tick, kind, dq_rad_s), Cycle::default());
        }
        self
    }

    fn guide(&mut self, ms: u64) -> &mut Story {
        self.go(ms, 0.2, Kind::Demonstration)
    }

    fn rest(&mut self, ms: u64) -> &mut Story {
        self.go(ms, 0.0, Kind::None)
    }

    fn episode(&self, number: u64) -> &Kept {
        &self.lesson.sink().episodes[&number]
    }
}

#[test]
fn with_free_hands_motion_begins_an_episode_with_what_came_before_it_and_rest_ends_it() {
    let mut story = Story::new(true);
    story.rest(100).guide(300).rest(100);
    assert_eq!(story.lesson.dialogue().state(), State::Review(1));
    let ticks = &story.episode(1).ticks;
    assert!((80..=101).contains(&ticks[0]), "it begins at {}", ticks[0]);
    assert!((440..=460).contains(ticks.last().unwrap()), "it ends at {:?}", ticks.last());
    story.rest(200).guide(100);
    assert_eq!(story.lesson.dialogue().state(), State::Recording(2));
    assert_eq!(
        (story.episode(1).kept, story.episode(1).discarded),
        (1, 0),
        "the next motion keeps the last one"
    );
}

#[test]
fn a_motion_that_no_hand_makes_begins_nothing() {
    let mut story = Story::new(true);
    story.go(500, 0.2, Kind::None);
    assert_eq!(story.lesson.dialogue().state(), State::Ready);
}

#[test]
fn an_episode_begun_by_a_key_is_not_ended_by_a_pause() {
    let mut story = Story::new(true);
    story.key(Key::Toggle);
    story.guide(100).rest(500).guide(100).rest(500);
    assert_eq!(story.lesson.dialogue().state(), State::Recording(1));
    story.key(Key::Toggle);
    assert_eq!(story.episode(1).ticks.len(), 1200);
}

#[test]
fn doing_it_again_hands_the_label_on_and_the_success_not() {
    let mut story = Story::new(false);
    story.key(Key::Mark(Mark::Label("left".into())));
    story.key(Key::Toggle);
    story.guide(50);
    story.key(Key::Mark(Mark::Success(false)));
    story.key(Key::Redo);
    story.key(Key::Toggle);
    story.guide(50);
    story.key(Key::Keep);
    assert_eq!(story.episode(1).discarded, 1);
    assert_eq!(story.episode(2).marks, [Mark::Label("left".into())]);
    // One that is kept can be done again too, once, and only the last.
    story.key(Key::Redo);
    assert_eq!((story.episode(2).kept, story.episode(2).discarded), (1, 1));
    assert_eq!(story.key(Key::Redo), [Told::Words("there is no episode to do again".into())]);
}

#[test]
fn an_episode_with_nothing_in_it_is_not_kept_and_does_not_count() {
    let mut story = Story::new(false);
    story.key(Key::Toggle);
    let told = story.key(Key::Keep);
    assert!(told.contains(&Told::Words("it had nothing in it".into())), "{told:?}");
    assert_eq!((story.lesson.dialogue().kept(), story.lesson.dialogue().state()), (0, State::Ready));
}

#[test]
fn a_fault_ends_the_episode_that_runs_and_keeps_it_with_the_reason() {
    let mut story = Story::new(false);
    story.key(Key::Toggle);
    story.guide(70);
    let told = story.lesson.take(Input::Lost("the robot stopped the motion: joint_reflex".into()));
    let words = format!("{told:?}");
    assert!(
        words.contains("cut short") && words.contains("joint_reflex") && words.contains("saved"),
        "{words}"
    );
    assert_eq!((story.episode(1).kept, story.episode(1).ticks.len()), (1, 70));
}

#[test]
fn an_episode_that_cannot_be_opened_is_said_and_the_lesson_goes_on() {
    let lesson =
        Lesson::new(Dialogue::new(1, None, true), &quick(), Shelf { full: vec![1], ..Shelf::default() });
    let mut story = Story { lesson, tick: 0 };
    let told = story.key(Key::Toggle);
    assert!(told.contains(&Told::Wrong("no space left".into())), "{told:?}");
    assert!(!story.lesson.dialogue().is_hands_free(), "motion would only fail again");
    story.key(Key::Toggle);
    story.guide(50);
    assert_eq!((story.lesson.failed(), story.episode(2).ticks.len()), (1, 50));
}

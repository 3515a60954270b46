//! An episode's file: what was written comes back, and whatever happens to it is named.
#![allow(non_snake_case)]
use franka_imit::demonstration::episode::{
    Damage, End, Episode, Error, Gap, Gripper, Meta, Options, Reading, Tick, Writer, parse, step,
};
use franka_imit::demonstration::sample::Kind;
use franka_imit::robot::Mode;
use proptest::prelude::*;
use std::path::Path;

fn tick(k: u64) -> Tick {
    let t = k as f64 * 1e-3;
    Tick {
        robot_time_ms: 5000 + k,
        monotonic_ns: 1_000_000 * k + 17 * (k % 7),
        compute_ns: 20_000 + k,
        q: [t, 0.1 * t.sin(), -t, -1.5, t.cos(), 1.5, 0.7],
        q_d: [t; 7],
        q_c: [t + 1e-9; 7],
        O_T_EE: [1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.5, t, 0.4, 1.0],
        gripper: Some(Gripper { width_m: 0.04, is_grasped: k.is_multiple_of(2) }),
        mode: Mode::Move,
        kind: Kind::Driven,
        ..Tick::ZERO
    }
}

fn meta() -> Meta {
    Meta { task: "draw".into(), label: "a".into(), success: Some(true), ..Meta::default() }
}

/// A file of `chunks` flushes of `ticks` ticks each.
fn file(chunks: u64, ticks: u64, is_packed: bool) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), &meta(), Options { is_packed }).unwrap();
    for chunk in 0..chunks {
        for k in 0..ticks {
            writer.add(&tick(chunk * ticks + k)).unwrap();
        }
        writer.flush().unwrap();
    }
    let end = End { ticks: chunks * ticks, dropped: 0, because: "done".into() };
    writer.finish(&meta(), &end).unwrap()
}

fn parsed(bytes: &[u8]) -> Result<Reading, Error> {
    parse(bytes, Path::new("a.mcap"))
}

#[test]
fn what_was_written_comes_back() {
    for is_packed in [false, true] {
        let Reading { episode, damage, .. } = parsed(&file(3, 5, is_packed)).unwrap();
        assert_eq!(damage, []);
        assert_eq!(episode.meta, meta());
        assert_eq!(episode.end.as_ref().map(|end| end.ticks), Some(15));
        assert_eq!(episode.ticks, (0..15).map(tick).map(|t| kept(&t, is_packed)).collect::<Vec<_>>());
        assert_eq!(episode.length_s(), 0.014);
    }
}

/// What a packed file promises to keep of a tick.
fn kept(tick: &Tick, is_packed: bool) -> Tick {
    if !is_packed {
        return *tick;
    }
    let to = |step: f64, x: f64| (x / step).round() * step;
    Tick { q: tick.q.map(|x| to(step::Q, x)), O_T_EE: tick.O_T_EE.map(|x| to(step::POSE, x)), ..*tick }
}

fn through_a_packed_file(tick: &Tick) -> Tick {
    let mut writer = Writer::begin(Vec::new(), &meta(), Options { is_packed: true }).unwrap();
    writer.add(tick).unwrap();
    let bytes = writer.finish(&meta(), &End { ticks: 1, ..End::default() }).unwrap();
    parsed(&bytes).unwrap().episode.ticks[0]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_packed_tick_keeps_commands_exactly_and_measurements_to_a_step_once_and_for_all(
        x in proptest::array::uniform7(-90.0..90.0f64)
    ) {
        let given = Tick { q: x, q_d: x, q_c: x, dq: x, tau_J: x, tau_ext_hat_filtered: x, ..tick(0) };
        let back = through_a_packed_file(&given);
        prop_assert_eq!((back.q_d, back.q_c), (x, x));
        for (measured, step) in
            [(back.q, step::Q), (back.dq, step::DQ), (back.tau_J, step::TAU), (back.tau_ext_hat_filtered, step::TAU)]
        {
            for (measured, x) in measured.iter().zip(&x) {
                prop_assert!((measured - x).abs() <= 0.5 * step);
            }
        }
        prop_assert_eq!(through_a_packed_file(&back), back);
    }
}

#[test]
fn a_file_cut_off_anywhere_gives_every_tick_of_its_whole_chunks_and_says_so() {
    for is_packed in [false, true] {
        let whole = file(4, 3, is_packed);
        let all = parsed(&whole).unwrap().episode.ticks;
        let mut most = 0;
        for length in 0..whole.len() {
            match parsed(&whole[..length]) {
                Ok(Reading { episode, damage, .. }) => {
                    assert!(!damage.is_empty(), "cut at {length}: said to be whole");
                    assert_eq!(episode.ticks, all[..episode.ticks.len()], "cut at {length}");
                    assert!(episode.ticks.len() >= most, "cut at {length}: fewer ticks of a longer file");
                    assert_eq!(episode.meta.task, "draw", "cut at {length}");
                    most = episode.ticks.len();
                }
                Err(error) => {
                    assert_eq!(most, 0, "cut at {length}: {error}");
                    assert!(matches!(error, Error::NotMcap { .. } | Error::Nothing { .. }), "{error}");
                }
            }
        }
        assert_eq!(most, 12);
    }
}

#[test]
fn every_flipped_bit_is_noticed_and_costs_at_most_the_chunk_it_is_in() {
    for is_packed in [false, true] {
        let whole = file(3, 2, is_packed);
        let ticks = parsed(&whole).unwrap().episode.ticks;
        for bit in (0..8 * whole.len()).step_by(if is_packed { 1 } else { 7 }) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match parsed(&bytes) {
                Ok(Reading { episode, damage, .. }) => {
                    assert!(!damage.is_empty(), "bit {bit} of byte {}: not noticed", bit / 8);
                    let kept = episode.ticks.iter().filter(|t| ticks.contains(t)).count();
                    assert!(kept >= 4, "bit {bit} of byte {}: {kept} ticks left; {damage:?}", bit / 8);
                }
                Err(error) => {
                    // The magic, the one channel, its schema, or the number of the format.
                    assert!(bit / 8 < 1400, "packed {is_packed}, bit {bit} of byte {}: {error}", bit / 8);
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn a_damaged_chunk_is_lost_alone_and_named() {
    let mut bytes = file(3, 100, true);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let Reading { episode, damage, .. } = parsed(&bytes).unwrap();
    assert_eq!(episode.ticks.len(), 200);
    assert!(damage.iter().any(|d| matches!(d, Damage::Chunk { .. })), "{damage:?}");
    let found: Vec<Gap> = episode.gaps().collect();
    assert_eq!(found, [Gap { index: 100, missing: 100 }]);
}

#[test]
fn an_empty_episode_is_named() {
    let writer = Writer::begin(Vec::new(), &meta(), Options::default()).unwrap();
    let bytes = writer.finish(&meta(), &End::default()).unwrap();
    let said = parsed(&bytes).unwrap_err().to_string();
    assert!(said.contains("empty episode"), "{said}");
}

#[test]
fn an_mcap_file_of_another_program_is_named_with_what_it_holds() {
    let mut foreign = mcap::Writer::new(std::io::Cursor::new(Vec::new())).unwrap();
    let schema = foreign.add_schema("sensor_msgs/JointState", "ros2msg", b"...").unwrap();
    foreign.add_channel(schema, "/joint_states", "cdr", &Default::default()).unwrap();
    foreign.finish().unwrap();
    let bytes = foreign.into_inner().into_inner();
    let error = parsed(&bytes).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("/joint_states"), "{error}");
    let said = parsed(b"t_s,x_m,y_m,z_m\n").unwrap_err().to_string();
    assert!(said.contains("no MCAP file"), "{said}");
}

#[test]
fn missing_milliseconds_are_found() {
    let ticks = [0, 1, 2, 7, 8, 20].map(tick).to_vec();
    let episode = Episode { ticks, ..Episode::default() };
    let found: Vec<Gap> = episode.gaps().collect();
    assert_eq!(found, [Gap { index: 3, missing: 4 }, Gap { index: 5, missing: 11 }]);
}

#[test]
fn a_tick_that_is_not_finite_is_left_out_and_named() {
    let mut writer = Writer::begin(Vec::new(), &meta(), Options::default()).unwrap();
    writer.add(&tick(0)).unwrap();
    writer.add(&Tick { q: [f64::NAN; 7], ..tick(1) }).unwrap();
    let bytes = writer.finish(&meta(), &End { ticks: 2, ..End::default() }).unwrap();
    let Reading { episode, damage, .. } = parsed(&bytes).unwrap();
    assert_eq!(episode.ticks.len(), 1);
    assert!(damage.iter().any(|d| matches!(d, Damage::Tick { index: 1, .. })), "{damage:?}");
}

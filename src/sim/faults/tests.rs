//! Specifications in and out, and what the layer does without a socket.
use proptest::prelude::*;

use super::*;
use crate::robot::ERROR_NAMES;

fn fault(spec: &str) -> Fault {
    spec.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn faults(seed: u64, specs: &[&str]) -> Faults {
    let given: Vec<Fault> = specs.iter().map(|spec| fault(spec)).collect();
    let mut faults = Faults::new(seed, true, 0.0, &given);
    faults.connected();
    faults
}

/// A state's bytes in each of `cycles` slots and what became of them; the motion begins in slot `begins`.
fn run(faults: &mut Faults, cycles: u64, begins: u64) -> Vec<(Fate, Vec<u8>)> {
    let slot = |now| {
        let mut bytes = vec![0; 2373];
        let fate = faults.meet(Target::State, &mut bytes);
        faults.tick(now, (now >= begins).then_some(1));
        (fate, bytes)
    };
    (1..=cycles).map(slot).collect()
}

#[test]
fn every_kind_has_an_example_that_reads_back_and_stands_in_the_help() {
    for (index, kind) in Kind::all().enumerate() {
        assert_eq!(kind as usize, index, "{} stands in its place", kind.name());
        let parsed = fault(kind.example());
        assert_eq!(parsed.kind(), kind);
        assert_eq!(fault(&parsed.to_string()), parsed, "{parsed}");
        assert!(help().contains(kind.example()) && help().contains(kind.name()));
    }
    for (index, name) in ERROR_NAMES.iter().enumerate() {
        assert_eq!(fault(&format!("reflex={name}@2s")).error, index);
    }
}

#[test]
fn what_people_write_is_understood() {
    for (written, means) in [
        ("drop:state:p=0.05", "drop:state:p=5%"),
        ("drop:5%", "drop:state:p=0.05"),
        ("drop=5%:commands", "drop:command:p=0.05"),
        ("DROP : states : p=5%", "drop:state:p=0.05"),
        ("burst:command:n=15@3s", "burst:command@3s:n=15"),
        ("burst=15,command,@3000ms", "burst:command:n=15@3s"),
        ("delay:state:0.6ms:p=0.1", "delay=0.6:p=10%"),
        ("delay:600us", "delay:state:ms=0.6"),
        ("mute_udp@2s:for=1.3s", "mute-udp:for=1300ms@connect+2s"),
        ("reflex:joint_reflex@motion", "reflex=joint_reflex@motion+0s"),
        ("model-too-large=300kB", "model-too-large:size=300000"),
        ("wrong-length=100", "wrong-length:state:length=100"),
        ("tcp-close@2s:every-client", "tcp-close:every-client@2s"),
        ("drop:replies", "drop:reply"),
    ] {
        assert_eq!(fault(written), fault(means), "{written}");
    }
}

#[test]
fn a_bad_specification_is_answered_with_the_part_and_what_is_allowed() {
    for (spec, words) in [
        ("dorp:state", ["`dorp` is no kind of fault", "did you mean `drop`?"]),
        ("", ["`` is no kind", "mute-udp"]),
        ("drop:sate", ["`sate` means nothing to drop", "did you mean `state`?"]),
        ("drop:q=0.1", ["drop has no `q`", "p, n, for"]),
        ("drop:p=1.5", ["`p=1.5`", "0 to 1"]),
        ("drop:p=5%:p=6%", ["`p`", "twice"]),
        ("drop@2", ["`@2` is no time", "@2s"]),
        ("drop@2s:p=5%@3s", ["two times", "one"]),
        ("drop@motoin+2s", ["`@motoin+2s`", "@motion+0.5s"]),
        ("delay:state", ["how long?", "ms="]),
        ("delay:ms=2000", ["`ms=2000`", "above 0 to 1000 ms"]),
        ("reflex@2s", ["which error?", "cartesian_reflex"]),
        (
            "reflex=cartesian_reflx",
            ["no error is called `cartesian_reflx`", "did you mean `cartesian_reflex`?"],
        ),
        ("mute-udp:state", ["mute-udp takes no target", "`state`"]),
        ("reorder:reply", ["cannot hit `reply`", "state, command"]),
        ("tcp-reset=3", ["takes no value", "`=3`"]),
        ("mute-udp:for=2", ["`for=2`", "with its unit"]),
        ("model-too-large:size=2GB", ["`size=2GB`", "64 MB"]),
        ("burst:n=0", ["`n=0`", "from 1"]),
    ] {
        let error = spec.parse::<Fault>().expect_err(spec).to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{spec}: {error}");
    }
}

#[test]
fn a_time_counts_from_the_client_or_from_the_motion_whichever_is_said() {
    let lost = |specs: &[&str]| {
        let fates = run(&mut faults(0, specs), 400, 100);
        let lost = fates.iter().enumerate().filter(|(_, (fate, _))| fate.copies == 0);
        lost.map(|(cycle, _)| cycle).collect::<Vec<_>>()
    };
    // A tick of slot n decides for what leaves in slot n + 1, which is number n here.
    assert_eq!(lost(&["drop@50ms"]), [50]);
    assert_eq!(lost(&["drop@motion+50ms"]), [150]);
    assert_eq!(lost(&["drop@50ms:for=3ms"]), [50, 51, 52]);
    assert_eq!(lost(&["drop@50ms:n=2"]), [50, 51]);
    assert_eq!(lost(&["burst@50ms:n=3"]), [50, 51, 52]);
    assert_eq!(lost(&["burst@50ms:n=3", "drop@51ms"]), [50, 51, 52, 53], "each is counted on its own");
}

#[test]
fn mutes_reflexes_and_stops_come_at_their_time_and_end_by_themselves() {
    let mut all = faults(
        0,
        &["user-stop@3ms:for=2ms", "reflex=joint_reflex@4ms", "mute-udp@5ms:for=2ms", "tcp-reset@9ms"],
    );
    let mut acts = Vec::new();
    for now in 1..=12 {
        let muted = all.swallows(Target::State);
        assert_eq!(muted, (6..=7).contains(&now), "slot {now}");
        acts.extend(all.tick(now, None).into_iter().map(|act| (now, act)));
    }
    let expected = [
        (3, Act::UserStop(true)),
        (4, Act::Reflex(Errors(1 << 6))),
        (5, Act::UserStop(false)),
        (9, Act::HangUp { reset: true }),
    ];
    assert_eq!(acts, expected);
    let counted: Vec<(String, u64)> = all.injected.all().collect();
    let named = |name: &str, count| (name.to_owned(), count);
    assert_eq!(
        counted,
        [
            named("mute-udp", 1),
            named("mute-udp:state", 2),
            named("tcp-reset", 1),
            named("reflex", 1),
            named("user-stop", 1)
        ]
    );
}

#[test]
fn every_client_meets_what_is_for_every_client() {
    for (spec, second) in [("tcp-close@3ms", 0), ("tcp-close@3ms:every-client", 1)] {
        let mut all = faults(0, &[spec]);
        let closed = |from: u64, all: &mut Faults| {
            (from..from + 10).map(|now| all.tick(now, None).len()).sum::<usize>()
        };
        assert_eq!(closed(1, &mut all), 1);
        all.left();
        assert_eq!(closed(11, &mut all), 0, "nobody is there");
        all.connected();
        assert_eq!(closed(21, &mut all), second, "{spec}");
    }
}

#[test]
fn neighbours_are_swapped_in_pairs() {
    let fates = run(&mut faults(0, &["reorder"]), 6, 1000);
    let held: Vec<bool> = fates.iter().map(|(fate, _)| fate.hold == Some(Hold::Slots(1))).collect();
    assert_eq!(held, [true, false, true, false, true, false]);
}

#[test]
fn an_answer_too_large_says_how_large_it_is() {
    let mut all = faults(0, &["model-too-large:size=300kB"]);
    let mut bytes = Header { command: 13, command_id: 5, size: 100 }.encode().to_vec();
    bytes.resize(100, 1);
    all.meet(Target::Reply, &mut bytes);
    assert_eq!(bytes.len(), 300_000);
    assert_eq!(Header::decode(&bytes[..12]).map(|header| (header.command_id, header.size)), Ok((5, 300_000)));
    let mut other = Header { command: 1, command_id: 6, size: 13 }.encode().to_vec();
    all.meet(Target::Reply, &mut other);
    assert_eq!(other.len(), 12, "other answers are as they were");
}

const RANDOM: [&str; 6] = [
    "drop:p=5%",
    "jitter:ms=3:p=20%",
    "corrupt:bytes=3:p=2%",
    "duplicate:p=5%",
    "burst:n=4:p=0.5%",
    "reorder:p=3%",
];

proptest! {
    #[test]
    fn the_same_seed_is_the_same_faults_in_a_motion_whatever_went_before(seed: u64, a in 1_u64..50, b in 1_u64..50) {
        let motion = |begins: u64| {
            let mut fates = run(&mut faults(seed, &RANDOM), begins + 300, begins);
            fates.split_off(begins as usize)
        };
        prop_assert!(motion(a) == motion(b));
    }

    #[test]
    fn any_words_are_read_or_refused_and_what_is_read_reads_back(text in "[a-z:=@,.%0-9+-]{0,24}", kind in 0_usize..17) {
        let kind = Kind::all().nth(kind).map_or("", Kind::name);
        for spec in [text.clone(), format!("{kind}:{text}"), format!("{kind}{text}"), format!("{kind}:state:{text}")] {
            if let Ok(parsed) = spec.parse::<Fault>() {
                prop_assert_eq!(parsed.to_string().parse::<Fault>(), Ok(parsed));
            }
        }
    }
}

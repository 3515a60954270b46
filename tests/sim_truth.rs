//! What is true of the simulated arm, told beside the protocol; and the tool that Desk would know.
#![allow(non_snake_case)]
mod sim_client;

use std::net::UdpSocket;
use std::time::Duration;

use franka_imit::robot::limits::Q_READY;
use franka_imit::sim::{ArmError, Options, Tool, TruthSink};
use serde_json::Value;
use sim_client::raw::{Raw, joint_positions};
use sim_client::{deadline, lockstep, sim_at, wait_for};

fn row<const N: usize>(line: &Value, key: &str) -> [f64; N] {
    let row: Vec<f64> = serde_json::from_value(line[key].clone()).expect("numbers");
    row.try_into().expect("the length of a row")
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_file_has_the_truth_of_every_state_and_the_state_has_the_nominal_view() {
    let folder = tempfile::tempdir().expect("a folder");
    let (truth, wire) = (folder.path().join("truth.jsonl"), folder.path().join("wire.jsonl"));
    let offset = [0.01, 0.0, 0.0, -0.02, 0.0, 0.0, 0.0];
    let options = Options {
        truth: Some(TruthSink::File(truth.clone())),
        wire_log: Some(wire.clone()),
        arm_error: ArmError { joint_offset_rad: offset, ..ArmError::default() },
        lockstep_timeout_s: 0.5,
        ..lockstep()
    };
    let sim = sim_at([127, 0, 27, 1], options);
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (_, mut state) = raw.start_motion();
        for cycle in 0..200 {
            if cycle == 50 {
                sim.push([0.0, 5.0, 0.0], 0.1);
            }
            raw.command(&joint_positions(&state, Q_READY));
            state = raw.state();
        }
    });
    let (mut truth, wire) = (lines(&truth), lines(&wire));
    assert_eq!(
        (&truth.remove(0)["schema"], &truth.pop().expect("an end")["dropped"]),
        (&1.into(), &0.into())
    );
    let first = truth[0]["message_id"].as_u64().expect("an id");
    for (k, line) in truth.iter().enumerate() {
        assert_eq!(line["message_id"], first + k as u64, "every cycle has its line");
    }
    let states: Vec<&Value> = wire.iter().filter_map(|line| line.get("state")).collect();
    assert!(states.len() > 200);
    for state in states {
        let id = state["message_id"].as_u64().expect("an id");
        let line = &truth[(id - first) as usize];
        let (seen, is): ([f64; 7], [f64; 7]) = (row(state, "q"), row(line, "q"));
        for i in 0..7 {
            assert!((seen[i] - is[i] - offset[i]).abs() < 1e-15, "joint {i} of state {id}");
        }
        let (seen, is): ([f64; 16], [f64; 16]) = (row(state, "O_T_EE"), row(line, "O_T_EE"));
        let apart = (12..15).map(|k| (seen[k] - is[k]).powi(2)).sum::<f64>().sqrt();
        assert!((0.001..0.02).contains(&apart), "the state does not show the offset: {apart} m");
    }
    let pushed = truth.iter().filter(|line| row::<3>(line, "O_F_ext") == [0.0, 5.0, 0.0]);
    assert_eq!(pushed.count(), 100);
    assert!(
        truth.iter().any(|line| row::<7>(line, "tau_ext")[0] > 1.0),
        "5 N at 0.3 m about the first joint"
    );
}

#[test]
fn datagrams_tell_it_as_it_happens_whether_a_client_is_there_or_not() {
    let listener = UdpSocket::bind("127.0.27.2:0").expect("a port");
    listener.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let to = listener.local_addr().expect("bound");
    let sim = sim_at([127, 0, 27, 2], Options { truth: Some(TruthSink::Datagrams(to)), ..lockstep() });
    deadline(20, move || {
        let mut last = None;
        for _ in 0..100 {
            let mut bytes = [0; 4096];
            let length = listener.recv(&mut bytes).expect("a datagram");
            let line: Value = serde_json::from_slice(&bytes[..length]).expect("JSON");
            let id = line["message_id"].as_u64().expect("an id");
            assert!(last.is_none_or(|last| id > last));
            last = Some(id);
            assert_eq!(row::<7>(&line, "q"), Q_READY);
        }
        drop(listener); // nobody listens any more: the robot goes on
        let then = sim.status().time_ms;
        wait_for(&sim, "time goes on", |status| status.time_ms > then + 100);
        Raw::connect(&sim).state();
    });
}

#[test]
fn the_truth_goes_to_loopback_alone() {
    let truth = "192.0.2.1:7000".parse::<TruthSink>().expect("an address");
    assert_eq!(truth, TruthSink::Datagrams("192.0.2.1:7000".parse().expect("an address")));
    let options = Options { truth: Some(truth), ..Options::default() };
    assert_eq!(options.validate().iter().map(|violation| violation.key).collect::<Vec<_>>(), ["truth"]);
    assert_eq!("truth.jsonl".parse(), Ok(TruthSink::File("truth.jsonl".into())));
}

#[test]
fn a_tool_of_ones_own_is_what_the_state_tells_and_what_the_arm_carries() {
    let mut F_T_NE = Tool::default().F_T_NE;
    F_T_NE[14] = 0.2;
    let tool = Tool {
        F_T_NE,
        m_ee_kg: 1.5,
        F_x_Cee_m: [0.0, 0.01, 0.08],
        I_ee_kg_m2: [0.004, 0.0, 0.0, 0.0, 0.004, 0.0, 0.0, 0.0, 0.002],
    };
    let sim = sim_at([127, 0, 27, 3], Options { tool: Some(tool), model_error: 0.0, ..lockstep() });
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        for _ in 0..200 {
            raw.state();
        }
        let state = raw.state();
        assert_eq!((state.F_T_NE, state.F_T_EE), (F_T_NE, F_T_NE));
        assert_eq!((state.m_ee, state.F_x_Cee, state.I_ee), (1.5, tool.F_x_Cee_m, tool.I_ee_kg_m2));
        let felt = state.tau_ext_hat_filtered;
        assert!(felt.iter().all(|tau| tau.abs() < 0.01), "the robot knows what it carries: {felt:?}");
    });
}

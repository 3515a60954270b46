//! Files of examples: what is refused and in which words, what an audit finds, what the expert mends.
#![allow(non_snake_case)]
use std::path::{Path, PathBuf};

use franka_imit::demonstration::audit::{Audit, Tool};
use franka_imit::demonstration::expert::{Expert, Options};
use franka_imit::demonstration::{BOX_MAX_M, BOX_MIN_M, Dataset, Example, LabelledBy, json};
use franka_imit::kinematics::{Point, flange, forward, hand_tool};
use franka_imit::robot::limits::Q_READY;
use proptest::prelude::*;

fn expert() -> Expert {
    Expert::new(Options::default(), hand_tool())
}

fn refused(text: &str) -> String {
    json::parse(text.as_bytes(), "a.json").unwrap_err().to_string()
}

/// A list of two good samples with the text of one part replaced.
fn list_with(old: &str, new: &str) -> String {
    let good =
        r#"{"desired_end_effector_position": [0.4, 0.0, 0.5], "joint_angles": [0, 0.1, 0, -2, 0, 2, 0.8]}"#;
    format!("[{good},\n{}]", good.replace(old, new))
}

#[test]
fn a_good_file_is_read() {
    let text = list_with("\"desired", "\"current_state\": null, \"desired");
    let examples = json::parse(text.as_bytes(), "a.json").unwrap();
    assert_eq!(examples.len(), 2);
    assert_eq!(examples[1].O_p_EE, Point::new(0.4, 0.0, 0.5));
    assert_eq!(examples[1].q[3], -2.0);
}

#[test]
fn each_fault_is_named_with_file_sample_key_and_mend() {
    for (old, new, says) in [
        (
            "[0.4, 0.0, 0.5]",
            "[0.4, 0.0]",
            "a.json, sample 1: desired_end_effector_position = [0.4,0.0]; allowed: 3",
        ),
        ("[0.4, 0.0, 0.5]", "[400, 0, 500]", "millimetres: divide by 1000"),
        ("[0.4, 0.0, 0.5]", "[0.4, null, 0.5]", "A null is often a NaN"),
        ("[0.4, 0.0, 0.5]", "[0.4, \"0\", 0.5]", "allowed: 3 finite numbers, m"),
        ("[0.4, 0.0, 0.5]", "0.4", "desired_end_effector_position = 0.4; allowed: 3"),
        ("0.8]", "0.8, 1]", "Every sample must have the same length"),
        ("-2,", "-114.6,", "degrees"),
        ("\"joint_angles\"", "\"joints\"", "joint_angles = nothing; allowed: 7 finite numbers, rad"),
    ] {
        let error = refused(&list_with(old, new));
        assert!(error.contains(says), "{error}");
        assert!(error.starts_with("a.json, sample 1: "), "{error}");
    }
    assert!(refused("[1, 2]").starts_with("a.json, sample 0: "));
}

#[test]
fn a_long_value_is_cut() {
    let error = refused(&list_with("[0.4, 0.0, 0.5]", &format!("[{}]", vec!["0.25"; 1000].join(","))));
    assert!(error.len() < 400 && error.contains('…'), "{error}");
}

#[test]
fn a_file_that_is_not_json_says_where_and_what_to_do() {
    assert!(refused(&list_with("0.4", "NaN")).contains("JSON has no NaN or Infinity"));
    assert!(refused(&list_with("0.4", "-Infinity")).contains("JSON has no NaN or Infinity"));
    assert!(refused("[{\"desired").contains("the file ends too early"));
    assert!(refused("").contains("the file ends too early"));
    assert!(refused("[] []").contains("line 1 column 4"));
    assert!(refused("{\"joint_angles\": []}").contains("no list of samples"));
    assert!(refused(&list_with("0.4", "1e999")).contains("number out of range"));
}

#[test]
fn fewer_than_two_samples_are_too_few() {
    assert!(refused("[]").contains("0 samples; allowed: at least 2"));
    let one = list_with("", "").lines().next().unwrap().replace("},", "}]");
    assert!(refused(&one).contains("1 samples; allowed: at least 2"));
}

#[test]
fn a_missing_file_is_named() {
    let error = json::read(Path::new("nowhere/a.json")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere/a.json: cannot be read: "), "{error}");
}

#[test]
fn a_saved_data_set_is_read_back_bit_for_bit_with_its_tool() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.json");
    let (min, max) = (BOX_MIN_M.into(), BOX_MAX_M.into());
    let saved = Dataset::box_of_workspace(&expert(), &min, &max, 200, 3).unwrap();
    saved.save(&file).unwrap();
    let loaded = Dataset::load(&file, None).unwrap();
    assert_eq!(loaded.examples, saved.examples);
    assert_eq!(loaded.F_T_EE, saved.F_T_EE);
    assert_eq!(loaded.labelled_by, LabelledBy::File);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    assert!(saved.save(&folder.path().join("no/where.json")).is_err());
}

#[test]
fn positions_and_joints_that_do_not_belong_together_need_a_tool() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    std::fs::write(&file, list_with("", "")).unwrap();
    let error = Dataset::load(&file, None).unwrap_err();
    assert!(matches!(error, json::Error::ToolUnknown { .. }), "{error}");
    assert_eq!(Dataset::load(&file, Some(hand_tool())).unwrap().examples.len(), 2);
}

/// Labels of a tool `z_m` beyond the flange, at postures about the ready pose.
fn examples_of_tool(z_m: f64) -> Vec<Example> {
    (0..50)
        .map(|i| {
            let q = Q_READY.map(|q| q + 0.002 * f64::from(i));
            let O_p_EE = (flange(&q) * nalgebra::Translation3::new(0.0, 0.0, z_m)).translation.vector;
            Example { O_p_EE, q }
        })
        .collect()
}

#[test]
fn an_audit_tells_whose_positions_they_are() {
    for (z_m, tool) in [(0.0, Tool::Flange), (0.1034, Tool::HandTool), (0.2, Tool::Offset)] {
        let audit = Audit::of(&examples_of_tool(z_m), "made up");
        assert_eq!(audit.tool, tool);
        assert!((audit.tool_z_m - z_m).abs() < 1e-12 && audit.tool_residual_mm < 1e-9);
        assert!(audit.is_sound());
    }
    let mut strange = examples_of_tool(0.0);
    strange[20].O_p_EE.x += 0.02;
    let audit = Audit::of(&strange, "made up");
    assert_eq!((audit.tool, audit.F_T_EE()), (Tool::Unknown, None));
    assert!((audit.flange_residual_mm - 20.0).abs() < 1e-6);
}

#[test]
fn an_audit_counts_jumps_limits_and_contradictions() {
    let mut examples = examples_of_tool(0.0);
    examples[10].q[6] = 2.95;
    examples.push(examples[30]);
    examples.push(Example { q: examples[5].q, ..examples[30] });
    let audit = Audit::of(&examples, "made up");
    assert_eq!(audit.limit_violations, [0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((audit.duplicates, audit.conflicts), (2, 1));
    assert!((audit.conflict_max_rad - 0.05).abs() < 1e-12);
    assert_eq!(audit.jumps, 2, "into the violation and out of it; the doubles change by less than 0.1 rad");
    let step = audit.step_max.unwrap();
    assert_eq!((step.joint, step.index), (7, 10));
    let text = audit.to_string();
    assert!(text.contains("violated by joint 7 in 1 of 52 samples"), "{text}");
    assert!(text.contains("relabel them with the expert"), "{text}");
    assert_eq!(serde_json::to_value(&audit).unwrap()["conflicts"], 1);
}

#[test]
fn relabelling_keeps_positions_and_drops_by_name() {
    let at = |x, y, z| Example { O_p_EE: Point::new(x, y, z), q: Q_READY };
    let dataset = Dataset {
        examples: vec![at(0.4, 0.1, 0.4), at(1.5, 0.0, 0.4), at(-0.4, 0.2, 0.4), at(0.5, 0.0, 0.3)],
        F_T_EE: hand_tool(),
        source: "made up".into(),
        labelled_by: LabelledBy::File,
    };
    let relabelled = dataset.relabel(&expert());
    assert_eq!(relabelled.dropped.count(), 2);
    assert_eq!(relabelled.dropped.out_of_reach, 1);
    assert_eq!(relabelled.dropped.outside_limits, [0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(relabelled.dropped.first[0].index, 1);
    for (new, old) in relabelled.dataset.examples.iter().zip([0, 3]) {
        assert_eq!(new.O_p_EE, dataset.examples[old].O_p_EE);
        assert!((forward(&new.q, &hand_tool()).translation.vector - new.O_p_EE).norm() < 1e-9);
    }
}

/// The original's files, when the folder beside the project has them.
fn seed(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/seed").join(name);
    if !file.exists() {
        eprintln!("SKIPPED: {} is not there", file.display());
        return None;
    }
    Some(file)
}

#[test]
fn the_originals_files_are_what_was_measured() {
    for (name, samples, tool, step_rad, joint_7) in [
        ("test.json", 1894, Tool::Flange, 2.934, 0),
        ("newdataset.json", 2381, Tool::Flange, 1.201, 0),
        ("diffusion_dataset.json", 345, Tool::Offset, 3.570, 73),
        ("circle_trajectory_dataset.json", 100, Tool::Flange, 0.865, 0),
    ] {
        let Some(file) = seed(name) else { continue };
        let audit = Audit::of(&json::read(&file).unwrap(), name);
        println!("{audit}");
        assert_eq!((audit.samples, audit.tool), (samples, tool));
        assert!(audit.tool_residual_mm < 1e-4);
        assert!((audit.step_max.unwrap().rad - step_rad).abs() < 1e-3);
        assert_eq!(audit.limit_violations, [0, 0, 0, 0, 0, 0, joint_7]);
        assert!(!audit.is_sound());
        if tool == Tool::Offset {
            assert!((audit.tool_z_m - 0.1066).abs() < 1e-6);
        }
        let relabelled = Dataset::load(&file, None).unwrap().relabel(&expert());
        println!("  relabelled: {} dropped\n", relabelled.dropped.count());
        let after = Audit::of(&relabelled.dataset.examples, name);
        assert_eq!((after.conflicts, after.limit_violations), (0, [0; 7]));
        assert_eq!(after.tool, Tool::HandTool);
        assert!(after.is_sound(), "{after}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = json::parse(&bytes, "any");
    }

    #[test]
    fn no_damage_to_a_file_makes_the_loader_panic(at in 0usize..230, byte in any::<u8>(), cut in 0usize..240) {
        let mut bytes = list_with("", "").into_bytes();
        let end = bytes.len() - 1;
        bytes[at.min(end)] = byte;
        if let Err(error) = json::parse(&bytes, "damaged") {
            prop_assert!(error.to_string().starts_with("damaged"));
        }
        bytes.truncate(cut);
        let _ = json::parse(&bytes, "damaged");
    }

    #[test]
    fn whatever_is_read_is_audited(
        numbers in prop::collection::vec((prop::array::uniform3(-1.0..1.0), prop::array::uniform7(-6.0..6.0)), 0..20)
    ) {
        let examples: Vec<Example> = numbers.into_iter().map(|(p, q)| Example { O_p_EE: p.into(), q }).collect();
        let _ = Audit::of(&examples, "any").to_string();
    }
}

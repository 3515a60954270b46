//! A policy on disk is the whole policy or an error that says what is wrong.
use franka_imit::policy::{
    Activation, Card, Error, Layout, Network, Normalisation, Options, Policy, Region, checksum::Checksum,
};
use proptest::prelude::*;
use safetensors::SafeTensors;
use std::collections::BTreeMap;

fn policy(hidden: &[usize], activation: Activation) -> Policy {
    let network = Network::random(Layout::new(3, hidden), activation, 9);
    let (scale, mean) = ([0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7], [0.1, -0.2, 0.3, -2.0, 0.0, 1.8, 0.7]);
    let units = Normalisation::new(&[0.3, 0.0, 0.5], &[0.04, 0.05, 0.01], mean, scale).unwrap();
    let region = Some(Region { min: vec![0.25, -0.05, 0.49], max: vec![0.35, 0.05, 0.51] });
    let card = Card { region, data_hash: "0123456789abcdef".into(), ..Card::default() };
    Policy::new(network, units, card).unwrap()
}

fn small() -> Policy {
    policy(&[4, 3], Activation::Silu)
}

fn refusal(bytes: &[u8]) -> String {
    match Policy::from_bytes(bytes) {
        Ok(_) => panic!("was accepted"),
        Err(error) => error.to_string(),
    }
}

/// A file's header and data, to be altered and put together again.
fn parts(bytes: &[u8]) -> (serde_json::Map<String, serde_json::Value>, Vec<u8>) {
    let len = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + len]).unwrap(), bytes[8 + len..].to_vec())
}

/// The altered file, with the checksum of what it now holds: only the alteration can be at fault.
fn sealed(mut header: serde_json::Map<String, serde_json::Value>, data: &[u8]) -> Vec<u8> {
    let mut checksum = Checksum::default();
    let text = |checksum: &mut Checksum, text: &str| {
        checksum.write(text.as_bytes());
        checksum.write(&[0]);
    };
    let metadata: BTreeMap<String, String> = serde_json::from_value(header["__metadata__"].clone()).unwrap();
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "checksum") {
        text(&mut checksum, key);
        text(&mut checksum, value);
    }
    let tensors: BTreeMap<_, _> = header.iter().filter(|(name, _)| *name != "__metadata__").collect();
    for (name, tensor) in tensors {
        let numbers = |key: &str| -> Vec<usize> { serde_json::from_value(tensor[key].clone()).unwrap() };
        let shape: Vec<String> = numbers("shape").iter().map(usize::to_string).collect();
        text(&mut checksum, name);
        text(&mut checksum, tensor["dtype"].as_str().unwrap());
        text(&mut checksum, &shape.join(","));
        checksum.write(&data[numbers("data_offsets")[0]..numbers("data_offsets")[1]]);
    }
    header["__metadata__"]["checksum"] = checksum.hex().into();
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), data].concat()
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.safetensors");
    for (hidden, activation) in [
        (vec![4, 3], Activation::Tanh),
        (vec![128, 256, 128], Activation::Relu),
        (vec![16], Activation::Silu),
    ] {
        let mut saved = policy(&hidden, activation);
        saved.save(&path).unwrap();
        let mut loaded = Policy::load(&path).unwrap();
        assert_eq!(loaded.network().parameters(), saved.network().parameters());
        assert_eq!(loaded.network().activation(), activation);
        assert_eq!(loaded.card(), saved.card());
        assert_eq!(loaded.normalisation(), saved.normalisation());
        assert_eq!(loaded.evaluate(&[0.31, 0.02, 0.5]), saved.evaluate(&[0.31, 0.02, 0.5]));
        assert_eq!(std::fs::read(&path).unwrap(), saved.to_bytes(), "one policy is one file");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
}

#[test]
fn tensors_have_the_names_and_shapes_of_pytorch() {
    let bytes = policy(&[5, 4], Activation::Silu).to_bytes();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut found: Vec<_> =
        tensors.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
    found.sort();
    let expected = [
        ("input_mean", vec![3]),
        ("input_scale", vec![3]),
        ("layers.0.bias", vec![5]),
        ("layers.0.weight", vec![5, 3]),
        ("layers.1.bias", vec![4]),
        ("layers.1.weight", vec![4, 5]),
        ("layers.2.bias", vec![7]),
        ("layers.2.weight", vec![7, 4]),
        ("output_mean", vec![7]),
        ("output_scale", vec![7]),
    ];
    assert_eq!(found, expected.map(|(name, shape)| (name.to_owned(), shape)));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = small().to_bytes();
    for len in 0..bytes.len() {
        let said = refusal(&bytes[..len]);
        assert!(said.contains("damaged") && said.contains("copy it again"), "{said}");
    }
    assert!(refusal(&[bytes.as_slice(), &[0]].concat()).contains("damaged"));
}

#[test]
fn a_file_with_any_bit_flipped_is_refused() {
    let bytes = small().to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(Policy::from_bytes(&flipped).is_err(), "byte {at}, bit {bit} went unnoticed");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Policy::from_bytes(&bytes).is_err());
    }

    #[test]
    fn no_text_in_the_header_makes_the_loader_panic(at in 0_usize..1500, put in "[\\[\\]{}:,\"0-9a-z]{1,6}") {
        let mut bytes = small().to_bytes();
        let at = 8 + at % (bytes.len() - 16);
        let end = (at + put.len()).min(bytes.len());
        let same = bytes[at..end] == put.as_bytes()[..end - at];
        bytes[at..end].copy_from_slice(&put.as_bytes()[..end - at]);
        prop_assert!(same || Policy::from_bytes(&bytes).is_err());
    }
}

#[test]
fn the_wrong_metadata_is_named_with_what_is_allowed() {
    for (key, value, expected) in [
        ("activation", "gelu", "relu, silu, tanh"),
        ("format", "another", "franka-imit policy"),
        ("format_version", "2", "allowed: 1"),
        ("units", "input mm, output deg", "input m, output rad"),
        ("tool_F_T_EE", "1,0,0", "16"),
        ("region_min_m", "0,nan,0", "finite"),
    ] {
        let (mut header, data) = parts(&small().to_bytes());
        header["__metadata__"][key] = value.into();
        let said = refusal(&sealed(header, &data));
        assert!(said.contains(key) && said.contains(value) && said.contains(expected), "{said}");
    }
}

#[test]
fn a_file_without_its_checksum_is_refused() {
    let (mut header, data) = parts(&small().to_bytes());
    header["__metadata__"].as_object_mut().unwrap().remove("checksum");
    let header = serde_json::to_vec(&header).unwrap();
    let said = refusal(&[&(header.len() as u64).to_le_bytes(), header.as_slice(), &data].concat());
    assert!(said.contains("checksum") && said.contains("--seal"), "{said}");
}

#[test]
fn other_shapes_and_foreign_tensors_are_refused() {
    let (header, data) = parts(&small().to_bytes());
    let altered = |alter: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut header = header.clone();
        alter(&mut header);
        refusal(&sealed(header, &data))
    };
    let said = altered(&|h| h["layers.1.weight"]["shape"] = serde_json::json!([4, 3]));
    assert!(said.contains("layers.1.weight") && said.contains("[4, 3]"), "{said}");
    let said = altered(&|h| h["input_mean"]["shape"] = serde_json::json!([3, 1]));
    assert!(said.contains("input_mean") && said.contains("[3, 1]"), "{said}");
    let said = altered(&|h| {
        let tensor = h.remove("layers.2.bias").unwrap();
        h.insert("head.bias".into(), tensor);
    });
    assert!(said.contains("layers.2.bias"), "{said}");
    let said = altered(&|h| h["layers.0.bias"]["dtype"] = "I32".into());
    assert!(said.contains("I32") && said.contains("F32"), "{said}");
    let mut header = header.clone();
    let extra =
        serde_json::json!({"dtype": "F32", "shape": [1], "data_offsets": [data.len(), data.len() + 4]});
    header.insert("momentum".into(), extra);
    let said = refusal(&sealed(header, &[data.as_slice(), &[0; 4]].concat()));
    assert!(said.contains("momentum") && said.contains("remove"), "{said}");
}

#[test]
fn a_weight_that_is_no_number_is_refused() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut diverged = small();
        let at = diverged.network().layout().layers()[1].weight().start + 1;
        diverged.network_mut().parameters_mut()[at] = bad;
        let said = refusal(&diverged.to_bytes());
        assert!(said.contains("layers.1.weight") && said.contains("diverged"), "{said}");
    }
}

#[test]
fn a_policy_for_another_tool_is_not_used() {
    let policy = small();
    assert!(policy.card().check_tool(&policy.card().F_T_EE).is_ok());
    let mut robots = policy.card().F_T_EE;
    robots[14] = 0.0;
    let error = policy.card().check_tool(&robots);
    assert!(matches!(error, Err(Error::OtherTool { largest, .. }) if (largest - 0.1034).abs() < 1e-9));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = small().save(std::path::Path::new("/nowhere/at/all.safetensors")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all.safetensors") && error.contains("folder"), "{error}");
    let error = Policy::load(std::path::Path::new("/nowhere.safetensors")).unwrap_err().to_string();
    assert!(error.contains("/nowhere.safetensors") && error.contains("check"), "{error}");
}

#[test]
fn a_point_of_the_wrong_length_or_no_number_gives_no_joints() {
    let mut policy = small();
    assert!(policy.evaluate(&[0.3, 0.0]).iter().all(|q| q.is_nan()));
    assert!(policy.evaluate(&[0.3, f64::NAN, 0.5]).iter().all(|q| q.is_nan()));
    assert!(policy.evaluate(&[0.3, 0.0, 0.5]).iter().all(|q| q.is_finite()));
}

#[test]
fn options_outside_their_range_are_named() {
    assert_eq!(Options::default().validate(), []);
    assert_eq!(Options::original().validate(), []);
    let wrong = Options { hidden: vec![0, 5000], ..Options::default() };
    assert_eq!(wrong.validate().len(), 2);
    assert_eq!(Options { hidden: vec![], ..Options::default() }.validate().len(), 1);
}

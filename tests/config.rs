//! The configuration: what a file may say, and how each mistake is answered.
use franka_imit::config::{Config, Contradiction, Error, PRESETS, Problem, Sections, Source, load_sources};
use franka_imit::range::{Violation, check_count, check_range};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Sections with every kind of value, so that the loader is tested apart from any module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    motion: Motion,
    network: Network,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Motion {
    speed_m_s: f64,
    shape: Shape,
    smooth: bool,
    name: String,
    centre_m: [f64; 3],
    corner: Corner,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corner {
    radius_m: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Circle,
    FigureEight,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    hidden: Vec<usize>,
    epochs: usize,
    rate: f64,
}

impl Default for Motion {
    fn default() -> Self {
        let corner = Corner { radius_m: 0.01 };
        let centre_m = [0.5, 0.0, 0.4];
        Self { speed_m_s: 0.1, shape: Shape::Circle, smooth: true, name: "lap".into(), centre_m, corner }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self { hidden: vec![128, 256, 128], epochs: 100, rate: 1e-3 }
    }
}

impl Sections for Sample {
    fn violations(&self) -> Vec<(&'static str, Violation)> {
        let (mut motion, mut network) = (Vec::new(), Vec::new());
        check_range(&mut motion, "speed_m_s", self.motion.speed_m_s, 0.001..=1.0, "m/s");
        check_range(&mut motion, "corner.radius_m", self.motion.corner.radius_m, 0.0..=0.1, "m");
        check_count(&mut network, "epochs", self.network.epochs, 1..=100_000, "");
        check_range(&mut network, "rate", self.network.rate, 0.0..=1.0, "");
        let motion = motion.into_iter().map(|v| ("motion", v));
        motion.chain(network.into_iter().map(|v| ("network", v))).collect()
    }

    fn contradictions(&self) -> Vec<Contradiction> {
        let sharp = self.motion.speed_m_s > 0.5 && self.network.epochs < 10;
        let keys = vec!["motion.speed_m_s", "network.epochs"];
        let message = "above 0.5 m/s wants at least 10 epochs".to_owned();
        if sharp { vec![Contradiction { keys, message }] } else { Vec::new() }
    }
}

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn read(text: &str) -> Result<Sample, Error> {
    load_sources(&[source("x.toml", text)])
}

fn problems(text: &str) -> Vec<Problem> {
    read(text).expect_err("must be refused").problems().to_vec()
}

#[test]
fn no_file_gives_the_defaults() {
    assert_eq!(load_sources::<Sample>(&[]).unwrap(), Sample::default());
    assert_eq!(Config::load::<&str>(&[]).unwrap(), Config::default());
}

#[test]
fn what_a_file_says_replaces_the_default_and_leaves_the_rest() {
    let text = "[motion]\nspeed_m_s = 1\nshape = 'figure_eight'\n[motion.corner]\nradius_m = 0.02\n\
                [network]\nhidden = [8]";
    let mut expected = Sample::default();
    expected.motion.speed_m_s = 1.0;
    expected.motion.shape = Shape::FigureEight;
    expected.motion.corner.radius_m = 0.02;
    expected.network.hidden = vec![8];
    assert_eq!(read(text).unwrap(), expected);
}

#[test]
fn the_later_file_wins_and_mistakes_name_their_own_file() {
    let first = source("a.toml", "[network]\nepochs = 5\nrate = 0.5");
    let second = source("b.toml", "[network]\nepochs = 7");
    let both: Sample = load_sources(&[first.clone(), second]).unwrap();
    assert_eq!((both.network.epochs, both.network.rate), (7, 0.5));

    let wrong = source("b.toml", "\n[network]\nepochs = 0");
    let error = load_sources::<Sample>(&[first, wrong]).unwrap_err();
    assert_eq!(error.to_string(), "b.toml:3: network.epochs = 0: allowed 1 to 100000");
}

/// (text, line, key, a part of the message)
const REFUSED: &[(&str, usize, &str, &str)] = &[
    // Typos.
    ("[motion]\nsped_m_s = 0.1", 2, "motion.sped_m_s", "did you mean `speed_m_s`?"),
    ("[motion]\nspeed_m_ss = 0.1", 2, "motion.speed_m_ss", "did you mean `speed_m_s`?"),
    ("[motion]\nSpeed_m_s = 0.1", 2, "motion.Speed_m_s", "did you mean `speed_m_s`?"),
    ("[motion]\n\nshpae = 'circle'", 3, "motion.shpae", "did you mean `shape`?"),
    ("[motion]\nsmoth = true", 2, "motion.smoth", "did you mean `smooth`?"),
    ("[motion]\ncentr_m = [1.0, 2.0, 3.0]", 2, "motion.centr_m", "did you mean `centre_m`?"),
    ("[network]\nepoch = 3", 2, "network.epoch", "did you mean `epochs`?"),
    ("[network]\nhiden = [3]", 2, "network.hiden", "did you mean `hidden`?"),
    ("[network]\nlearning = 3", 2, "network.learning", "known here: epochs, hidden, rate"),
    ("[motion.corner]\nradios_m = 0.1", 2, "motion.corner.radios_m", "did you mean `radius_m`?"),
    ("[motion.conrer]\nradius_m = 0.1", 1, "motion.conrer", "did you mean `corner`?"),
    // Unknown sections, and keys outside their own.
    ("[moton]\nspeed_m_s = 0.1", 1, "moton", "did you mean [motion]?"),
    ("# a\n[weather]\nrain = true", 2, "weather", "unknown section; known: motion, network"),
    ("[[networks]]\n", 1, "networks", "unknown"),
    ("speed_m_s = 0.1", 1, "speed_m_s", "it belongs in [motion]"),
    ("[network]\nspeed_m_s = 0.1", 2, "network.speed_m_s", "it belongs in [motion]"),
    ("nonsense = 0.1", 1, "nonsense", "unknown key"),
    // Wrong units.
    ("[motion]\nspeed_mm_s = 100", 2, "motion.speed_mm_s", "wrong unit: mm/s given, m/s expected"),
    ("[motion]\nspeed_m_min = 6", 2, "motion.speed_m_min", "wrong unit: m/min given, m/s expected"),
    ("[motion]\nspeed = 0.1", 2, "motion.speed", "the unit is missing: write `speed_m_s`"),
    ("[motion]\ncentre_cm = [1, 2, 3]", 2, "motion.centre_cm", "wrong unit: cm given, m expected"),
    ("[motion.corner]\nradius_mm = 10", 2, "motion.corner.radius_mm", "wrong unit: mm given, m expected"),
    ("[network]\nrate_hz = 10", 2, "network.rate_hz", "`rate` has no unit"),
    // Wrong types.
    ("[motion]\nspeed_m_s = 'fast'", 2, "motion.speed_m_s", "the text \"fast\" found, a number such as 0.1"),
    ("[motion]\nspeed_m_s = true", 2, "motion.speed_m_s", "true found, a number such as 0.1 expected"),
    ("[motion]\nspeed_m_s = [0.1]", 2, "motion.speed_m_s", "a list found"),
    ("[motion]\nspeed_m_s = 2020-01-01", 2, "motion.speed_m_s", "the date 2020-01-01 found"),
    ("[motion]\nshape = 3", 2, "motion.shape", "the whole number 3 found, a text such as \"circle\""),
    ("[motion]\nsmooth = 'yes'", 2, "motion.smooth", "true or false expected"),
    ("[motion]\nsmooth = 1", 2, "motion.smooth", "true or false expected"),
    ("[motion]\nname = 3.5", 2, "motion.name", "the number 3.5 found"),
    ("[motion]\ncorner = 0.1", 2, "motion.corner", "a table expected"),
    ("[motion]\ncentre_m = 0.1", 2, "motion.centre_m", "a list such as [0.5, 0.0, 0.4] expected"),
    ("[motion]\ncentre_m = [\n0.1,\n'x',\n0.2]", 4, "motion.centre_m", "the text \"x\" found"),
    ("[network]\nepochs = 3.0", 2, "network.epochs", "a whole number such as 100 expected"),
    ("[network]\nhidden = [8.5]", 2, "network.hidden", "a whole number such as 128 expected"),
    ("network = 3", 1, "network", "a table expected"),
    // Choices, lengths and signs that only the section's own type knows.
    ("[motion]\nshape = 'cirlce'", 2, "motion.shape", "unknown variant `cirlce`"),
    ("[motion]\ncentre_m = [0.1, 0.2]", 2, "motion.centre_m", "length"),
    ("[network]\nhidden = [-1]", 2, "network.hidden", "-1"),
    ("[network]\nrate = 0.1\nepochs = -1", 3, "network.epochs", "-1"),
    // Not finite, out of range.
    ("[motion]\nspeed_m_s = nan", 2, "motion.speed_m_s", "not a finite number"),
    ("[motion]\nspeed_m_s = -inf", 2, "motion.speed_m_s", "not a finite number"),
    ("[motion]\nspeed_m_s = 1e999", 2, "motion.speed_m_s", "not a finite number"),
    ("[motion]\ncentre_m = [0.0, nan, 0.0]", 2, "motion.centre_m", "not a finite number"),
    ("[motion]\nspeed_m_s = 5", 2, "motion.speed_m_s", "= 5: allowed 0.001 to 1 m/s"),
    ("[motion]\nspeed_m_s = -0.1", 2, "motion.speed_m_s", "= -0.1: allowed 0.001 to 1 m/s"),
    ("[motion]\ncorner.radius_m = 1.0", 2, "motion.corner.radius_m", "= 1: allowed 0 to 0.1 m"),
    ("[network]\nepochs = 0", 2, "network.epochs", "= 0: allowed 1 to 100000"),
    ("[network]\nepochs = 99999999999999999999", 2, "network.epochs", "does not fit 64 bits"),
    ("network = { epochs = 0 }", 1, "network.epochs", "= 0: allowed 1 to 100000"),
    // Contradictory.
    ("[motion]\nspeed_m_s = 0.9\n[network]\nepochs = 5", 4, "network.epochs", "wants at least 10 epochs"),
    ("[network]\nepochs = 5\n[motion]\nspeed_m_s = 0.9", 4, "motion.speed_m_s", "wants at least 10 epochs"),
    // Not TOML.
    ("[motion]\nspeed_m_s = 0.1\nspeed_m_s = 0.2", 3, "", "duplicate key"),
    ("[motion]\n[network]\n[motion]", 3, "", "duplicate key"),
    ("[motion]\nspeed_m_s 0.1", 2, "", "not TOML"),
    ("[motion]\nspeed_m_s =", 2, "", "not TOML"),
    ("[motion\nspeed_m_s = 0.1", 1, "", "not TOML"),
    ("[motion]\n[network\nspeed_m_s = 'x'\nhiden = 1", 2, "", "not TOML"),
    ("[motion]\nname = 'lap", 2, "", "not TOML"),
    ("[motion]\nspeed_m_s = 0,1", 2, "", "not TOML"),
];

#[test]
fn each_mistake_is_refused_at_its_line_and_key() {
    assert!(REFUSED.len() >= 50);
    for (text, line, key, message) in REFUSED {
        let found = problems(text);
        let first = &found[0];
        let said = (first.line, first.key.as_str());
        assert_eq!(said, (*line, *key), "{text:?} gave {found:#?}");
        assert!(first.message.contains(message), "{text:?} gave {found:#?}");
        assert_eq!(found.len(), 1, "{text:?} gave {found:#?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = "[network]\nepochs = 0\nhiden = [1]\n\n[motion]\nspeed_mm_s = 5\nshape = 'square'\n\
                name = 3\n[wether]\n";
    let error = read(text).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 6, "{error}");
    assert_eq!(lines[0], "x.toml:2: network.epochs = 0: allowed 1 to 100000");
    assert_eq!(lines[1], "x.toml:3:1: network.hiden: unknown key; did you mean `hidden`?");
    assert!(lines[2].starts_with("x.toml:6:1: motion.speed_mm_s: wrong unit: mm/s given, m/s expected"));
    assert!(lines[3].starts_with("x.toml:7: motion.shape = \"square\": unknown variant"), "{error}");
    assert!(lines[4].starts_with("x.toml:8:8: motion.name: the whole number 3 found, a text"), "{error}");
    assert!(lines[5].starts_with("x.toml:9:2: wether: unknown section"), "{error}");
}

#[test]
fn a_default_that_conflicts_is_shown_at_the_key_that_was_written() {
    let text = "[sde]\nlambda = 0.5\ntube_m = 0.005";
    let error = load_sources::<Config>(&[source("x.toml", text)]).unwrap_err().to_string();
    assert_eq!(error, "x.toml:3: sde.tube_release_m = 0.01 (the default): allowed below tube_m");
}

#[test]
fn numbers_are_read_in_every_notation_of_toml() {
    let text = "network = { epochs = 0x3E8, rate = 1_0.0_0e-2, hidden = [0b1000, +16, 3_2] }";
    let network = read(text).unwrap().network;
    assert_eq!(network, Network { epochs: 1000, rate: 0.1, hidden: vec![8, 16, 32] });
}

#[test]
fn text_nested_without_end_is_refused_and_not_followed() {
    let deep = 100_000;
    for text in [
        format!("[network]\nhidden = {}", "[".repeat(deep)),
        format!("[network]\nhidden = {}", "{a=".repeat(deep)),
        format!("[motion{}]", ".a".repeat(deep)),
        format!("motion{} = 1", ".corner".repeat(deep)),
        format!("{} = 1", "a".repeat(deep)),
    ] {
        assert!(!problems(&text).is_empty());
    }
}

#[test]
fn the_default_file_says_every_key_with_its_default() {
    let text = PRESETS.iter().find(|(name, _)| *name == "default").unwrap().1;
    assert_eq!(Config::load(&["default"]).unwrap(), Config::default());
    let written: toml::Table = toml::from_str(text).unwrap();
    let schema = toml::Table::try_from(Config::default()).unwrap();
    for (section, options) in &schema {
        for key in options.as_table().unwrap().keys() {
            let there = written.get(section).and_then(|table| table.get(key)).is_some();
            assert!(there, "config/default.toml leaves out {section}.{key}");
        }
    }
}

#[test]
fn every_preset_loads_and_comments_every_key() {
    for (name, text) in PRESETS {
        Config::load(&[name]).unwrap_or_else(|error| panic!("{error}"));
        let mut commented = false;
        for (index, line) in text.lines().enumerate() {
            let is_key = line.starts_with(|c: char| c.is_ascii_alphabetic());
            assert!(!is_key || commented, "config/{name}.toml:{}: no comment above {line}", index + 1);
            commented = line.starts_with('#');
        }
    }
}

#[test]
fn sections_that_cannot_hold_together_are_named_at_the_later_key() {
    for (text, key, words) in [
        ("[training]\ntargets = 0\n", "training.targets", "set training.targets above 0"),
        ("[gate]\nheld_out_min = 600\n", "gate.held_out_min", "no candidate would ever be judged"),
        ("[safety]\nvelocity_share = 0.3\n", "safety.velocity_share", "lower motion.joint_velocity_share"),
        ("[safety]\njerk_share = 0.3\n", "safety.jerk_share", "lower motion.joint_acceleration_share"),
    ] {
        let error = load_sources::<Config>(&[source("x.toml", text)]).unwrap_err();
        let [problem] = error.problems() else { panic!("{error}") };
        assert_eq!((problem.key.as_str(), problem.line), (key, 2), "{error}");
        assert!(problem.message.contains(words), "{error}");
    }
    let mended = "[training]\ntargets = 0\n[sde]\nlambda = 0.0\n";
    assert!(load_sources::<Config>(&[source("x.toml", mended)]).is_ok());
}

#[test]
fn a_preset_goes_by_name_or_by_path() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/original.toml");
    assert_eq!(Config::load(&["original"]).unwrap(), Config::load(&[path]).unwrap());
    assert_eq!(Config::load(&["original"]).unwrap().sde.lambda, 0.0);
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_presets() {
    let error = Config::load(&["no/such.toml"]).unwrap_err().to_string();
    assert!(error.starts_with("no/such.toml: cannot be read"), "{error}");
    assert!(error.contains("default, original, sim, safety"), "{error}");
}

#[test]
fn what_is_written_back_reads_as_the_same_configuration() {
    let config = Config::load(&["safety"]).unwrap();
    let again = load_sources::<Config>(&[source("again", &config.to_toml().unwrap())]).unwrap();
    assert_eq!(again, config);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = read(&text);
    }

    #[test]
    fn no_text_that_is_nearly_toml_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "[", "]", "motion", "network", "speed_m_s", "shape", "centre_m", "corner", "epochs", "=", ".",
                "\n", "{", "}", ",", "'", "\"", "\"\"\"", "1", "-", "1e9", "nan", "true", "2020-01-01", "#", "\\",
                "\u{feff}", "\r\n", "é", "0x", "_",
            ]),
            0..60,
        )
    ) {
        let _ = read(&words.concat());
    }

    #[test]
    fn every_problem_stands_on_a_line_of_the_text(text in "(\\[motion\\]\n)?([a-z_]{1,9} ?=? ?[0-9'\\[\\]]{0,4}\n){0,8}") {
        if let Err(error) = read(&text) {
            for problem in error.problems() {
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count() + 1, "{problem}");
            }
        }
    }
}

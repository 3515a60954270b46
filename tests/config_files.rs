//! Every key of the configuration, spelt wrong, of the wrong type and out of range: refused, at its line, with the mend.
use franka_imit::config::{Config, Problem, Source, load_sources};
use toml::{Table, Value};

fn problems(text: &str) -> Vec<Problem> {
    let source = Source { name: "x.toml".to_owned(), text: text.to_owned() };
    match load_sources::<Config>(&[source]) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().to_vec(),
    }
}

/// Every key of every section, with its default.
fn keys() -> Vec<(String, String, Value)> {
    let schema = Table::try_from(Config::default()).unwrap();
    let mut keys = Vec::new();
    for (section, options) in schema {
        let Value::Table(options) = options else { panic!("{section} is no section") };
        for (key, value) in options {
            if !value.is_table() {
                keys.push((section.clone(), key, value));
            }
        }
    }
    keys
}

#[test]
fn a_misspelt_key_is_refused_at_its_line_with_the_one_that_was_meant() {
    for (section, key, value) in keys() {
        // The last letter twice.
        let wrong = format!("{key}{}", &key[key.len() - 1..]);
        let found = problems(&format!("[{section}]\n{wrong} = {value}\n"));
        let [problem] = &found[..] else { panic!("{section}.{wrong}: {found:?}") };
        assert_eq!((problem.file.as_str(), problem.line), ("x.toml", 2), "{problem}");
        assert!(problem.message.contains(&key), "{problem}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_at_its_line() {
    for (section, key, value) in keys() {
        let wrong = if value.is_str() { "[[7]]" } else { "\"seven\"" };
        let found = problems(&format!("[{section}]\n{key} = {wrong}\n"));
        assert!(!found.is_empty(), "{section}.{key} = {wrong} is taken");
        assert_eq!(
            (found[0].line, found[0].key.as_str()),
            (2, format!("{section}.{key}").as_str()),
            "{}",
            found[0]
        );
    }
}

#[test]
fn a_number_beyond_all_measure_is_refused_with_what_is_allowed() {
    let (mut numbers, mut refused) = (0, 0);
    for (section, key, value) in keys() {
        let wild: &[&str] = match value {
            Value::Float(_) => &["1e30", "-1e30", "nan", "inf"],
            Value::Integer(_) => &["-9000000000"],
            _ => continue,
        };
        for wild in wild {
            numbers += 1;
            let found = problems(&format!("[{section}]\n{key} = {wild}\n"));
            refused += usize::from(!found.is_empty());
            for problem in found {
                assert!(problem.line == 2 || problem.line == 0, "{problem}");
                let says = ["allowed", "lower", "not a finite number"];
                assert!(says.iter().any(|words| problem.message.contains(words)), "{problem}");
            }
        }
    }
    assert!(numbers > 200, "{numbers}");
    assert_eq!(refused, numbers, "some wild number is taken");
}

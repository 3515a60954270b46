//! A text held against the defaults: every wrong key, type and value, each at its line.
use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::place::Place;
use super::value::convert;
use super::{Error, Problem, Source, suggest};
use crate::range::Violation;

/// A struct of sections; its default, serialised, is the schema.
pub trait Sections: Serialize + DeserializeOwned + Default {
    /// What each section finds wrong with its own options, with the section's name.
    fn violations(&self) -> Vec<(&'static str, Violation)>;

    /// What two or more options say that cannot all hold.
    fn contradictions(&self) -> Vec<Contradiction>;
}

/// Options that are each allowed and cannot hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The dotted keys (`section.key`); the message stands at the one written last.
    pub keys: Vec<&'static str>,
    /// What cannot hold, and the mend.
    pub message: String,
}

/// Layers `sources` over the defaults, later wins, and checks the whole.
///
/// # Errors
/// [`Error::Invalid`] with every problem, by source and line; [`Error::Schema`] when the default of `C`
/// cannot be written as TOML.
pub fn load_sources<C: Sections>(sources: &[Source]) -> Result<C, Error> {
    let schema = Table::try_from(C::default())?;
    let mut reading =
        Reading { sources, schema: &schema, leaves: Vec::new(), places: HashMap::new(), problems: vec![] };
    for index in 0..sources.len() {
        reading.read(index);
    }
    let config = reading.build::<C>();
    reading.check(&config);
    if reading.problems.is_empty() { Ok(config) } else { Err(Error::Invalid(reading.sorted_problems())) }
}

/// One key that was written, checked against the schema's type.
struct Leaf {
    path: Vec<String>,
    value: Value,
    place: Place,
}

struct Reading<'a> {
    sources: &'a [Source],
    schema: &'a Table,
    leaves: Vec<Leaf>,
    /// Where each dotted key, or table, was last written.
    places: HashMap<String, Place>,
    problems: Vec<(Option<Place>, Problem)>,
}

impl<'a> Reading<'a> {
    fn read(&mut self, source: usize) {
        let text = &self.sources[source].text;
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let offset = error.span().map_or(text.len(), |span| span.start);
            let place = Place::of(text, source, offset);
            self.report(place, &[], true, format!("not TOML: {}", error.message()));
        }
        self.walk(source, table.get_ref(), self.schema, &mut Vec::new());
    }

    fn walk(&mut self, source: usize, table: &DeTable<'_>, schema: &Table, path: &mut Vec<String>) {
        for (key, value) in table {
            let place = Place::of(&self.sources[source].text, source, key.span().start);
            path.push(key.get_ref().to_string());
            self.places.insert(path.join("."), place);
            match (schema.get(key.get_ref().as_ref()), value.get_ref()) {
                (Some(Value::Table(inner)), DeValue::Table(table)) => self.walk(source, table, inner, path),
                (Some(expected), _) => self.take(source, value, expected, place, path),
                (None, found) => {
                    let message = self.unknown(path, schema, matches!(found, DeValue::Table(_)));
                    self.report(place, path, true, message);
                }
            }
            path.pop();
        }
    }

    fn take(
        &mut self,
        source: usize,
        value: &Spanned<DeValue<'_>>,
        expected: &Value,
        place: Place,
        path: &[String],
    ) {
        match convert(value, expected) {
            Ok(value) => self.leaves.push(Leaf { path: path.to_vec(), value, place }),
            Err((offset, message)) => {
                let place = Place::of(&self.sources[source].text, source, offset);
                self.report(place, path, true, message);
            }
        }
    }

    fn unknown(&self, path: &[String], schema: &Table, is_table: bool) -> String {
        let wrong = path.last().map_or("", String::as_str);
        let valid: Vec<&str> = schema.keys().map(String::as_str).collect();
        if path.len() == 1 && is_table {
            return suggest::section(wrong, &valid);
        }
        let elsewhere: Vec<(&str, &str)> = self
            .schema
            .iter()
            .filter_map(|(section, value)| Some((section.as_str(), value.as_table()?)))
            .flat_map(|(section, table)| table.keys().map(move |key| (section, key.as_str())))
            .collect();
        suggest::key(wrong, &valid, &elsewhere)
    }

    /// The leaves over the defaults. A leaf that no section accepts (an unknown choice, an array of the wrong
    /// length) is reported and left out, so that the rest can still be judged.
    fn build<C: Sections>(&mut self) -> C {
        if let Ok(config) = self.merged(&self.leaves) {
            return config;
        }
        let mut accepted = Vec::new();
        for leaf in std::mem::take(&mut self.leaves) {
            match self.merged::<C>([&leaf]) {
                Ok(_) => accepted.push(leaf),
                Err(error) => {
                    let message = match leaf.value {
                        Value::Integer(below) if below < 0 => {
                            format!("= {below}: allowed a whole number, 0 or more")
                        }
                        _ => format!("= {}: {}", leaf.value, error.message().trim()),
                    };
                    self.report(leaf.place, &leaf.path, false, message);
                }
            }
        }
        match self.merged(&accepted) {
            Ok(config) => config,
            // Each leaf is accepted alone and all together are not: the section's own serde forbids it.
            Err(error) => {
                self.report_nowhere("", error.message().trim().to_owned());
                C::default()
            }
        }
    }

    fn merged<'l, C: Sections>(
        &self,
        leaves: impl IntoIterator<Item = &'l Leaf>,
    ) -> Result<C, toml::de::Error> {
        let mut whole = self.schema.clone();
        for leaf in leaves {
            set(&mut whole, &leaf.path, &leaf.value);
        }
        C::deserialize(whole)
    }

    fn check<C: Sections>(&mut self, config: &C) {
        let sound_so_far = self.problems.is_empty();
        for (section, Violation { key, value, allowed }) in config.violations() {
            let path = format!("{section}.{key}");
            if let Some(place) = self.places.get(&path) {
                self.report(*place, &[path], false, format!("= {value}: allowed {allowed}"));
            } else if sound_so_far {
                // A default in conflict with what was written. After other problems this is not said: it may
                // only come of a value that was left out for them.
                let message = format!("= {value} (the default): allowed {allowed}");
                match self.rival(section, &allowed) {
                    Some(place) => self.report(place, &[path], false, message),
                    None => self.report_nowhere(&path, message),
                }
            }
        }
        if !sound_so_far {
            return;
        }
        for Contradiction { keys, message } in config.contradictions() {
            let last = keys
                .iter()
                .filter_map(|key| Some((*key, *self.places.get(*key)?)))
                .max_by_key(|(_, p)| order(p));
            match last {
                Some((key, place)) => self.report(place, &[key.to_owned()], false, message),
                None => self.report_nowhere(keys.first().unwrap_or(&""), message),
            }
        }
    }

    /// Where the key that `allowed` speaks of was written, as in "below tube_m"; else its section.
    fn rival(&self, section: &str, allowed: &str) -> Option<Place> {
        let words = allowed.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let named = words.filter_map(|word| self.places.get(&format!("{section}.{word}"))).next();
        named.or_else(|| self.places.get(section)).copied()
    }

    fn report(&mut self, place: Place, path: &[String], with_column: bool, message: String) {
        let column = if with_column { place.column } else { 0 };
        let file = self.sources[place.source].name.clone();
        let problem = Problem { file, line: place.line, column, key: path.join("."), message };
        self.problems.push((Some(place), problem));
    }

    fn report_nowhere(&mut self, key: &str, message: String) {
        let file = self.sources.last().map_or_else(|| "defaults".to_owned(), |source| source.name.clone());
        self.problems.push((None, Problem { file, line: 0, column: 0, key: key.to_owned(), message }));
    }

    /// By source and line. What stands on a line that is not TOML, or under a header that is not, means
    /// nothing: nobody knows which table it was for.
    fn sorted_problems(&mut self) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        problems.sort_by_key(|(place, _)| place.as_ref().map(order));
        let is_syntax = |problem: &Problem| problem.key.is_empty();
        let broken: Vec<(usize, usize)> = problems
            .iter()
            .filter(|(_, problem)| is_syntax(problem))
            .filter_map(|(place, _)| place.map(|p| (p.source, p.line)))
            .collect();
        problems.retain(|(place, problem)| {
            let lines = place.map_or([(0, 0); 2], |p| [(p.source, p.line), (p.source, self.header_above(p))]);
            is_syntax(problem) || !lines.iter().any(|line| broken.contains(line))
        });
        problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// The line of the table header that `place` stands under; 0 for none.
    fn header_above(&self, place: Place) -> usize {
        let lines = self.sources[place.source].text.split('\n').take(place.line).enumerate();
        lines.filter(|(_, line)| line.trim_start().starts_with('[')).last().map_or(0, |(index, _)| index + 1)
    }
}

fn order(place: &Place) -> (usize, usize, usize) {
    (place.source, place.line, place.column)
}

/// Sets `path` in `table`; the walk went through its tables, so they are there.
fn set(table: &mut Table, path: &[String], value: &Value) {
    match path {
        [] => {}
        [key] => drop(table.insert(key.clone(), value.clone())),
        [outer, inner @ ..] => {
            if let Some(Value::Table(table)) = table.get_mut(outer) {
                set(table, inner, value);
            }
        }
    }
}

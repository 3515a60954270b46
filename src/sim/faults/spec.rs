//! A fault in words and back: `burst:command:n=15@3s`.
use std::fmt::{self, Display};
use std::str::FromStr;

use super::kinds::{KEYS, KINDS, Key, Kind, TARGETS, Target};
use super::units::Unit;
use crate::robot::ERROR_NAMES;
use crate::spelling::nearest;

/// When a fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At once.
    Now,
    /// So many ms after the client connected.
    Connect(u64),
    /// So many ms after its first motion began.
    Motion(u64),
}

/// One fault; made from its specification: `"drop:state:p=5%".parse()`. `docs/faults.md` has all of them.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    pub(super) kind: Kind,
    pub(super) target: Option<Target>,
    pub(super) start: Start,
    pub(super) every_client: bool,
    /// Index of a reflex in [`ERROR_NAMES`].
    pub(super) error: usize,
    values: [Option<f64>; KEYS.len()],
}

/// What is wrong with a specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault `{spec}`: {why}")]
pub struct SpecError {
    /// What was given.
    pub spec: String,
    /// Which part of it, what is allowed, and what was probably meant.
    pub why: String,
}

impl Fault {
    fn of(kind: Kind) -> Self {
        let target = kind.entry().targets.first().copied();
        let values = [None; KEYS.len()];
        Self { kind, target, start: Start::Now, every_client: false, error: 0, values }
    }

    /// The next `n` commands are lost.
    pub(in crate::sim) fn lose_commands(n: u32) -> Self {
        Self { target: Some(Target::Command), ..Self::of(Kind::Burst) }.with(Key::N, f64::from(n))
    }

    /// This share of the commands is lost.
    pub(in crate::sim) fn command_loss(share: f64) -> Self {
        Self { target: Some(Target::Command), ..Self::of(Kind::Drop) }.with(Key::P, share)
    }

    /// The robot stops with error `index` of [`ERROR_NAMES`].
    pub(in crate::sim) fn reflex(index: usize) -> Self {
        Self { error: index, ..Self::of(Kind::Reflex) }
    }

    /// What it does.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn get(&self, key: Key) -> Option<f64> {
        self.values[key as usize]
    }

    pub(super) fn with(mut self, key: Key, value: f64) -> Self {
        self.values[key as usize] = Some(value);
        self
    }

    /// How often it happens at most.
    pub(super) fn times(&self) -> Option<u64> {
        let n = self.get(Key::N).map(|n| n as u64);
        let open = [Key::P, Key::N, Key::For].into_iter().all(|key| self.get(key).is_none());
        match self.kind {
            Kind::Burst => (self.get(Key::P).is_none() && self.get(Key::For).is_none()).then_some(1),
            Kind::Delay | Kind::Jitter => n,
            kind if kind.entry().once => n.or(Some(1)),
            _ if open && self.start != Start::Now && self.target.is_some() => Some(1),
            _ => n,
        }
    }

    /// Takes one part of a specification; what is wrong with it.
    fn take(&mut self, part: &str) -> Result<(), String> {
        let entry = self.kind.entry();
        if part == "every-client" {
            self.every_client = true;
            return Ok(());
        }
        if let Some((name, value)) = part.split_once('=') {
            let (name, value) = (name.trim(), value.trim());
            let names: Vec<&str> = entry.keys.iter().map(|key| key.name()).collect();
            let Some(key) = entry.keys.iter().find(|key| key.name() == name) else {
                return Err(format!("{} has no `{name}`{}", entry.name, mend(name, &names)));
            };
            return self.set(*key, value);
        }
        let singular = match part {
            "replies" => "reply",
            word => word.strip_suffix('s').unwrap_or(word),
        };
        if let Some((target, name)) = TARGETS.iter().find(|(_, name)| *name == singular) {
            let names: Vec<&str> = entry.targets.iter().map(|target| target.name()).collect();
            if names.is_empty() {
                return Err(format!("{} takes no target such as `{name}`", entry.name));
            }
            if !entry.targets.contains(target) {
                return Err(format!("{} cannot hit `{name}`{}", entry.name, mend(name, &names)));
            }
            self.target = Some(*target);
            return Ok(());
        }
        // Whoever writes `5%` or `0.6ms` means the one thing it can be.
        for (key, fits) in [(Key::P, part.ends_with('%')), (Key::Ms, Unit::Time.read(part).is_some())] {
            if fits && entry.keys.contains(&key) {
                return self.set(key, part);
            }
        }
        let mut words: Vec<&str> = entry.targets.iter().map(|target| target.name()).collect();
        words.push("every-client");
        let keys = entry.keys.iter().map(|key| format!("{}=", key.name())).collect::<Vec<_>>().join(", ");
        Err(format!("`{part}` means nothing to {}{}, {keys}, @TIME", entry.name, mend(part, &words)))
    }

    fn set(&mut self, key: Key, text: &str) -> Result<(), String> {
        let (name, unit) = (key.name(), key.unit());
        let value = unit.read(text).ok_or_else(|| format!("`{name}={text}`: allowed {}", unit.allowed()))?;
        if self.get(key).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
        *self = self.with(key, value);
        Ok(())
    }

    /// The value right behind the kind: `reflex=joint_reflex`, `delay=0.6ms`.
    fn set_main(&mut self, value: &str) -> Result<(), String> {
        if self.kind == Kind::Reflex {
            let names = ERROR_NAMES.iter().position(|name| *name == value);
            self.error =
                names.ok_or_else(|| format!("no error is called `{value}`{}", mend(value, &ERROR_NAMES)))?;
            return Ok(());
        }
        match self.kind.entry().main {
            Some(key) => self.set(key, value),
            None => Err(format!("{} takes no value such as `={value}`", self.kind.name())),
        }
    }
}

/// `; did you mean …? Allowed: …`.
fn mend(wrong: &str, valid: &[&str]) -> String {
    let guess = nearest(wrong, valid).map_or(String::new(), |word| format!("; did you mean `{word}`?"));
    let separator = if guess.is_empty() { "; allowed" } else { " Allowed" };
    format!("{guess}{separator}: {}", valid.join(", "))
}

fn start(text: &str) -> Result<Start, String> {
    let wrong = || {
        format!(
            "`@{text}` is no time; write @2s (since the client connected) or @motion+0.5s (since a motion began)"
        )
    };
    let ms = |text: &str| Unit::Time.read(text).map(|ms| ms as u64).ok_or_else(wrong);
    let (since, after) = match text.split_once('+') {
        Some((since, after)) => (since.trim(), after.trim()),
        None if text.starts_with(|c: char| c.is_ascii_digit() || c == '.') => ("connect", text),
        None => (text, "0s"),
    };
    match since {
        "connect" => ms(after).map(Start::Connect),
        "motion" => ms(after).map(Start::Motion),
        _ => Err(wrong()),
    }
}

impl FromStr for Fault {
    type Err = SpecError;

    fn from_str(spec: &str) -> Result<Self, SpecError> {
        parse(spec).map_err(|why| SpecError { spec: spec.trim().to_owned(), why })
    }
}

fn parse(spec: &str) -> Result<Fault, String> {
    let mut when = None;
    let mut parts = Vec::new();
    for part in spec.split([':', ',']) {
        let (part, time) = part.split_once('@').map_or((part, None), |(part, time)| (part, Some(time)));
        if time.is_some() && when.is_some() {
            return Err("two times (`@`) are given; one is allowed".to_owned());
        }
        when = when.or(time);
        parts.push(part.trim());
    }
    let (word, value) = match parts[0].split_once('=') {
        Some((word, value)) => (word.trim(), Some(value.trim())),
        None => (parts[0], None),
    };
    let name = word.to_lowercase().replace(['_', ' '], "-");
    let names = KINDS.map(|entry| entry.name);
    let entry = KINDS
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| format!("`{word}` is no kind of fault{}", mend(&name, &names)))?;
    let mut fault = Fault::of(entry.kind);
    let mut rest = parts[1..].iter().filter(|part| !part.is_empty()).peekable();
    let named = |part: &&&str| !part.contains('=') && **part != "every-client";
    let value = match value {
        None if entry.kind == Kind::Reflex => rest.next_if(|part| named(part)).copied(),
        value => value,
    };
    match value {
        Some(value) => fault.set_main(value)?,
        None if entry.kind == Kind::Reflex => {
            return Err(format!(
                "which error? For example {}. Errors: {}",
                entry.example,
                ERROR_NAMES.join(", ")
            ));
        }
        None => {}
    }
    for part in rest {
        fault.take(part)?;
    }
    if let Some(time) = when {
        fault.start = start(time.trim())?;
    }
    if matches!(entry.kind, Kind::Delay | Kind::Jitter) && fault.get(Key::Ms).is_none() {
        return Err(format!("how long? Give ms=, for example {}", entry.example));
    }
    Ok(fault)
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.kind == Kind::Reflex {
            write!(f, "={}", ERROR_NAMES[self.error])?;
        }
        if let Some(target) = self.target {
            write!(f, ":{}", target.name())?;
        }
        match self.start {
            Start::Now => {}
            Start::Connect(ms) => write!(f, "@{}", Unit::Time.write(ms as f64))?,
            Start::Motion(ms) => write!(f, "@motion+{}", Unit::Time.write(ms as f64))?,
        }
        for (key, name, unit, _) in KEYS {
            if let Some(value) = self.get(key) {
                write!(f, ":{name}={}", unit.write(value))?;
            }
        }
        if self.every_client {
            f.write_str(":every-client")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Fault {
    type Error = SpecError;

    fn try_from(spec: String) -> Result<Self, SpecError> {
        spec.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

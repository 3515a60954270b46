//! What a value may be, and the sentence that says so: the leaf every module's `Options::validate` uses.
use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

/// One option outside what its module allows.
///
/// Reads as `position_margin_rad = 5: allowed 0 to 0.5 rad`; the configuration adds section, file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The option's name inside its section, unit included; a nested one is dotted (`joint.margin_rad`).
    pub key: &'static str,
    /// What was given.
    pub value: String,
    /// What is allowed, as a phrase: `0 to 0.5 rad`.
    pub allowed: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {}: allowed {}", self.key, self.value, self.allowed)
    }
}

/// Adds a violation unless `value` lies in `range`; NaN lies in no range, and infinity is never allowed.
///
/// `unit` is what the message prints after the bounds, `""` for a pure number.
pub fn check_range(
    out: &mut Vec<Violation>,
    key: &'static str,
    value: f64,
    range: impl RangeBounds<f64>,
    unit: &str,
) {
    if !(value.is_finite() && range.contains(&value)) {
        push(out, key, value, describe(&range, unit));
    }
}

/// [`check_range`] for counts, sizes and periods in whole units.
pub fn check_count(
    out: &mut Vec<Violation>,
    key: &'static str,
    value: usize,
    range: impl RangeBounds<usize>,
    unit: &str,
) {
    if !range.contains(&value) {
        push(out, key, value, describe(&range, unit));
    }
}

/// [`check_range`] for each of several values, one per joint or axis; each one outside is its own violation.
pub fn check_each(
    out: &mut Vec<Violation>,
    key: &'static str,
    values: &[f64],
    range: impl RangeBounds<f64>,
    unit: &str,
) {
    for (index, &value) in values.iter().enumerate() {
        if !(value.is_finite() && range.contains(&value)) {
            let allowed = format!("{} (element {index})", describe(&range, unit));
            push(out, key, value, allowed);
        }
    }
}

/// Adds a violation unless `holds`: for what is not an interval, as one option that must exceed another.
pub fn check_that(
    out: &mut Vec<Violation>,
    key: &'static str,
    value: impl Display,
    holds: bool,
    allowed: &str,
) {
    if !holds {
        push(out, key, value, allowed.to_owned());
    }
}

fn push(out: &mut Vec<Violation>, key: &'static str, value: impl Display, allowed: String) {
    out.push(Violation { key, value: value.to_string(), allowed });
}

/// `0 to 0.5 rad`, `above 0 1/s`, `at least 1`, `above 0 to 1`: an open bound says `above` or `below`.
fn describe<T: Display>(range: &impl RangeBounds<T>, unit: &str) -> String {
    let mut text = match (range.start_bound(), range.end_bound()) {
        (Bound::Included(a), Bound::Included(b)) => format!("{a} to {b}"),
        (Bound::Included(a), Bound::Excluded(b)) => format!("{a} to below {b}"),
        (Bound::Excluded(a), Bound::Included(b)) => format!("above {a} to {b}"),
        (Bound::Excluded(a), Bound::Excluded(b)) => format!("above {a} to below {b}"),
        (Bound::Included(a), Bound::Unbounded) => format!("at least {a}"),
        (Bound::Excluded(a), Bound::Unbounded) => format!("above {a}"),
        (Bound::Unbounded, Bound::Included(b)) => format!("at most {b}"),
        (Bound::Unbounded, Bound::Excluded(b)) => format!("below {b}"),
        (Bound::Unbounded, Bound::Unbounded) => "any finite number".to_owned(),
    };
    if !unit.is_empty() {
        text.push(' ');
        text.push_str(unit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinity_are_in_no_range() {
        let mut out = Vec::new();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            check_range(&mut out, "gain", value, .., "");
            check_range(&mut out, "gain", value, 0.0.., "");
        }
        assert_eq!(out.len(), 6);
    }

    #[test]
    fn a_violation_reads_as_a_sentence() {
        let mut out = Vec::new();
        check_range(&mut out, "position_margin_rad", 5.0, 0.0..=0.5, "rad");
        check_count(&mut out, "steps", 0, 1.., "");
        check_range(&mut out, "theta_1_s", 0.0, (Bound::Excluded(0.0), Bound::Included(1e3)), "1/s");
        check_each(&mut out, "stiffness_nm_rad", &[1.0, -1.0], 0.0..=2.0, "Nm/rad");
        let said: Vec<String> = out.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "position_margin_rad = 5: allowed 0 to 0.5 rad",
                "steps = 0: allowed at least 1",
                "theta_1_s = 0: allowed above 0 to 1000 1/s",
                "stiffness_nm_rad = -1: allowed 0 to 2 Nm/rad (element 1)",
            ]
        );
    }

    #[test]
    fn bounds_that_are_included_are_allowed() {
        let mut out = Vec::new();
        check_range(&mut out, "share", 0.0, 0.0..=1.0, "");
        check_range(&mut out, "share", 1.0, 0.0..=1.0, "");
        check_count(&mut out, "steps", 1, 1..=1, "");
        assert_eq!(out, []);
    }
}

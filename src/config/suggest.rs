//! What a wrong key was meant to be.
use crate::spelling::nearest;

/// The mend for `wrong`, a key of `section` that is not among `valid`.
///
/// A wrong unit is told apart from a typo: the value must be converted too, not only the name mended.
/// `elsewhere` lists (section, key) of the whole schema, for a key that only stands in the wrong place.
pub(super) fn key(wrong: &str, valid: &[&str], elsewhere: &[(&str, &str)]) -> String {
    let (stem, unit) = split_unit(wrong);
    for candidate in valid {
        let (its_stem, its_unit) = split_unit(candidate);
        if its_stem == stem && its_unit != unit {
            return match (unit, its_unit) {
                (_, None) => format!("unknown key; `{candidate}` has no unit"),
                (None, Some(unit)) => {
                    format!("unknown key; the unit is missing: write `{candidate}`, in {}", spell(unit))
                }
                (Some(given), Some(unit)) => format!(
                    "wrong unit: {} given, {} expected; convert the value and write `{candidate}`",
                    spell(given),
                    spell(unit)
                ),
            };
        }
    }
    if let Some(nearest) = nearest(wrong, valid) {
        return format!("unknown key; did you mean `{nearest}`?");
    }
    if let Some((section, _)) = elsewhere.iter().find(|(_, key)| *key == wrong) {
        return format!("unknown key here; it belongs in [{section}]");
    }
    format!("unknown key; known here: {}", valid.join(", "))
}

/// The mend for `wrong`, a section that is not among `valid`.
pub(super) fn section(wrong: &str, valid: &[&str]) -> String {
    match nearest(wrong, valid) {
        Some(nearest) => format!("unknown section; did you mean [{nearest}]?"),
        None => format!("unknown section; known: {}", valid.join(", ")),
    }
}

const UNITS: [&str; 36] = [
    "1", "m", "mm", "cm", "um", "m2", "m3", "rad", "mrad", "deg", "degrees", "rad2", "s", "ms", "us", "ns",
    "s2", "s3", "min", "h", "hz", "khz", "n", "kn", "nm", "mnm", "kg", "g", "kg2", "sqrt", "percent", "pct",
    "w", "v", "a", "ratio",
];

/// A key's stem and its unit: the longest run of unit words it ends in (`theta_1_s`: `theta`, `1_s`).
fn split_unit(key: &str) -> (&str, Option<&str>) {
    let mut start = key.len();
    while let Some(at) = key[..start].rfind('_') {
        // The first word is always the stem, were it even called `m`.
        if at == 0 || !UNITS.contains(&&key[at + 1..start]) {
            break;
        }
        start = at;
    }
    match key.get(start + 1..) {
        Some(unit) => (&key[..start], Some(unit)),
        None => (key, None),
    }
}

/// `m_s2` as `m/s2`, `m_sqrt_s` as `m/sqrt(s)`: what a unit in a key means when it is read aloud.
fn spell(unit: &str) -> String {
    match unit.split_once('_') {
        Some((top, bottom)) => match bottom.strip_prefix("sqrt_") {
            Some(under) => format!("{top}/sqrt({under})"),
            None => format!("{top}/{}", bottom.replace('_', "/")),
        },
        None => unit.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_the_run_of_unit_words_at_the_end() {
        assert_eq!(split_unit("theta_1_s"), ("theta", Some("1_s")));
        assert_eq!(split_unit("sigma_m_sqrt_s"), ("sigma", Some("m_sqrt_s")));
        assert_eq!(split_unit("max_speed_m_s"), ("max_speed", Some("m_s")));
        assert_eq!(split_unit("lambda"), ("lambda", None));
        assert_eq!(split_unit("_"), ("_", None));
        assert_eq!(split_unit("größe_m"), ("größe", Some("m")));
    }

    #[test]
    fn a_wrong_unit_is_told_apart_from_a_typo() {
        let valid = ["speed_m_s", "horizon_s"];
        assert!(key("speed_mm_s", &valid, &[]).starts_with("wrong unit: mm/s given, m/s expected"));
        assert!(key("speed", &valid, &[]).contains("the unit is missing: write `speed_m_s`, in m/s"));
        assert!(key("sped_m_s", &valid, &[]).contains("did you mean `speed_m_s`?"));
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_to_the_right_one() {
        assert!(key("rate", &["speed_m_s"], &[("training", "rate")]).contains("[training]"));
    }
}

//! Values with their units, as a person writes them.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// 0 to 1, or a percentage.
    Probability,
    /// A whole number from 1.
    Count { max: f64 },
    /// A whole number from 0.
    Index { max: f64 },
    /// Robot time in whole ms, with its unit.
    Time,
    /// ms, with or without the unit.
    Delay,
    /// Bytes.
    Size,
}

/// Longest time, ms: a day.
const TIME_MAX_MS: f64 = 86_400_000.0;
/// Longest delay, ms; it also bounds how many datagrams may wait.
const DELAY_MAX_MS: f64 = 1000.0;
/// Largest answer, bytes.
const SIZE_MAX: f64 = 64e6;

/// The number in front and the unit behind it.
fn split(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| c.is_ascii_alphabetic() || "%µ".contains(c)).unwrap_or(text.len());
    let value: f64 = text[..at].trim().parse().ok()?;
    value.is_finite().then_some((value, text[at..].trim()))
}

fn ms(text: &str) -> Option<f64> {
    let (value, unit) = split(text)?;
    match unit {
        "s" => Some(value * 1e3),
        "ms" => Some(value),
        "us" | "µs" => Some(value * 1e-3),
        "min" => Some(value * 60e3),
        _ => None,
    }
}

impl Unit {
    /// Reads a value; `None` when it is none of this kind or out of range.
    pub(super) fn read(self, text: &str) -> Option<f64> {
        let whole = |value: f64, low: f64, max: f64| {
            ((low..=max).contains(&value) && value.fract() == 0.0).then_some(value)
        };
        match self {
            Self::Probability => {
                let (value, unit) = split(text)?;
                let share = match unit {
                    "" => value,
                    "%" => value / 100.0,
                    _ => return None,
                };
                (0.0..=1.0).contains(&share).then_some(share)
            }
            Self::Count { max } => whole(text.parse().ok()?, 1.0, max),
            Self::Index { max } => whole(text.parse().ok()?, 0.0, max),
            Self::Time => ms(text).map(f64::round).filter(|ms| (0.0..=TIME_MAX_MS).contains(ms)),
            Self::Delay => {
                let value = ms(text).or_else(|| text.parse().ok())?;
                (value > 0.0 && value <= DELAY_MAX_MS).then_some(value)
            }
            Self::Size => {
                let (value, unit) = split(text)?;
                let bytes = match unit {
                    "" | "B" => value,
                    "kB" | "KB" | "k" => value * 1e3,
                    "MB" | "M" => value * 1e6,
                    _ => return None,
                };
                (1.0..=SIZE_MAX).contains(&bytes).then_some(bytes.round())
            }
        }
    }

    /// What is allowed, as a phrase.
    pub(super) fn allowed(self) -> String {
        match self {
            Self::Probability => "a probability: 0 to 1, or 0% to 100%".to_owned(),
            Self::Count { max } => format!("a whole number from 1 to {max}"),
            Self::Index { max } => format!("a whole number from 0 to {max}"),
            Self::Time => "a time with its unit, such as 2s or 300ms, at most a day".to_owned(),
            Self::Delay => format!("above 0 to {DELAY_MAX_MS} ms"),
            Self::Size => "a size such as 300kB or 2MB, 1 B to 64 MB".to_owned(),
        }
    }

    /// Writes a value so that it reads back the same.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            Self::Time if value % 1e3 == 0.0 => format!("{}s", value / 1e3),
            Self::Time => format!("{value}ms"),
            _ => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        assert_eq!(Unit::Probability.read("5%"), Some(0.05));
        assert_eq!(Unit::Probability.read("0.05"), Some(0.05));
        assert_eq!(Unit::Time.read("1.3s"), Some(1300.0));
        assert_eq!(Unit::Time.read("200 ms"), Some(200.0));
        assert_eq!(Unit::Delay.read("0.6"), Some(0.6));
        assert_eq!(Unit::Delay.read("300us"), Some(0.3));
        assert_eq!(Unit::Size.read("300kB"), Some(300_000.0));
        assert_eq!(Unit::Count { max: 9.0 }.read("3"), Some(3.0));
    }

    #[test]
    fn what_is_no_value_of_the_unit_is_none() {
        for text in ["", "5 %%", "-1%", "101%", "1.5", "NaN", "inf", "0.1s", "%"] {
            assert_eq!(Unit::Probability.read(text), None, "{text}");
        }
        for text in ["2", "-1s", "1e99s", "2 parsecs", "s", "NaNs"] {
            assert_eq!(Unit::Time.read(text), None, "{text}");
        }
        for text in ["0", "-3", "2s", "NaN"] {
            assert_eq!(Unit::Delay.read(text), None, "{text}");
        }
        for text in ["0", "1.5", "10", "-1"] {
            assert_eq!(Unit::Count { max: 9.0 }.read(text), None, "{text}");
        }
    }
}

//! From values to places on an axis, and the round numbers beside it.

/// An axis's range, and whether equal ways are equal factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_log: bool,
}

impl Scale {
    /// From `low` to `high`; a range of nothing is made one.
    pub(super) fn linear(low: f64, high: f64) -> Scale {
        let is_empty = !(high > low && (high - low).is_finite());
        let middle = if low.is_finite() { low } else { 0.0 };
        let half = 0.5 * middle.abs().max(1e-3);
        let (low, high) = if is_empty { (middle - half, middle + half) } else { (low, high) };
        Scale { low, high, is_log: false }
    }

    /// From `low` to `high`, both made positive, at least a factor of ten apart.
    pub(super) fn log(low: f64, high: f64) -> Scale {
        let high = if high.is_finite() && high > 0.0 { high } else { 1.0 };
        let low = if low.is_finite() && low > 0.0 { low.min(high / 10.0) } else { high / 10.0 };
        Scale { low, high, is_log: true }
    }

    /// Where `value` lies, 0 at the low end, 1 at the high one; not beyond.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = match self.is_log {
            false => (value - self.low) / (self.high - self.low),
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Round values on the axis with their words, about `wanted` of them.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        if self.is_log { self.log_ticks(wanted) } else { self.linear_ticks(wanted) }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(rough);
        let digits = (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize;
        let (first, last) =
            ((self.low / step - 1e-6).ceil() as i64, (self.high / step + 1e-6).floor() as i64);
        (first..=last)
            .map(|k| {
                let value = k as f64 * step;
                (value, words(value, digits))
            })
            .collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let (first, last) =
            ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
        let decades = (last - first + 1).max(0) as usize;
        let mantissas: &[f64] = if decades * 2 < wanted { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = decades.div_ceil(wanted.max(1)).max(1);
        let mut ticks = Vec::new();
        for power in (first - 1..=last).filter(|power| power.rem_euclid(every as i32) == 0) {
            for mantissa in mantissas {
                let value = mantissa * 10f64.powi(power);
                if value >= self.low * 0.999 && value <= self.high * 1.001 {
                    ticks.push((value, log_words(value, *mantissa, power)));
                }
            }
        }
        ticks
    }
}

/// A number with a true minus sign.
pub(super) fn words(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let is_zero = text.chars().all(|c| c == '0' || c == '.');
    if value < 0.0 && !is_zero { format!("−{text}") } else { text }
}

fn log_words(value: f64, mantissa: f64, power: i32) -> String {
    match power {
        -2..=-1 => words(value, -power as usize),
        0..=4 => words(value, 0),
        _ => {
            let raised: String = power
                .to_string()
                .chars()
                .map(|c| match c {
                    '-' => '⁻',
                    '1' => '¹',
                    '2' => '²',
                    '3' => '³',
                    c => char::from_u32(0x2070 + c.to_digit(10).unwrap_or(0)).unwrap_or(c),
                })
                .collect();
            if mantissa == 1.0 { format!("10{raised}") } else { format!("{mantissa}·10{raised}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, wanted: usize) -> Vec<String> {
        scale.ticks(wanted).into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn ticks_are_round_numbers_with_as_many_digits_as_they_need() {
        assert_eq!(labels(Scale::linear(-0.11, 0.1), 4), ["−0.1", "0.0", "0.1"]);
        assert_eq!(labels(Scale::linear(0.0, 21.0), 5), ["0", "5", "10", "15", "20"]);
        assert_eq!(labels(Scale::log(1e-6, 2e-1), 5), ["10⁻⁶", "10⁻⁴", "0.01"]);
        assert_eq!(labels(Scale::log(1.0, 90.0), 6), ["1", "2", "5", "10", "20", "50"]);
    }

    #[test]
    fn a_range_of_nothing_or_of_nonsense_still_has_places() {
        for scale in [
            Scale::linear(3.0, 3.0),
            Scale::linear(f64::NAN, 1.0),
            Scale::linear(f64::INFINITY, f64::NEG_INFINITY),
            Scale::log(0.0, 0.0),
            Scale::log(f64::NAN, f64::INFINITY),
        ] {
            assert!(scale.high > scale.low, "{scale:?}");
            for value in [0.0, 3.0, -1.0, f64::NAN, f64::INFINITY] {
                assert!((0.0..=1.0).contains(&scale.place(value)), "{scale:?} {value}");
            }
            assert!(!scale.ticks(5).is_empty(), "{scale:?}");
        }
    }
}

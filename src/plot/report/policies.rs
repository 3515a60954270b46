//! What became of the policies that were learnt on the way, in time.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::scale::Scale;
use super::super::symbol::{Key, Symbol};
use super::super::theme::Ink;
use crate::telemetry::Timeline;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A candidate that the gate has refused, as the report says it.
#[derive(Deserialize)]
pub(super) struct Refusal {
    t_s: f64,
    reason: String,
}

/// How many were refused in all.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    rejected: u64,
    rejected_by_reason: BTreeMap<String, u64>,
}

/// What can become of a policy: moments, s, of what can be told apart without its colour.
struct Fate {
    words: String,
    count: u64,
    moments_s: Vec<f64>,
    symbol: Symbol,
    ink: Ink,
}

impl Fate {
    /// Where `counts` rises from bin to bin.
    fn of_counts(words: &str, counts: &[u32], bin_s: f64, symbol: Symbol, ink: Ink) -> Fate {
        let risen = counts.windows(2).enumerate().filter(|(_, pair)| pair[1] > pair[0]);
        let moments_s = risen.map(|(k, _)| (k + 1) as f64 * bin_s).collect();
        let count = u64::from(counts.last().copied().unwrap_or(0));
        Fate { words: words.into(), count, moments_s, symbol, ink }
    }

    /// Whether it is not known to have come at any moment.
    fn is_none(&self) -> bool {
        self.moments_s.is_empty()
    }
}

fn changes(line: &Timeline) -> [Fate; 2] {
    [
        Fate::of_counts("policy taken over", &line.swaps, line.bin_s, Symbol::Up, Ink::GOOD),
        Fate::of_counts("given up", &line.rollbacks, line.bin_s, Symbol::Down, Ink::BAD),
    ]
}

/// Marks in a chart over the same time where policies were taken over, given up and refused.
pub(super) fn mark(line: &Timeline, refusals: &[Refusal], counts: &Counts, chart: &mut Chart) {
    let refused = Fate {
        words: "refused".into(),
        count: counts.rejected.max(refusals.len() as u64),
        moments_s: refusals.iter().map(|refusal| refusal.t_s).collect(),
        symbol: Symbol::Cross,
        ink: Ink::OTHER,
    };
    for fate in changes(line).into_iter().chain([refused]).filter(|fate| !fate.is_none()) {
        let Fate { words, count, moments_s, symbol, ink } = fate;
        if symbol != Symbol::Cross {
            let up =
                |x: &f64| Mark::Moment { x: *x, pen: Pen::new(ink.thin(0.4), 1.0), label: String::new() };
            chart.marks.splice(0..0, moments_s.iter().map(up));
        }
        chart.key(Key::Symbol(symbol, ink.into()), format!("{words}, {count}×"));
        chart.marks.push(Mark::Rug { xs: moments_s, symbol, paint: ink.into() });
    }
}

/// A row a fate, the refused by their reasons; none where no policy was offered.
pub(super) fn chart(line: &Timeline, refusals: &[Refusal], counts: &Counts, x: Axis) -> Option<Chart> {
    let mut by_reason: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for refusal in refusals {
        by_reason.entry(&refusal.reason).or_default().push(refusal.t_s);
    }
    let refused = by_reason.into_iter().map(|(reason, moments_s)| Fate {
        words: format!("refused: {}", reason.replace('_', " ")),
        count: counts.rejected_by_reason.get(reason).copied().unwrap_or(0).max(moments_s.len() as u64),
        moments_s,
        symbol: Symbol::Cross,
        ink: Ink::OTHER,
    });
    let fates: Vec<Fate> = changes(line).into_iter().chain(refused).filter(|fate| !fate.is_none()).collect();
    if fates.is_empty() {
        return None;
    }
    let rows = fates.len();
    let place = |k: usize| (rows - k) as f64 - 0.5;
    let mut y = Axis::new("", Scale::linear(0.0, rows as f64));
    let names = fates.iter().enumerate();
    y.names = Some(names.map(|(k, fate)| (place(k), format!("{}, {}×", fate.words, fate.count))).collect());
    let shown = match counts.rejected as usize {
        all if refusals.is_empty() && all > 0 => format!("; {all} refused, and the report does not say when"),
        all if all > refusals.len() => format!("; the last {} of {all}", refusals.len()),
        _ => String::new(),
    };
    let note = format!(
        "taken over and given up: 1 kHz in bins of {:.0} ms; refused: every one, to the millisecond{shown}",
        1e3 * line.bin_s
    );
    let mut chart = Chart::new("policies", "What became of policies", note, x, y);
    for (k, fate) in fates.into_iter().enumerate() {
        let points = fate.moments_s.iter().map(|x| [*x, place(k)]).collect();
        chart.marks.push(Mark::Signs { points, symbol: fate.symbol, paint: fate.ink.into() });
    }
    Some(chart)
}

//! What went on when: a row a thing, a bar from when to when it did.
use super::chart::{Axis, Chart, Mark};
use super::scale::Scale;
use super::theme::Ink;

/// A thing and its spans, in the units of the x axis.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) ink: Ink,
    pub(super) spans: Vec<[f64; 2]>,
}

impl Row {
    pub(super) fn new(name: impl Into<String>, ink: Ink, spans: Vec<[f64; 2]>) -> Row {
        Row { name: name.into(), ink, spans }
    }
}

/// A chart of the rows that have spans, the first at the top.
pub(super) fn chart(name: &'static str, title: &str, note: &str, x: Axis, rows: Vec<Row>) -> Chart {
    let rows: Vec<_> = rows.into_iter().filter(|row| !row.spans.is_empty()).collect();
    let place = |k: usize| (rows.len() - k) as f64 - 0.5;
    let mut y = Axis::new("", Scale::linear(0.0, rows.len().max(1) as f64));
    y.names = Some(rows.iter().enumerate().map(|(k, row)| (place(k), row.name.clone())).collect());
    let mut chart = Chart::new(name, title, note, x, y);
    for (k, row) in rows.iter().enumerate() {
        chart.marks.extend(row.spans.iter().map(|[from, to]| Mark::Box {
            from: [*from, place(k) - 0.3],
            to: [*to, place(k) + 0.3],
            paint: row.ink.into(),
        }));
    }
    chart
}

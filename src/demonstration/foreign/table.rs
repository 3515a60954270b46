//! Plain tables of numbers: a header, commas, a row a line.
use super::Error;
use crate::robot::limits::{Q_MAX, Q_MIN};
use std::path::Path;

/// The columns that were asked for, in that order.
pub(super) struct Table<const N: usize> {
    pub(super) rows: Vec<[f64; N]>,
}

impl<const N: usize> Table<N> {
    /// Takes the columns `names`; others are left aside.
    pub(super) fn parse(file: &Path, text: &[u8], names: &[&str; N]) -> Result<Table<N>, Error> {
        let wrong = |line: usize, problem: String| Error::Table { file: file.to_owned(), line, problem };
        let text = std::str::from_utf8(text).map_err(|_| wrong(1, "not UTF-8 text".to_string()))?;
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let header: Vec<&str> =
            lines.next().map_or(Vec::new(), |(_, line)| line.split(',').map(str::trim).collect());
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = header.iter().position(|column| column == name).ok_or_else(|| {
                wrong(1, format!("column {name} is missing; the header must have {}", names.join(",")))
            })?;
        }
        let mut rows = Vec::new();
        for (index, line) in lines {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            if cells.len() != header.len() {
                let problem = format!("{} columns, the header has {}", cells.len(), header.len());
                return Err(wrong(index + 1, problem));
            }
            let mut row = [0.0; N];
            for ((number, place), name) in row.iter_mut().zip(places).zip(names) {
                *number = cells[place].parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| {
                    wrong(index + 1, format!("column {name}: {:?} is no finite number", cells[place]))
                })?;
            }
            rows.push(row);
        }
        Ok(Table { rows })
    }
}

impl Table<8> {
    /// Whether times grow and joints are where joints can be.
    pub(super) fn check_joints(&self, file: &Path) -> Result<(), Error> {
        let wrong = |k: usize, problem: String| Error::Table { file: file.to_owned(), line: k + 2, problem };
        for (k, row) in self.rows.iter().enumerate() {
            if k > 0 && row[0] <= self.rows[k - 1][0] {
                let problem =
                    format!("t_s = {}: allowed more than {}, the time before", row[0], self.rows[k - 1][0]);
                return Err(wrong(k, problem));
            }
            for (j, q) in row[1..].iter().enumerate() {
                if !(Q_MIN[j]..=Q_MAX[j]).contains(q) {
                    let (low, high) = (Q_MIN[j], Q_MAX[j]);
                    return Err(wrong(
                        k,
                        format!("q{}_rad = {q}: allowed {low} to {high} rad, the joint's limits", j + 1),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Rows with the same first number, which counts recordings, in the order of the file.
pub(super) fn group<const N: usize>(rows: &[[f64; N]]) -> Vec<(u64, &[[f64; N]])> {
    rows.chunk_by(|a, b| a[0] == b[0]).map(|rows| (rows[0][0] as u64, rows)).collect()
}

//! Every n-th row of what comes once a tick, in bounded memory.
use crate::robot::limits::CYCLE_S;

/// Keeps every n-th row; n doubles whenever the memory is full.
#[derive(Clone, Debug)]
pub struct Thinned<T> {
    rows: Vec<T>,
    most: usize,
    every: u64,
    seen: u64,
}

impl<T> Thinned<T> {
    /// Keeps at most `most` rows, an even number.
    pub fn new(most: usize) -> Thinned<T> {
        Thinned { rows: Vec::new(), most, every: 1, seen: 0 }
    }

    /// Adds the row of a tick.
    pub fn add(&mut self, row: T) {
        if self.seen.is_multiple_of(self.every) {
            if self.rows.len() == self.most {
                let mut odd = false;
                self.rows.retain(|_| {
                    odd = !odd;
                    odd
                });
                self.every *= 2;
            }
            self.rows.push(row);
        }
        self.seen += 1;
    }

    /// What is kept, the first row first.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// How many of the rows of a second are kept, where one comes every millisecond.
    pub fn sampled_hz(&self) -> f64 {
        1.0 / (CYCLE_S * self.every as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_evenly_spaced_and_never_too_much() {
        let mut thinned = Thinned::new(8);
        for k in 0..100 {
            thinned.add(k);
            assert!(thinned.rows().len() <= 8);
        }
        assert_eq!(thinned.rows(), [0, 16, 32, 48, 64, 80, 96]);
        assert_eq!(thinned.sampled_hz(), 62.5);
    }
}

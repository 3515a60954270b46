//! Curves in a terminal, drawn with the dots of Braille characters: two by four in each.

/// Dots of a character: its bit by column and row (Unicode 15, block "Braille Patterns").
const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A field of dots.
pub(super) struct Plot {
    width: usize,
    height: usize,
    cells: Vec<u32>,
}

impl Plot {
    /// `width` by `height` characters.
    pub(super) fn new(width: usize, height: usize) -> Plot {
        Plot { width, height, cells: vec![0; width * height] }
    }

    /// Draws points whose coordinates lie in `x` and `y`; y points up.
    pub(super) fn points(&mut self, points: impl Iterator<Item = (f64, f64)>, x: [f64; 2], y: [f64; 2]) {
        let place = |value: f64, [low, high]: [f64; 2], dots: usize| {
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            (share.clamp(0.0, 1.0) * (dots - 1) as f64).round() as usize
        };
        for (px, py) in points.filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let column = place(px, x, 2 * self.width);
            let row = 4 * self.height - 1 - place(py, y, 4 * self.height);
            self.cells[row / 4 * self.width + column / 2] |= BITS[column % 2][row % 4];
        }
    }

    /// The rows of characters.
    pub(super) fn rows(&self) -> impl Iterator<Item = String> + '_ {
        self.cells
            .chunks(self.width)
            .map(|row| row.iter().filter_map(|bits| char::from_u32(0x2800 + bits)).collect())
    }
}

/// The least and the greatest of some numbers.
pub(super) fn extent(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
    numbers.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_a_plot_are_where_they_belong() {
        let mut plot = Plot::new(2, 1);
        plot.points([(0.0, 0.0), (1.0, 1.0)].into_iter(), [0.0, 1.0], [0.0, 1.0]);
        assert_eq!(plot.rows().collect::<Vec<_>>(), ["⡀⠈"]);
    }

    #[test]
    fn what_is_not_finite_is_not_drawn() {
        let mut plot = Plot::new(1, 1);
        plot.points([(f64::NAN, 0.0), (0.0, f64::INFINITY)].into_iter(), [0.0, 1.0], [0.0, 1.0]);
        assert_eq!(plot.rows().collect::<Vec<_>>(), ["⠀"]);
    }
}

//! Colours: those of Okabe and Ito, which colour-blind people can tell apart, on light and on dark.

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// The page.
    Paper,
    /// Words that are read.
    Text,
    /// Words that are looked up: axes, notes.
    Muted,
    /// Lines of the grid.
    Grid,
    /// The n-th of several series.
    Series(usize),
}

impl Ink {
    /// What was asked for.
    pub(super) const REFERENCE: Ink = Ink::Text;
    /// What became of it.
    pub(super) const MEASURED: Ink = Ink::Series(0);
    /// Bad news.
    pub(super) const BAD: Ink = Ink::Series(3);
    /// Good news.
    pub(super) const GOOD: Ink = Ink::Series(2);
    /// Neither.
    pub(super) const OTHER: Ink = Ink::Series(1);

    /// Red, green, blue.
    pub(super) fn rgb(self, dark: bool) -> [u8; 3] {
        const LIGHT: [[u8; 3]; 7] = [
            [0, 114, 178],
            [230, 159, 0],
            [0, 158, 115],
            [213, 94, 0],
            [204, 121, 167],
            [86, 180, 233],
            [60, 60, 60],
        ];
        const DARK: [[u8; 3]; 7] = [
            [92, 172, 238],
            [240, 178, 50],
            [46, 196, 150],
            [245, 124, 62],
            [226, 150, 192],
            [240, 228, 66],
            [200, 200, 200],
        ];
        match (self, dark) {
            (Ink::Paper, false) => [255, 255, 255],
            (Ink::Paper, true) => [20, 23, 28],
            (Ink::Text, false) => [26, 28, 32],
            (Ink::Text, true) => [232, 234, 237],
            (Ink::Muted, false) => [92, 100, 112],
            (Ink::Muted, true) => [156, 164, 176],
            (Ink::Grid, false) => [229, 231, 235],
            (Ink::Grid, true) => [44, 50, 58],
            (Ink::Series(n), false) => LIGHT[n % LIGHT.len()],
            (Ink::Series(n), true) => DARK[n % DARK.len()],
        }
    }
}

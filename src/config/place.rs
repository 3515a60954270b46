//! Where in a text: byte offsets to lines and columns.

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the sources, in the order they were layered.
    pub(super) source: usize,
    /// Line from 1.
    pub(super) line: usize,
    /// Column from 1.
    pub(super) column: usize,
}

impl Place {
    /// The place of byte `offset`; past the end means the end.
    pub(super) fn of(text: &str, source: usize, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        // Bytes 0b10xx_xxxx continue a character.
        let column = before.iter().skip(line_start).filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        Self { source, line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let place = Place::of("# π\nθ = 1", 0, "# π\nθ ".len());
        assert_eq!((place.line, place.column), (2, 3));
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        let place = Place::of("a\nb", 0, 99);
        assert_eq!((place.line, place.column), (2, 2));
    }
}

//! The typeface of the pictures, carried in the program: a machine without fonts draws the same.
use std::sync::OnceLock;
use ttf_parser::{Face, OutlineBuilder};

static REGULAR: &[u8] = include_bytes!("font/Inter-Regular.otf");
static SEMI_BOLD: &[u8] = include_bytes!("font/Inter-SemiBold.otf");

/// How thick letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

fn face(weight: Weight) -> &'static Face<'static> {
    static FACES: OnceLock<[Face<'static>; 2]> = OnceLock::new();
    let parse = |bytes| Face::parse(bytes, 0).expect("the program's own font");
    &FACES.get_or_init(|| [parse(REGULAR), parse(SEMI_BOLD)])[usize::from(weight == Weight::SemiBold)]
}

/// Width of a line of text.
pub(super) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let units = |c| face.glyph_hor_advance(face.glyph_index(c).unwrap_or_default()).unwrap_or(0);
    text.chars().map(|c| f64::from(units(c))).sum::<f64>() * size / f64::from(face.units_per_em())
}

/// Outlines of a line of text: `begin` is told where each letter begins, in the font's units, before its outline comes.
/// Gives the units of an em.
pub(super) fn outline<B: OutlineBuilder>(
    text: &str,
    weight: Weight,
    pen: &mut B,
    mut begin: impl FnMut(&mut B, f32),
) -> f32 {
    let face = face(weight);
    let mut x = 0.0;
    for c in text.chars() {
        let glyph = face.glyph_index(c).unwrap_or_default();
        begin(pen, x);
        face.outline_glyph(glyph, pen);
        x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
    }
    f32::from(face.units_per_em())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_that_labels_use_is_in_the_font() {
        for c in "µ²³·–—±×λτπθσ°→≤≥≈−⁻⁰¹⁴⁵⁶⁷⁸⁹₀₇‖…".chars()
        {
            for weight in [Weight::Regular, Weight::SemiBold] {
                assert!(face(weight).glyph_index(c).is_some(), "{c}");
            }
        }
    }
}

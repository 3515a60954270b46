//! Signs that are told apart without their colours, and what stands before the words of a legend.
use super::canvas::{Canvas, Paint, Pen};
use super::theme::Ink;

/// A sign of a few units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A triangle that points up.
    Up,
    /// One that points down.
    Down,
    /// Two strokes, crossed.
    Cross,
}

/// Half the height of a sign.
const HALF: f64 = 4.0;

impl Symbol {
    pub(super) fn draw(self, canvas: &mut Canvas, [x, y]: [f64; 2], paint: Paint) {
        let at = |dx: f64, dy: f64| [x + HALF * dx, y + HALF * dy];
        match self {
            Symbol::Up => canvas.area(vec![at(0.0, -1.0), at(1.0, 0.8), at(-1.0, 0.8)], paint),
            Symbol::Down => canvas.area(vec![at(0.0, 1.0), at(1.0, -0.8), at(-1.0, -0.8)], paint),
            Symbol::Cross => {
                for up in [-0.8, 0.8] {
                    canvas.line(vec![at(-0.8, up), at(0.8, -up)], Pen::new(paint, 1.5));
                }
            }
        }
    }
}

/// What a legend shows before its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    Patch(Paint),
    Pen(Pen),
    Symbol(Symbol, Paint),
}

impl From<Paint> for Key {
    fn from(paint: Paint) -> Key {
        Key::Patch(paint)
    }
}

impl From<Ink> for Key {
    fn from(ink: Ink) -> Key {
        Key::Patch(ink.into())
    }
}

impl From<Pen> for Key {
    fn from(pen: Pen) -> Key {
        Key::Pen(pen)
    }
}

impl Key {
    /// Fourteen units wide, before words whose base line is at `y`.
    pub(super) fn draw(self, canvas: &mut Canvas, [x, y]: [f64; 2]) {
        match self {
            Key::Patch(paint) => canvas.rectangle([x, y - 8.0], [x + 14.0, y - 1.0], paint),
            Key::Pen(pen) => canvas.line(vec![[x, y - 4.0], [x + 14.0, y - 4.0]], pen),
            Key::Symbol(symbol, paint) => symbol.draw(canvas, [x + 7.0, y - 4.0], paint),
        }
    }
}

//! What a picture is made of, and its SVG.
use super::font::{self, Weight};
use super::theme::Ink;
use std::fmt::Write as _;

/// A colour and how much of what is below it covers, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paint {
    pub(super) ink: Ink,
    pub(super) cover: f64,
}

impl From<Ink> for Paint {
    fn from(ink: Ink) -> Paint {
        Paint { ink, cover: 1.0 }
    }
}

impl Ink {
    /// The colour, letting through what is below.
    pub(super) fn thin(self, cover: f64) -> Paint {
        Paint { ink: self, cover }
    }
}

/// A line's pen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pen {
    pub(super) paint: Paint,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

impl Pen {
    pub(super) fn new(paint: impl Into<Paint>, width: f64) -> Pen {
        Pen { paint: paint.into(), width, dashed: false }
    }

    pub(super) fn dashed(self) -> Pen {
        Pen { dashed: true, ..self }
    }
}

/// Which end of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) ink: Ink,
    pub(super) anchor: Anchor,
}

impl Style {
    pub(super) fn new(size: f64, ink: Ink) -> Style {
        Style { size, weight: Weight::Regular, ink, anchor: Anchor::Start }
    }

    pub(super) fn bold(self) -> Style {
        Style { weight: Weight::SemiBold, ..self }
    }

    pub(super) fn middle(self) -> Style {
        Style { anchor: Anchor::Middle, ..self }
    }

    pub(super) fn end(self) -> Style {
        Style { anchor: Anchor::End, ..self }
    }

    pub(super) fn width(&self, text: &str) -> f64 {
        font::width(text, self.size, self.weight)
    }
}

/// One piece; x to the right, y down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Line {
        points: Vec<[f64; 2]>,
        pen: Pen,
    },
    Area {
        points: Vec<[f64; 2]>,
        paint: Paint,
    },
    Dot {
        at: [f64; 2],
        radius: f64,
        paint: Paint,
    },
    Text {
        at: [f64; 2],
        text: String,
        style: Style,
    },
    /// What follows belongs together until [`Shape::Close`].
    Open {
        name: String,
        title: String,
    },
    Close,
}

/// A picture of a size in units of its own, about a pixel of a common screen each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Canvas {
    pub(super) size: [f64; 2],
    pub(super) dark: bool,
    pub(super) shapes: Vec<Shape>,
}

impl Canvas {
    pub(super) fn new(size: [f64; 2], dark: bool) -> Canvas {
        Canvas { size, dark, shapes: Vec::new() }
    }

    pub(super) fn line(&mut self, points: Vec<[f64; 2]>, pen: Pen) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, pen });
        }
    }

    pub(super) fn area(&mut self, points: Vec<[f64; 2]>, paint: Paint) {
        self.shapes.push(Shape::Area { points, paint });
    }

    pub(super) fn rectangle(&mut self, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2], paint: Paint) {
        self.area(vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]], paint);
    }

    pub(super) fn dot(&mut self, at: [f64; 2], radius: f64, paint: impl Into<Paint>) {
        self.shapes.push(Shape::Dot { at, radius, paint: paint.into() });
    }

    pub(super) fn text(&mut self, at: [f64; 2], text: impl Into<String>, style: Style) {
        self.shapes.push(Shape::Text { at, text: text.into(), style });
    }

    pub(super) fn open(&mut self, name: &str, title: &str) {
        self.shapes.push(Shape::Open { name: name.into(), title: title.into() });
    }

    pub(super) fn close(&mut self) {
        self.shapes.push(Shape::Close);
    }

    /// The picture as SVG, `pixels` wide and high, with words for who cannot see it.
    pub(super) fn svg(&self, pixels: [u32; 2], title: &str, description: &str) -> String {
        let [w, h] = self.size;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {w:.1} {h:.1}\" role=\"img\" \
             font-family=\"Inter,'Helvetica Neue',Arial,sans-serif\" fill=\"none\" stroke-linejoin=\"round\" \
             stroke-linecap=\"round\">\n<title>{}</title>\n<desc>{}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
            pixels[0],
            pixels[1],
            escaped(title),
            escaped(description),
            self.colour(Ink::Paper)
        );
        self.shapes.iter().for_each(|shape| self.write(&mut svg, shape));
        svg.push_str("</svg>\n");
        svg
    }

    fn colour(&self, ink: Ink) -> String {
        let [r, g, b] = ink.rgb(self.dark);
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    fn write(&self, svg: &mut String, shape: &Shape) {
        let cover = |name: &str, paint: &Paint| match paint.cover {
            1.0 => String::new(),
            cover => format!(" {name}-opacity=\"{cover}\""),
        };
        // Writing to a string does not fail.
        let _ = match shape {
            Shape::Line { points, pen } => {
                let dashes = if pen.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
                let colour = self.colour(pen.paint.ink);
                let cover = cover("stroke", &pen.paint);
                let width = pen.width;
                writeln!(
                    svg,
                    "<polyline stroke=\"{colour}\" stroke-width=\"{width:.1}\"{cover}{dashes} points=\"{}\"/>",
                    list(points)
                )
            }
            Shape::Area { points, paint } => {
                let (colour, cover) = (self.colour(paint.ink), cover("fill", paint));
                writeln!(svg, "<polygon fill=\"{colour}\"{cover} points=\"{}\"/>", list(points))
            }
            Shape::Dot { at: [x, y], radius, paint } => {
                let (colour, cover) = (self.colour(paint.ink), cover("fill", paint));
                writeln!(
                    svg,
                    "<circle fill=\"{colour}\"{cover} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>"
                )
            }
            Shape::Text { at: [x, y], text, style } => {
                let anchor = match style.anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                    Anchor::End => " text-anchor=\"end\"",
                };
                let bold = if style.weight == Weight::SemiBold { " font-weight=\"600\"" } else { "" };
                let (colour, size) = (self.colour(style.ink), style.size);
                writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\" font-size=\"{size}\"{bold}{anchor}>{}</text>",
                    escaped(text)
                )
            }
            Shape::Open { name, title } => {
                writeln!(svg, "<g id=\"{}\"><title>{}</title>", escaped(name), escaped(title))
            }
            Shape::Close => writeln!(svg, "</g>"),
        };
    }
}

/// Points to a tenth of a unit, none twice in a row.
fn list(points: &[[f64; 2]]) -> String {
    let mut words: Vec<String> = points.iter().map(|[x, y]| format!("{},{}", short(*x), short(*y))).collect();
    words.dedup();
    words.join(" ")
}

fn short(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

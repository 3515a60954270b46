//! The same picture in pixels.
use super::canvas::{Anchor, Canvas, Paint, Shape};
use super::font;
use super::theme::Ink;
use tiny_skia as skia;
use tiny_skia::{FillRule, LineCap, LineJoin, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

/// The canvas as PNG, `pixels` wide and high; none when there is no memory for them.
pub(super) fn png(canvas: &Canvas, pixels: [u32; 2]) -> Option<Vec<u8>> {
    let mut map = Pixmap::new(pixels[0], pixels[1])?;
    let [r, g, b] = Ink::Paper.rgb(canvas.dark);
    map.fill(skia::Color::from_rgba8(r, g, b, 255));
    let scale = Transform::from_scale(
        pixels[0] as f32 / canvas.size[0] as f32,
        pixels[1] as f32 / canvas.size[1] as f32,
    );
    canvas.shapes.iter().for_each(|shape| draw(&mut map, shape, scale, canvas.dark));
    map.encode_png().ok()
}

fn draw(map: &mut Pixmap, shape: &Shape, scale: Transform, dark: bool) {
    match shape {
        Shape::Line { points, pen } => {
            let stroke = Stroke {
                width: pen.width as f32,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                dash: if pen.dashed { StrokeDash::new(vec![5.0, 4.0], 0.0) } else { None },
                ..Stroke::default()
            };
            if let Some(path) = path(points, false) {
                map.stroke_path(&path, &colour(pen.paint, dark), &stroke, scale, None);
            }
        }
        Shape::Area { points, paint } => {
            if let Some(path) = path(points, true) {
                map.fill_path(&path, &colour(*paint, dark), FillRule::Winding, scale, None);
            }
        }
        Shape::Dot { at: [x, y], radius, paint } => {
            if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                map.fill_path(&path, &colour(*paint, dark), FillRule::Winding, scale, None);
            }
        }
        Shape::Text { at: [x, y], text, style } => {
            let width = style.width(text);
            let left = match style.anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - 0.5 * width,
                Anchor::End => x - width,
            };
            let mut letters = Letters::default();
            let em = font::outline(text, style.weight, &mut letters, |letters, x| letters.x = x);
            let size = style.size as f32 / em;
            if let Some(path) = letters.path.finish() {
                let place = scale.pre_translate(left as f32, *y as f32).pre_scale(size, -size);
                map.fill_path(&path, &colour(style.ink.into(), dark), FillRule::Winding, place, None);
            }
        }
        Shape::Open { .. } | Shape::Close => {}
    }
}

fn path(points: &[[f64; 2]], closed: bool) -> Option<skia::Path> {
    let mut path = PathBuilder::new();
    for (k, [x, y]) in points.iter().enumerate() {
        match k {
            0 => path.move_to(*x as f32, *y as f32),
            _ => path.line_to(*x as f32, *y as f32),
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn colour(paint: Paint, dark: bool) -> skia::Paint<'static> {
    let [r, g, b] = paint.ink.rgb(dark);
    let mut colour = skia::Paint::default();
    colour.set_color_rgba8(r, g, b, (255.0 * paint.cover.clamp(0.0, 1.0)).round() as u8);
    colour
}

/// Outlines of letters, side by side.
#[derive(Default)]
struct Letters {
    path: PathBuilder,
    x: f32,
}

impl ttf_parser::OutlineBuilder for Letters {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

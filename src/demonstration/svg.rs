//! The lines of an SVG file as strokes on a plane.
use super::csv::POINTS_MAX;
use super::plane::Plane;
use crate::kinematics::Point;
use kurbo::{Affine, BezPath, PathEl, Shape};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use usvg::tiny_skia_path::PathSegment;
use usvg::{Group, ImageHrefResolver, Node, Tree};

/// The largest file read, bytes.
const BYTES_MAX: u64 = 4 << 20;
/// How far a line of points may be from the curve that it stands for, m.
const FLAT_M: f64 = 2e-5;

/// Why a file is no drawing.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}: {bytes} bytes, allowed {BYTES_MAX}; simplify it", file.display())]
    TooLarge { file: PathBuf, bytes: u64 },
    #[error("{}: no SVG: {why}", file.display())]
    NotSvg { file: PathBuf, why: String },
    #[error("{}: no line is drawn in it; text and pictures are not: convert them to paths, and give each a stroke or a fill", file.display())]
    Nothing { file: PathBuf },
    #[error("{}: more than {POINTS_MAX} points; simplify it", file.display())]
    TooManyPoints { file: PathBuf },
}

/// What became of a drawing on its way to the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Whose.
    pub file: PathBuf,
    /// Lines drawn in one go.
    pub strokes: usize,
    /// How often the pen is lifted.
    pub lifts: usize,
    /// Its width and height on the plane, m.
    pub size_m: [f64; 2],
}

impl Display for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [width, height] = self.size_m.map(|m| 1e3 * m);
        write!(f, "{}: {width:.0} x {height:.0} mm on the plane of drawing.plane", self.file.display())?;
        if self.strokes > 1 {
            write!(f, "; {} strokes, the pen lifted {} times", self.strokes, self.lifts)?;
        }
        Ok(())
    }
}

/// The drawing in `file`, as large as the plane allows and in its middle, as points of the end effector (base frame, m).
///
/// # Errors
/// [`Error`].
pub fn read(file: &Path, plane: &Plane) -> Result<(Vec<Point>, Placed), Error> {
    let failed = |source| Error::Read { file: file.to_owned(), source };
    let bytes = std::fs::metadata(file).map_err(failed)?.len();
    if bytes > BYTES_MAX {
        return Err(Error::TooLarge { file: file.to_owned(), bytes });
    }
    place(file, &std::fs::read(file).map_err(failed)?, plane)
}

/// [`read`] of bytes that came from a file called `file`.
///
/// # Errors
/// As [`read`].
pub fn place(file: &Path, bytes: &[u8], plane: &Plane) -> Result<(Vec<Point>, Placed), Error> {
    // A drawing may name other files: none of them is opened.
    let image_href_resolver =
        ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = usvg::Options { image_href_resolver, ..usvg::Options::default() };
    let tree = Tree::from_data(bytes, &options)
        .map_err(|e| Error::NotSvg { file: file.to_owned(), why: e.to_string() })?;
    let mut drawing = BezPath::new();
    gather(tree.root(), &mut drawing);
    let around = drawing.bounding_box();
    let longest = around.width().max(around.height());
    if drawing.segments().next().is_none() || !longest.is_finite() || longest <= 0.0 {
        return Err(Error::Nothing { file: file.to_owned() });
    }
    // A side that is no wider than a line allows any scale.
    let fits = |side: f64, room_m: f64| if side > 1e-9 * longest { room_m / side } else { f64::INFINITY };
    let scale = fits(around.width(), plane.size_m[0]).min(fits(around.height(), plane.size_m[1]));
    // On paper y points down.
    let onto = Affine::scale_non_uniform(scale, -scale) * Affine::translate(-around.center().to_vec2());
    let strokes = flat(&(onto * drawing)).ok_or_else(|| Error::TooManyPoints { file: file.to_owned() })?;
    let (line, lifts) = plane.line(&strokes);
    let size_m = [scale * around.width(), scale * around.height()];
    Ok((line, Placed { file: file.to_owned(), strokes: strokes.len(), lifts, size_m }))
}

/// All that is drawn in a group, in its order and where it is on the page.
fn gather(group: &Group, drawing: &mut BezPath) {
    for node in group.children() {
        match node {
            Node::Group(group) => gather(group, drawing),
            Node::Path(path) if path.is_visible() => {
                let t = path.abs_transform();
                let at = |p: usvg::tiny_skia_path::Point| {
                    let (x, y) = (f64::from(p.x), f64::from(p.y));
                    let [sx, ky, kx, sy, tx, ty] = [t.sx, t.ky, t.kx, t.sy, t.tx, t.ty].map(f64::from);
                    kurbo::Point::new(sx * x + kx * y + tx, ky * x + sy * y + ty)
                };
                drawing.extend(path.data().segments().map(|segment| match segment {
                    PathSegment::MoveTo(p) => PathEl::MoveTo(at(p)),
                    PathSegment::LineTo(p) => PathEl::LineTo(at(p)),
                    PathSegment::QuadTo(p, q) => PathEl::QuadTo(at(p), at(q)),
                    PathSegment::CubicTo(p, q, r) => PathEl::CurveTo(at(p), at(q), at(r)),
                    PathSegment::Close => PathEl::ClosePath,
                }));
            }
            Node::Path(_) | Node::Image(_) | Node::Text(_) => {}
        }
    }
}

/// Strokes of straight pieces (m); none of too many points.
fn flat(drawing: &BezPath) -> Option<Vec<Vec<[f64; 2]>>> {
    let (mut strokes, mut points) = (Vec::<Vec<[f64; 2]>>::new(), 0);
    kurbo::flatten(drawing, FLAT_M, |piece| {
        points += 1;
        match (piece, strokes.last_mut()) {
            _ if points > POINTS_MAX => {}
            (PathEl::MoveTo(p), _) => strokes.push(vec![[p.x, p.y]]),
            (PathEl::LineTo(p), Some(stroke)) => stroke.push([p.x, p.y]),
            (PathEl::ClosePath, Some(stroke)) => stroke.extend(stroke.first().copied()),
            _ => {}
        }
    });
    strokes.retain(|stroke| stroke.len() > 1);
    (points <= POINTS_MAX).then_some(strokes)
}

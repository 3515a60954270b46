//! One panel: what is in it, and how it is drawn into a place on the page.
use super::canvas::{Canvas, Paint, Pen, Style};
use super::scale::Scale;
use super::symbol::{Key, Symbol};
use super::theme::Ink;
use super::thin;

/// Sizes of letters.
const TITLE: f64 = 14.0;
const SMALL: f64 = 11.0;
/// From the panel's top to the plot's without keys, and a row of keys.
const HEAD: f64 = 60.0;
const KEY_ROW: f64 = 18.0;
/// Between two keys.
const KEY_GAP: f64 = 16.0;
/// From the plot's floor to the middle of signs that stand on it.
const RUG: f64 = 7.0;
/// Below the plot, and beside it where no label stands.
const FOOT: f64 = 36.0;
const SIDE: f64 = 14.0;
/// Between the base lines of two labels.
const LABEL_STEP: f64 = 14.0;
/// Width of a column in which only the least and the greatest point are drawn.
const COLUMN: f64 = 1.0;
/// How far a line may pass by a point that it leaves out.
const TOLERANCE: f64 = 0.12;

/// An axis: what it measures, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) scale: Scale,
    /// Words at values, instead of round numbers.
    pub(super) names: Option<Vec<(f64, String)>>,
}

impl Axis {
    pub(super) fn new(label: impl Into<String>, scale: Scale) -> Axis {
        Axis { label: label.into(), scale, names: None }
    }
}

/// What is drawn into a panel, in the units of its axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A function of x; a point that is not finite is a gap. The label stands at its end.
    Line { points: Vec<[f64; 2]>, pen: Pen, label: String },
    /// Any curve, as wide as `radius` to both sides where that is given.
    Path { points: Vec<[f64; 2]>, pen: Pen, radius: Option<f64> },
    /// From y to y, by x.
    Band { points: Vec<[f64; 3]>, paint: Paint },
    /// A line across the panel with its label at the end.
    Level { y: f64, pen: Pen, label: String },
    /// A line up the panel with its label at the top.
    Moment { x: f64, pen: Pen, label: String },
    /// A rectangle from a corner to the opposite one.
    Box { from: [f64; 2], to: [f64; 2], paint: Paint },
    /// Signs at places.
    Signs { points: Vec<[f64; 2]>, symbol: Symbol, paint: Paint },
    /// Signs along the plot's floor, where only x tells something.
    Rug { xs: Vec<f64>, symbol: Symbol, paint: Paint },
    /// Single points.
    Dots { points: Vec<[f64; 2]>, radius: f64, paint: Paint },
}

/// A panel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    /// What `--panel` calls it.
    pub(super) name: &'static str,
    pub(super) title: String,
    /// At which rate it was sampled, and what is drawn of that.
    pub(super) note: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// A metre is as long on both axes.
    pub(super) is_true_to_scale: bool,
    pub(super) marks: Vec<Mark>,
    /// What colours mean that no label tells.
    pub(super) keys: Vec<(Key, String)>,
}

impl Chart {
    pub(super) fn new(name: &'static str, title: &str, note: impl Into<String>, x: Axis, y: Axis) -> Chart {
        Chart {
            name,
            title: title.into(),
            note: note.into(),
            x,
            y,
            is_true_to_scale: false,
            marks: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(super) fn key(&mut self, key: impl Into<Key>, words: impl Into<String>) {
        self.keys.push((key.into(), words.into()));
    }

    /// Draws it with its left upper corner at `at`.
    pub(super) fn draw(&self, canvas: &mut Canvas, at: [f64; 2], [width, height]: [f64; 2]) {
        canvas.open(self.name, &format!("{}. {}", self.title, self.note));
        let label = Style::new(SMALL, Ink::Text);
        let y_ticks = self.y.ticks(((height - 90.0) / 42.0).max(2.0) as usize);
        let widest =
            |words: &mut dyn Iterator<Item = &str>| words.map(|w| label.width(w)).fold(0.0, f64::max);
        let left = widest(&mut y_ticks.iter().map(|(_, words)| words.as_str())) + 9.0;
        let right = match widest(&mut self.end_labels()) {
            0.0 => SIDE,
            wide => wide + 10.0,
        };
        let keys = self.key_places(width);
        let head = HEAD + KEY_ROW * keys.last().map_or(0.0, |[_, row]| row + 1.0);
        let low = [at[0] + left, at[1] + height - FOOT];
        let high = [at[0] + width - right, at[1] + head];
        let plot = self.fitted(Plot { x: self.x.scale, y: self.y.scale, low, high });
        let note = match self.draw_marks_thinned(&plot) {
            true => format!("{}, drawn min/max per pixel", self.note),
            false => self.note.clone(),
        };
        canvas.text([at[0], at[1] + 16.0], &self.title, Style::new(TITLE, Ink::Text).bold());
        canvas.text([at[0], at[1] + 33.0], note, Style::new(SMALL, Ink::Muted));
        for ((key, words), [x, row]) in self.keys.iter().zip(keys) {
            let [x, y] = [at[0] + x, at[1] + 51.0 + KEY_ROW * row];
            key.draw(canvas, [x, y]);
            canvas.text([x + 19.0, y], words, label);
        }
        self.draw_axes(canvas, &plot, at[0] + left);
        self.marks.iter().for_each(|mark| plot.draw(canvas, mark));
        self.draw_end_labels(canvas, &plot);
        canvas.close();
    }

    /// Whether a function has more points than columns.
    fn draw_marks_thinned(&self, plot: &Plot) -> bool {
        self.marks.iter().any(|mark| match mark {
            Mark::Line { points, .. } => thin::by_column(&plot.places(points), COLUMN).is_some(),
            _ => false,
        })
    }

    /// The plot with one axis lengthened until a metre is as long on both.
    fn fitted(&self, mut plot: Plot) -> Plot {
        if !self.is_true_to_scale {
            return plot;
        }
        let (w, h) = (plot.high[0] - plot.low[0], plot.low[1] - plot.high[1]);
        let unit = ((plot.x.high - plot.x.low) / w).max((plot.y.high - plot.y.low) / h);
        for (scale, length) in [(&mut plot.x, w), (&mut plot.y, h)] {
            let middle = 0.5 * (scale.low + scale.high);
            *scale = Scale::linear(middle - 0.5 * unit * length, middle + 0.5 * unit * length);
        }
        plot
    }

    fn end_labels(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Line { label, .. } | Mark::Level { label, .. } if !label.is_empty() => Some(label.as_str()),
            _ => None,
        })
    }

    /// Where each key begins, and in which row of the legend; one that does not fit goes to the next.
    fn key_places(&self, width: f64) -> Vec<[f64; 2]> {
        let style = Style::new(SMALL, Ink::Text);
        let [mut x, mut row] = [0.0, 0.0];
        let place = |(_, words): &(Key, String)| {
            let wide = 19.0 + style.width(words);
            if x > 0.0 && x + wide > width {
                [x, row] = [0.0, row + 1.0];
            }
            let place = [x, row];
            x += wide + KEY_GAP;
            place
        };
        self.keys.iter().map(place).collect()
    }

    fn draw_axes(&self, canvas: &mut Canvas, plot: &Plot, left: f64) {
        let muted = Style::new(SMALL, Ink::Muted);
        let y = Axis { scale: plot.y, ..self.y.clone() };
        for (value, words) in y.ticks(((plot.low[1] - plot.high[1]) / 42.0).max(2.0) as usize) {
            let place = plot.place([plot.x.low, value]);
            canvas.line(vec![place, [plot.high[0], place[1]]], Pen::new(Ink::Grid, 1.0));
            canvas.text([left - 6.0, place[1] + 4.0], words, muted.end());
        }
        let x = Axis { scale: plot.x, ..self.x.clone() };
        for (value, words) in x.ticks(((plot.high[0] - plot.low[0]) / 72.0).max(2.0) as usize) {
            let place = plot.place([value, plot.y.low]);
            canvas.line(vec![place, [place[0], place[1] + 4.0]], Pen::new(Ink::Muted, 1.0));
            canvas.text([place[0], place[1] + 16.0], words, muted.middle());
        }
        canvas.line(vec![plot.low, [plot.high[0], plot.low[1]]], Pen::new(Ink::Muted, 1.0));
        canvas.text([plot.high[0], plot.low[1] + 30.0], &self.x.label, muted.end());
        canvas.text([left, plot.high[1] - 7.0], &self.y.label, muted);
    }

    /// Labels at the ends of lines and levels, apart from each other.
    fn draw_end_labels(&self, canvas: &mut Canvas, plot: &Plot) {
        let mut labels: Vec<(f64, &str, Ink)> = self
            .marks
            .iter()
            .filter_map(|mark| {
                let (y, label, pen) = match mark {
                    Mark::Line { points, label, pen } => {
                        (points.iter().rev().find(|p| p[1].is_finite())?[1], label, pen)
                    }
                    Mark::Level { y, label, pen } => (*y, label, pen),
                    _ => return None,
                };
                let place = plot.place([plot.x.high, y]);
                (!label.is_empty()).then_some((place[1] + 4.0, label.as_str(), pen.paint.ink))
            })
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        for k in 1..labels.len() {
            labels[k].0 = labels[k].0.max(labels[k - 1].0 + LABEL_STEP);
        }
        // What was pushed beyond the plot pushes back.
        let mut floor = plot.low[1] + 4.0;
        for label in labels.iter_mut().rev() {
            label.0 = label.0.min(floor);
            floor = label.0 - LABEL_STEP;
        }
        for (y, words, ink) in labels {
            canvas.text([plot.high[0] + 6.0, y], words, Style::new(SMALL, ink));
        }
    }
}

impl Axis {
    fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        self.names.clone().unwrap_or_else(|| self.scale.ticks(wanted))
    }
}

/// Where on the page which values are.
struct Plot {
    x: Scale,
    y: Scale,
    /// Left lower and right upper corner on the page.
    low: [f64; 2],
    high: [f64; 2],
}

impl Plot {
    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            self.low[0] + self.x.place(x) * (self.high[0] - self.low[0]),
            self.low[1] + self.y.place(y) * (self.high[1] - self.low[1]),
        ]
    }

    fn places(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        points.iter().filter(|p| is_finite(p)).map(|p| self.place(*p)).collect()
    }

    fn draw(&self, canvas: &mut Canvas, mark: &Mark) {
        match mark {
            Mark::Line { points, pen, .. } => {
                for points in points.split(|p| !is_finite(p)) {
                    let places = self.places(points);
                    let drawn = thin::by_column(&places, COLUMN).unwrap_or(places);
                    match drawn.as_slice() {
                        [alone] => canvas.dot(*alone, pen.width, pen.paint),
                        _ => canvas.line(thin::straightened(&drawn, TOLERANCE), *pen),
                    }
                }
            }
            Mark::Path { points, pen, radius } => {
                let unit = (self.high[0] - self.low[0]) / (self.x.high - self.x.low);
                let width = radius.map_or(pen.width, |radius| 2.0 * radius * unit);
                canvas.line(thin::straightened(&self.places(points), TOLERANCE), Pen { width, ..*pen });
            }
            Mark::Band { points, paint } => {
                for points in points.split(|p| !p.iter().all(|x| x.is_finite())) {
                    let edge = |side: usize| points.iter().map(move |p| self.place([p[0], p[side]]));
                    if points.len() > 1 {
                        canvas.area(edge(1).chain(edge(2).rev()).collect(), *paint);
                    }
                }
            }
            Mark::Level { y, pen, .. } => {
                let y = self.place([self.x.low, *y])[1];
                canvas.line(vec![[self.low[0], y], [self.high[0], y]], *pen);
            }
            Mark::Moment { x, pen, label } => {
                let x = self.place([*x, self.y.low])[0];
                canvas.line(vec![[x, self.low[1]], [x, self.high[1]]], *pen);
                let style = Style::new(SMALL, pen.paint.ink);
                let is_right = x + 4.0 + style.width(label) > self.high[0];
                let (x, style) = if is_right { (x - 4.0, style.end()) } else { (x + 4.0, style) };
                canvas.text([x, self.high[1] + 10.0], label, style);
            }
            Mark::Box { from, to, paint } => {
                let [[x0, y0], [x1, y1]] = [self.place(*from), self.place(*to)];
                // What happened in one tick of many is still to be seen.
                canvas.rectangle([x0, y0], [x1.max(x0 + 1.0), y1], *paint);
            }
            Mark::Signs { points, symbol, paint } => {
                self.places(points).into_iter().for_each(|at| symbol.draw(canvas, at, *paint));
            }
            Mark::Rug { xs, symbol, paint } => {
                for x in xs.iter().filter(|x| x.is_finite()) {
                    let x = self.place([*x, self.y.low])[0];
                    symbol.draw(canvas, [x, self.low[1] - RUG], *paint);
                }
            }
            Mark::Dots { points, radius, paint } => {
                self.places(points).into_iter().for_each(|at| canvas.dot(at, *radius, *paint));
            }
        }
    }
}

fn is_finite(point: &[f64; 2]) -> bool {
    point.iter().all(|x| x.is_finite())
}

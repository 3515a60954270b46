//! Pictures of what a command reported and of what an episode holds: one page of panels, as SVG or PNG.
//!
//! The same canvas becomes both; its typeface is carried in the program. `docs/plots.md` says what each panel shows.
mod canvas;
mod chart;
mod episode;
mod font;
mod geometry;
mod raster;
mod report;
mod rows;
mod scale;
mod symbol;
mod theme;
mod thin;

pub use episode::of_episode;
pub use report::of_report;

use canvas::{Canvas, Style};
use chart::Chart;
use std::path::PathBuf;
use theme::Ink;

/// Width of a page in its own units, with one panel and with several.
const WIDTH: [f64; 2] = [800.0, 1200.0];
/// Height of a panel alone, of a row of panels, and the least of a row; a page's margin; a line of its head.
const HEIGHT: [f64; 2] = [480.0, 320.0];
const HEIGHT_MIN: f64 = 200.0;
const MARGIN: f64 = 28.0;
const HEAD: f64 = 42.0;
const HEAD_LINE: f64 = 18.0;
/// Between panels side by side.
const GUTTER: f64 = 36.0;
/// Pixels of a PNG to a unit where no size is asked for: fine enough for a slide.
const FINENESS: f64 = 2.0;
/// Allowed pixels of a side.
pub const PIXELS: std::ops::RangeInclusive<u32> = 200..=10_000;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}: no report and no episode: {why}; allowed: what --report wrote, or an episode (.mcap)", file.display())]
    Foreign { file: PathBuf, why: String },
    #[error("{}: a report of schema {schema}, this version reads {}: use a newer franka-imit", file.display(), crate::telemetry::SCHEMA)]
    Newer { file: PathBuf, schema: u64 },
    #[error("{}: not what a report of '{command}' holds: {why}", file.display())]
    Shape { file: PathBuf, command: String, why: String },
    #[error("{}: a report of '{command}' has nothing to draw{why}; what can be drawn: reports of {}, and episodes", file.display(), report::DRAWN)]
    Nothing { file: PathBuf, command: String, why: String },
    #[error("--panel {panel}: not in this picture; allowed: {}", allowed.join(", "))]
    NoPanel { panel: String, allowed: Vec<&'static str> },
    #[error("{}x{} pixels: there is no memory for them", pixels[0], pixels[1])]
    Memory { pixels: [u32; 2] },
}

/// How a picture is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Width and height, pixels; what suits the panels where none is given.
    pub pixels: Option<[u32; 2]>,
    /// Light on dark.
    pub dark: bool,
}

/// A page of panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    title: String,
    /// What is said below the title.
    lines: Vec<String>,
    charts: Vec<Chart>,
}

impl Page {
    /// Names of the panels, in order.
    pub fn panels(&self) -> Vec<&'static str> {
        self.charts.iter().map(|chart| chart.name).collect()
    }

    /// The page with one panel alone.
    ///
    /// # Errors
    /// [`Error::NoPanel`].
    pub fn only(mut self, panel: &str) -> Result<Page, Error> {
        let allowed = self.panels();
        self.charts.retain(|chart| chart.name == panel);
        if self.charts.is_empty() {
            return Err(Error::NoPanel { panel: panel.to_owned(), allowed });
        }
        Ok(self)
    }

    /// The picture as SVG.
    pub fn svg(&self, look: &Look) -> String {
        let canvas = self.draw(look);
        let panels = self.charts.iter().map(|chart| format!("{} ({})", chart.title, chart.note));
        let words = self.lines.iter().cloned().chain(panels).collect::<Vec<_>>().join(". ");
        let pixels = look.pixels.unwrap_or(canvas.size.map(|units| units.round() as u32));
        canvas.svg(pixels, &self.title, &words)
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn png(&self, look: &Look) -> Result<Vec<u8>, Error> {
        let canvas = self.draw(look);
        let pixels = look.pixels.unwrap_or(canvas.size.map(|units| (FINENESS * units).round() as u32));
        raster::png(&canvas, pixels).ok_or(Error::Memory { pixels })
    }

    fn draw(&self, look: &Look) -> Canvas {
        let columns = self.charts.len().clamp(1, 2);
        let rows = self.charts.len().div_ceil(columns).max(1);
        let width = WIDTH[columns - 1];
        let head = MARGIN + HEAD + HEAD_LINE * self.lines.len() as f64;
        let least = head + MARGIN + HEIGHT_MIN * rows as f64;
        let [width, height] = match look.pixels.map(|pixels| pixels.map(f64::from)) {
            // A low picture has smaller letters rather than none.
            Some([w, h]) if width * h < least * w => [least * w / h, least],
            Some([w, h]) => [width, width * h / w],
            None => [width, head + MARGIN + HEIGHT[columns - 1] * rows as f64],
        };
        let mut canvas = Canvas::new([width, height], look.dark);
        canvas.text([MARGIN, MARGIN + 16.0], &self.title, Style::new(20.0, Ink::Text).bold());
        for (k, line) in self.lines.iter().enumerate() {
            let y = MARGIN + 20.0 + HEAD_LINE * (k + 1) as f64;
            canvas.text([MARGIN, y], line, Style::new(12.0, Ink::Muted));
        }
        let panel_height = (height - head - MARGIN) / rows as f64;
        let full = width - 2.0 * MARGIN;
        let panel_width = (full - GUTTER * (columns - 1) as f64) / columns as f64;
        for (k, chart) in self.charts.iter().enumerate() {
            let (row, column) = (k / columns, k % columns);
            let is_alone = k + 1 == self.charts.len() && column == 0;
            let at = [MARGIN + column as f64 * (panel_width + GUTTER), head + row as f64 * panel_height];
            chart.draw(&mut canvas, at, [if is_alone { full } else { panel_width }, panel_height - 12.0]);
        }
        canvas
    }
}

//! `plot`: pictures of reports and episodes.
use super::common::check_writable;
use super::exit::usage;
use crate::atomic_file;
use crate::demonstration::episode::{self, EXTENSION, PART};
use crate::demonstration::{demo, store};
use crate::plot::{self, Look, Page};
use std::path::{Path, PathBuf};

/// Draw a report or an episode: path, errors, loss, policies, limiter, timing; joints, speeds and forces. Each panel says
/// its own sampling rate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What --report wrote, or an episode: its file, or its name.
    #[arg(value_name = "REPORT|EPISODE")]
    of: String,
    /// Where the picture goes; the ending says what it is.
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    out: PathBuf,
    /// The folder of the episodes.
    #[arg(long, value_name = "FOLDER", default_value = demo::FOLDER)]
    dir: PathBuf,
    /// This panel alone; a name that is not there is answered with those that are.
    #[arg(long, value_name = "NAME")]
    panel: Option<String>,
    /// Width and height, pixels. [default: what suits the panels]
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[u32; 2]>,
    /// Light on dark.
    #[arg(long)]
    dark: bool,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let is_png = args.check_out()?;
    let page = args.page()?;
    let page = match &args.panel {
        Some(panel) => page.only(panel).map_err(usage)?,
        None => page,
    };
    let look = Look { pixels: args.size, dark: args.dark };
    let bytes = if is_png { page.png(&look)? } else { page.svg(&look).into_bytes() };
    atomic_file::write(&args.out, &bytes)
        .map_err(|e| anyhow::anyhow!("the picture {} cannot be written: {e}", args.out.display()))?;
    say!(
        "picture  {}: {}; {:.0} kB",
        args.out.display(),
        page.panels().join(", "),
        bytes.len() as f64 * 1e-3
    );
    Ok(())
}

impl Args {
    /// Whether a PNG is wanted; refuses a place where no picture may go.
    fn check_out(&self) -> anyhow::Result<bool> {
        let out = &self.out;
        let is_png = match out.extension().and_then(|e| e.to_str()) {
            Some("png") => true,
            Some("svg") => false,
            _ => return Err(usage(format!("--out {}: allowed: a file .svg or .png", out.display()))),
        };
        check_writable("--out", Some(out))?;
        if out.exists() && !self.force {
            return Err(usage(format!(
                "--out {}: is there, and is not overwritten: choose another name, or give --force",
                out.display()
            )));
        }
        Ok(is_png)
    }

    fn page(&self) -> anyhow::Result<Page> {
        let file = Path::new(&self.of);
        let is_episode = |file: &Path| file.extension().is_some_and(|e| e == EXTENSION || e == PART);
        let is_report = file.is_file() || file.extension().is_some_and(|e| e == "json");
        if is_report && !is_episode(file) {
            let failed = |source| plot::Error::Read { file: file.to_owned(), source };
            let bytes = std::fs::read(file).map_err(failed).map_err(usage)?;
            let text = String::from_utf8_lossy(&bytes);
            return plot::of_report(&text, file).map_err(usage);
        }
        let file = store::find(&self.dir, &self.of).map_err(usage)?;
        let reading = episode::read(&file).map_err(usage)?;
        reading.damage.iter().for_each(|damage| say!("damage   {damage}"));
        let name = store::name_of(&file).unwrap_or_else(|| self.of.clone());
        Ok(plot::of_episode(&reading, &name))
    }
}

/// What `--size` says.
fn size(text: &str) -> Result<[u32; 2], String> {
    let allowed = || {
        let (low, high) = (plot::PIXELS.start(), plot::PIXELS.end());
        format!("allowed: WIDTHxHEIGHT in pixels, each {low} to {high}, as 1600x900")
    };
    let (width, height) = text.split_once('x').ok_or_else(allowed)?;
    let pixels = |text: &str| text.parse().ok().filter(|n| plot::PIXELS.contains(n)).ok_or_else(allowed);
    Ok([pixels(width)?, pixels(height)?])
}

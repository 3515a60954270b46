//! `demos ls`.
use super::super::exit::usage;
use crate::demonstration::episode::Reading;
use crate::demonstration::store::{self, Entry, Quality};
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON, keys with units in their names.
    #[arg(long)]
    json: bool,
    /// List the trash instead.
    #[arg(long)]
    trash: bool,
}

const HEAD: [&str; 10] = [
    "name",
    "task",
    "length s",
    "rate Hz",
    "missing",
    "jerk m/s³",
    "idle s",
    "limit rad",
    "speed %",
    "success",
];

pub(super) fn run(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let files = match args.trash {
        true => store::thrown_away(dir, None),
        false => store::files(dir).map_err(usage)?,
    };
    let (mut rows, mut list, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    // One at a time: a folder of long episodes is more than the memory holds.
    for file in &files {
        let entry = store::entry(file);
        match args.json {
            true => list.push(value(&entry)),
            false => {
                rows.push(row(&entry));
                notes.extend(wrong(&entry).into_iter().map(|words| format!("{}: {words}", entry.name)));
            }
        }
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(());
    }
    if rows.is_empty() {
        say!("no episodes in {}", dir.display());
        return Ok(());
    }
    rows.insert(0, HEAD.map(String::from));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, width))| match i {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        say!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    notes.iter().for_each(|note| say!("{note}"));
    Ok(())
}

/// What is wrong with a file, in words.
fn wrong(entry: &Entry) -> Vec<String> {
    let mut words: Vec<String> = match &entry.reading {
        Ok(reading) => reading.damage.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    };
    if entry.is_part {
        words.push("being recorded, or cut off".to_string());
    }
    if entry.reading.is_ok() && !words.is_empty() {
        words.push(format!("save it with 'franka-imit demos repair {}'", entry.name));
    }
    words
}

fn row(entry: &Entry) -> [String; 10] {
    let dash = || "-".to_string();
    let Ok(Reading { episode, damage, .. }) = &entry.reading else {
        let mut row: [String; 10] = std::array::from_fn(|_| dash());
        (row[0], row[1]) = (entry.name.clone(), "(unreadable)".to_string());
        return row;
    };
    let q = Quality::of(episode);
    let is_whole = damage.is_empty() && !entry.is_part;
    let short: String = episode.meta.task.chars().take(32).collect();
    [
        format!("{}{}", entry.name, if is_whole { "" } else { " (damaged)" }),
        short,
        format!("{:.2}", q.length_s),
        format!("{:.1}", q.rate_hz),
        if q.gaps == 0 { "0".to_string() } else { format!("{} in {}", q.missing, q.gaps) },
        q.jerk_m_s3.map_or(dash(), |jerk| format!("{jerk:.2}")),
        q.idle.map_or("all".to_string(), |idle| format!("{:.1}+{:.1}", idle.start_s, idle.end_s)),
        format!("{:.2} (j{})", q.margin.rad, q.margin.joint),
        format!("{:.0}", 100.0 * q.velocity_share),
        match episode.meta.success {
            Some(true) => "yes".to_string(),
            Some(false) => "no".to_string(),
            None => dash(),
        },
    ]
}

fn value(entry: &Entry) -> Value {
    let (file, wrong) = (entry.file.display().to_string(), wrong(entry));
    match &entry.reading {
        Err(_) => json!({ "name": entry.name, "file": file, "wrong": wrong }),
        Ok(Reading { episode, .. }) => json!({
            "name": entry.name,
            "file": file,
            "wrong": wrong,
            "episode": episode.meta,
            "robot": episode.meta.robot,
            "end": episode.end,
            "quality": Quality::of(episode),
        }),
    }
}

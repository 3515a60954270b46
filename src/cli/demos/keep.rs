//! `demos rm`, `restore`, `trim` and `repair`.
use super::super::exit::usage;
use super::find;
use crate::demonstration::store::{self, Error, Repaired, Trimmed};
use std::path::Path;

/// Some episodes.
#[derive(Debug, clap::Args)]
pub(super) struct Names {
    /// Names of episodes, or their files.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Some episodes, or all.
#[derive(Debug, clap::Args)]
pub(super) struct Some {
    /// Names of episodes, or their files. [default: all in the folder]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Does something to each; what cannot be done to one does not keep it from the others.
fn each(names: &[String], mut act: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let failed: Vec<anyhow::Error> = names.iter().filter_map(|name| act(name).err()).collect();
    match failed.len() {
        0 => Ok(()),
        1 => failed.into_iter().next().map_or(Ok(()), Err),
        _ => Err(usage(failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n       "))),
    }
}

/// What the user can mend, and what the machine has done.
fn words(error: Error) -> anyhow::Error {
    match error {
        Error::Io { .. } => error.into(),
        _ => usage(error),
    }
}

pub(super) fn rm(args: &Names, dir: &Path) -> anyhow::Result<()> {
    each(&args.names, |name| {
        let to = store::throw_away(&find(dir, name)?).map_err(words)?;
        say!("removed  {name}; it is in {} ('franka-imit demos restore {name}' puts it back)", to.display());
        Ok(())
    })
}

pub(super) fn restore(args: &Names, dir: &Path) -> anyhow::Result<()> {
    each(&args.names, |name| {
        let file = store::put_back(dir, name).map_err(words)?;
        say!("restored {}", file.display());
        Ok(())
    })
}

pub(super) fn trim(args: &Names, dir: &Path) -> anyhow::Result<()> {
    each(&args.names, |name| {
        match store::trim(&find(dir, name)?).map_err(words)? {
            Option::Some(Trimmed { old, start, end }) => say!(
                "trimmed  {name}: {:.2} s cut off at the beginning, {:.2} s at the end; the longer one is {}",
                start as f64 * 1e-3,
                end as f64 * 1e-3,
                old.display()
            ),
            None => say!("trimmed  {name}: nothing to cut off"),
        }
        Ok(())
    })
}

pub(super) fn repair(args: &Some, dir: &Path) -> anyhow::Result<()> {
    let names = match args.names.is_empty() {
        false => args.names.clone(),
        true => {
            let files = store::files(dir).map_err(usage)?;
            let shown =
                |file: &std::path::PathBuf| file.file_name().map(|n| n.to_string_lossy().into_owned());
            files.iter().filter_map(shown).collect()
        }
    };
    each(&names, |name| {
        match store::repair(&find(dir, name)?).map_err(words)? {
            Option::Some(Repaired { file, old, ticks, damage }) => {
                say!("repaired {}: {ticks} ticks ({:.2} s) saved", file.display(), ticks as f64 * 1e-3);
                damage.iter().for_each(|damage| say!("         {damage}"));
                if old != file {
                    say!("         the damaged file is {}", old.display());
                }
            }
            None => say!("whole    {name}"),
        }
        Ok(())
    })
}

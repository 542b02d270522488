//! `outage-replay demo`: the founding case from an archive that is inside the program, for those who have no checkout.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use clap::FromArgMatches;
use outage_replay::report::printable;

use super::results::Output;
use super::{Cli, command, usage};

/// The files of `data/dprk-2014`, as `build.rs` packs them: the length of the name (two octets, little-endian), the name, the length of
/// the content (four octets), the content.
const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/demo.bin"));

/// The question of the README.
const QUESTION: [&str; 6] = ["--asn", "131279", "--from", "2014-12-22T12:00", "--to", "2014-12-23T20:00"];

/// The arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Write the archive into this new folder instead, and say how to ask about it
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// No progress on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

impl Demo {
    /// Asks about the archive, or writes it, and returns the exit code.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let Some(folder) = &self.folder else { return self.ask(out) };
        if folder.exists() {
            return Err(usage(format!("{} exists: name a new folder", folder.display())));
        }
        let n_files = unpack(folder)?;
        let text = format!(
            "{n_files} files in {}: a reconstruction from published facts, not captured data. Ask about them with\n  \
             outage-replay {} --archive {}\n",
            folder.display(),
            QUESTION.join(" "),
            folder.display()
        );
        out.write_all(printable(&text).as_bytes()).map_err(super::output_failed)?;
        Ok(0)
    }

    fn ask(self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let folder = tempfile::tempdir().context("cannot make a folder for the archive of the demonstration")?;
        let archive = folder.path().join("dprk-2014");
        unpack(&archive)?;
        // The answer does not depend on the settings of the user.
        let words = ["outage-replay"].into_iter().chain(QUESTION).map(Into::into);
        let words = words.chain(["--archive".into(), archive.into_os_string()]);
        let Cli { mut args, .. } = Cli::from_arg_matches(&command().try_get_matches_from(words)?)?;
        (args.output, args.quiet) = (self.output, self.quiet);
        args.run(BTreeMap::new(), out)
    }
}

/// Writes all files into a new folder and returns their number.
fn unpack(folder: &Path) -> anyhow::Result<usize> {
    let (mut rest, mut n_files) = (ARCHIVE, 0);
    while !rest.is_empty() {
        let Some((name, content)) = next(&mut rest) else { bail!("the archive inside the program is damaged") };
        let path = folder.join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        n_files += 1;
    }
    Ok(n_files)
}

/// Takes a file from the front. None if there is none, or its name leads out of the folder.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(&'a Path, &'a [u8])> {
    let mut take = |n: usize| {
        let (front, back) = rest.split_at_checked(n)?;
        *rest = back;
        Some(front)
    };
    let n_name = u16::from_le_bytes(take(2)?.try_into().ok()?);
    let name = Path::new(std::str::from_utf8(take(n_name.into())?).ok()?);
    let n_content = u32::from_le_bytes(take(4)?.try_into().ok()?);
    let content = take(usize::try_from(n_content).ok()?)?;
    name.components().all(|part| matches!(part, Component::Normal(_))).then_some((name, content))
}

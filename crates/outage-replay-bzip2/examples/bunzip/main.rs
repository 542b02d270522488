//! Decodes bzip2 files to standard output, or measures how long that takes.
//!
//! `bunzip FILE…` writes the content of the files. `bunzip --drop DECODER TIMES FILE` decodes one file so many times and drops
//! the content; the decoder is `ours` or `libbz2-rs`. `bunzip --compare ROUNDS FILE…` runs these, and `bzip2 -dc` and
//! `lbzip2 -n1 -dc` where they are installed, in turn, and prints the medians of their CPU times.

mod stream;

use std::error::Error;
use std::io::{Read, Write};

use outage_replay_bzip2::{Content, Decoder};

const PIECE: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--drop", "ours", times, file] => {
            let packed = std::fs::read(file)?;
            let mut memory = (Decoder::new(), Content::new());
            for _ in 0..times.parse()? {
                decode(&mut memory, &packed, |_| ())?;
            }
        }
        ["--drop", "libbz2-rs", times, file] => {
            let packed = std::fs::read(file)?;
            let mut piece = vec![0; PIECE];
            for _ in 0..times.parse()? {
                let mut decoder = bzip2::read::MultiBzDecoder::new(&packed[..]);
                while decoder.read(&mut piece)? > 0 {}
            }
        }
        ["--compare", rounds, ref files @ ..] => {
            files.iter().try_for_each(|file| compare::print(rounds.parse()?, file))?
        }
        ref files => {
            let mut out = std::io::stdout().lock();
            let mut memory = (Decoder::new(), Content::new());
            for file in files {
                let mut written = Ok(());
                decode(&mut memory, &std::fs::read(file)?, |piece| {
                    if written.is_ok() {
                        written = out.write_all(piece);
                    }
                })?;
                written?;
            }
        }
    }
    Ok(())
}

/// Decodes all streams of a file.
fn decode(
    (decoder, content): &mut (Decoder, Content),
    packed: &[u8],
    mut write: impl FnMut(&[u8]),
) -> Result<(), outage_replay_bzip2::Error> {
    let mut rest = packed;
    while !rest.is_empty() {
        let n = stream::decode(decoder, content, rest, PIECE, &mut write)?;
        rest = &rest[n..];
    }
    Ok(())
}

mod compare {
    //! CPU times of programs, measured in turn.

    use std::error::Error;
    use std::process::{Command, Stdio};

    use wait4::Wait4;

    /// A file is decoded so often that this many octets are read: short times cannot be measured.
    const ENOUGH: u64 = 3_000_000;

    pub fn print(rounds: usize, file: &str) -> Result<(), Box<dyn Error>> {
        let times = (ENOUGH / std::fs::metadata(file)?.len().max(1)).clamp(1, 100) as usize;
        let ours = std::env::current_exe()?.to_string_lossy().into_owned();
        let text = times.to_string();
        let files = vec![file; times];
        let drop = |decoder| vec![ours.as_str(), "--drop", decoder, &text, file];
        let tools = [
            ("bzip2", [&["bzip2", "-dc"], &files[..]].concat()),
            ("ours", drop("ours")),
            ("libbz2-rs", drop("libbz2-rs")),
            ("lbzip2", [&["lbzip2", "-n1", "-dc"], &files[..]].concat()),
        ];
        let mut measured: Vec<Vec<(f64, f64)>> = vec![Vec::new(); tools.len()];
        for _ in 0..rounds.max(1) {
            for ((_, command), measured) in tools.iter().zip(&mut measured) {
                measured.extend(run(command)?);
            }
        }
        print!("{file}:");
        for (index, ((name, _), runs)) in tools.iter().zip(&measured).enumerate() {
            if runs.len() < rounds {
                continue;
            }
            let seconds = median(runs.iter().map(|(seconds, _)| seconds / times as f64));
            let ratio = median(runs.iter().zip(&measured[0]).map(|((ours, _), (bzip2, _))| ours / bzip2));
            let megabytes = median(runs.iter().map(|(_, megabytes)| *megabytes));
            print!(
                "{} {name} {:.2} ms, {ratio:.2}, {megabytes:.1} MB",
                [";", ""][usize::from(index == 0)],
                seconds * 1e3
            );
        }
        println!();
        Ok(())
    }

    /// CPU seconds and peak memory in MB; None if the program is not installed.
    fn run(command: &[&str]) -> Result<Option<(f64, f64)>, Box<dyn Error>> {
        let [program, arguments @ ..] = command else { return Ok(None) };
        let Ok(child) = Command::new(program).args(arguments).stdout(Stdio::null()).spawn() else { return Ok(None) };
        let end = child.wait4()?;
        if !end.status.success() {
            return Err(format!("{program} failed").into());
        }
        let usage = end.rusage;
        Ok(Some(((usage.utime + usage.stime).as_secs_f64(), usage.maxrss as f64 / 1e6)))
    }

    fn median(values: impl Iterator<Item = f64>) -> f64 {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

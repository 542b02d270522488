//! Makes an archive from a scenario: `cargo run --example generate -- data/dprk-2014.scenario data/dprk-2014`.

#[path = "mod.rs"]
mod generator;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, folder] = arguments.as_slice() else {
        eprintln!("usage: generate SCENARIO FOLDER");
        return ExitCode::from(2);
    };
    match run(Path::new(scenario), Path::new(folder)) {
        Ok((n_files, n_bytes)) => {
            println!("{n_files} files, {n_bytes} bytes in {folder}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{scenario}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(scenario: &Path, folder: &Path) -> Result<(usize, u64), String> {
    let text = std::fs::read_to_string(scenario).map_err(|source| format!("cannot read the scenario: {source}"))?;
    generator::write_archive(&text, folder).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

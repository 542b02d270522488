//! The program: runs the command line and returns its exit code.

#![forbid(unsafe_code)]

mod cli;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", cli::message_of(&error));
            ExitCode::from(cli::exit_code_of(&error))
        }
    }
}

fn run() -> anyhow::Result<u8> {
    let mut out = BufWriter::new(cli::Stdout::new(io::stdout().lock()));
    let code = cli::run(&mut out)?;
    out.flush().map_err(cli::output_failed)?;
    Ok(code)
}

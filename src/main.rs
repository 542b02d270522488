//! The command line: arguments, terminal, exit code. Everything else is the library's.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", cli::words_of(&error));
            ExitCode::from(cli::exit_code_of(&error))
        }
    }
}

fn run() -> anyhow::Result<u8> {
    let (text, code) = cli::run()?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(code),
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(code),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}

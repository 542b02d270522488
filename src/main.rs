//! The command line: arguments, terminal, exit code. Everything else is the library's.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use outage_replay::report;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::from(cli::exit_code_of(&error))
        }
    }
}

fn run(args: &cli::Args) -> anyhow::Result<u8> {
    let query = args.query()?;
    let options = args.options()?;
    if let Some(folder) = &args.output {
        report::check_folder(folder, args.force)?;
    }
    let store = args.store()?;
    let progress = cli::Progress::new(args.quiet, args.verbose);
    let report = outage_replay::run(&query, store.sources(), &options, &progress)?;
    progress.finish();
    if let Some(folder) = &args.output {
        report::write(&report, folder, &args.exports(), args.force)?;
        progress.wrote(folder);
    }
    let text = args.render(&report)?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
    Ok(cli::exit_code(&report, args.fail_on_outage))
}

//! Compares this program with bare decompression and with other tools, on synthetic archives of real size, and writes
//! `docs/performance.md`: `cargo bench --bench compare`.
//!
//! All contenders must agree on the answer before anything is timed. `-- --small` checks everything in seconds with
//! archives that are too small for figures, and writes below `target/`; where valgrind is installed it also prints how
//! many instructions the jobs take, which a busy machine does not change.

mod archives;
mod driver;
mod instructions;
mod jobs;
mod mrt;
mod page;
mod plot;
mod rounds;
mod tools;
mod world;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use archives::{Archives, Edition, FULL, MEDIUM, SMALL};

/// What the command line asks for.
pub struct Plan {
    edition: &'static Edition,
    n_rounds: usize,
    /// Whether it only shows that the comparison works.
    is_small: bool,
    /// Whether cargo may install peers.
    installs: bool,
    /// Where the page goes.
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("driver") => driver::run(&arguments[1..]).map_err(Into::into),
        _ => plan(&arguments).and_then(|plan| compare(&plan)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Result<Plan, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut plan = Plan { edition: &FULL, n_rounds: 5, is_small: false, installs: true, folder: root.join("docs") };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--small" => {
                let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
                plan = Plan { edition: &SMALL, n_rounds: 1, is_small: true, installs: false, folder };
            }
            "--medium" => plan.edition = &MEDIUM,
            "--rounds" => plan.n_rounds = words.next().ok_or("--rounds needs a number")?.parse()?,
            "--no-install" => plan.installs = false,
            // What cargo adds.
            "--bench" => {}
            other => return Err(format!("no such option: {other}").into()),
        }
    }
    Ok(plan)
}

fn compare(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let archives = Archives::make(plan.edition)?;
    let tools = tools::find(&archives::cache()?.join("peers"), plan.installs)?;
    let bench = jobs::Bench::new(plan, &archives, &tools)?;
    if plan.is_small {
        instructions::print(&jobs::counted(&bench)?, &bench.scratch)?;
    }
    let tables = jobs::tables(&bench)?;
    let unpacking = jobs::unpacking(&bench)?;
    let growth = jobs::growth(&bench)?;
    let runs = jobs::runs(&bench)?;
    std::fs::create_dir_all(&plan.folder)?;
    std::fs::write(plan.folder.join("performance-growth.svg"), plot::growth(&growth))?;
    let path = plan.folder.join("performance.md");
    let notes = page::kept_notes(&path);
    std::fs::write(&path, page::page(plan, &tools, &tables, &unpacking, &growth, &runs, &notes))?;
    println!("{}", path.display());
    Ok(())
}

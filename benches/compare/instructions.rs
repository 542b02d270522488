//! Instructions that the hot loops take, counted by valgrind: the same on a busy machine as on a quiet one, so that two
//! runs of the same build can be compared.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

/// A job and the command line that does it.
pub struct Counted {
    pub job: &'static str,
    pub command: Vec<String>,
    /// Octets of the decompressed files.
    pub n_octets: u64,
}

/// Prints how many instructions each job takes, or that valgrind is not installed.
pub fn print(jobs: &[Counted], scratch: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let output: PathBuf = scratch.join("callgrind.out");
    for Counted { job, command, n_octets } in jobs {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", &format!("--callgrind-out-file={}", output.display())]).args(command);
        let said = match valgrind.output() {
            Ok(said) if said.status.success() => said,
            Ok(said) => return Err(format!("valgrind: {}", String::from_utf8_lossy(&said.stderr)).into()),
            Err(why) => {
                println!("instructions: not counted, valgrind cannot be run: {why}");
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        let n = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse::<u64>().ok());
        let n = n.ok_or("valgrind counted nothing")?;
        println!("instructions: {n:>12}, {:>6.2} for each octet: {job}", n as f64 / *n_octets as f64);
    }
    Ok(())
}

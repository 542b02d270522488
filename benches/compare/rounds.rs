//! Processes measured from outside: interleaved rounds, so that a busy machine slows every contender alike.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

/// What one process and those that it waited for took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// User and system time in seconds.
    pub cpu: f64,
    pub wall: f64,
    /// Largest resident set in MB.
    pub peak: f64,
}

/// Runs a command line; its standard output goes to `output`, or nowhere.
///
/// A small process of this program stands between, because the largest resident set of a process counts that of the
/// one that it was forked from.
pub fn measure(command: &[String], output: Option<&Path>) -> io::Result<Cost> {
    let output = output.unwrap_or(Path::new("/dev/null"));
    let mut between = Command::new(std::env::current_exe()?);
    let said = between.args(["driver", "measure"]).arg(output).args(command).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match figures[..] {
        [cpu, wall, peak] if said.status.success() => Ok(Cost { cpu, wall, peak }),
        _ => Err(io::Error::other(format!("{} cannot be measured", command.join(" ")))),
    }
}

/// What stands between: runs a command line and prints what it took.
pub fn run_and_print(arguments: &[String]) -> io::Result<()> {
    let [output, program, arguments @ ..] = arguments else { return Err(io::Error::other("no command")) };
    let stdout = Stdio::from(File::create(output)?);
    let begin = Instant::now();
    let child = Command::new(program).args(arguments).stdout(stdout).stderr(Stdio::null()).spawn()?;
    let used = child.wait4()?;
    let wall = begin.elapsed().as_secs_f64();
    // 3: the answer is there, and the data do not suffice for part of the question.
    if !matches!(used.status.code(), Some(0 | 3)) {
        return Err(io::Error::other(format!("{program} ended with {}", used.status)));
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    println!("{cpu} {wall} {}", used.rusage.maxrss as f64 / 1e6);
    Ok(())
}

/// What the rounds say of one contender.
#[derive(Clone, Debug, Default)]
pub struct Series(pub Vec<Cost>);

impl Series {
    pub fn cpu(&self) -> f64 {
        median(self.0.iter().map(|cost| cost.cpu).collect())
    }

    pub fn wall(&self) -> f64 {
        median(self.0.iter().map(|cost| cost.wall).collect())
    }

    pub fn peak(&self) -> f64 {
        self.0.iter().map(|cost| cost.peak).fold(0.0, f64::max)
    }

    /// CPU time as a multiple of another's, round by round: median, least, most.
    pub fn ratio(&self, other: &Series) -> [f64; 3] {
        spread(self.0.iter().zip(&other.0).map(|(own, other)| own.cpu / other.cpu.max(1e-3)).collect())
    }

    /// The same of wall time.
    pub fn wall_ratio(&self, other: &Series) -> [f64; 3] {
        spread(self.0.iter().zip(&other.0).map(|(own, other)| own.wall / other.wall.max(1e-3)).collect())
    }
}

/// Measures each command once a round; a contender with fewer rounds of its own drops out early.
pub fn rounds(commands: &[(Vec<String>, usize)], n_rounds: usize) -> io::Result<Vec<Series>> {
    let mut series = vec![Series::default(); commands.len()];
    for round in 0..n_rounds {
        for ((command, limit), series) in commands.iter().zip(&mut series) {
            if round < *limit {
                series.0.push(measure(command, None)?);
            }
        }
    }
    Ok(series)
}

fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let ends = values.first().copied().zip(values.last().copied()).unwrap_or((f64::NAN, f64::NAN));
    [median(values), ends.0, ends.1]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

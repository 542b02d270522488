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
pub fn measure(command: &[String], output: Option<&Path>) -> io::Result<Cost> {
    let stdout = match output {
        Some(path) => Stdio::from(File::create(path)?),
        None => Stdio::null(),
    };
    let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("an empty command"))?;
    let begin = Instant::now();
    let child = Command::new(program).args(arguments).stdout(stdout).stderr(Stdio::null()).spawn()?;
    let used = child_cost(child, begin)?;
    Ok(used)
}

fn child_cost(child: std::process::Child, begin: Instant) -> io::Result<Cost> {
    let used = child.wait4()?;
    let wall = begin.elapsed().as_secs_f64();
    // 3: the answer is there, and the data do not suffice for part of the question.
    if !matches!(used.status.code(), Some(0 | 3)) {
        return Err(io::Error::other(format!("it ended with {}", used.status)));
    }
    let usage = used.rusage;
    Ok(Cost { cpu: (usage.utime + usage.stime).as_secs_f64(), wall, peak: usage.maxrss as f64 / 1e6 })
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

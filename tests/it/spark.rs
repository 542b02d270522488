//! `engines/spark` on a standalone Spark cluster of one master and two workers on this machine, one of which is killed.
//!
//! `OUTAGE_REPLAY_TEST_SPARK` names a Python with PySpark (`.ci/spark` installs one); without it the test is skipped.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::{self, MAIN, Ran, contents, folder};
use crate::scenario;

/// No step of a cluster takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// A process with everything that it starts, which ends with it.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Group {
        use std::os::unix::process::CommandExt;
        Group(command.process_group(0).spawn().expect("a process"))
    }

    fn kill(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A master and its workers.
struct Cluster {
    _master: Group,
    workers: Vec<Group>,
    url: String,
    spark: PathBuf,
    python: PathBuf,
}

impl Cluster {
    fn start(python: PathBuf, place: &Path) -> Cluster {
        let found = Command::new(&python)
            .args(["-c", "import pyspark; print(pyspark.__path__[0])"])
            .output()
            .expect("a Python");
        let spark = PathBuf::from(String::from_utf8(found.stdout).expect("a path").trim());
        let class = |name: &str, args: &[&str]| {
            let log = File::create(place.join(format!("{name}.log"))).expect("a log");
            let mut command = Command::new(spark.join("bin/spark-class"));
            command
                .args(args)
                .env("SPARK_HOME", &spark)
                .env("SPARK_LOCAL_IP", "127.0.0.1")
                .env("PYSPARK_PYTHON", &python);
            command.stdout(log.try_clone().expect("a log")).stderr(log);
            Group::start(&mut command)
        };
        let master = "org.apache.spark.deploy.master.Master";
        let master = class("master", &[master, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]);
        let url = wait_for("the master", || {
            let log = fs::read_to_string(place.join("master.log")).unwrap_or_default();
            let at = log.find("spark://127.0.0.1:")?;
            log[at..].split_whitespace().next().map(str::to_owned)
        });
        let worker = |number: usize| {
            let work = place.join(format!("work-{number}"));
            fs::create_dir_all(&work).expect("a folder");
            let args = ["org.apache.spark.deploy.worker.Worker", &url, "--host", "127.0.0.1", "--webui-port", "0"];
            let work = work.display().to_string();
            class(
                &format!("worker-{number}"),
                &[&args[..], &["--cores", "1", "--memory", "1g", "--work-dir", &work]].concat(),
            )
        };
        let workers = (0..2).map(worker).collect();
        Cluster { _master: master, workers, url, spark, python }
    }

    /// The driver with a question, or with more options before it and `--`.
    fn submit(&self, program: &Path, output: &Path, question: &str) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(self.spark.join("bin/spark-submit"));
        command.current_dir(root).env("SPARK_HOME", &self.spark).env("SPARK_LOCAL_IP", "127.0.0.1");
        command.env("PYSPARK_PYTHON", &self.python).env("PYSPARK_DRIVER_PYTHON", &self.python);
        cli::without_settings(&mut command);
        command.args(["--master", &self.url, "--executor-memory", "512m", "--executor-cores", "1"]);
        command.arg(root.join("engines/spark/outage_replay_spark.py"));
        command.arg("--program").arg(program).arg("--output").arg(output);
        command.args((!question.contains(" -- ")).then_some("--")).args(question.split_whitespace());
        command
    }
}

fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Runs the question here as well, and compares exit codes and every byte.
fn assert_same_bytes(code: Option<i32>, output: &Path, question: &str) {
    let here = folder();
    let whole = here.path().join("whole");
    let Ran { code: expected, stdout, .. } =
        cli::ran(&mut cli::program(&format!("{question} --output {}", whole.display())));
    assert_eq!(code, Some(expected), "{question}: {stdout}");
    let (found, expected) = (contents(output), contents(&whole));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{question}");
    for (name, bytes) in &found {
        assert!(*bytes == expected[name], "{question}: {name} differs");
    }
}

/// A day of ten collectors of both projects, two peers each; one network is lost for an hour.
fn ten_collectors() -> String {
    let mut scenario = "name ten\nnote Generated.\narchive 2020-03-01 .. 2020-03-02\n".to_owned();
    let names: Vec<String> =
        (0..5).map(|n| format!("rrc0{n}")).chain((3..8).map(|n| format!("route-views{n}"))).collect();
    for name in &names {
        let _ = match name.starts_with("rrc") {
            true => writeln!(scenario, "collector {name} riperis updates 300 ribs 28800 states"),
            false => writeln!(scenario, "collector {name} routeviews updates 900 ribs 7200"),
        };
    }
    for (number, name) in names.iter().enumerate() {
        for peer in 1..=2 {
            let _ = writeln!(
                scenario,
                "peer p{number}-{peer} {name} AS{} 192.0.2.{}",
                100 + 2 * number + peer,
                2 * number + peer
            );
        }
    }
    scenario += "route all 203.0.113.0/24 \"174 64500\"\n\
                 table stable 200 of 198.18.0.0/15 as /24 origins 64501-64511 via 174,701 on all\nnoise every 60\n\
                 at 2020-03-01T10:00 all withdraw 203.0.113.0/24\nat 2020-03-01T11:00 all announce 203.0.113.0/24\n";
    scenario
}

#[test]
fn spark_writes_the_same_bytes_as_one_process_though_a_worker_is_killed() {
    let Some(python) = std::env::var_os("OUTAGE_REPLAY_TEST_SPARK") else {
        let missing = "OUTAGE_REPLAY_TEST_SPARK names no Python with PySpark";
        assert!(std::env::var_os("CI").is_none(), "{missing}: run .ci/spark");
        println!("skipped: {missing}");
        return;
    };
    let place = folder();
    let program = Path::new(env!("CARGO_BIN_EXE_outage-replay"));
    let mut cluster = Cluster::start(python.into(), place.path());

    let (output, dataset) = (place.path().join("december"), place.path().join("all"));
    let mut driver = cluster.submit(program, &output, &format!("--dataset {} -- {MAIN}", dataset.display()));
    assert_same_bytes(driver.output().expect("spark-submit").status.code(), &output, MAIN);
    let days = ["2014-12-22", "2014-12-23"].map(|day| dataset.join(format!("outages/date={day}")));
    assert!(days.iter().all(|day| day.is_dir()), "{}", dataset.display());

    if let Some(archive) = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from) {
        let rrc06 = archive.join("archive/rrc06/2021.01");
        let question =
            format!("--prefix 0.0.0.0/4 --from 2021-01-02T05:05 --to 2021-01-02T08:00 --archive {}", rrc06.display());
        let output = place.path().join("rrc06");
        let code = cluster.submit(program, &output, &question).output().expect("spark-submit").status.code();
        assert_same_bytes(code, &output, &question);
    }

    let archive = scenario::folder(&ten_collectors());
    let question =
        format!("--asn 64500 --from 2020-03-01T00:10 --to 2020-03-01T23:50 --archive {}", archive.path().display());
    let output = place.path().join("ten");
    // Tasks that take a while and say where, so that one is under way when the worker is killed.
    let (slow, started) = (place.path().join("slow"), place.path().join("started"));
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != collect ] || {{ pwd >> {}; sleep 3; }}\nexec {} \"$@\"\n",
        started.display(),
        program.display()
    );
    fs::write(&slow, script).expect("a script");
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).expect("a script");
    let driver_log = File::create(place.path().join("driver.log")).expect("a log");
    let mut driver = Group::start(cluster.submit(&slow, &output, &question).stderr(driver_log));
    wait_for("a task at the second worker", || {
        fs::read_to_string(&started).is_ok_and(|places| places.contains("/work-1/")).then_some(())
    });
    cluster.workers[1].kill();
    let code = driver.0.wait().expect("spark-submit").code();
    let log = fs::read_to_string(place.path().join("driver.log")).expect("a log");
    let is_told =
        |line: &&str| line.contains("Lost executor") || line.contains("ExecutorLost") || line.starts_with("collected");
    println!("{}", log.lines().filter(is_told).collect::<Vec<_>>().join("\n"));
    assert!(log.contains("Lost executor"), "the worker was killed too late: {log}");
    assert_same_bytes(code, &output, &question);
    let outages = fs::read_to_string(output.join("outages.csv")).expect("a table");
    assert!(outages.contains("2020-03-01T10:00:0"), "{outages}");
}

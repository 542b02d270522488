//! A whole run with one update file of any content among good ones: it ends, and one thread finds what two find.
#![no_main]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::query::{Query, Target};
use outage_replay::time::Window;
use outage_replay::{Options, Report, report, run};
use tempfile::TempDir;

const FOLDER: &str = "rrc00/2014.12";
const KEPT: [&str; 3] = ["bview.20141222.1600.gz", "updates.20141222.1600.gz", "updates.20141222.1620.gz"];

static ARCHIVE: LazyLock<TempDir> = LazyLock::new(|| {
    let archive = TempDir::new().expect("a folder");
    fs::create_dir_all(archive.path().join(FOLDER)).expect("a folder");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/dprk-2014").join(FOLDER);
    for name in KEPT {
        fs::copy(shipped.join(name), archive.path().join(FOLDER).join(name)).expect("the shipped archive");
    }
    archive
});

fn answer(archive: &Path, jobs: usize) -> String {
    let window = Window::new("2014-12-22T16:00".parse().expect("a time"), "2014-12-22T16:25".parse().expect("a time"))
        .expect("a window");
    let query = Query::new(vec![Target::Asn(Asn(131279))], window);
    let archive = Mirror::open(archive).expect("an archive");
    let shown = |report: Report| report::lines(&report).map(|line| line.to_string() + "\n").collect();
    run(&query, &archive, &Options { jobs, ..Options::default() }, &()).map_or_else(|error| error.to_string(), shown)
}

fuzz_target!(|plain: &[u8]| {
    let file: PathBuf = ARCHIVE.path().join(FOLDER).join("updates.20141222.1615.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let stored = encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory");
    fs::write(&file, stored).expect("a temporary file");
    assert_eq!(answer(ARCHIVE.path(), 1), answer(ARCHIVE.path(), 2));
});

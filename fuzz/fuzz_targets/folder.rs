//! A run folder whose manifest holds anything: an error that names the file, or observations that can be judged.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::query::{Query, Target};
use outage_replay::time::Window;
use outage_replay::{Options, observations, pipeline, report, run};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A run folder. Only its tables are needed: the manifest is replaced.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let archive = Mirror::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/dprk-2014")).expect("an archive");
    let window = Window::new("2014-12-22T15:00".parse().expect("a time"), "2014-12-22T17:00".parse().expect("a time"))
        .expect("a window");
    let query = Query::new(vec![Target::Asn(Asn(131279))], window);
    let found = run(&query, &archive, &Options::default(), &()).expect("a run");
    report::write(&found, &folder.path().join("run"), &[], false).expect("a run folder");
    folder
});

const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A manifest with the digest that it needs to be read at all.
fn sealed(manifest: &str) -> String {
    let body = manifest.trim_end().trim_end_matches('}');
    let text = format!("{body},\n  \"manifest_sha256\": \"{NO_DIGEST}\"\n}}\n");
    let digest: String = Sha256::digest(&text).iter().map(|octet| format!("{octet:02x}")).collect();
    text.replace(NO_DIGEST, &digest)
}

fuzz_target!(|manifest: &str| {
    let folder = FOLDER.path().join("run");
    fs::write(folder.join("manifest.json"), sealed(manifest)).expect("a temporary file");
    if let Ok(seen) = observations::read(&folder) {
        pipeline::judge(seen, &Options::default()).expect("threads");
    }
});

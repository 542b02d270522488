//! Which prefixes disappeared? Compares the tables of all peers of one collector before and after.
//! `cargo run --example whole_table`

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use outage_replay::bgp::Prefix;
use outage_replay::decode::{self, Selection};
use outage_replay::replay::WholeTable;

fn main() -> Result<(), Box<dyn Error>> {
    let month = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014/rrc00/2014.12");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&month)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let between = |kind: &str, from: &str, to: &str| -> Vec<&PathBuf> {
        let (from, to) = (format!("{kind}.{from}"), format!("{kind}.{to}"));
        let name =
            |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files.iter().filter(|path| name(path) >= from && name(path) < to).collect()
    };

    let mut selection = Selection::new();
    selection.sample_everything();
    let mut table = WholeTable::new();
    let apply = |table: &mut WholeTable, files: Vec<&PathBuf>| -> Result<(), Box<dyn Error>> {
        for file in files {
            table.apply(&decode::read(File::open(file)?, &selection));
        }
        Ok(())
    };
    apply(&mut table, between("bview", "20141222.0800", "20141222.0801"))?;
    apply(&mut table, between("updates", "20141222.0800", "20141222.1600"))?;
    let before: BTreeMap<Prefix, usize> = table.holders().collect();
    let n_before = table.peers().count();
    apply(&mut table, between("updates", "20141222.1600", "20141222.1700"))?;

    println!(
        "rrc00 knew {} prefixes at {n_before} peers at 16:00, and {} peers at 17:00.",
        before.len(),
        table.peers().count()
    );
    println!("Prefixes that half of the peers held at 16:00, and less than a tenth of those at 17:00:");
    for (prefix, n) in table.holders() {
        match before.get(&prefix) {
            Some(before) if 2 * before >= n_before && 10 * n < *before => println!("{prefix}  {before} then {n}"),
            _ => {}
        }
    }
    Ok(())
}

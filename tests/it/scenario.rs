//! Archives for tests, made from scenarios (`data/README.md` describes the language).

use tempfile::TempDir;

use crate::generator;

/// The archive of `scenario` in a folder that vanishes with the value.
pub fn folder(scenario: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    generator::write_archive(scenario, folder.path()).unwrap_or_else(|error| panic!("{error}: {scenario}"));
    folder
}

/// The stored bytes of one file of the archive of `scenario`.
pub fn file(scenario: &str, name: &str) -> Vec<u8> {
    let files = generator::archive(scenario).unwrap_or_else(|error| panic!("{error}: {scenario}"));
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let found = files.into_iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no {name} among {names:?}")).1
}

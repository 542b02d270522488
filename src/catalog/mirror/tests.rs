//! Paths as users have them, and what is made of them.

use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with these files, empty ones.
fn folder(files: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in files.split_whitespace() {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    folder
}

/// What a mirror of these files holds: collector, kind and time of each.
fn check(files: &str, expected: &str) {
    let folder = folder(files);
    let root = folder.path().join("mirror");
    let mirror = Mirror::open(&root).unwrap();
    let shown = mirror.files().iter().map(|file| {
        let at = file.named_at.to_string();
        format!("{} {} {}", file.collector, file.kind.name(), &at[11..16])
    });
    assert_eq!(shown.collect::<Vec<_>>().join(", "), expected, "{files}");
}

fn refused(files: &str, words: &[&str]) {
    let folder = folder(files);
    let error = Mirror::open(&folder.path().join("mirror")).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{files}: {error}");
    }
}

#[test]
fn a_published_collector_is_found_anywhere_in_the_path() {
    for path in [
        "mirror/rrc06/2021.01/updates.20210102.0505.gz",
        "mirror/RRC06/updates/updates.20210102.0505.gz",
        "mirror/rrc06/2021/01/02/updates.20210102.0505",
        "mirror/rrc06/2021-01-02/updates.20210102.0505.zst",
        "mirror/rrc06/my copy/updates.20210102.0505.gz",
        "mirror/data.ris.ripe.net/rrc06/2021.01/updates.20210102.0505.gz",
        "mirror/rrc06.updates.20210102.0505.gz",
        "mirror/a/b/c/d/e/f/g/h/i/j/rrc06/k/updates.20210102.0505.gz",
    ] {
        check(&path.replace(' ', "_"), "rrc06 updates 05:05");
    }
    check("mirror/2014.05/route-views.jinx/RIBS/rib.20140501.0000.bz2", "route-views.jinx rib 00:00");
    check("mirror/pit.scl/bgpdata/2024.03/UPDATES/updates.20240310.0815.bz2", "pit.scl updates 08:15");
}

#[test]
fn the_old_and_the_new_tree_of_route_views2_are_one_collector() {
    check(
        "mirror/archive.routeviews.org/bgpdata/2014.05/UPDATES/updates.20140501.0000.bz2
         mirror/archive.routeviews.org/route-views2/bgpdata/2014.05/UPDATES/updates.20140501.0015.bz2",
        "route-views2 updates 00:00, route-views2 updates 00:15",
    );
}

#[test]
fn a_collector_of_ones_own_is_the_folder_above_the_structure() {
    check("mirror/lab-ams/2024.03/updates.20240310.0815.gz", "lab-ams updates 08:15");
    check("mirror/lab-ams/2024/03/10/RIBS/rib.20240310.0800.gz", "lab-ams rib 08:00");
    check("mirror/2024.03/updates.20240310.0815.gz", "mirror updates 08:15");
    check(
        "mirror/org/lab-ams/updates.20240310.0815.gz mirror/org/lab-fra/updates.20240310.0815.gz",
        "lab-ams updates 08:15, lab-fra updates 08:15",
    );
}

#[test]
fn folders_that_leave_the_collector_open_are_refused_with_what_was_expected() {
    refused(
        "mirror/lab/updates.20240310.0815.gz mirror/lab/old/updates.20240310.0815.gz",
        &["lab contains archive files", "lab/old below it", "COLLECTOR/YYYY.MM/", "--collector-name"],
    );
    refused("mirror/updates.20240310.0815.gz mirror/rrc00/updates.20240310.0815.gz", &["of one collector or of two?"]);
    refused(
        "mirror/tables/rib.20240310.0800.gz mirror/messages/updates.20240310.0815.gz",
        &["tables contains only RIB dumps", "messages only updates"],
    );
    refused("mirror/notes.pdf", &["no archive files below"]);
    refused("mirror/rrc00/updates.20240310.0815.xz", &["updates.20240310.0815.xz", "gzip, bzip2 or Zstandard"]);
}

#[test]
fn a_name_may_be_given_to_the_files_of_one_collector() {
    let folder = folder("mirror/old/updates.20240310.0815.gz mirror/updates.20240310.0820.gz");
    let lab = Collector::new("lab");
    let of = |root: &Path| Mirror::scan(&[root.to_owned()], Some(&lab));
    let mirror = of(&folder.path().join("mirror")).unwrap();
    assert!(mirror.files().iter().all(|file| file.collector == lab));
    let two = self::folder("mirror/rrc00/updates.20240310.0815.gz mirror/rrc01/updates.20240310.0815.gz");
    assert!(of(&two.path().join("mirror")).unwrap_err().to_string().contains("the folders name rrc00, rrc01"));
}

#[test]
fn nothing_that_looks_like_an_archive_file_is_passed_over_in_silence() {
    let folder = folder(
        "mirror/rrc00/updates.20240310.0815.gz mirror/rrc00/updates.20240310.0815.gz.sha256 mirror/rrc00/README.md
         mirror/rrc00/updates.20240310.0820.gz.1 mirror/rrc00/updates.20240310.0825.xz mirror/rrc00/mydump.mrt.bz2",
    );
    let mirror = Mirror::open(&folder.path().join("mirror")).unwrap();
    let names: Vec<(&str, bool)> =
        mirror.files().iter().map(|file| (file.name.as_str(), matches!(file.location, Location::Unread(_)))).collect();
    assert_eq!(names, [("rrc00/updates.20240310.0815.gz", false), ("rrc00/updates.20240310.0825.xz", true)]);
    let warnings = mirror.warnings().join("\n");
    for name in ["updates.20240310.0820.gz.1", "updates.20240310.0825.xz", "mydump.mrt.bz2"] {
        assert!(warnings.contains(name), "{warnings}");
    }
    assert!(!warnings.contains("sha256") && !warnings.contains("README"), "{warnings}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_name_nothing_that_has_a_place_of_its_own() {
    use std::os::unix::fs::symlink;
    let folder = folder(
        "mirror/rrc99/2024.03/updates.20240310.0815.gz store/17/updates.20240310.0820.gz
         outside/rrc01/updates.20240310.0825.gz",
    );
    let at = |path: &str| folder.path().join(path);
    symlink("2024.03", at("mirror/rrc99/latest")).unwrap();
    symlink("..", at("mirror/rrc99/up")).unwrap();
    symlink(".", at("mirror/self")).unwrap();
    symlink("..", at("mirror/above")).unwrap();
    symlink("rrc99/2024.03/updates.20240310.0815.gz", at("mirror/updates.20240310.0815.gz")).unwrap();
    symlink(at("store/17"), at("mirror/rrc00")).unwrap();
    symlink("nowhere", at("mirror/gone")).unwrap();
    let mirror = Mirror::open(&at("mirror")).unwrap();
    let shown = mirror.files().iter().map(|file| format!("{} {}", file.collector, file.name));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        ["rrc00 rrc00/updates.20240310.0820.gz", "rrc99 rrc99/2024.03/updates.20240310.0815.gz"]
    );
    assert!(mirror.warnings().join("\n").contains("gone is a broken link"), "{:?}", mirror.warnings());
}

#[cfg(target_os = "linux")]
#[test]
fn collectors_whose_names_are_not_text_are_told_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = folder("mirror/README.md");
    for name in [b"lab\xff", b"lab\xfe"] {
        let path = folder.path().join("mirror").join(OsStr::from_bytes(name));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("updates.20240310.0815.gz"), b"").unwrap();
    }
    let mirror = Mirror::open(&folder.path().join("mirror")).unwrap();
    let collectors: BTreeSet<&str> = mirror.files().iter().map(|file| file.collector.name()).collect();
    assert_eq!(collectors.into_iter().collect::<Vec<_>>(), ["lab\\xfe", "lab\\xff"]);
}

#[test]
fn notes_follow_the_data_downwards() {
    let folder = folder("all/one/rrc00/updates.20240310.0815.gz all/two/rrc01/updates.20240310.0815.gz");
    let note = |path: &str, note: &str| {
        fs::write(folder.path().join(path).join("archive.json"), format!("{{\"note\": \"{note}\"}}")).unwrap();
    };
    note("all/one", "Invented.");
    note("all", "Test data.");
    let notes = |root: &str| -> Vec<String> {
        let mirror = Mirror::open(&folder.path().join(root)).unwrap();
        mirror.files().iter().map(|file| mirror.notes(file).join(" ")).collect()
    };
    assert_eq!(notes("all"), ["Invented. Test data.", "Test data."]);
    assert_eq!(notes("all/one/rrc00"), ["Invented. Test data."]);
    assert_eq!(notes("all/one/rrc00/updates.20240310.0815.gz"), ["Invented. Test data."]);
    fs::write(folder.path().join("all/one/archive.json"), b"{").unwrap();
    assert!(Mirror::open(&folder.path().join("all")).is_err(), "metadata of the archive that cannot be read");
    assert!(Mirror::open(&folder.path().join("all/one/rrc00")).is_ok(), "what lies above need not be ours");
}

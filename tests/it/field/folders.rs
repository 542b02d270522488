//! Folders as users keep them, two files of one minute, and files that look like others.

use std::collections::BTreeMap;

use super::bytes;
use super::judge::{Rule, asked, exact, exact_in, refused_or_exact, truthful};
use super::scene::{About, Scene, stored, written};
use crate::cli::{folder, ran};

const OUTAGE: &str = "08:30:00..09:10:00";

type Files = BTreeMap<String, Vec<u8>>;

/// The tidy scene in another layout.
fn laid_out(folder: &str, rib_folder: &str) -> Scene {
    let mut scene = Scene::tidy();
    scene.layout.folder = folder.to_owned();
    scene.layout.rib_folder = rib_folder.to_owned();
    scene
}

fn routeviews(folder: &str) -> Scene {
    let mut scene = laid_out(&format!("{folder}/YYYY.MM/UPDATES"), &format!("{folder}/YYYY.MM/RIBS"));
    (scene.layout.rib, scene.layout.suffix, scene.layout.slot) = ("rib", "bz2", 900);
    scene
}

/// The files of two collectors, the second with its own outage.
fn two(first: &Scene, second: &str) -> Files {
    let rename = |name: &str| name.replacen("rrc00", second, 1);
    let files = first.files();
    let other: Vec<(String, Vec<u8>)> = files.iter().map(|(name, bytes)| (rename(name), bytes.clone())).collect();
    files.into_iter().chain(other).collect()
}

#[test]
fn one_folder_a_collector_and_upper_case_folders_are_read() {
    for layout in ["rrc99", "rrc99/YYYY.MM", "RRC99/YYYY.MM", "mirror/data.ris.ripe.net/rrc99/YYYY.MM"] {
        exact(&laid_out(layout, layout), OUTAGE);
    }
    exact(&laid_out("rrc99/UPDATES", "rrc99/RIBS"), OUTAGE);
    exact(&routeviews("route-views9/bgpdata"), OUTAGE);
    exact(&routeviews("mirror/archive.routeviews.org/route-views9/bgpdata"), OUTAGE);
}

#[test]
fn folders_of_years_months_and_days_are_understood_or_refused() {
    let scene = laid_out("rrc00/YYYY/MM/DD", "rrc00/YYYY/MM/DD");
    for files in [scene.files(), two(&scene, "rrc01")] {
        let archive = written(&files);
        let answer = asked(&scene, archive.path(), "--archive {}");
        refused_or_exact(&scene, &answer, &["archive"], OUTAGE);
    }
}

#[test]
fn folders_of_updates_and_ribs_are_understood_or_refused() {
    let scene = laid_out("rrc00/updates", "rrc00/ribs");
    for files in [scene.files(), two(&scene, "rrc01")] {
        let archive = written(&files);
        refused_or_exact(&scene, &asked(&scene, archive.path(), "--archive {}"), &["archive"], OUTAGE);
    }
}

#[test]
fn two_collectors_in_folders_of_days_do_not_fill_each_others_gaps() {
    let scene = laid_out("rrc00/YYYY/MM/DD", "rrc00/YYYY/MM/DD");
    let mut files = two(&scene, "rrc01");
    files.remove(&scene.update_file(scene.at("08:30:00"))).expect("the file of 08:30");
    let archive = written(&files);
    let answer = asked(&scene, archive.path(), "--archive {}");
    if !matches!(answer.code, 1 | 2) {
        truthful(&scene, &answer, OUTAGE, Rule::Safe);
    }
}

#[test]
fn the_path_of_wget_names_the_collector() {
    // The oldest collector of RouteViews has no folder of its own name there.
    let scene = routeviews("archive.routeviews.org/bgpdata");
    let archive = written(&scene.files());
    let answer = asked(&scene, archive.path(), "--archive {} --collector route-views2");
    truthful(&scene, &answer, OUTAGE, Rule::Exact);
}

#[test]
fn the_old_and_the_new_tree_of_one_collector_are_one_collector() {
    let (old, new) = (routeviews("route-views2/bgpdata"), routeviews("bgpdata"));
    let step = old.update_file(old.at("08:45:00"));
    let mut files = old.files();
    files.retain(|name, _| name.contains("RIBS") || *name < step);
    let later = new.update_file(new.at("08:45:00"));
    files.extend(new.files().into_iter().filter(|(name, _)| !name.contains("RIBS") && *name >= later));
    let archive = written(&files);
    let answer = asked(&old, archive.path(), "--archive {}");
    if !matches!(answer.code, 1 | 2) {
        truthful(&old, &answer, OUTAGE, Rule::Safe);
    }
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_followed_once() {
    use std::os::unix::fs::symlink;
    let scene = Scene::tidy();
    let one_collector = |answer: &serde_json::Value| {
        let outages = answer["outages"].as_array().expect("outages");
        assert!(outages.iter().all(|outage| outage["n_collectors"] == 1), "{outages:#?}");
    };
    let archive = scene.write();
    symlink("2024.03", archive.path().join("rrc99/latest")).expect("a link");
    one_collector(&truthful(&scene, &asked(&scene, archive.path(), "--archive {}"), OUTAGE, Rule::Exact));
    // A loop, and a link to the whole archive under another name.
    symlink(archive.path(), archive.path().join("rrc99/loop")).expect("a link");
    symlink("rrc99", archive.path().join("mirror")).expect("a link");
    one_collector(&truthful(&scene, &asked(&scene, archive.path(), "--archive {}"), OUTAGE, Rule::Exact));
    // And an archive that is nothing but links.
    let links = folder();
    symlink(archive.path().join("rrc99"), links.path().join("rrc99")).expect("a link");
    one_collector(&truthful(&scene, &asked(&scene, links.path(), "--archive {}"), OUTAGE, Rule::Exact));
}

#[test]
fn the_current_folder_is_an_archive() {
    let scene = Scene::tidy();
    let archive = scene.write();
    for (inside, argument) in [("", "."), ("", "./"), ("rrc99", "."), ("rrc99/2024.03", ".")] {
        let args = format!("{} --archive {argument} --format json", scene.arguments());
        let mut command = crate::cli::program(&args);
        let answer = ran(command.current_dir(archive.path().join(inside)));
        if inside.is_empty() {
            truthful(&scene, &answer, OUTAGE, Rule::Exact);
        } else {
            // The given path does not name the collector.
            refused_or_exact(&scene, &answer, &["archive"], OUTAGE);
        }
    }
}

#[test]
fn a_single_file_and_several_files_are_an_archive() {
    let mut scene = Scene::tidy();
    scene.layout.slot = 4 * 3600;
    let archive = scene.write();
    let updates = scene.update_file(scene.at("08:00:00"));
    scene.min_peers = Some(1);
    truthful(&scene, &asked(&scene, archive.path(), &format!("--archive {{}}/{updates}")), OUTAGE, Rule::Safe);
    let rib = scene.rib_file(scene.at("08:00:00"));
    let both = asked(&scene, archive.path(), &format!("--archive {{}}/{updates} --archive {{}}/{rib}"));
    // One file does not show how long those of its collector last.
    truthful(&scene, &both, OUTAGE, Rule::Safe);
}

#[test]
fn a_folder_of_foreign_names_is_read_by_its_records() {
    let scene = Scene::tidy();
    let foreign = scene.files().into_values().enumerate().map(|(index, bytes)| (format!("part-{index:02}.gz"), bytes));
    let archive = written(&foreign.collect());
    let answer = asked(&scene, archive.path(), "--archive {} --collector-name lab");
    truthful(&scene, &answer, OUTAGE, Rule::Exact);
}

/// A second file of 08:30 in another container.
fn with_second(bytes: impl Fn(&[u8]) -> Vec<u8>) -> (Scene, Files, String) {
    let scene = Scene::tidy();
    let mut files = scene.files();
    let name = scene.update_file(scene.at("08:30:00"));
    let second = name.replace(".gz", ".bz2");
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&files[&name][..]), &mut content).expect("gzip");
    files.insert(second.clone(), bytes(&content));
    (scene, files, second)
}

#[test]
fn an_empty_cut_or_equal_copy_beside_a_whole_file_spoils_nothing() {
    for copy in [
        |_: &[u8]| Vec::new(),
        |_: &[u8]| stored("bz2", &[]),
        |content: &[u8]| stored("bz2", content),
        |content: &[u8]| stored("bz2", &content[..content.len() / 2 + 3]),
        |content: &[u8]| stored("bz2", content)[..200].to_vec(),
    ] {
        let (scene, files, _) = with_second(copy);
        exact_in(&scene, written(&files).path(), OUTAGE);
    }
}

#[test]
fn two_different_files_of_one_minute_are_an_error_that_names_both() {
    let mut other = Scene::calm();
    other.records.retain(|record| record.about != About::Others || record.peer < 6);
    let different = other.files()[&other.update_file(other.at("08:30:00"))].clone();
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&different[..]), &mut content).expect("gzip");
    let (scene, files, _) = with_second(|_| stored("bz2", &content));
    let archive = written(&files);
    let answer = asked(&scene, archive.path(), "--archive {}");
    refused_or_exact(&scene, &answer, &["updates.20240310.0830.gz", "updates.20240310.0830.bz2"], OUTAGE);
}

#[test]
fn suffixes_that_are_not_read_are_named() {
    for suffix in ["xz", "Z", "lz4"] {
        let scene = Scene::tidy();
        let rename = |(name, bytes): (String, Vec<u8>)| match name.contains("updates") {
            true => (name.replace(".gz", &format!(".{suffix}")), bytes),
            false => (name, bytes),
        };
        let archive = written(&scene.files().into_iter().map(rename).collect());
        let answer = asked(&scene, archive.path(), "--archive {}");
        let all = format!("{}{}", answer.stdout, answer.stderr);
        assert!(all.contains(&format!(".{suffix}")), ".{suffix} is not named: {}", answer.stderr);
        if !matches!(answer.code, 1 | 2) {
            truthful(&scene, &answer, OUTAGE, Rule::Safe);
        }
    }
}

#[test]
fn plain_files_are_read_whatever_container_their_first_second_looks_like() {
    // Skippable frames of Zstandard are seconds of 2012 to 2020, and `BZh9` is one of 2005.
    for first in [0x502a_4d18, 0x552a_4d18, 0x5a2a_4d18, 0x5f2a_4d18, 0x425a_6839] {
        let first: i64 = first;
        let slot = first - first.rem_euclid(300);
        // That second lies in the file of 08:35 of the scene.
        let mut scene = Scene::on(slot - 8 * 3600 - 35 * 60);
        scene = scene.without(|record| (slot..first).contains(&record.written));
        scene.layout.suffix = "";
        scene.add(first, 0, About::Twist, &bytes::message(bytes::KEEPALIVE, &[]));
        let after = first + 60 - scene.day;
        let lost = format!("{:02}:{:02}:{:02}", after / 3600, after / 60 % 60, after % 60);
        let scene = scene.lost(&lost).back("09:10:00");
        let name = scene.update_file(slot);
        assert_eq!(scene.files()[&name][..4], (first as u32).to_be_bytes(), "{name}");
        exact(&scene, &format!("{lost}..09:10:00"));
    }
}

#[test]
fn a_list_of_targets_may_begin_with_a_byte_order_mark() {
    let scene = Scene::tidy();
    let archive = scene.write();
    let list = archive.path().join("targets.txt");
    for text in ["\u{feff}198.51.100.0/24\n", "\u{feff}198.51.100.0/24\r\n\r\n", "\u{feff}# mine\r\n198.51.100.0/24"] {
        std::fs::write(&list, text).expect("a list");
        let [from, to] = ["2024-03-10T08:10", "2024-03-10T09:50"];
        let args = format!(
            "--targets {} --from {from} --to {to} --archive {} --format json",
            list.display(),
            archive.path().display()
        );
        let answer = ran(&mut crate::cli::program(&args));
        truthful(&scene, &answer, OUTAGE, Rule::Exact);
    }
}

#[test]
fn two_trees_of_one_collector_are_one_collector_or_an_error() {
    let scene = laid_out("a/rrc99/YYYY.MM", "a/rrc99/YYYY.MM");
    let mut files = scene.files();
    let copy: Files = files.iter().map(|(name, bytes)| (name.replacen("a/", "b/", 1), bytes.clone())).collect();
    files.extend(copy);
    let archive = written(&files);
    refused_or_exact(&scene, &asked(&scene, archive.path(), "--archive {}"), &["rrc99"], OUTAGE);
    // A tree with a hole beside the whole one.
    files.remove(&scene.update_file(scene.at("08:30:00")).replacen("a/", "b/", 1)).expect("the file of 08:30");
    let archive = written(&files);
    refused_or_exact(&scene, &asked(&scene, archive.path(), "--archive {}"), &["rrc99"], OUTAGE);
}

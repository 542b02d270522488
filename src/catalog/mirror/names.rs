//! Kind, time, container and collector from the names of files and folders.

use std::ffi::OsStr;
use std::path::{Component, Path};

use chrono::NaiveDateTime;

use crate::archive::DumpKind;
use crate::bgp::{Collector, Project};
use crate::catalog::published;
use crate::time::Timestamp;

/// Suffixes of supported containers.
const READ: [&str; 4] = ["gz", "bz2", "zst", "mrt"];
/// Suffixes of unsupported containers.
const UNREAD: [&str; 14] =
    ["xz", "z", "lz", "lz4", "lzma", "lzo", "7z", "zip", "rar", "br", "sz", "tar", "tgz", "tbz2"];
/// Suffixes of files that accompany archive files: digests, signatures, indexes, incomplete downloads.
const BESIDE: [&str; 15] = [
    "sha256", "sha512", "sha1", "md5", "asc", "sig", "idx", "new", "part", "pending", "lock", "tmp", "json", "txt",
    "html",
];
/// Other suffixes of MRT files.
const MRT: [&str; 7] = ["gz", "bz2", "zst", "mrt", "dump", "bgp", "rib"];
/// Hosts of RouteViews. Before its collectors had folders of their own, route-views2 was published below `bgpdata`.
const ROUTEVIEWS_HOSTS: [&str; 3] = ["archive.routeviews.org", "routeviews.org", "www.routeviews.org"];

/// What the name of a file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// An archive file as publishers name it, perhaps after the name of its collector.
    Archive {
        kind: DumpKind,
        at: Timestamp,
        /// The text in front of it: `rrc00` in `rrc00.updates.20240310.0800.gz`.
        before: Option<&'a str>,
        is_read: bool,
    },
    /// A name that begins like an archive file and continues differently.
    Odd,
    /// Another name of what may be an MRT file.
    Foreign,
    /// Not an archive file.
    Other,
}

/// Parses the name of a file.
pub(super) fn parse(name: &str) -> Name<'_> {
    let lower = name.to_ascii_lowercase();
    let words = [("updates.", DumpKind::Updates), ("bview.", DumpKind::Rib), ("rib.", DumpKind::Rib)];
    let begins = |at: usize| lower[..at].chars().next_back().is_none_or(|before| matches!(before, '.' | '_' | '-'));
    let found = words.iter().find_map(|(word, kind)| {
        let at = lower.rfind(word).filter(|at| begins(*at))?;
        Some((at, lower.get(at + word.len()..)?, *kind))
    });
    let is_beside = lower.rsplit('.').next().is_some_and(|last| lower.contains('.') && BESIDE.contains(&last));
    if is_beside || name.starts_with('.') {
        return Name::Other;
    }
    let Some((start, rest, kind)) = found else { return foreign(&lower) };
    let mut words = rest.split('.');
    let (date, time) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_stamp =
        |word: &str, lengths: &[usize]| lengths.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    if !is_stamp(date, &[8]) || !is_stamp(time, &[4, 6]) {
        return foreign(&lower);
    }
    let format = if time.len() == 4 { "%Y%m%d %H%M" } else { "%Y%m%d %H%M%S" };
    let Ok(at) = NaiveDateTime::parse_from_str(&format!("{date} {time}"), format) else { return Name::Odd };
    let suffixes: Vec<&str> = words.collect();
    let is_read = match suffixes[..] {
        [] => true,
        [suffix] | ["mrt", suffix] if READ.contains(&suffix) => true,
        [suffix] | ["mrt" | "tar", suffix] if UNREAD.contains(&suffix) => false,
        _ => return Name::Odd,
    };
    let before = name.get(..start).map(|before| before.trim_end_matches(['.', '_', '-']));
    Name::Archive {
        kind,
        at: Timestamp::from_secs(at.and_utc().timestamp()),
        before: before.filter(|before| !before.is_empty()),
        is_read,
    }
}

/// Returns whether a file with another name may be an MRT file, which only its content shows.
fn foreign(lower: &str) -> Name<'static> {
    let has_word = || ["mrt", "bgp", "rib", "bview", "update", "dump"].iter().any(|word| lower.contains(word));
    let may_be = match lower.rsplit_once('.') {
        Some((_, suffix)) if MRT.contains(&suffix) || UNREAD.contains(&suffix) => true,
        Some((_, suffix)) => suffix.bytes().all(|byte| byte.is_ascii_digit()) && has_word(),
        None => has_word(),
    };
    if may_be { Name::Foreign } else { Name::Other }
}

/// Returns the suffix of an unsupported container. None if it is supported.
pub(super) fn unread_suffix(name: &str) -> Option<&str> {
    name.rsplit_once('.')
        .map(|(_, suffix)| suffix)
        .filter(|suffix| UNREAD.contains(&suffix.to_ascii_lowercase().as_str()))
}

/// A collector, and the project whose layout its files have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) collector: Collector,
    pub(super) project: Project,
}

/// Returns the collector of RIPE RIS or RouteViews with a published name, in upper or lower case.
pub(super) fn published(name: &str) -> Option<Named> {
    let lower = name.to_ascii_lowercase();
    let is_ris = lower.strip_prefix("rrc").is_some_and(|n| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit()));
    let is_routeviews = lower
        .strip_prefix("route-views")
        .is_some_and(|rest| rest.starts_with(|c: char| c == '.' || c.is_ascii_digit()) && rest != ".org");
    let collector = Collector::new(&lower);
    let project = match published::publisher(&collector) {
        Some(project) => project,
        None if is_ris => Project::RipeRis,
        None if is_routeviews => Project::RouteViews,
        None => return None,
    };
    Some(Named { collector, project })
}

/// Returns the collector whose published name is deepest in a path, and the number of components up to it.
pub(super) fn published_in(path: &Path) -> Option<(Named, usize)> {
    let names: Vec<&str> = path.components().map(|part| part.as_os_str().to_str().unwrap_or_default()).collect();
    (0..names.len()).rev().find_map(|index| {
        let name = names.get(index)?;
        let host = index.checked_sub(1).and_then(|before| names.get(before));
        let is_old_tree = name.eq_ignore_ascii_case("bgpdata")
            && host.is_some_and(|host| ROUTEVIEWS_HOSTS.iter().any(|known| host.eq_ignore_ascii_case(known)));
        let named = if is_old_tree { published("route-views2") } else { published(name) };
        named.map(|named| (named, index + 1))
    })
}

/// Returns the name of the deepest folder that is not part of the layout, and the number of components up to it.
pub(super) fn own_in(path: &Path) -> Option<(String, usize)> {
    let parts: Vec<Component> = path.components().collect();
    let own = parts.iter().rposition(|part| matches!(part, Component::Normal(name) if !is_structure(name)))?;
    Some((text(parts.get(own)?.as_os_str()), own + 1))
}

/// Returns the project whose layout an unpublished collector has.
pub(super) fn layout_of(path: &Path) -> Project {
    let is_routeviews = path.components().any(|part| part.as_os_str().eq_ignore_ascii_case("bgpdata"));
    if is_routeviews { Project::RouteViews } else { Project::RipeRis }
}

/// Whether a folder is part of the layout below a collector: `bgpdata`, `RIBS`, `updates`, `2014.12`, `2024-03-10`, `03`.
fn is_structure(folder: &OsStr) -> bool {
    let Some(folder) = folder.to_str() else { return false };
    let lower = folder.to_ascii_lowercase();
    let n_digits = lower.bytes().filter(u8::is_ascii_digit).count();
    let is_date = matches!(n_digits, 1 | 2 | 4 | 6 | 8)
        && lower.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_'));
    is_date || matches!(lower.as_str(), "bgpdata" | "rib" | "ribs" | "bview" | "bviews" | "update" | "updates")
}

/// Returns a name as text. Different names have different texts.
pub(super) fn text(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.to_owned(),
        None => name.as_encoded_bytes().escape_ascii().to_string(),
    }
}

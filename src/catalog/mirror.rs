//! Local folders and files as a catalog.

mod names;
mod notes;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustc_hash::FxHashSet;

use self::names::{Name, Named};
use self::notes::Notes;
use self::walk::{FoundFile, Tree};
use super::{ArchiveFile, Catalog, DumpKind, Location, Query};
use crate::bgp::{Collector, Project};
use crate::error::Error;
use crate::time::Window;

/// The most names that a message lists.
const MAX_NAMED: usize = 3;

/// A local copy of part of the archives: `rrc06/2021.01/updates.20210102.0505.gz` (RIPE RIS),
/// `route-views2/bgpdata/2002.01/UPDATES/updates.20020101.0012.bz2` (RouteViews), in any folders. The collector of a file is
/// the folder with a published name; if there is none, the deepest folder that is neither a date nor `RIBS` or `UPDATES`.
///
/// ```no_run
/// use outage_replay::catalog::Mirror;
///
/// let mirror = Mirror::open("data/dprk-2014".as_ref())?;
/// println!("{} files", mirror.files().len());
/// # Ok::<(), outage_replay::Error>(())
/// ```
#[derive(Debug)]
pub struct Mirror {
    roots: Vec<PathBuf>,
    files: Vec<ArchiveFile>,
    unnamed: Vec<Unnamed>,
    warnings: Vec<String>,
    notes: Notes,
}

/// Returns what the name of a file in the publishers' layout contains. None if it is another name.
pub(super) fn kind_and_time(name: &str) -> Option<(DumpKind, crate::time::Timestamp)> {
    match names::parse(name.rsplit('/').next().unwrap_or(name)) {
        Name::Archive { kind, at, .. } => Some((kind, at)),
        Name::Odd | Name::Foreign | Name::Other => None,
    }
}

/// A file whose name contains neither kind nor time.
#[derive(Clone, Debug)]
pub struct Unnamed {
    /// Its path.
    pub path: PathBuf,
    /// Whether the user named the file itself. Then it must be an MRT file.
    pub is_asked_for: bool,
    /// The name used in outputs.
    name: String,
    place: Place,
}

/// The collector of a folder.
#[derive(Clone, Debug)]
struct Place {
    named: Named,
    /// Whether RIPE RIS or RouteViews has a collector of that name, or the user chose it.
    is_sure: bool,
    /// The folder that has the name.
    folder: PathBuf,
}

impl Mirror {
    /// Lists the archive files below `root`.
    ///
    /// # Errors
    ///
    /// If there is no archive file that can be read, or its collector is not clear.
    pub fn open(root: &Path) -> Result<Mirror, Error> {
        let mirror = Mirror::scan(&[root.to_owned()], None)?;
        mirror.check()?;
        Ok(mirror)
    }

    /// Lists files, and the archive files below folders. If `chosen` is given, all are of that collector. Files whose names
    /// contain neither kind nor time must be added before [`Mirror::check`]: see [`Mirror::unnamed`].
    ///
    /// # Errors
    ///
    /// If a folder cannot be read, or the collectors are not clear.
    pub fn scan(roots: &[PathBuf], chosen: Option<&Collector>) -> Result<Mirror, Error> {
        let mut scan = Scan::default();
        for root in roots {
            scan.add(root, roots.len() > 1)?;
        }
        scan.finish(roots, chosen)
    }

    /// Returns the files whose kind and time only their records show.
    pub fn unnamed(&self) -> &[Unnamed] {
        &self.unnamed
    }

    /// Adds an unnamed file with the kind and the interval of its records.
    pub fn add(&mut self, file: &Unnamed, kind: DumpKind, records: Window) {
        self.files.push(ArchiveFile {
            collector: file.place.named.collector.clone(),
            named_at: records.start,
            kind,
            project: file.place.named.project,
            name: file.name.clone(),
            location: Location::Local(file.path.clone()),
            lasts: None,
            records: Some(records),
        });
        self.files.sort();
    }

    /// Adds a warning that an unnamed file is not used.
    pub fn pass_over(&mut self, file: &Unnamed, why: &str) {
        self.warnings.push(format!("{}: not used: {why}", file.name));
    }

    /// Checks that there is a file to read.
    ///
    /// # Errors
    ///
    /// If there is no archive file, or every file is in an unsupported container.
    pub fn check(&self) -> Result<(), Error> {
        let path = || self.roots.first().cloned().unwrap_or_default();
        if self.files.is_empty() {
            return Err(Error::EmptyArchive { path: path(), not_read: self.warnings.clone() });
        }
        if self.files.iter().all(|file| matches!(file.location, Location::Unread(_))) {
            let names: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
            return Err(Error::UnreadContainers { path: path(), files: list(&names) });
        }
        Ok(())
    }

    /// Returns every archive file by collector and time.
    pub fn files(&self) -> &[ArchiveFile] {
        &self.files
    }
}

impl Catalog for Mirror {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let mut known: Vec<&Collector> = self.files.iter().map(|file| &file.collector).collect();
        known.dedup();
        let named = &query.collectors;
        for wanted in named {
            if !known.contains(&wanted) {
                let known = known.iter().map(|collector| collector.to_string()).collect();
                return Err(Error::UnknownCollector { name: wanted.to_string(), known });
            }
        }
        let wanted = |file: &&ArchiveFile| {
            (named.is_empty() || named.contains(&file.collector))
                && query.project.is_none_or(|project| project == file.project)
        };
        Ok(self.files.iter().filter(wanted).cloned().collect())
    }

    fn notes(&self, file: &ArchiveFile) -> Vec<String> {
        match &file.location {
            Location::Local(path) => match fs::canonicalize(path) {
                Ok(path) => self.notes.of(&path).map(str::to_owned).collect(),
                Err(_) => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The files that were found, before their collectors are known.
#[derive(Default)]
struct Scan {
    files: Vec<(FoundFile, NamedSource)>,
    unnamed: Vec<(FoundFile, NamedSource)>,
    seen: FxHashSet<PathBuf>,
    warnings: Vec<String>,
    notes: Notes,
}

/// How a file was found.
#[derive(Clone)]
struct NamedSource {
    /// The folder or file that the user named.
    root: PathBuf,
    /// The name used in outputs.
    name: String,
    is_asked_for: bool,
}

impl Scan {
    /// Adds a folder or file that the user named.
    fn add(&mut self, root: &Path, is_one_of_many: bool) -> Result<(), Error> {
        let unreadable = |source| Error::Archive { path: root.to_owned(), source };
        let (kind, canonical_root) =
            fs::metadata(root).and_then(|kind| Ok((kind, fs::canonicalize(root)?))).map_err(unreadable)?;
        if !kind.is_dir() && !kind.is_file() {
            return Err(unreadable(io::Error::other("neither a folder nor a regular file")));
        }
        let is_asked_for = kind.is_file();
        let Tree { files, passed_over } = if is_asked_for {
            let found = FoundFile { path: root.to_owned(), canonical: canonical_root.clone() };
            Tree { files: vec![found], passed_over: Vec::new() }
        } else {
            walk::walk(root)?
        };
        let mut unnamed = Vec::new();
        let (mut n_named, mut odd, mut unread) = (0, Vec::new(), Vec::new());
        for found in files {
            let path = if is_one_of_many { &found.path } else { found.path.strip_prefix(root).unwrap_or(&found.path) };
            let path = if path.as_os_str().is_empty() { Path::new(root.file_name().unwrap_or_default()) } else { path };
            let name = names::text(path.as_os_str());
            let file_name = names::text(found.path.file_name().unwrap_or_default());
            let source = NamedSource { root: root.to_owned(), name: name.clone(), is_asked_for };
            let parsed = names::parse(&file_name);
            if matches!(parsed, Name::Archive { .. } | Name::Foreign) || is_asked_for {
                if !self.seen.insert(found.canonical.clone()) {
                    continue;
                }
                self.notes.look(&found.canonical, &canonical_root)?;
            }
            match parsed {
                Name::Archive { is_read, .. } => {
                    n_named += 1;
                    if !is_read {
                        unread.push(name);
                    }
                    self.files.push((found, source));
                }
                Name::Odd if !is_asked_for => odd.push(name),
                Name::Other if !is_asked_for => {}
                Name::Odd | Name::Foreign | Name::Other => unnamed.push((found, source)),
            }
        }
        if n_named > 0 && !unnamed.is_empty() {
            let names: Vec<&str> = unnamed.iter().map(|(_, source)| source.name.as_str()).collect();
            self.warnings.push(format!(
                "not read, because the name contains neither kind nor time: {}; pass such files one by one with --archive",
                list(&names)
            ));
        } else {
            self.unnamed.append(&mut unnamed);
        }
        if !odd.is_empty() {
            self.warnings.push(format!("not read, because the name continues after the time: {}", list(&odd)));
        }
        if !unread.is_empty() {
            self.warnings
                .push(format!("not read, because the container is not gzip, bzip2 or Zstandard: {}", list(&unread)));
        }
        for (path, why) in passed_over {
            self.warnings.push(format!("{} {why}", path.display()));
        }
        Ok(())
    }

    /// Finds the collector of each file.
    fn finish(mut self, roots: &[PathBuf], chosen: Option<&Collector>) -> Result<Mirror, Error> {
        let is_alone = self.files.len() + self.unnamed.len() == 1;
        let mut places: BTreeMap<(PathBuf, PathBuf, Option<String>), Place> = BTreeMap::new();
        let mut place_of = |found: &FoundFile, source: &NamedSource, stem: Option<&str>| -> Result<Place, Error> {
            let folder = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
            let key = (folder(&found.path), folder(&found.canonical), stem.map(str::to_owned));
            if let Some(place) = places.get(&key) {
                return Ok(place.clone());
            }
            let place = place(found, source, stem)?;
            places.insert(key, place.clone());
            Ok(place)
        };
        let mut files = Vec::with_capacity(self.files.len());
        for (found, source) in &self.files {
            let file_name = names::text(found.path.file_name().unwrap_or_default());
            let Name::Archive { kind, at, before, is_read } = names::parse(&file_name) else { continue };
            let place = place_of(found, source, before)?;
            let path = found.path.clone();
            files.push((
                place,
                kind,
                at,
                source.name.clone(),
                if is_read { Location::Local(path) } else { Location::Unread(path) },
            ));
        }
        let mut unnamed = Vec::with_capacity(self.unnamed.len());
        for (found, source) in &self.unnamed {
            let file_name = names::text(found.path.file_name().unwrap_or_default());
            // A single file may lie in any folder, so its own name is the collector.
            let stem = (is_alone && source.is_asked_for).then(|| file_name.split('.').next().unwrap_or_default());
            let place = place_of(found, source, stem)?;
            unnamed.push(Unnamed {
                path: found.path.clone(),
                is_asked_for: source.is_asked_for,
                name: source.name.clone(),
                place,
            });
        }
        let all = files.iter_mut().map(|file| &mut file.0).chain(unnamed.iter_mut().map(|file| &mut file.place));
        match chosen {
            Some(chosen) => choose(all.collect(), chosen)?,
            None => {
                let all: Vec<&Place> = all.map(|place| &*place).collect();
                check_nesting(roots, &all)?;
                check_halves(roots, files.iter().map(|file| (&file.0, file.1)))?;
            }
        }
        let mut files: Vec<ArchiveFile> = files
            .into_iter()
            .map(|(place, kind, named_at, name, location)| ArchiveFile {
                collector: place.named.collector,
                named_at,
                kind,
                project: place.named.project,
                name,
                location,
                lasts: None,
                records: None,
            })
            .collect();
        files.sort();
        self.warnings.dedup();
        Ok(Mirror { roots: roots.to_owned(), files, unnamed, warnings: self.warnings, notes: self.notes })
    }
}

/// Finds the collector of a file: a published name anywhere in its path, otherwise the name in front of the file name, otherwise
/// the deepest folder that is not part of the layout.
fn place(found: &FoundFile, source: &NamedSource, before: Option<&str>) -> Result<Place, Error> {
    let absolute = |path: &Path| match path.components().any(|part| part == Component::ParentDir) {
        true => None,
        false => std::path::absolute(path).ok(),
    };
    let lexical = absolute(&found.path);
    let paths = || lexical.iter().chain([&found.canonical]).filter_map(|path| path.parent());
    let first = |path: &Path, n: usize| path.components().take(n).collect::<PathBuf>();
    if let Some(named) = before.and_then(names::published) {
        let folder = found.canonical.parent().unwrap_or(&found.canonical).join(named.collector.name());
        return Ok(Place { named, is_sure: true, folder });
    }
    if let Some((named, folder)) =
        paths().find_map(|path| names::published_in(path).map(|(named, n)| (named, first(path, n))))
    {
        return Ok(Place { named, is_sure: true, folder });
    }
    let own = match before {
        Some(before) => Some((before.to_owned(), found.canonical.parent().unwrap_or(&found.canonical).join(before))),
        None => paths().find_map(|path| names::own_in(path).map(|(name, n)| (name, first(path, n)))),
    };
    let Some((name, folder)) = own else {
        return Err(layout(&source.root, format!("no folder above {} names its collector", source.name)));
    };
    let project = paths().map(names::layout_of).max().unwrap_or(Project::RipeRis);
    Ok(Place { named: Named { collector: Collector::new(&name), project }, is_sure: false, folder })
}

/// Assigns all files to one collector. It is an error if their folders name several.
fn choose(places: Vec<&mut Place>, chosen: &Collector) -> Result<(), Error> {
    let published: BTreeSet<String> =
        places.iter().filter(|place| place.is_sure).map(|place| place.named.collector.to_string()).collect();
    if published.len() > 1 {
        let names: Vec<&str> = published.iter().map(String::as_str).collect();
        return Err(Error::CollectorName { name: chosen.to_string(), names: names.join(", ") });
    }
    for place in places {
        place.named.collector = chosen.clone();
        place.is_sure = true;
    }
    Ok(())
}

/// Rejects a folder with an unpublished name that contains both files and the folder of another collector: both might be the
/// same collector.
fn check_nesting(roots: &[PathBuf], places: &[&Place]) -> Result<(), Error> {
    let folders: BTreeMap<&Path, &Place> = places.iter().map(|place| (place.folder.as_path(), *place)).collect();
    for (folder, place) in &folders {
        let outer = folder.ancestors().skip(1).find_map(|outer| folders.get(outer)).filter(|outer| !outer.is_sure);
        if let Some(outer) = outer {
            let why = format!(
                "{} contains archive files, and so does {} below it: are they of one collector or of two?",
                outer.folder.display(),
                place.folder.display()
            );
            return Err(layout(roots.first().map_or(Path::new(""), PathBuf::as_path), why));
        }
    }
    Ok(())
}

/// Two folders side by side, one with RIB dumps and one with updates, are one collector in two parts.
fn check_halves<'a>(roots: &[PathBuf], files: impl Iterator<Item = (&'a Place, DumpKind)>) -> Result<(), Error> {
    let mut kinds: BTreeMap<&Path, BTreeSet<DumpKind>> = BTreeMap::new();
    for (place, kind) in files.filter(|(place, _)| !place.is_sure) {
        kinds.entry(&place.folder).or_default().insert(kind);
    }
    let half =
        |kind: DumpKind| kinds.iter().filter(move |(_, kinds)| kinds.iter().eq([&kind])).map(|(folder, _)| folder);
    for ribs in half(DumpKind::Rib) {
        if let Some(updates) = half(DumpKind::Updates).find(|updates| updates.parent() == ribs.parent()) {
            let why = format!(
                "{} contains only RIB dumps and {} only updates: are they of one collector or of two?",
                ribs.display(),
                updates.display()
            );
            return Err(layout(roots.first().map_or(Path::new(""), PathBuf::as_path), why));
        }
    }
    Ok(())
}

fn layout(root: &Path, why: String) -> Error {
    Error::Layout { path: root.to_owned(), why }
}

/// Returns the first names of a list, and how many more there are.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    let named: Vec<&str> = names.iter().take(MAX_NAMED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        n => format!("{} and {n} more", named.join(", ")),
    }
}

/// Returns why a file in an unsupported container is not read, and what to do.
pub(super) fn unread(file: &ArchiveFile) -> String {
    let suffix = names::unread_suffix(&file.name).unwrap_or_default();
    format!("{}: .{suffix} is not read; decompress it, or compress it with gzip, bzip2 or Zstandard", file.name)
}

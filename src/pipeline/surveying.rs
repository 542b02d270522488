//! A survey: which RIB dumps are looked at, and what each of them shows.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use super::reading::{FileReader, is_of_another_time};
use super::{Progress, Sources};
use crate::archive::{ArchiveFile, Location, ReadAt};
use crate::bgp::{Collector, Family, Peer, Prefix, Project};
use crate::catalog::{self, Catalog, RibNotes, publisher};
use crate::coverage::Verdict;
use crate::decode::lookup::{Hints, Lookup, look_up};
use crate::decode::{Ending, Reading, Selection};
use crate::error::Error;
use crate::fetch::{Cache, open_ranges};
use crate::helpers::Helpers;
use crate::query::{Match, Query, Target};
use crate::survey::{DumpContent, DumpLook, LookMethod, Survey, SurveyQuery};
use crate::time::Timestamp;

/// Dumps of one collector that are looked at together. Each takes the hints of those before, so their number must not depend
/// on the machine: the same dumps are read in the same parts everywhere. Hosts allow four connections.
const AT_A_TIME: usize = 4;

/// Prefixes that are looked up together in one dump: each needs a block or two of a megabyte.
const PREFIXES_AT_A_TIME: usize = 40;

/// One more block of each dump is read, at another place in each, for the sizes of the tables: after this share of the bytes of
/// a family for the first dump, and this much further for each later one. The golden ratio spreads any number of places evenly.
const FIRST_SAMPLE: f64 = 0.5;
const SAMPLE_STEP: f64 = 0.618_033_988_749_895;

/// The part of a dump that is IPv4, where nothing is known.
const V4_BYTES: f64 = 0.8;

/// Looks at every RIB dump of the chosen collectors in the window of the question.
///
/// # Errors
///
/// If the archives cannot be listed, no RIB dump is in the window, or the run is cancelled. Dumps that cannot be read are not
/// errors.
pub fn survey<'a>(
    query: &SurveyQuery,
    sources: impl Into<Sources<'a>>,
    progress: &dyn Progress,
) -> Result<Survey, Error> {
    let Sources { catalog, cache } = sources.into();
    let listed = listed(query, catalog, cache.is_some())?;
    let n_dumps = listed.values().map(Vec::len).sum();
    progress.begin(n_dumps, 0);
    let looker = Looker { query, cache, progress };
    let looks: Vec<Result<Vec<DumpLook>, Error>> = thread::scope(|scope| {
        let collectors: Vec<_> = listed.values().map(|dumps| scope.spawn(|| looker.collector(dumps))).collect();
        collectors.into_iter().map(|looks| looks.join().unwrap_or(Err(Error::Cancelled))).collect()
    });
    let mut dumps = Vec::new();
    for looks in looks {
        dumps.append(&mut looks?);
    }
    let mut survey = Survey::new(query.clone(), dumps, missing(query, &listed));
    let notes: BTreeSet<String> = listed.values().flatten().flat_map(|file| catalog.notes(file)).collect();
    survey.note = (!notes.is_empty()).then(|| notes.into_iter().collect::<Vec<_>>().join(" "));
    Ok(survey)
}

/// The query that a catalog is asked.
fn catalog_query(query: &SurveyQuery) -> Query {
    let targets = query.prefixes.iter().map(|prefix| Target::Prefix(*prefix, Match::Exact)).collect();
    let mut asked = Query::new(targets, query.window);
    asked.collectors.clone_from(&query.collectors);
    asked.project = query.project;
    asked
}

/// The RIB dumps of each collector, in order, one of each time. If the question names no collector, those on servers are of
/// the first two collectors of RouteViews that have any: dumps of RIPE RIS cannot be read in part.
fn listed(
    query: &SurveyQuery,
    catalog: &dyn Catalog,
    is_remote: bool,
) -> Result<BTreeMap<Collector, Vec<ArchiveFile>>, Error> {
    let mut asked = catalog_query(query);
    let is_ours = is_remote && query.collectors.is_empty() && query.project != Some(Project::RipeRis);
    if is_ours {
        asked.collectors = SurveyQuery::PREFERRED.map(Collector::new).to_vec();
    }
    let files = catalog.list_ribs(&asked)?;
    let chosen: BTreeSet<Collector> = match is_ours {
        true => {
            let has_files = |collector: &&Collector| files.iter().any(|file| file.collector == **collector);
            asked.collectors.iter().filter(has_files).take(SurveyQuery::MOST_COLLECTORS).cloned().collect()
        }
        false => files.iter().map(|file| file.collector.clone()).collect(),
    };
    let mut listed: BTreeMap<Collector, BTreeMap<Timestamp, ArchiveFile>> = BTreeMap::new();
    let is_asked = |file: &ArchiveFile| {
        let is_named = query.collectors.is_empty() || query.collectors.contains(&file.collector);
        is_named && asked.project.is_none_or(|project| file.project == project)
    };
    for file in files.into_iter().filter(|file| chosen.is_empty() || chosen.contains(&file.collector)) {
        if !is_asked(&file) {
            continue;
        }
        let own = listed.entry(file.collector.clone()).or_default();
        // Of copies in several containers, the one of which parts can be read.
        let is_better = |known: &ArchiveFile| file.name.ends_with(".bz2") && !known.name.ends_with(".bz2");
        if own.get(&file.opened_at()).is_none_or(is_better) {
            own.insert(file.opened_at(), file);
        }
    }
    let lacking = query.collectors.iter().find(|collector| !listed.contains_key(*collector));
    if listed.is_empty() || lacking.is_some() {
        let window = format!("{} .. {}", query.window.start, query.window.end);
        let of = lacking.map_or("the chosen collectors have".to_owned(), |collector| format!("{collector} has"));
        return Err(Error::NothingCovers { window, holds: format!("{of} no RIB dump in this time") });
    }
    Ok(listed.into_iter().map(|(collector, dumps)| (collector, dumps.into_values().collect())).collect())
}

/// The RIB dumps that were due and are not listed, of collectors that publish regularly.
fn missing(query: &SurveyQuery, listed: &BTreeMap<Collector, Vec<ArchiveFile>>) -> Vec<(Collector, Timestamp)> {
    let files: Vec<ArchiveFile> = listed.values().flatten().cloned().collect();
    let plan = catalog::plan(&catalog_query(query), &files, &RibNotes::default());
    let of = |plan: &catalog::CollectorPlan| {
        let due = plan.missing_ribs(query.window).into_iter().filter(|at| query.window.contains(*at));
        due.map(|at| (plan.collector.clone(), at)).collect::<Vec<_>>()
    };
    plan.collectors.iter().filter(|plan| publisher(&plan.collector).is_some()).flat_map(of).collect()
}

/// Reads the dumps.
struct Looker<'a> {
    query: &'a SurveyQuery,
    cache: Option<&'a Cache>,
    progress: &'a dyn Progress,
}

impl Looker<'_> {
    /// The dumps of one collector.
    fn collector(&self, dumps: &[ArchiveFile]) -> Result<Vec<DumpLook>, Error> {
        let mut looks = Vec::new();
        let mut hints = Hints::default();
        let mut rest = dumps;
        while !rest.is_empty() {
            // The first dump shows where to look in the others.
            let n = if looks.is_empty() { 1 } else { AT_A_TIME.min(rest.len()) };
            let (now, later) = rest.split_at(n);
            let first = looks.len();
            let results: Vec<_> = thread::scope(|scope| {
                let hints = &hints;
                let threads: Vec<_> =
                    (first..).zip(now).map(|(n, file)| scope.spawn(move || self.dump(n, file, hints))).collect();
                threads.into_iter().map(|look| look.join().unwrap_or(Err(Error::Cancelled))).collect()
            });
            for result in results {
                let (look, next) = result?;
                looks.push(look);
                if let Some(next) = next {
                    hints = next;
                }
            }
            rest = later;
        }
        Ok(looks)
    }

    /// The dump with this number of its collector, and the hints for later ones.
    fn dump(&self, n: usize, file: &ArchiveFile, hints: &Hints) -> Result<(DumpLook, Option<Hints>), Error> {
        Error::if_cancelled(self.progress)?;
        let mut look = DumpLook {
            collector: file.collector.clone(),
            name: file.name.clone(),
            at: file.opened_at(),
            method: LookMethod::NotRead,
            why: None,
            bytes: 0,
            file_bytes: None,
            validator: None,
            ranges: Vec::new(),
            sha256: None,
            shown: None,
        };
        let why = match open_ranges(file, self.cache, hints.first_bytes()) {
            Ok(mut ranges) => {
                let found = self.look_up(&mut ranges, hints, &self.samples(n, hints));
                look.bytes = ranges.read().iter().map(|range| range.bytes).sum();
                look.file_bytes = Some(ranges.length());
                look.validator = ranges.validator().map(str::to_owned);
                look.ranges = ranges.read().to_vec();
                match found.and_then(|lookup| of_its_time(file, lookup)) {
                    Ok(lookup) => {
                        look.method = LookMethod::LookedUp;
                        look.shown = Some(looked_up(&lookup));
                        self.progress.file_read(&file.name);
                        return Ok((look, Some(lookup.hints)));
                    }
                    Err(why) => why,
                }
            }
            Err(error) => error.to_string(),
        };
        Error::if_cancelled(self.progress)?;
        look.why = Some(format!("cannot be looked up: {why}"));
        let is_here = match &file.location {
            Location::Local(_) | Location::Cached { .. } => true,
            Location::Remote { .. } => self.cache.is_some_and(|cache| cache.holds(&file.name)),
            Location::Unread(_) | Location::Lost { .. } => false,
        };
        if is_here || self.query.whole_files {
            self.read_whole(file, &mut look)?;
        } else {
            self.progress.file_lost(&file.name, look.why.as_deref().unwrap_or_default());
        }
        Ok((look, None))
    }

    /// Looks all prefixes up, some at a time. The tables are estimated from the blocks of the first of them.
    fn look_up(&self, input: &mut dyn ReadAt, hints: &Hints, samples: &[f64]) -> Result<Lookup, String> {
        let mut all: Option<Lookup> = None;
        for prefixes in self.query.prefixes.chunks(PREFIXES_AT_A_TIME) {
            let samples = if all.is_none() { samples } else { &[] };
            let found = look_up(input, prefixes, hints, samples).map_err(|why| why.0)?;
            match &mut all {
                Some(all) => {
                    all.prefixes.extend(found.prefixes);
                    all.hints.add(found.hints);
                }
                None => all = Some(found),
            }
        }
        all.ok_or_else(|| "no prefix is to be looked up".to_owned())
    }

    /// Where one more block each is read: one for each family that is asked about.
    fn samples(&self, n: usize, hints: &Hints) -> Vec<f64> {
        let place = (FIRST_SAMPLE + n as f64 * SAMPLE_STEP).fract();
        let v4_bytes = hints.v4_bytes().unwrap_or(V4_BYTES);
        let is_asked = |family: &Family| self.query.prefixes.iter().any(|prefix| prefix.family() == *family);
        let share = |family| match family {
            Family::V4 => v4_bytes * place,
            Family::V6 => v4_bytes + (1.0 - v4_bytes) * place,
        };
        Family::ALL.into_iter().filter(is_asked).map(share).collect()
    }

    /// Reads a file from its beginning to its end.
    fn read_whole(&self, file: &ArchiveFile, look: &mut DumpLook) -> Result<(), Error> {
        let mut selection = Selection::new();
        self.query.prefixes.iter().for_each(|prefix| selection.add_prefix(*prefix));
        let helpers = Helpers::new();
        let reader =
            FileReader { cache: self.cache, selection: &selection, helpers: &helpers, progress: self.progress };
        let read = reader.read(file)?;
        look.method = LookMethod::WholeFile;
        look.bytes += read.report.bytes;
        look.file_bytes = Some(read.report.bytes).filter(|bytes| *bytes > 0).or(look.file_bytes);
        look.sha256 = Some(read.report.sha256.clone()).filter(|digest| !digest.is_empty());
        let reading = &read.reading;
        let is_usable = matches!(read.report.verdict, Verdict::Ok) || is_whole(reading);
        if is_usable && !reading.census.lacks_peer_table && reading.census.counts.rib_records > 0 {
            look.shown = Some(shown(reading, &self.query.prefixes));
        } else {
            let detail = read.report.detail.clone().unwrap_or_else(|| "it holds no usable table".to_owned());
            look.why = Some(format!("{}: {detail}", read.report.verdict));
            look.method = if look.sha256.is_some() { LookMethod::WholeFile } else { LookMethod::NotRead };
        }
        Ok(())
    }
}

/// Whether only bytes after the end of the container are wrong: they take nothing away.
fn is_whole(reading: &Reading) -> bool {
    let census = &reading.census;
    census.ending == Ending::Complete
        && census.counts.damaged == u64::from(census.has_trailing_bytes)
        && census.counts.unsupported == 0
}

/// The records must be of the time in the name of the file.
fn of_its_time(file: &ArchiveFile, lookup: Lookup) -> Result<Lookup, String> {
    let (first, last) = lookup.span;
    match is_of_another_time(file, first, last) {
        true => Err(format!("its records are dated {first} to {last}: they belong to another file")),
        false => Ok(lookup),
    }
}

fn looked_up(lookup: &Lookup) -> DumpContent {
    let holders = lookup.prefixes.iter().map(|one| {
        let peers: BTreeSet<Peer> = one.routes.iter().map(|(peer, _, _)| *peer).collect();
        peers.into_iter().collect()
    });
    DumpContent {
        n_records: lookup.n_records,
        n_sampled: Some(lookup.n_sampled),
        tables: lookup.tables.iter().map(|table| (table.peer, table.sizes)).collect(),
        holders: holders.collect(),
    }
}

fn shown(reading: &Reading, prefixes: &[Prefix]) -> DumpContent {
    let peers = &reading.census.peers;
    let holders = |of: &Prefix| {
        let held = reading.rib.records().filter(|(record, _)| record.prefix == *of);
        let held = held.flat_map(|(_, entries)| entries).filter_map(|entry| Some(peers.get(entry.peer as usize)?.peer));
        held.collect::<BTreeSet<Peer>>().into_iter().collect()
    };
    DumpContent {
        n_records: reading.census.counts.rib_records,
        n_sampled: None,
        tables: peers.iter().map(|activity| (activity.peer, activity.table_size)).collect(),
        holders: prefixes.iter().map(holders).collect(),
    }
}

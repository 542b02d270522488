//! A look at older RIB dumps, where the one before the window may have been written during an outage.
//!
//! They serve only to learn which vantage points normally carry a prefix: no update between them and the window is read.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::collector_run::CollectorRun;
use super::reading::{self, ReadFile};
use super::round::{self, RoundTask};
use super::subjects::{AskedPrefix, asked_prefixes, known_prefixes};
use super::{acceptance, ahead};
use crate::archive::ArchiveFile;
use crate::bgp::{Asn, Family, Prefix};
use crate::catalog;
use crate::decode::Selection;
use crate::error::Error;
use crate::helpers::Helpers;
use crate::query::{Criteria, Target};
use crate::replay::Replay;
use crate::visibility::{CollectorIndex, View};

/// A target is worth a look where at least one in this many of its prefixes is concerned: fewer change no answer about an AS.
const ONE_IN: usize = 10;
/// How many older RIB dumps are searched for a network that no file names.
const MAX_LOOKS_FOR_NOTHING: usize = 3;

/// Reads older RIB dumps of the collectors of whose dumps before the window none shows a prefix widely held, until one does.
/// Returns prefixes of the chosen origins that only they reveal: they have to be looked for in all files.
pub(super) fn look(
    task: &RoundTask,
    runs: &mut [CollectorRun],
    selection: &Selection,
) -> Result<BTreeSet<Prefix>, Error> {
    let origins: Vec<Asn> = selection.origins().collect();
    let mut older: BTreeMap<usize, Vec<ArchiveFile>> = BTreeMap::new();
    let mut revealed = BTreeSet::new();
    for n_looks in 0.. {
        let files: Vec<(usize, ArchiveFile)> = concerned(task, runs, n_looks)
            .into_iter()
            .filter_map(|index| {
                let left = older.entry(index).or_insert_with(|| candidates(task, &runs[index]));
                (!left.is_empty()).then(|| (index, left.remove(0)))
            })
            .collect();
        let wanted: Vec<ArchiveFile> = files.iter().map(|(_, file)| file.clone()).collect();
        if files.is_empty() || !ahead::may_download(&wanted, task.cache, task.progress) {
            break;
        }
        task.progress.added(files.len());
        (task.download)(&wanted);
        let read: Vec<(usize, Result<ReadFile, Error>)> = files
            .into_par_iter()
            .map(|(index, file)| {
                (index, reading::read_one(&file, task.cache, selection, &Helpers::new(), task.progress))
            })
            .collect();
        Error::if_cancelled(task.progress)?;
        for (index, rib) in read {
            let rib = rib?;
            revealed.extend(round::originated(&rib.reading, selection, &origins));
            let rejection = runs[index].replay().and_then(|replay| rejection(&rib, replay));
            runs[index].add_older(rib, rejection);
        }
    }
    Ok(revealed)
}

/// The collectors of which an older dump may change the answer.
fn concerned(task: &RoundTask, runs: &[CollectorRun], n_looks: usize) -> BTreeSet<usize> {
    let with_replay = runs.iter().enumerate().filter_map(|(index, run)| Some((index, run.replay()?)));
    let (indices, replays): (Vec<usize>, Vec<&Replay>) = with_replay.unzip();
    let query = task.query;
    let view = View::new(replays.clone(), query.window, &Criteria::default());
    if !view.has_rib() {
        return BTreeSet::new();
    }
    let known = known_prefixes(&replays);
    let prefixes = asked_prefixes(query, &known, &replays);
    let asked_prefix = |prefix: Prefix| prefixes.get(prefixes.binary_search_by_key(&prefix, |own| own.prefix).ok()?);
    let mut concerned = BTreeSet::new();
    for (network, target) in query.networks() {
        let (own, origin): (Vec<&AskedPrefix>, Option<Asn>) = match network {
            Target::Asn(asn) => (prefixes.iter().filter(|prefix| prefix.asns.contains(&asn)).collect(), Some(asn)),
            Target::Prefix(asked, matching) => {
                let mut own = matching.select(asked, &known);
                own.extend(known.binary_search(&asked).is_err().then_some(asked));
                (own.into_iter().filter_map(asked_prefix).collect(), None)
            }
            Target::Group(_) => continue,
        };
        let low: Vec<(Prefix, BTreeSet<CollectorIndex>)> = own
            .iter()
            .map(|own| (own.prefix, view.low_at(&own.prefix, origin)))
            .filter(|(_, collectors)| !collectors.is_empty())
            .collect();
        let is_asked = |prefix: &Prefix| network.is_prefix(*prefix);
        let is_shown = |prefix: &Prefix| known.binary_search(prefix).is_ok();
        // A block of a group need not be announced.
        let is_named = !matches!((network, target), (Target::Prefix(..), Target::Group(_)));
        if is_named && own.is_empty() && n_looks < MAX_LOOKS_FOR_NOTHING {
            concerned.extend(view.collectors().filter(|collector| !view.replay(*collector).tables.is_empty()));
        }
        let is_worth = low.len() * ONE_IN >= own.len();
        let worth = low.iter().filter(|(prefix, _)| is_worth || is_asked(prefix));
        let worth = worth.filter(|(prefix, _)| is_shown(prefix) || n_looks < MAX_LOOKS_FOR_NOTHING);
        concerned.extend(worth.flat_map(|(_, collectors)| collectors));
    }
    concerned.into_iter().filter_map(|index| indices.get(index.get()).copied()).collect()
}

fn candidates(task: &RoundTask, run: &CollectorRun) -> Vec<ArchiveFile> {
    let start = task.query.window.start;
    let before = run.replay().into_iter().flat_map(|replay| &replay.tables).map(|table| table.begun_at);
    let latest = before.filter(|at| *at <= start).max().unwrap_or(start);
    let of_collector = task.listed.iter().filter(|file| file.collector == run.plan.collector);
    let known: FxHashSet<&str> =
        of_collector.map(|file| file.name.as_str()).filter(|name| run.is_spent(name)).collect();
    catalog::older_ribs(task.query, task.listed, &run.plan.collector, latest, &known)
}

/// The reason for rejecting an older RIB dump, on its own or beside the accepted ones.
fn rejection(rib: &ReadFile, replay: &Replay) -> Option<String> {
    let own = acceptance::rejections(&[rib.candidate(None)]).pop().flatten();
    own.or_else(|| {
        let listed: BTreeMap<_, [u64; 2]> =
            rib.reading.census.peers.iter().map(|activity| (activity.peer, activity.table_size)).collect();
        replay.tables.iter().find_map(|other| {
            Family::ALL.into_iter().find_map(|family| {
                let sizes =
                    replay.peers.iter().zip(&other.sizes).map(|(peer, other)| {
                        (listed.get(peer).map_or(0, |sizes| sizes[family as usize]), other[family])
                    });
                acceptance::most_shrunk(family, sizes.filter(|(size, other)| *size > 0 && *other > 0))
            })
        })
    })
}

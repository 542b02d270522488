//! A look at older RIB dumps, where the one before the window may have been written during an outage.
//!
//! They serve only to learn which vantage points normally carry a prefix: no update between them and the window is read.

use std::collections::{BTreeMap, BTreeSet};

use super::acceptance;
use super::collector_state::CollectorState;
use super::reading::ReadFile;
use super::subjects::{AskedPrefix, asked_prefixes, known_prefixes};
use crate::archive::ArchiveFile;
use crate::bgp::{Asn, Family, Prefix};
use crate::catalog;
use crate::query::{Criteria, Query, Target};
use crate::replay::Replay;
use crate::visibility::{CollectorIndex, View};

/// A target is worth a look where at least one in this many of its prefixes is concerned: fewer change no answer about an AS.
const ONE_IN: usize = 10;
/// How many older RIB dumps are searched for a network that no file names.
const MAX_LOOKS_FOR_NOTHING: usize = 3;

/// Looks at older RIB dumps of each collector where no dump before the window shows a prefix widely held, until one does.
#[derive(Default)]
pub(super) struct LookBack {
    n_looks: usize,
    /// What may still be read of each collector that was concerned.
    older: BTreeMap<usize, Vec<ArchiveFile>>,
}

impl LookBack {
    /// Returns the dumps to be read next, each with the index of its collector; `listed` are all files. None if the look is over.
    pub(super) fn next(
        &mut self,
        query: &Query,
        listed: &[ArchiveFile],
        collectors: &[CollectorState],
    ) -> Option<Vec<(usize, ArchiveFile)>> {
        let files: Vec<(usize, ArchiveFile)> = concerned(query, collectors, self.n_looks)
            .into_iter()
            .filter_map(|index| {
                let candidates = || candidates(query, listed, &collectors[index]);
                let left = self.older.entry(index).or_insert_with(candidates);
                (!left.is_empty()).then(|| (index, left.remove(0)))
            })
            .collect();
        self.n_looks += 1;
        (!files.is_empty()).then_some(files)
    }
}

/// The collectors of which an older dump may change the answer.
fn concerned(query: &Query, collectors: &[CollectorState], n_looks: usize) -> BTreeSet<usize> {
    let with_replay = collectors.iter().enumerate().filter_map(|(index, of)| Some((index, of.replay?)));
    let (indices, replays): (Vec<usize>, Vec<&Replay>) = with_replay.unzip();
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

fn candidates(query: &Query, listed: &[ArchiveFile], collector: &CollectorState) -> Vec<ArchiveFile> {
    let start = query.window.start;
    let before = collector.replay.into_iter().flat_map(|replay| &replay.tables).map(|table| table.begun_at);
    let latest = before.filter(|at| *at <= start).max().unwrap_or(start);
    catalog::older_ribs(query, listed, collector.name, latest, &collector.spent_ribs)
}

/// The reason for rejecting an older RIB dump, on its own or beside the accepted ones.
pub(super) fn rejection(rib: &ReadFile, replay: &Replay) -> Option<String> {
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

//! Which RIB dumps of a collector are accepted as whole tables, decided by their censuses alone: on its own a dump must be
//! complete, and beside the others of its collector it must not lack peers or parts of most tables.

use std::collections::BTreeMap;

use crate::bgp::{Family, Peer};
use crate::decode::Census;

/// A RIB dump with less than this share of the peers of the one before it was cut short.
const MIN_PEERS: f64 = 0.5;
/// So was one in which most tables have less than this share of what they had. Peers come and go and single tables
/// leak, but no event takes a quarter of the Internet from most peers.
const MIN_TABLE: f64 = 0.75;

/// A RIB dump that may be accepted.
pub(super) struct Candidate<'a> {
    pub census: &'a Census,
    /// The reason for rejecting it, if there is one already.
    pub rejection: Option<String>,
}

/// Returns the reason for rejecting each of these RIB dumps of one collector, in order; None if it is accepted.
pub(super) fn rejections(dumps: &[Candidate]) -> Vec<Option<String>> {
    let tables: Vec<ComparedTables> = dumps.iter().map(|dump| tables(dump.census)).collect();
    let on_their_own: Vec<Option<String>> = dumps
        .iter()
        .zip(&tables)
        .map(|(dump, tables)| dump.rejection.clone().or_else(|| incomplete(dump.census, tables)))
        .collect();
    let complete: Vec<usize> = (0..dumps.len()).filter(|index| on_their_own[*index].is_none()).collect();
    let others = |index: usize| complete.iter().copied().filter(move |other| *other != index);
    let swollen: Vec<Option<String>> = (0..dumps.len())
        .map(|index| {
            let others: Vec<ComparedDump> = others(index).map(|other| (dumps[other].census, &tables[other])).collect();
            swollen((dumps[index].census, &tables[index]), &others)
        })
        .collect();
    let rejection = |index: usize| {
        let few = || lists_few(&tables[index], &others(index).map(|other| &tables[other]).collect::<Vec<_>>());
        // Several dumps may be cut alike, so one complete dump is enough to reject them.
        let credible = || others(index).filter(|other| swollen[*other].is_none());
        let cut = || credible().find_map(|other| cut(&tables[index], &tables[other]));
        on_their_own[index].clone().or_else(|| swollen[index].clone()).or_else(few).or_else(cut)
    };
    (0..dumps.len()).map(rejection).collect()
}

/// How many prefixes each peer carries that has any, IPv4 then IPv6.
type ComparedTables = BTreeMap<Peer, [u64; 2]>;

type ComparedDump<'a> = (&'a Census, &'a ComparedTables);

fn tables(census: &Census) -> ComparedTables {
    let mut tables = ComparedTables::new();
    for activity in census.peers.iter().filter(|activity| activity.table_size != [0, 0]) {
        let sizes = tables.entry(activity.peer).or_default();
        *sizes = [sizes[0] + activity.table_size[0], sizes[1] + activity.table_size[1]];
    }
    tables
}

/// Why a RIB dump is incomplete, judged on its own.
fn incomplete(census: &Census, tables: &ComparedTables) -> Option<String> {
    // Bytes after a whole container do not make its content incomplete.
    let n_damaged = census.counts.damaged - u64::from(census.has_trailing_bytes);
    if census.lacks_peer_table {
        Some("it has no PEER_INDEX_TABLE".to_owned())
    } else if tables.is_empty() && census.peers.is_empty() {
        Some("its peer table names no peer: every row has AS 0 or no address".to_owned())
    } else if tables.is_empty() {
        Some("no peer holds a unicast route in it".to_owned())
    } else if n_damaged > 0 {
        let first = census.damage.first().map_or(String::new(), |damage| format!(" ({})", damage.what));
        Some(format!("{n_damaged} damaged records{first}: what they held would seem absent"))
    } else {
        unsupported(census.counts.unsupported).map(|what| format!("{what}: what they held would seem absent"))
    }
}

/// Whether a RIB dump is larger than most others although those agree with each other and reach as far: then it is the
/// outlier, and must not be used against them.
fn swollen((census, tables): ComparedDump, others: &[ComparedDump]) -> Option<String> {
    let smaller: Vec<&ComparedDump> = others.iter().filter(|other| cut(other.1, tables).is_some()).collect();
    let agree = || smaller.iter().all(|a| smaller.iter().all(|b| cut(a.1, b.1).is_none()));
    let reach = || smaller.iter().all(|other| reaches_as_far(other.0, census));
    (others.len() > 1 && smaller.len() * 2 > others.len() && agree() && reach())
        .then(|| format!("most tables in it are much larger than in {} of {} other dumps", smaller.len(), others.len()))
}

/// Whether the last prefixes of a RIB dump are no lower than those of another one, which shows that it does not end early.
fn reaches_as_far(census: &Census, other: &Census) -> bool {
    census.last_blocks.iter().zip(other.last_blocks).all(|(block, other)| *block >= other)
}

/// Whether a RIB dump lists too few peers, compared with most of the others.
fn lists_few(tables: &ComparedTables, others: &[&ComparedTables]) -> Option<String> {
    let n = tables.len();
    let more: Vec<usize> =
        others.iter().map(|other| other.len()).filter(|n_other| (n as f64) < MIN_PEERS * *n_other as f64).collect();
    let least = more.iter().min().filter(|_| more.len() * 2 > others.len())?;
    let of_others = match others.len() {
        1 => format!("the adjacent dump ({least})"),
        n_others => format!("{} of {n_others} other dumps ({least} or more)", more.len()),
    };
    Some(format!("it lists {n} peers, fewer than half as many as {of_others}"))
}

/// Whether a RIB dump ends early inside a whole file, compared with a dump of another time.
fn cut(tables: &ComparedTables, other: &ComparedTables) -> Option<String> {
    Family::ALL.into_iter().find_map(|family| {
        let size = |tables: &ComparedTables, peer: &Peer| tables.get(peer).map_or(0, |sizes| sizes[family as usize]);
        let common = tables.keys().filter(|peer| size(other, peer) > 0);
        most_shrunk(family, common.map(|peer| (size(tables, peer), size(other, peer))))
    })
}

/// Whether most tables of one family are much smaller in a RIB dump than in another; `sizes` are those of one peer in both.
pub(super) fn most_shrunk(family: Family, sizes: impl Iterator<Item = (u64, u64)>) -> Option<String> {
    let (mut n, mut n_shrunk) = (0, 0);
    for (size, other) in sizes {
        n += 1;
        n_shrunk += usize::from((size as f64) < MIN_TABLE * other as f64);
    }
    (n_shrunk * 2 > n).then(|| {
        format!("{n_shrunk} of {n} {family} tables have less than three quarters of what they have in another dump")
    })
}

/// Describes records that this version does not read, if there are any: they might hide routes.
pub(super) fn unsupported(n: u64) -> Option<String> {
    (n > 0).then(|| format!("{n} records of kinds that this version does not read"))
}

#[cfg(test)]
mod tests;

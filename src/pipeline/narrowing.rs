//! A narrower question to observations that were made for a wider one: no archive is read again.

use rustc_hash::FxHashSet;

use super::subjects::{asked_prefixes, known_prefixes};
use crate::bgp::{Family, Prefix};
use crate::error::Error;
use crate::observations::Observations;
use crate::query::{Match, Query, Target};
use crate::replay::Replay;

/// Returns the part of the observations that is about `targets`, which the earlier question must have included. The result is
/// as if only they had been asked about.
///
/// # Errors
///
/// [`Error::NotObserved`] if the earlier question did not include a target, or not everything that belongs to it.
pub fn narrow(observations: Observations, targets: Vec<Target>) -> Result<Observations, Error> {
    let wide = &observations.query;
    if let Some(target) = targets.iter().find(|target| !includes(wide, target)) {
        let observed = wide.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(Error::NotObserved { target: target.to_string(), observed });
    }
    let is_asked = |target: &Target| targets.contains(target);
    let query = Query {
        labels: wide.labels.clone().into_iter().filter(|(target, _)| is_asked(target)).collect(),
        groups: wide.groups.clone().into_iter().filter(|(name, _)| is_asked(&Target::Group(*name))).collect(),
        targets,
        ..wide.clone()
    };
    let replays: Vec<&Replay> = observations.replays.iter().collect();
    let asked = asked_prefixes(&query, &known_prefixes(&replays), &replays);
    // Prefixes that cover those asked about are always observed with them.
    let kept = asked.iter().flat_map(|asked| (0..=asked.prefix.len()).map(|length| asked.prefix.shortened_to(length)));
    let kept: FxHashSet<Prefix> = kept.collect();
    let mut narrowed = Observations { query, ..observations };
    for replay in &mut narrowed.replays {
        replay.routes.retain(|span| kept.contains(&span.prefix));
        replay.tables.iter_mut().for_each(|table| table.holders.retain(|prefix, _| kept.contains(prefix)));
    }
    Ok(narrowed)
}

/// Whether everything that belongs to a target was observed.
fn includes(wide: &Query, target: &Target) -> bool {
    let networks = || wide.networks().map(|(network, _)| network);
    match *target {
        Target::Group(name) => wide.targets.contains(&Target::Group(name)),
        Target::Asn(asn) => networks().any(|network| network == Target::Asn(asn)) || is_whole_table(wide),
        Target::Prefix(prefix, matching) => networks().any(|network| match network {
            Target::Prefix(own, of_own) if own == prefix => includes_match(of_own, matching),
            Target::Prefix(own, of_own) => {
                // Only the shortest prefix contains all that cover others.
                let covers = !matching.includes_less_specific() || own.len() == 0;
                of_own.includes_more_specific() && own.contains(&prefix) && covers
            }
            Target::Asn(_) | Target::Group(_) => false,
        }),
    }
}

fn includes_match(wide: Match, narrow: Match) -> bool {
    (wide.includes_more_specific() || !narrow.includes_more_specific())
        && (wide.includes_less_specific() || !narrow.includes_less_specific())
}

/// Whether every prefix of both families was asked about.
fn is_whole_table(query: &Query) -> bool {
    Family::ALL.into_iter().all(|family| {
        query.networks().any(|(network, _)| match network {
            Target::Prefix(prefix, matching) => {
                prefix.family() == family && prefix.len() == 0 && matching.includes_more_specific()
            }
            Target::Asn(_) | Target::Group(_) => false,
        })
    })
}

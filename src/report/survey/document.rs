//! A survey as one JSON document, with the parts of every dump that were read.

use serde_json::{Value, json};

use super::super::text::shell_word;
use super::super::{family_name, round};
use crate::bgp::{Family, Prefix};
use crate::observations::{SCHEMA_VERSION, TOOL};
use crate::survey::{DumpLook, LossCandidate, PrefixSurvey, Survey, SurveyLook};

/// Returns the whole survey as JSON.
pub fn survey_document(survey: &Survey) -> Value {
    let query = &survey.query;
    json!({
        "schema_version": SCHEMA_VERSION,
        "tool": TOOL,
        "note": survey.note,
        "survey": {
            "prefixes": query.prefixes.iter().map(Prefix::to_string).collect::<Vec<_>>(),
            "window_start": query.window.start,
            "window_end": query.window.end,
            "collectors": query.collectors,
            "project": query.project,
            "whole_files": query.whole_files,
            "min_peers": query.min_peers,
        },
        "answer": survey.answer().name(),
        "is_sufficient": survey.is_sufficient(),
        "bytes": survey.n_bytes(),
        "prefixes": survey.prefixes.iter().map(|prefix| of_prefix(survey, prefix)).collect::<Vec<_>>(),
        "dumps": survey.dumps.iter().map(|dump| of_dump(survey, dump)).collect::<Vec<_>>(),
        "missing": survey.missing.iter().map(|(collector, at)| json!({
            "collector": collector,
            "at": at,
        })).collect::<Vec<_>>(),
    })
}

fn of_prefix(survey: &Survey, prefix: &PrefixSurvey) -> Value {
    let candidates = prefix.candidates.iter().map(|candidate| of_candidate(survey, prefix.prefix, candidate));
    json!({
        "prefix": prefix.prefix.to_string(),
        "usual_share": prefix.usual.map(round),
        "candidates": candidates.collect::<Vec<_>>(),
        "looks": prefix.looks.iter().map(of_look).collect::<Vec<_>>(),
    })
}

fn of_candidate(survey: &Survey, prefix: Prefix, candidate: &LossCandidate) -> Value {
    json!({
        "last_seen": candidate.last_seen,
        "first_lost": candidate.first_lost,
        "last_lost": candidate.last_lost,
        "first_back": candidate.first_back,
        "n_unknown": candidate.n_unknown,
        "commands": commands(survey, prefix, candidate),
    })
}

fn of_look(look: &SurveyLook) -> Value {
    json!({
        "at": look.at,
        "state": look.state.name(),
        "share": look.share.map(round),
        "n_holders": look.share.map(|_| look.n_holders),
        "n_full_feeds": look.n_full_feeds,
        "why": look.why,
    })
}

fn of_dump(survey: &Survey, dump: &DumpLook) -> Value {
    let families = survey.query.prefixes.iter().map(Prefix::family);
    let is_asked = |family: Family| families.clone().any(|asked| asked == family);
    let shown = dump.shown.as_ref();
    let tables = shown.map(|shown| {
        let rows = shown.tables.iter().map(|(peer, sizes)| {
            let mut row = json!({ "peer_asn": peer.asn, "peer_address": peer.address });
            for (index, family) in Family::ALL.into_iter().enumerate().filter(|(_, family)| is_asked(*family)) {
                row[family_name(family as usize)] = json!(sizes.get(index));
            }
            row
        });
        rows.collect::<Vec<_>>()
    });
    let n_sampled = shown.and_then(|shown| shown.n_sampled);
    json!({
        "name": dump.name,
        "collector": dump.collector,
        "at": dump.at,
        "method": dump.method.name(),
        "why": dump.why,
        "is_used": shown.is_some(),
        "bytes": dump.bytes,
        "file_bytes": dump.file_bytes,
        "sha256": dump.sha256,
        "validator": dump.validator,
        "ranges": dump.ranges.iter().map(|range| json!({
            "byte_offset": range.offset,
            "bytes": range.bytes,
            "sha256": range.sha256,
        })).collect::<Vec<_>>(),
        "n_records": shown.map(|shown| shown.n_records),
        "n_sampled": n_sampled.map(|[v4, v6]| json!({ "ipv4": v4, "ipv6": v6 })),
        "tables": tables,
    })
}

/// Returns the commands that replay a candidate.
pub(super) fn commands(survey: &Survey, prefix: Prefix, candidate: &LossCandidate) -> Vec<String> {
    let source: String = survey.source.iter().map(|word| format!(" {}", shell_word(word))).collect();
    let edges = candidate.edges(survey.query.window);
    let windows = edges.iter().flat_map(|edges| edges.windows());
    let command = |window: &crate::time::Window| {
        format!("outage-replay --prefix {prefix} --from {} --to {}{source}", window.start, window.end)
    };
    windows.map(command).collect()
}

//! How sure a finding is: why its evidence has its quality, and how far apart the vantage points saw its edges.

use rustc_hash::FxHashMap;

use super::evidence::{Shown, by_id};
use super::headlines::{self, Headline};
use super::text::{clock, count, from_to};
use super::{Report, words};
use crate::bgp::Prefix;
use crate::detect::{Censoring, Outage, Quality, Witness};
use crate::time::Window;
use crate::visibility::{BaselineSource, LookedBack, Timeline};

/// Looks up outages and timelines to describe how sure findings are.
pub(super) struct Sureness<'a> {
    report: &'a Report,
    by_id: FxHashMap<&'a str, &'a Outage>,
}

impl<'a> Sureness<'a> {
    pub(super) fn new(report: &'a Report) -> Sureness<'a> {
        Sureness { report, by_id: by_id(report) }
    }

    /// Returns the answer for a target, with the margins of the edges.
    pub(super) fn headline(&self, headline: &Headline) -> String {
        words::sentences_within(self.report, headline, |outage| self.edges(outage)).join(" ")
    }

    /// Says how sure the longest outages of a target are, a sentence per family.
    pub(super) fn evidence_of(&self, headline: &Headline) -> Vec<String> {
        let longest = headlines::longest(&headline.outages);
        let named = longest.iter().filter(|outage| !headlines::is_of_parts(self.report, headline.summary, outage));
        let family =
            |outage: &Outage| if longest.len() > 1 { outage.subject.family.to_string() } else { String::new() };
        named.map(|outage| self.evidence_sentence(outage, &family(outage))).collect()
    }

    /// Describes the longest outages of a target, one paragraph per family: how sure they are, and through which networks the
    /// routes led. The margins of the edges are in the headline.
    pub(super) fn details(&self, headline: &Headline) -> Vec<String> {
        let longest = headlines::longest(&headline.outages);
        let of_outage = |outage: &&Outage| {
            let family = if longest.len() > 1 { outage.subject.family.to_string() } else { String::new() };
            let is_named = !headlines::is_of_parts(self.report, headline.summary, outage);
            let details = [
                is_named.then(|| self.evidence_sentence(outage, &family)),
                words::upstream_sentence(self.report, outage),
                words::agreement_sentence(outage),
            ];
            details.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        longest.iter().map(of_outage).filter(|details| !details.is_empty()).collect()
    }

    /// Explains the quality of the evidence.
    pub(super) fn evidence(&self, outage: &Outage) -> String {
        let why = match outage.quality {
            Quality::High => "whole tables from RIB dumps, both edges dated by updates".to_owned(),
            Quality::Medium => format!("whole tables from RIB dumps, but {}", self.weaknesses(outage).join(", and ")),
            Quality::Low => "no RIB dump: who had a route is inferred from what was announced and withdrawn".to_owned(),
        };
        let confirmed = match outage.rib_confirmed {
            Some(true) => "; RIB dumps written during the outage do not list it",
            _ => "",
        };
        let looked_back = self.looked_back(outage).map(looked_back);
        format!("{why}{}{confirmed}", looked_back.unwrap_or_default())
    }

    /// Returns how far back the search for the normal carriers went. None if the last RIB dump before the window shows them.
    pub(super) fn looked_back(&self, outage: &Outage) -> Option<LookedBack> {
        let timelines = outage.prefixes.iter().filter_map(|prefix| self.timeline(prefix));
        let looked_back = timelines.filter_map(|timeline| timeline.baseline.looked_back);
        looked_back.min_by_key(|looked_back| looked_back.at)
    }

    /// Returns [`Sureness::evidence`] as a sentence. `of` names the outage if the paragraph covers several; else it is empty.
    fn evidence_sentence(&self, outage: &Outage, of: &str) -> String {
        let (evidence, quality) = (if of.is_empty() { "Evidence" } else { "evidence" }, outage.quality.as_ref());
        let of = if of.is_empty() { String::new() } else { format!("{of} ") };
        format!("{of}{evidence}: {quality} ({}).", self.evidence(outage))
    }

    /// What keeps the evidence from being high.
    fn weaknesses(&self, outage: &Outage) -> Vec<&'static str> {
        let mut weaknesses: Vec<&'static str> =
            outage.fall.censored.iter().filter_map(|edge| censored(*edge)).collect();
        let mut sources: Vec<BaselineSource> =
            outage.prefixes.iter().filter_map(|prefix| self.source(prefix)).collect();
        sources.sort_unstable();
        sources.dedup();
        weaknesses.extend(sources.into_iter().filter_map(|source| baseline(source, outage.subject.prefix.is_none())));
        if self.report.coverage.rules[outage.subject.family].is_some_and(|rule| rule.uncertain) {
            weaknesses.push("there are too few tables to tell a full one from a partial one");
        }
        let mut members = outage.prefix_outages.iter().filter_map(|id| self.by_id.get(id.as_str()));
        if weaknesses.is_empty() && members.any(|member| member.quality > Quality::High) {
            weaknesses.push("an edge of some of its prefixes is not known");
        }
        if weaknesses.is_empty() && outage.subject.prefix.is_none() && outage.prefix_outages.is_empty() {
            weaknesses.push("no prefix was lost altogether, only its origin");
        }
        if weaknesses.is_empty() {
            weaknesses.push("some parts of it are known less well");
        }
        weaknesses
    }

    /// Returns how the normal carriers of a prefix were found.
    fn source(&self, prefix: &Prefix) -> Option<BaselineSource> {
        Some(self.timeline(prefix)?.baseline.source)
    }

    fn timeline(&self, prefix: &Prefix) -> Option<&Timeline> {
        let timelines = &self.report.timelines;
        timelines.get(timelines.binary_search_by_key(prefix, |timeline| timeline.prefix).ok()?)
    }

    /// Returns the intervals from the first to the last loss, and from the first to the last return. None if first and last fall
    /// in the same second.
    pub(super) fn edges(&self, outage: &Outage) -> [Option<Window>; 2] {
        let shown = Shown::new(outage, &self.by_id);
        let spread = |witnesses: &[&Witness]| {
            let (first, last) = (witnesses.first()?.at, witnesses.last()?.at);
            Window::new(first, last).ok().filter(|_| clock(first) != clock(last))
        };
        [spread(&shown.losses), if outage.fall.recovery.is_some() { spread(&shown.returns) } else { None }]
    }

    /// Returns [`Sureness::edges`] as a sentence. None if both are too short to state.
    pub(super) fn edge_sentence(&self, outage: &Outage) -> Option<String> {
        match self.edges(outage) {
            [Some(lost), Some(back)] => Some(format!(
                "Vantage points lost it at various times from {} and regained it at various times from {} UTC.",
                from_to(lost),
                from_to(back)
            )),
            [Some(lost), None] => Some(format!("Vantage points lost it at various times from {} UTC.", from_to(lost))),
            [None, Some(back)] => {
                Some(format!("Vantage points regained it at various times from {} UTC.", from_to(back)))
            }
            [None, None] => None,
        }
    }
}

/// Describes the search for the normal carriers.
fn looked_back(LookedBack { at, n_dumps }: LookedBack) -> String {
    let at = at.to_datetime().format("%Y-%m-%d %H:%M");
    let dumps = count(n_dumps, "RIB dump", "RIB dumps");
    format!(
        "; few full feeds have a route in the last RIB dump before the window, so {dumps} from before the window were \
         searched, going back to {at} UTC"
    )
}

/// Why an edge is not exact.
fn censored(censoring: Censoring) -> Option<&'static str> {
    match censoring {
        Censoring::Left => Some("it was already down when first judged"),
        Censoring::BeganBeforeFrom | Censoring::EndedAfterTo => None,
        Censoring::GapStart => Some("its start lies in a gap in the data"),
        Censoring::GapEnd => Some("its end lies in a gap in the data"),
        Censoring::Right => Some("it was not back at the end of the window"),
    }
}

/// Describes where the normal carriers were found. None for RIB dumps before the window, which are the best source.
fn baseline(source: BaselineSource, is_of_network: bool) -> Option<&'static str> {
    match (source, is_of_network) {
        (BaselineSource::RibBefore | BaselineSource::None, _) => None,
        (BaselineSource::RibAfter, false) => Some("no RIB dump before the window lists it, only later ones"),
        (BaselineSource::RibAfter, true) => {
            Some("some of its prefixes are in no RIB dump before the window, only in later ones")
        }
        (BaselineSource::RibInside, false) => Some("no RIB dump before the window lists it, only one inside"),
        (BaselineSource::RibInside, true) => {
            Some("some of its prefixes are in no RIB dump before the window, only in one inside")
        }
        (BaselineSource::Unconfirmed, _) => {
            Some("few full tables listed it before the window, and none shows that more did")
        }
        (BaselineSource::WindowEnd | BaselineSource::Peak, false) => {
            Some("no RIB dump before or after the window lists it")
        }
        (BaselineSource::WindowEnd | BaselineSource::Peak, true) => {
            Some("some of its prefixes are in no RIB dump before or after the window")
        }
    }
}

//! A survey for a person at a terminal.

use super::super::text::{clock, count, day_clock, percent, size, wrap, years};
use super::super::text_page::{Style, TextPage};
use super::document::commands;
use super::strip::{UNKNOWN, strip};
use crate::bgp::Collector;
use crate::survey::{LookMethod, LookState, LossCandidate, PrefixSurvey, Survey, SurveyAnswer, SurveyLook};
use crate::time::Timestamp;

/// Returns the survey as text.
pub(super) fn page(survey: &Survey, style: Style) -> String {
    let mut page = TextPage::new(survey, style);
    page.note(survey.note.as_deref());
    page.answer();
    for prefix in &survey.prefixes {
        page.prefix(prefix);
    }
    page.dumps();
    page.not_known();
    page.finish()
}

impl TextPage<'_, Survey> {
    fn answer(&mut self) {
        let survey = self.subject;
        let n: usize = survey.prefixes.iter().map(|prefix| prefix.candidates.len()).sum();
        let times = survey.prefixes.first().map_or(0, |prefix| prefix.looks.len());
        let looks = count(times, "look", "looks");
        let answer = match survey.answer() {
            SurveyAnswer::Candidates => format!("{} to replay, found in {looks}.", count(n, "window", "windows")),
            SurveyAnswer::NoCandidates => format!("no loss at any of {looks}."),
            SurveyAnswer::InsufficientData => format!("insufficient data: {looks} do not show enough."),
        };
        self.painted_paragraph("1", &format!("Survey: {answer}"), 0);
        self.paragraph("Nothing was looked at between the dumps: a survey never shows that there was no outage.", 0);
    }

    fn prefix(&mut self, prefix: &PrefixSurvey) {
        self.heading(&prefix.prefix.to_string());
        let seen = prefix.n_looks(LookState::Seen);
        let (lost, unknown) = (prefix.n_looks(LookState::Lost), prefix.n_looks(LookState::Unknown));
        let text = match prefix.usual {
            None => format!("No look could be judged: {unknown} unknown."),
            Some(_) if !prefix.is_seen() => format!(
                "Not announced at any of {}; {unknown} unknown. Another prefix may cover it.",
                count(lost, "look", "looks")
            ),
            Some(usual) => format!(
                "Seen at {}, lost at {lost}, unknown at {unknown}; usually {} of the full feeds hold it.",
                count(seen, "look", "looks"),
                percent(usual)
            ),
        };
        self.paragraph(&text, 2);
        let strip = strip(&prefix.looks, self.style.width.saturating_sub(2));
        self.line(&format!("  {}", strip.axis));
        self.line(&format!("  {}", strip.bars));
        let each = match strip.n_each {
            1 => "Each block: one look".to_owned(),
            n => format!("Each block: lowest of {n} looks"),
        };
        self.paragraph(&format!("  {each}; █ all full feeds hold it, ▁ none, {UNKNOWN} unknown."), 2);
        for (number, candidate) in (1..).zip(&prefix.candidates) {
            self.candidate(number, prefix, candidate);
        }
        self.looks(prefix);
    }

    fn candidate(&mut self, number: usize, prefix: &PrefixSurvey, candidate: &LossCandidate) {
        let LossCandidate { last_seen, first_lost, last_lost, first_back, n_unknown } = candidate;
        let fell = match last_seen {
            Some(seen) => format!("lost between {} and {}", clock(*seen), clock(*first_lost)),
            None => format!("already lost at {}", clock(*first_lost)),
        };
        let rose = match first_back {
            Some(back) => format!("back between {} and {}", clock(*last_lost), clock(*back)),
            None => format!("still lost at {}", clock(*last_lost)),
        };
        let unknown = match n_unknown {
            0 => String::new(),
            n => format!("; {} in between", count(*n, "unknown look", "unknown looks")),
        };
        let text = format!("{number}. {fell}; {rose}{unknown}:");
        self.line("");
        self.painted_paragraph("33", &text, 3);
        for command in commands(self.subject, prefix.prefix, candidate) {
            // A command is one line, so that it can be copied.
            self.line(&format!("   {command}"));
        }
    }

    /// The looks; without `--all` those of the same state, one after the other, share a row.
    fn looks(&mut self, prefix: &PrefixSurvey) {
        let looks = &prefix.looks;
        self.line("");
        let years = years(looks.iter().map(|look| look.at));
        let title = format!("{years}UTC");
        self.line(&format!("  {title:<32} {:>5}  {:<12} {:<9} {:>8}", "looks", "share", "full", "read"));
        let groups: Vec<&[SurveyLook]> = match self.style.all {
            true => looks.chunks(1).collect(),
            false => looks.chunk_by(|a, b| a.state == b.state && a.why == b.why).collect(),
        };
        for group in groups.iter().take(self.limit()) {
            self.row(group);
        }
        if groups.len() > self.limit() {
            self.line(&format!("  … and {} more rows: --all lists every look", groups.len() - self.limit()));
        }
    }

    fn row(&mut self, group: &[SurveyLook]) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
        let when = match group.len() {
            1 => day_clock(first.at),
            _ => format!("{} to {}", day_clock(first.at), day_clock(last.at)),
        };
        let shares = || group.iter().filter_map(|look| look.share);
        let share = match (shares().min_by(f64::total_cmp), shares().max_by(f64::total_cmp)) {
            (Some(low), Some(high)) if low == high => percent(low),
            (Some(low), Some(high)) => format!("{} to {}", percent(low), percent(high)),
            _ => "unknown".to_owned(),
        };
        let feeds = || group.iter().map(|look| look.n_full_feeds);
        let full = match (feeds().min(), feeds().max()) {
            (Some(low), Some(high)) if low != high => format!("{low} to {high}"),
            (Some(n), _) if group.len() == 1 && first.share.is_some() => format!("{} of {n}", first.n_holders),
            (Some(n), _) => n.to_string(),
            _ => String::new(),
        };
        let bytes: u64 = group.iter().map(|look| self.bytes(look.at)).sum();
        let read = if bytes > 0 { size(bytes) } else { "-".to_owned() };
        let code = match first.state {
            LookState::Seen => "",
            LookState::Lost => "31",
            LookState::Unknown => "33",
        };
        let row = format!("  {when:<32} {:>5}  {share:<12} {full:<9} {read:>8}", group.len());
        let row = self.paint(code, &row);
        self.line(&row);
        if let Some(why) = &first.why {
            for line in wrap(why, self.style.width.saturating_sub(4), 0) {
                let line = self.paint(code, &format!("    {line}"));
                self.line(&line);
            }
        }
    }

    fn bytes(&self, at: Timestamp) -> u64 {
        self.subject.dumps.iter().filter(|dump| dump.at == at).map(|dump| dump.bytes).sum()
    }

    fn dumps(&mut self) {
        let survey = self.subject;
        self.heading("RIB dumps (UTC)");
        let mut collectors: Vec<&Collector> = survey.dumps.iter().map(|dump| &dump.collector).collect();
        collectors.sort();
        collectors.dedup();
        let names: Vec<&str> = collectors.iter().map(|collector| collector.name()).collect();
        let n = |method| survey.dumps.iter().filter(|dump| dump.method == method).count();
        let n_sampled = survey.dumps.iter().filter(|dump| dump.method == LookMethod::LookedUp).count();
        let mut text = format!(
            "{} of {}: {} looked up, {} read whole, {} not read; {} in all.",
            count(survey.dumps.len(), "dump", "dumps"),
            names.join(", "),
            n(LookMethod::LookedUp),
            n(LookMethod::WholeFile),
            n(LookMethod::NotRead),
            size(survey.n_bytes()),
        );
        if n_sampled > 0 {
            text.push_str(" Table sizes of looked-up dumps are estimates.");
        }
        self.paragraph(&text, 2);
        let mut troubles: Vec<String> = survey
            .dumps
            .iter()
            .filter(|dump| dump.shown.is_none())
            .map(|dump| format!("{}: {}", dump.name, dump.why.as_deref().unwrap_or("not read")))
            .collect();
        troubles.extend(
            survey
                .missing
                .iter()
                .map(|(collector, at)| format!("{collector} {}: no dump of this time is listed", clock(*at))),
        );
        let limit = self.limit();
        for trouble in troubles.iter().take(limit) {
            self.painted_paragraph("33", trouble, 2);
        }
        if troubles.len() > limit {
            self.line(&format!("… and {} more: --all lists them", troubles.len() - limit));
        }
    }

    fn not_known(&mut self) {
        self.heading("Not known");
        self.paragraph("A loss that begins and ends between two dumps leaves no trace here. Only the prefixes themselves were looked up, not \
             what is inside them or covers them.",
            2,
        );
    }
}

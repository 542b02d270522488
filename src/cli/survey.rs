//! `outage-replay survey`: a quick look at RIB dumps alone.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ArgAction;

use outage_replay::Error;
use outage_replay::bgp::{Asn, Prefix, Project};
use outage_replay::catalog::Choice;
use outage_replay::pipeline;
use outage_replay::query::{Match, Target};
use outage_replay::report::{self, SURVEY_FORMATS, SurveyFormat};
use outage_replay::survey::{Survey, SurveyAnswer, SurveyQuery};
use outage_replay::time::Timestamp;

use super::arguments::length;
use super::choice::one_of;
use super::downloads::Allowance;
use super::output_failed;
use super::progress::Progress;
use super::question::{Countries, Question, Targets};
use super::results::{Colour, style};
use super::signals::Signals;
use super::source::SourceArgs;
use super::{typed, usage};

/// The arguments of a survey.
#[derive(Debug, clap::Args)]
pub struct SurveyArgs {
    /// Prefixes, IPv4 or IPv6. Repeatable, comma lists
    ///
    /// Each stands for itself alone, not for what is inside it.
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = typed::prefix, help_heading = "Target")]
    prefix: Vec<Prefix>,
    /// A file with one prefix a line; # begins a comment; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    targets: Vec<PathBuf>,
    /// Not possible: name the prefixes of the AS
    ///
    /// A RIB dump is sorted by prefix, so the prefixes of an AS cannot be found in it without reading all of it.
    #[arg(
        long,
        value_name = "ASN",
        value_delimiter = ',',
        value_parser = typed::asn,
        hide = true,
        help_heading = "Target"
    )]
    asn: Vec<Asn>,

    /// Start of the time in which dumps are looked at: 2014-12-22, 2014-12-22T16:15, RFC 3339 or Unix seconds
    ///
    /// Without an offset it is UTC.
    #[arg(long, value_name = "TIME", help_heading = "Window")]
    from: Option<Timestamp>,
    /// End of that time; a dump at exactly this time is included
    #[arg(long, value_name = "TIME", conflicts_with = "duration", help_heading = "Window")]
    to: Option<Timestamp>,
    /// Length of that time instead of its end: 36h, 30days
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Window")]
    duration: Option<Duration>,

    #[command(flatten)]
    source: SourceArgs,
    /// Only these collectors. Repeatable, comma lists
    ///
    /// Without this flag: every collector in --archive; otherwise the first two of route-views2, route-views.linx and
    /// route-views.sydney that have dumps in the window. Dumps of RIPE RIS cannot be looked up.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Source")]
    collector: Vec<String>,
    /// Only the collectors of this project: riperis or routeviews
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    project: Option<Project>,
    /// Download whole dumps where prefixes cannot be looked up
    ///
    /// A dump can be up to 430 MB. Without this flag such a dump counts as unknown; local files are always read whole.
    #[arg(long, help_heading = "Source")]
    whole_files: bool,

    /// Do not judge with fewer full-feed ASes than this
    #[arg(long, value_name = "N", default_value = "10", value_parser = typed::number(0..=usize::MAX), help_heading = "Detection")]
    min_peers: usize,

    /// What to print
    #[arg(
        long,
        default_value = SURVEY_FORMATS[0].name,
        value_parser = one_of(SURVEY_FORMATS.iter().map(|format| (format, format.name, format.help))),
        help_heading = "Output"
    )]
    format: &'static SurveyFormat,
    /// Also write the survey into this folder: survey.json, looks.csv, survey.svg
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Replace an earlier survey in the --output folder
    #[arg(long, requires = "output", help_heading = "Output")]
    force: bool,
    /// Show every look in a row of its own
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Whether to print colours
    #[arg(long, value_name = "WHEN", value_parser = Colour::parser(), default_value = "auto", help_heading = "Output")]
    color: Colour,
    /// Exit with 4 when there is a window to replay
    ///
    /// It takes precedence over exit code 3.
    #[arg(long, help_heading = "Output")]
    fail_on_outage: bool,
    /// No progress on standard error
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print on standard error what is being done
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

impl SurveyArgs {
    /// Runs the survey, prints it and returns the exit code.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let query = self.query()?;
        if let Some(folder) = &self.output {
            report::check_survey_folder(folder, self.force)?;
        }
        let signals = Signals::listen().context("cannot listen for signals")?;
        let progress = Arc::new(Progress::new(self.quiet, self.verbose, Allowance::unlimited(), signals));
        let store = self.source.store(Choice::default(), &progress)?;
        let result = pipeline::survey(&query, store.sources(), progress.as_ref());
        progress.finish();
        // After a cancellation no output is begun.
        let survey = match result {
            Ok(_) if pipeline::Progress::is_cancelled(progress.as_ref()) => Err(Error::Cancelled),
            result => result,
        };
        let survey = survey.map_err(|error| progress.interrupted(error))?;
        let survey = Survey { source: self.source.words(), ..survey };
        // The result is not lost if the folder cannot be written.
        let printed = self.format.print(&survey, style(self.all, self.color), out).map_err(Into::into);
        let printed = printed.and_then(|()| out.flush().map_err(output_failed));
        if let Some(folder) = &self.output {
            report::write_survey(&survey, folder, self.force)?;
            progress.wrote(folder);
        }
        printed?;
        Ok(match survey.answer() {
            SurveyAnswer::Candidates if self.fail_on_outage => 4,
            _ if !survey.is_sufficient() => 3,
            _ => 0,
        })
    }

    fn query(&self) -> anyhow::Result<SurveyQuery> {
        let question = Question {
            asns: &self.asn,
            prefixes: &self.prefix,
            lists: &self.targets,
            countries: Countries::default(),
            matching: Match::Exact,
            from: self.from,
            to: self.to,
            duration: self.duration,
            windows: None,
        };
        let (Targets { targets, .. }, window) = question.read_one()?;
        let prefix = |target: &Target| match target {
            Target::Prefix(prefix, _) => Some(Ok(*prefix)),
            // Its members are targets themselves.
            Target::Group(_) => None,
            Target::Asn(asn) => Some(Err(usage(format!(
                "{asn} cannot be looked up: a RIB dump is sorted by prefix. Pass its prefixes with --prefix; a run that covers one hour of \
                 the window, outage-replay --asn {}, lists them",
                asn.0
            )))),
        };
        Ok(SurveyQuery {
            prefixes: targets.iter().filter_map(prefix).collect::<anyhow::Result<_>>()?,
            window,
            collectors: self.collector.iter().map(|name| typed::collector(name)).collect(),
            project: self.project,
            whole_files: self.whole_files,
            min_peers: self.min_peers,
        })
    }
}

//! A detector of your own: a prefix is down while a tenth of the vantage points that see it at other times do not.
//! Its outages get edges, evidence and a place in the report as those of the built-in rules do.
//! `cargo run --example detector`

use std::path::Path;

use outage_replay::Options;
use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::detect::Detector;
use outage_replay::pipeline::{collect, judge_with};
use outage_replay::query::{Query, Target, Thresholds};
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::Step;

/// Every vantage point counts, not every AS once, and a small loss is an outage.
struct Sensitive;

impl Detector for Sensitive {
    /// The durations that separate flaps, outages and episodes.
    fn thresholds(&self) -> Thresholds {
        Thresholds::default()
    }

    /// The share that decides; `None` where there is none. Steps without sufficient data never get here.
    fn share(&self, step: &Step) -> Option<f64> {
        (step.n_vantage_points > 0).then(|| step.n_vantage_points_visible as f64 / step.n_vantage_points as f64)
    }

    /// Down below 90 %, and up again from 95 % on.
    fn is_down(&self, share: f64, was_down: bool) -> bool {
        share < if was_down { 0.95 } else { 0.9 }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archive = Mirror::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"))?;
    let window = Window::new("2014-12-22T12:00".parse()?, "2014-12-23T20:00".parse()?)?;
    let query = Query::new(vec![Target::Asn(Asn(131279))], window);
    let report =
        collect(&query, &archive, 0, &()).and_then(|seen| judge_with(seen, &Options::default(), &Sensitive))?;

    for outage in &report.findings.outages {
        // An edge outside the data is `None`, never a time.
        let edge = |at: Option<Timestamp>| at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
        let (start, end) = (edge(outage.fall.start()), edge(outage.fall.end()));
        println!("{}: {start} to {end}, lowest share {:.2}", outage.id, outage.fall.share_min);
    }
    Ok(())
}

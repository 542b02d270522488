//! When the prefixes of an AS disappeared, for how long, and how sure we are. `cargo run --example outages`

use std::path::Path;

use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::detect::Scope;
use outage_replay::query::{Query, Target};
use outage_replay::time::{Timestamp, Window};
use outage_replay::{Options, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archive = Mirror::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"))?;
    let window = Window::new("2014-12-22T12:00".parse()?, "2014-12-23T20:00".parse()?)?;
    let query = Query::new(vec![Target::Asn(Asn(131279))], window);
    let report = run(&query, &archive, &Options::default(), &())?;

    for outage in report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Asn) {
        // An edge outside the data is None, never a time.
        let edge = |at: Option<Timestamp>| at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
        println!(
            "{} {} to {}: {} of {} vantage points lost {} prefixes, evidence {}",
            outage.subject.target,
            edge(outage.fall.start()),
            edge(outage.fall.end()),
            outage.counts.n_vantage_points_lost,
            outage.counts.n_vantage_points,
            outage.prefixes.len(),
            outage.quality.as_ref(),
        );
    }
    // "No outage" is an answer only if the data are sufficient.
    println!("answer: {}; data sufficient: {}", report.answer().name(), report.is_sufficient());
    Ok(())
}

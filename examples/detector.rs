//! A detector of your own on top of the timelines: for how long less than 90 % of the usual networks saw a prefix.
//! `cargo run --example detector`

use std::path::Path;
use std::time::Duration;

use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::query::{Query, Target};
use outage_replay::time::Window;
use outage_replay::visibility::Timeline;
use outage_replay::{Options, run};

/// The result for one prefix.
#[derive(Default)]
struct Degraded {
    below: Duration,
    unknown: Duration,
    n_times: usize,
}

/// The whole detector: a fold over the steps of a timeline.
fn below(limit: f64, timeline: &Timeline, window: Window) -> Degraded {
    let mut degraded = Degraded::default();
    let mut was_below = false;
    for (stretch, step) in timeline.stretches() {
        let Some(stretch) = stretch.intersect(&window) else { continue };
        match step.baseline_share().filter(|_| step.observed) {
            Some(share) if share < limit => {
                degraded.below += stretch.duration();
                degraded.n_times += usize::from(!was_below);
                was_below = true;
            }
            Some(_) => was_below = false,
            // Absence of data is not absence of routes, so it is counted separately.
            None => degraded.unknown += stretch.duration(),
        }
    }
    degraded
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archive = Mirror::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"))?;
    let window = Window::new("2014-12-22T12:00".parse()?, "2014-12-23T20:00".parse()?)?;
    let query = Query::new(vec![Target::Asn(Asn(131279))], window);
    let report = run(&query, &archive, &Options::default(), &())?;

    for timeline in &report.timelines {
        let Degraded { below, unknown, n_times } = below(0.9, timeline, window);
        println!("{}: below 90 % {n_times} times for {below:?}, unknown for {unknown:?}", timeline.prefix);
    }
    Ok(())
}

//! How many networks saw a prefix, and when that changed. `cargo run --example visibility`

use std::path::Path;

use outage_replay::catalog::Mirror;
use outage_replay::query::{Match, Query, Target};
use outage_replay::time::Window;
use outage_replay::{Options, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archive = Mirror::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"))?;
    let window = Window::new("2014-12-22T15:30".parse()?, "2014-12-22T16:30".parse()?)?;
    let query = Query::new(vec![Target::Prefix("175.45.176.0/24".parse()?, Match::Exact)], window);
    let report = run(&query, &archive, &Options::default(), &())?;

    for timeline in &report.timelines {
        println!("{}, seen by networks with a full table:", timeline.prefix);
        for (stretch, step) in timeline.steps.intervals() {
            let Some(stretch) = stretch.intersect(&window) else { continue };
            match step.visibility() {
                Some(share) if step.observed => {
                    println!("{}  {:>2} of {}  {:>5.1} %", stretch.start, step.n_visible, step.n_live, share * 100.0);
                }
                _ => println!("{}  unknown", stretch.start),
            }
        }
    }
    Ok(())
}

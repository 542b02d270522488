//! What each layer costs on the shipped archive, beside bare decompression and beside the parser alone.
//!
//! `cargo bench` prints one group; compare within it, on one machine, in one run. Full-size archives are not shipped.

use std::fs;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bgpkit_parser::BgpkitParser;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::decode::{self, Selection};
use outage_replay::query::{Query, Target};
use outage_replay::time::Window;
use outage_replay::{Options, run};

fn archive() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014")
}

/// Every gzip file of the RIPE RIS collector, as stored.
fn stored() -> Vec<Vec<u8>> {
    let folder = archive().join("rrc00/2014.12");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the shipped archive").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the shipped archive")).collect()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).expect("a whole file");
    plain
}

fn layers(criterion: &mut Criterion) {
    let stored = stored();
    let plain: Vec<Vec<u8>> = stored.iter().map(|bytes| gunzip(bytes)).collect();
    let mut selection = Selection::new();
    selection.add_prefix("175.45.176.0/24".parse().expect("a prefix"));
    let mut origin = Selection::new();
    origin.add_origin(Asn(131279));

    let mut group = criterion.benchmark_group("rrc00, 2 days");
    group.throughput(Throughput::Bytes(plain.iter().map(|bytes| bytes.len() as u64).sum()));
    group.bench_function("drain: decompression alone", |bencher| {
        bencher.iter(|| {
            for bytes in &stored {
                io::copy(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice()), &mut io::sink())
                    .expect("a whole file");
            }
        });
    });
    group.bench_function("walk and prefilter: one prefix, already decompressed", |bencher| {
        bencher.iter(|| {
            for bytes in &plain {
                black_box(decode::read(bytes.as_slice(), &selection));
            }
        });
    });
    group.bench_function("read: one prefix", |bencher| {
        bencher.iter(|| {
            for bytes in &stored {
                black_box(decode::read(bytes.as_slice(), &selection));
            }
        });
    });
    group.bench_function("read: one origin AS", |bencher| {
        bencher.iter(|| {
            for bytes in &stored {
                black_box(decode::read(bytes.as_slice(), &origin));
            }
        });
    });
    group.bench_function("bgpkit-parser: every record, already decompressed", |bencher| {
        bencher.iter(|| {
            for bytes in &plain {
                black_box(BgpkitParser::from_reader(bytes.as_slice()).into_record_iter().count());
            }
        });
    });
    group.finish();
}

fn whole_run(criterion: &mut Criterion) {
    let mirror = Mirror::open(&archive()).expect("the shipped archive");
    let window = Window::new("2014-12-22T12:00".parse().expect("a time"), "2014-12-23T20:00".parse().expect("a time"));
    let query = Query::new(vec![Target::Asn(Asn(131279))], window.expect("a window"));
    let options = Options::default();
    let mut group = criterion.benchmark_group("founding case");
    group.sample_size(20);
    group.bench_function("whole run", |bencher| {
        bencher.iter(|| black_box(run(&query, &mirror, &options, &()).expect("a report")));
    });
    group.finish();
}

criterion_group!(benches, layers, whole_run);
criterion_main!(benches);

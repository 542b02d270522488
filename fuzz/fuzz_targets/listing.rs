//! What a broker or a folder page may answer: anything is an error or a list of files of the collector and window that were asked for.
#![no_main]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use outage_replay::bgp::{Asn, Collector};
use outage_replay::catalog::{Broker, Catalog, Choice, PageSources, Pages, Patience, Publishers};
use outage_replay::query::{Query, Target};
use outage_replay::time::Window;
use tempfile::TempDir;

/// What the server answers to every request.
static BODY: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Made once: a client reads all certificates of the system.
static BROKER: LazyLock<Broker> = LazyLock::new(|| {
    let url = format!("{}/v3/broker", *SERVER).parse().expect("a URL");
    Broker::new(&url, Choice::default(), PATIENCE, Arc::new(())).expect("a client")
});

const PATIENCE: Patience = Patience { first_pause: Duration::ZERO, total: Duration::ZERO };

static SERVER: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream))));
    url
});

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let n = stream.read(&mut part)?;
        if n == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..n]);
    }
    let body = BODY.lock().expect("the body").clone();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

fuzz_target!(|input: &[u8]| {
    let Some((which, body)) = input.split_first() else { return };
    *BODY.lock().expect("the body") = body.to_vec();
    let window = Window::new("2014-12-22T15:00".parse().expect("a time"), "2014-12-22T17:00".parse().expect("a time"))
        .expect("a window");
    let collectors = vec![Collector::new(["rrc00", "route-views2"][usize::from(*which / 2) % 2])];
    let query = Query { collectors, ..Query::new(vec![Target::Asn(Asn(131_279))], window) };
    let cache = TempDir::new().expect("a folder");
    let listed = if which % 2 == 0 {
        BROKER.list(&query)
    } else {
        let base = || SERVER.parse().expect("a URL");
        let publishers = Publishers { ripe_ris: base(), routeviews: base() };
        let sources = PageSources { publishers, mirrors: Vec::new(), cache: cache.path().to_owned() };
        Pages::new(sources, Choice::default(), PATIENCE, Arc::new(())).list(&query)
    };
    for file in listed.iter().flatten() {
        assert!(query.collectors.contains(&file.collector), "a file of {}", file.collector);
        assert!(!file.name.contains(".."), "{}", file.name);
    }
});

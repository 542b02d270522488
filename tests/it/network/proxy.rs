//! A proxy between the program and the real servers that damages their answers as networks do.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::servers::{BROKER_PATH, Servers};

/// What the proxy does to an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Refuse,
    /// No answer comes.
    Hang,
    /// It ends after this share of its body.
    Cut(f64),
    /// As `Cut`, without a Content-Length that would reveal it.
    CutUnannounced(f64),
    /// One byte in its middle is changed.
    Flip,
    /// Another status, without a body.
    Status(u16),
    /// 429, with the pause that Retry-After asks for.
    TooMany(&'static str),
    /// A web page instead of the file.
    Html,
    /// Its Content-Length is half of what it should be.
    ShortLength,
    /// Its Content-Length is larger than its body.
    LongLength,
    /// No Content-Length; the body is whole.
    NoLength,
    /// It arrives byte by byte, with pauses.
    Drip,
    /// It never ends: its body comes again and again, without a Content-Length.
    Endless,
    /// It is a redirect to the same address.
    Loop,
    /// It is a redirect to this address.
    Redirect(&'static str),
    /// Its headers claim one more compression than it has.
    ClaimsEncoding,
    /// A range begins where it should, and comes from another version of the file.
    OtherVersion,
    /// A range is shorter than requested.
    ShortRange,
    /// The whole file comes instead of a range.
    NoRange,
    /// A range says that it begins a byte later than it does.
    WrongRange,
    /// A range does not say which it is.
    NoPlace,
    /// A range says that the file has this many bytes.
    Total(u64),
    /// The body is this one.
    Body(String),
    /// Every item of a list is listed twice.
    Twice,
    /// A list has no items, although it counts them.
    NoItems,
    /// A list is always its first page, whichever page was requested.
    FirstPage,
    /// A list lacks its last item, although it counts it.
    LostItem,
    /// In a list, the first text is replaced by the second.
    Replace(String, String),
    /// The answer is correct and late.
    Late(Duration),
}

/// A request that the proxy received.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path and query.
    pub path: String,
    /// Its Range, if it had one.
    pub range: Option<String>,
    /// Its If-Range.
    pub if_range: Option<String>,
    /// The User-Agent header.
    pub user_agent: Option<String>,
}

/// Where a fault applies: to paths that contain a text, to the first few requests or always.
struct Rule {
    path: String,
    fault: Fault,
    left: Option<usize>,
}

impl Rule {
    fn concerns(&self, path: &str) -> bool {
        match self.path.strip_suffix('$') {
            Some(end) => path.ends_with(end),
            None => path.contains(&self.path),
        }
    }
}

#[derive(Default)]
struct Log {
    rules: Vec<Rule>,
    requests: Vec<Request>,
    open: usize,
    most_open: usize,
}

struct Shared {
    port: u16,
    broker_port: u16,
    archive_port: u16,
    log: Mutex<Log>,
    ended: AtomicBool,
}

/// The proxy, ended when the value goes.
pub struct Proxy {
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy before `servers`, without any fault.
    pub fn start(servers: &Servers) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shared = Arc::new(Shared {
            port: listener.local_addr().expect("an address").port(),
            broker_port: servers.broker_port,
            archive_port: servers.archive_port,
            log: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if served.ended.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&served);
                thread::spawn(move || {
                    let _ = shared.serve(stream);
                });
            }
        });
        Proxy { shared, listener: Some(listener) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// The archive, seen through the proxy.
    pub fn archive_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// The broker, seen through the proxy.
    pub fn broker_url(&self) -> String {
        format!("http://127.0.0.1:{}{BROKER_PATH}", self.shared.port)
    }

    /// From now on `fault` happens to the first `times` requests whose path contains `path`, or to all. A `path` that ends with
    /// `$` is the end of the path.
    pub fn fault(&self, path: &str, fault: Fault, times: Option<usize>) {
        self.shared.log().rules.push(Rule { path: path.to_owned(), fault, left: times });
    }

    /// The first `n` requests whose path contains `path` are answered as they should be, and `fault` happens to all others.
    pub fn fault_after(&self, n: usize, path: &str, fault: Fault) {
        self.fault(path, Fault::Late(Duration::ZERO), Some(n));
        self.fault(path, fault, None);
    }

    /// From now on nothing happens, and nothing has.
    pub fn reset(&self) {
        let mut log = self.shared.log();
        log.rules.clear();
        log.requests.clear();
        log.most_open = 0;
    }

    /// The requests whose path contains `path`, in order.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        self.shared.log().requests.iter().filter(|request| request.path.contains(path)).cloned().collect()
    }

    /// How often each archive file was asked for.
    pub fn file_counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let is_file = |request: &&Request| !request.path.starts_with(BROKER_PATH) && !request.path.ends_with('/');
        for request in self.shared.log().requests.iter().filter(is_file) {
            *counts.entry(request.path.clone()).or_default() += 1;
        }
        counts
    }

    /// The most archive files that were asked for at the same time.
    pub fn most_open(&self) -> usize {
        self.shared.log().most_open
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.shared.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics with the log")
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let head = read_head(&mut stream)?;
        let Some(path) = head.split_whitespace().nth(1).map(str::to_owned) else { return Ok(()) };
        let request = Request {
            path: path.clone(),
            range: header(&head, "range"),
            if_range: header(&head, "if-range"),
            user_agent: header(&head, "user-agent"),
        };
        let is_file = !path.starts_with(BROKER_PATH);
        let fault = {
            let mut log = self.log();
            log.requests.push(request);
            log.rules.iter_mut().find(|rule| rule.concerns(&path) && rule.left != Some(0)).map(|rule| {
                rule.left = rule.left.map(|left| left - 1);
                rule.fault.clone()
            })
        };
        let open = is_file.then(|| Open::new(self));
        let result = self.answer(&mut stream, &path, &head, fault, open);
        let _ = stream.shutdown(Shutdown::Both);
        result
    }

    fn answer(
        &self,
        stream: &mut TcpStream,
        path: &str,
        head: &str,
        fault: Option<Fault>,
        open: Option<Open>,
    ) -> io::Result<()> {
        let is_file = open.is_some();
        match &fault {
            Some(Fault::Refuse) => return Ok(()),
            Some(Fault::Hang) => return self.wait(stream),
            Some(Fault::Status(status)) => return plain(stream, *status, "", b""),
            Some(Fault::TooMany(pause)) => return plain(stream, 429, &format!("Retry-After: {pause}\r\n"), b""),
            Some(Fault::Loop) => {
                return plain(stream, 302, &format!("Location: http://127.0.0.1:{}{path}\r\n", self.port), b"");
            }
            Some(Fault::Redirect(to)) => return plain(stream, 302, &format!("Location: {to}\r\n"), b""),
            Some(Fault::Html) => {
                let page = b"<html><body><h1>Please sign in</h1></body></html>";
                return plain(stream, 200, "Content-Type: text/html\r\n", page);
            }
            Some(Fault::Body(body)) => {
                return plain(stream, 200, "Content-Type: application/json\r\n", body.as_bytes());
            }
            Some(Fault::Late(pause)) => thread::sleep(*pause),
            _ => {}
        }
        let asked = match &fault {
            Some(Fault::FirstPage) => path.replace("&page=2&", "&page=1&"),
            _ => path.to_owned(),
        };
        let head = if fault == Some(Fault::NoRange) { without(head, &["range", "if-range"]) } else { head.to_owned() };
        let (mut headers, mut body) = self.forward(&asked, &head, is_file)?;
        if !is_file {
            let text = String::from_utf8_lossy(&body).replace(
                &format!("http://127.0.0.1:{}/", self.archive_port),
                &format!("http://127.0.0.1:{}/", self.port),
            );
            body = edited(text, fault.as_ref()).into_bytes();
        }
        let mut length = Some(body.len());
        let mut sent = body.len();
        match &fault {
            Some(Fault::Cut(share)) => sent = (body.len() as f64 * share) as usize,
            Some(Fault::CutUnannounced(share)) => {
                length = None;
                sent = (body.len() as f64 * share) as usize;
            }
            Some(Fault::Flip) => {
                let middle = body.len() / 2;
                body[middle] ^= 0x20;
            }
            Some(Fault::ShortLength) => length = Some(body.len() / 2),
            Some(Fault::LongLength) => length = Some(body.len() + 1000),
            Some(Fault::NoLength | Fault::Endless) => length = None,
            Some(Fault::NoPlace) => headers = without(&headers, &["content-range"]),
            Some(Fault::Total(total)) => {
                if let Some(range) = header(&headers, "content-range") {
                    let place = range.split('/').next().unwrap_or_default();
                    headers = without(&headers, &["content-range"]) + &format!("Content-Range: {place}/{total}\r\n");
                }
            }
            Some(Fault::ClaimsEncoding) => headers.push_str("Content-Encoding: gzip\r\n"),
            Some(Fault::OtherVersion) => {
                headers = without(&headers, &["etag"]) + "ETag: \"another-version\"\r\n";
                body.iter_mut().for_each(|byte| *byte = !*byte);
            }
            Some(Fault::WrongRange) => {
                if let Some(range) = header(&headers, "content-range") {
                    let (first, rest) = range.trim_start_matches("bytes ").split_once('-').expect("a range of nginx");
                    let first: usize = first.parse().expect("a number");
                    headers = without(&headers, &["content-range"])
                        + &format!("Content-Range: bytes {}-{rest}\r\n", first + 1);
                }
            }
            Some(Fault::ShortRange) => {
                sent = body.len() / 2;
                length = Some(sent);
                if let Some(range) = header(&headers, "content-range") {
                    // bytes FIRST-LAST/TOTAL
                    let (first, total) = (range.split('-').next(), range.split('/').nth(1));
                    let (first, total) = (first.unwrap_or_default(), total.unwrap_or_default());
                    let begin: usize = first.trim_start_matches("bytes ").parse().expect("a range of nginx");
                    headers = without(&headers, &["content-range"])
                        + &format!("Content-Range: {first}-{}/{total}\r\n", begin + sent - 1);
                }
            }
            _ => {}
        }
        if let Some(length) = length {
            headers.push_str(&format!("Content-Length: {length}\r\n"));
        }
        // The client may request the next file as soon as it has the answer.
        drop(open);
        stream.write_all(format!("{headers}Connection: close\r\n\r\n").as_bytes())?;
        if fault == Some(Fault::Drip) {
            for byte in body.chunks(1) {
                stream.write_all(byte)?;
                thread::sleep(Duration::from_millis(100));
                if self.ended.load(Ordering::SeqCst) {
                    break;
                }
            }
            return Ok(());
        }
        // A client that goes on reading ends it, too: it would fill the memory.
        let n_times = if fault == Some(Fault::Endless) { 100_000_000 / body.len().max(1) } else { 1 };
        for _ in 0..n_times {
            stream.write_all(&body[..sent])?;
        }
        Ok(())
    }

    /// Until the client gives up, or the proxy ends.
    fn wait(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        while !self.ended.load(Ordering::SeqCst) {
            match stream.read(&mut [0]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Asks the real server: status line and headers that are passed on, and the body.
    fn forward(&self, path: &str, head: &str, is_file: bool) -> io::Result<(String, Vec<u8>)> {
        let port = if is_file { self.archive_port } else { self.broker_port };
        let mut upstream = TcpStream::connect(("127.0.0.1", port))?;
        upstream.set_read_timeout(Some(Duration::from_secs(60)))?;
        // The length of a folder page is not known before its end, and this version of HTTP has no chunks.
        let version = if path.ends_with('/') { "1.0" } else { "1.1" };
        let mut request = format!("GET {path} HTTP/{version}\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
        for name in ["Range", "If-Range", "User-Agent", "Accept-Encoding"] {
            if let Some(value) = header(head, name) {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        upstream.write_all(format!("{request}\r\n").as_bytes())?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let headers = String::from_utf8_lossy(&answer[..end + 2]).into_owned();
        assert!(header(&headers, "transfer-encoding").is_none(), "{path}: no chunks are expected");
        Ok((without(&headers, &["content-length", "connection"]), answer.split_off(end + 4)))
    }
}

/// A file that was asked for and not answered yet.
struct Open<'a>(&'a Shared);

impl Open<'_> {
    fn new(shared: &Shared) -> Open<'_> {
        let mut log = shared.log();
        log.open += 1;
        log.most_open = log.most_open.max(log.open);
        drop(log);
        Open(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.log().open -= 1;
    }
}

fn edited(text: String, fault: Option<&Fault>) -> String {
    let items = |change: fn(&mut Vec<Value>)| {
        let mut list: Value = serde_json::from_str(&text).expect("the broker's JSON");
        change(list["data"].as_array_mut().expect("items"));
        list.to_string()
    };
    match fault {
        Some(Fault::Twice) => {
            items(|items| *items = items.iter().flat_map(|item| [item.clone(), item.clone()]).collect())
        }
        Some(Fault::NoItems) => items(Vec::clear),
        Some(Fault::LostItem) => items(|items| drop(items.pop())),
        Some(Fault::Replace(from, to)) => text.replace(from.as_str(), to),
        _ => text,
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            break;
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn without(headers: &str, names: &[&str]) -> String {
    let keeps = |line: &&str| {
        let field = line.split(':').next().unwrap_or_default();
        !names.iter().any(|name| field.eq_ignore_ascii_case(name))
    };
    headers.lines().filter(keeps).map(|line| format!("{line}\r\n")).collect()
}

fn plain(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

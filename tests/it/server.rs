//! A small HTTP server on the loopback interface, for tests without a real one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Answers each request for a path with what `body` returns, or with 404. Returns its address, and how many requests came.
pub fn server(body: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let n_requests = Arc::new(AtomicUsize::new(0));
    let n = n_requests.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            n.fetch_add(1, Ordering::Relaxed);
            let mut request = String::new();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            request.extend(lines.next());
            lines.find(String::is_empty);
            let found = body(request.split(' ').nth(1).unwrap_or_default());
            let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
            let found = found.unwrap_or_default();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", found.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&found));
        }
    });
    (address, n_requests)
}

//! A real bgpkit-broker and a real nginx on the loopback interface, over the archive of `data/dprk-2014`.

use std::env;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::index;

/// A server that does not listen after this long never will.
const START: Duration = Duration::from_secs(60);
/// Where the broker answers.
pub const BROKER_PATH: &str = "/v3/broker";

/// Both servers; dropping the value stops them.
pub struct Servers {
    broker: Child,
    nginx: Child,
    /// Where the broker listens.
    pub broker_port: u16,
    /// Where nginx listens.
    pub archive_port: u16,
    folder: TempDir,
}

impl Servers {
    /// Starts both servers. None if they are not installed: then the test prints that it is skipped, or fails if `CI`
    /// is set.
    pub fn start() -> Option<Servers> {
        Servers::with_index(index::shipped)
    }

    /// The same, with another index: SQL, made for the address of the archive.
    pub fn with_index(content: fn(&str) -> String) -> Option<Servers> {
        let programs = (
            program("bgpkit-broker", Some("OUTAGE_REPLAY_TEST_BROKER")),
            program("nginx", None),
            program("sqlite3", None),
        );
        let (Some(broker), Some(nginx), Some(sqlite3)) = programs else {
            let missing = "bgpkit-broker (or OUTAGE_REPLAY_TEST_BROKER=path), nginx and sqlite3 are needed";
            assert!(env::var_os("CI").is_none(), "{missing}: run .ci/servers");
            println!("skipped: {missing}");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder");
        let (nginx, archive_port) = started(|port| serve_archive(&nginx, folder.path(), port));
        let index = folder.path().join("broker.sqlite3");
        fs::write(&index, []).expect("an empty index");
        let (broker, broker_port) = started(|port| serve_index(&broker, &index, port));
        let servers = Servers { broker, nginx, broker_port, archive_port, folder };
        servers.fill(&sqlite3, &index, content);
        Some(servers)
    }

    /// The archive that they serve.
    pub fn archive() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014")
    }

    /// Where the broker answers.
    pub fn broker_url(&self) -> String {
        format!("http://127.0.0.1:{}{BROKER_PATH}", self.broker_port)
    }

    /// Writes the broker's index.
    fn fill(&self, sqlite3: &Path, index: &Path, content: fn(&str) -> String) {
        let archive = format!("http://127.0.0.1:{}", self.archive_port);
        let sql = format!("BEGIN; INSERT INTO types VALUES (1,'updates'),(2,'rib');\n{}COMMIT;\n", content(&archive));
        let mut shell = Command::new(sqlite3)
            .args(["-bail", "-cmd", ".timeout 10000"])
            .arg(index)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("sqlite3 starts");
        shell.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("sqlite3 reads");
        assert!(shell.wait().expect("sqlite3 ends").success(), "sqlite3 fills the index");
    }

    /// Stops both now.
    pub fn stop(self) {}
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in [&mut self.broker, &mut self.nginx] {
            let _ = server.kill();
            let _ = server.wait();
        }
        if thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("nginx/error.log")).unwrap_or_default();
            println!("nginx said:\n{log}");
        }
    }
}

/// An installed program, by its variable or on the path.
fn program(name: &str, variable: Option<&str>) -> Option<PathBuf> {
    if let Some(path) = variable.and_then(env::var_os) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian installs servers in a folder that is only on root's path.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Starts a server on a free port and waits until it listens. Another program may take the port first.
fn started(serve: impl Fn(u16) -> Command) -> (Child, u16) {
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut server = serve(port).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("a server starts");
        let begun = Instant::now();
        while server.try_wait().expect("a child").is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (server, port);
            }
            if begun.elapsed() > START {
                let _ = server.kill();
                let _ = server.wait();
                panic!("a server does not listen after {START:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("a server ended as soon as it was started, five times");
}

fn serve_index(broker: &Path, index: &Path, port: u16) -> Command {
    let mut command = Command::new(broker);
    // Without --no-update it would first go through the publishers' archives.
    command.arg("serve").arg(index).args(["--no-update", "-H", "127.0.0.1", "-r", BROKER_PATH, "-p"]);
    command.arg(port.to_string()).stderr(Stdio::null());
    command
}

fn serve_archive(nginx: &Path, folder: &Path, port: u16) -> Command {
    let prefix = folder.join("nginx");
    fs::create_dir_all(&prefix).expect("a folder for nginx");
    // One process in the foreground: ending it ends the server. No path is outside the prefix, so that it runs without
    // root.
    let config = format!(
        "daemon off;
         master_process off;
         pid nginx.pid;
         events {{ worker_connections 64; }}
         http {{
             access_log off;
             default_type application/octet-stream;
             client_body_temp_path body;
             proxy_temp_path proxy;
             fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi;
             scgi_temp_path scgi;
             server {{
                 listen 127.0.0.1:{port};
                 root \"{}\";
                 autoindex on;
             }}
         }}\n",
        Servers::archive().display()
    );
    fs::write(prefix.join("nginx.conf"), config).expect("a configuration");
    let mut command = Command::new(nginx);
    command.arg("-p").arg(&prefix).arg("-c").arg(prefix.join("nginx.conf"));
    command.arg("-e").arg(prefix.join("error.log")).stderr(Stdio::null());
    command
}

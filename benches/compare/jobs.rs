//! The jobs: which question is asked about which files, and the cost for each contender.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Plan;
use super::archives::{Archives, Edition};
use super::instructions::Counted;
use super::rounds::{self, Series};
use super::tools::{self, Question, Tool};
use super::world::{TARGET, TARGET_PREFIXES, World};

/// Tools so much slower than decompression that they are measured once, while their answer is checked.
const SLOW: &[&str] = &["bgpdump", "monocle"];

/// What all jobs share.
pub struct Bench<'a> {
    pub plan: &'a Plan,
    archives: &'a Archives,
    tools: &'a [Tool],
    this: String,
    pub scratch: PathBuf,
}

/// One row of the table: a job, the limit, this library, and the peers.
pub struct Row {
    pub job: String,
    pub bytes: u64,
    pub n_routes: usize,
    pub limit: Series,
    pub own: Series,
    pub peers: Vec<(&'static str, Series)>,
    /// Peers that answer otherwise, and a route about which they do: they were not timed.
    pub disagreeing: Vec<(&'static str, String)>,
}

/// The bzip2 decoders alone: what they decode, `bzip2 -dc`, and the others.
pub struct Unpacking {
    pub what: String,
    pub bytes: u64,
    pub limit: Series,
    pub others: Vec<(&'static str, Series)>,
}

/// How cost grows: what grows, how far, and what it took beside the limit.
pub struct Growth {
    pub of: &'static str,
    pub n: usize,
    pub limit: Series,
    pub own: Series,
}

/// Runs of the whole program.
pub struct Run {
    pub what: String,
    pub series: Series,
    /// Bare decompression of the same files, once each, with one thread.
    pub limit: Option<Series>,
    /// Wall time with one thread divided by wall time with this many.
    pub speedup: Option<(usize, [f64; 3])>,
}

impl<'a> Bench<'a> {
    pub fn new(plan: &'a Plan, archives: &'a Archives, tools: &'a [Tool]) -> Result<Bench<'a>, Box<dyn Error>> {
        let this = std::env::current_exe()?.to_string_lossy().into_owned();
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
        fs::create_dir_all(&scratch)?;
        Ok(Bench { plan, archives, tools, this, scratch })
    }

    fn driver(&self, words: &[&str], files: &[PathBuf]) -> Vec<String> {
        let own = [self.this.as_str(), "driver"].into_iter().chain(words.iter().copied()).map(str::to_owned);
        own.chain(files.iter().map(|file| file.to_string_lossy().into_owned())).collect()
    }

    /// The list in a file, for a driver.
    fn list(&self, prefixes: &[String]) -> Result<String, Box<dyn Error>> {
        let path = self.scratch.join(format!("prefixes-{}", prefixes.len()));
        fs::write(&path, prefixes.join("\n"))?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn answer(&self, command: &[String]) -> Result<String, Box<dyn Error>> {
        let path = self.scratch.join("answer");
        rounds::measure(command, Some(&path))?;
        Ok(fs::read_to_string(&path)?)
    }

    /// Four of these prefixes about which this library and bgpkit-parser's say the same.
    fn four_alike(&self, prefixes: Vec<String>, files: &[PathBuf]) -> Result<Vec<String>, Box<dyn Error>> {
        let list = self.list(&prefixes)?;
        let answer = |task: &str| -> Result<_, Box<dyn Error>> {
            Ok(tools::routes(&self.answer(&self.driver(&[task, "--prefixes", &list], files))?, false))
        };
        let (expected, found) = (answer("reference")?, answer("read")?);
        let of = |routes: &BTreeMap<String, usize>, prefix: &str| -> BTreeMap<String, usize> {
            let own = routes.iter().filter(|(route, _)| route.rsplit('|').next() == Some(prefix));
            own.map(|(route, n)| (route.clone(), *n)).collect()
        };
        let alike = prefixes.into_iter().filter(|prefix| of(&expected, prefix) == of(&found, prefix));
        Ok(alike.take(4).collect())
    }

    /// Every contender's answer against the reference, and then the rounds.
    fn row(&self, job: &str, question: &Question, files: &[PathBuf], n_rounds: usize) -> Result<Row, Box<dyn Error>> {
        eprintln!("{job}");
        let words = match question {
            Question::Prefixes(prefixes) => ["--prefixes".to_owned(), self.list(prefixes)?],
            Question::Origin(asn) => ["--origin".to_owned(), asn.to_string()],
        };
        let task = |task: &str| self.driver(&[task, &words[0], &words[1]], files);
        let has_rib = files
            .iter()
            .any(|file| file.to_string_lossy().contains("/rib.") || file.to_string_lossy().contains("/bview."));
        let expected = tools::routes(&self.answer(&task("reference"))?, has_rib);
        let mut peers: Vec<(&Tool, Vec<String>)> = Vec::new();
        for tool in self.tools {
            peers.extend(tools::command(tool, question, files).map(|command| (tool, command)));
        }
        let own = tools::routes(&self.answer(&task("read"))?, has_rib);
        if let Some(route) = tools::difference(&expected, &own) {
            return Err(format!("{job}: this does not agree with bgpkit-parser's library about {route}").into());
        }
        let (mut disagreeing, mut slow, mut fast) = (Vec::new(), Vec::new(), Vec::new());
        for (tool, command) in peers {
            let path = self.scratch.join("answer");
            let cost = rounds::measure(&command, Some(&path))?;
            let found = tools::routes(&fs::read_to_string(&path)?, has_rib);
            match tools::difference(&expected, &found).filter(|_| tools::is_comparable(tool.name)) {
                Some(route) => disagreeing.push((tool.name, route)),
                None if SLOW.contains(&tool.name) => slow.push((tool.name, Series(vec![cost]))),
                None => fast.push((tool.name, command)),
            }
        }
        let mut commands = vec![(limit(self, files), n_rounds), (task("read"), n_rounds)];
        commands.extend(fast.iter().map(|(_, command)| (command.clone(), n_rounds)));
        let mut series = rounds::rounds(&commands, n_rounds)?.into_iter();
        let (Some(limit), Some(own)) = (series.next(), series.next()) else { return Err("no rounds".into()) };
        let n_routes = expected.values().sum();
        let peers = fast.iter().map(|(name, _)| *name).zip(series).chain(slow).collect();
        Ok(Row { job: job.to_owned(), bytes: stored(files), n_routes, limit, own, peers, disagreeing })
    }

    /// The table of every peer, against one that bgpkit-parser's library makes.
    fn whole_table(&self, job: &str, files: &[PathBuf], n_rounds: usize) -> Result<Row, Box<dyn Error>> {
        eprintln!("{job}");
        let own = self.driver(&["table"], files);
        let expected = self.answer(&self.driver(&["reference-table"], files))?;
        if self.answer(&own)? != expected {
            return Err(format!("{job}: this does not agree with bgpkit-parser's library").into());
        }
        let sizes = expected.lines().filter_map(|line| line.rsplit_once('|')).map(|(peer, v6)| {
            [peer.rsplit('|').next().unwrap_or_default(), v6]
                .iter()
                .filter_map(|n| n.parse::<usize>().ok())
                .sum::<usize>()
        });
        let n_routes = sizes.sum();
        let series = rounds::rounds(&[(limit(self, files), n_rounds), (own, n_rounds)], n_rounds)?;
        let [limit, own] = series.try_into().map_err(|_| "two contenders")?;
        let (peers, disagreeing) = (Vec::new(), Vec::new());
        Ok(Row { job: job.to_owned(), bytes: stored(files), n_routes, limit, own, peers, disagreeing })
    }

    /// Routes looked up in a sorted RIB dump, against the whole of it.
    fn lookup(&self, job: &str, prefixes: &[&str], file: PathBuf, n_rounds: usize) -> Result<Row, Box<dyn Error>> {
        eprintln!("{job}");
        let list = self.list(&prefixes.iter().map(|prefix| (*prefix).to_owned()).collect::<Vec<_>>())?;
        let files = [file];
        let task = |task: &str| self.driver(&[task, "--prefixes", &list], &files);
        let expected = tools::routes(&self.answer(&task("read"))?, true);
        let found = tools::routes(&self.answer(&task("look-up"))?, true);
        if let Some(route) = tools::difference(&expected, &found) {
            return Err(format!("{job}: the lookup does not agree with the whole dump about {route}").into());
        }
        let series = rounds::rounds(&[(limit(self, &files), n_rounds), (task("look-up"), n_rounds)], n_rounds)?;
        let [limit, own] = series.try_into().map_err(|_| "two contenders")?;
        let (n_routes, peers, disagreeing) = (expected.values().sum(), Vec::new(), Vec::new());
        Ok(Row { job: job.to_owned(), bytes: stored(&files), n_routes, limit, own, peers, disagreeing })
    }
}

fn stored(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| fs::metadata(file).ok()).map(|metadata| metadata.len()).sum()
}

/// Bare decompression: flate2 on zlib-rs, or `bzip2 -dc`.
fn limit(bench: &Bench, files: &[PathBuf]) -> Vec<String> {
    if files.iter().all(|file| file.extension().is_some_and(|suffix| suffix == "bz2")) {
        return tools::over(files, "bzip2 -dc \"$file\"");
    }
    bench.driver(&["drain"], files)
}

/// The jobs on the synthetic archives and, where they are, on real ones.
pub fn tables(bench: &Bench) -> Result<Vec<Row>, Box<dyn Error>> {
    let (archives, n) = (bench.archives, bench.plan.n_rounds);
    let four = Question::Prefixes(TARGET_PREFIXES.map(str::to_owned).to_vec());
    let many = Question::Prefixes(some_prefixes(bench.plan.edition, 10_000));
    let origin = Question::Origin(TARGET);
    let both = |container: &str| [vec![archives.rib(container)], archives.updates(container)].concat();
    let slow = n.min(3);
    let mut rows = vec![
        bench.row("4 prefixes, RIB .gz", &four, &[archives.rib("gz")], n)?,
        bench.row("4 prefixes, 12 update files .gz", &four, &archives.updates("gz"), n)?,
        bench.row("4 prefixes, RIB .bz2", &four, &[archives.rib("bz2")], slow)?,
        bench.row("4 prefixes, 12 update files .bz2", &four, &archives.updates("bz2"), slow)?,
        bench.lookup("4 prefixes looked up in a RIB .bz2", &TARGET_PREFIXES, archives.rib("bz2"), slow)?,
        bench.row("one origin AS, RIB and updates .gz", &origin, &both("gz"), n)?,
        bench.row("one origin AS, RIB sorted by length .gz", &origin, &archives.ribs_by_length()[..1], n)?,
        bench.row("10,000 prefixes, RIB and updates .gz", &many, &both("gz"), n)?,
        bench.whole_table("every prefix at every peer, RIB and updates .gz", &both("gz"), n)?,
    ];
    rows.extend(real(bench)?);
    Ok(rows)
}

/// The jobs whose instructions are counted.
pub fn counted(bench: &Bench) -> Result<Vec<Counted>, Box<dyn Error>> {
    let list = bench.list(&TARGET_PREFIXES.map(str::to_owned))?;
    let origin = TARGET.to_string();
    let mut counted = Vec::new();
    for (files, jobs) in [
        (vec![bench.archives.rib("gz")], ["drain a RIB dump", "4 prefixes in a RIB dump", "an AS in a RIB dump"]),
        (bench.archives.updates("gz"), ["drain update files", "4 prefixes in update files", "an AS in update files"]),
    ] {
        let mut n_octets = 0;
        for file in &files {
            n_octets += io::copy(&mut flate2::read::MultiGzDecoder::new(fs::File::open(file)?), &mut io::sink())?;
        }
        let words = [&["drain"][..], &["read", "--prefixes", list.as_str()], &["read", "--origin", origin.as_str()]];
        for (job, words) in jobs.into_iter().zip(words) {
            counted.push(Counted { job, command: bench.driver(words, &files), n_octets });
        }
    }
    Ok(counted)
}

/// The same on real archives: four prefixes that the last of the files names, and no message that a collector cut: of such a
/// message this library keeps what is whole, and bgpkit-parser nothing.
fn real(bench: &Bench) -> Result<Vec<Row>, Box<dyn Error>> {
    let root = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from);
    let Some(root) = root.filter(|_| !bench.plan.is_small) else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for (job, folder) in [
        ("real: rrc06 2021", "rrc06"),
        ("real: route-views2 2008", "route-views2/bgpdata/2008.02"),
        ("real: route-views2 2002", "route-views2/bgpdata/2002.01"),
        ("real: route-views.jinx, RIB and updates", "route-views.jinx"),
    ] {
        let mut files = Vec::new();
        collect(&root.join("archive").join(folder), &mut files)?;
        files.sort();
        let Some(first) = files.last() else { continue };
        let list = bench.answer(&bench.driver(&["list"], std::slice::from_ref(first)))?;
        let list: Vec<&str> = list.lines().collect();
        let some = (1..=40).filter_map(|n| list.get(list.len() * n / 41)).map(|prefix| (*prefix).to_owned());
        let question = Question::Prefixes(bench.four_alike(some.collect(), &files)?);
        rows.push(bench.row(&format!("{job} ({} files)", files.len()), &question, &files, bench.plan.n_rounds)?);
    }
    Ok(rows)
}

/// The bzip2 decoder of this library, and others, on the synthetic archives and on real files of one to three blocks.
pub fn unpacking(bench: &Bench) -> Result<Vec<Unpacking>, Box<dyn Error>> {
    let mut small = Vec::new();
    if let Some(root) = std::env::var_os("OUTAGE_REPLAY_MRT").filter(|_| !bench.plan.is_small) {
        collect(&Path::new(&root).join("archive/route-views2/bgpdata/2002.01"), &mut small)?;
    }
    let sets = [
        ("RIB", vec![bench.archives.rib("bz2")]),
        ("12 update files", bench.archives.updates("bz2")),
        ("real: route-views2 2002, 1 to 3 blocks", small),
    ];
    let n = bench.plan.n_rounds;
    let mut rows = Vec::new();
    for (what, files) in sets.into_iter().filter(|(_, files)| !files.is_empty()) {
        eprintln!("bzip2 alone: {what}");
        let mut contenders =
            vec![("this", bench.driver(&["unpack"], &files)), ("libbz2-rs", bench.driver(&["drain"], &files))];
        if tools::is_installed("lbzip2") {
            contenders.push(("lbzip2 -n1 -dc", tools::over(&files, "lbzip2 -n1 -dc \"$file\"")));
        }
        let commands =
            std::iter::once(limit(bench, &files)).chain(contenders.iter().map(|(_, command)| command.clone()));
        let commands: Vec<(Vec<String>, usize)> = commands.map(|command| (command, n)).collect();
        let mut series = rounds::rounds(&commands, n)?.into_iter();
        let limit = series.next().ok_or("no rounds")?;
        let others = contenders.iter().map(|(name, _)| *name).zip(series).collect();
        rows.push(Unpacking { what: what.to_owned(), bytes: stored(&files), limit, others });
    }
    Ok(rows)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Prefixes of the synthetic Internet, evenly chosen.
fn some_prefixes(edition: &Edition, n: usize) -> Vec<String> {
    let networks = World::new(edition.size).networks;
    let n = n.min(networks.len());
    (0..n).map(|index| networks[index * networks.len() / n].prefix.to_string()).collect()
}

/// More prefixes, more files.
pub fn growth(bench: &Bench) -> Result<Vec<Growth>, Box<dyn Error>> {
    let (archives, n_rounds) = (bench.archives, bench.plan.n_rounds.min(3));
    let mut growth = Vec::new();
    let mut point = |of: &'static str, n: usize, n_prefixes: usize, files: &[PathBuf]| -> Result<(), Box<dyn Error>> {
        eprintln!("growth: {n} {of}");
        let list = bench.list(&some_prefixes(bench.plan.edition, n_prefixes))?;
        let commands = [bench.driver(&["drain"], files), bench.driver(&["read", "--prefixes", &list], files)];
        let series = rounds::rounds(&commands.map(|command| (command, n_rounds)), n_rounds)?;
        let [limit, own] = series.try_into().map_err(|_| "two contenders")?;
        growth.push(Growth { of, n, limit, own });
        Ok(())
    };
    let both = [vec![archives.rib("gz")], archives.updates("gz")].concat();
    for n in [1, 10, 100, 1_000, 10_000, 100_000] {
        point("prefixes", n, n, &both)?;
    }
    let updates = archives.updates("gz");
    for n in [1, 3, 12, 96] {
        let files: Vec<PathBuf> = updates.iter().cycle().take(n).cloned().collect();
        point("update files", n, 4, &files)?;
    }
    Ok(growth)
}

/// The whole program: threads, AS without RIB dumps, RIB dumps sorted by length, and the founding case.
pub fn runs(bench: &Bench) -> Result<Vec<Run>, Box<dyn Error>> {
    let program = env!("CARGO_BIN_EXE_outage-replay");
    let command = |words: &str, archives: &[PathBuf]| -> Vec<String> {
        let words = std::iter::once(program).chain(words.split(' ')).map(str::to_owned);
        let archives = archives.iter().flat_map(|path| ["--archive".to_owned(), path.to_string_lossy().into_owned()]);
        words.chain(archives).collect()
    };
    let n_rounds = bench.plan.n_rounds.min(3);
    let window = "--from 2024-01-01T00:20 --to 2024-01-01T02:59";
    let prefixes = format!("--prefix {} {window}", TARGET_PREFIXES.join(","));
    let asn = format!("--asn {TARGET} {window}");
    let mut jobs: Vec<(String, &str, Vec<PathBuf>, Vec<PathBuf>)> = Vec::new();
    for container in super::archives::CONTAINERS {
        let files = [vec![bench.archives.rib(container)], bench.archives.updates(container)].concat();
        for (what, question) in [("4 prefixes", &prefixes), ("one AS", &asn)] {
            let what = format!("{what}, RIB and 12 update files .{container}");
            jobs.push((what, question, vec![bench.archives.mirror(container)], files.clone()));
        }
        let updates = bench.archives.updates(container);
        jobs.push((format!("one AS, 12 update files .{container} without a RIB"), &asn, updates.clone(), updates));
    }
    let day = format!("--asn {TARGET} --from 2024-01-01T00:20 --to 2024-01-01T15:00 --ribs all");
    let what = "one AS, 3 RIBs sorted by length .gz".to_owned();
    jobs.push((what, &day, vec![bench.archives.mirror_by_length()], bench.archives.ribs_by_length()));
    let mut runs = Vec::new();
    for (what, question, archives, files) in jobs {
        eprintln!("whole program: {what}");
        let ours = [1, 2].map(|n| command(&format!("{question} --jobs {n}"), &archives));
        let commands = [limit(bench, &files)].into_iter().chain(ours).map(|command| (command, n_rounds));
        let series = rounds::rounds(&commands.collect::<Vec<_>>(), n_rounds)?;
        let [limit, one, two] = series.try_into().map_err(|_| "three contenders")?;
        let speedup = Some((2, one.wall_ratio(&two)));
        runs.push(Run { what: format!("{what}, 1 thread"), series: one, limit: Some(limit.clone()), speedup: None });
        runs.push(Run { what: format!("{what}, 2 threads"), series: two, limit: Some(limit), speedup });
    }
    let founding = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let founding = command("--asn 131279 --from 2014-12-22T12:00 --to 2014-12-23T20:00", &[founding]);
    for (what, command) in
        [("data/dprk-2014, 752 files", founding), ("--help", vec![program.to_owned(), "--help".to_owned()])]
    {
        let costs = (0..bench.plan.n_rounds).map(|_| rounds::measure(&command, None));
        let series = Series(costs.collect::<std::io::Result<_>>()?);
        runs.push(Run { what: what.to_owned(), series, limit: None, speedup: None });
    }
    Ok(runs)
}

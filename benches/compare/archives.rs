//! The synthetic archives: made once, kept in the user's cache, checked by their digests before each use.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::mrt;
use super::world::{Size, World};

/// A named size, and the digest of everything that the generator writes for it, before compression.
pub struct Edition {
    pub name: &'static str,
    pub size: Size,
    digest: &'static str,
}

/// As large as the archives of a busy collector: a dump of 1.6 GB, three hours of updates.
pub const FULL: Edition = Edition {
    name: "full",
    size: Size { n_v4: 860_000, n_v6: 30_000, n_peers: 34, n_update_files: 12, n_messages_per_file: 240_000 },
    digest: "da4c205f506470a215e627ad4004b36ec40043d42a66bf4b9934eee3c1d953a8",
};

/// An eighth of it.
pub const MEDIUM: Edition = Edition {
    name: "medium",
    size: Size { n_v4: 107_500, n_v6: 3_750, n_peers: 34, n_update_files: 12, n_messages_per_file: 30_000 },
    digest: "49e8823ff07ce0b0088ad526a5fa461064b96effd373fc7df42ab222bd458196",
};

/// For continuous integration: seconds, and figures that mean little.
pub const SMALL: Edition = Edition {
    name: "small",
    size: Size { n_v4: 3_000, n_v6: 300, n_peers: 34, n_update_files: 12, n_messages_per_file: 1_000 },
    digest: "a7743438776afef44342776e6048d573eb0991cd89ded0095ddc9d2c43a626d8",
};

/// The two containers in which archives are published.
pub const CONTAINERS: [&str; 2] = ["gz", "bz2"];

/// The archives of one edition.
pub struct Archives {
    folder: PathBuf,
    n_update_files: usize,
}

impl Archives {
    /// Those of the cache, made if need be.
    pub fn make(edition: &Edition) -> io::Result<Archives> {
        let folder = cache()?.join(edition.name);
        let archives = Archives { folder, n_update_files: edition.size.n_update_files };
        if !archives.is_whole(edition)? {
            eprintln!("making the {} archives in {}", edition.name, archives.folder.display());
            archives.write(edition)?;
        }
        Ok(archives)
    }

    /// A mirror that holds everything in one container.
    pub fn mirror(&self, container: &str) -> PathBuf {
        self.folder.join(container)
    }

    pub fn rib(&self, container: &str) -> PathBuf {
        self.mirror(container).join(name(None, container))
    }

    pub fn updates(&self, container: &str) -> Vec<PathBuf> {
        (0..self.n_update_files).map(|index| self.mirror(container).join(name(Some(index), container))).collect()
    }

    fn digests(&self) -> PathBuf {
        self.folder.join("SHA256SUMS")
    }

    /// Whether every file is there and as it was written, by this generator.
    fn is_whole(&self, edition: &Edition) -> io::Result<bool> {
        let Ok(list) = fs::read_to_string(self.digests()) else { return Ok(false) };
        let mut lines = list.lines();
        if lines.next() != Some(edition.digest) {
            return Ok(false);
        }
        for line in lines {
            let Some((digest, name)) = line.split_once("  ") else { return Ok(false) };
            let Ok(mut file) = File::open(self.folder.join(name)) else { return Ok(false) };
            let mut found = Digesting { digest: Sha256::new(), out: io::sink() };
            io::copy(&mut file, &mut found)?;
            if hexadecimal(found.digest) != digest {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&self, edition: &Edition) -> io::Result<()> {
        let world = World::new(edition.size);
        let contents = || std::iter::once(None).chain((0..self.n_update_files).map(Some));
        let jobs: Vec<(Option<usize>, &str)> =
            contents().flat_map(|content| CONTAINERS.map(|container| (content, container))).collect();
        let written: Vec<(String, String, String)> = jobs
            .into_par_iter()
            .map(|(content, container)| {
                let name = format!("{container}/{}", name(content, container));
                let (plain, stored) = write_file(&world, edition.size, content, container, &self.folder.join(&name))?;
                Ok((plain, stored, name))
            })
            .collect::<io::Result<_>>()?;
        // Both containers hold the same.
        let plain = written.iter().step_by(CONTAINERS.len()).map(|(plain, _, _)| plain.as_str());
        let digest = hexadecimal(plain.fold(Sha256::new(), |digest, plain| digest.chain_update(plain)));
        let lines = written.iter().map(|(_, stored, name)| format!("{stored}  {name}\n"));
        fs::write(self.digests(), format!("{digest}\n{}", lines.collect::<String>()))?;
        if digest != edition.digest {
            return Err(io::Error::other(format!(
                "the generator no longer writes what it did: the digest of the {} edition is {digest}",
                edition.name
            )));
        }
        Ok(())
    }
}

/// Where archives and peers are kept.
pub fn cache() -> io::Result<PathBuf> {
    match std::env::var_os("OUTAGE_REPLAY_COMPARE_CACHE") {
        Some(folder) => Ok(folder.into()),
        None => {
            let user = etcetera::choose_base_strategy().map_err(io::Error::other)?;
            Ok(user.cache_dir().join("outage-replay-compare"))
        }
    }
}

/// Where RouteViews would publish it.
fn name(updates: Option<usize>, container: &str) -> String {
    let folder = format!("{}/bgpdata/2024.01", if container == "gz" { "route-views3" } else { "route-views2" });
    match updates {
        None => format!("{folder}/RIBS/rib.20240101.0000.{container}"),
        Some(index) => {
            let minutes = index as u32 * mrt::STEP / 60;
            format!("{folder}/UPDATES/updates.20240101.{:02}{:02}.{container}", minutes / 60, minutes % 60)
        }
    }
}

/// Writes one file; the digests of its content and of its bytes.
fn write_file(
    world: &World,
    size: Size,
    updates: Option<usize>,
    container: &str,
    path: &Path,
) -> io::Result<(String, String)> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let file = Digesting { digest: Sha256::new(), out: BufWriter::with_capacity(1 << 20, File::create(path)?) };
    let write = |out: &mut dyn Write| {
        let mut out = BufWriter::with_capacity(1 << 20, Digesting { digest: Sha256::new(), out });
        match updates {
            None => mrt::write_rib(world, &mut out)?,
            Some(index) => mrt::write_updates(world, size, index, &mut out)?,
        }
        out.into_inner().map(|plain| hexadecimal(plain.digest)).map_err(|error| error.into_error())
    };
    let (plain, mut file) = if container == "gz" {
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        (write(&mut encoder)?, encoder.finish()?)
    } else {
        let mut encoder = bzip2::write::BzEncoder::new(file, bzip2::Compression::best());
        (write(&mut encoder)?, encoder.finish()?)
    };
    file.out.flush()?;
    Ok((plain, hexadecimal(file.digest)))
}

/// Passes on what is written and takes its digest.
struct Digesting<W> {
    digest: Sha256,
    out: W,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.digest.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

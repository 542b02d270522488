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
    digest: "15498828b0ae83c7b8b4dee3a3e389f77a28da3f0fa3a5a1affec9cc1a383b3d",
};

/// An eighth of it.
pub const MEDIUM: Edition = Edition {
    name: "medium",
    size: Size { n_v4: 107_500, n_v6: 3_750, n_peers: 34, n_update_files: 12, n_messages_per_file: 30_000 },
    digest: "fc2ce58b0a6b021a628259415f27ed53bb3c070399e1fe7de3a0997c3b6246d0",
};

/// For continuous integration: seconds, and figures that mean little.
pub const SMALL: Edition = Edition {
    name: "small",
    size: Size { n_v4: 3_000, n_v6: 300, n_peers: 34, n_update_files: 12, n_messages_per_file: 1_000 },
    digest: "e9e65c0c7a9924fe8947353377c8b3216c92c4be7d7730c315dfb2bb38142958",
};

/// The two containers in which archives are published.
pub const CONTAINERS: [&str; 2] = ["gz", "bz2"];

/// How many RIB dumps there are that list short prefixes first.
const N_BY_LENGTH: usize = 3;
/// Seconds between them.
const BY_LENGTH_STEP: u32 = 8 * 3600;

/// What is in a file.
#[derive(Clone, Copy)]
enum Content {
    Rib,
    Updates(usize),
    RibByLength(usize),
}

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
        self.mirror(container).join(name(Content::Rib, container))
    }

    /// A mirror of RIB dumps that list short prefixes first.
    pub fn mirror_by_length(&self) -> PathBuf {
        self.folder.join("by-length")
    }

    pub fn ribs_by_length(&self) -> Vec<PathBuf> {
        let name = |index| name(Content::RibByLength(index), "gz");
        (0..N_BY_LENGTH).map(|index| self.mirror_by_length().join(name(index))).collect()
    }

    pub fn updates(&self, container: &str) -> Vec<PathBuf> {
        (0..self.n_update_files)
            .map(|index| self.mirror(container).join(name(Content::Updates(index), container)))
            .collect()
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
        let contents = || std::iter::once(Content::Rib).chain((0..self.n_update_files).map(Content::Updates));
        let by_length = (0..N_BY_LENGTH).map(|index| ("by-length", Content::RibByLength(index), "gz"));
        let jobs: Vec<(&str, Content, &str)> = contents()
            .flat_map(|content| CONTAINERS.map(|container| (container, content, container)))
            .chain(by_length)
            .collect();
        let n_twice = contents().count() * CONTAINERS.len();
        let written: Vec<(String, String, String)> = jobs
            .into_par_iter()
            .map(|(folder, content, container)| {
                let name = format!("{folder}/{}", name(content, container));
                let (plain, stored) = write_file(&world, edition.size, content, container, &self.folder.join(&name))?;
                Ok((plain, stored, name))
            })
            .collect::<io::Result<_>>()?;
        // Both containers hold the same.
        let (twice, once) = written.split_at(n_twice);
        let plain = twice.iter().step_by(CONTAINERS.len()).chain(once).map(|(plain, _, _)| plain.as_str());
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

/// Where RouteViews would publish it or, if it is sorted by length, RIPE RIS.
fn name(content: Content, container: &str) -> String {
    let folder = format!("{}/bgpdata/2024.01", if container == "gz" { "route-views3" } else { "route-views2" });
    match content {
        Content::Rib => format!("{folder}/RIBS/rib.20240101.0000.{container}"),
        Content::RibByLength(index) => {
            format!("rrc00/2024.01/bview.20240101.{:02}00.{container}", index as u32 * BY_LENGTH_STEP / 3600)
        }
        Content::Updates(index) => {
            let minutes = index as u32 * mrt::STEP / 60;
            format!("{folder}/UPDATES/updates.20240101.{:02}{:02}.{container}", minutes / 60, minutes % 60)
        }
    }
}

/// Writes one file; the digests of its content and of its bytes.
fn write_file(
    world: &World,
    size: Size,
    content: Content,
    container: &str,
    path: &Path,
) -> io::Result<(String, String)> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let file = Digesting { digest: Sha256::new(), out: BufWriter::with_capacity(1 << 20, File::create(path)?) };
    let write = |out: &mut dyn Write| {
        let mut out = BufWriter::with_capacity(1 << 20, Digesting { digest: Sha256::new(), out });
        match content {
            Content::Rib => mrt::write_rib(world, &world.networks, mrt::BEGIN, &mut out)?,
            Content::RibByLength(index) => {
                mrt::write_rib(world, &world.by_length(), mrt::BEGIN + index as u32 * BY_LENGTH_STEP, &mut out)?;
            }
            Content::Updates(index) => mrt::write_updates(world, size, index, &mut out)?,
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

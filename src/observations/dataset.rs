//! The tables of runs as one partitioned data set, which Polars, DuckDB and Spark read as one table.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType, IdxCa, IdxSize, NewChunkedArray};
use serde::Deserialize;

use super::columns::{AT, COLLECTOR, FIRST_AT, STARTED_AT};
use super::manifest::{MANIFEST, ResultFile, read_manifest};
use super::read::read_frame;
use crate::error::Error;
use crate::tables::{in_frames, write_parquet};
use crate::time::Timestamp;

/// The columns whose day a row belongs to: a table has at most one of them.
const TIMES: [&str; 3] = [STARTED_AT, AT, FIRST_AT];
/// The value of a partition whose rows have none, as Hive and Spark write it.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
/// Digits of the digest of a run in the names of its files.
const N_DIGITS: usize = 16;

/// A table of a run in a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetTable {
    /// Its name, which is that of its folder.
    pub name: String,
    /// The number of its rows.
    pub rows: usize,
    /// The number of its files, one for each partition.
    pub files: usize,
}

#[derive(Deserialize)]
struct Listed {
    results: Vec<ResultFile>,
    note: Option<String>,
    manifest_sha256: String,
}

/// Adds the Parquet tables of a run to a data set: `TABLE/date=2014-12-22/collector=rrc00/RUN.parquet`, where RUN is the beginning of the
/// digest of its manifest. Tables without a time or a collector lack that level; a row without a value is in
/// `__HIVE_DEFAULT_PARTITION__`. The column `collector` is in the path and not in the file, and a column `run` is added.
///
/// Each file appears whole. The same run has the same files, so it can be added again after it was interrupted.
///
/// # Errors
///
/// If the run is damaged or has no Parquet tables, or a file cannot be written.
pub fn add_to_dataset(run: &Path, dataset: &Path) -> Result<Vec<DatasetTable>, Error> {
    let Listed { results, note, manifest_sha256 } = read_manifest(run)?;
    let id = manifest_sha256.get(..N_DIGITS).unwrap_or(&manifest_sha256);
    let tables = results.iter().filter_map(|file| Some((file, file.name.strip_suffix(".parquet")?)));
    let add = |(file, table): (&ResultFile, &str)| {
        let wrong = |why: String| Error::Run { path: run.join(&file.name), why };
        let frame = read_frame(&run.join(&file.name), &file.sha256).map_err(wrong)?;
        let partitions = partitions(&frame).map_err(|error| wrong(error.to_string()))?;
        for (place, rows) in &partitions {
            let path = dataset.join(table).join(place).join(format!("{id}.parquet"));
            let part = part(&frame, rows, id).map_err(|error| wrong(error.to_string()))?;
            write(&path, part, note.as_deref())?;
        }
        Ok(DatasetTable { name: table.to_owned(), rows: frame.height(), files: partitions.len() })
    };
    let added = tables.map(add).collect::<Result<Vec<DatasetTable>, Error>>()?;
    if added.is_empty() {
        let why = "it lists no Parquet table: the run was written without --export parquet".to_owned();
        return Err(Error::Run { path: run.join(MANIFEST), why });
    }
    Ok(added)
}

/// The rows of a frame by partition, which is the path of a folder: `date=2014-12-22/collector=rrc00`.
fn partitions(frame: &DataFrame) -> Result<BTreeMap<String, Vec<IdxSize>>, polars::error::PolarsError> {
    let column = |name: &str| frame.column(name).ok();
    let times = TIMES.into_iter().find_map(column).map(|times| times.cast(&DataType::Int64)).transpose()?;
    let times = times.as_ref().map(Column::i64).transpose()?;
    let collectors = column(COLLECTOR).map(Column::str).transpose()?;
    let mut partitions: BTreeMap<String, Vec<IdxSize>> = BTreeMap::new();
    for row in 0..frame.height() {
        let mut place: Vec<String> = Vec::new();
        place.extend(times.map(|times| format!("date={}", times.get(row).map_or(NO_VALUE.to_owned(), day))));
        place.extend(collectors.map(|of| format!("{COLLECTOR}={}", of.get(row).map_or(NO_VALUE.to_owned(), escaped))));
        partitions.entry(place.join("/")).or_default().push(row as IdxSize);
    }
    Ok(partitions)
}

/// The day of an instant in microseconds, in UTC.
fn day(micros: i64) -> String {
    Timestamp::from_micros(micros).to_datetime().format("%Y-%m-%d").to_string()
}

/// A value as Hive writes it into a path: other octets than those of usual names as `%20`.
fn escaped(value: &str) -> String {
    let octet = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(octet).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(octet).collect()
}

/// Some rows of a table, without the column that is in the path, and with the run.
fn part(frame: &DataFrame, rows: &[IdxSize], id: &str) -> Result<DataFrame, polars::error::PolarsError> {
    let mut part = frame.take(&IdxCa::from_slice("rows".into(), rows))?;
    if part.column(COLLECTOR).is_ok() {
        part.drop_in_place(COLLECTOR)?;
    }
    let run = Column::new("run".into(), vec![id; rows.len()]);
    part.with_column(run)?;
    Ok(part)
}

/// Writes a file that appears whole, also after a power cut.
fn write(path: &Path, part: DataFrame, note: Option<&str>) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed)?;
    // Readers of data sets pass over names that begin with a dot or an underscore.
    let new = tempfile::Builder::new().prefix("._").tempfile_in(folder).map_err(failed)?;
    let mut file = BufWriter::new(new);
    write_parquet("dataset", in_frames(part), note, &mut file)?;
    let new = file.into_inner().map_err(|error| failed(error.into_error()))?;
    new.as_file().sync_all().map_err(failed)?;
    new.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_paths_are_escaped_as_hive_does() {
        assert_eq!(escaped("route-views.sydney"), "route-views.sydney");
        assert_eq!(escaped("a/b =ü"), "a%2Fb%20%3D%C3%BC");
        assert_eq!(day(1_419_264_900_000_000), "2014-12-22");
    }
}

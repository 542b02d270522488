//! A Parquet file as columns of plain values.

use std::io::{self, Seek};
use std::path::Path;

use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Int64Chunked, ParquetReader, SerReader, StringChunked, TimeUnit,
    UInt64Chunked,
};
use rustc_hash::FxHashMap;

use crate::files::{digest_of, open_regular};
use crate::time::Timestamp;

/// Reads a Parquet file if its bytes have this SHA-256: the Parquet reader may panic or return wrong values for a damaged file.
pub(in super::super) fn read_frame(path: &Path, sha256: &str) -> Result<DataFrame, String> {
    let mut file = open_regular(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "file not found: it was removed after the run was written".to_owned(),
        _ => error.to_string(),
    })?;
    if digest_of(&mut file).map_err(|error| error.to_string())?.1 != sha256 {
        return Err("it was damaged or changed after it was written: its digest does not match".to_owned());
    }
    file.rewind().map_err(|error| error.to_string())?;
    let frame = ParquetReader::new(file).set_rechunk(true).finish();
    frame.map_err(|error| format!("not a complete Parquet file: {error}"))
}

/// The values of a table.
pub(super) struct Rows {
    pub(super) n: usize,
    columns: FxHashMap<&'static str, Values>,
}

enum Values {
    Text(StringChunked),
    Number(UInt64Chunked),
    Time(Int64Chunked),
    Flag(BooleanChunked),
}

impl Values {
    fn new(column: &Column) -> Option<Values> {
        match column.dtype() {
            DataType::String => column.str().ok().cloned().map(Values::Text),
            DataType::Boolean => column.bool().ok().cloned().map(Values::Flag),
            DataType::Datetime(TimeUnit::Microseconds, _) => {
                column.cast(&DataType::Int64).ok()?.i64().ok().cloned().map(Values::Time)
            }
            DataType::UInt32 | DataType::UInt64 => {
                column.cast(&DataType::UInt64).ok()?.u64().ok().cloned().map(Values::Number)
            }
            _ => None,
        }
    }
}

impl Rows {
    /// Returns the named columns of a frame.
    pub(super) fn new(frame: &DataFrame, columns: &[&'static str]) -> Result<Rows, String> {
        let mut rows = Rows { n: frame.height(), columns: FxHashMap::default() };
        for name in columns {
            let column = frame.column(name).map_err(|_| format!("it has no column '{name}'"))?;
            let values = Values::new(column)
                .ok_or_else(|| format!("its column '{name}' has the unexpected type {}", column.dtype()))?;
            rows.columns.insert(name, values);
        }
        Ok(rows)
    }

    pub(super) fn maybe_text(&self, name: &str, row: usize) -> Result<Option<&str>, String> {
        match self.columns.get(name) {
            Some(Values::Text(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' does not contain text")),
        }
    }

    pub(super) fn text(&self, name: &str, row: usize) -> Result<&str, String> {
        self.maybe_text(name, row)?.ok_or_else(|| format!("row {row} has no {name}"))
    }

    pub(super) fn maybe_number(&self, name: &str, row: usize) -> Result<Option<u64>, String> {
        match self.columns.get(name) {
            Some(Values::Number(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' does not contain numbers")),
        }
    }

    pub(super) fn number(&self, name: &str, row: usize) -> Result<u64, String> {
        self.maybe_number(name, row)?.ok_or_else(|| format!("row {row} has no {name}"))
    }

    pub(super) fn flag(&self, name: &str, row: usize) -> Result<Option<bool>, String> {
        match self.columns.get(name) {
            Some(Values::Flag(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' does not contain true and false")),
        }
    }

    pub(super) fn time(&self, name: &str, row: usize) -> Result<Timestamp, String> {
        let value = match self.columns.get(name) {
            Some(Values::Time(values)) => values.get(row),
            _ => return Err(format!("its column '{name}' does not contain timestamps")),
        };
        value.map(Timestamp::from_micros).ok_or_else(|| format!("row {row} has no {name}"))
    }

    /// Returns the value of the enumeration `known` whose name a row contains.
    pub(super) fn named<T: Copy>(
        &self,
        column: &str,
        row: usize,
        known: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, String> {
        let text = self.text(column, row)?;
        let found = known.iter().find(|known| name(**known) == text);
        found.copied().ok_or_else(|| format!("row {row} has the unknown {column} '{text}'"))
    }
}

//! Tables as polars frames, and as Parquet and CSV files.

use std::fmt::{Display, Write as _};
use std::io::Write;

use polars::prelude::*;
use polars_parquet::write::{KeyValue, schema_to_metadata_key};

use crate::error::Error;
use crate::time::Timestamp;

/// A long table as a sequence of frames with the same columns. It contains at least one frame, and each frame is made on
/// demand.
pub(crate) type Frames<'a> = Box<dyn Iterator<Item = Result<DataFrame, Error>> + 'a>;

/// The most rows of one frame, which becomes one row group of a Parquet file: about 20 MB of memory while it is written.
const MAX_ROWS: usize = 1 << 16;

/// Returns a list of rows as frames of at most [`MAX_ROWS`] rows.
pub(crate) fn frames<'a, R: 'a>(
    mut rows: impl Iterator<Item = R> + 'a,
    frame: impl Fn(&[R]) -> Result<DataFrame, Error> + 'a,
) -> Frames<'a> {
    let mut is_first = true;
    Box::new(std::iter::from_fn(move || {
        let part: Vec<R> = rows.by_ref().take(MAX_ROWS).collect();
        (std::mem::take(&mut is_first) || !part.is_empty()).then(|| frame(&part))
    }))
}

/// Returns a frame as frames of at most [`MAX_ROWS`] rows.
pub(crate) fn in_frames<'a>(frame: DataFrame) -> Frames<'a> {
    let starts = (0..frame.height().max(1)).step_by(MAX_ROWS);
    Box::new(starts.map(move |start| Ok(frame.slice(start as i64, MAX_ROWS))))
}

/// Returns a short table as one frame.
pub(crate) fn single<'a>(frame: impl FnOnce() -> Result<DataFrame, Error> + 'a) -> Frames<'a> {
    Box::new(std::iter::once_with(frame))
}

/// The columns of a list of rows: per column its kind, its name and its value in a row.
macro_rules! columns {
    ($rows:expr, $row:ident => { $($make:ident $name:expr => $value:expr),* $(,)? }) => {
        vec![$($make($name, $rows.iter().map(|$row| $value))),*]
    };
}
pub(crate) use columns;

/// Returns a column of instants in UTC, in microseconds.
pub(crate) fn times(name: &str, values: impl Iterator<Item = Option<Timestamp>>) -> Column {
    let micros: Vec<Option<i64>> = values.map(|at| at.map(Timestamp::micros)).collect();
    Series::new(name.into(), micros).into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column()
}

/// Returns a column of values as text, each as it is displayed.
pub(crate) fn texts<T: Display>(name: &str, values: impl ExactSizeIterator<Item = Option<T>>) -> Column {
    let mut column = StringChunkedBuilder::new(name.into(), values.len());
    let mut text = String::new();
    for value in values {
        text.clear();
        // Writing to a string never fails.
        let printed = value.map(|value| write!(text, "{value}"));
        column.append_option(printed.map(|_| text.as_str()));
    }
    column.finish().into_column()
}

/// Returns a column of values of a type that polars knows.
pub(crate) fn column<T, V>(name: &str, values: impl Iterator<Item = T>) -> Column
where
    V: ?Sized,
    Series: NamedFrom<Vec<T>, V>,
{
    Series::new(name.into(), values.collect::<Vec<T>>()).into_column()
}

/// Returns a column of lists of values as text, each as it is displayed.
pub(crate) fn text_lists<T: Display>(
    name: &str,
    values: impl ExactSizeIterator<Item = impl IntoIterator<Item = T>>,
) -> Column {
    let mut lists = ListStringChunkedBuilder::new(name.into(), values.len(), values.len());
    for value in values {
        let texts: Vec<String> = value.into_iter().map(|value| value.to_string()).collect();
        lists.append_values_iter(texts.iter().map(String::as_str));
    }
    lists.finish().into_column()
}

/// Returns a column of lists of numbers.
pub(crate) fn number_lists(name: &str, values: impl ExactSizeIterator<Item = impl IntoIterator<Item = u32>>) -> Column {
    let (n, dtype) = (values.len(), DataType::UInt32);
    let mut lists = ListPrimitiveChunkedBuilder::<UInt32Type>::new(name.into(), n, n, dtype);
    for value in values {
        lists.append_slice(&value.into_iter().collect::<Vec<u32>>());
    }
    lists.finish().into_column()
}

/// Returns a frame of columns of equal length. `table` names the table in an error.
///
/// # Errors
///
/// If polars rejects the columns.
pub(crate) fn frame(table: &'static str, columns: Vec<Column>) -> Result<DataFrame, Error> {
    DataFrame::new_infer_height(columns).map_err(|source| Error::Table { table, source })
}

/// Writes a table as CSV (RFC 4180) with times in RFC 3339 and the values of a list separated by spaces. `escape` makes a text
/// safe to open.
pub(crate) fn write_csv(
    table: &'static str,
    frame: DataFrame,
    escape: impl Fn(&str) -> String,
    file: impl Write,
) -> Result<(), Error> {
    let failed = |source| Error::Table { table, source };
    let columns = frame.columns().iter().map(|column| cells(column, &escape)).collect::<PolarsResult<_>>();
    let mut frame = self::frame(table, columns.map_err(failed)?)?;
    // With a few thousand rows, threads of polars would only compete with ours.
    CsvWriter::new(file)
        .n_threads(1)
        .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ".into()))
        .finish(&mut frame)
        .map_err(failed)
}

/// Returns a column as it is written as CSV.
fn cells(column: &Column, escape: impl Fn(&str) -> String) -> PolarsResult<Column> {
    let joined = |list: Series| list.iter().map(|value| value.str_value().into_owned()).collect::<Vec<_>>().join(" ");
    match column.dtype() {
        DataType::List(_) => {
            let list = column.list()?;
            let lists = (0..list.len()).map(|row| list.get_as_series(row).map(|values| escape(&joined(values))));
            Ok(texts(column.name(), lists))
        }
        DataType::String => {
            let values = column.str()?;
            Ok(texts(column.name(), (0..values.len()).map(|row| values.get(row).map(&escape))))
        }
        _ => Ok(column.clone()),
    }
}

/// Writes a table as Parquet, one row group per frame, and returns the number of its rows. The note of the archive is
/// stored in the metadata of the file, under the key `note`.
pub(crate) fn write_parquet(
    table: &'static str,
    mut frames: Frames,
    note: Option<&str>,
    file: impl Write,
) -> Result<usize, Error> {
    let failed = |source| Error::Table { table, source };
    let Some(first) = frames.next().transpose()? else { return Ok(0) };
    // Of the types for text, pandas reads lists of the oldest one only.
    let mut metadata = vec![schema_to_metadata_key(&first.schema().to_arrow(CompatLevel::oldest()))];
    metadata.extend(note.map(|note| KeyValue { key: "note".to_owned(), value: Some(note.to_owned()) }));
    let writer = ParquetWriter::new(file)
        .set_parallel(false)
        .with_compression(ParquetCompression::Zstd(None))
        .with_key_value_metadata(Some(KeyValueMetadata::Static(metadata)));
    let mut writer = writer.batched(first.schema()).map_err(failed)?;
    let mut n_rows = 0;
    for frame in std::iter::once(Ok(first)).chain(frames) {
        let frame = frame?;
        n_rows += frame.height();
        writer.write_batch(&frame).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(n_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_is_split_into_frames_and_an_empty_one_has_one_frame() {
        let heights = |n: usize| -> Vec<usize> {
            let of_rows = |rows: &[usize]| frame("numbers", columns!(rows, row => { column "number" => *row as u64 }));
            frames(0..n, of_rows).map(|frame| frame.unwrap().height()).collect()
        };
        assert_eq!(heights(0), [0]);
        assert_eq!(heights(MAX_ROWS), [MAX_ROWS]);
        assert_eq!(heights(MAX_ROWS + 1), [MAX_ROWS, 1]);
    }
}

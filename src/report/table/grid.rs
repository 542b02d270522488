//! Rows under headings, no wider than the page.

use super::super::text::{display_width, padded};

/// A column: its heading and its cells, one a row.
pub(super) struct GridColumn {
    heading: &'static str,
    right: bool,
    cells: Vec<String>,
}

impl GridColumn {
    /// Words, aligned to the left.
    pub(super) fn text(heading: &'static str, cells: impl Iterator<Item = String>) -> GridColumn {
        GridColumn { heading, right: false, cells: cells.collect() }
    }

    /// Numbers, aligned to the right.
    pub(super) fn number(heading: &'static str, cells: impl Iterator<Item = String>) -> GridColumn {
        GridColumn { heading, right: true, cells: cells.collect() }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(String::as_str).chain([self.heading]).map(display_width).max().unwrap_or(0)
    }
}

/// Blanks between two columns.
const GUTTER: usize = 2;

/// The widest name that shares a line with its row; a longer one, of IPv6, stands above it.
pub(super) const MAX_NAME: usize = 18;

/// Columns side by side, after the name of each row.
pub(super) struct Grid {
    names: Vec<String>,
    columns: Vec<GridColumn>,
}

impl Grid {
    /// The rows of `names`, each with its cell of every column.
    pub(super) fn new(names: Vec<String>, columns: Vec<GridColumn>) -> Grid {
        Grid { names, columns }
    }

    /// Returns the width in characters.
    pub(super) fn width(&self) -> usize {
        name_width(&self.names) + self.columns.iter().map(|column| GUTTER + column.width()).sum::<usize>()
    }

    /// The headings.
    pub(super) fn headings(&self) -> String {
        self.row("network", |column| column.heading)
    }

    /// The lines of one row.
    pub(super) fn lines(&self, row: usize) -> Vec<String> {
        let name = self.names.get(row).map(String::as_str).unwrap_or_default();
        let cell = |column| cell(column, row);
        if display_width(name) > name_width(&self.names) {
            vec![name.to_owned(), self.row("", cell)]
        } else {
            vec![self.row(name, cell)]
        }
    }

    fn row<'a>(&'a self, name: &str, cell: impl Fn(&'a GridColumn) -> &'a str) -> String {
        let mut line = padded(name, name_width(&self.names));
        for column in &self.columns {
            let (cell, width) = (cell(column), column.width());
            line.push_str(&" ".repeat(GUTTER));
            line.push_str(&if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") });
        }
        line
    }
}

fn cell(column: &GridColumn, row: usize) -> &str {
    column.cells.get(row).map(String::as_str).unwrap_or_default()
}

/// The width of a column of names.
pub(super) fn name_width(names: &[String]) -> usize {
    let fitting = names.iter().map(|name| display_width(name)).filter(|width| *width <= MAX_NAME);
    fitting.chain(["network".len()]).max().unwrap_or(MAX_NAME)
}

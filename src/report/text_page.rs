//! A page of text for a person at a terminal, no line wider than the page.

use super::text::wrap;

/// How a page of text is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// Columns of the page. Paragraphs keep to any width from 40 on, rows to 80 and more.
    pub width: usize,
    /// Whether long lists are shown in full, not only their first twenty rows.
    pub all: bool,
    /// Lines of the terminal on which the page is read, if it is read on one. Without `all` the page then shows what fits on
    /// it; with `all` a longer page ends with its answer.
    pub height: Option<usize>,
}

impl Default for Style {
    fn default() -> Style {
        Style { colour: false, width: 80, all: false, height: None }
    }
}

/// Rows shown of a long list.
const MAX_ROWS: usize = 20;
/// Narrower pages are laid out at this width.
const MIN_WIDTH: usize = 40;
/// A page about a subject, while it is written.
pub(super) struct TextPage<'a, S> {
    out: String,
    pub(super) subject: &'a S,
    pub(super) style: Style,
}

impl<'a, S> TextPage<'a, S> {
    /// An empty page.
    pub(super) fn new(subject: &'a S, style: Style) -> TextPage<'a, S> {
        TextPage { out: String::new(), subject, style: Style { width: style.width.max(MIN_WIDTH), ..style } }
    }

    /// Returns the lines written so far.
    pub(super) fn n_lines(&self) -> usize {
        self.out.lines().count()
    }

    /// Returns the text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Returns text in a colour or weight; without a code as it is.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        match self.style.colour && !code.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn paragraph(&mut self, text: &str, indent: usize) {
        self.painted_paragraph("", text, indent);
    }

    pub(super) fn painted_paragraph(&mut self, code: &str, text: &str, indent: usize) {
        for line in wrap(text, self.style.width, indent) {
            let line = self.paint(code, &line);
            self.line(&line);
        }
    }

    pub(super) fn heading(&mut self, text: &str) {
        let text = self.paint("1", text);
        self.line("");
        self.line(&text);
    }

    /// Writes what the archive says about itself.
    pub(super) fn note(&mut self, note: Option<&str>) {
        if let Some(note) = note {
            self.painted_paragraph("33", &format!("Note: {note}"), 6);
            self.line("");
        }
    }

    /// Writes the first sentence of what the archive says about itself.
    pub(super) fn short_note(&mut self, note: Option<&str>) {
        let Some(note) = note else { return };
        let first = note.split_inclusive(". ").next().unwrap_or(note).trim_end();
        let more = if first.len() < note.len() { " More: --all" } else { "" };
        self.painted_paragraph("33", &format!("Note: {first}{more}"), 6);
        self.line("");
    }

    /// Rows shown of a list.
    pub(super) fn limit(&self) -> usize {
        if self.style.all { usize::MAX } else { MAX_ROWS }
    }
}

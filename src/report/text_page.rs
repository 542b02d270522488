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
}

impl Default for Style {
    fn default() -> Style {
        Style { colour: false, width: 80, all: false }
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

    /// Rows shown of a list.
    pub(super) fn limit(&self) -> usize {
        if self.style.all { usize::MAX } else { MAX_ROWS }
    }
}

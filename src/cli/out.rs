//! What is printed: JSON, one object a line, or text for a person. Texts and names come from other people, so nothing in them
//! may steer the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::failure::Failure;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Out {
    is_json: bool,
}

impl Out {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Whether scripts read it.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// One object for scripts.
    pub(crate) fn object(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.write(&json_line(value)?)
    }

    /// One object for scripts, or else a text for a person.
    pub(crate) fn answer(&mut self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.is_json { self.object(value) } else { self.text(&text()) }
    }

    /// Lines for a person. What came from others must be escaped already.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text.trim_end_matches('\n'))
    }

    /// Rows for a person, in columns.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) -> Result<(), Failure> {
        self.text(&align(rows))
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
        Ok(())
    }
}

/// A remark for the person beside the output.
pub(crate) fn remark(text: &str) {
    eprintln!("tidings: {}", escape_line(text));
}

/// Whether a person sits before this process and can answer.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// One line of JSON. Control characters that JSON lets through are escaped too.
pub fn json_line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(value)?;
    if !text.chars().any(is_hostile) {
        return Ok(text);
    }
    // They can only stand inside strings, where an escape says the same.
    let escaped = text.chars().map(|c| if is_hostile(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() });
    Ok(escaped.collect())
}

/// A text of another person for one line of a terminal: control characters and what turns the writing direction are shown, not
/// obeyed.
pub fn escape_line(text: &str) -> String {
    if !text.chars().any(is_hostile) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if is_hostile(c) => escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The same for a text of several lines: those after the first are indented, so that none can pass for a line of another message.
pub fn escape_lines(text: &str, indent: usize) -> String {
    let lines: Vec<String> = text.lines().map(escape_line).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows in columns, two spaces between them.
pub fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `one thing`, `many things`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// Bytes as people read them.
pub(crate) fn bytes(bytes: u64) -> String {
    let steps = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match steps.into_iter().find(|(step, _)| bytes >= *step) {
        Some((step, unit)) => format!("{}.{} {unit}", bytes / step, bytes % step * 10 / step),
        None => format!("{bytes} bytes"),
    }
}

/// The start of an id, enough to name it.
pub(crate) fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(SHORT_ID).collect()
}

/// Digits of an id that people type and read.
const SHORT_ID: usize = 8;

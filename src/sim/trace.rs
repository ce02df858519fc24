//! What happened, one line for each event, and one hash over all lines.

use std::fmt::{self, Write as _};

/// A trace. Lines are kept only when somebody wants to read them; the hash is always there.
pub struct Trace {
    hash: blake3::Hasher,
    line: String,
    lines: Option<Vec<String>>,
    count: u64,
}

/// Lines kept; a trace that is longer keeps its end.
const LINES_MAX: usize = 200_000;

impl Trace {
    /// An empty one.
    pub fn new(is_kept: bool) -> Self {
        Self { hash: blake3::Hasher::new(), line: String::new(), lines: is_kept.then(Vec::new), count: 0 }
    }

    /// One more line.
    pub(super) fn add(&mut self, line: fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a string does not fail.
        let _ = self.line.write_fmt(line);
        self.hash.update(self.line.as_bytes());
        self.hash.update(b"\n");
        self.count += 1;
        if let Some(lines) = &mut self.lines {
            if lines.len() == LINES_MAX {
                lines.drain(..LINES_MAX / 2);
            }
            lines.push(self.line.clone());
        }
    }

    /// The hash of all lines so far.
    pub fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }

    /// How many lines there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The lines that were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

//! Which parts of a file are sent, and what stands in place of the others.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::MediaError;
use super::input::Fault;
use crate::types::limits::MEDIA_PIECES_MAX;

/// What is sent of a file: parts of it, and bytes in place of others. The pixels and sounds in it are those of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaning {
    pieces: Vec<Piece>,
    bytes: u64,
    is_whole: bool,
}

/// One after the other they are what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Kept(Range<u64>),
    Made(Vec<u8>),
    Zeros(u64),
}

impl Cleaning {
    /// All of a file of this length.
    pub(super) fn whole(length: u64) -> Self {
        Self { pieces: vec![Piece::Kept(0..length)], bytes: length, is_whole: true }
    }

    /// How many bytes are sent.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing of the file had to be touched: it is sent as it is.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Writes what is sent, with a buffer of bounded size.
    ///
    /// # Errors
    ///
    /// [`MediaError::Changed`] when the file is shorter than it was.
    pub fn copy<F: Read + Seek>(&self, file: &mut F, out: &mut impl Write) -> Result<(), MediaError> {
        for piece in &self.pieces {
            let (wanted, copied) = match piece {
                Piece::Kept(range) => {
                    file.seek(SeekFrom::Start(range.start))?;
                    let wanted = range.end - range.start;
                    (wanted, io::copy(&mut Read::by_ref(file).take(wanted), out)?)
                }
                Piece::Made(bytes) => (bytes.len() as u64, io::copy(&mut &bytes[..], out)?),
                Piece::Zeros(count) => (*count, io::copy(&mut io::repeat(0).take(*count), out)?),
            };
            if wanted != copied {
                return Err(MediaError::Changed);
            }
        }
        Ok(())
    }
}

/// A cleaning in the making, from the beginning of the file to its end.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pieces: Vec<Piece>,
}

impl Draft {
    /// This part is sent.
    pub(super) fn keep(&mut self, range: Range<u64>) -> Result<(), Fault> {
        if range.is_empty() {
            return Ok(());
        }
        match self.pieces.last_mut() {
            Some(Piece::Kept(last)) if last.end == range.start => last.end = range.end,
            _ => self.push(Piece::Kept(range))?,
        }
        Ok(())
    }

    /// These bytes are sent.
    pub(super) fn make(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        if bytes.is_empty() { Ok(()) } else { self.push(Piece::Made(bytes)) }
    }

    /// As many zeros are sent.
    fn zeros(&mut self, count: u64) -> Result<(), Fault> {
        if count == 0 { Ok(()) } else { self.push(Piece::Zeros(count)) }
    }

    fn push(&mut self, piece: Piece) -> Result<(), Fault> {
        if self.pieces.len() >= MEDIA_PIECES_MAX {
            return Err(Fault::Unsure("it has too many parts"));
        }
        self.pieces.push(piece);
        Ok(())
    }

    /// The cleaning of a file of this length.
    pub(super) fn done(self, length: u64) -> Cleaning {
        if self.pieces == [Piece::Kept(0..length)] || length == 0 {
            return Cleaning::whole(length);
        }
        let bytes = self.pieces.iter().map(|piece| match piece {
            Piece::Kept(range) => range.end - range.start,
            Piece::Made(bytes) => bytes.len() as u64,
            Piece::Zeros(count) => *count,
        });
        let bytes = bytes.sum();
        Cleaning { pieces: self.pieces, bytes, is_whole: false }
    }
}

/// Bytes that stand in place of others, so that nothing behind them moves.
#[derive(Debug)]
pub(super) struct Patch {
    range: Range<u64>,
    /// What the range begins with; the rest is zeros.
    head: Vec<u8>,
}

/// Patches of a file.
#[derive(Debug, Default)]
pub(super) struct Patches {
    patches: Vec<Patch>,
}

impl Patches {
    /// Zeros.
    pub(super) fn zero(&mut self, range: Range<u64>) -> Result<(), Fault> {
        if let Some(last) = self.patches.last_mut().filter(|last| last.range.end == range.start && !range.is_empty()) {
            last.range.end = range.end;
            return Ok(());
        }
        self.put(range, Vec::new())
    }

    /// These bytes, which fit, and then zeros.
    pub(super) fn put(&mut self, range: Range<u64>, head: Vec<u8>) -> Result<(), Fault> {
        if head.len() as u64 > range.end.saturating_sub(range.start) {
            return Err(Fault::Unsure("a part is too small"));
        }
        if self.patches.len() >= MEDIA_PIECES_MAX {
            return Err(Fault::Unsure("it has too many parts"));
        }
        if !range.is_empty() {
            self.patches.push(Patch { range, head });
        }
        Ok(())
    }

    /// The file up to `end` with its patches; of two in one place, the one that reaches back furthest counts.
    pub(super) fn done(mut self, end: u64, length: u64) -> Result<Cleaning, Fault> {
        self.patches.sort_by_key(|patch| (patch.range.start, std::cmp::Reverse(patch.range.end)));
        let (mut draft, mut at) = (Draft::default(), 0);
        for patch in self.patches {
            let (from, to) = (patch.range.start, patch.range.end.min(end));
            if to <= at {
                continue;
            }
            if from < at {
                draft.zeros(to - at)?;
            } else {
                draft.keep(at..from)?;
                let head = patch.head.len() as u64;
                if from + head > to {
                    return Err(Fault::Unsure("a part is cut off"));
                }
                draft.make(patch.head)?;
                draft.zeros(to - from - head)?;
            }
            at = to;
        }
        draft.keep(at..end)?;
        Ok(draft.done(length))
    }
}

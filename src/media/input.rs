//! A window on a file.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes looked at together.
const WINDOW_BYTES: usize = 64 * 1024;

/// A file, of which a window is in memory.
pub(super) struct Input<'a, F> {
    file: &'a mut F,
    length: u64,
    /// Where the window begins.
    from: u64,
    window: Vec<u8>,
}

/// Why a walk through a file ended before its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file cannot be read.
    Io(io::Error),
    /// Something is not as the format has it: it cannot be said what is metadata.
    Unsure(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<'a, F: Read + Seek> Input<'a, F> {
    pub(super) fn new(file: &'a mut F) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, length, from: 0, window: Vec::new() })
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The file itself, at its beginning.
    pub(super) fn rewound(&mut self) -> io::Result<&mut F> {
        self.file.rewind()?;
        Ok(self.file)
    }

    /// What is there from this place on, at least one byte unless the file ends.
    pub(super) fn at(&mut self, place: u64) -> io::Result<&[u8]> {
        let in_window = place.checked_sub(self.from).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < self.window.len());
        if let Some(at) = in_window {
            return Ok(&self.window[at..]);
        }
        self.load(place)?;
        Ok(&self.window)
    }

    /// As many bytes from this place on; none when the file ends before.
    pub(super) fn array<const N: usize>(&mut self, place: u64) -> io::Result<Option<[u8; N]>> {
        if let Some(bytes) = self.at(place)?.first_chunk::<N>() {
            return Ok(Some(*bytes));
        }
        self.load(place)?;
        Ok(self.window.first_chunk::<N>().copied())
    }

    /// The bytes from this place on, at most as many; fewer where the file ends. The caller bounds the length.
    pub(super) fn bytes(&mut self, place: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let here = self.at(place.saturating_add(bytes.len() as u64))?;
            if here.is_empty() {
                break;
            }
            let taken = here.len().min(length - bytes.len());
            bytes.extend_from_slice(&here[..taken]);
        }
        Ok(bytes)
    }

    fn load(&mut self, place: u64) -> io::Result<()> {
        self.window.clear();
        self.from = place;
        if place < self.length {
            self.file.seek(SeekFrom::Start(place))?;
            Read::by_ref(self.file).take(WINDOW_BYTES as u64).read_to_end(&mut self.window)?;
        }
        Ok(())
    }
}

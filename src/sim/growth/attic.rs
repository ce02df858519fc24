//! Where bytes lie that are not in use: in memory, or in a file when a town is too large for that. The file has no name, so that it is gone
//! when the process is.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes that were put away.
pub(super) enum Kept {
    /// In memory.
    Here(Box<[u8]>),
    /// In the file: where, in units, and how many bytes.
    There {
        /// Counts [`UNIT`]s.
        at: u32,
        /// Bytes.
        length: u32,
    },
}

impl Default for Kept {
    fn default() -> Self {
        Self::Here(Box::default())
    }
}

impl Kept {
    /// How many bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::There { length, .. } => *length as usize,
        }
    }
}

/// Keeps bytes.
#[derive(Default)]
pub(super) struct Attic {
    file: Option<File>,
    /// Free places by their size in units.
    free: BTreeMap<u32, Vec<u32>>,
    end: u32,
}

/// Places in the file begin at multiples of it, so that it may have 256 GiB.
const UNIT: u64 = 64;

impl Attic {
    /// With a file in this directory.
    pub(super) fn in_directory(directory: &Path, shard: usize) -> io::Result<Self> {
        let path = directory.join(format!("tidings-growth-{}-{shard}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Self { file: Some(file), ..Self::default() })
    }

    /// Whether it has a file.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Puts bytes away.
    ///
    /// # Panics
    /// When the disk is full or broken: the town cannot go on without its rows.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Kept {
        let Some(file) = &self.file else { return Kept::Here(bytes.into()) };
        let units = units(bytes.len());
        let at = self.free.get_mut(&units).and_then(Vec::pop).unwrap_or_else(|| {
            let at = self.end;
            self.end = at.checked_add(units).unwrap_or_else(|| panic!("the file of the town is full"));
            at
        });
        if let Err(error) = file.write_all_at(bytes, u64::from(at) * UNIT) {
            panic!("cannot write to the file of the town: {error}");
        }
        Kept::There { at, length: bytes.len() as u32 }
    }

    /// The bytes.
    ///
    /// # Panics
    /// When the disk is broken.
    pub(super) fn read(&self, kept: &Kept, into: &mut Vec<u8>) {
        into.clear();
        match (kept, &self.file) {
            (Kept::Here(bytes), _) => into.extend_from_slice(bytes),
            (Kept::There { at, length }, Some(file)) => {
                into.resize(*length as usize, 0);
                if let Err(error) = file.read_exact_at(into, u64::from(*at) * UNIT) {
                    panic!("cannot read from the file of the town: {error}");
                }
            }
            (Kept::There { .. }, None) => unreachable!("it was put into a file"),
        }
    }

    /// They are not needed any more.
    pub(super) fn forget(&mut self, kept: Kept) {
        if let Kept::There { at, length } = kept {
            self.free.entry(units(length as usize)).or_default().push(at);
        }
    }
}

/// How large a place for so many bytes is: an eighth more than needed at most, so that places are used again.
fn units(bytes: usize) -> u32 {
    let units = (bytes as u64).div_ceil(UNIT).max(1);
    let step = (units / 8).max(1).next_power_of_two();
    units.next_multiple_of(step) as u32
}

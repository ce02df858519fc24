//! The archive file: all rows, sealed, checked and versioned, written and read as a stream.
//!
//! `magic (16) | version (1) | lock (1) | length (2) | lock bytes`, then chunks of `length (4) | sealed chunk`. Each chunk is
//! sealed under the archive's own key with its number as nonce, bound to the head of the file and to whether it is the last one
//! (the STREAM construction, Hoang et al., 2015): a file that was cut, extended, reordered or altered does not open.
//! Inside: a [`Manifest`], then rows of `table (1) | key length (2) | key | value length (4) | value`, then `0 | rows (8)`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bincode::{Decode, Encode};
use zeroize::Zeroizing;

use super::{StoreError, file};
use crate::crypto::label::{Label, derive};
use crate::crypto::{aead, rest};
use crate::types::{Millis, Table};
use crate::wire::row;

/// Why an archive cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Other bytes.
    #[error("this is not a tidings archive: choose the file that `tidings export` wrote")]
    NotAnArchive,
    /// Of a later release.
    #[error("this archive was written by a newer tidings: import it with that release; nothing was changed")]
    Newer,
    /// Does not open.
    #[error("that is not the passphrase of this archive: try again; nothing was changed")]
    Passphrase,
    /// It ends too early, or its bytes are not what was written.
    #[error("this archive is damaged or incomplete, and nothing of it was used: take another copy of it")]
    Damaged,
}

/// What opens an archive.
#[derive(Clone, Copy)]
pub(super) enum Secret<'a> {
    /// A person's archive.
    Passphrase(&'a str),
    /// A directory's own snapshot.
    Root(&'a [u8; 32]),
}

/// Table, key and value of a row.
pub(super) type Entry = (Table, Vec<u8>, Vec<u8>);

/// What an archive says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Manifest {
    /// Schema of the rows.
    pub(super) schema: u32,
    /// How far the database was.
    pub(super) generation: u64,
    /// When it was written.
    pub(super) made_at: Millis,
    /// Entropy of the account, seeds of device and transport; none in a directory's own snapshot.
    pub(super) identity: Option<Identity>,
}

/// Whose rows they are.
#[derive(Clone, PartialEq, Eq, Encode, Decode, zeroize::ZeroizeOnDrop)]
pub(super) struct Identity {
    /// Entropy of the recovery phrase.
    pub(super) entropy: [u8; 32],
    /// Seed of the device key.
    pub(super) device: [u8; 32],
    /// Seed of the transport key.
    pub(super) transport: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Writes an archive under a temporary name.
pub(super) struct Writer {
    path: PathBuf,
    fresh: PathBuf,
    file: BufWriter<File>,
    key: Zeroizing<[u8; 32]>,
    head: [u8; 32],
    number: u64,
    chunk: Vec<u8>,
    rows: u64,
}

impl Writer {
    /// Begins the archive that will lie at `path`.
    pub(super) fn create(path: &Path, secret: Secret<'_>, random: &mut crate::types::Rng, manifest: &Manifest) -> Result<Self, StoreError> {
        let (key, lock, bytes) = match secret {
            Secret::Passphrase(passphrase) => {
                let key = Zeroizing::new(random.bytes::<32>());
                let wrapped = rest::wrap(&key, passphrase, random.bytes(), random.bytes());
                (key, UNDER_PASSPHRASE, wrapped)
            }
            Secret::Root(root) => {
                let salt = random.bytes::<32>();
                (Zeroizing::new(derive(Label::Archive, &[root, &salt])), UNDER_ROOT, salt.to_vec())
            }
        };
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        let head = [MAGIC, &[VERSION, lock], &length, &bytes].concat();
        let fresh = file::fresh_name(path);
        let file = BufWriter::new(file::create(&fresh)?);
        let hash = *blake3::hash(&head).as_bytes();
        let mut writer = Self { path: path.to_path_buf(), fresh, file, key, head: hash, number: 0, chunk: Vec::new(), rows: 0 };
        writer.write(&head)?;
        let manifest = Zeroizing::new(row::encode(manifest));
        let length = u32::try_from(manifest.len()).unwrap_or(u32::MAX).to_be_bytes();
        writer.add(&[&length, &manifest])?;
        Ok(writer)
    }

    /// Adds a row.
    pub(super) fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let key_length = u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes();
        let value_length = u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.rows += 1;
        self.add(&[&[table as u8], &key_length, key, &value_length, value])
    }

    /// Ends the archive, makes it durable under its final name, and tells how many rows and bytes it has. `check` looks at the
    /// finished file first.
    pub(super) fn finish(mut self, check: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<(u64, u64), StoreError> {
        let rows = self.rows;
        self.add(&[&[0], &rows.to_be_bytes()])?;
        self.seal_chunk(true)?;
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|source| StoreError::io("write", &self.fresh, source))?;
        check(&self.fresh)?;
        let bytes = self.fresh.metadata().map_or(0, |meta| meta.len());
        file::settle(&self.fresh, &self.path)?;
        Ok((rows, bytes))
    }

    fn add(&mut self, parts: &[&[u8]]) -> Result<(), StoreError> {
        for part in parts {
            self.chunk.extend_from_slice(part);
        }
        while self.chunk.len() > CHUNK_BYTES {
            self.seal_chunk(false)?;
        }
        Ok(())
    }

    fn seal_chunk(&mut self, is_last: bool) -> Result<(), StoreError> {
        let take = self.chunk.len().min(CHUNK_BYTES);
        let sealed = aead::seal(&self.key, &nonce(self.number), &bound(&self.head, is_last), &self.chunk[..take]);
        self.chunk.drain(..take);
        self.number += 1;
        let mark = u32::try_from(sealed.len()).unwrap_or(0) | if is_last { LAST } else { 0 };
        self.write(&mark.to_be_bytes())?;
        self.write(&sealed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|source| StoreError::io("write", &self.fresh, source))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After `finish` the name is gone already.
        let _ = std::fs::remove_file(&self.fresh);
    }
}

/// Reads an archive; what it hands out was checked chunk by chunk, so only a run to the end shows that it is whole.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    key: Zeroizing<[u8; 32]>,
    head: [u8; 32],
    number: u64,
    plain: Vec<u8>,
    used: usize,
    is_last: bool,
    manifest: Manifest,
    rows: u64,
}

impl Reader {
    /// Opens an archive and reads its manifest.
    pub(super) fn open(path: &Path, secret: Secret<'_>) -> Result<Self, StoreError> {
        let opened = File::open(path).map_err(|source| StoreError::io("read", path, source))?;
        let bad = |source| StoreError::Archive { path: path.to_path_buf(), source };
        let mut file = BufReader::new(opened);
        let mut head = vec![0; MAGIC.len() + 4];
        file.read_exact(&mut head).map_err(|_| bad(ArchiveError::NotAnArchive))?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let [version, lock, high, low] = *rest else { return Err(bad(ArchiveError::NotAnArchive)) };
        if magic != MAGIC {
            return Err(bad(ArchiveError::NotAnArchive));
        }
        if version != VERSION {
            return Err(bad(ArchiveError::Newer));
        }
        let mut bytes = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        file.read_exact(&mut bytes).map_err(|_| bad(ArchiveError::Damaged))?;
        let key = match (secret, lock) {
            (Secret::Passphrase(passphrase), UNDER_PASSPHRASE) => {
                rest::unwrap(&bytes, passphrase).map_err(|_| bad(ArchiveError::Passphrase))?
            }
            (Secret::Root(root), UNDER_ROOT) => Zeroizing::new(derive(Label::Archive, &[root, &bytes])),
            _ => return Err(bad(ArchiveError::NotAnArchive)),
        };
        let hash = *blake3::hash(&[&head[..], &bytes].concat()).as_bytes();
        let manifest = Manifest { schema: 0, generation: 0, made_at: 0, identity: None };
        let mut reader = Self {
            path: path.to_path_buf(),
            file,
            key,
            head: hash,
            number: 0,
            plain: Vec::new(),
            used: 0,
            is_last: false,
            manifest,
            rows: 0,
        };
        let length = u32::from_be_bytes(reader.array()?) as usize;
        let manifest = Zeroizing::new(reader.take(length)?);
        reader.manifest = row::decode(&manifest).map_err(|_| bad(ArchiveError::Newer))?;
        Ok(reader)
    }

    /// What it says about itself.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The next row; `None` at the end of a whole archive.
    pub(super) fn row(&mut self) -> Result<Option<Entry>, StoreError> {
        let [number] = self.array()?;
        if number == 0 {
            let rows = u64::from_be_bytes(self.array()?);
            let is_whole = rows == self.rows && self.is_last && self.used == self.plain.len() && self.is_at_end();
            return if is_whole { Ok(None) } else { Err(self.damaged()) };
        }
        let table = Table::from_number(number).ok_or_else(|| self.bad(ArchiveError::Newer))?;
        let key_length = usize::from(u16::from_be_bytes(self.array()?));
        let key = self.take(key_length)?;
        let value_length = u32::from_be_bytes(self.array()?) as usize;
        let value = self.take(value_length)?;
        self.rows += 1;
        Ok(Some((table, key, value)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.damaged())
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        while self.plain.len() - self.used < length {
            self.open_chunk()?;
        }
        let bytes = self.plain[self.used..self.used + length].to_vec();
        self.used += length;
        Ok(bytes)
    }

    fn open_chunk(&mut self) -> Result<(), StoreError> {
        if self.is_last {
            return Err(self.damaged());
        }
        let mut mark = [0; 4];
        self.file.read_exact(&mut mark).map_err(|_| self.damaged())?;
        let mark = u32::from_be_bytes(mark);
        let length = (mark & !LAST) as usize;
        if length > CHUNK_BYTES + TAG_BYTES {
            return Err(self.damaged());
        }
        let mut sealed = vec![0; length];
        self.file.read_exact(&mut sealed).map_err(|_| self.damaged())?;
        self.is_last = mark & LAST != 0;
        let chunk = aead::open(&self.key, &nonce(self.number), &bound(&self.head, self.is_last), &sealed).map_err(|_| self.damaged())?;
        self.number += 1;
        self.plain.drain(..self.used);
        self.used = 0;
        self.plain.extend_from_slice(&chunk);
        Ok(())
    }

    fn is_at_end(&mut self) -> bool {
        matches!(self.file.read(&mut [0]), Ok(0))
    }

    fn damaged(&self) -> StoreError {
        self.bad(ArchiveError::Damaged)
    }

    fn bad(&self, source: ArchiveError) -> StoreError {
        StoreError::Archive { path: self.path.clone(), source }
    }
}

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

fn bound(head: &[u8; 32], is_last: bool) -> Vec<u8> {
    [&head[..], &[u8::from(is_last)]].concat()
}

const MAGIC: &[u8] = b"tidings archive\n";
const VERSION: u8 = 1;
const UNDER_PASSPHRASE: u8 = 1;
const UNDER_ROOT: u8 = 2;
const LAST: u32 = 1 << 31;
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

//! The bodies of media: one file for each blob, its pieces one after the other, sealed as they travel. Whether a piece is here is said by the rows
//! alone (`Table::Blob`): a piece is written and synced before its row.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Store, StoreError};
use crate::crypto::aead;
use crate::types::limits::{BLOB_BYTES_MAX, CHUNK_BYTES, LISTING_DIGESTS_MAX, PAGE_DIGESTS};
use crate::types::{Batch, BlobId, Scan, Table, View as _};
use crate::wire::blob::{Bits, Digest, Listing, Manifest, Stored, Use, bits_key, fetch_key};
use crate::wire::row;

/// The directory of bodies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: PathBuf,
    /// Held while a file is removed, or one is opened that pieces come for.
    turns: Arc<Mutex<()>>,
}

/// What became of a piece that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Written; durable after `sync`.
    Written,
    /// It is not the piece that the listing names: whoever sent it lies.
    Wrong,
}

impl Blobs {
    /// The bodies in a data directory; makes room for them, and removes what an upload that broke off left.
    pub fn open(data: &Path) -> io::Result<Self> {
        let dir = data.join("blobs");
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "new") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { dir, turns: Arc::default() })
    }

    fn path(&self, blob: &BlobId) -> PathBuf {
        self.dir.join(blob.to_string())
    }

    /// Seals what is written into it under a fresh key.
    pub fn create(&self) -> io::Result<Sealer> {
        let (mut key, mut name) = ([0; 32], [0; 8]);
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let path = self.dir.join(format!("{}.new", data_encoding::HEXLOWER.encode(&name)));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Sealer {
            dir: self.dir.clone(),
            path,
            file,
            key,
            buffer: Vec::with_capacity(CHUNK_BYTES as usize),
            size: 0,
            digests: Vec::new(),
        })
    }

    /// Reads the plain bytes of a blob whose pieces are here.
    pub fn reader(&self, manifest: &Manifest) -> io::Result<Opener> {
        let file = File::open(self.path(&manifest.listing.id()))?;
        Ok(Opener { file, manifest: manifest.clone(), at: 0, chunk: None })
    }

    /// A blob whose pieces are here, at least some.
    pub fn source(&self, blob: &BlobId, listing: Listing) -> io::Result<Source> {
        Ok(Source { file: File::open(self.path(blob))?, listing })
    }

    /// A blob that pieces come for; `None` when `listing`, which is asked while nothing is removed, gives none.
    pub fn sink(&self, blob: &BlobId, listing: impl FnOnce() -> Option<Listing>) -> io::Result<Option<Sink>> {
        let _turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listing) = listing() else { return Ok(None) };
        let path = self.path(blob);
        let is_new = !path.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        if is_new {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(Some(Sink { path, file, listing, page: None }))
    }

    /// Forgets a blob, unless somebody wants it again: that is asked while no sink is opened.
    pub fn remove_unless(&self, blob: &BlobId, is_wanted: impl FnOnce() -> bool) -> io::Result<()> {
        let _turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if is_wanted() { Ok(()) } else { self.remove(blob) }
    }

    /// Forgets a blob.
    pub fn remove(&self, blob: &BlobId) -> io::Result<()> {
        match fs::remove_file(self.path(blob)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes rows and files agree, before the node begins: what is not on the disk (rows came from an older copy, a file was lost) does not count as
    /// here, and is fetched again if it was wanted; a file without a row is removed.
    pub fn reconcile(&self, store: &Store) -> Result<(), StoreError> {
        let failed = |error| StoreError::blobs(&self.dir, error);
        let mut batch = Batch::default();
        let mut known = BTreeSet::new();
        for (key, value) in store.scan(&Scan::prefix(Table::Blob, [])) {
            let (Some(blob), Ok(stored)) = (BlobId::from_slice(&key), row::decode::<Stored>(&value)) else { continue };
            known.insert(blob);
            let bits = Bits(store.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
            let length = fs::metadata(self.path(&blob)).map_or(0, |file| file.len());
            let listing = &stored.listing;
            let is_here = |piece: &u32| listing.offset(*piece) + listing.piece_bytes(*piece) <= length;
            if !(0..listing.pieces()).filter(|piece| bits.has(*piece)).all(|piece| is_here(&piece)) {
                batch.delete(Table::Blob, bits_key(&blob));
                if stored.wanted {
                    batch.put(Table::Carriage, fetch_key(&blob), []);
                }
            }
        }
        if !batch.is_empty() {
            tracing::warn!("files of media that were here are not: what can be fetched again is");
            store.apply(&batch)?;
            store.flush()?;
        }
        for blob in self.list().map_err(failed)?.into_iter().filter(|blob| !known.contains(blob)) {
            self.remove(&blob).map_err(failed)?;
        }
        Ok(())
    }

    /// Reads every piece that the rows say is here, and names the blobs of which one is damaged or cannot be read.
    pub fn scrub(&self, store: &Store) -> Vec<BlobId> {
        let mut damaged = Vec::new();
        for (key, value) in store.scan(&Scan::prefix(Table::Blob, [])) {
            let (Some(blob), Ok(stored)) = (BlobId::from_slice(&key), row::decode::<Stored>(&value)) else { continue };
            let listing = &stored.listing;
            let bits = Bits(store.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
            let mut here = (0..listing.pieces()).filter(|piece| bits.has(*piece)).peekable();
            if here.peek().is_none() {
                continue;
            }
            let check = |sink: &mut Sink, piece: u32| -> io::Result<bool> {
                let bytes = read_piece(&sink.file, listing, piece)?;
                Ok(sink.digest(piece)? == Some(digest(&bytes)))
            };
            let sink = self.sink(&blob, || Some(listing.clone())).ok().flatten();
            let is_whole = sink.is_some_and(|mut sink| here.all(|piece| check(&mut sink, piece).unwrap_or(false)));
            // One that is being forgotten meanwhile is no damage.
            if !is_whole && store.get(Table::Blob, &key).is_some() {
                damaged.push(blob);
            }
        }
        damaged
    }

    /// Copies the bodies of this node's own messages beside an archive, sealed as they are; their keys are in the archive. What is held for
    /// others stays behind. Returns their bytes.
    pub fn export(&self, store: &Store, archive: &Path) -> Result<u64, StoreError> {
        let to = beside(archive);
        let failed = |error| StoreError::blobs(&to, error);
        let mut bytes = 0;
        for (key, _) in store.scan(&Scan::prefix(Table::Blob, [])) {
            let Some(blob) = BlobId::from_slice(&key) else { continue };
            let users = store.scan(&Scan::prefix(Table::Use, blob.0));
            let is_own = users.iter().any(|(key, _)| matches!(Use::from_key(key), Some(Use::Message(_))));
            let from = self.path(&blob);
            if !is_own || !from.exists() {
                continue;
            }
            fs::create_dir_all(&to).map_err(failed)?;
            let path = to.join(blob.to_string());
            bytes += fs::copy(&from, &path).map_err(failed)?;
            File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
        }
        Ok(bytes)
    }

    /// Copies what [`export`](Self::export) left beside an archive into an imported data directory. What was not copied is fetched again.
    pub fn import(archive: &Path, data: &Path) -> Result<u64, StoreError> {
        let (from, to) = (beside(archive), data.join("blobs"));
        let failed = |error| StoreError::blobs(&from, error);
        let mut bytes = 0;
        let Ok(entries) = fs::read_dir(&from) else { return Ok(0) };
        fs::create_dir_all(&to).map_err(failed)?;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if let Some(blob) = entry.file_name().to_str().and_then(|name| name.parse::<BlobId>().ok()) {
                let path = to.join(blob.to_string());
                bytes += fs::copy(entry.path(), &path).map_err(failed)?;
                File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
            }
        }
        Ok(bytes)
    }

    /// The blobs whose files are there.
    pub fn list(&self) -> io::Result<Vec<BlobId>> {
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            blobs.extend(entry?.file_name().to_str().and_then(|name| name.parse::<BlobId>().ok()));
        }
        Ok(blobs)
    }
}

/// Where the bodies of an archive are: a folder with its name and `.bodies`.
fn beside(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".bodies");
    PathBuf::from(name)
}

fn read_piece(file: &File, listing: &Listing, piece: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(listing.piece_bytes(piece)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, listing.offset(piece))?;
    Ok(bytes)
}

fn digest(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).into()
}

/// Of chunk `index`. The key is of one blob alone, so the index may be the nonce; whether it is the last is bound too, so that no end can be cut off
/// (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
fn nonce(index: u32, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&index.to_be_bytes());
    nonce[4] = u8::from(is_last);
    nonce
}

const AAD: &[u8] = b"tidings v1 chunk";

/// Gives pieces as they are.
#[derive(Debug)]
pub struct Source {
    file: File,
    listing: Listing,
}

impl Source {
    /// The bytes of a piece that the rows say is here.
    pub fn piece(&self, piece: u32) -> io::Result<Vec<u8>> {
        read_piece(&self.file, &self.listing, piece)
    }
}

/// Takes pieces as they come.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    file: File,
    listing: Listing,
    /// The page that was needed last.
    page: Option<(u32, Vec<u8>)>,
}

impl Sink {
    /// Checks a piece and writes it. The page that names a chunk must be here before it.
    pub fn put(&mut self, piece: u32, bytes: &[u8]) -> io::Result<Put> {
        if bytes.len() as u64 != self.listing.piece_bytes(piece) || bytes.is_empty() {
            return Ok(Put::Wrong);
        }
        let wanted = self.digest(piece)?;
        if wanted != Some(digest(bytes)) {
            return Ok(Put::Wrong);
        }
        self.file.write_all_at(bytes, self.listing.offset(piece))?;
        Ok(Put::Written)
    }

    /// What a piece must hash to, by the listing or its page.
    fn digest(&mut self, piece: u32) -> io::Result<Option<Digest>> {
        Ok(match self.listing.page_of(piece).filter(|_| piece < self.listing.chunks()) {
            Some((page, at)) => {
                if self.page.as_ref().is_none_or(|(had, _)| *had != page) {
                    self.page = Some((page, read_piece(&self.file, &self.listing, page)?));
                }
                let digests = self.page.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
                digests.get(at * 32..).and_then(|rest| rest.first_chunk::<32>()).copied()
            }
            None => self.listing.digest(piece).copied(),
        })
    }

    /// Makes durable what was written. An error when the file was removed meanwhile: what was written is nowhere then.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let (mine, there) = (self.file.metadata()?, fs::metadata(&self.path)?);
        if (mine.dev(), mine.ino()) == (there.dev(), there.ino()) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

/// Seals a file on its way to the disk, with memory for one chunk.
#[derive(Debug)]
pub struct Sealer {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    key: [u8; 32],
    buffer: Vec<u8>,
    size: u64,
    digests: Vec<Digest>,
}

impl Sealer {
    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let index = u32::try_from(self.digests.len()).map_err(io::Error::other)?;
        let sealed = aead::seal(&self.key, &nonce(index, is_last), AAD, &self.buffer);
        self.digests.push(digest(&sealed));
        self.buffer.clear();
        self.file.write_all(&sealed)
    }

    /// Seals the rest, makes it durable, and gives the blob its name.
    pub fn finish(mut self) -> io::Result<Manifest> {
        self.seal(true)?;
        let mut listing = Listing { size: self.size, digests: std::mem::take(&mut self.digests) };
        if listing.digests.len() > LISTING_DIGESTS_MAX {
            let pages = listing.digests.chunks(PAGE_DIGESTS as usize).map(<[Digest]>::concat).collect::<Vec<_>>();
            listing.digests = pages.iter().map(|page| digest(page)).collect();
            (listing.chunks()..).zip(&pages).try_for_each(|(piece, page)| self.file.write_all_at(page, listing.offset(piece)))?;
        }
        let manifest = Manifest { key: self.key, listing };
        self.file.sync_all()?;
        fs::rename(&self.path, self.dir.join(manifest.listing.id().to_string()))?;
        File::open(&self.dir)?.sync_all()?;
        self.path = PathBuf::new();
        Ok(manifest)
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Write for Sealer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() as u64 == CHUNK_BYTES && !bytes.is_empty() {
            self.seal(false)?;
        }
        let room = CHUNK_BYTES as usize - self.buffer.len();
        let taken = bytes.len().min(room);
        if self.size + taken as u64 > BLOB_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any file that can be sent"));
        }
        self.buffer.extend_from_slice(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What broke off leaves nothing.
impl Drop for Sealer {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads a sealed blob as the file that it was, with memory for one chunk.
#[derive(Debug)]
pub struct Opener {
    file: File,
    manifest: Manifest,
    at: u64,
    chunk: Option<(u32, Vec<u8>)>,
}

impl Opener {
    fn load(&mut self, chunk: u32) -> io::Result<&[u8]> {
        if self.chunk.as_ref().is_none_or(|(had, _)| *had != chunk) {
            let listing = &self.manifest.listing;
            let sealed = read_piece(&self.file, listing, chunk)?;
            let is_last = chunk + 1 == listing.chunks();
            let plain = aead::open(&self.manifest.key, &nonce(chunk, is_last), AAD, &sealed);
            let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "a chunk does not open");
            self.chunk = Some((chunk, plain.map_err(damaged)?));
        }
        Ok(self.chunk.as_ref().map(|(_, plain)| plain.as_slice()).unwrap_or_default())
    }
}

impl Read for Opener {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.manifest.listing.size || bytes.is_empty() {
            return Ok(0);
        }
        let chunk = u32::try_from(self.at / CHUNK_BYTES).map_err(io::Error::other)?;
        let within = usize::try_from(self.at % CHUNK_BYTES).map_err(io::Error::other)?;
        let plain = self.load(chunk)?.get(within..).unwrap_or_default();
        let count = plain.len().min(bytes.len());
        bytes[..count].copy_from_slice(&plain[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Opener {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.manifest.listing.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the start"))?;
        Ok(self.at)
    }
}

//! Files on their way into the store and out of it: sealed as they come, examined through the seal, read back through it. Nothing of a file lies
//! open on the disk, and no more of it than a few chunks in memory. All of this blocks: it runs off the loop.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use crate::store::{Blobs, Opener, Store};
use crate::types::limits::{BLOB_BYTES_MAX, CHUNK_BYTES, HTTP_WAIT_MS_MAX};
use crate::types::{MessageId, Table, View as _};
use crate::wire::blob::{Bits, Manifest, Media, bits_key};

/// What to send a file as.
#[derive(Clone, Debug, Default)]
pub struct NewMedia {
    /// What the person calls it.
    pub name: String,
    /// What they say of it.
    pub caption: String,
    /// What it answers.
    pub reply: Option<MessageId>,
    /// Whether it is a voice note.
    pub as_voice: bool,
    /// Whether what a camera wrote into it stays.
    pub keep_metadata: bool,
}

/// Why a file cannot be sent. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is too large for anybody.
    #[error("this file is too large: {max} bytes is the most")]
    TooLarge {
        /// The bound.
        max: u64,
    },
    /// There is no room for it.
    #[error("the disk is full: nothing new is accepted until there is room; free some space, and try again")]
    DiskFull,
    /// It cannot be read or written.
    #[error("the file could not be read or stored: {0}")]
    Io(#[from] io::Error),
    /// What it is cannot be told, or its metadata cannot be removed.
    #[error("{0}")]
    Examine(crate::media::MediaError),
}

/// Seals a file as it comes, finds out what it is, takes out what tells too much, and says what a message about it says.
pub(super) fn take_in(store: &Store, blobs: &Blobs, file: &mut dyn Read, new: NewMedia) -> Result<Media, MediaError> {
    let mut sealer = blobs.create()?;
    copy(store, file, &mut sealer)?;
    let whole = sealer.finish()?;
    let name = crate::media::safe_name(&new.name);
    let mut opener = blobs.reader(&whole)?;
    let wants = crate::media::Wants { keep_metadata: new.keep_metadata, as_voice: new.as_voice };
    let examined = crate::media::examine(&mut opener, &name, wants);
    let cleaned = examined.map_err(MediaError::Examine).and_then(|examined| {
        if examined.cleaned.is_whole() {
            return Ok((examined.preview, None));
        }
        let mut sealer = blobs.create()?;
        examined.cleaned.copy(&mut opener, &mut sealer).map_err(MediaError::Examine)?;
        Ok((examined.preview, Some(sealer.finish()?)))
    });
    if !matches!(cleaned, Ok((_, None))) {
        blobs.remove(&whole.listing.id())?;
    }
    let (preview, second) = cleaned?;
    Ok(Media { preview, name, caption: new.caption, reply: new.reply, manifest: second.unwrap_or(whole) })
}

fn copy(store: &Store, file: &mut dyn Read, sealer: &mut impl Write) -> Result<(), MediaError> {
    let mut buffer = vec![0; CHUNK_BYTES as usize];
    for part in 0_u64.. {
        // The room that the rows need is never taken.
        if part.is_multiple_of(PARTS_PER_LOOK) && store.is_disk_full() {
            return Err(MediaError::DiskFull);
        }
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        sealer.write_all(&buffer[..count]).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => MediaError::TooLarge { max: BLOB_BYTES_MAX },
            _ => MediaError::Io(error),
        })?;
    }
    Ok(())
}

/// Parts of a file between two looks at the room on the disk.
const PARTS_PER_LOOK: u64 = 16;

/// Reads the body of a message; what is not here yet is waited for while it is being fetched.
pub struct Download {
    store: Store,
    opener: Option<Opener>,
    blobs: Blobs,
    manifest: Manifest,
    at: u64,
    bits: Bits,
    patience: Duration,
}

impl Download {
    /// From a byte on.
    pub(super) fn new(store: Store, blobs: Blobs, manifest: Manifest, from: u64) -> Self {
        let patience = Duration::from_millis(HTTP_WAIT_MS_MAX);
        Self { store, opener: None, blobs, manifest, at: from, bits: Bits::default(), patience }
    }

    /// Waits until a chunk is here.
    fn wait_for(&mut self, chunk: u32) -> io::Result<()> {
        let blob = self.manifest.listing.id();
        let since = Instant::now();
        while !self.bits.has(chunk) {
            self.bits = Bits(self.store.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
            if self.bits.has(chunk) {
                break;
            }
            if since.elapsed() > self.patience || self.store.get(Table::Blob, &blob.0).is_none() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the rest is not here, and nobody who has it is"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// How often it is looked whether a chunk has come.
const POLL: Duration = Duration::from_millis(100);

impl Read for Download {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.manifest.listing.size {
            return Ok(0);
        }
        self.wait_for(u32::try_from(self.at / CHUNK_BYTES).map_err(io::Error::other)?)?;
        let opener = match &mut self.opener {
            Some(opener) => opener,
            None => self.opener.insert(self.blobs.reader(&self.manifest)?),
        };
        opener.seek(SeekFrom::Start(self.at))?;
        let count = opener.read(bytes)?;
        self.at += count as u64;
        Ok(count)
    }
}

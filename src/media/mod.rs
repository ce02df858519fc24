//! Floor 4: what a file is, what is shown of it before it arrives, and the file without what tells where and with what it was made.
//!
//! Files come from people and from peers, so nothing here trusts a size, an offset or a name. What decodes works within the limits of
//! `types::limits`, checked before anything is decoded. All of it blocks; callers run it off the driver.
//!
//! | file | holds |
//! |---|---|
//! | `kind` | which format a file is in, by its first bytes, and what its name says |
//! | `input` | a window on a file that is never in memory as a whole |
//! | `clean` | which parts of a file go out, and the bytes in their place |
//! | `jpeg`, `png`, `webp`, `gif` | pictures, segment by segment |
//! | `isobmff` | MP4, QuickTime, AVIF and HEIC, box by box |
//! | `matroska` | WebM and Matroska, element by element |
//! | `picture` | the small JPEG of a picture |
//! | `sound` | how long something sounds, and how loud |
//! | `name` | names of files, to be shown and saved |

mod clean;
mod gif;
mod input;
mod isobmff;
mod jpeg;
mod kind;
mod matroska;
mod name;
mod picture;
mod png;
mod sound;
mod webp;

use std::io::{self, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::clean::Cleaning;
pub use self::name::safe_name;

use self::input::{Fault, Input};
use self::kind::Format;
use crate::types::limits::{MEDIA_MS_MAX, MEDIA_SIDE_MAX};
use crate::wire::media::{MediaKind, Preview};

/// What the person who sends a file chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Send the file as it is, with what it tells about where, when and with what it was made.
    pub keep_metadata: bool,
    /// It is a voice message.
    pub as_voice: bool,
}

/// What there is to know about a file.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What the receiver sees at once.
    pub preview: Preview,
    /// How to read what is sent.
    pub cleaned: Cleaning,
}

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file could not be read, or the copy not written.
    #[error("the file could not be read or copied")]
    Io(#[from] io::Error),
    /// Its metadata could not be told apart from the rest with certainty.
    #[error(
        "what this {format} file tells about where and with what it was made could not be removed ({why}). It was not sent: send it with its metadata, or as another file"
    )]
    Metadata {
        /// The format it is in.
        format: &'static str,
        /// What was not understood.
        why: &'static str,
    },
    /// It is to be a voice message, and is no sound.
    #[error("this is not a recording: a voice message is a sound file, such as Ogg or WebM with Opus")]
    NotVoice,
    /// It became shorter after it was examined.
    #[error("the file changed while it was being sent: send it again")]
    Changed,
}

/// Looks at a file: what it is, what to show of it, and which of its bytes to send.
///
/// Reads as much as it needs, a bounded part of it at a time. A file that cannot be decoded is no error: its preview says less.
///
/// # Errors
///
/// [`MediaError::Metadata`] when the metadata of a known format could not be removed and was not wanted.
pub fn examine<F: Read + Seek + Send + Sync>(file: &mut F, name: &str, wants: Wants) -> Result<Examined, MediaError> {
    let mut input = Input::new(file)?;
    let format = kind::format(&mut input)?;
    let scan = scan(&mut input, format, wants)?;
    let content = scan.kind.unwrap_or(format.kind());
    if wants.as_voice && content != MediaKind::Audio {
        return Err(MediaError::NotVoice);
    }
    let misnamed = kind::is_misnamed(name, content);
    let kind = match content {
        _ if misnamed => MediaKind::File,
        _ if wants.as_voice => MediaKind::Voice,
        content => content,
    };
    let mut preview = Preview {
        kind,
        mime: format.mime(content).to_owned(),
        width: scan.width,
        height: scan.height,
        duration_ms: scan.duration_ms,
        picture: Vec::new(),
        waveform: Vec::new(),
        misnamed,
    };
    match kind {
        MediaKind::Photo => {
            let shown = decoded(|| picture::shown(&mut input, format, scan.orientation));
            let (width, height) = shown.as_ref().map_or((0, 0), |shown| (shown.width, shown.height));
            if preview.width == 0 {
                (preview.width, preview.height) = (width, height);
            }
            preview.picture = shown.map(|shown| shown.jpeg).unwrap_or_default();
        }
        MediaKind::Voice | MediaKind::Audio => {
            if let Some(heard) = decoded(|| sound::heard(&mut input, format)) {
                preview.duration_ms = if heard.duration_ms > 0 { heard.duration_ms } else { preview.duration_ms };
                preview.waveform = heard.waveform;
            }
        }
        MediaKind::Video => preview.picture = scan.frame.and_then(|frame| decoded(|| picture::poster(&frame))).unwrap_or_default(),
        // What lies about its kind is not decoded either.
        MediaKind::File => (preview.width, preview.height, preview.duration_ms) = (0, 0, 0),
    }
    if preview.width > MEDIA_SIDE_MAX || preview.height > MEDIA_SIDE_MAX || preview.width == 0 || preview.height == 0 {
        (preview.width, preview.height) = (0, 0);
    }
    if preview.duration_ms > MEDIA_MS_MAX {
        preview.duration_ms = 0;
    }
    let cleaned = scan.cleaning.unwrap_or_else(|| Cleaning::whole(input.length()));
    Ok(Examined { preview, cleaned })
}

/// What a walk through the structure of a file found.
#[derive(Debug, Default)]
struct Scan {
    /// Where the format holds several kinds.
    kind: Option<MediaKind>,
    width: u32,
    height: u32,
    /// As Exif numbers them (1 to 8); 0: it does not say.
    orientation: u8,
    duration_ms: u32,
    /// Which bytes are sent; none: all of them.
    cleaning: Option<Cleaning>,
    /// A picture that stands for a video, as a file of its own.
    frame: Option<Vec<u8>>,
}

/// Walks through the file. When its metadata is kept, what is not understood does not matter.
fn scan<F: Read + Seek>(input: &mut Input<'_, F>, format: Format, wants: Wants) -> Result<Scan, MediaError> {
    let scanned = match format {
        Format::Jpeg => jpeg::scan(input),
        Format::Png => png::scan(input),
        Format::Webp => webp::scan(input),
        Format::Gif => gif::scan(input),
        Format::Avif | Format::Heic => isobmff::scan_picture(input),
        Format::Mp4 | Format::QuickTime => isobmff::scan_movie(input, wants.as_voice),
        Format::Webm | Format::Matroska => matroska::scan(input),
        Format::Ogg | Format::OggVideo | Format::Mp3 | Format::Aac | Format::Flac | Format::Wav => Ok(Scan::default()),
        Format::Pdf | Format::Zip | Format::Unknown => Ok(Scan::default()),
    };
    match scanned {
        Ok(scan) if wants.keep_metadata => Ok(Scan { cleaning: None, ..scan }),
        Ok(scan) => Ok(scan),
        Err(Fault::Io(error)) => Err(error.into()),
        Err(Fault::Unsure(_)) if wants.keep_metadata => Ok(Scan::default()),
        Err(Fault::Unsure(why)) => Err(MediaError::Metadata { format: format.word(), why }),
    }
}

/// Whatever a decoder gives; nothing when it panics, which is a fault of a library in a file from elsewhere, not a reason to lose the message.
fn decoded<T>(decode: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_default()
}

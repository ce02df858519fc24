//! What a message says about a file before the file is there: enough to show it at once.

use bincode::{Decode, Encode};

use super::bound::Bounded;
use crate::types::limits::{
    MEDIA_MS_MAX, MEDIA_SIDE_MAX, MIME_BYTES_MAX, PREVIEW_PICTURE_BYTES_MAX, PREVIEW_PICTURE_SIDE_MAX, WAVEFORM_LEVELS_MAX,
};

/// What a file is, by its content. Append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum MediaKind {
    /// A still or animated picture.
    Photo,
    /// A recording that is meant to be listened to as a message.
    Voice,
    /// Any other sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Anything else, and what says by its name to be something that it is not.
    File,
}

impl MediaKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Photo, Self::Voice, Self::Audio, Self::Video, Self::File];

    /// Which one a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word for it in JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// Shown before any of the file has arrived. It comes from the sender, who may lie; [`Bounded`] says what a screen can rely on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Preview {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type, such as `image/jpeg`.
    pub mime: String,
    /// Pixels across, after its orientation was applied; 0: unknown.
    pub width: u32,
    /// Pixels down, likewise.
    pub height: u32,
    /// How long it plays, in milliseconds; 0: unknown.
    pub duration_ms: u32,
    /// A small JPEG: the photo, or a frame of the video; empty: none.
    pub picture: Vec<u8>,
    /// How loud it is, at even steps from beginning to end, the loudest 255; empty: unknown.
    pub waveform: Vec<u8>,
    /// Its name says that it is something else.
    pub misnamed: bool,
}

/// The picture is a JPEG of few pixels: what a screen decodes at once must not be a bomb.
impl Bounded for Preview {
    fn is_bounded(&self) -> bool {
        let is_small = self.picture.is_empty()
            || jpeg_size(&self.picture).is_some_and(|(width, height)| {
                (1..=PREVIEW_PICTURE_SIDE_MAX).contains(&width) && (1..=PREVIEW_PICTURE_SIDE_MAX).contains(&height)
            });
        self.mime.len() <= MIME_BYTES_MAX
            && is_mime(&self.mime)
            && self.width <= MEDIA_SIDE_MAX
            && self.height <= MEDIA_SIDE_MAX
            && (self.width == 0) == (self.height == 0)
            && self.duration_ms <= MEDIA_MS_MAX
            && self.picture.len() <= PREVIEW_PICTURE_BYTES_MAX
            && is_small
            && self.waveform.len() <= WAVEFORM_LEVELS_MAX
    }
}

/// `type/subtype` in small letters, digits and `.+-`, as RFC 6838 section 4.2 has them: nothing that a header or a page could mistake.
fn is_mime(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_word(kind) && is_word(subtype))
}

/// Width and height from the one frame header of a baseline or progressive JPEG (ITU-T T.81 B.2.2), when nothing before it and nothing
/// between it and the first scan is out of place.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut size = None;
    loop {
        let (head, behind) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(2)?;
        let (inside, next) = behind.split_at_checked(length)?;
        match head[..2] {
            [0xff, 0xda] => return size,
            [0xff, 0xc0..=0xc2] if size.is_none() && inside.len() >= 6 => {
                let side = |at: usize| u32::from(u16::from_be_bytes([inside[at], inside[at + 1]]));
                size = Some((side(3), side(1)));
            }
            // Tables, restart interval, application data and comments.
            [0xff, 0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe] => {}
            _ => return None,
        }
        rest = next;
    }
}

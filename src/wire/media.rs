//! What a screen shows of media before its body is here.

use bincode::{Decode, Encode};

use super::bound::Bounded;

/// What a file is, told by its content. Append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum MediaKind {
    /// A picture.
    Photo,
    /// A voice note.
    Voice,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Anything.
    File,
}

impl MediaKind {
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

/// The preview.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Preview {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type.
    pub mime: String,
    /// Pixels; 0 unknown.
    pub width: u32,
    /// Pixels; 0 unknown.
    pub height: u32,
    /// Milliseconds; 0 unknown.
    pub duration_ms: u32,
    /// A small JPEG; empty: none.
    pub picture: Vec<u8>,
    /// Up to 64 levels.
    pub waveform: Vec<u8>,
    /// Whether its name says another kind.
    pub misnamed: bool,
}

impl Bounded for Preview {
    fn is_bounded(&self) -> bool {
        self.mime.len() <= 128 && self.picture.len() <= 32 * 1024 && self.waveform.len() <= 64
    }
}

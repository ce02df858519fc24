//! Which format a file is in, by its content; and what its name says it is.

use std::io::{self, Read, Seek};

use super::input::Input;
use super::name;
use crate::wire::media::MediaKind;

/// A format that is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Webp,
    Gif,
    Avif,
    Heic,
    Mp4,
    QuickTime,
    Webm,
    Matroska,
    Ogg,
    OggVideo,
    Mp3,
    Aac,
    Flac,
    Wav,
    Pdf,
    Zip,
    Unknown,
}

impl Format {
    /// Its kind, as far as its first bytes tell.
    pub(super) fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Webp | Self::Gif | Self::Avif | Self::Heic => MediaKind::Photo,
            Self::Mp4 | Self::QuickTime | Self::Webm | Self::Matroska | Self::OggVideo => MediaKind::Video,
            Self::Ogg | Self::Mp3 | Self::Aac | Self::Flac | Self::Wav => MediaKind::Audio,
            Self::Pdf | Self::Zip | Self::Unknown => MediaKind::File,
        }
    }

    /// Its media type, where the kind decides between two.
    pub(super) fn mime(self, kind: MediaKind) -> &'static str {
        let is_sound = kind == MediaKind::Audio;
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::Mp4 if is_sound => "audio/mp4",
            Self::Mp4 => "video/mp4",
            Self::QuickTime if is_sound => "audio/mp4",
            Self::QuickTime => "video/quicktime",
            Self::Webm if is_sound => "audio/webm",
            Self::Webm => "video/webm",
            Self::Matroska if is_sound => "audio/x-matroska",
            Self::Matroska => "video/x-matroska",
            Self::Ogg => "audio/ogg",
            Self::OggVideo => "video/ogg",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
            Self::Unknown => "application/octet-stream",
        }
    }

    /// How a person calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Avif => "AVIF",
            Self::Heic => "HEIC",
            Self::Mp4 => "MP4",
            Self::QuickTime => "QuickTime",
            Self::Webm => "WebM",
            Self::Matroska => "Matroska",
            Self::Ogg | Self::OggVideo => "Ogg",
            Self::Mp3 => "MP3",
            Self::Aac => "AAC",
            Self::Flac => "FLAC",
            Self::Wav => "WAV",
            Self::Pdf => "PDF",
            Self::Zip => "ZIP",
            Self::Unknown => "unknown",
        }
    }
}

/// By the first bytes of a file.
pub(super) fn format<F: Read + Seek>(input: &mut Input<'_, F>) -> io::Result<Format> {
    let first = input.bytes(0, 4_096)?;
    let has = |at: usize, magic: &[u8]| first.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let format = if has(0, &[0xff, 0xd8, 0xff]) {
        Format::Jpeg
    } else if has(0, b"\x89PNG\r\n\x1a\n") {
        Format::Png
    } else if has(0, b"GIF87a") || has(0, b"GIF89a") {
        Format::Gif
    } else if has(0, b"RIFF") && has(8, b"WEBP") {
        Format::Webp
    } else if has(0, b"RIFF") && has(8, b"WAVE") {
        Format::Wav
    } else if has(4, b"ftyp") {
        brand(&first)
    } else if [&b"moov"[..], b"mdat", b"wide", b"free", b"skip", b"pnot"].iter().any(|kind| has(4, kind)) {
        Format::QuickTime
    } else if has(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        // The document type is a short string in the header.
        let is_webm = first.iter().take(128).copied().collect::<Vec<u8>>().windows(7).any(|window| window == b"\x42\x82\x84webm");
        if is_webm { Format::Webm } else { Format::Matroska }
    } else if has(0, b"OggS") {
        if first.iter().take(512).copied().collect::<Vec<u8>>().windows(7).any(|window| window == b"\x80theora") {
            Format::OggVideo
        } else {
            Format::Ogg
        }
    } else if has(0, b"fLaC") {
        Format::Flac
    } else if has(0, b"ID3") || is_mp3_frame(&first) {
        Format::Mp3
    } else if first.len() > 7 && first[0] == 0xff && first[1] & 0xf6 == 0xf0 && first[2] >> 2 & 15 < 13 {
        Format::Aac
    } else if has(0, b"%PDF-") {
        Format::Pdf
    } else if has(0, b"PK\x03\x04") {
        Format::Zip
    } else {
        Format::Unknown
    };
    Ok(format)
}

/// Of a file that begins with `ftyp`, by the brands it claims (ISO/IEC 14496-12 section 4.3).
fn brand(first: &[u8]) -> Format {
    let length = first.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize).clamp(16, 1_024).min(first.len());
    let major = first.get(8..12).unwrap_or_default();
    let brands: Vec<&[u8]> = std::iter::once(major).chain(first.get(16..length).unwrap_or_default().chunks_exact(4)).collect();
    let any = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.iter().any(|one| *brand == &one[..]));
    let is_picture = [&b"mif1"[..], b"msf1", b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"].contains(&major);
    match major {
        _ if is_picture && any(&[b"avif", b"avis"]) => Format::Avif,
        _ if is_picture => Format::Heic,
        b"qt  " => Format::QuickTime,
        _ => Format::Mp4,
    }
}

/// A frame header of MPEG layer III, and another one where it says that the next one is.
fn is_mp3_frame(first: &[u8]) -> bool {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    const KBITS_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBITS_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let length = |at: usize| -> Option<usize> {
        let head = first.get(at..at + 4)?;
        let (version, rate) = (head[1] >> 3 & 3, *RATES.get(usize::from(head[2] >> 2 & 3))?);
        if head[0] != 0xff || head[1] & 0xe6 != 0xe2 || version == 1 {
            return None;
        }
        let (table, rate, samples) = if version == 3 { (KBITS_1, rate, 144) } else { (KBITS_2, rate >> (1 + u32::from(version == 0)), 72) };
        let bits = *table.get(usize::from(head[2] >> 4)).filter(|bits| **bits > 0)? * 1_000;
        usize::try_from(samples * bits / rate + u32::from(head[2] >> 1 & 1)).ok()
    };
    length(0).is_some_and(|next| first.len() <= next || length(next).is_some())
}

/// Whether the ending of a name says another kind than the content is.
pub(super) fn is_misnamed(name: &str, content: MediaKind) -> bool {
    use MediaKind::{Audio, File, Photo, Video};
    let Some(ending) = name::ending(name) else { return false };
    let said: &[MediaKind] = match ending.as_str() {
        "jpg" | "jpeg" | "jpe" | "jfif" | "png" | "webp" | "gif" | "avif" | "heic" | "heif" => &[Photo],
        "mp3" | "m4a" | "m4b" | "aac" | "flac" | "wav" | "opus" | "oga" | "weba" => &[Audio],
        "m4v" | "ogv" => &[Video],
        "mp4" | "mov" | "qt" | "3gp" | "webm" | "mkv" | "ogg" => &[Video, Audio],
        "pdf" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx" | "odt" | "ods" | "odp" | "rtf" | "txt" | "md" | "csv" | "json"
        | "xml" | "html" | "htm" | "js" | "zip" | "gz" | "tar" | "7z" | "rar" | "exe" | "msi" | "bat" | "cmd" | "com" | "scr" | "ps1"
        | "sh" | "py" | "jar" | "apk" | "dmg" | "iso" | "deb" | "rpm" | "epub" | "svg" | "vcf" | "ics" => &[File],
        _ => return false,
    };
    !said.contains(&content)
}

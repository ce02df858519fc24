//! PNG (W3C, third edition), chunk by chunk. Kept are the chunks that say how the picture looks or moves; the orientation stays as an Exif
//! of nothing else. Texts, times, Exif and what is not known go, and so does what follows the last chunk.

use std::io::{Read, Seek};

use super::Scan;
use super::clean::Draft;
use super::input::{Fault, Input};
use super::picture;
use crate::types::limits::EXIF_BYTES_MAX;

/// Chunks that stay.
const LOOKS: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST",
    b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let (mut scan, mut draft, length) = (Scan::default(), Draft::default(), input.length());
    let mut at = 8;
    draft.keep(0..at)?;
    while let Some(head) = input.array::<8>(at)? {
        let (size, kind) = (u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]])), [head[4], head[5], head[6], head[7]]);
        if size > 0x7fff_ffff || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Fault::Unsure("a chunk is of no known kind"));
        }
        let end = (at + 12 + size).min(length);
        if at == 8 {
            let Some(header) = input.array::<16>(at)?.filter(|_| kind == *b"IHDR") else {
                return Err(Fault::Unsure("its header is missing"));
            };
            scan.width = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
            scan.height = u32::from_be_bytes([header[12], header[13], header[14], header[15]]);
        }
        if LOOKS.contains(&&kind) {
            draft.keep(at..end)?;
        } else if kind[0].is_ascii_uppercase() {
            return Err(Fault::Unsure("a chunk is of no known kind"));
        } else if kind == *b"eXIf" && scan.orientation == 0 {
            let bytes = input.bytes(at + 8, usize::try_from(size).unwrap_or(EXIF_BYTES_MAX).min(EXIF_BYTES_MAX))?;
            scan.orientation = picture::orientation(&bytes);
            if scan.orientation > 1 {
                draft.make(chunk(*b"eXIf", &picture::exif(scan.orientation)))?;
            }
        }
        at = end;
        if kind == *b"IEND" {
            break;
        }
    }
    if picture::is_turned(scan.orientation) {
        (scan.width, scan.height) = (scan.height, scan.width);
    }
    scan.cleaning = Some(draft.done(length));
    Ok(scan)
}

/// A chunk with its length and its check.
fn chunk(kind: [u8; 4], inside: &[u8]) -> Vec<u8> {
    let size = u32::try_from(inside.len()).unwrap_or_default().to_be_bytes();
    let checked = [&kind[..], inside].concat();
    let sum = crc(&checked).to_be_bytes();
    [&size[..], &checked, &sum].concat()
}

/// The check of PNG (annex D), a bit at a time: it is for a few bytes.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

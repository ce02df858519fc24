//! WebP (RFC 9649), chunk by chunk. Kept are pictures, their transparency, animation and colour profile; the orientation stays as an
//! Exif of nothing else. Exif, XMP and what is not known go, the flags of the header say so, and what follows the file's end goes too.

use std::io::{Read, Seek};

use super::Scan;
use super::clean::Draft;
use super::input::{Fault, Input};
use super::picture;
use crate::types::limits::EXIF_BYTES_MAX;

const EXIF_FLAG: u8 = 0x08;
const XMP_FLAG: u8 = 0x04;

/// What is put together before the sizes are known.
enum Part {
    Kept(u64, u64),
    Made(Vec<u8>),
}

pub(super) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let (mut scan, mut parts, mut extended) = (Scan::default(), Vec::new(), None);
    let length = input.length();
    let said = input.array::<8>(0)?.map_or(0, |head| u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]])));
    let (file_end, mut at) = ((said + 8).min(length), 12);
    while let Some((kind, size)) = head(input, at, file_end)? {
        let end = (at + 8 + size + (size & 1)).min(length);
        match &kind {
            b"VP8X" => {
                let Some(inside) = input.array::<18>(at)?.filter(|_| size == 10) else {
                    return Err(Fault::Unsure("its header is cut off"));
                };
                let side = |at: usize| u32::from_le_bytes([inside[at], inside[at + 1], inside[at + 2], 0]) + 1;
                (scan.width, scan.height) = (side(12), side(15));
                extended = Some(parts.len());
                parts.push(Part::Made(inside.to_vec()));
            }
            b"VP8 " | b"VP8L" => {
                if scan.width == 0 {
                    (scan.width, scan.height) = frame_size(input, &kind, at + 8)?;
                }
                parts.push(Part::Kept(at, end));
            }
            b"ALPH" | b"ANIM" | b"ICCP" => parts.push(Part::Kept(at, end)),
            b"ANMF" => {
                only_pictures(input, at + 8 + 16, (at + 8 + size).min(length))?;
                parts.push(Part::Kept(at, end));
            }
            b"EXIF" if scan.orientation == 0 => {
                let bytes = input.bytes(at + 8, usize::try_from(size).unwrap_or(EXIF_BYTES_MAX).min(EXIF_BYTES_MAX))?;
                scan.orientation = picture::orientation(bytes.strip_prefix(b"Exif\0\0").unwrap_or(&bytes));
                if scan.orientation > 1 {
                    let exif = picture::exif(scan.orientation);
                    let size = u32::try_from(exif.len()).unwrap_or_default().to_le_bytes();
                    parts.push(Part::Made([b"EXIF", &size[..], &exif].concat()));
                }
            }
            _ => {}
        }
        at = end;
    }
    if picture::is_turned(scan.orientation) {
        (scan.width, scan.height) = (scan.height, scan.width);
    }
    if let Some(Part::Made(header)) = extended.and_then(|at| parts.get_mut(at)) {
        header[8] = header[8] & !XMP_FLAG & !EXIF_FLAG | if scan.orientation > 1 { EXIF_FLAG } else { 0 };
    }
    scan.cleaning = Some(put_together(input, parts, said, length)?.done(length));
    Ok(scan)
}

/// The parts behind a header with their size. Where nothing is taken out, the file is as it was.
fn put_together<F: Read + Seek>(input: &mut Input<'_, F>, parts: Vec<Part>, said: u64, length: u64) -> Result<Draft, Fault> {
    let sizes = parts.iter().map(|part| match part {
        Part::Kept(from, to) => to - from,
        Part::Made(bytes) => bytes.len() as u64,
    });
    let bytes: u64 = 4 + sizes.sum::<u64>();
    let mut draft = Draft::default();
    // What was cut off stays missing: the header goes on saying so.
    let size = if said + 8 > length && bytes + 8 == length { said } else { bytes };
    match u32::try_from(size) {
        Ok(_) if size == said => draft.keep(0..12)?,
        Ok(size) => draft.make([b"RIFF", &size.to_le_bytes()[..], b"WEBP"].concat())?,
        Err(_) => return Err(Fault::Unsure("it is too large")),
    }
    let mut at = 12;
    for part in parts {
        match part {
            Part::Kept(from, to) => {
                draft.keep(from..to)?;
                at = to;
            }
            Part::Made(bytes) if input.bytes(at, bytes.len())? == bytes => {
                draft.keep(at..at + bytes.len() as u64)?;
                at += bytes.len() as u64;
            }
            Part::Made(bytes) => {
                at += bytes.len() as u64;
                draft.make(bytes)?;
            }
        }
    }
    Ok(draft)
}

/// Kind and size of the chunk that begins here, unless the file ends.
fn head<F: Read + Seek>(input: &mut Input<'_, F>, at: u64, end: u64) -> Result<Option<([u8; 4], u64)>, Fault> {
    if at + 8 > end {
        return Ok(None);
    }
    let Some(head) = input.array::<8>(at)? else { return Ok(None) };
    let (kind, size) = ([head[0], head[1], head[2], head[3]], u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    if !kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return Err(Fault::Unsure("a chunk is of no known kind"));
    }
    Ok(Some((kind, u64::from(size))))
}

/// That in a frame of an animation there is nothing but pictures.
fn only_pictures<F: Read + Seek>(input: &mut Input<'_, F>, mut at: u64, end: u64) -> Result<(), Fault> {
    while let Some((kind, size)) = head(input, at, end)? {
        if !matches!(&kind, b"VP8 " | b"VP8L" | b"ALPH") {
            return Err(Fault::Unsure("there is something between its frames"));
        }
        at = at + 8 + size + (size & 1);
    }
    Ok(())
}

/// Width and height from the beginning of the coded picture (RFC 6386 section 9.1; RFC 9649 section 3.4).
fn frame_size<F: Read + Seek>(input: &mut Input<'_, F>, kind: &[u8; 4], at: u64) -> Result<(u32, u32), Fault> {
    let Some(first) = input.array::<10>(at)? else { return Ok((0, 0)) };
    if kind == b"VP8 " {
        let side = |at: usize| u32::from(u16::from_le_bytes([first[at], first[at + 1]]) & 0x3fff);
        return Ok(if first[3..6] == [0x9d, 0x01, 0x2a] { (side(6), side(8)) } else { (0, 0) });
    }
    let bits = u32::from_le_bytes([first[1], first[2], first[3], first[4]]);
    Ok(if first[0] == 0x2f { ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1) } else { (0, 0) })
}

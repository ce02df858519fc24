//! JPEG (ITU-T T.81), segment by segment. Kept is what decoders need for the same pixels: tables, frames, scans, the JFIF header without its
//! thumbnail, ICC profiles, Adobe's segment, and the orientation as an Exif of nothing else. All other application segments and comments
//! go, and so does whatever follows the end of the picture (films of motion photos, further pictures of multi-picture files).

use std::io::{Read, Seek};

use super::Scan;
use super::clean::Draft;
use super::input::{Fault, Input};
use super::picture;

/// Bytes of a segment at most, after its marker.
const SEGMENT_BYTES_MAX: usize = 65_535;

pub(super) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let (mut scan, mut draft, length) = (Scan::default(), Draft::default(), input.length());
    let mut at = 2;
    draft.keep(0..at)?;
    while let Some((place, marker)) = marker(input, at)? {
        at = place;
        if marker == 0xd9 {
            draft.keep(at..at + 2)?;
            break;
        }
        let Some(head) = input.array::<4>(at)? else { break };
        let size = u64::from(u16::from_be_bytes([head[2], head[3]]));
        if size < 2 || !matches!(marker, 0xc0..=0xfe) || matches!(marker, 0xc8 | 0xd0..=0xd8 | 0xf0..=0xfd) {
            return Err(Fault::Unsure("a segment is of no known kind"));
        }
        let end = (at + 2 + size).min(length);
        match marker {
            0xe0..=0xef | 0xfe => segment(input, &mut draft, &mut scan, marker, at, end)?,
            0xda => {
                let next = scan_end(input, end)?;
                draft.keep(at..next)?;
                at = next;
                continue;
            }
            _ => {
                let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xcc) && scan.width == 0;
                if let Some(frame) = input.array::<9>(at)?.filter(|_| is_frame) {
                    scan.height = u32::from(u16::from_be_bytes([frame[5], frame[6]]));
                    scan.width = u32::from(u16::from_be_bytes([frame[7], frame[8]]));
                }
                draft.keep(at..end)?;
            }
        }
        at = end;
    }
    if picture::is_turned(scan.orientation) {
        (scan.width, scan.height) = (scan.height, scan.width);
    }
    scan.cleaning = Some(draft.done(length));
    Ok(scan)
}

/// An application segment or a comment.
fn segment<F: Read + Seek>(
    input: &mut Input<'_, F>,
    draft: &mut Draft,
    scan: &mut Scan,
    marker: u8,
    at: u64,
    end: u64,
) -> Result<(), Fault> {
    let inside = input.bytes(at + 4, usize::try_from(end - at).unwrap_or(SEGMENT_BYTES_MAX).min(SEGMENT_BYTES_MAX).saturating_sub(4))?;
    match marker {
        // Version, density, and a thumbnail of no pixels.
        0xe0 if inside.starts_with(b"JFIF\0") && inside.len() >= 14 => {
            if inside.len() == 14 && inside.ends_with(&[0, 0]) {
                draft.keep(at..end)?;
            } else {
                draft.make([&[0xff, 0xe0, 0, 16][..], &inside[..12], &[0, 0]].concat())?;
            }
        }
        0xe1 if inside.starts_with(b"Exif\0") && scan.orientation == 0 => {
            scan.orientation = picture::orientation(inside.get(6..).unwrap_or_default());
            if scan.orientation > 1 {
                let exif = [b"Exif\0\0", &picture::exif(scan.orientation)[..]].concat();
                let size = u16::try_from(exif.len() + 2).unwrap_or_default().to_be_bytes();
                draft.make([&[0xff, 0xe1], &size[..], &exif].concat())?;
            }
        }
        0xe2 if inside.starts_with(b"ICC_PROFILE\0") => draft.keep(at..end)?,
        // How the colours are coded: 12 bytes.
        0xee if inside.starts_with(b"Adobe") && inside.len() >= 12 => {
            if inside.len() == 12 {
                draft.keep(at..end)?;
            } else {
                draft.make([&[0xff, 0xee, 0, 14][..], &inside[..12]].concat())?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Where the next marker is, and which; fill bytes before it are passed over.
fn marker<F: Read + Seek>(input: &mut Input<'_, F>, mut at: u64) -> Result<Option<(u64, u8)>, Fault> {
    loop {
        let Some([first, second]) = input.array::<2>(at)? else { return Ok(None) };
        match (first, second) {
            (0xff, 0xff) => at += 1,
            (0xff, marker) => return Ok(Some((at, marker))),
            _ => return Err(Fault::Unsure("there is something between its segments")),
        }
    }
}

/// Where the entropy-coded data ends that begins here: at a marker other than a restart, or at the end of the file.
fn scan_end<F: Read + Seek>(input: &mut Input<'_, F>, mut at: u64) -> Result<u64, Fault> {
    loop {
        let here = input.at(at)?;
        if here.is_empty() {
            return Ok(at);
        }
        let Some(found) = here.iter().position(|byte| *byte == 0xff) else {
            at += here.len() as u64;
            continue;
        };
        at += found as u64;
        match input.array::<2>(at)? {
            None => return Ok(input.length()),
            // A fill byte belongs to the marker that follows it.
            Some([_, 0xff]) => at += 1,
            Some([_, 0 | 0xd0..=0xd7]) => at += 2,
            Some(_) => return Ok(at),
        }
    }
}

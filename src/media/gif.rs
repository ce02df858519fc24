//! GIF (89a), block by block. Kept are the pictures, their control blocks, texts that are part of the picture, the loop and a colour
//! profile. Comments, XMP and every other application's extension go, and so does what follows the end.

use std::io::{Read, Seek};

use super::Scan;
use super::clean::Draft;
use super::input::{Fault, Input};

/// Applications whose extensions say how it looks: loops, and the profile of the International Color Consortium.
const LOOKS: &[&[u8; 11]] = &[b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let (mut draft, length) = (Draft::default(), input.length());
    let Some(head) = input.array::<13>(0)? else { return Ok(Scan { cleaning: Some(super::Cleaning::whole(length)), ..Scan::default() }) };
    let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let mut at = (13 + table_bytes(head[10])).min(length);
    draft.keep(0..at)?;
    while let Some([introducer]) = input.array::<1>(at)? {
        let label = input.array::<2>(at)?.map_or(0, |bytes| bytes[1]);
        let end = match introducer {
            0x2c => {
                let flags = input.array::<10>(at)?.map_or(0, |descriptor| descriptor[9]);
                blocks_end(input, at + 11 + table_bytes(flags))?
            }
            0x21 => blocks_end(input, at + 2)?,
            0x3b => at + 1,
            _ => return Err(Fault::Unsure("a block is of no known kind")),
        };
        let stays = match (introducer, label) {
            (0x2c | 0x3b, _) | (0x21, 0xf9 | 0x01) => true,
            (0x21, 0xff) => input.array::<14>(at)?.is_some_and(|block| block[2] == 11 && LOOKS.iter().any(|name| block[3..] == name[..])),
            _ => false,
        };
        if stays {
            draft.keep(at..end)?;
        }
        at = end;
        if introducer == 0x3b {
            break;
        }
    }
    Ok(Scan { width: side(6), height: side(8), cleaning: Some(draft.done(length)), ..Scan::default() })
}

/// Bytes of a colour table, as the flags before it say.
fn table_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where the sub-blocks end that begin here.
fn blocks_end<F: Read + Seek>(input: &mut Input<'_, F>, mut at: u64) -> Result<u64, Fault> {
    loop {
        match input.array::<1>(at)? {
            None => return Ok(input.length()),
            Some([0]) => return Ok(at + 1),
            Some([size]) => at += 1 + u64::from(size),
        }
    }
}

//! The ISO base media file format (ISO/IEC 14496-12) and QuickTime, from which it comes: boxes within boxes. Offsets into the file stand in many
//! places, so nothing is taken out: what must go becomes a `free` box of zeros, of the same size in the same place. Only boxes that
//! are known to say how pictures and sounds are played stay.

mod fragment;
mod movie;
mod samples;
mod still;

use std::io::{Read, Seek};

pub(super) use self::movie::scan as scan_movie;
pub(super) use self::still::scan as scan_picture;

use super::clean::Patches;
use super::input::{Fault, Input};

/// The head of a box.
#[derive(Clone, Copy, Debug)]
struct Head {
    kind: [u8; 4],
    /// Where it begins.
    from: u64,
    /// Where what is in it begins.
    inside: u64,
    /// Where it ends; behind the end of the file when that is cut off.
    end: u64,
}

/// The box that begins here, inside one that ends there; none where that one ends.
fn head<F: Read + Seek>(input: &mut Input<'_, F>, from: u64, end: u64) -> Result<Option<Head>, Fault> {
    if from.saturating_add(8) > end {
        return Ok(None);
    }
    let Some(bytes) = input.array::<8>(from)? else { return Ok(None) };
    let (size, kind) = (u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), [bytes[4], bytes[5], bytes[6], bytes[7]]);
    let (inside, size) = match size {
        0 => (from + 8, end - from),
        1 => (from + 16, input.array::<16>(from)?.map_or(0, |bytes| u64::from_be_bytes(std::array::from_fn(|at| bytes[at + 8])))),
        size => (from + 8, u64::from(size)),
    };
    match from.checked_add(size) {
        Some(end) if end >= inside => Ok(Some(Head { kind, from, inside, end })),
        _ => Err(Fault::Unsure("a box has no possible size")),
    }
}

/// The boxes inside a box, which all end where it ends.
fn children<F: Read + Seek>(input: &mut Input<'_, F>, inside: u64, end: u64) -> Result<Vec<Head>, Fault> {
    let (mut found, mut at) = (Vec::new(), inside);
    while let Some(child) = head(input, at, end)? {
        // QuickTime ends some lists with a size of zero.
        if child.end > end || found.len() >= CHILDREN_MAX {
            return Err(Fault::Unsure("a box is larger than the one around it"));
        }
        if input.array::<4>(at)? == Some([0; 4]) {
            break;
        }
        at = child.end;
        found.push(child);
    }
    Ok(found)
}

/// Boxes in one box: a film has a few tracks, a track a few tables.
const CHILDREN_MAX: usize = 4_096;

impl Patches {
    /// The box becomes a free one.
    fn free(&mut self, head: Head, length: u64) -> Result<(), Fault> {
        self.put(head.from + 4..(head.from + 8).min(length), b"free".to_vec())?;
        self.zero(head.inside..head.end.min(length).max(head.inside))
    }
}

fn u32_at<F: Read + Seek>(input: &mut Input<'_, F>, at: u64) -> Result<u32, Fault> {
    Ok(input.array::<4>(at)?.map_or(0, u32::from_be_bytes))
}

fn u64_at<F: Read + Seek>(input: &mut Input<'_, F>, at: u64) -> Result<u64, Fault> {
    Ok(input.array::<8>(at)?.map_or(0, u64::from_be_bytes))
}

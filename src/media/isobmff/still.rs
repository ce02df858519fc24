//! Pictures in boxes: AVIF and HEIC (ISO/IEC 23008-12). Exif and XMP are items beside the coded picture. They are overwritten with empty
//! ones of the same size; how the picture is turned does not stand in them, but in its properties.

use std::io::{Read, Seek};
use std::ops::Range;

use super::{Head, children, head, u32_at};
use crate::media::Scan;
use crate::media::clean::Patches;
use crate::media::input::{Fault, Input};
use crate::types::limits::HEIF_ITEMS_MAX;

/// Items that are pictures, or say how several become one.
const LOOKS: &[&[u8; 4]] =
    &[b"av01", b"hvc1", b"hev1", b"avc1", b"jpeg", b"j2k1", b"vvc1", b"grid", b"iovl", b"iden", b"tmap", b"tili", b"unci"];

/// An empty XMP packet, as far as it is read.
const NO_XMP: &[u8] = b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>";

/// Boxes of the `meta` box that matter.
#[derive(Default)]
struct Meta {
    primary: Option<Head>,
    items: Option<Head>,
    places: Option<Head>,
    properties: Option<Head>,
    data: Option<Head>,
}

pub(in crate::media) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let (length, mut at, mut patches, mut scan, mut has_meta) = (input.length(), 0, Patches::default(), Scan::default(), false);
    let mut end = length;
    while at < length {
        let head = match head(input, at, length) {
            Ok(Some(head)) => head,
            Err(Fault::Io(error)) => return Err(error.into()),
            _ if has_meta => {
                end = at;
                break;
            }
            _ => return Err(Fault::Unsure("it does not begin as a picture does")),
        };
        match &head.kind {
            b"ftyp" | b"mdat" | b"moov" => {}
            b"meta" if !has_meta && head.end <= length => {
                has_meta = true;
                meta(input, head, &mut patches, &mut scan)?;
            }
            b"free" | b"skip" => patches.zero(head.inside..head.end.min(length))?,
            b"meta" => return Err(Fault::Unsure("it is cut off")),
            _ => patches.free(head, length)?,
        }
        // A sequence of pictures is a film, with all that a film can tell.
        if &head.kind == b"moov" {
            return Err(Fault::Unsure("it is a film"));
        }
        at = head.end;
    }
    if !has_meta {
        return Err(Fault::Unsure("it does not begin as a picture does"));
    }
    scan.cleaning = Some(patches.done(end, length)?);
    Ok(scan)
}

fn meta<F: Read + Seek>(input: &mut Input<'_, F>, head: Head, patches: &mut Patches, scan: &mut Scan) -> Result<(), Fault> {
    let mut found = Meta::default();
    for child in children(input, head.inside + 4, head.end)? {
        match &child.kind {
            b"hdlr" => patches.zero((child.inside + 12).min(child.end)..child.end)?,
            b"pitm" => found.primary = Some(child),
            b"iinf" => found.items = Some(child),
            b"iloc" => found.places = Some(child),
            b"iprp" => found.properties = Some(child),
            b"idat" => found.data = Some(child),
            b"iref" | b"grpl" | b"dinf" => {}
            _ => patches.free(child, input.length())?,
        }
    }
    let (Some(items), Some(places)) = (found.items, found.places) else { return Err(Fault::Unsure("it does not list its parts")) };
    let metadata = metadata_items(input, items)?;
    let places = extents(input, places, found.data)?;
    for (item, kind) in metadata {
        let Some((_, extents)) = places.iter().find(|(number, _)| *number == item) else { continue };
        let Some(extents) = extents else { return Err(Fault::Unsure("its metadata lies where it cannot be removed")) };
        let empty = match &kind {
            // Four bytes to skip, and a TIFF with no entry.
            b"Exif" => [&[0; 4][..], b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"].concat(),
            b"mime" => NO_XMP.to_vec(),
            _ => Vec::new(),
        };
        for (at, extent) in extents.iter().enumerate() {
            let fits = at == 0 && extent.end - extent.start >= empty.len() as u64;
            patches.put(extent.clone(), if fits { empty.clone() } else { Vec::new() })?;
        }
    }
    if let (Some(primary), Some(properties)) = (found.primary, found.properties) {
        (scan.width, scan.height) = size(input, primary, properties)?;
    }
    Ok(())
}

/// Items that are no pictures, with their kinds.
fn metadata_items<F: Read + Seek>(input: &mut Input<'_, F>, items: Head) -> Result<Vec<(u32, [u8; 4])>, Fault> {
    let version = input.array::<1>(items.inside)?.map_or(0, |bytes| bytes[0]);
    let mut found = Vec::new();
    for entry in children(input, items.inside + if version == 0 { 6 } else { 8 }, items.end)? {
        let Some(first) = input.array::<14>(entry.inside)?.filter(|_| &entry.kind == b"infe" && entry.end - entry.inside >= 12) else {
            return Err(Fault::Unsure("a part is of no known kind"));
        };
        let (item, kind) = match first[0] {
            2 => (u32::from(u16::from_be_bytes([first[4], first[5]])), [first[8], first[9], first[10], first[11]]),
            3 => (u32::from_be_bytes([first[4], first[5], first[6], first[7]]), [first[10], first[11], first[12], first[13]]),
            _ => return Err(Fault::Unsure("a part is of no known kind")),
        };
        if !LOOKS.contains(&&kind) {
            found.push((item, kind));
        }
    }
    Ok(found)
}

/// Where each item lies in the file; none for one that lies elsewhere (ISO/IEC 14496-12 section 8.11.3).
type Extents = Vec<(u32, Option<Vec<Range<u64>>>)>;

fn extents<F: Read + Seek>(input: &mut Input<'_, F>, places: Head, data: Option<Head>) -> Result<Extents, Fault> {
    let Some(first) = input.array::<6>(places.inside)? else { return Err(Fault::Unsure("it is cut off")) };
    let version = first[0];
    let (offset, length, base, index) = (first[4] >> 4, first[4] & 15, first[5] >> 4, if version == 0 { 0 } else { first[5] & 15 });
    if version > 2 || [offset, length, base, index].iter().any(|size| !matches!(size, 0 | 4 | 8)) {
        return Err(Fault::Unsure("its list of places has another form"));
    }
    let mut at = places.inside + 6;
    let mut number = |input: &mut Input<'_, F>, size: u8| -> Result<u64, Fault> {
        let bytes = input.bytes(at, usize::from(size))?;
        at += u64::from(size);
        if bytes.len() < usize::from(size) || at > places.end {
            return Err(Fault::Unsure("its list of places is cut off"));
        }
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let narrow = if version == 2 { 4 } else { 2 };
    let count = number(input, narrow)?;
    let (mut found, mut total) = (Vec::new(), 0);
    for _ in 0..count {
        let item = u32::try_from(number(input, narrow)?).unwrap_or(u32::MAX);
        let method = if version == 0 { 0 } else { number(input, 2)? & 15 };
        let elsewhere = number(input, 2)?;
        let base = number(input, base)?;
        let mut ranges = Vec::new();
        for _ in 0..number(input, 2)? {
            number(input, index)?;
            let (from, size) = (number(input, offset)?, number(input, length)?);
            let from = base.saturating_add(from).saturating_add(if method == 1 { data.map_or(0, |data| data.inside) } else { 0 });
            let to = if length == 0 { input.length() } else { from.saturating_add(size) }.min(input.length());
            ranges.push(from.min(to)..to);
            total += 1;
            if total > HEIF_ITEMS_MAX {
                return Err(Fault::Unsure("it has too many parts"));
            }
        }
        let is_here = elsewhere == 0 && (method == 0 || method == 1 && data.is_some());
        found.push((item, is_here.then_some(ranges)));
    }
    Ok(found)
}

/// Width and height of the primary item, turned as it says (ISO/IEC 14496-12 section 8.11.14; 23008-12 sections 6.5.3 and 6.5.10).
fn size<F: Read + Seek>(input: &mut Input<'_, F>, primary: Head, properties: Head) -> Result<(u32, u32), Fault> {
    let version = input.array::<1>(primary.inside)?.map_or(0, |bytes| bytes[0]);
    let number = u32_at(input, primary.inside + 4)?;
    let primary = if version == 0 { number >> 16 } else { number };
    let boxes = children(input, properties.inside, properties.end)?;
    let Some(list) = boxes.iter().find(|child| &child.kind == b"ipco") else { return Ok((0, 0)) };
    let list = children(input, list.inside, list.end)?;
    let (mut width, mut height, mut is_turned) = (0, 0, false);
    for links in boxes.iter().filter(|child| &child.kind == b"ipma") {
        let first = input.array::<4>(links.inside)?.unwrap_or_default();
        let (item_bytes, link_bytes) = (if first[0] == 0 { 2 } else { 4 }, if first[3] & 1 == 1 { 2 } else { 1 });
        let (count, mut at) = (u32_at(input, links.inside + 4)?, links.inside + 8);
        for _ in 0..count {
            if at + item_bytes + 1 > links.end {
                break;
            }
            let item = u32_at(input, at)? >> if item_bytes == 2 { 16 } else { 0 };
            let linked = input.array::<1>(at + item_bytes)?.map_or(0, |bytes| u64::from(bytes[0]));
            at += item_bytes + 1;
            for link in (0..linked).filter(|_| item == primary) {
                let index = u32_at(input, at + link * link_bytes)? >> if link_bytes == 2 { 16 } else { 24 };
                let index = index & if link_bytes == 2 { 0x7fff } else { 0x7f };
                let Some(property) = (index as usize).checked_sub(1).and_then(|index| list.get(index)) else { continue };
                match &property.kind {
                    b"ispe" => (width, height) = (u32_at(input, property.inside + 4)?, u32_at(input, property.inside + 8)?),
                    b"irot" => is_turned = input.array::<1>(property.inside)?.is_some_and(|bytes| bytes[0] & 1 == 1),
                    _ => {}
                }
            }
            at += linked * link_bytes;
        }
    }
    Ok(if is_turned { (height, width) } else { (width, height) })
}

//! Matroska and WebM (RFC 9559, RFC 8794), element by element. Read are size, duration and, for a poster, the first key frame in VP8, which is what
//! a WebP file holds too. Tags, attachments and the date become void elements of the same size, so that nothing moves.

use std::io::{Read, Seek};

use super::Scan;
use super::clean::Patches;
use super::input::{Fault, Input};
use crate::types::limits::{FRAME_FILE_BYTES_MAX, MATROSKA_ELEMENTS_MAX};
use crate::wire::media::MediaKind;

const HEADER: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TAGS: u32 = 0x1254_c367;
const ATTACHMENTS: u32 = 0x1941_a469;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const BLOCK_GROUP: u32 = 0xa0;

/// An element.
#[derive(Clone, Copy, Debug)]
struct Element {
    id: u32,
    from: u64,
    inside: u64,
    /// Behind its last byte; of unknown size: none.
    end: Option<u64>,
}

/// What a walk gathers.
#[derive(Default)]
struct Walk {
    patches: Patches,
    scan: Scan,
    elements: usize,
    /// Nanoseconds of a tick.
    scale: u64,
    has_video: bool,
    has_sound: bool,
    /// The number of the first track of pictures, and whether they are in VP8.
    video: Option<(u64, bool)>,
    cluster_ticks: u64,
    last_ticks: u64,
}

pub(super) fn scan<F: Read + Seek>(input: &mut Input<'_, F>) -> Result<Scan, Fault> {
    let length = input.length();
    let mut walk = Walk { scale: 1_000_000, ..Walk::default() };
    let mut at = 0;
    while let Some(element) = walk.element(input, at)? {
        match element.id {
            SEGMENT => {
                at = element.inside;
                continue;
            }
            INFO => walk.info(input, element)?,
            TRACKS => walk.tracks(input, element)?,
            TAGS | ATTACHMENTS => walk.void(element, length)?,
            CLUSTER => {
                at = walk.cluster(input, element)?;
                continue;
            }
            _ => {}
        }
        at = element.end.ok_or(Fault::Unsure("a part has no size"))?;
    }
    if walk.scan.duration_ms == 0 {
        walk.scan.duration_ms = ms(walk.last_ticks as f64, walk.scale);
    }
    let mut scan = walk.scan;
    if walk.has_sound && !walk.has_video {
        scan.kind = Some(MediaKind::Audio);
    }
    scan.cleaning = Some(walk.patches.done(length, length)?);
    Ok(scan)
}

impl Walk {
    /// The element that begins here; none at the end of the file.
    fn element<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, from: u64) -> Result<Option<Element>, Fault> {
        self.elements += 1;
        if self.elements > MATROSKA_ELEMENTS_MAX {
            return Err(Fault::Unsure("it has too many parts"));
        }
        let head = input.bytes(from, 12)?;
        let Some(first) = head.first() else { return Ok(None) };
        let id_bytes = first.leading_zeros() as usize + 1;
        let Some(size_first) = head.get(id_bytes).filter(|_| id_bytes <= 4) else { return self.cut_off(input, from) };
        let id = head[..id_bytes].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let size_bytes = size_first.leading_zeros() as usize + 1;
        let Some(size) = head.get(id_bytes..id_bytes + size_bytes).filter(|_| size_bytes <= 8) else { return self.cut_off(input, from) };
        let size = size.iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
        let mask = (1_u64 << (7 * size_bytes)) - 1;
        let inside = from + (id_bytes + size_bytes) as u64;
        let end = (size & mask != mask).then(|| inside.saturating_add(size & mask));
        Ok(Some(Element { id, from, inside, end }))
    }

    /// A head that ends with the file; anything else is no element.
    fn cut_off<F: Read + Seek>(&self, input: &Input<'_, F>, from: u64) -> Result<Option<Element>, Fault> {
        if input.length() - from < 12 { Ok(None) } else { Err(Fault::Unsure("a part is of no known kind")) }
    }

    fn children<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, parent: Element) -> Result<Vec<Element>, Fault> {
        let end = parent.end.ok_or(Fault::Unsure("a part has no size"))?.min(input.length());
        let (mut found, mut at) = (Vec::new(), parent.inside);
        while at < end {
            let Some(child) = self.element(input, at)? else { break };
            at = child.end.ok_or(Fault::Unsure("a part has no size"))?;
            if at > end && end < input.length() {
                return Err(Fault::Unsure("a part is larger than the one around it"));
            }
            found.push(child);
        }
        Ok(found)
    }

    fn info<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, info: Element) -> Result<(), Fault> {
        let mut duration = 0.0;
        for child in self.children(input, info)? {
            match child.id {
                0x2a_d7b1 => self.scale = number(input, child)?,
                0x4489 => duration = float(input, child)?,
                // Date, title, file names, and which programs made it.
                0x4461 | 0x7ba9 | 0x7384 | 0x3c_83ab | 0x3e_83bb => self.void(child, input.length())?,
                0x4d80 | 0x5741 => self.patches.zero(child.inside..child.end.unwrap_or(child.inside).min(input.length()))?,
                _ => {}
            }
        }
        self.scan.duration_ms = ms(duration, self.scale);
        Ok(())
    }

    fn tracks<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, tracks: Element) -> Result<(), Fault> {
        for track in self.children(input, tracks)?.into_iter().filter(|child| child.id == TRACK) {
            let (mut kind, mut track_number, mut codec, mut size) = (0, 0, Vec::new(), (0, 0));
            for child in self.children(input, track)? {
                match child.id {
                    0x83 => kind = number(input, child)?,
                    0xd7 => track_number = number(input, child)?,
                    0x86 => codec = input.bytes(child.inside, 32.min(child.end.map_or(0, |end| (end - child.inside) as usize)))?,
                    VIDEO => size = self.size(input, child)?,
                    // A track's name.
                    0x536e => self.void(child, input.length())?,
                    _ => {}
                }
            }
            self.has_sound |= kind == 2;
            if kind == 1 && !self.has_video {
                self.has_video = true;
                self.video = Some((track_number, codec == b"V_VP8"));
                (self.scan.width, self.scan.height) = size;
            }
        }
        Ok(())
    }

    /// As it is to be shown, or as it is coded.
    fn size<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, video: Element) -> Result<(u32, u32), Fault> {
        let (mut coded, mut shown, mut unit) = ((0, 0), (0, 0), 0);
        for child in self.children(input, video)? {
            let side = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            match child.id {
                0xb0 => coded.0 = side(number(input, child)?),
                0xba => coded.1 = side(number(input, child)?),
                0x54b0 => shown.0 = side(number(input, child)?),
                0x54ba => shown.1 = side(number(input, child)?),
                0x54b2 => unit = number(input, child)?,
                _ => {}
            }
        }
        Ok(if unit == 0 && shown.0 > 0 && shown.1 > 0 { shown } else { coded })
    }

    /// Goes through a cluster when something of it is wanted; gives where the next element begins.
    fn cluster<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, cluster: Element) -> Result<u64, Fault> {
        let wants_frame = self.scan.frame.is_none() && self.video.is_some_and(|(_, is_vp8)| is_vp8);
        if let Some(end) = cluster.end.filter(|_| self.scan.duration_ms > 0 && !wants_frame) {
            return Ok(end);
        }
        let mut at = cluster.inside;
        while cluster.end.is_none_or(|end| at < end) {
            let Some(child) = self.element(input, at)? else { return Ok(input.length()) };
            match child.id {
                // What may follow a cluster of unknown size.
                CLUSTER | SEGMENT | INFO | TRACKS | TAGS | ATTACHMENTS | HEADER | 0x1c53_bb6b | 0x1043_a770 | 0x114d_9b74 => return Ok(at),
                0xe7 => self.cluster_ticks = number(input, child)?,
                0xa3 => self.block(input, child, true)?,
                BLOCK_GROUP => {
                    for part in self.children(input, child)?.into_iter().filter(|part| part.id == 0xa1) {
                        self.block(input, part, false)?;
                    }
                }
                _ => {}
            }
            at = child.end.ok_or(Fault::Unsure("a part has no size"))?;
        }
        Ok(at)
    }

    /// Track number, time since the cluster's, flags, and a frame.
    fn block<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, block: Element, is_simple: bool) -> Result<(), Fault> {
        let Some([track, high, low, flags]) = input.array::<4>(block.inside)?.filter(|head| head[0] & 0x80 != 0) else { return Ok(()) };
        let ticks = i64::try_from(self.cluster_ticks).unwrap_or(i64::MAX).saturating_add(i64::from(i16::from_be_bytes([high, low])));
        self.last_ticks = self.last_ticks.max(u64::try_from(ticks).unwrap_or(0));
        let wanted = self.video.is_some_and(|(number, is_vp8)| is_vp8 && number == u64::from(track & 0x7f)) && self.scan.frame.is_none();
        let size = block.end.map_or(0, |end| end.saturating_sub(block.inside + 4));
        let may_be_key = if is_simple { flags & 0x80 != 0 } else { true };
        if wanted && may_be_key && flags & 0x06 == 0 && size <= FRAME_FILE_BYTES_MAX {
            let frame = input.bytes(block.inside + 4, usize::try_from(size).unwrap_or_default())?;
            // The frame tag's lowest bit is 0 for a key frame (RFC 6386 section 9.1).
            if frame.first().is_some_and(|tag| tag & 1 == 0) {
                self.scan.frame = Some(webp(&frame));
            }
        }
        Ok(())
    }

    /// Becomes an element that says nothing, of the same size: `Void`, whose id is a byte and whose size here takes up to eight.
    fn void(&mut self, element: Element, length: u64) -> Result<(), Fault> {
        let end = element.end.ok_or(Fault::Unsure("a part has no size"))?;
        let whole = end - element.from;
        let head = match whole {
            0..=1 => return Err(Fault::Unsure("a part is too small")),
            2..=9 => vec![0xec, 0x80 | (whole - 2) as u8],
            _ => [&[0xec, 0x01][..], &(whole - 9).to_be_bytes()[1..]].concat(),
        };
        self.patches.put(element.from..end.min(length).max(element.from + head.len() as u64), head)
    }
}

/// A picture in VP8 as a file of WebP (RFC 9649 section 2.5).
fn webp(frame: &[u8]) -> Vec<u8> {
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or_default().to_le_bytes();
    let pad = vec![0; frame.len() & 1];
    [b"RIFF", &size(12 + frame.len() + pad.len())[..], b"WEBPVP8 ", &size(frame.len()), frame, &pad].concat()
}

fn number<F: Read + Seek>(input: &mut Input<'_, F>, element: Element) -> Result<u64, Fault> {
    let size = element.end.map_or(0, |end| end.saturating_sub(element.inside)).min(8);
    let bytes = input.bytes(element.inside, usize::try_from(size).unwrap_or_default())?;
    Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn float<F: Read + Seek>(input: &mut Input<'_, F>, element: Element) -> Result<f64, Fault> {
    let number = number(input, element)?;
    let size = element.end.map_or(0, |end| end.saturating_sub(element.inside));
    Ok(match size {
        4 => f64::from(f32::from_bits(u32::try_from(number).unwrap_or_default())),
        8 => f64::from_bits(number),
        _ => 0.0,
    })
}

fn ms(ticks: f64, scale: u64) -> u32 {
    (ticks * scale as f64 / 1e6).clamp(0.0, f64::from(u32::MAX)) as u32
}

//! How long a film in fragments plays (ISO/IEC 14496-12, 8.8): its header does not say; each fragment says when it begins and how long its samples are.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::{Head, children, u32_at, u64_at};
use crate::media::input::{Fault, Input};

/// What the tracks of a film say of time.
#[derive(Default)]
pub(super) struct Times {
    tracks: BTreeMap<u32, Track>,
    /// The track that is being read.
    current: u32,
}

#[derive(Clone, Copy, Default)]
struct Track {
    /// Ticks in a second.
    scale: u32,
    /// Of a sample that does not say how long it is.
    default: u32,
    /// Where the last fragment ended.
    end: u64,
}

/// Tracks whose times are followed.
const TRACKS_MAX: usize = 64;

impl Times {
    /// A header of a track.
    pub(super) fn on_track<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, head: Head) -> Result<(), Fault> {
        let times = if version(input, head)? == 1 { 20 } else { 12 };
        self.current = u32_at(input, head.inside + times)?;
        Ok(())
    }

    /// The time scale of the track whose header came last.
    pub(super) fn on_scale(&mut self, scale: u32) {
        if let Some(track) = self.track(self.current) {
            track.scale = scale;
        }
    }

    /// What holds for all fragments of a track (`trex`).
    pub(super) fn on_extends<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, head: Head) -> Result<(), Fault> {
        let (number, default) = (u32_at(input, head.inside + 4)?, u32_at(input, head.inside + 12)?);
        if let Some(track) = self.track(number) {
            track.default = default;
        }
        Ok(())
    }

    fn track(&mut self, number: u32) -> Option<&mut Track> {
        let has_room = self.tracks.len() < TRACKS_MAX || self.tracks.contains_key(&number);
        has_room.then(|| self.tracks.entry(number).or_default())
    }

    /// What a fragment holds of one track (`traf`).
    pub(super) fn on_fragment<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, fragment: Head) -> Result<(), Fault> {
        let parts = children(input, fragment.inside, fragment.end)?;
        let Some(header) = parts.iter().find(|part| &part.kind == b"tfhd") else { return Ok(()) };
        let (flags, number) = (u32_at(input, header.inside)?, u32_at(input, header.inside + 4)?);
        let Some(mut track) = self.tracks.get(&number).copied() else { return Ok(()) };
        let mut default = track.default;
        if flags & 0x8 != 0 {
            let before = [(0x1, 8), (0x2, 4)].iter().filter(|(flag, _)| flags & flag != 0).map(|(_, bytes)| bytes).sum::<u64>();
            default = u32_at(input, header.inside + 8 + before)?;
        }
        for part in &parts {
            match &part.kind {
                b"tfdt" if version(input, *part)? == 1 => track.end = u64_at(input, part.inside + 4)?,
                b"tfdt" => track.end = u64::from(u32_at(input, part.inside + 4)?),
                b"trun" => track.end = track.end.saturating_add(run(input, *part, default)?),
                _ => {}
            }
        }
        self.tracks.insert(number, track);
        Ok(())
    }

    /// The longest track, in milliseconds; 0 when none says anything.
    pub(super) fn duration_ms(&self) -> u32 {
        let tracks = self.tracks.values().filter(|track| track.scale > 0);
        tracks.map(|track| super::movie::milliseconds(track.end, track.scale)).max().unwrap_or(0)
    }
}

/// Ticks of the samples of a run (`trun`).
fn run<F: Read + Seek>(input: &mut Input<'_, F>, head: Head, default: u32) -> Result<u64, Fault> {
    let (flags, count) = (u32_at(input, head.inside)?, u32_at(input, head.inside + 4)?);
    if flags & 0x100 == 0 {
        return Ok(u64::from(count) * u64::from(default));
    }
    let before = [0x1, 0x4].iter().filter(|flag| flags & *flag != 0).count() as u64 * 4;
    let each = [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| flags & *flag != 0).count() as u64 * 4;
    let from = head.inside + 8 + before;
    // Not more than fit into the box, whatever it claims.
    let count = u64::from(count).min(head.end.saturating_sub(from) / each);
    (0..count).try_fold(0_u64, |sum, at| Ok(sum.saturating_add(u64::from(u32_at(input, from + at * each)?))))
}

fn version<F: Read + Seek>(input: &mut Input<'_, F>, head: Head) -> Result<u8, Fault> {
    Ok(input.array::<1>(head.inside)?.map_or(0, |bytes| bytes[0]))
}

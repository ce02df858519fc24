//! Where the samples of a track lie in the file.

use std::io::{Read, Seek};

use super::{Head, children, u32_at, u64_at};
use crate::media::clean::Patches;
use crate::media::input::{Fault, Input};
use crate::types::limits::MEDIA_PIECES_MAX;

/// The tables that say it (ISO/IEC 14496-12 sections 8.7.3 to 8.7.5).
#[derive(Default)]
struct Tables {
    sizes: Option<Head>,
    chunks: Option<Head>,
    offsets: Option<Head>,
}

/// The samples of a track become zeros.
pub(super) fn blank<F: Read + Seek>(input: &mut Input<'_, F>, track: Head, patches: &mut Patches) -> Result<(), Fault> {
    let mut tables = Tables::default();
    for media in children(input, track.inside, track.end)?.into_iter().filter(|child| &child.kind == b"mdia") {
        for information in children(input, media.inside, media.end)?.into_iter().filter(|child| &child.kind == b"minf") {
            for list in children(input, information.inside, information.end)?.into_iter().filter(|child| &child.kind == b"stbl") {
                for table in children(input, list.inside, list.end)? {
                    match &table.kind {
                        b"stsz" => tables.sizes = Some(table),
                        b"stsc" => tables.chunks = Some(table),
                        b"stco" | b"co64" => tables.offsets = Some(table),
                        b"stz2" => return Err(Fault::Unsure("a track of data has sizes of another form")),
                        _ => {}
                    }
                }
            }
        }
    }
    let Tables { sizes: Some(sizes), chunks: Some(chunks), offsets: Some(offsets) } = tables else {
        return Err(Fault::Unsure("a track of data does not say where it lies"));
    };
    let count =
        |table: Head, entry: u64, head: u64, said: u32| u64::from(said).min((table.end - table.inside).saturating_sub(head) / entry);
    let (one_size, said) = (u32_at(input, sizes.inside + 4)?, u32_at(input, sizes.inside + 8)?);
    let samples = if one_size > 0 { u64::from(said) } else { count(sizes, 4, 12, said) };
    let is_wide = &offsets.kind == b"co64";
    let said = u32_at(input, offsets.inside + 4)?;
    let chunk_count = count(offsets, if is_wide { 8 } else { 4 }, 8, said);
    let said = u32_at(input, chunks.inside + 4)?;
    let runs = count(chunks, 12, 8, said);
    if samples > MEDIA_PIECES_MAX as u64 || chunk_count > MEDIA_PIECES_MAX as u64 || runs > MEDIA_PIECES_MAX as u64 {
        return Err(Fault::Unsure("it has too many parts"));
    }
    // Runs of chunks with the same number of samples; each begins with the chunk it names, counted from 1.
    let mut per_chunk = Vec::new();
    for run in 0..runs {
        let entry = chunks.inside + 8 + 12 * run;
        per_chunk.push((u64::from(u32_at(input, entry)?), u64::from(u32_at(input, entry + 4)?)));
    }
    let (mut run, mut sample) = (0, 0_u64);
    for chunk in 0..chunk_count {
        let at = if is_wide {
            u64_at(input, offsets.inside + 8 + 8 * chunk)?
        } else {
            u64::from(u32_at(input, offsets.inside + 8 + 4 * chunk)?)
        };
        while per_chunk.get(run + 1).is_some_and(|next| next.0 <= chunk + 1) {
            run += 1;
        }
        let in_chunk = per_chunk.get(run).map_or(0, |run| run.1).min(samples - sample);
        let mut bytes = 0_u64;
        for number in sample..sample + in_chunk {
            bytes += if one_size > 0 { u64::from(one_size) } else { u64::from(u32_at(input, sizes.inside + 12 + 4 * number)?) };
        }
        sample += in_chunk;
        let end = at.saturating_add(bytes).min(input.length());
        patches.zero(at.min(end)..end)?;
    }
    if sample < samples {
        return Err(Fault::Unsure("a track of data does not say where it lies"));
    }
    Ok(())
}

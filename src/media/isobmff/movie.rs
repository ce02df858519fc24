//! Films and recordings: MP4, M4A, 3GP and QuickTime.

use std::io::{Read, Seek};

use super::fragment::Times;
use super::{Head, children, head, samples, u32_at, u64_at};
use crate::media::Scan;
use crate::media::clean::Patches;
use crate::media::input::{Fault, Input};
use crate::wire::media::MediaKind;

/// What a film is played by: tracks of these handlers stay, the samples of all others (places, movements, faces, times of day) go.
const PLAYED: &[&[u8; 4]] = &[b"vide", b"soun", b"text", b"sbtl", b"subt", b"clcp"];

/// What a walk gathers.
#[derive(Default)]
struct Film {
    scan: Scan,
    patches: Patches,
    has_video: bool,
    has_sound: bool,
    is_fragmented: bool,
    /// A track went whose samples lie somewhere in the film.
    lost_track: bool,
    /// Keep what a song is called: of no voice message.
    keep_titles: bool,
    times: Times,
}

pub(in crate::media) fn scan<F: Read + Seek>(input: &mut Input<'_, F>, as_voice: bool) -> Result<Scan, Fault> {
    let length = input.length();
    let (mut at, mut end, mut film) = (0, length, Film { keep_titles: !as_voice, ..Film::default() });
    let mut has_movie = false;
    while at < length {
        let head = match head(input, at, length) {
            Ok(Some(head)) if head.kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ' || *byte == 0xa9) => head,
            Err(Fault::Io(error)) => return Err(error.into()),
            // What follows a film, and is no box of one, is not played.
            _ if has_movie => {
                end = at;
                break;
            }
            _ => return Err(Fault::Unsure("it does not begin as a film does")),
        };
        match &head.kind {
            b"ftyp" | b"styp" | b"mdat" | b"pdin" | b"wide" | b"sidx" | b"ssix" | b"mfra" | b"prft" => {}
            b"moov" if head.end <= length => {
                has_movie = true;
                film.movie(input, head)?;
            }
            b"moof" if head.end <= length => {
                film.is_fragmented = true;
                film.fragment(input, head)?;
            }
            b"free" | b"skip" => film.patches.zero(head.inside..head.end.min(length))?,
            b"moov" | b"moof" => return Err(Fault::Unsure("it is cut off")),
            _ => film.patches.free(head, length)?,
        }
        at = head.end;
    }
    if film.lost_track && film.is_fragmented {
        return Err(Fault::Unsure("a track of data is spread over its fragments"));
    }
    let mut scan = film.scan;
    if scan.duration_ms == 0 {
        scan.duration_ms = film.times.duration_ms();
    }
    scan.kind = match (film.has_video, film.has_sound) {
        (false, true) => Some(MediaKind::Audio),
        _ => None,
    };
    scan.cleaning = Some(film.patches.done(end, length)?);
    Ok(scan)
}

impl Film {
    fn movie<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, movie: Head) -> Result<(), Fault> {
        let children = children(input, movie.inside, movie.end)?;
        let only_sound = !self.shows_pictures(input, &children)?;
        for child in children {
            match &child.kind {
                b"mvhd" => {
                    let (scale, duration) = self.timed(input, child)?;
                    if self.scan.duration_ms == 0 {
                        self.scan.duration_ms = milliseconds(duration, scale);
                    }
                }
                b"trak" => self.track(input, child)?,
                b"iods" => {}
                b"mvex" => self.extends(input, child)?,
                b"udta" if only_sound && self.keep_titles => self.song(input, child)?,
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    fn shows_pictures<F: Read + Seek>(&self, input: &mut Input<'_, F>, movie: &[Head]) -> Result<bool, Fault> {
        for track in movie.iter().filter(|child| &child.kind == b"trak") {
            if handler(input, *track)? == *b"vide" {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The times in a header are of its making; gives its time scale and duration.
    fn timed<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, head: Head) -> Result<(u32, u64), Fault> {
        let version = input.array::<1>(head.inside)?.map_or(0, |bytes| bytes[0]);
        let wide = if version == 1 { 8 } else { 4 };
        let times = head.inside + 4..head.inside + 4 + 2 * wide;
        if times.end > head.end {
            return Err(Fault::Unsure("a header is cut off"));
        }
        self.patches.zero(times.clone())?;
        let scale = u32_at(input, times.end)?;
        let duration = if version == 1 { u64_at(input, times.end + 4)? } else { u64::from(u32_at(input, times.end + 4)?) };
        let is_known = duration != u64::MAX && (version == 1 || duration != u64::from(u32::MAX));
        Ok((scale, if is_known { duration } else { 0 }))
    }

    /// What holds for all fragments.
    fn extends<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, extends: Head) -> Result<(), Fault> {
        for child in children(input, extends.inside, extends.end)? {
            match &child.kind {
                b"trex" => self.times.on_extends(input, child)?,
                b"mehd" | b"leva" => {}
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    fn track<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, track: Head) -> Result<(), Fault> {
        let handler = handler(input, track)?;
        if !PLAYED.contains(&&handler) {
            self.lost_track = true;
            samples::blank(input, track, &mut self.patches)?;
            return self.patches.free(track, input.length());
        }
        self.has_video |= handler == *b"vide";
        self.has_sound |= handler == *b"soun";
        for child in children(input, track.inside, track.end)? {
            match &child.kind {
                b"tkhd" => self.track_header(input, child, handler == *b"vide")?,
                b"mdia" => self.media(input, child, &handler)?,
                b"edts" | b"tref" | b"tapt" | b"load" | b"clip" | b"matt" => {}
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    /// Width and height after the turn that its matrix says, from the first track of pictures.
    fn track_header<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, head: Head, is_video: bool) -> Result<(), Fault> {
        self.timed(input, head)?;
        self.times.on_track(input, head)?;
        let version = input.array::<1>(head.inside)?.map_or(0, |bytes| bytes[0]);
        let matrix = head.inside + if version == 1 { 52 } else { 40 };
        if !is_video || self.scan.width > 0 || matrix + 44 > head.end {
            return Ok(());
        }
        let (width, height) = (u32_at(input, matrix + 36)? >> 16, u32_at(input, matrix + 40)? >> 16);
        let is_turned = u32_at(input, matrix)? == 0 && u32_at(input, matrix + 16)? == 0;
        (self.scan.width, self.scan.height) = if is_turned { (height, width) } else { (width, height) };
        Ok(())
    }

    fn media<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, media: Head, handler: &[u8; 4]) -> Result<(), Fault> {
        for child in children(input, media.inside, media.end)? {
            match &child.kind {
                b"mdhd" => {
                    let (scale, duration) = self.timed(input, child)?;
                    self.times.on_scale(scale);
                    if self.scan.duration_ms == 0 {
                        self.scan.duration_ms = milliseconds(duration, scale);
                    }
                }
                b"hdlr" => self.handler_name(child)?,
                b"minf" => self.information(input, child, handler)?,
                b"elng" => {}
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    /// A handler's maker and name name the device or program: five fields of four bytes come first.
    fn handler_name(&mut self, head: Head) -> Result<(), Fault> {
        let name = head.inside + 12..head.end;
        if name.start > name.end {
            return Err(Fault::Unsure("a header is cut off"));
        }
        self.patches.zero(name)
    }

    fn information<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, information: Head, handler: &[u8; 4]) -> Result<(), Fault> {
        for child in children(input, information.inside, information.end)? {
            match &child.kind {
                b"vmhd" | b"smhd" | b"hmhd" | b"nmhd" | b"gmhd" | b"sthd" => {}
                b"hdlr" => self.handler_name(child)?,
                b"dinf" => self.places(input, child)?,
                b"stbl" => self.tables(input, child, handler)?,
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    /// Where samples lie: in this file. What else such a record says (names of folders) is not needed.
    fn places<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, places: Head) -> Result<(), Fault> {
        for list in children(input, places.inside, places.end)? {
            for place in children(input, list.inside + 8, list.end)? {
                self.patches.zero((place.inside + 4).min(place.end)..place.end)?;
            }
        }
        Ok(())
    }

    fn tables<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, tables: Head, handler: &[u8; 4]) -> Result<(), Fault> {
        for child in children(input, tables.inside, tables.end)? {
            match &child.kind {
                b"stsd" if handler == b"vide" => {
                    // Of each description: maker and the compressor's name (ISO/IEC 14496-12 section 12.1.3; QuickTime).
                    for entry in children(input, child.inside + 8, child.end)? {
                        if entry.inside + 78 <= entry.end {
                            self.patches.zero(entry.inside + 12..entry.inside + 16)?;
                            self.patches.zero(entry.inside + 42..entry.inside + 74)?;
                        }
                    }
                }
                b"stsd" | b"stts" | b"ctts" | b"cslg" | b"stss" | b"stsc" | b"stsz" | b"stz2" | b"stco" | b"co64" | b"sdtp" | b"sbgp"
                | b"sgpd" | b"subs" | b"saiz" | b"saio" | b"stps" | b"stsh" | b"padb" => {}
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    fn fragment<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, fragment: Head) -> Result<(), Fault> {
        for child in children(input, fragment.inside, fragment.end)? {
            match &child.kind {
                b"mfhd" => {}
                b"traf" => {
                    self.times.on_fragment(input, child)?;
                    for part in children(input, child.inside, child.end)? {
                        let stays = [b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd", b"subs", b"saiz", b"saio", b"senc"];
                        if !stays.contains(&&part.kind) {
                            self.patches.free(part, input.length())?;
                        }
                    }
                }
                _ => self.patches.free(child, input.length())?,
            }
        }
        Ok(())
    }

    /// An item of such a list holds boxes, so an empty one does too: some readers stumble over zeros there.
    fn item(&mut self, item: Head, length: u64) -> Result<(), Fault> {
        let inside = item.inside..item.end.min(length);
        match u32::try_from(inside.end.saturating_sub(inside.start)) {
            Ok(size) if size >= 8 => {
                self.patches.put(item.from + 4..item.from + 8, b"free".to_vec())?;
                self.patches.put(inside, [&size.to_be_bytes()[..], b"free"].concat())
            }
            _ => self.patches.free(item, length),
        }
    }

    /// What a song is called, by whom, on which record: that is for its listeners. Everything else said about it goes.
    fn song<F: Read + Seek>(&mut self, input: &mut Input<'_, F>, said: Head) -> Result<(), Fault> {
        const TITLES: &[&[u8; 4]] =
            &[b"\xa9nam", b"\xa9ART", b"\xa9alb", b"\xa9gen", b"\xa9wrt", b"aART", b"trkn", b"disk", b"gnre", b"cpil", b"covr"];
        for meta in children(input, said.inside, said.end)? {
            if &meta.kind != b"meta" {
                self.patches.free(meta, input.length())?;
                continue;
            }
            for list in children(input, meta.inside + 4, meta.end)? {
                match &list.kind {
                    b"hdlr" => {}
                    b"ilst" => {
                        for item in children(input, list.inside, list.end)? {
                            if !TITLES.contains(&&item.kind) {
                                self.item(item, input.length())?;
                            }
                        }
                    }
                    _ => self.patches.free(list, input.length())?,
                }
            }
        }
        Ok(())
    }
}

/// What kind of track it is.
fn handler<F: Read + Seek>(input: &mut Input<'_, F>, track: Head) -> Result<[u8; 4], Fault> {
    for media in children(input, track.inside, track.end)?.into_iter().filter(|child| &child.kind == b"mdia") {
        if let Some(child) = children(input, media.inside, media.end)?.into_iter().find(|child| &child.kind == b"hdlr") {
            return Ok(input.array::<4>(child.inside + 8)?.unwrap_or_default());
        }
    }
    Err(Fault::Unsure("a track does not say what it is"))
}

pub(super) fn milliseconds(duration: u64, scale: u32) -> u32 {
    let ms = u128::from(duration) * 1_000 / u128::from(scale.max(1));
    u32::try_from(ms).unwrap_or(u32::MAX)
}

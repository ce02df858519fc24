//! Names of files, which come from people and from peers.

use crate::types::limits::FILE_NAME_BYTES_MAX;

/// Characters that reorder or hide what stands around them: with them a name shows another ending than it has.
const INVISIBLE: &[char] = &[
    '\u{ad}', '\u{61c}', '\u{115f}', '\u{1160}', '\u{180e}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}',
    '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2060}', '\u{2061}', '\u{2062}', '\u{2063}', '\u{2064}', '\u{2066}', '\u{2067}',
    '\u{2068}', '\u{2069}', '\u{206a}', '\u{206b}', '\u{206c}', '\u{206d}', '\u{206e}', '\u{206f}', '\u{3164}', '\u{feff}', '\u{ffa0}',
    '\u{fff9}', '\u{fffa}', '\u{fffb}',
];

/// Names that a system of ours takes for a device, with any ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt", "conin$", "conout$", "clock$"];

/// What a file is called when nothing is left of its name.
const NAMELESS: &str = "file";

/// The name as it is shown and saved: its last part only, without anything that is a path, a control, a hidden file, a device or a change
/// of direction; at most `FILE_NAME_BYTES_MAX` bytes, with its ending if that is a short one. Never empty. Letters of every script stay.
pub fn safe_name(name: &str) -> String {
    let last =
        name.rsplit(['/', '\\']).find(|part| part.chars().any(|c| is_shown(c) && c != '.' && !c.is_whitespace())).unwrap_or_default();
    let put = |c: char| {
        if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') {
            '_'
        } else if c.is_whitespace() {
            ' '
        } else {
            c
        }
    };
    // No name is ever as long as this; what is longer is not looked at.
    let plain: String = last.chars().filter(|c| is_shown(*c)).map(put).collect();
    let trimmed = plain.trim_matches(|c: char| c == '.' || c == ' ');
    let short = shortened(trimmed);
    let stem = short.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_device = DEVICES.iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| match *device {
            "com" | "lpt" => rest.chars().count() == 1,
            _ => rest.is_empty(),
        })
    });
    match short.as_str() {
        "" => NAMELESS.to_owned(),
        _ if is_device => format!("_{short}"),
        _ => short,
    }
}

/// What a name ends in, in small letters; none without a dot.
pub(super) fn ending(name: &str) -> Option<String> {
    let safe = safe_name(name);
    let (stem, ending) = safe.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

fn is_shown(c: char) -> bool {
    !c.is_control() && !INVISIBLE.contains(&c)
}

/// Cut in its middle: the ending says what it is. A byte is left for what is put before names of devices.
fn shortened(name: &str) -> String {
    let room = FILE_NAME_BYTES_MAX - 1;
    if name.len() <= room {
        return name.to_owned();
    }
    let ending = name.rfind('.').map(|dot| &name[dot..]).filter(|ending| ending.len() <= 16).unwrap_or_default();
    let mut stem = room - ending.len();
    while !name.is_char_boundary(stem) {
        stem -= 1;
    }
    format!("{}{ending}", name[..stem].trim_end_matches(['.', ' ']))
}

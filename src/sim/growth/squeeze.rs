//! Bytes without what they repeat. Rows of a person repeat ids of 32 bytes over and over, and many people keep the same cards; nothing else
//! in them is worth squeezing. Fast, and good at just that.
//!
//! A squeezed text is a row of steps: so many literal bytes, then so many bytes from so far back, counted over the dictionary and the
//! text as one. Numbers are seven bits at a time, the lowest first.

/// Shortest repetition that is worth a step.
const SHORTEST: usize = 12;
/// Bits of the table of places.
const PLACES: u32 = 13;

/// `text` without what it repeats of itself and of the dictionary.
pub(super) fn squeeze(dictionary: &[u8], text: &[u8]) -> Vec<u8> {
    let all = [dictionary, text].concat();
    let mut places = vec![u32::MAX; 1 << PLACES];
    let mut steps = Vec::with_capacity(text.len() / 2);
    for at in 0..dictionary.len() {
        if let Some(place) = place(&all, at) {
            places[place] = at as u32;
        }
    }
    let (mut at, mut literal) = (dictionary.len(), dictionary.len());
    while let Some(place) = place(&all, at) {
        let before = std::mem::replace(&mut places[place], at as u32) as usize;
        let length = if before < at { all[before..].iter().zip(&all[at..]).take_while(|(one, other)| one == other).count() } else { 0 };
        if length < SHORTEST {
            at += 1;
            continue;
        }
        put_number(&mut steps, at - literal);
        steps.extend_from_slice(&all[literal..at]);
        put_number(&mut steps, length);
        put_number(&mut steps, at - before);
        // Some places of what was skipped, so that its rest is found again.
        for within in (at + 1..at + length).step_by(4) {
            if let Some(place) = self::place(&all, within) {
                places[place] = within as u32;
            }
        }
        at += length;
        literal = at;
    }
    put_number(&mut steps, all.len() - literal);
    steps.extend_from_slice(&all[literal..]);
    steps
}

/// The text again.
pub(super) fn expand(dictionary: &[u8], mut steps: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(dictionary.len() + 3 * steps.len());
    all.extend_from_slice(dictionary);
    while !steps.is_empty() {
        let (literal, rest) = {
            let length = number(&mut steps);
            steps.split_at(length)
        };
        all.extend_from_slice(literal);
        steps = rest;
        if !steps.is_empty() {
            let (length, back) = (number(&mut steps), number(&mut steps));
            let from = all.len() - back;
            (from..from + length).for_each(|at| all.push(all[at]));
        }
    }
    all.split_off(dictionary.len())
}

/// Where the table notes the eight bytes at a place; `None` near the end.
fn place(all: &[u8], at: usize) -> Option<usize> {
    let bytes = all.get(at..)?.first_chunk::<8>()?;
    Some((u64::from_le_bytes(*bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES)) as usize)
}

/// Appends a number.
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front.
pub(super) fn number(bytes: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

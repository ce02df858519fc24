//! Bytes without what they repeat. Rows of a person repeat ids of 32 bytes over and over, and many people keep the same cards; nothing else
//! in them is worth squeezing. Fast, and good at just that.
//!
//! A squeezed text is a row of steps: so many literal bytes, then so many bytes from so far back, counted over the dictionary and the
//! text as one. Numbers are seven bits at a time, the lowest first.

/// Shortest repetition that is worth a step.
const SHORTEST: usize = 8;
/// Bits of the table of places.
const PLACES: u32 = 15;

/// Squeezes and expands, again and again in the same memory.
#[derive(Default)]
pub(super) struct Press {
    all: Vec<u8>,
    places: Vec<u32>,
    steps: Vec<u8>,
}

impl Press {
    /// Empty, for a dictionary.
    pub(super) fn clear(&mut self) -> &mut Vec<u8> {
        self.all.clear();
        &mut self.all
    }

    /// Where the text is written, after the dictionary.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.all
    }

    /// The text without what it repeats of itself and of the dictionary, which is the first so many bytes.
    pub(super) fn squeeze(&mut self, dictionary: usize) -> &[u8] {
        let Self { all, places, steps } = self;
        steps.clear();
        places.clear();
        places.resize(1 << PLACES, u32::MAX);
        for at in 0..dictionary {
            if let Some(place) = place(all, at) {
                places[place] = at as u32;
            }
        }
        let (mut at, mut literal) = (dictionary, dictionary);
        while let Some(place) = place(all, at) {
            let before = std::mem::replace(&mut places[place], at as u32) as usize;
            let length = if before < at { repeated(all, before, at) } else { 0 };
            if length < SHORTEST {
                at += 1;
                continue;
            }
            put_number(steps, at - literal);
            steps.extend_from_slice(&all[literal..at]);
            put_number(steps, length);
            put_number(steps, at - before);
            // Some places of what was skipped, so that its rest is found again.
            for within in (at + 1..at + length).step_by(4) {
                if let Some(place) = self::place(all, within) {
                    places[place] = within as u32;
                }
            }
            at += length;
            literal = at;
        }
        put_number(steps, all.len() - literal);
        steps.extend_from_slice(&all[literal..]);
        steps
    }

    /// The text again; before it stands the dictionary.
    pub(super) fn expand(&mut self, mut steps: &[u8]) -> &[u8] {
        let all = &mut self.all;
        let dictionary = all.len();
        while !steps.is_empty() {
            let (literal, rest) = {
                let length = number(&mut steps);
                steps.split_at(length)
            };
            all.extend_from_slice(literal);
            steps = rest;
            if !steps.is_empty() {
                let (mut length, back) = (number(&mut steps), number(&mut steps));
                // What repeats itself is there once more with each piece.
                let from = all.len() - back;
                while length > 0 {
                    let piece = length.min(all.len() - from);
                    all.extend_from_within(from..from + piece);
                    length -= piece;
                }
            }
        }
        &all[dictionary..]
    }
}

/// How many bytes at one place are those at an earlier one.
fn repeated(all: &[u8], before: usize, at: usize) -> usize {
    let (one, other) = (&all[before..], &all[at..]);
    let mut length = 0;
    for (one, other) in one.chunks_exact(8).zip(other.chunks_exact(8)) {
        if one != other {
            break;
        }
        length += 8;
    }
    length + one[length..].iter().zip(&other[length..]).take_while(|(one, other)| one == other).count()
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

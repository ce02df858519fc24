//! The proof of work that strangers pay: a number whose hash with the text starts with enough zero bits (Hashcash).

use super::fake;
use super::label::{Label, derive};

/// Leading zero bits of BLAKE3 over label, text and number.
fn bits(text: &[u8], number: u64) -> u32 {
    let hash = derive(Label::Work, &[text, &number.to_be_bytes()]);
    let high = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    high.leading_zeros()
}

/// Whether `number` pays `wanted` bits for this text.
pub fn is_paid(text: &[u8], number: u64, wanted: u8) -> bool {
    if fake::is_on() {
        return fake::is_paid(text, number, wanted);
    }
    bits(text, number) >= u32::from(wanted)
}

/// The lowest number that pays. Takes 2^`wanted` hashes on average: not for the driver's loop.
pub fn pay(text: &[u8], wanted: u8) -> u64 {
    if fake::is_on() {
        return fake::work(text, wanted);
    }
    (0..u64::MAX).find(|number| is_paid(text, *number, wanted)).unwrap_or(u64::MAX)
}

//! Tests of `crypto`: the vectors of the RFCs, and what people rely on.

mod fake;
mod key;
mod phrase;
mod rest;
mod seal;
mod twin;
mod vector;

/// Bytes from hex; spaces are for the eye.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}

/// Exactly 32 of them.
fn hex32(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}

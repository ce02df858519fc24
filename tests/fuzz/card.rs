//! Feeds `entry::card`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::card(bytes);
});

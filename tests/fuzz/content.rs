//! Feeds `entry::content`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::content(bytes);
});

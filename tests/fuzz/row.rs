//! Feeds `entry::row`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::row(bytes);
});

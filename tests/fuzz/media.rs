//! Feeds `entry::media`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::media(bytes);
});

//! Feeds `entry::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::link(bytes);
});

//! Feeds `entry::node`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::node(bytes);
});

//! Feeds `entry::announcement`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::announcement(bytes);
});

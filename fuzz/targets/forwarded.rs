//! Fuzzes what `palisade_fuzz::forwarded` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::forwarded::check(data));

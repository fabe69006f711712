//! Fuzzes what `palisade_fuzz::headers` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::headers::check(data));

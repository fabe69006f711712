//! Fuzzes what `palisade_fuzz::sse` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::sse::check(data));

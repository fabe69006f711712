//! Fuzzes what `palisade_fuzz::uri` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::uri::check(data));

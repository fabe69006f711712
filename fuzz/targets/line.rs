//! Fuzzes what `palisade_fuzz::line` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::line::check(data));

//! Fuzzes what `palisade_fuzz::envelope` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::envelope::check(data));

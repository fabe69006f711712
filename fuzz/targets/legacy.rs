//! Fuzzes what `palisade_fuzz::legacy` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::legacy::check(data));

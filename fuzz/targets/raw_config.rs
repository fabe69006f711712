//! Fuzzes what `palisade_fuzz::raw_config` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::raw_config::check(data));

//! Fuzzes what `palisade_fuzz::origin_host` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::origin_host::check(data));

//! Any file that no format claims: the bytes are the file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etl::fuzz::sniff(bytes));

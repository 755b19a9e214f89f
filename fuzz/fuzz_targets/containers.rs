//! gzip and zip, one within the other: the bytes are the file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etl::fuzz::containers(bytes));

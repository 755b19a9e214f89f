//! PORT and EPRT arguments: what is dialled for them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzz::data_address(bytes));

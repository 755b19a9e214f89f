//! InfluxDB line protocol: the first byte chooses the definition, the rest is the file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etl::fuzz::line_protocol(bytes));

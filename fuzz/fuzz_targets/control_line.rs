//! Control lines as devices send them: parsed, and written again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzz::control_line(bytes));

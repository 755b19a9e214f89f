//! What the `inlet` binary is made of, for the binary itself and for tests.

pub mod embedded;

//! The commands that protect connections, parsed (RFC 2228 section 3, RFC 4217).

use crate::edge::reply::Reply;

/// What a device asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// AUTH: TLS on the control connection.
    Auth(Mechanism),
    /// PBSZ: of no use with TLS, and wanted before PROT all the same.
    BufferSize,
    /// PROT: whether data connections are protected.
    Data(bool),
    /// CCC: the control connection in the clear again.
    ClearControl,
}

/// The names that TLS goes by (RFC 4217 section 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// TLS, or TLS-C: data connections are in the clear until PROT P.
    Tls,
    /// SSL, or TLS-P, from before the RFC: data connections are protected from the start.
    TlsForAll,
}

pub(super) fn auth(mechanism: &str) -> Result<Security, Reply> {
    match mechanism.to_ascii_uppercase().as_str() {
        "TLS" | "TLS-C" => Ok(Security::Auth(Mechanism::Tls)),
        "SSL" | "TLS-P" => Ok(Security::Auth(Mechanism::TlsForAll)),
        _ => Err(Reply::new(504, "Only AUTH TLS is known")),
    }
}

pub(super) fn buffer_size(size: &str) -> Result<Security, Reply> {
    match super::number::<u32>(size) {
        Some(_) if !size.is_empty() => Ok(Security::BufferSize),
        _ => Err(Reply::new(501, "PBSZ needs a number; with TLS it is 0")),
    }
}

pub(super) fn level(level: &str) -> Result<Security, Reply> {
    match level.to_ascii_uppercase().as_str() {
        "C" => Ok(Security::Data(false)),
        "P" => Ok(Security::Data(true)),
        // RFC 4217 section 9.
        "S" | "E" => Err(Reply::new(536, "With TLS there are PROT C and PROT P only")),
        _ => Err(Reply::new(504, "Only PROT C and PROT P are known")),
    }
}

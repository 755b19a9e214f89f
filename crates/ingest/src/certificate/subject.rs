//! A subject as text (RFC 4514): the last part first, what could be mistaken escaped. Two subjects that differ never look alike.

use std::fmt::Write as _;

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The short names that the RFC gives (section 3), and two more that certificates of devices often hold.
const NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

pub(super) fn written(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == oid).map_or(oid.as_str(), |(_, name)| *name);
    match attribute.as_str() {
        Ok(value) => format!("{name}={}", escaped(value)),
        // No text, or in an alphabet of its own: its bytes (section 2.4).
        Err(_) => attribute.as_slice().iter().fold(format!("{name}=#"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// Section 2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => text.extend(['\\', character]),
            '#' | ' ' if at == 0 => text.extend(['\\', character]),
            ' ' if at == last => text.push_str("\\ "),
            control if control.is_ascii_control() => drop(write!(text, "\\{:02x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text
}

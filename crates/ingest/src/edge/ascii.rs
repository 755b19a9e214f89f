//! TYPE A: text that goes over the network with CRLF at its line ends, and lies here with LF (RFC 959 section 3.1.1.1).
//!
//! A carriage return that ends no line is kept, as is a line feed that came alone: nothing else is changed.

/// Text on its way in: CRLF becomes LF.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Whether the last piece ended with a carriage return, of which only the next one tells what it is.
    held: bool,
}

impl Incoming {
    /// The next piece, converted.
    pub(super) fn convert(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(piece.len() + 1);
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::take(&mut self.held) && line != b"\n" {
                converted.push(b'\r');
            }
            if let Some(text) = line.strip_suffix(b"\r\n") {
                converted.extend_from_slice(text);
                converted.push(b'\n');
            } else if let Some(text) = line.strip_suffix(b"\r") {
                converted.extend_from_slice(text);
                self.held = true;
            } else {
                converted.extend_from_slice(line);
            }
        }
        converted
    }

    /// The last piece, converted.
    pub(super) fn finish(mut self, piece: &[u8]) -> Vec<u8> {
        let mut converted = self.convert(piece);
        converted.extend(self.held.then_some(b'\r'));
        converted
    }
}

/// Text on its way out: LF becomes CRLF, unless it is that already.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    after_return: bool,
}

impl Outgoing {
    /// The next piece, converted.
    pub(super) fn convert(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(piece.len() + piece.len() / 8);
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) if !(text.ends_with(b"\r") || text.is_empty() && self.after_return) => {
                    converted.extend_from_slice(text);
                    converted.extend_from_slice(b"\r\n");
                }
                _ => converted.extend_from_slice(line),
            }
            self.after_return = line.ends_with(b"\r");
        }
        converted
    }
}

#[cfg(test)]
mod tests;

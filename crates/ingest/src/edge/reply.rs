//! A reply on the control connection (RFC 959 section 4.2).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// One reply: a code, and a text of one line or of several, written as `code-first … code last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply whose text may hold several lines, separated by `\n`.
    pub(crate) fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }
}

impl fmt::Display for Reply {
    /// Writes the reply as it goes over the wire, line ends included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code;
        let Some((before, last)) = self.text.rsplit_once('\n') else {
            return write!(f, "{code} {}\r\n", self.text);
        };
        let mut lines = before.split('\n');
        write!(f, "{code}-{}\r\n", lines.next().unwrap_or_default())?;
        // Lines in between start with a space, so that none can be taken for the last one.
        for line in lines {
            write!(f, " {line}\r\n")?;
        }
        write!(f, "{code} {last}\r\n")
    }
}

/// Takes one whole reply from the start of `received`: its code and its length in bytes.
///
/// A reply is whole when its last line is: the code again, followed by a space (RFC 959 section 4.2).
pub(crate) fn whole(received: &[u8]) -> Option<(u16, usize)> {
    let mut length = 0;
    let mut code = None;
    for line in received.split_inclusive(|&byte| byte == b'\n') {
        if !line.ends_with(b"\n") {
            return None;
        }
        length += line.len();
        let starts =
            line.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse::<u16>().ok());
        let opened = *code.get_or_insert(starts.unwrap_or_default());
        let goes_on = line.get(3) == Some(&b'-');
        if starts == Some(opened) && !goes_on || starts.is_none() && opened == 0 {
            return Some((opened, length));
        }
    }
    None
}

/// A duration in a reply's text, as it is written in the configuration.
pub(crate) fn spelled(duration: Duration) -> String {
    humantime_serde::re::humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests;

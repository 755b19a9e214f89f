//! Text to one value, strictly by RFC 8259, bounded in depth and in values.

use std::borrow::Cow;

use memchr::memchr2;

use super::{Members, Node, Value};

/// Deeper than any device nests; each level is a frame of the stack.
const DEPTH_MAX: usize = 64;
/// Each value takes up to 100 bytes in memory: half a gigabyte.
const VALUES_MAX: usize = 4 << 20;

/// Why, and where, a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: String,
}

/// Reads the value that begins at `at`, white space before it passed over. What follows it is not looked at: the node says where
/// it ends.
pub(crate) fn read(text: &str, at: usize) -> Result<Node<'_>, Fault> {
    Reader { text, at, values: 0 }.value(0)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    values: usize,
}

impl<'t> Reader<'t> {
    fn value(&mut self, depth: usize) -> Result<Node<'t>, Fault> {
        self.pass_space();
        self.values += 1;
        if depth > DEPTH_MAX {
            return self.fault(format!("more than {DEPTH_MAX} levels deep"));
        }
        if self.values > VALUES_MAX {
            return self.fault(format!("more than {VALUES_MAX} values in one document"));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Boolean(true))?,
            Some(b'f') => self.word("false", Value::Boolean(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(_) => return self.unexpected("a value"),
            None => return self.fault("it ends where a value should be".to_owned()),
        };
        Ok(Node { at: start..self.at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value<'t>, Fault> {
        let mut entries = Vec::new();
        self.at += 1;
        self.pass_space();
        if self.take(b'}') {
            return Ok(Value::Object(Members::default()));
        }
        loop {
            self.pass_space();
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            let name = self.string()?;
            self.pass_space();
            if !self.take(b':') {
                return self.unexpected(":");
            }
            entries.push((name, self.value(depth + 1)?));
            self.pass_space();
            if self.take(b'}') {
                return Ok(Value::Object(Members::new(entries)));
            }
            if !self.take(b',') {
                return self.unexpected(", or }");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'t>, Fault> {
        let mut elements = Vec::new();
        self.at += 1;
        self.pass_space();
        if self.take(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.pass_space();
            if self.take(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.take(b',') {
                return self.unexpected(", or ]");
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Fault> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = memchr2(b'"', b'\\', rest.as_bytes()) else {
                self.at = self.text.len();
                return self.fault("a quote opens and does not close".to_owned());
            };
            let plain = rest.get(..length).unwrap_or_default();
            if let Some(control) = plain.bytes().position(|byte| byte < 0x20) {
                self.at += control;
                return self.fault("a quote opens and does not close on the line, or a control character is in it".to_owned());
            }
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            self.at += length;
            if self.take(b'"') {
                return Ok(text);
            }
            self.at += 1;
            let escaped = self.escape()?;
            text.to_mut().push(escaped);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let escaped = match self.peek() {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.unexpected("an escape"),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Four hexadecimal digits, and a second escape behind them when they are half of a pair.
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hexadecimal()?;
        let code = match first {
            0xd800..=0xdbff if self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) => {
                self.at += 2;
                let second = self.hexadecimal()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.fault("half a surrogate pair".to_owned());
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.fault("half a surrogate pair".to_owned()),
        }
    }

    fn hexadecimal(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.unexpected("four hexadecimal digits");
        };
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<&'t str, Fault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return self.unexpected("a digit");
        }
        if self.take(b'.') && self.digits() == 0 {
            return self.unexpected("a digit");
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return self.unexpected("a digit");
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        length
    }

    fn word(&mut self, word: &str, value: Value<'t>) -> Result<Value<'t>, Fault> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn pass_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Fault> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => self.fault(format!("{found:?} where {expected} should be")),
            None => self.fault(format!("it ends where {expected} should be")),
        }
    }

    fn fault<T>(&self, problem: String) -> Result<T, Fault> {
        Err(Fault { at: self.at, problem })
    }
}

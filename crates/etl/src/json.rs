//! JSON (RFC 8259) to a tree that knows where each value stands, keeps the digits of its numbers, and tells when an object has a name
//! twice: what rows, their bytes and an honest refusal need, and what a tree of doubles has lost.

mod documents;
mod path;
mod read;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use documents::{Document, Documents, Style, begins, first};
pub(crate) use path::{Found, Path, push};
use read::read;

/// A value, and where it stands in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node<'t> {
    pub(crate) at: Range<usize>,
    pub(crate) value: Value<'t>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'t> {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(&'t str),
    Text(Cow<'t, str>),
    Array(Vec<Node<'t>>),
    Object(Members<'t>),
}

/// What an object holds, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members<'t> {
    entries: Vec<(Cow<'t, str>, Node<'t>)>,
    /// Whether two of them have the same name, which RFC 8259 leaves without a meaning.
    repeats: bool,
}

impl<'t> Members<'t> {
    fn new(entries: Vec<(Cow<'t, str>, Node<'t>)>) -> Self {
        const FEW: usize = 12;
        let repeats = if entries.len() <= FEW {
            entries.iter().enumerate().any(|(at, (name, _))| entries.iter().take(at).any(|(other, _)| other == name))
        } else {
            let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_ref()).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
        };
        Self { entries, repeats }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Node<'t>)> {
        self.entries.iter().map(|(name, node)| (name.as_ref(), node))
    }

    /// The member with this name, the first when there are two: see [`Node::repeated`].
    pub(crate) fn get(&self, name: &str) -> Option<&Node<'t>> {
        self.iter().find(|(other, _)| *other == name).map(|(_, node)| node)
    }

    /// Whether two members have this name.
    pub(crate) fn has_twice(&self, name: &str) -> bool {
        self.repeats && self.iter().filter(|(other, _)| *other == name).count() > 1
    }

    /// A name that two members have.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let is_second = |at: usize, name: &str| self.iter().take(at).any(|(other, _)| other == name);
        let mut names = self.iter().map(|(name, _)| name).enumerate();
        if self.repeats { names.find(|(at, name)| is_second(*at, name)).map(|(_, name)| name) } else { None }
    }
}

impl<'t> Node<'t> {
    /// A name that an object in it has twice.
    pub(crate) fn repeated(&self) -> Option<&str> {
        match &self.value {
            Value::Object(members) => members.repeated().or_else(|| members.iter().find_map(|(_, node)| node.repeated())),
            Value::Array(elements) => elements.iter().find_map(Self::repeated),
            _ => None,
        }
    }

    pub(crate) fn members(&self) -> Option<&Members<'t>> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn elements(&self) -> Option<&[Node<'t>]> {
        match &self.value {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Node<'t>> {
        self.members()?.get(name)
    }

    /// The text of a scalar: a string without its quotes, a number as it is written. `None` for null, arrays and objects.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Number(number) => Some(number),
            Value::Boolean(true) => Some("true"),
            Value::Boolean(false) => Some("false"),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<&str> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What it is, for reasons.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests;

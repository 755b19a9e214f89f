//! Names of tables and columns, made from what devices call them.

use std::collections::HashSet;

use crate::extra::EXTRA;

/// Columns that a table has of its own.
const RESERVED: [&str; 7] = ["device", "ts", "_upload", "_row", "_ingested_at", "_revision", EXTRA];

/// Lower case, runs of characters outside `[a-z0-9]` as one `_`, none at either end.
fn plain(original: &str) -> String {
    let mut name = String::with_capacity(original.len());
    for character in original.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// A table's name; `None` when nothing of the original can stay.
pub(crate) fn table(original: &str) -> Option<String> {
    let name = plain(original);
    match name.chars().next()? {
        '0'..='9' => Some(format!("t_{name}")),
        _ => Some(name),
    }
}

/// The columns' names in their order, unique: a name that is taken, by an earlier column or by one that every table has, gets
/// `_2`, `_3` and so on. A column without a usable name is called by its position.
#[derive(Debug)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Takes only the reserved names.
    pub(crate) fn new() -> Self {
        Self { taken: RESERVED.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// Gives a name back, of a column that there will not be after all.
    pub(crate) fn release(&mut self, name: &str) {
        self.taken.remove(name);
    }

    /// The name for the column at the 1-based `position` in the file.
    pub(crate) fn column(&mut self, original: &str, position: usize) -> String {
        let name = plain(original);
        let base = match name.chars().next() {
            None => format!("column_{position}"),
            Some('0'..='9') => format!("c_{name}"),
            Some(_) => name,
        };
        let mut name = base.clone();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }
}

/// Whether a table's column called `name` was made for another quantity than `original`, as far as names can tell: what a file
/// calls them has other letters. Where a format takes a name out of a longer header cell, units and serial numbers beside it may
/// differ, and nothing is said.
pub(crate) fn is_another(name: &str, original: &str, other: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let sanitised = plain(original);
    let is_whole = sanitised.is_empty() || name.trim_start_matches("c_").starts_with(&sanitised);
    is_whole && !other.is_empty() && letters(original) != letters(other)
}

#[cfg(test)]
mod tests;

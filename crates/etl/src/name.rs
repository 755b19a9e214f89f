//! Names of tables and columns, made from what devices call them.

use std::collections::HashSet;

/// Columns that every table has of its own.
const RESERVED: [&str; 5] = ["device", "ts", "_upload", "_row", "_ingested_at"];

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

#[cfg(test)]
mod tests;

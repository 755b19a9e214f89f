//! JSON by paths: where the rows are, when and by whom they were measured, and what of them are columns.
//!
//! A file may hold one document, several, or one on each line. A row is what the format's `rows` path stands for, in each document.
//! Every scalar in a row is a column, named by its path, unless the format says otherwise. Arrays of values whose names stand
//! elsewhere in the document (`fields`) take those names. An object with a name twice says two things at once: the row is refused.

mod keys;
mod leaves;

use std::collections::HashMap;

pub(super) use keys::JsonKeys;
use leaves::{Leaves, Owned};

use super::definition::Problems;
use super::{Reading, Yield};
use crate::block;
use crate::column::excerpt;
use crate::json::{Document, Documents, Found, Node, Path, Style, Value};
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::time::TimeFormat;
use crate::zone::Local;

/// `[json]`, checked.
#[derive(Debug)]
pub(super) struct Json {
    style: Option<Style>,
    rows: Path,
    /// Names of the columns for what `.*` in `rows` stands for.
    keys: Vec<String>,
    timestamp: Option<Timestamp>,
    /// What fills `{table}`.
    table: Option<Path>,
    when: Vec<Condition>,
    flatten: bool,
    fields: Option<Fields>,
    /// By flat name, those from the row.
    columns: HashMap<String, Rule>,
    /// Those from the document.
    shared: Vec<(Path, Rule)>,
    nulls: Vec<String>,
}

#[derive(Debug)]
struct Timestamp {
    paths: Vec<Path>,
    format: TimeFormat,
}

/// What must hold of a row for it to be one.
#[derive(Debug)]
struct Condition {
    path: Path,
    /// Any one of these; when empty, anything but null.
    is: Vec<String>,
}

/// Arrays of values whose names are elsewhere.
#[derive(Debug)]
struct Fields {
    values: String,
    names: Path,
    units: Option<Path>,
    process: Option<Path>,
}

/// What the format says of a column.
#[derive(Debug)]
struct Rule {
    name: String,
    kind: Declared,
    unit: Unit,
    nulls: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declared {
    Auto,
    Skip,
    Kind(Kind),
}

#[derive(Debug)]
enum Unit {
    None,
    Is(String),
    At(Path),
}

/// The names of a document's `fields`, each with its unit and processing.
type Named = Vec<[Option<String>; 3]>;

impl Json {
    /// Paths in other parts of the definition, checked: the device's.
    pub(super) fn check_device(column: &str, problems: &mut Problems<'_>) {
        problems.note("device.column", Path::to_one(column));
    }

    /// Whether each line is a document, and every one a row or refused.
    pub(super) fn is_by_line(&self) -> bool {
        self.style == Some(Style::Lines) && self.when.is_empty()
    }

    /// Whether something fills `{table}`.
    pub(super) fn names_table(&self) -> bool {
        self.table.is_some()
    }

    /// All rows of a file.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let style = self.style.unwrap_or_else(|| Style::of(reading.text));
        let iso = TimeFormat::Iso;
        let format = self.timestamp.as_ref().map_or(&iso, |timestamp| &timestamp.format);
        let device = match reading.format.device.column() {
            None => None,
            Some(column) => Some(Path::to_one(column).map_err(|error| Refusal { reason: error.to_string() })?),
        };
        let mut skipped = 0;
        let (parts, refused) = sheet::read(reading.room(), format, |sheets| {
            let mut pass = Pass { json: self, reading, device: device.as_ref(), sheets, local, refused: Vec::new(), skipped: 0 };
            let documents = Documents::new(reading.text, style).map_err(|reason| Refusal { reason })?;
            for document in documents {
                pass.document(&document)?;
            }
            skipped = pass.skipped;
            let mut refused = pass.refused;
            refused.extend(block::tail_of(reading.text));
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped })
    }
}

/// One way through a file.
struct Pass<'p, 'l, 'z> {
    json: &'p Json,
    reading: &'p Reading<'p>,
    device: Option<&'p Path>,
    sheets: &'p mut Sheets<'l>,
    local: &'p mut Local<'z>,
    refused: Vec<Refused>,
    skipped: u64,
}

/// What a document says for all its rows.
struct Shared<'n, 't> {
    root: &'n Node<'t>,
    entries: Vec<Owned<'n>>,
    named: Named,
}

impl Pass<'_, '_, '_> {
    fn document(&mut self, document: &Document<'_>) -> Result<(), Refusal> {
        let outcome = match &document.root {
            Ok(root) => self.rows(document, root),
            Err(reason) => Err(Unusable::Row(reason.clone())),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(Unusable::File(refusal)) => Err(refusal),
            Err(Unusable::Row(reason)) => {
                self.refuse(document.line, document.raw.clone(), reason);
                Ok(())
            }
        }
    }

    /// The rows of a document; an error says that none of them can be told.
    fn rows(&mut self, document: &Document<'_>, root: &Node<'_>) -> Result<(), Unusable> {
        let found = self.json.rows.find_all(root)?;
        if found.len() > 1 && document.bytes(root).is_none() {
            return Err("several rows on a line that is not UTF-8".into());
        }
        let shared = self.json.shared(root)?;
        for row in found {
            match self.row(document, &shared, &row.names, row.node) {
                Ok(()) => {}
                Err(Unusable::Row(reason)) => {
                    let bytes = document.bytes(row.node).unwrap_or_else(|| document.raw.clone());
                    self.refuse(document.line(row.node), bytes, reason);
                }
                Err(file) => return Err(file),
            }
        }
        Ok(())
    }

    fn row(&mut self, document: &Document<'_>, shared: &Shared<'_, '_>, keys: &[&str], row: &Node<'_>) -> Result<(), Unusable> {
        let json = self.json;
        if let Some(name) = row.repeated() {
            return Err(format!("{} twice in one object", excerpt(name)).into());
        }
        if !json.when.iter().all(|condition| condition.holds(shared.root, row)) {
            self.skipped += 1;
            return Ok(());
        }
        if row.members().is_none() && row.elements().is_none() {
            return Err(format!("{} where a row should be", row.kind()).into());
        }
        let at = |path: &Path| path.find(if path.absolute { shared.root } else { row });
        let time = match &json.timestamp {
            None => self.local.arrival()?,
            Some(timestamp) => timestamp.read(&at, self.local)?,
        };
        let device = match self.device {
            None => self.reading.format.device.device(self.reading.file, |_| String::new())?,
            Some(path) => match at(path).and_then(Node::scalar) {
                Some(name) => block::device(name).map_err(|problem| format!("the device's name {problem}"))?,
                None => String::new(),
            },
        };
        let device = if device.is_empty() { self.reading.file.device.to_owned() } else { device };
        let of_table = json.table.as_ref().map(|path| {
            at(path).and_then(Node::scalar).ok_or_else(|| format!("nothing at {}, which names the table", path.flat()))
        });
        let table = self.reading.format.table.name(&device, of_table.transpose()?.unwrap_or_default())?;

        let mut leaves = Leaves::new(json, document, shared.root, row, &shared.named);
        leaves.omit(self.device.filter(|path| !path.absolute).map(Path::flat));
        leaves.collect(row)?;
        let owned = leaves.found;
        let mut entries: Vec<Entry<'_>> = Vec::with_capacity(keys.len() + shared.entries.len() + owned.len());
        let names = json.keys.iter().zip(keys);
        entries.extend(names.map(|(name, key)| Entry::declared(Role::Tag, name, Kind::Text, key)));
        entries.extend(shared.entries.iter().chain(&owned).map(Owned::entry));
        let line = document.line(row);
        self.sheets.add(&table, Row { number: line, device, time }, &entries, self.local)
    }

    fn refuse(&mut self, row: u64, bytes: std::ops::Range<usize>, reason: String) {
        self.refused.push(Refused { member: None, row, bytes, reason });
    }
}

impl Json {
    fn shared<'n, 't>(&self, root: &'n Node<'t>) -> Result<Shared<'n, 't>, String> {
        let mut entries = Vec::new();
        for (path, rule) in &self.shared {
            let Some(node) = path.find(root) else { continue };
            let unit = rule.unit(root, root);
            let flat = path.flat();
            entries.extend(leaves::owned(node, &flat, Some(rule), unit, &self.nulls)?);
        }
        let named = match &self.fields {
            None => Named::new(),
            Some(fields) => fields.named(root)?,
        };
        Ok(Shared { root, entries, named })
    }
}

impl Condition {
    fn holds(&self, root: &Node<'_>, row: &Node<'_>) -> bool {
        let found = self.path.find(if self.path.absolute { root } else { row });
        match found {
            None => false,
            Some(node) if self.is.is_empty() => !node.is_null(),
            Some(node) => node.scalar().is_some_and(|text| self.is.iter().any(|one| one == text)),
        }
    }
}

impl Timestamp {
    fn read<'n, 't: 'n>(&self, at: &impl Fn(&Path) -> Option<&'n Node<'t>>, local: &mut Local<'_>) -> Result<i64, String> {
        let mut text = String::new();
        for path in &self.paths {
            let Some(part) = at(path).and_then(Node::scalar) else {
                return Err(format!("the row's time: nothing at {}", path.flat()));
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part);
        }
        block::time(&text, &self.format, local)
    }
}

impl Fields {
    fn named(&self, root: &Node<'_>) -> Result<Named, String> {
        let text = |found: Found<'_, '_>| found.node.scalar().map(str::to_owned);
        let names = self.names.find_all(root)?.into_iter().map(text);
        // What has no unit may lack the member for it.
        let each = |path: &Option<Path>| path.as_ref().map_or(Ok(Vec::new()), |path| path.find_each(root));
        let (mut units, mut process) = (each(&self.units)?.into_iter().map(text), each(&self.process)?.into_iter().map(text));
        Ok(names.map(|name| [name, units.next().flatten(), process.next().flatten()]).collect())
    }
}

impl Rule {
    /// The unit of a value in this column.
    fn unit<'n>(&'n self, root: &'n Node<'_>, row: &'n Node<'_>) -> Option<&'n str> {
        match &self.unit {
            Unit::None => None,
            Unit::Is(unit) => Some(unit),
            Unit::At(path) => path.find(if path.absolute { root } else { row }).and_then(Node::scalar),
        }
    }
}

/// What a value is when nobody says otherwise.
fn kind_of(value: &Value<'_>) -> Kind {
    match value {
        Value::Number(_) => Kind::Double,
        Value::Boolean(_) => Kind::Boolean,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests;

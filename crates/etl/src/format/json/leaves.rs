//! The scalars of a row, each with the column it belongs in.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Declared, Json, Named, Rule, kind_of};
use crate::json::{Document, Node, Value, push};
use crate::rows::Kind;
use crate::sheet::{Entry, Role};

/// A value for a row, with names of its own.
#[derive(Clone, Debug)]
pub(super) struct Owned<'n> {
    name: String,
    unit: Option<String>,
    process: Option<String>,
    kind: Kind,
    declared: bool,
    value: Cow<'n, str>,
}

impl Owned<'_> {
    pub(super) fn entry(&self) -> Entry<'_> {
        Entry {
            role: Role::Field,
            name: &self.name,
            unit: self.unit.as_deref(),
            process: self.process.as_deref(),
            kind: self.kind,
            declared: self.declared,
            value: &self.value,
        }
    }
}

/// Gathers the values of one row.
pub(super) struct Leaves<'n, 't> {
    json: &'n Json,
    document: &'n Document<'t>,
    root: &'n Node<'t>,
    row: &'n Node<'t>,
    named: &'n Named,
    /// Flat names of what is no measurement: time and device.
    omitted: HashSet<String>,
    flat: String,
    pub(super) found: Vec<Owned<'n>>,
}

impl<'n, 't> Leaves<'n, 't> {
    pub(super) fn new(
        json: &'n Json,
        document: &'n Document<'t>,
        root: &'n Node<'t>,
        row: &'n Node<'t>,
        named: &'n Named,
    ) -> Self {
        let paths = json.timestamp.iter().flat_map(|timestamp| &timestamp.paths);
        let omitted = paths.filter(|path| !path.absolute).map(crate::json::Path::flat).collect();
        Self { json, document, root, row, named, omitted, flat: String::new(), found: Vec::new() }
    }

    pub(super) fn omit(&mut self, flat: Option<String>) {
        self.omitted.extend(flat);
    }

    /// Adds the scalars in `node`, which stands at the path in `flat`.
    pub(super) fn collect(&mut self, node: &'n Node<'t>) -> Result<(), String> {
        let rule = self.json.columns.get(&self.flat);
        if rule.is_some_and(|rule| rule.kind == Declared::Skip) || (rule.is_none() && self.omitted.contains(&self.flat)) {
            return Ok(());
        }
        let end = self.flat.len();
        match &node.value {
            // An array or object in a column of text is its own text.
            Value::Array(_) | Value::Object(_) if rule.is_some_and(|rule| rule.kind == Declared::Kind(Kind::Text)) => {
                if let Some(rule) = rule {
                    self.found.push(Owned {
                        name: rule.name.clone(),
                        unit: None,
                        process: None,
                        kind: Kind::Text,
                        declared: true,
                        value: Cow::Borrowed(self.document.written(node)),
                    });
                }
                Ok(())
            }
            Value::Array(_) | Value::Object(_) if rule.is_some() => {
                Err(format!("{} is {}, and its column is not text", self.flat, node.kind()))
            }
            Value::Array(elements) if self.json.fields.as_ref().is_some_and(|fields| fields.values == self.flat) => {
                self.named(elements)
            }
            Value::Array(elements) => {
                for (place, element) in elements.iter().enumerate() {
                    push(&mut self.flat, &place.to_string());
                    let collected = self.collect(element);
                    self.flat.truncate(end);
                    collected?;
                }
                Ok(())
            }
            Value::Object(members) => {
                for (name, member) in members.iter() {
                    push(&mut self.flat, name);
                    let collected = self.collect(member);
                    self.flat.truncate(end);
                    collected?;
                }
                Ok(())
            }
            _ if rule.is_none() && !self.json.flatten => Ok(()),
            _ => {
                let unit = rule.and_then(|rule| rule.unit(self.root, self.row));
                self.found.extend(owned(node, &self.flat, rule, unit, &self.json.nulls)?);
                Ok(())
            }
        }
    }

    /// Values whose names are elsewhere in the document.
    fn named(&mut self, elements: &'n [Node<'t>]) -> Result<(), String> {
        if elements.len() != self.named.len() {
            return Err(format!("{} values in {}, and {} names for them", elements.len(), self.flat, self.named.len()));
        }
        for (element, [name, unit, process]) in elements.iter().zip(self.named) {
            let name = name.as_deref().unwrap_or_default();
            let rule = self.json.columns.get(name);
            if rule.is_some_and(|rule| rule.kind == Declared::Skip) {
                continue;
            }
            let declared = rule.and_then(|rule| rule.unit(self.root, self.row));
            if let Some(found) = owned(element, name, rule, declared.or(unit.as_deref()), &self.json.nulls)? {
                self.found.push(Owned { process: process.clone(), ..found });
            }
        }
        Ok(())
    }
}

/// The value of a scalar at a flat name; `None` for no value.
pub(super) fn owned<'n>(
    node: &'n Node<'_>,
    flat: &str,
    rule: Option<&Rule>,
    unit: Option<&str>,
    nulls: &[String],
) -> Result<Option<Owned<'n>>, String> {
    let Some(value) = node.scalar() else {
        return match node.is_null() {
            true => Ok(None),
            false => Err(format!("{flat} is {}, and its column is not text", node.kind())),
        };
    };
    let nulls = rule.map(|rule| rule.nulls.as_slice()).filter(|nulls| !nulls.is_empty()).unwrap_or(nulls);
    if value.is_empty() || nulls.iter().any(|null| null == value) {
        return Ok(None);
    }
    let declared = rule.and_then(|rule| match rule.kind {
        Declared::Kind(kind) => Some(kind),
        Declared::Auto | Declared::Skip => None,
    });
    Ok(Some(Owned {
        name: rule.map_or(flat, |rule| &rule.name).to_owned(),
        unit: unit.map(str::to_owned),
        process: None,
        kind: declared.unwrap_or_else(|| kind_of(&node.value)),
        declared: declared.is_some(),
        value: Cow::Borrowed(value),
    }))
}

//! Paths into a tree: `$.Head.Timestamp` from the document, `data.temperature` from the row, `["a.b"]` for a name with dots in it,
//! `[0]` an element, `[*]` all elements of an array, `.*` all members of an object.

use super::{Node, Value};

static NULL: Node<'static> = Node { at: 0..0, value: Value::Null };

/// A path, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// From the document, not from the row.
    pub(crate) absolute: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    Elements,
    Members,
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("{0:?} is no path")]
    NoPath(String),
    #[error("{0:?} stands for several values")]
    Several(String),
}

impl Path {
    /// Reads a path in which `[*]` and `.*` may be.
    pub(crate) fn new(text: &str) -> Result<Self, PathError> {
        let none = || PathError::NoPath(text.to_owned());
        let (absolute, mut rest) = match text.strip_prefix('$') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if text.is_empty() {
            return Err(none());
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let first = steps.is_empty() && !absolute;
            let (step, after) = match rest.strip_prefix('[') {
                Some(bracketed) => bracket(bracketed),
                None if first => name(rest),
                None => rest.strip_prefix('.').and_then(name),
            }
            .ok_or_else(none)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { absolute, steps })
    }

    /// Reads a path that leads to one value.
    pub(crate) fn to_one(text: &str) -> Result<Self, PathError> {
        let path = Self::new(text)?;
        match path.steps.iter().any(|step| matches!(step, Step::Elements | Step::Members)) {
            true => Err(PathError::Several(text.to_owned())),
            false => Ok(path),
        }
    }

    /// The names on the way.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) | Step::Elements | Step::Members => None,
        })
    }

    /// How many of its steps go through the names of an object.
    pub(crate) fn wildcards(&self) -> usize {
        self.steps.iter().filter(|step| **step == Step::Members).count()
    }

    /// The value at the end of a path to one.
    pub(crate) fn find<'n, 't>(&self, from: &'n Node<'t>) -> Option<&'n Node<'t>> {
        self.steps.iter().try_fold(from, |node, step| match step {
            Step::Name(name) => node.get(name),
            Step::Index(index) => node.elements()?.get(*index),
            Step::Elements | Step::Members => None,
        })
    }

    /// Every value that the path stands for, each with the names that `.*` stood for on the way. An error says where the way ends.
    pub(crate) fn find_all<'n, 't>(&self, from: &'n Node<'t>) -> Result<Vec<Found<'n, 't>>, String> {
        self.walk(from, None)
    }

    /// The same, where objects at the end of the way need not have what the path ends with: it is null in these.
    pub(crate) fn find_each<'n, 't>(&self, from: &'n Node<'t>) -> Result<Vec<Found<'n, 't>>, String> {
        self.walk(from, Some(&NULL))
    }

    fn walk<'n, 't>(&self, from: &'n Node<'t>, last: Option<&'n Node<'t>>) -> Result<Vec<Found<'n, 't>>, String> {
        let mut found = vec![Found { names: Vec::new(), node: from }];
        for (at, step) in self.steps.iter().enumerate() {
            let mut next = Vec::new();
            for Found { names, node } in found {
                let wrong = || Err(format!("{} is {}", self.up_to(at), node.kind()));
                match (step, &node.value) {
                    (Step::Elements, Value::Array(elements)) => {
                        next.extend(elements.iter().map(|node| Found { names: names.clone(), node }));
                    }
                    (Step::Members, Value::Object(members)) => {
                        if let Some(name) = members.repeated() {
                            return Err(format!("{name:?} twice in {}", self.up_to(at)));
                        }
                        for (name, node) in members.iter() {
                            let names = names.iter().copied().chain([name]).collect();
                            next.push(Found { names, node });
                        }
                    }
                    (Step::Name(name), Value::Object(members)) => {
                        if members.has_twice(name) {
                            return Err(format!("{name:?} twice in {}", self.up_to(at)));
                        }
                        let last = last.filter(|_| at + 1 == self.steps.len());
                        let Some(node) = members.get(name).or(last) else {
                            return Err(format!("no {name:?} in {}", self.up_to(at)));
                        };
                        next.push(Found { names, node });
                    }
                    (Step::Index(index), Value::Array(elements)) => {
                        let Some(node) = elements.get(*index) else {
                            return Err(format!("no element {index} in {}", self.up_to(at)));
                        };
                        next.push(Found { names, node });
                    }
                    _ => return wrong(),
                }
            }
            found = next;
        }
        Ok(found)
    }

    /// The name of the column that a value at this path has when nobody gives it one: names joined by points, elements by their
    /// place.
    pub(crate) fn flat(&self) -> String {
        let mut flat = String::new();
        for step in &self.steps {
            match step {
                Step::Name(name) => push(&mut flat, name),
                Step::Index(index) => push(&mut flat, &index.to_string()),
                Step::Elements | Step::Members => push(&mut flat, "*"),
            }
        }
        flat
    }

    fn up_to(&self, steps: usize) -> String {
        let way = Self { absolute: self.absolute, steps: self.steps.iter().take(steps).cloned().collect() };
        match way.flat() {
            flat if flat.is_empty() => "the document".to_owned(),
            flat => flat,
        }
    }
}

/// Adds a part of a flat name.
pub(crate) fn push(flat: &mut String, part: &str) {
    if !flat.is_empty() {
        flat.push('.');
    }
    flat.push_str(part);
}

/// A value that a path stands for.
#[derive(Debug)]
pub(crate) struct Found<'n, 't> {
    /// What `.*` stood for, from the first on.
    pub(crate) names: Vec<&'n str>,
    pub(crate) node: &'n Node<'t>,
}

/// A name up to the next point or bracket, or `*`.
fn name(rest: &str) -> Option<(Step, &str)> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end)?;
    match name {
        "" => None,
        "*" => Some((Step::Members, after)),
        name => Some((Step::Name(name.to_owned()), after)),
    }
}

/// What stands behind `[`: `*]`, `0]`, or `"name"]`.
fn bracket(rest: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = rest.strip_prefix('"') {
        let (name, after) = quoted.split_once("\"]")?;
        return Some((Step::Name(name.to_owned()), after));
    }
    let (inner, after) = rest.split_once(']')?;
    match inner {
        "*" => Some((Step::Elements, after)),
        index => Some((Step::Index(index.parse().ok()?), after)),
    }
}

//! All that is wrong with a configuration at once, each with its key and where that key was set.

use std::fmt;
use std::fs;
use std::path::Path;

use figment::Figment;
use figment::value::{Dict, Value};

use super::Config;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, dotted, as in `etl.batch.max_age`.
    pub key: String,
    /// Where it was set: a file, an environment variable, an option, or the embedded defaults.
    pub source: String,
    /// What is wrong.
    pub message: String,
}

/// All that is wrong with a configuration; never empty.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

/// A key that somebody set, with its value.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) path: String,
    pub(super) value: Value,
    source: String,
}

/// Sections, so that `INLET_INGEST_LISTEN` (one underscore too few) is not passed over as somebody else's variable.
const SECTIONS: [&str; 8] = ["INGEST", "WATCHER", "ETL", "HTTP", "LAKE", "QUEUE", "CATALOG", "LOG"];
const PREFIX: &str = "INLET_";
const DEFAULTS: &str = "the embedded defaults";

/// Every key that a TOML file sets. What is said of a file that is no TOML holds nothing of its text.
pub(super) fn keys_of_file(file: &Path) -> Result<Vec<Key>, Problems> {
    let source = file.display().to_string();
    let problem = |message| Problem { key: String::new(), source: source.clone(), message };
    let text = fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    // The parser's own display would show the line, which may hold a password.
    let dict: Dict = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(String::new(), |before| format!("line {}: ", before.matches('\n').count() + 1));
        problem(format!("{line}{}", error.message()))
    })?;
    let mut keys = Vec::new();
    flatten("", &dict, &source, &mut keys);
    Ok(keys)
}

/// Adds every key that the environment sets, and returns what is no key. A variable `INLET_X` that names neither a key nor a
/// section is somebody else's.
pub(super) fn keys_of_environment(environment: impl IntoIterator<Item = (String, String)>, keys: &mut Vec<Key>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut variables: Vec<_> = environment.into_iter().collect();
    variables.sort_unstable();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let in_section = SECTIONS.iter().any(|section| name.strip_prefix(section).is_some_and(|rest| rest.starts_with('_')));
        let path = name.to_lowercase().replace("__", ".");
        let source = format!("environment variable {variable}");
        if name.contains("__") || name == "DATA" {
            keys.push(Key { path, value: parse(&text), source });
        } else if in_section {
            let message = format!("not a key; sections are parted by two underscores, as in {PREFIX}INGEST__LISTEN");
            problems.push(Problem { key: path, source, message });
        }
    }
    problems
}

/// Reads a variable's text as figment's own environment provider does: numbers, booleans and `[lists]` as such, all else as text.
fn parse(text: &str) -> Value {
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn flatten(prefix: &str, dict: &Dict, source: &str, keys: &mut Vec<Key>) {
    for (name, value) in dict {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value.as_dict() {
            Some(inner) if !inner.is_empty() => flatten(&path, inner, source, keys),
            _ => keys.push(Key { path, value: value.clone(), source: source.to_owned() }),
        }
    }
}

/// Lays each key alone over the defaults, takes out those that are wrong, and says how.
pub(super) fn set_aside_bad(defaults: &Figment, keys: &mut Vec<Key>) -> Vec<Problem> {
    let mut problems = Vec::new();
    keys.retain(|key| {
        let alone = defaults.clone().merge((key.path.as_str(), key.value.clone()));
        let Err(error) = alone.extract::<Config>() else { return true };
        problems.push(Problem { key: key.path.clone(), source: key.source.clone(), message: describe(&error) });
        false
    });
    problems
}

fn source_of(key: &str, keys: &[Key]) -> String {
    keys.iter().rev().find(|set| set.path == key).map_or_else(|| DEFAULTS.to_owned(), |set| set.source.clone())
}

/// figment's message without its key path and source, which stand beside it.
fn describe(error: &figment::Error) -> String {
    match &error.kind {
        figment::error::Kind::UnknownField(_, expected) if !expected.is_empty() => {
            format!("no such key; there are: {}", expected.join(", "))
        }
        kind => kind.to_string(),
    }
}

impl Key {
    /// A key that the command line sets.
    pub(super) fn of_command_line(path: &str, option: &str, value: &str) -> Self {
        Self { path: path.to_owned(), value: Value::from(value), source: format!("option {option}") }
    }
}

impl Problem {
    /// A problem of a key, wherever that was set.
    pub(super) fn named(key: String, message: String, keys: &[Key]) -> Self {
        Self { source: source_of(&key, keys), key, message }
    }

    /// What extracting the whole configuration stumbled over.
    pub(super) fn of(error: &figment::Error, keys: &[Key]) -> Self {
        Self::named(error.path.join("."), describe(error), keys)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.source, self.message),
            key => write!(f, "{key}: {} (set in {})", self.message, self.source),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong in {}", self.0.len())?;
        f.write_str(if self.0.len() == 1 { " place:" } else { " places:" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl std::error::Error for Problems {}

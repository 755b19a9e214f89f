//! JSON that no format claims → `[json]`: where its rows are, when they were measured, and by whom.

use encoding_rs::UTF_8;

use super::question::{Answer, Question};
use super::times::{format_of, has_offset, notations, zone};
use super::{Proposal, names_device, opening, quoted};
use crate::format::File;
use crate::json::{Document, Documents, Node, Style, Value};
use crate::limits::Limits;
use crate::number::{self, Decimal};
use crate::text::Text;
use crate::time::{EpochUnit, Stamp, TimeFormat};

/// So many documents are looked at.
const DOCUMENTS_MAX: usize = 200;
/// What is looked for lies at most this deep.
const DEPTH_MAX: usize = 8;
/// So many of a hundred rows must have a value for it to be their time.
const PERCENT_MIN: usize = 90;
/// So many ways to read the times are named.
const ANSWERS_MAX: usize = 6;
/// What seconds since 1970 may be: from 1990 to 2100.
const SECONDS: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// A definition for a file of JSON; `None` when it is none.
pub(super) fn propose(file: &File<'_>, limits: &Limits) -> Option<Proposal> {
    let text = Text::decode(file.bytes, &[UTF_8], limits).ok()?;
    crate::json::first(&text).filter(|root| matches!(root.value, Value::Object(_) | Value::Array(_)))?;
    let style = Style::of(&text);
    let documents: Vec<Document<'_>> = Documents::new(&text, style).ok()?.take(DOCUMENTS_MAX).collect();
    let roots: Vec<&Node<'_>> = documents.iter().filter_map(|document| document.root.as_ref().ok()).collect();

    let mut places: Vec<Rows<'_, '_>> = Vec::new();
    roots.iter().for_each(|root| places_in(root, "$", 0, &mut places));
    // The outermost rows that have a time of their own lose nothing: what lies within them is columns of theirs.
    places.sort_by_key(|place| place.times().is_empty());
    let best = places.first()?;
    let rows = Answer::text(&best.path);
    let others = places.iter().skip(1).filter(|other| !other.times().is_empty()).map(|other| Answer::text(&other.path));
    let rows = Question::with_default("rows", std::iter::once(rows).chain(others).take(ANSWERS_MAX).collect(), "what is a row?");
    let times = best.times();
    let zone = match times.iter().find(|time| !time.has_zone) {
        Some(time) => zone(&time.example),
        None => Question::moot("zone"),
    };
    let device = best.device();
    let style = Question::settled("documents", Answer::text(if style == Style::Lines { "lines" } else { "whole" }));
    let keys = [style, rows, timestamp(&times), best.numbers_in_quotes()];

    let mut definition = opening(file, &device, &zone, None);
    let members = members(&roots);
    if !members.is_empty() {
        definition.push_str(&format!("members = [{}]\n", members.join(", ")));
    }
    definition.push_str("\n[json]\n");
    keys.iter().for_each(|key| definition.push_str(&key.to_toml()));
    let open = keys.iter().chain([&zone, &device]).filter_map(Question::open).collect();
    Some(Proposal { definition, open })
}

/// Objects that may be rows.
struct Rows<'n, 't> {
    path: String,
    nodes: Vec<&'n Node<'t>>,
}

/// A way to read the times of rows.
struct Time {
    answer: Answer,
    example: String,
    /// Whether the texts say their offset from UTC, or count from 1970.
    has_zone: bool,
}

/// Finds what may be rows in a document: itself, and the objects of arrays in it.
fn places_in<'n, 't>(node: &'n Node<'t>, path: &str, depth: usize, places: &mut Vec<Rows<'n, 't>>) {
    match &node.value {
        _ if depth > DEPTH_MAX => {}
        Value::Object(members) => {
            if path == "$" || path.ends_with("[*]") {
                match places.iter_mut().find(|place| place.path == path) {
                    Some(place) => place.nodes.push(node),
                    None => places.push(Rows { path: path.to_owned(), nodes: vec![node] }),
                }
            }
            members.iter().for_each(|(name, node)| places_in(node, &joined(path, name), depth + 1, places));
        }
        Value::Array(elements) => elements.iter().for_each(|node| places_in(node, &format!("{path}[*]"), depth + 1, places)),
        _ => {}
    }
}

impl<'n> Rows<'n, '_> {
    /// The scalars of all rows: each path, with its texts and whether they are in quotes.
    fn scalars(&self) -> Vec<(String, Vec<(&'n str, bool)>)> {
        let mut scalars: Vec<(String, Vec<(&'n str, bool)>)> = Vec::new();
        self.nodes.iter().for_each(|node| scalars_in(node, "", 0, &mut scalars));
        scalars
    }

    /// Every way that reads the times of nearly all rows.
    fn times(&self) -> Vec<Time> {
        let scalars = self.scalars();
        let of_most = scalars.iter().filter(|(_, texts)| texts.len() * 100 >= self.nodes.len() * PERCENT_MIN);
        of_most.flat_map(|(path, texts)| times_of(path, &texts.iter().map(|(text, _)| *text).collect::<Vec<_>>())).collect()
    }

    fn device(&self) -> Question {
        let account = Answer("{ account = true }".to_owned());
        let scalars = self.scalars();
        let named = scalars.iter().filter(|(path, _)| names_device(path.rsplit('.').next().unwrap_or_default()));
        let named = named.map(|(path, _)| Answer(format!("{{ column = {} }}", quoted(path))));
        let answers: Vec<Answer> = std::iter::once(account).chain(named).take(ANSWERS_MAX).collect();
        Question::with_default("device", answers, "the account's device, or the one that a value names?")
    }

    /// Numbers that are written as strings.
    fn numbers_in_quotes(&self) -> Question {
        let is_number = |text: &str| number::double(text, Decimal::Point).is_some_and(f64::is_finite) && !number::is_code(text);
        let scalars = self.scalars();
        let is_time = |texts: &[(&str, bool)]| !times_of("", &texts.iter().map(|(text, _)| *text).collect::<Vec<_>>()).is_empty();
        let in_quotes =
            scalars.iter().filter(|(_, texts)| texts.iter().all(|(text, quoted)| *quoted && is_number(text)) && !is_time(texts));
        let columns: Vec<String> =
            in_quotes.map(|(path, _)| format!("    {{ path = {}, type = \"double\" }},", quoted(path))).collect();
        if columns.is_empty() {
            return Question::moot("columns");
        }
        let answer = Answer(format!("[\n# {}\n# ]", columns.join("\n# ")));
        Question::suggested("columns", vec![answer], "numbers in quotes are text unless these lines say that they are numbers")
    }
}

fn scalars_in<'n>(node: &'n Node<'_>, path: &str, depth: usize, scalars: &mut Vec<(String, Vec<(&'n str, bool)>)>) {
    if let Value::Object(members) = &node.value
        && depth <= DEPTH_MAX
    {
        members.iter().for_each(|(name, node)| scalars_in(node, &joined(path, name), depth + 1, scalars));
    }
    let Some(text) = node.scalar() else { return };
    let scalar = (text, node.text().is_some());
    match scalars.iter_mut().find(|(known, _)| known == path) {
        Some((_, texts)) => texts.push(scalar),
        None => scalars.push((path.to_owned(), vec![scalar])),
    }
}

/// The ways to read all these texts as times.
fn times_of(path: &str, texts: &[&str]) -> Vec<Time> {
    let Some(example) = texts.first().map(|text| (*text).to_owned()) else { return Vec::new() };
    let all = |format: &TimeFormat| texts.iter().all(|text| format.read(text).is_some());
    let paths = quoted(path);
    let time = |key: &str, has_zone: bool| Time {
        answer: Answer(format!("{{ paths = [{paths}]{key} }}")),
        example: example.clone(),
        has_zone,
    };
    let units = [("s", EpochUnit::S), ("ms", EpochUnit::Ms), ("us", EpochUnit::Us), ("ns", EpochUnit::Ns)];
    let is_moment = |unit: EpochUnit| {
        let seconds = |text: &&str| TimeFormat::Epoch(unit).read(text).map(|stamp| stamp.wall.div_euclid(1_000_000));
        texts.iter().all(|text| seconds(text).is_some_and(|seconds| SECONDS.contains(&seconds)))
    };
    if let Some((unit, _)) = units.into_iter().find(|(_, unit)| is_moment(*unit)) {
        return vec![time(&format!(", epoch = {}", quoted(unit)), true)];
    }
    let mut fits: Vec<Time> = Vec::new();
    let mut moments: Vec<Vec<Stamp>> = Vec::new();
    for notation in notations().into_iter().filter(|notation| notation != "%s") {
        let key = if notation == "iso8601" { String::new() } else { format!(", format = {}", quoted(&notation)) };
        let format = format_of(&notation).filter(all);
        let read = format.map(|format| texts.iter().filter_map(|text| format.read(text)).collect::<Vec<_>>());
        let Some(read) = read.filter(|read| !moments.contains(read)) else { continue };
        moments.push(read);
        fits.push(time(&key, has_offset(&example)));
    }
    fits
}

fn timestamp(times: &[Time]) -> Question {
    let answers: Vec<Answer> = times.iter().take(ANSWERS_MAX).map(|time| time.answer.clone()).collect();
    if answers.is_empty() {
        let why = "nothing in its rows reads as a time; name what does, or write receipt_time = true above [match]";
        return Question::suggested("timestamp", vec![Answer("{ paths = [\"time\"] }".to_owned())], why);
    }
    Question::of("timestamp", answers, "each of these reads the times of all rows")
}

/// Names that all documents have.
fn members(roots: &[&Node<'_>]) -> Vec<String> {
    const MEMBERS_MAX: usize = 4;
    let Some(first) = roots.first().and_then(|root| root.members()) else { return Vec::new() };
    let in_all = first.iter().filter(|(name, _)| roots.iter().all(|root| root.get(name).is_some()));
    in_all.take(MEMBERS_MAX).map(|(name, _)| quoted(&joined("", name))).collect()
}

/// A path, and a name behind it.
fn joined(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty() && !name.contains(['.', '[', ']', '"']) && name != "*" && !name.starts_with('$');
    match (is_plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[\"{name}\"]"),
    }
}

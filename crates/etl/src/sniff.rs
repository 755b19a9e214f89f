//! A file that no format claims → a definition for its kind, as far as the file says, with the rest left open and why.
//!
//! Nothing is decided by likelihood alone. The file's lines are laid out by every delimiter; each way to read the times is tried with
//! the reader that will read such files (JSON by its paths: `json`); what is left when several ways fit equally well is a question, written as a comment.

mod arrays;
mod header;
mod json;
mod layout;
mod question;
mod times;
mod words;
mod zone;

use encoding_rs::{SHIFT_JIS, UTF_8, WINDOWS_1252};

use crate::format::{File, separator_in};
use crate::limits::Limits;
use crate::rows::Refusal;
use layout::Layout;
use question::{Answer, Question};

/// So many lines are looked at: enough to meet a day above twelve, few enough to be quick.
const LINES_MAX: usize = 2000;

/// A format definition that a file suggests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The definition in TOML. What is left open is in comments.
    pub definition: String,
    /// What is left open, each in a few words.
    pub open: Vec<String>,
}

/// Proposes a definition for a file that is out of its container. The error says what it is instead of JSON, or delimited text with times.
pub fn propose(file: &File<'_>, limits: &Limits) -> Result<Proposal, Refusal> {
    if let Some(proposal) = json::propose(file, limits) {
        return Ok(proposal);
    }
    let (text, encodings) = decoded(file.bytes)?;
    // Lines end as the readers have it: with CR LF, LF or CR, whichever comes.
    let text = text.replace("\r\n", "\n");
    let mut lines: Vec<&str> = text.split_terminator(['\n', '\r']).take(LINES_MAX).collect();
    if lines.first().is_some_and(|line| separator_in(line).is_some()) {
        lines.remove(0);
    }
    if let Some(proposal) = arrays::propose(file, &lines) {
        return Ok(proposal);
    }
    let comment = layout::comment(&mut lines);
    let layouts = layout::all(&lines);
    let Some(layout) = layouts.first() else {
        return Err(Refusal { reason: what_else(&text) });
    };
    let times = times::find(layout, file, &encodings, limits);
    let mut questions = vec![encodings];
    questions.push(comment);
    questions.push(layout::delimiter(&layouts));
    questions.push(layout.header.rows());
    questions.push(layout.header.leading());
    questions.push(layout.decimal());
    questions.push(layout.nulls());
    questions.push(times.question());
    questions.extend(layout.units_in_names());
    questions.extend(layout.lines());
    questions.push(layout.header.columns(layout.width(), &times.columns));
    let zone = times.zone();
    let device = layout.device();
    let open = questions.iter().chain([&zone, &device]).filter_map(Question::open).collect();
    Ok(Proposal { definition: write(file, layout, &questions, &zone, &device), open })
}

fn write(file: &File<'_>, layout: &Layout<'_>, questions: &[Question], zone: &Question, device: &Question) -> String {
    let Some((encodings, rest)) = questions.split_first() else { return String::new() };
    let mut text = opening(file, device, zone, Some(encodings));
    if let Some(line) = &layout.header.line {
        // The reader takes such names by their places: a file with another header is another format's.
        text.push_str(&Question::settled("lines", Answer::list(&[&format!("^{}", regex::escape(line))])).to_toml());
    } else if layout.names_are_whole() {
        let names = layout.names();
        text.push_str(
            &Question::settled("columns", Answer::list(&names.iter().map(String::as_str).collect::<Vec<_>>())).to_toml(),
        );
    }
    text.push_str("\n[delimited]\n");
    rest.iter().for_each(|question| text.push_str(&question.to_toml()));
    text
}

/// What every definition begins with, down to the first line of `[match]`.
fn opening(file: &File<'_>, device: &Question, zone: &Question, encodings: Option<&Question>) -> String {
    let name = name_of(file.path);
    let keys: String = [Some(device), Some(zone), encodings].into_iter().flatten().map(Question::to_toml).collect();
    format!(
        "# Proposed by `inlet sniff` from {}. Lines in comments are for you to decide.\nformat = {}\ntable = {}\n{keys}\n[match]\npaths = [{}]\n",
        quoted(file.path),
        quoted(&name),
        quoted(&format!("{name}_{{device}}")),
        quoted(&glob_of(file.path)),
    )
}

/// Whether a name is one that devices' names stand under.
fn names_device(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = ["station", "device", "site", "logger", "serial", "sensor_id", "id"];
    words.iter().any(|word| name == *word || name.starts_with(&format!("{word}_")))
}

/// The text, and what it is encoded in.
fn decoded(bytes: &[u8]) -> Result<(String, Question), Refusal> {
    let settled = |label: &str| Question::settled("encodings", Answer::list(&[label]));
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, _, _) = encoding.decode(bytes);
        return Ok((text.into_owned(), settled("utf-8")));
    }
    if bytes.contains(&0) {
        return Err(Refusal { reason: "it is no text: it holds NUL bytes".to_owned() });
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((text.to_owned(), settled("utf-8")));
    }
    let fits: Vec<_> = [SHIFT_JIS, WINDOWS_1252]
        .into_iter()
        .filter_map(|encoding| Some((encoding, encoding.decode_without_bom_handling_and_without_replacement(bytes)?)))
        .collect();
    let Some((first, text)) = fits.first() else {
        return Err(Refusal {
            reason: format!("it is no text in {}, nor in the encodings that devices use instead", UTF_8.name()),
        });
    };
    let answers: Vec<_> = fits.iter().map(|(encoding, _)| Answer::list(&[&encoding.name().to_lowercase()])).collect();
    let why = format!(
        "the text is not UTF-8, and reads without a fault in each of these; in {} it begins {:?}",
        first.name(),
        start(text)
    );
    Ok((text.clone().into_owned(), Question::of("encodings", answers, &why)))
}

fn start(text: &str) -> String {
    text.trim_start().chars().take(60).collect()
}

/// What a text that is no table of times looks like.
fn what_else(text: &str) -> String {
    let first = text.trim_start();
    let what = match first.chars().next() {
        None => "there is nothing in it",
        Some('{' | '[') => "it begins as JSON does, and is none",
        Some('<') => "it looks like XML, which no parser here reads",
        Some(_) => "no delimiter gives lines of the same number of cells with a time in them",
    };
    format!("no proposal: {what}; its first line is {:?}", start(first.lines().next().unwrap_or_default()))
}

/// The file's name without digits and extension, fit for a table.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let words: Vec<String> = stem
        .split(|character: char| !character.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() { "device".to_owned() } else { words.join("_") }
}

/// The file's name with its digits open, in any directory.
fn glob_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    let mut glob = "**/".to_owned();
    for character in file.chars() {
        match character {
            '0'..='9' if glob.ends_with('*') && !glob.ends_with("**") => {}
            '0'..='9' => glob.push('*'),
            '*' | '?' | '[' | ']' | '{' | '}' | '\\' => glob.push('?'),
            character => glob.push(character),
        }
    }
    glob
}

/// A TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests;

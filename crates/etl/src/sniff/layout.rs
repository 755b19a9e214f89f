//! Lines laid out by a delimiter: which of them are rows, and what stands above them.

use std::collections::{BTreeMap, BTreeSet};

use super::question::{Answer, Question};
use super::times::{Times, is_like_time};
use super::{names_device, quoted};

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// Rows are at least so many of a hundred lines below the header: a few may be damaged.
const ROWS_PERCENT_MIN: usize = 80;

/// A file by one delimiter.
#[derive(Clone, Debug)]
pub(super) struct Layout<'t> {
    pub(super) delimiter: char,
    /// The lines above the header row with names.
    pub(super) preamble: usize,
    /// The header's lines, the names first.
    headers: Vec<Vec<String>>,
    pub(super) rows: Vec<Vec<&'t str>>,
    /// Whether every row ends with a delimiter that separates nothing.
    trailing: bool,
}

/// Takes lines out that begin with `#`, when the file begins with several and the last of them is no header: one alone may be one, whose
/// first column counts.
pub(super) fn comment(lines: &mut Vec<&str>) -> Question {
    let is_comment = |line: &&str| line.starts_with('#');
    let (above, below) = lines.split_at(lines.iter().take_while(|line| is_comment(line)).count());
    if above.len() < 2 || names_columns(above, below) && !below.iter().any(is_comment) {
        return Question::moot("comment");
    }
    lines.retain(|line| !is_comment(line));
    Question::settled("comment", Answer::text("#"))
}

/// Whether the last of some lines has a cell for each of those below it, and the line before has far fewer: it is no header row.
fn names_columns(above: &[&str], below: &[&str]) -> bool {
    let ([.., before, names], [row, ..]) = (above, below) else { return false };
    DELIMITERS.iter().any(|delimiter| {
        let width = |line: &str| cells(line, *delimiter).len();
        width(names) == width(row) && width(before) + 1 < width(row)
    })
}

/// All layouts that fit, the one that explains the most first.
pub(super) fn all<'t>(lines: &[&'t str]) -> Vec<Layout<'t>> {
    let mut fits: Vec<Layout<'t>> = DELIMITERS.iter().filter_map(|delimiter| Layout::of(lines, *delimiter)).collect();
    fits.sort_by_key(|layout| std::cmp::Reverse((layout.typed(), layout.rows.len())));
    fits
}

/// The delimiter: open when another one explains the lines as well.
pub(super) fn delimiter(layouts: &[Layout<'_>]) -> Question {
    let best = layouts.first().map(|layout| (layout.typed(), layout.rows.len()));
    let equal = layouts.iter().filter(|layout| Some((layout.typed(), layout.rows.len())) == best);
    let answers = equal.map(|layout| Answer::text(&layout.delimiter.to_string())).collect();
    Question::of("delimiter", answers, "each of these gives rows of equal length")
}

impl<'t> Layout<'t> {
    fn of(lines: &[&'t str], delimiter: char) -> Option<Self> {
        let cells: Vec<Vec<&'t str>> = lines.iter().map(|line| cells(line, delimiter)).collect();
        let is_row = |cells: &Vec<&str>| cells.len() > 1 && cells.iter().any(|cell| is_like_time(cell));
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        cells.iter().filter(|cells| is_row(cells)).for_each(|cells| *widths.entry(cells.len()).or_default() += 1);
        let (width, count) = widths.into_iter().max_by_key(|(width, count)| (*count, *width))?;
        let first = cells.iter().position(|cells| cells.len() == width && is_row(cells))?;
        let below: Vec<&Vec<&str>> = cells.iter().skip(first).filter(|cells| cells.iter().any(|cell| !cell.is_empty())).collect();
        if count * 100 < below.len() * ROWS_PERCENT_MIN {
            return None;
        }
        let mut rows: Vec<Vec<&'t str>> = below.into_iter().filter(|cells| cells.len() == width).cloned().collect();
        let mut above: Vec<Vec<String>> = Vec::new();
        for cells in cells.iter().take(first).rev() {
            let fits = cells.len() == width || cells.len() + 1 == width && cells.len() > 1;
            if !fits || cells.iter().all(|cell| cell.is_empty()) {
                break;
            }
            above.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
        }
        above.reverse();
        let trailing = rows.iter().all(|row| row.last().is_some_and(|cell| cell.is_empty()))
            && above.first().is_none_or(|names| names.len() < width || names.last().is_some_and(String::is_empty));
        if trailing {
            rows.iter_mut().for_each(|row| row.truncate(width.saturating_sub(1)));
            above.iter_mut().filter(|names| names.len() == width).for_each(|names| names.truncate(width.saturating_sub(1)));
        }
        Some(Self { delimiter, preamble: first - above.len(), headers: above, rows, trailing })
    }

    /// How many cells are numbers, times or nothing: what a good delimiter leaves, and a bad one does not.
    fn typed(&self) -> usize {
        let rows = self.rows.iter().take(200);
        rows.flatten().filter(|cell| cell.is_empty() || is_number(cell) || is_like_time(cell)).count()
    }

    pub(super) fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    pub(super) fn column(&self, index: usize) -> impl Iterator<Item = &'t str> {
        self.rows.iter().filter_map(move |row| row.get(index).copied())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.headers.first().map(|names| names.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Whether every column has a name of its own, so that they can be asked for.
    pub(super) fn names_are_whole(&self) -> bool {
        let names = self.names();
        names.len() == self.width()
            && names.iter().all(|name| !name.is_empty())
            && names.iter().collect::<BTreeSet<_>>().len() == names.len()
    }

    /// What stands above the rows, and whether each row ends with a delimiter.
    pub(super) fn header(&self) -> Question {
        match self.headers.as_slice() {
            [] => Question::settled("header", Answer("[]".to_owned())),
            [_] => Question::settled("header", Answer::list(&["names"])),
            [_, widths] if widths.iter().all(|cell| is_width(cell)) => {
                Question::settled("header", Answer::list(&["names", "widths"]))
            }
            [_, rest @ ..] => {
                let rows = |second: &str| {
                    let all: Vec<&str> = ["names", second].into_iter().chain(rest.iter().skip(1).map(|_| "skip")).collect();
                    Answer::list(&all)
                };
                let second: Vec<&str> = rest.first().into_iter().flatten().map(String::as_str).take(4).collect();
                let why = format!(
                    "{} rows above the data; whether the second has units, as {second:?}, only you know",
                    self.headers.len()
                );
                Question::with_default("header", vec![rows("skip"), rows("units"), rows("process")], &why)
            }
        }
    }

    /// What the header leaves out, where rows have a cell more than it.
    pub(super) fn leading(&self) -> Question {
        if self.names().len() + 1 != self.width() || self.headers.is_empty() {
            return Question::moot("leading");
        }
        let why = "rows have one cell more than the header has names; if it is their first one, as statistics programs write the row's number, \
                   this names it";
        Question::suggested("leading", vec![Answer::list(&["row"])], why)
    }

    /// The decimal sign: open when commas may as well set thousands apart.
    pub(super) fn decimal(&self) -> Question {
        let cells = || self.rows.iter().flatten().map(|cell| unquoted(cell)).filter(|cell| !is_like_time(cell));
        let commas: Vec<&str> = cells().filter(|cell| is_number_with(cell, ',')).collect();
        if commas.is_empty() {
            return Question::moot("decimal");
        }
        let thousands =
            |cell: &&str| cell.rsplit_once(',').is_some_and(|(whole, rest)| rest.len() == 3 && !matches!(whole, "0" | "-0"));
        if commas.iter().all(thousands) {
            let why = format!(
                "{:?} may be a number with decimals, or one with its thousands set apart: thousands = \",\"",
                commas[..].first().unwrap_or(&"")
            );
            return Question::suggested("decimal", vec![Answer::text(",")], &why);
        }
        Question::settled("decimal", Answer::text(","))
    }

    /// Words that stand in columns of numbers.
    pub(super) fn nulls(&self) -> Question {
        let mut words: BTreeSet<&str> = BTreeSet::new();
        let mut sentinels: BTreeSet<&str> = BTreeSet::new();
        for index in 0..self.width() {
            let cells: Vec<&str> = self.column(index).map(unquoted).filter(|cell| !cell.is_empty()).collect();
            let numbers = cells.iter().filter(|cell| is_number(cell)).count();
            if numbers * 2 < cells.len() || cells.iter().any(|cell| is_like_time(cell)) {
                continue;
            }
            words.extend(cells.iter().filter(|cell| !is_number(cell) && !cell.eq_ignore_ascii_case("nan")));
            sentinels
                .extend(cells.iter().filter(|cell| matches!(**cell, "-999" | "-9999" | "-99999" | "-6999" | "-7999" | "9999")));
        }
        let some: Vec<&str> = words.into_iter().chain(sentinels).take(10).collect();
        if some.is_empty() {
            return Question::moot("nulls");
        }
        let why = "these stand among numbers; as nulls they are no values, else words are refused and numbers are numbers";
        Question::suggested("nulls", vec![Answer::list(&some)], why)
    }

    /// Whose the rows are.
    pub(super) fn device(&self) -> Question {
        let account = Answer("{ account = true }".to_owned());
        let names = self.names();
        let named = names.iter().find(|name| names_device(name));
        match named {
            None => Question::settled("device", account),
            Some(name) => {
                let column = Answer(format!("{{ column = {} }}", quoted(name)));
                Question::with_default("device", vec![account, column], "the account's device, or the one that a column names?")
            }
        }
    }

    /// A regular expression that takes units out of the names, when there are any.
    pub(super) fn units_in_names(&self) -> Option<&'static str> {
        let names = self.names();
        let in_brackets = |open: char, close: char| {
            names.iter().filter(|name| name.ends_with(close) && name.find(open).is_some_and(|at| at > 0)).count() * 2
                > names.len()
        };
        if in_brackets('(', ')') {
            Some(r"'^(?<name>.+?)\((?<unit>[^()]*)\)$'")
        } else if in_brackets('[', ']') {
            Some(r"'^(?<name>.+?)\[(?<unit>[^\[\]]*)\]$'")
        } else {
            None
        }
    }

    /// The remaining keys: what must be said, and columns for a file without names.
    pub(super) fn columns(&self, times: &Times) -> String {
        let mut text = String::new();
        if self.preamble > 0 {
            text.push_str(&format!("preamble = {}\n", self.preamble));
        }
        if self.trailing {
            text.push_str("trailing_delimiter = true\n");
        }
        if self.headers.is_empty() {
            text.push_str("# columns: the file names none; say what they are\ncolumns = [\n");
            for index in 0..self.width() {
                let what = if times.columns.contains(&index) { "time" } else { "column" };
                text.push_str(&format!("    {{ name = \"{what}_{}\" }},\n", index + 1));
            }
            text.push_str("]\n");
        }
        text
    }
}

/// A line's cells without the quotes around them. A quote that does not close is left to the reader.
pub(super) fn cells(line: &str, delimiter: char) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut start, mut in_quotes) = (0, false);
    for (at, character) in line.char_indices() {
        if character == '"' {
            in_quotes = !in_quotes;
        } else if character == delimiter && !in_quotes {
            cells.push(unquoted(line.get(start..at).unwrap_or_default()));
            start = at + character.len_utf8();
        }
    }
    cells.push(unquoted(line.get(start..).unwrap_or_default()));
    cells
}

/// `20d`: how wide a column of USGS's RDB is, and what it holds.
fn is_width(cell: &str) -> bool {
    let digits = cell.strip_suffix(['s', 'd', 'n']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

fn is_number(cell: &str) -> bool {
    is_number_with(cell, '.') || is_number_with(cell, ',') || cell.parse::<f64>().is_ok()
}

/// Digits with one such sign among them.
fn is_number_with(cell: &str, sign: char) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let cell = cell.trim_start_matches(['-', '+']);
    cell.split_once(sign).is_some_and(|(whole, rest)| (whole.is_empty() || digits(whole)) && digits(rest))
}

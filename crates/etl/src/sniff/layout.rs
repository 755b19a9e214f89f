//! Lines laid out by a delimiter: which of them are rows, and what stands above them.

use std::collections::{BTreeMap, BTreeSet};

use super::header::{self, Body, Header};
use super::question::{Answer, Question};
use super::times::is_like_time;
use super::{names_device, quoted};

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// Rows are at least so many of a hundred lines below the header: a few may be damaged.
const ROWS_PERCENT_MIN: usize = 80;
/// When so many of a hundred rows lack their last cells, it is a habit and no damage.
const SHORT_PERCENT_MIN: usize = 10;

/// A file by one delimiter.
#[derive(Clone, Debug)]
pub(super) struct Layout<'t> {
    pub(super) delimiter: char,
    /// The lines above the header.
    pub(super) above: Vec<&'t str>,
    pub(super) header: Header,
    pub(super) rows: Vec<Vec<&'t str>>,
    width: usize,
    /// Whether every row ends with a delimiter that separates nothing.
    trailing: bool,
    /// Whether rows lack their last cells.
    short: bool,
    /// Whether numbers may be in two cells, for want of quotes around their decimal comma.
    may_be_split: bool,
}

/// Empties lines that begin with `#`, when the file begins with several and the last of them is no header: one alone may be one, whose
/// first column counts.
pub(super) fn comment(lines: &mut [&str]) -> Question {
    let is_comment = |line: &&str| line.starts_with('#');
    let (above, below) = lines.split_at(lines.iter().take_while(|line| is_comment(line)).count());
    if above.len() < 2 || names_columns(above, below) && !below.iter().any(is_comment) {
        return Question::moot("comment");
    }
    lines.iter_mut().filter(|line| is_comment(line)).for_each(|line| *line = "");
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
        let Usual { width: usual, filled, time, first } = Usual::of(&cells)?;
        let is_row = |cells: &Vec<&str>| cells.len() > 1 && cells.get(time).is_some_and(|cell| is_like_time(cell));

        // Rows that lack their last cells, or have more of them than most, may be the first ones.
        let earlier = cells.iter().take(first).rev().take_while(|cells| is_row(cells)).count();
        let names = |first: usize| header::find(&cells, first, (usual, filled), time).and_then(|at| Some((at, cells.get(at)?)));
        let (first, names) = match names(first - earlier).filter(|(_, names)| used(names) >= usual) {
            Some(names) => (first - earlier, Some(names)),
            None => (first, names(first)),
        };
        let below: Vec<&Vec<&str>> = cells.iter().skip(first).filter(|cells| used(cells) > 0).collect();
        let full = names.filter(|(_, names)| header::is_over(names, time)).map_or(usual, |(_, names)| used(names).max(usual));
        let is_short = |cells: &Vec<&str>| is_row(cells) && cells.len() < full;
        let fits = |cells: &Vec<&str>, width: usize| cells.len() == width || cells.len() > width && used(cells) <= width;
        let short_rows = below.iter().filter(|cells| is_short(cells)).count();
        let full_rows = below.iter().filter(|cells| fits(cells, full)).count();
        let short = short_rows > 1 && full_rows > 0 && short_rows * 100 >= below.len() * SHORT_PERCENT_MIN;
        let width = if full_rows > 0 { full } else { usual };
        let is_wanted = |cells: &&Vec<&str>| fits(cells, width) || short && is_short(cells);
        let mut rows: Vec<Vec<&'t str>> = below.iter().copied().filter(is_wanted).cloned().collect();
        if rows.len() * 100 < below.len() * ROWS_PERCENT_MIN {
            return None;
        }

        let used_most = rows.iter().map(|row| used(row)).max().unwrap_or(0);
        let (width, trailing) = without_ends(&rows, width, used_most, names.map(|(_, names)| names));
        rows.iter_mut().for_each(|row| row.truncate(width));
        let body = Body { width, time, used: used_most, trailing, may_be_split: delimiter == ',' && may_be_split(&rows, time) };
        let may_be_split = body.may_be_split && names.is_some();
        let header = match names {
            Some((at, _)) => {
                let all: Vec<&Vec<&str>> = cells.iter().take(first).skip(at).filter(|cells| used(cells) > 0).collect();
                Header::new(&all, at, lines.get(at).copied().unwrap_or_default(), delimiter, body)
            }
            None => {
                let last = cells.iter().enumerate().take(first).rev().find(|(_, cells)| used(cells) > 0);
                Header::absent(last, body)
            }
        };
        let above = lines.iter().take(if header.is_absent() { first } else { names.map_or(first, |(at, _)| at) });
        Some(Self { delimiter, above: above.copied().collect(), header, rows, width, trailing, short, may_be_split })
    }

    /// How many cells are numbers, times or nothing: what a good delimiter leaves, and a bad one does not.
    fn typed(&self) -> usize {
        let rows = self.rows.iter().take(200);
        rows.flatten().filter(|cell| cell.is_empty() || is_number(cell) || is_like_time(cell)).count()
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn column(&self, index: usize) -> impl Iterator<Item = &'t str> {
        self.rows.iter().filter_map(move |row| row.get(index).copied())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.header.names()
    }

    /// Whether every column has a name of its own, so that they can be asked for.
    pub(super) fn names_are_whole(&self) -> bool {
        let names = self.names();
        names.len() == self.width()
            && names.iter().all(|name| !name.is_empty())
            && names.iter().collect::<BTreeSet<_>>().len() == names.len()
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
    pub(super) fn units_in_names(&self) -> Option<Question> {
        let names = self.names();
        let in_brackets = |open: char, close: char| {
            names.iter().filter(|name| name.ends_with(close) && name.find(open).is_some_and(|at| at > 0)).count() * 2
                > names.len()
        };
        let pattern = if in_brackets('(', ')') {
            r"'^(?<name>.+?)\((?<unit>[^()]*)\)$'"
        } else if in_brackets('[', ']') {
            r"'^(?<name>.+?)\[(?<unit>[^\[\]]*)\]$'"
        } else {
            return None;
        };
        Some(Question::settled("names", Answer(pattern.to_owned())))
    }

    /// The keys that say how many lines there are to pass over, and how lines end.
    pub(super) fn lines(&self) -> Vec<Question> {
        let yes = || Answer("true".to_owned());
        let mut questions = Vec::new();
        // Blank lines and comments are passed over in any number.
        if self.above.iter().any(|line| !line.trim().is_empty()) {
            questions.push(Question::settled("preamble", Answer(self.above.len().to_string())));
        }
        if self.trailing {
            let why = "all numbers behind the time are whole: if they are halves of numbers with a decimal comma, which nothing quotes, then \
                       this delimiter is one of theirs, and names stand over the wrong cells";
            let settled = Question::settled("trailing_delimiter", yes());
            questions.push(if self.may_be_split { Question::doubted("trailing_delimiter", yes(), why) } else { settled });
        }
        if self.short {
            let longest = self.rows.iter().filter(|row| row.len() == self.width).count();
            let why = format!(
                "{longest} of the first {} rows have all {} cells, the others lack the last",
                self.rows.len(),
                self.width
            );
            questions.push(Question::noted("short_rows", yes(), &why));
        }
        questions
    }
}

/// What most of the lines with a time are like.
struct Usual {
    width: usize,
    /// Up to which cell one of them has something.
    filled: usize,
    /// The column with the times.
    time: usize,
    /// The first of them.
    first: usize,
}

impl Usual {
    fn of(lines: &[Vec<&str>]) -> Option<Self> {
        let has_time = |cells: &Vec<&str>| cells.len() > 1 && cells.iter().any(|cell| is_like_time(cell));
        // Rows follow each other. Times that stand by themselves are of what is said above them, as of each channel, however often.
        let mut widths: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut before = None;
        for cells in lines {
            let width = has_time(cells).then_some(cells.len());
            if let Some(width) = width {
                let (following, all) = widths.entry(width).or_default();
                *following += usize::from(before == Some(width));
                *all += 1;
            }
            before = width;
        }
        let (width, _) = widths.into_iter().max_by_key(|(width, counts)| (*counts, *width))?;
        let first = lines.iter().position(|cells| cells.len() == width && has_time(cells))?;
        let rows = lines.iter().filter(|cells| cells.len() == width && has_time(cells));
        let time = time_column(rows.clone(), width)?;
        Some(Self { width, filled: rows.map(|cells| used(cells)).max()?, time, first })
    }
}

/// How wide rows are without what is empty at the end of all of them, as far as nothing names it, and whether that is a delimiter at the
/// end of each.
fn without_ends(rows: &[Vec<&str>], width: usize, used_most: usize, names: Option<&Vec<&str>>) -> (usize, bool) {
    let ends_empty = used_most < width
        && rows.iter().all(|row| row.len() == width)
        && names.is_none_or(|names| names.len() < width || used(names) < width);
    // Empty cells behind the last name say nothing, be they one or many.
    let named = names.map(|names| names.len()).filter(|named| (used_most..width).contains(named));
    let trailing = ends_empty && named.is_none_or(|named| named + 1 == width);
    (named.unwrap_or(width - usize::from(trailing)), trailing)
}

/// The column with the times, of rows that each have one.
fn time_column<'c, 't: 'c>(rows: impl Iterator<Item = &'c Vec<&'t str>> + Clone, width: usize) -> Option<usize> {
    let times = |index: usize| rows.clone().filter(|row| row.get(index).is_some_and(|cell| is_like_time(cell))).count();
    (0..width).max_by_key(|index| (times(*index), std::cmp::Reverse(*index)))
}

/// Whether the cells behind the time may be halves of numbers: all are whole, and there are as many on either side of a comma.
fn may_be_split(rows: &[Vec<&str>], time: usize) -> bool {
    let is_whole = |cell: &&str| {
        let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    rows.iter().all(|row| row.iter().skip(time + 1).filter(|cell| !cell.is_empty()).all(is_whole))
}

/// Up to which cell a line has something.
pub(super) fn used(cells: &[&str]) -> usize {
    cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1)
}

/// A line's cells without the quotes around them. A quote that does not close is left to the reader.
pub(super) fn cells(line: &str, delimiter: char) -> Vec<&str> {
    pieces(line, delimiter).into_iter().map(unquoted).collect()
}

/// A line's cells, where a delimiter with a blank behind it is part of one, if others have none behind them.
pub(super) fn joined(line: &str, delimiter: char) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for piece in pieces(line, delimiter) {
        let is_part = piece.starts_with(' ') && !piece.trim_start().starts_with('"');
        match joined.last_mut().filter(|_| is_part) {
            Some(before) => *before = format!("{before}{delimiter}{}", piece.trim_end()),
            None => joined.push(unquoted(piece).to_owned()),
        }
    }
    joined
}

fn pieces(line: &str, delimiter: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut in_quotes) = (0, false);
    for (at, character) in line.char_indices() {
        if character == '"' {
            in_quotes = !in_quotes;
        } else if character == delimiter && !in_quotes {
            pieces.push(line.get(start..at).unwrap_or_default());
            start = at + character.len_utf8();
        }
    }
    pieces.push(line.get(start..).unwrap_or_default());
    pieces
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

/// Whether a cell is a number, with a point or a comma.
pub(super) fn is_number(cell: &str) -> bool {
    is_number_with(cell, '.') || is_number_with(cell, ',') || cell.parse::<f64>().is_ok()
}

/// Digits with one such sign among them.
fn is_number_with(cell: &str, sign: char) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let cell = cell.trim_start_matches(['-', '+']);
    cell.split_once(sign).is_some_and(|(whole, rest)| (whole.is_empty() || digits(whole)) && digits(rest))
}

//! What stands above the rows: which line names their cells, and which name is whose where the two differ in number.

use super::layout::{is_number, joined, used};
use super::question::{Answer, Question};
use super::quoted;
use super::times::is_like_time;
use super::words::names_time;

/// So many lines that are no names may stand between these and the rows.
const ODD_MAX: usize = 2;
/// A header has no more rows than this, where the file is of two columns: what stands above is as likely a list of settings.
const ROWS_MAX: usize = 3;

/// The rows, as far as their header has to fit them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// Cells of a row.
    pub(super) width: usize,
    /// The first of them that has a time.
    pub(super) time: usize,
    /// Up to which cell there are values.
    pub(super) used: usize,
    /// Whether a delimiter ends each of them that separates nothing.
    pub(super) trailing: bool,
    /// Whether what should be a number with a decimal comma may be two cells.
    pub(super) may_be_split: bool,
}

/// Lines above the rows, the names first.
#[derive(Clone, Debug)]
pub(super) struct Header {
    rows: Vec<Vec<String>>,
    pub(super) names: Names,
    /// The line with the names as it is written, when its names are not asked for one by one.
    pub(super) line: Option<String>,
}

/// How names come to cells.
#[derive(Clone, Debug)]
pub(super) enum Names {
    /// Nothing names them; why not, if there is something that might.
    Absent(Option<String>),
    /// The header has one for each.
    Own,
    /// It leaves out so many in front; open when nothing shows that they are those.
    Leading { count: usize, is_open: bool },
    /// By place, where the file's reader would not find them so.
    Listed { names: Vec<Option<String>>, why: String },
}

/// The line with the names of the rows that begin at `first`, of so many cells, and values up to the `filled`th of them.
pub(super) fn find(lines: &[Vec<&str>], first: usize, (width, filled): (usize, usize), time: usize) -> Option<usize> {
    let mut fitting: Vec<usize> = Vec::new();
    let (mut odd, mut apart) = (0, false);
    for (index, cells) in lines.iter().enumerate().take(first).rev() {
        let is_row = cells.get(time).is_some_and(|cell| is_like_time(cell));
        let is_odd = is_row || used(cells) == 0 || is_ruler(cells);
        let is_long = cells.len() == width || [width, filled].contains(&used(cells)) || cells.len() + 1 == width;
        let fits = !is_odd && is_long && cells.len() > 1;
        let is_named = !is_odd && cells.len() > 1 && has_time(cells) && !cells.iter().any(|cell| is_number(cell));
        if fits {
            fitting.push(index);
        } else if is_named && !fitting.iter().any(|index| lines.get(*index).is_some_and(|cells| has_time(cells))) {
            fitting.push(index);
            apart = true;
            break;
        } else if fitting.is_empty() && odd < ODD_MAX && !is_row {
            odd += usize::from(used(cells) > 0);
            apart = true;
        } else {
            break;
        }
    }
    let mut named = fitting.iter().copied().filter(|index| lines.get(*index).is_some_and(|cells| has_time(cells)));
    // In two columns there may be settings above the names, with nothing between.
    let by_time = if width == 2 { named.next() } else { named.next_back() };
    let by_place = || if width == 2 && fitting.len() > ROWS_MAX { fitting.first() } else { fitting.last() };
    by_time.or_else(|| by_place().copied().filter(|_| !apart))
}

/// Whether the first name of a time stands above the times.
pub(super) fn is_over(names: &[&str], time: usize) -> bool {
    names.iter().position(|name| names_time(name)) == Some(time)
}

impl Header {
    /// No header; `line` may be one, and does not fit.
    pub(super) fn absent(line: Option<(usize, &Vec<&str>)>, body: Body) -> Self {
        let is_header = |cells: &&Vec<&str>| used(cells) > 1 && !cells.iter().any(|cell| is_number(cell) || is_like_time(cell));
        let why = line.filter(|(_, cells)| is_header(cells) && !is_ruler(cells)).map(|(index, cells)| {
            let (number, names) = (index + 1, used(cells));
            format!(
                "line {number}, {:?}, has {names} cells, and rows have {}: what belongs to what it does not show",
                shown(cells),
                body.width
            )
        });
        Self { rows: Vec::new(), names: Names::Absent(why), line: None }
    }

    /// The header whose lines are these, the one with the names first, which is the `index`th of the file and is written so.
    pub(super) fn new(rows: &[&Vec<&str>], index: usize, line: &str, delimiter: char, body: Body) -> Self {
        let Some((names, below)) = rows.split_first() else { return Self::absent(None, body) };
        let matched = matched(names, line, delimiter, body);
        let names_own = matched.as_ref().is_some_and(|matched| !matches!(matched, Names::Listed { .. }));
        let Some(matched) = matched else { return Self::absent(Some((index, names)), body).of(line) };
        let owned = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let names = names.get(..body.width).filter(|_| matches!(matched, Names::Own)).unwrap_or(names);
        let rows = std::iter::once(owned(names)).chain(below.iter().map(|row| owned(row))).collect();
        let header = Self { rows, names: matched, line: None };
        if names_own { header } else { header.of(line.trim_end_matches(delimiter)) }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.names, Names::Absent(_))
    }

    fn of(self, line: &str) -> Self {
        Self { line: Some(line.trim().to_owned()), ..self }
    }

    /// The names of the rows' cells, as far as they are known; empty for one without a name.
    pub(super) fn names(&self) -> Vec<String> {
        let own = || self.rows.first().cloned().unwrap_or_default();
        match &self.names {
            Names::Absent(_) => Vec::new(),
            Names::Leading { count, is_open: false } => leading_names(*count).into_iter().chain(own()).collect(),
            Names::Own | Names::Leading { .. } => own(),
            Names::Listed { names, .. } => names.iter().map(|name| name.clone().unwrap_or_default()).collect(),
        }
    }

    /// All that stands above a cell.
    pub(super) fn above(&self, index: usize) -> Vec<String> {
        let name = self.names().get(index).cloned();
        let below = self.rows.iter().skip(1).filter_map(|row| row.get(index).cloned());
        name.into_iter().chain(below).filter(|text| !text.is_empty()).collect()
    }

    /// The key `header`.
    pub(super) fn rows(&self) -> Question {
        let [_, below @ ..] = self.rows.as_slice() else { return Question::settled("header", Answer("[]".to_owned())) };
        let names = if matches!(self.names, Names::Listed { .. }) { "skip" } else { "names" };
        let rows = |second: &str| {
            let second = std::iter::once(second).take(below.len());
            let all: Vec<&str> = std::iter::once(names).chain(second).chain(below.iter().skip(1).map(|_| "skip")).collect();
            Answer::list(&all)
        };
        match below.first() {
            Some(widths) if below.len() == 1 && widths.iter().all(|cell| is_width(cell)) => {
                Question::settled("header", rows("widths"))
            }
            // Units of fewer cells than there are names belong to nobody knows which.
            Some(second) if second.len() >= self.names().len() => {
                let shown: Vec<&str> = second.iter().map(String::as_str).take(4).collect();
                let why =
                    format!("{} rows above the data; whether the second has units, as {shown:?}, only you know", self.rows.len());
                Question::with_default("header", vec![rows("skip"), rows("units"), rows("process")], &why)
            }
            _ => Question::settled("header", rows("skip")),
        }
    }

    /// The key `leading`: what the header leaves out in front.
    pub(super) fn leading(&self) -> Question {
        let Names::Leading { count, is_open } = self.names else { return Question::moot("leading") };
        let names = leading_names(count);
        let answer = Answer::list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        if is_open {
            let why = "rows have one cell more than the header has names; if it is their first one, as statistics programs write the row's \
                       number, this names it";
            return Question::suggested("leading", vec![answer], why);
        }
        let why =
            format!("rows have more cells than the header has names, by {count}, and the times are as far behind their name");
        Question::noted("leading", answer, &why)
    }

    /// The key `columns`: the names that the definition has to give, for so many cells.
    pub(super) fn columns(&self, width: usize, times: &[usize]) -> Question {
        let own = |index: usize| format!("{}_{}", if times.contains(&index) { "time" } else { "column" }, index + 1);
        let list = |name: &dyn Fn(usize) -> String| {
            let columns: String = (0..width).map(|index| format!("    {{ name = {} }},\n", quoted(&name(index)))).collect();
            Answer(format!("[\n{columns}]"))
        };
        match &self.names {
            Names::Absent(None) => Question::noted("columns", list(&own), "the file names none; say what they are"),
            Names::Absent(Some(why)) => Question::doubted("columns", list(&own), &format!("{why}; say what they are")),
            Names::Listed { names, why } => {
                let name = |index: usize| names.get(index).cloned().flatten().unwrap_or_else(|| own(index));
                if names.iter().all(Option::is_some) {
                    Question::noted("columns", list(&name), why)
                } else {
                    Question::doubted("columns", list(&name), why)
                }
            }
            _ => Question::moot("columns"),
        }
    }
}

/// Finds which name is whose: by their number, else by where the time and its name are. `None` when neither shows it.
fn matched(names: &[&str], line: &str, delimiter: char, body: Body) -> Option<Names> {
    let count = used(names);
    let name_of_time = names.iter().position(|name| names_time(name));
    let listed = |names: &[&str], without: usize, why: String| {
        let named = names.iter().map(|name| Some((*name).to_owned()).filter(|name| !name.is_empty()));
        Some(Names::Listed { names: named.chain(std::iter::repeat_n(None, without)).collect(), why })
    };
    // The reader drops the delimiter at the end of a header too, where rows have one.
    let ends_alike = body.trailing && count <= body.width && names.len() == body.width + 1;
    if ends_alike || names.len() == body.width || count <= body.width && body.used <= names.len() && names.len() < body.width {
        return Some(Names::Own);
    }
    if count == body.width {
        let why = "the header ends with delimiters that rows do not have, and no name is behind them: its names, in their order"
            .to_owned();
        return listed(names.get(..count)?, 0, why);
    }
    if count > body.width {
        let surplus = count - body.width;
        let joined = joined(line, delimiter);
        if joined.len() == body.width {
            let why = format!(
                "names have {delimiter:?} in them with a blank behind it and no quotes around: put together there is one for each cell"
            );
            return listed(&joined.iter().map(String::as_str).collect::<Vec<_>>(), 0, why);
        }
        return match name_of_time {
            Some(at) if at == body.time + surplus => {
                let why = format!(
                    "the header has more names than rows have cells, by {surplus}, and the times are as far before their name"
                );
                listed(names.get(surplus..count)?, 0, why)
            }
            Some(at) if at == body.time => {
                let unused: Vec<&str> = names.get(body.width..count)?.to_vec();
                let why = format!(
                    "the header names {count} columns, and no row here has more than {} cells: names from the first on, as the time is below \
                     its own. No row says {unused:?}; for files whose rows do, name them here and add short_rows = true",
                    body.width
                );
                listed(names.get(..body.width)?, 0, why)
            }
            _ => None,
        };
    }
    let missing = body.width - count;
    match name_of_time {
        Some(at) if at + missing == body.time => Some(Names::Leading { count: missing, is_open: false }),
        Some(at) if at == body.time && body.may_be_split => listed(
            names.get(..=at)?,
            body.width - at - 1,
            format!(
                "the header names {count} columns, and rows have {}, whole numbers all: where a comma is the decimal sign and nothing quotes \
                 it, no reader can tell it from the comma between cells. Have the device write another delimiter, a point, or quotes",
                body.width
            ),
        ),
        Some(at) if at == body.time => {
            let why =
                format!("the header names the first {count} columns, and rows have {}: say what the others are", body.width);
            listed(names.get(..count)?, missing, why)
        }
        None if missing == 1 => Some(Names::Leading { count: 1, is_open: true }),
        _ => None,
    }
}

fn leading_names(count: usize) -> Vec<String> {
    (1..=count).map(|number| if count == 1 { "row".to_owned() } else { format!("row_{number}") }).collect()
}

fn has_time(cells: &[&str]) -> bool {
    cells.iter().any(|cell| names_time(cell))
}

/// A line that only draws one.
fn is_ruler(cells: &[&str]) -> bool {
    let drawn = cells.concat();
    drawn.len() > 2 && drawn.chars().all(|character| "-=_*~+# ".contains(character))
}

fn shown(cells: &[&str]) -> String {
    cells.join(" | ").chars().take(60).collect()
}

/// `20d`: how wide a column of USGS's RDB is, and what it holds.
fn is_width(cell: &str) -> bool {
    let digits = cell.strip_suffix(['s', 'd', 'n']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

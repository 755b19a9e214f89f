//! Where a row's time is, and how it is written: every notation is tried with the reader that will read such files.

use std::borrow::Cow;
use std::collections::HashSet;

use super::layout::Layout;
use super::question::{Answer, Question};
use super::{quoted, zone};
use crate::format::{File, Formats, Source};
use crate::limits::Limits;
use crate::time::{MONTHS, Pattern, TimeFormat};

/// Notations that devices use, each for a whole time or, with a space between, for a date and a clock in two columns. Every order of day,
/// month and year is among them: of those that are not, one that is would be taken for the only one.
pub(super) fn notations() -> Vec<String> {
    const DATES: [[&str; 3]; 6] =
        [["%d", "%m", "%Y"], ["%m", "%d", "%Y"], ["%Y", "%m", "%d"], ["%d", "%m", "%y"], ["%m", "%d", "%y"], ["%y", "%m", "%d"]];
    const CLOCKS: [&str; 8] =
        [" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S%.f", " %H:%M:%S%z", " %H:%M:%S %z"];
    let mut notations = vec!["iso8601".to_owned()];
    for sign in [".", "/", "-"] {
        for date in DATES {
            let is_iso = |clock: &&str| sign == "-" && date[0] == "%Y" && !clock.ends_with("%p");
            notations.extend(CLOCKS.iter().filter(|clock| !is_iso(clock)).map(|clock| date.join(sign) + clock));
        }
    }
    for date in ["%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %b %Y"] {
        notations.extend(CLOCKS.iter().map(|clock| date.to_owned() + clock));
    }
    notations.extend(["%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d", "%s"].map(str::to_owned));
    notations
}

/// A notation fits when it reads so many of a hundred rows.
const READ_PERCENT_MIN: usize = 90;

/// What is known of the times.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// The columns that give a time together.
    pub(super) columns: Vec<usize>,
    /// The names of these, or their places.
    named: Vec<String>,
    notations: Vec<String>,
    /// Whether the text says the offset from UTC itself.
    has_offset: bool,
    example: String,
    /// Whether most rows have the date of the row before, and no time of day.
    repeats_dates: bool,
    /// What the file says of their zone.
    zone: Option<Question>,
}

/// Whether a cell may be a date, a clock, or both.
pub(super) fn is_like_time(cell: &str) -> bool {
    let cell = &*with_month_in_digits(cell);
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |character: char| character.is_ascii_digit() || " :./-TZ+,apmAPMUGC".contains(character);
    let parts = |sign: char| cell.split(sign).filter(|part| part.chars().any(|character| character.is_ascii_digit())).count();
    let begins = cell.starts_with(|character: char| character.is_ascii_digit());
    let is_epoch = matches!(cell.len(), 10 | 13) && digits == cell.len() && cell.starts_with('1');
    let is_stamp =
        matches!(cell.len(), 8 | 10 | 12 | 14) && digits == cell.len() && (cell.starts_with("20") || cell.starts_with("19"));
    let is_date = parts('-') >= 3 || parts('/') >= 3 || parts('.') >= 3;
    begins && cell.chars().all(allowed) && (is_epoch || is_stamp || digits >= 4 && is_date || digits >= 3 && parts(':') >= 2)
}

/// `06-Oct-2015` as `06-10-2015`.
fn with_month_in_digits(cell: &str) -> Cow<'_, str> {
    let word = cell.split(|character: char| !character.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    match MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month)) {
        Some(month) => Cow::Owned(cell.replacen(word, &format!("{:02}", month + 1), 1)),
        None => Cow::Borrowed(cell),
    }
}

/// Finds the columns of the time, and every notation that reads them.
pub(super) fn find(layout: &Layout<'_>, file: &File<'_>, encodings: &Question, limits: &Limits) -> Times {
    let names = layout.names();
    let alike = |index: &usize| {
        let cells: Vec<&str> = layout.column(*index).collect();
        cells.iter().filter(|cell| is_like_time(cell)).count() * 100 >= cells.len() * READ_PERCENT_MIN
    };
    let candidates: Vec<usize> = (0..layout.width()).filter(alike).take(2).collect();
    let notations = notations();
    // A date and a clock in two columns first: the date alone can be read as well, and every row would be of midnight.
    let tries = (candidates.len() == 2).then(|| candidates.clone()).into_iter().chain(candidates.iter().map(|one| vec![*one]));
    let mut best = Times {
        columns: candidates.iter().take(1).copied().collect(),
        named: Vec::new(),
        notations: Vec::new(),
        has_offset: false,
        example: String::new(),
        repeats_dates: false,
        zone: None,
    };
    for columns in tries {
        let named = columns.iter().map(|index| named(&names, *index, layout)).collect();
        let times = Times { columns, named, ..best.clone() };
        let read: Vec<(&String, Vec<i64>)> = notations
            .iter()
            .filter(|notation| may_fit(notation, layout, &times.columns))
            .filter_map(|notation| Some((notation, read(layout, &times, notation, file, encodings, limits)?)))
            .collect();
        let enough = |read: &Vec<i64>| read.len() * 100 >= layout.rows.len() * READ_PERCENT_MIN;
        let mut fits: Vec<(&String, Vec<i64>)> = Vec::new();
        for (notation, moments) in read.into_iter().filter(|(_, moments)| enough(moments)) {
            if !fits.iter().any(|(_, other)| *other == moments) {
                fits.push((notation, moments));
            }
        }
        // A notation that reads more rows than another is the right one: the other cannot read what is there.
        let most = fits.iter().map(|(_, moments)| moments.len()).max().unwrap_or(0);
        fits.retain(|(_, moments)| moments.len() == most);
        if !fits.is_empty() {
            let repeats_dates = fits.iter().all(|(_, moments)| repeats_dates(moments));
            best = Times { notations: fits.into_iter().map(|(notation, _)| notation.clone()).collect(), repeats_dates, ..times };
            break;
        }
    }
    let first: Vec<&str> = best.columns.iter().filter_map(|index| layout.column(*index).next()).collect();
    best.example = first.join(" ");
    best.has_offset = best.notations == ["%s"] || has_offset(&best.example);
    let above: Vec<String> = best.columns.iter().flat_map(|index| layout.header.above(*index)).collect();
    best.zone = zone::said(&above.iter().map(String::as_str).collect::<Vec<_>>(), &layout.above);
    if best.named.is_empty() {
        best.named = best.columns.iter().map(|index| named(&names, *index, layout)).collect();
    }
    best
}

/// Whether moments are all of one time of day, which is two where clocks are changed, and half of them those of the rows before: the
/// time of day is somewhere else.
fn repeats_dates(moments: &[i64]) -> bool {
    const DAY_MICROS: i64 = 86_400_000_000;
    let repeated = moments.windows(2).filter(|pair| pair.first() == pair.last()).count();
    let times_of_day: HashSet<i64> = moments.iter().map(|moment| moment.rem_euclid(DAY_MICROS)).collect();
    repeated > 0 && repeated * 2 >= moments.len() && times_of_day.len() <= 2
}

/// Whether a notation reads one of the first rows: most do not, and need no reader for all of them.
fn may_fit(notation: &str, layout: &Layout<'_>, columns: &[usize]) -> bool {
    const ROWS: usize = 5;
    let Some(format) = format_of(notation) else { return false };
    let joined = |row: &Vec<&str>| columns.iter().filter_map(|index| row.get(*index).copied()).collect::<Vec<_>>().join(" ");
    // Seconds since 1970 begin so until 2033; before that, `2020010100` is an hour of 2020.
    let is_likely = |text: &str| notation != "%s" || text.starts_with('1');
    layout.rows.iter().take(ROWS).map(joined).any(|text| is_likely(&text) && format.read(&text).is_some())
}

/// The reader of a notation.
pub(super) fn format_of(notation: &str) -> Option<TimeFormat> {
    match notation {
        "iso8601" => Some(TimeFormat::Iso),
        notation => Pattern::new(notation).ok().map(TimeFormat::Pattern),
    }
}

/// A column by its name where that is its own, else by its place.
fn named(names: &[String], index: usize, layout: &Layout<'_>) -> String {
    match names.get(index).filter(|_| layout.names_are_whole()) {
        Some(name) if !name.starts_with('*') && !name.ends_with('*') => quoted(name),
        _ => (index + 1).to_string(),
    }
}

/// Whether a time says its offset from UTC.
pub(super) fn has_offset(text: &str) -> bool {
    let clock = text.rfind(':').map_or("", |_| text.rsplit(['T', ' ']).next().unwrap_or_default());
    ["Z", "UTC", "GMT"].iter().any(|none| text.ends_with(none)) || clock.contains('+') || clock.matches('-').count() == 1
}

/// The moments that a notation gives; `None` when it cannot be used.
fn read(
    layout: &Layout<'_>,
    times: &Times,
    notation: &str,
    file: &File<'_>,
    encodings: &Question,
    limits: &Limits,
) -> Option<Vec<i64>> {
    let mut definition = format!("format = \"try\"\ntable = \"try\"\ndevice = {{ account = true }}\n{}", encodings.to_toml());
    definition.push_str("[match]\npaths = [\"**\"]\n[delimited]\nheader = []\nshort_rows = true\n");
    definition.push_str(&format!("delimiter = {}\n", quoted(&layout.delimiter.to_string())));
    let places: Vec<String> = times.columns.iter().map(|index| (index + 1).to_string()).collect();
    definition.push_str(&format!(
        "timestamp = {{ columns = [{}], format = {} }}\ncolumns = [\n",
        places.join(", "),
        quoted(notation)
    ));
    (0..layout.width()).for_each(|index| definition.push_str(&format!("{{ name = \"c{index}\", type = \"text\" }},\n")));
    definition.push(']');
    let formats = Formats::load(&[Source { file: "try.toml", text: &definition }], "UTC", limits.clone()).ok()?;
    let delimiter = layout.delimiter.to_string();
    let rows = layout.rows.iter().map(|row| row.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(&delimiter));
    let text = rows.collect::<Vec<_>>().join("\n");
    let parsed = formats.parse(&File { bytes: text.as_bytes(), path: "/try", ..*file }).ok()?;
    Some(parsed.parts.iter().flat_map(|part| part.ts.values().iter().copied()).collect())
}

impl Times {
    /// Whether the times say more than a date.
    fn has_clock(&self) -> bool {
        let is_clock = |notation: &String| ["%H", "%I", "%s", "%{HHMM}"].iter().any(|clock| notation.contains(clock));
        self.example.contains(':') || self.notations.iter().any(is_clock)
    }

    /// The key `timestamp`.
    pub(super) fn question(&self) -> Question {
        let columns = self.named.join(", ");
        let answer = |notation: &str| match notation {
            "iso8601" => Answer(format!("{{ columns = [{columns}] }}")),
            notation => Answer(format!("{{ columns = [{columns}], format = {} }}", quoted(notation))),
        };
        let why = format!("{:?} and all other times here can be read in each of these", self.example);
        if self.notations.is_empty() {
            let why = format!("no notation that is known reads {:?}; write one", self.example);
            return Question::suggested("timestamp", vec![answer("%Y-%m-%d %H:%M:%S")], &why);
        }
        if let (true, [notation]) = (self.repeats_dates && !self.has_clock(), self.notations.as_slice()) {
            let why = format!(
                "{:?} is the date of several rows; if a column has their hours, add it to columns, and %H or %{{HHMM}} to format",
                self.example
            );
            return Question::doubted("timestamp", answer(notation), &why);
        }
        Question::of("timestamp", self.notations.iter().map(|notation| answer(notation)).collect(), &why)
    }

    /// The key `zone`.
    pub(super) fn zone(&self) -> Question {
        if self.has_offset {
            return Question::moot("zone");
        }
        self.zone.clone().unwrap_or_else(|| zone(&self.example))
    }
}

/// The key `zone` for times that say none.
pub(super) fn zone(example: &str) -> Question {
    let why = format!("{example:?} says none; without this the account's is taken, then etl.default_zone");
    Question::suggested("zone", vec![Answer::text("Europe/Berlin"), Answer::text("+01:00")], &why)
}

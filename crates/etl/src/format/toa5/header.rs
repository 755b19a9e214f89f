//! The four header lines: environment, names, units, processing.

use crate::block::Field;
use crate::column::Typing;
use crate::name::Names;
use crate::rows::{Column, Kind};
use crate::text::{Line, Lines};
use crate::time::{TimeFormat, YearLast};
use crate::tokenise::{Syntax, tokenise};

/// The fields of the first line behind `TOA5`, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderField {
    Station,
    Model,
    Serial,
    Os,
    Program,
    Signature,
    Table,
}

impl HeaderField {
    /// The field that definitions call so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let fields = [
            ("station", Self::Station),
            ("model", Self::Model),
            ("serial", Self::Serial),
            ("os", Self::Os),
            ("program", Self::Program),
            ("signature", Self::Signature),
            ("table", Self::Table),
        ];
        fields.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

const ENVIRONMENT_FIELDS: usize = 8;

/// A header, and where in a row its special columns stand.
#[derive(Debug)]
pub(super) struct Header {
    environment: Vec<String>,
    pub(super) columns: Vec<HeaderColumn>,
    pub(super) time: usize,
    pub(super) record: Option<usize>,
}

/// A column as the second to fourth lines have it.
#[derive(Debug)]
pub(super) struct HeaderColumn {
    name: String,
    unit: String,
    process: String,
}

/// Whether a line is the first of a header. In an appended file a byte order mark may stand before it again.
pub(super) fn is_header(line: &Line<'_>) -> bool {
    let text = line.text.trim_start_matches('\u{feff}');
    text.starts_with("\"TOA5\",") || text.starts_with("TOA5,")
}

impl Header {
    /// Reads a header from its first line on; `None` when the file ends within it, or another begins, so that no row is under it.
    pub(super) fn read<'t>(first: &Line<'t>, lines: &mut Lines<'t>, syntax: &Syntax) -> Result<Option<Self>, String> {
        let environment = environment(first, syntax)?;
        let mut rows: Vec<Line<'t>> = Vec::with_capacity(3);
        while rows.len() < 3 {
            let before = lines.clone();
            let next = lines.find(|line| !line.is_blank());
            let Some(line) = next.filter(|line| !is_header(line)) else {
                *lines = before;
                break;
            };
            rows.push(line);
        }
        let header = match rows.as_slice() {
            [names, units, process] => Self::of(environment, [names, units, process], syntax),
            _ => Err("it is not complete".to_owned()),
        };
        let follows = || lines.clone().find(|line| !line.is_blank());
        match header {
            Ok(header) => Ok(Some(header)),
            Err(_) if !rows.iter().any(|line| has_time(line, syntax)) && follows().is_none_or(|line| is_header(&line)) => {
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    fn of(environment: Vec<String>, lines: [&Line<'_>; 3], syntax: &Syntax) -> Result<Self, String> {
        let [names, units, process] = lines.map(|line| row(line, syntax));
        let (mut names, mut units, mut process) = (names?, units?, process?);
        // Spreadsheets fill all lines up to the widest with empty cells, and columns without a name have no values either.
        let widths = [names.len(), units.len(), process.len()];
        let agree = widths.iter().all(|width| *width == widths[0]);
        let width = if agree { widths[0] } else { used(&names).max(used(&units)).max(used(&process)) };
        if !agree && (width != used(&names) || widths.iter().any(|other| *other < width)) {
            return Err(format!("{} names, {} units and {} kinds of processing", widths[0], widths[1], widths[2]));
        }
        [&mut names, &mut units, &mut process].into_iter().for_each(|row| row.truncate(width));
        let columns: Vec<HeaderColumn> = names
            .into_iter()
            .zip(units)
            .zip(process)
            .map(|((name, unit), process)| HeaderColumn { name, unit, process })
            .collect();
        let time = columns.iter().position(HeaderColumn::is_time).ok_or("no column TIMESTAMP, so its rows have no time")?;
        // Were a line of the header missing, the first rows would stand in its place and be lost.
        let marked = |column: &HeaderColumn| (column.unit.is_empty() || column.unit == "TS") && column.process.is_empty();
        if !columns.get(time).is_some_and(marked) {
            return Err("its lines of units and processing are not where they should be".to_owned());
        }
        let record = columns.iter().position(HeaderColumn::is_record);
        Ok(Self { environment, columns, time, record })
    }

    /// A field of the first line.
    pub(super) fn field(&self, field: HeaderField) -> &str {
        let index = match field {
            HeaderField::Station => 1,
            HeaderField::Model => 2,
            HeaderField::Serial => 3,
            HeaderField::Os => 4,
            HeaderField::Program => 5,
            HeaderField::Signature => 6,
            HeaderField::Table => 7,
        };
        self.environment.get(index).map_or("", String::as_str)
    }

    /// What each cell of a row is, types left to `typing` unless the header says them.
    pub(super) fn fields(&self, typing: Typing) -> Vec<Field> {
        let mut names = Names::new();
        let mut fields = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            if index == self.time {
                fields.push(Field::Time(0));
                continue;
            }
            let typing = column.kind().map_or(typing, Typing::Declared);
            let part = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            let column = Column {
                name: names.column(&column.name, index + 1),
                original: column.name.clone(),
                unit: part(&column.unit),
                process: part(&column.process),
                kind: Kind::Unknown,
            };
            fields.push(Field::metric(column, typing));
        }
        fields
    }

    /// The field of the column with this name, among `fields`.
    pub(super) fn column<'a>(&self, name: &str, fields: &'a mut [Field]) -> Result<&'a mut Field, String> {
        let position = self.columns.iter().position(|column| column.name == name);
        position.and_then(|at| fields.get_mut(at)).ok_or_else(|| format!("no column {name:?}, where the format has the device"))
    }
}

impl HeaderColumn {
    fn is_time(&self) -> bool {
        self.name.eq_ignore_ascii_case("TIMESTAMP")
    }

    fn is_record(&self) -> bool {
        self.unit == "RN" || self.name.eq_ignore_ascii_case("RECORD")
    }

    /// The type, when the header says it: the time of a maximum or minimum, and the record number.
    fn kind(&self) -> Option<Kind> {
        if self.is_record() {
            Some(Kind::Long)
        } else if ["TMx", "TMn"].iter().any(|process| self.process.eq_ignore_ascii_case(process)) || self.unit == "TS" {
            Some(Kind::Timestamp)
        } else {
            None
        }
    }
}

fn environment(line: &Line<'_>, syntax: &Syntax) -> Result<Vec<String>, String> {
    let mut fields = row(line, syntax)?;
    let used = used(&fields).max(ENVIRONMENT_FIELDS);
    fields.truncate(used);
    if fields.len() != ENVIRONMENT_FIELDS {
        return Err(format!("{} fields in its first line, where TOA5 has {ENVIRONMENT_FIELDS}", fields.len()));
    }
    Ok(fields)
}

fn row(line: &Line<'_>, syntax: &Syntax) -> Result<Vec<String>, String> {
    let at = |problem: String| format!("line {}: {problem}", line.number);
    if let Some(fault) = line.fault {
        return Err(at(fault.to_string()));
    }
    let mut cells = Vec::new();
    tokenise(line.text.trim_start_matches('\u{feff}'), syntax, &mut cells).map_err(|fault| at(fault.to_string()))?;
    let value = |text: String| match text.chars().any(char::is_control) {
        true => Err(at("holds control characters".to_owned())),
        false => Ok(text),
    };
    cells.iter().map(|cell| value(cell.value().trim().to_owned())).collect()
}

/// Whether a line looks like a row: one of its cells is a time.
fn has_time(line: &Line<'_>, syntax: &Syntax) -> bool {
    let mut cells = Vec::new();
    let is_time = |text: &str| TimeFormat::Iso.read(text).is_some() || YearLast::read(text).is_some();
    tokenise(line.text, syntax, &mut cells).is_ok() && cells.iter().any(|cell| is_time(cell.text))
}

/// How many cells there are up to the last one that is not empty.
fn used(row: &[String]) -> usize {
    row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1)
}

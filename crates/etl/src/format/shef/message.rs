//! One message: what its first line says, and the values of that line and those below it.

use super::when::{date, interval, place};
use crate::number::{self, Decimal};
use crate::time::{Pattern, Stamp, TimeFormat};
use crate::zone::{Local, Place};

/// A value of a quantity.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) line: u64,
    pub(super) station: String,
    pub(super) time: i64,
    pub(super) code: String,
    pub(super) number: Option<f64>,
    pub(super) qualifier: String,
    /// English unless the message says SI.
    pub(super) units: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    A,
    B,
    E,
}

/// What has been said so far.
#[derive(Debug)]
pub(super) struct Message {
    kind: Kind,
    station: String,
    /// The date, as `%Y%m%d`, and the time of day in it; changed on the way by `DH` and its like.
    date: String,
    clock: Option<String>,
    place: Place,
    si: bool,
    /// The quantity: of `.A`, when its value is still to come. For `.E` also the interval in minutes and how many have gone by.
    code: Option<String>,
    interval: Option<i64>,
    steps: i64,
    /// For `.B`: the quantities in their order, each with the time and units that stood before it.
    columns: Vec<Column>,
    /// Whether the line before ended with a slash.
    slashed: bool,
    /// A line that could not be read takes what continues it with it.
    broken: bool,
}

#[derive(Clone, Debug)]
struct Column {
    code: String,
    date: String,
    clock: Option<String>,
    si: bool,
}

impl Message {
    /// A line that begins with a point: a message, what continues one, or the end of one.
    pub(super) fn line(
        open: &mut Option<Self>,
        text: &str,
        line: u64,
        local: &mut Local<'_>,
        values: &mut Vec<Value>,
    ) -> Result<(), String> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let mut letters = word.strip_prefix('.').unwrap_or_default().chars();
        let kind = match letters.next() {
            Some('A') => Kind::A,
            Some('B') => Kind::B,
            Some('E') if word.eq_ignore_ascii_case(".END") => {
                *open = None;
                return Ok(());
            }
            Some('E') => Kind::E,
            _ => return Err(format!("{word:?} begins no message")),
        };
        let rest_of_word = letters.as_str().trim_start_matches('R');
        if rest_of_word.bytes().all(|byte| byte.is_ascii_digit()) && !rest_of_word.is_empty() {
            let open = open.as_mut().filter(|open| open.kind == kind).ok_or("it continues a message that there is none of")?;
            if open.broken {
                return Err("it continues a line that could not be read".to_owned());
            }
            return open.fields(rest, line, local, values).inspect_err(|_| open.broken = true);
        }
        if !rest_of_word.is_empty() {
            return Err(format!("{word:?} begins no message"));
        }
        let begun = Self::begin(kind, rest);
        let result = begun.and_then(|(mut message, fields)| {
            let result = message.fields(fields, line, local, values);
            message.broken = result.is_err();
            *open = Some(message);
            result
        });
        if result.is_err() && open.as_ref().is_none_or(|open| !open.broken) {
            *open = Some(Self::unreadable(kind));
        }
        result
    }

    /// Whether lines without a point are its values.
    pub(super) fn has_body(&self) -> bool {
        self.kind == Kind::B
    }

    /// Reads station, date and zone, and gives what follows them.
    fn begin(kind: Kind, text: &str) -> Result<(Self, &str), String> {
        let mut rest = text.trim_start();
        let mut word = || {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = after.trim_start();
            word
        };
        let station = word().to_owned();
        let date = date(word())?;
        let zone = rest.split([' ', '/', '\t']).next().unwrap_or_default();
        let is_zone = zone.len() <= 2 && !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_uppercase());
        let place =
            if is_zone { place(zone).ok_or_else(|| format!("{zone:?} is no time zone of SHEF"))? } else { Place::Offset(0) };
        if is_zone {
            rest = rest.get(zone.len()..).unwrap_or_default().trim_start();
        }
        if station.is_empty() {
            return Err("no station".to_owned());
        }
        let empty = Self::unreadable(kind);
        Ok((Self { station, date, place, broken: false, ..empty }, rest))
    }

    fn unreadable(kind: Kind) -> Self {
        Self {
            kind,
            station: String::new(),
            date: String::new(),
            clock: None,
            place: Place::Offset(0),
            si: false,
            code: None,
            interval: None,
            steps: 0,
            columns: Vec::new(),
            slashed: false,
            broken: true,
        }
    }

    /// The fields of a line, between slashes. All of them are good, or none is taken.
    fn fields(&mut self, text: &str, line: u64, local: &mut Local<'_>, values: &mut Vec<Value>) -> Result<(), String> {
        let before = values.len();
        let text = text.trim();
        // A slash at one end of a line separates nothing. One at its end and one at the next line's beginning have a missing value
        // between them, as two behind each other have.
        let fields = if self.slashed { text } else { text.strip_prefix('/').unwrap_or(text) };
        self.slashed = text.ends_with('/') || text.is_empty() && self.slashed;
        if fields.is_empty() {
            return Ok(());
        }
        let fields = fields.strip_suffix('/').unwrap_or(fields);
        let result = fields.split('/').try_for_each(|field| match (self.kind, self.elements(field.trim())?) {
            (_, None) => Ok(()),
            (_, Some("")) if self.kind != Kind::E => Ok(()),
            (_, Some(field)) => self.field(field, line, local, values),
        });
        let result = result.and_then(|()| match self.code.take_if(|_| self.kind == Kind::A) {
            Some(code) => Err(no_value(&code)),
            None => Ok(()),
        });
        if result.is_err() {
            values.truncate(before);
        }
        result
    }

    /// A field that is no date element.
    fn field(&mut self, field: &str, line: u64, local: &mut Local<'_>, values: &mut Vec<Value>) -> Result<(), String> {
        match (self.kind, field) {
            (Kind::A, field) => self.pair(field, line, local, values),
            (Kind::B, field) => {
                let (date, clock, si) = (self.date.clone(), self.clock.clone(), self.si);
                self.columns.push(Column { code: code(field)?, date, clock, si });
                Ok(())
            }
            (Kind::E, field) if self.code.is_none() => {
                self.code = Some(code(field)?);
                Ok(())
            }
            (Kind::E, "") => self.step("", line, local, values),
            // Blanks stand between values as well.
            (Kind::E, field) => unquoted(field).split_whitespace().try_for_each(|word| self.step(word, line, local, values)),
        }
    }

    /// Takes the date elements that a field begins with; several may stand behind each other with blanks between, and a quantity behind
    /// them, as in `DH0500 PPH`. Gives what is behind them; `None` when that is nothing.
    fn elements<'t>(&mut self, mut field: &'t str) -> Result<Option<&'t str>, String> {
        while is_date_element(field) {
            let (first, rest) = field.split_once(char::is_whitespace).unwrap_or((field, ""));
            self.element(first)?;
            field = rest.trim_start();
            if field.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(field))
    }

    /// `DH0700`, `DIH1`, `DUS` and the like.
    fn element(&mut self, first: &str) -> Result<(), String> {
        let unknown = || format!("{first:?} is not understood");
        let (name, value) = first.split_at_checked(2).ok_or_else(unknown)?;
        let digits = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty();
        match name {
            "DH" if digits && matches!(value.len(), 2 | 4 | 6) => self.clock = Some(format!("{value:0<6}")),
            "DD" if digits && matches!(value.len(), 2 | 4 | 6) => self.inner("%d", value)?,
            "DM" if digits && matches!(value.len(), 4 | 6 | 8) => self.inner("%m", value)?,
            "DY" if digits && matches!(value.len(), 6 | 8 | 10 | 12) => self.whole(value, 6)?,
            "DT" if digits && matches!(value.len(), 8 | 10 | 12 | 14) => self.whole(value, 8)?,
            "DI" => self.interval = Some(interval(value).ok_or_else(unknown)?),
            "DU" if matches!(value, "E" | "S") => self.si = value == "S",
            // When it was made, how long a value holds, how good it is: nothing that a row has a place for.
            "DC" | "DV" | "DQ" => {}
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// A new date of so many digits, with hour, minute and second behind it when they are given.
    fn whole(&mut self, value: &str, digits: usize) -> Result<(), String> {
        let (day, clock) = value.split_at_checked(digits).unwrap_or((value, ""));
        self.date = date(day)?;
        if !clock.is_empty() {
            self.clock = Some(format!("{clock:0<6}"));
        }
        Ok(())
    }

    /// A new day, or month and day, with hour and minute behind it when they are given.
    fn inner(&mut self, from: &str, value: &str) -> Result<(), String> {
        let own = if from == "%d" { 2 } else { 4 };
        let keep = self.date.len().saturating_sub(own);
        let (date, clock) = value.split_at_checked(own).unwrap_or((value, ""));
        self.date.truncate(keep);
        self.date.push_str(date);
        if !clock.is_empty() {
            self.clock = Some(format!("{clock:0<6}"));
        }
        Ok(())
    }

    /// `HG 12.3`, or one half of it: a slash may stand between the two.
    fn pair(&mut self, field: &str, line: u64, local: &mut Local<'_>, values: &mut Vec<Value>) -> Result<(), String> {
        let (name, value) = match (self.code.take(), field.split_once(char::is_whitespace)) {
            (Some(name), _) => (name, field),
            (None, Some((name, value))) => (code(name)?, value),
            (None, None) => {
                self.code = Some(code(field).map_err(|_| no_value(field))?);
                return Ok(());
            }
        };
        let column = Column { code: name, date: self.date.clone(), clock: self.clock.clone(), si: self.si };
        let time = self.time(&column, 0, local)?;
        values.push(value_of(&self.station, time, &column, value, line)?);
        Ok(())
    }

    /// The next value of `.E`; an empty field is a time without one.
    fn step(&mut self, field: &str, line: u64, local: &mut Local<'_>, values: &mut Vec<Value>) -> Result<(), String> {
        let interval = self.interval.ok_or("values come before their interval (DI)")?;
        let code = self.code.clone().unwrap_or_default();
        let column = Column { code, date: self.date.clone(), clock: self.clock.clone(), si: self.si };
        let minutes = interval.checked_mul(self.steps).ok_or("an interval without end")?;
        self.steps += 1;
        if field.is_empty() {
            return Ok(());
        }
        let time = self.time(&column, minutes, local)?;
        values.push(value_of(&self.station, time, &column, field, line)?);
        Ok(())
    }

    /// A line of `.B`: a station and a value for each quantity.
    pub(super) fn body(&mut self, text: &str, line: u64, local: &mut Local<'_>, values: &mut Vec<Value>) -> Result<(), String> {
        if self.broken {
            return Err("it is of a message that could not be read".to_owned());
        }
        let text = text.trim();
        let (station, rest) = text.split_once([' ', '\t', '/']).unwrap_or((text, ""));
        let mut rest = rest.trim_start();
        let mut at = (self.date.clone(), self.clock.clone(), self.si);
        let mut over = false;
        while is_date_element(rest) {
            let (element, after) = rest.split_once([' ', '\t', '/']).unwrap_or((rest, ""));
            self.element(element)?;
            rest = after.trim_start();
            over = true;
        }
        let now = (self.date.clone(), self.clock.clone(), self.si);
        let columns: Vec<Column> = self
            .columns
            .iter()
            .cloned()
            .map(|column| match over {
                true => Column { date: now.0.clone(), clock: now.1.clone(), si: now.2, ..column },
                false => column,
            })
            .collect();
        std::mem::swap(&mut self.date, &mut at.0);
        std::mem::swap(&mut self.clock, &mut at.1);
        self.si = at.2;
        let fields: Vec<&str> = rest.split('/').map(str::trim).collect();
        let used = fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
        if used > columns.len() {
            return Err(format!("{used} values for {} quantities", columns.len()));
        }
        let mut own = Vec::new();
        for (column, field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
            own.push(value_of(station, self.time(column, 0, local)?, column, field, line)?);
        }
        values.extend(own);
        Ok(())
    }

    fn time(&self, column: &Column, minutes: i64, local: &mut Local<'_>) -> Result<i64, String> {
        let clock = column.clock.as_deref().ok_or("no time of day (DH) is given")?;
        let text = format!("{}{clock}", column.date);
        let pattern = Pattern::new("%Y%m%d%H%M%S").map(TimeFormat::Pattern).map_err(|error| error.to_string())?;
        let stamp = pattern.read(&text).ok_or_else(|| format!("{text:?} is no time"))?;
        let stamp = Stamp { wall: stamp.wall.saturating_add(minutes.saturating_mul(60_000_000)), ..stamp };
        let time = self.place.utc(stamp, local).map_err(|fault| fault.to_string())?;
        local.check(time).map(|()| time)
    }
}

/// `D` and a letter that says something of time or units, and not a quantity whose code begins with D.
fn is_date_element(field: &str) -> bool {
    matches!(
        field.as_bytes(),
        [b'D', b'H' | b'D' | b'M' | b'I' | b'U' | b'C' | b'V' | b'Q' | b'N' | b'S' | b'J' | b'Y' | b'T' | b'R', ..]
    )
}

/// A quantity's code: two letters at least, seven at most.
fn code(field: &str) -> Result<String, String> {
    let good = (2..=8).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if good { Ok(field.to_owned()) } else { Err(format!("{field:?} is no quantity's code")) }
}

fn no_value(code: &str) -> String {
    format!("{code:?} has no value")
}

/// What stands before a comment in quotes, which belongs to the value before it.
fn unquoted(text: &str) -> &str {
    text.split(['"', '\'']).next().unwrap_or_default()
}

fn value_of(station: &str, time: i64, column: &Column, text: &str, line: u64) -> Result<Value, String> {
    let text = unquoted(text).trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let qualifier = text.get(digits.len()..).unwrap_or_default();
    let (number, qualifier) = match digits {
        "" if matches!(text, "M" | "MM" | "m" | "mm") => (None, ""),
        "" if matches!(text, "T" | "t") => (None, "T"),
        "+" | "-" if qualifier.is_empty() => (None, ""),
        _ => {
            let number = number::double(digits, Decimal::Point).filter(|number| number.is_finite());
            let number = number.ok_or_else(|| format!("{text:?} is no value"))?;
            let missing = number == -9999.0;
            (Some(number).filter(|_| !missing), qualifier)
        }
    };
    Ok(Value {
        line,
        station: station.to_owned(),
        time,
        code: column.code.clone(),
        number,
        qualifier: qualifier.to_owned(),
        units: if column.si { "SI" } else { "English" },
    })
}

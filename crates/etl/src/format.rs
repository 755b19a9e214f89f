//! Which format a file is in, and its rows by that format's definition.
//!
//! A definition is a TOML file: how files are recognised (`[match]`), what device and table their rows belong to, and one section
//! named for the parser that reads them, with what it needs to know. `claim` has the rule for files that several formats match.

mod claim;
mod column_type;
mod definition;
mod delimited;
mod fronius;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod json;
mod line_protocol;
mod melsec;
mod origin;
mod prometheus;
mod senml;
mod shef;
mod sma_csv;
mod solar_log;
mod toa5;
mod tob;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use claim::{Claim, Telling};
use definition::{Arrival, Problems};
use delimited::Delimited;
pub(crate) use delimited::separator_in;
use encoding_rs::Encoding;
use fronius::Fronius;
use jiff::Timestamp;
use json::Json;
use line_protocol::LineProtocol;
use melsec::Melsec;
use origin::{DeviceRule, TableRule};
use prometheus::Prometheus;
use senml::Senml;
use shef::Shef;
use sma_csv::SmaCsv;
use solar_log::SolarLog;
use toa5::Toa5;
use tob::Tob;

use crate::block::Typings;
use crate::extra::{self, Rare, Room};
use crate::ledger::Id;
use crate::limits::Limits;
use crate::rows::{Parsed, Part, Refusal, Refused};
use crate::text::{Text, Unit};
use crate::zone::{Local, Zone};

/// Why times with the year last are read from whole files.
const DATE_ORDER: &str = "the order of day and month in its dates is to be found in it, and not in the format";

/// A file as it came, out of its container (see [`crate::unwrap`]).
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// The path as the device named it, absolute within its account's home.
    pub path: &'a str,
    /// The device that the account stands for; a format may name another.
    pub device: &'a str,
    /// The zone that the account declares for times without one.
    pub zone: Option<&'a str>,
    /// When the upload was whole and safe, for formats whose rows have that time; `None` when nobody knows.
    pub arrived: Option<Timestamp>,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A format definition in TOML, and where it stands, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The definition's file name.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What is wrong with a format definition, or with what they are loaded with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {problem}")]
pub struct FormatError {
    /// The definition's file name.
    pub file: String,
    /// The key, as `delimited.timestamp.format`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The format definitions in force, ready to parse files.
#[derive(Debug)]
pub struct Formats {
    formats: Vec<Format>,
    /// Whether files are read by the one format there is, whatever its `[match]` says.
    unasked: bool,
    default_zone: Zone,
    limits: Limits,
    fingerprint: Id,
}

/// One definition, checked.
#[derive(Debug)]
struct Format {
    name: String,
    arrival: Arrival,
    claim: Claim,
    device: DeviceRule,
    table: TableRule,
    zone: Option<Zone>,
    /// Rows without a time of their own have that of the upload's arrival.
    receipt_time: bool,
    encodings: Vec<&'static Encoding>,
    /// The columns that are not the table's.
    rare: Rare,
    parser: Parser,
}

#[derive(Debug)]
enum Parser {
    Toa5(Toa5),
    Delimited(Box<Delimited>),
    LineProtocol(LineProtocol),
    Melsec(Melsec),
    Shef(Shef),
    SmaCsv(SmaCsv),
    SolarLog(SolarLog),
    Json(Box<Json>),
    Senml(Senml),
    Fronius(Fronius),
    Tob(Tob),
    Prometheus(Prometheus),
}

impl Parser {
    /// Whether a text shows by itself that it is for this parser.
    fn recognises(&self, text: &Text<'_>) -> bool {
        match self {
            Self::Senml(_) => text.has(&["n\""]) && crate::json::first(text).is_some_and(|root| senml::is_pack(&root)),
            Self::Fronius(_) => {
                text.has(&["\"Head\"", "\"Body\""]) && crate::json::first(text).is_some_and(|root| fronius::is_answer(&root))
            }
            Self::Prometheus(prometheus) => prometheus.recognises(text),
            Self::LineProtocol(_) => line_protocol::is_first_line_a_point(text),
            _ => false,
        }
    }

    /// Whether [`Parser::recognises`] can tell.
    fn recognises_content(&self) -> bool {
        matches!(self, Self::Senml(_) | Self::Fronius(_) | Self::Prometheus(_) | Self::LineProtocol(_))
    }
}

/// A file under the format that claims it, about to be read.
struct Reading<'a> {
    format: &'a Format,
    file: &'a File<'a>,
    text: &'a Text<'a>,
    limits: &'a Limits,
    /// What other pieces of the file have shown, when it is read in pieces.
    typings: Option<&'a Typings>,
}

/// How a file is laid out, as far as it matters to files that come in pieces.
#[derive(Debug)]
pub(crate) struct Form {
    /// The format's name.
    pub(crate) name: String,
    /// Whether every row is a line of its own that needs no other row to be read.
    pub(crate) by_line: bool,
    /// Whether it can be read piece by piece, see [`Formats::parse_piece`].
    pub(crate) in_pieces: bool,
    /// What line ends are made of.
    pub(crate) unit: Unit,
}

/// What a parser gives.
#[derive(Debug, Default)]
struct Yield {
    parts: Vec<Part>,
    refused: Vec<Refused>,
    /// Rows that the format declares that nobody wants.
    skipped: u64,
}

impl Formats {
    /// Reads the definitions. `default_zone` is for times whose zone neither the format nor the account declares. Returns all
    /// that is wrong, not only the first.
    pub fn load(sources: &[Source<'_>], default_zone: &str, limits: Limits) -> Result<Self, Vec<FormatError>> {
        let mut errors = Vec::new();
        let mut formats: Vec<Format> = Vec::with_capacity(sources.len());
        for source in sources {
            let mut problems = Problems::new(source.file);
            let format = definition::read(source.text, &mut problems);
            if let Some(format) = &format
                && formats.iter().any(|other| other.name == format.name)
            {
                problems.add("format", format!("{:?} is the name of another format too", format.name));
            }
            formats.extend(format);
            errors.extend(problems.into_errors());
        }
        let zone = Zone::named(default_zone);
        if zone.is_none() {
            let problem = format!("{default_zone:?} is neither a time zone nor an offset");
            errors.push(FormatError { file: "configuration".to_owned(), key: "default_zone".to_owned(), problem });
        }
        // See `claim::claimed`.
        formats.sort_by_key(|format| Reverse(format.claim.rank_max()));
        match zone {
            Some(default_zone) if errors.is_empty() => {
                let fingerprint = fingerprint(sources, default_zone.name(), &limits);
                Ok(Self { formats, unasked: false, default_zone, limits, fingerprint })
            }
            _ => Err(errors),
        }
    }

    /// The format of this name alone, which then reads every file without being asked whether it claims it; `None` when there is none.
    pub fn only(mut self, name: &str) -> Option<Self> {
        self.formats.retain(|format| format.name == name);
        self.unasked = true;
        self.fingerprint = Id::hash("format", &[self.fingerprint.as_bytes(), name.as_bytes()]);
        (!self.formats.is_empty()).then_some(self)
    }

    /// Names all that a file's rows follow from but its bytes, facts and our code: the definitions in their order, the default zone and
    /// the limits. Others have another.
    pub(crate) fn fingerprint(&self) -> Id {
        self.fingerprint
    }

    /// The name of the format that claims a file, out of its container; `None` for a file with nothing in it.
    pub fn claiming(&self, file: &File<'_>) -> Result<Option<String>, Refusal> {
        Ok(self.form(file)?.map(|form| form.name))
    }

    fn claimed<'b>(&self, file: &File<'b>) -> Result<Option<(&Format, Text<'b>)>, Refusal> {
        let Some(format) = self.formats.first().filter(|_| self.unasked) else {
            return claim::claimed(&self.formats, file, &self.limits);
        };
        let text = Text::decode(file.bytes, &format.encodings, &self.limits)?;
        Ok((!text.is_blank()).then_some((format, text)))
    }

    /// The layout of the format that claims a file; `None` for one with nothing in it.
    pub(crate) fn form(&self, file: &File<'_>) -> Result<Option<Form>, Refusal> {
        let claimed = self.claimed(file)?;
        Ok(claimed.map(|(format, text)| {
            // A snapshot is compared with what was there before, and so is always whole.
            let by_line = format.parser.is_by_line() && !matches!(format.arrival, Arrival::Snapshot);
            let in_pieces = by_line && matches!(format.parser, Parser::Toa5(_) | Parser::Delimited(_));
            Form { name: format.name.clone(), by_line, in_pieces, unit: text.unit() }
        }))
    }

    /// The rows of a file by the format that claims it: a function of the file and the definitions alone.
    ///
    /// Every row is in one of the parts or refused. The whole file is refused when no format claims it, when several do, or when
    /// what it says of itself cannot be read. A file with nothing in it has no rows, and no format.
    pub fn parse(&self, file: &File<'_>) -> Result<Parsed, Refusal> {
        self.parse_under(file, None)
    }

    /// The rows of one piece of a file, behind the lines of the pieces before it that are no rows. What is to be known of the other
    /// pieces is in `typings`, which also learns from this one.
    pub(crate) fn parse_piece(&self, file: &File<'_>, typings: &Typings) -> Result<Parsed, Refusal> {
        self.parse_under(file, Some(typings))
    }

    fn parse_under(&self, file: &File<'_>, typings: Option<&Typings>) -> Result<Parsed, Refusal> {
        let Some((format, text)) = self.claimed(file)? else {
            return Ok(Parsed::default());
        };
        let account_zone = file.zone.map(zone).transpose()?;
        let zone = format.zone.as_ref().or(account_zone.as_ref()).unwrap_or(&self.default_zone);
        let years = self.limits.year_min..=self.limits.year_max;
        let mut local = Local::new(zone).within(years).arriving(format.arrival(file));
        if let (Some(typings), Some(encoding)) = (typings, text.encoding()) {
            typings.tell_encoding(encoding);
        }
        let reading = Reading { format, file, text: &text, limits: &self.limits, typings };
        let Yield { parts, mut refused, skipped } = match &format.parser {
            Parser::Toa5(toa5) => toa5.read(&reading, &mut local)?,
            Parser::Delimited(delimited) => delimited.read(&reading, &mut local)?,
            Parser::LineProtocol(line_protocol) => line_protocol.read(&reading, &mut local)?,
            Parser::Melsec(melsec) => melsec.read(&reading, &mut local)?,
            Parser::Shef(shef) => shef.read(&reading, &mut local)?,
            Parser::SmaCsv(sma) => sma.read(&reading, &mut local)?,
            Parser::SolarLog(solar_log) => solar_log.read(&reading, &mut local)?,
            Parser::Json(json) => json.read(&reading, &mut local)?,
            Parser::Senml(senml) => senml.read(&reading, &mut local)?,
            Parser::Fronius(fronius) => fronius.read(&reading, &mut local)?,
            Parser::Tob(tob) => tob.read(&reading, &mut local)?,
            Parser::Prometheus(prometheus) => prometheus.read(&reading, &mut local)?,
        };
        let parts = parts.into_iter().map(extra::folded).collect::<Result<Vec<Part>, Refusal>>()?;
        refused.sort_by_key(|refused| refused.bytes.start);
        let zone = local.used().then(|| zone.name().to_owned());
        let snapshots = match format.arrival {
            Arrival::New => BTreeSet::new(),
            Arrival::Snapshot => parts.iter().map(|part| part.table.clone()).collect(),
        };
        let by_arrival = local.arrival_used();
        Ok(Parsed { format: format.name.clone(), zone, snapshots, parts, refused, skipped, by_arrival })
    }
}

impl Format {
    /// When the rows of a file without a time of their own were measured, as far as this format believes in that.
    fn arrival(&self, file: &File<'_>) -> Result<i64, String> {
        if !self.receipt_time {
            let name = &self.name;
            return Err(format!("no time of its own: to take that of its arrival, add receipt_time = true to format {name:?}"));
        }
        file.arrived
            .map(Timestamp::as_microsecond)
            .ok_or_else(|| "no time of its own, and nobody knows when it arrived".to_owned())
    }
}

fn fingerprint(sources: &[Source<'_>], default_zone: &str, limits: &Limits) -> Id {
    let limits = limits.fingerprint();
    let parts = [default_zone.as_bytes(), limits.as_bytes()].into_iter();
    let parts: Vec<&[u8]> = parts.chain(sources.iter().map(|source| source.text.as_bytes())).collect();
    Id::hash("formats", &parts)
}

fn zone(name: &str) -> Result<Zone, Refusal> {
    Zone::named(name)
        .ok_or_else(|| Refusal { reason: format!("the account's zone {name:?} is neither a time zone nor an offset") })
}

impl Parser {
    /// Whether every row is a line of its own that needs no other row to be read.
    fn is_by_line(&self) -> bool {
        match self {
            Self::Toa5(_) | Self::LineProtocol(_) | Self::SolarLog(_) => true,
            Self::Delimited(delimited) => delimited.is_by_line(),
            Self::Json(json) => json.is_by_line(),
            // Rows by their number in the file, messages of several lines, a first row that may be short, and lines that lines
            // above say more of.
            Self::Melsec(_) | Self::Shef(_) | Self::SmaCsv(_) => false,
            Self::Senml(_) | Self::Fronius(_) | Self::Tob(_) | Self::Prometheus(_) => false,
        }
    }

    /// The names in a file's header, or why there are none.
    fn names(&self, text: &Text<'_>, telling: Telling) -> Result<Vec<String>, String> {
        match self {
            Self::Delimited(delimited) => delimited.names(text, telling),
            _ => Err("it has no header row".to_owned()),
        }
    }

    /// Whether there is a header that names the columns, in a way that a `[match]` can ask for.
    fn has_names(&self) -> bool {
        matches!(self, Self::Delimited(delimited) if delimited.has_names())
    }

    /// Whether files, or the definition, name the tables that rows are of.
    fn names_tables(&self) -> bool {
        match self {
            Self::Toa5(_) | Self::LineProtocol(_) | Self::SolarLog(_) => true,
            Self::Fronius(_) | Self::Tob(_) | Self::Prometheus(_) => true,
            Self::Delimited(delimited) => delimited.names_tables(),
            Self::Json(json) => json.names_table(),
            Self::Melsec(_) | Self::Shef(_) | Self::SmaCsv(_) | Self::Senml(_) => false,
        }
    }
}

impl Reading<'_> {
    /// Says that the rows of a file must all be known before the first of them can be read.
    fn needs_all_rows(&self, reason: &str) {
        self.typings.into_iter().for_each(|typings| typings.tell_obstacle(reason));
    }

    /// Which columns of the file its tables have room for.
    fn room(&self) -> Room<'_> {
        Room::new(self.limits.columns, &self.format.rare)
    }
}

#[cfg(test)]
mod tests;

//! A header to the layout of the rows below it.

use super::Delimited;
use super::facts::Facts;
use super::form::Form;
use super::header::Header;
use super::keys::{ColumnAt, ColumnKeys};
use super::naming;
use crate::block::{Field, Layout, Metric, ShortRows};
use crate::column::Typing;
use crate::extra::{Room, check_columns};
use crate::format::Reading;
use crate::format::column_type::ColumnType;
use crate::name::Names;
use crate::rows::{Column, Kind};
use crate::tokenise::Syntax;

impl Delimited {
    /// What the rows under a header are.
    pub(super) fn layout<'f>(
        &'f self,
        form: &'f Form,
        header: Header,
        facts: &Facts<'_>,
        table: &str,
        syntax: &'f Syntax,
        reading: &Reading<'f>,
    ) -> Result<Layout<'f>, String> {
        check_columns(header.names.len())?;
        let rule = &reading.format.device;
        let device = match rule.fact() {
            None => rule.device(reading.file, |_| String::new())?,
            Some(fact) => rule.named(reading.file, facts.get(fact).unwrap_or_default())?,
        };
        let table = if table.is_empty() { facts.get("table").unwrap_or_default() } else { table };
        let table = reading.format.table.name(&device, table)?;

        let width = header.names.len();
        let names: Vec<String> = header.names.iter().cloned().chain(facts.iter().map(|(name, _)| name.clone())).collect();
        let keys = &form.timing.keys;
        let mut fields = vec![Field::Skip; names.len()];
        let mut set = |at: &ColumnAt, field: Field| -> Result<usize, String> {
            let index = at.find(&names).map_err(|problem| match at {
                ColumnAt::Name(fact) if self.has_fact(fact) => {
                    format!("no line above the rows says {fact:?}, as the format's facts do")
                }
                _ => problem,
            })?;
            if let Some(place) = fields.get_mut(index) {
                *place = field;
            }
            Ok(index)
        };
        let mut taken = Vec::new();
        for (place, at) in keys.columns.iter().enumerate() {
            taken.push(set(at, Field::Time(place))?);
        }
        let place =
            naming::place(form.timing.zone.as_ref(), taken.first().and_then(|at| names.get(*at)).map_or("", String::as_str))?;
        for (at, field) in [(&keys.offset_minutes, Field::Offset), (&keys.zone_column, Field::Zone)] {
            taken.extend(at.as_ref().map(|at| set(at, field)).transpose()?);
        }
        if let Some(elapsed) = &keys.elapsed {
            taken.push(set(&elapsed.column, Field::Elapsed(elapsed.unit.seconds()))?);
        }
        if let Some(column) = rule.column() {
            taken.push(set(&ColumnAt::Name(column.to_owned()), Field::Device)?);
        }
        for column in &form.columns {
            ColumnAt::Name(column.name.clone()).find(&names)?;
        }

        let mut devices: Vec<String> = Vec::new();
        let mut of_device: Vec<Names> = Vec::new();
        for (index, original) in names.iter().enumerate() {
            let said = form.column(original);
            // A fact is no column of the table unless the format wants it as one.
            if taken.contains(&index) || (index >= width && said.is_none()) {
                continue;
            }
            let typing = self.typing(said, original);
            let Some(typing) = typing else { continue };
            let whose = header.devices.get(index).filter(|whose| !whose.is_empty());
            let whose = whose.map_or(0, |whose| place_of(whose, &mut devices));
            of_device.resize_with(of_device.len().max(whose + 1), Names::new);
            let Some(taken_names) = of_device.get_mut(whose) else { continue };
            let column = self.column(&header, index, original, said, taken_names);
            let (nulls, divisor) = said.map(|said| (said.nulls.clone(), said.divisor)).unwrap_or_default();
            if let Some(field) = fields.get_mut(index) {
                *field = Field::Metric(Metric { column, typing, nulls, divisor, device: whose });
            }
        }
        // In the long form columns are what its rows name.
        let room = if self.keys.long.is_some() { Room::ENDLESS } else { reading.room() };
        Ok(Layout {
            facts: facts.iter().map(|(_, value)| value.clone()).collect(),
            devices,
            comment: self.keys.comment.as_deref(),
            place,
            zones: &form.timing.zones,
            decimal: self.decimal,
            nulls: &self.keys.nulls,
            definable: true,
            short_rows: if self.keys.short_rows { ShortRows::All } else { ShortRows::None },
            typings: reading.typings,
            ..Layout::new(table, device, fields, room, syntax, form.timing.format.clone())
        })
    }

    /// A column as the header and the definition have it.
    fn column(&self, header: &Header, index: usize, original: &str, said: Option<&ColumnKeys>, names: &mut Names) -> Column {
        let of = |row: &Vec<String>| row.get(index).filter(|text| !text.is_empty()).cloned();
        let (name, unit) = self.naming.apart(original);
        let more = of(&header.more);
        // A unit beside the name is the unit of what the name alone says: not of a flag, or of a time, that stands below it.
        let unit = Some(unit.to_owned()).filter(|unit| !unit.is_empty() && more.is_none());
        let full = more.as_ref().map_or_else(|| name.to_owned(), |more| format!("{name} {more}"));
        let called = said.and_then(|said| said.called.clone()).unwrap_or_else(|| self.naming.called(&full));
        Column {
            name: names.column(&called, index + 1),
            original: more.map_or_else(|| original.to_owned(), |more| format!("{original} {more}")),
            unit: said.and_then(|said| said.unit.clone()).or_else(|| of(&header.units)).or(unit),
            process: of(&header.process),
            kind: Kind::Unknown,
        }
    }

    /// How the type of a column comes about; `None` for one that nobody wants.
    pub(super) fn typing(&self, said: Option<&ColumnKeys>, original: &str) -> Option<Typing> {
        let rest = self.keys.rest.as_ref().filter(|rest| said.is_none() && original.starts_with(&rest.name));
        let kind = said.map(|said| said.kind).or(rest.map(|rest| rest.kind)).unwrap_or_default();
        if kind == ColumnType::Skip {
            return None;
        }
        let divided = said.and_then(|said| said.divisor).map(|_| Kind::Double);
        let open = if self.keys.quoted_text { Typing::ByQuotes } else { Typing::ByValues };
        Some(kind.declared().or(divided).map_or(open, Typing::Declared))
    }
}

/// The place of a device among those of a header.
fn place_of(device: &str, devices: &mut Vec<String>) -> usize {
    devices.iter().position(|other| other == device).unwrap_or_else(|| {
        devices.push(device.to_owned());
        devices.len() - 1
    })
}

//! When a row was: its time from the cells that hold it, with all that the row and the header say of where that was.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::layout::{Field, Layout};
use crate::column::{CellFault, excerpt};
use crate::number;
use crate::time::YearLast;
use crate::tokenise::Cell;
use crate::zone::{Local, Place};

/// Reads the times of rows of one layout.
#[derive(Debug)]
pub(crate) struct Clock<'f> {
    layout: &'f Layout<'f>,
    /// Where the parts of the time stand in a row, in their order.
    times: Vec<usize>,
    offset: Option<usize>,
    zone: Option<usize>,
    elapsed: Option<(usize, f64)>,
    /// The parts of a row's time, joined.
    joined: String,
    /// What the zones that rows have named stand for.
    zones: HashMap<String, Place>,
    place: Place,
}

impl<'f> Clock<'f> {
    pub(crate) fn new(layout: &'f Layout<'f>) -> Self {
        let at = |field: &Field| layout.fields.iter().position(|other| other == field);
        let mut times: Vec<(usize, usize)> = Vec::new();
        let mut elapsed = None;
        for (cell, field) in layout.fields.iter().enumerate() {
            match field {
                Field::Time(place) => times.push((*place, cell)),
                Field::Elapsed(seconds) => elapsed = Some((cell, *seconds)),
                _ => {}
            }
        }
        times.sort_unstable();
        Self {
            layout,
            times: times.into_iter().map(|(_, cell)| cell).collect(),
            offset: at(&Field::Offset),
            zone: at(&Field::Zone),
            elapsed,
            joined: String::new(),
            zones: HashMap::new(),
            place: layout.place.clone(),
        }
    }

    /// Where the times of the row that was read last are.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The row's time in UTC, if one is in its cells that can be believed.
    pub(crate) fn read(&mut self, cells: &[Cell<'_>], local: &mut Local<'_>) -> Result<i64, String> {
        let text = match self.times.as_slice() {
            [cell] => cells.get(*cell).map_or("", |cell| cell.text),
            parts => {
                self.joined.clear();
                for (place, cell) in parts.iter().filter_map(|cell| cells.get(*cell)).enumerate() {
                    self.joined.extend((place > 0).then_some(' '));
                    self.joined.push_str(cell.text);
                }
                &self.joined
            }
        };
        let fault = |fault| format!("the row's time: {fault}");
        let stamp = self.layout.time.read(text).ok_or_else(|| fault(time_fault(self.layout, text)))?;
        if let Some(cell) = self.offset.and_then(|cell| cells.get(cell)) {
            self.place = Place::Offset(offset_of(cell)?);
        }
        if let Some(cell) = self.zone.and_then(|cell| cells.get(cell)) {
            self.place = zone_of(cell, self.layout, &mut self.zones)?;
        }
        let time = self.place.utc(stamp, local);
        let mut time = time.map_err(|zone| fault(CellFault::Zone(excerpt(text), zone).to_string()))?;
        if let Some((cell, seconds)) = self.elapsed.and_then(|(cell, seconds)| Some((cells.get(cell)?, seconds))) {
            time = later(time, cell, seconds, self.layout)
                .ok_or_else(|| fault(CellFault::NotNumber(excerpt(cell.text)).to_string()))?;
        }
        local.check(time).map(|()| time)
    }
}

fn time_fault(layout: &Layout<'_>, text: &str) -> String {
    if layout.time.is_order_open() && YearLast::read(text).is_some() {
        return format!("{} has its day and month in an order that nothing says", excerpt(text));
    }
    let line =
        if layout.definable && !text.is_empty() { ": if it is one, add how it is written to timestamp's format" } else { "" };
    format!("{}{line}", CellFault::NotTime(excerpt(text)))
}

/// Seconds east of Greenwich from minutes. A row without them says no time: the zone may be the wrong one.
fn offset_of(cell: &Cell<'_>) -> Result<i64, String> {
    const MINUTES_MAX: i64 = 18 * 60;
    let minutes = number::long(cell.text).filter(|minutes| (-MINUTES_MAX..=MINUTES_MAX).contains(minutes));
    minutes.map(|minutes| minutes * 60).ok_or_else(|| format!("{} is no offset from UTC in minutes", excerpt(cell.text)))
}

/// The zone that a row names: as the format has it, or as the time zone database does.
fn zone_of(cell: &Cell<'_>, layout: &Layout<'_>, known: &mut HashMap<String, Place>) -> Result<Place, String> {
    /// More zones than this are no zones.
    const ZONES_MAX: usize = 1000;
    if let Some(place) = known.get(cell.text) {
        return Ok(place.clone());
    }
    let declared = layout.zones.iter().find(|(name, _)| name == cell.text).map(|(_, zone)| Place::Zone(zone.clone()));
    let place = declared.or_else(|| Place::read(cell.text)).ok_or_else(|| {
        let line = format!("zones = {{ {:?} = \"+00:00\" }}", cell.text);
        format!("{} is neither a time zone nor an offset; the format can say what it stands for: {line}", excerpt(cell.text))
    })?;
    if known.len() < ZONES_MAX {
        known.insert(cell.text.to_owned(), place.clone());
    }
    Ok(place)
}

/// The time so many units after another; `None` when the cell has no number.
fn later(time: i64, cell: &Cell<'_>, seconds: f64, layout: &Layout<'_>) -> Option<i64> {
    const NANOSECONDS: i128 = 1000;
    let units = number::double(cell.text, layout.decimal).filter(|units| units.is_finite())?;
    let elapsed = SignedDuration::try_from_secs_f64(units * seconds).ok()?;
    let micros = (elapsed.as_nanos() + NANOSECONDS / 2).div_euclid(NANOSECONDS);
    time.checked_add(i64::try_from(micros).ok()?)
}

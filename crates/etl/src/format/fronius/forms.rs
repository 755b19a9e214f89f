//! The forms of an answer's data, and the rows in each.

use std::collections::BTreeMap;

use crate::json::{Members, Node, Value, push};
use crate::time::{EpochUnit, decimal_micros};

/// How data are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Log,
    PowerFlow,
    Channels,
    Device,
    Devices,
}

/// A row to be.
#[derive(Debug)]
pub(super) struct Measured<'n, 't> {
    pub(super) table: String,
    /// What measured, when the answer tells one from another.
    pub(super) name: Option<String>,
    /// Where its time counts from, when it is not the answer's.
    pub(super) start: Option<&'n str>,
    /// Microseconds from there.
    pub(super) offset: i64,
    /// Where the row stands, as far as it stands anywhere: its first value.
    pub(super) node: &'n Node<'t>,
    pub(super) values: Vec<Channel<'n, 't>>,
}

#[derive(Debug)]
pub(super) struct Channel<'n, 't> {
    pub(super) name: String,
    pub(super) unit: Option<&'n str>,
    pub(super) node: &'n Node<'t>,
}

impl Form {
    pub(super) fn of(data: &Members<'_>) -> Self {
        let any = |is: &dyn Fn(&Node<'_>) -> bool| data.iter().any(|(_, node)| is(node));
        if any(&|node| node.get("Start").is_some() && node.get("Data").is_some()) {
            Self::Log
        } else if data.get("Site").is_some() {
            Self::PowerFlow
        } else if any(&|node| node.get("Values").is_some_and(|values| values.members().is_some())) {
            Self::Channels
        } else if any(&|node| node.members().is_none() || quantity(node).is_some()) {
            Self::Device
        } else {
            Self::Devices
        }
    }

    pub(super) fn rows<'n, 't>(self, data: &'n Members<'t>, head: &'n Node<'t>) -> Result<Vec<Measured<'n, 't>>, String> {
        let arguments = head.get("RequestArguments");
        let argument = |names: &[&str]| {
            let found = arguments.and_then(|arguments| names.iter().find_map(|name| arguments.get(name)));
            found.and_then(Node::scalar).filter(|text| !text.is_empty())
        };
        // What newer inverters answer of themselves names the collection alone.
        let is_inverter = argument(&["DataCollection"]).is_some_and(|collection| collection.ends_with("InverterData"));
        let class = if is_inverter { "inverter" } else { "device" };
        let class = argument(&["DeviceClass", "deviceClass"]).unwrap_or(class).to_owned();
        let mut rows = Vec::new();
        match self {
            Self::Log => {
                for (name, node) in data.iter() {
                    logged(name, node, &mut rows)?;
                }
            }
            Self::PowerFlow => power_flow(data, &mut rows),
            Self::Channels => channels(data, &mut rows)?,
            Self::Device => {
                let mut values = Vec::new();
                data.iter().for_each(|(name, node)| flatten(name, node, &mut values));
                let name = argument(&["DeviceId", "DeviceID", "DeviceIndex"]).map(str::to_owned);
                rows.extend(current(class, name, values));
            }
            Self::Devices => {
                for (name, node) in data.iter() {
                    let mut values = Vec::new();
                    node.members().into_iter().flat_map(Members::iter).for_each(|(name, node)| flatten(name, node, &mut values));
                    rows.extend(current(class.clone(), Some(name.to_owned()), values));
                }
            }
        }
        Ok(rows)
    }
}

/// A row at the answer's time; none without values.
fn current<'n, 't>(table: String, name: Option<String>, values: Vec<Channel<'n, 't>>) -> Option<Measured<'n, 't>> {
    let node = values.first()?.node;
    Some(Measured { table, name, start: None, offset: 0, node, values })
}

/// `{ "Unit": …, "Value": … }`.
fn quantity<'n, 't>(node: &'n Node<'t>) -> Option<(&'n Node<'t>, Option<&'n str>)> {
    let members = node.members()?;
    let known = members.iter().all(|(name, _)| matches!(name, "Unit" | "Value" | "_comment"));
    let value = members.get("Value").filter(|_| known)?;
    Some((value, members.get("Unit").and_then(Node::text)))
}

/// The values in a node, named by the way to them.
fn flatten<'n, 't>(name: &str, node: &'n Node<'t>, values: &mut Vec<Channel<'n, 't>>) {
    if let Some((value, unit)) = quantity(node) {
        values.push(Channel { name: name.to_owned(), unit, node: value });
        return;
    }
    let mut within = |part: &str, node| {
        let mut name = name.to_owned();
        push(&mut name, part);
        flatten(&name, node, values);
    };
    match &node.value {
        Value::Object(members) => members.iter().for_each(|(part, node)| within(part, node)),
        Value::Array(elements) => elements.iter().enumerate().for_each(|(at, node)| within(&at.to_string(), node)),
        _ => values.push(Channel { name: name.to_owned(), unit: None, node }),
    }
}

fn power_flow<'n, 't>(data: &'n Members<'t>, rows: &mut Vec<Measured<'n, 't>>) {
    let mut site = Vec::new();
    for (name, node) in data.iter() {
        match name {
            "Inverters" => {}
            "Site" => node.members().into_iter().flat_map(Members::iter).for_each(|(name, node)| flatten(name, node, &mut site)),
            _ => flatten(name, node, &mut site),
        }
    }
    rows.extend(current("power_flow".to_owned(), None, site));
    let inverters = data.get("Inverters").and_then(Node::members);
    for (name, node) in inverters.into_iter().flat_map(Members::iter) {
        let mut values = Vec::new();
        node.members().into_iter().flat_map(Members::iter).for_each(|(name, node)| flatten(name, node, &mut values));
        rows.extend(current("power_flow_inverter".to_owned(), Some(name.to_owned()), values));
    }
}

/// Channels, each with its values by node.
fn channels<'n, 't>(data: &'n Members<'t>, rows: &mut Vec<Measured<'n, 't>>) -> Result<(), String> {
    let mut nodes: BTreeMap<&str, Vec<Channel<'n, 't>>> = BTreeMap::new();
    for (channel, node) in data.iter() {
        let Some(values) = values(node) else { return Err(format!("{channel} has no Values, as other channels have")) };
        let unit = node.get("Unit").and_then(Node::text);
        for (name, node) in values {
            nodes.entry(name).or_default().push(Channel { name: channel.to_owned(), unit, node });
        }
    }
    let rows_of = nodes.into_iter().filter_map(|(name, values)| current("inverter".to_owned(), Some(name.to_owned()), values));
    rows.extend(rows_of);
    Ok(())
}

/// A channel's values. One that has had nothing to say, as of errors on a day without any, has `null` for them.
fn values<'n, 't>(channel: &'n Node<'t>) -> Option<impl Iterator<Item = (&'n str, &'n Node<'t>)>> {
    let values = channel.get("Values")?;
    let members = values.members();
    (members.is_some() || values.value == Value::Null).then(|| members.into_iter().flat_map(Members::iter))
}

/// A node's log: channels, each with its values by seconds from the start.
fn logged<'n, 't>(name: &str, node: &'n Node<'t>, rows: &mut Vec<Measured<'n, 't>>) -> Result<(), String> {
    let start = node.get("Start").and_then(Node::text).ok_or_else(|| format!("{name} has no Start"))?;
    let data = node.get("Data").and_then(Node::members).ok_or_else(|| format!("{name} has no Data"))?;
    let mut moments: BTreeMap<i64, Vec<Channel<'n, 't>>> = BTreeMap::new();
    for (channel, node) in data.iter() {
        let Some(values) = values(node) else { return Err(format!("{channel} of {name} has no Values")) };
        let unit = node.get("Unit").and_then(Node::text);
        for (seconds, node) in values {
            let offset = decimal_micros(seconds, EpochUnit::S);
            let offset = offset.ok_or_else(|| format!("{channel} of {name}: {seconds:?} is no number of seconds"))?;
            moments.entry(offset).or_default().push(Channel { name: channel.to_owned(), unit, node });
        }
    }
    for (offset, values) in moments {
        let Some(node) = values.first().map(|value| value.node) else { continue };
        let (table, name) = ("log".to_owned(), Some(name.to_owned()));
        rows.push(Measured { table, name, start: Some(start), offset, node, values });
    }
    Ok(())
}

//! Tables: made when the first rows come, widened when new columns come, never changed otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{
    MapType, NestedField, NullOrder, PrimitiveType, Schema, SortDirection, SortField, SortOrder, TableMetadata, Transform, Type,
    UnboundPartitionSpec,
};
use iceberg::table::Table;
use iceberg::transaction::{AddColumn, ApplyTransactionAction, Transaction};
use iceberg::{Catalog, ErrorKind, NamespaceIdent, TableCreation, TableIdent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::error::Error;
use crate::extra::EXTRA;
use crate::name::is_another;
use crate::rows::{Column, Kind};

mod partition;

pub use partition::Partition;

/// Who measured, and when: the order of the rows in every file.
pub(crate) const DEVICE: &str = "device";
pub(crate) const TS: &str = "ts";
/// Where a row came from.
pub(crate) const UPLOAD: &str = "_upload";
pub(crate) const ROW: &str = "_row";
pub(crate) const INGESTED_AT: &str = "_ingested_at";
/// Which revision of its row a row is, in tables of files that are sent whole again and again.
pub(crate) const REVISION: &str = "_revision";

/// The table property that says when the first rows came, in milliseconds since the Unix epoch.
pub(crate) const SINCE: &str = "inlet.since";

const DEVICE_ID: i32 = 1;
const TS_ID: i32 = 2;
/// The columns that every table has, with their types; metrics stand between the second and the third.
const OWN: [(&str, PrimitiveType); 5] = [
    (DEVICE, PrimitiveType::String),
    (TS, PrimitiveType::Timestamptz),
    (UPLOAD, PrimitiveType::String),
    (ROW, PrimitiveType::Long),
    (INGESTED_AT, PrimitiveType::Timestamptz),
];

/// What a metric column says of itself, as JSON in the field's `doc`.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Doc {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<String>,
}

/// The namespace that the tables are in, and the catalog that holds it.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) catalog: Arc<dyn Catalog>,
    namespace: NamespaceIdent,
    partition: Partition,
}

impl Tables {
    pub(crate) fn new(catalog: Arc<dyn Catalog>, namespace: &str) -> Self {
        Self { catalog, namespace: NamespaceIdent::new(namespace.to_owned()), partition: Partition::default() }
    }

    /// The same, making tables with that partition.
    pub(crate) fn partitioned_by(self, partition: Partition) -> Self {
        Self { partition, ..self }
    }

    /// The names of the tables there are, in order.
    pub(crate) async fn names(&self) -> Result<Vec<String>, Error> {
        match self.catalog.list_tables(&self.namespace).await {
            Ok(tables) => {
                let mut names: Vec<_> = tables.into_iter().map(|table| table.name).collect();
                names.sort_unstable();
                Ok(names)
            }
            Err(error) if error.kind() == ErrorKind::NamespaceNotFound => Ok(Vec::new()),
            Err(error) => Err(Error::table("list tables of", &self.namespace.to_string())(error)),
        }
    }

    /// The table as it is now; `None` when there is none.
    pub(crate) async fn load(&self, name: &str) -> Result<Option<Table>, Error> {
        match self.catalog.load_table(&self.ident(name)).await {
            Ok(table) => Ok(Some(table)),
            Err(error) if matches!(error.kind(), ErrorKind::TableNotFound | ErrorKind::NamespaceNotFound) => Ok(None),
            Err(error) => Err(Error::table("load", name)(error)),
        }
    }

    /// Makes a table with these metric columns, without rows.
    ///
    /// Fails when somebody else makes it at the same time: load it then.
    pub(crate) async fn create(&self, name: &str, columns: &[Column]) -> Result<Table, Error> {
        let failed = Error::table("create", name);
        match self.catalog.create_namespace(&self.namespace, HashMap::new()).await {
            Ok(_) => {}
            // Whatever the answer was: if the namespace is there now, the table can be made.
            Err(error) => match self.catalog.namespace_exists(&self.namespace).await {
                Ok(true) => {}
                _ => return Err(failed(error)),
            },
        }
        let creation = creation(name, columns, self.partition).map_err(&failed)?;
        let table = self.catalog.create_table(&self.namespace, creation).await.map_err(&failed)?;
        info!(table = name, columns = columns.len(), "created table");
        Ok(table)
    }

    /// Adds metric columns in a commit of its own, which holds no rows: it may land twice or not at all without harm.
    pub(crate) async fn widen(&self, table: &Table, columns: &[Column]) -> Result<Table, Error> {
        let name = table.identifier().name();
        let failed = Error::table("widen", name);
        let transaction = Transaction::new(table);
        let mut update = transaction.update_schema();
        for column in columns {
            if let Some(of) = type_of(column.kind) {
                let added = AddColumn::builder().name(&column.name).field_type(of).doc(doc(column));
                update = update.add_column(added.build());
            }
        }
        let transaction = update.apply(transaction).map_err(&failed)?;
        let table = transaction.commit(self.catalog.as_ref()).await.map_err(&failed)?;
        info!(table = name, columns = columns.len(), "widened table");
        Ok(table)
    }

    fn ident(&self, name: &str) -> TableIdent {
        TableIdent::new(self.namespace.clone(), name.to_owned())
    }
}

/// When the first rows came into a table; `None` when it does not say.
pub(crate) fn since(table: &TableMetadata) -> Option<Timestamp> {
    let said = table.properties().get(SINCE).and_then(|since| since.parse().ok());
    // Tables of earlier versions have only their first snapshot, until it expires.
    let first = || table.snapshots().find(|snapshot| snapshot.parent_snapshot_id().is_none()).map(|first| first.timestamp_ms());
    Timestamp::from_millisecond(said.or_else(first)?).ok()
}

/// Whether every table has a column of this name.
pub(crate) fn is_own(name: &str) -> bool {
    OWN.iter().any(|(own, _)| *own == name)
}

/// Whether a column is of the files, and not one that Inlet gives to tables.
pub(crate) fn is_metric(name: &str) -> bool {
    !is_own(name) && ![EXTRA, REVISION].contains(&name)
}

/// How many of these columns are of the files.
pub(crate) fn metrics<'n>(names: impl IntoIterator<Item = &'n str>) -> usize {
    names.into_iter().filter(|name| is_metric(name)).count()
}

/// How a column of a file stands to its table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The table has it, or it has no values and needs no place.
    Fits,
    /// The table has no such column yet.
    Missing,
    /// The table has it otherwise, in words.
    Clash(String),
}

/// Why rows cannot go into a table of this form, whoever made it; `None` when they can.
pub(crate) fn foreign(schema: &Schema) -> Option<String> {
    for (name, of) in OWN {
        match schema.field_by_name(name) {
            Some(field) if *field.field_type == Type::Primitive(of.clone()) => {}
            Some(field) => return Some(format!("the table's column {name} is {}, not {of}", field.field_type)),
            None => return Some(format!("the table has no column {name}: it was not made by Inlet")),
        }
    }
    let fields = schema.as_struct().fields();
    let other = fields.iter().find(|field| field.required && !is_own(&field.name));
    other.map(|field| format!("the table requires a column {}, which no file fills", field.name))
}

/// Compares a column with the table's.
pub(crate) fn fit(schema: &Schema, column: &Column) -> Fit {
    let Some(field) = schema.field_by_name(&column.name) else {
        return if column.kind == Kind::Unknown { Fit::Fits } else { Fit::Missing };
    };
    if let Some(of) = type_of(column.kind).filter(|of| !is_same(of, &field.field_type)) {
        return Fit::Clash(clash_of_types(column, &of, &field.field_type.to_string()));
    }
    let doc: Doc = field.doc.as_deref().and_then(|doc| serde_json::from_str(doc).ok()).unwrap_or_default();
    if is_another(&column.name, &column.original, &doc.name) {
        return Fit::Clash(clash_of_names(column, &doc.name));
    }
    clash_of_units(&column.name, column.unit.as_deref(), doc.unit.as_deref()).map_or(Fit::Fits, Fit::Clash)
}

/// Compares a column with one that another file of the same batch is about to add.
pub(crate) fn fit_new(column: &Column, new: &Column) -> Fit {
    if is_another(&column.name, &column.original, &new.original) {
        return Fit::Clash(clash_of_names(column, &new.original));
    }
    if column.kind != new.kind
        && let (Some(here), Some(there)) = (type_of(column.kind), type_of(new.kind))
    {
        return Fit::Clash(clash_of_types(column, &here, &there.to_string()));
    }
    clash_of_units(&column.name, column.unit.as_deref(), new.unit.as_deref()).map_or(Fit::Fits, Fit::Clash)
}

/// Names outside `[a-z0-9_]` are called by their position, which may be another's in the next file.
fn clash_of_names(column: &Column, there: &str) -> String {
    format!("column {} is {:?} here and {there:?} in the table", column.name, column.original)
}

/// Types are often inferred from a file's values, so the reason names the line that settles them.
fn clash_of_types(column: &Column, here: &Type, there: &str) -> String {
    let Column { name, original, .. } = column;
    let line = format!("columns = [{{ name = {original:?}, type = \"…\" }}]");
    format!("column {name} is {here} here and {there} in the table; a format definition can say which it is: {line}")
}

fn clash_of_units(name: &str, here: Option<&str>, there: Option<&str>) -> Option<String> {
    let (here, there) = (here?, there?);
    let plain = |unit: &str| unit.split_whitespace().collect::<String>().to_lowercase();
    (plain(here) != plain(there)).then(|| format!("column {name} is in {here} here and in {there} in the table"))
}

fn creation(name: &str, columns: &[Column], by: Partition) -> iceberg::Result<TableCreation> {
    let own = |(name, of): &(&str, PrimitiveType)| NestedField::required(0, *name, Type::Primitive(of.clone()));
    let metric = |column: &Column| {
        let of = type_of(column.kind)?;
        Some(NestedField::optional(0, &column.name, of).with_doc(doc(column)))
    };
    let (key, lineage) = OWN.split_at(2);
    let fields = key.iter().map(own).chain(columns.iter().filter_map(metric)).chain(lineage.iter().map(own));
    let mut fields: Vec<NestedField> = (DEVICE_ID..).zip(fields).map(|(id, field)| NestedField { id, ..field }).collect();
    let next = fields.last().map_or(DEVICE_ID, |last| last.id + 1);
    // There is one map at most.
    for field in fields.iter_mut().filter(|field| matches!(*field.field_type, Type::Map(_))) {
        *field.field_type = map_of_texts(next);
    }
    let fields = fields.into_iter().map(Arc::new);
    let schema = Schema::builder().with_fields(fields).build()?;
    let partition =
        UnboundPartitionSpec::builder().with_spec_id(0).add_partition_field(TS_ID, by.field(), by.transform())?.build();
    let order = SortOrder::builder().with_order_id(1).with_fields(vec![ascending(DEVICE_ID), ascending(TS_ID)]).build(&schema)?;
    Ok(TableCreation::builder().name(name.to_owned()).schema(schema).partition_spec(partition).sort_order(order).build())
}

fn ascending(source_id: i32) -> SortField {
    SortField::builder()
        .source_id(source_id)
        .transform(Transform::Identity)
        .direction(SortDirection::Ascending)
        .null_order(NullOrder::First)
        .build()
}

fn doc(column: &Column) -> String {
    let doc = Doc { name: column.original.clone(), unit: column.unit.clone(), process: column.process.clone() };
    serde_json::to_string(&doc).unwrap_or_default()
}

/// The table's type for values of a kind; none while no value has been seen.
fn type_of(kind: Kind) -> Option<Type> {
    Some(Type::Primitive(match kind {
        Kind::Double => PrimitiveType::Double,
        Kind::Long => PrimitiveType::Long,
        Kind::Boolean => PrimitiveType::Boolean,
        Kind::Text => PrimitiveType::String,
        Kind::Timestamp => PrimitiveType::Timestamptz,
        Kind::Extra => return Some(map_of_texts(0)),
        Kind::Unknown => return None,
    }))
}

/// Its two fields have ids of their own, the first of them this one.
fn map_of_texts(id: i32) -> Type {
    let text = || Type::Primitive(PrimitiveType::String);
    let (key, value) = (NestedField::map_key_element(id, text()), NestedField::map_value_element(id + 1, text(), false));
    Type::Map(MapType::new(key.into(), value.into()))
}

/// Whether two types are the same but for the ids within them.
fn is_same(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Map(a), Type::Map(b)) => {
            is_same(&a.key_field.field_type, &b.key_field.field_type)
                && is_same(&a.value_field.field_type, &b.value_field.field_type)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;

//! A catalog that refuses to load a table whose ledger has moved on.

use std::collections::HashMap;

use async_trait::async_trait;
use iceberg::table::Table;
use iceberg::{Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};

use crate::ledger::HEAD;

/// `Transaction::commit` loads the table afresh on every attempt, its own retries included, and builds the append on what it finds.
/// A check made before would say nothing about that table. So the check is here: what the transaction loads is the very table whose
/// ledger was looked at, and the append then asserts the snapshot that was current in it.
#[derive(Debug)]
pub(super) struct Guarded<'a> {
    inner: &'a dyn Catalog,
    table: uuid::Uuid,
    head: Option<String>,
}

impl<'a> Guarded<'a> {
    pub(super) fn new(inner: &'a dyn Catalog, table: &Table, head: Option<&str>) -> Self {
        Self { inner, table: table.metadata().uuid(), head: head.map(str::to_owned) }
    }
}

#[async_trait]
impl Catalog for Guarded<'_> {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let table = self.inner.load_table(table).await?;
        let metadata = table.metadata();
        if metadata.uuid() != self.table || metadata.properties().get(HEAD) != self.head.as_ref() {
            // Not marked as retryable: the batch must be checked against the new ledger first.
            return Err(Error::new(ErrorKind::PreconditionFailed, "the table's ledger has moved"));
        }
        Ok(table)
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.inner.update_table(commit).await
    }

    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        self.inner.list_namespaces(parent).await
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<Namespace> {
        self.inner.create_namespace(namespace, properties).await
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        self.inner.get_namespace(namespace).await
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        self.inner.namespace_exists(namespace).await
    }

    async fn update_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<()> {
        self.inner.update_namespace(namespace, properties).await
    }

    async fn drop_namespace(&self, namespace: &NamespaceIdent) -> Result<()> {
        self.inner.drop_namespace(namespace).await
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        self.inner.list_tables(namespace).await
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        self.inner.create_table(namespace, creation).await
    }

    async fn drop_table(&self, table: &TableIdent) -> Result<()> {
        self.inner.drop_table(table).await
    }

    async fn purge_table(&self, table: &TableIdent) -> Result<()> {
        self.inner.purge_table(table).await
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        self.inner.table_exists(table).await
    }

    async fn rename_table(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.inner.rename_table(from, to).await
    }

    async fn register_table(&self, table: &TableIdent, metadata_location: String) -> Result<Table> {
        self.inner.register_table(table, metadata_location).await
    }
}

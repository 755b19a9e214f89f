//! A catalog whose answers get lost.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use iceberg::table::Table;
use iceberg::{Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};

use super::Faults;

#[derive(Debug)]
pub(crate) struct FaultyCatalog {
    inner: Arc<dyn Catalog>,
    faults: Arc<Faults>,
}

impl FaultyCatalog {
    pub(crate) fn new(inner: Arc<dyn Catalog>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: faults.clone() }
    }

    async fn call<T>(&self, name: &str, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        // Retryable, as a REST catalog marks what it is not sure about: iceberg's own retries must do no harm either.
        let error = || Error::new(ErrorKind::Unexpected, "struck").with_retryable(true);
        let done = self.faults.call(&format!("catalog {name}"), error, call).await;
        // Iceberg's own pauses go by the real clock; in a simulation our own have to do.
        if super::simulator::is_on() { done.map_err(|error| error.with_retryable(false)) } else { done }
    }
}

#[async_trait]
impl Catalog for FaultyCatalog {
    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        self.inner.list_namespaces(parent).await
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<Namespace> {
        self.call("create_namespace", self.inner.create_namespace(namespace, properties)).await
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        self.inner.get_namespace(namespace).await
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        self.call("namespace_exists", self.inner.namespace_exists(namespace)).await
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
        self.call("create_table", self.inner.create_table(namespace, creation)).await
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        self.call("load_table", self.inner.load_table(table)).await
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

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.call("update_table", self.inner.update_table(commit)).await
    }
}

//! A catalog behind the Iceberg REST protocol: Lakekeeper, Polaris, Nessie, SeaweedFS and others.
//!
//! <https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml>

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use iceberg::table::Table;
use iceberg::{Catalog, CatalogBuilder, Error, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};
use iceberg_catalog_rest::{REST_CATALOG_PROP_URI, REST_CATALOG_PROP_WAREHOUSE, RestCatalog, RestCatalogBuilder};
use tracing::{info, warn};

use super::{NAME, without_password};
use crate::lake::Lake;
use crate::storage::LakeStorage;

/// How a REST catalog is reached. Its tables' files are read and written with the lake's own credentials.
#[derive(Clone)]
pub struct Rest {
    /// Where the service is, without `/v1`.
    pub uri: String,
    /// The warehouse, by the name or location that the service knows it under.
    pub warehouse: Option<String>,
    /// What the OAuth 2 client credentials flow needs: `ID:SECRET`.
    pub credential: Option<String>,
    /// Where tokens are given out; the service's own `/v1/oauth/tokens` when absent.
    pub oauth2_server_uri: Option<String>,
    /// The OAuth 2 scope; `catalog` when absent.
    pub scope: Option<String>,
}

impl fmt::Debug for Rest {
    /// Without the credential, and without a password in the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = without_password(&self.uri);
        f.debug_struct("Rest").field("uri", &uri).field("warehouse", &self.warehouse).finish_non_exhaustive()
    }
}

/// Opens a REST catalog, and asks it for its namespaces to see that it answers and knows us.
pub async fn rest(settings: &Rest, lake: Arc<dyn Lake>) -> std::result::Result<Arc<dyn Catalog>, crate::Error> {
    let opening = |error: Error| crate::Error::Catalog { uri: without_password(&settings.uri), source: error.into() };
    let properties = [
        (REST_CATALOG_PROP_URI, Some(settings.uri.trim_end_matches('/').to_owned())),
        (REST_CATALOG_PROP_WAREHOUSE, settings.warehouse.clone()),
        ("credential", settings.credential.clone()),
        ("oauth2-server-uri", settings.oauth2_server_uri.clone()),
        ("scope", settings.scope.clone()),
    ];
    let properties: HashMap<_, _> = properties.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let builder = RestCatalogBuilder::default().with_storage_factory(Arc::new(LakeStorage::new(lake)));
    let inner = builder.load(NAME, properties).await.map_err(opening)?;
    let catalog = Renewing { inner, has_credential: settings.credential.is_some() };
    catalog.list_namespaces(None).await.map_err(opening)?;
    Ok(Arc::new(catalog))
}

/// A REST catalog that gets itself a new token when the one it has is no longer taken.
///
/// What only reads is then asked again. What writes is not, since a commit is built on one state of the table: it fails once, as it
/// would for a lost connection, and whoever tries it again reads first.
#[derive(Debug)]
struct Renewing {
    inner: RestCatalog,
    has_credential: bool,
}

impl Renewing {
    /// Whether there is a new token, because this error says that the old one is not taken.
    async fn renews(&self, error: &Error) -> bool {
        // Iceberg's error gives its parts as text only.
        if !self.has_credential || !error.to_string().contains("401 Unauthorized") {
            return false;
        }
        match self.inner.regenerate_token().await {
            Ok(()) => {
                info!("the catalog's token was renewed");
                true
            }
            Err(error) => {
                warn!(%error, "the catalog's token could not be renewed");
                false
            }
        }
    }

    async fn written<T: Send>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.renews(error).await;
        }
        outcome
    }
}

/// A call that changes nothing: asked again with a new token.
macro_rules! read {
    ($catalog:ident.$method:ident($($argument:expr),*)) => {
        match $catalog.inner.$method($($argument),*).await {
            Err(error) if $catalog.renews(&error).await => $catalog.inner.$method($($argument),*).await,
            outcome => outcome,
        }
    };
}

/// A call that changes something: made once.
macro_rules! write {
    ($catalog:ident.$method:ident($($argument:expr),*)) => {
        $catalog.written($catalog.inner.$method($($argument),*).await).await
    };
}

#[async_trait]
impl Catalog for Renewing {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        read!(self.load_table(table))
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        read!(self.table_exists(table))
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        read!(self.list_tables(namespace))
    }

    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        read!(self.list_namespaces(parent))
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        read!(self.get_namespace(namespace))
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        read!(self.namespace_exists(namespace))
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        write!(self.update_table(commit))
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        write!(self.create_table(namespace, creation))
    }

    async fn register_table(&self, table: &TableIdent, metadata_location: String) -> Result<Table> {
        write!(self.register_table(table, metadata_location))
    }

    async fn rename_table(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        write!(self.rename_table(from, to))
    }

    async fn drop_table(&self, table: &TableIdent) -> Result<()> {
        write!(self.drop_table(table))
    }

    async fn purge_table(&self, table: &TableIdent) -> Result<()> {
        write!(self.purge_table(table))
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<Namespace> {
        write!(self.create_namespace(namespace, properties))
    }

    async fn update_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<()> {
        write!(self.update_namespace(namespace, properties))
    }

    async fn drop_namespace(&self, namespace: &NamespaceIdent) -> Result<()> {
        write!(self.drop_namespace(namespace))
    }
}

#[cfg(test)]
mod tests;

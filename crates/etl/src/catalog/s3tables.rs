//! Amazon S3 Tables as a catalog: a table bucket knows its tables, where each one's files go, and which metadata file each is at.
//!
//! A commit writes the next metadata file and asks S3 Tables to move the table to it, naming the version it was built on; the service
//! refuses when that is no longer the newest. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_s3Buckets_UpdateTableMetadataLocation.html>

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3tables::Client;
use aws_sdk_s3tables::error::SdkError;
use aws_sdk_s3tables::operation::get_table::GetTableOutput;
use aws_sdk_s3tables::types::OpenTableFormat;
use iceberg::io::{FileIO, FileIOBuilder};
use iceberg::spec::{TableMetadata, TableMetadataBuilder};
use iceberg::table::Table;
use iceberg::{
    Catalog, Error, ErrorKind, MetadataLocation, Namespace, NamespaceIdent, Result, Runtime, TableCommit, TableCreation,
    TableIdent,
};

use crate::lake::Lake;
use crate::storage::LakeStorage;

/// The catalog of the table bucket with this ARN. Its tables' files are in buckets of the service's own, which the lake must reach.
///
/// S3 Tables compacts and expires snapshots by itself, and removes objects that no snapshot references: nothing else may be kept there.
pub fn s3tables(client: Client, table_bucket: &str, lake: Arc<dyn Lake>) -> Arc<dyn Catalog> {
    let files = FileIOBuilder::new(Arc::new(LakeStorage::new(lake))).build();
    Arc::new(S3Tables { client, table_bucket: table_bucket.to_owned(), files, runtime: Runtime::current() })
}

#[derive(Debug)]
struct S3Tables {
    client: Client,
    table_bucket: String,
    files: FileIO,
    runtime: Runtime,
}

impl S3Tables {
    /// What the service knows of a table; `None` when it knows none of that name.
    async fn find(&self, table: &TableIdent) -> Result<Option<GetTableOutput>> {
        let request = self.client.get_table().table_bucket_arn(&self.table_bucket);
        let request = request.namespace(single(table.namespace())?).name(table.name());
        match request.send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found_exception()) => Ok(None),
            Err(error) => Err(failed("get table", &error)),
        }
    }

    /// The table at the metadata file that the service named; `None` while it has none, between [`Self::create_table`]'s two steps.
    async fn open(&self, table: &TableIdent, found: &GetTableOutput) -> Result<Option<Table>> {
        let Some(at) = found.metadata_location() else { return Ok(None) };
        let metadata = TableMetadata::read_from(&self.files, at).await?;
        self.table(table, at, metadata).map(Some)
    }

    fn table(&self, table: &TableIdent, at: &str, metadata: TableMetadata) -> Result<Table> {
        Table::builder()
            .identifier(table.clone())
            .metadata_location(at)
            .metadata(metadata)
            .file_io(self.files.clone())
            .runtime(self.runtime.clone())
            .build()
    }

    /// Moves the table to this metadata file if it is still at the version that `found` tells.
    async fn advance(&self, table: &TableIdent, found: &GetTableOutput, at: &str) -> Result<()> {
        let request = self.client.update_table_metadata_location().table_bucket_arn(&self.table_bucket);
        let request = request.namespace(single(table.namespace())?).name(table.name());
        match request.version_token(found.version_token()).metadata_location(at).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conflict_exception()) => {
                let conflict = Error::new(ErrorKind::CatalogCommitConflicts, "somebody else committed to the table first");
                Err(conflict.with_context("table", table.to_string()).with_retryable(true))
            }
            Err(error) => Err(failed("move table to its new metadata", &error)),
        }
    }
}

#[async_trait]
impl Catalog for S3Tables {
    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        if parent.is_some() {
            // Namespaces of S3 Tables do not nest.
            return Ok(Vec::new());
        }
        let mut pages = self.client.list_namespaces().table_bucket_arn(&self.table_bucket).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("list namespaces", &error))?;
            for namespace in page.namespaces {
                names.push(NamespaceIdent::from_vec(namespace.namespace)?);
            }
        }
        Ok(names)
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<Namespace> {
        if !properties.is_empty() {
            return Err(Error::new(ErrorKind::FeatureUnsupported, "namespaces of S3 Tables have no properties"));
        }
        let request = self.client.create_namespace().table_bucket_arn(&self.table_bucket).namespace(single(namespace)?);
        match request.send().await {
            Ok(_) => Ok(Namespace::new(namespace.clone())),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conflict_exception()) => {
                Err(Error::new(ErrorKind::NamespaceAlreadyExists, format!("there is a namespace {namespace:?}")))
            }
            Err(error) => Err(failed("create namespace", &error)),
        }
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        match self.namespace_exists(namespace).await? {
            true => Ok(Namespace::new(namespace.clone())),
            false => Err(no_namespace(namespace)),
        }
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        let request = self.client.get_namespace().table_bucket_arn(&self.table_bucket).namespace(single(namespace)?);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found_exception()) => Ok(false),
            Err(error) => Err(failed("get namespace", &error)),
        }
    }

    async fn update_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<()> {
        Err(Error::new(ErrorKind::FeatureUnsupported, "namespaces of S3 Tables have no properties"))
    }

    async fn drop_namespace(&self, namespace: &NamespaceIdent) -> Result<()> {
        let request = self.client.delete_namespace().table_bucket_arn(&self.table_bucket).namespace(single(namespace)?);
        request.send().await.map(drop).map_err(|error| failed("delete namespace", &error))
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        let request = self.client.list_tables().table_bucket_arn(&self.table_bucket).namespace(single(namespace)?);
        let mut pages = request.into_paginator().send();
        let mut tables = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let is_missing = error.as_service_error().is_some_and(|error| error.is_not_found_exception());
                if is_missing { no_namespace(namespace) } else { failed("list tables", &error) }
            })?;
            tables.extend(page.tables.into_iter().map(|table| TableIdent::new(namespace.clone(), table.name)));
        }
        Ok(tables)
    }

    /// Makes a table in two steps, since the service chooses where its files go: the table without metadata, then its first metadata.
    /// Whoever finds a table left between the two finishes it.
    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        let table = TableIdent::new(namespace.clone(), creation.name.clone());
        let request = self.client.create_table().table_bucket_arn(&self.table_bucket);
        let request = request.namespace(single(namespace)?).name(table.name()).format(OpenTableFormat::Iceberg);
        match request.send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conflict_exception()) => {}
            Err(error) => return Err(failed("create table", &error)),
        }
        let found = self.find(&table).await?.ok_or_else(|| not_found(&table))?;
        if found.metadata_location().is_some() {
            return Err(Error::new(ErrorKind::TableAlreadyExists, format!("there is a table {table}")));
        }
        let location = found.warehouse_location().trim_end_matches('/').to_owned();
        let creation = TableCreation { location: Some(location.clone()), ..creation };
        let metadata = TableMetadataBuilder::from_table_creation(creation)?.build()?.metadata;
        let at = MetadataLocation::new_with_metadata(location, &metadata);
        metadata.write_to(&self.files, &at).await?;
        let at = at.to_string();
        self.advance(&table, &found, &at).await?;
        self.table(&table, &at, metadata)
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let found = self.find(table).await?.ok_or_else(|| not_found(table))?;
        self.open(table, &found).await?.ok_or_else(|| not_found(table))
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        Ok(self.find(table).await?.is_some_and(|found| found.metadata_location().is_some()))
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let ident = commit.identifier().clone();
        let found = self.find(&ident).await?.ok_or_else(|| not_found(&ident))?;
        let table = self.open(&ident, &found).await?.ok_or_else(|| not_found(&ident))?;
        let next = commit.apply(table)?;
        let at: MetadataLocation = next.metadata_location_result()?.parse()?;
        next.metadata().write_to(next.file_io(), &at).await?;
        self.advance(&ident, &found, &at.to_string()).await?;
        Ok(next)
    }

    async fn drop_table(&self, table: &TableIdent) -> Result<()> {
        let request = self.client.delete_table().table_bucket_arn(&self.table_bucket);
        let request = request.namespace(single(table.namespace())?).name(table.name());
        request.send().await.map(drop).map_err(|error| failed("delete table", &error))
    }

    /// As [`Self::drop_table`]: the service removes the files of a deleted table by itself.
    async fn purge_table(&self, table: &TableIdent) -> Result<()> {
        self.drop_table(table).await
    }

    async fn rename_table(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        let request = self.client.rename_table().table_bucket_arn(&self.table_bucket);
        let request = request.namespace(single(from.namespace())?).name(from.name());
        let request = request.new_namespace_name(single(to.namespace())?).new_name(to.name());
        request.send().await.map(drop).map_err(|error| failed("rename table", &error))
    }

    async fn register_table(&self, _: &TableIdent, _: String) -> Result<Table> {
        Err(Error::new(ErrorKind::FeatureUnsupported, "S3 Tables takes no tables whose files are elsewhere"))
    }
}

/// The one level that a namespace of S3 Tables has.
fn single(namespace: &NamespaceIdent) -> Result<String> {
    match namespace.as_ref().as_slice() {
        [name] => Ok(name.clone()),
        _ => Err(Error::new(ErrorKind::DataInvalid, format!("namespaces of S3 Tables do not nest, as {namespace:?} does"))),
    }
}

fn not_found(table: &TableIdent) -> Error {
    Error::new(ErrorKind::TableNotFound, format!("there is no table {table}"))
}

fn no_namespace(namespace: &NamespaceIdent) -> Error {
    Error::new(ErrorKind::NamespaceNotFound, format!("there is no namespace {namespace:?}"))
}

/// An error of the service or of the way to it. What can be known to have had no effect is told apart before.
fn failed<E>(doing: &'static str, error: &SdkError<E>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    // The whole chain, since iceberg's error shows one cause only and a cause of the SDK's seldom says enough by itself.
    let chain = std::iter::successors(Some(error as &dyn StdError), |&error| error.source());
    let causes: Vec<String> = chain.map(ToString::to_string).collect();
    Error::new(ErrorKind::Unexpected, format!("S3 Tables did not {doing}: {}", causes.join(": ")))
}

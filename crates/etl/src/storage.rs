//! Iceberg's files on our lake: one implementation of object storage carries raw objects, ledger, quarantine and warehouse.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use iceberg::io::{FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig, StorageFactory};
use iceberg::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::lake::{Address, Lake, LakeError, Write};

/// Files that are read whole: table metadata, manifests, manifest lists.
const WHOLE_BYTES_MAX: u64 = 1 << 30;
const KEYS_AT_ONCE: usize = 1000;

/// A [`Lake`] as iceberg's storage. Paths are URLs of the lake.
///
/// Iceberg can write a storage down and read it back elsewhere. A lake holds connections and does not travel: a storage that was
/// read back refuses every call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LakeStorage {
    #[serde(skip)]
    lake: Option<Arc<dyn Lake>>,
    /// A path, and what a whole read of it gives instead of what lies there.
    #[serde(skip)]
    shown: Option<(String, Bytes)>,
}

impl LakeStorage {
    /// The storage on this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self { lake: Some(lake), shown: None }
    }

    /// Whoever reads the file at `path` as a whole gets these bytes. The lake keeps what it has.
    pub(crate) fn showing(self, path: &str, bytes: Bytes) -> Self {
        Self { shown: Some((path.to_owned(), bytes)), ..self }
    }

    fn open(&self, path: &str) -> Result<(Arc<dyn Lake>, Address)> {
        let lake = self.lake.clone();
        let lake =
            lake.ok_or_else(|| Error::new(ErrorKind::FeatureUnsupported, "this storage was read back without its lake"))?;
        let at = lake.address(path).map_err(failed)?;
        Ok((lake, at))
    }
}

#[async_trait]
#[typetag::serde]
impl Storage for LakeStorage {
    async fn exists(&self, path: &str) -> Result<bool> {
        let (lake, at) = self.open(path)?;
        match lake.head(&at).await {
            Ok(_) => Ok(true),
            Err(LakeError::NotFound(_)) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let (lake, at) = self.open(path)?;
        let head = lake.head(&at).await.map_err(failed)?;
        Ok(FileMetadata { size: head.bytes })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        if let Some((_, bytes)) = self.shown.as_ref().filter(|(shown, _)| shown == path) {
            return Ok(bytes.clone());
        }
        let (lake, at) = self.open(path)?;
        let (_, bytes) = lake.get(&at, WHOLE_BYTES_MAX).await.map_err(failed)?;
        Ok(bytes)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        let (lake, at) = self.open(path)?;
        Ok(Box::new(Reader { lake, at }))
    }

    async fn write(&self, path: &str, bytes: Bytes) -> Result<()> {
        let (lake, at) = self.open(path)?;
        lake.replace(&at, bytes).await.map_err(failed)
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        let (lake, at) = self.open(path)?;
        let write = lake.write(&at).await.map_err(failed)?;
        Ok(Box::new(Writer(write)))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let (lake, at) = self.open(path)?;
        lake.delete(&at).await.map_err(failed)
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        let (lake, mut under) = self.open(path)?;
        if !under.key.ends_with('/') {
            under.key.push('/');
        }
        loop {
            let keys = lake.list(&under, None, KEYS_AT_ONCE).await.map_err(failed)?;
            if keys.is_empty() {
                return Ok(());
            }
            for key in keys {
                lake.delete(&Address { bucket: under.bucket.clone(), key }).await.map_err(failed)?;
            }
        }
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        while let Some(path) = paths.next().await {
            self.delete(&path).await?;
        }
        Ok(())
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

#[typetag::serde]
impl StorageFactory for LakeStorage {
    fn build(&self, _: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }
}

struct Reader {
    lake: Arc<dyn Lake>,
    at: Address,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.lake.get_range(&self.at, range).await.map_err(failed)
    }
}

struct Writer(Box<dyn Write>);

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.0.push(bytes).await.map_err(failed)
    }

    async fn close(&mut self) -> Result<()> {
        self.0.finish().await.map_err(failed)
    }
}

/// An error that may pass is `Unexpected`; one that will not is `DataInvalid`.
fn failed(error: LakeError) -> Error {
    let kind = match error {
        LakeError::Unavailable { .. } => ErrorKind::Unexpected,
        _ => ErrorKind::DataInvalid,
    };
    Error::new(kind, "the lake did not do it").with_source(error)
}

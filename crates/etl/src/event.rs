//! An S3 event notification in, the objects that it says were created out.
//!
//! The message is S3's own (event message structure 2.x), whoever sent it: our watcher, or a bucket that notifies the queue
//! directly. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use aws_lambda_events::event::s3::{S3Event, S3EventRecord};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::lake::Address;
use crate::{append, job, ledger, quarantine};

/// An object that a notification says was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    /// Where it is.
    pub(crate) at: Address,
    /// Its length, when the event says it.
    pub(crate) bytes: Option<u64>,
    /// When it was created.
    pub(crate) created_at: Timestamp,
}

/// A message that is no S3 event notification.
#[derive(Debug, thiserror::Error)]
#[error("not an S3 event notification: {0}")]
pub(crate) struct Undecodable(String);

/// What S3 sends to a queue when notifications are switched on.
#[derive(Deserialize)]
struct TestEvent {
    #[serde(rename = "Event")]
    event: String,
}

/// Every object created according to a message's body, in order; none for a test event or events of other kinds.
pub(crate) fn read(body: &str) -> Result<Vec<Created>, Undecodable> {
    let event: S3Event = match serde_json::from_str(body) {
        Ok(event) => event,
        Err(_) if serde_json::from_str::<TestEvent>(body).is_ok_and(|test| test.event == "s3:TestEvent") => return Ok(Vec::new()),
        Err(error) => return Err(Undecodable(error.to_string())),
    };
    let created = event.records.into_iter().filter(creates).map(object).collect::<Result<Vec<_>, _>>()?;
    // A bucket that notifies about all of its keys tells us of what we wrote ourselves; to take that for uploads would be a loop.
    Ok(created.into_iter().filter(|object| !ours(&object.at.key)).collect())
}

fn creates(record: &S3EventRecord) -> bool {
    record.event_name.as_deref().is_some_and(|name| name.trim_start_matches("s3:").starts_with("ObjectCreated:"))
}

fn ours(key: &str) -> bool {
    [ledger::ROOT, quarantine::ROOT, job::ROOT, append::ROOT].iter().any(|root| key.starts_with(root))
}

fn object(record: S3EventRecord) -> Result<Created, Undecodable> {
    let bucket = record.s3.bucket.name.filter(|name| !name.is_empty());
    let bucket = bucket.ok_or_else(|| Undecodable("a record without a bucket name".to_owned()))?;
    let key = record.s3.object.key.filter(|key| !key.is_empty());
    let key = decode_key(&key.ok_or_else(|| Undecodable("a record without an object key".to_owned()))?)?;
    let created_at = Timestamp::from_microsecond(record.event_time.timestamp_micros())
        .map_err(|error| Undecodable(format!("event time: {error}")))?;
    let bytes = record.s3.object.size.and_then(|size| u64::try_from(size).ok());
    Ok(Created { at: Address { bucket, key }, bytes, created_at })
}

/// Keys stand in events as in a form (`application/x-www-form-urlencoded`): `+` is a space, the rest is percent-encoded.
fn decode_key(key: &str) -> Result<String, Undecodable> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    Ok(decoded.map_err(|_| Undecodable(format!("object key {key} is no UTF-8")))?.into_owned())
}

#[cfg(test)]
mod tests;

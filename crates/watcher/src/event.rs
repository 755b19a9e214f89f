//! S3's own event notification (`s3:ObjectCreated:Put`, event version 2.1), in the form of `tests/golden/upload-event.json`.

use serde_json::json;

use crate::entry::Entry;
use crate::key::Key;
use crate::lake::Stored;

/// The message that says that an upload is in the lake. Any consumer of S3's events can read it.
pub(crate) fn created(entry: &Entry, bucket: &str, region: &str, key: &Key, stored: &Stored) -> String {
    let upload = entry.upload.to_string();
    let mut object = json!({
        "key": key.in_event(),
        "size": stored.bytes,
        "eTag": stored.etag,
        "sequencer": upload,
    });
    if let (Some(version), Some(object)) = (&stored.version, object.as_object_mut()) {
        object.insert("versionId".to_owned(), json!(version));
    }
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": region,
            "eventTime": format!("{:.3}", entry.landed_at),
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "inlet" },
            "requestParameters": { "sourceIPAddress": entry.client.ip().to_string() },
            "responseElements": { "x-amz-request-id": upload },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "inlet",
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": { "principalId": "inlet" },
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": object,
            },
        }]
    })
    .to_string()
}

#[cfg(test)]
mod tests;

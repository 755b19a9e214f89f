//! Keys in ascending order of their bytes, whatever order the server lists them in (ListObjectsV2).

use std::collections::BTreeSet;

use aws_sdk_s3::Client;

use super::{Order, unavailable};
use crate::lake::{Address, LakeError};

/// The first `keys_max` keys under a prefix, those after `after` if given.
pub(super) async fn keys(
    client: &Client,
    order: Order,
    under: &Address,
    after: Option<&str>,
    keys_max: usize,
) -> Result<Vec<String>, LakeError> {
    if keys_max == 0 {
        return Ok(Vec::new());
    }
    let mut first = First { keys: BTreeSet::new(), keys_max };
    let mut continuation = None;
    loop {
        let request = client.list_objects_v2().bucket(&under.bucket).prefix(&under.key).set_continuation_token(continuation);
        let request = match order {
            Order::Bytes => request.set_start_after(after.map(str::to_owned)),
            // "After" means what the server's own order makes of it, which may leave out keys that we want.
            Order::Unknown => request,
        };
        let page = request.send().await.map_err(|error| unavailable("list", under, error))?;
        for key in page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
            if after.is_none_or(|after| key.as_str() > after) {
                first.offer(key);
            }
        }
        continuation = page.next_continuation_token;
        let enough = matches!(order, Order::Bytes) && first.keys.len() == keys_max;
        if enough || continuation.is_none() {
            return Ok(first.keys.into_iter().collect());
        }
    }
}

/// The smallest keys of those offered, in bounded memory.
#[derive(Debug)]
struct First {
    keys: BTreeSet<String>,
    keys_max: usize,
}

impl First {
    fn offer(&mut self, key: String) {
        if self.keys.len() < self.keys_max {
            self.keys.insert(key);
        } else if self.keys.last().is_some_and(|last| key < *last) {
            self.keys.insert(key);
            if self.keys.len() > self.keys_max {
                self.keys.pop_last();
            }
        }
    }
}

#[cfg(test)]
mod tests;

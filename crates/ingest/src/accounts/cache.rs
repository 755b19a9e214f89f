//! Logins that were right a moment ago.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::password::Hash;

/// How long a right password need not be hashed again.
const KEPT: Duration = Duration::from_secs(60);

/// How many logins are remembered; one more forgets the oldest.
const LOGINS_MAX: usize = 16 * 1024;

/// Stands for a name, a password and the hash it was checked against; tells nothing of them without this process's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

/// Keys of right logins. A changed or removed account has another hash, or none, and so is never found here.
#[derive(Debug)]
pub(super) struct Cache {
    secret: [u8; 32],
    since: HashMap<Key, Instant>,
    oldest_first: VecDeque<(Key, Instant)>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { secret: rand::random(), since: HashMap::new(), oldest_first: VecDeque::new() }
    }
}

impl Cache {
    pub(super) fn key(&self, name: &str, password: &str, hash: &Hash) -> Key {
        let mut digest = Sha256::new_with_prefix(self.secret);
        for part in [name, password, hash.as_str()] {
            // With its length, so that no two logins run into the same bytes.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Key(digest.finalize().into())
    }

    pub(super) fn holds(&self, key: &Key, now: Instant) -> bool {
        self.since.get(key).is_some_and(|since| now.duration_since(*since) < KEPT)
    }

    pub(super) fn keep(&mut self, key: Key, now: Instant) {
        while let Some((oldest, since)) = self.oldest_first.front().copied() {
            if self.oldest_first.len() < LOGINS_MAX && now.duration_since(since) < KEPT {
                break;
            }
            self.oldest_first.pop_front();
            // A login that was checked again since has a younger place in the queue.
            if self.since.get(&oldest) == Some(&since) {
                self.since.remove(&oldest);
            }
        }
        self.since.insert(key, now);
        self.oldest_first.push_back((key, now));
    }
}

#[cfg(test)]
mod tests;

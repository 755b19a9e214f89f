//! Which messages were delivered, how often, and until when they are hidden.
//!
//! One process receives, and when it is gone all that it had received is deliverable again: so nothing of this need outlive it, and to
//! receive a message writes nothing. How often one was delivered is written down when somebody says why it was left, or when it is
//! delivered again: both are rare. When a process ended without a word, it may be a message that ended it, and would end the next one
//! and all that come after: then each message of that time is counted before its first delivery.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use etl::Message;
use sqlx::SqliteConnection;

use super::table::{self, Row};

/// So many messages that were never delivered are read at once, and wait here until somebody asks for the next ones.
const READ_AT_ONCE: usize = 64;

/// What a receive gave.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// When the next hidden message is due, from now; only told when there are no messages.
    pub(super) next_in: Option<Duration>,
}

/// What one process has received.
#[derive(Debug)]
pub(super) struct Deliveries {
    /// So often a message is delivered at most.
    times_max: u32,
    /// Messages up to this id may have ended a process; `None` before the first receive.
    suspects_to: Option<i64>,
    /// The highest id that was read: ids climb in the order in which their messages are committed.
    read_to: i64,
    /// What was read and not delivered yet.
    fresh: VecDeque<Row>,
    /// What was delivered and not deleted, by id.
    delivered: HashMap<i64, Delivered>,
    /// When each of those is due again, and its id.
    due: BTreeSet<(Instant, i64)>,
}

/// The newest delivery of a message.
#[derive(Clone, Copy, Debug)]
struct Delivered {
    times: u32,
    hidden_until: Instant,
}

impl Deliveries {
    pub(super) fn new(times_max: u32) -> Self {
        Self { times_max, suspects_to: None, read_to: 0, fresh: VecDeque::new(), delivered: HashMap::new(), due: BTreeSet::new() }
    }

    /// Delivers up to so many messages: first what is due again, then what never was delivered. What was delivered too often becomes a
    /// dead letter. When it fails, nothing is delivered. The connection is in no transaction: what is rolled back must not be read.
    pub(super) async fn receive(
        &mut self,
        connection: &mut SqliteConnection,
        messages_max: u32,
        visibility: Duration,
        now: Instant,
    ) -> Result<Received, sqlx::Error> {
        let suspects_to = match self.suspects_to {
            Some(id) => id,
            None => *self.suspects_to.insert(table::begin(connection).await?),
        };
        let messages_max = usize::try_from(messages_max).unwrap_or(usize::MAX);
        while self.fresh.len() < messages_max && self.read(connection).await? {}
        let (mut rows, again) = self.again(connection, messages_max, now).await?;
        let fresh = self.fresh.len().min(messages_max - rows.len());
        let suspects: Vec<i64> = self.fresh.iter().take(fresh).map(|row| row.id).filter(|id| *id <= suspects_to).collect();
        table::foresee(connection, &suspects).await?;
        // From here on nothing fails: what was due again is no longer known as delivered.
        self.remove(again);
        rows.extend(self.fresh.drain(..fresh));

        let hidden_until = now + visibility;
        let messages: Vec<Message> = rows.into_iter().map(|row| self.deliver(row, hidden_until)).collect();
        let next = self.due.first().filter(|_| messages.is_empty());
        Ok(Received { messages, next_in: next.map(|(due, _)| due.saturating_duration_since(now)) })
    }

    /// What is due again, up to so many messages, and the ids of these and of those that have become dead letters.
    async fn again(
        &self,
        connection: &mut SqliteConnection,
        messages_max: usize,
        now: Instant,
    ) -> Result<(Vec<Row>, Vec<i64>), sqlx::Error> {
        let (mut counts, mut dead) = (Vec::new(), Vec::new());
        for (_, id) in self.due.range(..=(now, i64::MAX)) {
            if counts.len() - dead.len() == messages_max {
                break;
            }
            let times = self.delivered.get(id).map_or(0, |delivered| delivered.times);
            counts.push((*id, times));
            dead.extend((times >= self.times_max).then_some(*id));
        }
        if counts.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let rows = table::again(connection, &counts, &dead).await?;
        Ok((rows, counts.into_iter().map(|(id, _)| id).collect()))
    }

    /// Whether anything was received, or asked for.
    pub(super) fn has_begun(&self) -> bool {
        self.suspects_to.is_some()
    }

    /// Reads on in the table; says whether there was anything.
    async fn read(&mut self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        let mut rows = table::behind(connection, self.read_to, READ_AT_ONCE).await?;
        let Some(read_to) = rows.last().map(|row| row.id) else { return Ok(false) };
        let dead = rows.extract_if(.., |row| row.deliveries >= self.times_max).map(|row| row.id);
        table::bury(connection, &dead.collect::<Vec<_>>()).await?;
        self.read_to = read_to;
        self.fresh.extend(rows);
        Ok(true)
    }

    fn deliver(&mut self, row: Row, hidden_until: Instant) -> Message {
        let times = row.deliveries + 1;
        self.delivered.insert(row.id, Delivered { times, hidden_until });
        self.due.insert((hidden_until, row.id));
        Message { receipt: format!("{}-{times}", row.id), body: row.body, deliveries: times }
    }

    /// Forgets messages that are gone.
    pub(super) fn remove(&mut self, ids: impl IntoIterator<Item = i64>) {
        for id in ids {
            if let Some(delivered) = self.delivered.remove(&id) {
                self.due.remove(&(delivered.hidden_until, id));
            }
        }
    }

    /// Hides a message for that long from now, and says whether the receipt still hid it.
    pub(super) fn extend(&mut self, receipt: &str, visibility: Duration, now: Instant) -> bool {
        let Some(id) = self.current(receipt) else { return false };
        let Some(delivered) = self.delivered.get_mut(&id).filter(|delivered| delivered.hidden_until > now) else { return false };
        self.due.remove(&(delivered.hidden_until, id));
        delivered.hidden_until = now + visibility;
        self.due.insert((delivered.hidden_until, id));
        true
    }

    /// How many messages are hidden.
    pub(super) fn hidden(&self, now: Instant) -> usize {
        self.due.iter().rev().take_while(|(until, _)| *until > now).count()
    }

    /// The message that a receipt is good for: its newest delivery.
    pub(super) fn current(&self, receipt: &str) -> Option<i64> {
        self.counted(receipt).map(|(id, _)| id)
    }

    /// The same, and how often it was delivered.
    pub(super) fn counted(&self, receipt: &str) -> Option<(i64, u32)> {
        let (id, times) = parse(receipt)?;
        self.delivered.get(&id).filter(|delivered| delivered.times == times).map(|_| (id, times))
    }

    /// Whether a receipt is of a message that was delivered and is gone.
    pub(super) fn is_spent(&self, receipt: &str) -> bool {
        let is_known =
            |id: i64| id > self.read_to || self.delivered.contains_key(&id) || self.fresh.iter().any(|row| row.id == id);
        parse(receipt).is_some_and(|(id, _)| !is_known(id))
    }
}

/// A receipt names a message and which of its deliveries this is.
fn parse(receipt: &str) -> Option<(i64, u32)> {
    let (id, times) = receipt.split_once('-')?;
    Some((id.parse().ok()?, times.parse().ok()?))
}

//! Waiting, and how long it took.

use std::time::Duration;

use tokio::time::Instant;

/// What the clock shows that waiting goes by.
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some(now) = crate::testing::simulator::now() {
        return now;
    }
    Instant::now()
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    #[cfg(test)]
    if crate::testing::simulator::is_on() {
        return crate::testing::simulator::sleep(duration).await;
    }
    tokio::time::sleep(duration).await;
}

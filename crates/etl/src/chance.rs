//! What is drawn by lot: how long pauses are, and names that nobody else gives.

use rand::Rng;

/// A number from 0.5 to 1.
pub(crate) fn half_to_one() -> f64 {
    #[cfg(test)]
    if let Some(drawn) = crate::testing::simulator::draw(|lot| lot.random_range(0.5..=1.0)) {
        return drawn;
    }
    rand::rng().random_range(0.5..=1.0)
}

/// 128 bits that nobody else draws.
pub(crate) fn unique() -> u128 {
    #[cfg(test)]
    if let Some(drawn) = crate::testing::simulator::draw(|lot| lot.random()) {
        return drawn;
    }
    rand::random()
}

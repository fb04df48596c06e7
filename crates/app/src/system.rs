//! The clock and the entropy of the machine: the only place that reads them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use session_core::ports::{Clock, Entropy, EntropyError};

/// The machine's time, made to never go backwards.
///
/// It follows the wall clock forwards. When the wall clock is set back, it goes on at the pace of
/// the monotonic clock instead, so that setting the clock back neither revives what has expired nor
/// lets anything live longer.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    /// Wall time, in milliseconds since 1970, that corresponds to `started`; only ever raised.
    wall_at_start: AtomicI64,
}

impl SystemClock {
    /// A clock that agrees with the wall clock now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock behind the port"
    )]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            wall_at_start: AtomicI64::new(wall_millis()),
        }
    }

    fn at(&self, wall_millis: i64, elapsed_millis: i64) -> i64 {
        let wall_at_start = wall_millis - elapsed_millis;
        let before = self.wall_at_start.load(Ordering::Relaxed);
        if wall_at_start <= before {
            return before + elapsed_millis;
        }
        // The two clocks are read one after the other, so they differ by a millisecond now and then:
        // only a jump is worth a write to memory that all threads share.
        self.wall_at_start
            .fetch_max(wall_at_start, Ordering::Relaxed)
            .max(wall_at_start)
            + elapsed_millis
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX / 2);
        let millis = self.at(wall_millis(), elapsed);
        // Past the year 262143 it is not our problem any more.
        DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock behind the port"
)]
fn wall_millis() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX / 2)
}

/// The system's CSPRNG.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the entropy behind the port"
    )]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|error| EntropyError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started_at(wall: i64) -> SystemClock {
        let clock = SystemClock::new();
        clock.wall_at_start.store(wall, Ordering::Relaxed);
        clock
    }

    /// Requirement 56: wall-clock jumps revive nothing and extend nothing.
    #[test]
    fn time_goes_on_when_the_wall_clock_is_set_back() {
        let clock = started_at(1_000_000);
        assert_eq!(clock.at(1_010_000, 10_000), 1_010_000);
        assert_eq!(
            clock.at(500_000, 20_000),
            1_020_000,
            "set back by more than 500 s"
        );
        assert_eq!(clock.at(510_000, 30_000), 1_030_000);
    }

    #[test]
    fn time_follows_the_wall_clock_forwards_and_stays_there() {
        let clock = started_at(1_000_000);
        assert_eq!(
            clock.at(2_000_000, 1000),
            2_000_000,
            "the machine was suspended"
        );
        assert_eq!(clock.at(1_500_000, 2000), 2_001_000);
    }
}

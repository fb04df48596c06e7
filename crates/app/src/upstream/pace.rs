use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Spaces calls out, so that there are never more of them in a second than the rate.
#[derive(Debug)]
pub(crate) struct Pace {
    apart: Duration,
    /// When the next call may be made.
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn of(rate: u32) -> Self {
        Self {
            apart: Duration::from_secs(1) / rate.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for one's turn. Whoever gives up waiting has used a turn all the same.
    pub(crate) async fn turn(&self) {
        let (turn, now) = {
            // An instant is only ever replaced whole, so a panic elsewhere cannot have torn it.
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = (*next).max(now);
            *next = turn + self.apart;
            (turn, now)
        };
        // A timer takes a millisecond at least.
        if turn > now {
            tokio::time::sleep_until(turn).await;
        }
    }

    /// How long one would wait for a turn now.
    pub(crate) fn queue(&self) -> Duration {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whose_turn_it_is_does_not_wait() {
        let pace = Pace::of(20);
        let mut now = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(pace.turn()).poll(&mut now).is_ready());
        assert!(std::pin::pin!(pace.turn()).poll(&mut now).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_than_the_rate() {
        let pace = Pace::of(20);
        let begun = Instant::now();
        let mut turns = Vec::new();
        for _ in 0..100 {
            pace.turn().await;
            turns.push(begun.elapsed());
        }
        for (first, later) in turns.iter().zip(&turns[20..]) {
            assert!(*later - *first >= Duration::from_secs(1));
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(pace.queue(), Duration::ZERO, "a pause is not saved up");
        pace.turn().await;
        assert!(pace.queue() > Duration::ZERO);
    }
}

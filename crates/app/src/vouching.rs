use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Until when what was read at some time is good.
///
/// By itself: as long as the bound. But while a feed tells of every change, and shows again and again
/// that it does, what was read since it began stays good up to one bound after it last showed that:
/// whoever changed it would have been heard of.
///
/// All times are by the clock of this process, kept as milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct Vouching {
    bound: TimeDelta,
    /// Everything that changed after this is told.
    began_at: AtomicI64,
    /// When the feed began to look for the last time whether it has told everything.
    looks_at: AtomicI64,
    /// Everything that changed up to this has been told; [`NEVER`] while there is no feed.
    told_up_to: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl Vouching {
    pub(crate) const fn new(bound: TimeDelta) -> Self {
        Self {
            bound,
            began_at: AtomicI64::new(NEVER),
            looks_at: AtomicI64::new(NEVER),
            told_up_to: AtomicI64::new(NEVER),
        }
    }

    pub(crate) const fn bound(&self) -> TimeDelta {
        self.bound
    }

    /// Whether what was read at `read_at` may be believed at `now`.
    pub(crate) fn is_good(&self, read_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        // A record of the future is from before the clock was set back, or a moment younger than
        // whoever asks.
        (now - read_at).abs() < self.bound || self.is_vouched(read_at, now)
    }

    fn is_vouched(&self, read_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let told_up_to = self.told_up_to.load(Ordering::Acquire);
        if told_up_to == NEVER {
            return false;
        }
        // Read after the other one: a feed that began anew is seen with its own begin.
        let began_at = self.began_at.load(Ordering::Acquire);
        let silence = now.timestamp_millis().saturating_sub(told_up_to);
        began_at < read_at.timestamp_millis()
            && silence.saturating_abs() < self.bound.num_milliseconds()
    }

    /// Every change from `now` on will be told.
    pub(crate) fn begin(&self, now: DateTime<Utc>) {
        let now = now.timestamp_millis();
        self.told_up_to.store(NEVER, Ordering::Release);
        self.began_at.store(now, Ordering::Release);
        self.looks_at.store(now, Ordering::Release);
        self.told_up_to.store(now, Ordering::Release);
    }

    /// It is about to be looked whether everything was told.
    pub(crate) fn look(&self, now: DateTime<Utc>) {
        self.looks_at
            .store(now.timestamp_millis(), Ordering::Release);
    }

    /// It was.
    pub(crate) fn confirm(&self) {
        let looks_at = self.looks_at.load(Ordering::Acquire);
        self.told_up_to.store(looks_at, Ordering::Release);
    }

    /// Nothing is told any more; whether it was until now.
    pub(crate) fn end(&self) -> bool {
        self.told_up_to.swap(NEVER, Ordering::AcqRel) != NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_750_000_000_000 + millis).unwrap_or_default()
    }

    fn second() -> Vouching {
        Vouching::new(TimeDelta::seconds(1))
    }

    #[test]
    fn without_a_feed_a_record_is_good_for_the_bound() {
        let vouching = second();
        assert!(vouching.is_good(at(0), at(999)));
        assert!(!vouching.is_good(at(0), at(1000)));
        // The clock was set back.
        assert!(!vouching.is_good(at(1000), at(0)));
    }

    #[test]
    fn with_a_feed_it_is_good_for_the_bound_after_the_last_look() {
        let vouching = second();
        vouching.begin(at(0));
        vouching.look(at(5000));
        assert!(!vouching.is_good(at(10), at(5500)), "not answered yet");
        vouching.confirm();
        assert!(vouching.is_good(at(10), at(5999)));
        assert!(!vouching.is_good(at(10), at(6000)), "silence for a bound");
        vouching.look(at(6100));
        vouching.confirm();
        assert!(
            vouching.is_good(at(10), at(6200)),
            "nothing was lost meanwhile"
        );
    }

    #[test]
    fn what_was_read_before_the_feed_is_not_vouched_for() {
        let vouching = second();
        vouching.begin(at(2000));
        vouching.look(at(5000));
        vouching.confirm();
        assert!(!vouching.is_good(at(1999), at(5100)));
        // Of the same millisecond nobody knows which came first.
        assert!(!vouching.is_good(at(2000), at(5100)));
        assert!(vouching.is_good(at(2001), at(5100)));
    }

    #[test]
    fn a_feed_that_ended_vouches_for_nothing() {
        let vouching = second();
        vouching.begin(at(0));
        assert!(vouching.end());
        assert!(!vouching.end(), "it has ended");
        assert!(!vouching.is_good(at(10), at(1500)));
        vouching.begin(at(1600));
        assert!(
            !vouching.is_good(at(10), at(1700)),
            "it was not told of what came in between"
        );
    }
}

//! One-time marks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::MarkHash;
use session_core::ports::{Forgotten, OneTimeMarks as _, SessionStore as _, StoreErrorKind};
use store_contract::parallel;
use store_contract::samples::{minute, start};

use crate::place::Place;

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

fn mark(n: i64) -> MarkHash {
    MarkHash::of("kind", "scope", &format!("{n}"))
}

async fn is_first(place: &Place, n: i64, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let used = place.store.mark_used(mark(n), until, now).await;
    used.expect("redis answers")
}

#[tokio::test]
async fn marks_are_one_sorted_set_without_an_end() {
    let place = Place::new().await;
    assert!(is_first(&place, 1, minute(60), start()).await);
    let key = place.key("marks", b"");
    assert_eq!(place.keys().await, std::slice::from_ref(&key));
    let scores: Vec<(Vec<u8>, f64)> = place
        .ask("ZRANGE", &key, &[b"0", b"-1", b"WITHSCORES"])
        .await;
    let expected = (
        mark(1).as_bytes().to_vec(),
        minute(60).timestamp_millis() as f64,
    );
    assert_eq!(scores, [expected], "the hash and the end alone");
    assert_eq!(place.time_to_live(&key).await, -1);
}

/// Milliseconds are told apart at the calendar's ends too.
#[tokio::test]
async fn far_away_times_are_exact() {
    let place = Place::new().await;
    let last = DateTime::<Utc>::MAX_UTC;
    assert!(is_first(&place, 1, last, start()).await);
    assert!(!is_first(&place, 1, last, last - MILLISECOND).await);
    assert!(is_first(&place, 1, last, last).await);
    let (first, now) = (
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MIN_UTC + MILLISECOND,
    );
    assert!(is_first(&place, 2, now, first).await);
    assert!(!is_first(&place, 2, now, first).await);
    assert!(is_first(&place, 2, now, now).await);
}

/// Though nobody forgets: what is over for longer than the time to keep goes with what comes.
#[tokio::test]
async fn what_nobody_forgets_goes_with_what_comes() {
    let keep = Duration::from_secs(600);
    let place = Place::with(|options| options.keep(keep)).await;
    for n in 0..10 {
        assert!(is_first(&place, n, minute(n), start() - MILLISECOND).await);
    }
    let key = place.key("marks", b"");
    let count = async || place.ask::<u64>("ZCARD", &key, &[]).await;
    // A millisecond before the first has been over for that long, none goes.
    assert!(is_first(&place, 10, minute(100), minute(10) - MILLISECOND).await);
    assert_eq!(count().await, 11);
    // Then two for each that comes; for those that come a second time, none.
    assert!(is_first(&place, 11, minute(100), minute(15)).await);
    assert_eq!(count().await, 10);
    assert!(!is_first(&place, 11, minute(100), minute(15)).await);
    assert_eq!(count().await, 10);
    for n in 12..20 {
        assert!(is_first(&place, n, minute(100), minute(15)).await);
    }
    // Those that ended up to minute 5 are gone, the others are known.
    assert_eq!(count().await, 10 + 8 - 4);
    assert!(!is_first(&place, 6, minute(100), minute(6) - MILLISECOND).await);
    assert!(is_first(&place, 5, minute(100), minute(5) - MILLISECOND).await);
}

/// A mark that is over as it comes is noted all the same, and does not take itself away.
#[tokio::test]
async fn a_mark_that_is_over_is_noted() {
    let place = Place::with(|options| options.keep(Duration::ZERO)).await;
    assert!(is_first(&place, 1, start(), minute(1)).await);
    assert!(!is_first(&place, 1, start(), start() - MILLISECOND).await);
}

#[tokio::test]
async fn no_step_forgets_more_than_its_share() {
    let place = Place::new().await;
    for n in 0..200 {
        assert!(is_first(&place, n, minute(1), start()).await);
    }
    for (count, more) in [(128, true), (72, false), (0, false)] {
        let forgotten = place.store.forget_marks(minute(1), 1_000_000).await;
        assert_eq!(forgotten.expect("redis answers"), Forgotten { count, more });
    }
    assert!(place.keys().await.is_empty(), "nothing is left");
}

/// Of any number of processes one is the first.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_processes_one_is_the_first() {
    let place = Place::new().await;
    let stores = [place.another().await, place.another().await];
    let firsts = parallel::all((0..200).map(|n| {
        let store = stores[n % 2].clone();
        let hash = mark(n as i64 / 2 % 10);
        async move { store.mark_used(hash, minute(60), start()).await }
    }))
    .await;
    let firsts = firsts
        .into_iter()
        .map(|first| first.expect("redis answers"));
    assert_eq!(firsts.filter(|first| *first).count(), 10);
}

#[tokio::test]
async fn what_is_no_sorted_set_is_damage() {
    let place = Place::new().await;
    let () = place.ask("SET", place.key("marks", b""), &[b"odd"]).await;
    let used = place.store.mark_used(mark(1), minute(60), start()).await;
    let forgotten = place.store.forget_marks(minute(60), 10).await;
    for error in [used.err(), forgotten.err()] {
        assert_eq!(error.expect("an error").kind(), StoreErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new().await;
    place.store.close().await;
    let used = place.store.mark_used(mark(1), minute(60), start()).await;
    let forgotten = place.store.forget_marks(minute(60), 10).await;
    for error in [used.err(), forgotten.err()] {
        assert_eq!(error.expect("an error").kind(), StoreErrorKind::Unavailable);
    }
}

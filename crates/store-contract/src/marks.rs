//! What was used that is good once.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::MarkHash;
use session_core::ports::{Forgotten, OneTimeMarks};

use crate::parallel;
use crate::samples::{minute, start};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) fn mark(name: &str) -> MarkHash {
    MarkHash::of("kind", "scope", name)
}

/// Notes a use that is known for 60 minutes; whether it is the first.
pub(crate) async fn mark_used(
    marks: &Arc<dyn OneTimeMarks>,
    name: &str,
    now: DateTime<Utc>,
) -> bool {
    let until = now + TimeDelta::minutes(60);
    let first = marks.mark_used(mark(name), until, now).await;
    first.expect("the store answers")
}

async fn forget(marks: &Arc<dyn OneTimeMarks>, now: DateTime<Utc>, batch: usize) -> Forgotten {
    let forgotten = marks.forget_marks(now, batch).await;
    forgotten.expect("the store forgets")
}

/// The first use counts, and no other; other things are not touched by it.
pub async fn the_first_use_counts(marks: Arc<dyn OneTimeMarks>) {
    for name in ["a", "b", ""] {
        assert!(mark_used(&marks, name, start()).await);
        for n in 0..3 {
            assert!(!mark_used(&marks, name, minute(n)).await);
        }
    }
    for (kind, scope) in [("kind", "another"), ("another", "scope"), ("kinds", "cope")] {
        let other = MarkHash::of(kind, scope, "a");
        let first = marks.mark_used(other, minute(60), start()).await;
        assert!(first.expect("the store answers"));
    }
    // A single bit apart.
    let near = |place: usize| {
        let mut bytes = *mark("a").as_bytes();
        bytes[place] ^= 1;
        MarkHash::from_bytes(bytes)
    };
    for place in [0, 15, 31] {
        for is_first in [true, false] {
            let first = marks.mark_used(near(place), minute(60), start()).await;
            assert_eq!(first.expect("the store answers"), is_first);
        }
    }
}

/// Of 100 uses at once one is the first.
pub async fn of_parallel_uses_one_is_the_first(marks: Arc<dyn OneTimeMarks>) {
    let names = ["a", "b", "c"];
    let firsts = parallel::all((0..300).map(|n| {
        let marks = Arc::clone(&marks);
        async move { (n % 3, mark_used(&marks, names[n % 3], start()).await) }
    }))
    .await;
    for (n, name) in names.into_iter().enumerate() {
        let count = firsts.iter().filter(|first| **first == (n, true)).count();
        assert_eq!(count, 1, "{name}");
        assert!(!mark_used(&marks, name, start()).await);
    }
}

/// A use is known up to its end, to the millisecond, which later uses do not move; after it, the next
/// one is the first, and known for its own time.
pub async fn a_use_is_known_up_to_its_end(marks: Arc<dyn OneTimeMarks>) {
    let known = mark("a");
    let used = async |until, now| {
        let first = marks.mark_used(known, until, now).await;
        first.expect("the store answers")
    };
    assert!(used(minute(10), start()).await);
    assert!(!used(minute(90), minute(10) - MILLISECOND).await);
    assert!(!used(minute(1), minute(1)).await);
    assert!(!used(minute(90), minute(10) - MILLISECOND).await);
    assert!(used(minute(20), minute(10)).await);
    assert!(!used(minute(99), minute(20) - MILLISECOND).await);
    assert!(used(minute(30), minute(25)).await);
    // The one that was over is not forgotten in place of the one that is known.
    assert_eq!(forget(&marks, minute(29), 10).await.count, 0);
    assert!(!used(minute(99), minute(29)).await);
    assert_eq!(forget(&marks, minute(30), 10).await.count, 1);
}

/// A clock that is behind is told of a use by another's; of those at once that see it as over, one is the
/// first.
pub async fn clocks_need_not_agree(marks: Arc<dyn OneTimeMarks>) {
    assert!(mark_used(&marks, "a", start()).await);
    let firsts = parallel::all((0..40).map(|n| {
        let marks = Arc::clone(&marks);
        // Half of them see it as over.
        let now = minute(if n % 2 == 0 { 59 } else { 61 });
        async move { (n, mark_used(&marks, "a", now).await) }
    }))
    .await;
    let firsts: Vec<_> = firsts.iter().filter(|(_, first)| *first).collect();
    assert_eq!(firsts.len(), 1);
    assert_eq!(firsts[0].0 % 2, 1);
}

/// Only what is over is forgotten, to the millisecond, and may be used again.
pub async fn only_what_is_over_is_forgotten(marks: Arc<dyn OneTimeMarks>) {
    let none = Forgotten {
        count: 0,
        more: false,
    };
    assert_eq!(forget(&marks, start(), 10).await, none);
    for n in 0..5 {
        assert!(mark_used(&marks, &format!("{n}"), minute(n)).await);
    }
    assert_eq!(forget(&marks, minute(60) - MILLISECOND, 10).await, none);
    let two = Forgotten { count: 2, ..none };
    assert_eq!(forget(&marks, minute(61), 10).await, two);
    assert_eq!(forget(&marks, minute(61), 10).await, none);
    // By a clock that is behind: the forgotten are new, the others are known.
    for n in 0..5 {
        let first = mark_used(&marks, &format!("{n}"), minute(30)).await;
        assert_eq!(first, n < 2, "{n}");
    }
}

/// No call forgets more than it was asked to, and it says whether there may be more.
pub async fn forgetting_goes_in_batches(marks: Arc<dyn OneTimeMarks>) {
    for n in 0..25 {
        assert!(mark_used(&marks, &format!("{n}"), minute(n)).await);
    }
    assert!(mark_used(&marks, "lasting", minute(50)).await);
    let nothing = Forgotten {
        count: 0,
        more: true,
    };
    assert_eq!(forget(&marks, minute(100), 0).await, nothing);
    let mut count = 0;
    for calls in 1.. {
        let forgotten = forget(&marks, minute(100), 10).await;
        assert!(forgotten.count <= 10);
        count += forgotten.count;
        if !forgotten.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(count, 25);
    assert!(!mark_used(&marks, "lasting", minute(60)).await);
}

/// However many forget at once, each is counted once.
pub async fn parallel_forgetting_counts_each_once(marks: Arc<dyn OneTimeMarks>) {
    for n in 0..40 {
        assert!(mark_used(&marks, &format!("{n}"), start()).await);
    }
    let counts = parallel::all((0..10).map(|_| {
        let marks = Arc::clone(&marks);
        async move { forget(&marks, minute(60), 7).await.count }
    }))
    .await;
    assert_eq!(counts.iter().sum::<u64>(), 40);
}

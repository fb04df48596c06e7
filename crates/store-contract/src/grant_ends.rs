//! How refreshes are finished: in time, twice, late, or for a grant that is gone.

use std::sync::Arc;

use session_core::Grant;
use session_core::ports::{GrantStore, RefreshBegun, RefreshFinished};

use crate::grant_refreshes::{
    begin, begun, finish, finished, made_by, records, success, superseded,
};
use crate::grants::{added, at_provider, find, remove, unusual};
use crate::parallel;
use crate::samples::{attempt, grant, minute, start};

/// The end may change everything but whose session it is, to any value and from any other; where a
/// grant is looked for by what was changed, it is found by what it is now.
pub async fn an_end_stores_any_grant(store: Arc<dyn GrantStore>) {
    let mut given = unusual();
    // From each to the next and back.
    given.extend(unusual().into_iter().rev());
    let mut present = added(&store, grant("ada", start())).await;
    let id = present.session_id;
    for (n, wanted) in (1..).zip(given) {
        let (before, record) = begun(&store, &present, minute(n)).await;
        let before_name = before.provider_session.clone();
        let mut end = success(&before, &record, minute(n));
        end.grant = Grant {
            session_id: id,
            version: before.version,
            ..wanted
        };
        present = made_by(&end);
        assert_eq!(finished(&store, &end).await, present);
        assert_eq!(find(&store, id).await.as_ref(), Some(&present));
        let counts = store.count_by_key().await.expect("the store answers");
        assert_eq!(counts, [(present.tokens.key.clone(), 1)]);
        let provider = present.provider.as_str();
        if let Some(name) = &present.provider_session {
            assert_eq!(at_provider(&store, provider, name).await, [id]);
        }
        if let Some(name) =
            before_name.filter(|name| Some(name) != present.provider_session.as_ref())
        {
            assert_eq!(at_provider(&store, provider, &name).await, []);
        }
        // And by its new time, once.
        let due = store.claim_due(present.due_at, present.due_at, 10).await;
        let due = due.expect("the store answers");
        assert!(due.iter().map(|due| &**due).eq([&present]));
    }
}

/// An end that is sent again changes nothing and is answered as the first, whatever happened since; of
/// 20 at once as well.
pub async fn an_end_sent_again_changes_nothing(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let (before, record) = begun(&store, &first, minute(1)).await;
    let end = success(&before, &record, minute(2));
    // While a store is at work on those of others, the same ones gather.
    let mut ends = Vec::new();
    for n in 0..20 {
        let other = added(&store, grant("eve", minute(n))).await;
        let (held, record) = begun(&store, &other, minute(n)).await;
        ends.push(success(&held, &record, minute(n)));
    }
    ends.extend(vec![end.clone(); 20]);
    let outcomes = parallel::all(ends.iter().cloned().map(|end| {
        let store = Arc::clone(&store);
        async move { finished(&store, &end).await }
    }))
    .await;
    assert!(outcomes.into_iter().eq(ends.iter().map(made_by)));
    let of_first = records(&store, id, 10).await;
    assert_eq!(of_first, std::slice::from_ref(&end.record));
    let stored = made_by(&end);
    assert_eq!(find(&store, id).await.as_ref(), Some(&stored));

    // Somebody else is at it; then they are done.
    let (second, second_record) = begun(&store, &stored, minute(3)).await;
    assert_eq!(finished(&store, &end).await, second);
    assert_eq!(find(&store, id).await.as_ref(), Some(&second));
    let second_end = success(&second, &second_record, minute(4));
    let third = finished(&store, &second_end).await;
    for sent in [&end, &second_end, &end] {
        assert_eq!(finished(&store, sent).await, third);
        assert_eq!(find(&store, id).await.as_ref(), Some(&third));
    }
    let expected = [second_end.record.clone(), end.record.clone()];
    assert_eq!(records(&store, id, 10).await, expected);

    assert_eq!(remove(&store, id).await, Some(third));
    assert_eq!(finish(&store, &end).await, RefreshFinished::Gone);
    assert_eq!(find(&store, id).await, None);
    assert_eq!(records(&store, id, 10).await, expected);
}

/// An answer that comes after somebody else has taken over is not stored: the record says so, and all
/// else that is known. It may be sent again.
pub async fn a_late_end_overwrites_nothing(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let (before, record) = begun(&store, &first, minute(1)).await;
    let late = success(&before, &record, minute(8));
    let (taken, taken_record) = begun(&store, &before, minute(7)).await;
    for _ in 0..2 {
        let outcome = finish(&store, &late).await;
        assert_eq!(
            outcome,
            RefreshFinished::Superseded(Arc::new(taken.clone()))
        );
        assert_eq!(find(&store, id).await.as_ref(), Some(&taken));
        let expected = [taken_record.clone(), superseded(&late)];
        assert_eq!(records(&store, id, 10).await, expected);
    }
    let end = success(&taken, &taken_record, minute(9));
    let present = finished(&store, &end).await;
    for _ in 0..2 {
        let outcome = finish(&store, &late).await;
        let expected = RefreshFinished::Superseded(Arc::new(present.clone()));
        assert_eq!(outcome, expected);
        assert_eq!(find(&store, id).await.as_ref(), Some(&present));
        let expected = [end.record.clone(), superseded(&late)];
        assert_eq!(records(&store, id, 10).await, expected);
    }
}

/// One that is late may come back as long as nobody has taken over.
pub async fn a_late_end_counts_while_nobody_took_over(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let (before, record) = begun(&store, &first, minute(1)).await;
    let late = success(&before, &record, minute(1000));
    assert_eq!(finished(&store, &late).await, made_by(&late));
    assert_eq!(records(&store, first.session_id, 10).await, [late.record]);
}

/// An end that names another version than its begin made is none of that begin.
pub async fn an_end_names_the_version_of_its_begin(store: Arc<dyn GrantStore>) {
    for version in [0, 1, 3] {
        let first = added(&store, grant("ada", start())).await;
        let (held, record) = begun(&store, &first, minute(1)).await;
        let mut end = success(&held, &record, minute(2));
        end.grant.version = version;
        let outcome = finish(&store, &end).await;
        let expected = RefreshFinished::Superseded(Arc::new(held.clone()));
        assert_eq!(outcome, expected, "{version}");
        let id = first.session_id;
        assert_eq!(find(&store, id).await.as_ref(), Some(&held));
        assert_eq!(records(&store, id, 10).await, [superseded(&end)]);
    }
}

/// Of the two, one wins, and the records say which.
pub async fn a_late_end_against_a_begin(store: Arc<dyn GrantStore>) {
    for round in 0..20 {
        let first = added(&store, grant("ada", minute(round))).await;
        let id = first.session_id;
        let (before, record) = begun(&store, &first, minute(100)).await;
        let late = success(&before, &record, minute(106));
        let other = attempt(&before, minute(106));
        let (finishing, beginning) = tokio::join!(
            finish(&store, &late),
            begin(&store, before.version, minute(111), &other)
        );
        let found = find(&store, id).await.expect("it is there");
        let records = records(&store, id, 10).await;
        match (finishing, beginning) {
            (RefreshFinished::Stored(stored), RefreshBegun::Changed(changed)) => {
                assert_eq!((&*stored, &*changed), (&found, &found));
                assert_eq!(found, made_by(&late));
                assert_eq!(records, [late.record]);
            }
            (RefreshFinished::Superseded(seen), RefreshBegun::Begun(taken)) => {
                assert_eq!((&*seen, &*taken), (&found, &found));
                assert_eq!(found.tokens, first.tokens);
                assert_eq!(records, [other, superseded(&late)]);
            }
            other => panic!("one of them wins: {other:?}"),
        }
    }
}

/// What came of a refresh whose grant was removed meanwhile is told by its record alone; a grant that
/// was added in its place is another's, though its versions are the same.
pub async fn the_end_for_a_removed_grant_is_recorded(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let (before, record) = begun(&store, &first, minute(1)).await;
    assert_eq!(remove(&store, id).await.as_ref(), Some(&before));
    assert_eq!(records(&store, id, 10).await, std::slice::from_ref(&record));
    let end = success(&before, &record, minute(2));
    for _ in 0..2 {
        assert_eq!(finish(&store, &end).await, RefreshFinished::Gone);
        assert_eq!(find(&store, id).await, None);
        assert_eq!(records(&store, id, 10).await, [superseded(&end)]);
    }

    let (_, second_record) = {
        let added = added(&store, first.clone()).await;
        begun(&store, &added, minute(3)).await
    };
    remove(&store, id).await;
    let (other, other_record) = {
        let added = added(&store, first).await;
        begun(&store, &added, minute(4)).await
    };
    let end = success(&other, &second_record, minute(5));
    assert_eq!(end.grant.version, other.version);
    let outcome = finish(&store, &end).await;
    assert_eq!(
        outcome,
        RefreshFinished::Superseded(Arc::new(other.clone()))
    );
    assert_eq!(find(&store, id).await, Some(other));
    let records = records(&store, id, 10).await;
    assert_eq!(records[..2], [other_record, superseded(&end)]);
}

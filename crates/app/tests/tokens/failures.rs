//! The table of failures: what is stored, how often the provider is asked, what the caller gets, and
//! that the session lives on.

use std::time::Duration;

use app::{TokenError, TokenPolicy};
use chrono::TimeDelta;
use session_core::{GrantStatus, ProviderFailure, RefreshOutcome};

use crate::harness::{Bed, MINUTE, pass, policy};
use crate::provider::{Step, token};

fn unavailable() -> ProviderFailure {
    ProviderFailure::Unavailable("status 500".into())
}

fn ambiguous() -> ProviderFailure {
    ProviderFailure::Ambiguous("time-out".into())
}

fn throttled(seconds: Option<i64>) -> ProviderFailure {
    ProviderFailure::Throttled {
        retry_after: seconds.map(TimeDelta::seconds),
    }
}

struct Row {
    /// What the provider does each time it is asked.
    fails: ProviderFailure,
    /// How often it is asked in one refresh.
    calls: usize,
    outcome: RefreshOutcome,
    status: GrantStatus,
    /// Whether the old token is handed out while it is good.
    old_token: bool,
}

fn rows() -> Vec<Row> {
    let row = |fails, calls, outcome| Row {
        fails,
        calls,
        outcome,
        status: GrantStatus::Usable,
        old_token: true,
    };
    vec![
        Row {
            status: GrantStatus::ReauthRequired,
            old_token: false,
            ..row(
                ProviderFailure::ReauthRequired,
                1,
                RefreshOutcome::ReauthRequired,
            )
        },
        row(
            ProviderFailure::ClientRefused("status 401".into()),
            1,
            RefreshOutcome::ClientRefused,
        ),
        row(
            ProviderFailure::RequestRefused("status 400".into()),
            1,
            RefreshOutcome::RequestRefused,
        ),
        // Longer than anybody waits for.
        row(throttled(Some(120)), 1, RefreshOutcome::Throttled),
        row(throttled(None), 3, RefreshOutcome::Throttled),
        row(unavailable(), 3, RefreshOutcome::Unavailable),
        row(ambiguous(), 2, RefreshOutcome::Ambiguous),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_failure_with_a_live_token_in_hand() {
    for row in rows() {
        let bed = Bed::new();
        let id = bed.sign_in().await.session.id;
        pass(MINUTE * 56).await;
        (0..row.calls).for_each(|_| bed.provider.next(Step::Fail(row.fails.clone())));
        let answer = bed.ask(id).await;
        // Whoever had a token in hand may have left before the last try.
        pass(MINUTE / 6).await;
        if row.old_token {
            assert_eq!(
                answer.unwrap().access_token.expose(),
                "access-1",
                "{:?}",
                row.fails
            );
        } else {
            assert!(matches!(answer, Err(TokenError::ReauthRequired)));
        }
        row.check(&bed, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_after_the_token_expired() {
    for row in rows() {
        let bed = Bed::new();
        let id = bed.sign_in().await.session.id;
        pass(MINUTE * 61).await;
        (0..row.calls).for_each(|_| bed.provider.next(Step::Fail(row.fails.clone())));
        match bed.ask(id).await {
            Err(TokenError::ReauthRequired) => assert!(!row.old_token),
            Err(TokenError::Unavailable { retry_after, cause }) => {
                assert!(row.old_token && retry_after >= 1);
                assert_eq!(cause, row.fails);
                if row.fails == throttled(Some(120)) {
                    assert!((120..=132).contains(&retry_after), "{retry_after}");
                }
            }
            other => panic!("{:?}: {other:?}", row.fails),
        }
        row.check(&bed, id).await;
    }
}

impl Row {
    async fn check(&self, bed: &Bed, id: session_core::SessionId) {
        assert_eq!(bed.provider.calls(), self.calls, "{:?}", self.fails);
        let grant = bed.grant(id).await.unwrap();
        assert_eq!(grant.status, self.status, "{:?}", self.fails);
        assert_eq!(grant.access_hash, token("access-1").hash());
        assert!(grant.lease.is_none() && grant.tokens.refresh.is_some());
        let record = &bed.records(id).await[0];
        assert_eq!(record.outcome, self.outcome);
        assert_eq!(record.tries as usize, self.calls);
        assert!(record.finished_at.is_some() && record.new_access_token.is_none());
        assert!(bed.is_session_live(id).await, "an outage is not a logout");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_passes_within_one_refresh() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(unavailable()));
    bed.provider.next(Step::Fail(unavailable()));
    assert_eq!(bed.token(id).await, "access-2");
    let times = bed.provider.call_times();
    let pauses = [times[1] - times[0], times[2] - times[1]];
    assert!((Duration::from_millis(500)..=Duration::from_millis(1010)).contains(&pauses[0]));
    assert!((Duration::from_secs(1)..=Duration::from_millis(2010)).contains(&pauses[1]));
    assert_eq!(bed.records(id).await[0].tries, 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_says_of_patience_is_kept_to_by_everybody() {
    let bed = Bed::new();
    let other = bed.another();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(throttled(Some(120))));
    assert!(bed.ask(id).await.is_err());
    for instance in [&bed, &other] {
        pass(MINUTE / 2).await;
        assert!(matches!(
            instance.ask(id).await,
            Err(TokenError::Unavailable { .. })
        ));
    }
    assert_eq!(bed.provider.calls(), 1);
    pass(MINUTE * 2).await;
    assert_eq!(other.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_is_waited_within_one_refresh() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(throttled(Some(3))));
    assert_eq!(bed.token(id).await, "access-2");
    let times = bed.provider.call_times();
    assert!(times[1] - times[0] >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_next_one_to_ask_gets_a_token() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    (0..3).for_each(|_| bed.provider.next(Step::Fail(unavailable())));
    assert!(bed.ask(id).await.is_err());
    pass(MINUTE).await;
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_rotating_provider_asks_for_a_new_login_and_ends_no_session() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::LoseAnswer);
    assert!(matches!(bed.ask(id).await, Err(TokenError::ReauthRequired)));
    assert_eq!(
        bed.provider.calls(),
        2,
        "one retry, which is told the truth"
    );
    assert!(bed.is_session_live(id).await);
    assert!(matches!(bed.ask(id).await, Err(TokenError::ReauthRequired)));
    assert_eq!(bed.provider.calls(), 2, "a dead token is not sent again");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_know_us_is_asked_once_a_minute() {
    let bed = Bed::new();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(ProviderFailure::ClientRefused(
        "status 401".into(),
    )));
    for id in &ids {
        let answer = bed.ask(*id).await;
        assert!(matches!(
            answer,
            Err(TokenError::Unavailable {
                retry_after: 1..,
                ..
            })
        ));
    }
    assert_eq!(bed.provider.calls(), 1);
    pass(MINUTE).await;
    for id in &ids {
        bed.token(*id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_is_left_at_that_for_a_minute() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider
        .next(Step::Fail(ProviderFailure::RequestRefused(
            "status 400".into(),
        )));
    assert!(bed.ask(id).await.is_err());
    pass(MINUTE - Duration::from_secs(1)).await;
    assert!(bed.ask(id).await.is_err());
    assert_eq!(bed.provider.calls(), 1);
    pass(Duration::from_secs(1)).await;
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_the_provider_has_ended_gives_no_token_however_long_it_lives() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    bed.provider
        .next(Step::Fail(ProviderFailure::ReauthRequired));
    let forced = bed.refresh(id, session_core::RefreshReason::Forced).await;
    assert!(matches!(forced, Err(TokenError::ReauthRequired)));
    assert!(bed.grant(id).await.unwrap().is_live(bed.now()));
    assert!(matches!(bed.ask(id).await, Err(TokenError::ReauthRequired)));
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_queue_that_is_longer_than_they_wait() {
    let bed = std::sync::Arc::new(Bed::with(TokenPolicy {
        rate: 1,
        ..policy()
    }));
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 56).await;
    for id in &ids[1..] {
        let (bed, id) = (std::sync::Arc::clone(&bed), *id);
        tokio::spawn(async move { bed.ask(id).await });
    }
    pass(Duration::from_secs(1)).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(bed.token(ids[0]).await, "access-1");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_goes_without_and_the_renewal_goes_on() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 56).await;
    bed.provider.next(Step::AnswerAfter(MINUTE / 2));
    assert_eq!(
        bed.token(id).await,
        "access-1",
        "a live token is no reason to wait"
    );
    assert_eq!(bed.token(id).await, "access-1");
    pass(MINUTE / 2).await;
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 1);
    pass(MINUTE * 61).await;
    bed.provider.next(Step::AnswerAfter(MINUTE / 2));
    assert!(matches!(
        bed.ask(id).await,
        Err(TokenError::Unavailable { .. })
    ));
    pass(MINUTE / 2).await;
    assert_eq!(bed.token(id).await, "access-3");
    assert_eq!(bed.provider.calls(), 2);
}

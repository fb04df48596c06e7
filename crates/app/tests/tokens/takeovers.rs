//! Who loses the right to renew, or does not know whether it has it.

use std::sync::Arc;
use std::time::Duration;

use app::{Origin, SessionRef, TokenError, TokenPolicy};
use chrono::TimeDelta;
use session_core::ports::{RefreshBegin, RefreshBegun, RefreshEnd};
use session_core::{
    Grant, GrantStatus, ProviderFailure, RefreshId, RefreshOutcome, RefreshReason, RefreshRecord,
    SessionId,
};
use tokio::time::Instant;

use crate::grants::{Mood, MoodyGrants, moody_in};
use crate::harness::{Bed, MINUTE, pass, policy};
use crate::provider::{Step, token};

const SECOND: Duration = Duration::from_secs(1);

fn moody(bed: &Bed) -> (Arc<Bed>, Arc<MoodyGrants>) {
    let (instance, grants) = moody_in(bed, bed.world());
    (Arc::new(instance), grants)
}

fn asking(
    instance: &Arc<Bed>,
    id: SessionId,
) -> tokio::task::JoinHandle<Result<String, TokenError>> {
    let instance = Arc::clone(instance);
    tokio::spawn(async move {
        let live = instance.ask(id).await?;
        Ok(live.access_token.expose().to_owned())
    })
}

async fn outcomes(bed: &Bed, id: SessionId) -> Vec<RefreshOutcome> {
    let records = bed.records(id).await;
    records.iter().map(|record| record.outcome).collect()
}

fn throttled(seconds: i64) -> ProviderFailure {
    ProviderFailure::Throttled {
        retry_after: Some(TimeDelta::seconds(seconds)),
    }
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_right_between_two_tries_does_not_send_the_token_again() {
    let bed = Bed::new();
    let (slow, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(throttled(15)));
    let lost = asking(&slow, id);
    pass(SECOND).await;
    grants.is(Mood::Frozen);
    assert_eq!(bed.token(id).await, "access-2");
    grants.is(Mood::Well);
    assert_eq!(lost.await.unwrap().unwrap(), "access-2");
    pass(MINUTE).await;
    assert_eq!(bed.provider.calls(), 2);
    assert!(bed.provider.is_alive(&token("refresh-2")));
    assert_eq!(
        outcomes(&bed, id).await,
        [RefreshOutcome::Success, RefreshOutcome::Superseded]
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_store_a_provider_is_not_asked_again() {
    let bed = Bed::new();
    let (instance, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(throttled(3)));
    let waiting = asking(&instance, id);
    pass(SECOND).await;
    grants.is(Mood::Away);
    pass(SECOND * 5).await;
    assert_eq!(bed.provider.calls(), 1, "its answer could not be stored");
    grants.is(Mood::Well);
    assert!(waiting.await.unwrap().is_err());
    assert_eq!(bed.grant(id).await.unwrap().lease, None);
    pass(SECOND * 4).await;
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_was_answered_too_late_calls_nobody() {
    let bed = Bed::new();
    let (slow, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    grants.is(Mood::Late);
    let late = asking(&slow, id);
    pass(SECOND * 11).await;
    bed.provider.works_for(SECOND * 5);
    let bed = Arc::new(bed);
    let other = asking(&bed, id);
    pass(SECOND).await;
    assert_eq!(bed.provider.calls(), 1);
    grants.is(Mood::Well);
    assert_eq!(late.await.unwrap().unwrap(), "access-2");
    assert_eq!(other.await.unwrap().unwrap(), "access-2");
    assert_eq!(bed.provider.calls(), 1);
    assert!(bed.provider.is_alive(&token("refresh-2")));
    assert_eq!(
        outcomes(&bed, id).await,
        [RefreshOutcome::Success, RefreshOutcome::Superseded]
    );
    assert_eq!(bed.records(id).await[1].tries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_was_answered_late_and_not_too_late_goes_on() {
    let bed = Bed::new();
    let (slow, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    grants.is(Mood::Late);
    let late = asking(&slow, id);
    pass(SECOND * 9).await;
    bed.provider.works_for(SECOND * 5);
    grants.is(Mood::Well);
    pass(SECOND * 3).await;
    let bed = Arc::new(bed);
    let other = asking(&bed, id);
    assert_eq!(late.await.unwrap().unwrap(), "access-2");
    assert_eq!(other.await.unwrap().unwrap(), "access-2");
    assert_eq!(
        bed.provider.calls(),
        1,
        "the lease was kept before the call"
    );
}

#[tokio::test(start_paused = true)]
async fn a_begin_whose_right_is_in_doubt_is_broken_off() {
    let bed = Bed::new();
    let (slow, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    grants.is(Mood::Late);
    let late = asking(&slow, id);
    pass(SECOND * 9).await;
    grants.is(Mood::Away);
    pass(SECOND / 100).await;
    grants.is(Mood::Well);
    assert!(matches!(
        late.await.unwrap(),
        Err(TokenError::Unavailable { retry_after: 1, .. })
    ));
    assert_eq!(bed.provider.calls(), 0);
    assert_eq!(outcomes(&bed, id).await, [RefreshOutcome::Abandoned]);
    assert_eq!(bed.grant(id).await.unwrap().lease, None);
    pass(SECOND).await;
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_happened_though_it_failed_is_gone_on_with() {
    let bed = Bed::new();
    let (instance, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    grants.is(Mood::Unheard);
    bed.provider.works_for(SECOND);
    let begun = Instant::now();
    let waiting = asking(&instance, id);
    pass(SECOND / 2).await;
    grants.is(Mood::Well);
    assert_eq!(waiting.await.unwrap().unwrap(), "access-2");
    assert!(begun.elapsed() < SECOND * 2);
    assert_eq!(outcomes(&bed, id).await, [RefreshOutcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_failed_while_somebody_else_began_is_none() {
    let bed = Arc::new(Bed::new());
    let (instance, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.works_for(SECOND * 5);
    grants.is(Mood::Frozen);
    let failing = asking(&instance, id);
    pass(SECOND).await;
    let other = asking(&bed, id);
    pass(SECOND).await;
    grants.is(Mood::Away);
    assert!(matches!(
        failing.await.unwrap(),
        Err(TokenError::Session(_))
    ));
    assert_eq!(other.await.unwrap().unwrap(), "access-2");
    assert_eq!(bed.provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_happened_though_it_failed_is_the_end() {
    let bed = Bed::new();
    let (instance, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.works_for(SECOND);
    let waiting = asking(&instance, id);
    pass(SECOND / 2).await;
    grants.is(Mood::Unheard);
    pass(SECOND * 2).await;
    assert_eq!(bed.token(id).await, "access-2", "it is stored");
    grants.is(Mood::Well);
    assert_eq!(waiting.await.unwrap().unwrap(), "access-2");
    assert_eq!(bed.provider.calls(), 1);
    assert_eq!(bed.grant(id).await.unwrap().rotation_count, 1);
    assert_eq!(outcomes(&bed, id).await, [RefreshOutcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_renewal_that_failed_does_not_ask_again() {
    let bed = Bed::with(TokenPolicy {
        rate: 1,
        ..policy()
    });
    let (first, second) = (Arc::new(bed.another()), Arc::new(bed.another()));
    let id = bed.sign_in().await.session.id;
    let free = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.works_for(SECOND * 5);
    bed.provider.next(Step::Fail(throttled(120)));
    let waiting = [asking(&first, id), asking(&second, id)];
    for caller in waiting {
        let refused = caller.await.unwrap();
        assert!(matches!(
            refused,
            Err(TokenError::Unavailable {
                retry_after: 100..,
                ..
            })
        ));
    }
    assert_eq!(bed.provider.calls(), 1);
    assert_eq!(bed.records(id).await.len(), 1);
    // Nor did it use up any turn.
    let begun = Instant::now();
    second.token(free).await;
    assert!(begun.elapsed() <= SECOND * 6);
}

/// The first one has got tokens and is thought dead, the other one asks.
async fn frozen_with_tokens(bed: &Bed) -> (Arc<MoodyGrants>, Arc<Bed>, SessionId) {
    let (slow, grants) = moody(bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::AnswerAfter(SECOND * 2));
    drop(asking(&slow, id));
    pass(SECOND).await;
    grants.is(Mood::Frozen);
    pass(SECOND * 10).await;
    (grants, slow, id)
}

#[tokio::test(start_paused = true)]
async fn late_tokens_are_stored_when_whoever_took_over_got_none() {
    let bed = Bed::new();
    let (grants, slow, id) = frozen_with_tokens(&bed).await;
    let outage = ProviderFailure::Unavailable("status 500".into());
    (0..3).for_each(|_| bed.provider.next(Step::Fail(outage.clone())));
    assert!(bed.ask(id).await.is_err());
    grants.is(Mood::Well);
    pass(SECOND).await;
    assert_eq!(slow.token(id).await, "access-2");
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 4);
    assert!(bed.provider.is_alive(&token("refresh-2")));
    assert_eq!(
        outcomes(&bed, id).await,
        [
            RefreshOutcome::Success,
            RefreshOutcome::Unavailable,
            RefreshOutcome::Superseded
        ]
    );
    pass(MINUTE * 61).await;
    assert_eq!(bed.token(id).await, "access-3");
}

#[tokio::test(start_paused = true)]
async fn late_tokens_wait_for_whoever_took_over() {
    let bed = Arc::new(Bed::new());
    let (grants, slow, id) = frozen_with_tokens(&bed).await;
    bed.provider.works_for(SECOND * 5);
    let outage = ProviderFailure::RequestRefused("status 400".into());
    bed.provider.next(Step::Fail(outage));
    let other = asking(&bed, id);
    pass(SECOND).await;
    grants.is(Mood::Well);
    pass(SECOND).await;
    assert_eq!(
        bed.grant(id).await.unwrap().rotation_count,
        0,
        "not under its feet"
    );
    assert!(other.await.unwrap().is_err());
    pass(SECOND).await;
    assert_eq!(slow.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn late_tokens_of_a_grant_that_the_provider_has_ended_are_not_stored() {
    let bed = Bed::new();
    let (grants, _slow, id) = frozen_with_tokens(&bed).await;
    assert!(matches!(bed.ask(id).await, Err(TokenError::ReauthRequired)));
    grants.is(Mood::Well);
    pass(MINUTE).await;
    let grant = bed.grant(id).await.unwrap();
    assert_eq!(grant.status, GrantStatus::ReauthRequired);
    assert_eq!(grant.rotation_count, 0);
}

#[tokio::test(start_paused = true)]
async fn late_tokens_whose_session_has_ended_are_given_back() {
    let bed = Arc::new(Bed::new());
    let (grants, _slow, id) = frozen_with_tokens(&bed).await;
    bed.provider.works_for(SECOND * 5);
    let outage = ProviderFailure::RequestRefused("status 400".into());
    bed.provider.next(Step::Fail(outage));
    let other = asking(&bed, id);
    pass(SECOND).await;
    grants.is(Mood::Well);
    pass(SECOND).await;
    bed.stores.grants.remove_grant(id).await.unwrap();
    assert!(other.await.unwrap().is_err());
    pass(SECOND).await;
    assert_eq!(bed.provider.revoked(), ["refresh-2"]);
}

/// A lease that somebody takes who never comes back.
async fn leased_for(bed: &Bed, id: SessionId, span: TimeDelta) -> (Arc<Grant>, RefreshRecord) {
    let grant = bed.grant(id).await.unwrap();
    let record = RefreshRecord {
        id: RefreshId::at(bed.now(), [1; 10]),
        session_id: id,
        user_id: grant.user_id.clone(),
        provider: grant.provider.clone(),
        reason: RefreshReason::Expired,
        started_at: bed.now(),
        finished_at: None,
        outcome: RefreshOutcome::Pending,
        tries: 0,
        rotation_count: 0,
        old_access_token: grant.access_hash,
        old_refresh_token: None,
        new_access_token: None,
        new_refresh_token: None,
        old_expires_at: None,
        new_expires_at: None,
        grace_ends_at: None,
    };
    let begin = RefreshBegin {
        expected_version: grant.version,
        until: bed.now() + span,
        record: record.clone(),
    };
    match bed.stores.grants.begin_refresh(begin).await.unwrap() {
        RefreshBegun::Begun(grant) => (grant, record),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_for_a_lease_of_a_wrong_clock() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    leased_for(&bed, id, TimeDelta::days(365)).await;
    assert!(matches!(
        bed.ask(id).await,
        Err(TokenError::Unavailable { retry_after: 1, .. })
    ));
    pass(SECOND).await;
    let begun = Instant::now();
    bed.services.tokens.settle(MINUTE).await;
    assert!(begun.elapsed() < SECOND, "nothing waits any more");
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_a_wrong_clock_wrote_down_is_not_kept() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    let (grant, record) = leased_for(&bed, id, TimeDelta::seconds(10)).await;
    let end = RefreshEnd {
        grant: Grant {
            retry_at: Some(bed.now() + TimeDelta::days(365)),
            ..Grant::clone(&grant)
        },
        record: RefreshRecord {
            outcome: RefreshOutcome::Unavailable,
            ..record
        },
    };
    bed.stores.grants.finish_refresh(end).await.unwrap();
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.grant(id).await.unwrap().retry_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_held_back_or_ended_while_it_waits_gets_no_token() {
    for is_end in [false, true] {
        let bed = Arc::new(Bed::new());
        let id = bed.sign_in().await.session.id;
        pass(MINUTE * 61).await;
        bed.provider.next(Step::AnswerAfter(SECOND * 5));
        let waiting = asking(&bed, id);
        pass(SECOND).await;
        let origin = Origin::system();
        if is_end {
            let (which, reason) = (SessionRef::Handle(id), session_core::EndReason::LOGOUT);
            let revocations = &bed.services.revocations;
            let ended = revocations.revoke_session(&which, &[], reason, &origin);
            ended.await.unwrap();
        } else {
            let held = bed.services.sessions.suspend(id, true, &origin);
            held.await.unwrap();
        }
        assert!(matches!(
            waiting.await.unwrap(),
            Err(TokenError::Session(_))
        ));
    }
}

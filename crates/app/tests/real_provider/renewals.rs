use std::sync::Arc;
use std::time::Duration;

use app::{Origin, SessionRef, TokenError};
use chrono::TimeDelta;
use real_provider::Fault;
use session_core::{PageRequest, RefreshOutcome, RefreshReason};

use crate::harness::Bed;

#[tokio::test]
async fn three_hundred_callers_on_three_instances_are_one_call_and_the_grant_lives() {
    let Some(bed) = Bed::new(3).await else { return };
    let id = bed.sign_in("ada").await.signed_in.created.session.id;
    let first = bed.ask(0, id).await.unwrap();
    let life = first.expires_at.unwrap() - session_core::ports::Clock::now(&*bed.clock);
    bed.clock.pass(life + TimeDelta::seconds(1));
    let slow = Fault {
        before: Duration::from_millis(300),
        after: Duration::from_millis(300),
        drops_answer: false,
    };
    bed.provider.spoil_next_token_call(slow).await;
    let bed = Arc::new(bed);
    let callers: Vec<_> = (0..300)
        .map(|caller| {
            let bed = Arc::clone(&bed);
            tokio::spawn(async move { bed.ask(caller, id).await.unwrap() })
        })
        .collect();
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap());
    }
    assert_eq!(tokens.len(), 300);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_ne!(tokens[0].access_token, first.access_token);
    assert_eq!(bed.provider.counts().await.refreshes, 1);
    assert!(bed.is_alive(&tokens[0]).await);
    // The grant is alive: it can be renewed once more, by any of them.
    let (which, origin) = (SessionRef::Handle(id), Origin::system());
    let manager = &bed.instances[2].tokens;
    let renewed = manager
        .refresh(&which, RefreshReason::Forced, &origin)
        .await
        .unwrap();
    assert_eq!(renewed.record.unwrap().outcome, RefreshOutcome::Success);
    assert!(bed.is_alive(&bed.ask(1, id).await.unwrap()).await);
    let counts = bed.provider.counts().await;
    assert_eq!((counts.refreshes, counts.refreshes_granted), (2, 2));
}

#[tokio::test]
async fn a_chain_of_renewals_goes_on_from_instance_to_instance() {
    let Some(bed) = Bed::new(3).await else { return };
    let id = bed.sign_in("ada").await.signed_in.created.session.id;
    let (which, origin) = (SessionRef::Handle(id), Origin::system());
    for turn in 0..9 {
        let manager = &bed.instances[turn % 3].tokens;
        let renewed = manager
            .refresh(&which, RefreshReason::Forced, &origin)
            .await
            .unwrap();
        assert_eq!(renewed.record.unwrap().rotation_count, turn as u64 + 1);
    }
    assert!(bed.is_alive(&bed.ask(0, id).await.unwrap()).await);
    let manager = &bed.instances[0].tokens;
    let history = manager
        .history(&which, PageRequest::default(), &origin)
        .await
        .unwrap();
    assert_eq!(history.items.len(), 9);
}

#[tokio::test]
async fn a_lost_answer_ends_the_grant_there_and_no_session_here() {
    let Some(bed) = Bed::new(1).await else { return };
    let id = bed.sign_in("ada").await.signed_in.created.session.id;
    bed.provider
        .spoil_next_token_call(Fault {
            before: Duration::ZERO,
            after: Duration::ZERO,
            drops_answer: true,
        })
        .await;
    let (which, origin) = (SessionRef::Handle(id), Origin::system());
    let services = &bed.instances[0];
    let refreshed = services
        .tokens
        .refresh(&which, RefreshReason::Forced, &origin);
    // The retry is a second use of a refresh token, which this provider takes for theft.
    assert!(matches!(refreshed.await, Err(TokenError::ReauthRequired)));
    assert_eq!(bed.provider.counts().await.refreshes, 2);
    services.sessions.get(&which, &origin).await.unwrap();
    assert!(matches!(
        bed.ask(0, id).await,
        Err(TokenError::ReauthRequired)
    ));
}

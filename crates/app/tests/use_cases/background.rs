use std::sync::Arc;
use std::time::Duration;

use app::{Background, Policies};
use chrono::TimeDelta;
use session_core::SessionState;
use session_core::ports::{Clock as _, SessionStore as _};

use crate::harness::{Counting, TestClock, begin, is_valid, services};

/// Tokio's time stands still but for what the test lets pass.
#[tokio::test(start_paused = true)]
async fn the_sweep_and_the_writing_of_activity_go_on_by_themselves_until_stopped() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let services = services(Some(Arc::clone(&store) as _), &clock, Policies::default());
    let manager = &services.sessions;
    let background = Background::start(&services, Duration::from_secs(300));
    let due = begin(manager, Some(TimeDelta::minutes(1))).await;
    let used = begin(manager, None).await;
    // The first sweep comes with the start; let it pass while there is nothing to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    clock.pass(TimeDelta::minutes(2));
    assert!(is_valid(manager, &used).await);

    tokio::time::sleep(Duration::from_secs(61)).await;
    let written = store
        .find(used.id)
        .await
        .expect("the store answers")
        .expect("it is there");
    assert_eq!(
        written.last_activity,
        clock.now(),
        "within the resolution of a minute"
    );
    let state = async |id| {
        let session = store
            .find(id)
            .await
            .expect("the store answers")
            .expect("it is there");
        // At a time before the deadline, so that only what is written down counts.
        session.state(session.created_at)
    };
    assert_eq!(state(due.id).await, SessionState::Active, "not swept yet");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(state(due.id).await, SessionState::Expired);

    background.stop().await;
    let late = begin(manager, Some(TimeDelta::minutes(1))).await;
    clock.pass(TimeDelta::minutes(2));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        state(late.id).await,
        SessionState::Active,
        "nothing goes on after the stop"
    );
}

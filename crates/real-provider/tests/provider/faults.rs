//! Calls that are spoilt on purpose.

use std::time::Duration;

use real_provider::{Fault, Options, RealProvider};
use tokio::time::timeout;

use crate::application::{Application, client, text};

/// Longer than any test waits: what is delayed so much does not come.
const FOR_EVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_call_that_is_delayed_before_its_work_has_changed_nothing() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let old = text(&tokens, "refresh_token").to_owned();
    let fault = Fault {
        before: FOR_EVER,
        ..Fault::default()
    };
    provider.spoil_next_token_call(fault).await;
    let call = spawn(&app, &old);
    let counts = provider.until(|counts| counts.refreshes == 1).await;
    assert_eq!(counts.refreshes_granted, 0);
    assert!(!call.is_finished());
    let state = provider.token(&old).await.expect("it is known");
    assert!(state.is_alive && !state.is_consumed);
    // The fault was for one call.
    assert_eq!(app.refresh(&old).await.0, 200);
}

#[tokio::test]
async fn a_call_that_is_delayed_after_its_work_has_used_the_token_up() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let old = text(&tokens, "refresh_token").to_owned();
    let fault = Fault {
        after: FOR_EVER,
        ..Fault::default()
    };
    provider.spoil_next_token_call(fault).await;
    let call = spawn(&app, &old);
    provider.until(|counts| counts.refreshes_granted == 1).await;
    assert!(!call.is_finished());
    let state = provider.token(&old).await.expect("it is known");
    assert!(state.is_consumed);
    assert_eq!(provider.family(&state.grant).await.refresh_tokens, 1);
}

#[tokio::test]
async fn a_delay_takes_its_time_and_then_the_answer_comes() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let delay = Duration::from_millis(300);
    let fault = Fault {
        before: delay,
        after: delay,
        ..Fault::default()
    };
    provider.spoil_next_token_call(fault).await;
    let call = spawn(&app, text(&tokens, "refresh_token"));
    let mut call = std::pin::pin!(call);
    // A timer never ends too early, and neither do those of the provider.
    assert!(timeout(delay, &mut call).await.is_err());
    let (status, _) = call.await.expect("it does not panic").expect("an answer");
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_answer_that_is_dropped_is_lost_and_asking_again_kills_the_family() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let old = text(&tokens, "refresh_token");
    let grant = provider.token(old).await.expect("it is known").grant;
    let fault = Fault {
        drops_answer: true,
        ..Fault::default()
    };
    provider.spoil_next_token_call(fault).await;
    assert_eq!(app.try_refresh(old).await, None);
    assert_eq!(provider.family(&grant).await.refresh_tokens, 1);
    let counts = provider.counts().await;
    assert_eq!((counts.refreshes, counts.refreshes_granted), (1, 1));

    let (status, answer) = app.refresh(old).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
    assert_eq!(provider.family(&grant).await.refresh_tokens, 0);
}

#[tokio::test]
async fn faults_wait_in_line_for_one_call_each() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let drops = Fault {
        drops_answer: true,
        ..Fault::default()
    };
    for fault in [drops, Fault::default()] {
        provider.spoil_next_token_call(fault).await;
    }
    let mut answered = Vec::new();
    for _ in 0..3 {
        let answer = app.try_refresh("an unknown token").await;
        answered.push(answer.is_some());
    }
    assert_eq!(answered, [false, true, true]);
    // Others are not concerned.
    provider.spoil_next_token_call(drops).await;
    let access = app.introspect(text(&tokens, "access_token")).await;
    assert_eq!(access["active"], true);
}

type Call = tokio::task::JoinHandle<Option<crate::application::Answer>>;

fn spawn(app: &Application, refresh_token: &str) -> Call {
    let (app, refresh_token) = (app.clone(), refresh_token.to_owned());
    tokio::spawn(async move { app.try_refresh(&refresh_token).await })
}

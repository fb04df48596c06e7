//! When a provider's keys are asked for: as seldom as can be, whoever shows what.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use scripted_provider::{Algorithm, Answer, Endpoint, Fault, Key};
use serde_json::json;
use session_core::ports::{AssertionError, LoginProvider as _};
use tokio::task::JoinSet;

use crate::sample::{Scene, token};

async fn verify(scene: &Scene, text: &str) -> Result<(), AssertionError> {
    let verified = scene
        .client
        .verify_id_token(&token(text), "n", scene.now())
        .await;
    verified.map(drop)
}

fn signed(scene: &Scene) -> String {
    scene.provider.sign(&scene.provider.id_claims("ada", "n"))
}

#[tokio::test]
async fn they_are_fetched_once_for_all_who_ask_at_once() {
    let scene = Arc::new(Scene::new());
    let text = signed(&scene);
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (scene, text) = (Arc::clone(&scene), text.clone());
        tasks.spawn(async move { verify(&scene, &text).await });
    }
    for verified in tasks.join_all().await {
        assert_eq!(verified, Ok(()));
    }
    assert_eq!(scene.provider.count(Endpoint::Keys), 1);
}

#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let scene = Scene::new();
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
    scene.provider.rotate_keys();
    scene.clock.advance(TimeDelta::seconds(30));
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
    assert_eq!(scene.provider.count(Endpoint::Keys), 2);
}

/// Whoever makes up names of keys makes us ask at most twice a minute.
#[tokio::test]
async fn made_up_keys_do_not_make_us_ask() {
    let scene = Scene::new();
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
    let claims = scene.provider.id_claims("ada", "n");
    for number in 0..100 {
        scene.clock.advance(TimeDelta::seconds(1));
        let key = Key::new(&format!("made-up-{number}"), Algorithm::EdDsa);
        let refused = verify(&scene, &key.sign(&claims)).await;
        assert!(
            matches!(refused, Err(AssertionError::Refused(_))),
            "{refused:?}"
        );
    }
    assert_eq!(scene.provider.count(Endpoint::Keys), 4);
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
}

/// A caller who goes away in the middle does not keep the keys from the others.
#[tokio::test]
async fn a_fetch_goes_on_without_its_caller() {
    let scene = Scene::new();
    let text = signed(&scene);
    let held = scene.provider.hold_next(Endpoint::Keys);
    {
        let call = verify(&scene, &text);
        tokio::select! {
            _ = call => panic!("it is held"),
            () = held.arrived() => {}
        }
    }
    held.release();
    assert_eq!(verify(&scene, &text).await, Ok(()));
    assert_eq!(scene.provider.count(Endpoint::Keys), 1);
}

#[tokio::test]
async fn a_key_that_is_shown_no_more_is_taken_no_more() {
    let scene = Scene::new();
    let old = signed(&scene);
    assert_eq!(verify(&scene, &old).await, Ok(()));
    scene.provider.rotate_keys();
    scene.provider.forget_old_keys();
    scene
        .provider
        .change(|settings| settings.id_lifetime = TimeDelta::days(1));
    assert_eq!(verify(&scene, &old).await, Ok(()), "not known yet");
    scene.clock.advance(TimeDelta::minutes(59));
    assert_eq!(verify(&scene, &old).await, Ok(()));
    scene.clock.advance(TimeDelta::minutes(1));
    assert!(verify(&scene, &old).await.is_err());
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
}

#[tokio::test]
async fn an_outage_of_the_keys_is_told_as_one_and_bridged_for_a_day() {
    let scene = Scene::new();
    for fault in [
        Fault::Status(500),
        Fault::DropBefore,
        Fault::Oversize(300_000),
        Fault::Instead(Answer::json("{}")),
        Fault::Instead(Answer::json(r#"{"keys":{}}"#)),
        Fault::Status(404),
    ] {
        scene.clock.advance(TimeDelta::seconds(1));
        scene.provider.next(Endpoint::Keys, fault.clone());
        let failed = verify(&scene, &signed(&scene)).await;
        assert!(
            matches!(failed, Err(AssertionError::Provider(_))),
            "{fault:?}: {failed:?}"
        );
    }
    scene.clock.advance(TimeDelta::seconds(1));
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
    scene
        .provider
        .always(Endpoint::Keys, Some(Fault::Status(500)));
    scene.clock.advance(TimeDelta::hours(23));
    assert_eq!(verify(&scene, &signed(&scene)).await, Ok(()));
    scene.clock.advance(TimeDelta::hours(1));
    let failed = verify(&scene, &signed(&scene)).await;
    assert!(
        matches!(failed, Err(AssertionError::Provider(_))),
        "{failed:?}"
    );
}

/// A stranger's token can name any key: while the provider is slow to say that there is none, everybody
/// else goes by the keys that are known.
#[tokio::test]
async fn nobody_waits_for_keys_that_somebody_else_asks_for() {
    let scene = Scene::new();
    let known = async || {
        let good = scene.provider.sign(&scene.provider.id_claims("ada", "n"));
        tokio::time::timeout(Duration::from_secs(5), verify(&scene, &good)).await
    };
    assert!(known().await.expect("in time").is_ok());
    scene.clock.advance(TimeDelta::minutes(2));
    let held = scene.provider.hold_next(Endpoint::Keys);
    let strange = json!({ "alg": "ES256", "kid": "made up" });
    let claims = scene.provider.id_claims("eve", "n");
    let strange = scene.provider.sign_as(&strange, &claims);
    let asked = verify(&scene, &strange);
    tokio::pin!(asked);
    tokio::select! {
        _ = &mut asked => panic!("the provider has not answered"),
        () = held.arrived() => {}
    }
    assert!(known().await.expect("in time").is_ok());
    // Nor for long when what is known is old.
    scene.clock.advance(TimeDelta::hours(2));
    assert!(known().await.expect("in time").is_ok());
    held.release();
    assert!(asked.await.is_err());
}

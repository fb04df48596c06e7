use app::{
    LoginStart, Policies, ProviderAnswer, ProviderLoginError, ProviderLoginPolicy, SessionError,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::{AuditAction, ProviderFailure};

use crate::harness::{Bed, policies};
use crate::provider::query;

/// Requirement 35: all of them are drawn for each login, and none can be guessed.
#[tokio::test]
async fn each_login_has_a_state_a_nonce_and_a_challenge_of_its_own() {
    let bed = Bed::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let LoginStart { url, binding, tag } = bed.start("one").await;
        let sent = query(&url);
        assert_eq!(
            sent["redirect_uri"],
            "https://login.example.org/auth/callback"
        );
        for name in ["state", "nonce", "code_challenge"] {
            let secret = &sent[name];
            assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32, "{name}");
            assert!(seen.insert(secret.clone()), "{name} comes twice");
            // What the browser keeps tells whoever reads it nothing.
            let bytes = URL_SAFE_NO_PAD
                .decode(binding.split_once('.').unwrap().1)
                .unwrap();
            let kept = String::from_utf8_lossy(&bytes);
            assert!(
                !kept.contains(secret) && !binding.contains(secret),
                "{name}"
            );
        }
        // What travels in an address does not give the verifier away.
        for known in ["state", "nonce"] {
            let challenge = session_core::CodeChallenge::of(&sent[known]);
            assert_ne!(challenge.as_str(), sent["code_challenge"]);
        }
        assert_eq!(tag, app::login_tag(&sent["state"]));
        assert!(tag.len() == 12 && !sent["state"].contains(&tag));
        assert!(seen.insert(tag), "a tag comes twice");
        assert!(seen.insert(binding.clone()), "a binding comes twice");
        assert!(binding.len() < 2048);
    }
}

/// A cookie with its name and attributes has 4096 bytes at most (RFC 6265 §6.1).
#[tokio::test]
async fn the_longest_binding_fits_into_a_cookie() {
    let url = format!("https://{}/{}", "h".repeat(200), "p".repeat(300));
    let bed = Bed::with(Policies {
        provider_logins: ProviderLoginPolicy {
            public_url: Some(url.parse().unwrap()),
            ..policies().provider_logins
        },
        ..Policies::default()
    });
    let longest = format!("/app/{}", "a".repeat(1019));
    let start = bed.try_start("one", Some(&longest)).await.unwrap();
    assert!(start.binding.len() < 3800, "{}", start.binding.len());
    let longer = longest + "a";
    let refused = bed.try_start("one", Some(&longer)).await;
    assert!(matches!(refused, Err(ProviderLoginError::ReturnRefused)));
}

#[tokio::test]
async fn only_a_provider_that_signs_users_in_begins_a_login() {
    let bed = Bed::new();
    for name in ["three", "tokens-only"] {
        let refused = bed.try_start(name, None).await;
        assert!(matches!(refused, Err(ProviderLoginError::UnknownProvider)));
    }
}

/// Requirement 25.
#[tokio::test]
async fn nothing_is_begun_for_a_place_that_is_not_in_the_list() {
    let bed = Bed::new();
    for wanted in [
        "/",
        "//evil.example",
        "/app",
        "/app/../admin",
        "https://evil.example/app/",
    ] {
        let refused = bed.try_start("one", Some(wanted)).await;
        assert!(
            matches!(refused, Err(ProviderLoginError::ReturnRefused)),
            "{wanted}"
        );
    }
    assert_eq!(bed.one.see(|state| state.starts), 0);
    let start = bed
        .try_start("one", Some("/app/inbox?unread=1"))
        .await
        .unwrap();
    let back = bed.one.visit(&start.url, "ada");
    let done = bed
        .finish(crate::harness::answer(&start, &back))
        .await
        .unwrap();
    assert_eq!(done.return_to.unwrap().as_str(), "/app/inbox?unread=1");
}

#[tokio::test]
async fn without_an_address_to_come_back_to_nothing_is_begun() {
    let bed = Bed::with(Policies::default());
    let refused = bed.try_start("one", None).await;
    assert!(matches!(refused, Err(ProviderLoginError::NoPublicUrl)));
    assert_eq!(bed.one.see(|state| state.starts), 0);
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_as_that() {
    let bed = Bed::new();
    let down = ProviderFailure::Unavailable("refused".into());
    bed.one.set(|state| state.description = Some(down));
    let away = bed.try_start("one", None).await;
    assert!(matches!(
        away,
        Err(ProviderLoginError::ProviderAway { retry_after: 1, .. })
    ));
    bed.one.set(|state| state.description = None);
    bed.sign_in("ada").await;
}

/// Nobody begins logins without end from one address, and nobody tries answers out.
#[tokio::test]
async fn logins_from_one_address_are_counted_at_both_ends() {
    let limited = |error: &ProviderLoginError| {
        matches!(
            error,
            ProviderLoginError::Account(app::AccountError::Session(
                SessionError::RateLimited { .. }
            ))
        )
    };
    let bed = Bed::new();
    for _ in 0..50 {
        bed.start("one").await;
    }
    let refused = bed.try_start("one", None).await.unwrap_err();
    assert!(limited(&refused), "{refused}");
    assert_eq!(bed.one.see(|state| state.starts), 50);
    let bed = Bed::new();
    for _ in 0..50 {
        assert_eq!(bed.why_not(ProviderAnswer::default()).await, "no_binding");
    }
    let refused = bed.finish(ProviderAnswer::default()).await.unwrap_err();
    assert!(limited(&refused), "{refused}");
    assert_eq!(bed.recorded(AuditAction::LoginFailure).await.len(), 50);
}

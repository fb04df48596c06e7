//! Who answers, and what.

use app::{ProviderAnswer, ProviderLoginError};
use session_core::AuditAction;

use crate::harness::{Bed, ONE, TWO, answer};

/// Mix-up (RFC 9207 §1): the user was sent to one provider, and another one's answer comes back, or
/// the one's code is to be carried to the other.
#[tokio::test]
async fn an_answer_is_taken_from_the_provider_alone_that_the_user_was_sent_to() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let elsewhere = bed.start("two").await;
    // The attacker's provider sends on what it was given by the honest one, or by itself.
    let of_two = bed.two.visit(&elsewhere.url, "mallory");
    let of_one = bed.one.visit(&start.url, "ada");
    let mixed = [
        (&start, &of_two, Some(TWO), "issuer_mismatch"),
        (&elsewhere, &of_one, Some(ONE), "issuer_mismatch"),
        (&start, &of_two, None, "issuer_missing"),
        (&start, &of_one, Some(""), "issuer_mismatch"),
        (
            &start,
            &of_one,
            Some("https://one.example/"),
            "issuer_mismatch",
        ),
        (
            &start,
            &of_one,
            Some("HTTPS://ONE.EXAMPLE"),
            "issuer_mismatch",
        ),
        (&start, &of_one, None, "issuer_missing"),
    ];
    for (start, back, iss, why) in mixed {
        let right_state = crate::provider::query(&start.url)["state"].clone();
        let answer = ProviderAnswer {
            state: Some(right_state),
            iss: iss.map(str::to_owned),
            ..answer(start, back)
        };
        assert_eq!(bed.why_not(answer).await, why, "{iss:?}");
    }
    let asked = |state: &crate::provider::State| state.exchanges;
    assert_eq!(
        (bed.one.see(asked), bed.two.see(asked)),
        (0, 0),
        "no code went anywhere"
    );
    bed.finish(answer(&start, &of_one)).await.unwrap();
}

/// The same in an answer that says no: it ends nobody's login but its own provider's.
#[tokio::test]
async fn a_refusal_is_taken_from_the_right_provider_alone() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let refusal = ProviderAnswer {
        code: None,
        error: Some("access_denied".to_owned()),
        iss: Some(TWO.to_owned()),
        ..answer(&start, &back)
    };
    assert_eq!(bed.why_not(refusal).await, "issuer_mismatch");
    bed.finish(answer(&start, &back)).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_never_names_itself_need_not() {
    let bed = Bed::new();
    bed.one.set(|state| state.is_silent = true);
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    assert!(back.iss.is_none());
    // Somebody else's name is a sign of mix-up all the same.
    let named = ProviderAnswer {
        iss: Some(TWO.to_owned()),
        ..answer(&start, &back)
    };
    assert_eq!(bed.why_not(named).await, "issuer_mismatch");
    bed.finish(answer(&start, &back)).await.unwrap();
}

#[tokio::test]
async fn a_user_who_does_not_want_to_is_told_so() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let refusal = || ProviderAnswer {
        error: Some("access_denied".to_owned()),
        ..answer(&start, &back)
    };
    let told = bed.finish(refusal()).await;
    assert!(matches!(told, Err(ProviderLoginError::Denied)), "{told:?}");
    assert_eq!(bed.failure().await, "access_denied");
    // The login is over: what comes after it is not taken.
    assert_eq!(bed.why_not(refusal()).await, "replayed");
    assert_eq!(bed.why_not(answer(&start, &back)).await, "replayed");
    assert_eq!(bed.one.see(|state| state.exchanges), 0);
}

/// Anybody can write an error into an address: no more of it is kept than a plain word.
#[tokio::test]
async fn other_errors_of_a_provider_are_recorded_and_not_told() {
    let long = "a".repeat(65);
    for (error, kept) in [
        ("server_error", "server_error"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("login_required", "login_required"),
        ("", ""),
        ("Access_Denied", "unreadable"),
        ("<script>alert(1)</script>", "unreadable"),
        ("a\nb", "unreadable"),
        ("secret=123", "unreadable"),
        (long.as_str(), "unreadable"),
    ] {
        let bed = Bed::new();
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        let answer = ProviderAnswer {
            error: Some(error.to_owned()),
            ..answer(&start, &back)
        };
        assert_eq!(bed.why_not(answer).await, "provider_error");
        let recorded = bed.recorded(AuditAction::LoginFailure).await;
        assert_eq!(&*recorded[0].details, kept);
        assert_eq!(recorded[0].metadata["provider"], "one");
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_ends_the_login() {
    for (code, why) in [
        (None, "code_missing"),
        (Some("é"), "code_malformed"),
        (Some(""), "code_malformed"),
    ] {
        let bed = Bed::new();
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        let empty = ProviderAnswer {
            code: code.map(str::to_owned),
            ..answer(&start, &back)
        };
        assert_eq!(bed.why_not(empty).await, why);
        assert_eq!(bed.failure().await, why);
        assert_eq!(bed.why_not(answer(&start, &back)).await, "replayed");
    }
}

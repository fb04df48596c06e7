//! Requirement 32: when a token is good. The time is the caller's; no clock is asked.

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{AccessTokenSigner as _, TokenRefusal};
use token_jwt::LEEWAY_SECONDS;

use crate::forgery::with_claim;
use crate::sample::{claims, minutes, now, ring, signer};

#[test]
fn a_token_expires_when_its_time_and_the_leeway_are_over() {
    let signer = signer(ring());
    let token = signer.sign(&claims()).expect("a token");
    let end = claims().expires_at + TimeDelta::seconds(LEEWAY_SECONDS);
    let just_before = end - TimeDelta::nanoseconds(1);
    assert_eq!(signer.verify(&token, just_before), Ok(claims()));
    assert_eq!(signer.verify(&token, end), Err(TokenRefusal::Expired));
    let much_later = end + TimeDelta::days(10_000);
    assert_eq!(
        signer.verify(&token, much_later),
        Err(TokenRefusal::Expired)
    );
}

#[test]
fn a_token_of_the_future_is_taken_for_the_clocks_of_two_nodes_within_the_leeway() {
    let signer = signer(ring());
    let token = signer.sign(&claims()).expect("a token");
    let early = now() - TimeDelta::seconds(LEEWAY_SECONDS);
    assert_eq!(signer.verify(&token, early), Ok(claims()));
    let too_early = early - TimeDelta::nanoseconds(1);
    assert_eq!(signer.verify(&token, too_early), Err(TokenRefusal::Invalid));
}

#[test]
fn not_before_is_honoured_within_the_leeway() {
    let begins = now() + TimeDelta::seconds(LEEWAY_SECONDS);
    let token = with_claim("nbf", Some(json!(begins.timestamp())));
    let signer = signer(ring());
    assert_eq!(signer.verify(&token, now()), Ok(claims()));
    let too_early = now() - TimeDelta::nanoseconds(1);
    assert_eq!(signer.verify(&token, too_early), Err(TokenRefusal::Invalid));
}

#[test]
fn the_leeway_is_within_what_requirement_32_allows() {
    assert!((0..=10).contains(&LEEWAY_SECONDS));
}

#[test]
fn parts_of_a_second_are_not_told() {
    let mut precise = claims();
    precise.issued_at += TimeDelta::milliseconds(999);
    precise.expires_at += TimeDelta::milliseconds(999);
    let signer = signer(ring());
    let token = signer.sign(&precise).expect("a token");
    assert_eq!(signer.verify(&token, now() + minutes(1)), Ok(claims()));
}

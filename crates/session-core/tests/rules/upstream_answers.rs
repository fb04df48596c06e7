//! What a provider's answer means: each row of the failure table (requirement 38).

use chrono::TimeDelta;
use proptest::prelude::*;
use session_core::{ProviderFailure, RefreshOutcome, TokenAnswer, refused_answer, token_answer};

fn ok(body: &str) -> TokenAnswer {
    token_answer(200, None, body.as_bytes()).expect("an answer of use")
}

/// What came of it, as the record of a refresh has it.
fn outcome(status: u16, body: &[u8]) -> RefreshOutcome {
    match token_answer(status, None, body) {
        Ok(_) => RefreshOutcome::Success,
        Err(failure) => failure.outcome(),
    }
}

fn error(code: &str) -> String {
    format!(r#"{{"error":"{code}"}}"#)
}

#[test]
fn a_new_refresh_token_replaces_and_none_keeps_the_old() {
    let answer = ok(
        r#"{"access_token":"a","refresh_token":"r","token_type":"DPoP","id_token":"i","expires_in":60,"scope":"a b"}"#,
    );
    assert_eq!(answer.access_token.expose(), "a");
    assert_eq!(answer.refresh_token.expect("one").expose(), "r");
    assert_eq!(answer.id_token.expect("one").expose(), "i");
    assert_eq!(&*answer.token_type, "DPoP");
    assert_eq!(answer.expires_in, Some(TimeDelta::seconds(60)));
    assert_eq!(answer.scopes, Some(vec!["a".into(), "b".into()]));
    for body in [
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","refresh_token":null}"#,
    ] {
        let answer = ok(body);
        assert_eq!(answer.refresh_token, None);
        assert_eq!(
            (answer.id_token, answer.expires_in, answer.scopes),
            (None, None, None)
        );
        assert_eq!(&*answer.token_type, "Bearer");
    }
}

#[test]
fn each_refusal_has_its_class() {
    use RefreshOutcome as Is;
    for (status, body, expected) in [
        (400, error("invalid_grant"), Is::ReauthRequired),
        (401, error("invalid_grant"), Is::ReauthRequired),
        (400, error("invalid_client"), Is::ClientRefused),
        (401, error("invalid_client"), Is::ClientRefused),
        (400, error("unauthorized_client"), Is::ClientRefused),
        (403, error("unauthorized_client"), Is::ClientRefused),
        (401, String::new(), Is::ClientRefused),
        (400, error("invalid_request"), Is::RequestRefused),
        (400, error("unsupported_grant_type"), Is::RequestRefused),
        (400, error("invalid_scope"), Is::RequestRefused),
        (400, String::new(), Is::RequestRefused),
        (
            400,
            "<html>invalid_grant</html>".to_owned(),
            Is::RequestRefused,
        ),
        (
            400,
            r#"{"error":["invalid_grant"]}"#.to_owned(),
            Is::RequestRefused,
        ),
        (
            400,
            r#"["error","invalid_grant"]"#.to_owned(),
            Is::RequestRefused,
        ),
        (403, String::new(), Is::RequestRefused),
        (404, String::new(), Is::RequestRefused),
        (302, String::new(), Is::RequestRefused),
        (302, error("invalid_grant"), Is::RequestRefused),
        (500, String::new(), Is::Unavailable),
        (500, error("invalid_grant"), Is::Unavailable),
        (500, error("invalid_client"), Is::Unavailable),
        (502, String::new(), Is::Unavailable),
        (503, String::new(), Is::Unavailable),
        (504, String::new(), Is::Unavailable),
        (599, String::new(), Is::Unavailable),
        (429, String::new(), Is::Throttled),
        (429, error("invalid_grant"), Is::Throttled),
    ] {
        assert_eq!(
            outcome(status, body.as_bytes()),
            expected,
            "{status} {body}"
        );
    }
}

/// A grant is given up for one word, and that word is not to be read out of a doubtful text.
#[test]
fn a_grant_is_not_given_up_for_a_doubtful_text() {
    for body in [
        r#"{"error":"invalid_grant","error":"invalid_grant"}"#,
        r#"{"error":"invalid_client","error":"invalid_grant"}"#,
        r#"{"error":"invalid_grant"} "#.trim_end().strip_suffix('}').expect("a brace"),
        r#"{"error":"INVALID_GRANT"}"#,
        r#"{"error":"invalid_grant "}"#,
        r#"{"error_description":"invalid_grant"}"#,
        r#"{"detail":{"error":"invalid_grant"}}"#,
    ] {
        assert_eq!(
            outcome(400, body.as_bytes()),
            RefreshOutcome::RequestRefused,
            "{body}"
        );
    }
}

#[test]
fn patience_is_asked_for_by_429_and_by_503_with_a_time() {
    let told = Some(TimeDelta::seconds(7));
    let patience = |retry_after| ProviderFailure::Throttled { retry_after };
    assert_eq!(refused_answer(429, None, b""), patience(None));
    assert_eq!(refused_answer(429, told, b""), patience(told));
    assert_eq!(refused_answer(503, told, b""), patience(told));
    assert_eq!(
        refused_answer(503, None, b"").outcome(),
        RefreshOutcome::Unavailable
    );
    assert_eq!(
        refused_answer(500, told, b"").outcome(),
        RefreshOutcome::Unavailable
    );
    assert_eq!(
        refused_answer(400, told, b"").outcome(),
        RefreshOutcome::RequestRefused
    );
}

/// Requirement 47: the provider did it, and its answer is of no use.
#[test]
fn an_answer_that_cannot_be_used_is_in_doubt() {
    let with = |member: &str| format!(r#"{{"access_token":"a",{member}}}"#);
    let long = "a".repeat(16 * 1024 + 1);
    let deep = "[".repeat(100_000);
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{".to_owned(),
        "<html>".to_owned(),
        deep.clone(),
        with(&format!("\"x\":{deep}")),
        r#"{"access_token":null}"#.to_owned(),
        r#"{"access_token":""}"#.to_owned(),
        r#"{"access_token":7}"#.to_owned(),
        r#"{"access_token":"ä"}"#.to_owned(),
        r#"{"access_token":"a\nb"}"#.to_owned(),
        r#"{"access_token":"a\u0000"}"#.to_owned(),
        format!(r#"{{"access_token":"{long}"}}"#),
        r#"{"access_token":"a","access_token":"b"}"#.to_owned(),
        r#"{"access_token":"a","acces\u0073_token":"a"}"#.to_owned(),
        with(r#""refresh_token":"b","refresh_token":"c""#),
        with(r#""x":{"y":1,"y":1}"#),
        with(r#""refresh_token":7"#),
        with(r#""refresh_token":"ä""#),
        with(r#""token_type":7"#),
        with(r#""token_type":"""#),
        with(r#""token_type":"a b""#),
        with(r#""expires_in":NaN"#),
        with(r#""expires_in":Infinity"#),
        with(r#""expires_in":1e400"#),
        with(r#""expires_in":-1"#),
        with(r#""expires_in":-0.001"#),
        with(r#""expires_in":-1e300"#),
        with(r#""expires_in":"-1""#),
        with(r#""expires_in":"1.5""#),
        with(r#""expires_in":"1e3""#),
        with(r#""expires_in":"NaN""#),
        with(r#""expires_in":"inf""#),
        with(r#""expires_in":"""#),
        with(r#""expires_in":" 60""#),
        with(r#""expires_in":true"#),
        with(r#""expires_in":[60]"#),
    ] {
        let shown: String = body.chars().take(80).collect();
        assert_eq!(
            outcome(200, body.as_bytes()),
            RefreshOutcome::Ambiguous,
            "{shown}"
        );
    }
    assert_eq!(
        outcome(200, b"{\"access_token\":\"\xff\"}"),
        RefreshOutcome::Ambiguous
    );
    assert_eq!(outcome(204, b""), RefreshOutcome::Ambiguous);
}

#[test]
fn a_lifetime_is_read_as_number_and_as_digits_and_is_never_for_ever() {
    let year = 366 * 24 * 3600;
    for (text, millis) in [
        ("0", 0),
        ("-0", 0),
        ("60", 60_000),
        ("60.5", 60_500),
        ("6e1", 60_000),
        (r#""60""#, 60_000),
        (r#""0""#, 0),
        (&year.to_string(), year * 1000),
        // Security 47: more than that is cut down; the tokens are kept, since the provider has put
        // them in the place of the old ones.
        (&(year + 1).to_string(), year * 1000),
        ("9223372036854775807", year * 1000),
        ("9223372036854775808", year * 1000),
        ("1e300", year * 1000),
        (r#""99999999999999999999999999""#, year * 1000),
    ] {
        let answer = ok(&format!(r#"{{"access_token":"a","expires_in":{text}}}"#));
        assert_eq!(
            answer.expires_in,
            Some(TimeDelta::milliseconds(millis)),
            "{text}"
        );
    }
}

/// The operator reads these in logs: the provider's word, if it is one, and nothing else of its
/// answer.
#[test]
fn a_failure_tells_the_code_and_nothing_else() {
    assert_eq!(
        refused_answer(400, None, error("invalid_client").as_bytes()).to_string(),
        "the provider refuses this client: status 400, invalid_client"
    );
    for body in [
        r#"{"error":"hunter2"}"#.to_owned(),
        r#"{"error":"invalid\nhunter"}"#.to_owned(),
        r#"{"error":"Hunter"}"#.to_owned(),
        error(&"a".repeat(65)),
        r#"{"error":"invalid_scope","error_description":"hunter2"}"#.to_owned(),
        r#"{"access_token":"hunter2","expires_in":-1}"#.to_owned(),
    ] {
        for status in [200, 400, 401, 500] {
            let failure = token_answer(status, None, body.as_bytes()).expect_err("a failure");
            let text = format!("{failure} {failure:?}");
            assert!(
                !text.to_lowercase().contains("hunter") && text.len() < 200,
                "{text}"
            );
        }
    }
}

#[test]
fn what_may_pass_by_itself_is_told_apart() {
    let passing = [
        ProviderFailure::Throttled { retry_after: None },
        ProviderFailure::Unavailable(String::new()),
        ProviderFailure::Ambiguous(String::new()),
    ];
    let lasting = [
        ProviderFailure::ReauthRequired,
        ProviderFailure::ClientRefused(String::new()),
        ProviderFailure::RequestRefused(String::new()),
    ];
    assert!(passing.iter().all(ProviderFailure::is_passing));
    assert!(!lasting.iter().any(ProviderFailure::is_passing));
    for failure in passing.iter().chain(&lasting) {
        assert_ne!(failure.outcome(), RefreshOutcome::Success);
    }
}

proptest! {
    /// Requirement 47: whatever comes, with whatever status.
    #[test]
    fn no_answer_panics(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = token_answer(status, None, &body);
        let _ = refused_answer(status, None, &body);
    }

    #[test]
    fn no_number_is_a_lifetime_that_cannot_be(seconds in any::<f64>()) {
        let body = format!(r#"{{"access_token":"a","expires_in":{seconds:e}}}"#);
        match token_answer(200, None, body.as_bytes()) {
            Ok(answer) => {
                let life = answer.expires_in.expect("a lifetime");
                prop_assert!(seconds >= 0.0);
                prop_assert!(TimeDelta::zero() <= life && life <= TimeDelta::days(366));
            }
            Err(failure) => {
                prop_assert!(seconds.is_nan() || seconds.is_infinite() || seconds < 0.0);
                prop_assert_eq!(failure.outcome(), RefreshOutcome::Ambiguous);
            }
        }
    }

    /// Nothing but a plain answer with an access token gives tokens.
    #[test]
    fn only_2xx_brings_tokens(status in any::<u16>()) {
        let brings = token_answer(status, None, br#"{"access_token":"a"}"#).is_ok();
        prop_assert_eq!(brings, (200..300).contains(&status));
    }
}

/// A provider that rotates has used the old token up: what stands beside the new ones is no reason to
/// throw them away.
#[test]
fn tokens_are_taken_whatever_stands_beside_them() {
    let members = [
        r#""refresh_token":"""#.to_owned(),
        r#""id_token":[]"#.to_owned(),
        r#""id_token":"ä""#.to_owned(),
        r#""scope":7"#.to_owned(),
        r#""scope":"ä""#.to_owned(),
        r#""scope":[1]"#.to_owned(),
        format!(r#""scope":"{}""#, "a ".repeat(65)),
        format!(r#""scope":"{}""#, "a".repeat(129)),
    ];
    for member in members {
        let body = format!(r#"{{"access_token":"a",{member}}}"#);
        let answer = token_answer(200, None, body.as_bytes()).expect("tokens");
        assert_eq!(answer.access_token.expose(), "a");
        let beside = (answer.refresh_token, answer.id_token, answer.scopes);
        assert_eq!(beside, (None, None, None), "{member}");
    }
    let listed = token_answer(200, None, br#"{"access_token":"a","scope":["b","c"]}"#);
    let scopes = listed.expect("tokens").scopes;
    assert_eq!(scopes, Some(vec!["b".into(), "c".into()]));
}

//! Providers that say no, or nothing.

use std::sync::Arc;

use scripted_provider::{Answer, Endpoint, Fault};

use super::browser::{Bed, callback};
use crate::support::Ask;

#[tokio::test]
async fn a_user_who_does_not_want_to_is_told_so() {
    let bed = Bed::new();
    bed.one.refuse_logins("access_denied");
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one?return_to=/app/").await;
    let answer = browser.visit(&callback(&bed.one, &url)).await;
    assert_eq!(answer.problem(403), "access_denied");
    assert!(browser.logins().is_empty());
    for error in ["login_required", "server_error", "<script>"] {
        bed.one.refuse_logins(error);
        let url = browser.start("/auth/login/one").await;
        let answer = browser.visit(&callback(&bed.one, &url)).await;
        assert_eq!(answer.problem(400), "login_failed");
        assert!(
            !answer.text().contains(error),
            "what an address says is not repeated"
        );
    }
    bed.one.sign_in_as("ada");
    bed.sign_in("ada").await;
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_as_that_and_the_login_can_be_tried_again() {
    let bed = Bed::new();
    bed.one.go_away();
    let answer = bed.server.send(Ask::get("/auth/login/one")).await;
    assert_eq!(answer.problem(503), "provider_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.headers.contains_key("set-cookie"));
    bed.one.come_back();
    bed.server.pass(1);
    bed.sign_in("ada").await;
    let faults = [
        (Fault::Status(500), "1"),
        (Fault::Status(503), "1"),
        (
            Fault::Instead(Answer::status(429).with_header("retry-after", "7")),
            "7",
        ),
        (Fault::DropBefore, "1"),
        (Fault::DropAfter, "1"),
        (Fault::Truncate, "1"),
        (Fault::Replace(Answer::json("no json")), "1"),
        (Fault::Instead(Answer::error(401, "invalid_client")), "1"),
    ];
    for (fault, retry_after) in faults {
        let bed = Bed::new();
        let mut browser = bed.browser();
        let held = bed.server.token_of("grace").await;
        browser.set_cookie("__Host-session", &held);
        let url = browser.start("/auth/login/one").await;
        let back = callback(&bed.one, &url);
        bed.one.next_token_call(fault.clone());
        let answer = browser.visit(&back).await;
        assert_eq!(answer.problem(503), "provider_unavailable", "{fault:?}");
        assert_eq!(answer.header("retry-after"), retry_after, "{fault:?}");
        // Requirement 50: an outage clears no cookie and ends no session.
        assert!(!answer.headers.contains_key("set-cookie"), "{fault:?}");
        assert!(bed.server.lets_in(&held).await, "{fault:?}");
        assert_eq!(
            Bed::exchanges(&bed.one),
            1,
            "a code is sent once: {fault:?}"
        );
    }
    bed.sign_in("ada").await;
}

/// Whoever hangs up on the callback leaves nothing half done: neither tokens that nobody has, nor a
/// login without a record.
#[tokio::test]
async fn a_login_is_finished_though_the_browser_hangs_up() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    let held = bed.one.hold_next(Endpoint::Token);
    let (server, ask) = (
        Arc::clone(&bed.server),
        browser.with_cookies(Ask::get(&back)),
    );
    let hanging = tokio::spawn(async move { server.send(ask).await });
    held.arrived().await;
    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
    held.release();
    bed.server.api.finish().await;
    assert_eq!(bed.sessions().await, 1);
    let path = "/admin/audit?action=login_success";
    let audit = bed.server.send(Ask::admin("GET", path)).await.ok();
    assert_eq!(audit["events"].as_array().unwrap().len(), 1);
}

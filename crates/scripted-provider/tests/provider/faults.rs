use std::thread;
use std::time::{Duration, Instant};

use scripted_provider::{Answer, Endpoint, Fault, ScriptedProvider};

use crate::client::refresh;

/// Whether a fault leaves the refresh token used, and which status comes.
#[test]
fn each_fault_strikes_before_or_after_the_work() {
    let wrong = Answer::json("{").with_header("retry-after", "7");
    for (fault, is_done, status) in [
        (Fault::Status(503), false, Some(503)),
        (Fault::Instead(wrong.clone()), false, Some(200)),
        (Fault::Replace(wrong), true, Some(200)),
        (Fault::Delay(Duration::from_millis(1)), true, Some(200)),
        (Fault::AnswerLate(Duration::from_millis(1)), true, Some(200)),
        (Fault::DropBefore, false, None),
        (Fault::DropAfter, true, None),
        (Fault::ResetAfter, true, None),
        (Fault::Truncate, true, None),
        (Fault::Oversize(100_000), true, Some(200)),
    ] {
        let provider = ScriptedProvider::start();
        let tokens = provider.issue("ada");
        let token = tokens.refresh_token.as_deref().expect("a refresh token");
        provider.next_token_call(fault.clone());
        let answer = refresh(&provider, token);
        assert_eq!(answer.map(|(status, _)| status), status, "{fault:?}");
        assert_eq!(provider.takes_refresh_token(token), !is_done, "{fault:?}");
        assert!(provider.is_alive(token), "{fault:?}");
        let after = provider.issue("ada").refresh_token.expect("one");
        let (status, _) = refresh(&provider, &after).expect("the next call is served");
        assert_eq!(status, 200, "{fault:?}");
    }
}

#[test]
fn a_held_call_waits_for_the_test() {
    for is_answer in [false, true] {
        let provider = ScriptedProvider::start();
        let token = provider.issue("ada").refresh_token.expect("one");
        let held = if is_answer {
            provider.hold_next_answer(Endpoint::Token)
        } else {
            provider.hold_next(Endpoint::Token)
        };
        thread::scope(|scope| {
            let call = scope.spawn(|| refresh(&provider, &token));
            while !held.has_arrived() {
                thread::yield_now();
            }
            assert_eq!(provider.takes_refresh_token(&token), !is_answer);
            assert!(!call.is_finished());
            held.release();
            let (status, _) = call.join().expect("a call").expect("an answer");
            assert_eq!(status, 200);
        });
        assert!(!provider.takes_refresh_token(&token));
    }
}

#[test]
fn what_goes_wrong_always_gives_way_to_what_is_said_of_one_call() {
    let provider = ScriptedProvider::start();
    let token = provider.issue("ada").refresh_token.expect("one");
    let status = || refresh(&provider, &token).map(|(status, _)| status);
    provider.always(Endpoint::Token, Some(Fault::Status(500)));
    provider.next_token_call(Fault::Status(502));
    provider.next_goes_well(Endpoint::Token);
    assert_eq!(
        [status(), status(), status()],
        [Some(502), Some(200), Some(500)]
    );
    provider.always(Endpoint::Token, None);
    assert_eq!(status(), Some(400), "used");
}

#[test]
fn a_provider_that_went_away_is_not_reached_until_it_comes_back() {
    let provider = ScriptedProvider::start();
    let token = provider.issue("ada").refresh_token.expect("one");
    provider.go_away();
    assert_eq!(refresh(&provider, &token), None);
    assert_eq!(provider.count(Endpoint::Token), 0);
    provider.come_back();
    assert_eq!(
        refresh(&provider, &token).map(|(status, _)| status),
        Some(200)
    );
}

#[test]
fn a_call_in_the_middle_breaks_when_the_provider_goes_away() {
    let provider = ScriptedProvider::start();
    let token = provider.issue("ada").refresh_token.expect("one");
    let held = provider.hold_next(Endpoint::Token);
    thread::scope(|scope| {
        let call = scope.spawn(|| refresh(&provider, &token));
        while !held.has_arrived() {
            thread::yield_now();
        }
        provider.go_away();
        held.release();
        assert_eq!(call.join().expect("a call"), None);
    });
    assert!(provider.takes_refresh_token(&token), "nothing was done");
}

#[test]
fn a_late_answer_is_late() {
    let provider = ScriptedProvider::start();
    let token = provider.issue("ada").refresh_token.expect("one");
    let late = Duration::from_millis(50);
    provider.next_token_call(Fault::AnswerLate(late));
    #[expect(clippy::disallowed_methods, reason = "this is about real time")]
    let start = Instant::now();
    assert!(refresh(&provider, &token).is_some());
    assert!(start.elapsed() >= late);
}

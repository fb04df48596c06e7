//! What ties an answer to the browser, to the time and to one use.

use std::collections::HashSet;

use app::ProviderAnswer;
use chrono::TimeDelta;
use session_core::AuditAction;

use crate::harness::{Bed, answer};

#[tokio::test]
async fn an_answer_is_good_in_the_browser_alone_that_the_login_was_begun_in() {
    let bed = Bed::new();
    let (victim, attacker) = (bed.start("one").await, bed.start("one").await);
    let stolen = bed.one.visit(&victim.url, "ada");
    let planted = bed.one.visit(&attacker.url, "mallory");
    // Somebody who got hold of the victim's answer, with a login of their own or with none.
    let none = ProviderAnswer {
        binding: None,
        ..answer(&victim, &stolen)
    };
    assert_eq!(bed.why_not(none).await, "no_binding");
    let other = answer(&attacker, &stolen);
    assert_eq!(bed.why_not(other).await, "state_mismatch");
    // The attacker's answer in the victim's browser: login CSRF (RFC 6749 §10.12).
    let forged = answer(&victim, &planted);
    assert_eq!(bed.why_not(forged).await, "state_mismatch");
    // The victim's code under the attacker's state: the code belongs to another challenge.
    let injected = ProviderAnswer {
        state: Some(planted.state.clone()),
        ..answer(&attacker, &stolen)
    };
    assert_eq!(bed.why_not(injected).await, "code_refused");
    assert_eq!(bed.live_sessions().await, 0);
}

#[tokio::test]
async fn without_the_right_state_nothing_is_asked_of_the_provider() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let cut = back.state[..42].to_owned();
    let wrong = [
        None,
        Some(String::new()),
        Some(cut),
        Some(back.state.clone() + "A"),
    ];
    for state in wrong {
        let answer = ProviderAnswer {
            state,
            ..answer(&start, &back)
        };
        assert_eq!(bed.why_not(answer).await, "state_mismatch");
    }
    assert_eq!(bed.one.see(|state| state.exchanges), 0);
    // None of that used the login up.
    bed.finish(answer(&start, &back)).await.unwrap();
}

#[tokio::test]
async fn a_binding_that_was_altered_or_made_up_is_none() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let (key, sealed) = start.binding.split_once('.').unwrap();
    let mut wrong = vec![
        String::new(),
        ".".to_owned(),
        key.to_owned(),
        format!("{key}."),
        format!("{key}.{}", &sealed[..sealed.len() - 4]),
        format!("other.{sealed}"),
        format!("{key}.{sealed}A"),
        format!("{key}.{sealed}="),
        format!("{key}. {sealed}"),
        format!("é.{sealed}"),
    ];
    for place in (0..sealed.len()).step_by(29) {
        let mut text = sealed.as_bytes().to_vec();
        text[place] = if text[place] == b'A' { b'B' } else { b'A' };
        wrong.push(format!("{key}.{}", String::from_utf8(text).unwrap()));
    }
    let sealed_for_another_use = {
        let sealed = bed.one_sealed_token().await;
        format!("{}.{}", sealed.0, sealed.1)
    };
    wrong.push(sealed_for_another_use);
    for binding in wrong {
        let (bed, told) = (bed.another(), binding.clone());
        let answer = ProviderAnswer {
            binding: Some(binding),
            ..answer(&start, &back)
        };
        // Another address each time: it is not the limit that stops them.
        let why = bed.why_not_from_anywhere(answer).await;
        assert_eq!(why, "binding_unreadable", "{told}");
    }
    assert_eq!(
        bed.one.see(|state| state.exchanges),
        1,
        "the one that was sealed"
    );
}

#[tokio::test]
async fn a_login_is_open_for_ten_minutes() {
    let bed = Bed::new();
    let (late, just) = (bed.start("one").await, bed.start("one").await);
    let late_back = bed.one.visit(&late.url, "ada");
    let just_back = bed.one.visit(&just.url, "ada");
    bed.pass(TimeDelta::minutes(10) - TimeDelta::milliseconds(1));
    bed.finish(answer(&just, &just_back)).await.unwrap();
    bed.pass(TimeDelta::milliseconds(1));
    assert_eq!(
        bed.why_not(answer(&late, &late_back)).await,
        "binding_expired"
    );
    assert_eq!(bed.one.see(|state| state.exchanges), 1);
    assert_eq!(bed.failure().await, "binding_expired");
}

/// A mark is known for as long as its login may be finished, and then forgotten.
#[tokio::test]
async fn an_answer_is_good_once() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    bed.finish(answer(&start, &back)).await.unwrap();
    assert_eq!(bed.why_not(answer(&start, &back)).await, "replayed");
    bed.pass(TimeDelta::minutes(10) - TimeDelta::milliseconds(1));
    let other = bed.another();
    assert_eq!(other.why_not(answer(&start, &back)).await, "replayed");
    assert_eq!(bed.one.see(|state| state.exchanges), 1);
    assert_eq!(bed.live_sessions().await, 1);
    bed.services.clean().await.unwrap();
    assert_eq!(bed.why_not(answer(&start, &back)).await, "replayed");
    bed.pass(TimeDelta::milliseconds(1));
    assert_eq!(bed.services.clean().await.unwrap(), 1, "the mark goes");
}

/// Of any number at once, on any number of nodes, one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_answers_at_once_one_is_sent_on() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let beds = std::sync::Arc::new([bed.another(), bed.another()]);
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let (beds, answer) = (std::sync::Arc::clone(&beds), answer(&start, &back));
            tokio::spawn(async move { beds[number % 2].finish(answer).await.is_ok() })
        })
        .collect();
    let mut finished = 0;
    for one in tries {
        finished += usize::from(one.await.unwrap());
    }
    assert_eq!(finished, 1);
    assert_eq!(bed.one.see(|state| state.exchanges), 1);
    assert_eq!(bed.live_sessions().await, 1);
}

/// Two tabs at once: neither takes the other's place.
#[tokio::test]
async fn logins_of_one_browser_do_not_disturb_each_other() {
    let bed = Bed::new();
    let (first, second) = (bed.start("one").await, bed.start("two").await);
    assert_ne!(first.tag, second.tag);
    let back_of_first = bed.one.visit(&first.url, "ada");
    let back_of_second = bed.two.visit(&second.url, "ada");
    let second = bed.finish(answer(&second, &back_of_second)).await.unwrap();
    let first = bed.finish(answer(&first, &back_of_first)).await.unwrap();
    assert_eq!(
        (first.provider.as_str(), second.provider.as_str()),
        ("one", "two")
    );
    let users: HashSet<_> = [&first, &second]
        .map(|done| done.signed_in.created.session.user_id.clone())
        .into();
    assert_eq!(
        users.len(),
        2,
        "the same subject of two issuers is two users"
    );
}

#[tokio::test]
async fn nothing_that_is_secret_shows() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let answer = answer(&start, &back);
    let mut shown = format!("{start:?} {answer:?} {:?}", bed.services.provider_logins);
    let done = bed.finish(answer).await.unwrap();
    shown.push_str(&format!("{done:?}"));
    for action in [AuditAction::LoginSuccess, AuditAction::SessionCreated] {
        shown.push_str(&format!("{:?}", bed.recorded(action).await));
    }
    let token = done.signed_in.created.token.expose();
    let secrets = [
        &*start.binding,
        &*back.code,
        &*back.state,
        &*crate::provider::query(&start.url)["nonce"],
        "access-1",
        "refresh-1",
        token.split_once('.').unwrap().1,
    ];
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

//! The keys of revocations: how long they live, and what becomes of those that nobody forgot.

use std::time::Duration;

use chrono::{DateTime, Utc};
use session_core::ports::RevocationList as _;
use session_core::{PageRequest, Revocation, SessionId, UserId};
use store_contract::samples::{minute, revocation, session, start, user};

use crate::place::Place;

const KEEP: Duration = Duration::from_secs(600);

fn of_ada(token: &str, revoked_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Revocation {
    Revocation {
        user_id: Some(user("ada")),
        session_id: Some(SessionId::at(start(), [7; 10])),
        expires_at,
        ..revocation(token, revoked_at)
    }
}

async fn revoke(place: &Place, revocation: &Revocation) {
    let noted = place.store.revoke(std::slice::from_ref(revocation)).await;
    noted.expect("redis answers");
}

async fn history(
    place: &Place,
    user: Option<UserId>,
    session: Option<SessionId>,
) -> Vec<Revocation> {
    let page = place
        .store
        .history(user, session, PageRequest::default())
        .await;
    let page = page.expect("redis answers");
    page.items
        .iter()
        .map(|item| Revocation::clone(item))
        .collect()
}

/// The keys of a revocation of ada's: the record, the user's list, the session's.
fn keys_of(place: &Place, given: &Revocation) -> [Vec<u8>; 3] {
    let session = given.session_id.expect("a session");
    [
        place.key("rv:", given.token_hash.as_bytes()),
        place.key("rv-u:", b"ada"),
        place.key("rv-s:", session.as_bytes()),
    ]
}

#[tokio::test]
async fn every_key_but_the_lists_of_all_has_an_end() {
    let place = Place::with(|options| options.keep(KEEP)).await;
    let given = of_ada("a", start(), minute(60));
    revoke(&place, &given).await;
    let all = [place.key("rv-all", b""), place.key("rv-over", b"")];
    let mut keys = keys_of(&place, &given).to_vec();
    keys.extend(all.clone());
    keys.sort_unstable();
    assert_eq!(place.keys().await, keys);
    for key in keys_of(&place, &given) {
        // An hour, by the clock of whoever revoked it, and the time to keep.
        let left = place.time_to_live(&key).await;
        assert!((4_195_000..=4_200_000).contains(&left), "{left}");
    }
    for key in all {
        assert_eq!(place.time_to_live(&key).await, -1);
    }
    // Without a user and a session there are no lists of theirs.
    let place = Place::new().await;
    revoke(&place, &revocation("b", start())).await;
    assert_eq!(place.keys().await.len(), 3);
}

/// A longer one of the same token, or another of the same user, makes it longer, and none makes it
/// shorter.
#[tokio::test]
async fn lives_are_made_longer_only() {
    let place = Place::with(|options| options.keep(KEEP)).await;
    let given = of_ada("a", start(), minute(60));
    revoke(&place, &given).await;
    let [record, of_user, of_session] = keys_of(&place, &given);
    let left = async || {
        let mut minutes = Vec::new();
        for key in [&record, &of_user, &of_session] {
            minutes.push((place.time_to_live(key).await + 59_999) / 60_000 - 10);
        }
        minutes
    };
    assert_eq!(left().await, [60, 60, 60]);
    revoke(&place, &of_ada("b", minute(1), minute(31))).await;
    assert_eq!(left().await, [60, 60, 60], "a shorter one");
    revoke(&place, &of_ada("b", minute(1), minute(91))).await;
    assert_eq!(left().await, [60, 90, 90], "another one made longer");
    // Known for longer, but by little: by the clock of whoever asked, what is left is less.
    revoke(&place, &of_ada("a", minute(50), minute(61))).await;
    assert_eq!(left().await, [60, 90, 90]);
    revoke(&place, &of_ada("a", minute(2), minute(122))).await;
    assert_eq!(left().await, [120, 120, 120], "the first one made longer");
    // Somebody else's claim to it makes the lists of the first one longer, and has none itself.
    let eve = Revocation {
        user_id: Some(user("eve")),
        session_id: Some(session("eve", start()).id),
        ..of_ada("a", minute(2), minute(182))
    };
    revoke(&place, &eve).await;
    assert_eq!(left().await, [180, 180, 180]);
    assert_eq!(place.time_to_live(&place.key("rv-u:", b"eve")).await, -2);
}

/// Records that went by themselves are listed nowhere, and their entries go when they are seen.
#[tokio::test]
async fn what_went_by_itself_is_listed_nowhere() {
    let place = Place::new().await;
    let (gone, known) = (
        of_ada("gone", start(), minute(60)),
        of_ada("known", minute(1), minute(61)),
    );
    revoke(&place, &gone).await;
    revoke(&place, &known).await;
    let () = place.ask("DEL", &keys_of(&place, &gone)[0], &[]).await;
    let (ada, session) = (known.user_id.clone(), known.session_id);
    for (user, session) in [
        (None, session),
        (ada.clone(), None),
        (ada, session),
        (None, None),
    ] {
        assert_eq!(
            history(&place, user, session).await,
            std::slice::from_ref(&known)
        );
    }
    let [_, of_user, of_session] = keys_of(&place, &gone);
    for list in [
        of_user,
        of_session,
        place.key("rv-all", b""),
        place.key("rv-over", b""),
    ] {
        let entries: u64 = place.ask("ZCARD", &list, &[]).await;
        assert_eq!(entries, 1);
    }
}

/// Many in front of a page that went by themselves do not make it short.
#[tokio::test]
async fn a_page_is_full_behind_many_that_are_gone() {
    let place = Place::new().await;
    let all: Vec<_> = (0..400)
        .map(|n| of_ada(&format!("{n}"), minute(n), minute(1000)))
        .collect();
    place.store.revoke(&all).await.expect("redis answers");
    for given in &all[10..] {
        let () = place.ask("DEL", &keys_of(&place, given)[0], &[]).await;
    }
    let request = PageRequest::new(Some(5), None).expect("a page request");
    let page = place.store.history(Some(user("ada")), None, request).await;
    let page = page.expect("redis answers");
    let ids: Vec<_> = page.items.iter().map(|item| item.id).collect();
    let expected: Vec<_> = all[5..10].iter().rev().map(|given| given.id).collect();
    assert_eq!(ids, expected);
    assert!(page.next.is_some());
}

/// A token that is revoked anew after the record of the first one went by itself is listed once, and
/// outlives what is left of the first one.
#[tokio::test]
async fn a_token_revoked_anew_is_another() {
    let place = Place::new().await;
    let first = of_ada("a", start(), minute(60));
    let anew = of_ada("a", minute(70), minute(130));
    revoke(&place, &first).await;
    let [record, ..] = keys_of(&place, &first);
    let () = place.ask("DEL", &record, &[]).await;
    revoke(&place, &anew).await;
    let forgotten = place.store.forget_revocations(minute(100), 10).await;
    assert_eq!(
        forgotten.expect("redis answers").count,
        1,
        "what is left of the first"
    );
    let (ada, session) = (anew.user_id.clone(), anew.session_id);
    for (user, session) in [
        (None, None),
        (None, session),
        (ada.clone(), None),
        (ada, session),
    ] {
        assert_eq!(
            history(&place, user, session).await,
            std::slice::from_ref(&anew)
        );
    }
    let found = place
        .store
        .find_revocation(anew.token_hash, minute(100))
        .await;
    assert!(found.expect("redis answers").is_some());
    let forgotten = place.store.forget_revocations(minute(130), 10).await;
    assert_eq!(forgotten.expect("redis answers").count, 1);
    assert!(place.keys().await.is_empty(), "nothing is left");
}

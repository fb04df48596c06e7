//! A change of a session's secret: what becomes of the ones before.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::{
    Lifetime, Proof, Rotation, Session, SessionId, SessionSecret, SessionToken, UserId,
};

const GRACE: TimeDelta = Rotation::DEFAULT_GRACE;
const NEW: Proof = Proof::Current { is_first_use: true };
const CURRENT: Proof = Proof::Current {
    is_first_use: false,
};

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_750_000_000_000 + millis).expect("a time")
}

/// A session with a secret made of `bytes`, which changed it once for each of `fresh`; all of its
/// secrets, oldest first.
fn session(bytes: [u8; 32], fresh: &[[u8; 24]]) -> (Session, Vec<SessionSecret>) {
    let mut secrets = vec![SessionSecret::from_bytes(bytes)];
    let id = SessionId::at(at(0), [3; 10]);
    let user = UserId::new("ada").expect("a user");
    let mut session = Session::start(id, user, secrets[0].hash(), Lifetime::default(), at(0));
    for fresh in fresh {
        let old = secrets.last().expect("there is one");
        let (new, rotation) = Rotation::of(id, old, fresh);
        session.secret_hash = new.hash();
        session.rotation = Some(Box::new(rotation));
        secrets.push(new);
    }
    (session, secrets)
}

/// The first use of the present secret, written down.
fn used(session: &mut Session, millis: i64) {
    let rotation = session.rotation.as_ref().expect("it changed its secret");
    session.rotation = Some(Box::new(rotation.used(at(millis))));
}

proptest! {
    /// However often it was changed: one is the present one, one the one before, all others are old,
    /// and what was never handed out is nothing.
    #[test]
    fn every_secret_is_known_for_what_it_is(
        bytes: [u8; 32],
        fresh in prop::collection::vec(any::<[u8; 24]>(), 0..40),
        guess: [u8; 32],
    ) {
        let (session, secrets) = session(bytes, &fresh);
        for (age, secret) in secrets.iter().rev().enumerate() {
            let expected = match age {
                0 if fresh.is_empty() => CURRENT,
                0 => NEW,
                1 => Proof::Predecessor,
                _ => Proof::Replayed,
            };
            prop_assert_eq!(session.proof(secret, at(0), GRACE), expected);
        }
        let guess = SessionSecret::from_bytes(guess);
        prop_assert_eq!(session.proof(&guess, at(0), GRACE), Proof::None);
    }

    /// All of the new bytes are in it: whoever has the one before has none of them.
    #[test]
    fn a_successor_is_new_but_for_what_all_have_in_common(bytes: [u8; 32], fresh: [u8; 24]) {
        let (session, mut secrets) = session(bytes, &[fresh]);
        let secret = secrets.pop().expect("there are two");
        let mut expected = bytes;
        expected[8..].copy_from_slice(&fresh);
        let [given, expected] = [secret, SessionSecret::from_bytes(expected)].map(|secret| {
            SessionToken { id: session.id, secret }.expose()
        });
        prop_assert_eq!(given, expected);
    }

    /// Whoever has the one before gets the present one, and nobody else does.
    #[test]
    fn the_predecessor_unseals_its_successor(
        bytes: [u8; 32],
        fresh in prop::collection::vec(any::<[u8; 24]>(), 1..6),
        guess: [u8; 32],
    ) {
        let (session, secrets) = session(bytes, &fresh);
        let rotation = session.rotation.as_ref().expect("it changed its secret");
        let [.., predecessor, present] = secrets.as_slice() else { panic!("there are two") };
        prop_assert_eq!(rotation.successor(session.id, predecessor).hash(), present.hash());
        let guess = SessionSecret::from_bytes(guess);
        for wrong in secrets.iter().rev().skip(2).chain([&guess]) {
            prop_assert_ne!(rotation.successor(session.id, wrong).hash(), present.hash());
        }
        let other = SessionId::at(at(1), [3; 10]);
        prop_assert_ne!(rotation.successor(other, predecessor).hash(), present.hash());
    }

    /// What is stored holds neither a secret nor the part that they have in common.
    #[test]
    fn what_is_kept_is_no_secret(bytes: [u8; 32], fresh: [u8; 24]) {
        prop_assume!(fresh != [0; 24] && bytes[..8] != [0; 8]);
        let (session, _) = session(bytes, &[fresh]);
        let rotation = session.rotation.as_ref().expect("it changed its secret");
        let json = serde_json::to_string(rotation).expect("it can be written");
        let list = |bytes: &[u8]| {
            let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
            numbers.join(",")
        };
        for part in [&bytes[..8], &bytes[8..], &fresh[..], &fresh[..12]] {
            prop_assert!(!json.contains(&list(part)));
        }
        let back: Rotation = serde_json::from_str(&json).expect("it can be read");
        prop_assert_eq!(&back, &**rotation);
        let shown = format!("{session:?}");
        prop_assert!(!shown.contains(&list(&fresh[..12])));
    }
}

/// However late it is used: until the user has the present one. From then on its time is short.
#[test]
fn the_predecessor_is_good_for_a_grace_after_the_first_use_of_its_successor() {
    let (mut session, secrets) = session([9; 32], &[[1; 24]]);
    let predecessor = &secrets[0];
    for millis in [0, 10_000, 10_000_000] {
        let found = session.proof(predecessor, at(millis), GRACE);
        assert_eq!(found, Proof::Predecessor);
        assert_eq!(session.proof(&secrets[1], at(millis), GRACE), NEW);
    }
    assert!(!session.is_settled());
    used(&mut session, 5_000);
    assert!(session.is_settled());
    for (millis, expected) in [
        (5_000, Proof::Predecessor),
        (14_999, Proof::Predecessor),
        // A clock that is ahead, or an answer that was late: no sign of theft yet.
        (15_000, Proof::Outdated),
        (44_999, Proof::Outdated),
        (45_000, Proof::Replayed),
        (1_000_000, Proof::Replayed),
        // A clock that is behind.
        (0, Proof::Predecessor),
    ] {
        let found = session.proof(predecessor, at(millis), GRACE);
        assert_eq!(found, expected, "{millis}");
    }
    assert_eq!(session.proof(&secrets[1], at(1_000_000), GRACE), CURRENT);
    let none = session.proof(predecessor, at(5_001), TimeDelta::zero());
    assert_eq!(none, Proof::Outdated);
}

/// Nobody who knows a handle can have a session ended by making a secret up.
#[test]
fn a_made_up_secret_is_no_replay() {
    let (session, _) = session([9; 32], &[[1; 24], [2; 24]]);
    let (other, _) = self::session([8; 32], &[[1; 24]]);
    for guess in [[0; 32], [255; 32], [8; 32], [1; 32]] {
        let guess = SessionSecret::from_bytes(guess);
        assert_eq!(session.proof(&guess, at(0), GRACE), Proof::None);
    }
    // One bit off in what secrets of a session share.
    let mut near = [9; 32];
    near[7] ^= 1;
    let near = SessionSecret::from_bytes(near);
    assert_eq!(session.proof(&near, at(0), GRACE), Proof::None);
    // Another session's, which shares nothing.
    let foreign = SessionSecret::from_bytes([8; 32]);
    assert_eq!(other.proof(&foreign, at(0), GRACE), Proof::Predecessor);
    assert_eq!(session.proof(&foreign, at(0), GRACE), Proof::None);
}

#[test]
fn a_session_that_never_changed_its_secret_has_one() {
    let (session, secrets) = session([9; 32], &[]);
    assert_eq!(session.proof(&secrets[0], at(0), GRACE), CURRENT);
    assert!(session.is_settled());
    let other = SessionSecret::from_bytes([1; 32]);
    assert_eq!(session.proof(&other, at(0), GRACE), Proof::None);
}

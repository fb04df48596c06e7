use std::sync::Arc;

use password_argon2::{Argon2Hasher, Argon2Params, HashLimits};
use session_core::PasswordHash;
use session_core::ports::{HashError, PasswordHasher as _, PasswordMatch};

use crate::{Broken, hasher, hasher_of, password};

/// Requirement 26.
#[tokio::test]
async fn a_password_is_proven_by_its_hash_and_no_other_password_is() {
    let hasher = hasher();
    for text in ["correct horse battery stapler", "", "Grüße, 世界: пароль"] {
        let hash = hasher.hash(&password(text)).await.expect("a hash");
        let answer = hasher.verify(&password(text), Some(&hash)).await;
        assert_eq!(answer.expect("an answer"), PasswordMatch::Yes, "{text}");
        for other in ["Correct horse battery stapler", "x", "Grüße, 世界: парол"] {
            let answer = hasher.verify(&password(other), Some(&hash)).await;
            assert_eq!(answer.expect("an answer"), PasswordMatch::No, "{other}");
        }
    }
}

/// Requirement 27: the last byte counts too.
#[tokio::test]
async fn a_long_password_is_not_cut() {
    let hasher = hasher();
    let (first, second) = ("x".repeat(1023) + "y", "x".repeat(1023) + "z");
    let hash = hasher.hash(&password(&first)).await.expect("a hash");
    for (text, answer) in [(first, PasswordMatch::Yes), (second, PasswordMatch::No)] {
        let given = hasher.verify(&password(&text), Some(&hash)).await;
        assert_eq!(given.expect("an answer"), answer);
    }
}

/// Requirement 26: algorithm, parameters, 16 bytes of salt and 32 of digest, all in one text.
#[tokio::test]
async fn a_hash_is_a_phc_string_of_the_least_parameters() {
    let hash = hasher().hash(&password("x")).await.expect("a hash");
    let rest = hash
        .as_str()
        .strip_prefix("$argon2id$v=19$m=19456,t=2,p=1$")
        .expect("the parameters");
    let (salt, digest) = rest.split_once('$').expect("salt and digest");
    // In base64 without padding; `Counting` gave zeros.
    assert_eq!((salt, digest.len()), ("A".repeat(22).as_str(), 43));
}

#[tokio::test]
async fn each_hash_has_a_salt_of_its_own() {
    let hasher = hasher();
    let first = hasher.hash(&password("x")).await.expect("a hash");
    let second = hasher.hash(&password("x")).await.expect("a hash");
    let parts = |hash: &PasswordHash| -> Vec<String> {
        hash.as_str()
            .split('$')
            .skip(4)
            .map(str::to_owned)
            .collect()
    };
    let (first, second) = (parts(&first), parts(&second));
    assert_ne!(first[0], second[0], "salts");
    assert_ne!(first[1], second[1], "digests");
}

/// Requirement 26: parameters that were raised are taken over at the next login.
#[tokio::test]
async fn raised_parameters_make_old_hashes_weak_and_new_ones_not() {
    let old = hasher().hash(&password("x")).await.expect("a hash");
    for (memory, passes, lanes) in [(19_464, 2, 1), (19_456, 3, 1), (19_456, 2, 2)] {
        let params = Argon2Params::new(memory, passes, lanes).expect("parameters");
        let hasher = hasher_of(params);
        let answer = hasher.verify(&password("x"), Some(&old)).await;
        assert_eq!(answer.expect("an answer"), PasswordMatch::YesButWeak);
        let answer = hasher.verify(&password("y"), Some(&old)).await;
        assert_eq!(answer.expect("an answer"), PasswordMatch::No);

        let new = hasher.hash(&password("x")).await.expect("a hash");
        let written = format!("$m={memory},t={passes},p={lanes}$");
        assert!(new.as_str().contains(&written), "{}", new.as_str());
        let answer = hasher.verify(&password("x"), Some(&new)).await;
        assert_eq!(answer.expect("an answer"), PasswordMatch::Yes);
    }
}

/// Parameters that were lowered again: what was made in between is right, and not weak.
#[tokio::test]
async fn a_hash_of_more_than_today_is_checked_and_kept() {
    let params = Argon2Params::new(20_480, 3, 4).expect("parameters");
    let stronger = hasher_of(params)
        .hash(&password("x"))
        .await
        .expect("a hash");
    let answer = hasher().verify(&password("x"), Some(&stronger)).await;
    assert_eq!(answer.expect("an answer"), PasswordMatch::Yes);
}

/// Requirement 28: as much is done where there is no account. Counted, for time proves nothing.
#[tokio::test]
async fn without_a_hash_the_same_work_is_done() {
    let raised = Argon2Params::new(20_480, 3, 1).expect("parameters");
    for params in [Argon2Params::default(), raised] {
        let hasher = hasher_of(params);
        let hash = hasher.hash(&password("x")).await.expect("a hash");
        let mut work = Vec::new();
        for hash in [Some(&hash), None] {
            let before = hasher.load().filled_kib;
            let answer = hasher.verify(&password("y"), hash).await;
            assert_eq!(answer.expect("an answer"), PasswordMatch::No);
            work.push(hasher.load().filled_kib - before);
        }
        let one = u64::from(params.memory_kib() * params.passes());
        assert_eq!(work, [one, one]);
    }
}

/// Without random bytes there is no hash, and a login goes on: it needs none.
#[tokio::test]
async fn a_hash_is_not_made_without_a_salt() {
    let limits = HashLimits::new(1, 0).expect("limits");
    let broken = Argon2Hasher::new(Argon2Params::default(), limits, Arc::new(Broken));
    let failed = broken.hash(&password("x")).await;
    assert!(matches!(failed, Err(HashError::Failed(_))), "{failed:?}");

    let hash = hasher().hash(&password("x")).await.expect("a hash");
    let answer = broken.verify(&password("x"), Some(&hash)).await;
    assert_eq!(answer.expect("an answer"), PasswordMatch::Yes);
}

/// Requirement 7.
#[tokio::test]
async fn nothing_is_told_of_passwords_and_hashes() {
    let hasher = hasher();
    let hash = hasher.hash(&password("hunter2")).await.expect("a hash");
    let cut = PasswordHash::new(&hash.as_str()[..hash.as_str().len() - 40]);
    let error = hasher.verify(&password("hunter2"), Some(&cut)).await;
    let error = error.expect_err("cut off");
    let printed = format!("{hasher:?} {hash:?} {error:?} {error}");
    assert!(!printed.contains("hunter2"), "{printed}");
    for part in hash.as_str().split('$').skip(4) {
        assert!(!printed.contains(&part[..3]), "{printed}");
    }
}

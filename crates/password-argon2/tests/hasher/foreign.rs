//! Hashes that were made elsewhere: by the reference implementation, or by nobody in his right mind.

use password_argon2::Argon2Params;
use session_core::PasswordHash;
use session_core::ports::{HashError, PasswordHasher as _, PasswordMatch};

use crate::{hasher, password};

/// Made with argon2-cffi 25.1.0, which wraps the reference implementation in C
/// (`argon2.low_level.hash_secret`), for the salt 0x00..0x0f.
const REFERENCE: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$femIWQNQ+hF4kLHln3XLbQtqkrnD4f5HDDNfo8bpIwk";
const REFERENCE_PASSWORD: &str = "correct horse battery stapler";

async fn answer(text: &str, phc: &str) -> Result<PasswordMatch, HashError> {
    let hash = PasswordHash::new(phc);
    hasher().verify(&password(text), Some(&hash)).await
}

#[tokio::test]
async fn hashes_of_the_reference_implementation_are_understood() {
    let unicode = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$TGGW9JF51whmvCffwY/kAX44n/32CPaqJY1Px0U66cE";
    let more = "$argon2id$v=19$m=20480,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$ldQxvOB+ALUUGBYKY6S3Fo/7i+h6/lIfFSv8Xnf4ZtY";
    for (text, phc) in [
        (REFERENCE_PASSWORD, REFERENCE),
        ("Grüße, 世界: пароль", unicode),
        (REFERENCE_PASSWORD, more),
    ] {
        let right = answer(text, phc).await.expect("an answer");
        assert_eq!(right, PasswordMatch::Yes, "{phc}");
        let wrong = answer("something else", phc).await.expect("an answer");
        assert_eq!(wrong, PasswordMatch::No, "{phc}");
    }
}

/// Requirement 26: each is checked rightly by its own parameters, and to be made anew.
#[tokio::test]
async fn weaker_hashes_are_checked_and_told() {
    for phc in [
        // Less memory and fewer passes; more lanes than memory makes up for; fewer passes alone.
        "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$5SSUx10BAEc6E8jLmD+H6EeGJWEMSirwTkkDXUl/+iU",
        "$argon2id$v=19$m=64,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$+7KwJCxU9IZsQNNGQJamQxSYQhJzB/+lj/mF3opeCTc",
        "$argon2id$v=19$m=47104,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$xKBs6EWIj4U+1lIK79+V4Rq+EbQg7yDnbjAW4rO30Ag",
        // The other variants, and the version before.
        "$argon2i$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$cBtnpvO+F4Im8JlI75CQEHOxO/bvUOuqi66hAqLhgfI",
        "$argon2d$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$WvRbzJrrq6x+UuZKVZ60P3o4SUDbsD5lMsDS156NFXY",
        "$argon2id$v=16$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$IYc6rRF34tf+zquaJ06baBxoEzVxZr5wI3MqFBb9zG4",
        // The same: it was not written then.
        "$argon2id$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$IYc6rRF34tf+zquaJ06baBxoEzVxZr5wI3MqFBb9zG4",
        // 16 bytes of digest, 8 of salt.
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$WyCtM1GhE3/d1VEAupe8cQ",
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgc$IW0W6bZUG/7oRad+vd01AlfO7f0VAKAHf1YB4NS+dEI",
    ] {
        let right = answer(REFERENCE_PASSWORD, phc).await.expect("an answer");
        assert_eq!(right, PasswordMatch::YesButWeak, "{phc}");
        let wrong = answer("something else", phc).await.expect("an answer");
        assert_eq!(wrong, PasswordMatch::No, "{phc}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_damage_and_no_wrong_password() {
    let (rest, digest) = REFERENCE.rsplit_once('$').expect("a digest");
    let damaged = [
        String::new(),
        "x".to_owned(),
        "$".repeat(10_000),
        rest.to_owned(),
        format!("{rest}$"),
        format!("{rest}${}", &digest[..12]),
        format!("{rest}$!{}", &digest[1..]),
        format!("{rest}${digest}="),
        format!("{REFERENCE}$"),
        format!(" {REFERENCE}"),
        format!("{REFERENCE}\n"),
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
        REFERENCE.replace("argon2id", "argon3"),
        REFERENCE.replace("v=19", "v=20"),
        REFERENCE.replace("m=19456,", ""),
        REFERENCE.replace("t=2", "t=0"),
        REFERENCE.replace("p=1", "p=0"),
        REFERENCE.replace("p=1", "p=x"),
        REFERENCE.replace("t=2", "t=-2"),
        REFERENCE.replace("t=2", "t=2,t=2"),
        REFERENCE.replace("m=19456,t=2,p=1", ""),
        REFERENCE.replace("p=1", "p=1,keyid=AAAA"),
        REFERENCE.replace("p=1", "p=1,data=AAAA"),
        REFERENCE.replace("p=1", "p=1,x=1"),
        REFERENCE.replace("p=1", "p=1=1"),
        REFERENCE.replace("p=1", "p="),
        REFERENCE.replace("p=1", "p"),
        REFERENCE.replace("p=1", "="),
        REFERENCE.replace("p=1", "p=１"),
        REFERENCE.replace("m=19456,t=2", "t=2,m=19456"),
        // Less than eight blocks for each lane (RFC 9106 §3.1).
        REFERENCE.replace("m=19456", "m=7"),
        REFERENCE.replace("m=19456", "m=99999999999999999999"),
        REFERENCE.replace("AAECAwQFBgcICQoLDA0ODw", ""),
        REFERENCE.replace("AAECAwQFBgcICQoLDA0ODw", "AAEC"),
    ];
    for phc in damaged {
        let given = answer(REFERENCE_PASSWORD, &phc).await;
        assert!(
            matches!(given, Err(HashError::Damaged(_))),
            "{phc}: {given:?}"
        );
    }
}

/// A stored text must not be able to take all of the machine. Nothing is done for it, which shows in
/// the count and in that this test ends.
#[tokio::test]
async fn a_hash_that_asks_for_too_much_is_not_carried_out() {
    let hasher = hasher();
    for (from, to) in [
        ("m=19456", "m=4194304".to_owned()),
        ("m=19456", "m=4294967295".to_owned()),
        (
            "m=19456",
            format!("m={}", Argon2Params::MOST_MEMORY_KIB + 1),
        ),
        ("t=2", "t=4294967295".to_owned()),
        ("t=2", format!("t={}", Argon2Params::MOST_PASSES + 1)),
        ("p=1", format!("p={}", Argon2Params::MOST_LANES + 1)),
        ("p=1", "p=16777215".to_owned()),
    ] {
        let hash = PasswordHash::new(&REFERENCE.replace(from, &to));
        let given = hasher.verify(&password("x"), Some(&hash)).await;
        assert!(
            matches!(given, Err(HashError::Damaged(_))),
            "{to}: {given:?}"
        );
    }
    assert_eq!(hasher.load().filled_kib, 0);
}

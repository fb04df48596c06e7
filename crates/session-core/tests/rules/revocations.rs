//! What is revoked, and for how long that is known.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::{Revocation, RevocationId, SessionId, TokenHash, TokenKind};

fn at(hours: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    start + TimeDelta::hours(hours)
}

#[test]
fn a_revocation_outlives_its_token() {
    let day = Revocation::DEFAULT_TTL;
    assert_eq!(Revocation::until(at(0), day, None), at(24));
    assert_eq!(Revocation::until(at(0), day, Some(at(1))), at(24));
    assert_eq!(Revocation::until(at(0), day, Some(at(72))), at(72));
    let end = DateTime::<Utc>::MAX_UTC;
    assert_eq!(Revocation::until(at(0), TimeDelta::MAX, None), end);
}

#[test]
fn a_name_of_two_kinds_is_two_tokens() {
    let hashes: std::collections::HashSet<_> = TokenKind::ALL
        .iter()
        .map(|kind| TokenHash::of(*kind, b"name"))
        .collect();
    assert_eq!(hashes.len(), TokenKind::ALL.len());
    let id = SessionId::at(at(0), [1; 10]);
    assert_eq!(
        TokenHash::of_session(id),
        TokenHash::of(TokenKind::Session, id.as_bytes())
    );
    let text = TokenHash::of_session(id).to_string();
    assert!(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(
        TokenHash::from_bytes([0xab; 32]).to_string(),
        "ab".repeat(32)
    );
}

#[test]
fn a_name_has_one_spelling() {
    let id = RevocationId::at(at(0), [7; 10]);
    let text = id.to_string();
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(RevocationId::from_bytes(*id.as_bytes()), Ok(id));
    assert_eq!(
        serde_json::to_string(&id).expect("a text"),
        format!("\"{text}\"")
    );
    assert_eq!(
        serde_json::from_str::<RevocationId>(&format!("\"{text}\"")).expect("it reads"),
        id
    );
    let upper = text.to_uppercase();
    let other_version = text.replacen("-7", "-4", 1);
    for wrong in [
        &upper,
        &other_version,
        &text[1..],
        &text.replace('-', ""),
        "\u{1F600}",
    ] {
        assert!(wrong.parse::<RevocationId>().is_err(), "{wrong}");
    }
}

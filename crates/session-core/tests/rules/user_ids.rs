use proptest::prelude::*;
use session_core::{EndReason, UserId};

proptest! {
    #[test]
    fn a_user_id_is_kept_as_it_was_given_or_refused(text in any::<String>()) {
        let is_fine = !text.trim().is_empty()
            && text.len() <= UserId::MAX_BYTES
            && !text.chars().any(char::is_control);
        match UserId::new(&text) {
            Ok(user) => {
                prop_assert!(is_fine);
                prop_assert_eq!(user.as_str(), text);
            }
            Err(error) => {
                prop_assert!(!is_fine);
                prop_assert_eq!(error.field(), "user_id");
            }
        }
    }

    #[test]
    fn a_reason_is_a_short_plain_word(text in "[a-z0-9_ A-Z]{0,70}") {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_fine = !text.is_empty() && text.len() <= 64 && text.chars().all(is_plain);
        prop_assert_eq!(EndReason::new(&text).is_ok(), is_fine);
    }
}

#[test]
fn a_user_id_has_from_1_to_255_bytes() {
    for (length, is_fine) in [(0, false), (1, true), (255, true), (256, false)] {
        assert_eq!(
            UserId::new(&"x".repeat(length)).is_ok(),
            is_fine,
            "{length}"
        );
    }
    for bad in ["", " ", "\t", "a\0b", "a\nb", "\u{7f}", "\u{85}"] {
        assert!(UserId::new(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    /// The bound is on bytes, as a store counts them.
    #[test]
    fn a_long_user_id_is_refused_by_its_bytes(text in "[aé€😀]{60,260}") {
        prop_assert_eq!(UserId::new(&text).is_ok(), text.len() <= 255, "{}", text.len());
    }

    /// Wherever it stands: a user id is written to logs.
    #[test]
    fn no_user_id_holds_a_control_character(before in "[a-z]{1,9}", control in "\\p{Cc}", after in "[a-z]{0,9}") {
        let text = format!("{before}{control}{after}");
        prop_assert!(UserId::new(&text).is_err());
    }

    /// No two ids fold into one: case, spaces and composition are the application's.
    #[test]
    fn user_ids_are_equal_only_if_their_bytes_are(a in "[aAäe\u{301} ]{0,3}x", b in "[aAäe\u{301} ]{0,3}x") {
        let (first, second) = (UserId::new(&a).expect("an id"), UserId::new(&b).expect("an id"));
        prop_assert_eq!(first == second, a == b);
        prop_assert_eq!(first.cmp(&second), a.cmp(&b));
    }
}

#[test]
fn a_user_id_is_written_as_it_was_given() {
    let user = UserId::new("ada \"löve\"").expect("an id");
    assert_eq!(user.to_string(), "ada \"löve\"");
    assert_eq!(
        serde_json::to_string(&user).expect("text"),
        r#""ada \"löve\"""#
    );
    assert_eq!(
        format!("{user:?}"),
        r#""ada \"löve\"""#,
        "quotes are escaped in logs"
    );
}

#[test]
fn the_reasons_of_our_own_are_reasons() {
    for (reason, word) in [
        (EndReason::EXPIRED, "expired"),
        (EndReason::SESSION_LIMIT, "session_limit"),
        (EndReason::ENDED_BY_SERVICE, "ended_by_service"),
        (EndReason::LOGOUT, "logout"),
    ] {
        assert_eq!(EndReason::new(word).as_ref(), Ok(&reason));
        assert_eq!((reason.as_str(), reason.to_string().as_str()), (word, word));
    }
}

#[test]
fn a_reason_has_from_1_to_64_bytes() {
    for (length, is_fine) in [(0, false), (1, true), (64, true), (65, false)] {
        assert_eq!(
            EndReason::new(&"x".repeat(length)).is_ok(),
            is_fine,
            "{length}"
        );
    }
    for bad in [" ", "a b", "a-b", "A", "ä", "a\n", "a\"", "a.b"] {
        let error = EndReason::new(bad).expect_err("not a word");
        assert_eq!(error.field(), "reason", "{bad:?}");
    }
}

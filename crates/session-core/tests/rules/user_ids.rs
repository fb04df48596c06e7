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

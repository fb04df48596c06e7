use std::error::Error as _;

use session_core::InvalidInput;
use session_core::ports::{LimitPolicy, SessionLimit, StoreError, StoreErrorKind};

#[test]
fn invalid_input_names_the_member_and_what_it_takes() {
    let error = InvalidInput::new("limit", format_args!("must be from 1 to {}", 9));
    assert_eq!(error.field(), "limit");
    assert_eq!(error.to_string(), "`limit` must be from 1 to 9");
}

#[test]
fn a_store_error_reads_well_after_failed_to() {
    for (kind, state) in [
        (StoreErrorKind::Unavailable, "the store is unavailable"),
        (StoreErrorKind::Corrupt, "the store's data cannot be read"),
        (StoreErrorKind::Internal, "the store failed"),
    ] {
        let error = StoreError::new(kind, "create a session", "disk full");
        assert_eq!(error.kind(), kind);
        assert_eq!(
            error.to_string(),
            format!("failed to create a session: {state}")
        );
        // The cause is there for the log, and not in what is said to others.
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("disk full")
        );
    }
}

#[test]
fn a_closed_store_is_unavailable_and_says_why() {
    let error = StoreError::closed("find a session");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "failed to find a session: the store is closed"
    );
    assert!(error.source().is_none());
}

#[test]
fn a_user_has_five_sessions_and_the_oldest_makes_room() {
    let limit = SessionLimit::default();
    assert_eq!((limit.max, limit.policy), (5, LimitPolicy::EvictOldest));
}

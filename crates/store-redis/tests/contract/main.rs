//! The contract of every store, on Redis in each of the ways in which it is run.

#![expect(clippy::expect_used, reason = "what every test here begins with")]

mod place;

/// Every contract, on the Redis of a place.
macro_rules! all_contracts {
    ($place:ident) => {
        mod $place {
            use std::sync::Arc;

            use session_core::ports::{
                AuditLog, GrantStore, OneTimeMarks, RateLimiter, RevocationList, SessionStore,
                UserDirectory,
            };

            use crate::place;

            async fn fresh() -> (Arc<dyn SessionStore>, ()) {
                (place::$place().await, ())
            }

            store_contract::contract_tests!(fresh);

            async fn fresh_revocations() -> (Arc<dyn RevocationList>, ()) {
                (place::$place().await, ())
            }

            store_contract::revocation_tests!(fresh_revocations);

            async fn fresh_limiter() -> (Arc<dyn RateLimiter>, ()) {
                (place::$place().await, ())
            }

            store_contract::rate_limit_tests!(fresh_limiter);

            async fn fresh_marks() -> (Arc<dyn OneTimeMarks>, ()) {
                (place::$place().await, ())
            }

            store_contract::mark_tests!(fresh_marks);

            async fn fresh_directory() -> (Arc<dyn UserDirectory>, ()) {
                (place::$place().await, ())
            }

            store_contract::account_tests!(fresh_directory);

            async fn fresh_log() -> (Arc<dyn AuditLog>, ()) {
                (place::$place().await, ())
            }

            store_contract::audit_tests!(fresh_log);

            async fn fresh_grants() -> (Arc<dyn GrantStore>, ()) {
                (place::$place().await, ())
            }

            store_contract::grant_tests!(fresh_grants);
        }
    };
}

all_contracts!(standalone);
all_contracts!(sentinel);
all_contracts!(cluster);

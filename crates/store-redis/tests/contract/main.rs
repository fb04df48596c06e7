//! The contract of every store, on Redis in each of the ways in which it is run.

#![expect(clippy::expect_used, reason = "what every test here begins with")]

mod place;

/// Every contract, on the Redis of a place.
macro_rules! all_contracts {
    ($place:ident) => {
        mod $place {
            use std::sync::Arc;

            use session_core::ports::{GrantStore, SessionStore};

            use crate::place;

            async fn fresh() -> (Arc<dyn SessionStore>, ()) {
                (place::$place().await, ())
            }

            store_contract::contract_tests!(fresh);

            async fn fresh_grants() -> (Arc<dyn GrantStore>, ()) {
                (place::$place().await, ())
            }

            store_contract::grant_tests!(fresh_grants);
        }
    };
}

all_contracts!(standalone);

//! The suite that every session store passes.
//!
//! Each contract is a plain `async fn` over a fresh, empty store and panics when the store breaks
//! it. [`contract_tests!`] makes a test of each, so that an adapter of your own is held to the same
//! rules as ours:
//!
//! ```
//! // tests/contract.rs of your crate
//! use std::sync::Arc;
//!
//! use session_core::ports::SessionStore;
//! use store_memory::MemoryStore; // yours
//!
//! /// A fresh store, and whatever must stay alive beside it, such as a temporary folder.
//! async fn fresh() -> (Arc<dyn SessionStore>, ()) {
//!     (Arc::new(MemoryStore::new()), ())
//! }
//!
//! store_contract::contract_tests!(fresh);
//!
//! // Or one at a time, in a runtime of your choice:
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let (store, _guard) = fresh().await;
//! store_contract::end::the_first_end_stands(store).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A durable store also passes [`restart::everything_survives_a_restart`].

#![deny(missing_docs)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is made of tests, whose way to fail is to panic"
)]

pub mod audit;
pub mod create;
pub mod end;
pub mod end_user;
pub mod extend;
pub mod limit;
pub mod list;
pub mod parallel;
pub mod race;
pub mod rate_limits;
pub mod restart;
pub mod revocations;
pub mod samples;
pub mod stats;
pub mod suspend;
pub mod sweep;
pub mod touch;
pub mod update;

#[doc(hidden)]
pub use tokio;

/// Makes a test of each contract. `$fresh` is an `async fn` without arguments that returns an
/// `Arc<dyn SessionStore>` over nothing, and a guard that is kept for as long as the test runs.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:ident) => {
        $crate::contract_tests!(@tests $fresh
            create: [
                what_was_created_is_found_whole,
                values_at_the_edge_are_found_whole,
                fractions_are_found_to_the_last_bit,
                an_unknown_id_is_not_found,
                an_id_is_taken_once,
                a_taken_id_does_not_spoil_its_neighbours,
                a_closed_store_says_so
            ],
            limit: [
                the_oldest_makes_room,
                a_lower_limit_makes_several_go,
                what_has_expired_does_not_count,
                at_the_limit_refusing_writes_nothing,
                a_taken_id_displaces_nobody,
                a_newcomer_stays_though_its_clock_is_behind,
                hundred_parallel_creates_leave_the_limit,
                hundred_parallel_creates_are_refused_past_the_limit,
                parallel_creates_of_many_users_keep_each_limit
            ],
            touch: [
                activity_moves_forward_only,
                of_parallel_notes_the_latest_stands,
                activity_revives_nothing,
                activity_that_was_held_up_still_counts,
                many_activities_at_once
            ],
            extend: [
                a_deadline_moves_as_far_as_allowed,
                what_is_not_live_is_not_extended,
                parallel_extensions_add_up
            ],
            update: [
                parts_are_replaced,
                an_outdated_version_changes_nothing,
                what_is_not_live_is_not_updated,
                parallel_updates_lose_nothing
            ],
            end: [
                the_first_end_stands,
                an_expired_session_is_noted_as_expired,
                of_parallel_ends_one_counts
            ],
            end_user: [
                all_but_one_are_ended,
                many_are_ended_in_batches,
                the_spared_one_is_spared_in_every_batch,
                parallel_calls_name_each_session_once,
                what_had_expired_is_not_counted
            ],
            suspend: [
                a_session_is_held_back_and_goes_on,
                what_is_not_live_is_not_suspended,
                a_suspended_session_is_live_until_its_deadline,
                end_against_suspend_and_resume,
                of_parallel_suspensions_one_counts
            ],
            race: [
                end_against_touch,
                end_against_extend,
                end_against_update,
                end_against_find,
                sweep_against_touch,
                end_all_against_create
            ],
            list: [
                live_sessions_newest_first,
                pages_hold_each_once_while_others_come_and_go,
                a_session_is_listed_up_to_its_deadline,
                users_are_told_apart_to_the_byte
            ],
            stats: [
                counts_are_exact_at_every_step,
                the_busiest_users_are_named,
                counts_are_exact_after_parallel_work
            ],
            sweep: [
                only_what_is_due_expires,
                what_ended_long_ago_is_forgotten,
                a_sweep_goes_in_batches,
                parallel_sweeps_name_each_session_once,
                a_sweep_while_creating_loses_nothing
            ]
        );
    };
    (@tests $fresh:ident $($module:ident: [$($name:ident),+]),+) => {
        $(mod $module {
            $(#[$crate::tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (store, _guard) = super::$fresh().await;
                $crate::parallel::in_time($crate::$module::$name(store)).await;
            })+
        })+
    };
}

/// The same as [`contract_tests!`] for a list of revocations: `$fresh` returns an
/// `Arc<dyn RevocationList>`.
#[macro_export]
macro_rules! revocation_tests {
    ($fresh:ident) => {
        $crate::contract_tests!(@tests $fresh
            revocations: [
                what_was_revoked_is_found_whole,
                a_revocation_is_in_force_until_it_is_over,
                the_first_revocation_stands,
                of_parallel_revocations_one_counts,
                revoke_against_find,
                the_history_tells_users_and_sessions_apart,
                pages_of_the_history_hold_each_once,
                what_is_over_is_forgotten
            ]
        );
    };
}

/// The same as [`contract_tests!`] for a rate limiter: `$fresh` returns an `Arc<dyn RateLimiter>`.
#[macro_export]
macro_rules! rate_limit_tests {
    ($fresh:ident) => {
        $crate::contract_tests!(@tests $fresh
            rate_limits: [
                of_fifty_parallel_attempts_ten_are_admitted,
                an_attempt_counts_in_all_of_its_keys_or_in_none,
                who_waits_as_long_as_told_is_admitted,
                decisions_are_those_of_the_rule,
                a_reset_forgets_one_key,
                what_means_nothing_any_more_is_forgotten
            ]
        );
    };
}

/// The same as [`contract_tests!`] for an audit log: `$fresh` returns an `Arc<dyn AuditLog>`.
#[macro_export]
macro_rules! audit_tests {
    ($fresh:ident) => {
        $crate::contract_tests!(@tests $fresh
            audit: [
                records_are_chained_in_order,
                an_event_is_found_whole,
                an_event_is_recorded_once,
                parallel_appends_make_one_chain,
                filters_and_pages_find_each_once,
                counts_are_those_of_the_events,
                the_oldest_are_forgotten_and_the_rest_verifies,
                a_noted_head_is_asked_for
            ]
        );
    };
}

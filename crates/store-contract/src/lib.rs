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
//! use session_core::ports::{RevocationList, SessionStore};
//! use store_memory::MemoryStore; // yours
//!
//! /// A fresh store, and whatever must stay alive beside it, such as a temporary folder.
//! async fn fresh() -> (Arc<dyn SessionStore>, ()) {
//!     (Arc::new(MemoryStore::new()), ())
//! }
//!
//! store_contract::contract_tests!(fresh);
//!
//! /// The same for another port.
//! async fn fresh_revocations() -> (Arc<dyn RevocationList>, ()) {
//!     (Arc::new(MemoryStore::new()), ())
//! }
//!
//! store_contract::revocation_tests!(fresh_revocations);
//!
//! // Or one at a time, in a runtime of your choice:
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let (store, _guard) = fresh().await;
//! store_contract::end::the_first_end_stands(store).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`revocation_tests!`], [`rate_limit_tests!`], [`audit_tests!`], [`account_tests!`], [`grant_tests!`] and
//! [`mark_tests!`] do the same for the other ports, one each: an adapter of one of them need not be an adapter of the others.
//!
//! A durable store also passes [`restart`] and [`restart_grants`], and one that is all ports at once
//! [`restart::a_closed_store_answers_on_no_port`].

#![deny(missing_docs)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is made of tests, whose way to fail is to panic"
)]

pub mod account_changes;
pub mod accounts;
pub mod audit;
pub mod audit_chain;
pub mod audit_queries;
pub mod create;
pub mod end;
pub mod end_user;
pub mod extend;
pub mod grant_ends;
pub mod grant_keys;
pub mod grant_leases;
pub mod grant_records;
pub mod grant_refreshes;
pub mod grants;
pub mod limit;
pub mod list;
pub mod marks;
pub mod parallel;
pub mod race;
pub mod rate_forgetting;
pub mod rate_limits;
pub mod restart;
pub mod restart_grants;
pub mod revocation_history;
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
        $crate::__tests!($fresh
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
            suspend: [
                a_session_is_held_back_and_let_go,
                what_is_so_already_is_not_written,
                what_is_not_live_is_neither_held_back_nor_let_go,
                deadlines_go_on_meanwhile,
                a_suspended_session_counts_as_live,
                a_suspended_session_can_be_ended,
                other_writes_leave_it_suspended,
                of_parallel_calls_one_counts,
                changes_both_ways_take_turns
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
            race: [
                end_against_touch,
                end_against_extend,
                end_against_update,
                end_against_suspend,
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
}

/// Makes a test of each contract of a list of revoked tokens. `$fresh` is as for
/// [`contract_tests!`], with an `Arc<dyn RevocationList>`.
#[macro_export]
macro_rules! revocation_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            revocations: [
                what_was_revoked_is_found_whole,
                a_revocation_is_in_force_up_to_its_end,
                the_first_revocation_stands,
                a_token_twice_in_a_batch_is_one,
                what_is_over_may_be_revoked_anew,
                a_batch_is_noted_whole,
                what_was_answered_is_seen,
                of_parallel_revocations_of_a_token_one_stands
            ],
            revocation_history: [
                history_is_of_a_user_a_session_both_or_all,
                pages_hold_each_once_while_others_come_and_go,
                users_are_told_apart_to_the_byte,
                only_what_is_over_is_forgotten,
                forgetting_goes_in_batches,
                parallel_forgetting_counts_each_once
            ]
        );
    };
}

/// Makes a test of each contract of a rate limiter. `$fresh` is as for [`contract_tests!`], with an
/// `Arc<dyn RateLimiter>`.
#[macro_export]
macro_rules! rate_limit_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            rate_limits: [
                as_many_as_the_rule_says_are_admitted,
                violations_are_counted,
                whoever_waits_as_told_is_admitted,
                a_clock_that_is_behind_gains_nothing,
                parallel_checks_admit_exactly_the_limit,
                an_attempt_counts_if_all_keys_admit_it,
                parallel_checks_of_two_keys_admit_the_fewest,
                keys_are_apart,
                a_long_sequence_agrees_with_the_rule
            ],
            rate_forgetting: [
                a_reset_forgets_the_keys_named,
                only_what_means_nothing_is_forgotten,
                forgetting_goes_in_batches
            ]
        );
    };
}

/// Makes a test of each contract of an audit log. `$fresh` is as for [`contract_tests!`], with an
/// `Arc<dyn AuditLog>`.
#[macro_export]
macro_rules! audit_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            audit: [
                records_stand_in_the_order_given,
                an_event_is_appended_once,
                of_parallel_appends_of_an_event_one_counts,
                what_was_appended_is_found_whole,
                what_was_answered_is_seen
            ],
            audit_queries: [
                a_filter_admits_what_it_says,
                pages_hold_each_once_while_others_come_and_go,
                counts_are_those_of_the_events,
                addresses_are_counted_once,
                users_are_told_apart_to_the_byte
            ],
            audit_chain: [
                an_empty_log_is_whole,
                records_are_chained,
                a_noted_head_is_found_again,
                a_noted_head_may_be_forgotten,
                only_the_oldest_are_forgotten,
                forgetting_goes_in_batches,
                the_rest_still_verifies,
                parallel_appends_are_put_in_some_order,
                the_chain_is_followed_as_of_one_moment,
                parallel_forgetting_counts_each_once
            ]
        );
    };
}

/// Makes a test of each contract of a directory of accounts. `$fresh` is as for [`contract_tests!`],
/// with an `Arc<dyn UserDirectory>`.
#[macro_export]
macro_rules! account_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            accounts: [
                what_was_added_is_found_whole,
                who_is_unknown_is_not_there,
                addresses_are_told_apart_to_the_byte,
                an_address_is_taken_once,
                of_parallel_additions_of_an_address_one_counts,
                an_id_is_taken_once,
                a_removed_account_is_gone,
                an_address_changes_hands,
                accounts_are_listed_newest_first,
                pages_hold_each_once_while_others_come_and_go
            ],
            account_changes: [
                parts_are_replaced,
                an_outdated_version_changes_nothing,
                of_parallel_changes_of_a_version_one_counts,
                parallel_changes_lose_nothing,
                each_change_reaches_its_account,
                what_is_removed_is_not_changed_back,
                what_was_answered_is_seen
            ]
        );
    };
}

/// Makes a test of each contract of a store of grants. `$fresh` is as for [`contract_tests!`], with an
/// `Arc<dyn GrantStore>`.
#[macro_export]
macro_rules! grant_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            grants: [
                what_was_added_is_found_whole,
                what_is_unknown_is_not_there,
                a_session_has_one_grant,
                a_removed_grant_is_gone,
                sessions_of_a_presence_are_found,
                what_was_answered_is_seen
            ],
            grant_refreshes: [
                a_refresh_begins_and_ends,
                a_failure_is_stored_like_a_success,
                of_parallel_begins_one_counts,
                an_outdated_version_begins_nothing,
                an_attempt_is_begun_once,
                parallel_refreshes_lose_nothing
            ],
            grant_ends: [
                an_end_stores_any_grant,
                an_end_sent_again_changes_nothing,
                a_late_end_overwrites_nothing,
                a_late_end_counts_while_nobody_took_over,
                an_end_names_the_version_of_its_begin,
                a_late_end_against_a_begin,
                the_end_for_a_removed_grant_is_recorded
            ],
            grant_leases: [
                a_lease_is_in_force_up_to_its_end,
                each_death_is_noted_once,
                a_known_outcome_stays,
                a_lease_is_kept_by_who_has_it,
                a_lease_given_back_is_not_kept,
                what_is_due_is_claimed_in_order,
                what_is_being_renewed_is_not_claimed,
                parallel_claims_name_each_grant_once,
                a_grant_is_postponed_unless_it_was_changed
            ],
            grant_keys: [
                tokens_are_sealed_anew,
                a_refresh_is_not_disturbed,
                what_is_sealed_otherwise_is_listed,
                pages_hold_each_once_while_they_are_resealed,
                grants_are_counted_by_key,
                resealing_against_refreshing
            ],
            grant_records: [
                a_record_is_found_whole,
                records_are_listed_newest_first,
                pages_hold_each_once_while_others_come_and_go,
                only_what_is_old_is_forgotten,
                a_forgotten_attempt_is_superseded,
                forgetting_goes_in_batches,
                parallel_forgetting_counts_each_once
            ]
        );
    };
}

/// Makes a test of each contract of a list of what was used that is good once. `$fresh` is as for
/// [`contract_tests!`], with an `Arc<dyn OneTimeMarks>`.
#[macro_export]
macro_rules! mark_tests {
    ($fresh:ident) => {
        $crate::__tests!($fresh
            marks: [
                the_first_use_counts,
                of_parallel_uses_one_is_the_first,
                a_use_is_known_up_to_its_end,
                clocks_need_not_agree,
                only_what_is_over_is_forgotten,
                forgetting_goes_in_batches,
                parallel_forgetting_counts_each_once
            ]
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($fresh:ident $($module:ident: [$($name:ident),+ $(,)?]),+ $(,)?) => {
        $(mod $module {
            $(#[$crate::tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (store, _guard) = super::$fresh().await;
                $crate::parallel::in_time($crate::$module::$name(store)).await;
            })+
        })+
    };
}

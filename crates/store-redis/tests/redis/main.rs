//! What the contract cannot see: what is written down, and what becomes of it when it is damaged.

#![expect(clippy::expect_used, reason = "what every test here begins with")]

mod marks;
mod place;
mod rate_bound;
mod rate_extremes;
mod rate_model;
mod rate_rule;
mod rates;
mod revocation_damage;
mod revocation_keys;
mod revocations;

//! The provider keeps the rules of a real one, and breaks them as told.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod client;
mod faults;
mod grants;
mod logins;

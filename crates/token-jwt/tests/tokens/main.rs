//! What an access token is, who can make one, and how keys take over from each other.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so does what they share"
)]

mod attacks;
mod forgery;
mod form;
mod ring_text;
mod rotation;
mod sample;
mod times;

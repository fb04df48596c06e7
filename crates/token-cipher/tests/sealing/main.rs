//! What is sealed opens with its key and for its context alone, and how keys take over from each other.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod attacks;
mod nonces;
mod ring_text;
mod rotation;
mod round_trip;
mod sample;
mod vector;

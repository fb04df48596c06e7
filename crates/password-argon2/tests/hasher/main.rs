//! What a hasher promises, with the parameters that it has in use.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod bounds;
mod foreign;
mod gate;
mod hashes;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use password_argon2::{Argon2Hasher, Argon2Params, HashLimits};
use session_core::Password;
use session_core::ports::{Entropy, EntropyError};

/// Bytes that differ from one drawing to the next.
#[derive(Default)]
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

struct Broken;

impl Entropy for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError("no bytes".to_owned()))
    }
}

fn hasher() -> Argon2Hasher {
    hasher_of(Argon2Params::default())
}

fn hasher_of(params: Argon2Params) -> Argon2Hasher {
    let limits = HashLimits::new(2, 8).expect("limits");
    Argon2Hasher::new(params, limits, Arc::new(Counting::default()))
}

fn password(text: &str) -> Password {
    Password::new(text).expect("a password")
}

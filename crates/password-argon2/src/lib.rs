//! Passwords hashed with Argon2id (RFC 9106), in PHC strings.
//!
//! A hash is many milliseconds of work for a core and takes 19 MiB of memory. So it runs off the async
//! threads, no more at once than there are cores, and no more wait than can be served soon: the rest
//! is told [`HashError::Busy`] at once. Whoever sends passwords without end gets no more of the
//! machine than that.
//!
//! It draws no randomness of its own: salts come through the [`Entropy`] port. It never tells a
//! password or a hash, in errors and in `Debug` output either.
//!
//! ```
//! use std::sync::Arc;
//!
//! use password_argon2::{Argon2Hasher, Argon2Params, HashLimits};
//! use session_core::Password;
//! use session_core::ports::{Entropy, EntropyError, PasswordHasher as _, PasswordMatch};
//!
//! # struct SystemEntropy;
//! # impl Entropy for SystemEntropy {
//! #     fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
//! #         bytes.fill(7);
//! #         Ok(())
//! #     }
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let entropy = Arc::new(SystemEntropy);
//! let hasher = Argon2Hasher::new(Argon2Params::default(), HashLimits::default(), entropy);
//! let password = Password::new("correct horse battery stapler")?;
//! let hash = hasher.hash(&password).await?;
//! assert_eq!(hasher.verify(&password, Some(&hash)).await?, PasswordMatch::Yes);
//! assert_eq!(hasher.verify(&password, None).await?, PasswordMatch::No);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`HashError::Busy`]: session_core::ports::HashError::Busy
//! [`Entropy`]: session_core::ports::Entropy

#![deny(missing_docs)]

mod hasher;
mod limits;
mod memory;
mod params;
mod stored;
mod turns;

pub use hasher::Argon2Hasher;
pub use limits::HashLimits;
pub use params::Argon2Params;
pub use turns::Load;

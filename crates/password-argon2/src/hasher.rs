use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use session_core::ports::{Entropy, HashError, PasswordHasher, PasswordMatch};
use session_core::{Password, PasswordHash};
use zeroize::Zeroizing;

use crate::memory::Memory;
use crate::stored::{SALT_BYTES, StoredHash};
use crate::turns::Turns;
use crate::{Argon2Params, HashLimits, Load};

/// Hashes passwords with Argon2id, version 19.
///
/// Keeps the memory of as many hashes as were ever computed at once: 19 MiB for each with the default
/// parameters. Must be used inside of a tokio runtime.
pub struct Argon2Hasher {
    params: Argon2Params,
    turns: Turns,
    memory: Arc<Memory>,
    entropy: Arc<dyn Entropy>,
}

impl Argon2Hasher {
    /// A hasher that makes hashes of `params`, takes as much of the machine as `limits` say, and draws
    /// salts from `entropy`.
    #[must_use]
    pub fn new(params: Argon2Params, limits: HashLimits, entropy: Arc<dyn Entropy>) -> Self {
        // Parameters within their bounds are ones of Argon2; if they were not, no hash would be made.
        let blocks = params.to_argon2().map_or(0, |params| params.block_count());
        Self {
            params,
            turns: Turns::new(limits),
            memory: Arc::new(Memory::new(blocks)),
            entropy,
        }
    }

    /// What it is busy with.
    #[must_use]
    pub fn load(&self) -> Load {
        let (running, waiting) = self.turns.count();
        Load {
            running,
            waiting,
            filled_kib: self.memory.filled_kib(),
        }
    }

    /// Waits for a turn and does `work` on a thread of its own.
    ///
    /// The turn goes with the work: a caller that goes away meanwhile cannot be stopped being worked
    /// for, so the turn is not free before the work is done. Otherwise requests that are sent and
    /// dropped at once would pile up more work than there are cores.
    async fn work<T: Send + 'static>(
        &self,
        password: &Password,
        work: impl FnOnce(&[u8], &Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let turn = self.turns.take().await?;
        let memory = Arc::clone(&self.memory);
        let password = Zeroizing::new(password.expose().as_bytes().to_vec());
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&password, &memory);
            drop(password);
            drop(turn);
            outcome
        });
        task.await
            .map_err(|error| HashError::Failed(error.to_string()))?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let params = self.params;
        let entropy = Arc::clone(&self.entropy);
        self.work(password, move |password, memory| {
            let mut salt = [0; SALT_BYTES];
            entropy
                .fill(&mut salt)
                .map_err(|error| HashError::Failed(error.to_string()))?;
            StoredHash::make(password, salt, params, memory)
        })
        .await
    }

    async fn verify<'a>(
        &self,
        password: &Password,
        hash: Option<&'a PasswordHash>,
    ) -> Result<PasswordMatch, HashError> {
        let (stored, exists) = match hash {
            Some(hash) => (StoredHash::read(hash)?, true),
            None => (StoredHash::read(&StoredHash::decoy(self.params)?)?, false),
        };
        let today = self.params;
        self.work(password, move |password, memory| {
            // In this order: the work is done whether or not there is a hash.
            let is_right = stored.is_of(password, memory)? && exists;
            Ok(match (is_right, stored.is_weaker_than(today)) {
                (false, _) => PasswordMatch::No,
                (true, false) => PasswordMatch::Yes,
                (true, true) => PasswordMatch::YesButWeak,
            })
        })
        .await
    }
}

impl fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hasher")
            .field("params", &self.params)
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}

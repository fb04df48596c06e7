use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::{Argon2, Block};
use session_core::ports::HashError;
use zeroize::Zeroize as _;

/// The memory that hashes are computed in, kept from one to the next: to have 19 MiB given and taken
/// back by the system each time costs a good part of a hash.
///
/// No more is kept than were ever in use at once.
pub(crate) struct Memory {
    /// Size of what is kept: that of a hash with today's parameters.
    usual_blocks: usize,
    idle: Mutex<Vec<Vec<Block>>>,
    filled_kib: AtomicU64,
}

impl Memory {
    pub(crate) fn new(usual_blocks: usize) -> Self {
        Self {
            usual_blocks,
            idle: Mutex::default(),
            filled_kib: AtomicU64::new(0),
        }
    }

    /// Computes the digest of `password` and `salt` that fills `digest`.
    pub(crate) fn digest(
        &self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        digest: &mut [u8],
    ) -> Result<(), HashError> {
        let params = argon2.params();
        let mut lease = self.lease(params.block_count())?;
        argon2
            .hash_password_into_with_memory(password, salt, digest, lease.blocks.as_mut_slice())
            .map_err(|error| HashError::Failed(error.to_string()))?;
        let filled = u64::from(params.m_cost()) * u64::from(params.t_cost());
        self.filled_kib.fetch_add(filled, Ordering::Relaxed);
        Ok(())
    }

    /// KiB gone over since the start, each pass counted.
    pub(crate) fn filled_kib(&self) -> u64 {
        self.filled_kib.load(Ordering::Relaxed)
    }

    fn lease(&self, needed: usize) -> Result<Lease<'_>, HashError> {
        let kept = if needed <= self.usual_blocks {
            self.idle().pop()
        } else {
            None
        };
        let blocks = match kept {
            Some(blocks) => blocks,
            None => allocate(needed.max(self.usual_blocks))?,
        };
        Ok(Lease {
            memory: self,
            blocks,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        // Nothing that holds the lock can fail half-way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn allocate(count: usize) -> Result<Vec<Block>, HashError> {
    let mut blocks = Vec::new();
    // Without memory one login fails, not the process.
    blocks
        .try_reserve_exact(count)
        .map_err(|error| HashError::Failed(error.to_string()))?;
    blocks.resize(count, Block::new());
    Ok(blocks)
}

/// Memory in use; wiped whatever comes, for its first block is a fast hash of the password.
struct Lease<'a> {
    memory: &'a Memory,
    blocks: Vec<Block>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.zeroize();
        }
        // A hash larger than usual comes rarely: its memory goes back to the system.
        if self.blocks.len() == self.memory.usual_blocks {
            let blocks = mem::take(&mut self.blocks);
            self.memory.idle().push(blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};

    use super::*;

    fn argon2(memory_kib: u32) -> Argon2<'static> {
        let params = Params::new(memory_kib, 1, 1, None).unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    fn sizes(memory: &Memory) -> Vec<usize> {
        memory.idle().iter().map(Vec::len).collect()
    }

    /// Requirement 4: what is kept has nothing of a password in it.
    #[test]
    fn memory_is_wiped_before_it_is_kept() {
        let memory = Memory::new(64);
        for memory_kib in [64, 8] {
            let mut digest = [0; 32];
            let argon2 = argon2(memory_kib);
            memory.digest(&argon2, b"x", &[0; 16], &mut digest).unwrap();
            assert_ne!(digest, [0; 32]);
            assert_eq!(sizes(&memory), [64], "the same memory again");
            let idle = memory.idle();
            let mut words = idle[0].iter().flat_map(|block| block.as_ref().iter());
            assert!(words.all(|word| *word == 0));
        }
    }

    #[test]
    fn memory_for_a_larger_hash_is_not_kept() {
        let memory = Memory::new(64);
        let mut digest = [0; 32];
        memory
            .digest(&argon2(128), b"x", &[0; 16], &mut digest)
            .unwrap();
        assert_eq!(sizes(&memory), [0; 0]);
        assert_eq!(memory.filled_kib(), 128);
    }

    #[test]
    fn a_failure_keeps_the_memory_and_counts_no_work() {
        let memory = Memory::new(64);
        // A salt has 8 bytes at least (RFC 9106 §3.1).
        let failed = memory.digest(&argon2(64), b"x", &[0; 7], &mut [0; 32]);
        assert!(matches!(failed, Err(HashError::Failed(_))), "{failed:?}");
        assert_eq!((sizes(&memory), memory.filled_kib()), (vec![64], 0));
    }
}

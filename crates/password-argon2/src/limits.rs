use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use session_core::InvalidInput;

/// How many passwords are hashed at once, and how many more may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashLimits {
    at_once: usize,
    queue: usize,
}

impl HashLimits {
    /// Most at once: more than any machine has cores.
    pub const MOST_AT_ONCE: usize = 1024;
    /// Most that wait.
    pub const MOST_QUEUE: usize = 65_536;
    /// How many wait for each core unless set otherwise: with hashes of 15 to 100 ms, who comes last
    /// is served within a quarter of a second to two. Who waits longer has gone or tries again, and
    /// then the work is for nobody.
    pub const QUEUE_PER_CORE: usize = 16;

    /// `at_once` hashes at a time, and `queue` more that wait.
    ///
    /// # Errors
    /// [`InvalidInput`] for `password_hash_at_once` unless it is from 1 to [`Self::MOST_AT_ONCE`], for
    /// `password_hash_queue` when it is above [`Self::MOST_QUEUE`].
    pub fn new(at_once: usize, queue: usize) -> Result<Self, InvalidInput> {
        if !(1..=Self::MOST_AT_ONCE).contains(&at_once) {
            let problem = format_args!("must be from 1 to {}", Self::MOST_AT_ONCE);
            return Err(InvalidInput::new("password_hash_at_once", problem));
        }
        if queue > Self::MOST_QUEUE {
            let problem = format_args!("must be at most {}", Self::MOST_QUEUE);
            return Err(InvalidInput::new("password_hash_queue", problem));
        }
        Ok(Self { at_once, queue })
    }

    /// Hashes at a time.
    #[must_use]
    pub const fn at_once(&self) -> usize {
        self.at_once
    }

    /// How many may wait beside those.
    #[must_use]
    pub const fn queue(&self) -> usize {
        self.queue
    }
}

/// One for each core, and [`HashLimits::QUEUE_PER_CORE`] that wait for it.
impl Default for HashLimits {
    fn default() -> Self {
        // A system that does not tell is taken to have one core: slower, but never too much.
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let at_once = cores.min(Self::MOST_AT_ONCE);
        Self {
            at_once,
            queue: at_once * Self::QUEUE_PER_CORE,
        }
    }
}

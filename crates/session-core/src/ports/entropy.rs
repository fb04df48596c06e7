/// Unpredictable bytes, fit for keys: the system's CSPRNG.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes` wholly.
    ///
    /// # Errors
    /// [`EntropyError`] when the system has none to give; `bytes` must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The system gave no random bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the system's random number generator failed: {0}")]
pub struct EntropyError(pub String);

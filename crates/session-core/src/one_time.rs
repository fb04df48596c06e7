use sha2::{Digest, Sha256};

use crate::digest::digest;

digest! {
    /// What the use of something that is good once is noted by: a hash of it.
    MarkHash
}

impl MarkHash {
    /// The hash of what is good once: `kind` tells the sorts of such things apart, `scope` whose it is,
    /// `name` is the thing itself.
    #[must_use]
    pub fn of(kind: &'static str, scope: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [kind, scope, name] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

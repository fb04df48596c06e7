use std::fmt;

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use session_core::PasswordHash;
use session_core::ports::HashError;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Argon2Params;
use crate::memory::Memory;

/// Bytes of a salt (RFC 9106 §3.1).
pub(crate) const SALT_BYTES: usize = 16;
/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;

/// A hash as it is stored, read and found fit to be carried out.
pub(crate) struct StoredHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
    digest: Output,
}

impl StoredHash {
    /// Hashes a new password with today's algorithm.
    pub(crate) fn make(
        password: &[u8],
        salt: [u8; SALT_BYTES],
        params: Argon2Params,
        memory: &Memory,
    ) -> Result<PasswordHash, HashError> {
        let params = params.to_argon2().map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
        memory.digest(&argon2, password, &salt, &mut *digest)?;
        written(argon2.params(), salt, &digest)
    }

    /// Costs as much to check as one made today, and no password is known for it.
    pub(crate) fn decoy(params: Argon2Params) -> Result<PasswordHash, HashError> {
        let params = params.to_argon2().map_err(failed)?;
        written(&params, [0; SALT_BYTES], &[0; DIGEST_BYTES])
    }

    /// Reads a PHC string.
    ///
    /// # Errors
    /// [`HashError::Damaged`] when it is none of Argon2, or asks for more work than any hash may.
    pub(crate) fn read(hash: &PasswordHash) -> Result<Self, HashError> {
        let phc = phc::PasswordHash::new(hash.as_str()).map_err(damaged)?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).map_err(damaged)?;
        // The first version of Argon2 did not write it.
        let version = match phc.version {
            Some(version) => Version::try_from(version).map_err(damaged)?,
            None => Version::V0x10,
        };
        // As the reference implementation writes them. The library takes more: its own value for one
        // that is left out, the last of one that comes twice.
        if !phc
            .params
            .iter()
            .map(|(name, _)| name.as_str().to_owned())
            .eq(["m", "t", "p"])
        {
            return Err(damaged("the parameters are not m, t and p"));
        }
        let params = Params::try_from(&phc).map_err(damaged)?;
        if Argon2Params::are_exceeded_by(&params) {
            return Err(damaged("it asks for more work than any hash may"));
        }
        Ok(Self {
            algorithm,
            version,
            params,
            salt: phc.salt.ok_or_else(|| damaged("no salt"))?,
            digest: phc.hash.ok_or_else(|| damaged("no digest"))?,
        })
    }

    /// Whether it is the hash of `password`.
    pub(crate) fn is_of(&self, password: &[u8], memory: &Memory) -> Result<bool, HashError> {
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut digest = Zeroizing::new([0; Output::MAX_LENGTH]);
        // Never longer: `Output` is of this length at most.
        let digest = &mut digest[..self.digest.len()];
        memory.digest(&argon2, password, &self.salt, digest)?;
        Ok(bool::from(digest.ct_eq(self.digest.as_bytes())))
    }

    /// Whether one made with today's parameters is harder to guess at.
    pub(crate) fn is_weaker_than(&self, today: Argon2Params) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || today.exceed(&self.params)
            || self.salt.len() < SALT_BYTES
            || self.digest.len() < DIGEST_BYTES
    }
}

fn written(
    params: &Params,
    salt: [u8; SALT_BYTES],
    digest: &[u8; DIGEST_BYTES],
) -> Result<PasswordHash, HashError> {
    let phc = phc::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(failed)?,
        salt: Some(Salt::new(&salt).map_err(failed)?),
        hash: Some(Output::new(digest).map_err(failed)?),
    };
    Ok(PasswordHash::new(&phc.to_string()))
}

fn failed(error: impl fmt::Display) -> HashError {
    HashError::Failed(error.to_string())
}

fn damaged(why: impl fmt::Display) -> HashError {
    HashError::Damaged(why.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<StoredHash, HashError> {
        StoredHash::read(&PasswordHash::new(text))
    }

    proptest! {
        /// Whatever a store gives back: what is read is within the bounds, and nothing panics.
        #[test]
        fn what_is_read_is_within_the_bounds(
            name in "argon2(id|i|d)?", version in "(\\$v=(19|16|[0-9]{0,12}))?",
            params in "(m=[0-9]{0,11},t=[0-9]{0,11},p=[0-9]{0,9}|[mtp=,0-9é]{0,30})",
            rest in "(\\$[A-Za-z0-9+/]{0,70}){0,3}",
        ) {
            if let Ok(stored) = read(&format!("${name}{version}${params}{rest}")) {
                prop_assert!(stored.params.m_cost() <= Argon2Params::MOST_MEMORY_KIB);
                prop_assert!(stored.params.t_cost() <= Argon2Params::MOST_PASSES);
                prop_assert!(stored.params.p_cost() <= Argon2Params::MOST_LANES);
                prop_assert!(stored.params.m_cost() >= 8 * stored.params.p_cost());
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(\\$|argon2id|v=19|m=8|,|=|.){0,20}") {
            let _ = read(&text);
        }
    }

    /// A decoy is a hash of today in all but having a password.
    #[test]
    fn a_decoy_is_as_strong_as_a_hash_of_today() {
        let today = Argon2Params::new(20_480, 3, 2).unwrap();
        let decoy = StoredHash::read(&StoredHash::decoy(today).unwrap()).unwrap();
        assert!(!decoy.is_weaker_than(today));
        assert_eq!(decoy.params.block_count(), 20_480);
        assert_eq!((decoy.params.t_cost(), decoy.params.p_cost()), (3, 2));
    }
}

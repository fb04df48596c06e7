use std::fmt;
use std::sync::Arc;

use session_core::ports::{EntropyError, OpenError, TokenCipher};
use session_core::{
    CipherKeyId, Grant, ProviderName, ProviderToken, Sealed, SealedTokens, SessionId, TokenField,
    TokenPlace, UserId,
};
use zeroize::Zeroizing;

/// A grant's tokens as the provider gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTokens {
    /// The access token.
    pub access: ProviderToken,
    /// The refresh token, if there is one.
    pub refresh: Option<ProviderToken>,
    /// The ID token, if there is one.
    pub id: Option<ProviderToken>,
}

/// Seals tokens for where they are kept, and opens them again.
#[derive(Clone)]
pub struct TokenVault {
    cipher: Arc<dyn TokenCipher>,
}

/// Whose tokens they are: what they are bound to.
#[derive(Debug, Clone, Copy)]
pub struct TokenOwner<'a> {
    /// The session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: &'a UserId,
    /// Who issued them.
    pub provider: &'a ProviderName,
}

impl TokenVault {
    /// A vault that this cipher has the keys of.
    #[must_use]
    pub fn new(cipher: Arc<dyn TokenCipher>) -> Self {
        Self { cipher }
    }

    /// The cipher itself, for what is no token of a grant.
    #[must_use]
    pub fn cipher(&self) -> &dyn TokenCipher {
        &*self.cipher
    }

    /// The tokens as a store may keep them, all under the key that seals now.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub fn seal(
        &self,
        owner: TokenOwner<'_>,
        tokens: &OpenTokens,
    ) -> Result<SealedTokens, EntropyError> {
        let seal = |token: &ProviderToken, field| {
            let context = owner.place(field).context();
            self.cipher.seal(token.expose().as_bytes(), &context)
        };
        loop {
            let access = seal(&tokens.access, TokenField::Access)?;
            let refresh = tokens.refresh.as_ref();
            let refresh = refresh
                .map(|token| seal(token, TokenField::Refresh))
                .transpose()?;
            let id = tokens
                .id
                .as_ref()
                .map(|token| seal(token, TokenField::Id))
                .transpose()?;
            // The ring may be replaced in the middle, and one key is named for all of them.
            let is_same =
                |other: &Option<Sealed>| other.as_ref().is_none_or(|other| other.key == access.key);
            if is_same(&refresh) && is_same(&id) {
                return Ok(SealedTokens {
                    key: access.key,
                    access: access.bytes,
                    refresh: refresh.map(|sealed| sealed.bytes),
                    id: id.map(|sealed| sealed.bytes),
                });
            }
        }
    }

    /// One of a grant's tokens; `None` if it has none of the kind.
    ///
    /// # Errors
    /// [`OpenError`]: the grant stays as it is, and may be opened when the key is back.
    pub fn open(
        &self,
        grant: &Grant,
        field: TokenField,
    ) -> Result<Option<ProviderToken>, OpenError> {
        let Some(sealed) = grant.tokens.get(field) else {
            return Ok(None);
        };
        let place = TokenOwner::of(grant).place(field);
        let plain: Zeroizing<Vec<u8>> = self.cipher.open(&sealed, &place.context())?;
        // What was sealed was a token: anything else was put there by somebody else.
        let text = std::str::from_utf8(&plain).map_err(|_| OpenError::Altered)?;
        let token = ProviderToken::new("token", text).map_err(|_| OpenError::Altered)?;
        Ok(Some(token))
    }

    /// All of a grant's tokens.
    ///
    /// # Errors
    /// [`OpenError`]: the grant stays as it is, and may be opened when the key is back.
    pub fn open_all(&self, grant: &Grant) -> Result<OpenTokens, OpenError> {
        Ok(OpenTokens {
            access: self
                .open(grant, TokenField::Access)?
                .ok_or(OpenError::Altered)?,
            refresh: self.open(grant, TokenField::Refresh)?,
            id: self.open(grant, TokenField::Id)?,
        })
    }

    /// The key that seals now.
    #[must_use]
    pub fn sealing_key(&self) -> CipherKeyId {
        self.cipher.sealing_key()
    }
}

impl<'a> TokenOwner<'a> {
    /// Whose tokens a grant holds.
    #[must_use]
    pub fn of(grant: &'a Grant) -> Self {
        Self {
            session_id: grant.session_id,
            user_id: &grant.user_id,
            provider: &grant.provider,
        }
    }

    const fn place(self, field: TokenField) -> TokenPlace<'a> {
        TokenPlace {
            session_id: self.session_id,
            user_id: self.user_id,
            provider: self.provider,
            field,
        }
    }
}

impl fmt::Debug for TokenVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVault").finish_non_exhaustive()
    }
}

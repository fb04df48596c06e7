use std::fmt;
use std::sync::Arc;

use session_core::ProviderName;
use session_core::ports::{Clock, Entropy, LoginProvider, OneTimeMarks};

use super::ProviderLoginPolicy;
use crate::ending::Cleaned;
use crate::{LoginService, Provider, SessionError, TokenManager};

/// Marks that one call of the store forgets at most.
const BATCH: usize = 1000;

/// Lets people in whom an outside provider vouches for, and ends their sessions when it says so.
pub struct ProviderLogins {
    pub(crate) logins: Arc<LoginService>,
    pub(crate) tokens: Arc<TokenManager>,
    pub(crate) marks: Arc<dyn OneTimeMarks>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) policy: ProviderLoginPolicy,
}

impl ProviderLogins {
    /// What they go by.
    #[must_use]
    pub const fn policy(&self) -> &ProviderLoginPolicy {
        &self.policy
    }

    /// Whether there is a provider to sign in with.
    #[must_use]
    pub fn are_possible(&self) -> bool {
        let mut providers = self.tokens.providers.iter();
        providers.any(|provider| provider.login.is_some())
    }

    /// The provider of a name, if users can sign in with it.
    pub(super) fn provider(&self, name: &ProviderName) -> Option<(&Provider, &dyn LoginProvider)> {
        let provider = self.tokens.providers.get(name)?;
        Some((provider, &**provider.login.as_ref()?))
    }

    /// Forgets uses of what is good once and has expired, one batch.
    ///
    /// # Errors
    /// `Store`.
    pub(crate) async fn forget_marks(&self) -> Result<Cleaned, SessionError> {
        let forgotten = self.marks.forget_marks(self.clock.now(), BATCH).await?;
        Ok(Cleaned {
            removed: forgotten.count,
            more: forgotten.more,
        })
    }
}

impl fmt::Debug for ProviderLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderLogins")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

use std::fmt;

use session_core::ProviderName;

use super::ProviderLogins;
use super::binding::{Binding, login_tag};
use super::error::ProviderLoginError;
use crate::Origin;

/// A login that was begun.
pub struct LoginStart {
    /// Where to send the user.
    pub url: String,
    /// What the user's browser is to keep for ten minutes, out of reach of scripts, and to bring along
    /// with the provider's answer.
    pub binding: String,
    /// Which login of that browser it is; see [`login_tag`](crate::login_tag).
    pub tag: String,
}

impl ProviderLogins {
    /// Begins a login: draws state, nonce and code verifier (RFC 9700 §2.1), and says where to send the
    /// user. Stores nothing.
    ///
    /// # Errors
    /// [`ProviderLoginError::UnknownProvider`], [`ReturnRefused`](ProviderLoginError::ReturnRefused),
    /// [`ProviderAway`](ProviderLoginError::ProviderAway),
    /// [`NoPublicUrl`](ProviderLoginError::NoPublicUrl); [`SessionError::RateLimited`] for the address;
    /// `Entropy`; `Store`.
    ///
    /// [`SessionError::RateLimited`]: crate::SessionError::RateLimited
    pub async fn start(
        &self,
        provider: &ProviderName,
        return_to: Option<&str>,
        origin: &Origin<'_>,
    ) -> Result<LoginStart, ProviderLoginError> {
        let (_, login) = self
            .provider(provider)
            .ok_or(ProviderLoginError::UnknownProvider)?;
        let public_url = self.policy.public_url.as_ref();
        let public_url = public_url.ok_or(ProviderLoginError::NoPublicUrl)?;
        let return_to = match return_to {
            Some(wanted) => {
                let admitted = self.policy.return_paths.admit(wanted);
                Some(admitted.ok_or(ProviderLoginError::ReturnRefused)?)
            }
            None => None,
        };
        self.logins.admit_address(origin).await?;
        let binding = Binding::draw(
            provider.clone(),
            public_url.redirect_uri().into(),
            return_to,
            self.clock.now(),
            &*self.entropy,
        )?;
        let url = login.authorization_url(&binding.request()).await;
        Ok(LoginStart {
            url: url.map_err(ProviderLoginError::away)?,
            binding: binding.seal(self.tokens.vault.cipher())?,
            tag: login_tag(&binding.state),
        })
    }
}

/// Shows no secret.
impl fmt::Debug for LoginStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginStart")
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

use std::sync::Arc;
use std::time::Duration;

use session_core::UserId;
use session_core::ports::{
    AccessTokenSigner, AuditLog, ChangeFeed, Clock, Entropy, EntropyError, GrantStore,
    OneTimeMarks, PasswordHasher, RateLimiter, RevocationList, SessionStore, TokenCipher,
    UserDirectory,
};

use crate::account_service::AccountService;
use crate::audit_trail::{AuditPolicy, AuditTrail};
use crate::change_follower::ChangeFollower;
use crate::ending::Cleaned;
use crate::revocation_service::{RevocationPolicy, RevocationService};
use crate::security_policy::SecurityPolicy;
use crate::security_service::SecurityService;
use crate::upstream::Flights;
use crate::{
    AccessTokens, LoginPolicy, LoginService, ProviderLoginPolicy, ProviderLogins, Providers,
    SessionError, SessionManager, SessionPolicy, TokenManager, TokenPolicy, TokenVault,
};

/// How long closing waits for providers that have been asked for tokens.
const LAST_RENEWALS: Duration = Duration::from_secs(8);

/// Where everything is kept.
#[derive(Clone)]
pub struct Stores {
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Revocations.
    pub revocations: Arc<dyn RevocationList>,
    /// What is counted under the rate limits.
    pub rates: Arc<dyn RateLimiter>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// Accounts.
    pub accounts: Arc<dyn UserDirectory>,
    /// Tokens of outside providers.
    pub grants: Arc<dyn GrantStore>,
    /// What was used that is good once.
    pub marks: Arc<dyn OneTimeMarks>,
    /// What other processes change, where the stores are not this process' own.
    pub changes: Option<Arc<dyn ChangeFeed>>,
}

impl Stores {
    /// Everything in one store.
    #[must_use]
    pub fn all_in<S>(store: Arc<S>) -> Self
    where
        S: SessionStore
            + RevocationList
            + RateLimiter
            + AuditLog
            + UserDirectory
            + GrantStore
            + OneTimeMarks
            + 'static,
    {
        Self {
            sessions: Arc::clone(&store) as _,
            revocations: Arc::clone(&store) as _,
            rates: Arc::clone(&store) as _,
            audit: Arc::clone(&store) as _,
            accounts: Arc::clone(&store) as _,
            grants: Arc::clone(&store) as _,
            marks: store,
            changes: None,
        }
    }

    /// The same, heard of through a feed: for stores that several processes share.
    #[must_use]
    pub fn told_by(self, changes: Arc<dyn ChangeFeed>) -> Self {
        Self {
            changes: Some(changes),
            ..self
        }
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// What everything needs besides the stores.
#[derive(Clone)]
pub struct Ports {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub entropy: Arc<dyn Entropy>,
    /// What hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// What signs access tokens.
    pub signer: Arc<dyn AccessTokenSigner>,
    /// What encrypts the tokens of providers.
    pub cipher: Arc<dyn TokenCipher>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The numbers that everything goes by.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Of sessions.
    pub session: SessionPolicy,
    /// Of the guards.
    pub security: SecurityPolicy,
    /// Of revocations.
    pub revocation: RevocationPolicy,
    /// Of the audit log.
    pub audit: AuditPolicy,
    /// Of logins.
    pub login: LoginPolicy,
    /// Of providers' tokens.
    pub tokens: TokenPolicy,
    /// Of logins with providers.
    pub provider_logins: ProviderLoginPolicy,
}

/// Counts over one user; see [`Services::user_counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCounts {
    /// Live sessions.
    pub active: u64,
    /// Sessions that were begun, as far back as the audit log reaches.
    pub created: u64,
    /// Sessions and tokens that are refused before they expire.
    pub revoked: u64,
}

/// All use cases, over the same stores and the same clock.
#[derive(Debug, Clone)]
pub struct Services {
    /// Sessions.
    pub sessions: Arc<SessionManager>,
    /// Taking trust back.
    pub revocations: Arc<RevocationService>,
    /// Rate limits, signs of misuse, what happened.
    pub security: Arc<SecurityService>,
    /// The way to the audit log.
    pub audit: Arc<AuditTrail>,
    /// Access tokens.
    pub access_tokens: Arc<AccessTokens>,
    /// Signing in, and staying so.
    pub logins: Arc<LoginService>,
    /// Who may sign in.
    pub accounts: Arc<AccountService>,
    /// The tokens of outside providers.
    pub tokens: Arc<TokenManager>,
    /// Signing in with an outside provider.
    pub provider_logins: Arc<ProviderLogins>,
    /// `None` where there is nothing to hear, or no cache to tell.
    pub(crate) following: Option<Following>,
}

/// A feed, and who is to follow it.
#[derive(Clone)]
pub(crate) struct Following {
    pub(crate) feed: Arc<dyn ChangeFeed>,
    pub(crate) follower: Arc<ChangeFollower>,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}

impl Services {
    /// Puts the use cases together and starts writing the audit log. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub fn start(
        stores: Stores,
        ports: Ports,
        providers: Providers,
        policies: Policies,
    ) -> Result<Self, EntropyError> {
        let (clock, entropy) = (|| Arc::clone(&ports.clock), || Arc::clone(&ports.entropy));
        let log = Arc::clone(&stores.audit);
        let audit = AuditTrail::start(log, clock(), &*ports.entropy, policies.audit)?;
        let audit = Arc::new(audit);
        let sessions = SessionManager::new(stores.sessions, clock(), entropy(), policies.session)
            .guarded(policies.security.risk, policies.security.enforcement)
            .audited(Arc::clone(&audit));
        let sessions = Arc::new(sessions);
        let revocations = Arc::new(RevocationService::new(
            Arc::clone(&sessions),
            stores.revocations,
            Arc::clone(&audit),
            clock(),
            entropy(),
            policies.revocation,
        ));
        let following = match (stores.changes, sessions.vouching()) {
            (Some(feed), Some(vouching)) => Some(Following {
                feed,
                follower: Arc::new(ChangeFollower {
                    sessions: Arc::clone(&sessions),
                    revocations: Arc::clone(&revocations),
                    vouching: Arc::clone(vouching),
                    clock: clock(),
                }),
            }),
            _ => None,
        };
        let security = Arc::new(SecurityService::new(
            Arc::clone(&sessions),
            stores.rates,
            stores.audit,
            Arc::clone(&audit),
            clock(),
            entropy(),
            policies.security,
        ));
        let tokens = Arc::new(TokenManager {
            sessions: Arc::clone(&sessions),
            revocations: Arc::clone(&revocations),
            grants: stores.grants,
            vault: TokenVault::new(ports.cipher),
            providers,
            audit: Arc::clone(&audit),
            clock: clock(),
            entropy: entropy(),
            policy: policies.tokens,
            flights: Flights::new(),
        });
        let access_tokens = Arc::new(AccessTokens::new(
            ports.signer,
            Arc::clone(&sessions),
            Arc::clone(&revocations),
            Arc::clone(&ports.clock),
            Arc::clone(&ports.entropy),
            policies.login.access_token_lifetime,
        ));
        let logins = Arc::new(LoginService {
            sessions: Arc::clone(&sessions),
            revocations: Arc::clone(&revocations),
            security: Arc::clone(&security),
            accounts: stores.accounts,
            hasher: ports.passwords,
            access_tokens: Arc::clone(&access_tokens),
            audit: Arc::clone(&audit),
            policy: policies.login,
        });
        let provider_logins = ProviderLogins {
            logins: Arc::clone(&logins),
            tokens: Arc::clone(&tokens),
            marks: stores.marks,
            clock: clock(),
            entropy: entropy(),
            policy: policies.provider_logins,
        };
        let accounts = AccountService::new(Arc::clone(&logins), ports.clock, ports.entropy);
        Ok(Self {
            sessions,
            revocations,
            security,
            audit,
            access_tokens,
            logins,
            accounts: Arc::new(accounts),
            tokens,
            provider_logins: Arc::new(provider_logins),
            following,
        })
    }

    /// Counts over one user.
    ///
    /// # Errors
    /// `Store`.
    pub async fn user_counts(&self, user_id: &UserId) -> Result<UserCounts, SessionError> {
        Ok(UserCounts {
            active: self.sessions.count(user_id).await?,
            created: self.security.count_created(user_id).await?,
            revoked: self.revocations.count(user_id).await?,
        })
    }

    /// Notes and forgets what has had its time, one batch of each kind.
    ///
    /// # Errors
    /// `Store`.
    pub async fn clean_some(&self) -> Result<Cleaned, SessionError> {
        let mut done = self.sessions.sweep().await?;
        for step in [
            self.revocations.forget_expired().await?,
            self.security.forget_expired().await?,
            self.tokens.forget_records().await?,
            self.provider_logins.forget_marks().await?,
        ] {
            done.removed += step.removed;
            done.more |= step.more;
        }
        Ok(done)
    }

    /// The same until there is nothing left to do; how many records it was about.
    ///
    /// # Errors
    /// `Store`.
    pub async fn clean(&self) -> Result<u64, SessionError> {
        let mut removed = 0;
        loop {
            let step = self.clean_some().await?;
            removed += step.removed;
            if !step.more {
                return Ok(removed);
            }
            // An answer from memory never waits, and would keep the thread.
            tokio::task::yield_now().await;
        }
    }

    /// Writes down what is still in memory and closes the stores. Afterwards every call fails.
    ///
    /// # Errors
    /// `Store` when activity could not be written; the stores are closed all the same.
    pub async fn close(&self) -> Result<(), SessionError> {
        self.tokens.settle(LAST_RENEWALS).await;
        self.audit.close().await;
        self.sessions.close().await
    }
}

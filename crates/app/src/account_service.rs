use std::sync::Arc;

use serde_json::{Map, Value};
use session_core::ports::{
    AccountChange, Addition, ChangeOutcome, Clock, Entropy, PasswordHasher, PasswordMatch,
    UserDirectory,
};
use session_core::{
    Account, AccountId, AuditAction, AuditEvent, ClientDetails, Email, EndReason, Metadata, Page,
    PageRequest, Password, PasswordPolicy, Session, rate_subject,
};

use crate::audit_trail::AuditTrail;
use crate::login_service::Subjects;
use crate::session_manager::UPDATE_TRIES;
use crate::terms::NewSession;
use crate::{
    AccountError, LoginService, Origin, RevocationService, SecurityService, SessionError, SignedIn,
};

/// The rate limit of registrations from one address.
const REGISTRATION: &str = "registration";

/// Who may sign in, and with which password.
pub struct AccountService {
    accounts: Arc<dyn UserDirectory>,
    hasher: Arc<dyn PasswordHasher>,
    logins: Arc<LoginService>,
    revocations: Arc<RevocationService>,
    security: Arc<SecurityService>,
    audit: Arc<AuditTrail>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passwords: PasswordPolicy,
}

/// What to change about an account; what is `None` stays.
#[derive(Debug, Default)]
pub struct AccountEdit {
    /// Another password.
    pub password: Option<Password>,
    /// Members of the metadata (role, permissions, what else its sessions begin with): each is replaced
    /// whole, `null` removes it, and what is not named stays.
    pub metadata: Option<Map<String, Value>>,
    /// Whether nobody may sign in with it.
    pub is_disabled: Option<bool>,
}

impl AccountService {
    /// A service over these ports and services.
    #[must_use]
    pub fn new(
        logins: Arc<LoginService>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            accounts: Arc::clone(&logins.accounts),
            hasher: Arc::clone(&logins.hasher),
            revocations: Arc::clone(&logins.revocations),
            security: Arc::clone(&logins.security),
            audit: Arc::clone(&logins.audit),
            passwords: logins.policy.passwords,
            logins,
            clock,
            entropy,
        }
    }

    /// Which passwords may be set.
    #[must_use]
    pub const fn password_policy(&self) -> &PasswordPolicy {
        &self.passwords
    }

    /// As [`Self::add`], for somebody unknown: held to the rate limit `registration` by address.
    ///
    /// # Errors
    /// As [`Self::add`]; [`SessionError::RateLimited`].
    pub async fn register(
        &self,
        email: Email,
        password: &Password,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, AccountError> {
        // Before anything costs something: a bad password is told at once.
        self.passwords.check(password, &email)?;
        let subject = origin.ip_address.map(rate_subject);
        let subject = subject.map_or_else(String::new, |address| address.to_string());
        self.security
            .check_rate_limit(REGISTRATION, &[&subject], None, origin)
            .await?;
        self.add(email, password, Metadata::default(), origin).await
    }

    /// A new account.
    ///
    /// # Errors
    /// [`InvalidInput`](session_core::InvalidInput) for a password that may not be set;
    /// [`AccountError::EmailTaken`]; `Hash`; `Entropy`; `Store`.
    pub async fn add(
        &self,
        email: Email,
        password: &Password,
        metadata: Metadata,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, AccountError> {
        self.passwords.check(password, &email)?;
        let password_hash = self.hasher.hash(password).await?;
        let now = self.clock.now();
        let mut tail = [0; 10];
        self.entropy.fill(&mut tail)?;
        let account = Account {
            id: AccountId::at(now, tail),
            email,
            password_hash,
            metadata,
            is_disabled: false,
            version: 1,
            created_at: now,
            password_set_at: now,
        };
        match self.accounts.add_account(account).await? {
            Addition::Added(account) => {
                self.record(AuditAction::UserRegistered, &account, "", origin)
                    .await;
                Ok(account)
            }
            Addition::EmailTaken => Err(AccountError::EmailTaken),
        }
    }

    /// Replaces the password of the user of `session`, who must know the present one. All of the user's
    /// sessions end, this one too, and a new one begins in its place: whatever was stolen is worth
    /// nothing any more.
    ///
    /// # Errors
    /// [`AccountError::NoSuchAccount`] for a user of another system; [`AccountError::Refused`] when the
    /// present password is wrong or was tried too often;
    /// [`InvalidInput`](session_core::InvalidInput) for the new one; `Hash`; `Store`.
    pub async fn change_password(
        &self,
        session: &Session,
        current: &Password,
        new: &Password,
        client: ClientDetails,
        origin: &Origin<'_>,
    ) -> Result<SignedIn, AccountError> {
        let account = self.logins.account_of(&session.user_id).await?;
        let account = account.ok_or(AccountError::NoSuchAccount)?;
        self.passwords.check(new, &account.email)?;
        // Whoever took over a session must not find the password out by trying.
        let subjects = Subjects::of_user(&session.user_id);
        let user_id = Some(account.id.user_id());
        let hash = Some(&account.password_hash);
        let counting = self
            .logins
            .is_throttled(&subjects, user_id.as_ref(), origin);
        let (throttled, matched) = self.logins.check(current, hash, counting).await?;
        let account = if throttled {
            Err("throttled")
        } else if account.is_disabled {
            Err("disabled")
        } else if matched != PasswordMatch::No {
            Ok(self.replace_password(&account, new, origin).await?)
        } else if self.hasher.verify(new, hash).await? != PasswordMatch::No {
            // It is the password already: an attempt that was cut off after the change is made again.
            Ok(account)
        } else {
            Err("wrong_password")
        };
        let account = match account {
            Ok(account) => account,
            Err(why) => {
                self.logins.record_failure(user_id, why, origin).await;
                return Err(AccountError::Refused);
            }
        };
        self.security.reset_rate_limits(&subjects.counted()).await?;
        let reason = EndReason::PASSWORD_CHANGED;
        self.revocations
            .revoke_user(&session.user_id, None, reason, origin)
            .await?;
        let new = NewSession {
            lifetime: self.logins.lifetime(session.remember_me),
            remember_me: session.remember_me,
            metadata: account.metadata.clone(),
            client,
            ..NewSession::of(account.id.user_id())
        };
        self.logins.begin(&account, new, origin).await
    }

    async fn replace_password(
        &self,
        account: &Account,
        new: &Password,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, AccountError> {
        let change = AccountChange {
            password: Some((self.hasher.hash(new).await?, self.clock.now())),
            ..AccountChange::default()
        };
        let outcome = self
            .accounts
            .change_account(account.id, account.version, change)
            .await?;
        match outcome {
            ChangeOutcome::Changed(account) => {
                self.record(AuditAction::PasswordChanged, &account, "", origin)
                    .await;
                Ok(account)
            }
            // Somebody changed the account meanwhile, its password perhaps: what was checked is old.
            ChangeOutcome::VersionConflict => Err(SessionError::Contended.into()),
            ChangeOutcome::NotFound => Err(AccountError::NoSuchAccount),
        }
    }

    /// Changes an account. What ends its sessions (another password, rights that are set, that it is
    /// disabled) ends all of them.
    ///
    /// # Errors
    /// [`AccountError::NoSuchAccount`]; [`InvalidInput`](session_core::InvalidInput) for the password or
    /// the metadata; `Hash`; `Store`, and then the change may be made and sessions be live: try again.
    pub async fn edit(
        &self,
        id: AccountId,
        edit: AccountEdit,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, AccountError> {
        let before = self.find(id).await?;
        let password = match &edit.password {
            Some(password) => {
                self.passwords.check(password, &before.email)?;
                Some((self.hasher.hash(password).await?, self.clock.now()))
            }
            None => None,
        };
        let change = AccountChange {
            password,
            rehashed: None,
            metadata: None,
            is_disabled: edit.is_disabled,
        };
        let rights = edit.metadata.as_ref();
        let (before, account) = self.change(before, &change, rights).await?;
        let rights_changed = before.metadata != account.metadata;
        let reason = if account.is_disabled {
            Some(EndReason::ACCOUNT_DISABLED)
        } else if change.password.is_some() {
            Some(EndReason::PASSWORD_CHANGED)
        } else if rights.is_some() {
            // Also where they are the same as before: an attempt that was cut off after the change, and
            // is made again, must not leave the sessions of the old rights live.
            Some(EndReason::ROLE_CHANGED)
        } else {
            None
        };
        if change.password.is_some() {
            self.record(AuditAction::PasswordChanged, &account, "", origin)
                .await;
        }
        if before.is_disabled != account.is_disabled {
            let what = if account.is_disabled {
                "account disabled"
            } else {
                "account enabled"
            };
            self.record(AuditAction::UserUpdated, &account, what, origin)
                .await;
        }
        if rights_changed {
            self.record(AuditAction::UserUpdated, &account, "rights changed", origin)
                .await;
        }
        if let Some(reason) = reason {
            self.revocations
                .revoke_user(&id.user_id(), None, reason, origin)
                .await?;
        }
        Ok(account)
    }

    /// Forgets an account and ends its sessions.
    ///
    /// # Errors
    /// [`AccountError::NoSuchAccount`], and the sessions that were left of it are ended all the same;
    /// `Store`, and then the account may be gone and sessions be live: try again.
    pub async fn remove(&self, id: AccountId, origin: &Origin<'_>) -> Result<(), AccountError> {
        let is_mine = self.accounts.remove_account(id).await?;
        if is_mine {
            let event = AuditEvent {
                user_id: Some(id.user_id()),
                details: "account deleted".into(),
                ..self.audit.event(AuditAction::UserUpdated, origin)
            };
            self.audit.record(event).await;
        }
        // Also where it is gone: an attempt that was cut off after that is made again.
        let reason = EndReason::ACCOUNT_DELETED;
        self.revocations
            .revoke_user(&id.user_id(), None, reason, origin)
            .await?;
        if is_mine {
            Ok(())
        } else {
            Err(AccountError::NoSuchAccount)
        }
    }

    /// An account.
    ///
    /// # Errors
    /// [`AccountError::NoSuchAccount`]; `Store`.
    pub async fn find(&self, id: AccountId) -> Result<Arc<Account>, AccountError> {
        let account = self.accounts.find_account(id).await?;
        account.ok_or(AccountError::NoSuchAccount)
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`AccountError::NoSuchAccount`]; `Store`.
    pub async fn find_by_email(&self, email: &Email) -> Result<Arc<Account>, AccountError> {
        let account = self.accounts.find_account_by_email(email).await?;
        account.ok_or(AccountError::NoSuchAccount)
    }

    /// A page of all accounts, newest first.
    ///
    /// # Errors
    /// `Store`.
    pub async fn list(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, AccountError> {
        Ok(self.accounts.list_accounts(page).await?)
    }

    /// The account before and after a change that holds whatever others do meanwhile: `rights` go onto
    /// the metadata as it is at that moment, so that changes of different members both hold.
    async fn change(
        &self,
        mut before: Arc<Account>,
        change: &AccountChange,
        rights: Option<&Map<String, Value>>,
    ) -> Result<(Arc<Account>, Arc<Account>), AccountError> {
        for _ in 0..UPDATE_TRIES {
            let (id, version) = (before.id, before.version);
            let metadata = rights.map(|rights| before.metadata.merged(rights));
            let change = AccountChange {
                metadata: metadata.transpose()?,
                ..change.clone()
            };
            match self.accounts.change_account(id, version, change).await? {
                ChangeOutcome::Changed(after) => return Ok((before, after)),
                ChangeOutcome::VersionConflict => before = self.find(id).await?,
                ChangeOutcome::NotFound => return Err(AccountError::NoSuchAccount),
            }
        }
        Err(SessionError::Contended.into())
    }

    async fn record(
        &self,
        action: AuditAction,
        account: &Account,
        details: &str,
        origin: &Origin<'_>,
    ) {
        let event = AuditEvent {
            user_id: Some(account.id.user_id()),
            details: details.into(),
            ..self.audit.event(action, origin)
        };
        self.audit.record(event).await;
    }
}

impl std::fmt::Debug for AccountService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountService")
            .field("passwords", &self.passwords)
            .finish_non_exhaustive()
    }
}
